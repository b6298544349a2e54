//! The value of a setting: what may stand around it, and whether it is a key or names the file of one.
//!
//! Nothing here puts a value into an error, unless it can be nothing but a path.

use std::fs;
use std::path::Path;

use weipay_wire::{KeyError, KeyFormat, looks_like_path};
use zeroize::Zeroizing;

use super::file;
use crate::builder::ConfigError;

/// A value without what copying and configuration files leave around it: blanks, line breaks, a byte order mark, and a
/// pair of quotation marks, which some readers of `.env` files keep.
pub(super) fn cleaned(value: &str) -> &str {
    let trimmed = trimmed(value);
    let unquoted = ['"', '\''].iter().find_map(|mark| trimmed.strip_prefix(*mark)?.strip_suffix(*mark));
    unquoted.map_or(trimmed, self::trimmed)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}')
}

/// Reads a key or a certificate: the text of a PEM, or a file whose path may be relative to `folder`.
pub(super) fn key<K>(
    setting: &str,
    value: &str,
    folder: &Path,
    read: impl Fn(&[u8]) -> Result<K, KeyError>,
) -> Result<K, ConfigError> {
    let value = cleaned(value);
    let path = folder.join(value);
    if value.contains("-----BEGIN") || !(looks_like_path(value) || is_there(value, &path)) {
        return read(value.as_bytes()).map_err(|error| of_text(setting, error));
    }
    let shown = file::shown(&path).unwrap_or_else(|| "the file that it names".to_owned());
    let content = file::read(&path).map_err(|reason| named(setting, &format!("{shown} {reason}")))?;
    read(&content).map_err(|source| ConfigError::Key { setting: format!("{setting} ({shown})"), source })
}

/// Reads a secret that is given itself or as the path of a file: the text without what stands around it.
pub(super) fn secret(setting: &str, value: &str, folder: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let value = cleaned(value);
    let path = folder.join(value);
    if !(looks_like_path(value) || is_there(value, &path)) {
        return Ok(Zeroizing::new(value.to_owned()));
    }
    let shown = file::shown(&path).unwrap_or_else(|| "the file that it names".to_owned());
    let content = file::read(&path).map_err(|reason| named(setting, &format!("{shown} {reason}")))?;
    match text_of(&content) {
        Ok(text) => Ok(Zeroizing::new(cleaned(text).to_owned())),
        Err(reason) => Err(named(setting, &format!("{shown} {reason}"))),
    }
}

/// The text of a file in UTF-8, without its byte order mark.
pub(super) fn text_of(content: &[u8]) -> Result<&str, &'static str> {
    match content {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Err("is in UTF-16: save it again as UTF-8"),
        content => match str::from_utf8(content) {
            Ok(text) if text.contains('\0') => Err("is not text"),
            Ok(text) => Ok(text.trim_start_matches('\u{FEFF}')),
            Err(_) => Err("is not text in UTF-8"),
        },
    }
}

fn is_there(value: &str, path: &Path) -> bool {
    !value.is_empty() && !value.contains('\0') && fs::metadata(path).is_ok()
}

/// Why a value that is not a path cannot be read as a PEM.
fn of_text(setting: &str, source: KeyError) -> ConfigError {
    match source {
        KeyError::NotPem { given: KeyFormat::Text, .. } => {
            named(setting, &format!("it does not name a file, and {source}"))
        }
        source => ConfigError::Key { setting: setting.to_owned(), source },
    }
}

/// A setting that cannot be used.
pub(super) fn named(name: &str, reason: &str) -> ConfigError {
    ConfigError::Setting { name: name.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_value_is_taken_off() {
        for value in
            ["1900000001", " 1900000001\r\n", "\u{FEFF}1900000001\t", "\"1900000001\"", "' 1900000001 '\n"]
        {
            assert_eq!(cleaned(value), "1900000001", "{value:?}");
        }
        assert_eq!(cleaned("\"a"), "\"a");
        assert_eq!(cleaned("\""), "\"");
        assert_eq!(cleaned("a b"), "a b");
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_named_as_such() {
        assert_eq!(text_of(b"\xEF\xBB\xBFa\r\n"), Ok("a\r\n"));
        assert!(text_of(b"\xFF\xFEa\0").unwrap_err().contains("UTF-16"));
        assert!(text_of(b"a\0b\0").is_err());
        assert!(text_of(b"\xB1").is_err());
    }
}
