//! The operations as Rust: the one place that knows how the SDK writes and calls them.
//!
//! `weipay-codegen` writes the SDK with it, the example in the documentation of each verb included, and `weipay api show`
//! prints the six styles of a call with it. So both have the same names, the same types in the same order, and the same
//! samples. It is a module of this crate, behind the feature `rust`, because it needs nothing but the catalogue, and because
//! the command is published and cannot depend on the generator, which is not.
//!
//! [`names`](crate::names) has the rules by which a name of the API becomes a name of Rust.
//!
//! | module | idea |
//! |---|---|
//! | [`steps`] | the way to an operation in the pure chain, and the module of its types |
//! | [`module_types`] | the structs and enumerations of an operation, in the order in which they get their names |
//! | [`code`] | code whose line breaks are decided when it is written |
//! | [`request`] | the sample of a request, typed or as JSON |
//! | [`styles`] | the six styles of a call, and the example in the documentation of a verb |

pub mod code;
pub mod module_types;
pub mod request;
pub mod steps;
pub mod styles;
mod type_names;
