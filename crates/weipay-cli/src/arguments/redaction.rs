//! Removes from the error about a wrong command line what may be secret: a text in the wrong place may be a key or personal
//! data.

use clap::Error;
use clap::error::{ContextKind, ContextValue};

/// What is printed instead of a text that may be secret.
const HIDDEN: &str = "...";

/// The error, which repeats what was typed only if it is the name of an option or a plain word.
pub(super) fn redact(mut error: Error) -> Error {
    for (kind, is_safe) in [
        (ContextKind::InvalidArg, is_option_or_argument as fn(&str) -> bool),
        (ContextKind::InvalidSubcommand, is_word),
        (ContextKind::InvalidValue, is_short_value),
    ] {
        if let Some(ContextValue::String(typed)) = error.get(kind)
            && !is_safe(typed)
        {
            error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
            // The suggestion would repeat it.
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

/// `--option`, `--option <VALUE>` or `<ARGUMENT>`.
fn is_option_or_argument(text: &str) -> bool {
    let name = text.split([' ', '=']).next().unwrap_or(text);
    let placeholder = text.strip_prefix(name).unwrap_or_default().trim_start_matches([' ', '=']);
    let is_placeholder = |text: &str| {
        let inside = text
            .trim_end_matches('.')
            .strip_prefix(['<', '['])
            .and_then(|rest| rest.strip_suffix(['>', ']']));
        inside.is_some_and(|inside| {
            inside.len() <= 24
                && inside.bytes().all(|byte| byte.is_ascii_alphabetic() || b"=:|_".contains(&byte))
        })
    };
    match name.strip_prefix('-') {
        Some(option) => {
            is_word(option.strip_prefix('-').unwrap_or(option))
                && (placeholder.is_empty() || is_placeholder(placeholder))
        }
        None => is_placeholder(text),
    }
}

/// A short word in lower case, as options and commands are.
fn is_word(text: &str) -> bool {
    (1..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A number, a time, an address or a word. Eleven digits are a telephone number.
fn is_short_value(text: &str) -> bool {
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or_default();
    text.len() <= 32
        && digits < 11
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:+_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Arguments;
    use super::*;

    fn message(arguments: &[&str]) -> String {
        let error = Arguments::try_parse_from([&["weipay"], arguments].concat()).unwrap_err();
        redact(error).to_string()
    }

    #[test]
    fn a_text_in_the_wrong_place_is_not_repeated() {
        let key = "-----BEGIN PRIVATE KEY-----MIIEsecret";
        for arguments in [
            &["call", "POST", "v3/certificates", r#"{"name":"secret"}"#] as &[&str],
            &["call", r#"{"name":"secret"}"#, "v3/certificates"],
            &["call", "GET", "v3/certificates", "--query", "a=1", "张secret"],
            &["call", "GET", "v3/certificates", "13800secret138000"],
            &["call", key, "v3/certificates"],
            &["call", "GET", "v3/certificates", key],
            &["MIIEsecret"],
            &[key],
            &["sandbox", "--clock", "MIIE/secret="],
            &["sandbox", "MIIEsecret"],
            &["api", "MIIEsecret"],
        ] {
            let message = message(arguments);
            assert!(!message.contains("secret") && message.contains("..."), "{arguments:?}: {message}");
        }
    }

    #[test]
    fn names_of_options_and_commands_and_plain_values_are_printed() {
        for (arguments, said) in [
            (&["call", "GET", "v3/a", "--quer", "a=1"] as &[&str], "'--quer'"),
            (&["sandbx"], "'sandbx'"),
            (&["call", "HEAD", "v3/a"], "'HEAD'"),
            (&["call", "GET", "v3/a", "--encrypt", "--ciphertext"], "'--encrypt'"),
            (&["sandbox", "--clock", "2026-08-15"], "'2026-08-15' for '--clock <TIME>'"),
            (&["call", "GET", "v3/a", "--kit"], "'--kit <FILE>'"),
            (&["sandbox", "--idle-timeout", "0"], "'--idle-timeout <SECONDS>'"),
        ] {
            let message = message(arguments);
            assert!(message.contains(said), "{message}");
        }
    }
}
