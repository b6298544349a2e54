//! Settings of a sandbox: checks in addition to what the catalogue says of each value.

/// Checks in addition to types, lengths and required fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validation {
    /// Members that the documentation does not have. The real gateway refuses them in a body; that it does so in a
    /// query as well is UNCONFIRMED(undefined-query).
    pub undefined_members: bool,
    /// Characters of four UTF-8 bytes, which the platform does not take.
    pub four_byte_characters: bool,
    /// Values that a field's page does not list. Off by default: the platform adds values without notice, and its
    /// response to an unknown one is UNCONFIRMED(unlisted-value). An operation with state always refuses values that
    /// it cannot act on.
    pub unlisted_values: bool,
    /// A request whose `Authorization` came before. Off by default: that the platform refuses it is
    /// UNCONFIRMED(replayed-request), and official SDKs send a request again that was signed once.
    pub replayed_requests: bool,
    /// A body that says `FAIL`, under a status that acknowledges a notification. Off by default: whether the platform reads it is
    /// UNCONFIRMED(acknowledgement).
    pub failing_acknowledgements: bool,
    /// Return the documented error codes where the real platform is known to return others. Off by default. They
    /// differ for an `out_trade_no` that was used before (403 OUT_TRADE_NO_USED), for an openid of another appid (500
    /// OPENID_MISMATCH), for the limits of a stock of cash coupons, for a service order that is over, and for a split over the
    /// highest ratio (403 RULE_LIMIT).
    pub documented_errors: bool,
}

impl Validation {
    /// As the real platform is known to do.
    pub const DEFAULT: Self = Self {
        undefined_members: true,
        four_byte_characters: true,
        unlisted_values: false,
        replayed_requests: false,
        failing_acknowledgements: false,
        documented_errors: false,
    };
    /// All checks except that for replayed requests, with the errors that the real platform is known to return.
    pub const STRICT: Self = Self { unlisted_values: true, failing_acknowledgements: true, ..Self::DEFAULT };
    /// Types, lengths and required fields only.
    pub const LOOSE: Self = Self { undefined_members: false, four_byte_characters: false, ..Self::DEFAULT };
}

impl Default for Validation {
    fn default() -> Self {
        Self::DEFAULT
    }
}
