//! Decides what to do next about an error, by the predicates of the error in the order that is safe for money.

use super::{Advice, Error, ErrorClass, ErrorKind, RequestError, codes};

/// What to do next about an error: see [`Error::next_step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NextStep {
    /// Query the result (查询) before anything else. The call, or an earlier one with the same number, may have taken effect, and
    /// another one could take effect twice.
    Query,
    /// Query the result, or send the same request again with the same number and the same content. The call may have taken
    /// effect, but it cannot take effect twice.
    QueryOrRepeat,
    /// Wait, then make the same call again, with the same number if it has one. It did not take effect, or it only reads.
    Repeat,
    /// Correct the request, or the setting of the client that the error names: the same call fails again. [`Error::field`] may
    /// name the field.
    CorrectRequest,
    /// Check the keys, the serial numbers, the clock and the [signer](crate::signer): the platform does not accept the merchant's
    /// signature, there is none, or the client cannot verify the platform's. [`Error::sign_difference`] may name the cause.
    CheckKeys,
    /// Check the permissions of the merchant on the merchant platform (商户平台).
    AskPermission,
    /// Ask the user to act, such as to enter the password, and query the result.
    AskUser,
    /// Decide by [`Error::code`]: the platform refuses the call by a rule of its own, or finds nothing. Show the message, and
    /// give [`Error::request_id`] to the support of WeChat Pay. A transfer (商家转账) that is not found may still appear: do not
    /// take it for failed. Without a code, the response cannot be used, such as the page of a proxy or a text that cannot be
    /// decrypted: read the error.
    DecideByCode,
}

impl Error {
    /// What to do next, in general. It combines [`may_have_taken_effect`](Self::may_have_taken_effect),
    /// [`is_safe_to_repeat`](Self::is_safe_to_repeat), [`is_retryable`](Self::is_retryable), [`class`](Self::class) and
    /// [`advice`](Self::advice) in the order in which nothing can be charged twice. Codes that matter to the program, such as
    /// [`ORDERPAID`](crate::error_code::ORDERPAID), are looked at before.
    ///
    /// ```no_run
    /// use weipay::error::NextStep;
    ///
    /// # fn query_order() {}
    /// # fn send_again_later() {}
    /// # fn tell_a_person(error: &weipay::Error) {}
    /// # fn act(error: &weipay::Error) {
    /// match error.next_step() {
    ///     NextStep::Query | NextStep::QueryOrRepeat | NextStep::AskUser => query_order(),
    ///     NextStep::Repeat => send_again_later(),
    ///     _ => tell_a_person(error),
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn next_step(&self) -> NextStep {
        let advice = self.advice();
        if self.may_have_taken_effect() && !self.is_read_only() {
            return match advice {
                Some(Advice::WaitUser) => NextStep::AskUser,
                _ if self.is_safe_to_repeat() && self.is_retryable() => NextStep::QueryOrRepeat,
                _ => NextStep::Query,
            };
        }
        match self.kind() {
            ErrorKind::Request(RequestError::Signer(_)) => return NextStep::CheckKeys,
            // It fails again in the same way, such as on a thread without a runtime.
            ErrorKind::Network(_) if !self.is_retryable() => return NextStep::CorrectRequest,
            _ => {}
        }
        let is_of_an_earlier_call = self.code().is_some_and(codes::is_of_an_earlier_call);
        match (self.class(), advice) {
            (_, Some(Advice::QueryState | Advice::NewNumber)) => NextStep::Query,
            _ if is_of_an_earlier_call && !self.is_read_only() => NextStep::Query,
            (_, Some(Advice::WaitUser)) => NextStep::AskUser,
            _ if self.is_retryable() => NextStep::Repeat,
            (ErrorClass::Signature | ErrorClass::Verification, _) => NextStep::CheckKeys,
            (ErrorClass::Permission, _) | (_, Some(Advice::AskPermission)) => NextStep::AskPermission,
            // A result that is not found now may appear later, although the number is right.
            (ErrorClass::NotFound, _) => NextStep::DecideByCode,
            (ErrorClass::Parameter, _) | (_, Some(Advice::FixRequest)) => NextStep::CorrectRequest,
            (_, Some(Advice::RetrySame | Advice::RetryLater)) => NextStep::Repeat,
            (ErrorClass::Conflict, _) if !self.is_read_only() => NextStep::Query,
            _ => NextStep::DecideByCode,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::NextStep::{
        AskPermission, AskUser, CheckKeys, CorrectRequest, DecideByCode, Query, QueryOrRepeat, Repeat,
    };
    use super::*;
    use crate::error::known_code::tests::refused;
    use crate::error::{NetworkError, RequestError, Sent};
    use crate::{Operation, error_code, operations};

    #[test]
    fn each_error_has_the_step_that_is_safe_for_it() {
        let (order, refund) = ("v3/pay/transactions/jsapi", "v3/refund/domestic/refunds");
        let codepay = "v3/pay/transactions/codepay";
        for (path, status, code, step) in [
            (order, 400, error_code::PARAM_ERROR, CorrectRequest),
            (order, 401, error_code::SIGN_ERROR, CheckKeys),
            (order, 403, error_code::NO_AUTH, AskPermission),
            (order, 400, error_code::ORDERPAID, Query),
            (order, 403, error_code::OUT_TRADE_NO_USED, Query),
            (order, 500, error_code::SYSTEM_ERROR, QueryOrRepeat),
            (refund, 429, error_code::RATELIMIT_EXCEEDED, QueryOrRepeat),
            // When the account has the money.
            (refund, 403, error_code::NOT_ENOUGH, Repeat),
            (refund, 404, error_code::RESOURCE_NOT_EXISTS, DecideByCode),
            (refund, 403, "A_CODE_OF_TOMORROW", Query),
            // It could be charged twice.
            (codepay, 500, error_code::SYSTEM_ERROR, Query),
            (codepay, 400, "USERPAYING", AskUser),
        ] {
            let error = refused(path, status, code, "");
            assert_eq!(error.next_step(), step, "{error}");
        }
        let network = |sent| Error::from(NetworkError { sent, source: std::io::Error::other("x").into() });
        assert_eq!(network(Sent::No).next_step(), Repeat);
        assert_eq!(network(Sent::Perhaps).next_step(), Query);
        assert_eq!(Error::from(RequestError::Path("x".to_owned())).next_step(), CorrectRequest);
    }

    /// Every code of the catalogue, and one that it does not have, with every operation that has an effect.
    #[test]
    fn no_step_leads_to_a_second_effect() {
        let acts = |operation: &&Operation| operation.method() == Method::POST && !operation.is_read_only();
        for operation in operations().filter(acts) {
            let known =
                operation.error_codes().map(|known| (known.code(), known.message().unwrap_or_default()));
            for (code, message) in known.chain([("A_CODE_OF_TOMORROW", "")]) {
                for status in [202, 403, 500] {
                    let error = refused(operation.path(), status, code, message);
                    let step = error.next_step();
                    let asks = matches!(step, Query | QueryOrRepeat | AskUser);
                    assert!(asks || !error.may_have_taken_effect(), "{error}: {step:?}");
                    assert!(step != QueryOrRepeat || operation.is_safe_to_repeat(), "{error}");
                    assert!(step != Repeat || !error.may_have_taken_effect(), "{error}");
                    let is_used = codes::is_of_an_earlier_call(code) && error.code() == Some(code);
                    assert!(asks || !is_used, "{error}: {step:?}");
                }
            }
        }
    }
}
