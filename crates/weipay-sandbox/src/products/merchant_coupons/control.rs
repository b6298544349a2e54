//! What the merchant platform's pages do, and no operation of the API can: the state of a stock.

use serde_json::Value;

use super::stock::{self, StockState};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::platform::Platform;
use crate::store::StoreError;

pub(crate) const ROUTES: &[Route] = &[Route::put(
    "/stocks/{stock_id}/state",
    "Puts a stock of merchant coupons (商家券批次) into another state",
    &[Member::word("state", &StockState::WORDS, "The state, as stock_state has it").required()],
    put_state,
)];

fn put_state(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = request.text("state").and_then(StockState::from_word);
    let state = state.ok_or_else(|| ControlError::invalid("`state` is missing"))?;
    if control.platform.set_stock_state(request.path("stock_id"), state)? {
        return Ok(Value::Null);
    }
    Err(ControlError::not_found("no stock has this number"))
}

impl Platform {
    /// Puts a stock into another state, as the merchant platform's pages do; no operation of the API can. Whether there
    /// is such a stock.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_stock_state(&self, stock_id: &str, state: StockState) -> Result<bool, StoreError> {
        self.store.transaction(|tx| stock::set_stock_state(tx, stock_id, state))
    }
}
