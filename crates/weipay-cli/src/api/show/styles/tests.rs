//! The names in the styles are those of the generated code: each step, verb, type and setter is looked up in its source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use weipay_catalog::Catalog;

use super::typed::Expression;
use super::*;

/// The source of a module such as `weipay::v3::refund`.
fn source(module: &str, read: &mut BTreeMap<PathBuf, String>) -> String {
    let place = module.trim_start_matches("weipay::").replace("::", "/");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../weipay/src/{place}.rs"));
    let text =
        || std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    read.entry(file.clone()).or_insert_with(text).clone()
}

/// A long signature stands on several lines.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The source that has a type of this module: its own, or the one that it takes the type from.
fn home(name: &str, module: &str, read: &mut BTreeMap<PathBuf, String>) -> String {
    let own = source(module, read);
    if own.contains(&format!("pub struct {name} {{")) || own.contains(&format!("pub enum {name} {{")) {
        return own;
    }
    let takes = |list: &str| list.trim_matches(['{', '}']).split(',').any(|taken| taken.trim() == name);
    let elsewhere =
        own.split("pub use crate::").skip(1).filter_map(|rest| rest.split_once(';')).find_map(|(line, _)| {
            let (module, list) = line.rsplit_once("::")?;
            takes(list).then(|| module.to_owned())
        });
    let elsewhere = elsewhere.unwrap_or_else(|| panic!("{module} has no {name}"));
    source(&elsewhere, read)
}

fn look_up(expression: &Expression, module: &str, read: &mut BTreeMap<PathBuf, String>) {
    match expression {
        Expression::Atom(_) => {}
        Expression::List(member, _) => look_up(member, module, read),
        Expression::Object(name, setters) => {
            let (_, name) = name.split_once("::").unwrap();
            let types = home(name, module, read);
            let (_, rows) = types.split_once(&format!("pub struct {name} {{")).unwrap();
            let (rows, _) = rows.split_once("\n    }\n").unwrap();
            for (setter, value) in setters {
                assert!(rows.contains(&format!("        {setter}: ")), "{module}: {name} has no {setter}");
                look_up(value, module, read);
            }
        }
    }
}

#[test]
fn every_typed_style_names_what_the_generated_code_has() {
    let mut read = BTreeMap::new();
    for operation in Catalog::embedded().operations() {
        if of(operation).is_err() {
            assert_eq!(operation.version(), Version::V2, "{}", operation.path);
            continue;
        }
        let chain = chain::typed(operation);
        let (module, verb) = chain.module.rsplit_once("::").unwrap();
        let steps: Vec<&str> = module.split("::").collect();
        for at in 2..steps.len() {
            let above = squeezed(&source(&steps[..at].join("::"), &mut read));
            assert!(above.contains(&format!("pubfn{}(self", steps[at])), "{module}: {}", steps[at]);
        }
        let request = typed::request(operation);
        let taken =
            if request.is_some() { format!("request:{verb}::Request)") } else { String::from("self)") };
        let last = squeezed(&source(module, &mut read)).replace(",)", ")");
        let (_, signature) = last.split_once(&format!("pubfn{verb}(self")).expect(&chain.module);
        assert!(format!("self{signature}").split("->").next().unwrap().ends_with(&taken), "{}", chain.module);
        if let Some(request) = request {
            look_up(&request, &chain.module, &mut read);
        }
    }
}

#[test]
fn a_long_statement_has_a_call_a_line() {
    let calls = |count: usize| vec!["abcdefghij()".to_owned(); count];
    assert!(!statement(&calls(3), "?").contains('\n'));
    assert_eq!(statement(&calls(12), ".await?").lines().count(), 13);
}

#[test]
fn an_upload_reads_its_file_and_leaves_out_what_the_file_says() {
    let upload = Catalog::embedded().find("POST", "v3/merchant/media/upload").unwrap();
    let groups = of(upload).unwrap();
    assert!(
        groups[0].before.ends_with("let request = post::Request::new().file(file);\n"),
        "{}",
        groups[0].before
    );
    assert!(groups[1].before.contains("\"sha256\": file.sha256(),"), "{}", groups[1].before);
    assert!(groups[1].styles[0].line.ends_with(".upload(meta, &file).await?;"));
}
