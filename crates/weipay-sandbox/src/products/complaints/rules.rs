//! The rules: which step each side may take, and its effect.

use super::callback;
use super::complaint::{Action, Complaint, ComplaintState, MAX_ACTIONS, MESSAGE_OF_SYSTEM, Private, Side};
use super::person::Problem;
use super::refusals;
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};
use crate::words::words;
use serde_json::Value;

/// The reason for whoever adds another entry to a complaint with [`MAX_ACTIONS`].
const IS_FULL: &str = "this complaint has reached the maximum number of entries";

/// The result: the complaint afterwards, and the `action_type` that merchants are notified of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Happened {
    pub(super) complaint: Complaint,
    pub(super) notified_as: Option<&'static str>,
}

impl Happened {
    pub(super) fn carry_out(self, tx: &Transaction<'_>, now: i64) -> Result<Complaint, StoreError> {
        tx.save(&self.complaint)?;
        if let Some(action_type) = self.notified_as {
            callback::announce(tx, &self.complaint, action_type, now)?;
        }
        Ok(self.complaint)
    }
}

/// A step of a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MerchantStep {
    Respond,
    RespondAtOnce,
    Complete,
    ApproveRefund,
    RejectRefund,
}

impl MerchantStep {
    /// `operate_type` of the history and `action_type` of the notification: a refused refund is written in two ways.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Respond | Self::RespondAtOnce => ("MERCHANT_RESPONSE", "MERCHANT_RESPONSE"),
            Self::Complete => ("MERCHANT_CONFIRM_COMPLETE", "MERCHANT_CONFIRM_COMPLETE"),
            Self::ApproveRefund => ("MERCHANT_APPROVE_REFUND", "MERCHANT_APPROVE_REFUND"),
            Self::RejectRefund => ("MERCHANT_REFUSE_RERUND", "MERCHANT_REJECT_REFUND"),
        }
    }
}

/// The content of a step.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Words {
    pub(super) text: Private,
    pub(super) images: Vec<String>,
    pub(super) message: Option<Value>,
}

/// The merchant's step. UNCONFIRMED(complaint-complete): a complaint that nobody has answered yet cannot be
/// completed, as on the pages of the merchant platform.
pub(super) fn merchant_does(
    complaint: Complaint,
    step: MerchantStep,
    words: Words,
    now: i64,
) -> Result<Happened, Refusal> {
    check_merchant_may(&complaint, step)?;
    if complaint.actions.len() >= MAX_ACTIONS {
        return Err(refusals::wrong_state(IS_FULL));
    }
    let (kind, action_type) = step.words();
    let mut complaint = with_action(complaint, Side::Merchant, kind, words, now);
    match step {
        MerchantStep::Respond | MerchantStep::RespondAtOnce => {
            complaint.state = ComplaintState::Processing;
            complaint.is_waiting = false;
            if step == MerchantStep::RespondAtOnce {
                complaint.is_urgent = false;
            }
        }
        MerchantStep::Complete => settle(&mut complaint),
        MerchantStep::ApproveRefund => {
            complaint.is_refund_decided = true;
            complaint.state = ComplaintState::Processing;
            let rest = complaint.order.total.saturating_sub(complaint.order.refunded);
            let wanted = complaint.wanted.map(|wanted| wanted.saturating_sub(complaint.arrived));
            match wanted.map_or(rest, |wanted| wanted.min(rest)) {
                // The money came before the approval.
                ..=0 => settle(&mut complaint),
                fen => complaint.awaited = Some(fen),
            }
        }
        // UNCONFIRMED(complaint-rejection): with or without a reason, the rejection ends it.
        MerchantStep::RejectRefund => {
            complaint.is_refund_decided = true;
            settle(&mut complaint);
        }
    }
    Ok(Happened { complaint, notified_as: Some(action_type) })
}

/// Nobody waits for anything any more. UNCONFIRMED(complaint-platform-ends): that is so for the platform's help too.
fn settle(complaint: &mut Complaint) {
    complaint.state = ComplaintState::Processed;
    complaint.is_waiting = false;
    complaint.with_platform = false;
    complaint.awaited = None;
}

