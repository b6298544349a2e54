//! `weipay api show`: one operation or notification as a page.

mod code;
mod command_line;
mod errors;
mod find;
mod page;
#[cfg(test)]
mod sandbox_tests;
mod table;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use weipay_catalog::operation::document_address;
use weipay_catalog::rust::steps::StepNames;
use weipay_catalog::rust::styles::Styles;
use weipay_catalog::sample::request::with_current_values;
use weipay_catalog::{Catalog, Field, Notification, Operation, Repeat, export};

use self::errors::error_codes;
use self::find::Found;
use self::page::Page;
use self::table::table;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::output::print;
use crate::output::{BOLD, CODE, DIM};

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it was found, 1 it was not found, 2 a wrong command line.")]
pub(crate) struct Show {
    /// A path, with {placeholders} or with values, or a whole URL; or the event of a notification, such as REFUND.SUCCESS;
    /// or an error code (错误码), such as SIGN_ERROR. A method may come before the path.
    #[arg(value_name = "[METHOD] PATH", num_args = 1..=2, required = true)]
    named: Vec<String>,
    /// Only this method, if the path has several.
    #[arg(long, value_parser = values::method)]
    method: Option<http::Method>,
    /// Print JSON lines, as `weipay api export` writes it.
    #[arg(long)]
    json: bool,
}

impl Show {
    /// The path and the method, which may be before the path or an option.
    fn asked(&self) -> Result<(&str, Option<http::Method>), String> {
        match &self.named[..] {
            // As a fault rule names an operation, and many documents do: `POST /v3/...` as one word.
            [one] => match one
                .trim()
                .split_once(char::is_whitespace)
                .map(|(method, path)| (values::method(method), path))
            {
                Some((Ok(method), path)) if self.method.is_none() => Ok((path.trim(), Some(method))),
                _ => Ok((one, self.method.clone())),
            },
            [method, path] if self.method.is_none() => Ok((path, Some(values::method(method)?))),
            _ => Err("the method is given twice: leave one of them out".to_owned()),
        }
    }
}

pub(super) fn run(arguments: &Show) -> Outcome {
    let (asked, method) = arguments.asked().map_err(Failure::usage)?;
    let meanings = if method.is_none() { code::find(asked) } else { Vec::new() };
    if !meanings.is_empty() {
        return show_code(&meanings, arguments.json);
    }
    let found = find::find(asked, method.as_ref()).map_err(Failure::failed)?;
    if method.is_some() && matches!(found[..], [Found::Notification(_), ..]) {
        return Err(Failure::usage(format!(
            "{asked} is a notification, which has no method: leave the method out"
        )));
    }
    if arguments.json {
        let lines: String = found.iter().map(|found| format!("{}\n", exported(found))).collect();
        return print(&lines);
    }
    let mut page = Page::for_the_terminal();
    for (index, found) in found.into_iter().enumerate() {
        if index > 0 {
            page.rule();
        }
        match found {
            Found::Operation(operation) => {
                let sample = find::with_ids_of(with_current_values(operation, now()), &find::path_of(asked));
                show_operation(operation, &sample, &mut page);
            }
            Found::Notification(notification) => show_notification(notification, &mut page),
        }
    }
    print(&page.text)
}

fn show_code(meanings: &[code::Meaning], as_json: bool) -> Outcome {
    if as_json {
        let lines: String = meanings.iter().map(|meaning| format!("{}\n", code::exported(meaning))).collect();
        return print(&lines);
    }
    let mut page = Page::for_the_terminal();
    code::show(meanings, &mut page);
    print(&page.text)
}

