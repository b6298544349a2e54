//! Error codes: the lists that the rows of operations share, and a constant for each code.

use std::collections::{BTreeMap, BTreeSet};

use indoc::formatdoc;
use weipay_catalog::errors::{ErrorCode, ErrorList};
use weipay_catalog::{Operation, names};

use crate::documentation::{lines, plain, wrapped};
use crate::output::header;
use crate::table::{RowNames, sorted};

/// What the row of an operation says of its codes; those of its version are known without.
pub(crate) fn fact(operation: &Operation, names: &RowNames) -> Option<String> {
    let lists: Vec<String> = stated(operation)
        .map(|list| format!("&error_lists::{}", list_name(list, operation, names)))
        .collect();
    (!lists.is_empty()).then(|| format!("refused_with(&[{}])", lists.join(", ")))
}

/// The lists of an operation without the one of its version.
pub(crate) fn stated(operation: &Operation) -> impl Iterator<Item = &ErrorList> {
    let version = operation.path.split('/').next();
    operation.errors.iter().filter(move |list| list.name.is_none() || list.name != version)
}

fn list_name(list: &ErrorList, operation: &Operation, names: &RowNames) -> String {
    match list.name {
        Some(name) => names::snake(name).to_uppercase(),
        None => format!("OF_{}", names.get(operation)),
    }
}

/// The file of all lists.
pub(crate) fn lists(operations: &[Operation], names: &RowNames) -> String {
    let mut lists: BTreeMap<String, &[ErrorCode]> =
        BTreeMap::from([("V2".to_owned(), &[][..]), ("V3".to_owned(), &[][..])]);
    for operation in operations {
        for list in &operation.errors {
            lists.insert(list_name(list, operation, names), &list.codes);
        }
    }
    let lists: String = lists.iter().map(|(name, codes)| list(name, codes)).collect();
    formatdoc! {"
        {header}//! The error codes (错误码) of operations, in the lists that they share.

        use crate::error::{{Advice, ErrorCode}};

        {lists}",
        header = header("catalog/"),
    }
}

fn list(name: &str, codes: &[ErrorCode]) -> String {
    let rows: String = codes.iter().map(row).collect();
    let count = codes.len();
    formatdoc! {"
        #[rustfmt::skip]
        pub(crate) static {name}: [ErrorCode; {count}] = [
        {rows}];
    "}
}

fn row(known: &ErrorCode) -> String {
    let ErrorCode { status, code, advice, meaning, message, .. } = known;
    let message = if message.is_empty() { String::new() } else { format!(".says({message:?})") };
    let unconfirmed = if known.is_unconfirmed() { ".unconfirmed()" } else { "" };
    let (status, advice) = (status.unwrap_or_default(), names::camel(advice.word()));
    format!("    ErrorCode::new({status}, {code:?}, Advice::{advice}, {meaning:?}){message}{unconfirmed},\n")
}

/// The file with a constant for each code.
pub(crate) fn constants(operations: &[Operation]) -> String {
    let mut known: BTreeMap<&str, Vec<&ErrorCode>> = BTreeMap::new();
    for operation in sorted(operations) {
        for code in operation.error_codes() {
            known.entry(code.code).or_default().push(code);
        }
    }
    let spellings = spellings(known.keys().copied());
    let constants: String = known
        .iter()
        .map(|(code, rows)| {
            let doc = lines(&wrapped(&meanings(rows, &others(code, &spellings)), ""), "///");
            format!("{doc}pub const {code}: &str = {code:?};\n")
        })
        .collect();
    formatdoc! {"
        {header}//! The error codes (错误码) that the catalogue knows, for comparisons with [`Error::code`](crate::Error::code).
        //!
        //! Some codes have two spellings, because pages and responses of the platform differ. Compare with both, or use
        //! [`Error::class`](crate::Error::class), which knows all spellings. The platform adds codes without notice.
        //!
        //! ```
        //! use weipay::error_code;
        //!
        //! /// An error has no signature, and it may speak of an earlier request: query the order before anything is sent.
        //! fn is_perhaps_paid(error: &weipay::Error) -> bool {{
        //!     matches!(error.code(), Some(error_code::ORDERPAID | error_code::ORDER_PAID))
        //! }}
        //! ```

        {constants}",
        header = header("catalog/"),
    }
}

/// Codes that differ in underscores only.
fn spellings<'a>(codes: impl Iterator<Item = &'a str>) -> BTreeMap<String, Vec<&'a str>> {
    let mut spellings: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for code in codes {
        spellings.entry(code.replace('_', "")).or_default().push(code);
    }
    spellings
}

