//! The verdict: the rules by which a success probably belongs to another request.

use http::Method;

use super::evidence::Evidence;
use super::repeated::Missing;
use super::{Another, Asked, another};
use crate::model::table::Purpose;
use crate::operation::{ApiVersion, BodyFormat, Operation};

/// A success whose repeated values are those of its request.
pub(super) struct Case<'a> {
    pub(super) asked: Asked<'a>,
    pub(super) is_accepted: bool,
    pub(super) missing: Option<Missing>,
    pub(super) evidence: Evidence<'a>,
}

impl Case<'_> {
    /// Each rule gives a field if the success probably belongs to another request. Its comment names the operations that it is for.
    const RULES: [fn(&Self) -> Option<Another>; 8] = [
        Self::repeats_too_little,
        Self::lacks_proof,
        Self::reads_nothing,
        Self::lacks_what_every_success_has,
        Self::says_what_no_page_says,
        Self::lacks_half,
        Self::is_mostly_strange,
        Self::is_that_of_a_query,
    ];

    pub(super) fn verdict(&self) -> Option<Another> {
        let rules = if self.has_known_members() { &Self::RULES[..] } else { &Self::RULES[..1] };
        rules.iter().find_map(|rule| rule(self))
    }

    const fn operation(&self) -> &'static Operation {
        self.asked.operation
    }

    /// Whether the catalogue describes the members of the response. It does not for an accepted request (202), a file, and an
    /// unsigned page of APIv2 that a browser opens.
    fn has_known_members(&self) -> bool {
        let is_page = self.operation().version() == ApiVersion::V2
            && self.operation().body_format() == BodyFormat::Json;
        !self.is_accepted && !is_page && !self.operation().has_file_response()
    }

    /// For all operations. A field that every success repeats is missing, and the response is empty or has a strange member. For an
    /// operation that acts, a response that says only who takes part, when, and in which state counts as empty.
    fn repeats_too_little(&self) -> Option<Another> {
        let Missing { field, is_another_there } = self.missing.as_ref()?;
        // An accepted request (202) repeats nothing yet. A query must not fail for ever because a page is wrong.
        let is_enough = *is_another_there && (self.is_accepted || !self.acts());
        let has_nothing = || match self.acts() {
            true => self.evidence.has_only_usual(),
            false => self.evidence.has_nothing(),
        };
        let is_nothing = || !is_another_there && !self.is_accepted && has_nothing();
        (!is_enough && self.evidence.has_strange(1) || is_nothing()).then(|| another(field))
    }

    /// For operations that act. The response has a strange member, and no member that proves its operation. A value that was sent
    /// proves nothing: other responses about the same object repeat it, too.
    fn lacks_proof(&self) -> Option<Another> {
        if !self.acts() {
            return None;
        }
        let first = self.evidence.proofs().next()?;
        (!self.evidence.has_proof() && self.evidence.has_strange(1)).then(|| another(first.name))
    }

    /// For queries. The response has none of the known members, but a strange one, or is no object. A query may find nothing, but
    /// a list still has its limit, which is more than 0.
    fn reads_nothing(&self) -> Option<Another> {
        if !self.is_query() || self.evidence.has_own() {
            return None;
        }
        let example = self.evidence.example()?;
        let is_limit = |purpose| purpose == Some(Purpose::PageLimit);
        let is_another = self.evidence.has_strange(1)
            || !self.evidence.success.is_object()
            || self.evidence.in_every_success().any(|member| is_limit(member.purpose));
        is_another.then(|| another(example))
    }

    /// For all but queries. The response has none of the members that every success has, and is empty or has a strange one.
    fn lacks_what_every_success_has(&self) -> Option<Another> {
        if self.is_query() {
            return None;
        }
        let first = self.evidence.in_every_success().next()?;
        if self.evidence.has_any_of_every_success() {
            return None;
        }
        (self.evidence.has_nothing() || self.evidence.has_strange(1)).then(|| another(first.name))
    }

    /// For all but queries, if no member is in every success. The response has none of the known members, but a strange one, or is no
    /// object.
    fn says_what_no_page_says(&self) -> Option<Another> {
        let is_it = !self.is_query() && self.evidence.in_every_success().next().is_none();
        if !is_it || self.evidence.has_own() {
            return None;
        }
        let own = self.evidence.example();
        let at_least = match self.operation().version() {
            // A page that names nothing may be incomplete, so a response that repeats which object the request is about is of
            // this call.
            ApiVersion::V3 if own.is_none() && (self.repeats_its_object() || self.names_only_merchants()) => {
                return None;
            }
            ApiVersion::V3 => 1,
            // Nobody knows what it has.
            ApiVersion::V2 if self.operation().is_undescribed() => return None,
            // A success that says nothing but that it succeeded may have one that is new.
            ApiVersion::V2 => 2,
        };
        // A status of 204 says as little as `{}`, and some operations may have it whose pages name a field. But what has a
        // number is a coupon or money as a rule, and can be queried by it.
        let may_be_absent = self.operation().request_number().is_none() && self.evidence.success.is_absent();
        let is_no_object = own.is_some() && !self.evidence.success.is_object() && !may_be_absent;
        (is_no_object || self.evidence.has_strange(at_least)).then_some(Another(own))
    }

    /// Whether it has nothing but merchants and what any response may have. Those that were sent are the same.
    fn names_only_merchants(&self) -> bool {
        let any = self.operation().version().any_response();
        !self.evidence.success.any(&mut |name| !any.has(name) && !any.echoes.contains(&name))
    }

    /// Whether it repeats a value of the request that says which order, coupon or other object it is about. The number of a
    /// merchant does not: every response to that merchant has it.
    fn repeats_its_object(&self) -> bool {
        let success = self.evidence.success;
        success.any(&mut |name| {
            if self.operation().version().any_response().is_usual(name) {
                return false;
            }
            let repeated = self.asked.sent(name).filter(|sent| !sent.is_empty());
            repeated.is_some() && success.text(name) == repeated
        })
    }

    /// For operations of APIv2 that act. Half of the members that every success has are missing, and there is a strange one. A
    /// success has no state there, so this is what tells it from the response of a query.
    fn lacks_half(&self) -> Option<Another> {
        if self.operation().version() == ApiVersion::V3 || !self.acts() {
            return None;
        }
        let first = self.evidence.missing().next()?;
        let is_half = self.evidence.missing().count() * 2 >= self.evidence.in_every_success().count();
        (is_half && self.evidence.has_strange(1)).then(|| another(first.name))
    }

    /// For operations that act. More members are strange than known, and one that every success has is missing. A single member
    /// that the page calls by another name is not enough.
    fn is_mostly_strange(&self) -> Option<Another> {
        if !self.acts() {
            return None;
        }
        let first = self.evidence.missing().next()?;
        self.evidence.is_mostly_strange().then(|| another(first.name))
    }

    /// For operations that act. The response has a state that the page does not name, so it is that of a query, perhaps with the
    /// same number.
    fn is_that_of_a_query(&self) -> Option<Another> {
        let may_be = match self.operation().version() {
            // A page that leaves out the state of what it makes, as some do, must not refuse that: it requires proofs.
            ApiVersion::V3 => {
                let makes = self.operation().request_number().is_some()
                    && self.evidence.proofs().any(|member| member.is_in_every_success);
                self.acts() && !makes
            }
            // An operation that does not act may be a query whose page leaves out a state. The success of an operation that acts
            // has none.
            ApiVersion::V2 => self.acts() || self.evidence.in_every_success().next().is_none(),
        };
        (may_be && self.evidence.has_strange_state()).then_some(Another(None))
    }

    /// Whether it is a GET of APIv3, whose success may be empty. The queries that are a POST have too little in common for a rule of
    /// their own, so those for what writes are for them, too.
    fn is_query(&self) -> bool {
        let operation = self.operation();
        operation.method() == Method::GET && operation.version() == ApiVersion::V3
    }

    /// Whether it is judged as an operation that acts: it must prove that it did. So are the POSTs of APIv3 that only read.
    fn acts(&self) -> bool {
        match self.operation().version() {
            ApiVersion::V3 => !self.is_query(),
            ApiVersion::V2 => {
                self.operation().request_number().is_some() || !self.operation().is_safe_to_repeat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use weipay_wire::XmlElements;

    use super::super::check;
    use super::super::tests::{CALLER, differing, differing_elements, of};

    const CLOSE: &str = "v3/pay/transactions/out-trade-no/A/close";
    const NATIVE: &str = "v3/pay/transactions/native";
    const SEND: &str = "v3/marketing/busifavor/coupons/send";
    const DEACTIVATE: &str = "v3/marketing/busifavor/coupons/deactivate";
    const QUERIED: &str = r#"{"out_trade_no":"A","trade_state":"NOTPAY","mchid":"1"}"#;
    const CONTRACT: &str = "<contract_id>1</contract_id><plan_id>2</plan_id><contract_code>C</contract_code>\
                            <contract_state>0</contract_state><openid>o</openid>";
    const REFUNDED: &str =
        r#"{"refund_id":"5","out_refund_no":"R","transaction_id":"42","status":"SUCCESS"}"#;

    #[test]
    fn a_success_of_another_operation_is_none_of_this_one() {
        for (path, field) in [
            (CLOSE, ""),
            (NATIVE, "code_url"),
            (SEND, "coupon_code"),
            (DEACTIVATE, "wechatpay_deactivate_time"),
        ] {
            let request = of(Method::POST, path, r#"{"out_trade_no":"A"}"#);
            let code = r#"{"code_url":"weixin://x"}"#;
            for body in [QUERIED, REFUNDED, code, r#"{"data":[]}"#] {
                let expected = (path != NATIVE || body != code).then_some(field);
                assert_eq!(differing(&request, body.as_bytes()), expected, "{path} {body}");
                assert!(check(&request, CALLER, StatusCode::ACCEPTED, body.as_bytes()).is_ok());
            }
        }
        // Every response to the shop names the merchants, so they do not prove that a balance is a closed order.
        let partners = "v3/pay/partner/transactions/out-trade-no/A/close";
        let close = of(Method::POST, partners, r#"{"sp_mchid":"1","sub_mchid":"2"}"#);
        for (body, expected) in [
            (r#"{"sp_mchid":"1","sub_mchid":"2","available_amount":5}"#, Some("")),
            (r#"{"sub_mchid":"2","out_trade_no":"A","new":1}"#, None),
            (r#"{"sub_mchid":"2"}"#, None),
        ] {
            assert_eq!(differing(&close, body.as_bytes()), expected, "{body}");
        }
        // One number that is right does not make a refund a split.
        let split =
            of(Method::POST, "v3/profitsharing/orders", r#"{"transaction_id":"42","out_order_no":"P"}"#);
        assert_eq!(differing(&split, REFUNDED.as_bytes()), Some("out_order_no"));
        let unknown_members = br#"{"transaction_id":"42","out_order_no":"P","order_id":"5","new":1}"#;
        assert_eq!(differing(&split, unknown_members), None);
        assert_eq!(differing(&split, br#"{"transaction_id":"42","state":"PROCESSING"}"#), None);
    }

    #[test]
    fn a_success_that_has_nothing_is_only_of_an_operation_that_may_say_nothing() {
        let nothing = ["", "null", "[]", "\"x\"", "5", "<html>"];
        for body in nothing.into_iter().chain(["{}", r#"{"code":"SUCCESS","message":"OK"}"#]) {
            for (path, field) in [(NATIVE, "code_url"), (DEACTIVATE, "wechatpay_deactivate_time")] {
                let request = of(Method::POST, path, "{}");
                assert_eq!(differing(&request, body.as_bytes()), Some(field), "{path} {body}");
            }
            assert_eq!(differing(&of(Method::POST, CLOSE, "{}"), body.as_bytes()), None, "{body}");
        }
        // Every field of theirs may be absent, so an object without any is whole. Numbers may be 0, and arrays empty.
        for (request, may_be_absent) in [
            (of(Method::POST, SEND, "{}"), false),
            (of(Method::POST, "v3/merchant-store/stores/{store_id}/recipients/bind", "{}"), true),
            (of(Method::GET, "v3/merchant/fund/balance/BASIC", ""), false),
            (of(Method::GET, "v3/marketing/busifavor/callbacks", ""), false),
        ] {
            for body in nothing {
                let is_refused = !(may_be_absent && body.is_empty());
                assert_eq!(differing(&request, body.as_bytes()).is_some(), is_refused, "{body}");
            }
            assert_eq!(differing(&request, b" {}"), None);
        }
        // But an empty list has its limit.
        let list = of(Method::GET, "v3/marketing/busifavor/users/{openid}/coupons", "");
        for body in nothing.into_iter().chain(["{}", QUERIED]) {
            assert_eq!(differing(&list, body.as_bytes()), Some("limit"), "{body}");
        }
        assert_eq!(differing(&list, br#"{"total_count":0,"limit":20,"offset":0,"new":1}"#), None);
        assert_eq!(differing(&list, br#"{"data":[],"new":1}"#), None);
    }

    #[test]
    fn what_any_response_may_have_says_nothing_of_its_operation() {
        let upload = of(Method::POST, "v3/gov/subsidy/goods/upload", "{}");
        assert_eq!(differing(&upload, br#"{"code":"000000","message":"OK"}"#), None);
        assert_eq!(differing(&upload, br#"{"code_url":"weixin://x"}"#), Some("code"));
        // Files, and what has only been accepted.
        assert_eq!(differing(&of(Method::GET, "v3/billdownload/file", ""), b"a,b"), None);
        let invoice = of(Method::POST, "v3/new-tax-control-fapiao/fapiao-applications", "{}");
        assert!(check(&invoice, CALLER, StatusCode::ACCEPTED, b"").is_ok());
        assert_eq!(differing(&invoice, QUERIED.as_bytes()), Some(""));
    }

    /// Everything that is done with one stock has its number.
    #[test]
    fn the_number_of_its_stock_makes_no_coupon_and_no_stock() {
        let send = of(
            Method::POST,
            SEND,
            r#"{"openid":"o","appid":"a","stock_id":"1","out_request_no":"R","coupon_code":"C"}"#,
        );
        for (body, expected) in [
            (r#"{"stock_id":"1","openid":"o","wechatpay_use_time":"t"}"#, Some("coupon_code")),
            (r#"{"stock_id":"1","create_time":"t"}"#, Some("coupon_code")),
            (r#"{"stock_id":"1","pause_time":"t"}"#, Some("coupon_code")),
            (r#"{"stock_id":"1","coupon_code":"C","coupon_state":"USED"}"#, Some("")),
            (r#"{"stock_id":"1","coupon_code":"C","out_request_no":"R"}"#, None),
            (r#"{"stock_id":"1","coupon_code":"C","new":1}"#, None),
            (r#"{"stock_id":"1","out_request_no":"R","new":1}"#, None),
            (r#"{"send_coupon_result":{"coupon_code":"C"},"new":1}"#, None),
            (r#"{"stock_id":"1"}"#, None),
        ] {
            assert_eq!(differing(&send, body.as_bytes()), expected, "{body}");
        }
        for path in ["v3/marketing/busifavor/stocks", "v3/marketing/favor/coupon-stocks"] {
            let make = of(Method::POST, path, "{}");
            for (body, expected) in [
                (r#"{"stock_id":"1","coupon_code":"C","out_request_no":"R"}"#, Some("create_time")),
                (r#"{"stock_id":"1","pause_time":"t"}"#, Some("create_time")),
                (r#"{"stock_id":"1","create_time":"t","new":1}"#, None),
                (r#"{"stock_id":"1"}"#, None),
            ] {
                assert_eq!(differing(&make, body.as_bytes()), expected, "{path} {body}");
            }
        }
    }

    #[test]
    fn what_is_strange_for_the_most_part_and_lacks_something_is_another_one() {
        let sent = r#"{"out_batch_no":"B","out_bill_no":"B"}"#;
        let detail = r#"{"mchid":"1","out_batch_no":"B","batch_id":"5","appid":"a","out_detail_no":"D","detail_id":"6"}"#;
        for path in ["v3/transfer/batches", "v3/partner-transfer/batches"] {
            let made = of(Method::POST, path, sent);
            assert_eq!(differing(&made, detail.as_bytes()), Some("create_time"), "{path}");
            let own = r#"{"out_batch_no":"B","batch_id":"5","create_time":"t","new_1":1,"new_2":1,"new_3":1,"new_4":1}"#;
            assert_eq!(differing(&made, own.as_bytes()), None, "{path}");
            // A page that is wrong about one member refuses nothing.
            let renamed = br#"{"out_batch_no":"B","batch_id":"5","created_at":"t"}"#;
            assert_eq!(differing(&made, renamed), None, "{path}");
        }
        let subsidy = of(Method::POST, "v3/pay/partner/transactions/codepay", r#"{"out_trade_no":"A"}"#);
        let split = r#"{"transaction_id":"4","amount":{},"out_trade_no":"A","order_id":"1","state":"PROCESSING","x":1,"y":2}"#;
        assert!(differing(&subsidy, split.as_bytes()).is_some());
        // Without the number that each success repeats, and with nothing but when and in which state.
        let pay = of(Method::POST, "v3/fund-app/mch-transfer/transfer-bills", sent);
        assert_eq!(differing(&pay, br#"{"state":"ACCEPTED","create_time":"t"}"#), Some("out_bill_no"));
        assert_eq!(differing(&pay, br#"{"state":"ACCEPTED","create_time":"t","package_info":"p"}"#), None);
        assert!(check(&pay, CALLER, StatusCode::ACCEPTED, br#"{"state":"ACCEPTED"}"#).is_ok());
        let asked = of(Method::GET, "v3/fund-app/mch-transfer/transfer-bills/out-bill-no/B", "");
        assert_eq!(differing(&asked, br#"{"state":"ACCEPTED","create_time":"t"}"#), None);
    }

    #[test]
    fn a_success_of_another_operation_of_apiv2_is_none_of_this_one() {
        let common = "<return_code>SUCCESS</return_code><return_msg>OK</return_msg><appid>a</appid><mch_id>1</mch_id>\
                      <nonce_str>n</nonce_str><sign>s</sign><result_code>SUCCESS</result_code>";
        let queried = "<out_trade_no>A</out_trade_no><trade_state>NOTPAY</trade_state><total_fee>1</total_fee>\
                       <trade_state_desc>d</trade_state_desc>";
        let refunded = "<transaction_id>4</transaction_id><out_trade_no>A</out_trade_no><out_refund_no>R</out_refund_no>\
                        <refund_id>5</refund_id><refund_fee>1</refund_fee><total_fee>1</total_fee><cash_fee>1</cash_fee>";
        let paid = "<openid>o</openid><is_subscribe>N</is_subscribe><trade_type>MICROPAY</trade_type>\
                    <bank_type>OTHERS</bank_type><total_fee>1</total_fee><cash_fee>1</cash_fee>\
                    <transaction_id>4</transaction_id><out_trade_no>A</out_trade_no><time_end>20261127000000</time_end>";
        let new = "<new>1</new>";
        let sent = r#"{"out_trade_no":"A","out_refund_no":"R","mch_billno":"B"}"#;
        for (path, own, others) in [
            ("v2/pay/micropay", paid, &["", queried, refunded][..]),
            ("v2/deposit/micropay", paid, &["", queried, refunded]),
            ("v2/secapi/pay/refund", refunded, &["", queried, paid]),
            (
                "v2/deposit/consume",
                "<transaction_id>4</transaction_id><out_trade_no>A</out_trade_no><total_fee>1</total_fee>\
                 <consume_fee>1</consume_fee>",
                &["", queried, refunded, paid],
            ),
            ("v2/pay/unifiedorder", "<trade_type>JSAPI</trade_type><prepay_id>p</prepay_id>", &["", queried]),
            ("v2/secapi/pay/reverse", "<recall>N</recall>", &["", queried, refunded]),
            ("v2/pay/orderquery", queried, &["", "<prepay_id>p</prepay_id>"]),
            (
                "v2/mmpaymkttransfers/sendredpack",
                "<mch_billno>B</mch_billno><re_openid>o</re_openid><total_amount>1</total_amount>",
                &["", queried],
            ),
            (
                "v2/papay/deletecontract",
                "<contract_id>1</contract_id><plan_id>2</plan_id><contract_code>C</contract_code>",
                &["", queried, refunded, CONTRACT],
            ),
            ("v2/pay/closeorder", "", &[queried, refunded, paid]),
            ("v2/pay/pappayapply", "", &[queried, refunded, paid]),
        ] {
            let request = of(Method::POST, path, sent);
            let judged = |elements: String| {
                let xml = format!("<xml>{common}{elements}</xml>");
                differing_elements(&request, &XmlElements::read(xml.as_bytes(), "xml").unwrap())
            };
            assert_eq!(judged(own.to_owned()), None, "{path}");
            assert_eq!(judged(format!("{own}{new}")), None, "{path} with a new element");
            // Ordinary merchants may get it empty, also where no page has it.
            assert_eq!(
                judged(format!("{own}{new}<sub_mch_id></sub_mch_id>")),
                None,
                "{path} without a sub-merchant"
            );
            for other in others {
                assert!(judged((*other).to_owned()).is_some(), "{path} {other}");
            }
        }
    }

    #[test]
    fn the_query_of_a_number_is_not_what_was_done_with_it() {
        let order =
            r#"{"appid":"a","mchid":"1","out_trade_no":"A","trade_state":"SUCCESS","transaction_id":"4"}"#;
        let reverse = of(Method::POST, "v3/pay/transactions/out-trade-no/A/reverse", r#"{"mchid":"1"}"#);
        assert!(differing(&reverse, order.as_bytes()).is_some());
        assert_eq!(differing(&reverse, br#"{"appid":"a","mchid":"1","out_trade_no":"A"}"#), None);
        let cancel = of(Method::POST, "v3/payscore/serviceorder/A/cancel", "{}");
        let doing = br#"{"appid":"a","mchid":"1","service_id":"s","out_order_no":"A","order_id":"5","state":"DOING"}"#;
        assert!(differing(&cancel, doing).is_some());
        let sent = r#"{"partner_trade_no":"P","mch_billno":"B","out_trade_no":"A"}"#;
        for (path, queried) in [
            (
                "v2/mmpaymkttransfers/promotion/transfers",
                "<partner_trade_no>P</partner_trade_no><payment_no>1</payment_no><payment_time>t</payment_time>\
                 <status>FAILED</status>",
            ),
            (
                "v2/mmpaymkttransfers/sendredpack",
                "<mch_billno>B</mch_billno><total_amount>1</total_amount><re_openid>o</re_openid>\
                 <send_listid>1</send_listid><wxappid>a</wxappid><status>FAILED</status>",
            ),
            (
                "v2/pay/unifiedorder",
                "<trade_type>NATIVE</trade_type><out_trade_no>A</out_trade_no><trade_state>SUCCESS</trade_state>",
            ),
            // What ends a contract has no number of its own.
            ("v2/papay/deletecontract", CONTRACT),
            ("v2/papay/partner/deletecontract", CONTRACT),
            (
                "v2/deposit/consume",
                "<transaction_id>4</transaction_id><out_trade_no>A</out_trade_no><total_fee>1</total_fee>\
                 <consume_fee>1</consume_fee><trade_state>SUCCESS</trade_state>",
            ),
        ] {
            let xml = format!(
                "<xml><return_code>SUCCESS</return_code><result_code>SUCCESS</result_code>{queried}</xml>"
            );
            let elements = XmlElements::read(xml.as_bytes(), "xml").unwrap();
            assert!(differing_elements(&of(Method::POST, path, sent), &elements).is_some(), "{path}");
        }
    }
}
