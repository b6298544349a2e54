//! Fields that hold the caller's own merchant number, appid or person.
//!
//! The number of a partner's sub-merchant (`sub_mchid`) is not among them, nor that of another party (`payee_mchid`).

use super::{APPID, MCHID, OPENID};

/// What a field holds of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// 商户号.
    MerchantNumber,
    /// 应用ID.
    Appid,
    /// A person of that appid.
    Openid,
}

impl Own {
    const ALL: [Self; 3] = [Self::MerchantNumber, Self::Appid, Self::Openid];

    /// What the field of this name holds, if it is the caller's.
    #[must_use]
    pub fn of_field(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.fields().contains(&name))
    }

    /// The names of the fields that hold it.
    #[must_use]
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::MerchantNumber => &[
                "mchid",
                "mch_id",
                "sp_mchid",
                "combine_mchid",
                "combine_mch_id",
                "belong_merchant",
                "creator_mchid",
                "creator_merchant",
                "send_merchant",
                "sender_merchant",
                "stock_creator_mchid",
            ],
            Self::Appid => &["appid", "sp_appid", "combine_appid", "mch_appid", "wxappid"],
            Self::Openid => &["openid", "sp_openid", "combine_openid"],
        }
    }

    /// What it is in a sample: that of the first merchant of every sandbox.
    #[must_use]
    pub const fn sample(self) -> &'static str {
        match self {
            Self::MerchantNumber => MCHID,
            Self::Appid => APPID,
            Self::Openid => OPENID,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Catalog, Field, Place};

    fn collect(fields: &[Field], names: &mut BTreeSet<&'static str>) {
        for field in fields {
            names.insert(field.name);
            collect(&field.fields, names);
        }
    }

    #[test]
    fn every_name_is_that_of_a_field_in_the_catalogue() {
        let catalog = Catalog::embedded();
        let mut names = BTreeSet::new();
        for operation in catalog.operations() {
            for place in Place::ALL {
                collect(operation.request.fields(place), &mut names);
            }
            collect(&operation.response, &mut names);
        }
        for notification in catalog.notifications() {
            collect(&notification.body, &mut names);
            collect(&notification.resource, &mut names);
        }
        for own in Own::ALL {
            for name in own.fields() {
                assert!(names.contains(name), "{name}: no operation and no notification has it");
                assert_eq!(Own::of_field(name), Some(own));
            }
        }
        assert_eq!(Own::of_field("sub_mchid"), None);
    }
}
