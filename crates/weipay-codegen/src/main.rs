//! Writes the typed operations of `weipay` from the catalogue.
//!
//! `cargo run -p weipay-codegen` writes them; with `--check` it only says what would change, and fails if anything
//! would. A product has a file for each path with types, one for its shared types and one for its steps; what is no longer
//! described is removed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "command-line output")]

mod chain;
mod documentation;
mod errors;
mod features;
mod flat;
mod members;
mod models;
mod notification;
mod operation;
mod output;
mod private;
mod product;
mod shared;
mod table;
#[cfg(test)]
mod tests;
mod tree;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::{AnyResponse, ApiVersion, Notification, Operation, folder};

use crate::chain::Names;
use crate::flat::FlatNames;
use crate::output::Output;
use crate::product::Writer;
use crate::table::RowNames;
use crate::tree::Tree;

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: weipay-codegen [--check]");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("the generated code is not what the catalogue says: run `cargo run -p weipay-codegen`");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Whether everything is as it should be afterwards.
fn run(check: bool) -> Result<bool, Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let catalog = root.join("crates/weipay-catalog/catalog");
    let operations = folder::operations(&catalog)?;
    let source = root.join("crates/weipay/src");
    let mut output =
        generate(&operations, &folder::notifications(&catalog)?, &folder::any_responses(&catalog)?)?;
    let manifest = root.join("crates/weipay/Cargo.toml");
    let written = fs::read_to_string(&manifest)?;
    let wanted = features::manifest(&written, &operations)
        .ok_or("crates/weipay/Cargo.toml has no place for products")?;
    let page = root.join("crates/weipay/docs/features.md");
    let page_wanted = features::page(&wanted);
    let page_is_current = fs::read_to_string(&page).is_ok_and(|written| written == page_wanted);
    output.format(
        &root,
        &[
            "v2.rs",
            "v3.rs",
            "notification/events/event.rs",
            "notification/events/v2.rs",
            "notification/events/v3.rs",
            "operation/table.rs",
            "operation/error_lists.rs",
            "error_code.rs",
            "model/private/names.rs",
            "products.rs",
        ],
    )?;
    let owned = [
        "v2",
        "v2.rs",
        "v3",
        "v3.rs",
        "notification/events",
        "operation/table.rs",
        "operation/error_lists.rs",
        "products",
        "products.rs",
        "error_code.rs",
        "model/private/names.rs",
    ];
    let changes = output.changes(&source, &owned)?;
    for change in &changes {
        println!("{change}");
    }
    if written != wanted {
        println!("write ../Cargo.toml");
    }
    if !page_is_current {
        println!("write ../docs/features.md");
    }
    if check {
        return Ok(changes.is_empty() && written == wanted && page_is_current);
    }
    fs::write(&manifest, wanted)?;
    fs::write(&page, page_wanted)?;
    output.write(&source, &changes)?;
    println!("{} operations, {} files, {} changed", operations.len(), output.len(), changes.len());
    Ok(true)
}

/// All files, before they are formatted.
fn generate(
    operations: &[Operation],
    notifications: &[Notification],
    common: &[AnyResponse],
) -> Result<Output, String> {
    let mut output = Output::new();
    let (rows, flat) = (RowNames::new(operations), FlatNames::new(operations));
    let steps = StepNames::new(operations.iter().map(|operation| operation.path));
    let names = Names { rows: &rows, steps: &steps, flat: &flat };
    let trees = [ApiVersion::V2, ApiVersion::V3].map(|version| {
        Tree::from_operations(operations.iter().filter(|operation| operation.version() == version))
    });
    for (tree, version) in trees.iter().zip([ApiVersion::V2, ApiVersion::V3]) {
        output.add(&format!("{}.rs", tree.path), chain::version(tree, version));
        let mut writer = Writer { names: &names, output: &mut output };
        for (name, product) in tree.named_children() {
            writer.product(&tree.path, &name, product)?;
        }
    }
    flat::write(&trees, &flat, &mut output)?;
    notification::write(notifications, &mut output);
    output.add("operation/table.rs", table::text(operations, common, &rows));
    output.add("operation/error_lists.rs", errors::lists(operations, &rows));
    output.add("error_code.rs", errors::constants(operations));
    output.add("model/private/names.rs", private::names(operations, notifications));
    Ok(output)
}
