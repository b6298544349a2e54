//! Settings of a sandbox.

mod start;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::contract::Validation;
use crate::exchanges;
use crate::faults::{FaultProfile, FaultRule};
use crate::log::{Log, LogEntry};
use crate::merchants::add::NewMerchant;
use crate::merchants::record::PlatformKeys;
use crate::products::{PRODUCTS, Product};
use crate::store::StoreAddress;
pub(super) use start::ControlFile;

/// Settings of a sandbox, which [`start`](Self::start) starts.
pub struct SandboxBuilder {
    data: Option<PathBuf>,
    store: StoreAddress,
    listen: String,
    control: Option<String>,
    clock: Clock,
    seed: Option<u64>,
    validation: Validation,
    examples: bool,
    idle_timeout: Duration,
    connections: Option<usize>,
    private_receivers: bool,
    receiver_authorities: String,
    platform_keys: Option<PlatformKeys>,
    seed_file: Option<PathBuf>,
    merchants: Vec<NewMerchant>,
    faults: Vec<FaultRule>,
    log: Option<Arc<Log>>,
    log_bytes: usize,
    products: &'static [Product],
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("data", &self.data)
            .field("store", &self.store)
            .field("listen", &self.listen)
            .field("control", &self.control)
            .field("clock", &self.clock)
            .field("seed", &self.seed)
            .field("validation", &self.validation)
            .field("examples", &self.examples)
            .field("idle_timeout", &self.idle_timeout)
            .field("connections", &self.connections)
            .field("private_receivers", &self.private_receivers)
            .field("platform_keys", &self.platform_keys)
            .field("seed_file", &self.seed_file)
            .finish_non_exhaustive()
    }
}

impl SandboxBuilder {
    pub(super) fn new() -> Self {
        Self {
            data: None,
            store: StoreAddress::FILE,
            listen: "127.0.0.1:0".to_owned(),
            control: Some("127.0.0.1:0".to_owned()),
            clock: Clock::System,
            seed: None,
            validation: Validation::DEFAULT,
            examples: true,
            idle_timeout: Duration::from_secs(8),
            connections: None,
            private_receivers: false,
            receiver_authorities: String::new(),
            platform_keys: None,
            seed_file: None,
            merchants: Vec::new(),
            faults: Vec::new(),
            log: None,
            log_bytes: exchanges::DEFAULT_BYTES,
            products: PRODUCTS,
        }
    }

    /// Stores kit and state in this folder. Without it, both are deleted with the sandbox.
    #[must_use]
    pub fn data(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data = Some(dir.into());
        self
    }

    /// Stores the state here instead of in the data folder.
    #[must_use]
    pub fn store(mut self, address: StoreAddress) -> Self {
        self.store = address;
        self
    }

