//! The command line of `weipay sandbox`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use weipay_sandbox::{FaultProfile, StoreAddress, parse_duration};

use super::notifications::NotificationsCommand;
use super::values;

/// What follows the options of `weipay sandbox --help`.
const HELP: &str = "\
The first line on standard output is the address where it listens. Each request is logged as a line on standard error: time,
method, path, status, code, and the reason of a rejection. Queries, headers, bodies and openids are not in these lines;
weipay sandbox log shows them, with secrets and personal data masked.

Headers that the real platform does not send:
  Weipay-Sandbox-Answer: state    the sandbox carried out the operation and keeps its state
  Weipay-Sandbox-Answer: example  nothing happened; the response is only an example (see weipay sandbox coverage)
  Weipay-Sandbox-Reason: ...      why a request was rejected, when the official message says little; letters beyond ASCII are
                                  percent-encoded, as %E5
  Weipay-Sandbox-Client-Certificate: not-checked
                                  the operation needs the merchant certificate in TLS, and plain HTTP has none; over https it is demanded
  Weipay-Sandbox-Fault: ...       the fault that this response was given on demand (see weipay sandbox fault --help); on a request, the
                                  header asks for one

Exit codes of all subcommands:
  0  done
  1  it failed, or the sandbox refused
  2  a wrong command line or file, or no sandbox runs on the data folder: nothing was done";

/// What follows the options of `weipay sandbox fault --help`.
const PAY_HELP: &str = "Example:
  weipay sandbox pay order-1
  weipay sandbox pay 'weixin://wxpay/bizpayurl?pr=p4lpSuKzz' --as oUpF8uMuAJO_M2pxb1Q9zNjWeS6o
  weipay sandbox pay order-1 --fail not-enough-balance";

/// What follows the options of `weipay sandbox complain --help`.
const COMPLAIN_HELP: &str = "\
The number of the complaint (complaint_id) and its state are printed. A person goes on with a complaint by --step: writes (reply),
complains again after it was settled (continue), takes it back (withdraw), asks the platform for help or does not need it any more
(ask-platform, cancel-platform); and the platform writes or ends its help (platform-reply, platform-end).

Example:
  weipay sandbox complain order-1 --text 没有收到 --refund 100
  weipay sandbox complain 200201820260815000000000001 --step reply --text 还没有收到";

const FAULT_HELP: &str = "\
A fault is one of:
  429, 500, 502, 503    nothing is done; behind it `; body=json` (the platform's, signed), `; body=html` (a proxy's) or `; body=none`
  202                   accepted, and not done yet
  drop, reset           the connection ends without a response, and nothing is done
  commit-then-...       before any of these: the request is carried out, and its response is lost in this way
  slow                  the response comes late; `slow; ms=1500` says how late
  truncated             the connection ends in the middle of the body
  wrong-signature, missing-signature, probe-signature, unknown-serial
                        the request is carried out, and its response cannot be verified

A single request asks for a fault with the header Weipay-Sandbox-Fault. An example of a rule:
  weipay sandbox fault add commit-then-drop --operation 'POST /v3/marketing/busifavor/coupons/use' --first 1";

/// What follows the options of `weipay sandbox snapshot --help`.
const SNAPSHOT_HELP: &str = "\
The snapshot is a file of JSON lines, which only you can read: it holds openids and other personal data as they are. Its path is
printed. After weipay sandbox restore the same requests have the same responses, and a notification that waited waits again, also if
it was acknowledged in between.";

/// What follows the options of `weipay sandbox run --help`.
const RUN_HELP: &str = "\
An example: weipay sandbox run -- go test ./...

The command gets these variables:
  WEIPAY_BASE_URL, WEIPAY_MCHID ...   the kit, as of weipay sandbox env; WEIPAY_KIT is the path of kit.json
  HTTPS_PROXY, https_proxy            the sandbox; it responds for every host of WeChat Pay, and leads to no other host
  NO_PROXY, no_proxy                  what is reached without it: yours, localhost, 127.0.0.1 and ::1
  SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE
                                      the certificates of the system and that of the local authority
  NODE_EXTRA_CA_CERTS, NODE_USE_ENV_PROXY
                                      the same for Node.js (proxies from 22.21 and 24.5)
  PHP_INI_SCAN_DIR                    the same for PHP
  JAVA_TOOL_OPTIONS                   the same for Java: a trust store, and the proxy for https

The exit code is that of the command; 128 and the number of the signal if a signal ended it. If the command cannot be started,
it is 2.";

