//! Checks one field: its rules must agree with each other and with its example, its label must be complete, and money needs
//! a unit.

use weipay_rules::{parse_integer, parse_number};

use super::{Linter, Place};
use crate::field::{Carrier, Field, Format, Kind, Limits};

impl Linter {
    pub(super) fn check_fields(&mut self, place: Place<'_>, fields: &[Field]) {
        for field in fields {
            self.check_rules(place, field);
            self.check_example(place, field);
            if let Some(sign) = truncation_of_label(field) {
                let problem = format!("the label of `{}` is cut off, it {sign}: {}", field.name, field.label);
                self.report(place, field.line, problem);
            }
            match field.shared {
                // The members of a shared object are checked in its file.
                Some(name) => *self.uses.entry(name).or_default() += 1,
                None => self.check_fields(place, &field.fields),
            }
        }
    }

    fn check_rules(&mut self, place: Place<'_>, field: &Field) {
        let name = field.name;
        for (limits, of) in [(field.limits, "range"), (field.items, "number of members")] {
            if let Limits { min: Some(min), max: Some(max) } = limits
                && min > max
            {
                self.report(
                    place,
                    field.line,
                    format!("the {of} of `{name}` is empty: {max} is less than {min}"),
                );
            }
        }
        // An object without members is a file: its range is the size in bytes.
        let has_no_size =
            field.kind == Kind::Boolean || (field.kind == Kind::Object && !field.fields.is_empty());
        if !field.limits.is_open() && has_no_size {
            let kind = field.kind.word();
            self.report(place, field.line, format!("`{name}` is a {kind}, which cannot have a range"));
        }
        if field.in_bytes && (field.kind != Kind::String || field.limits.is_open()) {
            self.report(
                place,
                field.line,
                format!("`bytes` needs a string with a range, which `{name}` is not"),
            );
        }
        let is_called = name == "notify_url" || name.ends_with("_notify_url");
        if is_called && field.kind == Kind::String && field.format != Some(Format::NotifyUrl) {
            self.report(
                place,
                field.line,
                format!("the platform calls `{name}`, so its format must be notify-url"),
            );
        }
        if let Some(unit) = field.format.and_then(Format::unit)
            && field.kind != Kind::Integer
        {
            self.report(place, field.line, format!("`{name}` is in {unit}, so it must be an integer"));
        }
        if lacks_unit(field) && !place.says_above(field.line, "unit") {
            let problem = "looks like money, but has no unit: add fen, minor (the smallest unit of its currency), or a \
                           comment above it that says what is known about the unit";
            self.report(place, field.line, format!("`{name}` {problem}"));
        }
        self.check_private(place, field);
        for value in &field.values {
            if let Some(broken) = broken_rule(field, value) {
                self.report(place, field.line, format!("the listed value {value} of `{name}` {broken}"));
            }
        }
        let Some(pattern) = field.pattern else { return };
        if field.kind != Kind::String {
            self.report(place, field.line, format!("`{name}` is not a string, so it cannot have a pattern"));
        }
        if !weipay_rules::compiles(pattern) {
            self.report(place, field.line, format!("the pattern of `{name}` does not compile: /{pattern}/"));
        }
    }

    /// Logs and recordings hide what is private, so the word must stand where a person is meant, and only
    /// where it says something.
    fn check_private(&mut self, place: Place<'_>, field: &Field) {
        let name = field.name;
        if field.private && (field.kind == Kind::Boolean || !field.values.is_empty()) {
            let problem = "a boolean or one of a few listed values belongs to nobody";
            self.report(place, field.line, format!("remove `private` from `{name}`: {problem}"));
        }
        if field.private && (Field { private: false, ..field.clone() }).is_private() {
            let problem = "what is encrypted, sealed, signed or not described is private anyway";
            self.report(place, field.line, format!("remove `private` from `{name}`: {problem}"));
        }
        if is_of_a_person(field) && !field.is_private() && !place.says_above(field.line, "private") {
            let problem = "seems to belong to a person: add `private`, or a comment above it that says why it is not private";
            self.report(place, field.line, format!("`{name}` {problem}"));
        }
    }

    fn check_example(&mut self, place: Place<'_>, field: &Field) {
        let Some(example) = field.example.as_deref() else { return };
        // The example of an encrypted or signed field is its ciphertext or signature; the rules are for the plaintext.
        if matches!(field.carrier, Some(Carrier::Encrypted | Carrier::Sealed | Carrier::Signed)) {
            return;
        }
        if let Some(missing) = missing_format(field, example) {
            self.report(place, field.line, format!("the example of `{}`, {example}, {missing}", field.name));
        }
        if let Some(broken) = broken_rule(field, example) {
            self.report(place, field.line, format!("the example of `{}`, {example}, {broken}", field.name));
        }
    }
}

