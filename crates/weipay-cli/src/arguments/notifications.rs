//! The command line of `weipay sandbox notifications`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What follows the options of `weipay sandbox notifications --help`.
pub(super) const HELP: &str = "\
A notification is named by its id or by its number, as list prints them. Each subcommand takes --data DIR, the data folder of the running
sandbox [default: .weipay].

Exit codes:
  0  done; what was sent was acknowledged, and a probe was refused
  1  the receiver did not acknowledge it, or acknowledged a probe; or the sandbox refused
  2  a wrong command line, or no sandbox runs on the data folder";

#[derive(Debug, Subcommand)]
pub(crate) enum NotificationsCommand {
    /// List the notifications that are kept, the newest first.
    List {
        #[command(flatten)]
        data: DataFolder,
        /// Only those of this merchant.
        #[arg(long)]
        mchid: Option<String>,
        /// Only those in this state.
        #[arg(long, value_name = "STATE", value_parser = ["waiting", "held", "acknowledged", "given_up"])]
        state: Option<String>,
        /// Only those of this event, such as COUPON.SEND.
        #[arg(long, value_name = "EVENT")]
        event: Option<String>,
        /// As many at most.
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
        /// Print JSON, as the control API returns it.
        #[arg(long)]
        json: bool,
    },
    /// Show a notification: what it says, its attempts, and what the receiver responded.
    Show {
        #[command(flatten)]
        named: Named,
    },
    /// Send a notification again: the same id, a new signature. If it is not acknowledged, it waits, and is repeated by its retry table,
    /// also where it was acknowledged before.
    Replay {
        #[command(flatten)]
        named: Named,
    },
    /// Send several copies of a notification at the same time.
    Duplicate {
        #[command(flatten)]
        named: Named,
        /// How many.
        #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
        copies: u32,
    },
    /// Keep notifications back until they are released.
    Hold {
        #[command(flatten)]
        data: DataFolder,
        /// Those of this merchant [default: of all].
        #[arg(long)]
        mchid: Option<String>,
    },
    /// Release what is held.
    Release {
        #[command(flatten)]
        data: DataFolder,
        /// What is held of this merchant [default: of all].
        #[arg(long)]
        mchid: Option<String>,
        /// as-due sends all at once, each when it was due; the others send one after the other.
        #[arg(long, value_name = "ORDER", default_value = "as-due", value_parser = ["as-due", "kept", "reversed", "shuffled"])]
        order: String,
        /// Send these first, one after the other, by id or number; may be repeated.
        #[arg(long = "first", value_name = "ID", conflicts_with = "order")]
        first: Vec<String>,
    },
    /// Send a notification with the wrong signature of a probe (签名探测), which the receiver must refuse; then with the right one.
    Probe {
        #[command(flatten)]
        named: Named,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DataFolder {
    /// The data folder of the running sandbox.
    #[arg(long = "data", value_name = "DIR", default_value = ".weipay")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its id or number.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// Print JSON, as the control API returns it.
    #[arg(long)]
    pub(crate) json: bool,
}
