//! Values of options: the body of `--json`, and the pairs of `--query`, `--path` and `--header`.
//!
//! Errors never repeat a value: it may be personal data, and what a command prints is often logged.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use serde_json::value::RawValue;
use weipay::wire::looks_like_path;

/// Reads a method.
pub(crate) fn method(text: &str) -> Result<http::Method, String> {
    let upper = text.to_ascii_uppercase();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&upper.as_str());
    let method = known.then(|| upper.parse().ok()).flatten();
    method.ok_or_else(|| "the method must be GET, POST, PUT, PATCH or DELETE".to_owned())
}

/// The longest body that is read. A JSON body has a few kB; uploads are another command.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Reads the value of `--json`: from the command line, from a file, or from standard input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonBody;

impl TypedValueParser for JsonBody {
    type Value = Box<RawValue>;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Box<RawValue>, Error> {
        read_body(value).map_err(|reason| {
            Error::raw(ErrorKind::ValueValidation, format!("--json: {reason}\n")).with_cmd(command)
        })
    }
}

fn read_body(value: &OsStr) -> Result<Box<RawValue>, String> {
    let value = value.to_str().ok_or("it is not UTF-8 text")?;
    let content = match value.strip_prefix('@') {
        Some(file) => read_file(Path::new(file))?,
        None if value == "-" => {
            read_bounded(io::stdin().lock()).map_err(|reason| format!("standard input {reason}"))?
        }
        None => value.as_bytes().to_vec(),
    };
    if content.starts_with(b"\xFF\xFE") || content.starts_with(b"\xFE\xFF") {
        return Err("it is in UTF-16: save it again as UTF-8".to_owned());
    }
    let text = std::str::from_utf8(&content).map_err(|_| "it is not UTF-8 text")?;
    serde_json::from_str(text.trim_start_matches('\u{FEFF}'))
        .map_err(|error| format!("it is not valid JSON: {error}"))
}

fn read_file(file: &Path) -> Result<Vec<u8>, String> {
    let name = file.display().to_string();
    // What looks like no path may be a body with an `@` in front, which is not repeated.
    let is_path = file.exists() || looks_like_path(&name) || is_plain_name(&name);
    let name = if is_path { name } else { "the file after `@`".to_owned() };
    let unreadable = |error: io::Error| format!("cannot read {name}: {error}");
    let kind = file.metadata().map_err(unreadable)?.file_type();
    // A file that the shell has opened may be a pipe, as in `@<(command)`. Opening any other pipe would wait.
    let is_open = file.starts_with("/dev/fd") || file == Path::new("/dev/stdin");
    if kind.is_dir() || !(kind.is_file() || is_open) {
        return Err(format!("{name} is not a file"));
    }
    read_bounded(File::open(file).map_err(unreadable)?).map_err(|reason| format!("{name} {reason}"))
}

/// Whether a text can only be the name of a file, such as `order.json`.
fn is_plain_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    text.len() <= 100
        && text.rsplit_once('.').is_some_and(|(_, end)| (1..=5).contains(&end.len()))
        && text.bytes().all(is_letter)
}

fn read_bounded(source: impl Read) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    source.take(limit + 1).read_to_end(&mut content).map_err(|error| format!("cannot be read: {error}"))?;
    if content.len() > MAX_BODY_BYTES {
        return Err(format!("has more than {} MiB, the limit of a JSON body", MAX_BODY_BYTES / 1024 / 1024));
    }
    Ok(content)
}

/// The most that is moved at once: a hundred million yuan.
const MAX_FEN: i64 = 10_000_000_000;

/// An amount in fen (分).
pub(crate) fn fen(text: &str) -> Result<i64, String> {
    let fen = text.parse().ok().filter(|fen| (1..=MAX_FEN).contains(fen));
    fen.ok_or_else(|| format!("it must be a whole number of fen (分) from 1 to {MAX_FEN}"))
}

