//! Finds mistakes in catalogue files that parse.
//!
//! A finding has file and line, what is wrong, and what would be right. `cargo run -p weipay-catalog --features lint --bin
//! catalog-lint` prints all findings. A test makes sure that the catalogue of this repository has none.

mod caller;
mod echo;
mod errors;
mod field;
mod notification;
mod partner;
mod purpose;
mod response;
mod values;
mod waiting;

#[cfg(test)]
pub(crate) use field::broken_rule;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::field::Field;
use crate::folder::{self, EXTENSION, FolderError, SourceFile};
use crate::notification::Notification;
use crate::operation::{self, ApiVersion, Operation};
use crate::parse::{self, Heading, LISTS, ParseError};
use crate::shared::Shared;

use self::values::ValueLists;

/// A mistake in a catalogue file.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

/// All mistakes in the files of a folder, sorted by file and line.
///
/// # Errors
///
/// If a file or folder cannot be read.
pub fn check_folder(root: &Path) -> Result<Vec<Finding>, FolderError> {
    Ok(check_files(&folder::sources(root)?))
}

/// All mistakes in these files, sorted by file and line.
#[must_use]
pub fn check_files(sources: &[SourceFile]) -> Vec<Finding> {
    let mut linter = Linter::new(sources);
    for source in sources {
        linter.check_file(source);
    }
    linter.check_names(sources);
    linter.check_last_slashes();
    linter.check_shared();
    linter.check_lists();
    linter.check_unused_error_lists();
    linter.check_partners();
    linter.check_states();
    linter.check_unused_echoes();
    linter.check_common_members();
    linter.findings.sort();
    linter.findings.dedup();
    linter.findings
}

struct Linter {
    findings: Vec<Finding>,
    shared: Shared,
    envelopes: BTreeMap<ApiVersion, Notification>,
    /// Where each heading was first seen.
    headings: BTreeMap<Heading, (PathBuf, usize)>,
    /// How many fields take their members from a shared object, or their values from a shared list.
    uses: BTreeMap<&'static str, usize>,
    lists: ValueLists,
    /// All that were read.
    operations: partner::Operations,
    /// Members of their requests and responses.
    members: response::Members,
    /// Echoes of shared objects.
    echoes: echo::Shared,
    /// What any response repeats.
    repeated: caller::Repeated,
    /// How many operations name a list of error codes.
    uses_of_errors: BTreeMap<&'static str, usize>,
}

/// A text in a file, and the line where it begins.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    first: usize,
    text: &'a str,
}

impl Place<'_> {
    /// Whether the line above this one is a comment with this word.
    fn says_above(&self, line: usize, word: &str) -> bool {
        let above = line.checked_sub(2).and_then(|index| self.text.lines().nth(index));
        above.is_some_and(|above| above.trim_start().starts_with('#') && above.contains(word))
    }
}

impl Linter {
    fn new(sources: &[SourceFile]) -> Self {
        let texts: Vec<_> = sources.iter().flat_map(|source| parse::sections(source.text)).collect();
        let shared = Shared::from_texts(texts.iter().map(|(_, text)| *text));
        let envelopes = texts
            .iter()
            .filter_map(|(_, text)| parse::envelope(text, shared.resolver()).ok())
            .map(|envelope| (envelope.version, envelope))
            .collect();
        let responses =
            texts.iter().filter_map(|(_, text)| parse::any_response(text, shared.resolver()).ok());
        let repeated = caller::Repeated::new(responses);
        Self {
            findings: Vec::new(),
            shared,
            envelopes,
            headings: BTreeMap::new(),
            uses: BTreeMap::new(),
            lists: ValueLists::default(),
            operations: BTreeMap::new(),
            members: response::Members::default(),
            echoes: echo::Shared::default(),
            repeated,
            uses_of_errors: BTreeMap::new(),
        }
    }

    fn report(&mut self, place: Place<'_>, line: usize, problem: impl Into<String>) {
        let finding =
            Finding { file: place.file.to_owned(), line: place.first + line - 1, problem: problem.into() };
        self.findings.push(finding);
    }

