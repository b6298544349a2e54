//! What a catalogue file may parse with and still must not hold.
//!
//! Each finding names file and line, what is wrong, and what would be right. `cargo run -p weipay-catalog --features
//! lint --bin catalog-lint` prints them; a test holds the catalogue of this repository clean.

mod example;
mod field;
mod label;
mod money;
mod purpose;
mod text;

#[cfg(test)]
pub(crate) use example::broken_rule;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::field::Field;
use crate::folder::{self, EXTENSION, FolderError, SourceFile};
use crate::notification::Notification;
use crate::operation::{self, Operation};
use crate::parse::{self, Heading, ParseError};
use crate::shared::SharedObjects;

/// Something in a catalogue file that must not stay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

/// Everything wrong with the files below a folder, sorted by file and line.
pub fn folder(root: &Path) -> Result<Vec<Finding>, FolderError> {
    Ok(files(&folder::sources(root)?))
}

/// Everything wrong with these files, sorted by file and line.
pub fn files(sources: &[SourceFile]) -> Vec<Finding> {
    let mut linter = Linter::new(sources);
    for source in sources {
        linter.look_at_file(source);
    }
    linter.look_at_names(sources);
    linter.look_at_last_slashes();
    linter.look_at_unused_objects();
    linter.findings.sort();
    linter.findings.dedup();
    linter.findings
}

struct Linter {
    findings: Vec<Finding>,
    objects: SharedObjects,
    envelopes: BTreeMap<&'static str, Notification>,
    /// Where each heading was first seen.
    headings: BTreeMap<Heading, (PathBuf, usize)>,
    /// How many fields take their members from a shared object.
    uses: BTreeMap<&'static str, usize>,
}

/// A text of a file: which file, and the line where the text begins.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    first: usize,
    text: &'a str,
}

impl Place<'_> {
    /// Whether the comment on the line above this one has this word.
    fn says_above(&self, line: usize, word: &str) -> bool {
        let above = line.checked_sub(2).and_then(|index| self.text.lines().nth(index));
        above.is_some_and(|above| above.trim_start().starts_with('#') && above.contains(word))
    }
}

impl Linter {
    fn new(sources: &[SourceFile]) -> Linter {
        let texts: Vec<_> = sources.iter().flat_map(|source| parse::sections(source.text)).collect();
        let objects = SharedObjects::of_texts(texts.iter().map(|(_, text)| *text));
        let envelopes = texts
            .iter()
            .filter_map(|(_, text)| parse::envelope(text, objects.resolver()).ok())
            .map(|envelope| (envelope.version, envelope))
            .collect();
        Linter { findings: Vec::new(), objects, envelopes, headings: BTreeMap::new(), uses: BTreeMap::new() }
    }

    fn report(&mut self, place: Place<'_>, line: usize, problem: impl Into<String>) {
        let finding =
            Finding { file: place.file.to_owned(), line: place.first + line - 1, problem: problem.into() };
        self.findings.push(finding);
    }

    fn look_at_file(&mut self, source: &SourceFile) {
        let sections = parse::sections(source.text);
        if sections.is_empty() {
            self.report(
                Place { file: &source.path, first: 1, text: source.text },
                1,
                "a catalogue file needs a heading",
            );
        }
        for (first, text) in sections {
            let place = Place { file: &source.path, first, text };
            let Some(heading) = text.lines().next().and_then(parse::heading) else {
                self.read::<()>(place, Err(parse_error(text)));
                continue;
            };
            self.look_at_heading(place, heading, &source.place);
            self.look_at_lines(place, text);
            self.look_at_text(place, heading, text);
        }
    }

    fn look_at_heading(&mut self, place: Place<'_>, heading: Heading, stands_in: &str) {
        if heading.place() != stands_in {
            self.report(place, 1, format!("`{heading}` belongs in {}.{EXTENSION}", heading.place()));
        }
        match self.headings.get(&heading) {
            Some((file, line)) => {
                let problem = format!("`{heading}` is described in {}:{line} already", file.display());
                self.report(place, 1, problem);
            }
            None => {
                self.headings.insert(heading, (place.file.to_owned(), place.first));
            }
        }
    }