/// Not negative.
pub(crate) fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("it must be a whole number from 0 to {}", u64::MAX))
}

/// At least 1.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| "it must be a whole number of at least 1".to_owned())
}

/// How often something happens.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it must be a number from 0 (never) to 1 (always)".to_owned())
}

/// An address to listen on.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "it must be an IP address with a port, such as 127.0.0.1:8880".to_owned())
}

/// A time, which is passed on as it was typed.
pub(crate) fn time(text: &str) -> Result<String, String> {
    text.parse::<weipay_sandbox::Clock>().map(|_| text.to_owned())
}

/// Reads a name and a value with this separator between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair(pub(crate) char);

impl TypedValueParser for Pair {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<(String, String), Error> {
        self.read(value).map_err(|reason| {
            let name = argument.and_then(Arg::get_long).unwrap_or("the argument");
            Error::raw(ErrorKind::ValueValidation, format!("--{name}: {reason}\n")).with_cmd(command)
        })
    }
}

impl Pair {
    fn read(self, value: &OsStr) -> Result<(String, String), String> {
        let separator = self.0;
        let text = value.to_str().ok_or("it is not UTF-8 text")?;
        let (name, value) =
            text.split_once(separator).ok_or_else(|| format!("write it as name{separator}value"))?;
        if name.is_empty() {
            return Err("the name is empty".to_owned());
        }
        // Blanks around the value of a header do not belong to it.
        let value = if separator == ':' { value.trim() } else { value };
        Ok((name.to_owned(), value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn body(value: &str) -> Result<String, String> {
        read_body(OsStr::new(value)).map(|json| json.get().to_owned())
    }

    #[test]
    fn a_file_is_read_with_what_editors_leave_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("body");
        let given = format!("@{}", file.display());
        for content in ["{\"a\": 1}", "\u{FEFF}{\"a\": 1}", "{\"a\": 1}\r\n", "  {\"a\": 1} \n\n"] {
            fs::write(&file, content).unwrap();
            assert_eq!(body(&given).as_deref(), Ok("{\"a\": 1}"), "{content:?}");
        }
        fs::write(&file, b"\xFF\xFE{\0}\0").unwrap();
        assert!(body(&given).unwrap_err().contains("UTF-16"));
        fs::write(&file, b"{\"a\":\"\xB1\"}").unwrap();
        assert!(body(&given).unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn only_a_file_that_ends_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let of_file = |file: &Path| body(&format!("@{}", file.display())).unwrap_err();
        assert!(of_file(folder.path()).contains("is not a file"));
        assert!(of_file(&folder.path().join("none.json")).contains("cannot read"));
        #[cfg(unix)]
        assert_eq!(of_file(Path::new("/dev/zero")), "/dev/zero is not a file");
        let file = folder.path().join("large");
        fs::write(&file, vec![b' '; MAX_BODY_BYTES + 1]).unwrap();
        assert!(of_file(&file).contains("more than 8 MiB"));
    }

    #[test]
    fn nothing_of_a_body_is_repeated() {
        for value in ["{\"name\":\"张三\"", "@{\"name\":\"张三\"}", "张三", "{\"name\":张三}"] {
            let reason = body(value).unwrap_err();
            assert!(!reason.contains("张三"), "{reason}");
        }
    }

    #[test]
    fn a_pair_is_split_at_its_first_separator() {
        let read = |separator, text: &str| Pair(separator).read(OsStr::new(text)).unwrap();
        assert_eq!(read('=', "a=b=c "), ("a".to_owned(), "b=c ".to_owned()));
        assert_eq!(read(':', "A: b:c \r\n"), ("A".to_owned(), "b:c".to_owned()));
        assert_eq!(read('=', "a="), ("a".to_owned(), String::new()));
    }

    #[test]
    fn a_value_without_a_name_is_not_repeated() {
        for text in ["张三", "=张三"] {
            assert!(!Pair('=').read(OsStr::new(text)).unwrap_err().contains("张三"));
        }
    }
}
