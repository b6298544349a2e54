//! The grammar of PARAM_ERROR: the sentences in which the gateway refuses a value, word for word where they were seen.
//!
//! A sentence names the value by source and JSON Pointer (`/body/amount/total`) and by the field's Chinese title. What
//! has not been recorded is in [`unconfirmed`], so that it cannot be mistaken for fact.

use std::borrow::Cow;

use serde_json::{Value, json};
use weipay_rules::{BrokenRule, Format, IntegerType, Length, NOTIFY_URL, Side};

use crate::response::{Refusal, tail};

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Body,
    Query,
    UriTemplate,
    /// The body of APIv2.
    Xml,
}

impl Source {
    /// The word in `location`, and the first segment of the pointer.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Body | Self::Xml => "body",
            Self::Query => "query",
            Self::UriTemplate => "uri_template",
        }
    }
}

/// A value's place: the pointer and the title that a sentence prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) source: Source,
    /// With the source as first segment: `/body/receivers/0/account`.
    pub(crate) pointer: &'a str,
    /// The field's Chinese title.
    pub(crate) title: &'a str,
}

impl Place<'_> {
    fn detail(&self, value: Value) -> Value {
        json!({ "location": self.source.word(), "value": value })
    }

    /// A value that cannot be read as the field's type. `wanted` is one of the phrases below.
    pub(crate) fn wrong_type(&self, wanted: &str, value: Value) -> Refusal {
        let source = match self.source {
            Source::Body => "JSON 输入源",
            Source::Query | Source::UriTemplate | Source::Xml => "输入源",
        };
        // The blank before `JSON` separates scripts; without it there is none.
        let blank = if self.source == Source::Body { " " } else { "" };
        broken_rule(format!(
            "无法将{blank}{source}“{}”映射到目标字段“{}”中，此字段需要一个合法的{wanted}",
            self.pointer, self.title
        ))
        .with_detail(self.detail(value))
    }

    /// A number, a boolean or anything else where text belongs.
    pub(crate) fn not_a_string(&self, value: Value) -> Refusal {
        broken_rule(format!(
            "无法将 JSON 输入源“{}”映射到目标字段“{}”中，此字段需要一个 string 类型的 Json 值",
            self.pointer, self.title
        ))
        .with_detail(self.detail(value))
    }

    /// A value where a list belongs.
    pub(crate) fn not_a_list(&self, value: Value) -> Refusal {
        broken_rule(format!(
            "无法将 JSON 输入源“{}”映射到多重字段“{}”中，此字段需要 JSON 数组对象",
            self.pointer, self.title
        ))
        .with_detail(self.detail(value))
    }

    pub(crate) fn required(&self) -> Refusal {
        broken_rule(format!(
            "输入源“{}”映射到字段“{}”必填性规则校验失败，此字段为必填项",
            self.pointer, self.title
        ))
        .with_detail(self.detail(json!("")))
    }

    fn string_rule(&self, what: &str, value: Value) -> Refusal {
        broken_rule(format!("输入源“{}”映射到值字段“{}”字符串规则校验失败，{what}", self.pointer, self.title))
            .with_detail(self.detail(value))
    }

    /// A value that breaks a rule of its field.
    pub(crate) fn broken(&self, rule: BrokenRule, value: Value) -> Refusal {
        match rule {
            BrokenRule::Length { length, outside } => self.other_length(length, outside.side),
            BrokenRule::Pattern(pattern) => self.unmatched(pattern, value),
            BrokenRule::Format(Format::Rfc3339) => {
                self.string_rule("字符串必须是符合 RFC3339 日期时间格式", value)
            }
            BrokenRule::Format(Format::NotifyUrl) => self.unmatched(NOTIFY_URL, value),
            BrokenRule::Format(format) => self.string_rule(&unconfirmed::other_format(format.word()), value),
            BrokenRule::Unlisted => self.unlisted(value),
            BrokenRule::IntegerType(kind) => self.wrong_type(integer(kind), value),
            BrokenRule::Range { outside, .. } => match outside.side {
                Side::Below(min) => self.number_rule(&format!("值低于最小值 {min}"), value),
                Side::Above(max) => self.number_rule(&unconfirmed::above_maximum(max), value),
            },
            BrokenRule::Items { count, outside } => self.array_size(count, outside.side),
        }
    }

    /// A text that is too short or too long: the gateway says in which unit it counts.
    fn other_length(&self, length: Length, side: Side) -> Refusal {
        let unit = match length {
            Length::Characters(_) => "字符数",
            Length::Bytes(_) => "字节数",
        };
        self.string_rule(&format!("{unit} {}，{}", length.count(), limit(side)), json!(length.count()))
    }

    fn unmatched(&self, pattern: &str, value: Value) -> Refusal {
        self.string_rule(&format!("字符串必须匹配正则表达式“{pattern}”"), value)
    }

    /// A file that is larger than the operation takes.
    pub(crate) fn file_too_large(&self, size: i64, max: i64) -> Refusal {
        broken_rule(unconfirmed::file_too_large(self.pointer, self.title, size, max))
            .with_detail(self.detail(json!(size)))
    }

    fn number_rule(&self, what: &str, value: Value) -> Refusal {
        broken_rule(format!("输入源“{}”映射到数值字段“{}”规则校验失败，{what}", self.pointer, self.title))
            .with_detail(self.detail(value))
            .with_tail(tail::OUT_OF_RANGE)
    }

    fn array_size(&self, members: usize, side: Side) -> Refusal {
        broken_rule(unconfirmed::array_size(self.pointer, self.title, members, side))
            .with_detail(self.detail(json!(members)))
    }

    fn unlisted(&self, value: Value) -> Refusal {
        broken_rule(unconfirmed::unlisted_value(self.pointer, self.title)).with_detail(self.detail(value))
    }

    /// A member of the body that the path has given already.
    pub(crate) fn given_by_path(&self, name: &str, value: Value) -> Refusal {
        broken_rule(format!(
            "无法将输入源“{}”映射到目标字段“{}”中，此字段并非多重字段但被输入源“/uri_template/{name}”映射过了",
            self.pointer, self.title
        ))
        .with_detail(self.detail(value))
    }
}

