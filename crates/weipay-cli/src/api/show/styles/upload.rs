//! Uploads (上传): the file, and what is said about it.

use weipay_catalog::{Carrier, Field, Kind, Operation};

use super::{json, sample};

/// What the client takes from the file where the caller does not say it.
const NAMES: [&str; 2] = ["filename", "file_name"];
const DIGESTS: [&str; 3] = ["sha256", "file_digest", "digest"];

/// The parts of the body that are files.
fn files(operation: &Operation) -> impl Iterator<Item = &Field> {
    operation.request.multipart.iter().filter(|part| part.kind == Kind::Object)
}

/// What is said about the file.
fn meta(operation: &Operation) -> &[Field] {
    let meta = operation.request.multipart.iter().find(|part| part.carrier == Some(Carrier::JsonText));
    meta.map_or(&[], |meta| &meta.fields)
}

/// The line that reads the file; empty where there is none.
pub(super) fn file(operation: &Operation) -> String {
    match files(operation).next() {
        None => String::new(),
        Some(_) => "let file = weipay::File::new(\"image.jpg\", std::fs::read(\"image.jpg\")?);\n".to_owned(),
    }
}

/// Whether the client fills the field in from the file. A digest of a kind that the request names is the caller's.
pub(super) fn is_said_by_the_file(operation: &Operation, field: &Field) -> bool {
    let meta = meta(operation);
    let is_ours = meta.iter().any(|known| std::ptr::eq(known, field));
    is_ours && (NAMES.contains(&field.name) || is_digest(meta, field))
}

fn is_digest(meta: &[Field], field: &Field) -> bool {
    DIGESTS.contains(&field.name) && !meta.iter().any(|other| other.name.starts_with("digest_al"))
}

/// The lines that make file and `meta` for the untyped styles.
pub(super) fn before(operation: &Operation) -> String {
    let file = file(operation);
    let part = files(operation).next().map(|part| part.name).filter(|name| *name != "file");
    let file = match part {
        Some(part) => file.replace(");\n", &format!(").part({part:?});\n")),
        None => file,
    };
    let meta = meta(operation);
    let members: String = sample::wanted(meta)
        .into_iter()
        .map(|field| {
            let value = match field.name {
                name if NAMES.contains(&name) => "\"image.jpg\"".to_owned(),
                _ if is_digest(meta, field) => "file.sha256()".to_owned(),
                _ => json::value(field, 1),
            };
            format!("    {:?}: {value},\n", field.name)
        })
        .collect();
    format!("use serde_json::json;\n\n{file}let meta = json!({{\n{members}}});\n")
}
