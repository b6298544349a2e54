//! The rules of one field, and whether a value keeps them.

use crate::broken_rule::{BrokenRule, Length};
use crate::format::Format;
use crate::limits::Limits;
use crate::number::{IntegerType, Number};
use crate::pattern;

/// What a field asks of its value; of each member, in an array.
///
/// Values that the documents list are not among its rules: the platform adds values without notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether a request must have the field.
    pub required: bool,
    /// The length of a text, the value of a number.
    pub limits: Limits,
    /// Whether `limits` count the bytes of a text in UTF-8 instead of its characters.
    pub in_bytes: bool,
    /// How many members an array has.
    pub items: Limits,
    /// A regular expression that the whole text matches.
    pub pattern: Option<&'static str>,
    /// How a text is read; of an integer, its width.
    pub format: Option<Format>,
}

impl Rules {
    /// No rules: any value keeps them.
    pub const NONE: Self = Self {
        required: false,
        limits: Limits::OPEN,
        in_bytes: false,
        items: Limits::OPEN,
        pattern: None,
        format: None,
    };

    /// Checks a text: first its length, then its pattern, then its format, which is the platform's order.
    ///
    /// An empty text in a field that is not required passes, whatever else the rules say: the platform takes it as if the
    /// field were missing, as was recorded for fields whose pages say 1 to some length.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn check_text(&self, text: &str) -> Result<(), BrokenRule> {
        if text.is_empty() && !self.required {
            return Ok(());
        }
        if !self.limits.is_open() {
            let length = match self.in_bytes {
                true => Length::Bytes(text.len()),
                false => Length::Characters(text.chars().count()),
            };
            self.limits.check(length.count()).map_err(|outside| BrokenRule::Length { length, outside })?;
        }
        if let Some(pattern) = self.pattern.filter(|pattern| !pattern::matches(pattern, text)) {
            return Err(BrokenRule::Pattern(pattern));
        }
        self.format
            .filter(|format| !format.fits(text))
            .map_or(Ok(()), |format| Err(BrokenRule::Format(format)))
    }

    /// Checks a text against the values that the documents list. The platform adds values without
    /// notice, so this is for those who want no others: the linter, for examples, and a strict sandbox.
    ///
    /// # Errors
    ///
    /// If the text is not one of them.
    pub fn check_listed(&self, text: &str, values: &[&str]) -> Result<(), BrokenRule> {
        let is_missing = text.is_empty() && !self.required;
        if values.is_empty() || values.contains(&text) || is_missing {
            Ok(())
        } else {
            Err(BrokenRule::Unlisted)
        }
    }

    /// The integers that the field can hold.
    #[must_use]
    pub const fn integer_type(&self) -> IntegerType {
        match self.format {
            Some(format) => format.integer_type(),
            None => IntegerType::Int64,
        }
    }

    /// Checks an integer: first its width, then its range.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn check_integer(&self, number: impl Into<i128>) -> Result<(), BrokenRule> {
        let number = number.into();
        let kind = self.integer_type();
        if kind.holds(number) { self.check_range(number.into()) } else { Err(BrokenRule::IntegerType(kind)) }
    }

    /// Checks a number that may have a fraction.
    ///
    /// # Errors
    ///
    /// If it is out of its range.
    pub fn check_number(&self, number: impl Into<Number>) -> Result<(), BrokenRule> {
        self.check_range(number.into())
    }

    fn check_range(&self, number: Number) -> Result<(), BrokenRule> {
        self.limits.check(number).map_err(|outside| BrokenRule::Range { number, outside })
    }

    /// Checks how many members an array has.
    ///
    /// # Errors
    ///
    /// If there are too few or too many.
    pub fn check_items(&self, count: usize) -> Result<(), BrokenRule> {
        self.items.check(count).map_err(|outside| BrokenRule::Items { count, outside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn limits(min: i64, max: i64) -> Limits {
        Limits::new(Some(min), Some(max))
    }

    fn broken(result: Result<(), BrokenRule>) -> Option<String> {
        result.err().map(|rule| rule.to_string())
    }

    #[test]
    fn a_length_counts_what_the_field_says() {
        let characters = Rules { limits: limits(2, 6), ..Rules::NONE };
        let bytes = Rules { in_bytes: true, ..characters };
        assert_eq!(broken(characters.check_text("券券券券券券")), None);
        assert_eq!(broken(characters.check_text("1")).as_deref(), Some("has 1 characters: 2 to 6"));
        assert_eq!(broken(bytes.check_text("券券")), None);
        assert_eq!(broken(bytes.check_text("券券1")).as_deref(), Some("has 7 bytes: 2 to 6"));
        let least = Rules { limits: Limits::new(Some(2), None), ..Rules::NONE };
        assert_eq!(broken(least.check_text("1")).as_deref(), Some("has 1 characters: at least 2"));
    }

    #[test]
    fn an_empty_text_passes_where_the_field_may_be_missing() {
        let every = Rules {
            limits: limits(1, 8),
            pattern: Some("[0-9]+"),
            format: Some(Format::Compact),
            ..Rules::NONE
        };
        assert_eq!(broken(every.check_text("")), None);
        let required = Rules { required: true, ..every };
        assert_eq!(broken(required.check_text("")).as_deref(), Some("has 0 characters: 1 to 8"));
    }

    #[test]
    fn the_first_broken_rule_is_told_in_the_platforms_order() {
        let rules = Rules {
            limits: limits(1, 10),
            pattern: Some("[0-9-]+"),
            format: Some(Format::Date),
            ..Rules::NONE
        };
        for (text, rule) in [
            ("2019-06-11x", Some("has 11 characters: 1 to 10")),
            ("2019-06-1x", Some("does not match [0-9-]+")),
            ("2019-06-31", Some("is not a day: write it as 2015-05-20")),
            ("2019-06-30", None),
        ] {
            assert_eq!(broken(rules.check_text(text)).as_deref(), rule);
        }
    }

    #[test]
    fn an_integer_has_its_width_and_its_range() {
        let rules = Rules { limits: Limits::new(Some(1), None), ..Rules::NONE };
        assert_eq!(broken(rules.check_integer(0)).as_deref(), Some("is 0: at least 1"));
        assert_eq!(broken(rules.check_integer(i64::MAX)), None);
        let wide = i128::from(i64::MAX) + 1;
        assert_eq!(broken(rules.check_integer(wide)).as_deref(), Some("is not a signed integer of 64 bits"));
        let narrow = Rules { format: Some(Format::Int32), ..rules };
        assert_eq!(broken(narrow.check_integer(i32::MAX)), None);
        assert!(narrow.check_integer(i64::from(i32::MAX) + 1).is_err());
        assert_eq!(broken(narrow.check_integer(0)).as_deref(), Some("is 0: at least 1"));
    }

    #[test]
    fn a_listed_value_is_written_as_it_is_listed() {
        let listed = |rules: Rules, text| rules.check_listed(text, &["NORMAL", "DISCOUNT"]).is_ok();
        let required = Rules { required: true, ..Rules::NONE };
        assert!(listed(required, "NORMAL") && listed(Rules::NONE, ""));
        assert!(!listed(required, "normal") && !listed(required, "") && !listed(Rules::NONE, "NORMAL "));
        assert_eq!(required.check_listed("anything", &[]), Ok(()));
    }

    #[test]
    fn fractions_and_members_are_counted() {
        let rules = Rules { limits: limits(0, 1), items: limits(1, 2), ..Rules::NONE };
        assert_eq!(broken(rules.check_number(0.5)), None);
        assert_eq!(broken(rules.check_number(1.5)).as_deref(), Some("is 1.5: 0 to 1"));
        assert_eq!(broken(rules.check_items(2)), None);
        assert_eq!(broken(rules.check_items(0)).as_deref(), Some("has 0 members: 1 to 2"));
        assert_eq!(broken(rules.check_items(3)).as_deref(), Some("has 3 members: 1 to 2"));
    }
}
