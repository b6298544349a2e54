//! The codec, on a small model.

use serde_json::json;

use weipay_wire::PrivateKey;

use super::value::check;
use super::*;
use crate::error::DecodeError;
use crate::request::encoding::{Parts, encode};
use crate::response::Decode;

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
        wechatpay_serial: String = header("Wechatpay-Serial").platform_serial(),
        /// A colour.
        colour: Colour = body("colour"),
        /// A time.
        at: Time = body("at"),
        /// A boolean.
        open: bool = body("open"),
        /// Bytes.
        attach: String = body("attach").bytes(2, 6),
        /// A URL.
        notify_url: String = body("notify_url").notify_url(),
        /// Encrypted.
        id_card: Sensitive = body("id_card").length(0, 18).encrypted(),
    }

    /// A part.
    pub struct Part {
        /// Required.
        name: String = body("name").required(),
    }
}

open_enum! {
    /// A kind.
    pub enum Kind {
        One = "1",
    }
}

response! {
    /// Values that are digits.
    pub struct Digits {
        /// A kind.
        kind: Kind = body("kind"),
    }
}

#[test]
fn a_length_in_bytes_counts_bytes() {
    let rule = |attach: &str| check(&good().attach(attach)).map_err(|broken| broken.rule);
    assert_eq!(rule("券券"), Ok(()));
    assert_eq!(rule("券券1"), Err("has 7 bytes: 2 to 6".to_owned()));
    assert_eq!(rule("1"), Err("has 1 bytes: 2 to 6".to_owned()));
}

#[test]
fn a_notify_url_has_no_query_and_no_other_scheme() {
    let fits = |url: &str| check(&good().notify_url(url));
    for url in [
        "https://www.weixin.qq.com/wxpay/pay.php",
        "http://127.0.0.1:8080/notify",
        "https://user@shop.example/通知",
        "http://localhost",
    ] {
        assert_eq!(fits(url), Ok(()), "{url}");
    }
    for url in [
        "https://a.com/?id=1",
        "https://a.com#b",
        "ftp://a.com",
        "a.com",
        " https://a.com",
        "https://a.com/b c",
    ] {
        let broken = fits(url).unwrap_err();
        assert_eq!(broken.path, "notify_url", "{url}");
        assert!(broken.rule.starts_with("is not a URL that the platform calls"), "{}", broken.rule);
    }
}

#[test]
fn the_whole_text_matches_its_pattern() {
    // The platform's patterns are written with `^` and `$`; one without them means the same.
    let fits = |code: &str| code.to_owned().check(&body("code").pattern("[0-9]+|[a-z]+")).is_ok();
    assert!(fits("12") && fits("ab"));
    for code in ["12a", "a12", "12\n", "1 2"] {
        assert!(!fits(code), "{code:?}");
    }
}

#[test]
fn an_empty_text_that_is_not_required_is_sent_as_it_is() {
    // The platform takes it, whatever its page says of the length; of a required one it says how short it is.
    check(&good().number("").attach("").notify_url("").at("").colour("")).unwrap();
    assert_eq!(broken(good().code("")), ("code".to_owned(), "has 0 characters: 1 to 3".to_owned()));
}

#[test]
fn a_value_that_no_page_lists_keeps_the_length_of_its_field() {
    let rule =
        |colour: &str| Colour::from(colour).check(&body("colour").length(1, 4)).map_err(|broken| broken.rule);
    assert_eq!(rule("RED"), Ok(()));
    assert_eq!(rule("BLUE"), Ok(()));
    assert_eq!(rule("GREEN"), Err("has 5 characters: 1 to 4".to_owned()));
}

#[test]
fn an_integer_has_the_width_of_its_field() {
    let most = i64::from(i32::MAX);
    assert_eq!(most.check(&body("a").int32()), Ok(()));
    let broken = (most + 1).check(&body("a").int32()).unwrap_err();
    assert_eq!(broken.rule, "is not a signed integer of 32 bits");
    assert!((-1).check(&body("a").uint64()).is_err());
}

#[test]
fn a_text_has_the_format_of_its_field() {
    let fits = |text: &str, field: Field| text.to_owned().check(&field).is_ok();
    assert!(fits("2019-06-11", body("bill_date").date()) && !fits("20190611", body("bill_date").date()));
    assert!(fits("https://a.com/?b", body("url").url()) && !fits("a.com", body("url").url()));
}

fn good() -> Request {
    Request::new().code("abc")
}

fn sent(request: &dyn Model) -> Parts {
    encode(request, Encryption::AsSet).unwrap()
}

