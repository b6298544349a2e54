//! What fields are for, and what is known of repeating a request: words that a client acts on, so that each may stand
//! only where it means something.

use super::{Linter, Place};
use crate::field::{Field, Kind, Purpose};
use crate::operation::{self, Operation, Repeat};

impl Linter {
    pub(super) fn look_at_purposes(&mut self, place: Place<'_>, operation: &Operation) {
        let mut numbers = Vec::new();
        for travels in operation::Place::ALL {
            for field in operation.request.fields(travels) {
                if let Some(purpose) = field.purpose {
                    self.look_at_purpose(place, field, purpose, fits(purpose, travels));
                    numbers.extend((purpose == Purpose::RequestNumber).then_some(field.line));
                }
                for member in &field.fields {
                    let of_a_file = travels == operation::Place::Multipart;
                    if let Some(purpose) = member.purpose {
                        self.look_at_purpose(place, member, purpose, of_a_file && purpose.is_of_a_file());
                    }
                    self.look_for_no_purpose(place, &member.fields);
                }
            }
        }
        if let [_, second, ..] = numbers[..] {
            self.report(place, second, "a request has one `request-number`, and this is the second one");
        }
        self.look_for_no_purpose(place, &operation.response);
    }

    fn look_at_purpose(&mut self, place: Place<'_>, field: &Field, purpose: Purpose, fits: bool) {
        let (name, word) = (field.name, purpose.word());
        if !fits {
            let problem = format!("`{name}` is not where a client looks for `{word}`");
            self.report(place, field.line, problem);
        }
        if field.kind != Kind::String || field.list {
            self.report(place, field.line, format!("`{name}` is not a string: `{word}` fits strings only"));
        }
    }

    /// Purposes are of requests; a shared object may stand in a response.
    pub(super) fn look_for_no_purpose(&mut self, place: Place<'_>, fields: &[Field]) {
        for field in fields {
            if let Some(purpose) = field.purpose {
                let word = purpose.word();
                let problem = format!("`{word}` of `{}` says nothing here: it is for requests", field.name);
                self.report(place, field.line, problem);
            }
            // The members of a shared object are looked at in its own file.
            if field.shared.is_none() {
                self.look_for_no_purpose(place, &field.fields);
            }
        }
    }

    pub(super) fn look_at_repeat(&mut self, place: Place<'_>, operation: &Operation) {
        let problem = match (operation.writes(), operation.repeat, operation.repeat_reason) {
            (false, None, _) => return,
            (false, Some(_), _) => "a GET changes nothing and may always be repeated: leave `repeat` out",
            (true, None, _) => {
                "say whether the same request may be sent again: `repeat safe, REASON`, `repeat not-safe, REASON` \
                 or `repeat unknown`"
            }
            (true, Some(Repeat::Safe | Repeat::NotSafe), "") => {
                "`repeat` needs its reason: what does the official text say?"
            }
            (true, Some(_), _) => return,
        };
        self.report(place, 1, problem);
    }
}

fn fits(purpose: Purpose, travels: operation::Place) -> bool {
    use operation::Place::{Headers, Json, Multipart, Path, Query, Xml};
    match purpose {
        Purpose::RequestNumber => matches!(travels, Path | Query | Headers | Json | Xml),
        Purpose::PlatformSerial => travels == Headers,
        Purpose::Nonce | Purpose::Signature => matches!(travels, Query | Xml | Multipart),
        // They are members of what is said about the file.
        Purpose::FileName | Purpose::FileSha256 => false,
    }
}
