//! Where a command writes: standard output, or a file that appears complete or not at all; and the styles of what a person reads
//! on a terminal.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use tempfile::{Builder, NamedTempFile};

use crate::failure::{Failure, Outcome};

/// Prints a text, in colour on a terminal.
pub(crate) fn print(text: &str) -> Outcome {
    let mut out = anstream::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    unless_reader_left(written).map_err(|error| Failure::failed(format!("standard output: {error}")))
}

/// A note for a person, on standard error, next to the result.
pub(crate) fn note(text: impl Display) {
    // If standard error is closed, the result is there anyway.
    writeln!(anstream::stderr(), "{NOTE}note:{NOTE:#} {text}").ok();
}

/// Writing to a pipe whose reader went away, as with `| head`, is not an error: the reader has what it wanted.
pub(crate) fn unless_reader_left(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A file that can be written.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    /// The folder for the temporary file; none for a device or a pipe, which a file must not replace.
    folder: Option<PathBuf>,
}

impl OutputFile {
    /// Checks that the file can be written, before there is anything to lose.
    pub(crate) fn check(given: &Path) -> Result<Self, String> {
        let problem = |reason: &dyn Display| format!("{}: {reason}", given.display());
        if given.to_string_lossy().ends_with(std::path::is_separator) {
            return Err(problem(&"is a folder; give a file name"));
        }
        if is_open_already(given) {
            return Ok(Self { path: given.to_owned(), folder: None });
        }
        let path = match given.metadata() {
            Ok(found) if found.is_dir() => return Err(problem(&"is a folder; give a file name")),
            Ok(found) if !found.is_file() => {
                return Ok(Self { path: given.to_owned(), folder: None });
            }
            Ok(found) if found.permissions().readonly() => return Err(problem(&"exists and is read-only")),
            // The link stays; the file that it points to is replaced.
            Ok(_) => given.canonicalize().map_err(|error| problem(&error))?,
            Err(_) if given.is_symlink() => return Err(problem(&"is a link to a file that does not exist")),
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return Err(problem(&error)),
            Err(_) => given.to_owned(),
        };
        let folder = path.parent().ok_or_else(|| problem(&"is not a file name"))?;
        let folder = if folder == Path::new("") { Path::new(".") } else { folder };
        temporary(folder).map_err(|error| problem(&format!("cannot write to its folder: {error}")))?;
        Ok(Self { folder: Some(folder.to_owned()), path })
    }

    /// Whether the shell has opened it, as standard output: it is not ours to change but by writing.
    pub(crate) fn belongs_to_the_shell(&self) -> bool {
        self.folder.is_none()
    }

    /// Writes a temporary file first and renames it, so that the file is never incomplete. An existing file is replaced.
    pub(crate) fn write(&self, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), String> {
        let written = match &self.folder {
            Some(folder) => self.replace(folder, fill),
            // A file that the shell has opened, as with `>> FILE`, keeps its content.
            None => OpenOptions::new().append(true).open(&self.path).and_then(|mut file| fill(&mut file)),
        };
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn replace(&self, folder: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let mut file = temporary(folder)?;
        // First, so that who fills it may let fewer people read it.
        if let Ok(replaced) = self.path.metadata() {
            file.as_file().set_permissions(replaced.permissions())?;
        }
        fill(file.as_file_mut())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// Whether a path stands for a file that this process has open already, such as `/dev/stdout`. It belongs to the shell.
fn is_open_already(path: &Path) -> bool {
    let is_descriptor = |path: &Path| path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd");
    is_descriptor(path) || path.read_link().is_ok_and(|target| is_descriptor(&target))
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".weipay-").suffix(".part");
    // As for any new file: the umask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const CODE: Style = AnsiColor::Cyan.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Before what a person should know.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default().bold();
/// Before what went wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_and_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bill.gz");
        let file = OutputFile::check(&path).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
        for bytes in [&b"\x1f\x8b\0"[..], b"", b"second"] {
            file.write(|file| file.write_all(bytes)).unwrap();
            assert_eq!((fs::read(&path).unwrap().as_slice(), names(folder.path()).len()), (bytes, 1));
        }
    }

    #[test]
    fn what_breaks_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bill");
        fs::write(&path, "before").unwrap();
        let file = OutputFile::check(&path).unwrap();
        let broken = file.write(|file| file.write_all(b"half").and(Err(io::Error::other("disk full"))));
        assert!(broken.unwrap_err().contains("disk full"));
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(folder.path()).len()), (&b"before"[..], 1));
    }

    #[test]
    fn what_cannot_become_a_file_is_told_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing").join("bill");
        let long = folder.path().join("x".repeat(300));
        for path in [folder.path(), &missing, &folder.path().join("new/"), Path::new(""), &long] {
            assert!(OutputFile::check(path).is_err(), "{}", path.display());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_a_device_is_not_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link, dangling) =
            (folder.path().join("file"), folder.path().join("link"), folder.path().join("dangling"));
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        symlink("nowhere", &dangling).unwrap();
        OutputFile::check(&link).unwrap().write(|file| file.write_all(b"after")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"after");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        assert!(OutputFile::check(&dangling).is_err());
        let device = OutputFile::check(Path::new("/dev/null")).unwrap();
        device.write(|file| file.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        fs::set_permissions(&file, PermissionsExt::from_mode(0o440)).unwrap();
        assert!(OutputFile::check(&file).unwrap_err().contains("read-only"));
    }
}