    /// Listens here, such as `127.0.0.1:8880`; port 0 picks a free one, which is the default.
    #[must_use]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.listen = address.to_string();
        self
    }

    /// Where the [control API](crate::control) listens: a loopback address; a free port of 127.0.0.1 by default.
    #[must_use]
    pub fn control(mut self, address: impl ToString) -> Self {
        self.control = Some(address.to_string());
        self
    }

    /// Serves no control API.
    #[must_use]
    pub fn without_control(mut self) -> Self {
        self.control = None;
        self
    }

    /// Uses this clock. Without it, the clock continues from the last sandbox with this data folder.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes responses deterministic: the same requests get the same bytes in every run (ids, nonces, `Request-ID`,
    /// addresses of files, and the ids of notifications). Keys never depend on the seed, so what depends on keys
    /// differs in each folder: `Wechatpay-Signature`, `Wechatpay-Serial`, and what is encrypted. Times are those of
    /// the [clock](Self::clock); `Wechatpay-Timestamp` and `Date` are of the clock by which the request was signed. A
    /// restart on the same data folder has other numbers, which are the same in every run. A reset starts the sequence of the
    /// seed again, except on a shared database.
    ///
    /// Without a seed, official numbers start at a random number in a new state, and continue after a reset and a restore.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether to accept members that the documentation does not have, and characters that the platform does not take. The
    /// other settings of [`validation`](Self::validation) stay as they are.
    #[must_use]
    pub fn loose(mut self, loose: bool) -> Self {
        self.validation.undefined_members = !loose;
        self.validation.four_byte_characters = !loose;
        self
    }

    /// Sets each check in addition to types, lengths and required fields.
    #[must_use]
    pub fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    /// Whether operations without state respond with examples (the default) or with 501.
    #[must_use]
    pub fn examples(mut self, examples: bool) -> Self {
        self.examples = examples;
        self
    }

    /// How long a request may take to arrive, its response to leave, and a connection to be idle: 8 seconds by default, as
    /// on the platform. A value below a millisecond counts as one, and one above an hour as an hour.
    #[must_use]
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout.clamp(MIN_IDLE_TIMEOUT, MAX_IDLE_TIMEOUT);
        self
    }

    /// Maximum number of connections; at the limit, the connection that was idle longest is closed. By default 1,024,
    /// or half of the files that the process may open if that is less.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = Some(most.clamp(1, 100_000));
        self
    }

    /// Whether notifications may go to addresses in a private or special network, such as 192.168.1.2. They go to
    /// this machine and to public addresses in any case. Off by default, because any client of the sandbox can choose
    /// the address (server-side request forgery).
    #[must_use]
    pub fn private_receivers(mut self, allowed: bool) -> Self {
        self.private_receivers = allowed;
        self
    }

    /// Also trusts the authorities with these certificates, in PEM, when a notification goes to an https receiver. The
    /// authorities of the system are trusted in any case.
    #[must_use]
    pub fn receiver_authority(mut self, pem: impl AsRef<str>) -> Self {
        self.receiver_authorities.push_str(pem.as_ref());
        self.receiver_authorities.push('\n');
        self
    }

    /// Which keys the platform signs with for the first merchant; the public key only by default. An existing kit with
    /// other keys is an error.
    #[must_use]
    pub fn platform_keys(mut self, platform_keys: PlatformKeys) -> Self {
        self.platform_keys = Some(platform_keys);
        self
    }

    /// Reads merchants and people from a [seed file](crate::seed) at the start, and adds those that are not there.
    #[must_use]
    pub fn seed_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.seed_file = Some(file.into());
        self
    }

    /// Adds a merchant at the start, unless there is one with its number already. One without a number is added at each start.
    #[must_use]
    pub fn merchant(mut self, new: NewMerchant) -> Self {
        self.merchants.push(new);
        self
    }

    /// Adds a fault rule, until it is removed or the sandbox ends.
    #[must_use]
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Adds the fault rules of a profile. The same seed hits the same requests each time.
    #[must_use]
    pub fn faults(mut self, profile: FaultProfile, seed: u64) -> Self {
        self.faults.extend(profile.rules(seed));
        self
    }

    /// Calls this after every request, and after every attempt to deliver a notification. Responses wait for it: it must not
    /// block.
    #[must_use]
    pub fn log(mut self, log: impl Fn(LogEntry) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(log));
        self
    }

    /// How many bytes of the last requests are kept for [`Sandbox::log`](crate::Sandbox::log), in memory; 8 MiB by
    /// default, 0 for none.
    #[must_use]
    pub fn log_bytes(mut self, max: usize) -> Self {
        self.log_bytes = max;
        self
    }

    /// Serves other products.
    #[cfg(test)]
    pub(crate) fn products(mut self, products: &'static [Product]) -> Self {
        self.products = products;
        self
    }
}

/// With none at all, no request could arrive.
const MIN_IDLE_TIMEOUT: Duration = Duration::from_millis(1);
/// Far longer than a test needs. Without a limit, adding the timeout to the current time could overflow.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_leaves_the_other_settings_as_they_are() {
        let strict = SandboxBuilder::new().validation(Validation::STRICT);
        assert_eq!(strict.loose(false).validation, Validation::STRICT);
        let loose = SandboxBuilder::new().validation(Validation::STRICT).loose(true).validation;
        let expected =
            Validation { undefined_members: false, four_byte_characters: false, ..Validation::STRICT };
        assert_eq!(loose, expected);
        assert_eq!(SandboxBuilder::new().loose(true).validation, Validation::LOOSE);
    }

    #[test]
    fn an_idle_timeout_leaves_time_for_a_request_and_fits_a_timer() {
        let builder = SandboxBuilder::new().idle_timeout(Duration::ZERO);
        assert!(builder.idle_timeout > Duration::ZERO);
        let builder = builder.idle_timeout(Duration::MAX);
        assert!(std::time::Instant::now().checked_add(builder.idle_timeout).is_some());
    }
}
