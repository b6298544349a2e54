//! The steps, and how likely each is.

use proptest::prelude::*;

use super::{AGREED, DAY, HOUR};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Presign {
        code: u8,
        has_schedule: bool,
        /// `out_user_code`.
        account: Option<u8>,
    },
    Sign {
        code: u8,
        person: usize,
    },
    End {
        code: u8,
        by: Who,
    },
    OnlyWallet {
        code: u8,
        is_so: bool,
    },
    Notice {
        code: u8,
        days: i64,
        fen: i64,
    },
    Book {
        code: u8,
        fen: i64,
    },
    Deduct {
        code: u8,
        number: u8,
        fen: i64,
        is_v2: bool,
    },
    Fill {
        person: usize,
        fen: i64,
    },
    /// The account of a person is frozen, or works again.
    Freeze {
        person: usize,
        is_frozen: bool,
    },
    /// The clock may go back, and what is due may not be done yet.
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

/// Who ends a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Person,
    Merchant,
    MerchantByV2,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let code = || 0..4u8;
    let fen = || prop_oneof![3 => Just(AGREED), 1 => Just(1), 1 => Just(20_000), 2 => Just(50_000), 1 => Just(50_001)];
    let seconds = prop_oneof![
        14 => prop_oneof![Just(1), Just(2), Just(600), Just(HOUR), Just(9 * HOUR), Just(12 * HOUR), Just(DAY)],
        1 => prop_oneof![Just(-1), Just(-9 * HOUR), Just(-DAY), Just(-3 * DAY)],
    ];
    let who = prop_oneof![Just(Who::Person), Just(Who::Merchant), Just(Who::MerchantByV2)];
    prop_oneof![
        3 => (code(), any::<bool>(), prop::option::weighted(0.4, 0..2u8))
            .prop_map(|(code, has_schedule, account)| Step::Presign { code, has_schedule, account }),
        4 => (code(), 0..2usize).prop_map(|(code, person)| Step::Sign { code, person }),
        2 => (code(), who).prop_map(|(code, by)| Step::End { code, by }),
        2 => (code(), prop_oneof![3 => Just(true), 1 => Just(false)]).prop_map(|(code, is_so)| Step::OnlyWallet { code, is_so }),
        1 => (code(), 1..4i64, fen()).prop_map(|(code, days, fen)| Step::Notice { code, days, fen }),
        2 => (code(), fen()).prop_map(|(code, fen)| Step::Book { code, fen }),
        16 => (code(), 0..40u8, fen(), prop_oneof![2 => Just(true), 1 => Just(false)])
            .prop_map(|(code, number, fen, is_v2)| Step::Deduct { code, number, fen, is_v2 }),
        1 => (0..2usize, 1..60_000i64).prop_map(|(person, fen)| Step::Fill { person, fen }),
        1 => (0..2usize, prop::bool::weighted(0.3)).prop_map(|(person, is_frozen)| Step::Freeze { person, is_frozen }),
        6 => (seconds, prop::bool::weighted(0.15)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}
