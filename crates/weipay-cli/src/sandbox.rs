//! `weipay sandbox`: the local platform as a server. Each command below it stands in a file of its name, with its arguments.

mod clock;
mod complain;
mod contract;
pub(crate) mod control;
mod coupon;
mod coverage;
mod fault;
mod health;
mod kit;
mod log;
mod log_writer;
mod merchant;
pub(crate) mod notifications;
mod pay;
mod pay_score;
mod person;
mod play;
mod recharge;
mod red_packet;
mod refund;
mod reset;
mod run;
mod serving;
mod snapshot;
mod transfer;
mod withdrawal;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use weipay_sandbox::{ClockMode, Sandbox, StartError};

use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::output::note;
use crate::signals;
use log_writer::LogWriter;
use serving::Serving;

/// What follows the options of `weipay sandbox --help`.
const HELP: &str = r#"The first line on standard output is the address where it listens. Each request is logged as a line
on standard error: time, method, path, status, code, and the reason of a rejection. Queries,
headers, bodies and openids are not in these lines; weipay sandbox log shows them, with secrets and
personal data masked.

Headers that the real platform does not send:
  Weipay-Sandbox-Answer: state    the sandbox executed the operation and stored its state
  Weipay-Sandbox-Answer: example  the operation was not executed; the response is an example (see
                                  weipay sandbox coverage)
  Weipay-Sandbox-Reason: ...      why a request was rejected or failed, when the official message says little;
                                  non-ASCII characters are percent-encoded, as %E5
  Weipay-Sandbox-Client-Certificate: not-checked
                                  the operation needs the merchant certificate in TLS, and plain
                                  HTTP has none; over https it is required
  Weipay-Sandbox-Fault: ...       the fault that was injected into this response (see weipay
                                  sandbox fault --help); on a request, the header asks for one

Example of a seed file (--seed-file) with all members. mchid of a merchant and unionid of a person
are required:

  {
    "merchants": [
      { "mchid": "1900000100", "appids": ["wx0000000000000100"],
        "platform_keys": "certificate", "certificate": "valid" },
      { "mchid": "1900000200", "appids": ["wx0000000000000200"], "sub_merchants": ["1900000100"] }
    ],
    "people": [
      { "unionid": "oUnionAlice0000000000000001x",
        "openids": { "wx0000000000000100": "oAlice000000000000000000001a" } },
      { "unionid": "oUnionBob000000000000000001b",
        "appids": ["wx0000000000000100", "wx0000000000000200"] }
    ]
  }

The first appid of a merchant is in its kit. sub_merchants makes it a partner (服务商).
platform_keys is public-key (the default), certificate or migration; certificate is valid (the
default), expired, revoked or not-yet-valid. Each person gets the openids in the file, and a
generated openid for each appid in appids. These appids must belong to merchants.

