//! A client of the control API, for the command's subcommands and for tests: it finds address and token in the data folder.

mod connections;

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::FILE;
use connections::Connections;

/// Calls the control API of a running sandbox.
///
/// ```no_run
/// # fn main() -> Result<(), weipay_sandbox::control::ClientError> {
/// let client = weipay_sandbox::control::Client::from_data_dir("data")?;
/// client.call("PUT", "/stocks/1234567890/state", Some(&serde_json::json!({ "state": "PAUSED" })))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    address: String,
    token: String,
    /// The data folder, as the caller named it.
    folder: String,
    /// Those that wait for the next call; clones share them.
    connections: Arc<Connections>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Error of a call of the control API.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// No sandbox runs on this data folder.
    NotRunning(String),
    /// The file in this data folder that says where the control API is cannot be read.
    Unreadable(String),
    /// The connection failed, or the response could not be read.
    Connection(io::Error),
    /// The sandbox refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        message: String,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(dir) => {
                write!(f, "no sandbox runs on {dir}; start one with: weipay sandbox --data {dir}")
            }
            Self::Unreadable(dir) => write!(
                f,
                "{FILE} in {dir} cannot be read: restart the sandbox on {dir}: it writes the file at its start"
            ),
            Self::Connection(_) => f.write_str("the control API of the sandbox did not respond"),
            Self::Refused { message, .. } => f.write_str(message),
        }?;
        crate::error::append_causes(self, f)
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connection(error) => Some(error),
            Self::NotRunning(_) | Self::Unreadable(_) | Self::Refused { .. } => None,
        }
    }
}

impl Client {
    pub(crate) fn new(address: String, token: String, folder: &Path) -> Self {
        Self { address, token, folder: folder.display().to_string(), connections: Arc::default() }
    }

    /// Where the control API is, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The token for `Authorization: Bearer`.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A client of the sandbox that runs on this data folder.
    ///
    /// # Errors
    ///
    /// If none runs on it, or its file cannot be read.
    pub fn from_data_dir(dir: impl AsRef<Path>) -> Result<Self, ClientError> {
        let dir = dir.as_ref();
        let folder = dir.display().to_string();
        let text = match fs::read_to_string(dir.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ClientError::NotRunning(folder));
            }
            text => text,
        };
        let read = || {
            let members: Value = serde_json::from_str(&text.ok()?).ok()?;
            let address = members["url"].as_str()?.strip_prefix("http://")?.to_owned();
            Some(Self::new(address, members["token"].as_str()?.to_owned(), dir))
        };
        read().ok_or(ClientError::Unreadable(folder))
    }

    /// The content of the file that [`Self::from_data_dir`] reads.
    pub(crate) fn file_content(address: &str, token: &str) -> String {
        format!("{:#}\n", json!({ "url": format!("http://{address}"), "token": token }))
    }

    /// Calls a route, and gives the JSON that came back; `null` for none.
    ///
    /// # Errors
    ///
    /// If the sandbox does not run any more, or refuses.
    pub fn call(&self, method: &str, target: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let (status, body) = self.exchange(method, target, body).map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => ClientError::NotRunning(self.folder.clone()),
            _ => ClientError::Connection(error),
        })?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        // Another sandbox has the port of one that has ended.
        if status == 401 {
            return Err(ClientError::NotRunning(self.folder.clone()));
        }
        let message = body["message"].as_str().unwrap_or("the control API refused the request").to_owned();
        Err(ClientError::Refused { status, message })
    }

    fn exchange(&self, method: &str, target: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
        let (address, token) = (&self.address, &self.token);
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let received = self.connections.exchange(address, &request)?;
        let body = &*received.body;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body)? };
        Ok((received.status, body))
    }
}
