//! Stocks as rows.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Map, Value};

use super::{Ledger, StoreError};
use crate::domain::merchant_coupons::definition::Definition;
use crate::domain::merchant_coupons::stock::{Sent, Stock, StockState};

/// The columns in the order that [`StockRow::read`] expects.
pub(super) const COLUMNS: &str = "stocks.id, stocks.creator, stocks.state, stocks.create_time, stocks.sent_total, \
                                  stocks.sent_day, stocks.sent_on_day, stocks.definition";
/// How many they are.
pub(super) const WIDTH: usize = 8;

/// A row whose texts have not been understood yet.
pub(super) struct StockRow {
    id: String,
    creator: String,
    state: String,
    create_time: i64,
    sent: Sent,
    definition: String,
}

impl StockRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<StockRow> {
        Ok(StockRow {
            id: row.get(0)?,
            creator: row.get(1)?,
            state: row.get(2)?,
            create_time: row.get(3)?,
            sent: Sent { total: row.get(4)?, day: row.get(5)?, on_day: row.get(6)? },
            definition: row.get(7)?,
        })
    }

    pub(super) fn stock(self) -> Result<Stock, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("the {what} of stock {}", self.id));
        let state = StockState::from_word(&self.state).ok_or_else(|| corrupt("state"))?;
        let members: Map<String, Value> =
            serde_json::from_str(&self.definition).map_err(|_| corrupt("definition"))?;
        let definition = Definition::read(members).map_err(|_| corrupt("definition"))?;
        Ok(Stock {
            id: self.id,
            creator: self.creator,
            state,
            create_time: self.create_time,
            sent: self.sent,
            definition,
        })
    }
}

impl Ledger<'_> {
    /// One stock.
    pub(crate) fn stock(&self, id: &str) -> Result<Option<Stock>, StoreError> {
        let mut statement = self.0.prepare_cached(&format!("SELECT {COLUMNS} FROM stocks WHERE id = ?1"))?;
        statement.query_row(params![id], StockRow::read).optional()?.map(StockRow::stock).transpose()
    }

    /// A new stock.
    pub(crate) fn add_stock(&self, stock: &Stock) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO stocks (id, creator, state, create_time, sent_total, sent_day, sent_on_day, definition)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let definition = Value::Object(stock.definition.members.clone()).to_string();
        statement.execute(params![
            stock.id,
            stock.creator,
            stock.state.word(),
            stock.create_time,
            stock.sent.total,
            stock.sent.day,
            stock.sent.on_day,
            definition,
        ])?;
        Ok(())
    }

    /// Another definition of a stock.
    pub(crate) fn redefine_stock(&self, stock: &Stock) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached("UPDATE stocks SET definition = ?2 WHERE id = ?1")?;
        let definition = Value::Object(stock.definition.members.clone()).to_string();
        statement.execute(params![stock.id, definition])?;
        Ok(())
    }

    /// What changes in a stock's life: state and counts. The definition stays.
    pub(crate) fn change_stock(&self, stock: &Stock) -> Result<(), StoreError> {
        let mut statement = self.0.prepare_cached(
            "UPDATE stocks SET state = ?2, sent_total = ?3, sent_day = ?4, sent_on_day = ?5 WHERE id = ?1",
        )?;
        let sent = stock.sent;
        statement.execute(params![stock.id, stock.state.word(), sent.total, sent.day, sent.on_day])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::merchant_coupons::stock::StockState;
    use crate::domain::merchant_coupons::tests::{NOW, a_stock};
    use crate::store::{Store, StoreError};

    #[test]
    fn a_stock_comes_back_as_it_was_kept() {
        let store = Store::in_memory();
        let mut stock = a_stock();
        let read: Result<_, StoreError> = store.transaction(|ledger| {
            ledger.add_stock(&stock)?;
            stock.sent = stock.sent.one_more(NOW);
            stock.state = StockState::Paused;
            ledger.change_stock(&stock)?;
            stock.definition.members.insert("comment".to_owned(), "another".into());
            ledger.redefine_stock(&stock)?;
            Ok((ledger.stock(&stock.id)?, ledger.stock("another")?))
        });
        assert_eq!(read.unwrap(), (Some(stock), None));
    }
}
