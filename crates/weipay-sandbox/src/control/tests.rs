use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::request::READ;
use super::route::{MemberKind, placeholder};
use super::*;
use crate::products::PRODUCTS;
use crate::sandbox::Sandbox;

/// Sends a request as it stands here, and gives status and body of the response.
fn raw(sandbox: &Sandbox, request: &str) -> (u16, Value) {
    let address = sandbox.control().unwrap().url();
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn request(sandbox: &Sandbox, headers: &str) -> String {
    let control = sandbox.control().unwrap();
    let (host, token) = (control.url(), control.token());
    let host = host.strip_prefix("http://").unwrap().to_owned();
    let headers = headers.replace("HOST", &host).replace("TOKEN", token);
    format!("POST /people HTTP/1.1\r\n{headers}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}")
}

#[test]
fn only_a_program_of_this_machine_that_has_the_token_is_served() {
    let sandbox = Sandbox::start().unwrap();
    for (headers, status) in [
        ("Host: HOST\r\nAuthorization: Bearer TOKEN\r\n", 200),
        ("Host: HOST\r\n", 401),
        ("Host: HOST\r\nAuthorization: Bearer \r\n", 401),
        ("Host: HOST\r\nAuthorization: Bearer TOKENx\r\n", 401),
        ("Host: HOST\r\nCookie: token=TOKEN\r\n", 401),
        ("Host: HOST\r\nOrigin: http://HOST\r\nAuthorization: Bearer TOKEN\r\n", 403),
        ("Host: sandbox.example.com\r\nAuthorization: Bearer TOKEN\r\n", 403),
        ("Host: 127.0.0.1\r\nAuthorization: Bearer TOKEN\r\n", 403),
    ] {
        assert_eq!(raw(&sandbox, &request(&sandbox, headers)).0, status, "{headers}");
    }
}

#[test]
fn the_control_api_listens_on_this_machine_only() {
    let error = Sandbox::builder().control("0.0.0.0:0").start().unwrap_err();
    assert!(format!("{error:#}").contains("loopback addresses only"), "{error:#}");
    assert!(Sandbox::builder().without_control().start().unwrap().control().is_none());
}

#[test]
fn health_is_told_without_the_token_and_names_the_platforms_address() {
    let sandbox = Sandbox::start().unwrap();
    let host = sandbox.control().unwrap().url();
    let host = host.strip_prefix("http://").unwrap();
    let (status, health) =
        raw(&sandbox, &format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    assert_eq!(
        (status, &health["ready"], &health["base_url"]),
        (200, &json!(true), &json!(sandbox.base_url()))
    );
}

#[test]
fn what_is_held_is_told_by_health_by_the_list_and_by_its_own_route() {
    let sandbox = Sandbox::start().unwrap();
    let client = Client::from_data_dir(sandbox.data_dir()).unwrap();
    let get = |target: &str| client.call("GET", target, None).unwrap();
    let nobody = json!({ "all": false, "merchants": [] });
    let told =
        || [get("/notifications/hold"), get("/health")["held"].take(), get("/notifications")["held"].take()];
    assert_eq!(told(), [nobody.clone(), nobody.clone(), nobody]);
    let mchid = &sandbox.kit().mchid;
    sandbox.notifications().hold(Some(mchid)).unwrap();
    let held = json!({ "all": false, "merchants": [mchid] });
    assert_eq!(told(), [held.clone(), held.clone(), held]);
    for unknown in [
        "/notifications?mchid=1",
        "/notifications?event_type=COUPON.SENT",
        "/notifications?event_type=coupon.send",
    ] {
        assert!(client.call("GET", unknown, None).is_err(), "{unknown}");
    }
    get("/notifications?event_type=COUPON.SEND&state=held");
    let holds = sandbox.notifications().holds().unwrap();
    assert_eq!(holds.to_string(), format!("the notifications of {mchid} are held until they are released"));
}

#[test]
fn connections_that_are_idle_never_take_all_places() {
    let sandbox = Sandbox::start().unwrap();
    let url = sandbox.control().unwrap().url();
    let host = url.strip_prefix("http://").unwrap();
    let mut kept = Vec::new();
    // More than there are places.
    for _ in 0..100 {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        if !String::from_utf8(head).unwrap().contains("connection: close") {
            kept.push(stream);
        }
    }
    assert_eq!(kept.len(), 32);
}

#[test]
fn address_and_token_stand_in_the_data_folder() {
    let sandbox = Sandbox::start().unwrap();
    let client = Client::from_data_dir(sandbox.data_dir()).unwrap();
    assert_eq!(client.call("GET", "/health", None).unwrap()["ready"], true);
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(Client::from_data_dir(nowhere.path()), Err(ClientError::NotRunning(_))));
    let (dir, _keep) = (sandbox.data_dir().to_owned(), sandbox);
    assert!(!format!("{:?}", Client::from_data_dir(dir).unwrap()).contains(client.token()));
}

fn refused(sandbox: &Sandbox, method: &str, target: &str, body: Option<Value>) -> (u16, String) {
    match sandbox.control().unwrap().call(method, target, body.as_ref()) {
        Err(ClientError::Refused { status, message }) => (status, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_that_does_not_fit_its_route_is_told_what_would() {
    let sandbox = Sandbox::start().unwrap();
    for (method, target, body, status, told) in [
        ("GET", "/nowhere", None, 404, "/openapi.json"),
        ("PATCH", "/people", None, 405, "this path takes POST"),
        ("POST", "/people", Some(json!({ "name": "Li" })), 400, "this route has: appids"),
        ("POST", "/people", Some(json!({ "appids": "wx1" })), 400, "`appids` must be a list of texts"),
        ("POST", "/people", Some(json!([])), 400, "must be a JSON object"),
        ("GET", "/people/nobody", None, 404, "no person has this"),
        ("PUT", "/stocks/1/state", Some(json!({})), 400, "`state` is missing"),
        ("PUT", "/stocks/1/state", Some(json!({ "state": "running" })), 400, "one of UNAUDIT, RUNNING"),
        ("PUT", "/stocks/1/state", Some(json!({ "state": "RUNNING" })), 404, "no stock"),
    ] {
        let (found, message) = refused(&sandbox, method, target, body);
        assert_eq!(found, status, "{method} {target}: {message}");
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_reset_forgets_people_and_begins_the_sequence_of_numbers_again() {
    let sandbox = Sandbox::builder().seed(7).start().unwrap();
    let control = sandbox.control().unwrap();
    let add = || control.call("POST", "/people", Some(&json!({ "appids": ["wx1"] }))).unwrap();
    let first = add();
    let unionid = first["unionid"].as_str().unwrap();
    assert_eq!(control.call("GET", &format!("/people/{unionid}"), None).unwrap(), first);
    assert_ne!(add(), first);
    assert_eq!(control.call("POST", "/reset", None).unwrap(), Value::Null);
    assert_eq!(refused(&sandbox, "GET", &format!("/people/{unionid}"), None).0, 404);
    assert_eq!(add(), first);
}

#[test]
fn the_document_describes_every_route() {
    let sandbox = Sandbox::start().unwrap();
    let document = sandbox.control().unwrap().call("GET", "/openapi.json", None).unwrap();
    let of_products = PRODUCTS.iter().flat_map(|product| product.control);
    let mut count = 0;
    for route in TABLES.iter().copied().flatten().chain(of_products) {
        let operation = &document["paths"][route.path][route.method.to_ascii_lowercase()];
        assert_eq!(operation["summary"], route.summary, "{} {}", route.method, route.path);
        count += 1;
    }
    let paths = document["paths"].as_object().unwrap().values();
    assert_eq!(
        paths.map(|path| path.as_object().unwrap().len()).sum::<usize>(),
        count,
        "one route stands twice"
    );
    let pay = &document["paths"]["/orders/pay"]["post"]["requestBody"]["content"]["application/json"];
    let front_end = pay["schema"]["properties"]["front_end"]["properties"].as_object().unwrap();
    assert!(front_end.contains_key("paySign") && front_end.contains_key("prepayid"));
    let state = &document["paths"]["/stocks/{stock_id}/state"]["put"];
    assert_eq!(state["parameters"][0]["name"], "stock_id");
    let schema = &state["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(
        (&schema["required"], &schema["properties"]["state"]["enum"][1]),
        (&json!(["state"]), &json!("RUNNING"))
    );
}

/// A value that fits a member, and that makes sense for most handlers.
fn sample(member: &Member, sandbox: &Sandbox) -> Value {
    match member.kind {
        MemberKind::Word(words) => json!(words[0]),
        MemberKind::Texts => json!(["1"]),
        MemberKind::Integer | MemberKind::Number => json!(1),
        MemberKind::Boolean => json!(true),
        MemberKind::Object(members) => {
            members.iter().map(|member| (member.name.to_owned(), sample(member, sandbox))).collect()
        }
        MemberKind::Objects(members) => {
            let item = members.iter().map(|member| (member.name.to_owned(), sample(member, sandbox)));
            json!([item.collect::<Value>()])
        }
        MemberKind::Text => match member.name {
            "openid" => json!(sandbox.kit().openid),
            "mchid" | "merchant" => json!(sandbox.kit().mchid),
            "time" => json!("2026-08-15T12:00:00+08:00"),
            "duration" => json!("1s"),
            "fault" => json!("drop"),
            "event" | "event_type" => json!("COUPON.SEND"),
            // Nobody is called: the sandbox does not post to private networks.
            "url" => json!("http://10.0.0.1/"),
            _ => json!("1"),
        },
    }
}

#[test]
fn each_handler_reads_the_members_that_its_route_has_and_no_others() {
    let sandbox = Sandbox::start().unwrap();
    let control = Control { platform: sandbox.shared_platform() };
    let mut different = Vec::new();
    for route in control.routes() {
        let declared: std::collections::BTreeSet<String> =
            route.members.iter().map(|member| member.name.to_owned()).collect();
        let segments = route.path.split('/').map(|segment| match placeholder(segment) {
            Some("mchid") => sandbox.kit().mchid.as_str(),
            Some(_) => "1",
            None => segment,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        // All at once, and each one that excludes others with those that are needed.
        let alone = route.members.iter().map(Some);
        READ.take();
        for chosen in std::iter::once(None).chain(alone) {
            let is_given = |member: &&Member| {
                chosen.is_none_or(|chosen| {
                    member.is_required || member.name == "openid" || member.name == chosen.name
                })
            };
            let given = route.members.iter().filter(is_given);
            let (target, body) = match route.has_body() {
                true => {
                    let body: Value =
                        given.map(|member| (member.name.to_owned(), sample(member, &sandbox))).collect();
                    (path.clone(), body.to_string())
                }
                false => {
                    let pairs = given.map(|member| {
                        let value = sample(member, &sandbox);
                        format!("{}={}", member.name, value.as_str().map_or(value.to_string(), str::to_owned))
                    });
                    (format!("{path}?{}", pairs.collect::<Vec<_>>().join("&")), String::new())
                }
            };
            let response = control.respond(route.method, &target, body.as_bytes(), true);
            let message =
                response.body.as_ref().and_then(|body| body["message"].as_str()).unwrap_or_default();
            let is_refused_unread = ["unknown member", "must be a", "must be one of"];
            assert!(
                !is_refused_unread.iter().any(|words| message.starts_with(words)),
                "{} {target}: {message}",
                route.method
            );
        }
        let read = READ.take();
        if read != declared {
            different.push((route.method, route.path, read, declared));
        }
    }
    assert!(different.is_empty(), "route, what is read, what it has: {different:#?}");
}

#[test]
fn merchants_are_added_shown_and_changed() {
    let sandbox = Sandbox::start().unwrap();
    let control = sandbox.control().unwrap();
    let new = json!({ "mchid": "1900000200", "appids": ["wx1"], "sub_merchants": ["1900000201"] });
    let added = control.call("POST", "/merchants", Some(&new)).unwrap();
    assert!(std::path::Path::new(added["kit_file"].as_str().unwrap()).is_file());
    assert_eq!((&added["appids"], &added["sub_merchants"]), (&json!(["wx1"]), &json!(["1900000201"])));
    assert_eq!(
        (added["public_keys"].as_array().unwrap().len(), &added["platform_certificates"]),
        (1, &json!([]))
    );
    assert_eq!(refused(&sandbox, "POST", "/merchants", Some(new)).0, 409);
    assert_eq!(control.call("GET", "/merchants", None).unwrap()["merchants"].as_array().unwrap().len(), 2);
    let mode = json!({ "mode": "migration", "callback_percent": 0.1 });
    let keys = control.call("PUT", "/merchants/1900000200/platform-keys", Some(&mode)).unwrap();
    assert_eq!((&keys["callback_percent"], &keys["signs"]), (&json!(0.1), &keys["platform_certificates"][0]));
    let rotation = json!({ "key": "public-key", "step": "begin" });
    let both = control.call("POST", "/merchants/1900000200/platform-keys/rotation", Some(&rotation)).unwrap();
    assert_eq!(both["public_keys"].as_array().unwrap().len(), 2);
    let revoked = json!({ "state": "revoked" });
    let shown = control.call("PUT", "/merchants/1900000200/certificate", Some(&revoked)).unwrap();
    assert_eq!(shown["certificate"], "revoked");
    for (method, target, body, status) in [
        ("GET", "/merchants/1900000299", None, 404),
        ("POST", "/merchants/1900000200/platform-keys/rotation", Some(rotation), 400),
        (
            "PUT",
            "/merchants/1900000200/platform-keys",
            Some(json!({ "mode": "migration", "callback_percent": 101 })),
            400,
        ),
        ("POST", "/merchants", Some(json!({ "mchid": "../x" })), 400),
    ] {
        assert_eq!(refused(&sandbox, method, target, body).0, status, "{method} {target}");
    }
}

#[test]
fn a_merchant_that_the_builder_names_is_added_once() {
    let data = tempfile::tempdir().unwrap();
    let start = || {
        let new = crate::NewMerchant::new().mchid("1900000200");
        Sandbox::builder().data(data.path()).merchant(new).start().unwrap()
    };
    let kit =
        |sandbox: &Sandbox| sandbox.platform().kit_of("1900000200").unwrap().kit().merchant_serial.clone();
    let first = kit(&start());
    assert_eq!(kit(&start()), first);
}
