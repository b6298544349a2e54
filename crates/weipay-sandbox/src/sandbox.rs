//! A sandbox (沙箱): a platform with its kit, its state and its socket, running until it is dropped.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use weipay_wire::Kit;

use crate::causes;
use crate::chance::{self, Chance};
use crate::clock::Clock;
use crate::contract::{Contract, Strictness};
use crate::data_folder::{DataFolder, FolderError, STATE};
use crate::gate::Replays;
use crate::kit::{self, KitError, KitOnDisk};
use crate::log::{Log, LogEntry};
use crate::platform::Platform;
use crate::server::{Server, Settings};
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
    _folder: DataFolder,
    _temporary: Option<tempfile::TempDir>,
}

/// What a sandbox is to be like.
pub struct Builder {
    data: Option<PathBuf>,
    listen: String,
    clock: Clock,
    seed: Option<u64>,
    strictness: Strictness,
    examples: bool,
    patience: Duration,
    connections: Option<usize>,
    log: Option<Arc<Log>>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Builder")
            .field("data", &self.data)
            .field("listen", &self.listen)
            .field("clock", &self.clock)
            .field("seed", &self.seed)
            .field("strictness", &self.strictness)
            .field("examples", &self.examples)
            .field("patience", &self.patience)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// Why a sandbox did not start.
#[derive(Debug)]
pub enum StartError {
    /// Something is wrong with the data directory.
    Folder(FolderError),
    /// Something is wrong with the kit.
    Kit(KitError),
    /// Something is wrong with the state, in this file.
    Store(PathBuf, StoreError),
    /// The address cannot be listened on.
    Listen(String, io::Error),
    /// The server could not be started.
    Server(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Folder(error) => write!(out, "{error}"),
            StartError::Kit(_) => out.write_str("the sandbox's kit is not in order"),
            StartError::Store(file, _) => write!(out, "{} cannot be used", file.display()),
            StartError::Listen(address, _) => {
                write!(out, "cannot listen on {address}; choose another address, or port 0 for a free one")
            }
            StartError::Server(_) => out.write_str("the sandbox's server could not be started"),
        }?;
        causes::append(self, out)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Listen(_, error) | StartError::Server(error) => Some(error),
            StartError::Folder(error) => error.source(),
            StartError::Kit(error) => Some(error),
            StartError::Store(_, error) => Some(error),
        }
    }
}

impl From<KitError> for StartError {
    fn from(error: KitError) -> StartError {
        StartError::Kit(error)
    }
}

impl From<FolderError> for StartError {
    fn from(error: FolderError) -> StartError {
        StartError::Folder(error)
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

    /// Whether operations without behaviour are answered with examples, which is the default; otherwise with 501.
    #[must_use]
    pub fn examples(mut self, examples: bool) -> Builder {
        self.examples = examples;
        self
    }

    /// How long a request may take to arrive, its answer to leave, and a connection to be idle; an hour at most. The
    /// platform's own is 8 seconds.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Builder {
        self.patience = patience.min(LONGEST_PATIENCE);
        self
    }

    /// How many connections there are at most; when one more comes, the one that does nothing gives way. Without a
    /// number, 1,024, or half of the files that the process may open.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Builder {
        self.connections = Some(most.clamp(1, 100_000));
        self
    }

    /// Tells somebody of every request when it has been answered. Answers wait for it: it must not block.
    #[must_use]
    pub fn log(mut self, log: impl Fn(LogEntry) + Send + Sync + 'static) -> Builder {
        self.log = Some(Arc::new(log));
        self
    }

    /// Starts the sandbox. When this returns, it answers.
    pub fn start(self) -> Result<Sandbox, StartError> {
        chance::wake();
        let (dir, temporary) = self.folder()?;
        let folder = DataFolder::open(&dir)?;
        let mut kit = kit::open(&folder)?;
        let listener = self.bind()?;
        let address = listener.local_addr().map_err(StartError::Server)?;
        kit.serve_at(&base_url(address))?;
        let platform = Arc::new(self.platform(&kit)?);
        let settings = Settings {
            platform: Arc::clone(&platform),
            patience: self.patience,
            connections: self.connections,
            log: self.log,
        };
        let server = Server::start(listener, settings).map_err(StartError::Server)?;
        Ok(Sandbox { server, platform, address, kit, _folder: folder, _temporary: temporary })
    }

    fn folder(&self) -> Result<(PathBuf, Option<tempfile::TempDir>), StartError> {
        if let Some(dir) = &self.data {
            return Ok((dir.clone(), None));
        }
        let folder =
            tempfile::Builder::new().prefix("weipay-sandbox-").tempdir().map_err(FolderError::Temporary)?;
        Ok((folder.path().to_owned(), Some(folder)))
    }

    fn bind(&self) -> Result<TcpListener, StartError> {
        let failed = |error| StartError::Listen(self.listen.clone(), error);
        let addresses: Vec<SocketAddr> = self.listen.to_socket_addrs().map_err(failed)?.collect();
        TcpListener::bind(&*addresses).map_err(failed)
    }

    fn platform(&self, kit: &KitOnDisk) -> Result<Platform, StartError> {
        let state = kit.dir().join(STATE);
        Ok(Platform {
            base_url: kit.kit().base_url.clone(),
            merchant: kit.merchant()?,
            appid: kit.kit().appid.clone(),
            signers: kit.signers()?,
            own: kit.platforms_own()?,
            contract: Contract::new(self.strictness),
            examples: self.examples,
            replays: self.strictness.replayed_requests.then(Replays::default),
            store: Store::open(&state).map_err(|error| StartError::Store(state, error))?,
            clock: self.clock.clone(),
            chance: self.seed.map_or_else(Chance::system, Chance::seeded),
        })
    }
}

/// Nobody waits longer; more would be more than a timer can count to.
const LONGEST_PATIENCE: Duration = Duration::from_secs(3_600);

/// Where clients on this machine reach an address that may mean every interface.
fn base_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
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
            examples: true,
            patience: Duration::from_secs(8),
            connections: None,
            log: None,
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