fn others<'a>(code: &str, spellings: &BTreeMap<String, Vec<&'a str>>) -> Vec<&'a str> {
    let same = spellings.get(&code.replace('_', "")).map(Vec::as_slice).unwrap_or_default();
    same.iter().copied().filter(|other| *other != code).collect()
}

/// More meanings than these are not listed: the pages of operations have them.
const MAX_MEANINGS: usize = 4;

/// What a code means, with the meaning that most operations give it first, and its other spellings.
fn meanings(rows: &[&ErrorCode], others: &[&str]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.meaning).or_default() += 1;
    }
    let mut meanings: Vec<(&str, usize)> = counts.into_iter().collect();
    meanings.sort_by_key(|(meaning, count)| (std::cmp::Reverse(*count), *meaning));
    let listed: Vec<String> =
        meanings.iter().take(MAX_MEANINGS).map(|(meaning, _)| sentence(meaning)).collect();
    let mut text = listed.join(" Or: ");
    if meanings.len() > MAX_MEANINGS {
        text.push_str(
            " It has other meanings too: see [`Operation::error_codes`](crate::Operation::error_codes).",
        );
    }
    let statuses: BTreeSet<String> =
        rows.iter().filter_map(|row| row.status).map(|status| status.to_string()).collect();
    if !statuses.is_empty() {
        let statuses: Vec<String> = statuses.into_iter().collect();
        text.push_str(&format!(" HTTP {}.", statuses.join(", ")));
    }
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|other| format!("[`{other}`]")).collect();
        text.push_str(&format!(" Also spelled {}.", others.join(", ")));
    }
    text
}

/// With a capital letter and a full stop. What begins with the name of a field, in backticks, stays as it is.
fn sentence(text: &str) -> String {
    let text = meaning(text);
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// What a code means, with the names of fields as code.
pub(crate) fn meaning(text: &str) -> String {
    text.split('`').map(plain).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::described;

    fn operations() -> Vec<Operation> {
        let one = "  errors page v3/merchant/1\n    400  ORDERPAID  query-state  the order is paid  # 订单已支付\n    -  A_B  contact  `app_id` and [mchid] differ\n";
        let other = "  errors unconfirmed, by analogy\n    202  ORDER_PAID  query-state  the order is paid\n";
        vec![described("POST v3/a/b", one), described("GET v3/a/c", other), described("GET v3/a/d", "")]
    }

    #[test]
    fn a_row_of_an_operation_names_its_lists() {
        let operations = operations();
        let names = RowNames::new(&operations);
        assert_eq!(
            fact(&operations[0], &names).as_deref(),
            Some("refused_with(&[&error_lists::OF_POST_V3_A_B])")
        );
        assert_eq!(fact(&operations[2], &names), None);
        let lists = lists(&operations, &names);
        for row in [
            "static OF_GET_V3_A_C: [ErrorCode; 1] = [\n    ErrorCode::new(202, \"ORDER_PAID\", Advice::QueryState, \"the order is paid\").unconfirmed(),\n];",
            "ErrorCode::new(400, \"ORDERPAID\", Advice::QueryState, \"the order is paid\").says(\"订单已支付\"),",
            "ErrorCode::new(0, \"A_B\", Advice::Contact, ",
            "static V3: [ErrorCode; 0] = [\n];",
        ] {
            assert!(lists.contains(row), "{row}\n{lists}");
        }
    }

    #[test]
    fn a_constant_says_what_its_code_means_and_how_else_it_is_spelled() {
        let text = constants(&operations());
        for item in [
            "/// The order is paid. HTTP 400. Also spelled [`ORDER_PAID`].\npub const ORDERPAID: &str = \"ORDERPAID\";",
            "/// The order is paid. HTTP 202. Also spelled [`ORDERPAID`].\npub const ORDER_PAID: &str = \"ORDER_PAID\";",
            "/// `app_id` and \\[mchid] differ.\npub const A_B: &str = \"A_B\";",
        ] {
            assert!(text.contains(item), "{item}\n{text}");
        }
    }

    #[test]
    fn the_verb_of_an_operation_lists_its_codes_as_a_table() {
        let operation = &operations()[0];
        let steps = weipay_catalog::rust::steps::StepNames::new([operation.path]);
        let text = crate::documentation::operation::verb(operation, None, &steps);
        let table = "| HTTP | code | meaning | advice |\n|---|---|---|---|\n| 400 | `ORDERPAID` | the order is paid (订单已支付) | `QueryState` |\n|  | `A_B` | `app_id` and \\[mchid] differ | `Contact` |";
        assert!(text.contains(table), "{text}");
        let without = crate::documentation::operation::verb(&operations()[2], None, &steps);
        assert!(!without.contains("Error codes"), "{without}");
    }
}
