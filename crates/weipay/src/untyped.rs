//! Calls without types use the catalogue: they encrypt sensitive fields, decrypt them in responses, and report members
//! that the catalogue does not have. A path that the catalogue does not have is sent as it is given.

mod caller;
mod open;
mod walk;

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::core::{Core, SERIAL};
use crate::error::{Cause, RequestError};
use crate::members::{Members, Place};
use crate::model::sensitive;
use crate::model::table::Purpose;
use crate::operation::Operation;
use crate::request::{Body, Request};
use crate::upload::UploadFile;
pub(crate) use caller::fill_in_caller;
pub(crate) use open::opened;
use walk::{Found, Known, With};

/// Whether strings in the sensitive fields (敏感信息加密) of a call without types are plain text or ciphertext. Their content
/// is not inspected.
///
/// It applies to all fields of a call, see [`Call::sensitive_texts`](crate::Call::sensitive_texts). To decide it for a single
/// value, give a [`Sensitive`](crate::model::Sensitive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SensitiveTexts {
    /// Plain text: the client encrypts it.
    #[default]
    Plain,
    /// Ciphertext that you made. The header `Wechatpay-Serial` must name the key that it was made with, if
    /// that is not the one that the client prefers.
    Ciphertext,
}

/// The result of the check of a call without types before it is sent: see [`Call::inspect`](crate::Call::inspect).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The operation; `None` if the catalogue does not have the path and method. Nothing is known of its fields then.
    pub operation: Option<&'static Operation>,
    /// The sensitive fields (敏感信息加密) that have a value, such as `body: payer.identity.name`.
    pub sensitive: Vec<String>,
    /// The members that the catalogue does not know, such as `body: payer.openID`. They are sent all the
    /// same, because the platform adds fields without notice; more often they are mistyped. At most a hundred
    /// are listed.
    pub unknown_members: Vec<String>,
}

/// A request without types that waits for the platform's keys.
#[derive(Clone)]
pub(crate) struct Pending {
    body: Option<Zeroizing<String>>,
    file: Option<UploadFile>,
    examined: Examined,
}

/// The result of the examination of a request, by place.
#[derive(Clone, Default)]
struct Examined {
    values: Vec<(usize, With)>,
    query: Vec<(usize, With)>,
    body: Found,
    sensitive: Vec<String>,
    unknown: Vec<String>,
}

impl Examined {
    fn has_plain_text(&self) -> bool {
        let pairs = self.values.iter().chain(&self.query).map(|(_, with)| with);
        pairs.chain(self.body.withs()).any(|with| matches!(with, With::Encrypted(_)))
    }
}

impl Request {
    /// Takes in the body of a call without types. `file` makes it the description of a file.
    pub(crate) fn fill_untyped(
        &mut self,
        method: &Method,
        body: Option<Zeroizing<String>>,
        file: Option<UploadFile>,
    ) {
        if let Err(error) = self.look_up(method, body.is_some()) {
            return self.record_error(error);
        }
        let (body, file) = match file {
            None => (body, None),
            Some(file) => {
                let (body, file) = described(self.operation, body, file);
                (Some(body), Some(file))
            }
        };
        self.take_sensitive_query();
        let examined = match self.examine(body.as_ref().map(|body| &***body)) {
            Ok(examined) => examined,
            Err(error) => return self.record_error(error),
        };
        self.unknown_members.clone_from(&examined.unknown);
        let needs_a_key = examined.has_plain_text();
        let pending = Pending { body, file, examined };
        match needs_a_key {
            true => self.wait_for_keys(Arc::new(pending)),
            false => self.take(&pending, &|_| {
                Err(RequestError::Encryption(Cause::new("the client has no platform key")))
            }),
        }
    }