    fn check_file(&mut self, source: &SourceFile) {
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
            self.check_heading(place, heading, &source.place);
            self.check_lines(place, text);
            self.check_text(place, heading, text);
        }
    }

    fn check_heading(&mut self, place: Place<'_>, heading: Heading, stands_in: &str) {
        if heading.place() != stands_in {
            self.report(place, 1, format!("`{heading}` must be in {}.{EXTENSION}", heading.place()));
        }
        match self.headings.get(&heading) {
            Some((file, line)) => {
                let problem = format!("`{heading}` is already described in {}:{line}", file.display());
                self.report(place, 1, problem);
            }
            None => {
                self.headings.insert(heading, (place.file.to_owned(), place.first));
            }
        }
    }

    fn check_text(&mut self, place: Place<'_>, heading: Heading, text: &'static str) {
        match heading {
            Heading::Operation(..) => {
                let read = parse::operation(text, self.shared.resolver());
                if let Some(operation) = self.read(place, read) {
                    for travels in operation::Place::ALL {
                        self.collect_lists(heading, operation.request.fields(travels));
                    }
                    self.collect_lists(heading, &operation.response);
                    self.check_operation(place, &operation);
                }
            }
            Heading::Notification(version, _) => {
                let envelope = self.envelopes.get(&version);
                if envelope.is_none() {
                    let problem = format!("notifications/{version}/envelope.{EXTENSION} is missing");
                    self.report(place, 1, problem);
                }
                let envelope = self.envelopes.get(&version);
                let read = parse::notification(text, self.shared.resolver(), envelope);
                let inherited = envelope.cloned();
                if let Some(notification) = self.read(place, read) {
                    self.check_notification(place, heading, &notification, inherited.as_ref());
                }
            }
            Heading::Envelope(_) => {
                let read = parse::envelope(text, self.shared.resolver());
                if let Some(envelope) = self.read(place, read) {
                    self.check_notification(place, heading, &envelope, None);
                }
            }
            Heading::Response(_) => {
                let read = parse::any_response(text, self.shared.resolver());
                if let Some(response) = self.read(place, read) {
                    self.check_fields(place, &response.any);
                    self.check_fields(place, &response.usual);
                    self.check_any_response(place, response);
                }
            }
            Heading::Values(_) => {
                self.read(place, parse::values(text));
            }
            Heading::Object(name) => {
                let read = parse::object(text, self.shared.resolver());
                if let Some(members) = self.read(place, read) {
                    self.check_shared_object(place, name, &members);
                    self.check_fields(place, &members);
                }
            }
            Heading::Errors(_) => {
                let read = parse::error_list(text);
                if let Some(codes) = self.read(place, read) {
                    self.check_error_codes(place, &codes);
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

    fn check_operation(&mut self, place: Place<'_>, operation: &Operation) {
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
        self.collect_partner(place, operation);
        self.collect_members(place, operation);
        self.check_repeat(place, operation);
        self.check_waiting(place, operation);
        self.check_marks_states(place, operation);
        self.check_proof(place, operation);
        self.check_purposes(place, operation);
        self.check_errors(place, operation);
        for travels in operation::Place::ALL {
            self.check_fields(place, operation.request.fields(travels));
        }
        self.check_fields(place, &operation.response);
    }

    /// Checks a notification without what it takes from its envelope, which is checked there.
    fn check_notification(
        &mut self,
        place: Place<'_>,
        heading: Heading,
        notification: &Notification,
        inherited: Option<&Notification>,
    ) {
        let resource: fn(&Notification) -> &Vec<Field> = |notification| &notification.resource;
        let others: [fn(&Notification) -> &Vec<Field>; 4] = [
            |notification| &notification.headers,
            |notification| &notification.body,
            |notification| &notification.response_headers,
            |notification| &notification.response,
        ];
        let is_new = |fields: fn(&Notification) -> &Vec<Field>| {
            inherited.is_none_or(|inherited| fields(inherited) != fields(notification))
        };
        if matches!(heading, Heading::Notification(..)) {
            self.check_marks(place, notification);
        }
        self.check_recipient(place, notification);
        for fields in others.into_iter().filter(|fields| is_new(*fields)) {
            self.check_no_purpose(place, fields(notification));
        }
        for fields in others.into_iter().chain([resource]).filter(|fields| is_new(*fields)) {
            self.collect_lists(heading, fields(notification));
            self.check_fields(place, fields(notification));
        }
    }

    /// Finds files that are the same file on some file systems.
    fn check_names(&mut self, sources: &[SourceFile]) {
        let mut names: BTreeMap<String, &SourceFile> = BTreeMap::new();
        for source in sources {
            if let Some(other) = names.insert(source.place.to_lowercase(), source) {
                let problem = format!(
                    "the name of this file differs from {} only in upper and lower case",
                    other.path.display()
                );
                self.report(Place { file: &source.path, first: 1, text: source.text }, 1, problem);
            }
        }
    }

    /// Finds operations that would have the same name in the SDK, because a slash at the end adds no step to a chain.
    fn check_last_slashes(&mut self) {
        for (heading, (file, line)) in self.headings.clone() {
            let Heading::Operation(method, path) = heading else { continue };
            let Some(shorter) = path.strip_suffix('/') else { continue };
            if self.headings.contains_key(&Heading::Operation(method, shorter)) {
                let problem = format!("`{method} {shorter}` differs from this only in the last slash");
                self.report(Place { file: &file, first: line, text: "" }, 1, problem);
            }
        }
    }

    /// Finds what is shared by name, but only one field uses it, or none.
    fn check_shared(&mut self) {
        for (heading, (file, line)) in self.headings.clone() {
            let (name, what) = match heading {
                Heading::Object(name) => (name, "shared object"),
                Heading::Values(name) => (name, "shared list of values"),
                _ => continue,
            };
            let place = Place { file: &file, first: line, text: "" };
            match self.uses.get(name) {
                None => self.report(place, 1, format!("the {what} `{name}` is not used")),
                Some(1) => {
                    self.report(place, 1, format!("only one field uses the {what} `{name}`: move it there"));
                }
                Some(_) => {}
            }
            // Both are types of the SDK, in one module.
            if matches!(heading, Heading::Values(_)) && self.headings.contains_key(&Heading::Object(name)) {
                self.report(place, 1, format!("`{name}` is the name of a shared object already"));
            }
        }
    }
}

/// The widest list in one line; a longer one continues in the next line.
const MAX_LIST_WIDTH: usize = 110;

/// The part of a line that may be continued in the next one: pages of a key, or values of a field, without its label.
fn continuable_list(line: &str) -> Option<&str> {
    let list = line.split_once(" # ").map_or(line, |(list, _)| list).trim_end();
    let (word, rest) = list.trim_start().split_once(' ')?;
    let has_pages = word.ends_with(',') || LISTS.contains(&word) && rest.contains(", ");
    (has_pages || list.contains(" | ")).then_some(list)
}

impl Linter {
    pub(super) fn check_lines(&mut self, place: Place<'_>, text: &str) {
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            if line.ends_with([' ', '\t', '\r']) {
                self.report(place, index + 1, "the line ends with a space");
            }
            if continuable_list(line).is_some_and(|list| list.chars().count() > MAX_LIST_WIDTH) {
                let problem = format!(
                    "the list is wider than {MAX_LIST_WIDTH} columns: break the line after a `,` or `|`, and continue below"
                );
                self.report(place, index + 1, problem);
            }
            let Some((_, remark)) = line.split_once(" # ") else { continue };
            let Some((label, example)) = remark.split_once(" = ") else { continue };
            if !example.trim_start().starts_with('"') && example.contains(" = ") {
                let problem = format!(
                    "` = ` occurs twice, so the label would be `{}`: if the second one belongs to the example, write the example in quotes",
                    label.trim()
                );
                self.report(place, index + 1, problem);
            }
        }
    }
}

/// The error of a text whose heading cannot be read.
fn parse_error(text: &'static str) -> ParseError {
    match parse::operation(text, Shared::default().resolver()) {
        Err(error) => error,
        Ok(_) => ParseError { line: 1, reason: "expected a heading".to_owned() },
    }
}

#[cfg(test)]
mod tests;
