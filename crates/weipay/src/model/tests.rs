//! The codec, on a small model of its own.

use serde_json::json;

use super::check::check;
use super::decode::{decode, misread};
use super::encode::encode;
use super::*;

open_enum! {
    /// A colour.
    pub enum Colour {
        Red = "RED",
    }
}

request! {
    /// A request.
    pub struct Request {
        /// Required; 1 to 3 characters.
        code: String = body("code").required().length(1, 3),
        /// A pattern.
        number: String = body("number").pattern("^[0-9]+$"),
        /// At least 1.
        total: i64 = body("total").range(1, i64::MAX),
        /// An object.
        part: Part = body("part"),
        /// One or two.
        parts: Vec<Part> = body("parts").items(1, 2),
        /// In the query.
        limit: i64 = query("limit").range(0, 50),
        /// In a header.
        wechatpay_serial: String = header("Wechatpay-Serial"),
        /// A colour.
        colour: Colour = body("colour"),
        /// A time.
        at: Time = body("at"),
        /// A boolean.
        open: bool = body("open"),
        /// Encrypted.
        id_card: String = body("id_card").encrypted(),
    }

    /// A part.
    pub struct Part {
        /// Required.
        name: String = body("name").required(),
    }
}

fn good() -> Request {
    Request::new().code("abc")
}

fn broken(request: Request) -> (String, String) {
    let violation = check(&request).unwrap_err();
    (violation.path, violation.rule)
}

#[test]
fn a_request_that_keeps_the_rules_passes() {
    let full =
        good().number("12").total(1).part(Part::new().name("n")).parts([Part::new().name("m")]).limit(50);
    check(&full.colour("BLUE").at("2015-05-20T13:29:35+08:00").open(true)).unwrap();
}

#[test]
fn a_broken_rule_is_named_with_its_path() {
    assert_eq!(broken(Request::new()), ("code".into(), "is required (必填) and not set".into()));
    assert_eq!(broken(good().code("")), ("code".into(), "has 0 characters: 1 to 3".into()));
    assert_eq!(broken(good().code("四个汉字")), ("code".into(), "has 4 characters: 1 to 3".into()));
    assert_eq!(broken(good().number("1a")), ("number".into(), "does not match ^[0-9]+$".into()));
    assert_eq!(broken(good().total(0)), ("total".into(), "is 0: at least 1".into()));
    assert_eq!(broken(good().part(Part::new())).0, "part.name");
    assert_eq!(broken(good().parts([])), ("parts".into(), "has 0 members: 1 to 2".into()));
    assert_eq!(broken(good().parts([Part::new().name("a"), Part::new()])).0, "parts[1].name");
    assert_eq!(broken(good().limit(51)).0, "limit");
    assert_eq!(broken(good().at("tomorrow")).0, "at");
}

#[test]
fn each_field_travels_in_its_place_and_unset_ones_do_not_travel() {
    let parts = encode(&good().total(5).limit(20).wechatpay_serial("S").colour(Colour::Red));
    assert_eq!(parts.body.unwrap().to_string(), r#"{"code":"abc","total":5,"colour":"RED"}"#);
    assert_eq!(parts.query, [("limit".to_owned(), "20".to_owned())]);
    assert_eq!(parts.headers, [("Wechatpay-Serial", "S".to_owned())]);
    assert!(encode(&Nothing).body.is_none());
}

#[test]
fn an_answer_with_new_odd_and_missing_parts_still_reads() {
    let body = json!({
        "code": 7, "total": "12", "new": {"x": 1}, "colour": "MAUVE", "at": "soon", "open": null,
        "number": {"no": "string"}, "parts": [{"name": "a"}, 5, {"name": []}], "part": "text"
    });
    let read: Request = decode(body.to_string().as_bytes()).unwrap();
    assert_eq!(read.code.as_deref(), Some("7"));
    assert_eq!(read.total, Some(12));
    assert_eq!(read.colour, Some(Colour::Unknown("MAUVE".into())));
    assert_eq!(read.at.unwrap().as_str(), "soon");
    assert_eq!((read.open, read.number, read.part), (None, None, None));
    assert_eq!(read.parts.unwrap(), [Part::new().name("a"), Part::new()]);

    let misread = misread::<Request>(body.to_string().as_bytes());
    let told: Vec<String> =
        misread.iter().map(|problem| format!("{}: {}", problem.path, problem.reason)).collect();
    assert_eq!(
        told,
        [
            "number: expected a string, found an object",
            "part: expected an object, found a string",
            "parts[1]: expected an object, found a number",
            "parts[2].name: expected a string, found an array",
        ]
    );
}

#[test]
fn only_what_is_no_object_is_an_error() {
    assert_eq!(decode::<Request>(b"").unwrap(), Request::new());
    assert_eq!(decode::<Request>(b"{}").unwrap(), Request::new());
    assert!(decode::<Request>(b"[]").is_err());
    assert!(decode::<Request>(b"<html>").is_err());
}

#[test]
fn a_model_serializes_as_it_is_sent() {
    let text = serde_json::to_string(&Part::new().name("券")).unwrap();
    assert_eq!(text, r#"{"name":"券"}"#);
}

#[test]
fn what_travels_encrypted_is_not_printed() {
    let printed = format!("{:?}", good().id_card("110101199001011234").part(Part::new().name("n")));
    assert_eq!(
        printed,
        r#"Request { code: Some("abc"), part: Some(Part { name: Some("n") }), id_card: (encrypted) }"#
    );
}