/// 400 PARAM_ERROR with a sentence that names the field and its rule.
fn broken_rule(sentence: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::without_reason(400, "PARAM_ERROR", sentence).with_tail(tail::BAD_PARAMETER)
}

/// Members that the documentation does not have; their pointers.
pub(crate) fn undefined(pointers: &[String]) -> Refusal {
    broken_rule("请求中含有未在API文档中定义的参数")
        .with_detail(json!({ "location": null, "value": pointers }))
        .with_tail(tail::UNDEFINED_PARAMETER)
}

/// The header that a request with encrypted values needs.
pub(crate) fn no_platform_serial() -> Refusal {
    Refusal::param_error(
        "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)",
        "the request has an encrypted field (敏感信息加密): name the key that encrypted it in Wechatpay-Serial",
    )
}

/// A `Wechatpay-Serial` that names another platform's key.
pub(crate) fn wrong_platform_serial() -> Refusal {
    Refusal::param_error(
        "平台证书序列号Wechatpay-Serial错误",
        "Wechatpay-Serial must be platform_serial or public_key_id of the merchant's kit.json",
    )
}

/// An encrypted value that is no ciphertext, as one that a client forgot to encrypt: the sentence was observed for transfers,
/// batches and profit sharing.
pub(crate) fn not_encrypted(field: &str) -> Refusal {
    Refusal::param_error(
        "请确认待处理的消息是否为加密后的密文",
        format!(
            "`{field}` is not encrypted: encrypt it with the key that Wechatpay-Serial names (RSA-OAEP, SHA-1, base64)"
        ),
    )
}

/// An encrypted value that the key named in `Wechatpay-Serial` does not open.
pub(crate) fn not_decrypted(field: &str) -> Refusal {
    Refusal::param_error(
        "平台私钥解密失败",
        format!(
            "`{field}` cannot be decrypted with the key that Wechatpay-Serial names: encrypt it with that key (RSA-OAEP, SHA-1, base64)"
        ),
    )
}

/// A file that says of itself that it is not a picture.
pub(crate) fn no_picture() -> Refusal {
    Refusal::without_reason(400, "INVALID_REQUEST", "图片Content-Type非法")
}

