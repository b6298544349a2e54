//! How a row of the table is made: method, path and title, and a call for each thing in which the operation is unlike the rest.

use super::{ApiVersion, BodyFormat, Idempotency, Operation, Verb};
use crate::error::ErrorCode;
use crate::model::table::Place;
use crate::waiting::FinalStates;

impl Operation {
    pub(super) const fn new(
        verb: Verb,
        path: &'static str,
        title: &'static str,
        members: &'static str,
    ) -> Self {
        Self {
            verb,
            path,
            title,
            product: None,
            base_url: None,
            request_number: None,
            sub_mchid: None,
            sub_appid: None,
            merchant_number: None,
            partner_path: None,
            repeat_after: 0,
            success: 200,
            version: ApiVersion::V3,
            body_format: BodyFormat::Json,
            idempotency: if matches!(verb, Verb::Get) {
                Idempotency::Idempotent
            } else {
                Idempotency::Unknown
            },
            is_read_only: matches!(verb, Verb::Get),
            is_unsigned: false,
            signed_digest: None,
            has_file_response: false,
            needs_client_certificate: false,
            is_nonceless: false,
            demands_hmac: false,
            has_result_code: false,
            is_signless: false,
            is_undescribed: false,
            final_states: None,
            error_lists: &[],
            members,
        }
    }

    pub(super) const fn product_is(mut self, product: &'static str) -> Self {
        self.product = Some(product);
        self
    }

    pub(super) const fn lives_at(mut self, base_url: &'static str) -> Self {
        self.base_url = Some(base_url);
        self
    }

    pub(super) const fn speaks(mut self, version: ApiVersion, body_format: BodyFormat) -> Self {
        self.version = version;
        self.body_format = body_format;
        // A GET of APIv2 may act: it begins a contract, or takes a code that is good once.
        if matches!(version, ApiVersion::V2) {
            (self.idempotency, self.is_read_only) = (Idempotency::Unknown, false);
        }
        self
    }

    pub(super) const fn number(mut self, request_number: &'static str) -> Self {
        self.request_number = Some(request_number);
        self
    }

    pub(super) const fn sub_merchant(mut self, name: &'static str, place: Place) -> Self {
        self.sub_mchid = Some((name, place));
        self
    }

    pub(super) const fn sub_app(mut self, name: &'static str, place: Place) -> Self {
        self.sub_appid = Some((name, place));
        self
    }

    pub(super) const fn partners_call(mut self, path: &'static str) -> Self {
        self.partner_path = Some(path);
        self
    }

    pub(super) const fn idempotency_is(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    pub(super) const fn apart(mut self, seconds: u16) -> Self {
        self.repeat_after = seconds;
        self
    }

    pub(super) const fn merchant(mut self, name: &'static str, place: Place) -> Self {
        self.merchant_number = Some((name, place));
        self
    }

    pub(super) const fn settles(mut self, final_states: &'static FinalStates) -> Self {
        self.final_states = Some(final_states);
        self
    }

    pub(super) const fn succeeds_with(mut self, status: u16) -> Self {
        self.success = status;
        self
    }

    pub(super) const fn reads(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    pub(super) const fn unsigned(mut self) -> Self {
        self.is_unsigned = true;
        self
    }

    pub(super) const fn signs_digest(mut self, header: &'static str) -> Self {
        self.signed_digest = Some(header);
        self
    }

    pub(super) const fn file(mut self) -> Self {
        self.has_file_response = true;
        self
    }

    pub(super) const fn client_certificate(mut self) -> Self {
        self.needs_client_certificate = true;
        self
    }

    pub(super) const fn nonceless(mut self) -> Self {
        self.is_nonceless = true;
        self
    }

    pub(super) const fn hmac(mut self) -> Self {
        self.demands_hmac = true;
        self
    }

    pub(super) const fn result(mut self) -> Self {
        self.has_result_code = true;
        self
    }

    pub(super) const fn refused_with(mut self, error_lists: &'static [&'static [ErrorCode]]) -> Self {
        self.error_lists = error_lists;
        self
    }

    pub(super) const fn undescribed(mut self) -> Self {
        self.is_undescribed = true;
        self
    }

    pub(super) const fn signless(mut self) -> Self {
        self.is_signless = true;
        self
    }
}
