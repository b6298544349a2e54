//! A sandbox (沙箱): a platform with its kit, its state and its socket, running until it is dropped.

use std::fs::{self, File, TryLockError};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use weipay_wire::Kit;

use crate::chance::{self, Chance};
use crate::clock::Clock;
use crate::contract::{Contract, Strictness};
use crate::gate::Replays;
use crate::kit::{self, KitError, KitOnDisk};
use crate::platform::Platform;
use crate::server::Server;
use crate::store::{Store, StoreError};

/// A running platform.
///
/// ```no_run
/// let sandbox = weipay_sandbox::Sandbox::start().unwrap();
/// println!("{} {}", sandbox.base_url(), sandbox.kit_file().display());
/// ```
#[derive(Debug)]
pub struct Sandbox {
    // Dropped in this order: first nobody is served any more, then the state is closed, then its folder goes.
    server: Server,
    platform: Arc<Platform>,
    address: SocketAddr,
    kit: KitOnDisk,
    _lock: Lock,
    _folder: Option<tempfile::TempDir>,
}

/// What a sandbox is to be like.
#[derive(Debug)]
pub struct Builder {
    data: Option<PathBuf>,
    listen: String,
    clock: Clock,
    seed: Option<u64>,
    strictness: Strictness,
    patience: Duration,
}

/// Why a sandbox did not start.
#[derive(Debug)]
pub enum StartError {
    /// A data directory of its own could not be made.
    Folder(io::Error),
    /// Another sandbox runs on the data directory.
    InUse(PathBuf),
    /// The data directory could not be locked.
    Lock(PathBuf, io::Error),
    /// Something is wrong with the kit.
    Kit(KitError),
    /// Something is wrong with the state.
    Store(StoreError),
    /// The address cannot be listened on.
    Listen(String, io::Error),
    /// The server could not be started.
    Server(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Folder(error) => {
                write!(out, "no folder for the sandbox's data could be made: {error}")
            }
            StartError::InUse(dir) => write!(
                out,
                "another sandbox runs on {}; stop it, or use another data directory",
                dir.display()
            ),
            StartError::Lock(file, error) => write!(out, "{} could not be locked: {error}", file.display()),
            StartError::Kit(error) => write!(out, "the sandbox's kit is not in order: {error}"),
            StartError::Store(error) => error.fmt(out),
            StartError::Listen(address, error) => {
                write!(
                    out,
                    "cannot listen on {address}: {error}; choose another address, or port 0 for a free one"
                )
            }
            StartError::Server(error) => write!(out, "the sandbox's server could not be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Folder(error)
            | StartError::Lock(_, error)
            | StartError::Listen(_, error)
            | StartError::Server(error) => Some(error),
            StartError::Kit(error) => Some(error),
            StartError::Store(error) => Some(error),
            StartError::InUse(_) => None,
        }
    }
}

impl From<KitError> for StartError {
    fn from(error: KitError) -> StartError {
        StartError::Kit(error)
    }
}

impl Builder {
    /// Keeps kit and state in this directory. Without one, both are gone with the sandbox.
    #[must_use]
    pub fn data(mut self, dir: impl Into<PathBuf>) -> Builder {
        self.data = Some(dir.into());
        self
    }

    /// Listens here, such as `127.0.0.1:8880`; port 0 picks a free one, which is the default.
    #[must_use]
    pub fn listen(mut self, address: impl ToString) -> Builder {
        self.listen = address.to_string();
        self
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = clock;
        self
    }