fn read(body: &str) -> Result<(Request, Vec<DecodeError>), DecodeError> {
    Request::decode(body.as_bytes(), None)
}

fn broken(request: Request) -> (String, String) {
    let violation = check(&request).unwrap_err();
    (violation.path, violation.rule)
}

#[test]
fn a_request_that_keeps_the_rules_passes() {
    let full =
        good().number("12").total(1).part(Part::new().name("n")).parts([Part::new().name("m")]).limit(50);
    let full = full.colour("BLUE").at("2015-05-20T13:29:35+08:00").open(true);
    check(&full).unwrap();
}

#[test]
fn a_broken_rule_is_named_with_its_path() {
    assert_eq!(broken(Request::new()), ("code".into(), "is required (必填) and not set".into()));
    assert_eq!(broken(good().code("")), ("code".into(), "has 0 characters: 1 to 3".into()));
    assert_eq!(broken(good().code("四个汉字")), ("code".into(), "has 4 characters: 1 to 3".into()));
    assert_eq!(broken(good().number("1a")), ("number".into(), "does not match ^[0-9]+$".into()));
    assert_eq!(broken(good().total(0)), ("total".into(), "is 0: at least 1".into()));
    assert_eq!(broken(good().part(Part::new())).0, "part.name");
    assert_eq!(broken(good().parts(Vec::<Part>::new())), ("parts".into(), "has 0 members: 1 to 2".into()));
    assert_eq!(broken(good().parts([Part::new().name("a"), Part::new()])).0, "parts[1].name");
    assert_eq!(broken(good().limit(51)).0, "limit");
    assert_eq!(broken(good().at("tomorrow")).0, "at");
}

