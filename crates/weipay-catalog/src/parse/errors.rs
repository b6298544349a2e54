//! Error codes in the text of an operation and in the text of a shared list:
//!
//! ```text
//!   errors <pay_order>, <pay_h5>
//!   errors page v3/merchant/4012556398, 2024-09-19, cut
//!     400 ORDER_CLOSED  new-number  the order is closed  # 订单已关闭
//! ```

use super::outline::{self, OutlineLine, entry, list};
use super::{Heading, ParseError, error, expect_heading};
use crate::errors::{Advice, Basis, ErrorCode, ErrorList, Source};
use crate::operation::Operation;
use crate::shared::Resolver;

/// The key of a line that begins with it.
pub(super) const KEY: &str = "errors";

/// Reads the codes of a shared list.
pub(crate) fn error_list(text: &'static str) -> Result<Vec<ErrorCode>, ParseError> {
    let Heading::Errors(_) = expect_heading(text)? else {
        return Err(error(1, "not a list of error codes: its heading must be ERRORS and a name".to_owned()));
    };
    let mut codes = Vec::new();
    let mut from = None;
    for line in outline::lines(text) {
        let line = line?;
        match (line.level, entry(line.text)) {
            (1, (KEY, rest)) if !rest.starts_with('<') => from = Some(source(rest, line.number)?),
            (1, (word, _)) => {
                let reason = format!("`{word}` is not a key here: a list has `{KEY}` with a source");
                return Err(error(line.number, reason));
            }
            (level, _) => codes.push(code(&line, level, from)?),
        }
    }
    if codes.is_empty() {
        return Err(error(1, "a list of error codes needs codes".to_owned()));
    }
    Ok(codes)
}

/// What an `errors` line of an operation says.
pub(super) enum Entry {
    /// Shared lists were added to the operation.
    Lists,
    /// The codes below it come from this source.
    From(Source),
}

/// Reads an `errors` line of an operation.
pub(super) fn take(
    operation: &mut Operation,
    rest: &'static str,
    line: usize,
    objects: Resolver<'_>,
) -> Result<Entry, ParseError> {
    if !rest.starts_with('<') {
        return Ok(Entry::From(source(rest, line)?));
    }
    for name in list(rest) {
        let name = name.strip_prefix('<').and_then(|name| name.strip_suffix('>')).ok_or_else(|| {
            error(line, format!("`{name}` should be the name of a list of error codes, such as <pay_order>"))
        })?;
        let (name, codes) = objects.error_codes(name).map_err(|reason| error(line, reason))?;
        if operation.errors.iter().any(|list| list.name == Some(name)) {
            return Err(error(line, format!("the list <{name}> is named twice")));
        }
        operation.errors.push(ErrorList { name: Some(name), codes });
    }
    Ok(Entry::Lists)
}

/// Reads a code in the file of an operation.
pub(super) fn take_code(
    operation: &mut Operation,
    line: &OutlineLine,
    from: Option<Source>,
) -> Result<(), ParseError> {
    let code = code(line, line.level, from)?;
    // What is said of the operation itself comes before what it shares.
    match operation.errors.first_mut() {
        Some(own) if own.name.is_none() => own.codes.push(code),
        _ => operation.errors.insert(0, ErrorList { name: None, codes: vec![code] }),
    }
    Ok(())
}

/// Adds the list that all operations of the version have, if the catalogue has one.
pub(super) fn add_common(operation: &mut Operation, objects: Resolver<'_>) -> Result<(), ParseError> {
    let version = operation.version().word();
    if !objects.has_error_list(version) {
        return Ok(());
    }
    let (name, codes) = objects.error_codes(version).map_err(|reason| error(1, reason))?;
    operation.errors.push(ErrorList { name: Some(name), codes });
    Ok(())
}

/// `page v3/merchant/4012556398, 2024-09-19, cut`
fn source(text: &'static str, line: usize) -> Result<Source, ParseError> {
    let (first, more) = text.split_once(',').map_or((text, ""), |(first, more)| (first, more.trim()));
    let (word, page) = entry(first);
    let basis = Basis::from_word(word).ok_or_else(|| {
        let words = Basis::ALL.map(Basis::word).join(", ");
        error(
            line,
            format!("`{word}` should be the source of the codes ({words}), or lists such as <pay_order>"),
        )
    })?;
    let page = Some(page).filter(|page| !page.is_empty());
    let mut source = Source { basis, page, date: None, is_whole: None, reason: "" };
    if basis == Basis::Unconfirmed {
        source.reason = more;
        return Ok(source);
    }
    for said in list(more) {
        match said {
            "cut" => source.is_whole = Some(false),
            "complete" => source.is_whole = Some(true),
            day if is_date(day) => source.date = Some(day),
            other => {
                let reason =
                    format!("`{other}` should be the date of the page (2024-09-19), `cut` or `complete`");
                return Err(error(line, reason));
            }
        }
    }
    Ok(source)
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, letter)| match index {
            4 | 7 => letter == b'-',
            _ => letter.is_ascii_digit(),
        })
}

