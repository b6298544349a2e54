//! Model-based tests: random sequences of steps run against the handlers and a reference model, and the results are
//! compared.
//!
//! A model is a small second implementation of a product: it says of every step whether it succeeds, or with which
//! code it is refused, and which states and balances follow. A life is a list of random steps; the same seed gives
//! the same lives. A life that fails is shortened (shrinking), and printed before it fails again.
//!
//! `WEIPAY_MODEL_STEPS` has the number of steps of every model, and each model has its own variable, which
//! goes before it. The defaults are quick. `WEIPAY_MODEL_SEED` makes other lives.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// A code with which a request is refused, as a model says it.
pub(crate) type Refused = &'static str;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|number| number.parse().ok())
}

/// How many steps, and how many of them in one life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// The variable that has the number.
    pub(crate) variable: &'static str,
    /// The number without a variable.
    pub(crate) default: u64,
    pub(crate) of_a_life: usize,
}

/// Lives through random steps. `live` panics where product and model differ.
pub(crate) fn live_randomly<S: Debug + Clone>(
    steps: Steps,
    step: impl Strategy<Value = S>,
    live: impl Fn(&[S]),
) {
    let wanted = number(steps.variable).or_else(|| number("WEIPAY_MODEL_STEPS")).unwrap_or(steps.default);
    let cases = u32::try_from(wanted.div_ceil(steps.of_a_life as u64)).unwrap();
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("WEIPAY_MODEL_SEED").unwrap_or_default().to_le_bytes());
    // Leaving steps out makes a life shorter than making numbers smaller does.
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let done = runner.run(&proptest::collection::vec(step, steps.of_a_life), |steps| {
        live(&steps);
        Ok(())
    });
    match done {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => {
            let steps = shorten(steps, &live);
            println!("These steps fail:");
            steps.iter().for_each(|step| println!("    {step:?},"));
            live(&steps);
            panic!("{reason}, but not a second time");
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// A life that fails, without the steps that do not matter for it.
fn shorten<S: Clone>(mut life: Vec<S>, live: &impl Fn(&[S])) -> Vec<S> {
    let fails = |steps: &[S]| catch_unwind(AssertUnwindSafe(|| live(steps))).is_err();
    let mut size = life.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < life.len() {
            let end = life.len().min(at + size);
            let shorter = [&life[..at], &life[end..]].concat();
            if fails(&shorter) {
                life = shorter;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    life
}

/// The share of a part in an amount, in proportion, rounded half up; the last part gets the rest.
pub(crate) fn share(fen: i64, (total, part): (i64, i64), (before, part_before): (i64, i64)) -> i64 {
    let rounded = (2 * fen * part + total) / (2 * total);
    let others_left = (total - part) - (before - part_before);
    rounded.min(part - part_before).min(fen).max(fen - others_left).max(0)
}

/// Turns the number of a step into one of the values that exist. Every fourth number stays as it is, so that
/// refusals are tried too.
pub(crate) fn meant<T>(said: T, of: impl Iterator<Item = T>) -> T
where
    T: Copy + TryInto<usize>,
{
    let of: Vec<T> = of.collect();
    match said.try_into() {
        Ok(place) if place % 4 > 0 && !of.is_empty() => of[place % of.len()],
        _ => said,
    }
}

#[test]
fn a_step_means_one_of_what_is_there() {
    assert_eq!(
        (1..9usize).map(|said| meant(said, [20, 30].into_iter())).collect::<Vec<_>>(),
        [30, 20, 30, 4, 30, 20, 30, 8]
    );
    assert_eq!(meant(3u8, std::iter::empty()), 3);
}

#[test]
fn a_life_is_shortened_to_the_steps_that_matter() {
    let both = |steps: &[u32]| assert!(!(steps.contains(&7) && steps.contains(&40)));
    assert_eq!(shorten((0..60).collect(), &both), [7, 40]);
}
