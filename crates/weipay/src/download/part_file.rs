//! Writes to a temporary file in the target folder and renames it on success, so that the path always has the whole file or the
//! previous content.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use weipay_wire::random_nonce;

/// A file on its way to its place. Unless it is moved there, it is removed when it is dropped.
pub(super) struct PartFile {
    place: PathBuf,
    beside: PathBuf,
    is_moved: bool,
}

impl PartFile {
    pub(super) fn create(place: &Path) -> io::Result<(Self, File)> {
        let name = place.file_name().ok_or_else(|| io::Error::other("the path does not name a file"))?;
        let mut beside = OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.part", random_nonce()));
        let beside = place.with_file_name(beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // A bill has people's orders in it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&beside)?;
        Ok((Self { place: place.to_owned(), beside, is_moved: false }, file))
    }

    /// Moves the file to its place. What was there is replaced. Whoever could read that can read this.
    pub(super) fn finish(mut self, file: &File) -> io::Result<()> {
        #[cfg(unix)]
        if let Ok(replaced) = fs::symlink_metadata(&self.place)
            && replaced.is_file()
        {
            file.set_permissions(replaced.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&self.beside, &self.place)?;
        self.is_moved = true;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_moved {
            // It has a name that nobody else uses. If it cannot be removed, nothing more can be done.
            fs::remove_file(&self.beside).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_replaces_what_is_at_its_place_only_when_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("bill.csv");
        fs::write(&place, "old").unwrap();
        let (part, mut file) = PartFile::create(&place).unwrap();
        file.write_all(b"broken").unwrap();
        drop(part);
        assert_eq!(fs::read(&place).unwrap(), b"old");
        let (part, mut file) = PartFile::create(&place).unwrap();
        file.write_all(b"new").unwrap();
        part.finish(&file).unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(PartFile::create(Path::new("/")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_its_owners_alone_and_a_replaced_one_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("bill.csv");
        let mode = || fs::metadata(&place).unwrap().permissions().mode() & 0o777;
        let put = || {
            let (part, file) = PartFile::create(&place).unwrap();
            part.finish(&file).unwrap();
        };
        put();
        assert_eq!(mode(), 0o600);
        for chosen in [0o640, 0o400] {
            fs::set_permissions(&place, fs::Permissions::from_mode(chosen)).unwrap();
            put();
            assert_eq!(mode(), chosen);
        }
    }
}
