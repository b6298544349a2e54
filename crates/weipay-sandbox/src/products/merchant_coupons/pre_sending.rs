//! Pre-sending (向用户预发放商品券): a token, with which a component of a mini program lets a person take a product coupon.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::callbacks::Channel;
use super::sending::{self, SendRequest, Situation};
use super::{once_for_merchant, refusals};
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::coupon_stocks::{check_user_exists, of_another_appid};
use crate::products::{Context, Decided, Decision, HandlerError};
use crate::store::{Record, StoreError, Transaction};

pub(super) fn pre_send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = read(context.request);
    once_for_merchant(tx, context, "pre-send", &request.out_request_no, || {
        let situation = Situation::read(tx, context.entropy, context.caller, &request, context.now)?;
        let token = context.entropy.letters_and_digits(TOKEN_LENGTH);
        Ok(offer(context.caller, request.clone(), &situation, token, context.now))
    })
}

const TOKEN_LENGTH: usize = 34;

/// A coupon that a person may take with a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    token: String,
    pub(super) sender: String,
    pub(super) stock_id: String,
    pub(super) send_request_no: String,
    pub(super) coupon_code: Option<String>,
    /// The openid that may take it; empty for any.
    pub(super) openid: String,
}

impl Record for Offer {
    const KIND: &'static str = "product coupon offer";

    fn key(&self) -> String {
        self.token.clone()
    }
}

/// The coupon of a token.
pub(super) fn find(tx: &Transaction<'_>, token: &str) -> Result<Option<Offer>, StoreError> {
    tx.get(token)
}

fn read(request: &ValidRequest) -> SendRequest {
    SendRequest {
        stock_id: request.required("stock_id").to_owned(),
        openid: request.required("openid").to_owned(),
        appid: Some(request.required("appid").to_owned()),
        out_request_no: request.required("send_request_no").to_owned(),
        coupon_code: request.text("coupon_code").map(str::to_owned),
        channel: Channel::MiniProgram,
    }
}

/// Makes an offer. INFERRED(pre-send-checks): what a send would be refused for is refused here already,
/// except limits, which count when the coupon is taken.
fn offer(
    caller: &Account,
    request: SendRequest,
    situation: &Situation,
    token: String,
    now: i64,
) -> Decided<Offer> {
    let (stock, _) = situation.stock.as_ref().ok_or_else(refusals::no_such_stock)?;
    sending::check_may_send(caller, &request, stock, situation.is_authorized, now)
        .map_err(sending::Obstacle::refusal)?;
    sending::check_has_product(Some(stock))?;
    if !request.openid.is_empty() {
        check_user_exists(&request.openid)?;
        if situation.is_of_another_appid {
            return Err(of_another_appid());
        }
    }
    sending::check_code_mode(stock, &request, situation.code_is_taken)?;
    let response = json!({ "token": token });
    let SendRequest { stock_id, openid, out_request_no: send_request_no, coupon_code, .. } = request;
    let sender = caller.mchid.clone();
    Ok(Decision::new(Offer { token, sender, stock_id, send_request_no, coupon_code, openid }, response))
}

#[cfg(test)]
mod tests {
    use super::super::callbacks::NamedUser;
    use super::*;
    use crate::products::coupon_stocks::caps::Sent;
    use crate::products::merchant_coupons::fixtures::{APPID, CALLER, NOW, a_stock, stranger};
    use crate::products::merchant_coupons::stock::Stock;

    fn offered(caller: &Account, stock: Stock) -> Decided<Offer> {
        let request = SendRequest {
            stock_id: stock.id.clone(),
            openid: String::new(),
            appid: Some(APPID.to_owned()),
            out_request_no: "p1".to_owned(),
            coupon_code: None,
            channel: Channel::MiniProgram,
        };
        let situation = Situation {
            stock: Some((stock, Sent::default())),
            is_authorized: false,
            received_by_user: 0,
            code_is_taken: false,
            fresh_code: String::new(),
            drawn_code: None,
            is_of_another_appid: false,
            callback: None,
            named_user: NamedUser::default(),
        };
        offer(caller, request, &situation, "t".repeat(TOKEN_LENGTH), NOW)
    }

    #[test]
    fn a_stock_with_product_information_is_offered() {
        let stock = Stock { has_product: true, ..a_stock() };
        let (offer, response) = offered(&CALLER, stock.clone()).unwrap().parts();
        assert_eq!((&response["token"], &*offer.send_request_no), (&json!("t".repeat(34)), "p1"));
        assert_eq!(offered(&stranger(), stock).unwrap_err().code, "NO_AUTH");
        assert_eq!(offered(&CALLER, a_stock()).unwrap_err().code, "INVALID_REQUEST");
    }
}
