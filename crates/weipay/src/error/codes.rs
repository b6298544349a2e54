//! The platform's errors: one table of its codes (错误码), and one of the texts that APIv2 has instead of codes.
//!
//! Of each it says three things that must not contradict each other: what a caller can do (the class),
//! whether it settles that the operation was not carried out, and whether the official advice is to make the
//! same call again. [`Error`](super::Error) takes class and outcome from here, and retries take the advice.

use http::StatusCode;

use super::ErrorClass::{
    self, Conflict, NotFound, Parameter, Pending, Permission, PlatformFault, RateLimit, Refused, Signature,
};

/// Whether a code settles the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The operation was not carried out, if the response is provably the platform's.
    Settled,
    /// The same, because the number stands for something already. An earlier call may have paid with it: query that before a new
    /// number is taken.
    Earlier,
    /// It may have been carried out, or may yet be: query the result.
    Open,
    /// The same, and the official advice is to make the same call again. What asks for patience with a payer,
    /// such as `USERPAYING`, is not one of these: APIv2 has it for a payment, whose result is to be queried.
    /// With status 202 the status itself asks for a repeat with the same parameters, whatever the code is.
    Repeat,
}

use Outcome::{Earlier, Open, Repeat, Settled};

/// Codes in capitals, without underscores and blanks: both spellings of many are in use. The status of a code differs between
/// operations, and some pages list `SYSTEM_ERROR` with 400.
const CODES: &[(ErrorClass, Outcome, &[&str])] = &[
    (Signature, Settled, &["SIGNERROR", "CAERROR", "CERTERROR"]),
    (
        Parameter,
        Settled,
        &[
            "PARAMERROR",
            "INVALIDREQUEST",
            "LACKPARAMS",
            "XMLERROR",
            "XMLFORMATERROR",
            "NOTUTF8",
            "PARAMISNOTUTF8",
            "POSTDATAEMPTY",
            "REQUIREPOSTMETHOD",
            "APPIDMCHIDNOTMATCH",
            "APPIDNOTEXIST",
            "MCHNOTEXISTS",
            "MCHIDNOTEXIST",
            "ILLEGALAPPID",
            "MSGAPPIDERROR",
            "OPENIDERROR",
            "OPENIDMISMATCH",
            "INVALIDTRANSACTIONID",
            "AUTHCODEERROR",
            "AUTHCODEINVALID",
            "AUTHCODEEXPIRE",
            "NAMEMISMATCH",
            "AMOUNTLIMIT",
            "MONEYLIMIT",
            "NOTSHAREORDER",
        ],
    ),
    (Parameter, Earlier, &["FATALERROR"]),
    (Permission, Settled, &["NOAUTH", "APIMETHODCLOSED", "ACCEPTMODEERROR", "PAYCHANNELNOTALLOWED"]),
    (
        NotFound,
        Settled,
        &[
            "ORDERNOTEXIST",
            "REFUNDNOTEXIST",
            "REFUNDNOTEXISTS",
            "RECORDNOTEXISTS",
            "RESOURCENOTEXISTS",
            "NOTFOUND",
            "NOSTATEMENTEXIST",
            "NOBILLEXIST",
            "USERNOTEXISTS",
            "CONTRACTNOTEXIST",
            "COUPONNOTFOUND",
            "COUPONSTOCKIDNOTVALID",
        ],
    ),
    (
        Conflict,
        Settled,
        &[
            "ORDERCLOSED",
            "ORDERREVERSED",
            "INVALIDORDERSTATE",
            "BUYERMISMATCH",
            "REVERSEEXPIRE",
            "TRADEOVERDUE",
        ],
    ),
    (
        Conflict,
        Earlier,
        &[
            "OUTTRADENOUSED",
            "ORDERPAID",
            "ORDERCANCELED",
            "ORDERDONE",
            "ALREADYEXISTS",
            "RESOURCEALREADYEXISTS",
            "USERALGETCOUPON",
            "REFUNDFEEMISMATCH",
        ],
    ),
    // A limit on the number of calls does not prove, according to the pages on refunds, that a refund was not accepted.
    (
        RateLimit,
        Repeat,
        &[
            "FREQUENCYLIMITED",
            "FREQUENCYLIMIT",
            "FREQUENCYLIMITEXCEED",
            "FREQLIMIT",
            "RATELIMITEXCEEDED",
            "RATELIMITEXCEED",
            "RATELIMITED",
        ],
    ),
    // Another request for the same order is on its way.
    (RateLimit, Open, &["INVALIDREQTOOMUCH"]),
    // The official advice is to repeat the call with the same parameters, or to query its result.
    (PlatformFault, Repeat, &["SYSTEMERROR", "BANKERROR", "SERVICEUNAVAILABLE", "BIZERRNEEDRETRY"]),
    (PlatformFault, Settled, &["OPERATIONFAILED"]),
    // The user is being asked for the password, and the payment may yet succeed; or the platform is still at work.
    (Pending, Open, &["USERPAYING", "PROCESSING", "TRADEERROR", "SENDFAILED"]),
    (Pending, Settled, &["STATEMENTCREATING"]),
    (
        Refused,
        Settled,
        &[
            "NOTENOUGH",
            "ACCOUNTERROR",
            "RULELIMIT",
            "USERACCOUNTABNORMAL",
            "V2ACCOUNTSIMPLEBAN",
            "RCVDAMOUNTLIMIT",
            "SENDAMOUNTLIMIT",
            "SENDNUMLIMIT",
            "NOTSUPORTCARD",
            "RECVACCOUNTNOTALLOWED",
            "REQUESTBLOCKED",
            "ERROR",
            "ALSTOCKOVER",
            "STOCKAMOUNTNOTENOUGH",
        ],
    ),
];