    /// Finds the operation. A call that is one of the catalogue but for its method or the spelling of its path is refused where
    /// nothing of what must be encrypted would be.
    fn look_up(&mut self, method: &Method, has_body: bool) -> Result<(), RequestError> {
        self.operation = self.find_operation(method);
        if self.operation.is_some() {
            return Ok(());
        }
        let path = self.path();
        let others = Operation::all_at(&path);
        // A request with nothing but its path has no such field: no path has one.
        let is_in_query = |field: &str| {
            let name = field.rsplit(['.', ' ']).next().unwrap_or(field);
            self.query_value(name).is_some()
        };
        let has_fields = |row: &Operation| {
            has_body
                || !self.sensitive_query.is_empty()
                || row.sensitive_fields().iter().any(|field| is_in_query(field))
        };
        if others.clone().any(|row| row.has_encrypted_request() && has_fields(row)) {
            let known: Vec<String> = others.map(|row| row.method().to_string()).collect();
            let known = known.join(" and ");
            return Err(RequestError::Path(format!(
                "has sensitive fields (敏感信息加密), but the catalogue lists it only for {known}, not for {method}: \
                 they would be sent as plain text",
            )));
        }
        let meant = Operation::but_for_its_spelling(method, &path);
        let Some(meant) = meant.filter(|meant| meant.method() == *method || has_fields(meant)) else {
            return Ok(());
        };
        let how = match (path.ends_with('/'), meant.path().ends_with('/')) {
            (true, false) => "without a slash at the end",
            (false, true) => "with a slash at the end",
            _ => "exactly so",
        };
        Err(RequestError::Path(format!(
            "differs only in spelling from a path with sensitive fields (敏感信息加密), which would be sent as plain \
             text: write it {how}: {} {}",
            meant.method(),
            meant.path()
        )))
    }

    /// The result of `Call::inspect`.
    pub(crate) fn inspection(&self, method: &Method, body: Option<&str>) -> Result<Inspection, RequestError> {
        let mut request = self.clone();
        request.check_recorded()?;
        request.look_up(method, body.is_some())?;
        request.take_sensitive_query();
        let Examined { sensitive, unknown, .. } = request.examine(body)?;
        Ok(Inspection { operation: request.operation, sensitive, unknown_members: unknown })
    }

    /// Encrypts what waited for the platform's keys. The key is named in `Wechatpay-Serial` at once: the client's keys may change
    /// before the request is signed.
    pub(crate) fn complete_untyped(&mut self, pending: &Pending, core: &Core) {
        let platform = core.platform();
        let named = self.headers.get(SERIAL).and_then(|serial| serial.to_str().ok());
        let serial = named.or_else(|| platform.preferred(core.now()));
        let key = serial.and_then(|serial| platform.to_encrypt(serial, core.now()));
        let pinned = serial.and_then(|serial| HeaderValue::try_from(serial).ok());
        self.take(pending, &|text| {
            sensitive::encrypt(text, key).map_err(|problem| {
                RequestError::Encryption(Cause::new(format!(
                    "{}. If it is already ciphertext, give it as `Sensitive::ciphertext`",
                    problem.rule
                )))
            })
        });
        if let Some(serial) = pinned {
            self.headers.entry(SERIAL).or_insert(serial);
        }
    }

    fn take(&mut self, pending: &Pending, encrypt: &dyn Fn(&str) -> Result<String, RequestError>) {
        if let Err(error) = self.try_take(pending, encrypt) {
            self.record_error(error);
        }
    }

    fn try_take(
        &mut self,
        pending: &Pending,
        encrypt: &dyn Fn(&str) -> Result<String, RequestError>,
    ) -> Result<(), RequestError> {
        let Pending { body, file, examined } = pending;
        for (pairs, edits) in [(&mut self.values, &examined.values), (&mut self.query, &examined.query)] {
            for (at, with) in edits {
                let text = match with {
                    With::Text(text) => text.clone(),
                    With::Encrypted(text) => encrypt(text)?,
                };
                if let Some((_, value)) = pairs.get_mut(*at) {
                    *value = text;
                }
            }
        }
        let Some(body) = body else { return Ok(()) };
        let text = walk::edited(body, &examined.body.edits, encrypt)?;
        match file {
            None => self.body = Some(Body::Json(text.into())),
            Some(file) => {
                let meta = serde_json::from_str(&text);
                let meta: Value = meta.map_err(|_| RequestError::Body(Cause::new("it is not JSON")))?;
                self.set_upload(meta, file.clone());
            }
        }
        Ok(())
    }

    fn examine(&self, body: Option<&str>) -> Result<Examined, RequestError> {
        let version = self.version();
        let known = |place| Known {
            version,
            texts: self.texts,
            members: self.operation.map(|operation| operation.members(place)),
        };
        let mut examined = Examined::default();
        examined.values = pairs(&self.values, known(Place::Path), "path", &mut examined)?;
        examined.query = pairs(&self.query, known(Place::Query), "query", &mut examined)?;
        for (at, value) in &self.marked_query {
            let Some((name, _)) = self.query.get(*at) else { continue };
            let members = known(Place::Query).members;
            let is_sensitive =
                members.and_then(|members| members.get(name)).is_some_and(|member| member.is_encrypted);
            if is_sensitive {
                examined.sensitive.push(format!("query: {name}"));
            }
            let with = walk::marked(name, value.clone().into(), is_sensitive, known(Place::Query))?;
            examined.query.push((*at, with));
        }
        self.examine_query_of_path(known(Place::Query), &mut examined)?;
        if let Some(body) = body {
            let found = walk::body(body, known(Place::Body))?;
            examined.sensitive.extend(found.sensitive.iter().map(|path| format!("body: {path}")));
            examined.unknown.extend(found.unknown.iter().map(|path| format!("body: {path}")));
            examined.body = found;
        }
        Ok(examined)
    }

