//! The steps, and how likely each is.

use proptest::prelude::*;

use super::{Asked, CONFIRMATION, Form, Kind, STEP, SUB};
use crate::clock::DAY;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// `again` repeats what was asked under the number.
    Create {
        caller: usize,
        number: usize,
        asked: Asked,
        again: bool,
    },
    Cancel {
        caller: usize,
        number: usize,
    },
    Confirm {
        caller: usize,
        number: usize,
        fails: bool,
    },
    Refuse {
        caller: usize,
        number: usize,
    },
    Ask {
        caller: usize,
        number: usize,
        person: usize,
    },
    Give {
        caller: usize,
        number: usize,
    },
    /// The person ends an authorization.
    TakeBack {
        caller: usize,
        number: usize,
    },
    EndAuthorization {
        caller: usize,
        number: usize,
    },
    Batch {
        caller: usize,
        number: usize,
        of_partner: bool,
        details: Vec<(Option<usize>, i64)>,
        again: bool,
    },
    TopUp {
        account: usize,
        fen: i64,
    },
    /// `is_late` when what is due is not done yet.
    Pass {
        seconds: i64,
        is_late: bool,
    },
    Restart,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let at = || (prop_oneof![3 => Just(0usize), 1 => Just(1usize)], 0..8usize);
    let of_few = || (prop_oneof![3 => Just(0usize), 1 => Just(1usize)], 0..3usize);
    let kind = prop_oneof![
        3 => Just(Kind::Plain),
        1 => (0..3usize).prop_map(Kind::With),
        2 => (0..3usize).prop_map(Kind::By),
    ];
    let form = prop_oneof![3 => Just(Form::Own), 2 => Just(Form::Partner), 1 => Just(Form::Platform)];
    let asked = (form, kind, 0..2usize, 8..40i64).prop_map(|(form, kind, person, fen)| {
        // Platforms have no authorizations.
        let kind = if form == Form::Platform { Kind::Plain } else { kind };
        Asked { form, kind, person, fen }
    });
    let detail = (prop_oneof![1 => Just(None), 8 => (0..2usize).prop_map(Some)], 7..40i64);
    let seconds = prop_oneof![
        Just(1),
        Just(STEP),
        Just(3_600),
        Just(CONFIRMATION),
        Just(-1),
        Just(30 * DAY),
        1..100_000i64,
    ];
    prop_oneof![
        10 => (at(), asked, prop::bool::weighted(0.25))
            .prop_map(|((caller, number), asked, again)| Step::Create { caller, number, asked, again }),
        4 => at().prop_map(|(caller, number)| Step::Cancel { caller, number }),
        6 => (at(), prop::bool::weighted(0.3))
            .prop_map(|((caller, number), fails)| Step::Confirm { caller, number, fails }),
        1 => at().prop_map(|(caller, number)| Step::Refuse { caller, number }),
        3 => (of_few(), 0..2usize).prop_map(|((caller, number), person)| Step::Ask { caller, number, person }),
        3 => of_few().prop_map(|(caller, number)| Step::Give { caller, number }),
        1 => of_few().prop_map(|(caller, number)| Step::TakeBack { caller, number }),
        1 => of_few().prop_map(|(caller, number)| Step::EndAuthorization { caller, number }),
        4 => (at(), prop::bool::weighted(0.4), prop::collection::vec(detail, 1..5), prop::bool::weighted(0.2))
            .prop_map(|((caller, number), of_partner, details, again)| {
                Step::Batch { caller, number, of_partner, details, again }
            }),
        6 => (prop_oneof![Just(0), Just(1), Just(SUB)], 1..100i64)
            .prop_map(|(account, fen)| Step::TopUp { account, fen }),
        6 => (seconds, prop::bool::weighted(0.3)).prop_map(|(seconds, is_late)| Step::Pass { seconds, is_late }),
        1 => Just(Step::Restart),
    ]
}
