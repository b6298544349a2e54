use super::*;

fn source(place: &str, text: &str) -> SourceFile {
    SourceFile {
        path: PathBuf::from(format!("{place}.api")),
        place: place.to_owned(),
        text: Box::leak(text.to_owned().into_boxed_str()),
    }
}

pub(super) fn lint(sources: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = sources.iter().map(|(place, text)| source(place, text)).collect();
    check_files(&sources).iter().map(Finding::to_string).collect()
}

/// The one finding in a file with these lines in its JSON body.
fn finding(lines: &str) -> String {
    let text = format!("POST v3/a\n  title x\n  repeat unknown\n  json\n{lines}");
    let found = lint(&[("v3/a", &text)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].clone()
}

#[test]
fn the_catalogue_of_this_repository_is_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
    let found = check_folder(&root).unwrap();
    let shown: Vec<String> = found.iter().take(40).map(Finding::to_string).collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), shown.join("\n"));
}

#[test]
fn a_file_that_keeps_every_rule_has_no_finding() {
    let text = "POST v3/a/{id}
  title x
  repeat unknown
  # a comment = with = signs

  path
    id*  string 1..3 /^[a-z]+$/  # 标识 = abc

  json
    time    string rfc3339  # 时间 = 2018-06-08T10:34:56.120+08:00
    day     string date     # 日期 = 2018-06-08
    total*  integer 1.. fen # 总金额 = 100
    rate    number          # 汇率 = 1.5
    open    boolean         # 开关 = true
    kind    string (A | B)  # 类型 = B
    secret  string encrypted ..4  # 姓名 = base64 of something long
    quoted  string          # 备注 = \"a = b\"
";
    assert_eq!(lint(&[("v3/a/{id}", text)]), Vec::<String>::new());
}

#[test]
fn an_unknown_key_and_a_duplicate_field_are_found() {
    let found = lint(&[("v3/a", "GET v3/a\n  title x\n  tilte y\n")]);
    assert_eq!(found, ["v3/a.api:3: `tilte` is not a key of an operation"]);
    assert_eq!(finding("    a string\n    a string\n"), "v3/a.api:6: `a` is described here twice");
}

#[test]
fn a_file_without_a_heading_is_found() {
    assert_eq!(lint(&[("v3/a", "# nothing\n")]), ["v3/a.api:1: a catalogue file needs a heading"]);
    let found = lint(&[("v3/a", "FETCH v3/a\n  title x\n")]);
    assert!(found[0].starts_with("v3/a.api:1: `FETCH v3/a` is not a heading"), "{found:?}");
}

#[test]
fn placeholders_and_fields_without_each_other_are_found() {
    let found = lint(&[("v3/a/{id}", "GET v3/a/{id}\n  title x\n  path\n    name* string\n")]);
    assert_eq!(
        found,
        ["v3/a/{id}.api:1: `{id}` needs a field below `path`", "v3/a/{id}.api:4: the path has no `{name}`"]
    );
}

#[test]
fn limits_that_end_before_they_begin_are_found() {
    assert_eq!(finding("    a string 20..1\n"), "v3/a.api:5: the range of `a` is empty: 1 is less than 20");
    assert!(finding("    a string[5..2]\n").contains("the number of members of `a` is empty"));
}

#[test]
fn rules_that_say_nothing_of_their_type_are_found() {
    assert!(finding("    a boolean 1..2\n").contains("cannot have a range"));
    assert!(finding("    a integer /^[0-9]$/\n").contains("cannot have a pattern"));
    assert!(finding("    a string fen\n").contains("in fen, so it must be an integer"));
    assert!(finding("    a string minor\n").contains("in minor, so it must be an integer"));
}

