//! Settings of a sandbox, and its start: the folder, the kit, the state, the platform and its sockets, in this order.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::time::Duration;
use std::{fmt, fs, io};

use crate::authority::Authority;
use crate::clock::{Clock, ClockListener, ClockMode, HeldClock, Move};
use crate::contract::{Contract, Validation};
use crate::control::{self, Control, ControlListener};
use crate::data_folder::{CA_KEY, DataFolder, FolderError, STATE};
use crate::entropy::{self, Entropy};
use crate::error::StartError;
use crate::exchanges::{self, Exchanges};
use crate::faults::{FaultProfile, FaultRule, Faults};
use crate::gate::Replays;
use crate::kit::{self, KitOnDisk};
use crate::log::{Log, LogEntry};
use crate::merchants::add::NewMerchant;
use crate::merchants::change::{self, MerchantError};
use crate::merchants::record::PlatformKeys;
use crate::merchants::{Merchant, Merchants};
use crate::notifications::{Deliveries, Receivers};
use crate::platform::{Background, Platform, Task, entropy_of_start, kept_clock, tell_clock};
use crate::products::{PRODUCTS, Product};
use crate::seed::Seed;
use crate::server::{Server, Settings};
use crate::store::{Beginnings, Store, StoreAddress};

use super::Sandbox;

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

    /// Keeps kit and state in this directory. Without one, both are gone with the sandbox.
    #[must_use]
    pub fn data(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data = Some(dir.into());
        self
    }

    /// Keeps the state here instead of in the data directory.
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

    /// Takes the time from this clock. Without one, the clock goes as it went when the last sandbox with this data folder ended.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same requests get the same bytes in every run: numbers, nonces, `Request-ID`, addresses of files, and the ids of
    /// notifications. Keys are never made of it, so what is made of keys differs in each folder: `Wechatpay-Signature`,
    /// `Wechatpay-Serial`, and what is encrypted. Times are those of the [clock](Self::clock); `Wechatpay-Timestamp` and `Date` are
    /// of the clock by which the request was signed. A start with the same data folder goes on with other numbers, the same in
    /// every run, until a reset begins them again (with a state of its own; nodes on one database go on).
    ///
    /// Without a seed, official numbers begin by chance in a new state, and go on after a reset and a restore.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Accepts members that the documentation does not have, and characters that the platform does not take.
    #[must_use]
    pub fn loose(self, loose: bool) -> Self {
        self.validation(if loose { Validation::LENIENT } else { Validation::DEFAULT })
    }

    /// Decides one by one what is refused beyond types, lengths and required fields.
    #[must_use]
    pub fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    /// Whether operations without behaviour are answered with examples, which is the default; otherwise with 501.
    #[must_use]
    pub fn examples(mut self, examples: bool) -> Self {
        self.examples = examples;
        self
    }

    /// How long a request may take to arrive, its response to leave, and a connection to be idle; an hour at most. The
    /// platform's own is 8 seconds.
    #[must_use]
    pub fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout.min(MAX_IDLE_TIMEOUT);
        self
    }

    /// How many connections there are at most; when another one comes, an idle one is closed. Without a
    /// number, 1,024, or half of the files that the process may open.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = Some(most.clamp(1, 100_000));
        self
    }

    /// Whether notifications may go to addresses in a private or special network, such as 192.168.1.2. They go to this machine and to
    /// public addresses in any case. Off by default: whoever can send requests to the sandbox chooses where it calls.
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

    /// Which keys the platform signs with for the first merchant; the public key only by default. A kit that
    /// is there and was made with others is an error.
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

    /// Lets requests meet a fault, until the rule is taken away or the sandbox ends.
    #[must_use]
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Lets requests meet the faults of a profile. A seed hits the same requests each time.
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

    /// How many bytes of the last requests are kept for [`Sandbox::log`], in memory; 8 MiB by default, 0 for none.
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

    /// Starts the sandbox. When this returns, it accepts requests.
    ///
    /// # Errors
    ///
    /// If the data directory, the kit, the state or the address cannot be used.
    pub fn start(self) -> Result<Sandbox, StartError> {
        entropy::warm_up();
        // Before anything is made: a mistake in it leaves no half of a sandbox.
        let seed =
            self.seed_file.as_deref().map(|file| Seed::read(file).map(|seed| (file, seed))).transpose()?;
        let (dir, temporary) = self.folder()?;
        let folder = DataFolder::open(&dir)?;
        let beginnings = if self.seed.is_some() { Beginnings::Same } else { Beginnings::Random };
        let store = self.open_store(&dir)?.beginning(beginnings);
        if store.is_shared() {
            kit::shared::join(&store, &folder)?;
        }
        let mut kit = kit::open(&folder, self.platform_keys)?;
        let authority = Arc::new(
            Authority::open(&dir).map_err(|error| FolderError::File { path: dir.join(CA_KEY), error })?,
        );
        let listener = bind(&self.listen)?;
        let address = listener.local_addr().map_err(StartError::Server)?;
        kit.serve_at(&base_url(address))?;
        let platform = Arc::new(self.platform(&kit, store)?);
        let opened = self.open_to_all(&platform, listener, seed, &authority);
        let (server, control_client, control_file) = opened.inspect_err(|_| platform.give_start_back())?;
        Ok(Sandbox {
            server,
            platform,
            address,
            control_client,
            _control_file: control_file,
            kit,
            authority,
            _folder: folder,
            _temporary: temporary,
        })
    }

    /// Adds what is named and not there, and serves it.
    fn open_to_all(
        &self,
        platform: &Arc<Platform>,
        listener: TcpListener,
        seed: Option<(&Path, Seed)>,
        authority: &Arc<Authority>,
    ) -> Result<(Server, Option<control::Client>, Option<ControlFile>), StartError> {
        // Before the first number is given. Until it is served, who connects waits.
        let control = self.control.as_deref();
        let control = control.map(|address| open_control(address, platform, &platform.home)).transpose()?;
        for new in &self.merchants {
            match platform.add_merchant(new) {
                Ok(_) | Err(MerchantError::Exists(_)) => {}
                Err(error) => return Err(StartError::Merchant(error)),
            }
        }
        // Another node that starts may have been faster.
        platform.look_at_merchants().map_err(StartError::Merchant)?;
        if let Some((file, seed)) = &seed {
            platform.add_seed(seed).map_err(|error| StartError::Seed(file.to_path_buf(), error))?;
        }
        platform.share_clock().map_err(|error| StartError::Store(platform.store.place().into(), error))?;
        platform.clock().listen(GoesByClock(Arc::downgrade(platform)));
        platform.background.log_to(self.log.clone());
        // The program may be another one than that which put it aside. What fails again is put aside, and told.
        let _ = platform.watched(Task::Clock, platform.retry_put_aside());
        let settings = Settings {
            platform: Arc::clone(platform),
            idle_timeout: self.idle_timeout,
            connections: self.connections,
            log: self.log.clone(),
            authority: Arc::clone(authority),
        };
        let (control, written) = control.map(|(listener, client, file)| (listener, (client, file))).unzip();
        let (control_client, control_file) = written.unzip();
        let server = Server::start(listener, settings, control).map_err(StartError::Server)?;
        Ok((server, control_client, control_file))
    }

    fn folder(&self) -> Result<(PathBuf, Option<tempfile::TempDir>), StartError> {
        if let Some(dir) = &self.data {
            return Ok((dir.clone(), None));
        }
        let folder =
            tempfile::Builder::new().prefix("weipay-sandbox-").tempdir().map_err(FolderError::Temporary)?;
        Ok((folder.path().to_owned(), Some(folder)))
    }

    fn receivers(&self) -> Result<Receivers, StartError> {
        let receivers = Receivers::new(self.private_receivers);
        match self.receiver_authorities.trim() {
            "" => Ok(receivers),
            pem => receivers.trust(pem).map_err(StartError::ReceiverAuthority),
        }
    }

    fn open_store(&self, dir: &Path) -> Result<Store, StartError> {
        let file = dir.join(STATE);
        Store::at(&self.store, &file).map_err(|error| {
            let place =
                if self.store == StoreAddress::FILE { file } else { format!("{:?}", self.store).into() };
            StartError::Store(place, error)
        })
    }

    /// A platform with the merchants of a kit's folder.
    pub(crate) fn platform(&self, kit: &KitOnDisk, store: Store) -> Result<Platform, StartError> {
        let failed = |error| StartError::Store(store.place().into(), error);
        let merchants = merchants_of(&store, kit).map_err(|error| match error {
            MerchantError::Kit(error) => StartError::Kit(error),
            MerchantError::Store(error) => failed(error),
            error => StartError::Merchant(error),
        })?;
        let clock = match &self.clock {
            Clock::Held(held) => held.clone(),
            Clock::System => {
                let kept = store.transaction(kept_clock).map_err(failed)?;
                HeldClock::new(kept.unwrap_or(ClockMode::Real))
            }
        };
        let generation =
            store.transaction(|tx| tell_clock(tx, &clock).map(|()| tx.generation())).map_err(failed)?;
        let faults = Faults::default();
        for rule in &self.faults {
            faults.add(rule.clone()).map_err(StartError::Fault)?;
        }
        let receivers = self.receivers()?;
        // Last: a start that fails uses none up.
        let (entropy, seeded_start) = entropy_of_start(&store, self.seed).map_err(failed)?;
        Ok(Platform {
            base_url: kit.kit().base_url.clone(),
            merchants: Merchants::new(merchants),
            home: kit.dir().to_owned(),
            products: self.products,
            contract: Contract::new(self.validation),
            examples: self.examples,
            replays: self.validation.replayed_requests.then(Replays::default),
            deliveries: Deliveries::new(receivers, self.validation.failing_acknowledgements),
            faults,
            store,
            clock,
            seen_clock: Mutex::default(),
            generation: AtomicI64::new(generation),
            runs: Mutex::default(),
            whole_state: RwLock::new(()),
            entropy,
            seeded_start,
            exchanges: Exchanges::new(self.log_bytes),
            background: Background::default(),
        })
    }
}

