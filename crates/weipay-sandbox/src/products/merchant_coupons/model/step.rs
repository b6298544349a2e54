//! The steps of a random life.

use proptest::prelude::*;

/// A request number: a new one, or one that an earlier request of the same kind had.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Fresh,
    Known(usize),
}

/// Associates or disassociates.
#[derive(Debug, Clone)]
pub(super) struct Tie {
    pub(super) coupon: usize,
    pub(super) order: u8,
    pub(super) number: Number,
    pub(super) by_stranger: bool,
}

/// Pays a subsidy for a coupon, or returns one.
#[derive(Debug, Clone)]
pub(super) struct Subsidise {
    pub(super) coupon: usize,
    pub(super) order: u8,
    /// 0 is the creator of the stock, 1 the merchant that it belongs to.
    pub(super) payer: usize,
    pub(super) fen: i64,
    pub(super) number: Number,
    pub(super) by_stranger: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Send {
        stock: usize,
        user: u8,
        code: Option<u8>,
        number: Number,
        by_partner: bool,
    },
    Use {
        coupon: usize,
        number: Number,
        by_stranger: bool,
    },
    Associate(Tie),
    Disassociate(Tie),
    Return {
        coupon: usize,
        number: Number,
        by_stranger: bool,
    },
    Deactivate {
        coupon: usize,
        number: Number,
        by_stranger: bool,
    },
    Budget {
        stock: usize,
        by: i64,
        by_day: bool,
        knows: bool,
        number: Number,
    },
    Upload {
        codes: Vec<u8>,
        number: Number,
    },
    DeleteCode {
        code: u8,
        number: Number,
    },
    Pact {
        stock: usize,
        builds: bool,
        number: Number,
    },
    PaySubsidy(Subsidise),
    ReturnSubsidy(Subsidise),
    /// Money from the bank.
    Fund {
        party: usize,
        fen: i64,
    },
    UserDeletes {
        coupon: usize,
    },
    SetState {
        stock: usize,
        runs: bool,
    },
    Wait {
        seconds: i64,
    },
    Restart,
}

impl Step {
    /// Steps with one of these have their numbers in common.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Send { .. } => "send",
            Self::Use { .. } => "use",
            Self::Associate(_) => "associate",
            Self::Disassociate(_) => "disassociate",
            Self::Return { .. } => "return",
            Self::Deactivate { .. } => "deactivate",
            Self::Budget { .. } => "budget",
            Self::Upload { .. } => "upload",
            Self::DeleteCode { .. } => "delete code",
            Self::Pact { builds: true, .. } => "build",
            Self::Pact { builds: false, .. } => "terminate",
            Self::PaySubsidy(_) => "pay subsidy",
            Self::ReturnSubsidy(_) => "return subsidy",
            Self::Fund { .. }
            | Self::UserDeletes { .. }
            | Self::SetState { .. }
            | Self::Wait { .. }
            | Self::Restart => "",
        }
    }

    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Self::Associate(Tie { number, .. })
            | Self::Disassociate(Tie { number, .. })
            | Self::Send { number, .. }
            | Self::Use { number, .. }
            | Self::Return { number, .. }
            | Self::Deactivate { number, .. }
            | Self::Budget { number, .. }
            | Self::Upload { number, .. }
            | Self::DeleteCode { number, .. }
            | Self::PaySubsidy(Subsidise { number, .. })
            | Self::ReturnSubsidy(Subsidise { number, .. })
            | Self::Pact { number, .. } => Some(*number),
            Self::Fund { .. }
            | Self::UserDeletes { .. }
            | Self::SetState { .. }
            | Self::Wait { .. }
            | Self::Restart => None,
        }
    }

    /// The coupon that it is about.
    pub(super) fn coupon(&self) -> Option<usize> {
        match self {
            Self::Associate(Tie { coupon, .. })
            | Self::Disassociate(Tie { coupon, .. })
            | Self::Use { coupon, .. }
            | Self::Return { coupon, .. }
            | Self::Deactivate { coupon, .. }
            | Self::PaySubsidy(Subsidise { coupon, .. })
            | Self::ReturnSubsidy(Subsidise { coupon, .. })
            | Self::UserDeletes { coupon } => Some(*coupon),
            _ => None,
        }
    }

    /// Whether another merchant asks.
    pub(super) fn by_other(&self) -> bool {
        match self {
            Self::Associate(Tie { by_stranger, .. })
            | Self::Disassociate(Tie { by_stranger, .. })
            | Self::Use { by_stranger, .. }
            | Self::Return { by_stranger, .. }
            | Self::PaySubsidy(Subsidise { by_stranger, .. })
            | Self::ReturnSubsidy(Subsidise { by_stranger, .. })
            | Self::Deactivate { by_stranger, .. } => *by_stranger,
            Self::Send { by_partner, .. } => *by_partner,
            _ => false,
        }
    }
}

