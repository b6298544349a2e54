//! The command line: each command stands in a file of its name, with its arguments.

mod redaction;
pub(crate) mod values;

use clap::{Parser, Subcommand};

use crate::{api, call, quickstart, sandbox, trigger};

/// WeChat Pay (微信支付): a local sandbox and calls from the shell.
#[derive(Debug, Parser)]
#[command(name = "weipay", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Parses the command line of this process. If it is wrong, prints why, without anything that may be secret, and exits.
    pub(crate) fn from_command_line() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let typed: Vec<_> = std::env::args().skip(1).collect();
            redaction::Told::new(error, &typed).exit()
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one operation in six call styles against a sandbox in this process.
    Quickstart(quickstart::Quickstart),
    /// Run a local platform that verifies every request and signs every response.
    Sandbox(Box<sandbox::Arguments>),
    /// Make one signed call and print the verified response.
    Call(call::Arguments),
    /// Send one realistic, signed and encrypted notification (回调通知) of any event to an address.
    Trigger(trigger::Trigger),
    /// Look up operations and notifications: list, show, export.
    #[command(subcommand)]
    Api(api::Api),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_call_keeps_its_json_byte_for_byte() {
        let text = r#"{ "total" : 0.010, "big": 12345678901234567890123 }"#;
        let parsed = Arguments::try_parse_from(["weipay", "call", "post", "v3/a", "--json", text]).unwrap();
        let Command::Call(call) = parsed.command else { panic!("{parsed:?}") };
        assert_eq!(call.json.unwrap().get(), text);
        assert_eq!(call.method, http::Method::POST);
    }
}
