//! A sandbox (沙箱): a platform with its kit, its state and its socket, running until it is dropped.

mod builder;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use weipay_wire::Kit;

use crate::authority::Authority;
use crate::clock::ClockControl;
use crate::control;
use crate::data_folder::DataFolder;
use crate::environment::ClientEnvironment;
use crate::error::StartError;
use crate::exchanges::Exchange;
use crate::faults::{FaultError, FaultRule};
use crate::kit::KitOnDisk;
use crate::merchants::add::NewMerchant;
use crate::merchants::change::MerchantError;
use crate::notifications::on_demand::Notifications;
use crate::platform::snapshots::{Snapshot, SnapshotError};
use crate::platform::{ClockError, ClockRun, Platform};
use crate::products::balance::top_up::MerchantAccount;
use crate::products::merchant_coupons::reception::{CouponPage, ReceiveResult};
use crate::products::payments::person::{PaymentError, PaymentRequest, PaymentResult};
use crate::server::Server;
use crate::store::StoreError;

pub use builder::SandboxBuilder;

/// A running platform.
///
/// ```no_run
/// let sandbox = weipay_sandbox::Sandbox::start().unwrap();
/// println!("{} {}", sandbox.base_url(), sandbox.kit_file().display());
/// ```
#[derive(Debug)]
pub struct Sandbox {
    // Dropped in this order: first the server stops, then the state is closed, then its folder is deleted.
    server: Server,
    platform: Arc<Platform>,
    address: SocketAddr,
    control_client: Option<control::Client>,
    _control_file: Option<builder::ControlFile>,
    kit: KitOnDisk,
    authority: Arc<Authority>,
    _folder: DataFolder,
    _temporary: Option<tempfile::TempDir>,
}

