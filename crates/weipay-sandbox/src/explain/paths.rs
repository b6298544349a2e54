//! The paths that are nearest to one that no operation has.

use weipay_catalog::Catalog;

const MAX_NEAREST: usize = 3;
/// How much of a path may be wrong, as a part of its words.
const MAX_COST: f64 = 0.34;
const MAX_SEGMENTS: usize = 16;
const MAX_WORD: usize = 40;

/// Methods and templates of the nearest operations of APIv3, the best first. Nothing of the path itself is in them.
pub(crate) fn nearest(method: &str, path: &str) -> Vec<String> {
    let given: Vec<&str> = path.trim_matches('/').split('/').take(MAX_SEGMENTS + 1).collect();
    if given.len() > MAX_SEGMENTS {
        return Vec::new();
    }
    let mut near: Vec<(f64, String)> = Vec::new();
    for (known_method, template) in Catalog::embedded().headings() {
        let words: Vec<&str> = template.trim_end_matches('/').split('/').collect();
        if words.first() != Some(&"v3") || words.len().abs_diff(given.len()) > 1 {
            continue;
        }
        let literals = words.iter().filter(|word| !word.starts_with('{')).count().saturating_sub(1).max(1);
        let cost = distance(&given, &words) / literals as f64;
        if cost <= MAX_COST {
            let of_method = if known_method == method { 0.0 } else { 0.05 };
            near.push((cost + of_method, format!("{known_method} /{template}")));
        }
    }
    near.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    near.into_iter().take(MAX_NEAREST).map(|(_, shown)| shown).collect()
}

/// The distance: a word that is missing or added costs 1, a mistyped one a part of that.
fn distance(given: &[&str], words: &[&str]) -> f64 {
    let width = words.len() + 1;
    let mut above: Vec<f64> = (0..width).map(|index| index as f64).collect();
    for (row, text) in given.iter().enumerate() {
        let mut line = vec![f64::MAX; width];
        line[0] = (row + 1) as f64;
        for (column, word) in words.iter().enumerate().filter(|(column, _)| column.abs_diff(row) <= 1) {
            let changed = above[column] + between(text, word);
            line[column + 1] = changed.min(above[column + 1] + 1.0).min(line[column] + 1.0);
        }
        above = line;
    }
    above.last().copied().unwrap_or(f64::MAX)
}

fn between(text: &str, word: &str) -> f64 {
    if text == word {
        return 0.0;
    }
    if word.starts_with('{') {
        return 0.05;
    }
    let longest = text.len().max(word.len());
    if longest > MAX_WORD || text.len().abs_diff(word.len()) > longest / 2 {
        return 1.0;
    }
    let mut above: Vec<usize> = (0..=word.len()).collect();
    for (row, one) in text.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut above[0], row + 1);
        for (column, other) in word.bytes().enumerate() {
            let changed = corner + usize::from(!one.eq_ignore_ascii_case(&other));
            corner = above[column + 1];
            above[column + 1] = changed.min(corner + 1).min(above[column] + 1);
        }
    }
    let edits = above.last().copied().unwrap_or(longest);
    if edits * 2 > longest { 1.0 } else { (edits as f64 / longest as f64).max(0.05) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_word_a_missing_one_and_one_too_many_lead_to_what_was_meant() {
        for (method, path, meant) in [
            ("POST", "/v3/pay/transaction/jsapi", "POST /v3/pay/transactions/jsapi"),
            ("POST", "/v3/refund/refunds", "POST /v3/refund/domestic/refunds"),
            ("POST", "/pay/transactions/jsapi", "POST /v3/pay/transactions/jsapi"),
            ("POST", "/v3/v3/pay/transactions/jsapi", "POST /v3/pay/transactions/jsapi"),
            (
                "GET",
                "/v3/pay/transactions/out_trade_no/1",
                "GET /v3/pay/transactions/out-trade-no/{out_trade_no}",
            ),
            ("POST", "/v3/refund/domestic/refund", "POST /v3/refund/domestic/refunds"),
            ("GET", "/v3/certificate", "GET /v3/certificates"),
        ] {
            assert_eq!(nearest(method, path).first().map(String::as_str), Some(meant), "{method} {path}");
        }
    }

    #[test]
    fn nothing_is_near_to_something_else() {
        for path in [
            "/",
            "/v3",
            "/v3/nowhere",
            "/v3/nowhere/",
            "/favicon.ico",
            &"/a".repeat(10_000),
            &format!("/v3/{}", "x".repeat(10_000)),
        ] {
            assert_eq!(nearest("GET", path), [""; 0], "{path:.40}");
        }
    }
}
