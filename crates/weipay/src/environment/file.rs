//! Files that a setting names: small regular files, whose content is wiped when it is dropped.

use std::fs::{File, FileType};
use std::io::Read;
use std::path::Path;
use std::{fs, io};

use weipay_wire::looks_like_path;
use zeroize::Zeroizing;

/// The most that is read of one file. A key or a certificate has about 2 kB, a kit 1 kB.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// Reads a file, or says why not, without the file's name.
///
/// Only regular files are read: a device may never end, and a named pipe makes whoever opens it wait.
pub(super) fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let kind = fs::metadata(file).map_err(unreadable)?.file_type();
    if !kind.is_file() {
        return Err(format!("is {}, and a file is wanted", name_of(kind)));
    }
    // Full capacity from the start: growing would leave copies of a private key behind in freed memory.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    File::open(file).map_err(unreadable)?.take(limit + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > MAX_FILE_BYTES {
        return Err(format!(
            "has more than {} kB, which no key, certificate or kit has",
            MAX_FILE_BYTES / 1024
        ));
    }
    Ok(content)
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "a device, a pipe or a socket" }
}

/// The name of a file as an error may show it: nothing where the text may be something else than a path, such as a key.
pub(super) fn shown(file: &Path) -> Option<String> {
    let text = file.display().to_string();
    let is_there = fs::symlink_metadata(file).is_ok() && !text.chars().any(char::is_control);
    (is_there || looks_like_path(&text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, vec![b'x'; MAX_FILE_BYTES]).unwrap();
        assert_eq!(read(&file).unwrap().len(), MAX_FILE_BYTES);
        fs::write(&file, vec![b'x'; MAX_FILE_BYTES + 1]).unwrap();
        assert_eq!(read(&file).unwrap_err(), "has more than 64 kB, which no key, certificate or kit has");
    }

    #[test]
    fn what_is_not_a_regular_file_is_refused_unopened() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap_err(), "is a folder, and a file is wanted");
        assert!(read(&folder.path().join("none.pem")).unwrap_err().starts_with("cannot be read: "));
        #[cfg(unix)]
        {
            let socket = folder.path().join("socket");
            let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            for file in [Path::new("/dev/zero"), Path::new("/dev/null"), &socket] {
                assert!(
                    read(file).unwrap_err().contains("a device, a pipe or a socket"),
                    "{}",
                    file.display()
                );
            }
            let link = folder.path().join("link.pem");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert!(read(&link).unwrap_err().contains("a device, a pipe or a socket"));
        }
    }

    #[test]
    fn a_name_is_shown_where_it_can_be_nothing_but_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC");
        assert_eq!(shown(&odd), None);
        fs::write(&odd, "").unwrap();
        assert_eq!(shown(&odd), Some(odd.display().to_string()));
        assert_eq!(shown(Path::new("no/such/key.pem")).as_deref(), Some("no/such/key.pem"));
    }
}
