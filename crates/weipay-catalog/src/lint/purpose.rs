//! Checks purposes of fields, and `repeat` of operations. A client acts on these words, so each is only allowed where it has a
//! meaning.

use super::{Linter, Place};
use crate::field::{Field, Kind, Purpose};
use crate::operation::{self, Operation, Repeat, Version};

impl Linter {
    pub(super) fn check_purposes(&mut self, place: Place<'_>, operation: &Operation) {
        let mut seen: Vec<Purpose> = Vec::new();
        for travels in operation::Place::ALL {
            for field in operation.request.fields(travels) {
                if let Some(purpose) = field.purpose {
                    let is_possible = !purpose.is_of_apiv2() || operation.version() == Version::V2;
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
                    if let Some(purpose) = member.purpose {
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
        if operation.version() == Version::V2 && is_described && !seen.contains(&Purpose::MerchantNumber) {
            self.report(place, 1, "mark the number of the merchant whose key signs: `merchant-number`");
        }
        self.check_sub_merchant(place, operation);
        self.check_response_purposes(place, &operation.response);
        self.check_downloads(place, &operation.response);
        self.check_echoes(place, operation);
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

    /// An echo repeats a field of the request. Clients look for it, and for a state, among the members of the response itself.
    fn check_echoes(&mut self, place: Place<'_>, operation: &Operation) {
        let asks = |name: &str| {
            let mut places = operation::Place::ALL.into_iter();
            places.any(|travels| operation.request.fields(travels).iter().any(|field| field.name == name))
        };
        let names = |name: &str| {
            let mut places = operation::Place::ALL.into_iter();
            places.any(|travels| {
                let mut fields = operation.request.fields(travels).iter();
                names_what_it_is_about(travels, name)
                    && fields.any(|field| field.name == name && is_plain_text(field))
            })
        };
        for field in &operation.response {
            if field.purpose.is_none() && is_plain_text(field) && names(field.name) {
                let problem = format!("`{}` repeats what the request is about: add `echo`", field.name);
                self.report(place, field.line, problem);
            }
            if field.purpose == Some(Purpose::Echo) && !asks(field.name) {
                let problem = format!("`{}` is an `echo`, but the request has no such field", field.name);
                self.report(place, field.line, problem);
            }
            for member in &field.fields {
                if let Some(purpose @ (Purpose::Echo | Purpose::State)) = member.purpose {
                    let word = purpose.word();
                    let problem =
                        format!("`{word}` is of a member of the response itself, not of an object in it");
                    self.report(place, member.line, problem);
                }
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
            // A merchant's number is a number in a few requests.
            Purpose::MerchantNumber => (matches!(field.kind, Kind::Integer | Kind::String), "a string"),
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

/// Names that do not say what a request is about, or whose value a response may write otherwise: who takes part, of which
/// contract or brand, a person, a file, a part of an order, or what a merchant calls its own. To be in doubt is enough: a right
/// success that is refused is as bad as a wrong one that is taken.
const NO_ECHO: &[&str] = &[
    "accept_id",
    "account",
    "acquiring_bank_id",
    "application_file_id",
    "applyment_id",
    "bank_alias_code",
    "brand_id",
    "car_number",
    "channel_id",
    "channel_no",
    "city_id",
    "code",
    "driver_license",
    "exchange_coupon_template_id",
    "individual_auth_id",
    "med_inst_no",
    "media_id",
    "membership_number",
    "openid",
    "org_no",
    "organization_id",
    "partnership_file_id",
    "pay_auth_no",
    "pay_order_id",
    "plan_id",
    "plate_number",
    "prepay_id",
    "qq",
    "registration_certificate_number",
    "sender_header_media_id",
    "serial_no",
    "service_id",
    "settlement_bank_number",
    "sgn_no",
    "sp_openid",
    "sub_order_id",
    "sub_order_no",
    "user_card_code",
    "wechat_openid",
];

/// Whether a field of a request names what it is about. The numbers of merchants are compared in any response.
fn names_what_it_is_about(travels: operation::Place, name: &str) -> bool {
    let is_number = ["_no", "_id", "_number"].iter().any(|end| name.ends_with(end));
    let is_of_who = ["appid", "mchid", "mch_id"].iter().any(|end| name.ends_with(end));
    let says = travels == operation::Place::Path || is_number || name == "authorization_code";
    says && !is_of_who && !NO_ECHO.contains(&name)
}

/// Whether a value is text that is sent as it is.
fn is_plain_text(field: &Field) -> bool {
    field.kind == Kind::String && !field.list && field.carrier.is_none()
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

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    #[test]
    fn a_response_that_repeats_what_the_request_is_about_says_so() {
        let found = |path: &str, sent: &str, responded: &str| {
            let text = format!("GET {path}\n  title x\n{sent}\n  response\n    {responded}\n");
            lint(&[(path, &text)])
        };
        let query = "\n  query\n    out_recharge_no string\n";
        let missing = found("v3/a", query, "out_recharge_no string");
        assert_eq!(missing, ["v3/a.api:8: `out_recharge_no` repeats what the request is about: add `echo`"]);
        let by_path = "\n  path\n    word string\n";
        let missing = found("v3/a/{word}", by_path, "word string");
        assert_eq!(missing, ["v3/a/{word}.api:8: `word` repeats what the request is about: add `echo`"]);
        assert_eq!(found("v3/a/{word}", by_path, "word string echo"), [""; 0]);
        for (sent, responded) in [
            (query, "out_recharge_no string echo"),
            (query, "out_recharge_no string[]"),
            (query, "another_no string"),
            ("\n  query\n    brand_id string\n", "brand_id string"),
            ("\n  query\n    remark string\n", "remark string"),
        ] {
            assert_eq!(found("v3/a", sent, responded), [""; 0], "{responded}");
        }
    }
}
