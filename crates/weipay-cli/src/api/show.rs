//! `weipay api show`: one operation or notification as a page.

mod command_line;
mod find;
mod layout;
mod page;
#[cfg(test)]
mod sandbox_tests;
mod table;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use weipay_catalog::sample::request::with_current_values;

use crate::api::print;
use crate::arguments;
use crate::exit;
use find::Found;
use layout::Page;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    since.cast_signed()
}

pub(super) fn run(arguments: &arguments::Show) -> ExitCode {
    let (asked, method) = match arguments.asked() {
        Ok(asked) => asked,
        Err(reason) => return exit::with(exit::USAGE, &reason),
    };
    let found = match find::find(asked, method.as_ref()) {
        Ok(found) => found,
        Err(reason) => return exit::with(exit::FAILED, &reason),
    };
    if method.is_some() && matches!(found[..], [Found::Notification(_), ..]) {
        return exit::with(exit::USAGE, &format!("{asked} is a notification: it has no method"));
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
