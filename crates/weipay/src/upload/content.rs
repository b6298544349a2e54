//! The bytes of a file to upload, in memory or on disk, from where each attempt reads them again; and the body around them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use weipay_wire::{DigestAlgorithm, Digester, random_nonce, sha256_hex, sm3_hex};

use crate::transport::NotOfHost;

/// The content of a reader is kept in memory up to this size, and on disk beyond.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// So much is read at a time.
pub(crate) const PIECE: usize = 64 * 1024;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Content {
    Memory(Bytes),
    Disk(Arc<OnDisk>),
}

/// A file on disk, with what was found when it was first read.
#[derive(PartialEq, Eq)]
pub(crate) struct OnDisk {
    path: PathBuf,
    length: u64,
    sha256: String,
    sm3: String,
    /// Whether it is a temporary file of ours, which is deleted with its last user.
    is_temporary: bool,
}

impl OnDisk {
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        if self.is_temporary {
            // If it cannot be removed, nothing more can be done: the system cleans its temporary folder.
            fs::remove_file(&self.path).ok();
        }
    }
}

impl Content {
    pub(super) fn from_path(path: &Path) -> io::Result<Self> {
        // A device may never end, and a pipe can be read only once. Opening a named pipe waits for its writer, so the look comes
        // before, and again at what was opened.
        let check = |metadata: fs::Metadata| match metadata.is_file() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        };
        check(fs::metadata(path)?)?;
        let mut file = File::open(path)?;
        check(file.metadata()?)?;
        let (length, sha256, sm3) = copy(&mut file, &mut io::sink())?;
        let path = path.canonicalize()?;
        Ok(Self::Disk(Arc::new(OnDisk { path, length, sha256, sm3, is_temporary: false })))
    }

    pub(super) fn from_reader(mut reader: impl Read) -> io::Result<Self> {
        let mut beginning = Vec::new();
        let one_more = MAX_IN_MEMORY as u64 + 1;
        (&mut reader).take(one_more).read_to_end(&mut beginning)?;
        if beginning.len() <= MAX_IN_MEMORY {
            return Ok(Self::Memory(beginning.into()));
        }
        let path = std::env::temp_dir().join(format!("weipay-upload-{}", random_nonce()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // It may be an identity card.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let mut disk =
            OnDisk { path, length: 0, sha256: String::new(), sm3: String::new(), is_temporary: true };
        (disk.length, disk.sha256, disk.sm3) = copy(&mut (&beginning[..]).chain(reader), &mut file)?;
        file.flush()?;
        Ok(Self::Disk(Arc::new(disk)))
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(disk) => disk.length,
        }
    }

    pub(super) fn sha256(&self) -> String {
        match self {
            Self::Memory(bytes) => sha256_hex(bytes),
            Self::Disk(disk) => disk.sha256.clone(),
        }
    }

    pub(super) fn sm3(&self) -> String {
        match self {
            Self::Memory(bytes) => sm3_hex(bytes),
            Self::Disk(disk) => disk.sm3.clone(),
        }
    }
}

