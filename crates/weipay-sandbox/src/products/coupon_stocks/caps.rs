//! How many coupons of a stock may be sent, how many were, and the change of these limits.
//!
//! A change must name the current number, so that two changes at once do not undo each other.

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::store::Record;

/// How many coupons may be sent (发放规则).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caps {
    pub(crate) total: i64,
    pub(crate) by_user: Option<i64>,
    pub(crate) by_day: Option<i64>,
}

/// A day in Beijing, in days since 1970, and how many coupons were sent on it: the last day of a send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentOnDay(pub(crate) i64, pub(crate) i64);

impl SentOnDay {
    /// How many were sent on the day of `now`. A clock that went back is still on the last day: otherwise a daily limit
    /// would start again.
    pub(crate) fn today(self, now: i64) -> i64 {
        if clock::day(now) <= self.0 { self.1 } else { 0 }
    }

    pub(crate) fn one_more(self, now: i64) -> Self {
        Self(self.0.max(clock::day(now)), self.today(now).saturating_add(1))
    }
}

/// How many coupons of a stock were sent: a record beside the stock, so that a send need not write its definition again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) stock_id: String,
    pub(crate) total: i64,
    /// The day of the last send, in days since 1970 in Beijing.
    pub(crate) day: i64,
    /// How many were sent on that day.
    pub(crate) on_day: i64,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    User,
    Day,
    Stock,
}

/// One of the two numbers of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dimension {
    InTotal,
    ByDay,
}

/// Why a budget is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BudgetObstacle {
    /// The stock was created without a daily limit.
    NoDailyLimit,
    /// The request does not say the current number.
    NoCurrent,
    /// The current number is another one.
    OtherCurrent,
    /// The target is below 1, or below what was sent.
    BelowSent,
}

impl Caps {
    /// Whether one more coupon may be sent: from the narrowest limit to the widest.
    pub(crate) fn check(&self, sent: &Sent, received_by_user: i64, now: i64) -> Result<(), Limit> {
        if self.by_user.is_some_and(|cap| received_by_user >= cap) {
            return Err(Limit::User);
        }
        if self.by_day.is_some_and(|cap| sent.today(now) >= cap) {
            return Err(Limit::Day);
        }
        if sent.total >= self.total {
            return Err(Limit::Stock);
        }
        Ok(())
    }

    /// Changes one number for a target.
    ///
    /// INFERRED(budget-change): the pages of product coupons say that a target may be below the current
    /// number and not below what was sent, and that no daily limit comes or goes; merchant coupons follow the
    /// same rule.
    pub(crate) fn change(
        &mut self,
        dimension: Dimension,
        current: Option<i64>,
        target: i64,
        sent: &Sent,
        now: i64,
    ) -> Result<(), BudgetObstacle> {
        let (known, sent) = match dimension {
            Dimension::InTotal => (&mut self.total, sent.total),
            Dimension::ByDay => (self.by_day.as_mut().ok_or(BudgetObstacle::NoDailyLimit)?, sent.today(now)),
        };
        match current {
            Some(current) if current == *known => {}
            Some(_) => return Err(BudgetObstacle::OtherCurrent),
            None => return Err(BudgetObstacle::NoCurrent),
        }
        if target < sent.max(1) {
            return Err(BudgetObstacle::BelowSent);
        }
        *known = target;
        Ok(())
    }
}

impl Sent {
    /// Nothing was sent yet.
    pub(crate) fn new(stock_id: &str) -> Self {
        Self { stock_id: stock_id.to_owned(), ..Self::default() }
    }

    const fn last_day(&self) -> SentOnDay {
        SentOnDay(self.day, self.on_day)
    }

    /// How many were sent on the day of `now`.
    pub(crate) fn today(&self, now: i64) -> i64 {
        self.last_day().today(now)
    }

    pub(crate) fn one_more(&self, now: i64) -> Self {
        let SentOnDay(day, on_day) = self.last_day().one_more(now);
        Self { stock_id: self.stock_id.clone(), total: self.total.saturating_add(1), day, on_day }
    }
}

impl Record for Sent {
    /// The stocks of both products have numbers that never meet.
    const KIND: &'static str = "merchant coupons sent";

    fn key(&self) -> String {
        self.stock_id.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    /// 2026-08-15T12:00:00+08:00.
    const NOW: i64 = 1_786_766_400;

    fn caps() -> Caps {
        Caps { total: 9, by_user: Some(2), by_day: Some(4) }
    }

    fn sent(total: i64, on_day: i64) -> Sent {
        Sent { total, on_day, day: clock::day(NOW), ..Sent::default() }
    }

    #[test]
    fn a_clock_that_goes_back_starts_no_new_day() {
        let sent = Sent::default().one_more(NOW).one_more(NOW);
        for back in [1, DAY, 400 * DAY] {
            assert_eq!(sent.today(NOW - back), 2, "{back} seconds back");
        }
        // Nor does a send in the past, or the way forward again.
        let sent = sent.one_more(NOW - DAY);
        assert_eq!((sent.on_day, sent.today(NOW)), (3, 3));
        assert_eq!(sent.today(NOW + DAY), 0);
    }

    #[test]
    fn the_narrowest_limit_that_is_reached_is_named() {
        assert_eq!(caps().check(&sent(8, 3), 1, NOW), Ok(()));
        assert_eq!(caps().check(&sent(9, 4), 2, NOW), Err(Limit::User));
        assert_eq!(caps().check(&sent(9, 4), 1, NOW), Err(Limit::Day));
        assert_eq!(caps().check(&sent(9, 4), 1, NOW + DAY), Err(Limit::Stock));
        let open = Caps { by_user: None, by_day: None, ..caps() };
        assert_eq!(open.check(&sent(8, 8), 8, NOW), Ok(()));
    }

    #[test]
    fn a_budget_is_changed_by_who_knows_it_and_not_below_what_was_sent() {
        let changed = |dimension, current, target| {
            let mut caps = caps();
            caps.change(dimension, current, target, &sent(3, 2), NOW).map(|()| caps)
        };
        assert_eq!(changed(Dimension::InTotal, Some(9), 3), Ok(Caps { total: 3, ..caps() }));
        assert_eq!(changed(Dimension::ByDay, Some(4), 2), Ok(Caps { by_day: Some(2), ..caps() }));
        assert_eq!(changed(Dimension::InTotal, Some(9), 2), Err(BudgetObstacle::BelowSent));
        assert_eq!(changed(Dimension::ByDay, Some(9), 4), Err(BudgetObstacle::OtherCurrent));
        assert_eq!(changed(Dimension::InTotal, None, 4), Err(BudgetObstacle::NoCurrent));
        let mut open = Caps { by_day: None, ..caps() };
        let refused = open.change(Dimension::ByDay, Some(4), 4, &sent(0, 0), NOW);
        assert_eq!(refused, Err(BudgetObstacle::NoDailyLimit));
        assert_eq!(
            open.change(Dimension::InTotal, Some(9), 0, &sent(0, 0), NOW),
            Err(BudgetObstacle::BelowSent)
        );
    }
}
