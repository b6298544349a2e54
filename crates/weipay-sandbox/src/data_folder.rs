//! The data folder (数据目录): only its owner can enter it, and only one process works on it at a time.
//!
//! It holds private keys, so its mode is 0700 and that of its files 0600, whatever the umask and whoever made the
//! folder. A folder that was open to others is closed, unless it contains foreign files: such a folder is refused,
//! because its permissions are not ours to change.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::error::append_causes;
use private::{make_folder, open_file};

/// The files of a data folder.
const OURS: [&str; 19] = [
    "kit.json",
    "kit.json.unfinished",
    "kit.txt",
    "kit.txt.unfinished",
    "merchants",
    SNAPSHOTS,
    "control.json",
    "control.json.unfinished",
    "keys",
    "keys.unfinished",
    STATE,
    "state.db-wal",
    "state.db-shm",
    "state.db-journal",
    LOCK,
    CA_CERTIFICATE,
    "ca.pem.unfinished",
    CA_KEY,
    "ca-key.pem.unfinished",
];

const LOCK: &str = "lock";
/// The certificate of the local authority, which clients are told to trust.
pub(crate) const CA_CERTIFICATE: &str = "ca.pem";
pub(crate) const CA_KEY: &str = "ca-key.pem";
/// The folder of snapshots of the state.
pub(crate) const SNAPSHOTS: &str = "snapshots";
/// The database.
pub(crate) const STATE: &str = "state.db";

/// A data folder that this process alone works on. The operating system gives the lock back when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    #[allow(dead_code, reason = "the lock lives as long as the file is open")]
    lock: File,
}

/// Error of opening a data folder.
#[derive(Debug)]
#[non_exhaustive]
pub enum FolderError {
    /// A temporary folder could not be made.
    Temporary(io::Error),
    /// Another process works on it.
    InUse(PathBuf),
    /// Other users can enter it, and it holds a file that is not a sandbox's.
    Shared {
        /// The folder.
        dir: PathBuf,
        /// Its mode.
        mode: u32,
        /// The file.
        holds: String,
    },
    /// The folder, or a file in it, could not be made, opened or closed to other users.
    File {
        /// Which one.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Temporary(_) => f.write_str("the folder for the sandbox's data could not be created"),
            Self::InUse(dir) => write!(
                f,
                "another sandbox runs on {dir}, or is creating its kit there; stop it or wait for it, or use another data folder",
                dir = dir.display()
            ),
            Self::Shared { dir, mode, holds } => write!(
                f,
                "other users can enter {dir} (its mode is {mode:04o}), and it holds {holds}, which is not a sandbox's; \
                 use a folder that holds nothing else, or restrict this one with: chmod 700 {dir}",
                dir = dir.display()
            ),
            Self::File { path, error } => {
                let advice = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "; the data folder and its files must belong to the user who runs the sandbox"
                    }
                    // What is wrong with it says what to do.
                    io::ErrorKind::InvalidData => "",
                    _ => "; use another data folder",
                };
                write!(f, "{} cannot be used{advice}", path.display())
            }
        }?;
        append_causes(self, f)
    }
}

impl std::error::Error for FolderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Temporary(error) | Self::File { error, .. } => Some(error),
            Self::InUse(_) | Self::Shared { .. } => None,
        }
    }
}

impl DataFolder {
    /// Makes the folder where there is none, closes it to other users, and takes its lock.
    pub(crate) fn open(dir: &Path) -> Result<Self, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| FolderError::File { path, error }
        };
        if dir.exists() {
            may_be_closed(dir)?;
        }
        // The folder itself may be a link: its user has named it.
        let real =
            if dir.is_symlink() { fs::canonicalize(dir).map_err(failed(dir))? } else { dir.to_owned() };
        make_folder(&real).map_err(failed(dir))?;
        let path = dir.join(LOCK);
        let lock = open_file(File::options().create(true).append(true), &path).map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(FolderError::File { path, error }),
        }
        for name in OURS {
            close(&dir.join(name)).map_err(failed(&dir.join(name)))?;
        }
        Ok(Self { path: dir.to_owned(), lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Refuses a folder that others can enter and that is not a sandbox's alone.
fn may_be_closed(dir: &Path) -> Result<(), FolderError> {
    let failed = |error| FolderError::File { path: dir.to_owned(), error };
    let Some(mode) = private::open_mode(&fs::metadata(dir).map_err(failed)?) else { return Ok(()) };
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if OURS.iter().all(|ours| name != *ours) {
            let holds = name.to_string_lossy().escape_debug().to_string();
            return Err(FolderError::Shared { dir: dir.to_owned(), mode, holds });
        }
    }
    Ok(())
}

/// Closes a file, or a folder and what is in it. What a link points to is somebody else's business.
fn close(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_symlink() {
        return Ok(());
    }
    private::close(path, &found)?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            close(&entry?.path())?;
        }
    }
    Ok(())
}

