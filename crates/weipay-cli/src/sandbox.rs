//! `weipay sandbox`: the local platform as a server, and its kit.

use std::io::Write;
use std::process::ExitCode;

use weipay_sandbox::{Sandbox, kit};

use crate::arguments;
use crate::exit;

pub(crate) fn run(arguments: &arguments::Sandbox) -> ExitCode {
    match &arguments.command {
        Some(arguments::SandboxCommand::Init { data }) => match kit::init(data) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => exit::with(exit::FAILED, &error),
        },
        None => serve(arguments),
    }
}

fn serve(arguments: &arguments::Sandbox) -> ExitCode {
    let sandbox = match Sandbox::builder().data(&arguments.data).listen(arguments.listen).start() {
        Ok(sandbox) => sandbox,
        Err(error) => return exit::with(exit::FAILED, &error),
    };
    // Scripts wait for this line: it comes when the platform answers, and at once, pipe or not.
    let mut screen = anstream::stdout();
    writeln!(screen, "listening on http://{}", sandbox.address()).and_then(|()| screen.flush()).ok();
    match sandbox.wait() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::with(exit::FAILED, &error),
    }
}
