//! The values in a URL: path placeholders and the query, percent-decoded once.
//!
//! Decoding happens after the signature was checked over the text as it was sent.

use crate::grammar::unconfirmed;
use crate::refusal::Refusal;

/// Decodes the values of a path's placeholders.
pub(super) fn path(values: &[(&'static str, String)]) -> Result<Vec<(&'static str, String)>, Refusal> {
    values
        .iter()
        .map(|(name, raw)| Ok((*name, decoded(raw, false).ok_or_else(|| unconfirmed::broken_url("路径"))?)))
        .collect()
}

/// Reads a query: each name once.
pub(super) fn query(query: Option<&str>) -> Result<Vec<(String, String)>, Refusal> {
    let broken = || unconfirmed::broken_url("查询参数");
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name, true).ok_or_else(broken)?;
        if pairs.len() == MAX_PARAMETERS || pairs.iter().any(|(earlier, _)| *earlier == name) {
            return Err(broken());
        }
        pairs.push((name, decoded(value, true).ok_or_else(broken)?));
    }
    Ok(pairs)
}

/// No operation has a tenth of this; it bounds the search for repeated names.
const MAX_PARAMETERS: usize = 200;

/// Percent-decoding; in a query `+` is a blank, as clients of form encoding write it.
fn decoded(raw: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                hex(digits[0])? << 4 | hex(digits[1])?
            }
            b'+' if plus_is_blank => b' ',
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_pair_by_pair() {
        let read = query(Some("a=1&b=%E5%88%B8+x%2B&c&d=")).unwrap();
        let expected = [("a", "1"), ("b", "券 x+"), ("c", ""), ("d", "")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(query(None).unwrap().is_empty());
    }

    #[test]
    fn a_plus_in_a_path_stays_a_plus() {
        assert_eq!(path(&[("code", "a+b%2Fc".to_owned())]).unwrap(), [("code", "a+b/c".to_owned())]);
    }

    #[test]
    fn broken_encodings_and_repeated_names_are_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%ff", "%ff=a", "a=1&a=2", "a=1&%61=2"] {
            assert_eq!(query(Some(text)).unwrap_err().code, "PARAM_ERROR", "{text}");
        }
        assert!(path(&[("code", "%e5".to_owned())]).is_err());
    }
}
