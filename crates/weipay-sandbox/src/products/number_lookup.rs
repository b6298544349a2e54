//! Resolves a number (单号) of a merchant or of the platform to a record. Merchants choose numbers, so several of
//! them can have the same.

use crate::control::ControlRequest;
use crate::store::StoreError;

/// A number, of this merchant if one is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NumberRef<'a> {
    pub(crate) number: &'a str,
    pub(crate) mchid: Option<&'a str>,
}

/// The records with a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup<T> {
    Nothing,
    One(T),
    /// Of several merchants, one each.
    Several,
}

impl<'a> NumberRef<'a> {
    /// A number of any merchant.
    pub(crate) const fn of_any_merchant(number: &'a str) -> Self {
        Self { number, mchid: None }
    }

    /// As the path and the member `mchid` of a control request say it.
    pub(crate) fn in_request(request: &'a ControlRequest) -> Self {
        Self { number: request.path("number"), mchid: request.text("mchid") }
    }

    /// Looks the number up among the merchant's records, then among all records, which also finds the platform's
    /// numbers. If a merchant is given, records of other merchants never match.
    pub(crate) fn find<T>(
        self,
        own: impl FnOnce(&str) -> Result<Option<T>, StoreError>,
        of_any_merchant: impl FnOnce() -> Result<Vec<T>, StoreError>,
        merchant: impl Fn(&T) -> &str,
    ) -> Result<Lookup<T>, StoreError> {
        let own = self.mchid.map(own).transpose()?.flatten();
        let mut found = match own {
            Some(own) => vec![own],
            None => of_any_merchant()?,
        };
        found.retain(|found| self.mchid.is_none_or(|mchid| mchid == merchant(found)));
        Ok(found.into())
    }
}

impl<T> From<Vec<T>> for Lookup<T> {
    fn from(mut found: Vec<T>) -> Self {
        match found.len() {
            0 | 1 => found.pop().map_or(Self::Nothing, Self::One),
            _ => Self::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merchants and numbers; the platform's number of each is its place.
    const KEPT: [(&str, &str); 3] = [("A", "1"), ("B", "1"), ("B", "2")];

    fn find(number: &str, mchid: Option<&str>) -> Lookup<(&'static str, &'static str)> {
        let kept = |is_meant: &dyn Fn(usize, &str, &str) -> bool| -> Vec<_> {
            let all = KEPT.into_iter().enumerate();
            all.filter(|(place, (mchid, number))| is_meant(*place, mchid, number))
                .map(|(_, row)| row)
                .collect()
        };
        let own = |mchid: &str| Ok(kept(&|_, of, its| of == mchid && its == number).pop());
        let of_any_merchant = || Ok(kept(&|place, _, its| its == number || number == format!("P{place}")));
        NumberRef { number, mchid }.find(own, of_any_merchant, |row| row.0).unwrap()
    }

    #[test]
    fn the_merchants_own_is_meant_and_else_the_only_one() {
        assert_eq!(find("1", None), Lookup::Several);
        assert_eq!(find("1", Some("B")), Lookup::One(("B", "1")));
        assert_eq!(find("2", None), Lookup::One(("B", "2")));
        assert_eq!((find("2", Some("A")), find("3", None)), (Lookup::Nothing, Lookup::Nothing));
        assert_eq!(
            (find("P0", None), find("P0", Some("A"))),
            (Lookup::One(("A", "1")), Lookup::One(("A", "1")))
        );
        assert_eq!(find("P0", Some("B")), Lookup::Nothing, "it is another merchant's");
    }
}