#[test]
fn bytes_without_a_range_and_a_notify_url_of_another_format_are_found() {
    assert!(finding("    a string bytes\n").contains("`bytes` needs a string with a range"));
    assert!(finding("    a integer 1..2 bytes\n").contains("`bytes` needs a string"));
    assert!(finding("    a string ..2 bytes # 标 = 券\n").contains("has 3 bytes: at most 2"));
    for name in ["notify_url", "contract_notify_url"] {
        assert!(finding(&format!("    {name} string\n")).contains("its format must be notify-url"), "{name}");
    }
    let query = finding("    notify_url string notify-url # 址 = https://a.com/?b=c\n");
    assert!(query.contains("is not a URL that the platform calls"), "{query}");
}

#[test]
fn two_operations_that_only_the_last_slash_tells_apart_are_found() {
    let text = |path: &str| format!("GET {path}\n  title x\n");
    let found = lint(&[("v3/a", &text("v3/a")), ("v3/a/index", &text("v3/a/"))]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("`GET v3/a` differs from this only in the last slash"), "{found:#?}");
}

#[test]
fn money_without_a_unit_is_found() {
    for line in
        ["a integer # 退款金额", "a integer # 商品价格", "a integer # 手续费", "refund_amount integer = 5"]
    {
        let found = finding(&format!("    {line}\n"));
        assert!(found.contains("looks like money, but has no unit"), "{line}: {found}");
    }
    let said = "POST v3/a
  title x
  repeat unknown

  json
    a  integer fen    # 退款金额
    b  integer minor  # 退款金额
    c  integer int32  # 代金券面额
    # UNCONFIRMED: the unit, which no page states.
    d  integer        # 储值余额
    e  integer        # 付费数量
    f  integer        # 扣费次数
    g  integer        # 积分余额
    h  integer        # 费率
    i  string         # 总金额
    refund_count  integer
";
    assert_eq!(lint(&[("v3/a", said)]), Vec::<String>::new());
}

#[test]
fn a_pattern_that_does_not_compile_is_found() {
    assert_eq!(finding("    a string /[a-/\n"), "v3/a.api:5: the pattern of `a` does not compile: /[a-/");
}

#[test]
fn an_example_that_breaks_its_own_rule_is_found() {
    for (line, rule) in [
        ("    a string 1..3 # 标 = abcd\n", "`a`, abcd, has 4 characters: 1 to 3"),
        ("    a string 3.. # 标 = 中文\n", "has 2 characters: at least 3"),
        ("    a string /^[0-9]+$/ # 标 = 12a\n", "does not match"),
        ("    a string /[0-9]+/ # 标 = 12a\n", "does not match"),
        ("    a string rfc3339 # 标 = 2018-06-08 10:34:56\n", "is not an RFC 3339 time"),
        ("    a string rfc3339 # 标 = 2018-06-08T10:34+08:00\n", "is not an RFC 3339 time"),
        ("    a string rfc3339 # 标 = 2018-13-08T10:34:56+08:00\n", "is not an RFC 3339 time"),
        ("    a string rfc3339 # 标 = 2018-06-08T10:34:56.+08:00\n", "is not an RFC 3339 time"),
        ("    a string rfc3339 # 标 = 2018-06-08T10:34:56\n", "is not an RFC 3339 time"),
        ("    a string rfc3339 # 标 = 2018-06-08T10:34:60+08:00\n", "is not an RFC 3339 time"),
        ("    a string date # 标 = 20180608\n", "is not a day"),
        ("    a string date # 标 = 2018-06-31\n", "is not a day"),
        ("    a string mm/yy # 标 = 13/26\n", "is not a month and a year"),
        ("    a string yyyyMMddHHmmss # 标 = 20091325091010\n", "is not a time"),
        ("    a string base64 # 标 = ZXhhbXBsZQ\n", "is not standard base64"),
        ("    a string url # 标 = www.xxx.com/notify\n", "is not a URL"),
        ("    a string media-url # 标 = https://a b\n", "is not a URL"),
        ("    a string data-url # 标 = iVBORw0KGgo=\n", "is not a data: URL"),
        ("    a string json-object-like # 标 = []\n", "is not the JSON text of an object"),
        ("    a string json-array-like # 标 = {}\n", "is not the JSON text of an array"),
        ("    a string numeric # 标 = 19x\n", "is not a number"),
        ("    a string integer-text # 标 = 1.5\n", "is not an integer"),
        ("    a string int32 # 标 = 2147483648\n", "is not a signed integer of 32 bits"),
        ("    a integer int32 # 标 = 2147483648\n", "is not a signed integer of 32 bits"),
        ("    a integer uint64 # 标 = -1\n", "is not an unsigned integer of 64 bits"),
        ("    a integer # 标 = 9223372036854775808\n", "is not a signed integer of 64 bits"),
        ("    a number 0..1 # 标 = 1.5\n", "is 1.5: 0 to 1"),
        ("    a number # 标 = nan\n", "is not a number"),
        ("    a string (A | B) # 标 = C\n", "is not one of the listed values"),
        ("    a integer 1..9 # 标 = 10\n", "is 10: 1 to 9"),
        ("    a integer 1..9 # 标 = 0\n", "is 0: 1 to 9"),
        ("    a integer # 标 = 1.5\n", "is not an integer"),
        ("    a number # 标 = one\n", "is not a number"),
        ("    a boolean # 标 = TRUE\n", "is not true or false"),
        ("    a object # 标 = {}\n", "an object has no example"),
    ] {
        let found = finding(line);
        assert!(
            found.starts_with("v3/a.api:5: the example of `a`, ") && found.contains(rule),
            "{line}{found}"
        );
    }
}

