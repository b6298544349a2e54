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
    /// Stop the clock at this time, such as 2026-08-15T12:00:00+08:00. Requests must be signed within five minutes of
    /// it, or of the time of this machine
    /// [default: continues from the last sandbox with this data folder; in a new folder, the time of this machine].
    #[arg(long, value_name = "TIME", value_parser = str::parse::<Clock>)]
    pub(super) clock: Option<Clock>,
    /// Respond to the same requests with the same bytes in each run: numbers, nonces, `Request-ID`, addresses of files
    /// and the ids of notifications follow from it. What is made of keys differs in each data folder
    /// (`Wechatpay-Signature`, `Wechatpay-Serial`, and what is encrypted), and times are those of the clock (see
    /// --clock); `Wechatpay-Timestamp` and `Date` are of the clock by which the request was signed. A later start with
    /// the same data folder has other numbers, until a reset; nodes on one database go on. Without it official numbers
    /// begin at a random number in a new folder, and go on after a reset and a restore, so that a shop's database gets
    /// none twice.
    #[arg(long, value_name = "NUMBER", value_parser = values::whole_number)]
    seed: Option<u64>,
    /// Also reject values that the documentation of a field does not list, and do not count a notification as
    /// acknowledged if the body of the response says FAIL.
    #[arg(long, conflicts_with = "loose")]
    strict: bool,
    /// Accept members that are not in the documentation, and characters that the platform does not accept.
    #[arg(long)]
    loose: bool,
    /// Refuse with the documented error where the real platform was seen to send another one, if the page of the
    /// operation lists it: 403 OUT_TRADE_NO_USED for the number of another order, or of a closed one, and 500
    /// OPENID_MISMATCH for an openid of another appid (for partners and combined orders; v3/pay/transactions/jsapi
    /// responds with 400 in any case).
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
    /// 198.18.0.1. Whoever can send requests to the sandbox chooses where they go.
    #[arg(long)]
    pub(super) private_receivers: bool,
    /// Also trust these certificate authorities, in PEM, when notifications go to https addresses; may be repeated.
    #[arg(long = "receiver-ca", value_name = "FILE")]
    receiver_authorities: Vec<PathBuf>,
    /// Let requests fail: flaky (some of them), outage (all of them), or rotation (signatures as while the platform
    /// changes its keys: unknown serials and probes). --seed decides which requests are hit. Notifications are not: see
    /// weipay sandbox notifications.
    #[arg(long, value_name = "PROFILE", value_parser = str::parse::<FaultProfile>)]
    faults: Option<FaultProfile>,
    /// The keys that the platform signs with for the first merchant of a new folder: its public key (微信支付公钥), as for every
    /// merchant since October 2024, its certificate (平台证书), or both, as during the migration [default: public-key].
    #[arg(long, value_name = "KIND", value_parser = ["public-key", "certificate", "migration"])]
    platform_keys: Option<String>,
    /// A JSON file (种子文件) with merchants, partners with sub-merchants, appids and people; see below. It is read at each start:
    /// missing entries are added; an existing merchant gets the appids and sub-merchants that it lacks, and the state of its
    /// certificate. Nothing is removed.
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
            (false, true) => Validation::LENIENT,
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
