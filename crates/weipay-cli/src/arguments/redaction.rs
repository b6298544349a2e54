//! Removes from the error about a wrong command line what may be secret: a text in the wrong place may be a key or personal
//! data.

use std::io::Write as _;
use std::process;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What is printed instead of a text that may be secret.
const HIDDEN: &str = "...";

/// The error without what may be secret, and what else is said of it.
pub(super) struct Told {
    error: Error,
    notes: Vec<String>,
}

impl Told {
    /// `typed` are the arguments of the command line.
    pub(super) fn new(mut error: Error, typed: &[String]) -> Self {
        let given = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        };
        let mut notes = Vec::new();
        if error.kind() == ErrorKind::UnknownArgument
            && let Some(argument) = given(ContextKind::InvalidArg)
        {
            if is_negative(&argument) {
                // Of -5m the error has the first letter alone, and advice for an option.
                let whole =
                    typed.iter().find(|text| text.starts_with(&argument)).filter(|text| is_negative(text));
                let argument = whole.cloned().unwrap_or(argument);
                error.insert(ContextKind::InvalidArg, ContextValue::String(argument.clone()));
                error.remove(ContextKind::Suggested);
                notes.push(format!(
                    "{argument} is read as an option: no number or duration here may be negative"
                ));
            } else if is_run_without_dashes(typed) {
                notes.push(
                    "write the command after `--`: weipay sandbox run -- COMMAND ARGUMENT...".to_owned(),
                );
            }
        }
        let before = error.to_string();
        let error = redact(error);
        let after = error.to_string();
        if before != after && after.contains(&format!("'{HIDDEN}'")) {
            notes.push(format!("'{HIDDEN}' replaces what was typed there, because it may be a key"));
        }
        Self { error, notes }
    }

    /// Prints it and ends the process, as clap does.
    pub(super) fn exit(self) -> ! {
        if self.notes.is_empty() {
            self.error.exit();
        }
        // If standard error is closed, the exit code still tells.
        let _ = self.error.print();
        for note in &self.notes {
            let _ = writeln!(anstream::stderr(), "\n  note: {note}");
        }
        process::exit(self.error.exit_code());
    }
}

/// Such as -1 or -5m.
fn is_negative(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or_default();
    rest.len() <= 24
        && rest.starts_with(|letter: char| letter.is_ascii_digit())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

fn is_run_without_dashes(typed: &[String]) -> bool {
    let mut words = typed.iter().filter(|word| !word.starts_with('-'));
    let is_run = words.next().is_some_and(|word| word == "sandbox") && typed.iter().any(|word| word == "run");
    is_run && typed.iter().all(|word| word != "--")
}

/// The error, which repeats what was typed only if it is the name of an option or a plain word.
fn redact(mut error: Error) -> Error {
    // What stands in these is not secret, and is repeated if it is short.
    let is_harmless = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(name)) if HARMLESS.contains(&name.as_str())
    );
    for (kind, is_safe) in [
        (ContextKind::InvalidArg, is_option_or_argument as fn(&str) -> bool),
        (ContextKind::InvalidSubcommand, is_word),
        (ContextKind::InvalidValue, is_short_value),
    ] {
        if let Some(ContextValue::String(typed)) = error.get(kind)
            && !is_safe(typed)
            && !(kind == ContextKind::InvalidArg && (is_negative(typed) || is_word(typed)))
            && !(kind == ContextKind::InvalidValue && is_harmless && is_printable(typed))
        {
            error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
            // The suggestion would repeat it.
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

/// Arguments whose value is not secret.
const HARMLESS: [&str; 8] = [
    "<FAULT>",
    "<DURATION>",
    "<FEN>",
    "[TIME]",
    "<TIME>",
    "--listen <ADDR>",
    "--seed <NUMBER>",
    "--probability <NUMBER>",
];

fn is_printable(text: &str) -> bool {
    text.len() <= 60 && !text.chars().any(char::is_control)
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
    fn a_negative_number_is_shown_with_the_reason() {
        for (arguments, shown) in [
            (&["sandbox", "--seed", "-1"] as &[&str], "-1"),
            (&["sandbox", "merchant", "top-up", "1900000109", "-5"], "-5"),
            (&["sandbox", "clock", "advance", "-5m"], "-5m"),
            (&["sandbox", "fault", "add", "502", "--probability", "-0.5"], "-0.5"),
        ] {
            let typed: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            let error = Arguments::try_parse_from([&["weipay"], arguments].concat()).unwrap_err();
            let told = Told::new(error, &typed);
            let said = told.error.to_string();
            assert!(said.contains(&format!("'{shown}'")), "{said}");
            assert!(told.notes.iter().any(|note| note.contains("negative")), "{:?}", told.notes);
        }
    }

    #[test]
    fn a_command_that_does_not_stand_behind_two_dashes_is_told_so() {
        let typed: Vec<String> = ["sandbox", "run", "curl", "x"].map(str::to_owned).into();
        let error = Arguments::try_parse_from(["weipay", "sandbox", "run", "curl", "x"]).unwrap_err();
        let told = Told::new(error, &typed);
        assert!(told.error.to_string().contains("'curl'"), "{}", told.error);
        assert!(told.notes.iter().any(|note| note.contains("-- COMMAND")), "{:?}", told.notes);
    }

    #[test]
    fn what_is_hidden_is_said_to_be_and_a_fault_is_shown() {
        let told = |arguments: &[&str]| {
            let typed: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
            Told::new(Arguments::try_parse_from([&["weipay"], arguments].concat()).unwrap_err(), &typed)
        };
        let hidden = told(&["call", "GET", "v3/a", "13800secret138000"]);
        assert!(hidden.notes.iter().any(|note| note.contains("may be a key")), "{:?}", hidden.notes);
        let fault = told(&["sandbox", "fault", "add", "slow; seconds=3"]);
        assert!(fault.error.to_string().contains("'slow; seconds=3' for '<FAULT>'"), "{}", fault.error);
        for (arguments, shown) in [
            (&["sandbox", "--listen", "foo"] as &[&str], "with a port"),
            (&["sandbox", "--seed", "abc"], "a whole number"),
            (&["sandbox", "merchant", "top-up", "1900000109", "0"], "from 1 to 10000000000"),
            (&["sandbox", "clock", "set", "garbage"], "garbage"),
            (&["sandbox", "fault", "add", "502", "--probability", "2"], "from 0 (never) to 1"),
            (&["sandbox", "fault", "add", "502", "--first", "0"], "at least 1"),
        ] {
            let said = told(arguments).error.to_string();
            assert!(said.contains(shown), "{said}");
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