/// A file that is not a picture, by its bytes.
pub(crate) fn not_a_picture() -> Refusal {
    Refusal::param_error(
        "文件二进制内容不是图片，请检查后重新提交",
        "the file does not begin like a JPEG, PNG or BMP; a file named .pdf must begin like a PDF",
    )
}

/// A body that is not UTF-8. The recorded response has no `detail`.
pub(crate) fn not_utf8() -> Refusal {
    Refusal::without_reason(400, "INVALID_REQUEST", "请求内容传入了非UTF8参数")
}

/// A body that names another merchant than `Authorization`.
pub(crate) fn other_merchant(member: &str) -> Refusal {
    Refusal::param_error(
        "http header中的mchid与post payload中的mchid不匹配",
        format!(
            "`{member}` of the body is not mchid of Authorization; it must be the merchant that signs the request"
        ),
    )
}

/// The name of an integer in the sentence.
pub(crate) const fn integer(kind: IntegerType) -> &'static str {
    match kind {
        IntegerType::Int32 => " 32 位有符号整数",
        IntegerType::Int64 => " 64 位有符号整数",
        IntegerType::Uint32 => " 32 位无符号整数",
        IntegerType::Uint64 => " 64 位无符号整数",
    }
}

/// The limit that a value is beyond.
fn limit(side: Side) -> String {
    match side {
        Side::Below(min) => format!("小于最小值 {min}"),
        Side::Above(max) => format!("大于最大值 {max}"),
    }
}

pub(crate) const OBJECT: &str = " Json 对象";

/// Sentences that have not been recorded. They follow the recorded ones, and may change when they are.
pub(crate) mod unconfirmed {
    use super::{Refusal, Side, broken_rule};

    /// UNCONFIRMED, after the form of [`super::integer`].
    pub(crate) const BOOLEAN: &str = "布尔值";
    /// UNCONFIRMED, after the form of [`super::integer`].
    pub(crate) const NUMBER: &str = "数值";

    /// UNCONFIRMED: only the sentence for a minimum was seen.
    pub(super) fn above_maximum(max: i64) -> String {
        format!("值高于最大值 {max}")
    }

    /// UNCONFIRMED.
    pub(super) fn array_size(pointer: &str, title: &str, members: usize, side: Side) -> String {
        let limit = super::limit(side);
        format!("输入源“{pointer}”映射到数组字段“{title}”规则校验失败，元素个数 {members}，{limit}")
    }

    /// UNCONFIRMED: only the sentence for RFC 3339 was seen. `format` is the catalogue's word, such as `date`.
    pub(super) fn other_format(format: &str) -> String {
        format!("字符串必须是符合 {format} 格式")
    }

    /// UNCONFIRMED.
    pub(super) fn unlisted_value(pointer: &str, title: &str) -> String {
        format!("输入源“{pointer}”映射到值字段“{title}”枚举规则校验失败，值不在可选范围内")
    }

    /// UNCONFIRMED.
    pub(super) fn file_too_large(pointer: &str, title: &str, size: i64, max: i64) -> String {
        format!("输入源“{pointer}”映射到字段“{title}”规则校验失败，文件大小 {size} 字节，大于最大值 {max}")
    }

    /// UNCONFIRMED: that such a file is refused is documented, code and words are not.
    pub(crate) fn other_digest(member: &str) -> Refusal {
        broken_rule(format!("文件摘要{member}与上传的文件不一致"))
    }

    /// UNCONFIRMED: that names end in certain suffixes is documented, code and words are not.
    pub(crate) fn other_suffix(member: &str) -> Refusal {
        broken_rule(format!("文件名{member}的后缀不在允许的范围内"))
    }

    /// UNCONFIRMED: code and status are documented, the words are not.
    pub(crate) fn old_link() -> Refusal {
        Refusal::without_reason(400, "INVALID_REQUEST", "下载链接已过期")
    }

    /// UNCONFIRMED: code and status are documented, the words are not.
    pub(crate) fn unknown_link() -> Refusal {
        Refusal::without_reason(400, "INVALID_REQUEST", "下载凭证无效")
    }

    /// UNCONFIRMED: a part that stands twice in an upload.
    pub(crate) fn repeated_part(name: &str) -> Refusal {
        broken_rule(format!("请求中的表单字段{}重复", quoted(name)))
    }

