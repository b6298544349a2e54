//! `--query`, `--path` and `--header`: a name and a value. The value is not repeated in an error: it may be personal.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};

/// Reads a name and a value with this between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair(pub(super) char);

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
        let text = value.to_str().ok_or("it is not text in UTF-8")?;
        let (name, value) =
            text.split_once(separator).ok_or_else(|| format!("write it as name{separator}value"))?;
        if name.is_empty() {
            return Err("the name is empty".to_owned());
        }
        // Blanks around the value of a header are not a part of it.
        let value = if separator == ':' { value.trim() } else { value };
        Ok((name.to_owned(), value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
