//! The length that a streamed body announces, and whether the body keeps to it.

use std::io::{self, ErrorKind};

/// How many bytes are still to come, where that was announced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length(pub(super) Option<u64>);

impl Length {
    /// So many bytes came.
    pub(super) fn took(&mut self, bytes: usize) -> io::Result<()> {
        let Some(left) = &mut self.0 else { return Ok(()) };
        match u64::try_from(bytes).ok().and_then(|bytes| left.checked_sub(bytes)) {
            Some(rest) => *left = rest,
            None => {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "the body is longer than its announced length",
                ));
            }
        }
        Ok(())
    }

    /// The body ended.
    pub(super) fn ended(self) -> io::Result<()> {
        match self.0 {
            Some(missing) if missing > 0 => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("the body ended {missing} bytes before its announced length"),
            )),
            _ => Ok(()),
        }
    }
}

/// A body has more bytes than somebody wants to hold.
pub(super) fn above(limit: usize) -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, format!("the body is larger than {limit} bytes"))
}
