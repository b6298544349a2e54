//! Typed operations: their chains step down the path, and their verbs fill a call in from a request.

use crate::call::Call;
use crate::delivery::Mode;
use crate::download::Download;
use crate::model::value::check;
use crate::model::{Field, Model, Value as _};
use crate::operation::{ApiVersion, Operation};
use crate::request::encoding::{describe_file, fill_in_caller};
use crate::response::Decode;
use crate::xml;

/// The capacity for a path that is written step by step: more than most need.
const ROOM_FOR_PATH: usize = 96;

#[allow(dead_code, reason = "the products that are compiled may have no placeholder, or nothing but one")]
impl<M: Mode> Call<M> {
    /// Adds a segment to the path.
    pub(crate) fn step(mut self, segment: &str) -> Self {
        let template = &mut self.request.template;
        if template.capacity() < ROOM_FOR_PATH {
            template.reserve(ROOM_FOR_PATH);
        }
        if !template.is_empty() {
            template.push('/');
        }
        template.push_str(segment);
        self
    }

    /// Adds a placeholder to the path, with its value. The value is checked against the placeholder's row, and encrypted if the
    /// row says so.
    pub(crate) fn fill(mut self, row: Field, mut value: String) -> Self {
        if self.shared.core.check_requests
            && let Err(violation) = value.check(&row)
        {
            self.request.record_error(violation.within(row.name).into());
        }
        if row.encrypted {
            match self.shared.core.encrypt_sensitive(&value) {
                Ok(ciphertext) => value = ciphertext,
                Err(error) => self.request.record_error(error),
            }
        }
        let mut call = self.step("{");
        call.request.template.push_str(row.name);
        call.request.template.push('}');
        call.request.values.push((row.name.to_owned(), value));
        call
    }

    /// Sends a typed request: query, headers and body, each from its own fields.
    pub(crate) fn typed<R: Model, T: Decode>(
        mut self,
        operation: &'static Operation,
        request: R,
    ) -> M::Output<T> {
        self.request.operation = Some(operation);
        self.fill_from(operation, Box::new(request)).send(operation.method())
    }

    /// The file that a typed request gives as its response.
    pub(crate) fn typed_download<R: Model>(
        mut self,
        operation: &'static Operation,
        request: R,
    ) -> Download<M> {
        self.request.operation = Some(operation);
        let mut call = self.fill_from(operation, Box::new(request));
        call.request.method = operation.method();
        Download::of_call(call.shared, call.request)
    }

    fn fill_from(mut self, operation: &Operation, mut model: Box<dyn Model>) -> Self {
        let core = &self.shared.core;
        describe_file(&mut *model);
        if operation.version() == ApiVersion::V2 {
            xml::fill_in_sign_type(&mut *model);
        }
        fill_in_caller(core, operation, &mut *model);
        if core.check_requests
            && let Err(violation) = check(&*model)
        {
            self.request.record_error(violation.into());
            return self;
        }
        self.request.fill(model, core);
        self
    }
}

#[cfg(all(test, feature = "blocking"))]
mod tests {
    use weipay_wire::{MerchantId, MerchantSerial, PrivateKey, PublicKeyId};

    use crate::blocking::Client;
    use crate::model::path;

    /// No operation has such a placeholder today; a future one must not put a name into the URL.
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
        let filled = |row| client.chain("v3/cards").fill(row, "13800138000".to_owned()).request;
        let encrypted = filled(path("phone").encrypted());
        assert_eq!(encrypted.template, "v3/cards/{phone}");
        assert_eq!(platform.decrypt_oaep(&encrypted.values[0].1).unwrap().as_slice(), b"13800138000");
        assert_eq!(filled(path("phone")).values[0].1, "13800138000");
    }
}
