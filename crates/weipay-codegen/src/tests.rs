//! What is written for operations that are described here.

use std::fs;

use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::{Operation, folder};

use crate::chain::Names;
use crate::flat::{self, FlatNames};
use crate::output::Output;
use crate::product::Writer;
use crate::table::{self, RowNames};
use crate::tree::Tree;
use crate::{features, operation};

/// The operation of one text, read like a file of the catalogue.
fn described(heading: &str, lines: &str) -> Operation {
    let root = tempfile::tempdir().unwrap();
    let place = heading.split_once(' ').unwrap().1;
    let index = if place.ends_with('/') { "index" } else { "" };
    let file = root.path().join(format!("{place}{index}.api"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("{heading}\n  title 标题\n{lines}\n")).unwrap();
    folder::operations(root.path()).unwrap().remove(0)
}

/// The module of its types, without the indentation that it has as a module.
fn types(heading: &str, lines: &str) -> String {
    let operation = described(heading, lines);
    let flat = FlatNames::new(std::slice::from_ref(&operation));
    let module = operation::module(&operation, "crate::v3::a::shared", &flat);
    module.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect()
}

/// A file of the product `v3/a`.
fn file(operations: &[Operation], file: &str) -> String {
    let mut output = Output::new();
    let names = Names {
        rows: &RowNames::new(operations),
        steps: &StepNames::new(operations.iter().map(|operation| operation.path)),
        flat: &FlatNames::new(operations),
    };
    let version = Tree::from_operations(operations.iter());
    let mut writer = Writer { names: &names, output: &mut output };
    for (name, product) in version.named_children() {
        writer.product(&version.path, &name, product).unwrap();
    }
    flat::write(&[version], names.flat, &mut output).unwrap();
    output.file(file).unwrap_or_else(|| panic!("{file} is not written")).to_owned()
}

/// The steps of the product `v3/a`.
fn steps(operations: &[Operation]) -> String {
    file(operations, "v3/a/chain.rs")
}

fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn the_step_of_a_placeholder_has_the_loosest_limits_of_the_operations_below() {
    let operations = [
        described("GET v3/a/{id}", "  path\n    id*  string 1..20 /^[0-9]+$/  # 编号"),
        described("POST v3/a/{id}/close", "  path\n    id*  string 2..32 /^[a-z]+$/  # 编号"),
        described("POST v3/b/{id}", "  path\n    id*  string ..32 /^[0-9]+$/  # 编号"),
    ];
    assert_holds(
        &steps(&operations),
        &[
            "/// `v3/a/{id}` with this 编号. 1 to 32 characters.\n",
            "fill(path(\"id\").length(1, 32), id.into())",
        ],
    );
    assert_holds(
        &file(&operations, "v3/b/chain.rs"),
        &[
            "with this 编号. At most 32 characters; matches `^[0-9]+$`.\n",
            "fill(path(\"id\").length(0, 32).pattern(r#\"^[0-9]+$\"#), id.into())",
        ],
    );
}

#[test]
fn what_the_client_fills_in_is_required_of_answers_only() {
    let request = "  xml\n    sign*  string ..64 signature  # 签名\n";
    let answer = "  response\n    sign*  string ..64  # 签名\n";
    let text = types("POST v2/a/b", &format!("{request}\n{answer}"));
    assert_holds(
        &text,
        &[
            "/// 签名. The client fills it in. At most 64 characters.\n        sign: String = xml(\"sign\").length(0, 64).signature(),\n",
            "/// 签名. Required; at most 64 characters.\n        sign: String = xml(\"sign\").required().length(0, 64),\n",
        ],
    );
}

#[test]
fn what_is_encrypted_does_not_show_the_format_of_its_ciphertext() {
    let text = types(
        "POST v3/a/b",
        "  json\n    name  string encrypted base64 ..64  # 姓名\n    key  string base64  # 公钥\n",
    );
    assert_holds(
        &text,
        &[
            "/// 姓名. At most 64 characters; travels encrypted (敏感信息加密).\n",
            "/// 公钥. Format `base64`.\n",
        ],
    );
}

#[test]
fn a_field_without_a_label_shows_its_rules_or_its_name_on_the_wire() {
    let text =
        types("POST v3/a/b", "  json\n    a*  string ..64\n    b  object\n      c  string (ONE | TWO)\n");
    assert_holds(
        &text,
        &[
            "/// Required; at most 64 characters.\n        a: String",
            "/// On the wire: `b`.\n        b: B",
            "/// The object `b`.\n    pub struct B",
            "/// The values of `c`.\n    pub enum C",
        ],
    );
}

#[test]
fn the_first_official_document_for_each_audience_stands_in_a_line() {
    let docs = "  docs global/v3/zh/4012354543, v3/merchant/4012465671, v3/merchant/4012465672, https://a.b/c, \
                v3/partner/4012465703";
    let text = types("POST v3/a/b", &format!("{docs}\n  response\n    a  string"));
    assert_holds(
        &text,
        &["/// Official documents (官方文档):\n///\n\
           /// - merchant: [4012465671](https://pay.weixin.qq.com/doc/v3/merchant/4012465671)\n\
           /// - partner: [4012465703](https://pay.weixin.qq.com/doc/v3/partner/4012465703)\n\
           /// - global: [4012354543](https://pay.weixin.qq.com/doc/global/v3/zh/4012354543)\n\
           /// - elsewhere: <https://a.b/c>\n///\n\
           /// `weipay api show POST v3/a/b` lists all 5.\n"],
    );
    let operation = described("POST v3/a/b", &format!("{docs}\n  response\n    a  string"));
    assert_holds(
        &steps(&[operation]),
        &[
            "    /// Types and official documents (官方文档): [`post`](mod@super::b::post).\n    ///\n    /// ```no_run\n",
        ],
    );
    let typeless = described("POST v3/a/b", docs);
    assert_holds(&steps(&[typeless]), &["    /// - merchant: [4012465671]("]);
}

#[test]
fn a_row_that_is_too_long_is_broken_as_rustfmt_would() {
    let name = "a".repeat(45);
    let text = types("POST v3/a/b", &format!("  json\n    {name}  string 1..20"));
    assert_holds(
        &text,
        &[&format!("        {name}: String =\n            body(\"{name}\").length(1, 20),\n")],
    );
    let text =
        types("POST v3/a/b", &format!("  json\n    {name}*  string 1..20 /^[0-9A-Za-z_]{{1,2}}[0-9]+$/"));
    assert_holds(
        &text,
        &[&format!(
            "        {name}: String = body(\"{name}\")\n            .required()\n            .length(1, 20)\n            \
             .pattern(r#\"^[0-9A-Za-z_]{{1,2}}[0-9]+$\"#),\n"
        )],
    );
}

#[test]
fn a_length_in_bytes_and_a_notify_url_are_rules_of_their_own() {
    let text = types(
        "POST v3/a/b",
        "  json\n    no*  string 6..32 bytes  # 单号\n    notify_url  string ..255 notify-url  # 通知地址\n",
    );
    assert_holds(
        &text,
        &[
            "/// 单号. Required; 6 to 32 bytes.\n        no: String = body(\"no\").required().bytes(6, 32),\n",
            "/// 通知地址. At most 255 characters; a URL that the platform calls: http or https, without a query.\n",
            " = body(\"notify_url\").length(0, 255).notify_url(),\n",
        ],
    );
    let operations = [
        described("GET v3/a/{no}", "  path\n    no*  string 6..32 bytes  # 单号"),
        described("POST v3/a/{no}/close", "  path\n    no*  string 1..32  # 单号"),
    ];
    assert_holds(&steps(&operations), &["fill(path(\"no\").length(0, 32), no.into())"]);
}

#[test]
fn a_format_is_a_rule_where_the_type_does_not_say_it() {
    let text = types(
        "POST v3/a/b",
        "  json\n    day  string date\n    at  string rfc3339\n    fee  integer fen\n    count  integer 1.. int32\n    \
         url  string url\n    code  string numeric\n    key  string encrypted base64\n    more  object json-object-like\n",
    );
    assert_holds(
        &text,
        &[
            "day: String = body(\"day\").date(),\n",
            "at: Time = body(\"at\"),\n",
            "fee: i64 = body(\"fee\"),\n",
            "count: i64 = body(\"count\").range(1, i64::MAX).int32(),\n",
            "url: String = body(\"url\").url(),\n",
            "code: String = body(\"code\").numeric(),\n",
            "key: Sensitive = body(\"key\").encrypted(),\n",
            "more: Json = body(\"more\"),\n",
        ],
    );
    let operation = described("GET v3/a/{day}", "  path\n    day*  string date");
    assert_holds(&steps(&[operation]), &["fill(path(\"day\").date(), day.into())"]);
}

#[test]
fn an_operation_at_a_last_slash_is_sent_by_the_step_before_it() {
    let operation = described("POST v3/a/b/", "  response\n    c  string");
    assert_holds(&steps(&[operation]), &["self.call.step(\"\").typed(&table::POST_V3_A_B, Nothing)"]);
}

#[test]
fn one_is_not_many() {
    let text = types(
        "POST v3/a/b",
        "  json\n    a  string ..1  # 甲\n    b  string[1..]  # 乙\n    d string 0..2 # 丁",
    );
    assert_holds(
        &text,
        &["甲. At most 1 character.\n", "乙. At least 1 member.\n", "丁. 0 to 2 characters.\n"],
    );
}

#[test]
fn an_operation_says_who_may_call_it_and_where_it_lives() {
    let text = types(
        "POST v2/a/b",
        "  roles 直连商户, 服务商\n  base https://apihk.mch.weixin.qq.com/\n  client-cert\n  response\n    a  string",
    );
    assert_holds(
        &text,
        &["/// For 直连商户, 服务商. Host: `https://apihk.mch.weixin.qq.com/`. \
             Needs the merchant's certificate (商户API证书) in\n/// TLS.\n"],
    );
}

/// A file of the catalogue, and a shared object.
fn sharing(lines: &[(&str, &str)], object: (&str, &str)) -> Vec<Operation> {
    let root = tempfile::tempdir().unwrap();
    let write = |place: &str, text: String| {
        let file = root.path().join(format!("{place}.api"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    for (heading, lines) in lines {
        write(heading.split_once(' ').unwrap().1, format!("{heading}\n  title 标题\n{lines}\n"));
    }
    let (name, members) = object;
    write(&format!("shared/{name}"), format!("OBJECT {name}\n{members}\n"));
    folder::operations(root.path()).unwrap()
}

#[test]
fn a_shared_object_stands_under_its_name_in_one_file_and_in_each_operation_that_holds_it() {
    let operations = sharing(
        &[
            ("POST v3/a/b", "  json\n    scene  object <pay_scene>  # 场景"),
            ("GET v3/a/c", "  response\n    scene_info  object <pay_scene>  # 场景信息"),
        ],
        ("pay_scene", "  store  object  # 门店\n    id  string (ONE | TWO)  # 编号"),
    );
    assert_holds(
        &file(&operations, "v3/a/shared.rs"),
        &[
            // A request holds it: it has setters.
            "request! {\n    /// 场景, 场景信息.\n    ///\n    /// The shared object `pay_scene` of the catalogue.\n    \
             pub struct PayScene {\n",
            "store: PaySceneStore = body(\"store\"),",
            "pub struct PaySceneStore {",
            "pub enum PaySceneStoreId {",
        ],
    );
    for (path, field) in [("v3/a/b.rs", "scene"), ("v3/a/c.rs", "scene_info")] {
        let text = file(&operations, path);
        assert_holds(
            &text,
            &[
                "pub use crate::v3::a::shared::{PayScene, PaySceneStore, PaySceneStoreId};",
                &format!("{field}: PayScene = body({field:?}),"),
            ],
        );
        assert!(!text.contains("struct PayScene"), "{text}");
    }
}

#[test]
fn requests_and_responses_that_are_written_the_same_are_types_of_their_own() {
    let lines = "  json\n    a  string  # 甲\n  response\n    a  string  # 甲";
    let operations = ["POST v3/a/b", "POST v3/a/c"].map(|heading| described(heading, lines));
    for path in ["v3/a/b.rs", "v3/a/c.rs"] {
        let text = file(&operations, path);
        assert_holds(&text, &["pub struct Request {", "pub struct Response {"]);
    }
}

#[test]
fn a_path_with_types_has_a_file_and_one_without_stands_in_the_file_above() {
    let operations = [
        described("POST v3/a/b/c/d", "  json\n    a  string"),
        described("POST v3/a/b/c/{id}/close", "  path\n    id*  string"),
    ];
    let text = file(&operations, "v3/a.rs");
    assert_holds(
        &text,
        &[
            "mod chain;\n",
            "pub mod b {\n    /// `v3/a/b/c`\n    pub mod c {\n        pub mod d;\n",
            "pub use crate::v3::a::chain::ABCByIdClose as Close;",
            "pub use crate::v3::a::chain::A;",
        ],
    );
    assert_holds(&file(&operations, "v3/a/b/c/d.rs"), &["pub use crate::v3::a::chain::ABCD as D;"]);
}

#[test]
fn steps_verbs_and_types_are_found_by_the_official_name() {
    let operations = [described("POST v3/a/b", "  json\n    a  string\n  response\n    a  string")];
    let text = steps(&operations);
    assert_holds(
        &text,
        &[
            "chain_step! {\n    /// `v3/a/b`: 标题.\n    #[doc(alias = \"标题\")]\n    AB at ABPath\n}",
            "    #[doc(alias = \"标题\")]\n    pub fn post(self, request: super::b::post::Request) -> \
             M::Sent<super::b::post::Response> {",
            "    /// `v3/a/b`: 标题.\n    pub fn b(self) -> AB<M> {",
        ],
    );
    let text = file(&operations, "v3/a/b.rs");
    assert_eq!(text.matches("#[doc(alias = \"标题\")]").count(), 2, "{text}");
}

#[test]
fn a_type_has_the_flat_name_of_the_openapi_document() {
    let lines = "  response\n    a  string";
    let v3 = [described("GET v3/a/{id}", &format!("  path\n    id*  string\n{lines}"))];
    assert_holds(
        &file(&v3, "products/a.rs"),
        &["/// 标题: what comes back. `GET v3/a/{id}`\n#[doc(alias = \"标题\")]\n\
             pub type GetAByIdResponse = crate::v3::a::id::get::Response;"],
    );
    assert_holds(&file(&v3, "products.rs"), &["#[cfg(feature = \"a\")]\npub mod a;\n"]);
    assert_holds(&file(&v3, "v3/a/id.rs"), &["[`weipay::a::GetAByIdResponse`](crate::a::GetAByIdResponse)"]);
    let v2 = [described("POST v2/a/b", lines)];
    assert_holds(
        &file(&v2, "products/a.rs"),
        &["pub type PostABV2Response = crate::v2::a::b::post::Response;"],
    );
}

#[test]
fn a_feature_says_how_many_operations_it_has_and_of_which_product() {
    let [one, named] = ["", "  group 商家券\n"].map(|group| described("POST v3/a/b", group));
    let manifest = |operations: &[Operation]| {
        features::manifest("# Products, written by weipay-codegen.\n# End of products.\n", operations)
            .unwrap()
    };
    assert_holds(&manifest(std::slice::from_ref(&one)), &["## 1 operation.\na = "]);
    assert_holds(&manifest(&[one, named]), &["## 2 operations: 商家券.\na = "]);
}

#[test]
fn a_numbered_element_says_what_its_numbers_count() {
    let text = types(
        "POST v2/a/b",
        "  response\n    fee_$n  integer fen  # 金额\n    coupon_fee_$n_$m  integer fen  # 代金券金额",
    );
    assert_holds(
        &text,
        &[
            "/// 金额. One for each `$n` of `fee_$n` on the wire. In fen (分).\n        fee_n: Numbered<i64>",
            "/// 代金券金额. On the wire `coupon_fee_$n_$m`: `$n` numbers the outer list (in a refund query its refunds, 退款), \
             `$m` the inner ones (the coupons of that refund, 代金券). In fen (分).\n        coupon_fee_n_m: Numbered<Numbered<i64>>",
        ],
    );
}

#[test]
fn what_a_field_is_for_stands_in_its_row() {
    let text = types(
        "POST v3/a/b",
        "  headers\n    Wechatpay-Serial*  string platform-serial\n  json\n    out_no*  string ..32 request-number\n",
    );
    assert_holds(
        &text,
        &[
            "wechatpay_serial: String = header(\"Wechatpay-Serial\").platform_serial(),\n",
            "out_no: String = body(\"out_no\").required().length(0, 32).request_number(),\n",
        ],
    );
}

#[test]
fn an_operation_has_a_row_that_says_what_is_unlike_the_rest() {
    let operations = [
        described("GET v3/a/{id}", "  unsigned\n  path\n    id*  string\n  response file"),
        described(
            "POST v3/a",
            "  group  产品\n  repeat safe, the page says so\n  json\n    no*  string request-number\n  response 204",
        ),
        described("POST v2/a", "  client-cert\n  repeat unknown\n  xml\n    no*  string"),
    ];
    let text = table::text(&operations, &RowNames::new(&operations));
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("pub(crate) static")).collect();
    assert_eq!(
        rows,
        [
            "pub(crate) static POST_V2_A: Operation = Operation::new(Verb::Post, \"v2/a\", \"标题\")\
             .speaks(Version::V2, Dialect::Xml).client_certificate();",
            "pub(crate) static POST_V3_A: Operation = Operation::new(Verb::Post, \"v3/a\", \"标题\")\
             .product_is(\"产品\").number(\"no\").repeated(Repeat::Safe).succeeds_with(204);",
            "pub(crate) static GET_V3_A_ID: Operation = Operation::new(Verb::Get, \"v3/a/{id}\", \"标题\")\
             .unsigned().file();",
            "pub(crate) static ALL: [&Operation; 3] = [",
        ]
    );
}

#[test]
fn rows_of_one_name_are_told_apart() {
    let operations = [described("GET v3/a-b", ""), described("GET v3/a_b", "")];
    let names = RowNames::new(&operations);
    assert_eq!([names.get(&operations[0]), names.get(&operations[1])], ["GET_V3_A_B", "GET_V3_A_B_"]);
}
