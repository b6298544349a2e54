//! The kit's files: written so that nobody else can read them, and replaced in one step.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};
use weipay_wire::Kit;
use zeroize::Zeroizing;

use super::KitError;
use crate::data_folder::private;

/// Makes a folder that only its owner can enter.
pub(super) fn make_folder(path: &Path) -> Result<(), KitError> {
    private::make_folder(path).map_err(|error| KitError::File { path: path.to_owned(), error })
}

/// Writes a new file that only its owner can read, down to the disk.
pub(super) fn write_secret(path: &Path, content: &[u8]) -> Result<(), KitError> {
    let write = || {
        let mut file = private::open_file(OpenOptions::new().write(true).create_new(true), path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| KitError::File { path: path.to_owned(), error })
}

/// Puts a file in the place of another in one step: a reader sees the old one or the new one, never half.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), KitError> {
    let failed = |error| KitError::File { path: path.to_owned(), error };
    let beside = path.with_extension("json.unfinished");
    if beside.exists() {
        fs::remove_file(&beside).map_err(failed)?;
    }
    write_secret(&beside, content)?;
    fs::rename(&beside, path).map_err(failed)
}

/// The longest file that belongs to a kit.
const LONGEST: u64 = 64 * 1024;

pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, KitError> {
    let failed = |error| KitError::File { path: path.to_owned(), error };
    if fs::metadata(path).map_err(failed)?.len() > LONGEST {
        let reason = format!("it is longer than {LONGEST} bytes");
        return Err(KitError::Broken { path: path.to_owned(), reason });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

/// `kit.json`, one member a line.
pub(super) fn to_json(kit: &Kit) -> Zeroizing<String> {
    let members: Map<String, Value> =
        kit.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Zeroizing::new(format!("{:#}\n", Value::Object(members)))
}

pub(super) fn from_json(text: &str) -> Result<Kit, String> {
    let members: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    Kit::from_members(|name| members.get(name)?.as_str().map(str::to_owned))
        .map_err(|error| error.to_string())
}