Exit codes (play, run and notifications have more in their own help):
  0  done
  1  it failed, or the sandbox refused
  2  a wrong command line, value or file, or no sandbox runs on the data folder: nothing was done"#;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
    /// The folder for the kit and the state; other users have no access to it.
    #[arg(long, value_name = "DIR", default_value = ".weipay")]
    data: PathBuf,
    /// The address to listen on; port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8880", value_parser = values::address)]
    listen: SocketAddr,
    #[command(flatten)]
    serving: Serving,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Write the credentials kit (kit.json, keys, certificates) and exit.
    Init(kit::Init),
    /// Print the kit as WEIPAY_* variables for a shell: eval "$(weipay sandbox env)".
    Env(kit::Env),
    /// Add, list and change merchants of a running sandbox.
    #[command(
        after_help = "Each subcommand takes --data DIR, the data folder of the running sandbox [default: .weipay]."
    )]
    Merchant {
        #[command(subcommand)]
        command: merchant::MerchantCommand,
    },
    /// Add people (用户) to a running sandbox, show their openids, and top up their wallets.
    Person(person::Person),
    /// Act as the recipient of a transfer (商家转账) of a running sandbox: confirm, refuse or authorize it.
    Transfer(transfer::Transfer),
    /// Take and delete merchant coupons (商家券) and product coupons (商品券) of a running sandbox as a person, send them as the
    /// brand, and change stocks.
    Coupon(coupon::Coupon),
    /// Open a red packet (现金红包) of a running sandbox as a person.
    RedPacket(red_packet::RedPacket),
    /// Act as the customer of a pay score order (支付分订单) of a running sandbox: confirm, authorize, pay.
    PayScore(pay_score::PayScore),
    /// Act as the payer of a contract (委托代扣) of a running sandbox: sign or end it.
    Contract(contract::Contract),
    /// Check whether the sandbox is ready, and list failing background tasks. Exits with 2 if no sandbox runs.
    Health(health::Health),
    /// Show the last requests of a running sandbox, and why they were rejected.
    Log(log::Log),
    /// List, resend, hold and release notifications (回调通知) of a running sandbox.
    #[command(after_help = notifications::HELP)]
    Notifications {
        #[command(subcommand)]
        command: notifications::NotificationsCommand,
    },
    /// Show or move the clock of a running sandbox.
    Clock(clock::Clock),
    /// Save the state of a running sandbox (records, waiting notifications, due work, clock), without merchants and their keys.
    Snapshot(snapshot::Snapshot),
    /// Restore the state from a snapshot, completely or not at all. Merchants and their keys are kept.
    Restore(snapshot::Restore),
    /// Delete all records and notifications of a running sandbox; merchants and their keys are kept. With --seed,
    /// generated ids start again from the seed. Without it they continue, so that no id is used twice.
    Reset(reset::Reset),
    /// Pay an order of a running sandbox as a person, or let the payment fail.
    Pay(pay::Pay),
    /// Set the result of a refund (退款) of a running sandbox; by default it succeeds after a delay.
    Refund(refund::Refund),
    /// Set the result of a withdrawal (提现) of a running sandbox; by default it succeeds after a delay.
    Withdrawal(withdrawal::Withdrawal),
    /// Pay a recharge (充值) of a running sandbox: a merchant's, or that of a platform for a sub-merchant.
    Recharge(recharge::Recharge),
    /// Complain (消费者投诉) about a paid order of a running sandbox as a person, or continue a complaint.
    Complain(complain::Complain),
    /// Inject faults: add, list and remove fault rules of a running sandbox.
    Fault(fault::Fault),
    /// List which operations have state, and which only return examples.
    Coverage(coverage::Coverage),
    /// Play a story from a TOML file: people, merchants, calls, faults and time; see stories/README.md.
    Play(play::Play),
    /// Run a command with a sandbox that stops when the command ends. It sets the WEIPAY_* variables, and for clients
    /// with fixed hosts the proxy and the trusted certificates.
    Run(Box<run::Run>),
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Some(SandboxCommand::Init(arguments)) => kit::init(arguments),
        Some(SandboxCommand::Env(arguments)) => kit::env(arguments),
        Some(SandboxCommand::Merchant { command }) => merchant::run(command),
        Some(SandboxCommand::Transfer(arguments)) => transfer::run(arguments),
        Some(SandboxCommand::PayScore(arguments)) => pay_score::run(arguments),
        Some(SandboxCommand::Contract(arguments)) => contract::run(arguments),
        Some(SandboxCommand::Person(arguments)) => person::run(arguments),
        Some(SandboxCommand::Log(arguments)) => log::run(arguments),
        Some(SandboxCommand::Notifications { command }) => notifications::run(command),
        Some(SandboxCommand::Clock(arguments)) => clock::run(arguments),
        Some(SandboxCommand::Snapshot(arguments)) => snapshot::take(arguments),
        Some(SandboxCommand::Restore(arguments)) => snapshot::restore(arguments),
        Some(SandboxCommand::Reset(arguments)) => reset::run(arguments),
        Some(SandboxCommand::Coupon(arguments)) => coupon::run(arguments),
        Some(SandboxCommand::RedPacket(arguments)) => red_packet::run(arguments),
        Some(SandboxCommand::Health(arguments)) => health::run(arguments),
        Some(SandboxCommand::Pay(arguments)) => pay::run(arguments),
        Some(SandboxCommand::Refund(arguments)) => refund::run(arguments),
        Some(SandboxCommand::Withdrawal(arguments)) => withdrawal::run(arguments),
        Some(SandboxCommand::Recharge(arguments)) => recharge::run(arguments),
        Some(SandboxCommand::Complain(arguments)) => complain::run(arguments),
        Some(SandboxCommand::Fault(arguments)) => fault::run(arguments),
        Some(SandboxCommand::Coverage(arguments)) => coverage::run(arguments),
        Some(SandboxCommand::Play(arguments)) => play::run(arguments),
        Some(SandboxCommand::Run(arguments)) => run::run(arguments),
        None => serve(arguments),
    }
}

