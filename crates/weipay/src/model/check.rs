//! The result of the check of a request. Before sending, it stops at the first broken rule
//! ([`value::check`](super::value::check)); `request.check()` lists all broken rules, and words that look mistyped.

use std::fmt::{self, Display, Formatter, Write};

use weipay_rules::BrokenRule;

use super::into_field::unfit_values;
use super::table::{Field, Purpose};
use super::value::{Model, Value};

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Where it is, such as `coupon_use_rule.coupon_available_time.available_end_time`.
    pub path: String,
    /// The rule, as the end of a sentence about the field.
    pub rule: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path, self.rule)
    }
}

impl Violation {
    pub(crate) fn new(rule: impl Into<String>) -> Self {
        Self { path: String::new(), rule: rule.into() }
    }

    /// The same violation, seen from one object further out.
    pub(crate) fn within(mut self, field: &str) -> Self {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, field);
        self
    }

    /// The same violation, seen from the array around it.
    pub(crate) fn at(self, index: usize) -> Self {
        let mut step = String::new();
        let _ = write!(step, "[{index}]");
        self.within(&step)
    }
}

impl From<BrokenRule> for Violation {
    fn from(rule: BrokenRule) -> Self {
        Self::new(rule.to_string())
    }
}

/// The result of the check of a request: `request.check()`, which each request has.
///
/// ```
/// # #[cfg(feature = "marketing")] {
/// use weipay::v3::marketing::busifavor::stocks::post::Request;
///
/// let report = Request::new().stock_type("NORML").check();
/// assert_eq!(report.hints[0].to_string(), "`stock_type` is `NORML`, which is not a documented value: did you mean `NORMAL`?");
/// assert!(report.violations.iter().any(|broken| broken.path == "stock_name"));
/// assert!(!report.is_ok());
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ValidationReport {
    /// The rules that the request breaks, in the order of its fields. While there is one, a client does not send the request,
    /// unless its checks are switched off.
    pub violations: Vec<Violation>,
    /// Undocumented words that look like documented ones. They do not stop a request, because the platform adds words
    /// without notice.
    pub hints: Vec<Hint>,
}

impl ValidationReport {
    /// Whether the request breaks no rule. There may be hints.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.violations.is_empty()
    }

    /// Adds the report of a field, with paths that begin at the struct or array around it.
    fn add(&mut self, inner: Self, within: impl Fn(Violation) -> Violation) {
        self.violations.extend(inner.violations.into_iter().map(&within));
        self.hints.extend(inner.hints.into_iter().map(|hint| {
            let Violation { path, .. } = within(Violation { path: hint.path, rule: String::new() });
            Hint { path, ..hint }
        }));
    }

    /// The same, for a member of an array.
    pub(super) fn add_item(&mut self, index: usize, inner: Self) {
        if !inner.violations.is_empty() || !inner.hints.is_empty() {
            self.add(inner, |violation| violation.at(index));
        }
    }
}

impl From<Result<(), Violation>> for ValidationReport {
    fn from(result: Result<(), Violation>) -> Self {
        Self { violations: result.err().into_iter().collect(), hints: Vec::new() }
    }
}

/// One line for each.
impl Display for ValidationReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let violations = self.violations.iter().map(|violation| violation as &dyn Display);
        let hints = self.hints.iter().map(|hint| hint as &dyn Display);
        violations
            .chain(hints)
            .enumerate()
            .try_for_each(|(index, line)| write!(f, "{}{line}", if index == 0 { "" } else { "\n" }))
    }
}

/// A word that is not documented, and the documented word that was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hint {
    /// Where it is, such as `goods[1].kind`.
    pub path: String,
    /// The word.
    pub value: String,
    /// The nearest documented word.
    pub suggestion: &'static str,
}

impl Hint {
    /// A hint where an undocumented word is near to a documented one.
    pub(super) fn find(value: &str, words: &[&'static str]) -> Option<Self> {
        let suggestion = nearest_word(value, words)?;
        Some(Self { path: String::new(), value: value.to_owned(), suggestion })
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { path, value, suggestion } = self;
        let value = value.escape_debug();
        write!(f, "`{path}` is `{value}`, which is not a documented value: did you mean `{suggestion}`?")
    }
}

/// The word of a list that a text was probably meant to be: the nearest one, if it is near. Nothing if the text is in the list.
#[must_use]
pub fn nearest_word<'a>(given: &str, words: &[&'a str]) -> Option<&'a str> {
    /// Two of three characters are the same.
    const MIN_CLOSENESS: f64 = 0.66;
    const MAX_LENGTH: usize = 64;

    if given.is_empty() || given.len() > MAX_LENGTH || words.contains(&given) {
        return None;
    }
    // `normal` and `NORMAL`, `SYNC-MODE` and `SYNC_MODE` are the same word.
    let letters = |word: &str| -> String {
        word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect()
    };
    let given = letters(given);
    let near =
        words.iter().map(|word| (strsim::normalized_damerau_levenshtein(&given, &letters(word)), *word));
    let near = near.filter(|(closeness, _)| *closeness >= MIN_CLOSENESS);
    near.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, word)| word)
}

