//! Writing the planned types: imports, what is taken from the shared objects, and the types themselves.

use std::collections::BTreeSet;

use weipay_catalog::names;

use super::{Enumeration, Models, Row, Struct};
use crate::documentation;
use crate::output::indented;

impl Models {
    /// The content of the module of these types, which stands at this level of indentation; `shared` is the module of the
    /// product's shared objects.
    pub(crate) fn text(&self, shared: &str, level: usize) -> String {
        let width = WIDEST - 4 * level;
        let taken: Vec<&str> = self.names.shared().filter(|_| !self.plans_shared).collect();
        let mut parts = vec![if taken.is_empty() {
            String::new()
        } else {
            format!("pub use {shared}::{};\n", braced(&taken))
        }];
        parts.push(imports(&self.structs, &self.enumerations));
        for (opening, in_request) in [("request", true), ("response", false)] {
            let structs = self.structs.iter().filter(|known| known.in_request == in_request);
            parts.push(block(opening, structs.map(|known| known.text(width))));
        }
        parts.push(block("open_enum", self.enumerations.iter().map(|known| known.text(width))));
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }
}

/// What the types of a file need from elsewhere.
fn imports(structs: &[Struct], enumerations: &[Enumeration]) -> String {
    let rows = || structs.iter().flat_map(|known| &known.rows);
    let uses = |word: &str| rows().any(|row| row.plain_kind() == word);
    let json: BTreeSet<&str> = [("Json", "Value as Json"), ("Number", "Number")]
        .into_iter()
        .filter(|(word, _)| uses(word))
        .map(|(_, item)| item)
        .collect();
    let places = ["body", "file", "header", "meta", "part", "query", "xml"];
    let mut items: Vec<&str> = places
        .into_iter()
        .filter(|place| rows().any(|row| row.rule.iter().any(|call| call.starts_with(&format!("{place}(")))))
        .collect();
    items.extend(["File", "Sensitive", "Time"].into_iter().filter(|word| uses(word)));
    items.extend(rows().any(|row| row.kind.contains("JsonText<")).then_some("JsonText"));
    items.extend(structs.iter().any(|known| known.in_request).then_some("request"));
    items.extend(structs.iter().any(|known| !known.in_request).then_some("response"));
    items.extend((!enumerations.is_empty()).then_some("open_enum"));
    items.sort_by_key(|name| (name.starts_with(char::is_lowercase), *name));

    let mut text = String::new();
    if !json.is_empty() {
        text.push_str(&format!("use serde_json::{};\n\n", braced(&json)));
    }
    if !items.is_empty() {
        text.push_str(&format!("use crate::model::{};\n", braced(&items)));
    }
    text
}

/// The end of a `use`: one name, or several in braces.
pub(crate) fn braced<'a>(items: impl IntoIterator<Item = &'a &'a str>) -> String {
    match items.into_iter().copied().collect::<Vec<_>>()[..] {
        [only] => only.to_owned(),
        ref several => format!("{{{}}}", several.join(", ")),
    }
}

fn block(opening: &str, types: impl Iterator<Item = String>) -> String {
    let types: Vec<String> = types.collect();
    if types.is_empty() { String::new() } else { format!("{opening}! {{\n{}}}\n", types.join("\n")) }
}

impl Struct {
    fn text(&self, width: usize) -> String {
        let mut text = documentation::lines(&self.doc, "    ///");
        text.push_str(&indented(&self.aliases, 1));
        text.push_str(&format!("    pub struct {} {{\n", self.name));
        for row in &self.rows {
            text.push_str(&documentation::lines(&row.doc, "        ///"));
            text.push_str(&row.text(width));
        }
        text.push_str("    }\n");
        text
    }
}

/// `max_width` of `rustfmt.toml`.
const WIDEST: usize = 110;

impl Row {
    /// The line of the field. rustfmt leaves the inside of macros alone, so a line that is too long is broken here as
    /// rustfmt would: after the sign, or where that does not help, at the rules.
    fn text(&self, width: usize) -> String {
        let head = format!("        {}: {} =", self.name, self.kind);
        let rule = format!("{},", self.rule.join("."));
        let fits = |line: &str| line.chars().count() <= width;
        let (whole, second) = (format!("{head} {rule}\n"), format!("            {rule}\n"));
        if fits(whole.trim_end()) {
            whole
        } else if fits(second.trim_end()) || self.rule.len() == 1 {
            format!("{head}\n{second}")
        } else {
            format!("{head} {},\n", self.rule.join("\n            ."))
        }
    }

    /// The type of the field, or of what is in it: the inmost one.
    fn plain_kind(&self) -> &str {
        let start = self.kind.rfind('<').map_or(0, |bracket| bracket + 1);
        self.kind[start..].trim_end_matches('>')
    }
}

impl Enumeration {
    fn text(&self, width: usize) -> String {
        let mut text = documentation::lines(&self.doc, "    ///");
        text.push_str(&format!("    pub enum {} {{\n", self.name));
        for (name, value) in names::variants(&self.values) {
            let line = format!("        {name} = {value:?},");
            let broken = format!("        {name} =\n            {value:?},");
            text.push_str(if line.chars().count() <= width { &line } else { &broken });
            text.push('\n');
        }
        text.push_str("    }\n");
        text
    }
}
