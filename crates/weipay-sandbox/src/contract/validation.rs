//! What is refused beyond what the catalogue says of each value: settings of a sandbox.

/// What is refused beyond types, lengths and required fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Members that the documentation does not have. The real gateway refuses them in a body; that it does so in a
    /// query as well is UNCONFIRMED(undefined-query).
    pub undefined_members: bool,
    /// Characters of four UTF-8 bytes, which the platform does not take.
    pub four_byte_characters: bool,
    /// Values that a field's page does not list. Off by default: the platform adds values without notice, and
    /// what it says to an unknown one is UNCONFIRMED(unlisted-value). Of an operation that the sandbox
    /// carries out, what it cannot act on is refused in any case.
    pub unlisted_values: bool,
    /// A request whose `Authorization` came before. Off by default: that the platform refuses it is
    /// UNCONFIRMED(replayed-request), and official SDKs send a request again that was signed once.
    pub replayed_requests: bool,
    /// A body that says `FAIL`, under a status that acknowledges a notification. Off by default: whether the platform reads it is
    /// UNCONFIRMED(acknowledgement).
    pub failing_acknowledgements: bool,
    /// In which words what is wrong is refused, where the platform was seen to refuse otherwise than its
    /// documents say: as the documents say. Off by default. They differ for an `out_trade_no` that was used
    /// before (403 OUT_TRADE_NO_USED), for an openid of another appid (500 OPENID_MISMATCH), for the limits of a stock
    /// of cash coupons, and for a service order that is over.
    pub documented_errors: bool,
}

impl Validation {
    /// What the real platform is known to refuse.
    pub const DEFAULT: Self = Self {
        undefined_members: true,
        four_byte_characters: true,
        unlisted_values: false,
        replayed_requests: false,
        failing_acknowledgements: false,
        documented_errors: false,
    };
    /// Everything that can be refused, but for a request that comes twice, in the words that were observed.
    pub const STRICT: Self = Self { unlisted_values: true, failing_acknowledgements: true, ..Self::DEFAULT };
    /// Types, lengths and required fields only.
    pub const LENIENT: Self = Self { undefined_members: false, four_byte_characters: false, ..Self::DEFAULT };
}

impl Default for Validation {
    fn default() -> Self {
        Self::DEFAULT
    }
}