impl Sandbox {
    /// Starts a platform on a free port of 127.0.0.1. Its keys and state are new, and are deleted when it is dropped.
    ///
    /// # Errors
    ///
    /// If no temporary folder can be made, or no port is free.
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// Settings for a sandbox.
    #[must_use]
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::new()
    }

    /// The base URL, such as `http://127.0.0.1:8880`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.kit.kit().base_url
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a merchant, which can send requests at once, and gives its kit.
    ///
    /// # Errors
    ///
    /// If there is one with its number, or its kit cannot be made.
    pub fn add_merchant(&self, new: &NewMerchant) -> Result<KitOnDisk, MerchantError> {
        self.platform.add_merchant(new)
    }

    /// Binds more appids to a merchant, and allows it to act for more merchants (子商户); existing ones are kept.
    ///
    /// # Errors
    ///
    /// If there is no such merchant, a number or an appid is malformed, or the change cannot be stored.
    pub fn bind(
        &self,
        mchid: &str,
        appids: &[String],
        sub_merchants: &[String],
    ) -> Result<(), MerchantError> {
        self.platform.bind(mchid, appids, sub_merchants)
    }

    /// Tops up an account of a merchant, or of a sub-merchant, from its bank. Returns the new balance in fen.
    ///
    /// # Errors
    ///
    /// If no merchant has this number, the amount is not from 1 fen to a hundred million yuan, or the database fails.
    pub fn top_up(&self, mchid: &str, account: MerchantAccount, fen: i64) -> Result<i64, MerchantError> {
        self.platform.top_up(mchid, account, fen)
    }

    /// The notifications that it sends: list them, or send them again, in another order, or as a probe.
    #[must_use]
    pub fn notifications(&self) -> Notifications {
        Notifications::new(Arc::clone(&self.platform))
    }

    /// A person takes the coupons of a merchant's page: an H5 address, the plugin of mini programs, or the JSSDK. The
    /// page's signature is checked, and the result says what is wrong with it.
    ///
    /// # Errors
    ///
    /// If the database fails; nothing was sent then.
    pub fn receive_coupons(&self, page: &CouponPage) -> Result<ReceiveResult, StoreError> {
        self.platform.receive_coupons(page)
    }

    /// A person pays an order, or the payment fails: the order changes its state, money moves, and the merchant is
    /// notified. If the parameters of a [front end](PaymentRequest::with_front_end) are given, their signature is checked,
    /// and an error says what is wrong with it.
    ///
    /// # Errors
    ///
    /// If there is no such order, it cannot be paid, or the database fails; nothing was changed then.
    pub fn pay(&self, pays: &PaymentRequest) -> Result<PaymentResult, PaymentError> {
        self.platform.pay(pays)
    }

    /// The address of the page where a person pays an order in a browser, by any of its numbers: a `code_url`
    /// itself can be opened by the real app only.
    ///
    /// # Errors
    ///
    /// If there is no such order, it has no page (付款码), or the database fails.
    pub fn pay_page(&self, order: &str) -> Result<String, PaymentError> {
        self.platform.pay_page(order, None)
    }

    /// Adds a fault rule for requests from now on, and returns its number.
    ///
    /// # Errors
    ///
    /// If no request can ever match it, or there are too many rules.
    pub fn add_fault(&self, rule: FaultRule) -> Result<u64, FaultError> {
        self.platform.faults.add(rule)
    }

    /// Removes a rule. Returns whether there was one with this number.
    #[allow(clippy::must_use_candidate, reason = "most callers do not care whether it was there")]
    pub fn remove_fault(&self, id: u64) -> bool {
        self.platform.faults.remove(id)
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        self.platform.faults.clear();
    }

    /// Controls its clock.
    #[must_use]
    pub fn clock(&self) -> &ClockControl {
        self.platform.clock()
    }

    /// Waits until everything that is due now is done, moves the clock to the next event (an expiry, or an attempt to
    /// deliver a notification), and waits until that is done, too. Returns the time of the event in Unix seconds, or
    /// `None` if nothing is due later. It blocks the thread.
    ///
    /// # Errors
    ///
    /// If what is due does not end in time, another call moves the clock, or the database fails.
    pub fn run_to_next_event(&self) -> Result<Option<i64>, ClockError> {
        self.platform.run_to_next_event()
    }

    /// Advances the clock by this many seconds, and stops at every event on the way, as [`Self::run_to_next_event`]
    /// does. It blocks the thread.
    ///
    /// # Errors
    ///
    /// As [`Self::run_to_next_event`]; the clock shows how far it came.
    pub fn run_for(&self, seconds: i64) -> Result<ClockRun, ClockError> {
        self.platform.run_for(seconds)
    }

    /// Saves the current state as a snapshot in the data folder: records, waiting notifications, due work, the clock,
    /// and the position in a seeded sequence of numbers. It does not contain merchants and their kits. An existing
    /// snapshot with this name is replaced.
    ///
    /// # Errors
    ///
    /// If the name cannot name a file, there are too many snapshots, or the file or the database fails.
    pub fn snapshot(&self, name: &str) -> Result<Snapshot, SnapshotError> {
        self.platform.take_snapshot(name).map(|(snapshot, _)| snapshot)
    }

    /// Replaces the state with that of a snapshot, completely or not at all. Merchants and their kits are kept.
    ///
    /// # Errors
    ///
    /// If there is none with this name, its file is broken, it is of another version of this program or of a sandbox with other
    /// merchants, or the database fails. Nothing was restored then.
    pub fn restore(&self, name: &str) -> Result<(), SnapshotError> {
        self.platform.restore_snapshot(name).map(drop)
    }

    /// Deletes all records. Merchants and their kits, and the people of the seed file, are kept. Official numbers start
    /// again from the [seed](SandboxBuilder::seed); without one they go on, so that none is given twice.
    ///
    /// # Errors
    ///
    /// If the database fails; nothing was deleted then.
    pub fn reset(&self) -> Result<(), StoreError> {
        self.platform.reset()
    }

    /// A client of its [control API](crate::control).
    #[must_use]
    pub fn control(&self) -> Option<&control::Client> {
        self.control_client.as_ref()
    }

    /// The certificate of the local authority (本地CA证书), for clients that speak TLS to the sandbox. On the same
    /// [address](Self::address) it serves plain HTTP, TLS for all official hosts, and, as a proxy (`CONNECT`), those
    /// hosts: a client with fixed hosts needs the proxy `http://ADDRESS` and trust in this file.
    #[must_use]
    pub fn ca_certificate(&self) -> &Path {
        self.authority.file()
    }

    /// The environment variables with which a program in any language uses this sandbox, even if its hosts are fixed.
    ///
    /// # Errors
    ///
    /// If the files that its variables name cannot be written.
    pub fn client_environment(&self) -> io::Result<ClientEnvironment> {
        ClientEnvironment::new(self)
    }

    /// The members of the kit.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        self.kit.kit()
    }

    /// Its kit on disk: the key material, as files and as PEM text.
    #[must_use]
    pub fn kit_on_disk(&self) -> &KitOnDisk {
        &self.kit
    }

    /// The path of its `kit.json`.
    #[must_use]
    pub fn kit_file(&self) -> &Path {
        self.kit.file()
    }

    /// The folder of its kit and its state.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.kit.dir()
    }

    /// The platform itself, which also works without sockets.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// For tests that do by themselves what a listener does.
    #[cfg(test)]
    pub(crate) fn shared_platform(&self) -> Arc<Platform> {
        Arc::clone(&self.platform)
    }

    /// The last requests, oldest first: request, response and reason, without secrets and personal data. Their number
    /// depends on [`SandboxBuilder::log_bytes`].
    #[must_use]
    pub fn log(&self) -> Vec<Exchange> {
        self.platform.exchanges.page(None, usize::MAX, false).exchanges
    }

    /// Waits for Ctrl-C or a termination signal. Prints nothing.
    ///
    /// # Errors
    ///
    /// If the signals of the operating system cannot be waited for.
    pub fn wait(&self) -> io::Result<()> {
        self.server.wait()
    }
}