/// `400 ORDER_CLOSED new-number the order is closed # 订单已关闭`
fn code(line: &OutlineLine, level: usize, from: Option<Source>) -> Result<ErrorCode, ParseError> {
    let refused = |reason: String| error(line.number, reason);
    if level != 2 {
        return Err(refused("an error code must be one level below `errors`".to_owned()));
    }
    let source =
        from.ok_or_else(|| refused("an error code must be below an `errors` line with a source".to_owned()))?;
    let (said, message) =
        line.text.split_once('#').map_or((line.text, ""), |(said, message)| (said, message.trim()));
    let (status, rest) = entry(said.trim_end());
    let (code, rest) = entry(rest);
    let (advice, meaning) = entry(rest);
    let status = match status {
        "-" => None,
        digits => Some(digits.parse().map_err(|_| {
            refused(format!(
                "`{digits}` should be the HTTP status of an error code, or `-` if it is not known"
            ))
        })?),
    };
    let advice = Advice::from_word(advice).ok_or_else(|| {
        let words = Advice::ALL.map(Advice::word).join(", ");
        refused(format!("`{advice}` should be the advice: {words}"))
    })?;
    if meaning.is_empty() {
        return Err(refused(format!("`{code}` needs a meaning after the advice")));
    }
    Ok(ErrorCode { status, code, advice, meaning, message, source, line: line.number })
}

#[cfg(test)]
mod tests {
    use super::super::operation;
    use super::*;
    use crate::shared::Shared;

    const LIST: &str = "ERRORS pay_order\n  errors page v3/merchant/1, 2024-09-19, cut\n    403  OUT_TRADE_NO_USED  query-state  the number was used  # 商户订单号重复\n";
    const COMMON: &str =
        "ERRORS v3\n  errors page v3/merchant/2\n    401 SIGN_ERROR fix-request the signature is wrong\n";

    fn read(lines: &str) -> Result<Operation, ParseError> {
        let text = format!("POST v3/a\n  title x\n{lines}");
        let objects = Shared::from_texts([LIST, COMMON]);
        operation(Box::leak(text.into_boxed_str()), objects.resolver())
    }

    fn refusal(lines: &str) -> String {
        read(lines).unwrap_err().to_string()
    }

    #[test]
    fn own_codes_come_first_then_shared_ones_then_those_of_the_version() {
        let read = read(
            "  errors <pay_order>\n  errors unconfirmed, by analogy, since 2020\n    - A_B contact why\n  json\n    a string\n",
        )
        .unwrap();
        let names: Vec<_> = read.errors.iter().map(|list| list.name).collect();
        assert_eq!(names, [None, Some("pay_order"), Some("v3")]);
        let own = read.errors[0].codes[0];
        assert_eq!((own.status, own.code, own.advice, own.meaning), (None, "A_B", Advice::Contact, "why"));
        assert!(own.is_unconfirmed() && own.source.reason == "by analogy, since 2020");
        let shared = read.errors[1].codes[0];
        assert_eq!((shared.status, shared.message), (Some(403), "商户订单号重复"));
        assert_eq!(shared.source.date, Some("2024-09-19"));
        assert_eq!((shared.source.page, shared.source.is_whole), (Some("v3/merchant/1"), Some(false)));
        assert_eq!(read.error_codes().count(), 3);
        assert_eq!(read.request.json[0].name, "a");
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (lines, problem) in [
            ("  errors <nothing>\n", "line 3: the list of error codes <nothing> does not exist"),
            ("  errors <pay_order>, <pay_order>\n", "line 3: the list <pay_order> is named twice"),
            ("  errors <pay_order\n", "line 3: `<pay_order` should be the name of a list"),
            ("  errors somewhere\n", "line 3: `somewhere` should be the source of the codes (page, "),
            ("  errors page, yesterday\n", "line 3: `yesterday` should be the date of the page"),
            ("  errors <pay_order>\n    400 A_B contact why\n", "line 4: an error code must be below"),
            ("  errors page\n      400 A_B contact why\n", "line 4: an error code must be one level below"),
            ("  errors page\n    4OO A_B contact why\n", "line 4: `4OO` should be the HTTP status"),
            ("  errors page\n    400 A_B wait why\n", "line 4: `wait` should be the advice: fix-request, "),
            ("  errors page\n    400 A_B contact\n", "line 4: `A_B` needs a meaning"),
        ] {
            let said = refusal(lines);
            assert!(said.starts_with(problem), "{lines}{said}");
        }
    }

    #[test]
    fn a_shared_list_has_only_codes() {
        let refused = |text| error_list(text).unwrap_err().to_string();
        assert!(refused("ERRORS a\n").contains("needs codes"));
        assert!(refused("ERRORS a\n  errors <b>\n").contains("a list has `errors` with a source"));
        assert!(refused("ERRORS a\n  title b\n").contains("`title` is not a key here"));
        assert!(refused("OBJECT a\n  b string\n").contains("its heading must be ERRORS"));
    }
}