/// Words that gateways and frameworks write into a `code` too. They are the platform's where the catalogue has them for the
/// operation that was called.
const OF_ANYBODY: &[&str] = &["NOTFOUND", "ALREADYEXISTS", "ERROR"];

/// A code without what its spellings differ by.
fn letters(code: &str) -> impl Iterator<Item = u8> {
    code.bytes().filter(|byte| !matches!(byte, b'_' | b' ')).map(|byte| byte.to_ascii_uppercase())
}

fn find(code: &str) -> Option<(ErrorClass, Outcome)> {
    let is_known = |codes: &[&str]| codes.iter().any(|known| letters(code).eq(known.bytes()));
    CODES.iter().find(|(_, _, codes)| is_known(codes)).map(|(class, outcome, _)| (*class, *outcome))
}

/// The class of a code. A code that is not known is a refusal, unless its form or its status says more.
pub(super) fn class(code: &str, status: StatusCode) -> ErrorClass {
    if let Some((class, _)) = find(code)
        && class != Refused
    {
        return class;
    }
    let code: String = letters(code).map(char::from).collect();
    if code.ends_with("NOTEXIST") || code.ends_with("NOTEXISTS") || code.ends_with("NOTFOUND") {
        NotFound
    } else if status.is_server_error() {
        PlatformFault
    } else if status == StatusCode::BAD_REQUEST && code.ends_with("PARAMERROR") {
        Parameter
    } else {
        Refused
    }
}

/// Whether a code is one of the table, in either spelling.
pub(super) fn is_known(code: &str) -> bool {
    find(code).is_some()
}

/// Whether a code by itself settles that the operation was not carried out, if the response is provably the platform's.
pub(super) fn settles(code: &str) -> bool {
    find(code).is_some_and(|(_, outcome)| matches!(outcome, Settled | Earlier))
        && !OF_ANYBODY.iter().any(|known| letters(code).eq(known.bytes()))
}

/// Whether a code leaves the outcome open, with any status.
pub(super) fn is_open(code: &str) -> bool {
    find(code).is_some_and(|(_, outcome)| matches!(outcome, Open | Repeat))
}

/// Whether a code refuses a number because it stands for something already, which may be a payment.
pub(super) fn is_of_an_earlier_call(code: &str) -> bool {
    find(code).is_some_and(|(_, outcome)| outcome == Earlier)
}

/// Whether the official advice on a code is to make the same call again.
pub(crate) fn asks_for_a_repeat(code: &str) -> bool {
    find(code).is_some_and(|(_, outcome)| outcome == Repeat)
}

/// Whether a request of APIv2 was taken, as far as the text of its refusal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was not.
    No,
    Perhaps,
}

