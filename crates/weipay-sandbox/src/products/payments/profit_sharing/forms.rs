//! The three forms of the same operations: for merchants and partners (`v3/profitsharing`), for platforms (电商收付通,
//! `v3/ecommerce/profitsharing`) and for brands (连锁品牌分账, `v3/brand/profitsharing`). Records and money are the same; members
//! have other names, and other parties have the receivers.
//!
//! UNCONFIRMED(sharing-family): which form may be used for which order. Platforms must use theirs and nobody
//! else may, the documents say, but an order of a sub-merchant does not show what its partner is. So each
//! form takes every order of a sub-merchant.

#[cfg(test)]
mod model;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refusals;
use crate::contract::ValidRequest;
use crate::products::Context;
use crate::products::payments::order::Order;
use crate::response::Refusal;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    #[default]
    General,
    /// 电商收付通.
    Ecommerce,
    /// 连锁品牌分账.
    Brand,
}

impl Form {
    /// The member that says that the rest is not to be shared.
    pub(super) const fn finish(self) -> &'static str {
        match self {
            Self::General => "unfreeze_unsplit",
            Self::Ecommerce | Self::Brand => "finish",
        }
    }

    /// The member of a receiver that has its account.
    pub(super) const fn account(self) -> &'static str {
        match self {
            Self::Ecommerce => "receiver_account",
            Self::General | Self::Brand => "account",
        }
    }

    /// The owner of the receivers that a request names: the merchant whose money is shared, the platform, or the brand.
    /// INFERRED(sharing-owner): a platform adds receivers without a `sub_mchid`, so that they are those of all its sub-merchants.
    pub(super) fn receivers_owner(self, context: &Context<'_>) -> String {
        let request = context.request;
        let named = match self {
            Self::General => request.text("sub_mchid"),
            Self::Ecommerce => None,
            Self::Brand => request.text("brand_mchid"),
        };
        named.unwrap_or(&context.caller.mchid).to_owned()
    }

    /// Platforms and brands share what sub-merchants were paid.
    pub(super) fn check_order(self, order: &Order) -> Result<(), Refusal> {
        match (self, &order.sub_mchid) {
            (Self::General, _) | (_, Some(_)) => Ok(()),
            (Self::Ecommerce | Self::Brand, None) => Err(refusals::no_platform()),
        }
    }

    /// Checks that a request changes receivers of the caller, of its sub-merchants or of its brands.
    pub(super) fn check_owner(self, context: &Context<'_>) -> Result<(), Refusal> {
        match context.request.text("sub_mchid").filter(|_| self == Self::General) {
            Some(sub_mchid) if !context.merchants.have_relation(context.caller, sub_mchid) => {
                Err(refusals::not_a_sub_merchant())
            }
            _ => self.check_brand(context),
        }
    }

    /// A partner shares for the brands that it acts for.
    pub(super) fn check_brand(self, context: &Context<'_>) -> Result<(), Refusal> {
        match context.request.text("brand_mchid").filter(|_| self == Self::Brand) {
            Some(brand) if !context.merchants.have_relation(context.caller, brand) => {
                Err(refusals::not_a_sub_merchant())
            }
            _ => Ok(()),
        }
    }
}

/// The part of one receiver in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedPart {
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) amount: i64,
    pub(super) description: String,
}

