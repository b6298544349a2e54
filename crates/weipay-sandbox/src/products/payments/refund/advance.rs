//! Advances (垫付): a platform pays a refund of its sub-merchant, and has the money back later (垫付回补).
//!
//! ```text
//!   return-advance ── the sub-merchant has enough ──► SUCCESS
//!        └── it has too little ──► PROCESSING ── each day, or by another request ──► SUCCESS
//!                                       └── 90 days ──► FAILED
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::accepting::check_sub_merchant;
use super::record::{Refund, RefundState};
use super::refusals;
use crate::clock::{self, DAY};
use crate::ledger::{AccountKind, Business, Owner, Posting, PostingError, post};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Due, Record, StoreError, Transaction};

/// The kind of what is due: the platform tries again.
pub(super) const RETRIES: &str = "advance return";
/// INFERRED(advance-retry): how often. The page says for how long.
const RETRY_AFTER: i64 = DAY;
const RETRY_PERIOD: i64 = 90 * DAY;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Progress {
    Processing,
    Success,
    /// For good.
    Failed,
}

/// The return of one advance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AdvanceReturn {
    refund_id: String,
    out_refund_no: String,
    advance_return_id: String,
    /// The platform.
    payee: String,
    /// The sub-merchant.
    payer: String,
    amount: i64,
    progress: Progress,
    begun: i64,
    succeeded: Option<i64>,
    /// When the platform tries again.
    #[serde(default)]
    retries: Option<i64>,
}

impl Record for AdvanceReturn {
    const KIND: &'static str = "advance return";

    fn key(&self) -> String {
        self.refund_id.clone()
    }
}

impl AdvanceReturn {
    /// INFERRED(advance-account): both sides use the basic account.
    fn show(&self) -> Value {
        let mut shown = json!({
            "refund_id": self.refund_id, "advance_return_id": self.advance_return_id,
            "return_amount": self.amount, "payer_mchid": self.payer, "payer_account": "BASIC",
            "payee_mchid": self.payee, "payee_account": "BASIC", "result": self.progress,
        });
        if let Some(time) = self.succeeded {
            shown["success_time"] = json!(clock::rfc3339(time));
        }
        shown
    }

    fn due(&self, at: i64) -> Due {
        Due { kind: RETRIES.to_owned(), key: self.refund_id.clone(), at }
    }

    fn retry_at(&mut self, tx: &Transaction<'_>, at: i64) -> Result<(), StoreError> {
        self.retries = Some(at);
        tx.schedule(&self.due(at))
    }

    /// Takes the money, if the sub-merchant has it.
    fn attempt(&mut self, tx: &Transaction<'_>, now: i64) -> Result<(), HandlerError> {
        let account = |mchid: &str| Owner::merchant(mchid).account(AccountKind::Available);
        let moved = Posting::new(Business::AdvanceReturn, self.advance_return_id.as_str(), now)
            .for_number(self.out_refund_no.as_str())
            .moves(account(&self.payer), account(&self.payee), self.amount);
        match post(tx, moved) {
            Ok(()) => {
                (self.progress, self.succeeded) = (Progress::Success, Some(now));
                if let Some(at) = self.retries.take() {
                    tx.unschedule(&self.due(at))?;
                }
            }
            Err(PostingError::Short { .. }) => self.progress = Progress::Processing,
            Err(PostingError::Store(error)) => return Err(error.into()),
            Err(PostingError::Amount) => {
                return Err(StoreError::Corrupt("an advance that cannot be returned".to_owned()).into());
            }
        }
        Ok(())
    }
}

pub(super) fn return_advance(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let refund = refund_of_platform(tx, context, context.request.text("sub_mchid"))?;
    let amount = check_returnable(&refund)?;
    let known: Option<AdvanceReturn> = tx.get(&refund.refund_id)?;
    let is_new = known.is_none();
    let mut made = match known {
        Some(known) if known.progress == Progress::Processing => known,
        Some(known) => return Ok(known.show()),
        None => AdvanceReturn {
            refund_id: refund.refund_id.clone(),
            out_refund_no: refund.out_refund_no.clone(),
            advance_return_id: format!("1215{:024}", tx.next_number("advance return")?),
            payee: refund.merchant.clone(),
            payer: refund.payee().to_owned(),
            amount,
            progress: Progress::Processing,
            begun: context.now,
            succeeded: None,
            retries: None,
        },
    };
    made.attempt(tx, context.now)?;
    if is_new && made.progress == Progress::Processing {
        made.retry_at(tx, context.now.saturating_add(RETRY_AFTER))?;
    }
    tx.save(&made)?;
    Ok(made.show())
}

pub(super) fn query_return(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let refund = refund_of_platform(tx, context, context.request.query("sub_mchid"))?;
    let known: Option<AdvanceReturn> = tx.get(&refund.refund_id)?;
    Ok(known.ok_or_else(refusals::no_advance_return)?.show())
}

/// The clock: the platform tries again, or gives up.
pub(super) fn retry(tx: &Transaction<'_>, refund_id: &str, at: i64) -> Result<(), HandlerError> {
    let known: Option<AdvanceReturn> = tx.get(refund_id)?;
    let Some(mut known) = known.filter(|known| known.progress == Progress::Processing) else { return Ok(()) };
    known.attempt(tx, at)?;
    if known.progress == Progress::Processing {
        let next = at.saturating_add(RETRY_AFTER);
        if next.saturating_sub(known.begun) > RETRY_PERIOD {
            known.progress = Progress::Failed;
        } else {
            known.retry_at(tx, next)?;
        }
    }
    tx.save(&known)?;
    Ok(())
}

