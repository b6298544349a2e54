//! Users' coupons as rows.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::stocks::{self, StockRow};
use super::{Ledger, StoreError};
use crate::domain::merchant_coupons::coupon::{Association, Condition, Coupon, Event};
use crate::domain::merchant_coupons::listing::Listing;
use crate::domain::merchant_coupons::stock::Stock;
use crate::domain::merchant_coupons::validity::Window;

/// A page of a user's coupons, each with its stock, and how many there are on all pages.
pub(crate) struct Page {
    pub(crate) coupons: Vec<(Stock, Coupon)>,
    pub(crate) total: i64,
}

/// The columns in the order that [`CouponRow::read`] expects.
const COLUMNS: &str = "coupons.stock_id, coupons.code, coupons.openid, coupons.sender, coupons.send_request_no, \
                       coupons.receive_time, coupons.start_time, coupons.expire_time, coupons.condition, \
                       coupons.condition_request_no, coupons.condition_time, coupons.condition_reason, \
                       coupons.associated_order, coupons.associate_time, coupons.return_request_no, \
                       coupons.return_time";

/// A row whose condition has not been understood yet.
struct CouponRow {
    /// All but the condition.
    coupon: Coupon,
    condition: String,
    event: Option<Event>,
    reason: Option<String>,
}

fn event(request_no: Option<String>, time: Option<i64>) -> Option<Event> {
    Some(Event { request_no: request_no?, time: time? })
}

impl CouponRow {
    fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<CouponRow> {
        let order: Option<String> = row.get(first + 12)?;
        let associate_time: Option<i64> = row.get(first + 13)?;
        let coupon = Coupon {
            stock_id: row.get(first)?,
            code: row.get(first + 1)?,
            openid: row.get(first + 2)?,
            sender: row.get(first + 3)?,
            send_request_no: row.get(first + 4)?,
            receive_time: row.get(first + 5)?,
            window: Window { start: row.get(first + 6)?, expire: row.get(first + 7)? },
            condition: Condition::Sent,
            association: order
                .zip(associate_time)
                .map(|(out_trade_no, time)| Association { out_trade_no, time }),
            returned: event(row.get(first + 14)?, row.get(first + 15)?),
        };
        let event = event(row.get(first + 9)?, row.get(first + 10)?);
        Ok(CouponRow { coupon, condition: row.get(first + 8)?, event, reason: row.get(first + 11)? })
    }

    fn coupon(self) -> Result<Coupon, StoreError> {
        let condition = match (&*self.condition, self.event) {
            ("SENT", _) => Condition::Sent,
            ("USED", Some(event)) => Condition::Used(event),
            ("DEACTIVATED", Some(event)) => Condition::Deactivated(event, self.reason),
            ("DELETED", _) => Condition::Deleted,
            _ => return Err(StoreError::Corrupt(format!("the condition of coupon {}", self.coupon.code))),
        };
        Ok(Coupon { condition, ..self.coupon })
    }
}

/// The columns of a condition: word, request number, time, reason.
fn columns(condition: &Condition) -> (&'static str, Option<&str>, Option<i64>, Option<&str>) {
    match condition {
        Condition::Sent => ("SENT", None, None, None),
        Condition::Used(event) => ("USED", Some(&event.request_no), Some(event.time), None),
        Condition::Deactivated(event, reason) => {
            ("DEACTIVATED", Some(&event.request_no), Some(event.time), reason.as_deref())
        }
        Condition::Deleted => ("DELETED", None, None, None),
    }
}

fn with_stock(row: &Row<'_>) -> rusqlite::Result<(StockRow, CouponRow)> {
    Ok((StockRow::read(row)?, CouponRow::read(row, stocks::WIDTH)?))
}

fn understood((stock, coupon): (StockRow, CouponRow)) -> Result<(Stock, Coupon), StoreError> {
    Ok((stock.stock()?, coupon.coupon()?))
}

