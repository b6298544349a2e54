//! `weipay sandbox`: the local platform as a server, its kit, and what it can do.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use weipay_sandbox::{Sandbox, SandboxBuilder, Validation, kit};

use crate::arguments::{self, SandboxCommand};
use crate::exit;
use lines::Lines;

mod coverage;
mod env;
mod lines;

pub(crate) fn run(arguments: &arguments::Sandbox) -> ExitCode {
    match &arguments.command {
        Some(SandboxCommand::Init { data }) => match kit::init(data) {
            Ok(kit) => told(&kit),
            Err(error) => exit::with(exit::FAILED, &error),
        },
        Some(SandboxCommand::Env { data }) => env::run(data),
        Some(SandboxCommand::Coverage { only }) => coverage::run(only.as_deref()),
        None => serve(arguments),
    }
}

fn told(kit: &kit::KitOnDisk) -> ExitCode {
    let what = if kit.is_new() { "made" } else { "nothing to do: it is there already," };
    // A reader that went away has the kit all the same.
    writeln!(anstream::stdout(), "{what} {}", kit.file().display()).ok();
    ExitCode::SUCCESS
}

fn serve(arguments: &arguments::Sandbox) -> ExitCode {
    // Dropped after the sandbox, when its last request has been told.
    let lines = (!arguments.quiet).then(Lines::start);
    let mut builder = described(arguments);
    if let Some(lines) = &lines {
        builder = builder.log(lines.writer());
    }
    let sandbox = match builder.start() {
        Ok(sandbox) => sandbox,
        Err(error) => return exit::with(exit::FAILED, &error),
    };
    // Scripts wait for this line: it comes when the platform answers, and at once, pipe or not.
    let mut screen = anstream::stdout();
    writeln!(screen, "listening on http://{}", sandbox.address()).and_then(|()| screen.flush()).ok();
    let waited = sandbox.wait();
    drop(sandbox);
    drop(lines);
    match waited {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::with(exit::FAILED, &error),
    }
}

fn described(arguments: &arguments::Sandbox) -> SandboxBuilder {
    let validation = match (arguments.strict, arguments.loose) {
        (true, _) => Validation::STRICT,
        (false, true) => Validation::LENIENT,
        (false, false) => Validation::DEFAULT,
    };
    let mut builder = Sandbox::builder()
        .data(&arguments.data)
        .listen(arguments.listen)
        .validation(Validation { replayed_requests: arguments.no_replays, ..validation })
        .examples(!arguments.no_examples)
        .idle_timeout(Duration::from_secs(arguments.idle_timeout));
    if let Some(clock) = &arguments.clock {
        builder = builder.clock(clock.clone());
    }
    if let Some(seed) = arguments.seed {
        builder = builder.seed(seed);
    }
    builder
}