/// Says which rule of the field its example breaks.
pub(crate) fn broken_rule(field: &Field, example: &str) -> Option<String> {
    let rules = field.rules();
    let judged = match field.kind {
        Kind::String => return field.check_text(example).err().map(|rule| rule.to_string()),
        Kind::Integer => match parse_integer(example) {
            Some(number) => rules.check_integer(number),
            None => return Some("is not an integer".to_owned()),
        },
        Kind::Number => match parse_number(example) {
            Some(number) => rules.check_number(number),
            None => return Some("is not a number".to_owned()),
        },
        Kind::Boolean if matches!(example, "true" | "false") => Ok(()),
        Kind::Boolean => return Some("is not true or false".to_owned()),
        Kind::Object => {
            return Some("is not allowed: an object has no example, but its members have".to_owned());
        }
    };
    judged.and_then(|()| rules.check_listed(example, &field.values)).err().map(|rule| rule.to_string())
}

/// Says which format the example has, if the field does not have it.
fn missing_format(field: &Field, example: &str) -> Option<String> {
    let is_plain = field.kind == Kind::String && field.format.is_none() && field.values.is_empty();
    (is_plain && Format::Rfc3339.fits(example))
        .then(|| "is RFC 3339, but the field does not have the format rfc3339".to_owned())
}

/// Words in labels of what belongs to a person.
const PERSONAL: &[&str] = &[
    "姓名",
    "手机号码",
    "身份证号",
    "证件号码",
    "银行卡号",
    "银行账号",
    "邮箱地址",
    "收货地址",
    "车牌号",
    "用户标识",
];

/// Whether name or label says that the value is one of a person.
fn is_of_a_person(field: &Field) -> bool {
    field.kind == Kind::String
        && field.values.is_empty()
        && (field.name.ends_with("openid") || PERSONAL.iter().any(|word| field.label.contains(word)))
}

/// Endings of labels that were cut off. Official pages put a link or code in the middle of a sentence, and copying stopped
/// there.
const BROKEN_ENDS: &[&str] = &["的", "为", "是", "符合ISO", "，", "、", "：", "“", "（"];

/// Words with such an ending that are complete.
const WHOLE_WORDS: &[&str] = &["目的", "行为"];

/// Punctuation that comes in pairs.
const PAIRS: &[(char, char)] =
    &[('“', '”'), ('（', '）'), ('(', ')'), ('《', '》'), ('「', '」'), ('【', '】'), ('[', ']')];

/// Says what shows that a label was cut off.
fn truncation_of_label(field: &Field) -> Option<String> {
    let label = field.label;
    let count = |sign: char| label.matches(sign).count();
    let ends_in = |ends: &'static [&'static str]| ends.iter().find(|end| label.ends_with(**end));
    if let Some(end) = ends_in(BROKEN_ENDS).filter(|_| ends_in(WHOLE_WORDS).is_none()) {
        return Some(format!("ends in {end}"));
    }
    let (open, close) = PAIRS.iter().find(|(open, close)| count(*open) != count(*close))?;
    Some(format!("has unbalanced {open} and {close}"))
}

/// Words in labels of money.
const MONEY: &[&str] = &["金额", "价", "费", "净额", "面额", "限额", "余额", "款额", "出资", "额度"];

/// Words in labels of something else that has to do with money: how often, how many, when, which one.
const NOT_MONEY: &[&str] = &[
    "次数", "数量", "笔数", "单数", "人数", "条数", "期数", "时间", "时长", "序号", "编号", "ID", "周期",
    "模板", "积分", "率", "费种",
];

/// Endings of names of money, for fields without a label.
const NAMES: &[&str] = &["amount", "_fee", "_price"];

/// Whether the field is money without a unit. If fen were read as yuan, the amount would be wrong by a factor of 100.
fn lacks_unit(field: &Field) -> bool {
    field.kind == Kind::Integer && field.format.is_none() && is_money(field)
}

fn is_money(field: &Field) -> bool {
    let says = |words: &[&str]| words.iter().any(|word| field.label.contains(word));
    match field.label {
        "" => NAMES.iter().any(|end| field.name.ends_with(end)),
        _ => says(MONEY) && !says(NOT_MONEY),
    }
}
