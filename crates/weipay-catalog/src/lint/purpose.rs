//! Checks purposes of fields, and `repeat` of operations. A client acts on these words, so each is only allowed where it has a
//! meaning.

use super::{Linter, Place};
use crate::field::{Field, Kind, Purpose};
use crate::operation::{self, ApiVersion, Operation, Repeat};

impl Linter {
    pub(super) fn check_purposes(&mut self, place: Place<'_>, operation: &Operation) {
        let mut seen: Vec<Purpose> = Vec::new();
        for travels in operation::Place::ALL {
            for field in operation.request.fields(travels) {
                if let Some(purpose) = field.purpose {
                    let is_possible = !purpose.is_of_apiv2() || operation.version() == ApiVersion::V2;
                    self.check_purpose(place, field, purpose, is_possible && fits(purpose, travels));
                    if seen.contains(&purpose) {
                        let word = purpose.word();
                        let problem = format!("this is the second `{word}`, but a request can have only one");
                        self.report(place, field.line, problem);
                    }
                    seen.push(purpose);
                }
                for member in &field.fields {
                    let of_a_file = travels == operation::Place::Multipart;
                    // A shared object may also stand in a response.
                    let is_of_a_response =
                        |purpose: Purpose| field.shared.is_some() && purpose.is_of_a_response();
                    if let Some(purpose) = member.purpose.filter(|purpose| !is_of_a_response(*purpose)) {
                        self.check_purpose(
                            place,
                            member,
                            purpose,
                            of_a_file && (purpose.is_of_a_file() || purpose.is_of_the_sub_merchant()),
                        );
                    }
                    self.check_no_purpose(place, &member.fields);
                }
            }
        }
        // Every request of APIv2 has one, and some of APIv3. Of a page without a described field nothing is known.
        let is_described = !(operation.request.query.is_empty() && operation.request.xml.is_empty());
        if operation.version() == ApiVersion::V2 && is_described && !seen.contains(&Purpose::MerchantNumber) {
            self.report(place, 1, "mark the number of the merchant whose key signs: `merchant-number`");
        }
        self.check_sub_merchant(place, operation);
        self.check_response_purposes(place, &operation.response);
        self.check_downloads(place, &operation.response);
        self.check_echoes(place, operation);
        self.check_callers(place, operation);
    }

    /// The SDK fills in the sub-merchant, so a field that seems to name it says whether it does. In an object
    /// inside a request each has a sub-merchant that it names itself.
    fn check_sub_merchant(&mut self, place: Place<'_>, operation: &Operation) {
        let known = [operation.sub_mchid(), operation.sub_mchid(), operation.sub_appid()];
        let words = [Purpose::SubMerchantNumber, Purpose::SubMerchantNumber, Purpose::SubMerchantAppid];
        for ((name, known), purpose) in
            ["sub_mchid", "sub_mch_id", "sub_appid"].into_iter().zip(known).zip(words)
        {
            let all = operation::Place::ALL.into_iter().filter(|travels| *travels != operation::Place::Other);
            let mut fields = all.flat_map(|travels| operation.request.fields(travels));
            let seems = fields.find(|field| field.name == name && field.kind == Kind::String && !field.list);
            if let (None, Some(field)) = (known, seems) {
                let problem = format!(
                    "`{name}` seems to name the sub-merchant that a partner calls for: add `{}`",
                    purpose.word()
                );
                self.report(place, field.line, problem);
            }
        }
    }

    /// What a response says about its page of a list, it says in its own members or in an object in it.
    fn check_response_purposes(&mut self, place: Place<'_>, fields: &[Field]) {
        for field in fields {
            match field.purpose {
                // Elements with numbers are a list too.
                Some(Purpose::PageItems) if field.list || field.name.contains('$') => {}
                Some(Purpose::PageItems) => {
                    let problem = format!("`{}` is not a list, but `page-items` must be one", field.name);
                    self.report(place, field.line, problem);
                }
                // Checked with what stands beside them.
                Some(purpose) if purpose.is_of_a_download() => {}
                Some(purpose) if purpose.is_of_a_response() => {
                    self.check_purpose(place, field, purpose, true);
                }
                Some(_) => self.check_no_purpose(place, std::slice::from_ref(field)),
                None => {}
            }
            if field.purpose.is_none_or(Purpose::is_of_a_response) && field.shared.is_none() {
                if field.list {
                    // Each item of a list may be a file.
                    let rest: Vec<Field> =
                        field.fields.iter().filter(|item| !names_a_file(item)).cloned().collect();
                    self.check_no_purpose(place, &rest);
                } else {
                    self.check_response_purposes(place, &field.fields);
                }
            }
        }
    }