/// Texts in the `return_msg` of a request of APIv2 that failed without a code, in lower case. The first one that it contains
/// decides. The texts of a fault or of too many calls come first, because such a message may name a merchant number, an appid
/// or the service of signatures too. A request was not taken if its form, its signature, the certificate or the numbers of
/// its sender are not right. Every other text leaves the outcome open, since a fault of the platform may stand there too.
///
/// UNCONFIRMED: no official page lists these texts. They are those of public reports.
const MESSAGES: &[(ErrorClass, Taken, &[&str])] = &[
    (
        RateLimit,
        Taken::Perhaps,
        &[
            "频率",
            "频繁",
            "限频",
            "限流",
            "请求过多",
            "次数过多",
            "too many",
            "too frequent",
            "frequency",
            "rate limit",
        ],
    ),
    (
        PlatformFault,
        Taken::Perhaps,
        &[
            "系统",
            "繁忙",
            "稍后",
            "稍候",
            "超时",
            "服务异常",
            "服务不可用",
            "服务错误",
            "内部错误",
            "网络",
            "system",
            "busy",
            "timeout",
            "timed out",
            "try again later",
            "unavailable",
            "internal error",
        ],
    ),
    (Signature, Taken::No, &["签名", "证书", "invalid sign"]),
    (Signature, Taken::Perhaps, &["sign", "cert"]),
    (Permission, Taken::No, &["权限"]),
    (
        Parameter,
        Taken::No,
        &[
            "参数",
            "缺少",
            "xml格式",
            "xml解析",
            "商户号",
            "mch_id",
            "appid",
            "post方法",
            "post数据",
            "utf8",
            "utf-8",
            // A refund of more than the order, and a receiver of profit sharing that is not JSON.
            "invalid refund_fee",
            "接收方格式",
            // Of one element, by the gateway that came later: 输入源“/body/xml/body”映射到值字段“商品描述”….
            "映射到",
            "规则校验失败",
        ],
    ),
    (Parameter, Taken::Perhaps, &["xml", "post", "utf", "invalid"]),
];

/// The rows of the table that a message has a text of.
fn rows_of(message: &str) -> impl Iterator<Item = &'static (ErrorClass, Taken, &'static [&'static str])> {
    let message = message.to_lowercase();
    MESSAGES.iter().filter(move |(_, _, texts)| texts.iter().any(|text| message.contains(text)))
}

/// The class of the `return_msg` of a refusal.
pub(super) fn class_of_message(message: &str) -> ErrorClass {
    rows_of(message).next().map_or(Refused, |(class, _, _)| *class)
}

/// Whether a refusal with this `return_msg` says that the request was not taken.
pub(super) fn taken(message: &str) -> Taken {
    let says_no = || rows_of(message).any(|(_, taken, _)| *taken == Taken::No);
    if !tells_of_a_fault(message) && says_no() { Taken::No } else { Taken::Perhaps }
}

/// Whether a message of APIv2 says that the platform failed or had too many calls.
fn tells_of_a_fault(message: &str) -> bool {
    matches!(class_of_message(message), RateLimit | PlatformFault)
}

#[cfg(test)]
mod tests {
    use super::super::Advice::{QueryState, RetryLater, RetrySame, WaitUser};
    use super::*;

    /// The codes that decide about a repeat, in all their spellings, as the official pages describe them.
    #[test]
    fn a_code_says_the_same_in_every_spelling() {
        for (codes, class_, open, repeat) in [
            (&["SYSTEM_ERROR", "SYSTEMERROR", "System_Error"][..], PlatformFault, true, true),
            (&["BANK_ERROR", "BANKERROR"], PlatformFault, true, true),
            (&["BIZ_ERR_NEED_RETRY", "BIZERR_NEED_RETRY"], PlatformFault, true, true),
            (&["SERVICE_UNAVAILABLE"], PlatformFault, true, true),
            (
                &[
                    "FREQUENCY_LIMITED",
                    "FREQUENCY_LIMIT",
                    "FREQUENCY_LIMIT_EXCEED",
                    "FREQ_LIMIT",
                    "RATELIMIT_EXCEEDED",
                    "RATELIMIT_EXCEED",
                    "RATE_LIMITED",
                ],
                RateLimit,
                true,
                true,
            ),
            (&["INVALID_REQ_TOO_MUCH"], RateLimit, true, false),
            (&["USERPAYING", "USER_PAYING"], Pending, true, false),
            (&["TRADE_ERROR", "SEND_FAILED", "PROCESSING"], Pending, true, false),
            (&["PARAM_ERROR", "INVALID_REQUEST", "APPID_MCHID_NOT_MATCH"], Parameter, false, false),
            (&["SIGN_ERROR"], Signature, false, false),
            (&["NO_AUTH", "NOAUTH"], Permission, false, false),
            (&["OUT_TRADE_NO_USED", "ORDERPAID", "ORDER_CLOSED"], Conflict, false, false),
            (&["NOT_ENOUGH", "NOTENOUGH", "RULE_LIMIT"], Refused, false, false),
            (&["A_CODE_OF_TOMORROW"], Refused, false, false),
        ] {
            for code in codes {
                assert_eq!(class(code, StatusCode::FORBIDDEN), class_, "{code}");
                assert_eq!(
                    (is_open(code), settles(code)),
                    (open, !open && *code != "A_CODE_OF_TOMORROW"),
                    "{code}"
                );
                assert_eq!(asks_for_a_repeat(code), repeat, "{code}");
            }
        }
    }

