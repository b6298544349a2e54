//! `weipay sandbox init` and `weipay sandbox env`: the credentials kit of a data folder, as files and as variables of a shell.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use weipay_sandbox::PlatformKeys;
use weipay_sandbox::kit::{self, KitOnDisk};

use crate::failure::{Failure, Outcome};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder for the kit and the state; other users have no access to it.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    data: PathBuf,
    /// The keys that the platform signs with for the first merchant [default: public-key].
    #[arg(long, value_name = "KIND", value_parser = ["public-key", "certificate", "migration"])]
    platform_keys: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    /// The folder with the kit and the state.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    data: PathBuf,
}

pub(super) fn init(arguments: &Init) -> Outcome {
    let data = &arguments.data;
    let kit = match arguments.platform_keys.as_deref().and_then(PlatformKeys::from_word) {
        Some(keys) => kit::init_with_platform_keys(data, keys),
        None => kit::init(data),
    };
    let kit = kit.map_err(Failure::failed)?;
    let what = if kit.is_new() { "made" } else { "nothing to do, the kit exists already:" };
    // The kit is there even if the reader went away.
    writeln!(anstream::stdout(), "{what} {}", kit.file().display()).ok();
    Ok(())
}

/// Prints the kit as the variables that a client is configured with, for `eval` in a shell.
pub(super) fn env(arguments: &Env) -> Outcome {
    let data = &arguments.data;
    let kit = kit::read(data).map_err(|error| {
        Failure::usage(format!(
            "{error:#}; create a kit with `weipay sandbox init --data {}`",
            data.display()
        ))
    })?;
    // A shell must not use half of the variables: here it is an error if the reader went away.
    anstream::stdout().write_all(exports(&kit).as_bytes()).map_err(Failure::failed)
}

/// One `export` per line, and `unset` for what belongs to another kit or to the real platform.
fn exports(kit: &KitOnDisk) -> String {
    let line = |(name, value): (&str, String)| format!("export {name}={}\n", quoted(&value));
    let unset = format!("unset {}\n", kit.variables_to_unset().join(" "));
    kit.variables().into_iter().map(line).chain([unset]).collect()
}

/// A word in quotes for a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reaches_the_shell_unchanged() {
        assert_eq!(quoted("a b$c"), "'a b$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
