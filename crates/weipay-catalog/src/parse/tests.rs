use super::*;
use crate::field::{Carrier, Format, Limits, Purpose};
use crate::notification::Retry;
use crate::operation::{ApiVersion, Operation, Pictures, Place, Repeat};
use crate::shared::Shared;

const DISASSOCIATE: &str = r"POST v3/marketing/busifavor/coupons/disassociate
  title  取消关联订单信息
  group  商家券
  roles  直连商户, 服务商
  docs   v3/merchant/4012465673, v3/partner/4012465703

  json
    stock_id*        string 1..20  # 批次号 = 98065001
    out_request_no*  string 1..128 /^[0-9A-Za-z_\-|*]+$/  # 商户请求单号

  response
    wechatpay_disassociate_time*  string rfc3339  # 取消关联成功时间 = 2015-05-20T13:29:35+08:00
";

fn read(text: &'static str) -> Result<Operation, ParseError> {
    operation(text, Shared::default().resolver())
}

fn one(lines: &str) -> Result<Operation, ParseError> {
    let text = format!("POST v3/a/b\n  title 标题\n{lines}");
    read(Box::leak(text.into_boxed_str()))
}

fn refusal(lines: &str) -> String {
    one(lines).unwrap_err().to_string()
}

#[test]
fn a_whole_operation_is_read() {
    let read = read(DISASSOCIATE).unwrap();
    assert_eq!((read.method, read.path), ("POST", "v3/marketing/busifavor/coupons/disassociate"));
    assert_eq!(read.roles, ["直连商户", "服务商"]);
    assert_eq!(read.docs.len(), 2);
    let [stock_id, request_no] = &read.request.json[..] else { panic!("{:?}", read.request.json) };
    assert!(stock_id.required);
    assert_eq!(stock_id.limits, Limits { min: Some(1), max: Some(20) });
    assert_eq!((stock_id.label, stock_id.example.as_deref()), ("批次号", Some("98065001")));
    assert_eq!(request_no.pattern, Some(r"^[0-9A-Za-z_\-|*]+$"));
    assert_eq!(read.response[0].format, Some(Format::Rfc3339));
    assert_eq!(read.success, 200);
}

