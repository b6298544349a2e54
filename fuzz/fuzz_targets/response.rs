//! Responses: a typed call of each version, with any status and any body. The first byte chooses.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weipay::blocking::Client;
use weipay::v3::marketing::busifavor::coupons::disassociate::post as disassociate;
use weipay::v3::pay::transactions::out_trade_no::out_trade_no::get as query;
use weipay::{Decode, Response};
use weipay_fuzz::{API_V2_KEY, API_V3_KEY, Answers, check_no_secret, settings};

static ANSWERS: LazyLock<Answers> = LazyLock::new(Answers::default);
static CLIENT: LazyLock<Client> =
    LazyLock::new(|| settings().blocking_transport(ANSWERS.clone()).build_blocking().unwrap());

const STATUSES: [u16; 12] = [200, 200, 200, 200, 201, 202, 204, 400, 403, 404, 429, 500];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    ANSWERS.with(STATUSES[usize::from(*choice) / 4 % STATUSES.len()], body);
    match choice % 4 {
        0 => judge(
            CLIENT
                .v3()
                .pay()
                .transactions()
                .out_trade_no()
                .out_trade_no("order-1")
                .get(query::Request::new().mchid("1900000001")),
            body,
        ),
        1 => judge(
            CLIENT.v3().marketing().busifavor().coupons().disassociate().post(
                disassociate::Request::new()
                    .stock_id("1282070000000003")
                    .coupon_code("1201059453000011062474")
                    .out_trade_no("order-1")
                    .out_request_no("request-1"),
            ),
            body,
        ),
        2 => judge(CLIENT.chain("v3/pay/transactions/native").post(serde_json::json!({})), body),
        _ => judge(CLIENT.chain("pay/orderquery").post(serde_json::json!({"out_trade_no": "1"})), body),
    }
});

fn judge<T: Decode>(made: Result<Response<T>, weipay::Error>, input: &[u8]) {
    let shown = match made {
        Ok(response) => {
            let decoded = response.decode().is_ok();
            let _ = (response.decode_errors(), response.json(), decoded);
            format!("{response:?}")
        }
        Err(error) => {
            let _ = (error.may_have_taken_effect(), error.code(), error.body());
            format!("{error:#} {error:#?}")
        }
    };
    check_no_secret(&shown, input, &[API_V3_KEY, API_V2_KEY]);
}
