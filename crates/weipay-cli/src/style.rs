//! The styles of what a person reads on a terminal.

use anstyle::{AnsiColor, Style};

pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const CODE: Style = AnsiColor::Cyan.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Before what a person should know.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default().bold();
/// Before what went wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
