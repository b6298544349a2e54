//! `weipay api show`: one operation or notification as a page.

mod command_line;
mod find;
mod layout;
mod page;
#[cfg(test)]
mod sandbox_tests;
mod table;

use std::time::{SystemTime, UNIX_EPOCH};

use weipay_catalog::sample::request::with_current_values;

use crate::arguments;
use crate::failure::{Failure, Outcome};
use crate::output::print;
use find::Found;
use layout::Page;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    since.cast_signed()
}

pub(super) fn run(arguments: &arguments::Show) -> Outcome {
    let (asked, method) = arguments.asked().map_err(Failure::usage)?;
    let found = find::find(asked, method.as_ref()).map_err(Failure::failed)?;
    if method.is_some() && matches!(found[..], [Found::Notification(_), ..]) {
        return Err(Failure::usage(format!(
            "{asked} is a notification, which has no method: leave the method out"
        )));
    }
    let mut page = Page::for_the_terminal();
    for (index, found) in found.into_iter().enumerate() {
        if index > 0 {
            page.rule();
        }
        match found {
            Found::Operation(operation) => {
                let sample = find::with_ids_of(with_current_values(operation, now()), &find::path_of(asked));
                page::operation(operation, &sample, &mut page);
            }
            Found::Notification(notification) => page::notification(notification, &mut page),
        }
    }
    print(&page.text)
}