#[test]
fn each_field_travels_in_its_place_and_unset_ones_do_not_travel() {
    let parts = sent(&good().total(5).limit(20).wechatpay_serial("S").colour(Colour::Red));
    assert_eq!(parts.body.unwrap().to_string(), r#"{"code":"abc","total":5,"colour":"RED"}"#);
    assert_eq!(parts.query, [("limit", "20".to_owned())]);
    assert_eq!(parts.headers, [("Wechatpay-Serial", "S".to_owned())]);
    assert!(sent(&Empty).body.is_none());
}

#[test]
fn a_response_with_new_odd_and_missing_parts_still_reads() {
    let body = json!({
        "code": 7, "total": "12", "new": {"x": 1}, "colour": "MAUVE", "at": "soon", "open": null,
        "number": {"no": "string"}, "parts": [{"name": "a"}, 5, {"name": []}], "part": "text"
    });
    let (read, decode_errors) = read(&body.to_string()).unwrap();
    assert_eq!(read.code.as_deref(), Some("7"));
    assert_eq!(read.total, Some(12));
    assert_eq!(read.colour, Some(Colour::Unknown("MAUVE".into())));
    assert_eq!(read.at.unwrap().as_str(), "soon");
    assert_eq!((read.open, read.number, read.part), (None, None, None));
    assert_eq!(read.parts.unwrap(), [Part::new().name("a"), Part::new()]);

    let told: Vec<String> =
        decode_errors.iter().map(|problem| format!("{}: {}", problem.path, problem.reason)).collect();
    assert_eq!(
        told,
        [
            "number: expected a string, found an object",
            "parts[1]: expected an object, found a number",
            "parts[2].name: expected a string, found an array",
            "part: expected an object, found a string",
        ]
    );
}

#[test]
fn of_two_members_with_one_name_the_later_counts() {
    let (model, decode_errors) = read(r#"{"total":1,"code":"a","total":2,"code":null}"#).unwrap();
    assert_eq!((model.total, model.code, decode_errors), (Some(2), None, vec![]));
}

#[test]
fn a_body_that_ends_early_or_late_is_an_error() {
    for body in [r#"{"total":1"#, r#"{"total":1}{"#, r#"{"total":1,}"#, "{}\u{feff}", "\u{feff}\u{feff}{}"] {
        assert!(read(body).is_err(), "{body}");
    }
    // A byte order mark is not a part of the body.
    assert_eq!(read("\u{feff}{\"total\":1}").unwrap().0.total, Some(1));
}

#[test]
fn a_number_that_would_become_another_one_is_no_text() {
    let (read, decode_errors) =
        read(r#"{"code":4200000119202403151234567890,"number":12,"at":1.5,"colour":7e3}"#).unwrap();
    assert_eq!((read.code, read.number.as_deref(), read.at, read.colour), (None, Some("12"), None, None));
    assert_eq!(decode_errors.len(), 3, "{decode_errors:?}");
}

#[test]
fn a_known_value_that_comes_as_a_number_is_known() {
    let (read, decode_errors) = Digits::decode(br#"{"kind":1}"#, None).unwrap();
    assert_eq!((read.kind, decode_errors), (Some(Kind::One), vec![]));
}

#[test]
fn half_a_character_does_not_hide_a_response() {
    for body in [&br#"{"code":"a\ud83d","total":7}"#[..], b"{\"code\":\"a\xF0\x9F\",\"total\":7}"] {
        let (read, decode_errors) = Request::decode(body, None).unwrap();
        assert_eq!((read.code.as_deref(), read.total), (Some("a\u{FFFD}"), Some(7)));
        assert_eq!(decode_errors.len(), 1, "{decode_errors:?}");
    }
}

#[test]
fn what_did_not_read_is_told_within_bounds() {
    let body = format!(r#"{{"parts":[{}0],"total":"x"}}"#, "0,".repeat(5_000));
    let (_, decode_errors) = read(&body).unwrap();
    assert_eq!(decode_errors.len(), 101);
    assert_eq!(decode_errors[0].path, "parts[0]");
}

#[test]
fn a_model_that_was_written_reads_back() {
    let request =
        good().total(3).colour("BLUE").at("2015-05-20T13:29:35+08:00").parts([Part::new().name("m")]);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
}

#[test]
fn a_blank_in_place_of_the_t_of_a_time_is_not_sent() {
    let (path, rule) = broken(good().at("2015-05-20 13:29:35+08:00"));
    assert_eq!(path, "at");
    assert!(!rule.contains("2015-05-20 13"), "a rule does not print the value: {rule}");
}

#[test]
fn only_what_is_no_object_is_an_error() {
    assert_eq!(read("").unwrap(), (Request::new(), vec![]));
    assert_eq!(read("{}").unwrap(), (Request::new(), vec![]));
    assert!(read("[]").is_err());
    assert!(read("<html>").is_err());
    assert_eq!(Empty::decode(b"<html>", None).unwrap(), (Empty, vec![]));
}

#[test]
fn a_model_serializes_as_it_is_sent() {
    let text = serde_json::to_string(&Part::new().name("券")).unwrap();
    assert_eq!(text, r#"{"name":"券"}"#);
}

#[test]
fn a_sensitive_value_prints_its_form_and_not_its_text() {
    // A private value is only shown as set.
    let printed = |value: Sensitive| format!("{:?}", good().id_card(value).part(Part::new().name("secret")));
    for (value, form) in [
        (Sensitive::plain_text("110101199001011234"), "(sensitive, plain text)"),
        (Sensitive::ciphertext("110101199001011234"), "(sensitive, ciphertext)"),
        (Sensitive::unencrypted("110101199001011234"), "(sensitive, to be sent unencrypted)"),
    ] {
        let expected =
            format!(r#"Request {{ code: .., part: Some(Part {{ name: .. }}), id_card: Some({form}) }}"#);
        assert_eq!(printed(value), expected);
    }
}

#[test]
fn plain_text_leaves_encrypted_and_comes_back_plain() {
    let platform = PrivateKey::generate().unwrap();
    let public = platform.public_key();
    let request = good().id_card("110101199001011234");
    check(&request).unwrap();
    let body = encode(&request, Encryption::With(Some(&public))).unwrap().body.unwrap();
    let ciphertext = body["id_card"].as_str().unwrap();
    assert_eq!(platform.decrypt_oaep(ciphertext).unwrap().as_slice(), b"110101199001011234");
    assert_eq!(body["code"], "abc");

    let (opened, decode_errors) = Request::decode(body.to_string().as_bytes(), Some(&platform)).unwrap();
    assert_eq!(
        (opened.id_card.unwrap().as_plain_text(), decode_errors),
        (Some("110101199001011234"), vec![])
    );
    let (kept, _) = Request::decode(body.to_string().as_bytes(), None).unwrap();
    assert_eq!(kept.id_card.unwrap().as_ciphertext(), Some(ciphertext));
}

#[test]
fn plain_text_that_cannot_be_encrypted_is_not_sent() {
    let request = Request::new().part(Part::new().name("n")).id_card("110101199001011234");
    let problem = encode(&request, Encryption::With(None)).unwrap_err();
    assert_eq!(problem.path, "id_card");
    assert!(problem.rule.contains("no platform key"), "{}", problem.rule);
    // An empty one has nothing to encrypt.
    encode(&good().id_card(""), Encryption::With(None)).unwrap();
}

#[test]
fn the_form_of_a_sensitive_value_is_how_it_was_made_and_not_how_it_looks() {
    let platform = PrivateKey::generate().unwrap();
    let public = platform.public_key();
    let sent = |value: Sensitive| {
        encode(&good().id_card(value), Encryption::With(Some(&public)))
            .map(|parts| parts.body.unwrap()["id_card"].as_str().unwrap().to_owned())
    };
    // 214 letters that could be base64 are plain text when they were given as text.
    let letters = "x".repeat(214);
    let ciphertext = sent(letters.as_str().into()).unwrap();
    assert_eq!(platform.decrypt_oaep(&ciphertext).unwrap().as_slice(), letters.as_bytes());
    assert_eq!(sent(Sensitive::ciphertext(&ciphertext)).unwrap(), ciphertext);
    assert_eq!(sent(Sensitive::unencrypted("张三")).unwrap(), "张三");

    // Plain text that was called ciphertext by mistake does not leave.
    for mistaken in ["张三", "13800138000", "AAAA", &ciphertext[..340]] {
        let problem = sent(Sensitive::ciphertext(mistaken)).unwrap_err();
        assert!(problem.rule.contains("was given as ciphertext"), "{}", problem.rule);
        assert!(!problem.rule.contains(mistaken), "{}", problem.rule);
    }
}

#[test]
fn what_does_not_open_stays_ciphertext_and_is_told() {
    let key = PrivateKey::generate().unwrap();
    let (read, decode_errors) = Request::decode(br#"{"id_card":"110101199001011234"}"#, Some(&key)).unwrap();
    let value = read.id_card.unwrap();
    assert_eq!((value.as_plain_text(), value.as_ciphertext()), (None, Some("110101199001011234")));
    assert_eq!(decode_errors.len(), 1);
    assert_eq!(decode_errors[0].path, "id_card");
    assert!(!decode_errors[0].reason.contains("110101"), "{}", decode_errors[0].reason);
}

#[test]
fn the_rules_of_a_sensitive_field_are_about_its_plain_text() {
    let long = "x".repeat(344);
    check(&good().id_card(Sensitive::ciphertext(&*long))).unwrap();
    assert_eq!(check(&good().id_card(long)).unwrap_err().rule, "has 344 characters: at most 18");
}

response! {
    /// A model with JSON in strings.
    pub struct Carrier {
        /// An object.
        detail: JsonText<Part> = body("detail").length(0, 12),
        /// An array.
        list: JsonText<Vec<i64>> = body("list"),
    }
}

#[test]
fn json_inside_a_string_reads_as_what_it_is_and_is_sent_as_text() {
    let body = r#"{"detail":"{\"name\":\"n\",\"new\":1}","list":"[1,\"2\",{}]"}"#;
    let (read, decode_errors) = Carrier::decode(body.as_bytes(), None).unwrap();
    assert_eq!(read.detail.clone().unwrap().name.as_deref(), Some("n"));
    assert_eq!(read.list.clone().unwrap().0, [1, 2]);
    assert_eq!((decode_errors.len(), decode_errors[0].path.as_str()), (1, "list[2]"));
    assert_eq!(sent(&read).body.unwrap().to_string(), r#"{"detail":"{\"name\":\"n\"}","list":"[1,2]"}"#);
    check(&read).unwrap();

    // Some back-ends leave the quotes out; and text that is not JSON is not a value.
    let (read, decode_errors) = Carrier::decode(br#"{"detail":{"name":"n"},"list":"[1"}"#, None).unwrap();
    assert_eq!((read.detail.unwrap().name.as_deref(), read.list), (Some("n"), None));
    assert_eq!(decode_errors[0].reason, "expected JSON text, found a string");
    let (read, decode_errors) = Carrier::decode(br#"{"detail":" ","list":"7"}"#, None).unwrap();
    assert_eq!(
        (read, decode_errors.len()),
        (Carrier::default(), 1),
        "empty is absent, a number is not an array"
    );
}

#[test]
fn what_would_take_much_memory_is_an_error() {
    let too_large = |body: &str| {
        let problem = read(body).unwrap_err();
        assert!(problem.path.is_empty() && problem.reason.contains("64 MiB"), "{problem}");
    };
    let many = "{},".repeat(1_000_000);
    too_large(&format!(r#"{{"parts":[{many}{{}}],"total":7}}"#));
    too_large(&format!(
        "{{{}\"total\":7}}",
        format!(r#""parts":[{}{{}}],"#, "{},".repeat(10_000)).repeat(100)
    ));
    let (model, _) = read(&format!(r#"{{"new":[{many}{{}}],"total":7}}"#)).unwrap();
    assert_eq!(model.total, Some(7));
    let (model, decode_errors) =
        read(&format!(r#"{{"parts":[{}0],"total":7}}"#, "0,".repeat(1_000_000))).unwrap();
    assert_eq!((model.total, decode_errors.len()), (Some(7), 101));

    let text = serde_json::Value::String(format!("[{}0]", "0,".repeat(1_000_000)));
    let problem = Carrier::decode(json!({"list": text}).to_string().as_bytes(), None).unwrap_err();
    assert!(problem.reason.contains("64 MiB"), "{problem}");
}

#[test]
fn the_rules_of_json_text_hold_for_the_text_and_for_what_is_in_it() {
    let of = |part: Part| Carrier { detail: Some(part.into()), list: None };
    let broken = |carrier| check(&carrier).unwrap_err();
    assert_eq!(broken(of(Part::new())).path, "detail.name");
    assert_eq!(broken(of(Part::new().name("xx"))).rule, "has 13 characters: at most 12");
}

#[cfg(feature = "deserialize")]
mod read_back {
    use super::*;

    fn told(text: &str) -> String {
        serde_json::from_str::<Request>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_request_reads_back_as_it_was_written() {
        for id_card in [Sensitive::plain_text("1"), Sensitive::ciphertext("1"), Sensitive::unencrypted("1")] {
            let request = good().total(3).colour("BLUE").parts([Part::new().name("m")]).id_card(id_card);
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request, "{text}");
        }
        assert_eq!(serde_json::from_str::<Request>(r#"{"code":"abc","total":null}"#).unwrap(), good());
    }

    #[test]
    fn what_a_request_would_lose_is_an_error_with_its_path() {
        for (text, problem) in [
            (r#"{"codes":"a"}"#, "has an unknown member `codes`"),
            (r#"{"part":{"name":"n","more":1}}"#, "part: has an unknown member `more`"),
            (r#"{"parts":[{"name":"n"},{"nam":"m"}]}"#, "parts[1]: has an unknown member `nam`"),
            (r#"{"total":"12"}"#, "total: expected an integer, found a string"),
            (r#"{"total":1.5}"#, "total: expected an integer, found a number"),
            (r#"{"total":9223372036854775808}"#, "total: expected an integer, found a number"),
            (r#"{"code":7}"#, "code: expected a string, found a number"),
            (r#"{"colour":1}"#, "colour: expected a string, found a number"),
            (r#"{"at":1432099775}"#, "at: expected a string, found a number"),
            (r#"{"open":"yes"}"#, "open: expected a boolean, found a string"),
            (r#"{"open":"true"}"#, "open: expected a boolean, found a string"),
            (r#"{"open":1}"#, "open: expected a boolean, found a number"),
            (r#"{"part":"text"}"#, "part: expected an object, found a string"),
            (r#"{"part":[]}"#, "part: expected an object, found an array"),
            (r#"{"parts":{}}"#, "parts: expected an array, found an object"),
            (r#"{"id_card":7}"#, "id_card: expected a string, found a number"),
            (r#"{"id_card":{"cipher":"x"}}"#, "id_card: expected a string, found an object"),
            (r#"{"total":1,"total":2}"#, "total: is given twice"),
            (r#"{"total":null,"total":2}"#, "total: is given twice"),
            (r#"{"part":{"name":"n","name":null}}"#, "part.name: is given twice"),
            (r#"{"张三":1}"#, "has an unknown member, whose name may be a value"),
            (r#"{"13800138000":1}"#, "has an unknown member, whose name may be a value"),
            (r#""张三""#, "invalid type: string, expected a JSON object"),
            ("13800138000", "invalid type: integer, expected a JSON object"),
        ] {
            let told = told(text);
            assert!(told.starts_with(problem), "{text}: {told}");
        }
        let both = told(r#"{"open":1,"codes":2}"#);
        assert!(both.contains("open: ") && both.contains("`codes`"), "each of them: {both}");
        let long = told(&format!(r#"{{"{}":1}}"#, "\\u0007x".repeat(500)));
        assert!(long.len() < 200 && !long.contains('\u{7}'), "{long}");
    }

    #[test]
    fn a_response_is_still_read_leniently() {
        let read: Carrier = serde_json::from_str(r#"{"new":1,"list":7}"#).unwrap();
        assert_eq!(read, Carrier::default());
    }
}