/// Everything that a check finds in a request.
pub(crate) fn inspect(model: &dyn Model) -> ValidationReport {
    let fields = model.table().fields;
    let mut report = ValidationReport { violations: unfit_values(model), hints: Vec::new() };
    let is_unfit = |path: &str, violations: &[Violation]| violations.iter().any(|known| known.path == path);
    let unfit = report.violations.len();
    model.read(&mut |_, slots| {
        for (field, slot) in fields.iter().zip(slots) {
            // A value that did not fit left its field unset.
            if !slot.is_set() && is_unfit(field.name, &report.violations[..unfit]) {
                continue;
            }
            // The client sets it before it checks.
            if !slot.is_set() && matches!(field.purpose, Some(Purpose::MerchantNumber | Purpose::SignType)) {
                continue;
            }
            report.add(slot.inspect(field), |violation| violation.within(field.name));
        }
    });
    report
}

/// The report of one value.
pub(super) fn inspect_value<T: Value>(value: &T, field: &Field) -> ValidationReport {
    let mut report = ValidationReport::from(value.check(field));
    report.hints.extend(value.word().and_then(|word| Hint::find(word.text, word.listed?)));
    report
}

/// The check of an array: its own rules, then those of each member.
pub(super) fn inspect_items<T: Value>(
    items: &[T],
    field: &Field,
    own: Result<(), Violation>,
) -> ValidationReport {
    let mut report = ValidationReport::from(own);
    for (index, item) in items.iter().enumerate() {
        report.add_item(index, item.inspect(field));
    }
    report
}

/// The first broken rule decides whether a request is sent; here it is the same check.
#[cfg(test)]
pub(crate) fn agrees_with_check(model: &dyn Model) -> bool {
    super::value::check(model).err() == inspect(model).violations.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JsonText, body, open_enum, request};

    open_enum! {
        /// A type.
        pub enum StockType {
            Normal = "NORMAL",
            Discount = "DISCOUNT",
            SyncMode = "SYNC_MODE",
        }
    }

    request! {
        /// A request.
        pub struct Request {
            /// Required.
            name: String = body("name").required().length(1, 3),
            /// A word.
            stock_type: StockType = body("stock_type"),
            /// Words.
            types: Vec<StockType> = body("types"),
            /// An object.
            part: Part = body("part"),
            /// Objects.
            parts: Vec<Part> = body("parts").items(0, 2),
            /// An object as text.
            text: JsonText<Part> = body("text"),
        }

        /// A part.
        pub struct Part {
            /// A word.
            stock_type: StockType = body("stock_type"),
            /// A number.
            total: i64 = body("total").required().range(1, 9),
        }
    }

    fn lines(request: &Request) -> Vec<String> {
        assert!(agrees_with_check(request), "{request:?}");
        request.check().to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_broken_rule_is_told_with_its_path() {
        let part = Part::new;
        let request =
            Request::new().name("long").part(part()).parts([part().total(1), part(), part().total(0)]);
        assert_eq!(
            lines(&request.text(part().total(10))),
            [
                "`name` has 4 characters: 1 to 3",
                "`part.total` is required (必填) and not set",
                "`parts` has 3 members: at most 2",
                "`parts[1].total` is required (必填) and not set",
                "`parts[2].total` is 0: 1 to 9",
                "`text.total` is 10: 1 to 9",
            ]
        );
        assert_eq!(lines(&Request::new()), ["`name` is required (必填) and not set"]);
        assert!(Request::new().name("a").check().is_ok());
    }

    #[test]
    fn a_value_that_does_not_fit_is_told_once() {
        let told = lines(&Request::new().name("a").part(Part::new().total(u64::MAX)));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("`part.total` is out of range"), "{told:?}");
    }

    #[test]
    fn a_nearly_known_word_is_pointed_out_and_not_refused() {
        let request = Request::new()
            .name("a")
            .stock_type("NORML")
            .types(["DISCOUNT", "discount"])
            .part(Part::new().total(1).stock_type("SYNC-MODE"))
            .parts([Part::new().total(1), Part::new().total(1).stock_type("NORMALL")])
            .text(Part::new().total(1).stock_type("DISCUONT"));
        let report = request.check();
        assert!(report.is_ok());
        let told: Vec<_> = report.hints.iter().map(|hint| (hint.path.as_str(), hint.suggestion)).collect();
        assert_eq!(
            told,
            [
                ("stock_type", "NORMAL"),
                ("types[1]", "DISCOUNT"),
                ("part.stock_type", "SYNC_MODE"),
                ("parts[1].stock_type", "NORMAL"),
                ("text.stock_type", "DISCOUNT"),
            ]
        );
        assert_eq!(
            report.hints[0].to_string(),
            "`stock_type` is `NORML`, which is not a documented value: did you mean `NORMAL`?"
        );
    }

    #[test]
    fn a_word_that_is_known_or_far_from_all_is_not_pointed_out() {
        for word in ["NORMAL", "BRAND_NEW", "", "13800138000", "张三", &"N".repeat(1_000)] {
            assert_eq!(
                Request::new().name("a").stock_type(word).check(),
                ValidationReport::default(),
                "{word}"
            );
        }
        assert_eq!(nearest_word("Y", &["N"]), None);
        assert_eq!(nearest_word("NORML\u{1b}", &["NORMAL"]), Some("NORMAL"));
    }
}
