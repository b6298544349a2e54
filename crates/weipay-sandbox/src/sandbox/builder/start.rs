//! The start of a sandbox: the folder, the kit, the state, the platform and its sockets, in this order.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::{fs, io};

use super::SandboxBuilder;
use crate::authority::Authority;
use crate::clock::{Clock, ClockControl, ClockListener, ClockMode, Move};
use crate::contract::Contract;
use crate::control::{self, Control, ControlListener};
use crate::data_folder::{CA_KEY, DataFolder, FolderError, STATE};
use crate::entropy::{self, Entropy};
use crate::error::StartError;
use crate::exchanges::Exchanges;
use crate::faults::Faults;
use crate::gate::Replays;
use crate::kit::{self, KitOnDisk};
use crate::merchants::change::{self, MerchantError};
use crate::merchants::{Merchant, Merchants};
use crate::notifications::{Deliveries, Receivers};
use crate::platform::{Background, Platform, Task, entropy_of_start, kept_clock, tell_clock};
use crate::sandbox::Sandbox;
use crate::seed::Seed;
use crate::server::{Server, Settings};
use crate::store::{Beginnings, Store, StoreAddress};

impl SandboxBuilder {
    /// Starts the sandbox. When this returns, it accepts requests.
    ///
    /// # Errors
    ///
    /// If the data folder, the kit, the state or the address cannot be used.
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
            Clock::Controlled(control) => control.clone(),
            Clock::System => {
                let kept = store.transaction(kept_clock).map_err(failed)?;
                ClockControl::new(kept.unwrap_or(ClockMode::Real))
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
            clock_run_lock: Mutex::default(),
            state_lock: RwLock::new(()),
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
pub(in crate::sandbox) struct ControlFile {
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

/// Where clients on this machine reach an address that may mean every interface.
fn base_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}