    fn look_at_text(&mut self, place: Place<'_>, heading: Heading, text: &'static str) {
        match heading {
            Heading::Operation(..) => {
                let read = parse::operation(text, self.objects.resolver());
                if let Some(operation) = self.read(place, read) {
                    self.look_at_operation(place, &operation);
                }
            }
            Heading::Notification(version, _) => {
                let envelope = self.envelopes.get(version);
                if envelope.is_none() {
                    let problem = format!("notifications/{version}/envelope.{EXTENSION} is missing");
                    self.report(place, 1, problem);
                }
                let envelope = self.envelopes.get(version);
                let read = parse::notification(text, self.objects.resolver(), envelope);
                let inherited = envelope.cloned();
                if let Some(notification) = self.read(place, read) {
                    self.look_at_notification(place, &notification, inherited.as_ref());
                }
            }
            Heading::Envelope(_) => {
                let read = parse::envelope(text, self.objects.resolver());
                if let Some(envelope) = self.read(place, read) {
                    self.look_at_notification(place, &envelope, None);
                }
            }
            Heading::Object(_) => {
                let read = parse::object(text, self.objects.resolver());
                if let Some(members) = self.read(place, read) {
                    self.look_for_no_purpose(place, &members);
                    self.look_at_fields(place, &members);
                }
            }
        }
    }

    fn read<T>(&mut self, place: Place<'_>, read: Result<T, ParseError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(place, error.line, error.reason);
                None
            }
        }
    }

    fn look_at_operation(&mut self, place: Place<'_>, operation: &Operation) {
        for name in operation.placeholders() {
            if !operation.request.path.iter().any(|field| field.name == name) {
                self.report(place, 1, format!("`{{{name}}}` needs a field below `path`"));
            }
        }
        for field in &operation.request.path {
            if !operation.placeholders().any(|name| name == field.name) {
                self.report(place, field.line, format!("the path has no `{{{}}}`", field.name));
            }
        }
        self.look_at_repeat(place, operation);
        self.look_at_purposes(place, operation);
        for travels in operation::Place::ALL {
            self.look_at_fields(place, operation.request.fields(travels));
        }
        self.look_at_fields(place, &operation.response);
    }

    /// What a notification has from its envelope is looked at there.
    fn look_at_notification(
        &mut self,
        place: Place<'_>,
        notification: &Notification,
        inherited: Option<&Notification>,
    ) {
        let places: [fn(&Notification) -> &Vec<Field>; 5] = [
            |notification| &notification.headers,
            |notification| &notification.body,
            |notification| &notification.resource,
            |notification| &notification.response_headers,
            |notification| &notification.response,
        ];
        for fields in places {
            if inherited.is_none_or(|inherited| fields(inherited) != fields(notification)) {
                self.look_for_no_purpose(place, fields(notification));
                self.look_at_fields(place, fields(notification));
            }
        }
    }

    /// Files that some file systems take for one.
    fn look_at_names(&mut self, sources: &[SourceFile]) {
        let mut names: BTreeMap<String, &SourceFile> = BTreeMap::new();
        for source in sources {
            if let Some(other) = names.insert(source.place.to_lowercase(), source) {
                let problem = format!("differs from {} by capital letters only", other.path.display());
                self.report(Place { file: &source.path, first: 1, text: source.text }, 1, problem);
            }
        }
    }

    /// Two operations that would have one name in the SDK's chain, because a slash at the end adds no step.
    fn look_at_last_slashes(&mut self) {
        for (heading, (file, line)) in self.headings.clone() {
            let Heading::Operation(method, path) = heading else { continue };
            let Some(shorter) = path.strip_suffix('/') else { continue };
            if self.headings.contains_key(&Heading::Operation(method, shorter)) {
                let problem = format!("`{method} {shorter}` differs from this by the last slash only");
                self.report(Place { file: &file, first: line, text: "" }, 1, problem);
            }
        }
    }

    fn look_at_unused_objects(&mut self) {
        for (heading, (file, line)) in self.headings.clone() {
            let Heading::Object(name) = heading else { continue };
            let problem = match self.uses.get(name) {
                None => format!("nothing uses the shared object `{name}`"),
                Some(1) => format!("only one field uses the shared object `{name}`: write it there"),
                Some(_) => continue,
            };
            self.report(Place { file: &file, first: line, text: "" }, 1, problem);
        }
    }
}

/// The error of a text whose heading cannot be read.
fn parse_error(text: &'static str) -> ParseError {
    match parse::operation(text, SharedObjects::default().resolver()) {
        Err(error) => error,
        Ok(_) => ParseError { line: 1, reason: "should be a heading".to_owned() },
    }
}

#[cfg(test)]
mod tests;
