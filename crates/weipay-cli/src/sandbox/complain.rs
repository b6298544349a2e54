//! `weipay sandbox complain`: a person complains about an order of a running sandbox, by its control API.

use serde_json::{Map, Value, json};
use weipay_sandbox::control::Client;

use super::notifications::encoded;
use crate::arguments::Complain;
use crate::failure::{Failure, Outcome};
use crate::output::print;

pub(super) fn run(arguments: &Complain) -> Outcome {
    let client = Client::from_data_dir(&arguments.data).map_err(Failure::from_control)?;
    let target = match arguments.step {
        Some(_) => format!("/complaints/{}/steps", encoded(&arguments.number)),
        None => "/complaints".to_owned(),
    };
    let complaint = client.call("POST", &target, Some(&body(arguments))).map_err(Failure::from_control)?;
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
