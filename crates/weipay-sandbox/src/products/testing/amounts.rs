//! Zero, negative and overflowing amounts are rejected by every operation that moves money or says how much will be
//! moved, except where the page allows zero.

use serde_json::{Value, json};

use super::world::{APPID, NOW, Sale, World, merchant, openid};
use crate::clock::{self, DAY};
use crate::ledger::AccountKind::{Available, Operation, Unsettled};
use crate::ledger::Owner;
use crate::merchants::Account;
use crate::products::contracts::contract_that_was_signed;
use crate::products::pay_score::confirm_service_order;
use crate::products::payments::person::PaymentRequest;
use crate::sandbox::Sandbox;

const SUB: &str = "1900000110";
const STORE: &str = "1900000111";

/// What is refused of an amount beside what is below 0, and what is not a whole number.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limits {
    /// Nothing (0), and what is too large to be counted with.
    Both,
    /// 0 is allowed.
    High,
    /// It is a limit, and may be of any size.
    Low,
    /// It may be zero, and of any size.
    Neither,
}
use Limits::{Both, High, Low, Neither};

struct Merchant<'a> {
    world: World<'a>,
    caller: Account,
}

impl<'a> Merchant<'a> {
    /// A merchant with money everywhere.
    fn new(sandbox: &'a Sandbox) -> Self {
        let mut world = World::with_merchants(&sandbox.platform().merchants);
        world.now = NOW;
        let mut caller = merchant(&sandbox.kit().mchid, &[]);
        caller.appids.push(sandbox.kit().appid.clone());
        for kind in [Available, Unsettled, Operation] {
            world.move_by_bank(&Owner::merchant(&*caller.mchid), kind, 1_000_000);
            world.move_by_bank(&Owner::merchant(SUB), kind, 1_000_000);
            world.move_by_bank(&Owner::merchant(STORE), kind, 1_000_000);
        }
        world.move_by_bank(&Owner::person(openid(0)), crate::ledger::AccountKind::Wallet, 1_000_000);
        Self { world, caller }
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> Result<Value, String> {
        let asked = match target.strip_prefix("/v2/") {
            Some(_) => self.world.ask_v2(&self.caller, &target[1..], body),
            None => self.world.ask(&self.caller, method, target, body),
        };
        asked.map_err(|refusal| format!("{} {}", refusal.code, refusal.message))
    }

    /// Asks with each wrong amount at these places, and then with the right one that stands there.
    #[track_caller]
    fn try_all(&self, method: &str, target: &str, body: &Value, places: &[(&str, Limits)]) -> Value {
        for (place, limits) in places {
            let mut wrong = vec![json!(-1), json!(i64::MIN), json!(u64::MAX), json!(1.5), json!("1")];
            if matches!(limits, Both | Low) {
                wrong.push(json!(0));
            }
            if matches!(limits, Both | High) {
                wrong.push(json!(i64::MAX));
            }
            // APIv2 has read its elements before.
            let is_v2 = target.starts_with("/v2/");
            for amount in wrong.into_iter().filter(|amount| !is_v2 || amount.is_i64()) {
                let mut body = body.clone();
                *body.pointer_mut(place).unwrap() = amount.clone();
                let before = self.state();
                let asked = self.ask(method, target, &body);
                assert!(asked.is_err(), "{target} {place} {amount}: {}", asked.unwrap());
                assert_eq!(self.state(), before, "{target} {place} {amount}");
            }
        }
        self.ask(method, target, body).unwrap_or_else(|refusal| panic!("{target}: {refusal}"))
    }

    fn state(&self) -> (i64, [i64; 3], [i64; 3]) {
        let kinds = [Available, Unsettled, Operation];
        (self.world.sum(), self.world.balances(&self.caller.mchid, kinds), self.world.balances(SUB, kinds))
    }

    fn sold(&self, number: &str, sub_mchid: Option<&str>, is_shared: bool) -> String {
        self.world.sell(&self.caller, &Sale { sub_mchid, number, fen: 10_000, is_shared, person: 0 })
    }
}

fn sandbox() -> Sandbox {
    Sandbox::builder().clock(clock::Clock::frozen(NOW).0).start().unwrap()
}

fn total(fen: i64) -> Value {
    json!({ "total": fen, "currency": "CNY" })
}

#[test]
fn orders() {
    let sandbox = sandbox();
    let merchant = Merchant::new(&sandbox);
    let own = |number: &str| {
        json!({
            "appid": APPID, "mchid": merchant.caller.mchid, "description": "茶", "out_trade_no": number,
            "notify_url": "https://example.com/n", "amount": total(100), "payer": { "openid": openid(0) },
        })
    };
    let scene = json!({ "payer_client_ip": "127.0.0.1", "h5_info": { "type": "Wap" } });
    let at = [("/amount/total", Both)];
    for kind in ["jsapi", "app", "h5", "native"] {
        let mut body = own(&format!("order-{kind}"));
        if kind != "jsapi" {
            body.as_object_mut().unwrap().remove("payer");
        }
        if kind == "h5" {
            body["scene_info"] = scene.clone();
        }
        merchant.try_all("POST", &format!("/v3/pay/transactions/{kind}"), &body, &at);
    }
    let code = json!({
        "appid": APPID, "mchid": merchant.caller.mchid, "description": "茶", "out_trade_no": "code-1", "amount": total(100),
        "payer": { "auth_code": "130000000000000001" }, "scene_info": { "store_info": { "id": "0001" } },
    });
    merchant.try_all("POST", "/v3/pay/transactions/codepay", &code, &at);
    let partner = json!({
        "sp_appid": APPID, "sp_mchid": merchant.caller.mchid, "sub_mchid": SUB, "description": "茶",
        "out_trade_no": "mini-1", "notify_url": "https://example.com/n", "amount": total(100),
        "payer": { "sp_openid": openid(0) },
    });
    merchant.try_all("POST", "/v3/pay/partner/transactions/miniprogram", &partner, &at);
    let part = |number: &str| {
        json!({
            "mchid": merchant.caller.mchid, "attach": "a", "out_trade_no": number, "description": "茶",
            "amount": { "total_amount": 100, "currency": "CNY" },
        })
    };
    let combined = json!({
        "combine_appid": sandbox.kit().appid, "combine_mchid": merchant.caller.mchid, "combine_out_trade_no": "combined-1",
        "sub_orders": [part("part-1"), part("part-2")], "notify_url": "https://example.com/n",
    });
    let at = [("/sub_orders/0/amount/total_amount", Both), ("/sub_orders/1/amount/total_amount", Both)];
    merchant.try_all("POST", "/v3/combine-transactions/native", &combined, &at);
    let by_v2 = json!({
        "appid": APPID, "body": "茶", "out_trade_no": "v2-1", "total_fee": 100, "trade_type": "NATIVE",
        "spbill_create_ip": "127.0.0.1", "notify_url": "https://example.com/n",
    });
    merchant.try_all("POST", "/v2/pay/unifiedorder", &by_v2, &[("/total_fee", Both)]);
    let mut by_code = by_v2.clone();
    (by_code["out_trade_no"], by_code["auth_code"]) = (json!("v2-2"), json!("130000000000000002"));
    merchant.try_all("POST", "/v2/pay/micropay", &by_code, &[("/total_fee", Both)]);
}

#[test]
fn refunds() {
    let sandbox = sandbox();
    let mut merchant = Merchant::new(&sandbox);
    merchant.sold("order-1", None, false);
    merchant.sold("order-2", Some(SUB), false);
    merchant.world.pass(60, false);
    let body = json!({
        "out_trade_no": "order-1", "out_refund_no": "refund-1",
        "amount": {
            "refund": 100, "total": 10_000, "currency": "CNY",
            "from": [{ "account": "AVAILABLE", "amount": 60 }, { "account": "UNAVAILABLE", "amount": 40 }],
        },
    });
    let at = [
        ("/amount/refund", Both),
        ("/amount/total", Both),
        ("/amount/from/0/amount", Both),
        ("/amount/from/1/amount", Both),
    ];
    merchant.try_all("POST", "/v3/refund/domestic/refunds", &body, &at);
    let body = json!({
        "sub_mchid": SUB, "sp_appid": APPID, "out_trade_no": "order-2", "out_refund_no": "refund-2",
        "amount": { "refund": 100, "total": 10_000, "currency": "CNY" },
    });
    merchant.try_all("POST", "/v3/ecommerce/refunds/apply", &body, &at[..2]);
    merchant.world.pass(120, false);
    let by_v2 = json!({
        "appid": APPID, "out_trade_no": "order-1", "out_refund_no": "refund-3", "total_fee": 10_000, "refund_fee": 100,
    });
    let at = [("/total_fee", Both), ("/refund_fee", Both)];
    merchant.try_all("POST", "/v2/secapi/pay/refund", &by_v2, &at);
}

#[test]
fn shares_and_what_is_given_back_of_them() {
    let sandbox = sandbox();
    let mut merchant = Merchant::new(&sandbox);
    let id = merchant.sold("order-1", Some(SUB), true);
    merchant.world.pass(60, false);
    for form in ["", "/ecommerce", "/brand"] {
        let mut receiver = json!({
            "appid": APPID, "type": "MERCHANT_ID", "account": STORE, "name": "店", "relation_type": "STORE",
        });
        let mut body = json!({
            "sub_mchid": SUB, "appid": APPID, "transaction_id": id, "out_order_no": format!("s{form}").replace('/', "-"),
        });
        let mut part = json!({ "type": "MERCHANT_ID", "amount": 100, "description": "分" });
        let account = if form == "/ecommerce" { "receiver_account" } else { "account" };
        part[account] = json!(STORE);
        body["receivers"] = json!([part]);
        match form {
            "" => {
                receiver["sub_mchid"] = json!(SUB);
                body["unfreeze_unsplit"] = json!(false);
            }
            "/brand" => {
                receiver["brand_mchid"] = json!(SUB);
                (body["brand_mchid"], body["finish"]) = (json!(SUB), json!(false));
            }
            _ => body["finish"] = json!(false),
        }
        merchant.ask("POST", &format!("/v3{form}/profitsharing/receivers/add"), &receiver).unwrap();
        let target = format!("/v3{form}/profitsharing/orders");
        merchant.try_all("POST", &target, &body, &[("/receivers/0/amount", Both)]);
        merchant.world.pass(10, false);
        let returns = if form.is_empty() { "return-orders" } else { "returnorders" };
        let back = json!({
            "sub_mchid": SUB, "out_order_no": body["out_order_no"], "out_return_no": format!("b{form}").replace('/', "-"),
            "return_mchid": STORE, "amount": 50, "description": "退",
        });
        let target = format!("/v3{form}/profitsharing/{returns}");
        merchant.try_all("POST", &target, &back, &[("/amount", Both)]);
    }
    let back = json!({
        "appid": APPID, "sub_mch_id": SUB, "out_order_no": "s", "out_return_no": "b2", "return_account_type": "MERCHANT_ID",
        "return_account": STORE, "return_amount": 10, "description": "退",
    });
    merchant.try_all("POST", "/v2/secapi/pay/profitsharingreturn", &back, &[("/return_amount", Both)]);
}

#[test]
fn what_platforms_pay_for_their_sub_merchants_and_take_of_them() {
    let sandbox = sandbox();
    let mut merchant = Merchant::new(&sandbox);
    let order = json!({
        "sp_appid": APPID, "sp_mchid": merchant.caller.mchid, "sub_mchid": SUB, "description": "茶", "out_trade_no": "order-1",
        "notify_url": "https://example.com/notify", "amount": { "total": 10_000 },
        "settle_info": { "profit_sharing": true, "subsidy_amount": 500 },
    });
    let target = "/v3/pay/partner/transactions/native";
    merchant.try_all("POST", target, &order, &[("/settle_info/subsidy_amount", Neither)]);
    let pays = PaymentRequest::new("order-1").by_person(openid(0));
    let id = merchant.world.pay(&merchant.caller.mchid, "order-1", &pays).unwrap().transaction_ids.remove(0);
    let refund = json!({
        "sub_mchid": SUB, "sp_appid": APPID, "transaction_id": id, "out_refund_no": "refund-1",
        "amount": { "refund": 100, "total": 10_000, "currency": "CNY" },
    });
    let refund = merchant.ask("POST", "/v3/ecommerce/refunds/apply", &refund).unwrap();
    merchant.world.pass(60, false);
    let mut body = json!({ "sub_mchid": SUB, "transaction_id": id, "amount": 100, "description": "补" });
    merchant.try_all("POST", "/v3/ecommerce/subsidies/create", &body, &[("/amount", Both)]);
    (body["refund_id"], body["out_order_no"]) = (refund["refund_id"].clone(), json!("r1"));
    body["from"] =
        json!([{ "account": "AVAILABLE", "amount": 60 }, { "account": "UNAVAILABLE", "amount": 40 }]);
    let at = [("/amount", Both), ("/from/0/amount", Both), ("/from/1/amount", Both)];
    merchant.try_all("POST", "/v3/ecommerce/subsidies/return", &body, &at);
    let fee = json!({
        "sub_mchid": SUB, "transaction_id": id, "amount": 100, "type": "SERVICE_FEE_INCOME",
        "scene": "RETURN_GOODS", "refund_id": refund["refund_id"],
    });
    merchant.try_all("POST", "/v3/ecommerce/profitsharing/after-sales-orders", &fee, &[("/amount", Both)]);
}

#[test]
fn transfers_payouts_and_withdrawals() {
    let sandbox = sandbox();
    let merchant = Merchant::new(&sandbox);
    let transfer = |number: &str| {
        json!({
            "appid": APPID, "out_bill_no": number, "openid": openid(0), "transfer_amount": 100, "transfer_remark": "a",
            "transfer_scene_id": "1009", "transfer_scene_report_infos": [{ "info_type": "采购商品名称", "info_content": "a" }],
        })
    };
    let at = [("/transfer_amount", Both)];
    let bills = "/v3/fund-app/mch-transfer/transfer-bills";
    merchant.try_all("POST", bills, &transfer("t1"), &at);
    let mut with = transfer("t2");
    with["authorization_info"] = json!({
        "user_display_name": "张", "out_authorization_no": "a1", "authorization_notify_url": "https://example.com/n",
    });
    merchant.try_all("POST", &format!("{bills}/pre-transfer-with-authorization"), &with, &at);
    // A detail of nothing fails, and the batch does not.
    let batch = |number: &str| {
        json!({
            "appid": APPID, "out_batch_no": number, "batch_name": "a", "batch_remark": "a", "total_amount": 100, "total_num": 1,
            "transfer_detail_list": [{
                "out_detail_no": "d1", "transfer_amount": 100, "transfer_remark": "a", "openid": openid(0),
            }],
        })
    };
    let at = [("/total_amount", Both), ("/transfer_detail_list/0/transfer_amount", Both)];
    merchant.try_all("POST", "/v3/transfer/batches", &batch("b1"), &at);
    let mut for_sub_merchant = batch("b2");
    for_sub_merchant.as_object_mut().unwrap().remove("appid");
    for (name, value) in
        [("sub_mchid", SUB), ("sp_appid", APPID), ("authorization_type", "FUND_AUTHORIZATION_TYPE")]
    {
        for_sub_merchant[name] = json!(value);
    }
    for_sub_merchant["transfer_detail_list"][0]["user_name"] = json!("张");
    merchant.try_all("POST", "/v3/partner-transfer/batches", &for_sub_merchant, &at);
    let recharge = json!({
        "out_recharge_no": "cz1", "recharge_scene": "NORMAL_BANK_TRANSFER", "account_type": "BASIC",
        "recharge_amount": { "amount": 100 },
    });
    let of_recharge = [("/recharge_amount/amount", Both)];
    merchant.try_all("POST", "/v3/recharge/bank-transfer-recharges/apply", &recharge, &of_recharge);
    let packet = json!({
        "wxappid": APPID, "mch_billno": "p1", "send_name": "茶", "re_openid": openid(0), "total_amount": 100, "total_num": 1,
        "wishing": "a", "client_ip": "127.0.0.1", "act_name": "a", "remark": "a",
    });
    let at = [("/total_amount", Both), ("/total_num", Both)];
    merchant.try_all("POST", "/v2/mmpaymkttransfers/sendredpack", &packet, &at);
    let to_wallet = json!({
        "mch_appid": APPID, "partner_trade_no": "w1", "openid": openid(0), "check_name": "NO_CHECK", "amount": 100, "desc": "a",
        "spbill_create_ip": "127.0.0.1",
    });
    merchant.try_all("POST", "/v2/mmpaymkttransfers/promotion/transfers", &to_wallet, &[("/amount", Both)]);
    let known = sandbox.platform().merchants.find(&merchant.caller.mchid).unwrap();
    let key = known.signers.encryption_keys().next().unwrap().public_key();
    let encrypted = |text: &str| key.encrypt_oaep(text.as_bytes()).unwrap();
    let to_bank = json!({
        "partner_trade_no": "payment1", "enc_bank_no": encrypted("6222021234567890"), "enc_true_name": encrypted("张三"),
        "bank_code": "1002", "amount": 100,
    });
    merchant.try_all("POST", "/v2/mmpaysptrans/pay_bank", &to_bank, &[("/amount", Both)]);
    let own = json!({ "out_request_no": "withdraw1", "amount": 100, "account_type": "BASIC" });
    merchant.try_all("POST", "/v3/merchant/fund/withdraw", &own, &[("/amount", Both)]);
    let of_sub =
        json!({ "sub_mchid": SUB, "out_request_no": "withdraw2", "amount": 100, "account_type": "BASIC" });
    merchant.try_all("POST", "/v3/ecommerce/fund/withdraw", &of_sub, &[("/amount", Both)]);
}

#[test]
fn contracts() {
    let sandbox = sandbox();
    let mut merchant = Merchant::new(&sandbox);
    let day = clock::rfc3339(clock::midnight(clock::day(NOW) + 2));
    let presign = json!({
        "appid": APPID, "plan_id": 12535, "out_contract_code": "c1", "contract_display_account": "a",
        "contract_notify_url": "https://example.com/n",
        "deduct_schedule": {
            "estimated_deduct_date": &day[..10], "estimated_deduct_amount": { "total": 100 }, "description": "a",
        },
    });
    let target = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app";
    let at = [("/deduct_schedule/estimated_deduct_amount/total", Both)];
    merchant.try_all("POST", target, &presign, &at);

    let mut plain = presign.clone();
    plain.as_object_mut().unwrap().remove("deduct_schedule");
    plain["out_contract_code"] = json!("c2");
    merchant.ask("POST", target, &plain).unwrap();
    let id = contract_that_was_signed(&merchant.world, &merchant.caller.mchid, "c2", &openid(0));
    let notice = json!({
        "mchid": merchant.caller.mchid, "appid": APPID, "deduct_duration": { "count": 3, "unit": "DAY" },
        "estimated_amount": { "amount": 100, "currency": "CNY" },
    });
    let target = format!("/v3/papay/contracts/{id}/notify");
    merchant.try_all("POST", &target, &notice, &[("/estimated_amount/amount", Both)]);
    let deduct = json!({
        "appid": APPID, "out_trade_no": "d1", "description": "会员", "transaction_notify_url": "https://example.com/n",
        "contract_id": id, "amount": { "total": 100 },
    });
    merchant.world.pass(2 * DAY, false);
    merchant.try_all("POST", "/v3/papay/pay/transactions/apply", &deduct, &[("/amount/total", Both)]);
    merchant.world.pass(10, false);
    // Each deduction needs a notice.
    merchant.ask("POST", &target, &notice).unwrap();
    merchant.world.pass(2 * DAY, false);
    let by_v2 = json!({
        "appid": APPID, "body": "会员", "out_trade_no": "d2", "total_fee": 100, "spbill_create_ip": "127.0.0.1",
        "notify_url": "https://example.com/n", "trade_type": "PAP", "contract_id": id,
    });
    merchant.try_all("POST", "/v2/pay/pappayapply", &by_v2, &[("/total_fee", Both)]);
    let with_contract = json!({
        "appid": APPID, "mchid": merchant.caller.mchid, "description": "茶", "out_trade_no": "with-1",
        "notify_url": "https://example.com/n", "amount": { "total": 100 }, "payer": { "openid": openid(1) },
        "contract_info": {
            "plan_id": "12535", "contract_mchid": merchant.caller.mchid, "contract_appid": APPID, "contract_code": "c3",
            "request_serial": "1", "contract_display_account": "a", "contract_notify_url": "https://example.com/n",
        },
    });
    let target = "/v3/pay/transactions/jsapi-with-contract";
    merchant.try_all("POST", target, &with_contract, &[("/amount/total", Both)]);
}

/// A service can cost nothing: then nothing is collected.
#[test]
fn service_orders() {
    let sandbox = sandbox();
    let merchant = Merchant::new(&sandbox);
    let service = "00002000000000000000000000000001";
    let create = json!({
        "out_order_no": "s1", "appid": APPID, "service_id": service, "service_introduction": "充电宝",
        "time_range": { "start_time": "OnAccept" }, "risk_fund": { "name": "DEPOSIT", "amount": 10_000 },
        "notify_url": "https://example.com/n",
        "post_payments": [{ "name": "租金", "amount": 100 }],
    });
    let at = [("/risk_fund/amount", High), ("/post_payments/0/amount", High)];
    let made = merchant.try_all("POST", "/v3/payscore/serviceorder", &create, &at);
    confirm_service_order(&merchant.world, made["order_id"].as_str().unwrap(), &openid(0));
    let complete = json!({
        "appid": APPID, "service_id": service, "post_payments": [{ "name": "租金", "amount": 150 }],
        "post_discounts": [{ "name": "优惠", "description": "a", "amount": 50 }], "total_amount": 100,
        "time_range": { "end_time": clock::compact(merchant.world.now) },
    });
    // The sum of the rows would be another one.
    let at = [("/post_payments/0/amount", Both), ("/post_discounts/0/amount", Both), ("/total_amount", Both)];
    merchant.try_all("POST", "/v3/payscore/serviceorder/s1/complete", &complete, &at);
}

#[test]
fn stocks_of_cash_coupons() {
    let sandbox = sandbox();
    let merchant = Merchant::new(&sandbox);
    let body = json!({
        "stock_name": "开业代金券", "belong_merchant": merchant.caller.mchid,
        "available_begin_time": clock::rfc3339(NOW), "available_end_time": clock::rfc3339(NOW + 86_400),
        "stock_use_rule": {
            "max_coupons": 10, "max_amount": 1_000, "max_amount_by_day": 500, "max_coupons_per_user": 2,
            "natural_person_limit": false, "prevent_api_abuse": false,
        },
        "coupon_use_rule": {
            "coupon_available_time": {}, "fixed_normal_coupon": { "coupon_amount": 100, "transaction_minimum": 100 },
        },
        "no_cash": false, "stock_type": "NORMAL", "out_request_no": "stock-1",
    });
    let at = [
        ("/stock_use_rule/max_amount", Both),
        ("/stock_use_rule/max_amount_by_day", Low),
        ("/stock_use_rule/max_coupons", Both),
        ("/coupon_use_rule/fixed_normal_coupon/coupon_amount", Both),
        ("/coupon_use_rule/fixed_normal_coupon/transaction_minimum", Low),
    ];
    merchant.try_all("POST", "/v3/marketing/favor/coupon-stocks", &body, &at);
}
