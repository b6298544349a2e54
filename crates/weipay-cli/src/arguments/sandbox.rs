//! The command line of `weipay sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use weipay_sandbox::Clock;

/// What follows the options of `weipay sandbox --help`.
const HELP: &str = "\
The first line on standard output is the address where it listens. Each request is logged as a line on standard error: time,
method, path, status, code, and the reason of a rejection. Queries, headers, bodies and openids are never logged.

Headers that the real platform does not send:
  Weipay-Sandbox-Answer: state    the sandbox carried out the operation and keeps its state
  Weipay-Sandbox-Answer: example  nothing happened; the response is only an example (see weipay sandbox coverage)
  Weipay-Sandbox-Reason: ...      why a request was rejected, when the official message says little";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = HELP)]
pub(crate) struct Sandbox {
    #[command(subcommand)]
    pub(crate) command: Option<SandboxCommand>,
    /// The folder for the kit and the state; other users have no access to it.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
    /// The address to listen on; port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8880")]
    pub(crate) listen: SocketAddr,
    /// Stop the clock at this time, such as 2026-08-15T12:00:00+08:00. Requests must be signed within five minutes of it.
    #[arg(long, value_name = "TIME", value_parser = str::parse::<Clock>)]
    pub(crate) clock: Option<Clock>,
    /// Make the same numbers and nonces in each run; keys always differ.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Also reject values that the documentation of a field does not list.
    #[arg(long, conflicts_with = "loose")]
    pub(crate) strict: bool,
    /// Accept members that are not in the documentation, and characters that the platform does not accept.
    #[arg(long)]
    pub(crate) loose: bool,
    /// Accept each Authorization only once. It is not known what the platform does with a repeated one.
    #[arg(long)]
    pub(crate) no_replays: bool,
    /// The time limit for receiving a request, for sending a response, and for an idle connection.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) idle_timeout: u64,
    /// Respond with 501 to operations that the sandbox does not implement, instead of an example.
    #[arg(long)]
    pub(crate) no_examples: bool,
    /// Also send notifications to addresses in a private network, such as 192.168.1.2 or the address of a container. Whoever
    /// can send requests to the sandbox chooses where they go.
    #[arg(long)]
    pub(crate) private_receivers: bool,
    /// Do not log requests.
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Write the credentials kit (kit.json, keys, certificates) and exit.
    Init {
        /// The folder for the kit and the state; other users have no access to it.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// Print the kit as WEIPAY_* variables for a shell: eval "$(weipay sandbox env)".
    Env {
        /// The folder with the kit and the state.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// List which operations have state, and which only return examples.
    Coverage {
        /// Only operations of this kind.
        #[arg(long, value_name = "KIND", value_parser = ["state", "example", "none"])]
        only: Option<String>,
    },
}
