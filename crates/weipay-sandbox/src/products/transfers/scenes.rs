//! For what a transfer is (转账场景): what is reported of it, and as what the person sees it.
//!
//! The texts are those of the product's page (v3/merchant/4012711988), as other projects copied them. The refusals were recorded
//! in 2025: <https://hey99.cn/shot/CSDN_155394294>. UNCONFIRMED(transfer-scenes): every scene from 1000 to 1099 is granted, and
//! of one that is not in the table any report and any perception is taken.

use serde_json::{Map, Value};

use super::refusals;
use crate::response::Refusal;

struct Scene {
    id: &'static str,
    /// Each `info_type` that its report must have.
    reports: &'static [&'static str],
    /// Each `user_recv_perception` that it may have.
    perceptions: &'static [&'static str],
}

const fn scene(
    id: &'static str,
    reports: &'static [&'static str],
    perceptions: &'static [&'static str],
) -> Scene {
    Scene { id, reports, perceptions }
}

const SCENES: [Scene; 8] = [
    scene("1000", &["活动名称", "奖励说明"], &["活动奖励", "现金奖励"]),
    scene("1002", &["补贴类型"], &["行政补贴", "行政奖励"]),
    scene("1004", &["保险产品备案编号", "保险名称", "保险操作单号"], &["保险理赔款"]),
    scene("1005", &["岗位类型", "报酬说明"], &["劳务报酬", "报销款", "企业补贴", "开工利是"]),
    scene("1009", &["采购商品名称"], &["货款"]),
    scene("1010", &["回收商品名称"], &["二手回收货款"]),
    scene("1011", &["赔付原因"], &["退款", "商家赔付"]),
    scene("1013", &["公益活动名称", "公益活动备案编号"], &["公益补助金"]),
];

fn find(id: &str) -> Option<&'static Scene> {
    SCENES.iter().find(|scene| scene.id == id)
}

/// Checks the scene of a transfer or an authorization, and how the person is to see it.
pub(super) fn check_scene(body: &Map<String, Value>) -> Result<(), Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = text("transfer_scene_id");
    if id.len() != 4 || !id.starts_with("10") || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refusals::no_scene());
    }
    // An empty text is no text: SDKs send it where nothing was set.
    let perception = text("user_recv_perception");
    match find(id) {
        Some(scene) if !perception.is_empty() && !scene.perceptions.contains(&perception) => {
            Err(refusals::other_perception(id, scene.perceptions))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_report(body: &Map<String, Value>) -> Result<(), Refusal> {
    let infos = body.get("transfer_scene_report_infos").and_then(Value::as_array);
    let types: Vec<&str> =
        infos.into_iter().flatten().filter_map(|info| info.get("info_type")?.as_str()).collect();
    if types.is_empty() {
        return Err(refusals::incomplete_report("transfer_scene_report_infos is empty"));
    }
    let scene = body.get("transfer_scene_id").and_then(Value::as_str).and_then(find);
    let missing =
        scene.and_then(|scene| Some((scene, scene.reports.iter().find(|wanted| !types.contains(wanted))?)));
    match missing {
        Some((Scene { id, .. }, missing)) => Err(refusals::incomplete_report(format!(
            "transfer_scene_report_infos of scene {id} must have an info_type {missing}"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_scene_is_reported_with_all_that_belongs_to_it() {
        let check = |scene: &str, types: &[&str]| {
            let infos: Vec<_> =
                types.iter().map(|kind| json!({ "info_type": kind, "info_content": "a" })).collect();
            check_report(&map(json!({ "transfer_scene_id": scene, "transfer_scene_report_infos": infos })))
                .is_ok()
        };
        assert!(check("1000", &["奖励说明", "活动名称"]));
        assert!(!check("1000", &["活动名称"]));
        assert!(!check("1005", &["活动名称", "奖励说明"]));
        assert!(!check("1013", &["公益活动名称"]));
        assert!(check("1009", &["采购商品名称"]));
        assert!(check("1006", &["报销项目"]));
        assert!(!check("1006", &[]));
    }

    #[test]
    fn a_person_sees_a_transfer_as_what_its_scene_has() {
        let message = |scene: &str, perception: Value| {
            let body = map(json!({ "transfer_scene_id": scene, "user_recv_perception": perception }));
            check_scene(&body).err().map(|refusal| refusal.message.into_owned())
        };
        let other = || Some("暂不支持展示当前传入的用户收款感知".to_owned());
        let no_scene = || Some("你尚未获取该转账场景".to_owned());
        assert_eq!(message("1000", json!("现金奖励")), None);
        assert_eq!(message("1000", json!("")), None);
        assert_eq!(message("1000", Value::Null), None);
        assert_eq!(message("1000", json!("随便写")), other());
        assert_eq!(message("1005", json!("佣金报酬")), other());
        assert_eq!(message("1005", json!("开工利是")), None);
        assert_eq!(message("1006", json!("报销")), None);
        for id in ["9999", "100", "10000", "10ab", ""] {
            assert_eq!(message(id, Value::Null), no_scene(), "{id}");
        }
    }
}