/// The codes that merchants give and upload. Some have characters that a path must escape.
pub(super) fn own_code(code: u8) -> String {
    format!("VIP-{code}")
}

pub(super) fn uploaded_code(code: u8) -> String {
    format!("U_{code}=|/")
}

/// Few users, coupons, orders and codes, so that steps meet each other.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let number = || prop_oneof![4 => Just(Number::Fresh), 1 => (0..64_usize).prop_map(Number::Known)];
    let other = || prop::bool::weighted(0.06);
    let coupon = || 0..22_usize;
    let tie = || {
        (coupon(), 0..2_u8, number(), other()).prop_map(|(coupon, order, number, by_stranger)| Tie {
            coupon,
            order,
            number,
            by_stranger,
        })
    };
    let subsidise = || {
        let order = prop_oneof![6 => 0..2_u8, 1 => 2..4_u8];
        (coupon(), order, 0..2_usize, 0..7_i64, number(), other()).prop_map(
            |(coupon, order, payer, fen, number, by_stranger)| Subsidise {
                coupon,
                order,
                payer,
                fen,
                number,
                by_stranger,
            },
        )
    };
    let stock = || 0..3_usize;
    let code = prop_oneof![1 => Just(None), 1 => (0..12_u8).prop_map(Some)];
    prop_oneof![
        60 => (stock(), 0..4_u8, code, number(), prop::bool::weighted(0.2)).prop_map(|(stock, user, code, number, by_partner)| {
            Step::Send { stock, user, code, number, by_partner }
        }),
        40 => (coupon(), number(), other())
            .prop_map(|(coupon, number, by_stranger)| Step::Use { coupon, number, by_stranger }),
        50 => tie().prop_map(Step::Associate),
        50 => tie().prop_map(Step::Disassociate),
        40 => (coupon(), number(), other())
            .prop_map(|(coupon, number, by_stranger)| Step::Return { coupon, number, by_stranger }),
        6 => (coupon(), number(), other())
            .prop_map(|(coupon, number, by_stranger)| Step::Deactivate { coupon, number, by_stranger }),
        12 => (stock(), -3..4_i64, any::<bool>(), prop::bool::weighted(0.8), number())
            .prop_map(|(stock, by, by_day, knows, number)| Step::Budget { stock, by, by_day, knows, number }),
        12 => (prop::collection::vec(0..12_u8, 1..4), number()).prop_map(|(codes, number)| Step::Upload { codes, number }),
        6 => (0..14_u8, number()).prop_map(|(code, number)| Step::DeleteCode { code, number }),
        8 => (stock(), prop::bool::weighted(0.7), number())
            .prop_map(|(stock, builds, number)| Step::Pact { stock, builds, number }),
        25 => subsidise().prop_map(Step::PaySubsidy),
        25 => subsidise().prop_map(Step::ReturnSubsidy),
        4 => (0..2_usize, 1..9_i64).prop_map(|(party, fen)| Step::Fund { party, fen }),
        3 => coupon().prop_map(|coupon| Step::UserDeletes { coupon }),
        6 => (stock(), prop::bool::weighted(0.8)).prop_map(|(stock, runs)| Step::SetState { stock, runs }),
        10 => prop_oneof![
            6 => 0..3_600_i64,
            4 => 20_000..90_000_i64,
            1 => -100_000..0_i64,
        ].prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ]
}