fn refund_of_platform(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    sub_mchid: Option<&str>,
) -> Result<Refund, HandlerError> {
    let refund = Refund::find_by_id(tx, context.request.path("refund_id"))?;
    let refund = refund.filter(|refund| refund.merchant == context.caller.mchid);
    let refund = refund.ok_or_else(refusals::no_such_refund)?;
    check_sub_merchant(sub_mchid, refund.sub_mchid.as_deref())?;
    Ok(refund)
}

/// The amount that the platform advanced of a refund that succeeded.
fn check_returnable(refund: &Refund) -> Result<i64, Refusal> {
    let advanced = refund.advanced().ok_or_else(refusals::not_advanced)?;
    if refund.state != RefundState::Success {
        return Err(refusals::not_refunded_yet());
    }
    Ok(advanced)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{MCHID, Shop, Wish};
    use super::*;
    use crate::ledger::AccountKind::{Available, Fees, Refunding};

    const SUB: &str = "1900000110";
    const APPID: &str = "wxd678efh567hg6787";

    /// A platform that has advanced a refund of a whole order.
    fn shop() -> (Shop, String) {
        let mut shop = Shop::new();
        shop.caller.appids = vec![APPID.to_owned()];
        shop.caller.sub_merchants = vec![SUB.to_owned()];
        let id = shop.pay(&Wish { sub_mchid: Some(SUB), ..Wish::default() });
        shop.put(MCHID, Available, 1_000);
        let body = json!({
            "sub_mchid": SUB, "sp_appid": APPID, "transaction_id": id, "out_refund_no": "r1",
            "amount": { "refund": 1_000, "total": 1_000 }, "refund_account": "REFUND_SOURCE_PARTNER_ADVANCE",
        });
        let made = shop.ask("POST", "/v3/ecommerce/refunds/apply", &body).unwrap();
        (shop, made["refund_id"].as_str().unwrap().to_owned())
    }

    fn give_back(shop: &Shop, id: &str) -> Result<Value, Refusal> {
        let path = format!("/v3/ecommerce/refunds/{id}/return-advance");
        shop.ask("POST", &path, &json!({ "sub_mchid": SUB }))
    }

    fn query(shop: &Shop, id: &str) -> Result<Value, Refusal> {
        let target = format!("/v3/ecommerce/refunds/{id}/return-advance?sub_mchid={SUB}");
        shop.ask("GET", &target, &Value::Null)
    }

    fn sub(shop: &Shop, kind: AccountKind) -> i64 {
        shop.balance(&Owner::merchant(SUB), kind)
    }

    #[test]
    fn an_advance_comes_back_once_when_the_refund_has_succeeded() {
        let (mut shop, id) = shop();
        assert_eq!(give_back(&shop, &id).unwrap_err().message, "退款未成功，不支持垫付回补");
        assert_eq!(query(&shop, &id).unwrap_err().status, 404);
        shop.pass(10);
        assert_eq!((sub(&shop, Fees), sub(&shop, Available)), (0, 6), "the fee came back");
        shop.put(SUB, Available, 1_000);
        let made = give_back(&shop, &id).unwrap();
        assert_eq!(
            (&made["result"], &made["return_amount"], &made["payer_mchid"], &made["payee_mchid"]),
            (&json!("SUCCESS"), &json!(1_000), &json!(SUB), &json!(MCHID))
        );
        assert_eq!(give_back(&shop, &id).unwrap(), made);
        assert_eq!(query(&shop, &id).unwrap(), made);
        assert_eq!((sub(&shop, Available), shop.merchant(Available), shop.sum()), (6, 1_000, 0));
    }

    #[test]
    fn a_sub_merchant_without_money_pays_once_it_has_some_within_90_days() {
        let (mut shop, id) = shop();
        shop.pass(10);
        assert_eq!(give_back(&shop, &id).unwrap()["result"], "PROCESSING");
        shop.pass(3 * DAY);
        assert_eq!(query(&shop, &id).unwrap()["result"], "PROCESSING");
        shop.put(SUB, Available, 1_000);
        shop.pass(DAY);
        let shown = query(&shop, &id).unwrap();
        assert_eq!((&shown["result"], shown["success_time"].is_string()), (&json!("SUCCESS"), true));

        let (mut shop, id) = self::shop();
        shop.pass(10);
        give_back(&shop, &id).unwrap();
        shop.pass(89 * DAY);
        assert_eq!(query(&shop, &id).unwrap()["result"], "PROCESSING");
        shop.pass(2 * DAY);
        shop.put(SUB, Available, 1_000);
        assert_eq!(give_back(&shop, &id).unwrap()["result"], "FAILED", "for good");
        assert_eq!((shop.merchant(Available), shop.sum()), (0, 0));
    }

    #[test]
    fn a_closed_refund_gives_the_platform_its_advance_back() {
        let (mut shop, id) = shop();
        assert!(shop.decide("r1", RefundState::Closed));
        assert_eq!((shop.merchant(Available), sub(&shop, Refunding), sub(&shop, Fees)), (1_000, 0, 6));
        assert_eq!(give_back(&shop, &id).unwrap_err().code, "INVALID_REQUEST");
        assert_eq!(shop.order("order-1").payment.unwrap().refunded, 0);
        shop.pass(60);
        let body = json!({
            "sub_mchid": SUB, "sp_appid": APPID, "out_trade_no": "order-1", "out_refund_no": "r2",
            "amount": { "refund": 10, "total": 1_000 },
        });
        let made = shop.ask("POST", "/v3/ecommerce/refunds/apply", &body).unwrap();
        shop.pass(10);
        let refused = give_back(&shop, made["refund_id"].as_str().unwrap()).unwrap_err();
        assert_eq!(refused.message, "退款单不是垫付退款单");
        assert_eq!(shop.sum(), 0);
    }
}
