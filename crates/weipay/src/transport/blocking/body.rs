//! The body of a request or a response of the blocking client.

use std::fmt;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use ::bytes::{Buf, Bytes};

use crate::transport::{Remaining, above_limit};

/// The body of a request or a response, for the blocking client: whole, or a reader. It implements [`Read`].
///
/// ```
/// use weipay::transport::blocking::Body;
///
/// let whole = Body::from("{}");
/// assert_eq!(whole.as_bytes().map(|bytes| &bytes[..]), Some(&b"{}"[..]));
///
/// # fn run() -> std::io::Result<()> {
/// let streamed = Body::from_reader(Some(2), std::io::Cursor::new("ab"));
/// assert_eq!(streamed.as_bytes(), None);
/// assert_eq!(streamed.into_bytes(1024)?, "ab");
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
pub struct Body(Content);

enum Content {
    Whole(Bytes),
    /// Nothing ever waits for the lock. It makes the body `Sync` although the reader is only `Send`.
    Reader(Mutex<Box<dyn Read + Send>>, Remaining),
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Content::Whole(Bytes::new()))
    }

    /// A body that is read when it is needed. If `length` is given, the body must have exactly that many bytes; otherwise reading
    /// it fails.
    pub fn from_reader(length: Option<u64>, reader: impl Read + Send + 'static) -> Self {
        Self(Content::Reader(Mutex::new(Box::new(reader)), Remaining(length)))
    }

    /// The bytes of a whole body that were not read yet; `None` for a reader.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Content::Whole(bytes) => Some(bytes),
            Content::Reader(..) => None,
        }
    }

    /// How many bytes are still to come, if that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Content::Whole(bytes) => u64::try_from(bytes.len()).ok(),
            Content::Reader(_, length) => length.0,
        }
    }

    /// All bytes.
    ///
    /// # Errors
    ///
    /// If there are more bytes than `limit`, or reading fails.
    pub fn into_bytes(self, limit: usize) -> io::Result<Bytes> {
        if let Content::Whole(bytes) = self.0 {
            return if bytes.len() > limit { Err(above_limit(limit)) } else { Ok(bytes) };
        }
        let mut all = Vec::new();
        let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        self.take(one_more).read_to_end(&mut all)?;
        if all.len() > limit { Err(above_limit(limit)) } else { Ok(all.into()) }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (reader, length) = match &mut self.0 {
            Content::Whole(bytes) => {
                let count = bytes.len().min(buffer.len());
                bytes.copy_to_slice(&mut buffer[..count]);
                return Ok(count);
            }
            Content::Reader(reader, length) => (reader, length),
        };
        let count = reader.get_mut().unwrap_or_else(PoisonError::into_inner).read(buffer)?;
        if count > 0 {
            length.count(count)?;
        } else if !buffer.is_empty() {
            length.check_ended()?;
        }
        Ok(count)
    }
}

crate::transport::whole_bodies!();

/// The bytes are left out, because they may be personal.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Whole(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Content::Reader(_, Remaining(Some(length))) => write!(f, "Body(reader of {length} bytes)"),
            Content::Reader(_, Remaining(None)) => write!(f, "Body(reader)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn reader(length: Option<u64>, text: &'static str) -> Body {
        Body::from_reader(length, text.as_bytes())
    }

    #[test]
    fn a_body_is_collected_up_to_its_limit() {
        for body in [|| Body::from("abc"), || reader(None, "abc"), || reader(Some(3), "abc")] {
            assert_eq!(body().into_bytes(3).unwrap(), "abc");
            assert_eq!(body().into_bytes(2).unwrap_err().kind(), ErrorKind::FileTooLarge);
            let (mut body, mut text) = (body(), String::new());
            body.read_to_string(&mut text).unwrap();
            assert_eq!((text.as_str(), body.read(&mut [0]).unwrap()), ("abc", 0));
        }
    }

    #[test]
    fn a_reader_must_have_the_length_that_it_announced() {
        assert_eq!(reader(Some(4), "abc").into_bytes(9).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(reader(Some(2), "abc").into_bytes(9).unwrap_err().kind(), ErrorKind::InvalidData);
        // An empty buffer asks for nothing, so this is not the end.
        assert_eq!(reader(Some(3), "abc").read(&mut []).unwrap(), 0);
    }

    #[test]
    fn a_body_can_be_shared_and_does_not_print_its_bytes() {
        fn is_shared<T: Send + Sync + 'static>(_: &T) {}
        let body = Body::from("secret");
        is_shared(&body);
        assert_eq!(format!("{body:?} {:?}", reader(None, "")), "Body(6 bytes) Body(reader)");
    }
}
