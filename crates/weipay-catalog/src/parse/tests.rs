use super::*;
use crate::field::{Carrier, Format, Limits};

const DISASSOCIATE: &str = r"POST v3/marketing/busifavor/coupons/disassociate
  title  取消关联订单信息
  group  商家券
  roles  直连商户, 服务商
  docs   v3/merchant/4012465673, v3/partner/4012465703

  json
    stock_id*        string 1..20  # 批次号 = 98065001
    out_request_no*  string 1..128 /^[0-9A-Za-z_\-|*]+$/  # 商户请求单号

  answer
    wechatpay_disassociate_time*  string rfc3339  # 取消关联成功时间 = 2015-05-20T13:29:35+08:00
";

fn one(lines: &str) -> Result<Operation, ParseError> {
    let text = format!("POST v3/a/b\n  title 标题\n{lines}");
    operation(Box::leak(text.into_boxed_str()))
}

fn refusal(lines: &str) -> String {
    one(lines).unwrap_err().to_string()
}

#[test]
fn a_whole_operation_is_read() {
    let read = operation(DISASSOCIATE).unwrap();
    assert_eq!((read.method, read.path), ("POST", "v3/marketing/busifavor/coupons/disassociate"));
    assert_eq!(read.roles, ["直连商户", "服务商"]);
    assert_eq!(read.docs.len(), 2);
    let [stock_id, request_no] = &read.request.json[..] else { panic!("{:?}", read.request.json) };
    assert!(stock_id.required);
    assert_eq!(stock_id.limits, Limits { min: Some(1), max: Some(20) });
    assert_eq!((stock_id.label, stock_id.example.as_deref()), ("批次号", Some("98065001")));
    assert_eq!(request_no.pattern, Some(r"^[0-9A-Za-z_\-|*]+$"));
    assert_eq!(read.answer[0].format, Some(Format::Rfc3339));
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
fn an_example_keeps_what_it_holds() {
    let read =
        one("  json\n    a string # 标 = {\"x\": \"# = /\"}\n    b string = \"line\\nbreak \\\"q\\\"\"\n")
            .unwrap();
    assert_eq!(read.request.json[0].example.as_deref(), Some("{\"x\": \"# = /\"}"));
    assert_eq!(read.request.json[1].example.as_deref(), Some("line\nbreak \"q\""));
}

#[test]
fn a_mistake_is_named_with_its_line() {
    assert_eq!(refusal("  tilte x\n"), "line 3: `tilte` is not a key of an operation");
    assert!(refusal("  json\n    a text\n").starts_with("line 4: `text` is not a type"));
    assert!(refusal("  json\n    a string 1-20\n").starts_with("line 4: `1-20` is neither a range"));
    assert!(refusal("  json\n    a string\n    a integer\n").contains("`a` stands here twice"));
    assert!(refusal("  json\n   a string\n").contains("indented by 3"));
    assert!(refusal("  json\n    a string\n      b string\n").contains("it has no members"));
    assert!(refusal("    a string\n").contains("a field needs a place above it"));
    assert!(refusal("  answer 404\n").contains("should be a status"));
    assert!(refusal("  json\n    a string (X | Y\n").contains("lacks its `)`"));
    assert!(operation("POST v3/a\n  json\n    a string\n").unwrap_err().reason.contains("`title`"));
    assert!(operation("FETCH v3/a\n").unwrap_err().reason.contains("should be a method and a path"));
}

#[test]
fn a_file_is_cut_at_its_headings() {
    let text = "# first\nGET v3/a\n  title x\n\nPOST v3/a\n  title y\n";
    let cut = sections(text);
    assert_eq!(cut.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 5]);
    assert!(cut[0].1.ends_with("title x\n\n") && cut[1].1.starts_with("POST"));
}
