//! Uploads (上传): the file, and what is said about it.

use weipay_catalog::{Carrier, Field, Kind, Operation, Purpose};

use super::{json, sample};

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
            let value = match field.purpose {
                Some(Purpose::FileName) => "\"image.jpg\"".to_owned(),
                Some(Purpose::FileSha256) => "file.sha256()".to_owned(),
                _ => json::value(field, 1),
            };
            format!("    {:?}: {value},\n", field.name)
        })
        .collect();
    format!("use serde_json::json;\n\n{file}let meta = json!({{\n{members}}});\n")
}
