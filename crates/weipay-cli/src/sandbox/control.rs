//! What the commands for a running sandbox share: the data folder that names it, and calls of its control API.

use std::path::{Path, PathBuf};

use clap::Args;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use weipay_sandbox::control::Client;

use crate::failure::Failure;

// No doc comment: clap would print it in the help of each command.
#[derive(Debug, Args)]
pub(crate) struct DataFolder {
    /// The data folder of the running sandbox.
    #[arg(long = "data", global = true, value_name = "DIR", default_value = ".weipay")]
    folder: PathBuf,
}

impl DataFolder {
    /// One call of the control API.
    pub(super) fn call(&self, method: &str, target: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.client()?.call(method, target, body).map_err(Failure::from_control)
    }

    pub(super) fn get(&self, target: &str) -> Result<Value, Failure> {
        self.call("GET", target, None)
    }

    pub(super) fn post(&self, target: &str, body: &Value) -> Result<Value, Failure> {
        self.call("POST", target, Some(body))
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// For several calls, or for one whose refusal the command reads.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        client(&self.folder)
    }
}

/// A client of the sandbox that runs on this data folder.
pub(crate) fn client(folder: &Path) -> Result<Client, Failure> {
    Client::from_data_dir(folder).map_err(Failure::from_control)
}

/// A text as a part of a path or of a query: all but what RFC 3986 calls unreserved is encoded.
pub(super) fn encoded(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}
