//! Tokens (向用户预发放商品券, 向用户预发放商品券批次组): a component of a mini program lets a user take with one what the
//! partner offers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::coupon::{self, Channel, Coupon};
use super::sending::{NUMBER, SendRequest, Situation, check_may_send, send};
use super::{once, refusals};
use crate::entropy::Entropy;
use crate::merchants::Account;
use crate::products::{Context, Decided, Decision, HandlerError, carry_out};
use crate::response::Refusal;
use crate::store::{Record, Transaction};

pub(super) fn pre_send_coupon(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    pre_send(tx, context, false)
}

pub(super) fn pre_send_bundle(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    pre_send(tx, context, true)
}

fn pre_send(tx: &Transaction<'_>, context: &Context<'_>, is_bundle: bool) -> Result<Value, HandlerError> {
    once(tx, context, ("pre-send product coupon", NUMBER), |owner| {
        let request = SendRequest::read(context, owner, is_bundle);
        let situation = Situation::read(tx, context.entropy, &request, context.now)?;
        let token = context.entropy.letters_and_digits(TOKEN_LENGTH);
        Ok(offer(context.caller, request, &situation, token, context.now))
    })
}

const TOKEN_LENGTH: usize = 34;

/// The coupons of a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TokenOffer {
    token: String,
    /// The owner of the token, as it was known then.
    pub(super) appids: Vec<String>,
    pub(super) request: SendRequest,
}

impl Record for TokenOffer {
    const KIND: &'static str = "product coupon token";

    fn key(&self) -> String {
        self.token.clone()
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
) -> Decided<TokenOffer> {
    check_may_send(caller, &request, situation, now)?;
    let request = SendRequest { channel: Channel::Component, ..request };
    let response = json!({ "token": token });
    Ok(Decision::new(TokenOffer { token, appids: caller.appids.clone(), request }, response))
}

/// Result of taking product coupons with a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TakenProductCoupons {
    /// The codes, in the order of a bundle.
    pub coupon_codes: Vec<String>,
    /// Whether the user had them already (已领取).
    pub had_already: bool,
}

/// Why nothing was taken.
pub(super) enum TokenProblem {
    /// Nobody made such a token, or it is for somebody else.
    NoOffer,
    Refused(Refusal),
}

/// A user takes what a token offers. A token that was used shows what was taken with it.
pub(super) fn take(
    tx: &Transaction<'_>,
    entropy: &Entropy,
    (token, openid): (&str, &str),
    now: i64,
) -> Result<Result<TakenProductCoupons, TokenProblem>, HandlerError> {
    let found: Option<TokenOffer> = tx.get(token)?;
    let Some(offer) = found.filter(|offer| offer.request.openid == openid) else {
        return Ok(Err(TokenProblem::NoOffer));
    };
    let TokenOffer { request, appids, .. } = offer;
    let codes = |coupons: Vec<Coupon>| coupons.into_iter().map(|coupon| coupon.code).collect();
    let there = coupon::find_by_number(tx, &request.owner, &request.number)?;
    if !there.is_empty() {
        let is_own = there.iter().all(|coupon| request.asks_for(coupon));
        let taken = TakenProductCoupons { coupon_codes: codes(there), had_already: true };
        return Ok(if is_own { Ok(taken) } else { Err(TokenProblem::Refused(refusals::other_data())) });
    }
    let sender = Account { mchid: request.owner.mchid.clone(), appids, sub_merchants: Vec::new() };
    let situation = Situation::read(tx, entropy, &request, now)?;
    match send(&sender, &request, situation, now) {
        Ok(decision) => {
            let coupons = decision.changed.iter().map(|((_, coupon), _)| coupon.clone()).collect();
            carry_out(tx, decision)?;
            Ok(Ok(TakenProductCoupons { coupon_codes: codes(coupons), had_already: false }))
        }
        Err(refusal) => Ok(Err(TokenProblem::Refused(refusal))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sending::Target;
    use super::*;
    use crate::products::product_coupons::fixtures::{
        NOW, a_coupon, a_user_bundle, bundle_send_request, send_request,
    };
    use crate::store::{Store, StoreError};

    /// The result of taking a token whose coupons were sent before.
    fn taken(request: SendRequest, sent: &[Coupon]) -> Result<TakenProductCoupons, Refusal> {
        let openid = request.openid.clone();
        let offer = TokenOffer { token: "T".to_owned(), appids: Vec::new(), request };
        let taken = Store::in_memory().transaction(|tx| {
            tx.save(&offer)?;
            sent.iter().try_for_each(|coupon| tx.save(coupon))?;
            Ok::<_, StoreError>(take(tx, &Entropy::seeded(1), ("T", &openid), NOW))
        });
        taken.unwrap().unwrap().map_err(|problem| match problem {
            TokenProblem::Refused(refusal) => refusal,
            TokenProblem::NoOffer => panic!("the token is there"),
        })
    }

    #[test]
    fn a_token_shows_only_what_it_offers() {
        let coupon = a_coupon();
        let own = taken(send_request(), std::slice::from_ref(&coupon)).unwrap();
        assert_eq!(own, TakenProductCoupons { coupon_codes: vec![coupon.code.clone()], had_already: true });
        let bundle = a_user_bundle();
        assert_eq!(taken(bundle_send_request(), &bundle[..1]).unwrap().coupon_codes.len(), 1);

        let other_stock = Coupon { stock_id: "S2".to_owned(), ..coupon.clone() };
        let other_product = Coupon { product_id: "P2".to_owned(), ..coupon.clone() };
        let other_user = Coupon { openid: "o".repeat(28), ..coupon.clone() };
        for other in [other_stock, other_product, other_user, bundle[0].clone()] {
            let refusal = taken(send_request(), &[other]).unwrap_err();
            assert_eq!(refusal.message, "相同单号但请求数据不一致");
        }
        let other_code = SendRequest { coupon_code: Some("VIP-1".to_owned()), ..send_request() };
        let other_bundle = SendRequest { target: Target::Bundle("B2".to_owned()), ..bundle_send_request() };
        let stock_of_bundle =
            SendRequest { target: Target::Stock(bundle[0].stock_id.clone()), ..bundle_send_request() };
        assert!(taken(other_code, &[coupon]).is_err());
        assert!(taken(other_bundle, &bundle[..1]).is_err());
        assert!(taken(stock_of_bundle, &bundle[..1]).is_err());
    }
}
