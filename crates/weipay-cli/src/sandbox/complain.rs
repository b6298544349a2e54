//! `weipay sandbox complain`: a person complains about an order of a running sandbox, by its control API.

use clap::Args;
use serde_json::{Map, Value, json};

use super::control::{DataFolder, encoded};
use crate::arguments::values;
use crate::failure::Outcome;
use crate::output::print;

/// What follows the options of `weipay sandbox complain --help`.
const HELP: &str = "\
Prints the complaint_id and the state of the complaint. --step continues a complaint:
  reply            the person writes
  continue         the person reopens a settled complaint
  withdraw         the person withdraws it
  ask-platform     the person asks for mediation by the platform
  cancel-platform  the person no longer needs it
  platform-reply   the platform writes
  platform-end     the platform ends its mediation

Example:
  weipay sandbox complain order-1 --text 没有收到 --refund 100
  weipay sandbox complain 200201820260815000000000001 --step reply --text 还没有收到";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Complain {
    /// A paid order by out_trade_no or transaction_id; with --step, the complaint_id.
    #[arg(value_name = "NUMBER")]
    number: String,
    /// Continue a complaint.
    #[arg(long, value_name = "STEP", value_parser = weipay_sandbox::complaints::PersonStep::WORDS)]
    step: Option<String>,
    /// The openid of the complaining person [default: the payer of the order].
    #[arg(long = "as", value_name = "OPENID", conflicts_with = "step")]
    person: Option<String>,
    /// What the person writes.
    #[arg(long)]
    text: Option<String>,
    /// The media_id of a picture; may be given four times.
    #[arg(long = "image", value_name = "MEDIA_ID")]
    images: Vec<String>,
    /// What it is about [default: refund].
    #[arg(long, value_name = "PROBLEM", conflicts_with = "step", value_parser = weipay_sandbox::complaints::Problem::WORDS)]
    problem: Option<String>,
    /// How many fen the person wants back [default: all that the order cost].
    #[arg(long, value_name = "FEN", conflicts_with = "step", value_parser = values::fen)]
    refund: Option<i64>,
    /// The person's phone number.
    #[arg(long, conflicts_with = "step")]
    phone: Option<String>,
    /// The person needs an answer at once (即时服务).
    #[arg(long, conflicts_with = "step")]
    urgent: bool,
    /// The merchant ID, if several merchants have used this out_trade_no.
    #[arg(long, conflicts_with = "step")]
    mchid: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Complain) -> Outcome {
    let target = match arguments.step {
        Some(_) => format!("/complaints/{}/steps", encoded(&arguments.number)),
        None => "/complaints".to_owned(),
    };
    let complaint = arguments.data.post(&target, &body(arguments))?;
    print(&shown(&complaint))
}

fn body(arguments: &Complain) -> Value {
    let order = arguments.step.is_none().then(|| arguments.number.clone());
    let texts = [
        ("order", order.as_ref()),
        ("step", arguments.step.as_ref()),
        ("openid", arguments.person.as_ref()),
        ("text", arguments.text.as_ref()),
        ("problem", arguments.problem.as_ref()),
        ("phone", arguments.phone.as_ref()),
        ("mchid", arguments.mchid.as_ref()),
    ];
    let given = texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    let mut body: Map<_, _> = given.collect();
    if !arguments.images.is_empty() {
        body.insert("images".to_owned(), json!(arguments.images));
    }
    if let Some(fen) = arguments.refund {
        body.insert("refund".to_owned(), json!(fen));
    }
    if arguments.urgent {
        body.insert("urgent".to_owned(), json!(true));
    }
    body.into()
}

/// One line: the number, and the state.
fn shown(complaint: &Value) -> String {
    let text = |name: &str| complaint[name].as_str().unwrap_or_default();
    format!("{} {}\n", text("complaint_id"), text("complaint_state"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_the_number_and_the_state() {
        let complaint = json!({ "complaint_id": "2002", "complaint_state": "PENDING" });
        assert_eq!(shown(&complaint), "2002 PENDING\n");
    }
}
