//! A seed file (种子文件): merchants, partners with their sub-merchants, appids and people, by name, so that every run of a test
//! suite finds the same ones.
//!
//! ```json
//! {
//!   "merchants": [
//!     { "mchid": "1900000100", "appids": ["wx0000000000000100"], "platform_keys": "certificate" },
//!     { "mchid": "1900000200", "appids": ["wx0000000000000200"], "sub_merchants": ["1900000100"] }
//!   ],
//!   "people": [
//!     { "unionid": "oUnionAlice0000000000000001x", "openids": { "wx0000000000000100": "oAlice000000000000000000001a" } },
//!     { "unionid": "oUnionBob000000000000000001b", "appids": ["wx0000000000000100", "wx0000000000000200"] }
//!   ]
//! }
//! ```
//!
//! | member of a merchant | meaning |
//! |---|---|
//! | `mchid` | its number, which must be there |
//! | `appids` | those that are bound to it; the first one is in its kit (default: a new one) |
//! | `sub_merchants` | those that it acts for, as a partner (服务商) that sells nothing itself |
//! | `platform_keys` | `public-key`, which is the default, `certificate` or `migration` |
//! | `certificate` | `valid`, which is the default, `expired`, `revoked` or `not-yet-valid` |
//!
//! A person has a `unionid`, and under each appid an openid: the one in `openids`, or one that is made for an appid in `appids`.
//!
//! It is read at each start. An existing merchant keeps its keys, and gets the appids and sub-merchants that it lacks,
//! and the state of its certificate if one is given; this also applies to the first merchant of the data folder.
//! Nothing is ever removed.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::clock;
use crate::error::{StartError, append_causes};
use crate::merchants::add::NewMerchant;
use crate::merchants::change::{MerchantError, check_appid, check_mchid};
use crate::merchants::record::{CertificateState, PlatformKeys};
use crate::people::Person;
use crate::people::openid::{FORM, is_openid};
use crate::platform::Platform;
use crate::store::StoreError;

/// The largest seed file, in bytes.
const MAX_SEED_FILE: u64 = 8 * 1024 * 1024;

/// The content of a seed file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seed {
    #[serde(default)]
    merchants: Vec<SeedMerchant>,
    #[serde(default)]
    people: Vec<SeedPerson>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedMerchant {
    mchid: String,
    #[serde(default)]
    appids: Vec<String>,
    #[serde(default)]
    sub_merchants: Vec<String>,
    platform_keys: Option<PlatformKeys>,
    certificate: Option<CertificateState>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedPerson {
    unionid: String,
    #[serde(default)]
    openids: BTreeMap<String, String>,
    #[serde(default)]
    appids: Vec<String>,
}

/// Error in a seed file.
#[derive(Debug)]
#[non_exhaustive]
pub enum SeedError {
    /// It could not be read.
    File(io::Error),
    /// It is too large, not JSON, or a member is missing, unknown, or of the wrong type.
    Json(String),
    /// A value in it is invalid.
    Value {
        /// Where it is, such as `merchants[0].mchid`.
        place: String,
        /// The mistake in it.
        reason: String,
    },
    /// A merchant could not be added.
    Merchant {
        /// Where it stands.
        place: String,
        /// The mistake.
        error: MerchantError,
    },
    /// The people could not be stored.
    Store(StoreError),
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str("it cannot be read"),
            Self::Json(reason) => f.write_str(reason),
            Self::Value { place, reason } => write!(f, "{place}: {reason}"),
            Self::Merchant { place, error } => write!(f, "{place}: {error}"),
            Self::Store(_) => f.write_str("its people could not be stored"),
        }?;
        append_causes(self, f)
    }
}

impl Error for SeedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Merchant { error, .. } => error.source(),
            Self::Store(error) => Some(error),
            Self::Json(_) | Self::Value { .. } => None,
        }
    }
}

fn wrong(place: String, reason: impl ToString) -> SeedError {
    SeedError::Value { place, reason: reason.to_string() }
}

impl Seed {
    pub(crate) fn read(file: &Path) -> Result<Self, StartError> {
        let failed = |error| StartError::Seed(PathBuf::from(file), error);
        let read = || {
            let mut text = Vec::new();
            File::open(file)?.take(MAX_SEED_FILE + 1).read_to_end(&mut text).map(|_| text)
        };
        let text = read().map_err(|error| failed(SeedError::File(error)))?;
        Self::from_json(&text).map_err(failed)
    }

    fn from_json(text: &[u8]) -> Result<Self, SeedError> {
        if text.len() as u64 > MAX_SEED_FILE {
            return Err(SeedError::Json(format!("it has more than {MAX_SEED_FILE} bytes")));
        }
        // A list would be read as its members in their order.
        if text.trim_ascii_start().starts_with(b"[") {
            return Err(SeedError::Json(
                "it must be a JSON object with `merchants`, `people` or both".to_owned(),
            ));
        }
        let seed: Self = serde_json::from_slice(text).map_err(|error| SeedError::Json(error.to_string()))?;
        seed.check()?;
        Ok(seed)
    }