    /// A name in quotation marks when it can be a field's. Another one may be as long as a body, and may be somebody's: it
    /// is left out, because messages are logged.
    fn quoted(name: &str) -> String {
        let of_fields = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let can_be_a_fields = (1..=64).contains(&name.len()) && name.bytes().all(of_fields);
        if can_be_a_fields { format!("“{name}”") } else { String::new() }
    }

    /// UNCONFIRMED: a body that is not JSON.
    pub(crate) fn broken_json() -> Refusal {
        broken_rule("请求体不是合法的 JSON")
    }

    /// UNCONFIRMED: a body that is longer than any request needs to be; status, code and words.
    pub(crate) fn body_too_long() -> Refusal {
        Refusal::without_reason(413, "INVALID_REQUEST", "请求体过长")
    }

    /// UNCONFIRMED: a member that stands twice in one object.
    pub(crate) fn repeated_member(name: &str) -> Refusal {
        broken_rule(format!("请求体中的参数{}重复", quoted(name)))
    }

    /// UNCONFIRMED: text with characters of four UTF-8 bytes. That they are refused is documented, the words are not.
    pub(crate) fn four_byte_character() -> Refusal {
        broken_rule("请求中含有不支持的字符，仅支持 1 到 3 个字节的 UTF-8 字符")
    }

    /// UNCONFIRMED: a path or query that is not percent-encoded UTF-8, or a query parameter that stands twice.
    pub(crate) fn broken_url(location: &str) -> Refusal {
        broken_rule(format!("请求URL中的{location}不合法"))
    }
}

#[cfg(test)]
mod tests {
    use weipay_rules::{Limits, Rules};

    use super::*;

    fn length(min: i64, max: i64) -> Rules {
        Rules { required: true, limits: Limits::new(Some(min), Some(max)), ..Rules::NONE }
    }

    fn of_text(rules: Rules, text: &str) -> BrokenRule {
        rules.check_text(text).unwrap_err()
    }

    fn place<'a>(source: Source, pointer: &'a str, title: &'a str) -> Place<'a> {
        Place { source, pointer, title }
    }

