//! Which days a bill can be asked for, and what is said of the others.

use weipay_rules::rfc3339;

use crate::clock;
use crate::response::Refusal;

/// A bill is there from this second of the next day in Beijing on. INFERRED(bill-hour): it is made from nine
/// o'clock on, and the documents say to come after ten.
pub(in crate::products) const READY: i64 = 10 * 3_600;

/// How many days back a bill can be requested. INFERRED(bill-age): the documents say three months.
const MAX_AGE_DAYS: i64 = 92;

/// The day that a text such as `2026-11-25` names, when there can be a bill of it.
pub(super) fn requested(text: &str, now: i64) -> Result<i64, Refusal> {
    let day = parse(text).ok_or_else(|| {
        Refusal::param_error(
            "日期格式不正确",
            "`bill_date` must be a day of the calendar, such as 2026-11-25",
        )
    })?;
    let today = clock::day(now);
    // UNCONFIRMED(bill-day-words): the words of both refusals.
    if day >= today {
        return Err(Refusal::invalid_request(
            "账单日期不能是当日或未来日期",
            "the bill of a day is available from 10:00 (Beijing) on the next day",
        ));
    }
    if today - day > MAX_AGE_DAYS {
        return Err(Refusal::invalid_request("请求的账单日期已过期", "bills are available for three months"));
    }
    if today - day == 1 && clock::second_of_day(now) < READY {
        return Err(Refusal::new(
            400,
            "STATEMENT_CREATING",
            "账单生成中",
            "a bill is available from 10:00 (Beijing) on the next day; advance the sandbox's clock",
        ));
    }
    Ok(day)
}

/// A word that no bill has. UNCONFIRMED(unlisted-value)
pub(super) fn unknown_word(parameter: &str) -> Refusal {
    Refusal::param_error(
        "参数错误",
        format!("{parameter} has an unknown value: weipay api show lists those that are known"),
    )
}

/// Nothing happened on that day.
pub(super) fn nothing_happened() -> Refusal {
    Refusal::new(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在", "there is nothing to report for that day")
}

/// A bill of all sub-merchants for a merchant without any.
pub(super) fn no_sub_merchants() -> Refusal {
    nothing_happened().with_reason(
        "the caller has no sub-merchants: weipay sandbox merchant bind MCHID --sub-merchant SUB_MCHID adds one",
    )
}

/// The older words, which stand on the page of profit sharing.
pub(super) fn nothing_was_shared() -> Refusal {
    Refusal::new(400, "NO_STATEMENT_EXIST", "账单文件不存在", "nothing was shared on that day")
}

/// A refusal as the page of profit sharing bills has it: it knows neither `STATEMENT_CREATING` nor `NO_AUTH`.
pub(super) fn of_profit_sharing(refusal: Refusal) -> Refusal {
    let message = match refusal.code {
        "STATEMENT_CREATING" => "请求的账单正在生成中",
        "NO_AUTH" => "服务商和分账方无受理关系",
        _ => return refusal,
    };
    Refusal { status: 400, code: "INVALID_REQUEST", message: message.into(), ..refusal }
}

pub(in crate::products) fn parse(text: &str) -> Option<i64> {
    let is_day = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let midnight = is_day.then(|| rfc3339::parse(&format!("{text}T00:00:00+08:00")))??;
    Some(clock::day(midnight.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> i64 {
        clock::parse(time).unwrap()
    }

    #[track_caller]
    fn code(text: &str, now: &str) -> &'static str {
        requested(text, at(now)).map_or_else(|refusal| refusal.code, |_| "")
    }

    #[test]
    fn a_bill_is_there_from_ten_o_clock_of_the_next_day_for_three_months() {
        assert_eq!(code("2026-11-25", "2026-11-26T09:59:59+08:00"), "STATEMENT_CREATING");
        assert_eq!(code("2026-11-25", "2026-11-26T10:00:00+08:00"), "");
        assert_eq!(code("2026-11-24", "2026-11-26T00:00:00+08:00"), "");
        assert_eq!(code("2026-11-26", "2026-11-26T23:59:59+08:00"), "INVALID_REQUEST");
        assert_eq!(code("2026-11-27", "2026-11-26T12:00:00+08:00"), "INVALID_REQUEST");
        assert_eq!(code("2026-08-26", "2026-11-26T12:00:00+08:00"), "");
        assert_eq!(code("2026-08-25", "2026-11-26T12:00:00+08:00"), "INVALID_REQUEST");
    }

    #[test]
    fn a_day_is_one_of_beijing() {
        let day = requested("2026-11-25", at("2026-11-26T12:00:00+08:00")).unwrap();
        assert_eq!(clock::midnight(day), at("2026-11-25T00:00:00+08:00"));
    }

    #[test]
    fn what_is_not_a_day_is_refused() {
        for text in ["", "20261125", "2026-02-30", "2026-13-01", "2026-1-1", "2026-11-25T", "２０２６-11-25"]
        {
            assert_eq!(code(text, "2026-11-26T12:00:00+08:00"), "PARAM_ERROR", "{text}");
        }
    }
}
