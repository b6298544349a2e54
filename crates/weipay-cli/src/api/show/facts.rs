//! What stands above the tables: who may call, where, and what to know about the response.

use weipay_catalog::{Notification, Operation, Repeat, Version};

use super::layout::Page;

pub(super) fn operation(operation: &Operation, page: &mut Page) {
    let mut fact = |name: &str, text: String| {
        if !text.is_empty() {
            page.fact(name, &[text]);
        }
    };
    fact("产品 product", operation.group.to_owned());
    fact("适用 roles", operation.roles.join(", "));
    fact("主机 host", operation.base_url.unwrap_or("https://api.mch.weixin.qq.com/").to_owned());
    let body = match operation.success {
        200 if operation.answers_file => ", a file (文件)",
        200 => "",
        _ if operation.response.is_empty() => ", no body (无包体)",
        _ => "",
    };
    let signed = if operation.unsigned { ", not signed (应答无签名)" } else { "" };
    fact("成功 success", format!("{}{body}{signed}", operation.success));
    fact("重复 repeat", repeat(operation));
    if operation.client_cert {
        fact("证书", "wants the merchant's TLS certificate (需要商户证书)".to_owned());
    }
    if operation.nonceless {
        fact("随机串", "refuses nonce_str".to_owned());
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
        Some(Repeat::Safe) => format!("safe{same}: {reason}"),
        Some(Repeat::NotSafe) => format!("not safe: {reason}"),
        Some(Repeat::Unknown) => "not known to be safe: look up what became of a call first".to_owned(),
    }
}

pub(super) fn notification(notification: &Notification, page: &mut Page) {
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
