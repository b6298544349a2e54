//! The steps, and how likely each is.

use proptest::prelude::*;

use super::{Home, STOCKS};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Create {
        stock: usize,
    },
    Start {
        caller: usize,
        stock: usize,
    },
    /// `paused`, `running` or `stoped`.
    Switch {
        caller: usize,
        stock: usize,
        to: &'static str,
    },
    Send {
        caller: usize,
        stock: usize,
        person: usize,
        number: usize,
    },
    Pay {
        number: usize,
        person: usize,
        total: i64,
    },
    /// Of the whole order, or of this amount in fen.
    Refund {
        number: usize,
        fen: Option<i64>,
    },
    TopUp {
        account: Home,
        fen: i64,
    },
    Pass {
        seconds: i64,
    },
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    // Now and then a stranger asks.
    let caller = || prop_oneof![12 => Just(0usize), 1 => Just(1usize)];
    let stock = || 0..STOCKS.len();
    let to = prop_oneof![2 => Just("paused"), 6 => Just("running"), 1 => Just("stoped")];
    let total = prop_oneof![1 => 1..100i64, 2 => 100..1_000i64, 3 => 1_000..3_000i64];
    let account =
        prop_oneof![2 => Just(Home::Available), 1 => Just(Home::Marketing), 1 => Just(Home::Operation)];
    let fen = prop_oneof![1 => Just(None), 1 => (1..800i64).prop_map(Some)];
    let seconds =
        prop_oneof![3 => Just(60), 2 => Just(5), 3 => 1..4_000i64, 1 => 1..100_000i64, 1 => Just(86_400)];
    prop_oneof![
        3 => stock().prop_map(|stock| Step::Create { stock }),
        4 => (caller(), stock()).prop_map(|(caller, stock)| Step::Start { caller, stock }),
        3 => (caller(), stock(), to).prop_map(|(caller, stock, to)| Step::Switch { caller, stock, to }),
        9 => (caller(), stock(), 0..2usize, 0..20usize)
            .prop_map(|(caller, stock, person, number)| Step::Send { caller, stock, person, number }),
        8 => (0..30usize, 0..2usize, total).prop_map(|(number, person, total)| Step::Pay { number, person, total }),
        6 => (0..30usize, fen).prop_map(|(number, fen)| Step::Refund { number, fen }),
        3 => (account, 1..3_000i64).prop_map(|(account, fen)| Step::TopUp { account, fen }),
        6 => seconds.prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Restart),
    ]
}
