//! What the quickstart shows: coloured on a terminal, plain in a pipe.

use std::io::Write;

use anstyle::{AnsiColor, Style};

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();

pub(super) struct Screen(anstream::AutoStream<std::io::Stdout>);

impl Screen {
    pub(super) fn new() -> Screen {
        Screen(anstream::stdout())
    }

    /// A reader that went away, as with `| head`, is no reason to fail: the exit code tells how the story ended.
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{text}").ok();
    }

    pub(super) fn blank(&mut self) {
        self.line(format_args!(""));
    }

    pub(super) fn title(&mut self, text: &str) {
        self.line(format_args!("{BOLD}{text}{BOLD:#}"));
        self.blank();
    }

    pub(super) fn fact(&mut self, name: &str, text: &str) {
        self.line(format_args!("  {DIM}{name:<9}{DIM:#} {text}"));
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        self.line(format_args!("{BOLD}{text}{BOLD:#}"));
    }

    /// A style's name, its line of Rust, and what came back.
    pub(super) fn style(&mut self, name: &str, code: &str, answer: &str, proof: &str) {
        self.blank();
        self.line(format_args!("  {DIM}{name}{DIM:#}"));
        self.line(format_args!("  {CODE}{code}{CODE:#}"));
        self.line(format_args!("  {GOOD}✓{GOOD:#} {answer}  {DIM}{proof}{DIM:#}"));
    }

    pub(super) fn done(&mut self, text: &str) {
        self.blank();
        self.line(format_args!("{GOOD}{BOLD}{text}{BOLD:#}{GOOD:#}"));
    }
}
