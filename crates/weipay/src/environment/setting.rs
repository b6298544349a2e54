//! The value of a setting: what may surround it, and whether it is a key or the path of a file with one.
//!
//! No error here contains a value, unless the value can be nothing but a path. Files are small regular files, and their content
//! is wiped from memory after use.

use std::fs::{File, FileType};
use std::io::Read;
use std::path::Path;
use std::{env, fs, io};

use weipay_wire::{Certificate, KeyError, KeyFormat, looks_like_path};
use zeroize::Zeroizing;

use crate::builder::ConfigError;

/// A value without what copying and configuration files may leave around it: white space, line breaks, a byte order mark, and a
/// pair of quotation marks, which some readers of `.env` files keep.
pub(super) fn cleaned(value: &str) -> &str {
    let trimmed = trimmed(value);
    let unquoted = ['"', '\''].iter().find_map(|mark| trimmed.strip_prefix(*mark)?.strip_suffix(*mark));
    unquoted.map_or(trimmed, self::trimmed)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{FEFF}')
}

/// Reads a key or a certificate: PEM text, or a file, whose path may be relative to `folder`.
pub(super) fn key<K>(
    setting: &str,
    value: &str,
    folder: &Path,
    read: impl Fn(&[u8]) -> Result<K, KeyError>,
) -> Result<K, ConfigError> {
    let value = cleaned(value);
    let path = folder.join(value);
    if value.contains("-----BEGIN") || !(looks_like_path(value) || is_there(value, &path)) {
        return read(value.as_bytes()).map_err(|error| text_error(setting, error));
    }
    let shown = shown(&path).unwrap_or_else(|| "its file".to_owned());
    let content =
        read_file(&path).map_err(|reason| ConfigError::setting(setting, format!("{shown} {reason}")))?;
    read(&content).map_err(|source| ConfigError::Key { setting: format!("{setting} ({shown})"), source })
}

/// Reads platform certificates: paths, separated as the system separates the folders of `PATH`, or PEM text.
/// A file may hold several certificates.
pub(super) fn certificates(setting: &str, value: &str) -> Result<Vec<Certificate>, ConfigError> {
    let value = cleaned(value);
    if value.contains(BEGIN) {
        return each_certificate(value.as_bytes()).map_err(|error| text_error(setting, error));
    }
    let mut certificates = Vec::new();
    for path in env::split_paths(value) {
        let path = path.to_str().map_or_else(|| path.clone(), |text| cleaned(text).into());
        if path.as_os_str().is_empty() {
            continue;
        }
        let shown = shown(&path).unwrap_or_else(|| "one of its files".to_owned());
        let content =
            read_file(&path).map_err(|reason| ConfigError::setting(setting, format!("{shown} {reason}")))?;
        let error = |source| ConfigError::Key { setting: format!("{setting} ({shown})"), source };
        certificates.extend(each_certificate(&content).map_err(error)?);
    }
    if certificates.is_empty() {
        return Err(ConfigError::setting(
            setting,
            "it names no file: give the paths of platform certificates",
        ));
    }
    Ok(certificates)
}

const BEGIN: &str = "-----BEGIN";

/// Every certificate of a file.
fn each_certificate(content: &[u8]) -> Result<Vec<Certificate>, KeyError> {
    let starts: Vec<usize> = (0..content.len())
        .filter(|at| content.get(*at..).is_some_and(|rest| rest.starts_with(BEGIN.as_bytes())))
        .collect();
    let ([_, rest @ ..], true) = (starts.as_slice(), starts.len() > 1) else {
        return Ok(vec![Certificate::from_pem_bytes(content)?]);
    };
    let ends = rest.iter().copied().chain([content.len()]);
    // Text before the first certificate belongs to it: a byte order mark, or an explanation.
    let starts = [0].into_iter().chain(rest.iter().copied());
    starts.zip(ends).map(|(start, end)| Certificate::from_pem_bytes(&content[start..end])).collect()
}

/// Reads a secret: the text itself, or a file that contains it. What surrounds the text is removed.
pub(super) fn secret(setting: &str, value: &str, folder: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let value = cleaned(value);
    let path = folder.join(value);
    if !(looks_like_path(value) || is_there(value, &path)) {
        return Ok(Zeroizing::new(value.to_owned()));
    }
    let shown = shown(&path).unwrap_or_else(|| "its file".to_owned());
    let content =
        read_file(&path).map_err(|reason| ConfigError::setting(setting, format!("{shown} {reason}")))?;
    match text_from(&content) {
        Ok(text) => Ok(Zeroizing::new(cleaned(text).to_owned())),
        Err(reason) => Err(ConfigError::setting(setting, format!("{shown} {reason}"))),
    }
}

