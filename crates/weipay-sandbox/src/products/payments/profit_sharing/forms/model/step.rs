//! The steps, and how likely each is.

use proptest::prelude::*;

use super::{BRAND_FORM, FORMS, ORDERS, PARTIES, RECEIVERS};
use crate::products::payments::refund::record::RefundState;
use crate::products::withdrawals::WithdrawalState;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Pay {
        order: usize,
    },
    /// Adds or deletes a receiver of the platform or of the brand.
    Relate {
        form: usize,
        receiver: usize,
        is_there: bool,
    },
    /// `again` repeats what was asked under the number. A stranger has no order.
    Split {
        by_stranger: bool,
        number: usize,
        asked: AskedSplit,
        again: bool,
    },
    Return {
        form: usize,
        number: usize,
        split: usize,
        receiver: usize,
        fen: i64,
        /// The tenths of what the receiver got, if it got anything.
        tenths: Option<i64>,
    },
    Refund {
        number: usize,
        order: usize,
        fen: i64,
        is_advanced: bool,
    },
    Decide {
        number: usize,
        to: RefundState,
    },
    /// For the order of the refund, or for another one.
    AfterSales {
        refund: usize,
        other: Option<usize>,
        fen: i64,
        again: bool,
    },
    ReturnAdvance {
        number: usize,
    },
    Withdraw {
        number: usize,
        asked: AskedWithdrawal,
        again: bool,
    },
    DecideWithdrawal {
        number: usize,
        to: WithdrawalState,
    },
    /// Asks what a party had at the end of a day.
    DayEnd {
        party: usize,
        days: i64,
    },
    /// Money comes from the bank of a party, into the basic account or the operation account.
    TopUp {
        party: usize,
        fen: i64,
        is_operation: bool,
    },
    /// A receiver that is a merchant takes money out.
    Spend {
        receiver: usize,
        fen: i64,
    },
    /// `is_late` when what is due is not done yet.
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AskedSplit {
    pub(super) form: usize,
    pub(super) order: usize,
    pub(super) parts: Vec<(usize, i64)>,
    pub(super) finishes: bool,
    /// Asked by the operation that only ends the sharing.
    pub(super) is_finish_order: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AskedWithdrawal {
    /// The owner of the money; the last is the platform.
    pub(super) party: usize,
    pub(super) fen: i64,
    pub(super) account: &'static str,
    /// A stranger may not withdraw for a sub-merchant.
    pub(super) by_stranger: bool,
}

fn fen() -> impl Strategy<Value = i64> {
    prop_oneof![1..50i64, 1..400i64, 1..4_000i64, 1..40_000i64]
}

fn split() -> impl Strategy<Value = AskedSplit> {
    let parts = prop_oneof![
        7 => prop::collection::vec((0..RECEIVERS, fen()), 0..4),
        1 => prop::collection::vec((0..RECEIVERS, 0..2i64), 1..2)
    ];
    let asked = (0..FORMS, 0..ORDERS.len(), parts, prop::bool::weighted(0.15));
    prop_oneof![
        10 => asked.prop_map(|(form, order, parts, finishes)| {
            AskedSplit { form, order, parts, finishes, is_finish_order: false }
        }),
        1 => (0..FORMS, 0..ORDERS.len()).prop_map(|(form, order)| {
            AskedSplit { form, order, parts: Vec::new(), finishes: true, is_finish_order: true }
        }),
    ]
}

fn withdrawal() -> impl Strategy<Value = AskedWithdrawal> {
    let account = prop_oneof![8 => Just("BASIC"), 4 => Just("OPERATION"), 1 => Just("FEES")];
    let fen = prop_oneof![8 => fen(), 1 => 0..2i64, 1 => 10_000..400_000i64];
    (0..PARTIES, fen, account, prop::bool::weighted(0.05))
        .prop_map(|(party, fen, account, by_stranger)| AskedWithdrawal { party, fen, account, by_stranger })
}

fn tenths() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 1 => (1..12i64).prop_map(Some)]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let number = || 0..40usize;
    let order = || 0..ORDERS.len();
    let state =
        prop_oneof![Just(RefundState::Success), Just(RefundState::Abnormal), Just(RefundState::Closed)];
    let outcome = prop_oneof![
        1 => Just(WithdrawalState::Success), 2 => Just(WithdrawalState::Fail), 2 => Just(WithdrawalState::Refund)
    ];
    let other = prop_oneof![9 => Just(None), 1 => (0..ORDERS.len()).prop_map(Some)];
    let days = prop_oneof![6 => 0..4i64, 2 => 0..92i64];
    let seconds = prop_oneof![
        6 => prop_oneof![Just(1), Just(4), Just(5), Just(59), Just(60), Just(600)],
        3 => 1..200_000i64,
        1 => 1..4_000_000i64,
        1 => Just(30 * 86_400 - 3),
        1 => Just(90 * 86_400),
    ];
    prop_oneof![
        6 => order().prop_map(|order| Step::Pay { order }),
        4 => (0..FORMS, 0..RECEIVERS, prop::bool::weighted(0.8))
            .prop_map(|(form, receiver, is_there)| Step::Relate { form, receiver, is_there }),
        10 => (prop::bool::weighted(0.05), number(), split(), prop::bool::weighted(0.2))
            .prop_map(|(by_stranger, number, asked, again)| Step::Split { by_stranger, number, asked, again }),
        7 => (0..=BRAND_FORM, 0..60usize, number(), 0..RECEIVERS, fen(), tenths()).prop_map(
            |(form, number, split, receiver, fen, tenths)| Step::Return {
                form, number, split, receiver, fen, tenths,
            }
        ),
        6 => (0..60usize, order(), fen(), any::<bool>())
            .prop_map(|(number, order, fen, is_advanced)| Step::Refund { number, order, fen, is_advanced }),
        5 => (0..60usize, state).prop_map(|(number, to)| Step::Decide { number, to }),
        3 => (0..60usize, other, fen(), prop::bool::weighted(0.2))
            .prop_map(|(refund, other, fen, again)| Step::AfterSales { refund, other, fen, again }),
        6 => (0..60usize).prop_map(|number| Step::ReturnAdvance { number }),
        5 => (number(), withdrawal(), prop::bool::weighted(0.2))
            .prop_map(|(number, asked, again)| Step::Withdraw { number, asked, again }),
        3 => (number(), outcome).prop_map(|(number, to)| Step::DecideWithdrawal { number, to }),
        3 => (0..PARTIES, fen(), prop::bool::weighted(0.3))
            .prop_map(|(party, fen, is_operation)| Step::TopUp { party, fen, is_operation }),
        3 => (0..PARTIES, days).prop_map(|(party, days)| Step::DayEnd { party, days }),
        1 => (0..RECEIVERS, fen()).prop_map(|(receiver, fen)| Step::Spend { receiver, fen }),
        9 => (seconds, prop::bool::weighted(0.25)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}