#[test]
fn a_listed_value_that_breaks_a_rule_of_its_field_is_found() {
    let found = finding("    a string ..4 (USED | EXPIRED)\n");
    assert_eq!(found, "v3/a.api:5: the listed value EXPIRED of `a` has 7 characters: at most 4");
}

#[test]
fn a_time_that_the_field_does_not_say_is_found() {
    let found = finding("    a string # 支付完成时间 = 2018-06-08T10:34:56.120+08:00\n");
    assert!(found.contains("is RFC 3339, but the field does not have the format rfc3339"), "{found}");
}

#[test]
fn a_label_that_is_cut_off_is_found() {
    for (label, sign) in [
        ("图片文件的", "ends in 的"),
        ("trade_scene为", "ends in 为"),
        ("符合ISO", "ends in 符合ISO"),
        ("true-是", "ends in 是"),
        ("有多个结果时用分号”", "has unbalanced “ and ”"),
        ("金额（分", "has unbalanced （ and ）"),
    ] {
        let found = finding(&format!("    a string # {label}\n"));
        assert!(found.contains(&format!("the label of `a` is cut off, it {sign}: {label}")), "{found}");
    }
}

#[test]
fn a_label_with_an_equals_sign_is_found() {
    assert!(finding("    a string # 金额 = 单价 = 100\n").contains("` = ` occurs twice"));
}

#[test]
fn a_list_that_is_too_wide_is_found() {
    let problem = "the list is wider than 110 columns: break the line after a `,` or `|`, and continue below";
    let pages = ["v3/merchant/4012465673"; 6];
    let docs = |docs: &str| lint(&[("v3/a", &format!("GET v3/a\n  title x\n  docs   {docs}\n"))]);
    assert_eq!(docs(&pages.join(", ")), [format!("v3/a.api:3: {problem}")]);
    assert_eq!(docs(&pages.join(",\n         ")), Vec::<String>::new());
    let one = format!("https://pay.weixin.qq.com/{}", "x".repeat(110));
    assert_eq!(docs(&one), Vec::<String>::new(), "a single page cannot be cut");

    let values = ["A_VALUE_OF_TWENTY_TWO_"; 6];
    let field = |values: &str, label: &str| {
        let text = format!("GET v3/a\n  title x\n  response\n    a  string ({values}) # {label}\n");
        lint(&[("v3/a", &text)])
    };
    assert_eq!(field(&values.join(" | "), "标"), [format!("v3/a.api:4: {problem}")]);
    assert_eq!(field(&values.join(" |\n        "), "标"), Vec::<String>::new());
    assert_eq!(field("A | B", &"长".repeat(110)), Vec::<String>::new(), "a label stands on one line");
}

