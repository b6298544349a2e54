//! The steps, and how likely each is.

use proptest::prelude::*;

use super::super::order::TradeType;
use super::super::person::PaymentFailure;
use super::{SINGLES, WHOLES};

/// What people have in their wallets at first.
pub(super) const WALLETS: [i64; 3] = [3_000, 0, 1_500];

/// The order to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wish {
    pub(super) product: TradeType,
    pub(super) is_partner: bool,
    pub(super) is_shared: bool,
    pub(super) total: i64,
    pub(super) life: i64,
}

/// How a person pays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pays {
    pub(super) person: Option<usize>,
    pub(super) fail: Option<PaymentFailure>,
    pub(super) discount: i64,
    pub(super) wallet: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// `again` repeats the first request exactly.
    Create {
        number: usize,
        wish: Wish,
        again: bool,
    },
    Combine {
        whole: usize,
        wish: Wish,
        again: bool,
    },
    Query {
        number: usize,
    },
    Close {
        number: usize,
    },
    CloseCombined {
        whole: usize,
    },
    Pay {
        number: usize,
        pays: Pays,
    },
    Reverse {
        number: usize,
    },
    Refund {
        number: usize,
        fen: i64,
    },
    Pass {
        seconds: i64,
        is_done: bool,
    },
    Restart,
}

fn wish(products: &'static [TradeType]) -> impl Strategy<Value = Wish> {
    let total = prop_oneof![1 => Just(1), 1 => Just(97), 2 => Just(1_000), 1 => Just(100_001)];
    let life = prop_oneof![Just(60), Just(600), Just(86_400), Just(6 * 86_400)];
    (proptest::sample::select(products), prop::bool::weighted(0.2), prop::bool::weighted(0.25), total, life)
        .prop_map(|(product, is_partner, is_shared, total, life)| Wish {
            product,
            is_partner,
            is_shared,
            total,
            life,
        })
}

fn pays() -> impl Strategy<Value = Pays> {
    let person = prop_oneof![4 => Just(None), 1 => (0..3usize).prop_map(Some)];
    let failure = prop_oneof![Just(PaymentFailure::Cancel), Just(PaymentFailure::WrongPassword)];
    let fail = prop_oneof![6 => Just(None), 1 => failure.prop_map(Some)];
    let discount = prop_oneof![5 => Just(0), 1 => Just(10), 1 => Just(96), 1 => Just(1_000), 1 => Just(-1)];
    (person, fail, discount, prop::bool::weighted(0.2)).prop_map(|(person, fail, discount, wallet)| Pays {
        person,
        fail,
        discount,
        wallet,
    })
}

const SINGLE: &[TradeType] = &[
    TradeType::Jsapi,
    TradeType::App,
    TradeType::Mweb,
    TradeType::Native,
    TradeType::Micropay,
    TradeType::Micropay,
];
const COMBINED: &[TradeType] = &[TradeType::Jsapi, TradeType::App, TradeType::Native];

pub(super) fn step() -> impl Strategy<Value = Step> {
    // Now and then an operation of single orders meets a part of a combined one.
    let number = || prop_oneof![9 => 0..SINGLES, 1 => SINGLES..SINGLES + 2 * WHOLES];
    let any = || 0..SINGLES + 2 * WHOLES;
    let again = || prop::bool::weighted(0.5);
    let seconds = prop_oneof![
        4 => prop_oneof![Just(1), Just(59), Just(60), Just(600)],
        4 => 1..100_000i64,
        1 => 1..800_000i64,
        1 => prop_oneof![2 => 1..4_000_000i64, 1 => 1..16_000_000i64],
    ];
    prop_oneof![
        8 => (number(), wish(SINGLE), again()).prop_map(|(number, wish, again)| Step::Create { number, wish, again }),
        3 => (0..WHOLES, wish(COMBINED), again())
            .prop_map(|(whole, wish, again)| Step::Combine { whole, wish, again }),
        2 => number().prop_map(|number| Step::Query { number }),
        2 => number().prop_map(|number| Step::Close { number }),
        1 => (0..WHOLES).prop_map(|whole| Step::CloseCombined { whole }),
        8 => (any(), pays()).prop_map(|(number, pays)| Step::Pay { number, pays }),
        3 => number().prop_map(|number| Step::Reverse { number }),
        5 => (any(), prop_oneof![Just(1), Just(50), Just(97), Just(1_000)])
            .prop_map(|(number, fen)| Step::Refund { number, fen }),
        7 => (seconds, prop::bool::weighted(0.5)).prop_map(|(seconds, is_done)| Step::Pass { seconds, is_done }),
        1 => Just(Step::Restart),
    ]
}
