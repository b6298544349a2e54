//! Actions of the platform's pages and of people on product coupons, which no operation of the API has.

use serde_json::{Value, json};

use super::coupon::{self, Channel, Coupon, CouponEnd};
use super::sending::{SendRequest, Situation, Target, send};
use super::stock::{ProductStockState, Stock};
use super::tokens::{self, TakenProductCoupons, TokenProblem};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::platform::Platform;
use crate::products::coupon_stocks::StateChange;
use crate::products::{HandlerError, carry_out};
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[
    Route::put(
        "/product-coupons/stocks/{stock_id}/state",
        "Puts a stock of product coupons (商品券批次) into another state",
        &[Member::word("state", &ProductStockState::WORDS, "The state, as the stock shows it").required()],
        put_state,
    ),
    Route::post(
        "/product-coupons/stocks/{stock_id}/send",
        "Sends a product coupon as the brand. Stocks with coupon_code_mode UPLOAD can be sent only in this way",
        &[
            Member::text("openid", "Who gets it").required(),
            Member::text("appid", "Under which appid (default: the first of the partner)"),
        ],
        send_by_brand,
    ),
    Route::post(
        "/product-coupons/take",
        "A person takes the product coupons that a token of 向用户预发放商品券 offers",
        &[
            Member::text("token", "The token").required(),
            Member::text(
                "openid",
                "The openid of the person who takes them: the user of the request for the token",
            )
            .required(),
        ],
        take,
    ),
    Route::delete(
        "/product-coupons/stocks/{stock_id}/coupons/{coupon_code}",
        "A person takes a product coupon out of the card pack",
        &[],
        delete_coupon,
    ),
];

fn put_state(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = request.text("state").and_then(ProductStockState::from_word);
    let state = state.ok_or_else(|| ControlError::invalid("`state` is missing"))?;
    control.platform.change_product_stock_state(request.path("stock_id"), state)?.told(NO_SUCH_STOCK)
}

const NO_SUCH_STOCK: &str = "no stock of product coupons has this number";

fn no_such_stock() -> ControlError {
    ControlError::not_found(NO_SUCH_STOCK)
}

fn send_by_brand(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let openid = request.text("openid").unwrap_or_default();
    let sent =
        control.platform.send_product_coupon(request.path("stock_id"), openid, request.text("appid"))?;
    match sent {
        Ok(Some(code)) => Ok(json!({ "coupon_code": code })),
        Ok(None) => Err(no_such_stock()),
        Err(reason) => Err(ControlError::conflict(reason)),
    }
}

fn take(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let text = |name: &str| request.text(name).unwrap_or_default();
    let taken = control.platform.take_product_coupons(text("token"), text("openid"))?;
    let taken = taken.map_err(|problem| ControlError::invalid(problem.to_owned()))?;
    serde_json::to_value(taken)
        .map_err(|_| ControlError::invalid("the coupons contain a value that JSON cannot express"))
}

fn delete_coupon(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    if control.platform.delete_product_coupon(request.path("stock_id"), request.path("coupon_code"))? {
        return Ok(Value::Null);
    }
    Err(ControlError::not_found(reasons::NO_COUPON_TO_DELETE))
}

