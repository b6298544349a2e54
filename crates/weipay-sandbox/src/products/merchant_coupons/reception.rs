//! A person receives coupons on a merchant's page (用户领券): an H5 address, the plugin of mini programs, or
//! cards of the JSSDK. The merchant signs with its APIv2 key what the page says; the sandbox checks that
//! signature, and says what is wrong with it.

mod read;
mod signature;

use serde::Serialize;
use serde_json::{Map, Value};

use super::callbacks::Channel;
use super::pre_sending;
use super::sending::{self, Obstacle, SendRequest, Situation};
use crate::merchants::Account;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::platform::Platform;
use crate::products::{HandlerError, carry_out};
use crate::store::{Fingerprint, IdempotencyKey, StoreError, StoredResponse, Transaction};

pub use read::CouponPage;

/// The values of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    channel: Channel,
    sender: String,
    sign: String,
    openid: String,
    items: Vec<Item>,
    /// The signed values, with the names that the signature has.
    signed: Vec<(String, String)>,
}

/// One coupon that a page offers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    stock_id: String,
    out_request_no: String,
    coupon_code: Option<String>,
}

/// Result of receiving coupons, with the members that the plugin passes to its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceiveResult {
    /// `OK`, or why nothing at all was looked at: `PARAM_ERROR`, `SIGN_ERROR`, `USER_NOT_EXISTS`.
    pub errcode: &'static str,
    /// The error, for the developer of the page; empty for `OK`.
    pub msg: String,
    /// The result of each coupon, in the order of the page.
    pub send_coupon_result: Vec<ReceivedCoupon>,
}

/// The result of one coupon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceivedCoupon {
    /// `SUCCESS`; `DUPREQUEST`, when it was sent with this number before; or `NOTRUNNING`, `MAXQUOTA`,
    /// `DAYLIMIT`, `NOTENOUGH`, `FAILED`.
    pub code: &'static str,
    /// Why there is no coupon; empty when there is one.
    pub message: String,
    /// The stock that was offered.
    pub stock_id: String,
    /// The number under which it was offered.
    pub out_request_no: String,
    /// The coupon, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
}

impl ReceiveResult {
    fn refused(errcode: &'static str, msg: impl Into<String>) -> Self {
        Self { errcode, msg: msg.into(), send_coupon_result: Vec::new() }
    }
}

impl Platform {
    /// A person receives the coupons of a merchant's page.
    ///
    /// # Errors
    ///
    /// If the database fails; nothing was sent then.
    pub fn receive_coupons(&self, page: &CouponPage) -> Result<ReceiveResult, StoreError> {
        if let CouponPage::Token { token, openid } = page {
            return self.receive_by_token(token, openid);
        }
        let reading = match page.read() {
            Ok(reading) => reading,
            Err(reason) => return Ok(ReceiveResult::refused("PARAM_ERROR", reason)),
        };
        if !is_openid(&reading.openid) {
            return Ok(ReceiveResult::refused("USER_NOT_EXISTS", WrongOpenid::Form.reason()));
        }
        let (Some(merchant), Ok(kit)) = (self.merchants.find(&reading.sender), self.kit_of(&reading.sender))
        else {
            let reason = "send_coupon_merchant must be the sending merchant, and exist in the sandbox; its APIv2 key signs";
            return Ok(ReceiveResult::refused("PARAM_ERROR", reason));
        };
        if let Err(reason) = signature::check(&reading.signed, &reading.sign, kit.kit()) {
            return Ok(ReceiveResult::refused("SIGN_ERROR", reason));
        }
        self.receive_all(&merchant.account, &reading)
    }

