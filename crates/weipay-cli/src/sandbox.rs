//! `weipay sandbox`: the local platform as a server, its kit, and what it implements.

mod clock;
mod complain;
mod contract;
mod fault;
mod log;
mod log_writer;
mod merchant;
pub(crate) mod notifications;
mod pay;
mod pay_score;
mod person;
mod play;
mod refund;
mod run;
mod snapshot;
mod transfer;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use weipay_catalog::Catalog;
use weipay_sandbox::kit::{self, KitOnDisk};
use weipay_sandbox::{Behaviour, ClockMode, PlatformKeys, Sandbox, SandboxBuilder, StartError, Validation};

use crate::arguments::{self, SandboxCommand};
use crate::failure::{Failure, Outcome};
use crate::output::print;
use log_writer::LogWriter;

pub(crate) fn run(arguments: &arguments::Sandbox) -> Outcome {
    match &arguments.command {
        Some(SandboxCommand::Init { data, platform_keys }) => init(data, platform_keys.as_deref()),
        Some(SandboxCommand::Env { data }) => env(data),
        Some(SandboxCommand::Merchant { command }) => merchant::run(command),
        Some(SandboxCommand::PayScore(arguments)) => pay_score::run(arguments),
        Some(SandboxCommand::Contract(arguments)) => contract::run(arguments),
        Some(SandboxCommand::Person(arguments)) => person::run(arguments),
        Some(SandboxCommand::Transfer(arguments)) => transfer::run(arguments),
        Some(SandboxCommand::Notifications { command }) => notifications::run(command),
        Some(SandboxCommand::Clock(arguments)) => clock::run(arguments),
        Some(SandboxCommand::Snapshot { snapshot, data }) => snapshot::take(snapshot, data),
        Some(SandboxCommand::Restore { snapshot, data }) => snapshot::restore(snapshot, data),
        Some(SandboxCommand::Pay(arguments)) => pay::run(arguments),
        Some(SandboxCommand::Refund(arguments)) => refund::run(arguments),
        Some(SandboxCommand::Complain(arguments)) => complain::run(arguments),
        Some(SandboxCommand::Fault(arguments)) => fault::run(arguments),
        Some(SandboxCommand::Log(arguments)) => log::run(arguments),
        Some(SandboxCommand::Coverage { only }) => print(&coverage(only.as_deref())),
        Some(SandboxCommand::Play(arguments)) => play::run(arguments),
        Some(SandboxCommand::Run { data, listen, serving, command }) => {
            let builder = builder(serving)?.listen(listen);
            let builder = data.iter().fold(builder, SandboxBuilder::data);
            run::run(builder, !serving.quiet, command)
        }
        None => serve(arguments),
    }
}

fn serve(arguments: &arguments::Sandbox) -> Outcome {
    // Dropped after the sandbox, so that its last request is logged.
    let log = (!arguments.serving.quiet).then(LogWriter::start);
    let mut builder = builder(&arguments.serving)?.data(&arguments.data).listen(arguments.listen);
    if let Some(log) = &log {
        builder = builder.log(log.writer());
    }
    let sandbox = builder.start().map_err(start_failure)?;
    // Scripts wait for this line. It is written, and flushed, when the platform accepts requests.
    let mut screen = anstream::stdout();
    writeln!(screen, "listening on http://{}", sandbox.address()).and_then(|()| screen.flush()).ok();
    if !arguments.serving.quiet
        && arguments.serving.clock.is_none()
        && sandbox.clock().mode() != ClockMode::Real
    {
        let data = arguments.data.display();
        let note =
            format!("the clock goes on as the last sandbox left it; see: weipay sandbox clock --data {data}");
        writeln!(anstream::stderr(), "{note}").ok();
    }
    let waited = sandbox.wait();
    drop(sandbox);
    drop(log);
    waited.map_err(Failure::failed)
}

/// What stands in a file of the command line is a part of it.
pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Seed(..) | StartError::ReceiverAuthority(_) | StartError::Fault(_) => {
            Failure::usage(error)
        }
        error => Failure::failed(error),
    }
}

