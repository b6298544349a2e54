//! The steps of a random life.

use proptest::prelude::*;

use super::{BUNDLE_INDEX, State};

/// A request number: a new one, or one that an earlier request of the same operation had.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Fresh,
    Known(usize),
}

/// What is sent, offered or changed: one stock, or the stocks of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Stock(usize),
    Bundle,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    Partner,
    OtherPartner,
    /// The same partner, for another brand.
    OtherBrand,
}

/// An operation that has a request number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked {
    Send { target: Target, user: usize, code: Option<u8> },
    Offer { target: Target, user: usize, code: Option<u8> },
    Confirm { coupon: usize },
    Use { coupon: usize, store: Option<u8>, index: Option<i64>, orders: u8 },
    Return { coupon: usize, index: Option<i64> },
    Deactivate { coupon: usize },
    DeactivateBundle { coupon: usize },
    EndStock { stock: usize },
    EndProduct { product: usize },
    Budget { target: Target, by: i64, by_day: bool, knows: bool },
    Upload { stock: usize, codes: [u8; 3] },
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Ask {
        asked: Asked,
        caller: Caller,
        number: Number,
    },
    Take {
        token: usize,
        user: usize,
    },
    Stores {
        target: Target,
        stores: [u8; 2],
        associates: bool,
    },
    /// A coupon with an uploaded code.
    BrandSends {
        user: usize,
    },
    SetAddress,
    UserDeletes {
        coupon: usize,
    },
    SetState {
        stock: usize,
        state: State,
    },
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

/// Few users, coupons, codes and stores, so that steps meet each other.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let stock = || 0..BUNDLE_INDEX;
    let target =
        || prop_oneof![6 => (0..BUNDLE_INDEX + 1).prop_map(Target::Stock), 2 => Just(Target::Bundle)];
    let user = || 0..3_usize;
    let coupon = || 0..24_usize;
    let code = || prop_oneof![2 => Just(None), 1 => (0..9_u8).prop_map(Some)];
    let index = || prop_oneof![3 => Just(None), 1 => (-1..4_i64).prop_map(Some)];
    let store = prop_oneof![1 => Just(None), 7 => Just(Some(0)), 1 => (1..4_u8).prop_map(Some)];
    let orders = prop_oneof![30 => Just(1_u8), 1 => Just(0), 1 => Just(2)];
    let asked = prop_oneof![
        50 => (target(), user(), code()).prop_map(|(target, user, code)| Asked::Send { target, user, code }),
        10 => (target(), user(), code()).prop_map(|(target, user, code)| Asked::Offer { target, user, code }),
        50 => coupon().prop_map(|coupon| Asked::Confirm { coupon }),
        70 => (coupon(), store, index(), orders)
            .prop_map(|(coupon, store, index, orders)| Asked::Use { coupon, store, index, orders }),
        25 => (coupon(), index()).prop_map(|(coupon, index)| Asked::Return { coupon, index }),
        5 => coupon().prop_map(|coupon| Asked::Deactivate { coupon }),
        3 => coupon().prop_map(|coupon| Asked::DeactivateBundle { coupon }),
        1 => stock().prop_map(|stock| Asked::EndStock { stock }),
        1 => (0..3_usize).prop_map(|product| Asked::EndProduct { product }),
        12 => (target(), -3..4_i64, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(target, by, by_day, knows)| Asked::Budget { target, by, by_day, knows }),
        12 => (prop_oneof![5 => Just(1_usize), 1 => stock()], [0..12_u8, 0..12_u8, 0..12_u8])
            .prop_map(|(stock, codes)| Asked::Upload { stock, codes }),
    ];
    let caller = prop_oneof![
        30 => Just(Caller::Partner),
        1 => Just(Caller::OtherPartner),
        1 => Just(Caller::OtherBrand)
    ];
    let number = prop_oneof![5 => Just(Number::Fresh), 1 => (0..64_usize).prop_map(Number::Known)];
    let state = prop_oneof![
        5 => Just(State::Sending),
        1 => Just(State::Paused),
        1 => Just(State::Auditing),
        1 => Just(State::Stopped)
    ];
    prop_oneof![
        240 => (asked, caller, number).prop_map(|(asked, caller, number)| Step::Ask { asked, caller, number }),
        12 => (0..12_usize, user()).prop_map(|(token, user)| Step::Take { token, user }),
        14 => (target(), [0..4_u8, 0..4_u8], prop::bool::weighted(0.7))
            .prop_map(|(target, stores, associates)| Step::Stores { target, stores, associates }),
        40 => user().prop_map(|user| Step::BrandSends { user }),
        2 => Just(Step::SetAddress),
        4 => coupon().prop_map(|coupon| Step::UserDeletes { coupon }),
        8 => (0..BUNDLE_INDEX + 3, state).prop_map(|(stock, state)| Step::SetState { stock, state }),
        18 => (prop_oneof![6 => 0..3_600_i64, 5 => 20_000..90_000_i64, 1 => -100_000..0_i64], prop::bool::weighted(0.1))
            .prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        2 => Just(Step::Restart),
    ]
}
