//! What a merchant does for itself, a partner (服务商) often does for a sub-merchant at another path. The merchant's
//! operation has no field for the sub-merchant, so a client must know the other path: called in its place it acts for
//! the partner itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::operation::Operation;

use super::{Finding, Linter, Place};

/// What of an operation is compared with the others.
pub(super) struct Described {
    file: PathBuf,
    line: usize,
    partner_path: Option<&'static str>,
    is_for_sub_merchants: bool,
}

/// By method and path.
pub(super) type Operations = BTreeMap<(&'static str, &'static str), Described>;

impl Linter {
    pub(super) fn collect_partner(&mut self, place: Place<'_>, operation: &Operation) {
        let described = Described {
            file: place.file.to_owned(),
            line: place.first,
            partner_path: operation.partner_path,
            is_for_sub_merchants: operation.sub_mchid().is_some(),
        };
        self.operations.insert((operation.method, operation.path), described);
    }

    pub(super) fn check_partners(&mut self) {
        for ((method, _), described) in &self.operations {
            let Some(named) = described.partner_path else { continue };
            let partners = self.operations.get(&(*method, named));
            let problem = if described.is_for_sub_merchants {
                "an operation with a number of a sub-merchant needs no `partner`: partners call it, too"
                    .to_owned()
            } else if !partners.is_some_and(|partners| partners.is_for_sub_merchants) {
                format!("`partner {named}`: there is no `{method} {named}` with a number of a sub-merchant")
            } else {
                continue;
            };
            self.findings.push(finding(&described.file, described.line, problem));
        }
        for ((method, path), _) in self.operations.iter().filter(|(_, of)| of.is_for_sub_merchants) {
            for merchants in merchants_paths(path) {
                let Some(described) = self.operations.get(&(*method, merchants.as_str())) else { continue };
                if !described.is_for_sub_merchants && described.partner_path.is_none() {
                    let problem = format!("partners call `{path}` in its place: write `partner {path}`");
                    self.findings.push(finding(&described.file, described.line, problem));
                }
            }
        }
    }
}

fn finding(file: &Path, line: usize, problem: String) -> Finding {
    Finding { file: file.to_owned(), line, problem }
}

/// The paths that a merchant's operation may have beside this one of a partner: without a segment `partner` or `partnerpay`, or
/// without this word in a segment, or with `merchant` in place of it.
fn merchants_paths(path: &str) -> Vec<String> {
    let segments: Vec<&str> = path.split('/').collect();
    let with = |at: usize, own: Option<&str>| {
        let before = segments[..at].iter().copied();
        before.chain(own).chain(segments[at + 1..].iter().copied()).collect::<Vec<_>>().join("/")
    };
    let mut paths = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let Some(rest) = segment.strip_prefix("partner") else { continue };
        if matches!(rest, "" | "pay") {
            paths.push(with(at, None));
        }
        let own = if rest.is_empty() { "merchant" } else { rest.trim_start_matches('-') };
        paths.push(with(at, Some(own)));
    }
    paths
}