fn builder(arguments: &arguments::Serving) -> Result<SandboxBuilder, Failure> {
    let validation = match (arguments.strict, arguments.loose) {
        (true, _) => Validation::STRICT,
        (false, true) => Validation::LENIENT,
        (false, false) => Validation::DEFAULT,
    };
    let mut builder = Sandbox::builder()
        .store(arguments.store.clone())
        .control(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.control_port)))
        .validation(Validation {
            replayed_requests: arguments.no_replays,
            documented_errors: arguments.documented_errors,
            ..validation
        })
        .examples(!arguments.no_examples)
        .private_receivers(arguments.private_receivers)
        .log_bytes(usize::try_from(arguments.log_bytes).unwrap_or(usize::MAX))
        .idle_timeout(Duration::from_secs(arguments.idle_timeout));
    for file in &arguments.receiver_authorities {
        let pem = fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("--receiver-ca {}: {error}", file.display())))?;
        builder = builder.receiver_authority(pem);
    }
    if let Some(clock) = &arguments.clock {
        builder = builder.clock(clock.clone());
    }
    if let Some(profile) = arguments.faults {
        builder = builder.faults(profile, arguments.seed.unwrap_or(1));
    }
    if let Some(seed) = arguments.seed {
        builder = builder.seed(seed);
    }
    if let Some(keys) = arguments.platform_keys.as_deref().and_then(PlatformKeys::from_word) {
        builder = builder.platform_keys(keys);
    }
    if let Some(file) = &arguments.seed_file {
        builder = builder.seed_file(file);
    }
    Ok(builder)
}

fn init(data: &Path, platform_keys: Option<&str>) -> Outcome {
    let kit = match platform_keys.and_then(PlatformKeys::from_word) {
        Some(keys) => kit::init_with_platform_keys(data, keys),
        None => kit::init(data),
    };
    let kit = kit.map_err(Failure::failed)?;
    let what = if kit.is_new() { "made" } else { "nothing to do, the kit exists already:" };
    // The kit is there even if the reader went away.
    writeln!(anstream::stdout(), "{what} {}", kit.file().display()).ok();
    Ok(())
}

/// Prints the kit as the variables that a client is configured with, for `eval` in a shell.
fn env(data: &Path) -> Outcome {
    let kit = kit::read(data).map_err(|error| {
        Failure::usage(format!(
            "{error:#}; create a kit with `weipay sandbox init --data {}`",
            data.display()
        ))
    })?;
    // A shell must not use half of the variables: here it is an error if the reader went away.
    anstream::stdout().write_all(exports(&kit).as_bytes()).map_err(Failure::failed)
}

/// One `export` per line.
fn exports(kit: &KitOnDisk) -> String {
    let line = |(name, value): (&str, String)| format!("export {name}={}\n", quoted(&value));
    kit.variables().into_iter().map(line).collect()
}

/// A word in quotes for a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A table of the operations that the sandbox implements, and of those for which it only returns an example.
fn coverage(only: Option<&str>) -> String {
    let mut counts = BTreeMap::new();
    let mut text = String::new();
    let mut rows: Vec<_> = Catalog::embedded()
        .operations()
        .map(|operation| (Behaviour::from_operation(operation), operation))
        .collect();
    // Operations with state come first; otherwise the order of the catalogue is kept.
    rows.sort_by_key(|(behaviour, _)| *behaviour);
    for (behaviour, operation) in rows {
        *counts.entry(behaviour).or_insert(0) += 1;
        if only.is_none_or(|only| only == behaviour.word()) {
            // Writing to a String cannot fail.
            let word = behaviour.word();
            let _ =
                writeln!(text, "{word:<7}  {:<6}  {}  {}", operation.method, operation.path, operation.title);
        }
    }
    let count = |behaviour| counts.get(&behaviour).copied().unwrap_or_default();
    let _ = write!(
        text,
        "\n{} operations have state, {} return an example and do nothing, {} (pages and uploads of APIv2) are not available\n",
        count(Behaviour::State),
        count(Behaviour::Example),
        count(Behaviour::None),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reaches_the_shell_unchanged() {
        assert_eq!(quoted("a b$c"), "'a b$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
