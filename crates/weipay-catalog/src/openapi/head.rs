//! What the document says about all operations: itself, how requests are signed, how errors look, the products.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::operation::Operation;

/// The name of the one way to sign.
pub(super) const SECURITY: &str = "WECHATPAY2-SHA256-RSA2048";

/// The tag of all webhooks.
pub(super) const NOTIFICATIONS: &str = "notifications";

const DESCRIPTION: &str = "\
The operations (接口) and notifications (回调通知) of WeChat Pay APIv3. Descriptions are the official Chinese terms. Not a \
document of Tencent's.

A request is signed over its exact bytes; a success is signed by the platform, in the headers `Wechatpay-Signature`, \
`Wechatpay-Timestamp`, `Wechatpay-Nonce` and `Wechatpay-Serial`, unless the operation says `x-unsigned`.

| extension | meaning |
|---|---|
| `x-extensible-enum` | the values that the pages list. The platform adds values without notice |
| `x-encrypted: rsa-pubkey` | the value travels RSA-OAEP encrypted, in base64; lengths and patterns are those of the plain text. The request needs the header `Wechatpay-Serial` |
| `x-encrypted: aes-gcm` | the value is sealed with the APIv3 key; `x-opens-to` is what it opens to |
| `x-min-bytes`, `x-max-bytes` | the length of the value in bytes of UTF-8, which is what the platform counts there; `minLength` and `maxLength` beside them count characters, and are what follows for these |
| `x-signed` | the value is a signature |
| `x-unit: fen` | money in fen (分), the hundredth of a yuan |
| `x-unit: minor` | money in the smallest unit of its currency (币种最小货币单位), which another member names |
| `x-format` | how the value is to be read, where `format` has no word for it |
| `x-required-in` | the mode in which the field is required; in the others it is not |
| `x-needed-in` | the case in which a request needs the field: a value of a field beside it, or one way of several to say a thing |
| `x-purpose` | what a field of a request is for: `request-number` is the request's own number, `file-name` and `file-sha256` are of the uploaded file, `platform-serial` names the key that fields are encrypted with |
| `x-repeat`, `x-repeat-reason` | whether the same request may be sent again: `safe` (it takes effect once at most), `not-safe`, or `unknown`, which counts as not safe; and how that is known |
| `x-path` | the path from the host on, where the server has a part of it |
| `x-unsigned` | answers carry no signature |
| `x-docs`, `x-group`, `x-roles` | the official pages, the official product, who may call |
| `x-other` | what a page describes and no place of a request takes |
| `x-retry`, `x-also-sent-as`, `x-associated-data` | of a notification: seconds between deliveries, other event types, the associated data seen |

A `string` with `contentMediaType: application/json` and a `contentSchema` is JSON text in a string.";

const SIGNING: &str = "\
`Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"...\",nonce_str=\"...\",timestamp=\"...\",serial_no=\"...\",signature=\"...\"`. \
The signature is RSA with SHA-256, in base64, over five lines, each ended by a line feed: method, path with query, \
timestamp, nonce, body. Uploads sign their `meta` part in place of the body.";

pub(super) fn info() -> Value {
    json!({
        "title": "WeChat Pay APIv3 (微信支付)",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
    })
}

/// The components but for the schemas of operations.
pub(super) fn components() -> Value {
    json!({
        "securitySchemes": {
            (SECURITY): { "type": "http", "scheme": SECURITY, "description": SIGNING },
        },
        "responses": {
            "ApiError": {
                "description": "Anything but a success. May be unsigned.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ApiError" } } },
            },
        },
    })
}

/// What every error answers.
pub(super) fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "An error response.",
        "properties": {
            "code": { "type": "string", "description": "错误码", "examples": ["PARAM_ERROR"] },
            "message": { "type": "string", "description": "错误描述" },
            "detail": { "type": "object", "description": "错误详情: which field, where, and why" },
        },
        "required": ["code", "message"],
    })
}

/// A tag for each product, which is the first segment below the version.
pub(super) fn tags(operations: &[&Operation]) -> Value {
    let mut products: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for operation in operations {
        let groups = products.entry(tag(operation.path)).or_default();
        groups.extend(Some(operation.group).filter(|group| !group.is_empty()));
    }
    let mut tags: Vec<Value> = products
        .into_iter()
        .map(|(product, groups)| {
            let groups: Vec<&str> = groups.into_iter().collect();
            super::object([("name", product.into()), ("description", groups.join(", ").into())])
        })
        .collect();
    tags.push(json!({ "name": NOTIFICATIONS, "description": "回调通知" }));
    tags.into()
}

pub(super) fn tag(path: &str) -> &str {
    path.split('/').nth(1).unwrap_or(path)
}
