//! Pictures that the platform makes (图片生成): a task is given, and told of when it is done.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::notifications::{self, Address};
use super::{Owner, once, refusals};
use crate::contract::ValidRequest;
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::store::{Announcement, Due, Record, Transaction, joined};

pub(super) fn create_task(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    once(tx, context, ("product coupon picture", "task_id"), |owner| {
        Ok(create(owner, context.request, context.now))
    })
}

pub(super) fn query_task(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let key = joined(&Owner::read(context).key(), context.request.path("task_id"));
    let found: Option<Task> = tx.get(&key)?;
    let kind = context.request.query("image_generation_type");
    let task = found.filter(|task| Some(&*task.kind) == kind).ok_or_else(refusals::no_such_task)?;
    Ok(task.describe())
}

/// Scheduled work: a task is done.
pub(super) const DONE: &str = "product coupon picture is made";

pub(super) fn finish_task(tx: &Transaction<'_>, key: &str, now: i64) -> Result<(), HandlerError> {
    let Some(task) = tx.get::<Task>(key)? else { return Ok(()) };
    let address = notifications::find(tx, &task.owner.mchid)?;
    let (task, announcement) = finish(task, address, now);
    tx.save(&task)?;
    if let Some(announcement) = announcement {
        tx.announce(&announcement)?;
    }
    Ok(())
}

/// INFERRED(product-coupon-pictures): a task takes two seconds and succeeds, and its picture has an address that shows nothing.
const TAKES: i64 = 2;
const PICTURE: &str = "https://wxpaylogo.qpic.cn/wxpaylogo/example.jpg";

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    id: String,
    owner: Owner,
    /// `image_generation_type`.
    kind: String,
    is_done: bool,
}

fn create(owner: Owner, request: &ValidRequest, now: i64) -> Decided<Task> {
    let kind = request.required("image_generation_type");
    let member = match kind {
        "COMBINE_IMAGE" => "combine_image",
        "CUT_OUT" => "cut_out",
        _ => return Err(refusals::parameters("image_generation_type is COMBINE_IMAGE or CUT_OUT")),
    };
    if !request.body.get(member).is_some_and(Value::is_object) {
        return Err(refusals::parameters(format!("this image_generation_type needs {member}")));
    }
    let id = request.required("task_id").to_owned();
    let response = json!({ "task_id": id, "brand_id": owner.brand_id });
    let task = Task { id, owner, kind: kind.to_owned(), is_done: false };
    let due = vec![Due { kind: DONE.to_owned(), key: task.key(), at: now + TAKES }];
    Ok(Decision { due, ..Decision::new(task, response) })
}

fn finish(task: Task, address: Option<Address>, now: i64) -> (Task, Option<Announcement>) {
    let task = Task { is_done: true, ..task };
    let announcement = address
        .map(|address| address.announcement("PRODUCT_COUPON_SP.IMAGE_GENERATION", now, task.describe()));
    (task, announcement)
}

impl Task {
    /// The response to 查询图片生成任务执行结果, and what the notification tells.
    fn describe(&self) -> Value {
        let mut shown = json!({
            "brand_id": self.owner.brand_id,
            "task_id": self.id,
            "image_generation_type": self.kind,
            "task_state": if self.is_done { "SUCCESS" } else { "PROCESSING" },
        });
        if self.is_done {
            let result = if self.kind == "CUT_OUT" { "cut_out_result" } else { "combine_image_result" };
            shown[result] = json!({ "image_url": PICTURE });
        }
        shown
    }
}

impl Record for Task {
    const KIND: &'static str = "product coupon picture";

    fn key(&self) -> String {
        joined(&self.owner.key(), &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::product_coupons::fixtures::{NOW, an_address, owner};

    fn request(kind: &str, member: &str) -> ValidRequest {
        let mut body = json!({ "task_id": "task-01", "image_generation_type": kind });
        body[member] = json!({});
        let Value::Object(body) = body else { unreachable!() };
        ValidRequest::from_body(body)
    }

    #[test]
    fn a_task_is_done_after_a_while_and_told_of() {
        let decision = create(owner(), &request("CUT_OUT", "cut_out"), NOW).unwrap();
        assert_eq!(decision.due[0].at, NOW + TAKES);
        let task = decision.changed;
        assert_eq!(task.describe()["task_state"], "PROCESSING");
        let (task, announcement) = finish(task, Some(an_address()), NOW + TAKES);
        let told = announcement.unwrap();
        assert_eq!(
            (told.event_type, &told.resource),
            ("PRODUCT_COUPON_SP.IMAGE_GENERATION", &task.describe())
        );
        assert_eq!(told.resource["cut_out_result"]["image_url"], PICTURE);
    }

    #[test]
    fn a_task_needs_what_its_type_needs() {
        assert!(create(owner(), &request("COMBINE_IMAGE", "cut_out"), NOW).is_err());
        assert!(create(owner(), &request("PAINT", "cut_out"), NOW).is_err());
    }
}