/// What follows the options of `weipay sandbox play --help`.
const PLAY_HELP: &str = "\
Each step is printed as it happens: the time of the sandbox, what was done, and the status. The first step that does not go as the
story expects ends it.

Exit codes:
  0  all steps went as expected
  1  a step did not go as expected
  2  a mistake in the story: nothing was sent
  3  a response could not be verified
  4  the network failed";

/// What follows the options of `weipay sandbox log --help`.
const LOG_HELP: &str = "\
Without NUMBER and --failed, each request is one line, with its number in front. Its time is that of this machine; the clock of the sandbox,
by which orders, notifications and signatures have theirs, may show another (weipay sandbox clock).

Of a wrong signature the sandbox finds out which message was signed, if it comes of a common mistake: the query left out, the body
encoded again, a line feed too many or missing, the host in front of the path, another key and so on. It shows both messages, the
first byte in which they differ, and what to do. SHA-256 of both helps to compare with what your program logs.

Secrets and personal data are shown as ***: signatures, fields that travel encrypted, openids, names, phone numbers, URLs, and every
value that the catalogue does not know. The requests are in memory only, and the oldest go first (weipay sandbox --log-bytes).";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = HELP)]
pub(crate) struct Sandbox {
    #[command(subcommand)]
    pub(crate) command: Option<SandboxCommand>,
    /// The folder for the kit and the state; other users have no access to it.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
    /// The address to listen on; port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8880", value_parser = values::address)]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) serving: Serving,
}