    /// Makes numbers and nonces repeatable. Keys never are.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = Some(seed);
        self
    }

    /// Lets members through that the documentation does not have, and characters that the platform does not take.
    #[must_use]
    pub fn loose(self, loose: bool) -> Builder {
        self.strictness(if loose { Strictness::LOOSE } else { Strictness::USUAL })
    }

    /// Decides one by one what is refused beyond types, lengths and required fields.
    #[must_use]
    pub fn strictness(mut self, strictness: Strictness) -> Builder {
        self.strictness = strictness;
        self
    }

    /// How long a request may take to arrive, and a connection may be idle. The platform's own is 8 seconds.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Builder {
        self.patience = patience;
        self
    }

    /// Starts the sandbox. When this returns, it answers.
    pub fn start(self) -> Result<Sandbox, StartError> {
        chance::wake();
        let (dir, folder) = self.folder()?;
        let lock = Lock::take(&dir)?;
        let mut kit = kit::init(&dir)?;
        let listener = self.bind()?;
        let address = listener.local_addr().map_err(StartError::Server)?;
        kit.serve_at(&base_url(address))?;
        let platform = Arc::new(self.platform(&kit)?);
        let server =
            Server::start(listener, Arc::clone(&platform), self.patience).map_err(StartError::Server)?;
        Ok(Sandbox { server, platform, address, kit, _lock: lock, _folder: folder })
    }

    fn folder(&self) -> Result<(PathBuf, Option<tempfile::TempDir>), StartError> {
        if let Some(dir) = &self.data {
            return Ok((dir.clone(), None));
        }
        let folder =
            tempfile::Builder::new().prefix("weipay-sandbox-").tempdir().map_err(StartError::Folder)?;
        Ok((folder.path().to_owned(), Some(folder)))
    }

    fn bind(&self) -> Result<TcpListener, StartError> {
        let failed = |error| StartError::Listen(self.listen.clone(), error);
        let addresses: Vec<SocketAddr> = self.listen.to_socket_addrs().map_err(failed)?.collect();
        TcpListener::bind(&*addresses).map_err(failed)
    }

    fn platform(&self, kit: &KitOnDisk) -> Result<Platform, StartError> {
        Ok(Platform {
            base_url: kit.kit().base_url.clone(),
            merchant: kit.merchant()?,
            appid: kit.kit().appid.clone(),
            signers: kit.signers()?,
            own: kit.platforms_own()?,
            contract: Contract::new(self.strictness),
            replays: self.strictness.replayed_requests.then(Replays::default),
            store: Store::open(&kit.dir().join(STATE)).map_err(StartError::Store)?,
            clock: self.clock.clone(),
            chance: self.seed.map_or_else(Chance::system, Chance::seeded),
        })
    }
}

const STATE: &str = "state.db";
const LOCK: &str = "lock";

/// Where clients on this machine reach an address that may mean every interface.
fn base_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// Only one sandbox runs on a data directory. The operating system gives the lock back when the process ends, however
/// it ends.
#[derive(Debug)]
struct Lock(#[allow(dead_code, reason = "the lock lives as long as the file is open")] File);

impl Lock {
    fn take(dir: &Path) -> Result<Lock, StartError> {
        let path = dir.join(LOCK);
        let failed = |error| StartError::Lock(path.clone(), error);
        fs::create_dir_all(dir).map_err(failed)?;
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Sandbox {
    /// A running platform on a free port of 127.0.0.1, with its own keys and its own state, gone on drop.
    pub fn start() -> Result<Sandbox, StartError> {
        Sandbox::builder().start()
    }

    /// A sandbox that is still to be described.
    pub fn builder() -> Builder {
        Builder {
            data: None,
            listen: "127.0.0.1:0".to_owned(),
            clock: Clock::System,
            seed: None,
            strictness: Strictness::USUAL,
            patience: Duration::from_secs(8),
        }
    }

    /// Where it is served, such as `http://127.0.0.1:8880`.
    pub fn base_url(&self) -> &str {
        &self.kit.kit().base_url
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The members of its kit.
    pub fn kit(&self) -> &Kit {
        self.kit.kit()
    }

    /// Its kit on disk: the key material, as files and as PEM text.
    pub fn kit_on_disk(&self) -> &KitOnDisk {
        &self.kit
    }

    /// The path of its `kit.json`.
    pub fn kit_file(&self) -> &Path {
        self.kit.file()
    }

    /// The folder of its kit and its state.
    pub fn data_dir(&self) -> &Path {
        self.kit.dir()
    }

    /// The platform itself, which also answers without sockets.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Waits until the program is asked to end, by Ctrl-C or by a termination signal. Prints nothing.
    pub fn wait(&self) -> io::Result<()> {
        self.server.wait()
    }
}
