//! What the typed operations do with a call: step down the path, and fill it in from a request.

#![allow(dead_code, reason = "a product may have no placeholder, no APIv2, or nothing but one of them")]

use std::sync::Arc;

use crate::call::Call;
use crate::core::{Body, SERIAL};
use crate::error::RequestProblem;
use crate::mode::Mode;
use crate::model::{Field, Model, Value, check, encode};
use crate::operation::{Operation, Version};
use crate::response::Decode;
use crate::upload::Upload;

impl<M: Mode> Call<M> {
    /// One path segment further down.
    pub(crate) fn step(mut self, segment: &str) -> Call<M> {
        if !self.outgoing.template.is_empty() {
            self.outgoing.template.push('/');
        }
        self.outgoing.template.push_str(segment);
        self
    }

    /// One placeholder further down, with its value, which is checked against its row and encrypted where the row says so.
    pub(crate) fn fill(mut self, row: Field, mut value: String) -> Call<M> {
        if self.shared.core.check_requests
            && let Err(violation) = value.check(&row)
        {
            self.spoil(RequestProblem::Field { path: row.name.to_owned(), rule: violation.rule });
        }
        if row.encrypted {
            match self.shared.core.encrypt_sensitive(&value) {
                Ok(ciphertext) => value = ciphertext,
                Err(problem) => self.spoil(problem),
            }
        }
        self.step(&format!("{{{}}}", row.name)).path(row.name, value)
    }

    /// Sends a typed request: query, headers and body each from its own fields. One of APIv2 is only checked, as this
    /// version cannot send it.
    pub(crate) fn typed<R: Model, T: Decode>(
        mut self,
        operation: &'static Operation,
        mut request: R,
    ) -> M::Sent<T> {
        self.outgoing.operation = Some(operation);
        let filled = match operation.version() {
            Version::V2 => self.checked(&request),
            Version::V3 => self.filled_from(&mut request),
        };
        filled.send_filled(operation.method())
    }

    fn checked(mut self, request: &dyn Model) -> Call<M> {
        if self.shared.core.check_requests
            && let Err(violation) = check::check(request)
        {
            self.spoil(RequestProblem::Field { path: violation.path, rule: violation.rule });
        }
        self.spoil(RequestProblem::NotYet("APIv2 calls (XML)"));
        self
    }

    fn filled_from(mut self, request: &mut dyn Model) -> Call<M> {
        encode::describe_file(request);
        let shared = Arc::clone(&self.shared);
        let serial = encode::platform_serial(request);
        let serial = serial.as_deref().or_else(|| self.outgoing.headers.get(SERIAL)?.to_str().ok());
        let encryption = shared.core.encryption(serial);
        let checked = if shared.core.check_requests { check::check(request) } else { Ok(()) };
        match checked.and_then(|()| encode::encode(request, encryption)) {
            Ok(encode::Parts { query, headers, body, meta, file }) => {
                self.outgoing.query.extend(query.into_iter().map(|(name, value)| (name.to_owned(), value)));
                for (name, value) in headers {
                    self = self.header(name, value);
                }
                self.outgoing.body = match (meta, file) {
                    (Some(meta), Some(file)) => Some(Body::Upload(Upload::new(meta.to_string(), &file))),
                    _ => body.map(|body| Body::Json(body.to_string().into())),
                };
            }
            Err(violation) => {
                self.spoil(RequestProblem::Field { path: violation.path, rule: violation.rule });
            }
        }
        self
    }
}

#[cfg(all(test, feature = "blocking"))]
mod tests {
    use weipay_wire::{MerchantId, MerchantSerial, PrivateKey, PublicKeyId};

    use crate::blocking::Client;
    use crate::model::path;

    /// No operation has such a placeholder today; one that comes must not leave a name in the URL.
    #[test]
    fn a_sensitive_value_of_the_path_is_encrypted() {
        let (merchant, platform) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let client = Client::builder()
            .mchid(MerchantId::new("1900007291").unwrap())
            .merchant_serial(MerchantSerial::new("408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB").unwrap())
            .merchant_key(merchant)
            .public_key(PublicKeyId::new("PUB_KEY_ID_0119000000012026").unwrap(), platform.public_key())
            .build_blocking()
            .unwrap();
        let filled = |row| client.chain("v3/cards").fill(row, "13800138000".to_owned()).outgoing;
        let sealed = filled(path("phone").encrypted());
        assert_eq!(sealed.template, "v3/cards/{phone}");
        assert_eq!(platform.decrypt_oaep(&sealed.values[0].1).unwrap().as_slice(), b"13800138000");
        assert_eq!(filled(path("phone")).values[0].1, "13800138000");
    }
}