#[test]
fn members_belong_to_the_object_above_them() {
    let read = one("  json\n    a object[1..5]  # 列表\n      b integer 1..  # 数\n      c object\n        d string (X | Y Z)\n    e string encrypted 1..64\n").unwrap();
    let [a, e] = &read.request.json[..] else { panic!() };
    assert!(a.list && a.items.max == Some(5));
    assert_eq!(a.fields.iter().map(|field| field.name).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(a.fields[1].fields[0].values, ["X", "Y Z"]);
    assert_eq!(e.carrier, Some(Carrier::Encrypted));
}

#[test]
fn a_field_may_be_required_in_one_mode_only() {
    let read = one("  json\n    mchid*(直连模式)  string\n    sub_mchid*  string\n").unwrap();
    let [mchid, sub_mchid] = &read.request.json[..] else { panic!() };
    assert_eq!((mchid.name, mchid.required, mchid.required_in), ("mchid", false, Some("直连模式")));
    assert_eq!((sub_mchid.required, sub_mchid.required_in), (true, None));
    for mark in ["*()", "*直连模式", "*("] {
        let refusal = refusal(&format!("  json\n    mchid{mark}  string\n"));
        assert!(refusal.contains("should be `*`"), "{refusal}");
    }
}

#[test]
fn a_field_may_be_needed_in_one_case() {
    let read = one("  json\n    a?(NORMAL)  object\n      b?(按个数)  integer\n    c  string\n").unwrap();
    let [a, c] = &read.request.json[..] else { panic!() };
    assert_eq!((a.name, a.required, a.needed_in), ("a", false, Some("NORMAL")));
    assert_eq!((a.fields[0].name, a.fields[0].needed_in, c.needed_in), ("b", Some("按个数"), None));
    for mark in ["?", "?()", "?NORMAL"] {
        assert!(refusal(&format!("  json\n    a{mark}  string\n")).contains("should be `?(CASE)`"), "{mark}");
    }
}

#[test]
fn a_range_counts_characters_unless_it_says_bytes() {
    let read = one("  json\n    a string 6..32 bytes /^[a-z]+$/\n    b string 6..32\n").unwrap();
    let [a, b] = &read.request.json[..] else { panic!() };
    assert_eq!((a.limits, a.in_bytes, a.pattern), (b.limits, true, Some("^[a-z]+$")));
    assert!(!b.in_bytes);
}

#[test]
fn a_notify_url_has_the_platforms_own_pattern() {
    let read = one("  json\n    notify_url string ..255 notify-url # 通知地址\n").unwrap();
    assert_eq!(read.request.json[0].pattern, Some(crate::field::NOTIFY_URL));
    assert_eq!(read.request.json[0].format, Some(Format::NotifyUrl));
}

#[test]
fn an_example_keeps_what_it_holds() {
    let read =
        one("  json\n    a string # 标 = {\"x\": \"# = /\"}\n    b string = \"line\\nbreak \\\"q\\\"\"\n")
            .unwrap();
    assert_eq!(read.request.json[0].example.as_deref(), Some("{\"x\": \"# = /\"}"));
    assert_eq!(read.request.json[1].example.as_deref(), Some("line\nbreak \"q\""));
}

#[test]
fn a_list_may_go_on_in_the_next_lines() {
    let read = one("  docs   v3/merchant/1, v3/partner/2,\n         v3/merchant/3,\n         v3/partner/4\n  json\n    a string\n")
        .unwrap();
    assert_eq!(read.docs, ["v3/merchant/1", "v3/partner/2", "v3/merchant/3", "v3/partner/4"]);
    assert_eq!(read.request.json[0].line, 7, "fields keep the number of their line");
    assert!(refusal("  docs   v3/merchant/1,\n  group  x\n").starts_with("line 3: the line ends with `,`"));
    assert!(refusal("  docs   v3/merchant/1,\n").starts_with("line 3: the line ends with `,`"));
    assert!(one("  group  a, b,\n  docs  v3/merchant/1\n").is_ok(), "only lists go on");
}

#[test]
fn a_list_of_values_may_go_on_in_the_next_lines() {
    let read = one("  json\n    a string (A | B C |\n              D |\n              E) # 标 = D\n      \n    b object\n      c string (A |\n        B)\n").unwrap();
    let [a, b] = &read.request.json[..] else { panic!("{:?}", read.request.json) };
    assert_eq!(
        (&a.values[..], a.label, a.example.as_deref()),
        (&["A", "B C", "D", "E"][..], "标", Some("D"))
    );
    assert_eq!((b.line, b.fields[0].values.len()), (8, 2));
    assert!(
        refusal("  json\n    a string (A |\n    b string\n").starts_with("line 4: the line ends with `|`")
    );
    assert!(refusal("  json\n    a string (A |\n").starts_with("line 4: the line ends with `|`"));
}

#[test]
fn a_mistake_is_named_with_its_line() {
    assert_eq!(refusal("  tilte x\n"), "line 3: `tilte` is not a key of an operation");
    assert!(refusal("  json\n    a text\n").starts_with("line 4: `text` is not a type"));
    assert!(refusal("  json\n    a string 1-20\n").starts_with("line 4: `1-20` is not known here"));
    assert!(refusal("  json\n    a string\n    a integer\n").contains("`a` is described here twice"));
    assert!(refusal("  json\n   a string\n").contains("indented by 3"));
    assert!(refusal("  json\n    a string\n      b string\n").contains("which cannot have members"));
    assert!(refusal("    a string\n").contains("a field must be below a place"));
    assert!(refusal("  response 404\n").contains("should be a status"));
    assert!(refusal("  json\n    a string (X | Y\n").contains("has no `)`"));
    assert!(read("POST v3/a\n  json\n    a string\n").unwrap_err().reason.contains("`title`"));
    assert!(read("FETCH v3/a\n").unwrap_err().reason.contains("is not a heading"));
}

#[test]
fn a_file_is_cut_at_its_headings() {
    let text = "# first\nGET v3/a\n  title x\n\nPOST v3/a\n  title y\n";
    let cut = sections(text);
    assert_eq!(cut.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 5]);
    assert!(cut[0].1.ends_with("title x\n\n") && cut[1].1.starts_with("POST"));
}

