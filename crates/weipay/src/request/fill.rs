//! What a typed request, an upload or a caller's header puts into a [`Request`].
//!
//! A typed request is encoded when its verb is called. Only if it holds plain text to encrypt, and the client has not fetched the
//! platform's certificates yet, it waits until they are there.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};
use serde_json::Value;

use super::{Body, Pending, Request};
use crate::core::{Core, SERIAL};
use crate::error::RequestError;
use crate::model::{Encryption, Model, Violation, encode};
use crate::operation::Version;
use crate::untyped;
use crate::upload::{File, Upload};

impl Request {
    /// Fills in query, headers and body from a typed request that was checked.
    pub(crate) fn fill(&mut self, model: Box<dyn Model>, core: &Core) {
        if self.version() == Version::V2 {
            return self.take_encoded(encode::encode(&*model, Encryption::ByCaller));
        }
        if core.merchant.ring().is_unfetched() {
            // What has nothing to encrypt, or cannot be sent with any key, need not wait.
            let without_key = encode::encode(&*model, Encryption::With(None));
            if without_key.is_ok() || encode::encode(&*model, Encryption::AsSet).is_err() {
                return self.take_encoded(without_key);
            }
            self.pending = Some(Pending::Model(model.into()));
            return;
        }
        self.encode(&*model, core);
    }

    /// Whether the request waits for the platform's keys.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Keeps a call without types until the client has the platform's keys.
    pub(crate) fn wait_for_keys(&mut self, pending: Arc<untyped::Pending>) {
        self.pending = Some(Pending::Untyped(pending));
    }

    /// Fills in what waited for the platform's keys.
    pub(crate) fn complete(&mut self, core: &Core) -> Result<(), RequestError> {
        match self.pending.take() {
            None => {}
            Some(Pending::Model(model)) => self.encode(&*model, core),
            Some(Pending::Untyped(pending)) => self.complete_untyped(&pending, core),
        }
        self.check_recorded()
    }

    /// The key that encrypts is named in `Wechatpay-Serial` at once: the client's keys may change before the request is signed.
    fn encode(&mut self, model: &dyn Model, core: &Core) {
        let platform = core.merchant.platform();
        let named = encode::platform_serial(model);
        let named = named.as_deref().or_else(|| self.headers.get(SERIAL)?.to_str().ok());
        let serial = named.or_else(|| platform.preferred(core.now()));
        let key = serial.and_then(|serial| platform.get(serial));
        let pinned = serial.and_then(|serial| HeaderValue::try_from(serial).ok());
        self.take_encoded(encode::encode(model, Encryption::With(key)));
        if let Some(serial) = pinned {
            self.headers.entry(SERIAL).or_insert(serial);
        }
    }

    fn take_encoded(&mut self, encoded: Result<encode::Parts, Violation>) {
        let encode::Parts { query, headers, body, meta, file } = match encoded {
            Ok(parts) => parts,
            Err(violation) => return self.record_error(violation.into()),
        };
        self.query.extend(query.into_iter().map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in headers {
            self.set_header(name, &value);
        }
        match (meta, file) {
            (Some(meta), Some(file)) => self.set_upload(meta, file),
            _ => self.body = body.map(|body| Body::Json(body.to_string().into())),
        }
    }

    /// The parts of an upload: `meta` and the file.
    pub(crate) fn set_upload(&mut self, meta: Value, file: File) {
        self.body = match (self.version(), meta) {
            (Version::V3, meta) => Some(Body::Upload(Upload::new(meta.to_string(), &file))),
            (Version::V2, Value::Object(fields)) => Some(Body::Form { fields, file }),
            (Version::V2, _) => {
                let problem =
                    "a form of APIv2 must be a JSON object: its members become the fields".to_owned();
                self.record_error(RequestError::Body(problem));
                None
            }
        };
    }

    /// Sets a header, unless only the transport may.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim())) {
            (Ok(name), Ok(_)) if is_framing(&name) => {
                self.record_error(RequestError::FramingHeader(name.to_string()));
            }
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.record_error(RequestError::Header(name.escape_default().to_string())),
        }
    }
}

/// Whether a header belongs to the connection and not to the request, so that the transport sets it.
fn is_framing(name: &HeaderName) -> bool {
    const FRAMING: [HeaderName; 8] = [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    FRAMING.contains(name)
        || ["keep-alive", "http2-settings"].contains(&name.as_str())
        || name.as_str().starts_with("proxy-")
}
