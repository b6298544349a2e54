//! What only the written line shows.

use super::{Linter, Place};
use crate::parse::LISTS;

/// How wide a list may be before it goes on in the next line.
const WIDEST_LIST: usize = 110;

/// What can be ended earlier: a line with several pages of a list or several values of a field, without its label.
fn list(line: &str) -> Option<&str> {
    let list = line.split_once(" # ").map_or(line, |(list, _)| list).trim_end();
    let (word, rest) = list.trim_start().split_once(' ')?;
    let has_pages = word.ends_with(',') || LISTS.contains(&word) && rest.contains(", ");
    (has_pages || list.contains(" | ")).then_some(list)
}

impl Linter {
    pub(super) fn look_at_lines(&mut self, place: Place<'_>, text: &str) {
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            if line.ends_with([' ', '\t', '\r']) {
                self.report(place, index + 1, "ends with a space");
            }
            if list(line).is_some_and(|list| list.chars().count() > WIDEST_LIST) {
                let problem = format!(
                    "the list is wider than {WIDEST_LIST} columns: end the line behind a `,` or `|`, and it goes on below"
                );
                self.report(place, index + 1, problem);
            }
            let Some((_, remark)) = line.split_once(" # ") else { continue };
            let Some((label, example)) = remark.split_once(" = ") else { continue };
            if !example.trim_start().starts_with('"') && example.contains(" = ") {
                let problem = format!(
                    "` = ` stands here twice: a label has none, so `{}` would be the label; quote the example if the second is its own",
                    label.trim()
                );
                self.report(place, index + 1, problem);
            }
        }
    }
}