/// Copies everything, and gives its length, its SHA-256 and its SM3.
fn copy(reader: &mut dyn Read, writer: &mut dyn Write) -> io::Result<(u64, String, String)> {
    let [mut sha256, mut sm3] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sm3].map(Digester::new);
    let mut length = 0;
    let mut buffer = vec![0; PIECE];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((length, sha256.finish_hex(), sm3.finish_hex())),
            Ok(count) => {
                sha256.update(&buffer[..count]);
                sm3.update(&buffer[..count]);
                writer.write_all(&buffer[..count])?;
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The body of a request. It can be sent more than once.
#[derive(Clone)]
pub(crate) enum Payload {
    Whole(Bytes),
    AroundFile { head: Bytes, file: Arc<OnDisk>, tail: Bytes },
}

impl Payload {
    fn length(head: &Bytes, file: &OnDisk, tail: &Bytes) -> Option<u64> {
        file.length().checked_add(u64::try_from(head.len() + tail.len()).ok()?)
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

/// Reads the parts one after the other. The file is opened when it is needed.
fn reader(head: Bytes, file: Arc<OnDisk>, tail: Bytes) -> impl Read + Send + 'static {
    Cursor::new(head).chain(Opening { disk: file, open: None }).chain(Cursor::new(tail))
}

struct Opening {
    disk: Arc<OnDisk>,
    open: Option<io::Take<std::fs::File>>,
}

impl Read for Opening {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let open = match &mut self.open {
            Some(open) => open,
            // Bytes that were added to the file since would exceed the announced length.
            None => {
                let file = self.disk.open().map_err(|error| NotOfHost::unreadable(&error))?;
                self.open.insert(file.take(self.disk.length()))
            }
        };
        let count = open.read(buffer).map_err(|error| NotOfHost::unreadable(&error))?;
        if count == 0 && !buffer.is_empty() && open.limit() > 0 {
            return Err(NotOfHost::unreadable(&io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(count)
    }
}

#[cfg(feature = "blocking")]
impl From<Payload> for crate::transport::blocking::Body {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Whole(bytes) => bytes.into(),
            Payload::AroundFile { head, file, tail } => {
                let length = Payload::length(&head, &file, &tail);
                Self::from_reader(length, reader(head, file, tail))
            }
        }
    }
}

#[cfg(feature = "async")]
impl From<Payload> for crate::transport::Body {
    /// Pieces are read on another thread, one at a time.
    fn from(payload: Payload) -> Self {
        use std::pin::Pin;
        use std::task::{Poll, ready};

        use tokio::task::{JoinHandle, spawn_blocking};

        use super::content::PIECE;

        let (head, file, tail) = match payload {
            Payload::Whole(bytes) => return bytes.into(),
            Payload::AroundFile { head, file, tail } => (head, file, tail),
        };
        type Piece = io::Result<(Box<dyn Read + Send>, Bytes)>;
        let length = Payload::length(&head, &file, &tail);
        let mut idle: Option<Box<dyn Read + Send>> = Some(Box::new(reader(head, file, tail)));
        let mut reading: Option<JoinHandle<Piece>> = None;
        Self::from_stream(length, move |context| {
            if tokio::runtime::Handle::try_current().is_err() {
                return Poll::Ready(Some(Err(io::Error::other(crate::runtime::NONE))));
            }
            if let Some(mut reader) = idle.take() {
                reading = Some(spawn_blocking(move || {
                    let mut piece = Vec::with_capacity(PIECE);
                    (&mut reader).take(PIECE as u64).read_to_end(&mut piece)?;
                    Ok((reader, piece.into()))
                }));
            }
            let Some(handle) = &mut reading else { return Poll::Ready(None) };
            let done = ready!(Pin::new(handle).poll(context));
            reading = None;
            Poll::Ready(match done.map_err(io::Error::other).flatten() {
                Ok((_, piece)) if piece.is_empty() => None,
                Ok((reader, piece)) => {
                    idle = Some(reader);
                    Some(Ok(piece))
                }
                Err(error) => Some(Err(error)),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_kept_in_memory_or_on_disk_with_the_same_digest() {
        for length in [0, 1, MAX_IN_MEMORY, MAX_IN_MEMORY + 1, 3 * MAX_IN_MEMORY] {
            let bytes = vec![7; length];
            let content = Content::from_reader(&bytes[..]).unwrap();
            assert_eq!((content.length(), content.sha256()), (length as u64, sha256_hex(&bytes)));
            assert_eq!(content.sm3(), sm3_hex(&bytes));
            let Content::Disk(disk) = content else {
                assert!(length <= MAX_IN_MEMORY);
                continue;
            };
            let mut read = Vec::new();
            disk.open().unwrap().read_to_end(&mut read).unwrap();
            assert!(read == bytes);
            let path = disk.path.clone();
            drop(disk);
            assert!(!path.exists());
        }
    }

    #[test]
    fn only_a_regular_file_is_uploaded_from_a_path() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Content::from_path(folder.path()).is_err());
        assert!(Content::from_path(&folder.path().join("missing")).is_err());
        #[cfg(unix)]
        {
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let error = Content::from_path(&pipe).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "it does not wait for a writer");
        }
        let path = folder.path().join("a.png");
        fs::write(&path, "abc").unwrap();
        let content = Content::from_path(&path).unwrap();
        assert_eq!((content.length(), content.sha256()), (3, sha256_hex(b"abc")));
        drop(content);
        assert!(path.exists());
    }
}
