//! The steps, and how likely each is.

use proptest::prelude::*;

use super::super::record::RefundState;
use super::{Destination, ORDERS, Source};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Refund {
        order: usize,
        number: u8,
        fen: i64,
        total_off: i64,
        source: Source,
    },
    Query {
        number: u8,
    },
    Decide {
        number: u8,
        to: RefundState,
    },
    Handle {
        number: u8,
        destination: Destination,
    },
    /// Unsettled money of a payee is settled, or available money is taken out.
    Settle {
        payee: usize,
        fen: i64,
    },
    Spend {
        payee: usize,
        fen: i64,
    },
    Pass {
        seconds: i64,
    },
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let state =
        prop_oneof![Just(RefundState::Success), Just(RefundState::Abnormal), Just(RefundState::Closed)];
    let source = prop_oneof![
        6 => Just(Source::Any),
        1 => Just(Source::Available),
        1 => Just(Source::Unsettled),
        1 => (0..40i64).prop_map(Source::Both),
    ];
    let fen = || prop_oneof![1..40i64, 1..1_100i64];
    let off = prop_oneof![9 => Just(0), 1 => Just(1)];
    prop_oneof![
        7 => (0..ORDERS.len(), 0..30u8, fen(), off, source).prop_map(
            |(order, number, fen, total_off, source)| Step::Refund { order, number, fen, total_off, source }
        ),
        2 => (0..30u8).prop_map(|number| Step::Query { number }),
        3 => (0..30u8, state).prop_map(|(number, to)| Step::Decide { number, to }),
        1 => (0..30u8, any::<bool>()).prop_map(|(number, is_card)| Step::Handle {
            number,
            destination: if is_card { Destination::OtherCard } else { Destination::Merchant },
        }),
        1 => (0..2usize, 1..3_000i64).prop_map(|(payee, fen)| Step::Settle { payee, fen }),
        1 => (0..2usize, 1..3_000i64).prop_map(|(payee, fen)| Step::Spend { payee, fen }),
        5 => prop_oneof![Just(1), Just(4), Just(5), Just(59), Just(60), 1..4_000_000i64]
            .prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}
