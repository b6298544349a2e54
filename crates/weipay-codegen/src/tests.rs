//! What is written for operations that are described here.

use std::fs;
use std::path::Path;

use weipay_catalog::operation::placeholder;
use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::{AnyResponse, ApiVersion, Operation, folder, names};

use crate::chain::Names;
use crate::flat::{self, FlatNames};
use crate::output::Output;
use crate::product::Writer;
use crate::table::{self, RowNames};
use crate::tree::Tree;
use crate::{features, generate, operation, private};

/// The operation of one text, read like a file of the catalogue.
pub(crate) fn described(heading: &str, lines: &str) -> Operation {
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

#[test]
fn a_placeholders_step_has_the_loosest_limits_of_what_is_below() {
    let operations = [
        described("GET v3/a/{id}", "  path\n    id*  string 1..20 /^[0-9]+$/  # 编号"),
        described("POST v3/a/{id}/close", "  path\n    id*  string 2..32 /^[a-z]+$/  # 编号"),
        described("POST v3/b/{id}", "  path\n    id*  string ..32 /^[0-9]+$/  # 编号"),
    ];
    insta::assert_snapshot!(steps(&operations));
    insta::assert_snapshot!(file(&operations, "v3/b/chain.rs"));
}

#[test]
fn what_the_client_fills_in_is_required_of_responses_only() {
    let request = "  xml\n    sign*  string ..64 signature  # 签名\n";
    let answer = "  response\n    sign*  string ..64  # 签名\n";
    let text = types("POST v2/a/b", &format!("{request}\n{answer}"));
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_encrypted_does_not_show_the_format_of_its_ciphertext() {
    let text = types(
        "POST v3/a/b",
        "  json\n    name  string encrypted base64 ..64  # 姓名\n    key  string base64  # 公钥\n",
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_field_without_a_label_shows_its_rules_or_its_name_on_the_wire() {
    let text =
        types("POST v3/a/b", "  json\n    a*  string ..64\n    b  object\n      c  string (ONE | TWO)\n");
    insta::assert_snapshot!(text);
}

#[test]
fn the_first_official_document_for_each_audience_stands_in_a_line() {
    let docs = "  docs global/v3/zh/4012354543, v3/merchant/4012465671, v3/merchant/4012465672, https://a.b/c, \
                v3/partner/4012465703";
    let text = types("POST v3/a/b", &format!("{docs}\n  response\n    a  string"));
    insta::assert_snapshot!(text);
    let operation = described("POST v3/a/b", &format!("{docs}\n  response\n    a  string"));
    insta::assert_snapshot!(steps(&[operation]));
    let typeless = described("POST v3/a/b", docs);
    insta::assert_snapshot!(steps(&[typeless]));
}

#[test]
fn a_row_that_is_too_long_is_broken_as_rustfmt_would() {
    let name = "a".repeat(45);
    let text = types("POST v3/a/b", &format!("  json\n    {name}  string 1..20"));
    insta::assert_snapshot!(text);
    let text =
        types("POST v3/a/b", &format!("  json\n    {name}*  string 1..20 /^[0-9A-Za-z_]{{1,2}}[0-9]+$/"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_length_in_bytes_and_a_notify_url_are_rules_of_their_own() {
    let text = types(
        "POST v3/a/b",
        "  json\n    no*  string 6..32 bytes  # 单号\n    notify_url  string ..255 notify-url  # 通知地址\n",
    );
    insta::assert_snapshot!(text);
    let operations = [
        described("GET v3/a/{no}", "  path\n    no*  string 6..32 bytes  # 单号"),
        described("POST v3/a/{no}/close", "  path\n    no*  string 1..32  # 单号"),
    ];
    insta::assert_snapshot!(steps(&operations));
}

#[test]
fn a_format_is_a_rule_where_the_type_does_not_say_it() {
    let text = types(
        "POST v3/a/b",
        "  json\n    day  string date\n    at  string rfc3339\n    fee  integer fen\n    count  integer 1.. int32\n    \
         url  string url\n    code  string numeric\n    key  string encrypted base64\n    more  object json-object-like\n",
    );
    insta::assert_snapshot!(text);
    let operation = described("GET v3/a/{day}", "  path\n    day*  string date");
    insta::assert_snapshot!(steps(&[operation]));
}

#[test]
fn an_operation_at_a_last_slash_is_sent_by_the_step_before_it() {
    let operation = described("POST v3/a/b/", "  response\n    c  string");
    insta::assert_snapshot!(steps(&[operation]));
}

#[test]
fn one_is_not_many() {
    let text = types(
        "POST v3/a/b",
        "  json\n    a  string ..1  # 甲\n    b  string[1..]  # 乙\n    d string 0..2 # 丁",
    );
    insta::assert_snapshot!(text);
}

#[test]
fn an_operation_says_who_may_call_it_and_where_it_lives() {
    let text = types(
        "POST v2/a/b",
        "  roles 直连商户, 服务商\n  base https://apihk.mch.weixin.qq.com/\n  client-cert\n  response\n    a  string",
    );
    insta::assert_snapshot!(text);
}

/// Files of the catalogue, and something that they share.
fn sharing(lines: &[(&str, &str)], (place, text): (&str, &str)) -> Vec<Operation> {
    let root = tempfile::tempdir().unwrap();
    let write = |place: &str, text: String| {
        let file = root.path().join(format!("{place}.api"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    for (heading, lines) in lines {
        write(heading.split_once(' ').unwrap().1, format!("{heading}\n  title 标题\n{lines}\n"));
    }
    write(place, format!("{text}\n"));
    folder::operations(root.path()).unwrap()
}

#[test]
fn a_shared_object_is_one_type_that_each_operation_shows() {
    let operations = sharing(
        &[
            ("POST v3/a/b", "  json\n    scene  object <pay_scene>  # 场景"),
            ("GET v3/a/c", "  response\n    scene_info  object <pay_scene>  # 场景信息"),
        ],
        ("shared/pay_scene", "OBJECT pay_scene\n  store  object  # 门店\n    id  string (ONE | TWO)  # 编号"),
    );
    insta::assert_snapshot!(file(&operations, "v3/a/shared.rs"));
    for path in ["v3/a/b.rs", "v3/a/c.rs"] {
        let text = file(&operations, path);
        insta::assert_snapshot!(text);
        assert!(!text.contains("struct PayScene"), "{text}");
    }
}

#[test]
fn a_shared_list_of_values_is_one_enumeration() {
    let operations = sharing(
        &[
            (
                "POST v3/a/b",
                "  json\n    state  string <trade_state>  # 交易状态\n    mode  string (A | B)  # 模式",
            ),
            ("GET v3/a/c", "  response\n    states  string[] <trade_state>  # 多个状态，以及很长的说明"),
        ],
        ("values/trade_state", "VALUES trade_state\n  SUCCESS\n  NOTPAY"),
    );
    insta::assert_snapshot!(file(&operations, "v3/a/shared.rs"));
    for path in ["v3/a/b.rs", "v3/a/c.rs"] {
        let text = file(&operations, path);
        insta::assert_snapshot!(text);
        assert!(!text.contains("enum TradeState"), "{text}");
    }
}

#[test]
fn equal_requests_and_responses_are_two_types() {
    let lines = "  json\n    a  string  # 甲\n  response\n    a  string  # 甲";
    let operations = ["POST v3/a/b", "POST v3/a/c"].map(|heading| described(heading, lines));
    for path in ["v3/a/b.rs", "v3/a/c.rs"] {
        let text = file(&operations, path);
        insta::assert_snapshot!(text);
    }
}

#[test]
fn a_path_with_types_has_a_file_and_one_without_stands_in_the_file_above() {
    let operations = [
        described("POST v3/a/b/c/d", "  json\n    a  string"),
        described("POST v3/a/b/c/{id}/close", "  path\n    id*  string"),
    ];
    let text = file(&operations, "v3/a.rs");
    insta::assert_snapshot!(text);
    insta::assert_snapshot!(file(&operations, "v3/a/b/c/d.rs"));
}

#[test]
fn steps_verbs_and_types_are_found_by_the_official_name() {
    let operations = [described("POST v3/a/b", "  json\n    a  string\n  response\n    a  string")];
    let text = steps(&operations);
    insta::assert_snapshot!(text);
    let text = file(&operations, "v3/a/b.rs");
    assert_eq!(text.matches("#[doc(alias = \"标题\")]").count(), 2, "{text}");
}

#[test]
fn a_nested_type_is_found_by_the_name_of_each_field_that_has_it() {
    let text = types(
        "POST v3/a/b",
        "  json\n    scene  object  # 场景信息，必填\n      id  string\n    cash  object  # 现金\n      fee  integer fen\n  response\n    \
         scene  object  # 支付场景\n      id  string\n    why  object  # 如果这个对象没有名称那么只有一个很长的句子\n      code  string",
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_step_without_an_operation_says_of_which_product_all_below_it_is() {
    let operations = [
        described("POST v3/a/b/c/d", "  group 商家券"),
        described("POST v3/a/b/e", "  group 商家券"),
        described("POST v3/a/f/g", "  group 代金券"),
        described("POST v3/a/f/k", "  group 立减折扣"),
        described("POST v3/a/h/i", ""),
    ];
    insta::assert_snapshot!(steps(&operations));
}

/// An underscore of a name that Rust does not take is nobody's choice. Any other is there because two names would be one, and
/// the second in the order of the alphabet has it: a new path must not take a public name from an old one.
#[test]
fn no_other_name_depends_on_the_order_of_the_alphabet() {
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weipay-catalog/catalog");
    let operations = folder::operations(&catalog).unwrap();
    let mut second: Vec<String> = Vec::new();
    for version in [ApiVersion::V2, ApiVersion::V3] {
        let of_version = operations.iter().filter(|operation| operation.version() == version);
        let root = Tree::from_operations(of_version);
        let mut trees = vec![&root];
        while let Some(tree) = trees.pop() {
            for (name, child) in tree.named_children() {
                let own = names::method(placeholder(child.segment).unwrap_or(child.segment));
                second.extend((name != own).then(|| child.path.clone()));
                trees.push(child);
            }
        }
    }
    second.sort();
    insta::assert_snapshot!(second.join("\n"));
}

#[test]
fn a_name_that_is_private_once_is_listed() {
    let operation = described(
        "POST v3/a",
        "  query\n    openid string private # 用户标识\n\n  json\n    outer object\n      phone string private # 电话\n    \
         secret string encrypted # 姓名\n    amount integer\n\n  response\n    token string private # 凭证",
    );
    let file = private::names(&[operation], &[]);
    let names: Vec<&str> = file.split('"').skip(1).step_by(2).collect();
    assert_eq!(names, ["openid", "phone", "token"]);
    assert!(file.contains("[&str; 3]"), "{file}");
}

/// A type without an alias must have no official name: its documentation begins with a sentence of ours.
#[test]
fn every_type_with_an_official_name_is_found_by_it() {
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weipay-catalog/catalog");
    let operations = folder::operations(&catalog).unwrap();
    let output = generate(&operations, &folder::notifications(&catalog).unwrap(), &[]).unwrap();
    let (mut found, mut nameless, mut missing) = (0, 0, Vec::new());
    for text in output.texts() {
        // What stands before the type: its documentation and its attributes.
        let mut before: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("///") || line.starts_with("#[") {
                before.push(line);
                continue;
            }
            if ["pub struct ", "pub enum ", "pub type "].iter().any(|kind| line.starts_with(kind)) {
                let doc = before.first().copied().unwrap_or_default();
                let is_ours = ["/// The object `", "/// The values of `", "/// The shared "]
                    .iter()
                    .any(|sentence| doc.starts_with(sentence));
                match before.iter().any(|line| line.starts_with("#[doc(alias = ")) {
                    true => found += 1,
                    false if is_ours => nameless += 1,
                    false => missing.push(format!("{line}: {doc}")),
                }
            }
            before.clear();
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(found > 6_000 && nameless < 100, "{found} with names, {nameless} without");
}

#[test]
fn a_type_has_the_flat_name_of_the_openapi_document() {
    let lines = "  response\n    a  string";
    let v3 = [described("GET v3/a/{id}", &format!("  path\n    id*  string\n{lines}"))];
    insta::assert_snapshot!(file(&v3, "products/a.rs"));
    insta::assert_snapshot!(file(&v3, "products.rs"));
    insta::assert_snapshot!(file(&v3, "v3/a/id.rs"));
    let v2 = [described("POST v2/a/b", lines)];
    insta::assert_snapshot!(file(&v2, "products/a.rs"));
}

#[test]
fn a_feature_says_how_many_operations_it_has_and_of_which_product() {
    let [one, named] = ["", "  group 商家券\n"].map(|group| described("POST v3/a/b", group));
    let manifest = |operations: &[Operation]| {
        features::manifest("# Products, written by weipay-codegen.\n# End of products.\n", operations)
            .unwrap()
    };
    insta::assert_snapshot!(manifest(std::slice::from_ref(&one)));
    insta::assert_snapshot!(manifest(&[one, named]));
}

#[test]
fn a_numbered_element_says_what_its_numbers_count() {
    let text = types(
        "POST v2/a/b",
        "  response\n    fee_$n  integer fen  # 金额\n    coupon_fee_$n_$m  integer fen  # 代金券金额",
    );
    insta::assert_snapshot!(text);
}

#[test]
fn what_a_field_is_for_stands_in_its_row() {
    let text = types(
        "POST v3/a/b",
        "  headers\n    Wechatpay-Serial*  string platform-serial\n  json\n    out_no*  string ..32 request-number\n",
    );
    insta::assert_snapshot!(text);
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
    let text = table::text(&operations, &[], &RowNames::new(&operations));
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("pub(crate) static")).collect();
    assert_eq!(
        rows,
        [
            "pub(crate) static STATES: [&str; 0] = [];",
            "pub(crate) static POST_V2_A: Operation = Operation::new(Verb::Post, \"v2/a\", \"标题\", MEMBERS_OF_POST_V2_A)\
             .speaks(ApiVersion::V2, BodyFormat::Xml).client_certificate().undescribed();",
            "pub(crate) static POST_V3_A: Operation = Operation::new(Verb::Post, \"v3/a\", \"标题\", MEMBERS_OF_POST_V2_A)\
             .product_is(\"产品\").number(\"no\").idempotency_is(Idempotency::Idempotent).succeeds_with(204);",
            "pub(crate) static GET_V3_A_ID: Operation = Operation::new(Verb::Get, \"v3/a/{id}\", \"标题\", \"|||\")\
             .unsigned().file();",
            "pub(crate) static ALL: [&Operation; 3] = [",
        ]
    );
}

#[test]
fn a_row_says_which_members_tell_its_response_from_others() {
    let fields = |lines: &str| described("POST v3/x", &format!("  response\n{lines}")).response;
    let common = [
        AnyResponse {
            version: ApiVersion::V2,
            title: "",
            any: fields("    sign string\n    sub_mch_id string echo\n"),
            usual: Vec::new(),
        },
        AnyResponse {
            version: ApiVersion::V3,
            title: "",
            any: fields("    message string\n    code string\n"),
            usual: fields("    mchid string echo\n"),
        },
    ];
    let response = "  response\n    code* string\n    mchid* string\n    no* string echo\n    a_state* string state\n    sum integer fen\n";
    let repeated = "  response\n    id* string echo(a_id)\n    b* object\n      no* string echo\n      d object\n        id string echo(a_id)\n    n* integer echo\n    items object[]\n      no string echo\n";
    let elements = "  response\n    sign* string\n    sub_mch_id* string\n    no* string\n";
    let merchants = "  response\n    mch_id* string merchant-number\n    a_mchid* string other-merchant\n    batch object\n      sp_mchid* string merchant-number\n      b_mchid string other-merchant\n    items object[]\n      sp_mchid string merchant-number\n";
    let other = "  response\n    sub_mch_id* string other-merchant\n    no* string\n";
    let operations = [
        described("POST v3/a", &format!("  json\n    no* string\n{response}")),
        described(
            "POST v3/d",
            &format!("  query\n    a_id string\n    no string\n    n integer\n{repeated}"),
        ),
        described("POST v2/b", &format!("  xml\n    sub_mch_id string\n{elements}")),
        described("POST v2/c", &format!("  xml\n    name string\n{elements}")),
        described("POST v3/e", &format!("  json\n    e string\n{merchants}")),
        described(
            "POST v3/g",
            "  proof g | c\n  json\n    g string\n  response\n    g string echo\n    b* string\n    c string\n",
        ),
        described("POST v2/f", &format!("  xml\n    sub_mch_id string\n    f string\n{other}")),
    ];
    let text = table::text(&operations, &common, &RowNames::new(&operations));
    for expected in [
        "\"||no|code+ mchid* no*=r a_state+ sum\"",
        "\"|a_id no n||id*=e@a_id b+{no=e d{id=e@a_id}} n=e items\"",
        "\"||sub_mch_id|no+\"",
        // What cannot be repeated is a result.
        "\"||name|sub_mch_id+ no+\"",
        // The caller, who proves nothing, and somebody else.
        "\"||e|mch_id*=w a_mchid+=y batch{sp_mchid=w} items\"",
        "\"||sub_mch_id f|sub_mch_id=y no+\"",
        // One of those that prove it is there.
        "\"||g|g^=e b* c^\"",
        "ANY_RESPONSE_V3: AnyResponse = AnyResponse { members: &[\"code\", \"message\"], usual: &[\"mchid\"], echoes: &[\"mchid\"] }",
        "ANY_RESPONSE_V2: AnyResponse = AnyResponse { members: &[\"sign\", \"sub_mch_id\"], usual: &[], echoes: &[\"sub_mch_id\"] }",
        "STATES: [&str; 1] = [\"a_state\"]",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn rows_of_one_name_are_told_apart() {
    let operations = [described("GET v3/a-b", ""), described("GET v3/a_b", "")];
    let names = RowNames::new(&operations);
    assert_eq!([names.get(&operations[0]), names.get(&operations[1])], ["GET_V3_A_B", "GET_V3_A_B_"]);
}