fn serve(arguments: &Arguments) -> Outcome {
    // Dropped after the sandbox, so that its last request is logged.
    let log = (!arguments.serving.quiet).then(LogWriter::start);
    let mut builder = arguments.serving.builder()?.data(&arguments.data).listen(arguments.listen);
    if let Some(log) = &log {
        builder = builder.log(log.writer());
    }
    let sandbox = builder.start().map_err(start_failure)?;
    // Before the line is printed: a script may send a signal as soon as it has read the line.
    let shutdown = signals::shutdown().map_err(Failure::failed)?;
    // Scripts wait for this line. It is written, and flushed, when the platform accepts requests.
    let mut screen = anstream::stdout();
    writeln!(screen, "listening on http://{}", sandbox.address()).and_then(|()| screen.flush()).ok();
    if !arguments.serving.quiet
        && arguments.serving.clock.is_none()
        && sandbox.clock().mode() != ClockMode::Real
    {
        let data = arguments.data.display();
        let note = format!(
            "the clock continues from where the last sandbox left it; see: weipay sandbox clock --data {data}"
        );
        writeln!(anstream::stderr(), "{note}").ok();
    }
    tell_holds(&sandbox);
    shutdown.recv().ok();
    drop(sandbox);
    drop(log);
    Ok(())
}

/// Holds survive a restart. They are reported, because this user may not have set them.
fn tell_holds(sandbox: &Sandbox) {
    if let Ok(holds) = sandbox.notifications().holds()
        && holds.is_any()
    {
        note(format_args!("{holds}; see: weipay sandbox notifications release"));
    }
}

/// Errors in a file that is named on the command line are usage errors.
fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Seed(..) | StartError::ReceiverAuthority(_) | StartError::Fault(_) => {
            Failure::usage(error)
        }
        error => Failure::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::arguments;

    #[test]
    fn the_sandbox_has_its_documented_defaults() {
        let parsed = arguments::Arguments::try_parse_from(["weipay", "sandbox"]).unwrap();
        let arguments::Command::Sandbox(sandbox) = parsed.command else { panic!("{parsed:?}") };
        assert_eq!(
            (sandbox.data.to_str(), sandbox.listen.to_string().as_str()),
            (Some(".weipay"), "127.0.0.1:8880")
        );
        assert_eq!(sandbox.serving.idle_timeout, 8, "as the platform");
        assert!(
            !sandbox.serving.private_receivers,
            "whoever can send requests chooses where notifications go"
        );
    }

    #[test]
    fn impossible_settings_of_a_sandbox_are_refused() {
        for wrong in [
            &["--clock", "2026-08-15"] as &[&str],
            &["--clock", "noon"],
            &["--seed", "-1"],
            &["--idle-timeout", "0"],
            &["--idle-timeout", "99999999999999999999"],
            &["--strict", "--loose"],
        ] {
            let parsed = arguments::Arguments::try_parse_from([&["weipay", "sandbox"], wrong].concat());
            assert!(parsed.is_err(), "{wrong:?}");
        }
    }
}