    /// The SDK downloads the file that an object names, so the object must say all of it.
    fn check_downloads(&mut self, place: Place<'_>, fields: &[Field]) {
        let find = |purpose: Purpose| fields.iter().find(|field| field.purpose == Some(purpose));
        for field in fields.iter().filter(|field| names_a_file(field)) {
            let needed = match field.purpose {
                Some(Purpose::DownloadHashType) => Purpose::DownloadHash,
                Some(Purpose::DownloadKey) => Purpose::DownloadNonce,
                _ => Purpose::DownloadUrl,
            };
            if let Some(purpose) = field.purpose {
                self.check_purpose(place, field, purpose, true);
            }
            if find(needed).is_none() {
                let (name, word) = (field.name, needed.word());
                self.report(place, field.line, format!("beside `{name}` a field must be marked `{word}`"));
            }
        }
        for field in fields {
            self.check_downloads(place, &field.fields);
            let word = match field.name {
                "download_url" => Purpose::DownloadUrl,
                name if name.ends_with("_hash") || name == "hash_value" => Purpose::DownloadHash,
                "hash_type" => Purpose::DownloadHashType,
                "encrypt_key" => Purpose::DownloadKey,
                _ => continue,
            };
            // A digest may be of something that has no address.
            let is_of_a_file = field.name == "download_url" || find(Purpose::DownloadUrl).is_some();
            if is_of_a_file && field.purpose.is_none() {
                let problem =
                    format!("`{}` seems to be of a file to download: add `{}`", field.name, word.word());
                self.report(place, field.line, problem);
            }
        }
    }

    fn check_purpose(&mut self, place: Place<'_>, field: &Field, purpose: Purpose, fits: bool) {
        let (name, word) = (field.name, purpose.word());
        if !fits {
            let problem =
                format!("`{word}` is not possible here: clients do not look for it at the place of `{name}`");
            self.report(place, field.line, problem);
        }
        let (is_of_its_kind, kind) = match purpose {
            purpose if counts(purpose) => {
                (matches!(field.kind, Kind::Integer | Kind::String), "an integer, or a string with one")
            }
            // A number in a few responses of APIv2, and an object where the state has a reason beside it.
            Purpose::State => (
                matches!(field.kind, Kind::String | Kind::Integer | Kind::Object),
                "a string, an integer or an object",
            ),
            // A merchant's number is a number in a few requests, and so is what is repeated.
            Purpose::MerchantNumber | Purpose::Echo | Purpose::OtherMerchant => {
                (matches!(field.kind, Kind::Integer | Kind::String), "a string or an integer")
            }
            _ => (field.kind == Kind::String, "a string"),
        };
        if !is_of_its_kind || field.list {
            self.report(place, field.line, format!("`{name}` is not {kind}, but `{word}` must be one"));
        }
    }

    /// Most purposes are of requests; a shared object may stand in a response.
    pub(super) fn check_no_purpose(&mut self, place: Place<'_>, fields: &[Field]) {
        for field in fields {
            if let Some(purpose) = field.purpose {
                let word = purpose.word();
                let problem =
                    format!("remove `{word}` from `{}`: only fields of requests have a purpose", field.name);
                self.report(place, field.line, problem);
            }
            // The members of a shared object are checked in its file.
            if field.shared.is_none() {
                self.check_no_purpose(place, &field.fields);
            }
        }
    }

    pub(super) fn check_repeat(&mut self, place: Place<'_>, operation: &Operation) {
        let problem = match (operation.writes(), operation.repeat, operation.repeat_reason) {
            (false, None, _) => return,
            (false, Some(_), _) => "remove `repeat`: a GET changes nothing and can always be repeated",
            (true, None, _) => {
                "add whether the same request may be sent again: `repeat safe, REASON`, `repeat not-safe, REASON` or \
                 `repeat unknown`"
            }
            (true, Some(Repeat::NotSafe | Repeat::Unknown), _) if operation.repeat_after.is_some() => {
                "only a `repeat safe` says after which wait: nothing else is repeated"
            }
            (true, Some(Repeat::Safe | Repeat::NotSafe), "") => {
                "`repeat` needs a reason: what does the official text say?"
            }
            (true, Some(_), _) => return,
        };
        self.report(place, 1, problem);
    }
}

/// Whether the value counts something.
const fn counts(purpose: Purpose) -> bool {
    use Purpose::{PageIndex, PageLimit, PageNumber, PageOffset, PageTotal};
    matches!(purpose, PageOffset | PageLimit | PageNumber | PageIndex | PageTotal)
}

/// Whether a field names a file to download, or says how it is checked and opened.
fn names_a_file(field: &Field) -> bool {
    field.purpose.is_some_and(Purpose::is_of_a_download)
}

fn fits(purpose: Purpose, travels: operation::Place) -> bool {
    use operation::Place::{Headers, Json, Multipart, Path, Query, Xml};
    match purpose {
        Purpose::RequestNumber => matches!(travels, Path | Query | Headers | Json | Xml),
        Purpose::SubMerchantNumber | Purpose::SubMerchantAppid => {
            matches!(travels, Path | Query | Headers | Json | Xml | Multipart)
        }
        Purpose::PlatformSerial => travels == Headers,
        Purpose::MerchantNumber => matches!(travels, Query | Json | Xml | Multipart),
        Purpose::Nonce | Purpose::Signature | Purpose::SignType => {
            matches!(travels, Query | Xml | Multipart)
        }
        Purpose::PageOffset
        | Purpose::PageLimit
        | Purpose::PageNumber
        | Purpose::PageIndex
        | Purpose::PageCursor => {
            matches!(travels, Query | Json | Xml)
        }
        Purpose::PageTotal
        | Purpose::PageItems
        | Purpose::PageNext
        | Purpose::Echo
        | Purpose::OtherMerchant
        | Purpose::State
        | Purpose::DownloadUrl
        | Purpose::DownloadHashType
        | Purpose::DownloadHash
        | Purpose::DownloadKey
        | Purpose::DownloadNonce => false,
        // They are members of the part that describes the file.
        Purpose::FileName | Purpose::FileSha256 | Purpose::FileSm3 => false,
    }
}