impl Ledger<'_> {
    fn find(&self, condition: &str, values: [&str; 2]) -> Result<Option<(Stock, Coupon)>, StoreError> {
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {}, {COLUMNS} FROM coupons JOIN stocks ON stocks.id = coupons.stock_id
             WHERE {condition} ORDER BY coupons.number DESC LIMIT 1",
            stocks::COLUMNS
        ))?;
        statement.query_row(values, with_stock).optional()?.map(understood).transpose()
    }

    /// The coupon with this code of a stock.
    pub(crate) fn coupon(&self, stock_id: &str, code: &str) -> Result<Option<(Stock, Coupon)>, StoreError> {
        self.find("coupons.stock_id = ?1 AND coupons.code = ?2", [stock_id, code])
    }

    /// A coupon by its code alone. Only codes that the platform made are unique without their stock; `mode` is the
    /// word for such stocks.
    pub(crate) fn coupon_by_code(
        &self,
        code: &str,
        mode: &str,
    ) -> Result<Option<(Stock, Coupon)>, StoreError> {
        self.find(
            "coupons.code = ?1 AND json_extract(stocks.definition, '$.coupon_code_mode') = ?2",
            [code, mode],
        )
    }

    /// A user's coupon by its code. UNCONFIRMED: among equal codes of several stocks the newest is meant.
    pub(crate) fn coupon_of_user(
        &self,
        openid: &str,
        code: &str,
    ) -> Result<Option<(Stock, Coupon)>, StoreError> {
        self.find("coupons.openid = ?1 AND coupons.code = ?2", [openid, code])
    }

    /// How many coupons of a stock a user has received.
    pub(crate) fn received_by_user(&self, stock_id: &str, openid: &str) -> Result<i64, StoreError> {
        let mut statement =
            self.0.prepare_cached("SELECT count(*) FROM coupons WHERE stock_id = ?1 AND openid = ?2")?;
        Ok(statement.query_row(params![stock_id, openid], |row| row.get(0))?)
    }

    /// A new coupon.
    pub(crate) fn add_coupon(&self, coupon: &Coupon) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO coupons (stock_id, code, openid, sender, send_request_no, receive_time, start_time,
                                  expire_time, condition)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'SENT')",
        )?;
        statement.execute(params![
            coupon.stock_id,
            coupon.code,
            coupon.openid,
            coupon.sender,
            coupon.send_request_no,
            coupon.receive_time,
            coupon.window.start,
            coupon.window.expire,
        ])?;
        self.change_coupon(coupon)
    }

    /// What changes in a coupon's life.
    pub(crate) fn change_coupon(&self, coupon: &Coupon) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "UPDATE coupons SET condition = :condition, condition_request_no = :request_no, condition_time = :time,
                    condition_reason = :reason, associated_order = :order, associate_time = :associate_time,
                    return_request_no = :return_no, return_time = :return_time
             WHERE stock_id = :stock_id AND code = :code",
        )?;
        let (condition, request_no, time, reason) = columns(&coupon.condition);
        let association = coupon.association.as_ref();
        let returned = coupon.returned.as_ref();
        statement.execute(named_params! {
            ":stock_id": coupon.stock_id,
            ":code": coupon.code,
            ":condition": condition,
            ":request_no": request_no,
            ":time": time,
            ":reason": reason,
            ":order": association.map(|order| &order.out_trade_no),
            ":associate_time": association.map(|order| order.time),
            ":return_no": returned.map(|event| &event.request_no),
            ":return_time": returned.map(|event| event.time),
        })?;
        Ok(())
    }

    /// A page of a user's coupons, the newest first.
    pub(crate) fn page(&self, listing: &Listing, now: i64) -> Result<Page, StoreError> {
        const WHERE: &str = "
            FROM coupons JOIN stocks ON stocks.id = coupons.stock_id
            WHERE coupons.openid = :openid
              AND (:stock_id IS NULL OR coupons.stock_id = :stock_id)
              AND (:sender IS NULL OR coupons.sender = :sender)
              AND (:creator IS NULL OR stocks.creator = :creator)
              AND (:belongs IS NULL OR json_extract(stocks.definition, '$.belong_merchant') = :belongs)
              AND (:state IS NULL OR :state = CASE
                    WHEN coupons.condition <> 'SENT' THEN coupons.condition
                    WHEN :now > coupons.expire_time THEN 'EXPIRED'
                    ELSE 'SENDED' END)";
        let state = listing.state.map(|state| state.word());
        let filter = named_params! {
            ":openid": listing.openid,
            ":stock_id": listing.stock_id,
            ":sender": listing.sender_merchant,
            ":creator": listing.creator_merchant,
            ":belongs": listing.belong_merchant,
            ":state": state,
            ":now": now,
        };
        let total = self
            .0
            .prepare_cached(&format!("SELECT count(*) {WHERE}"))?
            .query_row(filter, |row| row.get(0))?;
        let (limit, skipped) = (listing.limit, listing.skipped());
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT {}, {COLUMNS} {WHERE}
             ORDER BY coupons.receive_time DESC, coupons.number DESC LIMIT :limit OFFSET :skipped",
            stocks::COLUMNS
        ))?;
        let page: &[(&str, &dyn rusqlite::ToSql)] = &[(":limit", &limit), (":skipped", &skipped)];
        let rows =
            statement.query_map(&*[filter, page].concat(), with_stock)?.collect::<Result<Vec<_>, _>>()?;
        Ok(Page { coupons: rows.into_iter().map(understood).collect::<Result<_, _>>()?, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::merchant_coupons::tests::{NOW, a_coupon, a_stock};
    use crate::store::Store;

    #[test]
    fn a_coupon_comes_back_as_it_was_kept_in_every_condition() {
        let store = Store::in_memory();
        let step = |number: &str| Event { request_no: number.to_owned(), time: NOW };
        let conditions = [
            Condition::Sent,
            Condition::Used(step("u1")),
            Condition::Deactivated(step("d1"), None),
            Condition::Deactivated(step("d1"), Some("误发".to_owned())),
            Condition::Deleted,
        ];
        let checked: Result<(), StoreError> = store.transaction(|ledger| {
            ledger.add_stock(&a_stock())?;
            ledger.add_coupon(&a_coupon())?;
            for condition in conditions {
                for tied in [true, false] {
                    let association = Association { out_trade_no: "o-1".to_owned(), time: NOW };
                    let coupon = Coupon {
                        condition: condition.clone(),
                        association: tied.then_some(association),
                        returned: (!tied).then(|| step("r1")),
                        ..a_coupon()
                    };
                    ledger.change_coupon(&coupon)?;
                    assert_eq!(ledger.coupon(&coupon.stock_id, &coupon.code)?, Some((a_stock(), coupon)));
                }
            }
            assert_eq!(ledger.coupon("another", &a_coupon().code)?, None);
            Ok(())
        });
        checked.unwrap();
    }

    #[test]
    fn a_code_without_its_stock_finds_only_stocks_of_the_mode() {
        let store = Store::in_memory();
        let checked: Result<(), StoreError> = store.transaction(|ledger| {
            ledger.add_stock(&a_stock())?;
            ledger.add_coupon(&a_coupon())?;
            assert!(ledger.coupon_by_code(&a_coupon().code, "WECHATPAY_MODE")?.is_some());
            assert!(ledger.coupon_by_code(&a_coupon().code, "MERCHANT_API")?.is_none());
            Ok(())
        });
        checked.unwrap();
    }
}
