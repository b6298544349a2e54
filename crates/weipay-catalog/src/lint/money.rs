//! Whether a whole number is money that says no unit.
//!
//! A number of fen read as yuan is wrong a hundredfold, and one of yen read as cents too, so money says what it counts:
//! `fen`, `minor`, or a comment above it that says what is known of its unit.

use crate::field::{Field, Kind};

/// What a label says of money.
const MONEY: &[&str] = &["金额", "价", "费", "净额", "面额", "限额", "余额", "款额", "出资", "额度"];

/// What a label says of something else that has to do with money: how often, how many, when, which one.
const NOT_MONEY: &[&str] = &[
    "次数", "数量", "笔数", "单数", "人数", "条数", "期数", "时间", "时长", "序号", "编号", "ID", "周期",
    "模板", "积分", "率", "费种",
];

/// How a name without a label ends when it is money.
const NAMES: &[&str] = &["amount", "_fee", "_price"];

/// Whether nothing says what the number counts.
pub(super) fn lacks_unit(field: &Field) -> bool {
    field.kind == Kind::Integer && field.format.is_none() && is_money(field)
}

fn is_money(field: &Field) -> bool {
    let says = |words: &[&str]| words.iter().any(|word| field.label.contains(word));
    match field.label {
        "" => NAMES.iter().any(|end| field.name.ends_with(end)),
        _ => says(MONEY) && !says(NOT_MONEY),
    }
}

pub(super) fn problem(field: &Field) -> String {
    format!(
        "`{}` looks like money and has no unit: fen, minor (the smallest unit of its currency), or a comment above it that says what is known of the unit",
        field.name
    )
}
