//! `weipay sandbox play STORY.toml`: a scenario against a sandbox, step by step, and what happened.

mod cast;
mod expectation;
mod names;
mod receiver;
mod run;
mod story;
mod toml_reader;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use weipay_sandbox::control::Client;
use weipay_sandbox::{Clock, Sandbox};

use super::control;
use crate::failure::{Failure, Outcome};
use crate::interrupted::DeletedWhenInterrupted;
use crate::output::print;
use run::Run;
use story::Story;

/// What follows the options of `weipay sandbox play --help`.
const HELP: &str = "\
Each step is printed as it happens: the time of the sandbox, what was done, and the status. The
first step that does not go as the story expects ends it.

Exit codes:
  0  all steps went as expected
  1  a step did not go as expected
  2  a wrong command line or story, no sandbox runs on the data folder, or its clock would go back:
     nothing was sent
  3  a response could not be verified
  4  the network failed";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Play {
    /// The story.
    #[arg(value_name = "STORY.toml")]
    story: PathBuf,
    /// The data folder of a running sandbox [default: a sandbox in this process, which ends with the story].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Allow the story to move the clock of the running sandbox back. It is not restored afterwards.
    #[arg(long, requires = "data")]
    move_clock_back: bool,
}

/// The largest story, in bytes.
const MAX_STORY: u64 = 1024 * 1024;

pub(super) fn run(arguments: &Play) -> Outcome {
    let story = read(&arguments.story)?;
    match &arguments.data {
        Some(data) => {
            let control = control::client(data)?;
            play(&story, arguments, &control, &data.join("kit.json"))
        }
        None => {
            let mut builder = Sandbox::builder();
            if let Some(start) = &story.start {
                let clock: Clock =
                    start.value.parse().map_err(|reason: String| wrong(arguments, start.line, &reason))?;
                builder = builder.clock(clock);
            }
            let sandbox = builder.start().map_err(Failure::failed)?;
            let _signals = DeletedWhenInterrupted::new(&sandbox)?;
            let control =
                sandbox.control().ok_or_else(|| Failure::failed("the sandbox has no control API"))?;
            play(&story, arguments, control, sandbox.kit_file())
        }
    }
}

fn wrong(arguments: &Play, line: usize, reason: &str) -> Failure {
    Failure::usage(format!("{}:{line}: {reason}", arguments.story.display()))
}

fn read(file: &Path) -> Result<Story, Failure> {
    let problem = |reason: String| Failure::usage(format!("{}: {reason}", file.display()));
    let size = fs::metadata(file).map_err(|error| problem(error.to_string()))?.len();
    if size > MAX_STORY {
        return Err(problem(format!("a story has at most {MAX_STORY} bytes")));
    }
    let text = fs::read_to_string(file).map_err(|error| problem(error.to_string()))?;
    Story::from_toml(&text).map_err(|error| {
        Failure::usage(format!("{}:{}: {}; nothing was sent", file.display(), error.line, error.reason))
    })
}

fn play(story: &Story, arguments: &Play, control: &Client, kit: &Path) -> Outcome {
    print(&format!("{}\n", story.title))?;
    let mut run = Run::begin(story, control, kit, arguments.data.is_some(), arguments.move_clock_back)?;
    for (index, step) in story.steps.iter().enumerate() {
        let number = index + 1;
        match run.carry_out(step) {
            Ok(lines) => print(&format!("{number:>3}  {}\n", lines.join("\n     ")))?,
            Err(failure) => {
                let name = step.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
                let place = format!("{}:{}: step {number}{name}", arguments.story.display(), step.line);
                return Err(failure.at(&place));
            }
        }
    }
    print(&match story.steps.len() {
        1 => "1 step, as expected\n".to_owned(),
        count => format!("{count} steps, all as expected\n"),
    })
}
