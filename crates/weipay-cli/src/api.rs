//! `weipay api`: looks things up in the catalogue.

mod export;
mod list;
mod show;

use crate::arguments::Api;
use crate::failure::Outcome;

pub(crate) fn run(arguments: &Api) -> Outcome {
    match arguments {
        Api::List(arguments) => list::run(arguments),
        Api::Show(arguments) => show::run(arguments),
        Api::Export(arguments) => export::run(arguments),
    }
}