#[test]
fn a_shared_object_gives_its_members_and_its_name() {
    let shared = Shared::from_texts([
        "OBJECT goods\n  id*  string\n",
        "OBJECT promotion\n  name   string\n  goods  object[] <goods>\n",
    ]);
    let text = "GET v3/a\n  title x\n  response\n    list object[] <promotion> # 优惠\n    text string json-text <goods>\n";
    let read = operation(text, shared.resolver()).unwrap();
    let [list, text] = &read.response[..] else { panic!() };
    assert_eq!((list.shared, list.label), (Some("promotion"), "优惠"));
    assert_eq!(list.fields.iter().map(|field| field.name).collect::<Vec<_>>(), ["name", "goods"]);
    assert_eq!((list.fields[1].shared, list.fields[1].fields[0].name), (Some("goods"), "id"));
    assert!(list.fields[1].fields[0].required);
    assert_eq!(text.fields[0].name, "id");
}

#[test]
fn a_shared_object_that_is_missing_or_holds_itself_is_named() {
    let reason = |texts: &[&'static str], line: &str| {
        let text = format!("GET v3/a\n  title x\n  response\n    a {line}\n");
        let shared = Shared::from_texts(texts.iter().copied());
        operation(Box::leak(text.into_boxed_str()), shared.resolver()).unwrap_err().to_string()
    };
    assert!(reason(&[], "object <goods>").starts_with("line 4: the shared object <goods> does not exist"));
    assert!(reason(&["OBJECT goods\n  a object <goods>\n"], "object <goods>").contains("contains itself"));
    assert!(reason(&["OBJECT goods\n  a text\n"], "object <goods>").contains("shared/goods.api: line 2"));
    assert!(reason(&["OBJECT goods\n"], "object <goods>").contains("needs members"));
    assert!(reason(&[], "string <goods>").contains("the shared list of values <goods> does not exist"));
    let nested = "object <goods>\n      b string";
    assert!(reason(&["OBJECT goods\n  a string\n"], nested).contains("are in shared/goods.api"));
}

#[test]
fn a_shared_list_gives_its_values_and_its_name() {
    let shared = Shared::from_texts([
        "VALUES trade_state\n  # comment\n  SUCCESS\n\n  NOT PAY\n",
        "OBJECT order\n  state*  string <trade_state>  # 状态 = SUCCESS\n",
    ]);
    let text = "GET v3/a\n  title x\n  response\n    states string[] <trade_state> # 交易状态\n    order object <order>\n";
    let read = operation(text, shared.resolver()).unwrap();
    let [states, order] = &read.response[..] else { panic!() };
    assert_eq!((states.shared, states.label, states.list), (Some("trade_state"), "交易状态", true));
    assert_eq!(states.values, ["SUCCESS", "NOT PAY"]);
    let state = &order.fields[0];
    assert_eq!((&state.values, state.example.as_deref()), (&states.values, Some("SUCCESS")));
    assert!(state.fields.is_empty());
}

#[test]
fn a_shared_list_that_is_missing_or_does_not_fit_is_named() {
    let reason = |texts: &[&'static str], line: &str| {
        let text = format!("GET v3/a\n  title x\n  response\n    a {line}\n");
        let shared = Shared::from_texts(texts.iter().copied());
        operation(Box::leak(text.into_boxed_str()), shared.resolver()).unwrap_err().to_string()
    };
    let list = "VALUES state\n  A\n";
    assert!(
        reason(&[], "string <state>").starts_with("line 4: the shared list of values <state> does not exist")
    );
    assert!(reason(&[list], "string (A) <state>").contains("keep one of them"));
    assert!(reason(&[list], "object <state>").contains("<state> is a list of values, which has no members"));
    assert!(reason(&["OBJECT state\n  a string\n"], "string <state>").contains("<state> is an object"));
    assert!(reason(&[list], "integer <state>").contains("a integer has neither members nor a shared list"));
    assert!(reason(&["VALUES state\n"], "string <state>").contains("a list of values needs values"));
    let twice = "VALUES state\n  A\n  B\n  A\n";
    assert!(
        reason(&[twice], "string <state>")
            .contains("values/state.api: line 4: the value `A` is listed twice")
    );
    assert!(reason(&["VALUES state\n  A\n    B\n"], "string <state>").contains("indented too deeply"));
    assert!(reason(&[list], "string <state>\n      b string").contains("cannot have members"));
}

const ENVELOPE: &str = r"ENVELOPE v3
  title  回调
  retry  15s x2, 3m, 6h
  headers
    Wechatpay-Nonce*  string
  body
    id*  string
  response
    code  string (SUCCESS | FAIL)
";

