//! Sensitive fields (敏感信息加密): values that travel encrypted.
//!
//! `Wechatpay-Serial` names the encryption key. It is required only if the request contains an encrypted value, in
//! body, query or path. Behind this module values are plain text; in responses they are encrypted for the merchant's
//! certificate.

use serde_json::Value;
use weipay_catalog::{Field, Operation, sample};
use weipay_wire::{PrivateKey, PublicKey, SensitiveError};

use crate::contract::ParsedRequest;
use crate::grammar;
use crate::platform::Request;
use crate::response::{Refusal, Signers};
use crate::upload;

/// The key that opens what a request carries encrypted, `None` when it carries nothing: a request with
/// encrypted values says whose key they are for.
pub(crate) fn key<'a>(
    operation: &Operation,
    received: &ParsedRequest<'_>,
    request: &Request,
    signers: &'a Signers,
) -> Result<Option<&'a PrivateKey>, Refusal> {
    if !are_in(operation, received) {
        return Ok(None);
    }
    match request.header("wechatpay-serial").filter(|serial| !serial.is_empty()) {
        None => Err(grammar::no_platform_serial()),
        Some(serial) => signers.key(serial).map(Some).ok_or_else(grammar::wrong_platform_serial),
    }
}

/// Whether a request carries an encrypted value. An empty one does not count.
fn are_in(operation: &Operation, request: &ParsedRequest<'_>) -> bool {
    let is_filled = |(field, text): (&Field, &str)| field.is_encrypted() && !text.is_empty();
    let fields = &operation.request;
    let in_path = request.path.iter().filter_map(|(name, text)| named(&fields.path, name, text));
    let in_query = request.query.iter().filter_map(|(name, text)| named(&fields.query, name, text));
    in_path.chain(in_query).any(is_filled)
        || request
            .document
            .as_ref()
            .is_some_and(|document| is_inside(upload::fields_of_document(operation), document))
}

fn named<'a>(fields: &'a [Field], name: &str, text: &'a str) -> Option<(&'a Field, &'a str)> {
    fields.iter().find(|field| field.name == name).map(|field| (field, text))
}

fn is_inside(fields: &[Field], value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| is_inside(fields, item)),
        Value::Object(members) => fields.iter().filter(|field| field.holds_encrypted()).any(|field| {
            let Some(value) = members.get(field.name) else { return false };
            if field.is_encrypted() { is_text(value) } else { is_inside(&field.fields, value) }
        }),
        _ => false,
    }
}

fn is_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_text),
        _ => false,
    }
}

/// Puts plain text in the place of every encrypted value of a request.
///
/// INFERRED(decryption): that the values are decrypted after the rules of all fields, that one which opens to something else than
/// UTF-8 is refused as one that does not open, and that one which can be no ciphertext has the sentence of its own that was seen.
pub(crate) fn open(
    operation: &Operation,
    request: &mut ParsedRequest<'_>,
    key: &PrivateKey,
) -> Result<(), Refusal> {
    let mut opened = |field: &Field, text: &mut String| {
        let closed = || grammar::not_decrypted(field.name);
        let plain = key.decrypt_oaep(text).map_err(|error| match error {
            SensitiveError::NotBase64 | SensitiveError::WrongLength => grammar::not_encrypted(field.name),
            _ => closed(),
        })?;
        *text = String::from_utf8(plain.to_vec()).map_err(|_| closed())?;
        Ok(())
    };
    let fields = &operation.request;
    for (name, text) in &mut request.path {
        change(&fields.path, name, text, &mut opened)?;
    }
    for (name, text) in &mut request.query {
        change(&fields.query, name, text, &mut opened)?;
    }
    match &mut request.document {
        Some(document) => each(upload::fields_of_document(operation), document, &mut opened),
        None => Ok(()),
    }
}

fn change(
    fields: &[Field],
    name: &str,
    text: &mut String,
    visit: &mut impl FnMut(&Field, &mut String) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match fields.iter().find(|field| field.name == name && field.is_encrypted()) {
        Some(field) if !text.is_empty() => visit(field, text),
        _ => Ok(()),
    }
}

/// Encrypts a response's sensitive fields for the merchant. An example of ciphertext, which nobody could open, becomes an
/// example of what is in it.
pub(crate) fn encrypt(fields: &[Field], response: &mut Value, merchant: &PublicKey) -> Result<(), Refusal> {
    each(fields, response, &mut |field, text| {
        let plain =
            if *text == sample::text(field) { plain_example(field).to_owned() } else { std::mem::take(text) };
        *text = merchant.encrypt_oaep(plain.as_bytes()).map_err(|_| Refusal::system_error())?;
        Ok(())
    })
}

/// Visits the encrypted texts that are not empty.
fn each(
    fields: &[Field],
    value: &mut Value,
    visit: &mut impl FnMut(&Field, &mut String) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each(fields, item, visit)),
        Value::Object(members) => {
            for field in fields.iter().filter(|field| field.holds_encrypted()) {
                let Some(value) = members.get_mut(field.name) else { continue };
                if field.is_encrypted() {
                    texts(field, value, visit)?
                } else {
                    each(&field.fields, value, visit)?
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn texts(
    field: &Field,
    value: &mut Value,
    visit: &mut impl FnMut(&Field, &mut String) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    match value {
        Value::String(text) if !text.is_empty() => visit(field, text),
        Value::Array(items) => items.iter_mut().try_for_each(|item| texts(field, item, visit)),
        _ => Ok(()),
    }
}

/// Something of the kind that the field's title names. Nobody's: the numbers are of the ranges that documents use.
fn plain_example(field: &Field) -> &'static str {
    let kinds = [
        (["电话", "手机", "phone", "mobile"], "13900000000"),
        (["邮箱", "邮件", "mail", "email"], "example@example.com"),
        (["银行卡", "卡号", "银行账号", "account_n"], "6222000000000000000"),
        (["证件号", "身份证", "id_card_n", "credential"], "110101199003070000"),
        (["地址", "住址", "address", "addr"], "北京市海淀区"),
        (["姓名", "名称", "name", "户名"], "张三"),
    ];
    let is_of =
        |words: &[&str]| words.iter().any(|word| field.label.contains(word) || field.name.contains(word));
    kinds.iter().find(|(words, _)| is_of(words)).map_or("示例", |(_, example)| example)
}

#[cfg(test)]
mod tests;
