//! `weipay quickstart`: the first thing that a new user runs.

use std::process::Command;

use crate::serving::WEIPAY;

#[test]
fn six_styles_are_shown_beside_six_verified_answers_plain_in_a_pipe() {
    let output = Command::new(WEIPAY).arg("quickstart").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches(r#"{"wechatpay_disassociate_time":""#).count(), 6, "{text}");
    assert_eq!(text.matches("verified with PUB_KEY_ID_").count(), 6, "{text}");
    for line in [
        "client.v3().marketing().busifavor().coupons().disassociate().post(request).await\n",
        "client.chain(\"v3/marketing/busifavor/coupons/disassociate\").post(request).await\n",
        "client[\"v3/marketing/busifavor/coupons/disassociate\"].post(request).await\n",
        "client.v3().marketing().busifavor().coupons().disassociate().post(request)\n",
        "client.chain(\"v3/marketing/busifavor/coupons/disassociate\").post(request)\n",
        "client[\"v3/marketing/busifavor/coupons/disassociate\"].post(request)\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour in a pipe");
}

#[test]
fn it_can_be_told_twice_on_the_same_data() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = Command::new(WEIPAY).args(["quickstart", "--data"]).arg(data.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