/// As `weipay api export` writes it.
fn exported(found: &Found) -> serde_json::Value {
    match found {
        Found::Operation(operation) => export::operation(operation),
        Found::Notification(notification) => export::notification(notification),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    since.cast_signed()
}

const MULTIPART: &str = "multipart body";

/// `sample` is the operation with the values that its samples show.
fn show_operation(operation: &Operation, sample: &Operation, page: &mut Page) {
    page.line(format_args!("{BOLD}{} {}{BOLD:#}", operation.method, operation.path));
    page.line(operation.title);
    page.blank();
    operation_facts(operation, page);
    let request = &operation.request;
    for (name, more, fields) in [
        ("路径参数", "path", &request.path),
        ("查询参数", "query", &request.query),
        ("请求头", "headers", &request.headers),
        ("请求包体", "JSON body", &request.json),
        ("请求包体", "XML body", &request.xml),
        ("请求包体", MULTIPART, &request.multipart),
        ("其他", "other: the page describes them and does not say where they go", &request.other),
        ("应答", "response", &operation.response),
    ] {
        section(name, more, fields, Some(operation), page);
    }
    if operation.response.is_empty() && operation.success == 200 {
        page.heading("应答", "response");
        page.line(if operation.unsigned { "  文件 a file, as it is" } else { "  未描述 not described" });
    }
    error_codes(operation, page);
    six_styles(sample, page);
    command(sample, page);
    documents(&operation.docs, page);
}

fn show_notification(notification: &Notification, page: &mut Page) {
    page.line(format_args!("{BOLD}NOTIFY {} {}{BOLD:#}", notification.version, notification.event));
    page.line(notification.title);
    page.blank();
    notification_facts(notification, page);
    section("通知头", "headers of the delivery", &notification.headers, None, page);
    section(
        "通知包体",
        "body of the delivery, with the decrypted resource",
        &notification.delivered(),
        None,
        page,
    );
    section("应答头", "headers of the response", &notification.response_headers, None, page);
    section("应答", "response", &notification.response, None, page);
    documents(&notification.docs, page);
}

/// What stands above the tables: who may call, where, and what to know about the response.
fn operation_facts(operation: &Operation, page: &mut Page) {
    let mut fact = |name: &str, text: String| {
        if !text.is_empty() {
            page.fact(name, &[text]);
        }
    };
    fact("产品 product", operation.group.to_owned());
    fact("适用 roles", operation.roles.join(", "));
    if let Some(path) = operation.partner_path {
        fact("服务商 partner", format!("{path}, for a sub-merchant"));
    }
    fact("主机 host", operation.base_url.unwrap_or("https://api.mch.weixin.qq.com/").to_owned());
    let body = match operation.success {
        200 if operation.has_file_response => ", a file (文件)",
        200 => "",
        _ if operation.response.is_empty() => ", no body (无包体)",
        _ => "",
    };
    let signed = if operation.unsigned { ", not signed (应答无签名)" } else { "" };
    fact("成功 success", format!("{}{body}{signed}", operation.success));
    fact("重复 repeat", repeat(operation));
    if operation.client_cert {
        fact("证书", "needs the merchant's certificate in TLS (需要商户证书)".to_owned());
    }
    if operation.nonceless {
        fact("随机串", "nonce_str is refused".to_owned());
    }
    if let Some(product) = operation.path.split('/').nth(1) {
        fact("Cargo feature", product.to_owned());
    }
}

/// What is known of sending the same request again; nothing of one that only reads by its method.
fn repeat(operation: &Operation) -> String {
    let number = operation.request_number().map(|(_, field)| field.name);
    let same = number.map(|number| format!(" with the same {number}")).unwrap_or_default();
    let reason = operation.repeat_reason;
    match operation.repeat {
        None => String::new(),
        Some(Repeat::Safe) => {
            let after = operation.repeat_after.map(|seconds| format!(" after {}", wait(seconds)));
            format!("safe{same}{}: {reason}", after.unwrap_or_default())
        }
        Some(Repeat::NotSafe) => format!("not safe: {reason}"),
        Some(Repeat::Unknown) => {
            "not known to be safe: look up the result of the first call before you repeat it".to_owned()
        }
    }
}

fn notification_facts(notification: &Notification, page: &mut Page) {
    if !notification.sent_as.is_empty() {
        page.fact("又作 also", &[notification.sent_as.join(", ")]);
    }
    if !notification.resource.is_empty() {
        page.fact("加密 cipher", &[notification.cipher.to_owned()]);
    }
    let waits: Vec<String> = notification.retry.waits.iter().map(|seconds| wait(*seconds)).collect();
    let unsure = if notification.retry.confirmed { "" } else { " (the documents leave the rest open)" };
    page.fact("重试 retry", &[format!("{}{unsure}", waits.join(" "))]);
}

fn wait(seconds: u32) -> String {
    match seconds {
        whole if whole % 3600 == 0 => format!("{}h", whole / 3600),
        whole if whole % 60 == 0 => format!("{}m", whole / 60),
        other => format!("{other}s"),
    }
}

fn section(name: &str, more: &str, fields: &[Field], of: Option<&Operation>, page: &mut Page) {
    if !fields.is_empty() {
        page.heading(name, more);
        table(fields, more == MULTIPART, of, page);
    }
}

fn six_styles(operation: &Operation, page: &mut Page) {
    page.heading("六种写法", "six styles");
    let names = StepNames::new(Catalog::embedded().headings().map(|(_, path)| path));
    let styles = Styles::new(operation, &names);
    let mut above = String::new();
    for (chinese, english, style) in [
        ("纯链式", "pure chain", styles.typed),
        ("声明式", "declarative", styles.declarative),
        ("属性式", "property", styles.property),
    ] {
        // What makes the request is said once for the styles that share it.
        if !style.setup.is_empty() && style.setup != above {
            page.blank();
            page.code(&style.setup);
        }
        for (mode, code) in [(["异步", "async"], style.waiting), (["同步", "blocking"], style.blocking)] {
            page.blank();
            page.line(format_args!("  {DIM}{}{chinese}  {}, {english}{DIM:#}", mode[0], mode[1]));
            page.code(&code);
        }
        above = style.setup;
    }
}

fn command(operation: &Operation, page: &mut Page) {
    page.heading("命令行", "from the shell");
    match command_line::words(operation) {
        Ok(words) => page.line(format_args!("  {CODE}{}{CODE:#}", command_line::quoted(&words))),
        Err(reason) => page.line(format_args!("  {reason}")),
    }
}

fn documents(docs: &[&str], page: &mut Page) {
    if !docs.is_empty() {
        page.heading("官方文档", "documents");
        for page_name in docs {
            page.line(format_args!("  {}", document_address(page_name)));
        }
    }
}
