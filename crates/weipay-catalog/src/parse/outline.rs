//! The outline of a text: its indented lines, and which list of fields a field line joins.

use super::{ParseError, error, line};
use crate::field::Field;
use crate::shared::Resolver;

/// A line that says something, with its level: 0 is the heading's.
pub(super) struct OutlineLine {
    pub(super) number: usize,
    pub(super) level: usize,
    pub(super) text: &'static str,
}

/// Keys whose list may continue in the next line. The values of a field may too.
pub(crate) const LISTS: [&str; 4] = ["docs", "roles", "sent-as", "original-type"];

/// The lines below the heading, without empty ones and comments. A list that goes on is one line.
pub(super) fn lines(text: &'static str) -> impl Iterator<Item = Result<OutlineLine, ParseError>> {
    let mut written = written(text).skip(1);
    std::iter::from_fn(move || {
        loop {
            let line = written.next()?;
            let said = line.text.trim();
            if !said.is_empty() && !said.starts_with('#') {
                let read = outline_line(line.number, line.text, said);
                return Some(read.and_then(|read| whole_list(text, read, line.start, &mut written)));
            }
        }
    })
}

/// A line as it stands in the file.
struct Written {
    number: usize,
    text: &'static str,
    /// Where the line begins in the whole text.
    start: usize,
}

fn written(text: &'static str) -> impl Iterator<Item = Written> {
    text.split_inclusive('\n').enumerate().scan(0, |end, (index, line)| {
        let start = *end;
        *end += line.len();
        Some(Written { number: index + 1, text: line.trim_end(), start })
    })
}

/// The line with those that its list goes on in, which are deeper than the line itself. It stays one piece of the text,
/// line ends and all.
fn whole_list(
    text: &'static str,
    mut line: OutlineLine,
    start: usize,
    below: &mut impl Iterator<Item = Written>,
) -> Result<OutlineLine, ParseError> {
    let deeper = " ".repeat(2 * line.level + 1);
    while let Some(sign) = open_end(&line) {
        let Some(more) = below.next().filter(|more| more.text.starts_with(&deeper)) else {
            let reason = format!(
                "the line ends with `{sign}`, so the list must continue in the next line, with deeper indentation"
            );
            return Err(error(line.number, reason));
        };
        line.text = text[start..more.start + more.text.len()].trim_start();
    }
    Ok(line)
}

/// The sign that a list ends in when it goes on: a comma between entries of a key, a bar between values of a field.
fn open_end(line: &OutlineLine) -> Option<char> {
    let has_key = line.level == 1 && LISTS.contains(&entry(line.text).0);
    let in_values = || line.text.rsplit_once('(').is_some_and(|(_, values)| !values.contains(')'));
    match line.text.chars().next_back() {
        Some(',') if has_key => Some(','),
        Some('|') if in_values() => Some('|'),
        _ => None,
    }
}

fn outline_line(number: usize, line: &str, text: &'static str) -> Result<OutlineLine, ParseError> {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    if !spaces.is_multiple_of(2) || line[spaces..].starts_with('\t') {
        return Err(error(
            number,
            format!("the line is indented by {spaces} spaces, but each level must have two"),
        ));
    }
    if spaces == 0 {
        return Err(error(number, format!("`{text}` should be indented")));
    }
    Ok(OutlineLine { number, level: spaces / 2, text })
}

/// A key and what follows it.
pub(super) fn entry(text: &'static str) -> (&'static str, &'static str) {
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim()))
}

/// The values of `a, b, c`.
pub(super) fn list(text: &'static str) -> Vec<&'static str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Reads a field line and puts it `depth` levels below `top`.
pub(super) fn push_field(
    top: &mut Vec<Field>,
    depth: usize,
    at: &OutlineLine,
    shared: Resolver<'_>,
) -> Result<(), ParseError> {
    let refused = |reason| error(at.number, reason);
    let mut field = line::field(at.text, at.number).map_err(refused)?;
    shared.complete(&mut field).map_err(refused)?;
    let siblings = descend(top, depth).map_err(refused)?;
    if siblings.iter().any(|sibling| sibling.name == field.name) {
        return Err(error(at.number, format!("`{}` is described here twice", field.name)));
    }
    siblings.push(field);
    Ok(())
}

/// The list that a field of this depth joins: the members of the last field, `depth` times over.
fn descend(mut fields: &mut Vec<Field>, depth: usize) -> Result<&mut Vec<Field>, String> {
    for _ in 0..depth {
        let parent = fields.last_mut().ok_or("a member must be one level below its object")?;
        if !parent.can_have_members() {
            return Err(format!("`{}` is a {}, which cannot have members", parent.name, parent.kind.word()));
        }
        if let Some(name) = parent.shared {
            return Err(format!("the members of `{}` are in shared/{name}.api", parent.name));
        }
        fields = &mut parent.fields;
    }
    Ok(fields)
}
