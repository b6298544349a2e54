//! The rules of values in the WeChat Pay (微信支付) API, in one place: lengths, ranges, patterns, times and other formats.
//!
//! The SDK checks a request before it sends it, the sandbox checks what it receives, and the catalogue's linter checks the
//! examples in its files. All three ask [`Rules`], so they judge alike. What they make of a [`BrokenRule`] differs: the SDK
//! names the field's path, the sandbox responds in the words of the platform's gateway, and the linter names the line.
//!
//! There is no I/O and no JSON here, and a value that keeps its rules costs no allocation.
//!
//! ```
//! use weipay_rules::{Format, Limits, Rules};
//!
//! const CODE: Rules = Rules { limits: Limits::new(Some(1), Some(4)), ..Rules::NONE };
//! assert_eq!(CODE.check_text("优惠券码"), Ok(()));
//! assert_eq!(CODE.check_text("12345").unwrap_err().to_string(), "has 5 characters: 1 to 4");
//!
//! const TIME: Rules = Rules { format: Some(Format::Rfc3339), ..Rules::NONE };
//! assert_eq!(TIME.check_text("2015-05-20T13:29:35+08:00"), Ok(()));
//! assert!(TIME.check_text("20150520132935").is_err());
//! ```

mod broken_rule;
mod calendar;
mod format;
mod limits;
mod number;
mod pattern;
pub mod rfc3339;
mod rules;

pub use broken_rule::{BrokenRule, Length};
pub use format::Format;
pub use limits::{Limits, Outside, Side};
pub use number::{IntegerType, Number, parse_integer, parse_number};
pub use pattern::{NOTIFY_URL, compiles};
pub use rules::Rules;
