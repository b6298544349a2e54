//! Sensitive fields (敏感信息加密) of a call: personal data must not be sent in plaintext because an option was forgotten.
//!
//! The command line says whether a text is plaintext or ciphertext, with `--encrypt` or `--ciphertext`. It is never guessed
//! from the text: a long name can look like ciphertext.

use serde_json::Value;
use serde_json::value::RawValue;
use weipay::blocking;
use weipay::wire::check_ciphertext;
use weipay_catalog::{Field, Operation};

use super::path::{percent_decode, possible_operations};
use super::unique_names;
use crate::arguments;

/// What is sent, with sensitive fields encrypted or checked.
pub(super) struct Input {
    pub(super) body: Option<Box<RawValue>>,
    pub(super) query: Vec<(String, String)>,
    pub(super) values: Vec<(String, String)>,
}

pub(super) fn protect(
    arguments: &arguments::Call,
    operation: Option<&'static Operation>,
    client: &blocking::Client,
) -> Result<Input, String> {
    let names_a_key = |(name, _): &(String, String)| name.eq_ignore_ascii_case("Wechatpay-Serial");
    if arguments.encrypt && arguments.header.iter().any(names_a_key) {
        return Err(
            "--encrypt uses the configured key and sets Wechatpay-Serial: leave that header out".to_owned()
        );
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
            Protection { encrypt: false, ciphertext: arguments.ciphertext, client }
                .all(operation, arguments)?;
        }
        return Ok(Input {
            body: arguments.json.clone(),
            query: arguments.query.clone(),
            values: arguments.values.clone(),
        });
    };
    let request = &operation.request;
    let places = [&request.path, &request.query, &request.json];
    if arguments.encrypt && !places.iter().any(|fields| fields.iter().any(Field::holds_encrypted)) {
        return Err(format!(
            "--encrypt: no field of {} {} is encrypted, according to the catalogue; leave it out",
            operation.method, operation.path
        ));
    }
    Protection { encrypt: arguments.encrypt, ciphertext: arguments.ciphertext, client }
        .all(operation, arguments)
}

/// What to do with each sensitive text.
struct Protection<'a> {
    encrypt: bool,
    ciphertext: bool,
    client: &'a blocking::Client,
}

impl Protection<'_> {
    fn all(&self, operation: &Operation, arguments: &arguments::Call) -> Result<Input, String> {
        let request = &operation.request;
        let (mut values, mut query) = (arguments.values.clone(), arguments.query.clone());
        self.pairs(&request.path, &mut values, "/path")?;
        self.pairs(&request.query, &mut query, "/query")?;
        self.query_in_path(&request.query, &arguments.path)?;
        Ok(Input { body: self.body(arguments.json.clone(), &request.json)?, query, values })
    }

    fn body(&self, typed: Option<Box<RawValue>>, fields: &[Field]) -> Result<Option<Box<RawValue>>, String> {
        let Some(typed) = typed else { return Ok(None) };
        if !fields.iter().any(Field::holds_encrypted) {
            return Ok(Some(typed));
        }
        unique_names::check(typed.get())?;
        let before: Value = serde_json::from_str(typed.get()).map_err(|error| error.to_string())?;
        let mut json = before.clone();
        self.members(fields, &mut json, "/body")?;
        if json == before {
            return Ok(Some(typed));
        }
        serde_json::value::to_raw_value(&json).map(Some).map_err(|error| error.to_string())
    }

    fn pairs(&self, fields: &[Field], pairs: &mut [(String, String)], place: &str) -> Result<(), String> {
        for (name, value) in pairs {
            if is_encrypted(fields, name) {
                self.text(&format!("{place}/{name}"), value)?;
            }
        }
        Ok(())
    }

    /// A query inside the path is sent as it is, so nothing in it can be encrypted.
    fn query_in_path(&self, fields: &[Field], path: &str) -> Result<(), String> {
        let Some((_, query)) = path.split_once('?') else { return Ok(()) };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, mut value) = (percent_decode(name), percent_decode(value).into_owned());
            if !is_encrypted(fields, &name) {
                continue;
            }
            if !self.ciphertext {
                return Err(format!(
                    "/query/{name} must be encrypted (敏感信息加密): set it with --query {name}=VALUE, and add --encrypt"
                ));
            }
            self.text(&format!("/query/{name}"), &mut value)?;
        }
        Ok(())
    }

    fn text(&self, path: &str, text: &mut String) -> Result<(), String> {
        if text.is_empty() {
            return Ok(());
        }
        if self.encrypt {
            *text = self.client.encrypt_sensitive(text).map_err(|error| format!("{path}: {error:#}"))?;
            return Ok(());
        }
        if !self.ciphertext {
            return Err(format!(
                "{path} must be encrypted (敏感信息加密): add --encrypt, or, if it is ciphertext already, add --ciphertext"
            ));
        }
        check_ciphertext(text).map_err(|error| format!("{path} with --ciphertext: {error}"))
    }

    fn members(&self, fields: &[Field], value: &mut Value, path: &str) -> Result<(), String> {
        match value {
            Value::Object(object) => {
                for field in fields.iter().filter(|field| field.holds_encrypted()) {
                    if let Some(value) = object.get_mut(field.name) {
                        self.value(field, value, &format!("{path}/{}", field.name))?;
                    }
                }
                Ok(())
            }
            Value::Array(members) => {
                self.each(members, path, |member, path| self.members(fields, member, path))
            }
            Value::Null => Ok(()),
            _ => Err(format!(
                "{path} contains fields that must be encrypted (敏感信息加密): write it as an object"
            )),
        }
    }

    fn value(&self, field: &Field, value: &mut Value, path: &str) -> Result<(), String> {
        match value {
            Value::Array(members) => self.each(members, path, |member, path| self.value(field, member, path)),
            Value::Null => Ok(()),
            _ if !field.is_encrypted() => self.members(&field.fields, value, path),
            Value::String(text) => self.text(path, text),
            _ => Err(format!(
                "{path} must be encrypted (敏感信息加密), and only a string can be: write its value in quotes"
            )),
        }
    }

    fn each(
        &self,
        members: &mut [Value],
        path: &str,
        treat: impl Fn(&mut Value, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut members = members.iter_mut().enumerate();
        members.try_for_each(|(index, member)| treat(member, &format!("{path}/{index}")))
    }
}

fn is_encrypted(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.name == name && field.is_encrypted())
}
