//! Why a call could not be prepared.

use super::Cause;
use crate::model::sensitive::NOT_CIPHERTEXT;

/// Why a call could not be prepared. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A `{placeholder}` of the path has no value.
    #[error("the path's {{{0}}} has no value: set it with `.path(\"{0}\", ...)` before the verb")]
    UnfilledPlaceholder(String),
    /// A value was given for a placeholder that the path does not have.
    #[error(
        "the path has no placeholder {{{0}}}: remove `.path(\"{0}\", ...)`, or write the placeholder into the path"
    )]
    UnknownPlaceholder(String),
    /// The path cannot be part of a URL.
    #[error("the path {0}")]
    Path(String),
    /// The path contains a character that a URL does not allow.
    #[error(
        "the path contains `{}`, which a URL does not allow: give values with `.path(name, value)`, which encodes them",
        .0.escape_debug()
    )]
    PathCharacter(char),
    /// The query in the path contains a character that a URL does not allow.
    #[error(
        "the query in the path contains `{}`, which a URL does not allow: give it with `.query(name, value)`, which encodes it",
        .0.escape_debug()
    )]
    QueryCharacter(char),
    /// A whole URL was given instead of a path.
    #[error(
        "the path is a whole URL: download a file with `client.download(url)`; for any other call, give only the part after the \
         host, from `v3/` on and with its query, and set the host with `.base_url(...)`"
    )]
    WholeUrl,
    /// The property style was used with more different paths than a client keeps.
    #[error(
        "{0} different paths were indexed (`client[path]`), and the client keeps each of them: index by templates and give \
         ids with `.path(name, value)`, or begin this call with `client.chain(path)`"
    )]
    TooManyPaths(usize),
    /// A path value is empty, `.` or `..`.
    #[error(
        "the value of {{{0}}} is empty or consists of dots, so it would change the path: give another value"
    )]
    PathValue(String),
    /// A header name or value is not valid.
    #[error(
        "the header {0} is not valid: a name takes letters, digits and hyphens, and a value is one line of text"
    )]
    Header(String),
    /// The header describes the connection or the length of the body, which only the transport knows.
    #[error("the header {0} is set by the client itself, from the body and the connection: do not set it")]
    FramingHeader(String),
    /// The method is CONNECT, which asks a proxy for a tunnel: its target would not be the path that was signed.
    #[error("no operation uses the method CONNECT, which asks a proxy for a tunnel: use another method")]
    ConnectMethod,
    /// The base URL cannot be used.
    #[error("the base URL {0}")]
    BaseUrl(String),
    /// The address of a file cannot be used.
    #[error("the download URL {0}")]
    DownloadUrl(String),
    /// The digest that is announced for a file cannot be checked.
    #[error("the digest (hash_value) of the file {0}")]
    Digest(String),
    /// The response of the operation is not a file, or the catalogue does not know the operation.
    #[error(
        "only an operation whose response is a file can be downloaded directly: call this one with its verb, and if \
         its response names a file, pass it to `client.download(...)`"
    )]
    NotAFile,
    /// The body or the query cannot be serialized.
    #[error("the request cannot be serialized")]
    Body(#[source] Cause),
    /// A field breaks a rule of the catalogue.
    #[error("{} {rule}", named(path))]
    Field {
        /// Where the field is, such as `amount.total`.
        path: String,
        /// The broken rule, as the end of a sentence about the field.
        rule: String,
    },
    /// A field was given as [ciphertext](crate::model::Sensitive::ciphertext), but is not.
    #[error("`{path}` {NOT_CIPHERTEXT}")]
    NotCiphertext {
        /// Where the field is, such as `receiver.name`.
        path: String,
    },
    /// A sensitive value cannot be encrypted.
    #[error("the sensitive value cannot be encrypted")]
    Encryption(#[source] Cause),
    /// The request could not be signed with the merchant private key.
    #[error("signing the request with the merchant private key failed")]
    Signing(#[source] Cause),
    /// The [signer](crate::signer) failed. Its own error is the source.
    #[error("the signer failed to sign the request")]
    Signer(#[source] Cause),
    /// The operation needs a brand, but the client has the credentials of a merchant.
    #[error(
        "this operation needs the credentials of a brand (品牌), but the client has those of a merchant: build a client with \
         `.brand(...)` and the brand's API certificate"
    )]
    RequiresBrand,
    /// The operation needs a merchant, but the client has the credentials of a brand.
    #[error(
        "this operation needs the credentials of a merchant (商户), but the client has those of a brand: build a client with \
         `.mchid(...)` and the merchant's API certificate"
    )]
    RequiresMerchant,
    /// The client calls for a sub-merchant, but the operation is for direct merchants. The value is the operation for partners.
    #[error(
        "the client calls for a sub-merchant (子商户), but this operation is for a merchant that acts for itself: it \
         would act for the partner. Use the operation for partners, {0}, or a client without the sub-merchant"
    )]
    NotForSubMerchant(String),
    /// The APIv3 key is missing, with which the platform encrypts its certificates.
    #[error(
        "the platform certificates (平台证书) come encrypted with the APIv3 key (APIv3密钥), which the client does not have: give it \
         with `.api_v3_key(...)` or in WEIPAY_API_V3_KEY"
    )]
    MissingApiV3Key,
    /// The APIv2 key is missing, with which calls of APIv2 are signed.
    #[error(
        "calls of APIv2 are signed with the APIv2 key (API密钥), which the client does not have: give it with `.api_v2_key(...)` \
         or in WEIPAY_API_V2_KEY"
    )]
    MissingApiV2Key,
    /// The merchant's certificate is missing, which the operation requires in the TLS handshake.
    #[error(
        "this operation requires the merchant API certificate (商户API证书) in the TLS handshake, but the client does not \
         have it: \
         give it with `.merchant_certificate(...)` (apiclient_cert.pem) or `.merchant_identity(...)` (apiclient_cert.p12)"
    )]
    MissingClientCertificate,
}

/// A field in a message. The body itself has no name.
fn named(path: &str) -> String {
    if path.is_empty() { "the body".to_owned() } else { format!("`{path}`") }
}

impl From<crate::model::Violation> for RequestError {
    fn from(violation: crate::model::Violation) -> Self {
        match violation.rule == NOT_CIPHERTEXT {
            true => Self::NotCiphertext { path: violation.path },
            false => Self::Field { path: violation.path, rule: violation.rule },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_named_as_it_is_and_stays_on_one_line() {
        assert!(RequestError::QueryCharacter('中').to_string().contains("`中`"));
        assert!(RequestError::PathCharacter('\r').to_string().contains(r"`\r`"));
    }

    #[test]
    fn a_body_without_members_is_named_as_the_body() {
        let rule = || "must be an object".to_owned();
        let error = |path: &str| RequestError::Field { path: path.to_owned(), rule: rule() }.to_string();
        assert_eq!(
            [error(""), error("amount.total")],
            ["the body must be an object", "`amount.total` must be an object"]
        );
    }

    #[test]
    fn a_placeholder_is_named_with_the_call_that_fills_it() {
        let error = RequestError::UnfilledPlaceholder("stock_id".to_owned());
        assert_eq!(
            error.to_string(),
            "the path's {stock_id} has no value: set it with `.path(\"stock_id\", ...)` before the verb"
        );
    }
}