/// The merchant of the kit, and those that were added, each with its kit where it is served now.
fn merchants_of(store: &Store, first: &KitOnDisk) -> Result<Vec<Merchant>, MerchantError> {
    let records = store.transaction(change::records)?;
    let mut merchants = Vec::new();
    if records.iter().all(|record| record.mchid != first.kit().mchid) {
        merchants.push(first.merchant()?);
    }
    for record in &records {
        if record.mchid == first.kit().mchid {
            merchants.push(first.merchant_of(record)?);
            continue;
        }
        if store.is_shared() {
            // Another node may have added it since the folder joined.
            kit::shared::fetch(store, first.dir(), &record.mchid)?;
        }
        let mut kit = kit::read(kit::folder_of(first.dir(), &record.mchid))?;
        kit.serve_at(&first.kit().base_url)?;
        merchants.push(kit.merchant_of(record)?);
    }
    Ok(merchants)
}

fn bind(address: &str) -> Result<TcpListener, StartError> {
    let failed = |error| StartError::Listen(address.to_owned(), error);
    let addresses: Vec<SocketAddr> = address.to_socket_addrs().map_err(failed)?.collect();
    TcpListener::bind(&*addresses).map_err(failed)
}

/// Binds the listener of the control API, and writes where it is and its token into the data folder.
fn open_control(
    address: &str,
    platform: &Arc<Platform>,
    dir: &Path,
) -> Result<(ControlListener, control::Client, ControlFile), StartError> {
    let listener = bind(address)?;
    let failed = |error| StartError::Listen(address.to_owned(), error);
    let bound = listener.local_addr().map_err(failed)?;
    if !bound.ip().is_loopback() {
        let reason = "the control API listens on loopback addresses only";
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, reason)));
    }
    // Never from a seed: it guards the sandbox.
    let token = Entropy::system().letters_and_digits(32);
    let control = Control { platform: Arc::clone(platform) };
    let listener = ControlListener::new(listener, control, &token).map_err(failed)?;
    let bound = bound.to_string();
    let file =
        ControlFile { path: dir.join(control::FILE), content: control::Client::file_content(&bound, &token) };
    kit::replace_file(&file.path, file.content.as_bytes())?;
    Ok((listener, control::Client::new(bound, token, dir), file))
}

/// The file that says where the control API is, as long as it is there: another sandbox may get its port.
#[derive(Debug)]
pub(super) struct ControlFile {
    path: PathBuf,
    content: String,
}

impl Drop for ControlFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|content| content == self.content) {
            // What is left is found out by the next command.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Lets a platform keep the moves of its clock and do what is due then, as long as there is the platform.
struct GoesByClock(Weak<Platform>);

impl ClockListener for GoesByClock {
    fn keep(&self, moved: Move<'_>) {
        if let Some(platform) = self.0.upgrade() {
            // What is not kept is only gone after a restart. It is told.
            let _ = platform.watched(Task::KeepClock, platform.keep_clock(moved));
        }
    }

    fn tick(&self, now: i64) -> bool {
        let Some(platform) = self.0.upgrade() else { return false };
        // What failed stays due; the server tries it again every second.
        let _ = platform.do_what_is_due(now);
        true
    }
}

/// Nobody waits longer; more would be more than a timer can count to.
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Where clients on this machine reach an address that may mean every interface.
fn base_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}
