//! The responses of each route of the control API, for its OpenAPI document. Tests compare the rows with the routes, and every
//! response that a test of this crate gets with its row.

use serde_json::{Map, Value, json};

use super::Route;

/// A member of a response.
#[derive(Clone, Copy)]
pub(super) struct Given {
    name: &'static str,
    kind: Kind,
    is_nullable: bool,
    is_optional: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Texts,
    Integers,
    /// With these members; with any, where none is named.
    Object(&'static [Given]),
    Objects(&'static [Given]),
    /// Pairs of name and value.
    Fields,
}

/// The response of a route.
pub(super) enum Gives {
    /// 204.
    Nothing,
    /// 200 with these members; with any, where none is named.
    Members(&'static [Given]),
    /// 204 where it is not clear which one is meant.
    MembersOrNothing(&'static [Given]),
}

impl Given {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_nullable: false, is_optional: false }
    }

    const fn nullable(self) -> Self {
        Self { is_nullable: true, ..self }
    }

    const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }
}

const fn text(name: &'static str) -> Given {
    Given::new(name, Kind::Text)
}

const fn integer(name: &'static str) -> Given {
    Given::new(name, Kind::Integer)
}

const fn number(name: &'static str) -> Given {
    Given::new(name, Kind::Number)
}

const fn boolean(name: &'static str) -> Given {
    Given::new(name, Kind::Boolean)
}

const fn texts(name: &'static str) -> Given {
    Given::new(name, Kind::Texts)
}

const fn object(name: &'static str, members: &'static [Given]) -> Given {
    Given::new(name, Kind::Object(members))
}

const fn objects(name: &'static str, members: &'static [Given]) -> Given {
    Given::new(name, Kind::Objects(members))
}

const ANY: &[Given] = &[];
const HOLDS: &[Given] = &[boolean("all"), texts("merchants")];
const CLOCK: &[Given] = &[
    text("mode"),
    text("time"),
    integer("unix_seconds"),
    integer("offset_seconds").nullable(),
    text("next_event").nullable(),
    // Of a clock that was advanced, and of one that went to the next event.
    integer("events").optional(),
    boolean("is_complete").optional(),
    text("event").nullable().optional(),
];
const PUT_ASIDE: &[Given] =
    &[text("kind"), text("key"), text("was_due"), text("put_aside").nullable(), text("reason").nullable()];
const FAULT: &[Given] = &[
    integer("id"),
    text("fault"),
    text("operation").nullable(),
    text("merchant").nullable(),
    text("host").nullable(),
    integer("first").nullable(),
    number("probability").nullable(),
    integer("seed").nullable(),
    integer("seen"),
    integer("injected"),
];
const LOG_ENTRY: &[Given] = &[
    integer("number"),
    integer("time"),
    text("method"),
    text("path"),
    integer("status").nullable(),
    text("code").nullable(),
    text("fault").nullable(),
    text("reason").nullable(),
    boolean("example"),
    boolean("failed"),
    integer("microseconds"),
    text("line"),
    // Of one that is shown alone.
    text("target").optional(),
    object("request", MESSAGE).optional(),
    object("response", MESSAGE).optional(),
    object("signature", ANY).nullable().optional(),
    text("text").optional(),
];
const MESSAGE: &[Given] = &[Given::new("headers", Kind::Fields), text("body")];
const MERCHANT: &[Given] = &[
    text("mchid"),
    texts("appids"),
    texts("sub_merchants"),
    text("merchant_serial"),
    text("certificate"),
    texts("public_keys"),
    texts("platform_certificates"),
    text("signs"),
    number("callback_percent").nullable(),
    // Not in the list.
    text("kit_file").optional(),
];
const ATTEMPT: &[Given] = &[
    text("kind"),
    text("time"),
    integer("milliseconds"),
    integer("status").nullable(),
    text("body"),
    text("reason").nullable(),
    boolean("acknowledged"),
];
const ATTEMPTS: &[Given] = &[objects("attempts", ATTEMPT)];
const LISTED_NOTIFICATION: &[Given] = &[
    integer("number"),
    text("id"),
    text("event_type"),
    text("mchid"),
    text("notify_url"),
    text("create_time"),
    text("state"),
    text("next_attempt").nullable(),
    integer("attempts"),
    object("last_attempt", ATTEMPT).nullable(),
];
const NOTIFICATION: &[Given] = &[
    integer("number"),
    text("id"),
    text("event_type"),
    text("mchid"),
    text("notify_url"),
    text("create_time"),
    text("state"),
    text("next_attempt").nullable(),
    objects("attempts", ATTEMPT),
    object("resource", ANY),
];
const PERSON: &[Given] = &[text("unionid"), object("openids", ANY)];
const ACCOUNT: &[Given] = &[text("person"), text("state")];
const WALLET: &[Given] = &[text("person"), integer("wallet")];
const SNAPSHOT: &[Given] = &[
    text("name"),
    text("file"),
    integer("bytes"),
    // Of one that was taken now.
    boolean("replaced").optional(),
    integer("rows").optional(),
];
const COMPLAINT: &[Given] = &[text("complaint_id"), text("complaint_state")];
const STATE: &[Given] = &[text("state")];
const SERVICE_ORDER: &[Given] = &[
    text("out_order_no"),
    text("state"),
    boolean("declines"),
    text("state_description").optional(),
    // Of one that was confirmed now.
    text("query_id").nullable().optional(),
];
const RECEIVED: &[Given] = &[
    text("code"),
    text("message"),
    text("stock_id"),
    text("out_request_no"),
    text("coupon_code").optional(),
];

type Row = (&'static str, &'static str, Gives);

#[rustfmt::skip]
static ROWS: &[Row] = &[
    ("GET", "/clock", Gives::Members(CLOCK)),
    ("POST", "/clock/freeze", Gives::Members(CLOCK)),
    ("POST", "/clock/set", Gives::Members(CLOCK)),
    ("POST", "/clock/advance", Gives::Members(CLOCK)),
    ("POST", "/clock/next", Gives::Members(CLOCK)),
    ("POST", "/clock/real", Gives::Members(CLOCK)),
    ("GET", "/clock/put-aside", Gives::Members(&[objects("put_aside", PUT_ASIDE)])),
    ("POST", "/clock/retry", Gives::Members(&[integer("tried"), integer("put_aside")])),
    ("GET", "/faults", Gives::Members(&[objects("faults", FAULT)])),
    ("POST", "/faults", Gives::Members(&[integer("id")])),
    ("POST", "/faults/profile", Gives::Members(&[Given::new("ids", Kind::Integers)])),
    ("DELETE", "/faults", Gives::Members(&[integer("cleared")])),
    ("DELETE", "/faults/{id}", Gives::Members(&[integer("cleared")])),
    ("GET", "/health", Gives::Members(&[
        boolean("ready"), text("base_url"), text("version"),
        objects("failing", &[text("task"), text("since"), text("reason")]), integer("put_aside"), object("held", HOLDS),
    ])),
    ("GET", "/log", Gives::Members(&[objects("entries", LOG_ENTRY), integer("next"), integer("dropped")])),
    ("GET", "/log/{number}", Gives::Members(LOG_ENTRY)),
    ("POST", "/merchants", Gives::Members(MERCHANT)),
    ("GET", "/merchants", Gives::Members(&[objects("merchants", MERCHANT)])),
    ("GET", "/merchants/{mchid}", Gives::Members(MERCHANT)),
    ("POST", "/merchants/{mchid}/bindings", Gives::Members(MERCHANT)),
    ("PUT", "/merchants/{mchid}/certificate", Gives::Members(MERCHANT)),
    ("PUT", "/merchants/{mchid}/platform-keys", Gives::Members(MERCHANT)),
    ("POST", "/merchants/{mchid}/platform-keys/rotation", Gives::Members(MERCHANT)),
    ("POST", "/merchants/{mchid}/top-up", Gives::Members(&[text("mchid"), text("account"), integer("balance")])),
    ("PUT", "/merchants/{mchid}/sharing-notify-url", Gives::Members(&[text("mchid"), text("url").nullable()])),
    ("GET", "/notifications", Gives::Members(&[objects("notifications", LISTED_NOTIFICATION), object("held", HOLDS)])),
    ("GET", "/notifications/hold", Gives::Members(HOLDS)),
    ("GET", "/notifications/{id}", Gives::Members(NOTIFICATION)),
    ("POST", "/notifications/{id}/replay", Gives::Members(ATTEMPTS)),
    ("POST", "/notifications/{id}/duplicate", Gives::Members(ATTEMPTS)),
    ("POST", "/notifications/{id}/probe", Gives::Members(ATTEMPTS)),
    ("POST", "/notifications/hold", Gives::Members(&[integer("held")])),
    ("POST", "/notifications/release", Gives::Members(&[objects("notifications", LISTED_NOTIFICATION), boolean("is_complete")])),
    // The attempt, or without an address the message.
    ("POST", "/trigger", Gives::Members(&[
        objects("attempts", ATTEMPT).optional(), object("headers", ANY).optional(), text("body").optional(),
    ])),
    ("GET", "/openapi.json", Gives::Members(&[
        text("openapi"), object("info", ANY), object("paths", ANY), object("components", ANY),
    ])),
    ("POST", "/people", Gives::Members(PERSON)),
    ("GET", "/people/{id}", Gives::Members(PERSON)),
    ("GET", "/people/{id}/openids/{appid}", Gives::Members(&[text("unionid"), text("appid"), text("openid")])),
    ("POST", "/people/{id}/account", Gives::Members(ACCOUNT)),
    ("GET", "/people/{id}/account", Gives::Members(ACCOUNT)),
    ("GET", "/people/{id}/wallet", Gives::Members(WALLET)),
    ("POST", "/people/{id}/top-up", Gives::Members(WALLET)),
    ("POST", "/reset", Gives::Nothing),
    ("GET", "/snapshots", Gives::Members(&[objects("snapshots", SNAPSHOT)])),
    ("POST", "/snapshots", Gives::Members(SNAPSHOT)),
    ("POST", "/snapshots/{name}/restore", Gives::Members(&[text("name"), integer("rows"), object("clock", CLOCK)])),
    ("DELETE", "/snapshots/{name}", Gives::Nothing),
    ("POST", "/complaints", Gives::Members(COMPLAINT)),
    ("POST", "/complaints/{id}/steps", Gives::Members(COMPLAINT)),
    ("POST", "/contracts/{number}/sign", Gives::Members(&[text("contract_id").nullable()])),
    ("POST", "/contracts/{number}/end", Gives::Members(&[text("contract_state")])),
    ("POST", "/contracts/{number}/decline", Gives::Members(&[text("pays")])),
    ("POST", "/contracts/{number}/accept", Gives::Members(&[text("pays")])),
    ("PUT", "/stocks/{stock_id}/state", Gives::Nothing),
    ("PUT", "/stocks/{stock_id}/product", Gives::Nothing),
    ("POST", "/coupons/receive", Gives::Members(&[
        text("errcode"), text("msg"), objects("send_coupon_result", RECEIVED),
    ])),
    ("DELETE", "/stocks/{stock_id}/coupons/{coupon_code}", Gives::Nothing),
    ("PUT", "/product-coupons/stocks/{stock_id}/state", Gives::Nothing),
    ("POST", "/product-coupons/stocks/{stock_id}/send", Gives::Members(&[text("coupon_code")])),
    ("POST", "/product-coupons/take", Gives::Members(&[texts("coupon_codes"), boolean("had_already")])),
    ("DELETE", "/product-coupons/stocks/{stock_id}/coupons/{coupon_code}", Gives::Nothing),
    ("POST", "/service-orders/{number}/confirm", Gives::Members(SERVICE_ORDER)),
    ("POST", "/service-orders/{number}/decline", Gives::MembersOrNothing(SERVICE_ORDER)),
    ("POST", "/service-orders/{number}/pay", Gives::MembersOrNothing(SERVICE_ORDER)),
    ("GET", "/service-orders/{number}/messages", Gives::Members(&[objects("messages", ANY)])),
    ("POST", "/pay-score-permissions/{number}/open", Gives::Members(STATE)),
    ("POST", "/pay-score-permissions/{number}/close", Gives::Members(STATE)),
    ("GET", "/orders/page", Gives::Members(&[text("page")])),
    ("POST", "/orders/pay", Gives::Members(&[
        boolean("paid"), text("out_trade_no"), text("trade_state"), integer("payer_total"), texts("transaction_ids"),
        text("failure").optional(), text("contract_not_signed").optional(),
    ])),
    // As the merchant's query shows it.
    ("POST", "/refunds/{number}/outcome", Gives::Members(ANY)),
    ("POST", "/withdrawals/{number}/outcome", Gives::Members(ANY)),
    ("POST", "/recharges/{number}/pay", Gives::Members(ANY)),
    ("POST", "/bank-payments/{number}/outcome", Gives::Members(ANY)),
    ("POST", "/red-packets/{number}/open", Gives::Members(&[text("status"), integer("amount")])),
    ("POST", "/transfers/{number}/confirm", Gives::Members(STATE)),
    ("POST", "/transfers/{number}/refuse", Gives::Members(STATE)),
    ("POST", "/transfer-grants/{number}/refuse", Gives::Members(STATE)),
    ("POST", "/transfer-grants/{number}/end", Gives::Members(STATE)),
    ("POST", "/authorizations/{number}/confirm", Gives::Members(STATE)),
    ("POST", "/authorizations/{number}/end", Gives::Members(STATE)),
];

/// The response of a route. A test checks that each has a row.
fn of(route: &Route) -> Option<&'static Gives> {
    let row = ROWS.iter().find(|(method, path, _)| (*method, *path) == (route.method, route.path));
    row.map(|(.., gives)| gives)
}