#[test]
fn a_space_at_the_end_of_a_line_is_found() {
    assert_eq!(finding("    a string \n"), "v3/a.api:5: the line ends with a space");
}

#[test]
fn an_object_that_is_missing_or_not_shared_is_found() {
    assert!(
        finding("    a object <goods>\n").contains("v3/a.api:5: the shared object <goods> does not exist")
    );
    let once = "GET v3/a\n  title x\n  response\n    a object <goods>\n";
    let object = "OBJECT goods\n  id string\n";
    assert_eq!(
        lint(&[("shared/goods", object)]),
        ["shared/goods.api:1: the shared object `goods` is not used"]
    );
    assert_eq!(
        lint(&[("shared/goods", object), ("v3/a", once)]),
        ["shared/goods.api:1: only one field uses the shared object `goods`: move it there"]
    );
    let twice = format!("{once}    b object <goods>\n");
    assert_eq!(lint(&[("shared/goods", object), ("v3/a", &twice)]), Vec::<String>::new());
}

#[test]
fn a_list_of_values_that_is_unshared_or_named_as_an_object_is_found() {
    let list = ("values/state", "VALUES state\n  A\n  B\n");
    let once = "GET v3/a\n  title x\n  response\n    a string <state>\n";
    assert_eq!(lint(&[list]), ["values/state.api:1: the shared list of values `state` is not used"]);
    assert_eq!(
        lint(&[list, ("v3/a", once)]),
        ["values/state.api:1: only one field uses the shared list of values `state`: move it there"]
    );
    let twice = format!("{once}    b string[] <state>\n");
    assert_eq!(lint(&[list, ("v3/a", &twice)]), Vec::<String>::new());
    let object = ("shared/state", "OBJECT state\n  c string\n");
    let both = format!("{twice}    d object <state>\n    e object <state>\n");
    assert_eq!(
        lint(&[list, object, ("v3/a", &both)]),
        ["values/state.api:1: `state` is the name of a shared object already"]
    );
    let misplaced = lint(&[("shared/state", "VALUES state\n  A\n")]);
    assert!(misplaced[0].contains("`VALUES state` must be in values/state.api"), "{misplaced:?}");
}

#[test]
fn a_shared_value_that_breaks_a_rule_is_found_at_its_field() {
    let fields = "GET v3/a\n  title x\n  response\n    a string <state>\n    b string ..2 <state>\n";
    let found = lint(&[("values/state", "VALUES state\n  A\n  LONG\n"), ("v3/a", fields)]);
    assert_eq!(found, ["v3/a.api:5: the listed value LONG of `b` has 4 characters: at most 2"]);
}

#[test]
fn a_list_of_values_that_a_product_repeats_is_found() {
    let one = |path: &str, field: &str| format!("GET {path}\n  title x\n  response\n    {field}\n");
    let found = |fields: &[(&str, &str)]| {
        let texts: Vec<_> = fields.iter().map(|(path, field)| (*path, one(path, field))).collect();
        let mut sources: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (*path, &text[..])).collect();
        sources.push(("values/word", "VALUES word\n  A\n  B\n"));
        sources.push((
            "v3/z/a",
            "GET v3/z/a\n  title x\n  response\n    x string <word>\n    y string <word>\n",
        ));
        lint(&sources)
    };
    let state = "state string (A | B) # 状态 = A";
    assert_eq!(
        found(&[("v3/a/b", state), ("v3/a/c", state)]),
        [
            "v3/a/c.api:4: `state` lists the same values as in v3/a/b.api:4: share them by name in values/state.api, or \
             under a name that says more"
        ]
    );
    assert_eq!(
        found(&[("v3/a/b", state), ("v3/a/c", "state string <word>")]),
        ["v3/a/b.api:4: `state` lists the values of <word>: write <word> instead"]
    );
    let others = ["state string (B | A)", "mode string (A | B)", "state integer (1 | 2)"];
    for other in others {
        assert_eq!(found(&[("v3/a/b", state), ("v3/a/c", other)]), Vec::<String>::new(), "{other}");
    }
    assert_eq!(
        found(&[("v3/a/b", state), ("v3/b/c", state)]),
        Vec::<String>::new(),
        "products have their own types"
    );
    let twice = format!("{state}\n    inside object\n      {state}");
    assert_eq!(found(&[("v3/a/b", &twice)]), Vec::<String>::new(), "an operation has one type for both");
}