    #[test]
    fn a_code_stands_once_and_what_may_succeed_later_is_never_settled() {
        let all: Vec<&str> = CODES.iter().flat_map(|(_, _, codes)| codes.iter().copied()).collect();
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), all.len());
        for (class, outcome, codes) in CODES {
            assert!(codes.iter().all(|code| letters(code).eq(code.bytes())), "{codes:?}");
            let may_change = matches!(class, RateLimit | PlatformFault | Pending);
            assert!(may_change || matches!(outcome, Settled | Earlier), "{codes:?}");
        }
    }

    /// The catalogue advises people, and the table above decides for programs.
    #[test]
    fn what_the_catalogue_advises_agrees_with_what_the_client_does() {
        let mut disagreements = std::collections::BTreeSet::new();
        for operation in crate::operations() {
            for row in operation.error_codes() {
                let Some((_, outcome)) = find(row.code()) else {
                    disagreements.insert(format!("{operation}: {} is in no class", row.code()));
                    continue;
                };
                let agrees = match outcome {
                    Repeat => matches!(row.advice(), RetrySame | RetryLater | QueryState),
                    Open => matches!(row.advice(), RetryLater | QueryState | WaitUser),
                    Earlier => row.advice() == QueryState,
                    Settled => row.advice() != RetrySame,
                };
                if !agrees {
                    let row = format!("{} {:?}: {}", row.code(), row.advice(), row.meaning());
                    disagreements.insert(format!("{operation}: {outcome:?}, but {row}"));
                }
            }
        }
        assert!(disagreements.is_empty(), "{disagreements:#?}");
    }

    #[test]
    fn a_text_of_apiv2_that_is_about_the_request_says_that_it_was_not_taken() {
        for (message, class, taken_) in [
            ("签名错误", Signature, Taken::No),
            ("Invalid Sign", Signature, Taken::No),
            ("缺少参数", Parameter, Taken::No),
            ("XML格式错误", Parameter, Taken::No),
            ("xml error", Parameter, Taken::Perhaps),
            ("请使用post方法", Parameter, Taken::No),
            (
                "输入源“/body/xml/body”映射到值字段“商品描述”字符串规则校验失败，字节数 200，大于最大值 128",
                Parameter,
                Taken::No,
            ),
            (
                "无法将输入源“/body/xml/total_fee”映射到目标字段“标价金额”中，此字段需要一个合法的 64 位有符号整数",
                Parameter,
                Taken::No,
            ),
            ("签名错误，请检查后再试", Signature, Taken::No),
            ("受理机构必须传入sub_mch_id", Parameter, Taken::No),
            ("普通商户不允许传sub_mch_id", Parameter, Taken::No),
            ("不识别的参数notify_url", Parameter, Taken::No),
            ("0参数格式错误", Parameter, Taken::No),
            ("invalid refund_fee", Parameter, Taken::No),
            ("分账接收方格式错误", Parameter, Taken::No),
            ("频率过高", RateLimit, Taken::Perhaps),
            ("SYSTEMERROR", PlatformFault, Taken::Perhaps),
            ("系统繁忙", PlatformFault, Taken::Perhaps),
            ("商户号请求频率过高，请稍后重试", RateLimit, Taken::Perhaps),
            ("系统繁忙(appid wx1)", PlatformFault, Taken::Perhaps),
            ("系统错误：签名服务异常", PlatformFault, Taken::Perhaps),
            ("签名服务超时", PlatformFault, Taken::Perhaps),
            ("System Error: invalid sign", PlatformFault, Taken::Perhaps),
            ("请求过多, mch_id=1900000001", RateLimit, Taken::Perhaps),
            ("证书校验失败，请稍后再试", PlatformFault, Taken::Perhaps),
            // The usual text of a product that is not enabled advises to try again, and is a refusal all the same.
            ("商户号该产品权限未开通，请前往商户平台>产品中心检查后重试", Permission, Taken::No),
            ("FAIL", Refused, Taken::Perhaps),
            ("", Refused, Taken::Perhaps),
        ] {
            assert_eq!((class_of_message(message), taken(message)), (class, taken_), "{message}");
        }
    }
}
