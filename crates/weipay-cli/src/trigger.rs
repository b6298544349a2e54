//! `weipay trigger`: one notification of any event, to an address or to the screen.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};
use weipay_sandbox::kit;

use crate::api::ApiVersion;
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::output::print;
use crate::sandbox::{control, notifications};

/// What follows the options of `weipay trigger --help`.
const HELP: &str = "\
An example: weipay trigger TRANSACTION.SUCCESS --url http://127.0.0.1:8000/notify --set
amount.total=100

The notification is signed with the platform keys of a sandbox's kit, and encrypted with its APIv3
key. It is sent once. Without --order it is a sample: nothing has happened, and no sandbox has to
run.

With --order, a running sandbox sends it for one of its orders, with the numbers, amounts, payer and
times of that order. For TRANSACTION.SUCCESS (transaction-success of APIv2) the order must be paid;
for REFUND.SUCCESS, REFUND.ABNORMAL or REFUND.CLOSED the refund must be in that state. For other
events, such as MCHTRANSFER.BILL.FINISHED or PAYSCORE.USER_PAID, the last one that the sandbox sent
is sent again, with a new id.

An example: weipay trigger REFUND.SUCCESS --order R20261127 --url http://127.0.0.1:8000/notify

Exit codes:
  0  the receiver acknowledged it; or it was printed
  1  the receiver did not acknowledge it; or the sandbox has no such notification for the order
  2  a wrong command line, event, member or kit, or no sandbox runs on the data folder: nothing was
     sent
  4  the receiver did not respond";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Trigger {
    /// The event, such as TRANSACTION.SUCCESS; see weipay api list --notifications.
    event: String,
    /// Where to send it [default: print it].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The order (订单) of a running sandbox that it is about, by out_trade_no or transaction_id; or a refund, a
    /// transfer or another record, by the merchant's or the platform's number. If several match, the newest.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["kit", "receiver_authorities"])]
    order: Option<String>,
    /// The merchant ID, if several merchants have used this number.
    #[arg(long, value_name = "MCHID", requires = "order")]
    mchid: Option<String>,
    /// With --order: the data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay", requires = "order")]
    data: PathBuf,
    /// The kit.json of a sandbox; the platform's keys must be next to it.
    #[arg(long, value_name = "FILE", default_value = ".weipay/kit.json")]
    kit: PathBuf,
    /// Give a member another value, such as amount.total=100 or sub_orders.0.mchid=1900000109; may be repeated.
    #[arg(long, value_name = "path=value", value_parser = values::Pair('='))]
    set: Vec<(String, String)>,
    /// The version of the API, if both have the event [default: v3].
    #[arg(long, value_enum, value_name = "VERSION")]
    api: Option<ApiVersion>,
    /// Also trust these certificate authorities, in PEM, if the address begins with https; may be repeated.
    #[arg(long = "receiver-ca", value_name = "FILE", requires = "url")]
    receiver_authorities: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Trigger) -> Outcome {
    let event = match arguments.api {
        Some(version) => format!("{}/{}", weipay_catalog::ApiVersion::from(version), arguments.event),
        None => arguments.event.clone(),
    };
    let mut trigger = weipay_sandbox::Trigger::new(&event).map_err(Failure::usage)?;
    for (path, value) in &arguments.set {
        trigger = trigger.set(path, value).map_err(|error| Failure::usage(format!("--set: {error}")))?;
    }
    let is_web = |url: &String| url.starts_with("http://") || url.starts_with("https://");
    if !arguments.url.as_ref().is_none_or(is_web) {
        return Err(Failure::usage("--url must begin with http:// or https://; nothing was sent"));
    }
    if let Some(order) = &arguments.order {
        return of_order(arguments, &event, order);
    }
    let kit = read_kit(&arguments.kit)?;
    let Some(url) = &arguments.url else {
        let message = trigger.message(&kit).map_err(Failure::usage)?;
        return print(&format!("{:#}\n", message.to_json()));
    };
    let mut authorities = String::new();
    for file in &arguments.receiver_authorities {
        let pem = fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("--receiver-ca {}: {error}", file.display())))?;
        authorities.push_str(&pem);
        authorities.push('\n');
    }
    let attempt = trigger.send(url, &kit, &authorities).map_err(Failure::usage)?;
    print(&notifications::attempts(&json!([attempt.to_json()])))?;
    verdict(attempt.acknowledged, attempt.status.is_some())
}

/// A kit is a folder of files with fixed names, one of which is `kit.json`.
fn read_kit(file: &Path) -> Result<kit::KitOnDisk, Failure> {
    if !file.exists() {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return Err(Failure::usage(format!(
            "--kit: {} does not exist; weipay sandbox init --data {} creates a kit",
            file.display(),
            folder.display()
        )));
    }
    if file.file_name() != Some(OsStr::new("kit.json")) {
        let reason = format!("--kit {}: the file must be named kit.json", file.display());
        return Err(Failure::usage(reason));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    kit::read(folder).map_err(|error| {
        Failure::usage(format!(
            "{error:#}; create a kit with `weipay sandbox init --data {}`",
            folder.display()
        ))
    })
}

/// The running sandbox makes it, and sends it.
fn of_order(arguments: &Trigger, event: &str, order: &str) -> Outcome {
    let set: Map<String, Value> =
        arguments.set.iter().map(|(path, value)| (path.clone(), value.as_str().into())).collect();
    let request = json!({
        "event": event, "order": order, "mchid": arguments.mchid, "url": arguments.url, "set": set,
    });
    let client = control::client(&arguments.data)?;
    let sent = client.call("POST", "/trigger", Some(&request)).map_err(Failure::from_control)?;
    if arguments.url.is_none() {
        return print(&format!("{sent:#}\n"));
    }
    print(&notifications::attempts(&sent["attempts"]))?;
    let attempt = &sent["attempts"][0];
    verdict(attempt["acknowledged"] == true, !attempt["status"].is_null())
}

fn verdict(is_acknowledged: bool, has_responded: bool) -> Outcome {
    match (is_acknowledged, has_responded) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::failed("the receiver did not acknowledge the notification")),
        (false, false) => Err(Failure::network("the receiver did not respond")),
    }
}