fn check_merchant_may(complaint: &Complaint, step: MerchantStep) -> Result<(), Refusal> {
    let is_settled = complaint.state == ComplaintState::Processed;
    match step {
        MerchantStep::Respond | MerchantStep::RespondAtOnce | MerchantStep::Complete if is_settled => {
            Err(refusals::wrong_state("the complaint is settled; only the person can continue it"))
        }
        MerchantStep::RespondAtOnce if !complaint.is_urgent => {
            Err(refusals::wrong_state("the person needs no immediate service: answer with .../response"))
        }
        MerchantStep::Complete if complaint.state == ComplaintState::Pending => {
            Err(refusals::wrong_state("answer the complaint before it is completed"))
        }
        MerchantStep::ApproveRefund | MerchantStep::RejectRefund => {
            let reason = if complaint.problem != Problem::Refund {
                "the person asks for no refund: problem_type is not REFUND"
            } else if is_settled {
                "the complaint is settled"
            } else if complaint.is_refund_decided {
                "the refund was approved or rejected before"
            } else if complaint.is_fully_refunded() {
                "the order is refunded already"
            } else {
                return Ok(());
            };
            Err(refusals::wrong_refund_state(reason))
        }
        _ => Ok(()),
    }
}

words! {
    /// A step of a complaint, by the person or by the platform.
    #[non_exhaustive]
    pub enum PersonStep {
        /// Writes to the merchant.
        Reply = "reply",
        /// Complains again after it was settled.
        Continue = "continue",
        /// Takes it back.
        Withdraw = "withdraw",
        /// Asks the platform for help (平台协助).
        AskPlatform = "ask-platform",
        /// Does not need that help any more.
        CancelPlatform = "cancel-platform",
        /// The platform writes.
        PlatformReply = "platform-reply",
        /// The platform's help ends.
        PlatformEnd = "platform-end",
    }
    pub fn from_word;
    pub const WORDS;
}

impl PersonStep {
    /// The side, `operate_type` of the history, and `action_type` of the notification.
    /// INFERRED(complaint-withdrawal): no `action_type` means that a person took a complaint back, so nobody
    /// is notified of that.
    const fn words(self) -> (Side, &'static str, Option<&'static str>) {
        match self {
            Self::Reply => (Side::Person, "USER_RESPONSE", Some("USER_RESPONSE")),
            Self::Continue => (Side::Person, "USER_CONTINUE_COMPLAINT", Some("CONTINUE_COMPLAINT")),
            Self::Withdraw => (Side::Person, "USER_REVOKE_COMPLAINT", None),
            Self::AskPlatform => {
                (Side::Person, "USER_APPLY_PLATFORM_SERVICE", Some("USER_APPLY_PLATFORM_SERVICE"))
            }
            Self::CancelPlatform => {
                (Side::Person, "USER_CANCEL_PLATFORM_SERVICE", Some("USER_CANCEL_PLATFORM_SERVICE"))
            }
            Self::PlatformReply => (Side::Platform, "PLATFORM_RESPONSE", Some("RESPONSE_BY_PLATFORM")),
            Self::PlatformEnd => {
                (Side::Platform, "PLATFORM_SERVICE_FINISHED", Some("PLATFORM_SERVICE_FINISHED"))
            }
        }
    }
}

