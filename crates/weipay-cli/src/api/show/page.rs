//! The page of an operation and the page of a notification.

use weipay_catalog::operation::document_address;
use weipay_catalog::{Field, Notification, Operation};

use super::command_line;
use super::facts;
use super::layout::{BOLD, CODE, DIM, Page};
use super::styles;
use super::table::table;

const MULTIPART: &str = "multipart body";

/// `sample` is the operation with the values that its samples show.
pub(super) fn operation(operation: &Operation, sample: &Operation, page: &mut Page) {
    page.line(format_args!("{BOLD}{} {}{BOLD:#}", operation.method, operation.path));
    page.line(operation.title);
    page.blank();
    facts::operation(operation, page);
    let request = &operation.request;
    for (name, more, fields) in [
        ("路径参数", "path", &request.path),
        ("查询参数", "query", &request.query),
        ("请求头", "headers", &request.headers),
        ("请求包体", "JSON body", &request.json),
        ("请求包体", "XML body", &request.xml),
        ("请求包体", MULTIPART, &request.multipart),
        ("其他", "other: described there, and in no place of a request", &request.other),
        ("应答", "answer", &operation.response),
    ] {
        section(name, more, fields, page);
    }
    if operation.response.is_empty() && operation.success == 200 {
        page.heading("应答", "answer");
        page.line(if operation.unsigned { "  文件 a file, as it is" } else { "  未描述 not described" });
    }
    six_styles(sample, page);
    command(sample, page);
    documents(&operation.docs, page);
}

pub(super) fn notification(notification: &Notification, page: &mut Page) {
    page.line(format_args!("{BOLD}NOTIFY {} {}{BOLD:#}", notification.version, notification.event));
    page.line(notification.title);
    page.blank();
    facts::notification(notification, page);
    section("通知头", "headers of the delivery", &notification.headers, page);
    section(
        "通知包体",
        "body of the delivery, with what the ciphertext opens to",
        &notification.delivered(),
        page,
    );
    section("应答头", "headers of the reply", &notification.response_headers, page);
    section("应答", "reply", &notification.response, page);
    documents(&notification.docs, page);
}

fn section(name: &str, more: &str, fields: &[Field], page: &mut Page) {
    if !fields.is_empty() {
        page.heading(name, more);
        table(fields, more == MULTIPART, page);
    }
}

fn six_styles(operation: &Operation, page: &mut Page) {
    page.heading("六种写法", "six styles");
    let styles = match styles::of(operation) {
        Ok(styles) => styles,
        Err(reason) => return page.line(format_args!("  {reason}")),
    };
    for group in styles {
        if !group.before.is_empty() {
            page.blank();
            page.code(&group.before);
        }
        for style in &group.styles {
            page.blank();
            page.line(format_args!("  {DIM}{}{DIM:#}", style.name));
            page.code(&style.line);
        }
    }
}

fn command(operation: &Operation, page: &mut Page) {
    page.heading("命令行", "from the shell");
    match command_line::of(operation) {
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
