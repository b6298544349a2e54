//! The values of numbered elements of APIv2, `coupon_fee_0`, `coupon_fee_1` and so on.

use serde_json::Value as Json;

use super::value::{Container, Sequence, Strictness, Token, Value};
use super::{Converted, Encryption, Field, ValidationReport, Violation};

/// The values of elements that differ by a number, each under its number. A number may be missing: a coupon without a type still
/// has its ID and its amount under the same number.
///
/// ```
/// use weipay::model::Numbered;
///
/// let fees: Numbered<i64> = [Some(100), None, Some(50)].into_iter().collect();
/// assert_eq!((fees.get(0), fees.get(1), fees.get(2)), (Some(&100), None, Some(&50)));
/// assert_eq!(fees.iter().map(|(_, fee)| fee).sum::<i64>(), 150);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered<T>(Vec<Option<T>>);

impl<T> Numbered<T> {
    /// The value with this number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&T> {
        self.0.get(number)?.as_ref()
    }

    /// The values with their numbers, in the order of the numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.0.iter().enumerate().filter_map(|(number, value)| Some((number, value.as_ref()?)))
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<Vec<T>> for Numbered<T> {
    /// Numbered from 0.
    fn from(values: Vec<T>) -> Self {
        Self(values.into_iter().map(Some).collect())
    }
}

impl<T> FromIterator<Option<T>> for Numbered<T> {
    /// Numbered from 0; of `None` the number is missing.
    fn from_iter<I: IntoIterator<Item = Option<T>>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Value> Sequence for Numbered<T> {
    fn push(&mut self, found: Token<'_>, strictness: Strictness) -> Result<Container<'_>, &'static str> {
        let value =
            if T::is_absent(&found, strictness) { Ok(None) } else { T::begin(found, strictness).map(Some) };
        // A value that cannot be read keeps its number, so that the next ones keep theirs.
        let problem = value.as_ref().err().copied();
        self.0.push(value.unwrap_or_default());
        match problem {
            Some(expected) => Err(expected),
            None => Ok(self.0.last_mut().and_then(Option::as_mut).map_or(Container::Complete, T::container)),
        }
    }

    fn member_size(&self) -> usize {
        size_of::<Option<T>>()
    }
}

/// As JSON, an array with `null` where a number is missing.
impl<T: Value> Value for Numbered<T> {
    type Intake = Converted;

    fn begin(found: Token<'_>, _: Strictness) -> Result<Self, &'static str> {
        if matches!(found, Token::Array) { Ok(Self::default()) } else { Err("an array") }
    }

    fn container(&mut self) -> Container<'_> {
        Container::Array(self)
    }

    fn to_json(&self, encryption: Encryption<'_>) -> Result<Json, Violation> {
        let json = |(number, value): (usize, &Option<T>)| match value {
            Some(value) => value.to_json(encryption).map_err(|problem| problem.at(number)),
            None => Ok(Json::Null),
        };
        self.0.iter().enumerate().map(json).collect::<Result<_, _>>().map(Json::Array)
    }

    fn check(&self, field: &Field) -> Result<(), Violation> {
        self.iter().try_for_each(|(number, value)| value.check(field).map_err(|rule| rule.at(number)))
    }

    fn inspect(&self, field: &Field) -> ValidationReport {
        let mut report = ValidationReport::from(Ok(()));
        for (number, value) in self.iter() {
            report.add_item(number, value.inspect(field));
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::body;

    fn read(values: &[Token<'_>]) -> (Numbered<i64>, usize) {
        let mut numbered = Numbered::default();
        let mut unread = 0;
        for value in values {
            let found = match value {
                Token::Text(text) => Token::Text(text),
                _ => Token::Null,
            };
            unread += usize::from(numbered.push(found, Strictness::Lenient).is_err());
        }
        (numbered, unread)
    }

    #[test]
    fn a_missing_or_unreadable_value_leaves_the_others_their_numbers() {
        let (fees, unread) = read(&[Token::Text("100"), Token::Null, Token::Text("x"), Token::Text("50")]);
        assert_eq!((fees.len(), unread), (2, 1));
        assert_eq!(fees.iter().collect::<Vec<_>>(), [(0, &100), (3, &50)]);
        assert_eq!(fees.to_json(Encryption::AsSet).unwrap(), json!([100, null, null, 50]));
    }

    #[test]
    fn the_rules_of_a_row_are_those_of_each_value() {
        let ids = Numbered::from(vec!["10000".to_owned(), "1".repeat(21)]);
        let violation = ids.check(&body("coupon_id_$n").length(0, 20)).unwrap_err();
        assert_eq!(violation.path, "[1]");
        assert!(Numbered::<i64>::default().is_empty());
    }
}