/// The person's step, or why it is not possible. UNCONFIRMED(complaint-reopened): a complaint that is continued is PROCESSING.
pub(super) fn person_does(
    complaint: Complaint,
    step: PersonStep,
    words: Words,
    now: i64,
) -> Result<Happened, &'static str> {
    let is_settled = complaint.state == ComplaintState::Processed;
    let reason = match step {
        PersonStep::Continue if !is_settled => Some("it is not settled yet: use reply"),
        PersonStep::Continue => None,
        _ if is_settled => Some("it is settled: use continue"),
        PersonStep::AskPlatform if complaint.with_platform => Some("the platform is already involved"),
        PersonStep::CancelPlatform | PersonStep::PlatformEnd if !complaint.with_platform => {
            Some("the platform is not involved: use ask-platform first")
        }
        _ if complaint.actions.len() >= MAX_ACTIONS => Some(IS_FULL),
        _ => None,
    };
    if let Some(reason) = reason {
        return Err(reason);
    }
    let (side, kind, notified_as) = step.words();
    let mut complaint = with_action(complaint, side, kind, words, now);
    match step {
        PersonStep::Reply => complaint.is_waiting = true,
        PersonStep::Continue => {
            complaint.state = ComplaintState::Processing;
            complaint.is_waiting = true;
            complaint.times = complaint.times.saturating_add(1);
            // What was decided before is asked for again.
            complaint.is_refund_decided = false;
            complaint.awaited = None;
            complaint.arrived = 0;
        }
        PersonStep::Withdraw => settle(&mut complaint),
        PersonStep::AskPlatform => complaint.with_platform = true,
        PersonStep::CancelPlatform | PersonStep::PlatformEnd => complaint.with_platform = false,
        PersonStep::PlatformReply => {}
    }
    Ok(Happened { complaint, notified_as })
}

/// INFERRED(complaint-refund): the merchants are notified when a refund of the order begins (SELLER_REFUND)
/// and when the person has the money (REFUND_SUCCESS), whether or not the complaint asks for one.
pub(super) fn refund_begins(complaint: Complaint) -> Happened {
    Happened { complaint, notified_as: Some("SELLER_REFUND") }
}

/// Money that the merchant has approved settles the complaint when it arrives. INFERRED(complaint-approved):
/// all that the person wants back must have come.
pub(super) fn refund_arrives(mut complaint: Complaint, fen: i64, now: i64) -> Happened {
    complaint.order.refunded = complaint.order.refunded.saturating_add(fen);
    complaint.arrived = complaint.arrived.saturating_add(fen);
    match complaint.awaited.map(|awaited| awaited.saturating_sub(fen)) {
        Some(..=0) => settle(&mut complaint),
        awaited => complaint.awaited = awaited,
    }
    let kind = match complaint.is_fully_refunded() {
        true => "COMPLAINT_FULL_REFUNDED_SYSTEM_MESSAGE",
        false => "COMPLAINT_PARTIAL_REFUNDED_SYSTEM_MESSAGE",
    };
    let complaint = with_action(complaint, Side::Platform, kind, Words::default(), now);
    Happened { complaint, notified_as: Some("REFUND_SUCCESS") }
}

/// With one more entry in the history, while there is room for it.
pub(super) fn with_action(
    mut complaint: Complaint,
    side: Side,
    kind: &str,
    words: Words,
    time: i64,
) -> Complaint {
    if complaint.actions.len() < MAX_ACTIONS {
        let Words { text, images, message } = words;
        complaint.actions.push(Action { side, kind: kind.to_owned(), text, images, message, time });
    }
    complaint
}

/// With what the platform tells the merchant two seconds later, as recorded: <https://github.com/binarywang/WxJava/issues/2841>.
pub(super) fn with_message_of_system(complaint: Complaint, now: i64) -> Complaint {
    let text = Private("用户已向微信支付投诉贵司，请于72小时内妥善处理用户投诉。".to_owned());
    let words = Words { text, ..Words::default() };
    with_action(complaint, Side::Platform, MESSAGE_OF_SYSTEM, words, now.saturating_add(2))
}

#[cfg(test)]
mod tests {
    use super::super::complaint::ComplainedOrder;
    use super::*;