/// Modes for the owner only. They are set once more after a file was made, because a umask can take bits away.
pub(crate) mod private {
    use std::fs::{self, File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    #[cfg(unix)]
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    /// Makes a folder, and those above it that are missing; one that is there is closed to other users. What
    /// a link leads to stays as it is: it is somebody else's.
    pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty() && !above.exists()) {
            make_folder(above)?;
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        }
        if path.is_symlink() { Ok(()) } else { close(path, &fs::metadata(path)?) }
    }

    /// Opens a file; one that is made by this is for its owner only, and so is one that is there and no link.
    pub(crate) fn open_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(path)?;
        if !path.is_symlink() {
            close(path, &file.metadata()?)?;
        }
        Ok(file)
    }

    /// Takes every right of others away.
    #[cfg(unix)]
    pub(crate) fn close(path: &Path, found: &Metadata) -> io::Result<()> {
        let wanted = if found.is_dir() { 0o700 } else { 0o600 };
        if found.permissions().mode() & 0o777 == wanted {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(wanted))
    }

    /// The mode of what others can enter or read.
    #[cfg(unix)]
    pub(crate) fn open_mode(found: &Metadata) -> Option<u32> {
        Some(found.permissions().mode() & 0o7777).filter(|mode| mode & 0o077 != 0)
    }

    #[cfg(not(unix))]
    pub(crate) fn close(_: &Path, _: &Metadata) -> io::Result<()> {
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn open_mode(_: &Metadata) -> Option<u32> {
        None
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_folder_and_those_above_it_are_for_their_owner_only() {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("a/b");
        drop(DataFolder::open(&dir).unwrap());
        assert_eq!((mode(&above.path().join("a")), mode(&dir), mode(&dir.join(LOCK))), (0o700, 0o700, 0o600));
    }

    #[test]
    fn a_sandboxs_folder_that_others_could_enter_is_closed_with_its_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("keys")).unwrap();
        for name in ["kit.json", "state.db", "state.db-wal", "keys/apiclient_key.pem", "lock"] {
            fs::write(dir.path().join(name), "x").unwrap();
            set_mode(&dir.path().join(name), 0o666);
        }
        set_mode(&dir.path().join("keys"), 0o755);
        set_mode(dir.path(), 0o777);
        drop(DataFolder::open(dir.path()).unwrap());
        assert_eq!((mode(dir.path()), mode(&dir.path().join("keys"))), (0o700, 0o700));
        for name in ["kit.json", "state.db", "state.db-wal", "keys/apiclient_key.pem", "lock"] {
            assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn somebodys_open_folder_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.txt"), "x").unwrap();
        set_mode(dir.path(), 0o755);
        let refusal = DataFolder::open(dir.path()).unwrap_err().to_string();
        assert!(refusal.contains("notes.txt") && refusal.contains("0755"), "{refusal}");
        assert!(refusal.contains(&format!("chmod 700 {}", dir.path().display())), "{refusal}");
        assert_eq!((mode(dir.path()), dir.path().join(LOCK).exists()), (0o755, false));
        set_mode(dir.path(), 0o700);
        drop(DataFolder::open(dir.path()).unwrap());
        assert!(dir.path().join("notes.txt").exists());
    }

    #[test]
    fn what_a_link_points_to_is_left_alone() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        set_mode(other.path(), 0o644);
        std::os::unix::fs::symlink(other.path(), dir.path().join("kit.json")).unwrap();
        drop(DataFolder::open(dir.path()).unwrap());
        assert_eq!(mode(other.path()), 0o644);
    }

    #[test]
    fn what_links_of_every_name_point_to_is_left_alone() {
        use std::os::unix::fs::symlink;

        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in [LOCK, STATE] {
            fs::write(other.path().join(name), "").unwrap();
            set_mode(&other.path().join(name), 0o644);
            symlink(other.path().join(name), dir.path().join(name)).unwrap();
        }
        fs::create_dir(other.path().join(SNAPSHOTS)).unwrap();
        set_mode(&other.path().join(SNAPSHOTS), 0o755);
        symlink(other.path().join(SNAPSHOTS), dir.path().join(SNAPSHOTS)).unwrap();
        let _folder = DataFolder::open(dir.path()).unwrap();
        private::open_file(File::options().append(true), &dir.path().join(STATE)).unwrap();
        private::make_folder(&dir.path().join(SNAPSHOTS)).unwrap();
        let modes = [LOCK, STATE, SNAPSHOTS].map(|name| mode(&other.path().join(name)));
        assert_eq!(modes, [0o644, 0o644, 0o755]);
    }

    #[test]
    fn a_data_folder_that_is_named_by_a_link_is_closed() {
        let above = tempfile::tempdir().unwrap();
        let (real, link) = (above.path().join("real"), above.path().join("link"));
        fs::create_dir(&real).unwrap();
        set_mode(&real, 0o755);
        std::os::unix::fs::symlink(&real, &link).unwrap();
        drop(DataFolder::open(&link).unwrap());
        assert_eq!(mode(&real), 0o700);
    }

    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataFolder::open(dir.path()).unwrap();
        let second = DataFolder::open(dir.path()).unwrap_err();
        assert!(matches!(&second, FolderError::InUse(path) if path == dir.path()), "{second}");
        drop(first);
        DataFolder::open(dir.path()).unwrap();
    }
}
