//! `weipay sandbox snapshot` and `weipay sandbox restore`: the state of a running sandbox, by its control API.
//!
//! The control API reads and writes only in the data folder. A snapshot in another file is moved out of it,
//! or copied into it, here.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use clap::Args;
use serde_json::{Value, json};
use weipay_sandbox::control::{Client, ClientError, TEMPORARY_SNAPSHOT_PREFIX};

use super::control::DataFolder;
use crate::failure::{Failure, Outcome};
use crate::output::{OutputFile, note, print};

/// What follows the options of `weipay sandbox snapshot --help`.
const HELP: &str = "\
The snapshot is a file of JSON lines, which only you can read: it contains openids and other
personal data unmasked. Its path is printed, unless it is standard output. After a restore,
notifications that were waiting are sent again, even if they were acknowledged in the meantime. If
the sandbox has a --seed, the same requests then have the same responses. Without a seed, no number
that was issued since the snapshot (transaction_id, refund_id and others) is issued again.";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Snapshot {
    /// A name, for a snapshot in the data folder; or a file, which has a `/` in its path or ends with .jsonl.
    #[arg(value_name = "NAME|FILE")]
    snapshot: String,
    /// Remove the snapshot with this name, instead of taking one.
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    data: DataFolder,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Without a --seed, no number that was issued since the snapshot (transaction_id, refund_id and others)\nis issued again."
)]
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
    // Before there is anything to lose.
    let file = is_file(snapshot).then(|| OutputFile::check(Path::new(snapshot))).transpose();
    let file = file.map_err(Failure::usage)?;
    let replaces_file = file.is_some() && Path::new(snapshot).is_file();
    let name = if is_file(snapshot) { passing_name() } else { snapshot.to_owned() };
    let taken =
        client.call("POST", "/snapshots", Some(&json!({ "name": name }))).map_err(Failure::from_control)?;
    let kept = file_of(&taken);
    let Some(file) = file else {
        if taken["replaced"] == true {
            note_replaced();
        }
        return print(&format!("{kept}\n"));
    };
    let copied = File::open(kept).map_err(|error| format!("{kept}: {error}")).and_then(|mut from| {
        file.write(|to| {
            if !file.belongs_to_the_shell() {
                only_for_owner(to)?;
            }
            io::copy(&mut from, to).map(drop)
        })
    });
    copied.map_err(|reason| {
        Failure::failed(format!("the snapshot could not be written: {reason}. It is whole in {kept}"))
    })?;
    let _ = client.call("DELETE", &format!("/snapshots/{name}"), None);
    if file.belongs_to_the_shell() {
        return Ok(());
    }
    if replaces_file {
        note_replaced();
    }
    print(&format!("{snapshot}\n"))
}

fn note_replaced() {
    note("the snapshot that was there before is replaced");
}

/// It holds personal data. A device is not ours.
#[cfg(unix)]
fn only_for_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    match file.metadata()?.is_file() {
        true => file.set_permissions(fs::Permissions::from_mode(0o600)),
        false => Ok(()),
    }
}

#[cfg(not(unix))]
fn only_for_owner(_: &File) -> io::Result<()> {
    Ok(())
}

pub(super) fn restore(arguments: &Restore) -> Outcome {
    let Restore { snapshot, data } = arguments;
    let client = data.client()?;
    if !is_file(snapshot) {
        check_name(snapshot)?;
        return call_restore(&client, snapshot, snapshot);
    }
    let cannot = |error: io::Error| Failure::usage(format!("{snapshot} cannot be read: {error}"));
    // A device may never end, and a named pipe makes its reader wait.
    if !fs::metadata(snapshot).map_err(cannot)?.is_file() {
        return Err(Failure::usage(format!("{snapshot} is not a regular file")));
    }
    let name = passing_name();
    let from = File::open(snapshot).map_err(cannot)?;
    let place = copy_into(data.path(), from, &name).map_err(|error| {
        let data = data.path().display();
        Failure::failed(format!(
            "{snapshot} cannot be copied into {data}, where the sandbox reads it: {error}; nothing was restored. Run this as the user \
             who runs the sandbox"
        ))
    })?;
    let restored = call_restore(&client, &name, snapshot);
    let _ = fs::remove_file(&place);
    restored
}

