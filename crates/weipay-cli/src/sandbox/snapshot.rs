//! `weipay sandbox snapshot` and `weipay sandbox restore`: the state of a running sandbox, by its control API.
//!
//! The control API reads and writes only in the data folder. A snapshot in another file is moved out of it, or copied into it, here.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

use clap::Args;
use serde_json::{Value, json};
use weipay_sandbox::control::{Client, ClientError, PASSING_SNAPSHOT};

use super::control::DataFolder;
use crate::failure::{Failure, Outcome};
use crate::output::print;

/// What follows the options of `weipay sandbox snapshot --help`.
const HELP: &str = "\
The snapshot is a file of JSON lines, which only you can read: it holds openids and other personal data as they are. Its path is
printed. After weipay sandbox restore the same requests have the same responses, and a notification that waited waits again, also if
it was acknowledged in between.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Snapshot {
    /// A name, for a snapshot in the data folder; or a file, which has a `/` in its path or ends with .jsonl.
    #[arg(value_name = "NAME|FILE")]
    snapshot: String,
    /// Take the snapshot with this name away, and take none.
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The name or the file of the snapshot.
    #[arg(value_name = "NAME|FILE")]
    snapshot: String,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn take(arguments: &Snapshot) -> Outcome {
    let Snapshot { snapshot, remove, data } = arguments;
    let client = data.client()?;
    if *remove {
        check_name(snapshot)?;
        let target = format!("/snapshots/{snapshot}");
        return client.call("DELETE", &target, None).map(drop).map_err(Failure::from_control);
    }
    let name = if is_file(snapshot) { passing_name() } else { snapshot.to_owned() };
    let taken =
        client.call("POST", "/snapshots", Some(&json!({ "name": name }))).map_err(Failure::from_control)?;
    let kept = file_of(&taken);
    if taken["replaced"] == true || (is_file(snapshot) && Path::new(snapshot).exists()) {
        // If standard error is closed, the snapshot is taken all the same.
        writeln!(anstream::stderr(), "note: the snapshot that was there before is replaced").ok();
    }
    if !is_file(snapshot) {
        return print(&format!("{kept}\n"));
    }
    let moved = move_file(Path::new(kept), Path::new(snapshot));
    let _ = client.call("DELETE", &format!("/snapshots/{name}"), None);
    moved.map_err(|error| Failure::failed(format!("{snapshot} cannot be written: {error}")))?;
    print(&format!("{snapshot}\n"))
}

pub(super) fn restore(arguments: &Restore) -> Outcome {
    let Restore { snapshot, data } = arguments;
    let client = data.client()?;
    if !is_file(snapshot) {
        check_name(snapshot)?;
        return call_restore(&client, snapshot);
    }
    let cannot = |error: io::Error| Failure::usage(format!("{snapshot} cannot be read: {error}"));
    // A device may never end, and a named pipe makes its reader wait.
    if !fs::metadata(snapshot).map_err(cannot)?.is_file() {
        return Err(Failure::usage(format!("{snapshot} is not a regular file")));
    }
    let name = passing_name();
    let place = data.path().join("snapshots").join(format!("{name}.jsonl"));
    let restored = File::open(snapshot)
        .map_err(cannot)
        .and_then(|from| {
            copy_into(from, &place)
                .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", place.display())))
        })
        .and_then(|()| call_restore(&client, &name));
    let _ = fs::remove_file(&place);
    restored
}

/// Copies a file into the data folder, where only its owner can read it.
fn copy_into(mut from: File, place: &Path) -> io::Result<()> {
    let (mut folder, mut file) = (fs::DirBuilder::new(), File::options());
    folder.recursive(true);
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = place.parent() {
        folder.create(parent)?;
    }
    // An earlier command with the same number may have been killed.
    let _ = fs::remove_file(place);
    io::copy(&mut from, &mut file.open(place)?).map(drop)
}

/// A name becomes a part of a URL.
fn check_name(name: &str) -> Outcome {
    match name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        true => Ok(()),
        false => Err(Failure::usage(format!("no snapshot has the name {name:?}"))),
    }
}

fn call_restore(client: &Client, name: &str) -> Outcome {
    let target = format!("/snapshots/{name}/restore");
    client.call("POST", &target, Some(&json!({}))).map(drop).map_err(|error| match error {
        // What stands in the file is not part of the command line.
        ClientError::Refused { .. } => Failure::failed(error),
        error => Failure::from_control(error),
    })
}

fn is_file(snapshot: &str) -> bool {
    snapshot.contains(['/', '\\']) || snapshot.ends_with(".jsonl")
}

/// The name of a snapshot that is in the data folder only for a moment.
fn passing_name() -> String {
    format!("{PASSING_SNAPSHOT}{}", process::id())
}

fn file_of(snapshot: &Value) -> &str {
    snapshot["file"].as_str().unwrap_or_default()
}

/// Moves a file, also to another disk; it keeps its mode.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).or_else(|_| fs::copy(from, to).map(drop))
}