/// The receivers of a request.
pub(super) fn read_parts(request: &ValidRequest, form: Form) -> Vec<AskedPart> {
    let receivers = request.body.get("receivers").and_then(Value::as_array);
    let read = |receiver: &Value| {
        let text = |name: &str| receiver[name].as_str().unwrap_or_default().to_owned();
        AskedPart {
            kind: text("type"),
            account: text(form.account()),
            amount: receiver["amount"].as_i64().unwrap_or_default(),
            description: text("description"),
        }
    };
    receivers.into_iter().flatten().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::AccountKind::{self, Available, Frozen};
    use crate::ledger::Owner;
    use crate::products::payments::refund::fixtures::{MCHID, Shop, Wish};

    const SUB: &str = "1900000110";
    const RECEIVER: &str = "1900000111";

    /// A partner with a paid order of its sub-merchant, of ten yuan.
    fn shop() -> (Shop, String) {
        let mut shop = Shop::new();
        shop.caller.sub_merchants = vec![SUB.to_owned()];
        let id = shop.pay(&Wish { sub_mchid: Some(SUB), profit_sharing: true, ..Wish::default() });
        shop.pass(60);
        (shop, id)
    }

    fn receiver(name: &str) -> Value {
        json!({ "appid": "wx1", "type": "MERCHANT_ID", "account": RECEIVER, "name": name, "relation_type": "SUPPLIER" })
    }

    fn split(id: &str, number: &str, fen: i64, finish: bool) -> Value {
        let part = json!({
            "type": "MERCHANT_ID", "receiver_account": RECEIVER, "amount": fen, "description": "货款",
        });
        json!({
            "sub_mchid": SUB, "transaction_id": id, "out_order_no": number, "receivers": [part], "finish": finish,
        })
    }

    fn post(shop: &Shop, path: &str, body: &Value) -> Result<Value, (u16, &'static str, String)> {
        let asked = shop.ask("POST", path, body);
        asked.map_err(|refusal| (refusal.status, refusal.code, refusal.message.into_owned()))
    }

    fn get(shop: &Shop, target: &str) -> Result<Value, Refusal> {
        shop.ask("GET", target, &Value::Null)
    }

    fn has(shop: &Shop, mchid: &str, kind: AccountKind) -> i64 {
        shop.balance(&Owner::merchant(mchid), kind)
    }

    #[test]
    fn a_platform_shares_what_its_sub_merchant_was_paid_and_ends_it() {
        const PATH: &str = "/v3/ecommerce/profitsharing";
        let (mut shop, id) = shop();
        let orders = format!("{PATH}/orders");
        let unknown = post(&shop, &orders, &split(&id, "s1", 200, false)).unwrap_err();
        assert_eq!(unknown, (400, "INVALID_REQUEST", "分账接收方关系不存在".to_owned()));
        let reason = shop.ask("POST", &orders, &split(&id, "s1", 200, false)).unwrap_err().reason.unwrap();
        assert!(reason.ends_with("POST /v3/ecommerce/profitsharing/receivers/add"), "{reason}");
        let added = post(&shop, &format!("{PATH}/receivers/add"), &receiver("供应商")).unwrap();
        assert_eq!(added, json!({ "type": "MERCHANT_ID", "account": RECEIVER }));
        let made = post(&shop, &orders, &split(&id, "s1", 200, false)).unwrap();
        assert_eq!(
            (&made["status"], &made["receivers"][0]["receiver_account"]),
            (&json!("PROCESSING"), &json!(RECEIVER))
        );
        assert!(made.get("state").is_none() && made["receivers"][0].get("account").is_none(), "{made}");
        assert_eq!(post(&shop, &orders, &split(&id, "s1", 200, false)).unwrap(), made);
        shop.pass(10);
        let target = format!("{orders}?sub_mchid={SUB}&transaction_id={id}&out_order_no=s1");
        let shown = get(&shop, &target).unwrap();
        assert_eq!((&shown["status"], shown.get("finish_amount")), (&json!("FINISHED"), None));
        let amounts = get(&shop, &format!("{orders}/{id}/amounts")).unwrap();
        assert_eq!(amounts, json!({ "transaction_id": id, "unsplit_amount": 794 }));
        let other = format!("{orders}?sub_mchid=1900000112&transaction_id={id}&out_order_no=s1");
        assert_eq!(get(&shop, &other).unwrap_err().status, 404);

        let finish =
            json!({ "sub_mchid": SUB, "transaction_id": id, "out_order_no": "f1", "description": "完结" });
        let path = format!("{PATH}/finish-order");
        let made = post(&shop, &path, &finish).unwrap();
        let order_id = &made["order_id"];
        assert_eq!(
            made,
            json!({ "sub_mchid": SUB, "transaction_id": id, "out_order_no": "f1", "order_id": order_id })
        );
        shop.pass(10);
        let target = format!("{orders}?sub_mchid={SUB}&transaction_id={id}&out_order_no=f1");
        let shown = get(&shop, &target).unwrap();
        assert_eq!(
            (&shown["finish_amount"], &shown["finish_description"], &shown["receivers"]),
            (&json!(794), &json!("完结"), &json!([]))
        );
        let over = post(&shop, &orders, &split(&id, "s2", 1, false)).unwrap_err();
        assert_eq!(over.2, "订单已完结分账，不支持分账");
        let nothing =
            json!({ "sub_mchid": SUB, "transaction_id": id, "out_order_no": "f2", "description": "完结" });
        assert_eq!(post(&shop, &path, &nothing).unwrap_err(), (403, "NOT_ENOUGH", "分账金额为0".to_owned()));
        assert_eq!((has(&shop, RECEIVER, Available), has(&shop, SUB, Available)), (200, 794));
        assert_eq!((has(&shop, SUB, Frozen), shop.sum()), (0, 0));
    }

    #[test]
    fn a_receiver_of_a_platform_gives_its_part_back_while_it_has_it() {
        const PATH: &str = "/v3/ecommerce/profitsharing/returnorders";
        let (mut shop, id) = shop();
        post(&shop, "/v3/ecommerce/profitsharing/receivers/add", &receiver("供应商")).unwrap();
        let made = post(&shop, "/v3/ecommerce/profitsharing/orders", &split(&id, "s1", 200, true)).unwrap();
        shop.pass(10);
        let body = |number: &str, fen: i64, member: &str, value: &Value| {
            let mut body = json!({
                "sub_mchid": SUB, "out_return_no": number, "return_mchid": RECEIVER, "amount": fen, "description": "退",
            });
            body[member] = value.clone();
            body
        };
        let first = post(&shop, PATH, &body("b1", 150, "order_id", &made["order_id"])).unwrap();
        assert_eq!((&first["result"], first["return_no"].is_string()), (&json!("SUCCESS"), true));
        assert!(first.get("return_id").is_none() && first["sub_mchid"] == SUB, "{first}");
        let by_number = body("b2", 51, "out_order_no", &json!("s1"));
        assert_eq!(post(&shop, PATH, &by_number).unwrap_err().2, "剩余可回退的金额不足");
        shop.take(RECEIVER, Available, 50);
        let short = post(&shop, PATH, &body("b3", 50, "out_order_no", &json!("s1"))).unwrap_err();
        assert_eq!(short, (403, "NOT_ENOUGH", "可用余额不足，请充值后重新发起".to_owned()));
        let mut other = body("b4", 1, "out_order_no", &json!("s1"));
        other["sub_mchid"] = json!("1900000112");
        assert_eq!(post(&shop, PATH, &other).unwrap_err().0, 404);
        let target = format!("{PATH}?sub_mchid={SUB}&out_order_no=s1&out_return_no=b1");
        assert_eq!(get(&shop, &target).unwrap(), first);
        let without = format!("{PATH}?sub_mchid={SUB}&out_return_no=b1");
        assert_eq!(get(&shop, &without).unwrap_err().status, 404);
        assert_eq!((has(&shop, SUB, Available), shop.sum()), (794 + 150, 0));
    }

    #[test]
    fn an_order_without_a_sub_merchant_is_not_one_of_a_platform() {
        let mut shop = Shop::new();
        let id = shop.pay(&Wish { profit_sharing: true, ..Wish::default() });
        shop.pass(60);
        post(&shop, "/v3/ecommerce/profitsharing/receivers/add", &receiver("供应商")).unwrap();
        let mut body = split(&id, "s1", 200, false);
        assert_eq!(
            post(&shop, "/v3/ecommerce/profitsharing/orders", &body).unwrap_err(),
            (400, "INVALID_REQUEST", "商户号或子商户号与订单号不匹配".to_owned()),
            "another sub-merchant's"
        );
        body["sub_mchid"] = json!(MCHID);
        assert!(post(&shop, "/v3/ecommerce/profitsharing/orders", &body).is_err());
        assert!(Form::Ecommerce.check_order(&shop.order("order-1")).is_err());
        assert!(Form::General.check_order(&shop.order("order-1")).is_ok());
    }

    #[test]
    fn a_brand_has_receivers_of_its_own() {
        const PATH: &str = "/v3/brand/profitsharing";
        const BRAND: &str = "1900000120";
        let (mut shop, id) = shop();
        let mut add = receiver("供应商");
        add["brand_mchid"] = json!(BRAND);
        let path = format!("{PATH}/receivers/add");
        assert_eq!(post(&shop, &path, &add).unwrap_err().2, "非服务商下的签约子商户");
        shop.caller.sub_merchants.push(BRAND.to_owned());
        let added = post(&shop, &path, &add).unwrap();
        assert_eq!(added, json!({ "brand_mchid": BRAND, "type": "MERCHANT_ID", "account": RECEIVER }));
        let config = get(&shop, &format!("{PATH}/brand-configs/{BRAND}")).unwrap();
        assert_eq!(config, json!({ "brand_mchid": BRAND, "max_ratio": 3_000 }));

        let mut body = split(&id, "s1", 200, true);
        body["brand_mchid"] = json!(BRAND);
        body["appid"] = json!("wx1");
        body["receivers"] =
            json!([{ "type": "MERCHANT_ID", "account": RECEIVER, "amount": 200, "description": "货款" }]);
        let made = post(&shop, &format!("{PATH}/orders"), &body).unwrap();
        assert_eq!((&made["brand_mchid"], &made["status"]), (&json!(BRAND), &json!("PROCESSING")));
        shop.pass(10);
        let target = format!("{PATH}/orders?sub_mchid={SUB}&transaction_id={id}&out_order_no=s1");
        let shown = get(&shop, &target).unwrap();
        assert_eq!(
            (&shown["receivers"][0]["result"], &shown["finish_amount"]),
            (&json!("SUCCESS"), &json!(794))
        );
        assert_eq!((has(&shop, RECEIVER, Available), shop.sum()), (200, 0));
    }
}