/// The text of a UTF-8 file, without its byte order mark.
pub(super) fn text_from(content: &[u8]) -> Result<&str, &'static str> {
    match content {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF, ..] => {
            Err("is UTF-16 or UTF-32: save it as UTF-8")
        }
        content => match str::from_utf8(content) {
            Ok(text) if text.contains('\0') => Err("is not text"),
            Ok(text) => Ok(text.trim_start_matches('\u{FEFF}')),
            Err(_) => Err("is not UTF-8 text"),
        },
    }
}

fn is_there(value: &str, path: &Path) -> bool {
    !value.is_empty() && !value.contains('\0') && fs::metadata(path).is_ok()
}

/// Why a value that is not a path cannot be read as PEM.
fn text_error(setting: &str, source: KeyError) -> ConfigError {
    match source {
        KeyError::NotPem { given: KeyFormat::Text, .. } => {
            ConfigError::setting(setting, format!("it is not the path of a file, and as PEM: {source}"))
        }
        KeyError::NotPem { given: KeyFormat::FileUrl, .. } => {
            ConfigError::setting(setting, "it is the URL of a file: write the path alone, without `file://`")
        }
        source => ConfigError::Key { setting: setting.to_owned(), source },
    }
}

/// The size limit of a file. A key or a certificate has about 2 kB, a kit 1 kB.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// Reads a file. The error says why it cannot be read, without the file's name.
///
/// Only regular files are read: a device may never end, and opening a named pipe may block.
pub(super) fn read_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let kind = fs::metadata(file).map_err(unreadable)?.file_type();
    if !kind.is_file() {
        return Err(format!("is {}: give a regular file", kind_name(kind)));
    }
    // Full capacity from the start: growing would leave copies of a private key behind in freed memory.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    File::open(file).map_err(unreadable)?.take(limit + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > MAX_FILE_BYTES {
        return Err(format!(
            "is larger than {} kB, which is too large for a key, a certificate or a kit: give another file",
            MAX_FILE_BYTES / 1024
        ));
    }
    Ok(content)
}

fn kind_name(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "a device, a pipe or a socket" }
}

/// The name of a file as an error may show it; `None` if the text may be something else than a path, such as a key.
pub(super) fn shown(file: &Path) -> Option<String> {
    let text = file.display().to_string();
    let is_there = fs::symlink_metadata(file).is_ok() && !text.chars().any(char::is_control);
    (is_there || looks_like_path(&text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_value_is_removed() {
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
    fn a_file_that_is_not_utf_8_is_reported_as_such() {
        assert_eq!(text_from(b"\xEF\xBB\xBFa\r\n"), Ok("a\r\n"));
        assert!(text_from(b"\xFF\xFEa\0").unwrap_err().contains("UTF-16"));
        assert!(text_from(b"a\0b\0").is_err());
        assert!(text_from(b"\xB1").is_err());
    }

    #[test]
    fn a_file_is_read_up_to_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, vec![b'x'; MAX_FILE_BYTES]).unwrap();
        assert_eq!(read_file(&file).unwrap().len(), MAX_FILE_BYTES);
        fs::write(&file, vec![b'x'; MAX_FILE_BYTES + 1]).unwrap();
        assert_eq!(
            read_file(&file).unwrap_err(),
            "is larger than 64 kB, which is too large for a key, a certificate or a kit: give another file"
        );
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused_unopened() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_file(folder.path()).unwrap_err(), "is a folder: give a regular file");
        assert!(read_file(&folder.path().join("none.pem")).unwrap_err().starts_with("cannot be read: "));
        #[cfg(unix)]
        {
            let socket = folder.path().join("socket");
            let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            for file in [Path::new("/dev/zero"), Path::new("/dev/null"), &socket] {
                assert!(
                    read_file(file).unwrap_err().contains("a device, a pipe or a socket"),
                    "{}",
                    file.display()
                );
            }
            let link = folder.path().join("link.pem");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert!(read_file(&link).unwrap_err().contains("a device, a pipe or a socket"));
        }
    }

    #[test]
    fn a_name_is_shown_if_it_can_be_nothing_but_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC");
        assert_eq!(shown(&odd), None);
        fs::write(&odd, "").unwrap();
        assert_eq!(shown(&odd), Some(odd.display().to_string()));
        assert_eq!(shown(Path::new("no/such/key.pem")).as_deref(), Some("no/such/key.pem"));
    }
}