#[test]
fn a_shared_objects_list_of_values_counts_in_each_product() {
    let list = "state string (A | B)";
    let object = format!("OBJECT goods\n  id string\n  {list}\n");
    let uses = |path: &str| format!("GET {path}\n  title x\n  response\n    a object <goods>\n");
    let other = format!("GET v3/b/c\n  title x\n  response\n    {list}\n");
    let found = lint(&[
        ("shared/goods", &object),
        ("v3/a/b", &uses("v3/a/b")),
        ("v3/a/c", &uses("v3/a/c")),
        ("v3/b/a", &uses("v3/b/a")),
        ("v3/b/c", &other),
    ]);
    let [found] = &found[..] else { panic!("{found:#?}") };
    assert!(found.contains("`state` lists the same values as in"), "{found}");
}

#[test]
fn a_mistake_in_a_shared_object_is_found_once_and_in_its_own_file() {
    let uses = "GET v3/a\n  title x\n  response\n    a object <goods>\n    b object <goods>\n";
    let found = lint(&[("shared/goods", "OBJECT goods\n  id string 9..1\n"), ("v3/a", uses)]);
    assert_eq!(found, ["shared/goods.api:2: the range of `id` is empty: 1 is less than 9"]);
}

#[test]
fn an_operation_described_twice_or_in_the_wrong_file_is_found() {
    let text = "GET v3/a\n  title x\n";
    let found = lint(&[("v3/a", text), ("v3/b", text)]);
    assert_eq!(
        found,
        [
            "v3/b.api:1: `GET v3/a` is already described in v3/a.api:1",
            "v3/b.api:1: `GET v3/a` must be in v3/a.api",
        ]
    );
    let twice = lint(&[("v3/a", "GET v3/a\n  title x\n\nGET v3/a\n  title y\n")]);
    assert_eq!(twice, ["v3/a.api:4: `GET v3/a` is already described in v3/a.api:1"]);
    let object = lint(&[("shared/other", "OBJECT goods\n  id string\n")]);
    assert!(object[0].contains("`OBJECT goods` must be in shared/goods.api"), "{object:?}");
}

#[test]
fn files_that_differ_by_capital_letters_only_are_found() {
    let found = lint(&[("v3/A", "GET v3/A\n  title x\n"), ("v3/a", "GET v3/a\n  title x\n")]);
    assert_eq!(
        found,
        ["v3/a.api:1: the name of this file differs from v3/A.api only in upper and lower case"]
    );
}

#[test]
fn a_notification_needs_its_envelope_and_is_looked_at_like_an_operation() {
    let event = "NOTIFY v3 A.B\n  title x\n  resource\n    id string 9..1\n";
    let found = lint(&[("notifications/v3/A.B", event)]);
    assert_eq!(
        found,
        [
            "notifications/v3/A.B.api:1: notifications/v3/envelope.api is missing",
            "notifications/v3/A.B.api:4: the range of `id` is empty: 1 is less than 9",
        ]
    );
    let envelope = "ENVELOPE v3\n  title x\n  body\n    id string 9..1\n";
    let clean = "NOTIFY v3 A.B\n  title x\n  resource\n    id string\n";
    let found = lint(&[("notifications/v3/A.B", clean), ("notifications/v3/envelope", envelope)]);
    assert_eq!(
        found,
        ["notifications/v3/envelope.api:4: the range of `id` is empty: 1 is less than 9"],
        "what is wrong with the envelope is said there, not at each notification"
    );
}

