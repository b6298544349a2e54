//! `weipay api show`: one operation or notification as a page.

mod command_line;
mod facts;
mod find;
mod layout;
mod page;
mod sample;
mod sensitive;
mod styles;
mod table;

use std::process::ExitCode;

use crate::api::print;
use crate::arguments;
use crate::exit;
use find::Found;
use layout::Page;

pub(super) fn run(arguments: &arguments::Show) -> ExitCode {
    let found = match find::find(&arguments.path, arguments.method.as_ref()) {
        Ok(found) => found,
        Err(reason) => return exit::with(exit::FAILED, &reason),
    };
    let mut page = Page::for_the_terminal();
    for (index, found) in found.into_iter().enumerate() {
        if index > 0 {
            page.rule();
        }
        match found {
            Found::Operation(operation) => page::operation(operation, &mut page),
            Found::Notification(notification) => page::notification(notification, &mut page),
        }
    }
    print(&page.text)
}
