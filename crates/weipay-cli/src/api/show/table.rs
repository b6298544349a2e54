//! Fields as a table: members stand indented below their object.

use weipay_catalog::field::NOTIFY_URL;
use weipay_catalog::{Carrier, Field, Format, Kind, Limits, Operation};

use super::page::{Page, padded, width, wrapped};
use crate::output::{BOLD, DIM};

/// The least width of the last column. Where there is less, its words stand below the field, indented by so much.
const MIN_LAST_COLUMN: usize = 30;
const INDENT_BELOW: usize = 6;

struct Row<'a> {
    field: &'a Field,
    name: String,
    kind: String,
    rules: String,
    /// The field of the request that it repeats.
    repeats: Option<&'a str>,
}

/// Writes the table. The fields of a body of several parts are marked: some are files. Those of the response to an operation
/// may repeat something of its request.
pub(super) fn table(fields: &[Field], are_parts: bool, request: Option<&Operation>, page: &mut Page) {
    let mut rows = Vec::new();
    collect(fields, 0, are_parts, request, &mut rows);
    let widest = |text: fn(&Row) -> usize| rows.iter().map(text).max().unwrap_or_default();
    let columns = [
        widest(|row| width(&row.name)).max(width(NAME)),
        widest(|row| width(&mark(row.field))).max(width(REQUIRED)),
        widest(|row| width(&row.kind)).max(width(KIND)),
        widest(|row| width(&row.rules)).max(width(RULES)),
    ];
    let left = columns.iter().map(|columns| columns + 2).sum::<usize>() + 2;
    let beside = page.width.checked_sub(left).filter(|rest| *rest >= MIN_LAST_COLUMN);
    let row = |texts: [&str; 4]| {
        let cells: Vec<String> =
            texts.iter().zip(columns).map(|(text, columns)| padded(text, columns)).collect();
        cells.join("  ")
    };
    let label = if beside.is_some() { LABEL } else { "" };
    page.line(format!("  {DIM}{}  {label}{DIM:#}", row([NAME, REQUIRED, KIND, RULES])).trim_end());
    if beside.is_none() {
        page.line(format!("{}{DIM}{LABEL}{DIM:#}", " ".repeat(INDENT_BELOW)));
    }
    for Row { field, name, kind, rules, repeats } in &rows {
        let style = if field.required { BOLD } else { anstyle::Style::new() };
        let cells = row([name, &mark(field), kind, rules]);
        let (name, others) = cells.split_at(name.len());
        let cells = format!("  {style}{name}{style:#}{others}");
        let indent = " ".repeat(if beside.is_some() { left } else { INDENT_BELOW });
        let mut words =
            wrapped(&words(field, *repeats), beside.unwrap_or(page.width - INDENT_BELOW)).into_iter();
        let first = beside.and_then(|_| words.next()).unwrap_or_default();
        page.line(format!("{cells}  {first}").trim_end());
        for more in words.filter(|more| !more.is_empty()) {
            page.line(format!("{indent}{more}"));
        }
    }
}

const NAME: &str = "字段 field";
const REQUIRED: &str = "必填";
const KIND: &str = "类型 type";
const RULES: &str = "限制 limits";
const LABEL: &str = "说明: 取值 values, 例 example";

fn collect<'a>(
    fields: &'a [Field],
    level: usize,
    are_parts: bool,
    request: Option<&'a Operation>,
    rows: &mut Vec<Row<'a>>,
) {
    for field in fields {
        let name = format!("{}{}", "  ".repeat(level), field.name);
        let repeats = request.and_then(|request| request.repeated_by(field)).map(|(_, sent)| sent.name);
        rows.push(Row { field, name, kind: kind(field, are_parts), rules: rules(field), repeats });
        // What stands in a list or in a text is not compared.
        let request = request.filter(|_| !field.list && field.carrier.is_none());
        collect(&field.fields, level + 1, false, request, rows);
    }
}

/// What is required in one case only, the words say: the name of the case can be long.
fn mark(field: &Field) -> String {
    if field.required { REQUIRED.to_owned() } else { String::new() }
}

fn kind(field: &Field, is_part: bool) -> String {
    // A part of an upload without members is bytes.
    let is_file = is_part && field.kind == Kind::Object && field.fields.is_empty();
    let word = if is_file { "file" } else { field.kind.word() };
    format!("{word}{}", if field.list { "[]" } else { "" })
}

