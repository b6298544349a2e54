//! The command line of `weipay trigger`.

use std::path::PathBuf;

use clap::Args;

use super::Version;
use super::values;

/// What follows the options of `weipay trigger --help`.
const HELP: &str = "\
An example: weipay trigger TRANSACTION.SUCCESS --url http://127.0.0.1:8000/notify --set amount.total=100

The notification is signed with the platform keys of a sandbox's kit, and encrypted with its APIv3 key. It does not tell of
anything that has happened, and it is sent once. The sandbox need not run.

Exit codes:
  0  the receiver acknowledged it; or it was printed
  1  the receiver did not acknowledge it
  2  a wrong command line, event, member or kit: nothing was sent
  4  the receiver did not respond";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Trigger {
    /// The event, such as TRANSACTION.SUCCESS; see weipay api list --notifications.
    pub(crate) event: String,
    /// Where to send it [default: print it].
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The kit.json of a sandbox; the platform's keys must be beside it.
    #[arg(long, value_name = "FILE", default_value = ".weipay/kit.json")]
    pub(crate) kit: PathBuf,
    /// Give a member another value, such as amount.total=100 or sub_orders.0.mchid=1900000109; may be repeated.
    #[arg(long, value_name = "path=value", value_parser = values::Pair('='))]
    pub(crate) set: Vec<(String, String)>,
    /// The version of the API, if both have the event [default: v3].
    #[arg(long, value_enum, value_name = "VERSION")]
    pub(crate) api: Option<Version>,
    /// Also trust these certificate authorities, in PEM, if the address begins with https; may be repeated.
    #[arg(long = "receiver-ca", value_name = "FILE", requires = "url")]
    pub(crate) receiver_authorities: Vec<PathBuf>,
}
