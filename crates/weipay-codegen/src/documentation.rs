//! The documentation of generated items: official terms first, then limits in plain English.

mod errors;
pub(crate) mod field;
pub(crate) mod operation;

use std::collections::BTreeSet;

/// Text as doc lines with this prefix.
pub(crate) fn lines(text: &str, prefix: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { format!("{prefix}\n") } else { format!("{prefix} {line}\n") })
        .collect()
}

/// The official names that a search finds an item by, as attributes.
pub(crate) fn aliases<'a>(titles: impl IntoIterator<Item = &'a str>) -> String {
    titles.into_iter().map(|title| format!("#[doc(alias = {title:?})]\n")).collect()
}

/// The names in these labels, as aliases of the type that the labels describe.
pub(crate) fn titles(labels: &BTreeSet<&str>) -> String {
    aliases(labels.iter().filter_map(|label| title(label)).collect::<BTreeSet<_>>())
}

/// The name that a label begins with, before what it says beside it: `授权类型，固定填code` names `授权类型`. What is longer is a
/// sentence, which nobody searches for.
fn title(label: &str) -> Option<&str> {
    let title = label.split(['，', ',', '；', ';', '。', '：', '（', '(', '*']).next()?.trim();
    let is_of_a_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '/' | '、' | '-' | '_');
    ((1..=MAX_TITLE).contains(&title.chars().count()) && title.chars().all(is_of_a_name)).then_some(title)
}

/// The most characters in a title.
const MAX_TITLE: usize = 16;

/// The most characters in a line of documentation, if the text has spaces to break it at.
const MAX_WIDTH: usize = 104;

/// The text in lines, all but the first one indented.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let letters = word.chars().count();
        if !wrapped.is_empty() && width + 1 + letters > MAX_WIDTH {
            wrapped.push('\n');
            wrapped.push_str(indent);
            width = indent.len();
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            width += 1;
        }
        wrapped.push_str(word);
        width += letters;
    }
    wrapped
}

/// Text that rustdoc shows as it is.
pub(crate) fn plain(text: &str) -> String {
    text.replace('[', "\\[").replace('<', "\\<").replace('`', "'")
}
