//! Actions of the merchant platform's pages and of people, which no operation of the API has: the state of a stock, its product
//! information, a coupon that a person takes or throws away.

use serde_json::Value;

use super::coupon::{self, Condition, Coupon, CouponState};
use super::reception::CouponPage;
use super::stock::{self, Stock, StockState};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::platform::Platform;
use crate::products::coupon_stocks::StateChange;
use crate::reasons;
use crate::store::StoreError;

pub(crate) const ROUTES: &[Route] = &[
    Route::put(
        "/stocks/{stock_id}/state",
        "Puts a stock of merchant coupons (商家券批次) into another state",
        &[Member::word("state", &StockState::WORDS, "The state, as stock_state has it").required()],
        put_state,
    ),
    Route::put(
        "/stocks/{stock_id}/product",
        "Links product information (商品信息) to a stock of merchant coupons, so that it can be sent as a product coupon",
        &[],
        put_product,
    ),
    Route::post(
        "/coupons/receive",
        "A person takes the merchant coupons of a page; give one of address, plugin, card_list and token",
        &[
            Member::text("address", "H5: the whole address of the page, with its signature"),
            Member::object("plugin", PLUGIN, "Mini programs: the attributes of the plugin"),
            Member::object("card_list", CARD_LIST, "JSSDK: what wx.addCard is given, with its cardList"),
            Member::text("token", "The token of 向用户预发放商品券"),
            Member::text("openid", "The openid of the person who takes them; an H5 address contains it"),
        ],
        receive,
    ),
    Route::delete(
        "/stocks/{stock_id}/coupons/{coupon_code}",
        "A person takes a merchant coupon out of the card pack",
        &[],
        delete_coupon,
    ),
];

/// The parameters of the plugin of mini programs (`sendCoupon`).
const PLUGIN: &[Member] = &[
    Member::objects(
        "send_coupon_params",
        &[
            Member::text("stock_id", "The stock").required(),
            Member::text("out_request_no", "The number of this send").required(),
            Member::text("coupon_code", "The code, of a stock whose codes the merchant gives"),
            Member::text("customize_send_time", "Only a part of what is signed"),
        ],
        "The coupons, at most ten",
    )
    .required(),
    Member::text("send_coupon_merchant", "The merchant that sends").required(),
    Member::text("sign", "The signature over all of it, by the merchant's APIv2 key").required(),
];

const CARD_LIST: &[Member] = &[Member::objects(
    "cardList",
    &[
        Member::text("cardId", "The stock").required(),
        Member::text("cardExt", "A JSON text with what the plugin has of a coupon; that of the first card has sign and send_coupon_merchant too").required(),
    ],
    "The coupons, at most ten",
)
.required()];

fn put_state(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = request.text("state").and_then(StockState::from_word);
    let state = state.ok_or_else(|| ControlError::invalid("`state` is missing"))?;
    control.platform.change_stock_state(request.path("stock_id"), state)?.told("no stock has this number")
}

fn put_product(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    if control.platform.link_product(request.path("stock_id"))? {
        return Ok(Value::Null);
    }
    Err(ControlError::not_found("no stock has this number"))
}

fn receive(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let openid = || {
        let openid = request.text("openid").map(str::to_owned);
        openid.ok_or_else(|| ControlError::invalid("`openid` is missing: the person who takes the coupon"))
    };
    let given = ["address", "plugin", "card_list", "token"].map(|name| request.get(name));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let page = match given {
        [Some(address), None, None, None] => CouponPage::H5 { address: text(address) },
        [None, Some(attributes), None, None] => {
            CouponPage::MiniProgram { attributes: attributes.clone(), openid: openid()? }
        }
        [None, None, Some(list), None] => {
            let cards = list.get("cardList").cloned().unwrap_or_default();
            CouponPage::Jsapi { cards, openid: openid()? }
        }
        [None, None, None, Some(token)] => CouponPage::Token { token: text(token), openid: openid()? },
        _ => return Err(ControlError::invalid("give one of `address`, `plugin`, `card_list` and `token`")),
    };
    let reception = control.platform.receive_coupons(&page)?;
    serde_json::to_value(reception)
        .map_err(|_| ControlError::invalid("the page contains a value that JSON cannot express"))
}

fn delete_coupon(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    if control.platform.delete_coupon(request.path("stock_id"), request.path("coupon_code"))? {
        return Ok(Value::Null);
    }
    Err(ControlError::not_found(reasons::NO_COUPON_TO_DELETE))
}

impl Platform {
    /// Puts a stock into another state, as the merchant platform's pages do; no operation of the API can. Returns
    /// `false` if there is no such stock, or its period is over (then it can only be stopped).
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn set_stock_state(&self, stock_id: &str, state: StockState) -> Result<bool, StoreError> {
        Ok(self.change_stock_state(stock_id, state)? == StateChange::Done)
    }

    fn change_stock_state(&self, stock_id: &str, state: StockState) -> Result<StateChange, StoreError> {
        self.act(|tx, now| {
            let is_over = |stock: Stock| state != StockState::Stoped && now > stock.definition.validity.end;
            if stock::find(tx, stock_id)?.is_some_and(is_over) {
                return Ok(StateChange::Over);
            }
            Ok(if stock::set_stock_state(tx, stock_id, state, now)? {
                StateChange::Done
            } else {
                StateChange::NoStock
            })
        })
    }

    /// Links product information (商品信息) to a stock. Returns whether there is such a stock.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn link_product(&self, stock_id: &str) -> Result<bool, StoreError> {
        self.act(|tx, _| {
            let Some(stock) = stock::find(tx, stock_id)? else { return Ok(false) };
            tx.save(&Stock { has_product: true, ..stock }).map(|()| true)
        })
    }

    /// A person deletes a coupon from the card pack. Returns whether a coupon was deleted.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn delete_coupon(&self, stock_id: &str, code: &str) -> Result<bool, StoreError> {
        self.act(|tx, now| {
            let found = coupon::get(tx, stock_id, code)?.and_then(|coupon| thrown_away(coupon, now));
            found.map_or(Ok(false), |coupon| tx.save(&coupon).map(|()| true))
        })
    }
}

/// A usable coupon can be thrown away. INFERRED(deletion-by-user): no other.
fn thrown_away(coupon: Coupon, now: i64) -> Option<Coupon> {
    (coupon.state_at(now) == CouponState::Sended)
        .then_some(Coupon { condition: Condition::Deleted, ..coupon })
}