#[test]
fn an_operation_that_writes_says_whether_it_may_be_repeated() {
    let found = |text: &str| lint(&[("v3/a", text)]);
    assert!(found("POST v3/a\n  title x\n")[0].contains("add whether the same request may be sent again"));
    for word in ["safe", "not-safe"] {
        assert!(found(&format!("POST v3/a\n  title x\n  repeat {word}\n"))[0].contains("needs a reason"));
        assert!(found(&format!("POST v3/a\n  title x\n  repeat {word}, the page says so\n")).is_empty());
    }
    assert!(found("POST v3/a\n  title x\n  repeat unknown\n").is_empty());
    assert!(found("GET v3/a\n  title x\n").is_empty());
    assert!(found("GET v3/a\n  title x\n  repeat safe, it reads\n")[0].contains("remove `repeat`"));
}

#[test]
fn a_purpose_stands_only_where_a_client_looks_for_it() {
    assert_eq!(
        finding("    a string request-number\n    b string request-number\n"),
        "v3/a.api:6: this is the second `request-number`, but a request can have only one"
    );
    for (line, problem) in [
        ("a integer request-number", "`a` is not a string"),
        ("a string platform-serial", "`platform-serial` is not possible here"),
        ("a string file-sha256", "`file-sha256` is not possible here"),
        ("a string file-sm3", "`file-sm3` is not possible here"),
        ("a object\n      b string request-number", "`request-number` is not possible here"),
        ("a object\n      b object\n        c string nonce", "remove `nonce` from `c`"),
        ("a string[] merchant-number", "`a` is not a string"),
        ("a string sign-type", "`sign-type` is not possible here"),
        ("sub_mchid string", "`sub_mchid` seems to name the sub-merchant"),
        ("sub_appid string", "add `sub-merchant-appid`"),
        (
            "a object\n      sub_mchid string sub-merchant-number",
            "`sub-merchant-number` is not possible here",
        ),
        ("a string\n\n  response\n    b string echo", "`b` is an `echo`, but the request has no such field"),
        ("a string echo", "`echo` is not possible here"),
        ("a string state", "`state` is not possible here"),
        ("a string\n\n  response\n    b boolean state", "`b` is not a string, an integer or an object"),
        (
            "a string\n\n  response\n    b object\n      a string state",
            "`state` is of a member of the response itself",
        ),
        ("a string download-url", "`download-url` is not possible here"),
        (
            "a string\n\n  response\n    b string download-hash-type",
            "beside `b` a field must be marked `download-hash`",
        ),
        (
            "a string\n\n  response\n    b object[]\n      a string download-key",
            "beside `a` a field must be marked `download-nonce`",
        ),
        (
            "a string\n\n  response\n    b object[]\n      a integer download-url",
            "`a` is not a string, but `download-url` must be one",
        ),
        (
            "a string\n\n  response\n    download_url string private",
            "`download_url` seems to be of a file to download: add `download-url`",
        ),
        (
            "a string\n\n  response\n    a string private download-url\n    a_hash string",
            "`a_hash` seems to be of a file to download: add `download-hash`",
        ),
    ] {
        let found = finding(&format!("    {line}\n"));
        assert!(found.contains(problem), "{line}: {found}");
    }
    let of_apiv2 =
        |lines: &str| lint(&[("v2/a", &format!("POST v2/a\n  title x\n  repeat unknown\n\n  xml\n{lines}"))]);
    assert_eq!(of_apiv2("    a*  integer merchant-number\n    b   string sign-type\n"), Vec::<String>::new());
    let found = of_apiv2("    a  string sign-type\n    b  string sign-type\n");
    assert!(found[0].contains("mark the number of the merchant"), "{found:?}");
    assert!(found[1].contains("this is the second `sign-type`"), "{found:?}");
    let upload = "POST v3/a
  title x
  repeat unknown

  headers
    Wechatpay-Serial*  string platform-serial

  multipart
    file*  object
    meta*  string json-text
      sha256*    string file-sha256
      digest     string file-sm3
      filename*  string file-name
      sub_mchid  string sub-merchant-number

  response
    out_no  string request-number
";
    assert_eq!(
        lint(&[("v3/a", upload)]),
        ["v3/a.api:17: remove `request-number` from `out_no`: only fields of requests have a purpose"]
    );
}