    fn receive_by_token(&self, token: &str, openid: &str) -> Result<ReceiveResult, StoreError> {
        let offer = self.act(|tx, _| pre_sending::find(tx, token))?;
        let Some(offer) = offer else {
            return Ok(ReceiveResult::refused("PARAM_ERROR", "no such token was made"));
        };
        if !is_openid(openid) || !["", openid].contains(&&*offer.openid) {
            return Ok(ReceiveResult::refused("USER_NOT_EXISTS", "the token was made for another person"));
        }
        let Some(merchant) = self.merchants.find(&offer.sender) else {
            return Ok(ReceiveResult::refused(
                "PARAM_ERROR",
                "the merchant that made the token no longer exists",
            ));
        };
        let item = Item {
            stock_id: offer.stock_id,
            out_request_no: offer.send_request_no,
            coupon_code: offer.coupon_code,
        };
        let reading = Reading {
            channel: Channel::MiniProgram,
            sender: offer.sender,
            sign: String::new(),
            openid: openid.to_owned(),
            items: vec![item],
            signed: Vec::new(),
        };
        self.receive_all(&merchant.account, &reading)
    }

    fn receive_all(&self, sender: &Account, reading: &Reading) -> Result<ReceiveResult, StoreError> {
        let received = self.act(|tx, now| {
            let receive = |item: &Item| self.receive_one(tx, sender, reading, item, now);
            reading.items.iter().map(receive).collect::<Result<Vec<_>, StoreError>>()
        })?;
        Ok(ReceiveResult { errcode: "OK", msg: String::new(), send_coupon_result: received })
    }

    fn receive_one(
        &self,
        tx: &Transaction<'_>,
        sender: &Account,
        reading: &Reading,
        item: &Item,
        now: i64,
    ) -> Result<ReceivedCoupon, StoreError> {
        let request = SendRequest {
            stock_id: item.stock_id.clone(),
            openid: reading.openid.clone(),
            appid: None,
            out_request_no: item.out_request_no.clone(),
            coupon_code: item.coupon_code.clone(),
            channel: reading.channel,
        };
        let scope = request.scope(sender);
        // The API's sends and these share their numbers.
        let key =
            IdempotencyKey { operation: sending::SEND, scope: &scope, request_no: &request.out_request_no };
        if let Some(known) = tx.stored_response(&key)? {
            return Ok(received(item, "DUPREQUEST", "", code_of(&known.response)));
        }
        let situation = Situation::read(tx, &self.entropy, sender, &request, now)?;
        match sending::decide(sender, &request, situation, now) {
            Ok(decision) => {
                let response = match carry_out(tx, decision) {
                    Ok(response) => response,
                    Err(HandlerError::Failed(error)) => return Err(error),
                    Err(HandlerError::Refused(refusal)) => {
                        return Ok(received(item, "FAILED", &refusal.message, None));
                    }
                };
                let code = code_of(&response);
                let fingerprint = Fingerprint::new(&as_api_request(&request));
                tx.keep_response(&key, &StoredResponse { fingerprint, response })?;
                Ok(received(item, "SUCCESS", "", code))
            }
            Err(obstacle) => {
                let word = word(&obstacle);
                Ok(received(item, word, &obstacle.refusal().message, None))
            }
        }
    }
}

/// The word of the plugin.
fn word(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::NotRunning(_) => "NOTRUNNING",
        Obstacle::UserLimit => "MAXQUOTA",
        Obstacle::DayLimit => "DAYLIMIT",
        Obstacle::StockLimit | Obstacle::NoStoredCode => "NOTENOUGH",
        Obstacle::Other(_) => "FAILED",
    }
}

fn received(item: &Item, code: &'static str, message: &str, coupon_code: Option<String>) -> ReceivedCoupon {
    let (stock_id, out_request_no) = (item.stock_id.clone(), item.out_request_no.clone());
    ReceivedCoupon { code, message: message.to_owned(), stock_id, out_request_no, coupon_code }
}

/// The code in the response of a send, whose form depends on the operation.
fn code_of(response: &Value) -> Option<String> {
    let result = response.get("send_coupon_result").unwrap_or(response);
    result.get("coupon_code").and_then(Value::as_str).map(str::to_owned)
}

/// The response of the same send by the API.
fn as_api_request(request: &SendRequest) -> Map<String, Value> {
    let members = [
        ("stock_id", Some(&request.stock_id)),
        ("openid", Some(&request.openid)),
        ("out_request_no", Some(&request.out_request_no)),
        ("coupon_code", request.coupon_code.as_ref()),
    ];
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?.as_str()))))
        .collect()
}

#[cfg(test)]
mod tests;
