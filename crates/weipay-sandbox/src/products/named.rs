//! Resolves a number (单号) of a merchant or of the platform to a record. Merchants choose numbers, so several of
//! them can have the same.

use crate::control::ControlRequest;
use crate::store::StoreError;

/// A number, of this merchant if one is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) number: &'a str,
    pub(crate) mchid: Option<&'a str>,
}

/// What a number means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meant<T> {
    Nothing,
    One(T),
    /// Of several merchants, one each.
    Several,
}

impl<'a> Named<'a> {
    /// A number of any merchant.
    pub(crate) const fn anybodys(number: &'a str) -> Self {
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
        anybodys: impl FnOnce() -> Result<Vec<T>, StoreError>,
        merchant: impl Fn(&T) -> &str,
    ) -> Result<Meant<T>, StoreError> {
        let own = self.mchid.map(own).transpose()?.flatten();
        let mut found = match own {
            Some(own) => vec![own],
            None => anybodys()?,
        };
        found.retain(|found| self.mchid.is_none_or(|mchid| mchid == merchant(found)));
        Ok(found.into())
    }
}

impl<T> From<Vec<T>> for Meant<T> {
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

    fn find(number: &str, mchid: Option<&str>) -> Meant<(&'static str, &'static str)> {
        let kept = |is_meant: &dyn Fn(usize, &str, &str) -> bool| -> Vec<_> {
            let all = KEPT.into_iter().enumerate();
            all.filter(|(place, (mchid, number))| is_meant(*place, mchid, number))
                .map(|(_, row)| row)
                .collect()
        };
        let own = |mchid: &str| Ok(kept(&|_, of, its| of == mchid && its == number).pop());
        let anybodys = || Ok(kept(&|place, _, its| its == number || number == format!("P{place}")));
        Named { number, mchid }.find(own, anybodys, |row| row.0).unwrap()
    }

    #[test]
    fn the_merchants_own_is_meant_and_else_the_only_one() {
        assert_eq!(find("1", None), Meant::Several);
        assert_eq!(find("1", Some("B")), Meant::One(("B", "1")));
        assert_eq!(find("2", None), Meant::One(("B", "2")));
        assert_eq!((find("2", Some("A")), find("3", None)), (Meant::Nothing, Meant::Nothing));
        assert_eq!(
            (find("P0", None), find("P0", Some("A"))),
            (Meant::One(("A", "1")), Meant::One(("A", "1")))
        );
        assert_eq!(find("P0", Some("B")), Meant::Nothing, "it is another merchant's");
    }
}