    fn a_complaint(state: ComplaintState) -> Complaint {
        Complaint {
            id: "200201820260815000000000001".to_owned(),
            mchid: "1900000109".to_owned(),
            merchant: "1900000109".to_owned(),
            openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned(),
            phone: Private("13900000000".to_owned()),
            detail: Private("没有收到".to_owned()),
            images: Vec::new(),
            problem: Problem::Refund,
            wanted: Some(100),
            order: ComplainedOrder {
                transaction_id: "4200".to_owned(),
                out_trade_no: "order-1".to_owned(),
                total: 100,
                refunded: 0,
            },
            service_order: None,
            time: 1_800_000_000,
            state,
            is_waiting: true,
            times: 1,
            is_refund_decided: false,
            awaited: None,
            arrived: 0,
            with_platform: false,
            is_urgent: false,
            actions: Vec::new(),
        }
    }

    fn merchant(complaint: &Complaint, step: MerchantStep) -> Result<Happened, Refusal> {
        merchant_does(complaint.clone(), step, Words::default(), 1_800_000_060)
    }

    fn person(complaint: &Complaint, step: PersonStep) -> Result<Happened, &'static str> {
        person_does(complaint.clone(), step, Words::default(), 1_800_000_060)
    }

    #[test]
    fn each_state_allows_its_steps_and_no_others() {
        use ComplaintState::{Pending, Processed, Processing};
        use MerchantStep::{ApproveRefund, Complete, RejectRefund, Respond, RespondAtOnce};
        for (state, allowed) in [
            (Pending, &[Respond, ApproveRefund, RejectRefund][..]),
            (Processing, &[Respond, Complete, ApproveRefund, RejectRefund]),
            (Processed, &[]),
        ] {
            for step in [Respond, RespondAtOnce, Complete, ApproveRefund, RejectRefund] {
                let done = merchant(&a_complaint(state), step);
                assert_eq!(done.is_ok(), allowed.contains(&step), "{state:?} {step:?}");
            }
        }
        for step in PersonStep::ALL {
            let of = |state| person(&a_complaint(state), step).is_ok();
            let needs_platform = matches!(step, PersonStep::CancelPlatform | PersonStep::PlatformEnd);
            assert_eq!(of(Pending), step != PersonStep::Continue && !needs_platform, "{step:?}");
            assert_eq!(of(Processed), step == PersonStep::Continue, "{step:?}");
            assert_eq!(PersonStep::from_word(step.word()), Some(step));
        }
    }

    #[test]
    fn a_refund_is_decided_once_until_the_person_continues() {
        let approved = merchant(&a_complaint(ComplaintState::Pending), MerchantStep::ApproveRefund).unwrap();
        assert_eq!(approved.notified_as, Some("MERCHANT_APPROVE_REFUND"));
        assert_eq!(approved.complaint.state, ComplaintState::Processing);
        let again = merchant(&approved.complaint, MerchantStep::RejectRefund).unwrap_err();
        assert_eq!(again.message, "当前单据状态不支持操作, 请检查是否重复调用。");
        let completed = merchant(&approved.complaint, MerchantStep::Complete).unwrap().complaint;
        let continued = person(&completed, PersonStep::Continue).unwrap().complaint;
        assert_eq!((continued.times, continued.is_waiting), (2, true));
        let rejected = merchant(&continued, MerchantStep::RejectRefund).unwrap();
        assert_eq!(rejected.notified_as, Some("MERCHANT_REJECT_REFUND"));
        assert_eq!(rejected.complaint.actions.last().unwrap().kind, "MERCHANT_REFUSE_RERUND");
        let other = Complaint { problem: Problem::Other, ..a_complaint(ComplaintState::Pending) };
        assert!(merchant(&other, MerchantStep::ApproveRefund).is_err());
    }

    #[test]
    fn a_complaint_is_settled_by_a_rejected_refund_or_by_the_money() {
        let pending = a_complaint(ComplaintState::Pending);
        let rejected = merchant(&pending, MerchantStep::RejectRefund).unwrap().complaint;
        assert_eq!((rejected.state, rejected.is_waiting), (ComplaintState::Processed, false));
        let approved = merchant(&pending, MerchantStep::ApproveRefund).unwrap().complaint;
        let half = refund_arrives(approved.clone(), 40, 1_800_000_060).complaint;
        assert_eq!(half.state, ComplaintState::Processing);
        let whole = refund_arrives(half, 60, 1_800_000_060).complaint;
        assert_eq!((whole.state, whole.is_waiting), (ComplaintState::Processed, false));
        let unasked = refund_arrives(pending, 100, 1_800_000_060).complaint;
        assert_eq!(unasked.state, ComplaintState::Pending, "nobody has approved it");
        let continued =
            person(&merchant(&approved, MerchantStep::Complete).unwrap().complaint, PersonStep::Continue);
        let late = refund_arrives(continued.unwrap().complaint, 100, 1_800_000_060).complaint;
        assert_eq!(late.state, ComplaintState::Processing, "it is asked for again");
    }

    #[test]
    fn money_that_came_before_the_approval_counts() {
        let asks = Complaint { wanted: Some(60), ..a_complaint(ComplaintState::Pending) };
        let approved = |complaint| merchant(&complaint, MerchantStep::ApproveRefund).unwrap().complaint;
        let all_came = refund_arrives(asks.clone(), 60, 1_800_000_060).complaint;
        assert_eq!(approved(all_came.clone()).state, ComplaintState::Processed);
        let some_came = approved(refund_arrives(asks, 50, 1_800_000_060).complaint);
        assert_eq!((some_came.state, some_came.awaited), (ComplaintState::Processing, Some(10)));
        let settled = merchant(&all_came, MerchantStep::RejectRefund).unwrap().complaint;
        let continued = person(&settled, PersonStep::Continue).unwrap().complaint;
        assert_eq!(approved(continued).awaited, Some(40), "it is asked for again");
    }

    #[test]
    fn the_platform_helps_nobody_whose_complaint_is_settled() {
        let helped = person(&a_complaint(ComplaintState::Processing), PersonStep::AskPlatform).unwrap();
        for step in [MerchantStep::Complete, MerchantStep::RejectRefund] {
            let settled = merchant(&helped.complaint, step).unwrap().complaint;
            assert!(!settled.with_platform, "{step:?}");
            let continued = person(&settled, PersonStep::Continue).unwrap().complaint;
            assert!(person(&continued, PersonStep::AskPlatform).is_ok());
        }
        let approved = merchant(&helped.complaint, MerchantStep::ApproveRefund).unwrap().complaint;
        assert!(approved.with_platform);
        assert!(!refund_arrives(approved, 100, 1_800_000_060).complaint.with_platform);
    }

    #[test]
    fn a_complaint_is_fully_refunded_when_all_of_the_order_came_back() {
        let half = refund_arrives(a_complaint(ComplaintState::Pending), 40, 1_800_000_060).complaint;
        assert!(!half.is_fully_refunded());
        assert_eq!(half.actions.last().unwrap().kind, "COMPLAINT_PARTIAL_REFUNDED_SYSTEM_MESSAGE");
        let whole = refund_arrives(half, 60, 1_800_000_060);
        assert!(whole.complaint.is_fully_refunded());
        assert_eq!(whole.notified_as, Some("REFUND_SUCCESS"));
        assert!(merchant(&whole.complaint, MerchantStep::ApproveRefund).is_err());
    }

    #[test]
    fn nobody_fills_the_disk_with_one_complaint() {
        let mut complaint = a_complaint(ComplaintState::Processing);
        while complaint.actions.len() < MAX_ACTIONS {
            complaint = person(&complaint, PersonStep::Reply).unwrap().complaint;
        }
        assert!(person(&complaint, PersonStep::Reply).is_err());
        assert!(merchant(&complaint, MerchantStep::Respond).is_err());
        assert_eq!(refund_arrives(complaint, 1, 1_800_000_060).complaint.actions.len(), MAX_ACTIONS);
    }

    #[test]
    fn no_debug_text_shows_what_was_said_or_the_phone_number() {
        let shown = format!("{:?}", a_complaint(ComplaintState::Pending));
        assert!(!shown.contains("13900000000") && !shown.contains("没有收到"), "{shown}");
    }
}