    /// A query inside the path is sent as it is, so that nothing in it can be encrypted.
    fn examine_query_of_path(&self, known: Known, examined: &mut Examined) -> Result<(), RequestError> {
        let (Some((_, query)), Some(members)) = (self.template.split_once('?'), known.members) else {
            return Ok(());
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            let value = percent_decode_str(value).decode_utf8_lossy();
            match members.get(&name) {
                Some(member) if member.is_encrypted && !value.is_empty() => {
                    examined.sensitive.push(format!("query: {name}"));
                    if known.texts == SensitiveTexts::Plain {
                        return Err(RequestError::Field {
                            path: name.into_owned(),
                            rule: "must be sent encrypted (敏感信息加密), but a query in the path is sent unchanged: \
                                   set it with `.query(name, value)`"
                                .to_owned(),
                        });
                    }
                    walk::text(&name, &value, known)?;
                }
                Some(_) => {}
                None => examined.unknown.push(format!("query: {}", shown(&name))),
            }
        }
        Ok(())
    }

    /// Puts the sensitive values of the query among the others, as the text that says what they are until they are examined.
    fn take_sensitive_query(&mut self) {
        for (name, value) in std::mem::take(&mut self.sensitive_query) {
            self.marked_query.push((self.query.len(), value));
            self.query.push((name, String::new()));
        }
    }
}

/// The values of a path or of a query.
fn pairs(
    pairs: &[(String, String)],
    known: Known,
    place: &str,
    examined: &mut Examined,
) -> Result<Vec<(usize, With)>, RequestError> {
    let mut edits = Vec::new();
    let Some(members) = known.members else { return Ok(edits) };
    for (at, (name, value)) in pairs.iter().enumerate() {
        match members.get(name) {
            Some(member) if member.is_encrypted => {
                if !value.is_empty() {
                    examined.sensitive.push(format!("{place}: {name}"));
                }
                edits.extend(walk::text(name, value, known)?.map(|with| (at, with)));
            }
            Some(_) => {}
            // A placeholder is known by the path.
            None if place == "path" => {}
            None => examined.unknown.push(format!("{place}: {}", shown(name))),
        }
    }
    Ok(edits)
}

fn shown(name: &str) -> &str {
    if crate::model::decode::is_name(name) { name } else { "(a name that may be a value)" }
}

/// The description of a file with what the file says of itself, where the caller has not, and the file with the name of its part.
fn described(
    operation: Option<&Operation>,
    body: Option<Zeroizing<String>>,
    mut file: UploadFile,
) -> (Zeroizing<String>, UploadFile) {
    let members = operation.map_or(Members::NONE, |operation| operation.members(Place::Body));
    if let Some((_, part)) = members.with_purpose(Purpose::File)
        && file.part == "file"
    {
        part.name.clone_into(&mut file.part);
    }
    let text = body.unwrap_or_else(|| Zeroizing::new("{}".to_owned()));
    let Ok(Value::Object(given)) = serde_json::from_str(&text) else { return (text, file) };
    let mut missing = String::new();
    for member in members.iter().filter(|member| !given.contains_key(member.name)) {
        let value = match member.purpose {
            Some(Purpose::FileName) => file.name.clone(),
            Some(Purpose::FileSha256) => file.sha256(),
            Some(Purpose::FileSm3) => file.sm3(),
            _ => continue,
        };
        missing.push_str(&format!("{}:{},", Value::from(member.name), Value::from(value)));
    }
    // Before the members that are there, whose text stays as it is.
    match text.trim_start().strip_prefix('{') {
        Some(_) if missing.is_empty() => (text, file),
        Some(rest) if given.is_empty() => (joined(&["{", missing.trim_end_matches(','), rest]), file),
        Some(rest) => (joined(&["{", &missing, rest]), file),
        None => (text, file),
    }
}

/// Parts of JSON, which may be personal, as one text. It does not grow, which would leave a copy behind.
fn joined(parts: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    text.extend(parts.iter().copied());
    text
}

impl fmt::Debug for Pending {
    /// Shows no values: they are personal.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pending")
    }
}
