//! A page on a terminal: how wide it is, and how wide a text is, where a Chinese character takes two columns.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::{BOLD, CODE, DIM};

/// The width in a pipe, and the least and the most that a table takes.
const DEFAULT_WIDTH: usize = 120;
const MIN_WIDTH: usize = 60;
const MAX_WIDTH: usize = 160;

/// A page that grows line by line.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) width: usize,
}

impl Page {
    pub(super) fn for_the_terminal() -> Self {
        let width = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        Self { text: String::new(), width: width.clamp(MIN_WIDTH, MAX_WIDTH) }
    }

    pub(super) fn line(&mut self, text: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{text}");
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Between two pages.
    pub(super) fn rule(&mut self) {
        let width = self.width;
        self.blank();
        self.line(format_args!("{DIM}{}{DIM:#}", "─".repeat(width)));
        self.blank();
    }

    pub(super) fn heading(&mut self, text: &str, more: &str) {
        self.blank();
        self.line(format_args!("{BOLD}{text}{BOLD:#}  {DIM}{more}{DIM:#}"));
    }

    /// A name with its texts, one below the other.
    pub(super) fn fact(&mut self, name: &str, texts: &[String]) {
        for (index, text) in texts.iter().enumerate() {
            let name = padded(if index == 0 { name } else { "" }, 16);
            self.line(format_args!("  {DIM}{name}{DIM:#}{text}"));
        }
    }

    pub(super) fn code(&mut self, code: &str) {
        for line in code.lines() {
            match line {
                "" => self.blank(),
                line => self.line(format_args!("    {CODE}{line}{CODE:#}")),
            }
        }
    }
}

pub(super) fn width(text: &str) -> usize {
    text.width()
}

pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Lines of at most `width` columns, broken at spaces and between wide characters; what has neither is cut.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for piece in pieces(text) {
        if used > 0 && used + width(piece.trim_end()) > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for letter in piece.chars() {
            let wide = letter.width().unwrap_or_default();
            if used + wide > columns && letter != ' ' {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(letter);
            used += wide;
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A text cut where a line may end: after a space, after a wide character.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, letter) in text.char_indices() {
        if letter == ' ' || letter.width() == Some(2) {
            let end = at + letter.len_utf8();
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_character_is_two_columns_wide() {
        assert_eq!(width("批次号 id"), 9);
        assert_eq!(padded("批次", 6), "批次  ");
    }

    #[test]
    fn no_line_is_wider_than_asked_and_nothing_is_lost() {
        let text = "微信支付分配的商户号 mchid, such as 1900000109/averyveryverylongtokenwithoutspaces";
        for columns in [8, 11, 20, 40] {
            let lines = wrapped(text, columns);
            assert!(lines.iter().all(|line| width(line) <= columns), "{lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(wrapped("short", 20), ["short"]);
    }
}
