//! Adding merchants while the sandbox runs, each with a kit.

use weipay_catalog::sample::{APPID, OPENID};

use super::change::{MerchantError, check_appid, check_mchid, check_sub_merchants};
use super::record::{CertificateState, MerchantRecord, PlatformKeys};
use crate::kit::{self, KitError, KitOnDisk, Made};
use crate::platform::Platform;

/// A merchant to add. Everything that is not set is generated.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use weipay_sandbox::{NewMerchant, PlatformKeys, Sandbox};
///
/// let sandbox = Sandbox::start()?;
/// let partner = NewMerchant::new().sub_merchant("1900000200").platform_keys(PlatformKeys::Certificate);
/// let kit = sandbox.add_merchant(&partner)?;
/// println!("{}", kit.file().display());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMerchant {
    mchid: Option<String>,
    appids: Vec<String>,
    sub_merchants: Vec<String>,
    platform_keys: PlatformKeys,
    certificate: CertificateState,
}

impl NewMerchant {
    /// A merchant with a new number and a new appid, for which the platform has a public key only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its number (商户号): 8 to 15 digits.
    #[must_use]
    pub fn mchid(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Binds an appid to it. The first one is in its kit.
    #[must_use]
    pub fn appid(mut self, appid: impl Into<String>) -> Self {
        self.appids.push(appid.into());
        self
    }

    /// Allows it to act for this merchant (子商户), as a partner (服务商).
    #[must_use]
    pub fn sub_merchant(mut self, mchid: impl Into<String>) -> Self {
        self.sub_merchants.push(mchid.into());
        self
    }

    /// Which keys the platform signs with for it.
    #[must_use]
    pub fn platform_keys(mut self, platform_keys: PlatformKeys) -> Self {
        self.platform_keys = platform_keys;
        self
    }

    /// The state of its certificate.
    #[must_use]
    pub fn certificate(mut self, state: CertificateState) -> Self {
        self.certificate = state;
        self
    }
}

/// Merchants of a sandbox at most: each has files.
pub(super) const MAX_MERCHANTS: usize = 10_000;

/// The first number that is given to a merchant without one, in the range of examples.
const FIRST_MCHID: u64 = 1_900_001_000;

impl Platform {
    /// Adds a merchant, and makes its kit in `merchants/MCHID` of the data folder. It can send requests at
    /// once, and is there after a restart.
    ///
    /// # Errors
    ///
    /// If there is one with its number, or its kit cannot be made.
    pub fn add_merchant(&self, new: &NewMerchant) -> Result<KitOnDisk, MerchantError> {
        let _changing = self.merchants.change();
        loop {
            self.look_at_merchants()?;
            match self.add(new) {
                // Another node was faster with the same free number.
                Err(MerchantError::Exists(_)) if new.mchid.is_none() => {}
                added => return added,
            }
        }
    }

    fn add(&self, new: &NewMerchant) -> Result<KitOnDisk, MerchantError> {
        if let Some(mchid) = &new.mchid {
            check_mchid(mchid)?;
            check_sub_merchants(mchid, &new.sub_merchants)?;
        }
        new.sub_merchants.iter().try_for_each(|sub_mchid| check_mchid(sub_mchid))?;
        new.appids.iter().try_for_each(|appid| check_appid(appid))?;
        let all = self.merchants.all();
        let is_known = |mchid: &String| all.iter().any(|known| known.account.mchid == *mchid);
        if let Some(mchid) = new.mchid.as_ref().filter(|mchid| is_known(mchid)) {
            return Err(MerchantError::Exists(mchid.clone()));
        }
        if all.len() >= MAX_MERCHANTS {
            return Err(MerchantError::Invalid(format!("a sandbox has at most {MAX_MERCHANTS} merchants")));
        }
        let mut appids = new.appids.clone();
        if appids.is_empty() {
            appids.push(self.new_appid());
        }
        let openid = if appids[0] == APPID {
            OPENID.to_owned()
        } else {
            format!("o{}", self.entropy.letters_and_digits(27))
        };
        let mut made = Made {
            mchid: new.mchid.clone().unwrap_or_default(),
            appid: appids[0].clone(),
            openid,
            platform_keys: new.platform_keys,
            certificate: new.certificate,
        };
        let mut kit = match &new.mchid {
            Some(_) => kit::open_merchant(&self.home, &made)?,
            None => {
                self.open_free_kit(&mut made, |mchid| is_known(mchid) || new.sub_merchants.contains(mchid))?
            }
        };
        let has = &kit.kit().appid;
        if new.appids.is_empty() && all.iter().all(|known| !known.account.appids.contains(has)) {
            appids = vec![has.clone()];
        }
        kit.name_appid(&appids[0], &made.openid)?;
        kit.serve_at(&self.base_url)?;
        let record = MerchantRecord {
            appids,
            sub_merchants: new.sub_merchants.clone(),
            certificate: new.certificate,
            ..MerchantRecord::from_kit(kit.kit())
        };
        if !self.keep(&kit, &record, None)? {
            return Err(MerchantError::Exists(record.mchid));
        }
        Ok(kit)
    }

    /// An appid that nobody has. After a reset a seeded sequence begins again, and its merchants are still there.
    fn new_appid(&self) -> String {
        let known = self.merchants.appids();
        loop {
            let appid = format!("wx{}", self.entropy.hex_digits(16));
            if !known.contains(&appid) {
                return appid;
            }
        }
    }

    /// The kit of a number of the example range that nobody has. A number of which another kit is left is passed over.
    fn open_free_kit(
        &self,
        made: &mut Made,
        is_taken: impl Fn(&String) -> bool,
    ) -> Result<KitOnDisk, MerchantError> {
        for number in FIRST_MCHID.. {
            made.mchid = number.to_string();
            if is_taken(&made.mchid) {
                continue;
            }
            match kit::open_merchant(&self.home, made) {
                Err(KitError::Left { .. }) => {}
                // Who names no number gets what was asked for, and not what became of it.
                Ok(kit) if kit.has_platform_keys() != made.platform_keys => {}
                opened => return Ok(opened?),
            }
        }
        Err(MerchantError::Invalid("no merchant number is free".to_owned()))
    }
}
