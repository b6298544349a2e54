//! The six styles (六种写法) of a call: pure chain, declarative and property, each async and blocking. And the example that
//! stands in the documentation of a verb, which is the first of them.

use indoc::formatdoc;

use super::code::{Call, Code, WIDTH};
use super::request::{self, FILE};
use super::steps::StepNames;
use crate::field::Field;
use crate::names;
use crate::operation::Operation;
use crate::sample::request as sample;
use crate::sample::sensitive;

/// What stands above a typed request with a sensitive field.
const SENSITIVE: &str = "// 敏感信息加密: give plain text, the client encrypts it\n";

/// A style, async and blocking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// The lines that make the request; empty where nothing is sent.
    pub setup: String,
    /// The call of the async client.
    pub waiting: String,
    /// The call of the blocking client.
    pub blocking: String,
}

/// The three styles of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Styles {
    /// The pure chain style (纯链式).
    pub typed: Style,
    /// The declarative style (声明式).
    pub declarative: Style,
    /// The property style (属性式).
    pub property: Style,
}

impl Styles {
    /// The styles of an operation whose fields have the values to show.
    #[must_use]
    pub fn new(operation: &Operation, names: &StepNames) -> Self {
        let setup = untyped_setup(operation);
        let calls = untyped_calls(operation, !setup.is_empty());
        let untyped = |head: String| Style::new(setup.clone(), head, &calls);
        Self {
            typed: typed(operation, names),
            declarative: untyped(format!("client.chain({:?})", operation.path)),
            property: untyped(format!("client[{:?}]", operation.path)),
        }
    }
}

impl Style {
    fn new(setup: String, head: impl Into<String>, calls: &[String]) -> Self {
        let head = head.into();
        let statement = |last: &[&str], after: &str| {
            let calls = calls.iter().map(String::as_str).chain(last.iter().copied()).map(Call::new);
            Code::Chain(head.clone(), calls.collect()).lines(0, WIDTH, "let response = ", after)
        };
        Self { setup, waiting: statement(&["await?"], ";\n"), blocking: statement(&[], "?;\n") }
    }
}

fn typed(operation: &Operation, names: &StepNames) -> Style {
    let request = request::typed(operation);
    let argument = if request.is_some() { "request" } else { "" };
    let steps = names.steps(operation).into_iter();
    let mut calls: Vec<String> = steps
        .map(|step| {
            format!(
                "{}({})",
                step.name,
                step.placeholder.map(|name| value(operation, name)).unwrap_or_default()
            )
        })
        .collect();
    calls.push(format!("{}({argument})", names::verb(operation)));
    let setup = request.map(|request| {
        let note = if sensitive::is_in_sample(operation) { SENSITIVE } else { "" };
        let file = request::file(operation).map(|_| file(None)).unwrap_or_default();
        formatdoc! {"
            {note}use weipay::{module};

            {file}{request}",
            module = names.module(operation),
            request = request.lines(0, WIDTH, "let request = ", ";\n"),
        }
    });
    Style::new(setup.unwrap_or_default(), "client", &calls)
}

/// The day of the examples in the documentation, which would change each day otherwise: midday of 2026-01-01 in Beijing.
const EXAMPLE_DAY: i64 = 1_767_240_000;