/// `responses` of the operation of a route, but for what refuses.
pub(super) fn documented(route: &Route) -> Map<String, Value> {
    let with = |members: &[Given]| {
        json!({
            "description": "Done", "content": { "application/json": { "schema": schema_of(members) } },
        })
    };
    let nothing = || json!({ "description": "Done; no content" });
    let (given, empty) = match of(route) {
        Some(Gives::Nothing) => (None, Some(nothing())),
        Some(Gives::Members(members)) => (Some(with(members)), None),
        Some(Gives::MembersOrNothing(members)) => (Some(with(members)), Some(nothing())),
        None => (Some(with(ANY)), None),
    };
    let responses = [("200", given), ("204", empty)];
    responses.into_iter().filter_map(|(status, response)| Some((status.to_owned(), response?))).collect()
}

fn schema_of(members: &[Given]) -> Value {
    if members.is_empty() {
        return json!({ "type": "object" });
    }
    let properties: Map<String, Value> =
        members.iter().map(|given| (given.name.to_owned(), schema(given))).collect();
    let always: Vec<_> = members.iter().filter(|given| !given.is_optional).map(|given| given.name).collect();
    json!({ "type": "object", "properties": properties, "required": always })
}

fn schema(given: &Given) -> Value {
    let mut schema = match given.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Integer => json!({ "type": "integer" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Integers => json!({ "type": "array", "items": { "type": "integer" } }),
        Kind::Object(members) => schema_of(members),
        Kind::Objects(members) => json!({ "type": "array", "items": schema_of(members) }),
        Kind::Fields => {
            json!({ "type": "array", "items": { "type": "array", "items": { "type": "string" } } })
        }
    };
    if given.is_nullable {
        schema["type"] = json!([schema["type"], "null"]);
    }
    schema
}

/// Compares a response with its row.
#[cfg(test)]
pub(super) fn check(route: &Route, response: &Value) {
    let fits = match of(route) {
        Some(Gives::Nothing) => response.is_null(),
        Some(Gives::Members(members)) => has_members(members, response),
        Some(Gives::MembersOrNothing(members)) => response.is_null() || has_members(members, response),
        None => false,
    };
    assert!(fits, "{} {} gives {response}", route.method, route.path);
}

#[cfg(test)]
fn has_members(members: &[Given], value: &Value) -> bool {
    let Value::Object(given) = value else { return false };
    let is_known = |name: &String| members.is_empty() || members.iter().any(|known| known.name == name);
    let is_there = |known: &Given| match given.get(known.name) {
        None => known.is_optional,
        Some(Value::Null) => known.is_nullable,
        Some(value) => has_kind(known.kind, value),
    };
    given.keys().all(is_known) && members.iter().all(is_there)
}

#[cfg(test)]
fn has_kind(kind: Kind, value: &Value) -> bool {
    let all = |test: &dyn Fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(test));
    match kind {
        Kind::Text => value.is_string(),
        Kind::Integer => value.is_i64() || value.is_u64(),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::Texts => all(&Value::is_string),
        Kind::Integers => all(&|item| item.is_i64() || item.is_u64()),
        Kind::Object(members) => has_members(members, value),
        Kind::Objects(members) => all(&|item| has_members(members, item)),
        Kind::Fields => all(&|pair| pair.as_array().is_some_and(|pair| pair.iter().all(Value::is_string))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::control::Client;
    use crate::sandbox::Sandbox;

    #[test]
    fn every_route_has_a_row_and_every_row_a_route() {
        let sandbox = Sandbox::start().unwrap();
        let document =
            Client::from_data_dir(sandbox.data_dir()).unwrap().call("GET", "/openapi.json", None).unwrap();
        let of_document: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, operations)| {
                let methods = operations.as_object().unwrap().keys();
                methods.map(|method| (method.to_ascii_uppercase(), path.clone())).collect::<Vec<_>>()
            })
            .collect();
        let of_rows: BTreeSet<_> =
            ROWS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
        assert_eq!(of_document, of_rows);
        let clock = &document["paths"]["/clock"]["get"]["responses"];
        assert_eq!(
            clock["200"]["content"]["application/json"]["schema"]["properties"]["time"]["type"],
            "string"
        );
        assert!(
            clock.get("204").is_none()
                && document["paths"]["/reset"]["post"]["responses"].get("200").is_none()
        );
    }

    /// The comparison is made where the control API responds.
    #[test]
    fn responses_are_as_they_are_documented() {
        let sandbox = Sandbox::start().unwrap();
        let client = Client::from_data_dir(sandbox.data_dir()).unwrap();
        let call =
            |method: &str, target: &str, body: Value| client.call(method, target, Some(&body)).unwrap();
        let get = |target: &str| client.call("GET", target, None).unwrap();
        let mchid = sandbox.kit().mchid.clone();
        // An entry for the log.
        let address = sandbox.base_url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).unwrap();
        let request =
            format!("GET /v3/certificates HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        let logged = get("/log")["entries"][0]["number"].clone();
        get(&format!("/log/{logged}"));
        for target in ["/clock", "/clock/put-aside", "/faults", "/health", "/merchants", "/snapshots"] {
            get(target);
        }
        get(&format!("/merchants/{mchid}"));
        call("POST", "/clock/freeze", json!({}));
        call("POST", "/clock/advance", json!({ "duration": "1s" }));
        call("POST", "/clock/next", json!({}));
        call("POST", "/clock/retry", json!({}));
        call("POST", "/faults", json!({ "fault": "502" }));
        get("/faults");
        call("POST", "/faults/profile", json!({ "profile": "flaky" }));
        let person = call("POST", "/people", json!({}));
        let id = person["unionid"].as_str().unwrap();
        get(&format!("/people/{id}/account"));
        get(&format!("/people/{id}/wallet"));
        call("POST", "/snapshots", json!({ "name": "one" }));
        get("/snapshots");
        call("POST", "/snapshots/one/restore", json!({}));
        call("POST", "/trigger", json!({ "event": "TRANSACTION.SUCCESS" }));
        call("POST", "/reset", json!({}));
    }
}
