//! The steps, and how likely each is.

use proptest::prelude::*;

use super::{Asked, PEOPLE};

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// `again` repeats what was asked under the number.
    Send {
        caller: usize,
        number: usize,
        asked: Asked,
        again: bool,
    },
    Open {
        caller: usize,
        number: usize,
        person: usize,
    },
    Pay {
        caller: usize,
        number: usize,
        asked: Asked,
        again: bool,
    },
    TopUp {
        caller: usize,
        fen: i64,
    },
    /// What there was at the end of a day.
    DayEnd {
        caller: usize,
        days: i64,
    },
    /// `is_late` when what is due is not done yet.
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let caller = || prop_oneof![3 => Just(0usize), 1 => Just(1usize)];
    let at = || (caller(), 0..50usize);
    let fen = prop_oneof![2 => 1..200i64, 6 => 100..2_000i64, 1 => 19_900..20_100i64, 2 => 30_000..50_000i64];
    let person = || prop_oneof![4 => Just(0usize), 1 => Just(1usize)];
    let parts = prop_oneof![6 => Just(1usize), 4 => Just(3usize), 1 => 2..22usize];
    let asked = (person(), fen, any::<bool>(), parts);
    let asked =
        asked.prop_map(|(person, fen, has_scene, parts)| Asked { person, fen, has_scene, parts }).boxed();
    let again = || prop::bool::weighted(0.2);
    let seconds = prop_oneof![8 => 1..600i64, 2 => 1..100_000i64, 1 => Just(86_400), 1 => 1..2_000_000i64];
    prop_oneof![
        10 => (at(), asked.clone(), again())
            .prop_map(|((caller, number), asked, again)| Step::Send { caller, number, asked, again }),
        8 => (at(), prop_oneof![3 => person(), 2 => 0..PEOPLE])
            .prop_map(|((caller, number), person)| Step::Open { caller, number, person }),
        5 => (at(), asked, again())
            .prop_map(|((caller, number), asked, again)| Step::Pay { caller, number, asked, again }),
        5 => (caller(), prop_oneof![1..3_000i64, 1..100_000i64])
            .prop_map(|(caller, fen)| Step::TopUp { caller, fen }),
        4 => (caller(), prop_oneof![4 => 0..4i64, 1 => 0..95i64])
            .prop_map(|(caller, days)| Step::DayEnd { caller, days }),
        5 => (seconds, prop::bool::weighted(0.3)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}