/// Copies a file into the data folder, where only its owner can read it: the user who runs the sandbox, whoever runs this.
fn copy_into(data: &Path, mut from: File, name: &str) -> io::Result<PathBuf> {
    let folder = data.join("snapshots");
    let place = folder.join(format!("{name}.jsonl"));
    let is_new = !folder.exists();
    let (mut builder, mut file) = (fs::DirBuilder::new(), File::options());
    builder.recursive(true);
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        builder.mode(0o700);
        file.mode(0o600);
    }
    builder.create(&folder)?;
    if is_new {
        own_as(data, &folder)?;
    }
    // An earlier command with the same number may have been killed.
    let _ = fs::remove_file(&place);
    let copied = file.open(&place).and_then(|mut to| io::copy(&mut from, &mut to));
    match copied.and_then(|_| own_as(data, &place)) {
        Ok(()) => Ok(place),
        Err(error) => {
            let _ = fs::remove_file(&place);
            Err(error)
        }
    }
}

/// Gives a file or folder to who has the data folder: the sandbox could not read it otherwise.
#[cfg(unix)]
fn own_as(data: &Path, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    let (wanted, is) = (fs::metadata(data)?, fs::symlink_metadata(path)?);
    match wanted.uid() == is.uid() {
        true => Ok(()),
        false => lchown(path, Some(wanted.uid()), Some(wanted.gid())),
    }
}

#[cfg(not(unix))]
fn own_as(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// A name becomes a part of a URL.
fn check_name(name: &str) -> Outcome {
    match name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        true => Ok(()),
        false => Err(Failure::usage(format!("no snapshot has the name {name:?}"))),
    }
}

/// `shown` is how the user named the snapshot.
fn call_restore(client: &Client, name: &str, shown: &str) -> Outcome {
    let target = format!("/snapshots/{name}/restore");
    let restored = client.call("POST", &target, Some(&json!({}))).map_err(|error| match error {
        // The content of the file is not part of the command line.
        ClientError::Refused { .. } => Failure::failed(error),
        error => Failure::from_control(error),
    })?;
    print(&told(shown, &restored))
}

/// What is there now, and what is gone.
fn told(shown: &str, restored: &Value) -> String {
    format!(
        "restored {shown}: {} rows; the clock shows {} ({}); all later changes are discarded, except merchants \
         and their keys\n",
        restored["rows"],
        restored["clock"]["time"].as_str().unwrap_or("?"),
        restored["clock"]["mode"].as_str().unwrap_or("?"),
    )
}

fn is_file(snapshot: &str) -> bool {
    snapshot.contains(['/', '\\']) || snapshot.ends_with(".jsonl")
}

/// The name of a snapshot that is in the data folder only for a moment.
fn passing_name() -> String {
    format!("{TEMPORARY_SNAPSHOT_PREFIX}{}", process::id())
}

fn file_of(snapshot: &Value) -> &str {
    snapshot["file"].as_str().unwrap_or_default()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown};

    use super::*;

    /// Only root can give a file away; everybody else has the data folder, or has no access to it.
    #[test]
    fn what_is_restored_belongs_to_who_has_the_data_folder() {
        let (data, from) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        fs::write(from.path(), "{}\n").unwrap();
        let own = fs::metadata(data.path()).unwrap().uid();
        let owner = if own == 0 { 65_534 } else { own };
        chown(data.path(), Some(owner), None).unwrap();
        let place = copy_into(data.path(), from.reopen().unwrap(), "of-command-1").unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "{}\n");
        for path in [&place, place.parent().unwrap()] {
            let metadata = fs::metadata(path).unwrap();
            assert_eq!((metadata.uid(), metadata.mode() & 0o077), (owner, 0), "{}", path.display());
        }
    }
}