/// The example in the documentation of a verb: the async, typed style. What it needs around it is hidden.
#[must_use]
pub fn example(operation: &Operation, names: &StepNames) -> String {
    let Style { setup, waiting, .. } = typed(&sample::with_current_values(operation, EXAMPLE_DAY), names);
    formatdoc! {r#"
        ```no_run
        # #[cfg(feature = "async")]
        # async fn example(client: weipay::Client) -> Result<(), Box<dyn std::error::Error>> {{
        {setup}{waiting}# Ok(()) }}
        ```
    "#}
}

fn is_upload(operation: &Operation) -> bool {
    !operation.request.multipart.is_empty()
}

/// The value of a placeholder.
fn value(operation: &Operation, placeholder: &str) -> String {
    let field = operation.request.path.iter().find(|field| field.name == placeholder);
    format!("{:?}", field.map(sample::plain).unwrap_or_default())
}

/// The line that reads a file. Where the part has another name than usual, the untyped styles must say it.
fn file(part: Option<&str>) -> String {
    let part = part.filter(|name| *name != "file").map(|name| format!(".part({name:?})")).unwrap_or_default();
    format!("let file = weipay::UploadFile::new({FILE:?}, std::fs::read({FILE:?})?){part};\n")
}

fn untyped_setup(operation: &Operation) -> String {
    let lines = if is_upload(operation) {
        let file = file(request::file(operation).map(|part| part.name));
        file + &request::meta(operation).lines(0, WIDTH, "let meta = json!(", ");\n")
    } else {
        let Some(body) = request::json(operation) else { return String::new() };
        body.lines(0, WIDTH, "let request = json!(", ");\n")
    };
    formatdoc! {"
        use serde_json::json;

        {lines}"
    }
}

/// What follows the path in the untyped styles: values, then the verb.
fn untyped_calls(operation: &Operation, has_body: bool) -> Vec<String> {
    let placeholders =
        operation.placeholders().map(|name| format!("path({name:?}, {})", value(operation, name)));
    let pair = |method: &str, field: &Field| {
        let value = request::plain_text(field).unwrap_or_else(|| format!("{:?}", sample::plain(field)));
        format!("{method}({:?}, {value})", field.name)
    };
    let query = sample::required(&operation.request.query).into_iter().map(|field| pair("query", field));
    let headers = sample::required(&operation.request.headers).into_iter().map(|field| pair("header", field));
    let verb = names::verb(operation);
    let verb = match (operation.method, has_body) {
        _ if is_upload(operation) => "upload(meta, &file)".to_owned(),
        ("GET" | "DELETE", false) => format!("{verb}()"),
        // The short verbs of these send no body.
        ("GET" | "DELETE", true) => format!("request(http::Method::{}, request)", operation.method),
        (_, false) => format!("{verb}(())"),
        (_, true) => format!("{verb}(request)"),
    };
    placeholders.chain(query).chain(headers).chain([verb]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;

    fn styles(method: &str, path: &str) -> Styles {
        let catalog = Catalog::embedded();
        let names = StepNames::new(catalog.headings().map(|(_, path)| path));
        Styles::new(catalog.find(method, path).unwrap(), &names)
    }

    #[test]
    fn a_sensitive_field_is_shown_in_plain_text_and_where_it_is_encrypted() {
        let styles = styles("POST", "v3/marketing/membercard-open/phonenumber-member/import");
        assert!(styles.typed.setup.starts_with(SENSITIVE), "{}", styles.typed.setup);
        assert!(
            styles.typed.setup.contains("encrypted_phone_number(\"13800138000\")"),
            "{}",
            styles.typed.setup
        );
        let call = "\"encrypted_phone_number\": \"13800138000\",";
        assert!(styles.property.setup.contains(call), "{}", styles.property.setup);
    }

    #[test]
    fn an_order_that_carries_no_sensitive_field_does_not_speak_of_it() {
        let order = Catalog::embedded().find("POST", "v3/pay/transactions/jsapi").unwrap();
        assert!(order.request.json.iter().any(Field::holds_encrypted), "it could carry one");
        assert!(!styles("POST", order.path).typed.setup.starts_with(SENSITIVE));
    }

    #[test]
    fn a_sensitive_value_of_a_query_is_encrypted_too() {
        let catalog = Catalog::embedded();
        let names = StepNames::new(catalog.headings().map(|(_, path)| path));
        let mut count = 0;
        for operation in catalog.operations() {
            let styles = Styles::new(operation, &names);
            let shown = styles.typed.setup.starts_with(SENSITIVE);
            assert_eq!(shown, sensitive::is_in_sample(operation), "{}", operation.path);
            let required = |field: &Field| field.required && field.is_encrypted();
            if operation.method == "GET" && operation.request.query.iter().any(required) {
                count += 1;
                let line = &styles.declarative.waiting;
                assert!(line.contains(".query(\"") && !line.contains("encrypt_sensitive"), "{line}");
            }
        }
        assert!(count > 0);
    }

    #[test]
    fn an_upload_reads_its_file_and_leaves_out_what_the_file_says() {
        let styles = styles("POST", "v3/merchant/media/upload");
        let setup = &styles.typed.setup;
        assert!(setup.ends_with("let request = post::Request::new().file(file);\n"), "{setup}");
        assert!(
            styles.declarative.setup.contains("\"sha256\": file.sha256(),"),
            "{}",
            styles.declarative.setup
        );
        assert!(styles.declarative.waiting.ends_with(".upload(meta, &file).await?;\n"));
    }

    #[test]
    fn an_upload_of_apiv2_sends_its_plain_parts_beside_the_file() {
        let styles = styles("POST", "v2/secapi/mch/uploadmedia");
        let setup = &styles.declarative.setup;
        assert!(
            setup.contains(".part(\"media\");\n") && setup.contains("\"sign_type\": \"MD5\","),
            "{setup}"
        );
        assert!(!setup.contains("\"sign\""), "the client signs: {setup}");
    }
}
