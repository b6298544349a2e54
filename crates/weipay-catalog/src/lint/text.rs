//! What only the written line shows.

use super::{Linter, Place};
use crate::parse::LISTS;

/// How wide a list of pages may be before it goes on in the next line.
const WIDEST_LIST: usize = 110;

/// Whether the line has several entries of a list: its first line, or one that it goes on in.
fn is_list(line: &str) -> bool {
    let (word, rest) = line.trim_start().split_once(' ').unwrap_or_default();
    (LISTS.contains(&word) && rest.contains(", ")) || word.ends_with(',')
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
            if line.chars().count() > WIDEST_LIST && is_list(line) {
                let problem = format!(
                    "wider than {WIDEST_LIST} columns: end the line behind a comma, and the list goes on below it"
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