/// How a sandbox behaves, wherever it runs.
#[derive(Debug, Args)]
pub(crate) struct Serving {
    /// Where the state is kept: sqlite (a file in the data folder), memory, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, which any
    /// number of sandboxes may use at once, each with its own data folder. The password can also be in PGPASSWORD.
    #[arg(long, value_name = "STORE", default_value = "sqlite", value_parser = str::parse::<StoreAddress>)]
    pub(crate) store: StoreAddress,
    /// The port of 127.0.0.1 on which the control API listens; 0 selects a free port. Its address and its token are in control.json of the
    /// data folder.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) control_port: u16,
    /// Stop the clock at this time, such as 2026-08-15T12:00:00+08:00. Requests must be signed within five minutes of it, or of
    /// the time of this machine [default: as it went when the last sandbox with this data folder ended, at first the time of this machine].
    #[arg(long, value_name = "TIME", value_parser = str::parse::<weipay_sandbox::Clock>)]
    pub(crate) clock: Option<weipay_sandbox::Clock>,
    /// Make the same numbers and nonces in each run; keys always differ.
    #[arg(long, value_name = "NUMBER", value_parser = values::whole_number)]
    pub(crate) seed: Option<u64>,
    /// Also reject values that the documentation of a field does not list, and do not take a notification for acknowledged if the
    /// body of the response says FAIL.
    #[arg(long, conflicts_with = "loose")]
    pub(crate) strict: bool,
    /// Accept members that are not in the documentation, and characters that the platform does not accept.
    #[arg(long)]
    pub(crate) loose: bool,
    /// Refuse with the documented error where the real platform was seen to send another one: 403 OUT_TRADE_NO_USED for an order number
    /// that was used before, and 500 OPENID_MISMATCH for an openid of another appid.
    #[arg(long)]
    pub(crate) documented_errors: bool,
    /// Accept each Authorization only once. It is not known what the platform does with a repeated one.
    #[arg(long)]
    pub(crate) no_replays: bool,
    /// The time limit for receiving a request, for sending a response, and for an idle connection.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) idle_timeout: u64,
    /// Respond with 501 to operations that the sandbox does not implement, instead of an example.
    #[arg(long)]
    pub(crate) no_examples: bool,
    /// Also send notifications to addresses in a private network, such as 192.168.1.2 or the address of a container. Whoever
    /// can send requests to the sandbox chooses where they go.
    #[arg(long)]
    pub(crate) private_receivers: bool,
    /// Also trust these certificate authorities, in PEM, when notifications go to https addresses; may be repeated.
    #[arg(long = "receiver-ca", value_name = "FILE")]
    pub(crate) receiver_authorities: Vec<PathBuf>,
    /// Let requests meet faults: flaky (some of them), outage (all of them), or rotation (of the platform's keys). --seed decides which
    /// requests are hit.
    #[arg(long, value_name = "PROFILE", value_parser = str::parse::<FaultProfile>)]
    pub(crate) faults: Option<FaultProfile>,
    /// The keys that the platform signs with for the first merchant of a new folder: its public key (微信支付公钥), as for every
    /// merchant since October 2024, its certificate (平台证书), or both, as during the migration [default: public-key].
    #[arg(long, value_name = "KIND", value_parser = ["public-key", "certificate", "migration"])]
    pub(crate) platform_keys: Option<String>,
    /// A JSON file with merchants, partners with sub-merchants, appids and people. Those that are missing are added at the
    /// start.
    #[arg(long, value_name = "FILE")]
    pub(crate) seed_file: Option<PathBuf>,
    /// Do not log requests.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// How many bytes of the last requests are kept in memory for `weipay sandbox log`; 0 for none.
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024, value_parser = clap::value_parser!(u32).range(..=1 << 30))]
    pub(crate) log_bytes: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Write the credentials kit (kit.json, keys, certificates) and exit.
    Init {
        /// The folder for the kit and the state; other users have no access to it.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
        /// The keys that the platform signs with for the first merchant [default: public-key].
        #[arg(long, value_name = "KIND", value_parser = ["public-key", "certificate", "migration"])]
        platform_keys: Option<String>,
    },
    /// Print the kit as WEIPAY_* variables for a shell: eval "$(weipay sandbox env)".
    Env {
        /// The folder with the kit and the state.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// The merchants of a running sandbox.
    #[command(
        after_help = "Each subcommand takes --data DIR, the data folder of the running sandbox [default: .weipay]."
    )]
    Merchant {
        #[command(subcommand)]
        command: MerchantCommand,
    },
    /// The people (用户) of a running sandbox: their openids, and the money in their wallets.
    Person(Person),
    /// The transfers (商家转账) of a running sandbox: what the person does who is paid.
    Transfer(Transfer),
    /// The pay score orders (支付分订单) of a running sandbox: what the customer does.
    PayScore(PayScore),
    /// The contracts (委托代扣) of a running sandbox: what the payer does.
    Contract(Contract),
    /// Show the last requests of a running sandbox, and why they were refused.
    #[command(after_help = LOG_HELP)]
    Log(Log),
    /// The notifications (回调通知) of a running sandbox: what was sent, and sending it again.
    #[command(after_help = super::notifications::HELP)]
    Notifications {
        #[command(subcommand)]
        command: NotificationsCommand,
    },
    /// Show or move the clock of a running sandbox.
    Clock(Clock),
    /// Keep the state of a running sandbox: records, notifications that wait, what is due, and the clock. It leaves out
    /// merchants and their keys.
    #[command(after_help = SNAPSHOT_HELP)]
    Snapshot {
        /// A name, for a snapshot in the data folder; or a file, which has a `/` in its path or ends with .jsonl.
        #[arg(value_name = "NAME|FILE")]
        snapshot: String,
        /// The data folder of the running sandbox.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// Put the state of a snapshot in the place of what there is, whole or not at all. Merchants and their keys stay as they are.
    Restore {
        /// The name or the file of the snapshot.
        #[arg(value_name = "NAME|FILE")]
        snapshot: String,
        /// The data folder of the running sandbox.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// A person pays an order of a running sandbox, or fails to.
    #[command(after_help = PAY_HELP)]
    Pay(Pay),
    /// Decide what becomes of a refund (退款) of a running sandbox, before the clock lets it succeed.
    Refund(Refund),
    /// A person complains (消费者投诉) about a paid order of a running sandbox, or goes on with a complaint.
    #[command(after_help = COMPLAIN_HELP)]
    Complain(Complain),
    /// The faults that requests to a running sandbox meet.
    #[command(after_help = FAULT_HELP)]
    Fault(Fault),
    /// List which operations have state, and which only return examples.
    Coverage {
        /// Only operations of this kind.
        #[arg(long, value_name = "KIND", value_parser = ["state", "example", "none"])]
        only: Option<String>,
    },
    /// Play a story: people, merchants, calls, faults and time, as a TOML file tells them; see stories/README.md.
    #[command(after_help = PLAY_HELP)]
    Play(Play),
    /// Run a command against a sandbox that ends with it. Its WEIPAY_* variables are set, and so is what a client with fixed
    /// hosts needs: the proxy, and trust in the local authority.
    #[command(after_help = RUN_HELP)]
    Run {
        /// The folder for the kit and the state [default: a temporary folder].
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// The address to listen on; port 0 selects a free port.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = values::address)]
        listen: SocketAddr,
        #[command(flatten)]
        serving: Box<Serving>,
        /// The command and its arguments, behind `--`.
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Play {
    /// The story.
    #[arg(value_name = "STORY.toml")]
    pub(crate) story: PathBuf,
    /// The data folder of a running sandbox [default: a sandbox in this process, which ends with the story].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Move the clock of that sandbox back where the story begins earlier than it shows. It stays there afterwards.
    #[arg(long, requires = "data")]
    pub(crate) move_clock_back: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The number of one request, to show all of it: header fields, bodies, and of a wrong signature both messages.
    #[arg(value_name = "NUMBER", conflicts_with_all = ["follow", "failed"])]
    pub(crate) number: Option<u64>,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
    /// Go on until it is stopped, with each request as it comes.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only requests that were refused or did not arrive, and all of each.
    #[arg(long)]
    pub(crate) failed: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MerchantCommand {
    /// Add a merchant (商户) to the sandbox that runs on a data folder, and print the path of its kit.json.
    Add(NewMerchant),
    /// Put money into an account of a merchant, from its bank, and print what is in the account then.
    TopUp(TopUp),
    /// List the merchants: merchant ID, appids, and the key with which the platform signs for each.
    List {
        /// The data folder of the running sandbox.
        #[arg(long, value_name = "DIR", default_value = ".weipay")]
        data: PathBuf,
    },
    /// Take one step of the rotation of a key with which the platform signs for a merchant, and print the keys then.
    RotateKey(RotateKey),
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// Its merchant ID (商户号).
    #[arg(value_name = "MCHID")]
    pub(crate) mchid: String,
    /// begin: a new key is known; switch: it signs; finish: the old one is gone.
    #[arg(value_name = "STEP", value_parser = ["begin", "switch", "finish"])]
    pub(crate) step: String,
    /// Which key: the platform certificate (平台证书) or the public key (微信支付公钥).
    #[arg(long, value_name = "KEY", default_value = "certificate", value_parser = ["certificate", "public-key"])]
    pub(crate) key: String,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Person {
    #[command(subcommand)]
    pub(crate) command: PersonCommand,
    /// The data folder of the running sandbox.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// Add a person, and print the openid under each appid. Every well-formed openid is a person, too; this one has several.
    Add,
    /// Print what is in the wallet (零钱) of a person, in fen (分).
    Wallet {
        /// An openid or the unionid.
        id: String,
    },
    /// Put money into the wallet (零钱) of a person, from the bank, and print what is in it then.
    TopUp {
        /// An openid or the unionid.
        id: String,
        /// How much, in fen (分).
        #[arg(value_name = "FEN", value_parser = values::fen)]
        fen: i64,
    },
    /// Freeze or cancel the account of a person, or let it work again.
    Account {
        /// An openid or the unionid.
        id: String,
        /// From now on.
        #[arg(value_name = "STATE", value_parser = weipay_sandbox::AccountState::WORDS)]
        state: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TopUp {
    /// Its merchant ID (商户号), or that of a sub-merchant.
    #[arg(value_name = "MCHID")]
    pub(crate) mchid: String,
    /// How much, in fen (分).
    #[arg(value_name = "FEN", value_parser = values::fen)]
    pub(crate) fen: i64,
    /// Which account: operation (运营账户), from which transfers are paid, basic (基本账户) or marketing (营销资金).
    #[arg(long, value_name = "ACCOUNT", default_value = "operation", value_parser = ["operation", "basic", "marketing"])]
    pub(crate) account: String,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PayScore {
    #[command(subcommand)]
    pub(crate) command: PayScoreCommand,
    /// The data folder of the running sandbox.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PayScoreCommand {
    /// Confirm an order as the person who is served.
    Confirm {
        /// Its out_order_no, order_id or package.
        number: String,
        /// Who confirms.
        #[arg(long = "as", value_name = "OPENID")]
        openid: String,
    },
    /// Let deductions for an order fail from now on, because the person cannot pay.
    Decline {
        /// Its out_order_no, order_id or package.
        number: String,
    },
    /// Open the service for a merchant, which then needs no confirmation of each order (授权).
    Authorize {
        /// The authorization_code or apply_permissions_token.
        number: String,
        /// Who opens it.
        #[arg(long = "as", value_name = "OPENID")]
        openid: String,
    },
    /// Close it again.
    EndAuthorization {
        /// The authorization_code or apply_permissions_token.
        number: String,
    },
    /// Pay a completed order at once, without waiting for a deduction.
    Pay {
        /// Its out_order_no, order_id or package.
        number: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Contract {
    #[command(subcommand)]
    pub(crate) command: ContractCommand,
    /// The data folder of the running sandbox.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    /// Sign a contract as the person, and print its contract_id.
    Sign {
        /// The pre_entrustweb_id, the redirect_url or the out_contract_code (contract_code).
        number: String,
        /// Who signs.
        #[arg(long = "as", value_name = "OPENID")]
        openid: String,
    },
    /// End a contract as the person.
    End {
        /// Its contract_id or out_contract_code (contract_code).
        number: String,
    },
    /// Let only the wallet (零钱) pay from now on, so that a deduction fails when the wallet has too little money.
    Decline {
        /// Its contract_id or out_contract_code (contract_code).
        number: String,
    },
    /// Let the person's bank card pay again.
    Accept {
        /// Its contract_id or out_contract_code (contract_code).
        number: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    #[command(subcommand)]
    pub(crate) command: TransferCommand,
    /// The data folder of the running sandbox.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TransferCommand {
    /// Confirm a transfer as the person who is paid, and print its state.
    Confirm {
        /// Its out_bill_no, transfer_bill_no or package_info.
        number: String,
        /// Let the payment fail with this reason (fail_reason), such as ACCOUNT_FROZEN or NAME_NOT_CORRECT.
        #[arg(long, value_name = "REASON")]
        fail: Option<String>,
    },
    /// Do not confirm a transfer: it fails at once, as it would after 24 hours. Print its state.
    Refuse {
        /// Its out_bill_no, transfer_bill_no or package_info.
        number: String,
    },
    /// Let a merchant transfer without confirmation (免确认收款授权).
    Authorize {
        /// The out_authorization_no or package_info.
        number: String,
    },
    /// End such an authorization.
    EndAuthorization {
        /// The out_authorization_no or package_info.
        number: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewMerchant {
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
    /// Its merchant ID (商户号) [default: a free one].
    #[arg(long)]
    pub(crate) mchid: Option<String>,
    /// An appid that is bound to it; may be repeated [default: a new one].
    #[arg(long = "appid", value_name = "APPID")]
    pub(crate) appids: Vec<String>,
    /// A merchant that it acts for (子商户), as a partner (服务商) does; may be repeated.
    #[arg(long = "sub-merchant", value_name = "MCHID")]
    pub(crate) sub_merchants: Vec<String>,
    /// The keys with which the platform signs for it.
    #[arg(long, value_name = "KIND", default_value = "public-key", value_parser = ["public-key", "certificate", "migration"])]
    pub(crate) platform_keys: String,
    /// The state of its certificate (商户API证书).
    #[arg(long, value_name = "STATE", default_value = "valid", value_parser = ["valid", "expired", "revoked", "not-yet-valid"])]
    pub(crate) certificate: String,
}

#[derive(Debug, Args)]
pub(crate) struct Pay {
    /// The order by out_trade_no, transaction_id, prepay_id, code_url or h5_url; a combined order (合单) by its combine_out_trade_no.
    #[arg(value_name = "ORDER", required_unless_present = "front_end")]
    pub(crate) order: Option<String>,
    /// Who pays [default: whom the order names, or else somebody].
    #[arg(long = "as", value_name = "OPENID")]
    pub(crate) person: Option<String>,
    /// Fail for this reason: the order stays unpaid, and nobody is notified.
    #[arg(long, value_name = "REASON", value_parser = weipay_sandbox::PaymentFailure::WORDS)]
    pub(crate) fail: Option<String>,
    /// A coupon of the merchant takes so many fen off.
    #[arg(long, value_name = "FEN", value_parser = values::fen)]
    pub(crate) discount: Option<i64>,
    /// The cash coupon (代金券) to use by its coupon_id, or none [default: the one that takes most off].
    #[arg(long, value_name = "ID|none", conflicts_with = "discount")]
    pub(crate) coupon: Option<String>,
    /// Pay from the wallet (零钱), and not by a bank card.
    #[arg(long)]
    pub(crate) wallet: bool,
    /// Print the address of the page on which a person pays the order in a browser, and pay nothing.
    #[arg(long, requires = "order", conflicts_with_all = ["person", "fail", "discount", "wallet", "front_end"])]
    pub(crate) page: bool,
    /// The merchant whose out_trade_no is meant, when several have used it.
    #[arg(long)]
    pub(crate) mchid: Option<String>,
    /// The signed parameters that the page, mini program or app was given, as JSON: their signature is checked.
    #[arg(long, value_name = "JSON")]
    pub(crate) front_end: Option<String>,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Complain {
    /// A paid order by out_trade_no or transaction_id; with --step, the complaint_id.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// Go on with a complaint.
    #[arg(long, value_name = "STEP", value_parser = weipay_sandbox::complaints::PersonStep::WORDS)]
    pub(crate) step: Option<String>,
    /// Who complains: an openid of the person who paid [default: that under which the order was paid].
    #[arg(long = "as", value_name = "OPENID", conflicts_with = "step")]
    pub(crate) person: Option<String>,
    /// What the person writes.
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// The media_id of a picture; may be given four times.
    #[arg(long = "image", value_name = "MEDIA_ID")]
    pub(crate) images: Vec<String>,
    /// What it is about [default: refund].
    #[arg(long, value_name = "PROBLEM", conflicts_with = "step", value_parser = weipay_sandbox::complaints::Problem::WORDS)]
    pub(crate) problem: Option<String>,
    /// How many fen the person wants back [default: all that the order cost].
    #[arg(long, value_name = "FEN", conflicts_with = "step", value_parser = values::fen)]
    pub(crate) refund: Option<i64>,
    /// The person's phone number.
    #[arg(long, conflicts_with = "step")]
    pub(crate) phone: Option<String>,
    /// The person needs an answer at once (即时服务).
    #[arg(long, conflicts_with = "step")]
    pub(crate) urgent: bool,
    /// The merchant whose out_trade_no is meant, when several have used it.
    #[arg(long, conflicts_with = "step")]
    pub(crate) mchid: Option<String>,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Refund {
    /// The merchant's number (out_refund_no) or the platform's (refund_id).
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// The person gets the money, the card is gone (apply-abnormal-refund comes next), the merchant gets the money back, or the merchant
    /// is short of money and the refund is closed seven days after it was accepted.
    #[arg(long, value_name = "OUTCOME", value_parser = ["success", "abnormal", "closed", "short"])]
    pub(crate) to: String,
    /// The data folder of the running sandbox.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    pub(crate) command: Option<ClockCommand>,
    /// The data folder of the running sandbox.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Show the time, how the clock goes, and the next event.
    Show,
    /// Stop the clock, at a time such as 2026-08-15T12:00:00+08:00 or where it is.
    Freeze {
        #[arg(value_parser = values::time)]
        time: Option<String>,
    },
    /// Let the clock run from a time.
    Set {
        #[arg(value_parser = values::time)]
        time: String,
    },
    /// Let a duration pass, such as 90s, 15m, 3h, 30d or 1d12h; a number without a unit is seconds. What is due on the way happens at its
    /// own time.
    Advance {
        #[arg(value_parser = parse_duration)]
        duration: i64,
    },
    /// Move the clock to the next event: an expiry, or an attempt to deliver a notification.
    Next,
    /// Let the clock show the time of this machine again.
    Real,
}

#[derive(Debug, Args)]
pub(crate) struct Fault {
    #[command(subcommand)]
    pub(crate) command: FaultCommand,
    /// The data folder of the running sandbox.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weipay")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Let requests meet a fault, and print the number of the rule.
    Add(NewFault),
    /// List the rules: number, fault, how many requests were hit, and which it is about.
    List,
    /// Take one rule away, or all, and print how many.
    Clear {
        /// Its number.
        id: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewFault {
    /// Such as 502, commit-then-drop or `slow; ms=1500`.
    #[arg(value_parser = str::parse::<weipay_sandbox::Fault>)]
    pub(crate) fault: weipay_sandbox::Fault,
    /// Only this operation: its path, with or without the method before it.
    #[arg(long, value_name = "OPERATION")]
    pub(crate) operation: Option<String>,
    /// Only requests of this merchant (商户号).
    #[arg(long, value_name = "MCHID")]
    pub(crate) merchant: Option<String>,
    /// Only requests to this host, such as api.mch.weixin.qq.com.
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Only the first so many requests.
    #[arg(long, value_name = "NUMBER", value_parser = values::count)]
    pub(crate) first: Option<u64>,
    /// How often, from 0 (never) to 1 (always).
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, value_parser = values::share)]
    pub(crate) probability: f64,
    /// The same seed hits the same requests.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = values::whole_number)]
    pub(crate) seed: u64,
}
