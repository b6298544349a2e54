//! How a sandbox behaves, wherever it runs: the options that `weipay sandbox` and `weipay sandbox run` share.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use weipay_sandbox::{Clock, FaultProfile, PlatformKeys, Sandbox, SandboxBuilder, StoreAddress, Validation};

use crate::arguments::values;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Serving {
    /// Where the state is kept: sqlite (a file in the data folder), memory, or
    /// postgres://USER:PASSWORD@HOST:PORT/DATABASE, which several sandboxes can share, each with its own data folder.
    /// The password can also be in PGPASSWORD.
    #[arg(long, value_name = "STORE", default_value = "sqlite", value_parser = str::parse::<StoreAddress>)]
    store: StoreAddress,
    /// The port of 127.0.0.1 on which the control API listens; 0 selects a free port. Its address and its
    /// token are in control.json of the data folder.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    control_port: u16,
    /// Freeze the clock at this time, such as 2026-08-15T12:00:00+08:00. The timestamp of a request must be within
    /// five minutes of this time or of the system time [default: continues from the last sandbox with this data
    /// folder; in a new folder, the system time].
    #[arg(long, value_name = "TIME", value_parser = str::parse::<Clock>)]
    pub(super) clock: Option<Clock>,
    /// Seed for all generated values (ids, nonces, Request-ID, file addresses): the same requests then get the same responses.
    /// Signatures, certificates and ciphertexts still differ between data folders. A restart has other values, the same in
    /// every run; a reset starts the sequence again, except on a shared database. Without --seed, ids start at a random number.
    #[arg(long, value_name = "NUMBER", value_parser = values::whole_number)]
    seed: Option<u64>,
    /// Also reject values that the documentation of a field does not list, and do not count a notification as
    /// acknowledged if the body of the response says FAIL.
    #[arg(long, conflicts_with = "loose")]
    strict: bool,
    /// Accept members that are not in the documentation, and characters that the platform does not accept.
    #[arg(long)]
    loose: bool,
    /// Return the documented error where the real platform is known to return another one, if the page of the
    /// operation lists it: 403 OUT_TRADE_NO_USED for the number of another order, or of a closed one; 500
    /// OPENID_MISMATCH for an openid of another appid (for partners and combined orders; v3/pay/transactions/jsapi
    /// responds with 400 in any case); 403 RULE_LIMIT for a split over the highest ratio; and the codes of the page for
    /// limits of cash coupons and for a service order that is over.
    #[arg(long)]
    documented_errors: bool,
    /// Accept each Authorization only once. It is not known what the platform does with a repeated one.
    #[arg(long)]
    no_replays: bool,
    /// The time limit for receiving a request, for sending a response, and for an idle connection.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) idle_timeout: u64,
    /// Respond with 501 to operations that the sandbox does not implement, instead of an example.
    #[arg(long)]
    no_examples: bool,
    /// Also send notifications to addresses in a private or special network, such as 192.168.1.2, the address of a container, or
    /// 198.18.0.1. Clients of the sandbox can then make it send requests into your private network.
    #[arg(long)]
    pub(super) private_receivers: bool,
    /// Also trust these certificate authorities, in PEM, when notifications go to https addresses; may be repeated.
    #[arg(long = "receiver-ca", value_name = "FILE")]
    receiver_authorities: Vec<PathBuf>,
    /// Inject faults: flaky (some requests fail), outage (all fail), or rotation (unknown serials and signature
    /// probes, as during a key rotation). --seed selects the requests. Notifications are not affected.
    #[arg(long, value_name = "PROFILE", value_parser = str::parse::<FaultProfile>)]
    faults: Option<FaultProfile>,
    /// The keys that the platform signs with for the first merchant of a new folder: its public key (微信支付公钥), as for every
    /// merchant since October 2024, its certificate (平台证书), or both, as during the migration [default: public-key].
    #[arg(long, value_name = "KIND", value_parser = ["public-key", "certificate", "migration"])]
    platform_keys: Option<String>,
    /// A JSON file (种子文件) with merchants, partners with sub-merchants, appids and people; see below. Read at each
    /// start. Adds missing entries, appids and sub-merchants, and updates certificate states. Never removes anything.
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
    /// Do not log requests.
    #[arg(long)]
    pub(super) quiet: bool,
    /// How many bytes of the last requests are kept in memory for `weipay sandbox log`; 0 for none.
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024, value_parser = clap::value_parser!(u32).range(..=1 << 30))]
    log_bytes: u32,
}

impl Serving {
    /// A sandbox with these options.
    pub(super) fn builder(&self) -> Result<SandboxBuilder, Failure> {
        let validation = match (self.strict, self.loose) {
            (true, _) => Validation::STRICT,
            (false, true) => Validation::LOOSE,
            (false, false) => Validation::DEFAULT,
        };
        let mut builder = Sandbox::builder()
            .store(self.store.clone())
            .control(SocketAddr::from((Ipv4Addr::LOCALHOST, self.control_port)))
            .validation(Validation {
                replayed_requests: self.no_replays,
                documented_errors: self.documented_errors,
                ..validation
            })
            .examples(!self.no_examples)
            .private_receivers(self.private_receivers)
            .log_bytes(usize::try_from(self.log_bytes).unwrap_or(usize::MAX))
            .idle_timeout(Duration::from_secs(self.idle_timeout));
        for file in &self.receiver_authorities {
            let pem = fs::read_to_string(file)
                .map_err(|error| Failure::usage(format!("--receiver-ca {}: {error}", file.display())))?;
            builder = builder.receiver_authority(pem);
        }
        if let Some(clock) = &self.clock {
            builder = builder.clock(clock.clone());
        }
        if let Some(profile) = self.faults {
            builder = builder.faults(profile, self.seed.unwrap_or(1));
        }
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        if let Some(keys) = self.platform_keys.as_deref().and_then(PlatformKeys::from_word) {
            builder = builder.platform_keys(keys);
        }
        if let Some(file) = &self.seed_file {
            builder = builder.seed_file(file);
        }
        Ok(builder)
    }
}
