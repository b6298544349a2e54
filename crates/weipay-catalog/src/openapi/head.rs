//! The parts of the document about all operations: its description, signing, errors, and products.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::operation::Operation;

/// The name of the one way to sign.
pub(super) const SECURITY: &str = "WECHATPAY2-SHA256-RSA2048";

/// The tag of all webhooks.
pub(super) const NOTIFICATIONS: &str = "notifications";

const DESCRIPTION: &str = "\
The operations (接口) and notifications (回调通知) of WeChat Pay APIv3. Descriptions are the official Chinese terms. This \
document is not published by Tencent.

A request is signed over its exact bytes; a success is signed by the platform, in the headers `Wechatpay-Signature`, \
`Wechatpay-Timestamp`, `Wechatpay-Nonce` and `Wechatpay-Serial`, unless the operation says `x-unsigned`.

| extension | meaning |
|---|---|
| `x-extensible-enum` | the values that the pages list. The platform adds values without notice |
| `x-encrypted: rsa-pubkey` | the value is sent encrypted with RSA-OAEP, in base64; lengths and patterns are those of the plaintext. The request needs the header `Wechatpay-Serial` |
| `x-encrypted: aes-gcm` | the value is encrypted with the APIv3 key; `x-opens-to` is the decrypted content |
| `x-min-bytes`, `x-max-bytes` | the length of the value in bytes of UTF-8, which the platform counts for this field; `minLength` and `maxLength` are the resulting limits in characters |
| `x-signed` | the value is a signature |
| `x-unit: fen` | money in fen (分), the hundredth of a yuan |
| `x-unit: minor` | money in the smallest unit of its currency (币种最小货币单位); another member names the currency |
| `x-format` | the format of the value, if `format` has no word for it |
| `x-required-in` | the field is required only in this mode |
| `x-needed-in` | a request needs the field only in this case: for this value of another field, or for one of several alternatives |
| `x-private` | the value belongs to a person or opens something (a token, a link): do not write it to a log. What is encrypted or signed is private without it |
| `x-purpose` | what a field is for, where a client must know it: `request-number` is the request's own number, `file-name`, `file-sha256` and `file-sm3` describe the uploaded file, `platform-serial` names the key that encrypts fields, `merchant-number` is the number of the merchant that signs (in a response perhaps that in the field `x-echo-of` instead), `sub-merchant-number` and `sub-merchant-appid` are those of the sub-merchant that a partner calls for; of APIv2, `sign-type` says how, `nonce` and `signature` are what is signed and the signature. The words `page-...` say how a list is asked for page by page; of a response, `echo` repeats the request's field of that name, or of the name in `x-echo-of` (in a shared object: where the request has it), `state` says in which state something is, and `download-...` are the address of a file, its digest, and what it is decrypted with |
| `x-repeat`, `x-repeat-reason` | whether the same request may be sent again: `safe` (it takes effect at most once), `not-safe`, or `unknown` (treat it as not safe); and the reason. `x-repeat-after-seconds`: how far apart the platform wants the two |
| `x-error-codes` | the known error codes (错误码) of a response: what each means, what to do (`advice`), and where that is known from. The response `ApiError` has those of every operation; an operation itself has those whose status is unknown or 202. The platform adds codes without notice |
| `x-path` | the complete path, if the server contains a part of it |
| `x-partner-path` | where a partner (服务商) does for a sub-merchant what this operation does for its caller |
| `x-unsigned` | responses have no signature of their body |
| `x-signed-digest` | the header with the SHA-1 of a file. The signature of the response, if it has one, is over `{\"sha1\":\"<value of the header>\"}` |
| `x-docs`, `x-group`, `x-roles` | the official pages, the official product, who may call |
| `x-other` | what a page describes that is not a part of the request |
| `x-retry`, `x-also-sent-as`, `x-associated-data` | of a notification: seconds between deliveries, other event types, known values of the associated data |

A `string` with `contentMediaType: application/json` and a `contentSchema` is JSON text in a string.";

const SIGNING: &str = "\
`Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"...\",nonce_str=\"...\",timestamp=\"...\",serial_no=\"...\",signature=\"...\"`. \
The signature is RSA with SHA-256, in base64, over five lines that each end with a line feed: method, path with query, \
timestamp, nonce, body. Uploads sign their `meta` part instead of the body.";

pub(super) fn info() -> Value {
    json!({
        "title": "WeChat Pay APIv3 (微信支付)",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
    })
}

/// The components except the schemas of operations.
pub(super) fn components() -> Value {
    json!({
        "securitySchemes": {
            (SECURITY): { "type": "http", "scheme": SECURITY, "description": SIGNING },
        },
        "responses": {
            "ApiError": {
                "description": "Any response except a success. It may be unsigned.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ApiError" } } },
                "x-error-codes": super::errors::common(),
            },
        },
    })
}

/// The body of every error response.
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
