//! Amounts of one message that agree with each other: what was paid is the total without the coupons, and no more is refunded
//! than was paid.

use serde_json::{Map, Value};

const TOTALS: [&str; 3] = ["total", "total_fee", "total_amount"];
const PAID: [&str; 5] =
    ["payer_total", "cash_fee", "payer_amount", "settlement_total", "settlement_total_fee"];
const REFUNDS: [&str; 3] = ["refund", "refund_fee", "refund_amount"];
const REFUNDED: [&str; 4] = ["payer_refund", "cash_refund_fee", "settlement_refund", "settlement_refund_fee"];
const COUPONS: &str = "coupon_fee";

/// Amounts of a sample that nobody has changed yet: no coupon was used, and everything is refunded.
pub(super) fn settle(members: &mut Map<String, Value>) {
    settle_service(members);
    each_object(members, "", &mut |object, _| {
        let total = TOTALS.iter().find_map(|name| number(object, name));
        if let Some(total) = total {
            put_all(object, &PAID, |_, _| total);
            put_all(object, &REFUNDS, |_, refund| refund.min(total));
            put_all(object, &["discount_total"], |_, _| 0);
        }
        if let Some(refund) = REFUNDS.iter().find_map(|name| number(object, name)) {
            put_all(object, &REFUNDED, |_, _| refund);
        }
    });
}

/// A service order (支付分): its total is that of what is paid for, and all of it was paid.
fn settle_service(order: &mut Map<String, Value>) {
    let Some(payments) = order.get("post_payments").and_then(Value::as_array) else { return };
    let total: i64 = payments.iter().filter_map(|payment| payment["amount"].as_i64()).sum();
    put_all(order, &["total_amount"], |_, _| total);
    if let Some(Value::Object(collection)) = order.get_mut("collection") {
        put_all(collection, &["total_amount", "paid_amount"], |_, _| total);
        put_all(collection, &["paying_amount"], |_, _| 0);
        for payment in collection.get_mut("details").and_then(Value::as_array_mut).into_iter().flatten() {
            payment
                .as_object_mut()
                .into_iter()
                .for_each(|payment| put_all(payment, &["amount"], |_, _| total));
        }
    }
}

/// Lets the amounts that nobody has set follow those that were set, whose paths these are.
pub(super) fn follow(before: &Map<String, Value>, after: &mut Map<String, Value>, set: &[&str]) {
    let whole = Value::Object(before.clone());
    each_object(after, "", &mut |object, at| {
        let is_set = |name: &str| set.iter().any(|path| path.strip_prefix(at) == Some(name));
        let before = at.split('.').filter(|step| !step.is_empty()).try_fold(&whole, step_into);
        let before = before.and_then(Value::as_object);
        let was = |name: &str| before.and_then(|before| number(before, name));
        let grown = |object: &Map<String, Value>, names: &[&str]| {
            let set = names.iter().find(|name| is_set(name));
            set.and_then(|name| Some(number(object, name)?.saturating_sub(was(name)?))).unwrap_or_default()
        };
        let coupons = match is_set(COUPONS) {
            true => {
                let (now, before) = (number(object, COUPONS), was(COUPONS));
                now.unwrap_or_default().saturating_sub(before.unwrap_or_default())
            }
            false => 0,
        };
        let more = grown(object, &TOTALS).saturating_sub(coupons);
        put_all(
            object,
            &PAID,
            |name, paid| if is_set(name) { paid } else { paid.saturating_add(more).max(0) },
        );
        let more = grown(object, &REFUNDS);
        put_all(
            object,
            &REFUNDED,
            |name, paid| if is_set(name) { paid } else { paid.saturating_add(more).max(0) },
        );
        keep_refund_within_total(object, is_set);
    });
}

/// Of a refund that is more than the total the number follows that was not set.
fn keep_refund_within_total(object: &mut Map<String, Value>, is_set: impl Fn(&str) -> bool) {
    let find = |names: &[&'static str], object: &Map<String, Value>| {
        names.iter().find_map(|name| Some((*name, number(object, name)?)))
    };
    let (Some((total_name, total)), Some((refund_name, refund))) =
        (find(&TOTALS, object), find(&REFUNDS, object))
    else {
        return;
    };
    let more = refund.saturating_sub(total);
    if more <= 0 {
        return;
    }
    if !is_set(refund_name) {
        put_all(object, &[refund_name], |_, _| total);
        put_all(
            object,
            &REFUNDED,
            |name, paid| if is_set(name) { paid } else { paid.saturating_sub(more).max(0) },
        );
    } else if !is_set(total_name) {
        put_all(object, &[total_name], |_, _| refund);
        put_all(object, &PAID, |name, paid| if is_set(name) { paid } else { paid.saturating_add(more) });
    }
}

fn number(object: &Map<String, Value>, name: &str) -> Option<i64> {
    object.get(name)?.as_i64()
}

/// Gives the numbers with these names other values.
fn put_all(object: &mut Map<String, Value>, names: &[&'static str], value: impl Fn(&str, i64) -> i64) {
    for name in names {
        if let Some(found) = number(object, name) {
            object.insert((*name).to_owned(), value(name, found).into());
        }
    }
}

fn step_into<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    }
}

/// Every object of a message with its path, which ends with a dot.
fn each_object(
    members: &mut Map<String, Value>,
    at: &str,
    work: &mut impl FnMut(&mut Map<String, Value>, &str),
) {
    work(members, at);
    for (name, value) in members.iter_mut() {
        match value {
            Value::Object(inner) => each_object(inner, &format!("{at}{name}."), work),
            Value::Array(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    if let Value::Object(inner) = item {
                        each_object(inner, &format!("{at}{name}.{place}."), work);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn followed(before: Value, mut after: Value, set: &[&str]) -> Value {
        follow(before.as_object().unwrap(), after.as_object_mut().unwrap(), set);
        after
    }

    #[test]
    fn what_was_paid_follows_the_total_and_what_was_set_stays() {
        let amount = |total, paid| json!({ "amount": { "total": total, "payer_total": paid } });
        let set = ["amount.total"];
        assert_eq!(followed(amount(100, 80), amount(5000, 80), &set), amount(5000, 4980), "the coupon stays");
        let set = ["amount.total", "amount.payer_total"];
        assert_eq!(followed(amount(100, 100), amount(5000, 7), &set), amount(5000, 7));
        let fees =
            |total, cash, coupon| json!({ "total_fee": total, "cash_fee": cash, "coupon_fee": coupon });
        let before = json!({ "total_fee": 100, "cash_fee": 100 });
        assert_eq!(followed(before, fees(100, 100, 30), &["coupon_fee"]), fees(100, 70, 30));
    }

    #[test]
    fn no_more_is_refunded_than_the_total() {
        let amount = |total: i64, refund: i64| {
            json!({
                "total": total, "refund": refund, "payer_total": total, "payer_refund": refund,
            })
        };
        let set = |before: Value, name: &str, fen: i64| {
            let mut after = before.clone();
            after[name] = fen.into();
            followed(before, after, &[name])
        };
        assert_eq!(set(amount(100, 100), "total", 60), amount(60, 60));
        assert_eq!(set(amount(100, 100), "refund", 60), amount(100, 60));
        assert_eq!(set(amount(100, 100), "refund", 160), amount(160, 160));
    }
}