impl Platform {
    /// Puts a stock of product coupons into another state, as the platform's pages and its review do. Whether that was
    /// done: there is such a stock, and its period is not over, after which it can only be stopped.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn set_product_stock_state(
        &self,
        stock_id: &str,
        state: ProductStockState,
    ) -> Result<bool, StoreError> {
        Ok(self.change_product_stock_state(stock_id, state)? == StateChange::Done)
    }

    fn change_product_stock_state(
        &self,
        stock_id: &str,
        state: ProductStockState,
    ) -> Result<StateChange, StoreError> {
        self.act(|tx, now| {
            let is_over = |stock: Stock| state != ProductStockState::Stopped && now >= stock.due().at;
            if tx.get::<Stock>(stock_id)?.is_some_and(is_over) {
                return Ok(StateChange::Over);
            }
            Ok(if set_state(tx, stock_id, state)? { StateChange::Done } else { StateChange::NoStock })
        })
    }

    /// The brand sends a coupon of a stock, whatever its `coupon_code_mode` is but `API_ASSIGN`. Gives its code, none
    /// when there is no such stock, or why it is not sent, in the platform's words.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn send_product_coupon(
        &self,
        stock_id: &str,
        openid: &str,
        appid: Option<&str>,
    ) -> Result<Result<Option<String>, String>, StoreError> {
        let appid = |mchid: &str| {
            let own = || Some(self.merchants.find(mchid)?.account.appids.first()?.clone());
            appid.map(str::to_owned).or_else(own).unwrap_or_default()
        };
        let sent = self.act(|tx, now| send_of_brand(tx, &self.entropy, stock_id, openid, appid, now));
        match sent {
            Ok(code) => Ok(Ok(code)),
            Err(HandlerError::Refused(refusal)) => Ok(Err(refusal.message.into_owned())),
            Err(HandlerError::Failed(error)) => Err(error),
        }
    }

    /// A person takes what a token offers; or why that cannot be, in the platform's words.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn take_product_coupons(
        &self,
        token: &str,
        openid: &str,
    ) -> Result<Result<TakenProductCoupons, String>, StoreError> {
        let taken = self.act(|tx, now| tokens::take(tx, &self.entropy, (token, openid), now));
        match taken {
            Ok(taken) => Ok(taken.map_err(|problem| match problem {
                TokenProblem::NoOffer => {
                    "no request for this user returned this token: check token and openid".to_owned()
                }
                TokenProblem::Refused(refusal) => refusal.message.into_owned(),
            })),
            Err(HandlerError::Refused(refusal)) => Ok(Err(refusal.message.into_owned())),
            Err(HandlerError::Failed(error)) => Err(error),
        }
    }

    /// A person takes a product coupon out of the card pack. Whether there was one that could be.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn delete_product_coupon(&self, stock_id: &str, code: &str) -> Result<bool, StoreError> {
        self.act(|tx, now| take_out(tx, stock_id, code, now))
    }
}

/// Sends a coupon as the brand does; gives its code.
pub(super) fn send_of_brand(
    tx: &Transaction<'_>,
    entropy: &Entropy,
    stock_id: &str,
    openid: &str,
    appid: impl Fn(&str) -> String,
    now: i64,
) -> Result<Option<String>, HandlerError> {
    let Some(stock) = tx.get::<Stock>(stock_id)? else { return Ok(None) };
    let appid = appid(&stock.owner.mchid);
    // The brand has its own appids, which the sandbox does not know: the one that is said is one of them.
    let sender =
        Account { mchid: stock.owner.mchid.clone(), appids: vec![appid.clone()], sub_merchants: Vec::new() };
    let request = SendRequest {
        owner: stock.owner.clone(),
        product_id: stock.product_id.clone(),
        target: Target::Stock(stock.id.clone()),
        openid: openid.to_owned(),
        appid,
        // A partner could have used every number that follows from another.
        number: format!("brand-{}", entropy.letters_and_digits(24)),
        coupon_code: None,
        channel: Channel::Api,
        attach: None,
        tags: None,
        by_brand: true,
    };
    let situation = Situation::read(tx, entropy, &request, now)?;
    let decision = send(&sender, &request, situation, now)?;
    let code = decision.changed.first().map(|((_, coupon), _)| coupon.code.clone());
    carry_out(tx, decision)?;
    Ok(code)
}

/// Puts a stock into another state. Whether there is such a stock. Its period ends it again, now if it is
/// over: what is listed by its state has that state.
pub(super) fn set_state(
    tx: &Transaction<'_>,
    stock_id: &str,
    state: ProductStockState,
) -> Result<bool, StoreError> {
    let Some(stock) = tx.get::<Stock>(stock_id)? else { return Ok(false) };
    match state {
        ProductStockState::Stopped => drop(tx.unschedule(&stock.due())?),
        _ if stock.ended.is_some() => {}
        _ => tx.schedule(&stock.due())?,
    }
    tx.save(&Stock { state, ..stock }).map(|()| true)
}

/// Takes a coupon out of the card pack. Whether there was one that could be.
pub(super) fn take_out(
    tx: &Transaction<'_>,
    stock_id: &str,
    code: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let found = coupon::find(tx, stock_id, code)?.and_then(|coupon| thrown_away(coupon, now));
    found.map_or(Ok(false), |coupon| tx.save(&coupon).map(|()| true))
}

/// A coupon that could still be used can be thrown away. INFERRED(deletion-by-user): no other.
fn thrown_away(coupon: Coupon, now: i64) -> Option<Coupon> {
    coupon.is_open_at(now).then_some(Coupon { ended: Some(CouponEnd::Deleted(now)), ..coupon })
}
