//! The body of a request as it is sent: whole, or around a file that is read from disk while it is sent.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;

use super::content::OnDisk;

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
            // What was added since would be more than the announced length.
            None => self.open.insert(self.disk.open()?.take(self.disk.length())),
        };
        open.read(buffer)
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
