//! A statement made of calls: on one line where it fits, else one call a line.

/// As wide as a line of Rust usually is.
const WIDEST: usize = 100;

/// `let reply = a.b().c()?;` of `["a", "b()", "c()"]` and `?`.
pub(super) fn statement(calls: &[String], end: &str) -> String {
    let line = format!("let reply = {}{end};", calls.join("."));
    if line.chars().count() <= WIDEST {
        return line;
    }
    let end = if end == "?" { "?;".to_owned() } else { format!("\n    {end};") };
    format!("let reply = {}{end}", calls.join("\n    ."))
}
