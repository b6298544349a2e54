//! The outline of a text: its indented lines, and which list of fields a field line joins.

use super::{ParseError, error, line};
use crate::field::{Field, Kind};
use crate::shared::Resolver;

/// A line that says something, with its level: 0 is the heading's.
pub(super) struct OutlineLine {
    pub(super) number: usize,
    pub(super) level: usize,
    pub(super) text: &'static str,
}

/// The lines below the heading, without empty ones and comments.
pub(super) fn lines(text: &'static str) -> impl Iterator<Item = Result<OutlineLine, ParseError>> {
    text.lines().enumerate().skip(1).filter_map(|(index, line)| {
        let text = line.trim();
        (!text.is_empty() && !text.starts_with('#')).then(|| outline_line(index + 1, line, text))
    })
}

fn outline_line(number: usize, line: &str, text: &'static str) -> Result<OutlineLine, ParseError> {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    if !spaces.is_multiple_of(2) || line[spaces..].starts_with('\t') {
        return Err(error(number, format!("indented by {spaces}: a level is two spaces")));
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
    objects: Resolver<'_>,
) -> Result<(), ParseError> {
    let refused = |reason| error(at.number, reason);
    let mut field = line::field(at.text, at.number).map_err(refused)?;
    if let Some(name) = field.shared {
        field.fields = objects.members(name).map_err(refused)?;
    }
    let siblings = descend(top, depth).map_err(refused)?;
    if siblings.iter().any(|sibling| sibling.name == field.name) {
        return Err(error(at.number, format!("`{}` stands here twice", field.name)));
    }
    siblings.push(field);
    Ok(())
}

/// The list that a field of this depth joins: the members of the last field, `depth` times over.
fn descend(mut fields: &mut Vec<Field>, depth: usize) -> Result<&mut Vec<Field>, String> {
    for _ in 0..depth {
        let parent = fields.last_mut().ok_or("a member needs its object one level above it")?;
        if let Some(name) = parent.shared {
            return Err(format!("the members of `{}` are in shared/{name}.api", parent.name));
        }
        if parent.kind != Kind::Object && parent.carrier.is_none() {
            return Err(format!("`{}` is a {}: it has no members", parent.name, parent.kind.word()));
        }
        fields = &mut parent.fields;
    }
    Ok(fields)
}
