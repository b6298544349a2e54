//! The documentation of generated items: official terms first, then limits in plain English.

pub(crate) mod field;
pub(crate) mod operation;

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

/// The labels that are names of a thing, as aliases of its type. What is longer is a sentence, which nobody searches for.
pub(crate) fn titles<'a>(labels: impl IntoIterator<Item = &'a &'a str>) -> String {
    let is_title = |label: &&str| {
        (1..=MAX_TITLE).contains(&label.chars().count()) && label.chars().all(char::is_alphanumeric)
    };
    aliases(labels.into_iter().copied().filter(is_title))
}

/// The most characters in a title.
const MAX_TITLE: usize = 12;

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
