//! What only the written line shows.

use super::{Linter, Place};

impl Linter {
    pub(super) fn look_at_lines(&mut self, place: Place<'_>, text: &str) {
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            if line.ends_with([' ', '\t', '\r']) {
                self.report(place, index + 1, "ends with a space");
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
