//! The command line of `weipay sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use weipay_sandbox::Clock;

/// What follows the options of `weipay sandbox --help`.
const HELP: &str = "\
The first line on standard output says where it listens. Every request is a line on standard error: time, method, path,
status, code, and the reason where there is one; no query, no header, no body, and nobody's openid.

Headers that the real platform does not send:
  Weipay-Sandbox-Response: state    the sandbox did what was asked, and keeps it
  Weipay-Sandbox-Response: example  nothing happened: the response shows what one looks like (see weipay sandbox coverage)
  Weipay-Sandbox-Reason: ...      why a request was refused, where the official message says little";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = HELP)]
pub(crate) struct Sandbox {
    #[command(subcommand)]
    pub(crate) command: Option<SandboxCommand>,
    /// Where the kit and the state are kept; other users cannot enter it.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8880")]
    pub(crate) listen: SocketAddr,
    /// Stop the clock at a time, such as 2026-08-15T12:00:00+08:00; requests must be signed within five minutes of it.
    #[arg(long, value_name = "TIME", value_parser = str::parse::<Clock>)]
    pub(crate) clock: Option<Clock>,
    /// Make numbers and nonces repeatable; keys never are.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Refuse values that a field's page does not list, too.
    #[arg(long, conflicts_with = "loose")]
    pub(crate) strict: bool,
    /// Let members through that the documentation does not have, and characters that the platform does not take.
    #[arg(long)]
    pub(crate) loose: bool,
    /// Take each Authorization once. What the platform does with one that comes again is not known.
    #[arg(long)]
    pub(crate) no_replays: bool,
    /// How long a request may take to arrive, its response to leave, and a connection to be idle.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) idle_timeout: u64,
    /// Response 501 where the sandbox has no behaviour, in place of an example.
    #[arg(long)]
    pub(crate) no_examples: bool,
    /// Log no requests.
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Write the credentials kit (kit.json, keys, certificates) and exit.
    Init {
        /// Where the kit and the state are kept; other users cannot enter it.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// Print the kit as WEIPAY_* variables for a shell: eval "$(weipay sandbox env)".
    Env {
        /// Where the kit and the state are kept.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// List which operations have state, and which answer examples only.
    Coverage {
        /// Only those with state, example or none.
        #[arg(long, value_name = "KIND", value_parser = ["state", "example", "none"])]
        only: Option<String>,
    },
}