#[test]
fn a_notification_says_only_what_its_envelope_does_not() {
    let shared = Shared::default();
    let envelope = envelope(ENVELOPE, shared.resolver()).unwrap();
    assert_eq!(envelope.retry, Retry { waits: vec![15, 15, 180, 21600], confirmed: true });
    let text = "NOTIFY v3 COUPON.SEND\n  title 领券\n  original-type coupon\n  retry 60s x11 unconfirmed\n  resource\n    stock_id* string\n  response\n    code* string\n";
    let read = notification(text, shared.resolver(), Some(&envelope)).unwrap();
    assert_eq!((read.version, read.event, read.title), (ApiVersion::V3, "COUPON.SEND", "领券"));
    assert_eq!(read.retry, Retry { waits: vec![60; 11], confirmed: false });
    assert_eq!((read.original_types.as_slice(), read.cipher), (&["coupon"][..], "AES-256-GCM"));
    assert_eq!((read.body[0].name, read.headers.len()), ("id", 1));
    assert_eq!(read.resource[0].name, "stock_id");
    assert!(
        read.response[0].required && read.response.len() == 1,
        "the response of the notification replaces that of the envelope"
    );
}

#[test]
fn a_mistake_in_a_notification_is_named_with_its_line() {
    let refusal = |lines: &str| {
        let text = format!("NOTIFY v3 A.B\n  title x\n{lines}");
        let shared = Shared::default();
        notification(Box::leak(text.into_boxed_str()), shared.resolver(), None).unwrap_err().to_string()
    };
    assert_eq!(refusal("  unsigned\n"), "line 3: `unsigned` is not a key of a notification");
    assert!(refusal("  retry soon\n").contains("line 3: `soon` should be waits"));
    assert!(refusal("  retry 15s x0\n").contains("should be waits"));
    assert!(refusal("  retry 99999999999h\n").contains("should be waits"));
    assert!(refusal("    a string\n").contains("a field must be below a place"));
    assert!(refusal("  resource\n    a string\n    a string\n").contains("is described here twice"));
}

#[test]
fn the_example_that_teaches_the_format_can_be_read() {
    let readme = include_str!("../../catalog/README.md");
    let example = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let shared = Shared::from_texts(["OBJECT payer_identity\n  type*  string\n"]);
    let read = operation(example, shared.resolver()).unwrap();
    let names: Vec<_> = read.request.json.iter().map(|field| field.name).collect();
    assert_eq!(names, ["appid", "attach", "type", "name", "amount", "tags", "payer", "identity"]);
    assert!(read.request.json[1].in_bytes && !read.request.json[0].in_bytes);
    assert!(read.request.json[5].list && read.request.json[5].items.max == Some(10));
    assert_eq!(read.request.json[7].shared, Some("payer_identity"));
}

#[test]
fn the_example_of_echoes_can_be_read() {
    let readme = include_str!("../../catalog/README.md");
    let example = readme.split("```text\n").nth(2).and_then(|rest| rest.split("```").next()).unwrap();
    let read = one(example.split_once("title  示例\n").unwrap().1).unwrap();
    let [id, batch] = &read.response[..] else { panic!("{:?}", read.response) };
    assert_eq!((id.purpose, id.echo_of), (Some(Purpose::Echo), Some("transaction_id")));
    assert_eq!((batch.fields[0].purpose, batch.fields[0].echo_of), (Some(Purpose::Echo), None));
}

#[test]
fn the_example_of_error_codes_can_be_read() {
    let readme = include_str!("../../catalog/README.md");
    let example = readme.split("```text\n").nth(3).and_then(|rest| rest.split("```").next()).unwrap();
    let list = |name: &str| -> &'static str {
        format!("ERRORS {name}\n  errors page v3/merchant/1\n    400 A_B contact {name}\n").leak()
    };
    let objects = Shared::from_texts([list("example_order"), list("example_limits")]);
    let read = operation(example, objects.resolver()).unwrap();
    let codes: Vec<_> = read.error_codes().map(|code| code.code).collect();
    assert_eq!(codes, ["USER_PAYING", "ORDER_CLOSED", "RULE_LIMIT", "A_B", "A_B"]);
}

