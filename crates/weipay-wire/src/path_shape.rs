//! Recognizes the path of a file by its shape.
//!
//! A setting such as `WEIPAY_MERCHANT_KEY` accepts a path or the text of a key. If it cannot be read, the error names
//! the path, but must never print a key that was pasted in an unexpected form. So the check is strict: if a path is not
//! recognized, the message says a little less; if a key were taken for a path, it would be printed.

/// The longest path that is recognized.
const MAX_PATH_LENGTH: usize = 255;

/// A run of base64 letters of this length or longer, with upper case, lower case and digits, may be a part of a key.
const MIN_KEY_RUN: usize = 20;

/// The same for runs with `/`, which is a letter of base64 and also separates the parts of a path.
const MIN_KEY_RUN_WITH_SLASHES: usize = 32;

/// Extensions of files with keys, certificates and settings. A text with one of them is a path even without a folder.
const ENDINGS: [&str; 15] = [
    "cer", "cert", "conf", "crt", "der", "env", "jks", "json", "key", "p12", "p8", "pem", "pfx", "pub", "txt",
];

/// The same for runs with `.`, which separates the parts of tokens, and is common in file names.
const MIN_KEY_RUN_WITH_DOTS: usize = 40;

/// What occurs in a PEM, in base64, or in a URL with a password or a token.
const OTHER_MARKS: [&str; 7] = ["-----", "BEGIN ", "PRIVATE KEY", "=", "://", "@", "?"];

/// Whether a text has the shape of a path and cannot contain a key, so that it may be printed in an error or a log.
///
/// ```
/// use weipay_wire::looks_like_path;
///
/// assert!(looks_like_path("/etc/weipay/apiclient_key.pem"));
/// assert!(looks_like_path(r"C:\weipay\apiclient_key.pem"));
/// assert!(!looks_like_path("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7/k3E"));
/// ```
#[must_use]
pub fn looks_like_path(text: &str) -> bool {
    if text.is_empty() || text.len() > MAX_PATH_LENGTH || text.trim() != text {
        return false;
    }
    if text.chars().any(char::is_control) || OTHER_MARKS.iter().any(|mark| text.contains(mark)) {
        return false;
    }
    let stem = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
    if has_key_run(text, MIN_KEY_RUN, b"+=") || has_key_run(stem, MIN_KEY_RUN_WITH_DOTS, b"+=.") {
        return false;
    }
    has_ending(text) || (is_rooted(text) && !has_key_run(text, MIN_KEY_RUN_WITH_SLASHES, b"+=/"))
}

/// Whether the text ends like a file name: with `.pem` or the like, or inside a folder with any short extension.
fn has_ending(text: &str) -> bool {
    let (folder, name) =
        text.rsplit_once(['/', '\\']).map_or((None, text), |(folder, name)| (Some(folder), name));
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let known = ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    let short = (1..=10).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    !stem.is_empty() && (known || (short && folder.is_some()))
}

/// Whether the text begins like an absolute path, or with `./`, `../` or `~/`.
fn is_rooted(text: &str) -> bool {
    let has_drive = match text.as_bytes() {
        [letter, b':', b'/' | b'\\', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    };
    has_drive || ["/", "./", "../", "~/", ".\\", "..\\", "\\\\"].iter().any(|root| text.starts_with(root))
}

/// Whether the text contains `length` or more alphanumeric letters or `marks` in a row, with upper case, lower case and digits.
fn has_key_run(text: &str, length: usize, marks: &[u8]) -> bool {
    let is_of_run = |byte: &u8| byte.is_ascii_alphanumeric() || marks.contains(byte);
    text.as_bytes().split(|byte| !is_of_run(byte)).any(|run| {
        run.len() >= length
            && run.iter().any(u8::is_ascii_uppercase)
            && run.iter().any(u8::is_ascii_lowercase)
            && run.iter().any(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_by_their_root_or_their_ending() {
        for text in [
            "apiclient_key.pem",
            "keys/apiclient_key.pem",
            "./apiclient_key",
            "../keys/merchant",
            "~/weipay/key",
            "/run/secrets/merchant_key",
            "/Users/wang/Documents/shop 2/key2.pem",
            "/etc/weipay/1900007291_20241125_cert/apiclient_key.pem",
            "certs/wechatpay_408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB.pem",
            "/nix/store/0c4aef34b89340881bb2b25226393dc2-keys/merchant",
            "密钥/商户私钥.pem",
            r"C:\Users\Wang\keys\merchant",
            "d:/keys/merchant",
            "secrets/merchant.secret",
        ] {
            assert!(looks_like_path(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_a_key_or_another_secret_is_not_a_path() {
        let key = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7k3EpZ2mX/9dQ+1kYw0aHq3uVb5t";
        for text in [
            "",
            key,
            &key[..30],
            &format!("/{key}"),
            &format!("{}.pem", &key[10..30]),
            &format!("/{}", &key[10..32]),
            &format!("{}.{}.{}.pem", &key[..18], &key[20..38], &key[40..52]),
            &format!("{key}.pem"),
            &format!("/etc/{key}"),
            &format!("-----BEGIN PRIVATE KEY-----{key}"),
            &format!("----BEGIN PRIVATE KEY---- {}/key.pem", &key[..8]),
            &format!("/etc/key.pem\n{key}"),
            &"/a".repeat(200),
            "/k3Epz2mX/9dQ1kYw0aHq/3uVb5tAAoIBAQC7",
            "0123456789abcdef0123456789abcdef",
            "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
            "Tr0ub4dor.3",
            "https://wang:secret@keys.example/apiclient_key.pem",
            "/keys/apiclient_key.pem?token=secret",
            "KEY=secret.pem",
            "keys/merchant",
            "merchant",
            " key.pem",
        ] {
            assert!(!looks_like_path(text), "{text}");
        }
    }
}