#[test]
fn personal_fields_are_private_and_the_word_is_nowhere_in_vain() {
    let missing =
        "seems to belong to a person: add `private`, or a comment above it that says why it is not private";
    assert_eq!(finding("    sub_openid string\n"), format!("v3/a.api:5: `sub_openid` {missing}"));
    assert_eq!(finding("    a string # 收货人姓名\n"), format!("v3/a.api:5: `a` {missing}"));
    let superfluous =
        "remove `private` from `a`: what is encrypted, sealed, signed or not described is private anyway";
    assert_eq!(finding("    a string encrypted private\n"), format!("v3/a.api:5: {superfluous}"));
    let listed = "remove `private` from `a`: a boolean or one of a few listed values belongs to nobody";
    assert_eq!(finding("    a string (B | C) private\n"), format!("v3/a.api:5: {listed}"));
    let fine = "    a string private # 收货人姓名\n    # not private: the name of a shop\n    b string # 门店负责人姓名\n    openid string encrypted\n    c string (D) # 姓名\n";
    let text = format!("POST v3/a\n  title x\n  repeat unknown\n  json\n{fine}");
    assert_eq!(lint(&[("v3/a", &text)]), Vec::<String>::new());
}

#[test]
fn what_partners_call_in_its_place_is_named_and_exists() {
    let operation = |path: &str, partner: &str, field: &str| {
        format!("POST {path}\n  title x\n{partner}  repeat unknown\n\n  json\n    {field}\n")
    };
    let own = |path: &str, partner: &str| operation(path, partner, "a string");
    let partners = |path: &str| operation(path, "", "sub_mchid* string sub-merchant-number");
    for (merchants, of_partners) in [
        ("v3/a/b", "v3/a/partner/b"),
        ("v3/a/b", "v3/a/partnerpay/b"),
        ("v3/a/b", "v3/partner-a/b"),
        ("v3/a/pay", "v3/a/partnerpay"),
        ("v3/merchant/b", "v3/partner/b"),
    ] {
        let both = |partner: &str| {
            lint(&[(merchants, &own(merchants, partner)), (of_partners, &partners(of_partners))])
        };
        let unnamed = format!(
            "{merchants}.api:1: partners call `{of_partners}` in its place: write `partner {of_partners}`"
        );
        assert_eq!(both(""), [unnamed]);
        assert_eq!(both(&format!("  partner {of_partners}\n")), Vec::<String>::new());
    }
    let missing = "v3/a.api:1: `partner v3/b`: there is no `POST v3/b` with a number of a sub-merchant";
    assert_eq!(lint(&[("v3/a", &own("v3/a", "  partner v3/b\n"))]), [missing]);
    assert_eq!(lint(&[("v3/a", &own("v3/a", "  partner v3/b\n")), ("v3/b", &own("v3/b", ""))]), [missing]);
    let both = operation("v3/a", "  partner v3/b\n", "sub_mchid* string sub-merchant-number");
    let needless =
        "v3/a.api:1: an operation with a number of a sub-merchant needs no `partner`: partners call it, too";
    assert_eq!(lint(&[("v3/a", &both), ("v3/b", &partners("v3/b"))]), [needless]);
    assert_eq!(
        lint(&[("v3/a", &own("v3/a", "  partner\n"))]),
        ["v3/a.api:3: `partner` should name the path at which partners do the same"]
    );
}