#[test]
fn the_format_is_taught_whole() {
    let readme = include_str!("../../catalog/README.md");
    let formats = Format::ALL.iter().map(|format| format.word());
    let carriers = Carrier::ALL.iter().map(|carrier| carrier.word());
    let keys = [
        "client-cert",
        "nonceless",
        "unsigned",
        "signed-digest",
        "partner",
        "pictures",
        "multipart",
        "other",
        "response-headers",
        "resource",
        "bytes",
    ];
    let advice = crate::errors::Advice::ALL.map(|advice| advice.word());
    let sources = crate::errors::Basis::ALL.map(|basis| basis.word());
    for word in advice.into_iter().chain(sources) {
        assert!(readme.contains(&format!("`{word}`")) || readme.contains(&format!("`{word}, ")), "{word}");
    }
    let of_notifications = ["sent-as", "original-type", "associated-data", "cipher", "retry"];
    for word in formats.chain(carriers).chain(keys).chain(of_notifications) {
        assert!(readme.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn a_field_has_one_purpose() {
    let read = one("  json\n    a* string 1..32 request-number  # 商户请求单号 = 1\n").unwrap();
    assert_eq!(read.request.json[0].purpose, Some(Purpose::RequestNumber));
    assert_eq!(read.request_number().map(|(place, field)| (place, field.name)), Some((Place::Json, "a")));
    let problem = refusal("  xml\n    a string nonce signature\n");
    assert!(problem.contains("`nonce` and `signature` are two purposes"), "{problem}");
    let read = one("  response\n    id string echo(refund_id)\n    b string echo\n").unwrap();
    assert_eq!(read.response[0].purpose, Some(Purpose::Echo));
    assert_eq!((read.response[0].echo_of, read.response[1].echo_of), (Some("refund_id"), None));
    for unknown in ["echo()", "echo(a", "state(a)"] {
        let problem = refusal(&format!("  response\n    id string {unknown}\n"));
        assert!(problem.contains(&format!("`{unknown}` is not known here")), "{problem}");
    }
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_word(purpose.word()), Some(purpose));
    }
}

#[test]
fn what_is_known_of_a_repeat_is_read_with_its_reason() {
    let read = one("  repeat safe, the page says: 幂等, twice\n").unwrap();
    assert_eq!((read.repeat, read.repeat_reason), (Some(Repeat::Safe), "the page says: 幂等, twice"));
    assert_eq!(read.repeat_after, None);
    let read = one("  repeat safe after 1m, the page says: 1分钟\n").unwrap();
    assert_eq!((read.repeat, read.repeat_after), (Some(Repeat::Safe), Some(60)));
    assert_eq!(read.repeat_reason, "the page says: 1分钟");
    assert!(refusal("  repeat safe after a while, x\n").contains("`a while` should be a wait such as"));
    assert_eq!(one("  repeat unknown\n").unwrap().repeat, Some(Repeat::Unknown));
    assert_eq!(one("").unwrap().repeat, None);
    assert!(refusal("  repeat perhaps\n").contains("`perhaps` should be safe, not-safe or unknown"));
}

#[test]
fn a_success_may_answer_with_a_file() {
    let read = one("  response file\n").unwrap();
    assert!(read.has_file_response && read.success == 200 && read.response.is_empty());
    assert!(refusal("  response picture\n").contains("a status such as 204, or `file`"));
}

#[test]
fn an_upload_says_what_is_special_about_pictures() {
    let upload = "  multipart\n    file* object ..7864320\n";
    assert_eq!(one(&format!("  pictures only\n{upload}")).unwrap().pictures, Some(Pictures::Only));
    assert_eq!(one(&format!("  pictures ..20\n{upload}")).unwrap().pictures, Some(Pictures::UpTo(20)));
    assert!(refusal(&format!("  pictures small\n{upload}")).contains("`small` should be `only` or a limit"));
    assert!(refusal("  pictures only\n").contains("only an upload"));
}

#[test]
fn the_sub_merchant_is_a_field_of_the_request_itself() {
    let place = |operation: &Operation| operation.sub_mchid().map(|(place, field)| (place, field.name));
    let query =
        one("  query\n    sub_mchid*  string sub-merchant-number  # 子商户号\n    sub_appid  string sub-merchant-appid  # 子商户应用ID\n").unwrap();
    assert_eq!(place(&query), Some((Place::Query, "sub_mchid")));
    assert_eq!(query.sub_appid().map(|(place, _)| place), Some(Place::Query));
    let combined =
        one("  json\n    sub_orders*  object[]  # 子单\n      sub_mchid*  string  # 子商户号\n").unwrap();
    assert_eq!(place(&combined), None);
    let upload = "  multipart\n    meta*  object  # 文件信息\n      sub_mchid*  string sub-merchant-number  # 子商户号\n";
    assert_eq!(place(&one(upload).unwrap()), Some((Place::Multipart, "sub_mchid")));
}
