//! `weipay sandbox reset`: a running sandbox begins from its seed again.

use clap::Args;
use serde_json::json;

use super::control::DataFolder;
use crate::failure::Outcome;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Reset) -> Outcome {
    arguments.data.post("/reset", &json!({}))?;
    print(
        "the state is as at the start: no records, and the people of the seed file; merchants and their keys stay\n",
    )
}
