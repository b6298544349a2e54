//! Shared code of the tests of several products.
//!
//! | file | what is in it |
//! |---|---|
//! | `world` | a store with the handlers of all products on top, without a server |
//! | `random_steps` | random sequences of steps, which reference models (`model.rs` of a product) are compared in |
//! | `amounts` | the tests of amounts, of every operation that takes one |
//!
//! A product has its own tests beside its rules: `model.rs` with random steps, `race.rs` with requests at the same time,
//! `fixtures.rs` with records for both.

mod amounts;
pub(crate) mod random_steps;
pub(crate) mod world;
