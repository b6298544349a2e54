//! The lowest and the highest that is allowed.

use std::fmt;

use crate::number::Number;

/// The lowest and the highest that is allowed, both included. `None` says that there is no limit on that side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The lowest that is allowed.
    pub min: Option<i64>,
    /// The highest that is allowed.
    pub max: Option<i64>,
}

/// Limits that a number is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside {
    /// Both limits.
    pub limits: Limits,
    /// The one that the number is beyond.
    pub side: Side,
}

/// On which side of its limits a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It is less than this.
    Below(i64),
    /// It is more than this.
    Above(i64),
}

impl Limits {
    /// No limits.
    pub const OPEN: Self = Self::new(None, None);

    /// From a lowest and a highest value.
    #[must_use]
    pub const fn new(min: Option<i64>, max: Option<i64>) -> Self {
        Self { min, max }
    }

    /// Whether nothing is limited.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// Reads `1..20`, `..20` or `1..`, as the catalogue writes limits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (min, max) = text.split_once("..")?;
        let side = |digits: &str| match digits {
            "" => Some(None),
            digits => digits.parse().ok().map(Some),
        };
        let limits = Self::new(side(min)?, side(max)?);
        (!limits.is_open()).then_some(limits)
    }

    /// Checks a number against both limits.
    ///
    /// # Errors
    ///
    /// If it is beyond one of them.
    pub fn check(self, number: impl Into<Number>) -> Result<(), Outside> {
        let number = number.into();
        let side = match (self.min, self.max) {
            (Some(min), _) if number.is_less_than(min) => Side::Below(min),
            (_, Some(max)) if number.is_more_than(max) => Side::Above(max),
            _ => return Ok(()),
        };
        Err(Outside { limits: self, side })
    }
}

/// "at least 1", "at most 32", "1 to 32".
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("any"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_allowed() {
        let side = |limits: Limits, number: Number| limits.check(number).err().map(|outside| outside.side);
        let limits = Limits::new(Some(1), Some(3));
        let sides: Vec<_> = [0, 1, 2, 3, 4].map(|number| side(limits, Number::from(number))).into();
        assert_eq!(sides, [Some(Side::Below(1)), None, None, None, Some(Side::Above(3))]);
        assert_eq!(side(limits, 0.99.into()), Some(Side::Below(1)));
        assert_eq!(side(limits, 3.0.into()), None);
        assert_eq!(side(limits, 3.01.into()), Some(Side::Above(3)));
        assert_eq!(side(Limits::OPEN, i64::MIN.into()), None);
        assert_eq!(side(Limits::new(None, Some(i64::MAX)), u64::MAX.into()), Some(Side::Above(i64::MAX)));
    }

    #[test]
    fn limits_are_read_as_the_catalogue_writes_them() {
        assert_eq!(Limits::parse("1..20"), Some(Limits::new(Some(1), Some(20))));
        assert_eq!(Limits::parse("..20"), Some(Limits::new(None, Some(20))));
        assert_eq!(Limits::parse("-5.."), Some(Limits::new(Some(-5), None)));
        for text in ["", "..", "5", "1..x", "1...2", "a..b"] {
            assert_eq!(Limits::parse(text), None, "{text}");
        }
    }
}
