//! Sensitive fields (敏感信息加密) of a call: personal data must not be sent in plaintext because an option was forgotten.
//!
//! The command line says whether a text is plaintext or ciphertext, with `--encrypt` or `--ciphertext`. It is never guessed
//! from the text: a long name can look like ciphertext. The SDK finds the fields and encrypts them; here is what the options say.

use weipay::error::{ErrorKind, RequestError};
use weipay::{Call, Inspection, Mode, SensitiveTexts};
use weipay_catalog::{Field, Operation};

use super::Arguments;
use super::path::{percent_decode, possible_operations};
use super::unique_names;

/// Checks that the options say what the sensitive texts of a call are. `call` is without the options.
pub(super) fn check<M: Mode>(
    arguments: &Arguments,
    operation: Option<&'static Operation>,
    at: impl Fn(&str) -> Call<M>,
) -> Result<Option<Inspection>, String> {
    let names_a_key = |(name, _): &(String, String)| name.eq_ignore_ascii_case("Wechatpay-Serial");
    if arguments.encrypt && arguments.header.iter().any(names_a_key) {
        return Err("--encrypt uses the configured key and sets Wechatpay-Serial itself: remove that header"
            .to_owned());
    }
    let Some(operation) = operation else {
        if arguments.encrypt {
            return Err(format!(
                "--encrypt: the catalogue has no {} {}, so it is not known which fields must be encrypted; check the path \
                 with `weipay api list`",
                arguments.method, arguments.path
            ));
        }
        // The operation that was probably meant says which fields are sensitive.
        for operation in possible_operations(arguments) {
            inspect(arguments, operation, &at(operation.path))?;
        }
        return Ok(None);
    };
    let request = &operation.request;
    let places = [&request.path, &request.query, &request.json];
    if arguments.encrypt && !places.iter().any(|fields| fields.iter().any(Field::holds_encrypted)) {
        return Err(format!(
            "--encrypt: no field of {} {} is encrypted, according to the catalogue; leave it out",
            operation.method, operation.path
        ));
    }
    inspect(arguments, operation, &at(&arguments.path)).map(Some)
}

/// What bare texts are, as the options say it. Without an option there is none.
pub(super) fn texts(arguments: &Arguments) -> SensitiveTexts {
    if arguments.ciphertext { SensitiveTexts::Ciphertext } else { SensitiveTexts::Plain }
}

fn inspect<M: Mode>(
    arguments: &Arguments,
    operation: &Operation,
    call: &Call<M>,
) -> Result<Inspection, String> {
    query_in_path(arguments, &operation.request.query)?;
    if let Some(json) = &arguments.json
        && operation.request.json.iter().any(Field::holds_encrypted)
    {
        unique_names::check(json.get())?;
    }
    let method = operation.method.parse().unwrap_or_else(|_| arguments.method.clone());
    let found = call.inspect(&method, &arguments.json).map_err(|error| match error.kind() {
        ErrorKind::Request(RequestError::NotCiphertext { path }) => {
            format!("{} with --ciphertext: it is not base64 of 256 bytes", place(operation, path))
        }
        ErrorKind::Request(RequestError::Field { path, rule }) => {
            format!("{} {rule}", place(operation, path))
        }
        _ => format!("{error:#}"),
    })?;
    match found.sensitive.first() {
        Some(first) if !arguments.encrypt && !arguments.ciphertext => Err(format!(
            "{} must be encrypted (敏感信息加密): add --encrypt, or, if it is ciphertext already, add --ciphertext",
            pointer(first)
        )),
        _ => Ok(found),
    }
}

/// The place of a field that the SDK names by its path alone.
fn place(operation: &Operation, path: &str) -> String {
    let is_in = |fields: &[Field]| fields.iter().any(|field| field.name == path);
    let request = &operation.request;
    let place = if is_in(&request.path) {
        "path"
    } else if is_in(&request.query) {
        "query"
    } else {
        "body"
    };
    pointer(&format!("{place}: {path}"))
}

/// `body: goods[1].name` as `/body/goods/1/name`.
pub(super) fn pointer(path: &str) -> String {
    let (place, path) = path.split_once(": ").unwrap_or(("body", path));
    let path = path.replace(['.', '['], "/").replace(']', "");
    format!("/{place}/{}", path.trim_start_matches('/'))
}

/// A query inside the path is sent as it is, so nothing in it can be encrypted.
fn query_in_path(arguments: &Arguments, fields: &[Field]) -> Result<(), String> {
    let Some((_, query)) = arguments.path.split_once('?') else { return Ok(()) };
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode(name);
        let is_encrypted = fields.iter().any(|field| field.name == name && field.is_encrypted());
        if is_encrypted && !value.is_empty() && !arguments.ciphertext {
            return Err(format!(
                "/query/{name} must be encrypted (敏感信息加密): set it with --query {name}=VALUE, and add --encrypt"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_a_pointer() {
        assert_eq!(pointer("body: goods[1].name"), "/body/goods/1/name");
        assert_eq!(pointer("query: name"), "/query/name");
        assert_eq!(pointer("body: [0].name"), "/body/0/name");
    }
}