    /// Each of these was recorded from the real gateway, letter for letter.
    #[test]
    fn the_recorded_sentences_come_out_letter_for_letter() {
        let total = place(Source::Body, "/body/amount/total", "总金额")
            .wrong_type(integer(IntegerType::Int64), json!(0.01));
        assert_eq!(
            String::from_utf8(total.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0.01},"message":"无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数"}"#
        );
        let appid =
            place(Source::Body, "/body/appid", "商户appid").broken(of_text(length(1, 32), ""), json!(""));
        assert_eq!(
            String::from_utf8(appid.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":0},"message":"输入源“/body/appid”映射到值字段“商户appid”字符串规则校验失败，字符数 0，小于最小值 1"}"#
        );
        let id = place(Source::UriTemplate, "/uri_template/applyment_id", "申请单号")
            .wrong_type(integer(IntegerType::Uint64), json!("APPLYMENT_20210312084316"));
        assert_eq!(
            String::from_utf8(id.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"uri_template","value":"APPLYMENT_20210312084316"},"message":"无法将输入源“/uri_template/applyment_id”映射到目标字段“申请单号”中，此字段需要一个合法的 64 位无符号整数"}"#
        );
        let limit = place(Source::Query, "/query/limit", "最大资源条数")
            .broken(length(20, 100).check_integer(1).unwrap_err(), json!(1));
        assert_eq!(
            String::from_utf8(limit.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"query","value":1},"message":"输入源“/query/limit”映射到数值字段“最大资源条数”规则校验失败，值低于最小值 20"}"#
        );
        let scene = place(Source::Body, "/body/scene_info", "场景信息").required();
        assert_eq!(
            scene.message,
            "输入源“/body/scene_info”映射到字段“场景信息”必填性规则校验失败，此字段为必填项"
        );
        let amount = place(Source::Body, "/body/amount", "金额信息").wrong_type(OBJECT, json!([]));
        assert_eq!(
            amount.message,
            "无法将 JSON 输入源“/body/amount”映射到目标字段“金额信息”中，此字段需要一个合法的 Json 对象"
        );
        let extra = undefined(&["/body/payer/openid".to_owned()]);
        assert_eq!(
            String::from_utf8(extra.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":null,"value":["/body/payer/openid"]},"message":"请求中含有未在API文档中定义的参数"}"#
        );
        let openid = place(Source::Body, "/body/payer/openid", "用户标识").not_a_string(json!(4));
        assert_eq!(
            String::from_utf8(openid.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":4},"message":"无法将 JSON 输入源“/body/payer/openid”映射到目标字段“用户标识”中，此字段需要一个 string 类型的 Json 值"}"#
        );
        let order = place(Source::Body, "/body/out_order_no", "商户服务订单号")
            .given_by_path("out_order_no", json!("1"));
        assert_eq!(
            order.message,
            "无法将输入源“/body/out_order_no”映射到目标字段“商户服务订单号”中，此字段并非多重字段但被输入源“/uri_template/out_order_no”映射过了"
        );
    }

    /// Recorded from the real gateway.
    #[test]
    fn a_length_in_bytes_says_so() {
        let order = |source, pointer| place(source, pointer, "商户订单号");
        let bytes = Rules { in_bytes: true, ..length(6, 32) };
        let short = order(Source::Body, "/body/out_trade_no").broken(of_text(bytes, "123"), json!("123"));
        assert_eq!(
            String::from_utf8(short.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":3},"message":"输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 3，小于最小值 6"}"#
        );
        let long = order(Source::UriTemplate, "/uri_template/out_trade_no")
            .broken(of_text(bytes, &"1".repeat(35)), json!("1"));
        assert_eq!(
            String::from_utf8(long.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"uri_template","value":35},"message":"输入源“/uri_template/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 35，大于最大值 32"}"#
        );
    }

    #[test]
    fn the_sentences_recorded_later_come_out_letter_for_letter() {
        let day = place(Source::Body, "/body/available_day_time", "当天可用时间段").not_a_list(json!({}));
        assert_eq!(
            day.message,
            "无法将 JSON 输入源“/body/available_day_time”映射到多重字段“当天可用时间段”中，此字段需要 JSON 数组对象"
        );
        let expire = place(Source::Body, "/body/time_expire", "交易结束时间")
            .broken(BrokenRule::Format(Format::Rfc3339), json!("20220421191948"));
        assert_eq!(
            String::from_utf8(expire.to_json()).unwrap(),
            r#"{"code":"PARAM_ERROR","detail":{"location":"body","value":"20220421191948"},"message":"输入源“/body/time_expire”映射到值字段“交易结束时间”字符串规则校验失败，字符串必须是符合 RFC3339 日期时间格式"}"#
        );
        assert_eq!(
            String::from_utf8(not_utf8().to_json()).unwrap(),
            r#"{"code":"INVALID_REQUEST","message":"请求内容传入了非UTF8参数"}"#
        );
    }

    #[test]
    fn a_repeated_name_is_said_where_it_can_be_a_fields_and_not_otherwise() {
        assert!(unconfirmed::repeated_member("out_trade_no").message.contains("out_trade_no"));
        assert!(unconfirmed::repeated_part("meta").message.contains("meta"));
        for name in ["张三", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "13900000000", &"a".repeat(65), ""] {
            assert!(!unconfirmed::repeated_member(name).message.contains(&format!("“{name}”")), "{name}");
            assert!(!unconfirmed::repeated_part(name).message.contains(&format!("“{name}”")), "{name}");
        }
    }

    #[test]
    fn a_pattern_is_printed_as_it_is_written() {
        let refusal = place(Source::Body, "/body/out_trade_no", "商户订单号")
            .broken(BrokenRule::Pattern(r"^[0-9a-zA-Z_\-\|\*]+$"), json!("a b"));
        assert!(refusal.message.ends_with(r"字符串必须匹配正则表达式“^[0-9a-zA-Z_\-\|\*]+$”"));
        assert_eq!(refusal.detail, Some(json!({ "location": "body", "value": "a b" }).into()));
        let notify = BrokenRule::Format(Format::NotifyUrl);
        let refusal = place(Source::Body, "/body/notify_url", "通知地址").broken(notify, json!("a.com"));
        assert!(refusal.message.ends_with(&format!("字符串必须匹配正则表达式“{NOTIFY_URL}”")));
    }
}