fn rules(field: &Field) -> String {
    let mut rules = Vec::new();
    rules.extend(limits(field.limits).map(|range| match field.kind {
        Kind::Integer | Kind::Number => range,
        Kind::Object => format!("{range} 字节"),
        _ if field.in_bytes => format!("{range} 字节"),
        _ => format!("{range} 字"),
    }));
    rules.extend(limits(field.items).map(|range| format!("{range} 个")));
    // What a notify URL is, the words say.
    let format = field.format.filter(|format| *format != Format::NotifyUrl);
    rules.extend(format.map(|format| match format {
        Format::Fen => "分 fen".to_owned(),
        Format::Minor => "最小货币单位 minor".to_owned(),
        format => format.word().to_owned(),
    }));
    rules.extend(field.carrier.map(|carrier| {
        let term = match carrier {
            Carrier::Encrypted => "加密 encrypted",
            Carrier::Sealed => "密文 sealed",
            Carrier::JsonText => "JSON 文本",
            Carrier::UrlText => "URL 编码文本",
            Carrier::Signed => "签名 signature",
        };
        term.to_owned()
    }));
    rules.join(", ")
}

fn limits(Limits { min, max }: Limits) -> Option<String> {
    let end = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    (min.is_some() || max.is_some()).then(|| format!("{}..{}", end(min), end(max)))
}

/// Label, when it is required, whether it is private, what it repeats, values, pattern and example.
fn words(field: &Field, repeats: Option<&str>) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(Some(field.label.to_owned()).filter(|label| !label.is_empty()));
    words.extend(field.required_in.or(field.needed_in).map(|case| format!("{REQUIRED}({case})")));
    words.extend(field.private.then(|| "隐私 private".to_owned()));
    words.extend(repeats.map(|name| match name == field.name {
        true => "同请求 as sent".to_owned(),
        false => format!("同请求 as sent: {name}"),
    }));
    if !field.values.is_empty() {
        words.push(format!("取值 {}", field.values.join(" | ")));
    }
    words.extend(field.pattern.map(|pattern| match pattern {
        NOTIFY_URL => "http 或 https, 不带查询串 (no query)".to_owned(),
        pattern => format!("匹配 {pattern}"),
    }));
    words.extend(field.example.as_deref().map(|example| format!("例 {}", example.replace('\n', "\\n"))));
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    fn shown(columns: usize) -> String {
        let mut page = Page { text: String::new(), width: columns };
        let refund = Catalog::embedded().find("POST", "v3/refund/domestic/refunds").unwrap();
        table(&refund.request.json, false, None, &mut page);
        anstream::adapter::strip_str(&page.text).to_string()
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_columns_stand_below_each_other() {
        for columns in [60, 80, 100, 120, 160] {
            let text = shown(columns);
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}\n{text}");
            assert!(text.contains("商户退款单号"));
        }
        let text = shown(120);
        let column = |line: &str| line.find("string").or(line.find("integer")).map(|at| width(&line[..at]));
        let places: Vec<usize> = text.lines().filter_map(column).collect();
        assert!(places.len() > 10 && places.iter().all(|place| *place == places[0]), "{text}");
    }

    #[test]
    fn a_member_of_a_response_says_what_it_repeats() {
        let rows = |path: &str| {
            let operation = Catalog::embedded().find("GET", path).unwrap();
            let mut page = Page { text: String::new(), width: 160 };
            table(&operation.response, false, Some(operation), &mut page);
            anstream::adapter::strip_str(&page.text).to_string()
        };
        let line = |text: &str, name: &str| {
            text.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned()
        };
        let refund = rows("v3/global/refunds/id/{refund_id}");
        assert!(line(&refund, "id ").contains("微信支付退款订单号; 同请求 as sent: refund_id; 例"));
        let batch = rows("v3/transfer/batches/batch-id/{batch_id}");
        assert!(line(&batch, "batch_id ").contains("微信批次单号; 同请求 as sent; 例"));
        // The request does not have this one, and a list repeats nothing.
        assert!(!line(&batch, "out_batch_no ").contains("as sent"));
        let plans = rows("v3/marketing/partner/delivery-plan/delivery-plans/{brand_id}/delivery-plans");
        assert!(plans.contains("stock_id") && !plans.contains("as sent"));
    }

    #[test]
    fn a_narrow_terminal_has_the_words_below_the_field() {
        assert!(shown(60).contains("  sub_mchid                   string\n      子商户号; 例 1900000109\n"));
    }
}