    fn check(&self) -> Result<(), SeedError> {
        let mut numbers = BTreeSet::new();
        for (index, merchant) in self.merchants.iter().enumerate() {
            let place = |member: &str| format!("merchants[{index}].{member}");
            check_mchid(&merchant.mchid).map_err(|error| wrong(place("mchid"), error))?;
            if !numbers.insert(&merchant.mchid) {
                return Err(wrong(place("mchid"), format!("{} is in the file twice", merchant.mchid)));
            }
            for (item, appid) in merchant.appids.iter().enumerate() {
                check_appid(appid).map_err(|error| wrong(place(&format!("appids[{item}]")), error))?;
            }
            for (item, mchid) in merchant.sub_merchants.iter().enumerate() {
                check_mchid(mchid).map_err(|error| wrong(place(&format!("sub_merchants[{item}]")), error))?;
            }
        }
        self.check_people()
    }

    fn check_people(&self) -> Result<(), SeedError> {
        let (mut unionids, mut openids) = (BTreeSet::new(), BTreeSet::new());
        for (index, person) in self.people.iter().enumerate() {
            let place = |member: &str| format!("people[{index}].{member}");
            if !is_openid(&person.unionid) {
                return Err(wrong(place("unionid"), format!("a unionid {FORM}")));
            }
            if !unionids.insert(&person.unionid) {
                return Err(wrong(place("unionid"), format!("{} is in the file twice", person.unionid)));
            }
            for (appid, openid) in &person.openids {
                if !is_openid(openid) {
                    return Err(wrong(place(&format!("openids.{appid}")), format!("an openid {FORM}")));
                }
                if !openids.insert(openid) {
                    return Err(wrong(
                        place(&format!("openids.{appid}")),
                        format!("{openid} belongs to another person"),
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Platform {
    /// Adds what a seed file names and is not there.
    pub(crate) fn add_seed(&self, seed: &Seed) -> Result<(), SeedError> {
        for (index, merchant) in seed.merchants.iter().enumerate() {
            self.add_seed_merchant(merchant, index)?;
        }
        let known = self.merchants.appids();
        let people = seed.people.iter().enumerate();
        let added: Result<Vec<_>, _> =
            people.map(|(index, person)| self.add_seed_person(person, index, &known)).collect();
        self.keep_seeded_people(added?).map_err(SeedError::Store)
    }

    fn add_seed_merchant(&self, merchant: &SeedMerchant, index: usize) -> Result<(), SeedError> {
        let failed = |error| SeedError::Merchant { place: format!("merchants[{index}]"), error };
        let SeedMerchant { mchid, appids, sub_merchants, .. } = merchant;
        if self.merchants.find(mchid).is_none() {
            let mut new = NewMerchant::new()
                .mchid(mchid)
                .platform_keys(merchant.platform_keys.unwrap_or_default())
                .certificate(merchant.certificate.unwrap_or_default());
            new = appids.iter().fold(new, NewMerchant::appid);
            new = sub_merchants.iter().fold(new, NewMerchant::sub_merchant);
            match self.add_merchant(&new) {
                // Another node that starts was faster. What it made is completed.
                Err(MerchantError::Exists(_)) if self.store.is_shared() => {
                    self.look_at_merchants().map_err(failed)?;
                }
                added => return added.map(drop).map_err(failed),
            }
        }
        if let Some(wanted) = merchant.platform_keys {
            let has = self.kit_of(mchid).and_then(|kit| Ok(kit.made_with()?)).map_err(failed)?;
            if has != wanted {
                let (place, has) = (format!("merchants[{index}].platform_keys"), has.word());
                return Err(wrong(
                    place,
                    format!("merchant {mchid} already exists, but was made with {has}"),
                ));
            }
        }
        if let Some(wanted) = merchant.certificate {
            let kit = self.kit_of(mchid).map_err(failed)?;
            let dates =
                kit.dates_of_certificate(clock::machine_now()).map_err(|error| failed(error.into()))?;
            // What is said of a certificate can only make it worse than its dates.
            let is_wanted_good = matches!(wanted, CertificateState::Valid | CertificateState::Revoked);
            if dates != CertificateState::Valid && (is_wanted_good || dates != wanted) {
                let dates = dates.word();
                let reason = format!(
                    "merchant {mchid} already exists, but its certificate is {dates} (by its validity period)"
                );
                return Err(wrong(format!("merchants[{index}].certificate"), reason));
            }
            if self.merchants.find(mchid).is_none_or(|known| known.certificate != wanted) {
                self.set_certificate_state(mchid, wanted).map_err(failed)?;
            }
        }
        self.bind(mchid, appids, sub_merchants).map_err(failed)
    }

    fn add_seed_person(
        &self,
        seed: &SeedPerson,
        index: usize,
        known: &[String],
    ) -> Result<Person, SeedError> {
        let mut person = Person { unionid: seed.unionid.clone(), openids: seed.openids.clone() };
        for appid in &seed.appids {
            let openid = person.openid(appid);
            person.openids.insert(appid.clone(), openid);
        }
        if let Some(appid) = person.openids.keys().find(|appid| !known.contains(appid)) {
            return Err(wrong(format!("people[{index}]"), format!("no merchant has the appid {appid}")));
        }
        let other = self.keep_person(&person).map_err(SeedError::Store)?;
        match other {
            None => Ok(person),
            Some(openid) => Err(wrong(
                format!("people[{index}].openids"),
                format!("{openid} already belongs to another person"),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
