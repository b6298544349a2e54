//! The body of a request or a response of the async client.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::{fmt, io};

use bytes::Bytes;

use crate::transport::{Remaining, above_limit};

/// The body of a request or a response, for the async client: whole, or a stream of pieces.
///
/// ```
/// use weipay::bytes::Bytes;
/// use weipay::transport::Body;
///
/// # async fn run() -> std::io::Result<()> {
/// let whole = Body::from("{}");
/// assert_eq!(whole.as_bytes().map(|bytes| &bytes[..]), Some(&b"{}"[..]));
///
/// let mut pieces = vec![Bytes::from("b"), Bytes::from("a")];
/// let stream = Body::from_stream(Some(2), move |_| std::task::Poll::Ready(pieces.pop().map(Ok)));
/// assert_eq!(stream.as_bytes(), None);
/// assert_eq!(stream.into_bytes(1024).await?, "ab");
/// # Ok(())
/// # }
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(run()).unwrap();
/// ```
pub struct Body(Content);

enum Content {
    Whole(Bytes),
    /// Nothing ever waits for the lock. It makes the body `Sync` although the stream is only `Send`.
    Stream(Mutex<Box<NextPiece>>, Remaining),
}

type NextPiece = dyn FnMut(&mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> + Send;

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Content::Whole(Bytes::new()))
    }

    /// A body of pieces. `next_piece` is polled for each piece, and `None` ends the body. If `length` is
    /// given, the body must have exactly that many bytes; otherwise reading it fails.
    ///
    /// This makes a body from a stream of the `futures` crate:
    /// `let mut stream = Box::pin(stream); Body::from_stream(None, move |context| stream.as_mut().poll_next(context))`.
    pub fn from_stream(
        length: Option<u64>,
        next_piece: impl FnMut(&mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> + Send + 'static,
    ) -> Self {
        Self(Content::Stream(Mutex::new(Box::new(next_piece)), Remaining(length)))
    }

    /// The bytes of a whole body that were not taken yet; `None` for a stream.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Content::Whole(bytes) => Some(bytes),
            Content::Stream(..) => None,
        }
    }

    /// How many bytes are still to come, if that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Content::Whole(bytes) => u64::try_from(bytes.len()).ok(),
            Content::Stream(_, length) => length.0,
        }
    }

    /// Polls for the next piece. A whole body is one piece. After the last piece, or after an error, the result is `None`.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let (next_piece, length) = match &mut self.0 {
            Content::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Content::Whole(bytes) => return Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Content::Stream(next_piece, length) => (next_piece, length),
        };
        let next_piece = next_piece.get_mut().unwrap_or_else(PoisonError::into_inner);
        let piece = match std::task::ready!(next_piece(context)) {
            Some(piece) => piece.and_then(|piece| length.count(piece.len()).map(|()| Some(piece))),
            None => length.check_ended().map(|()| None),
        };
        if !matches!(piece, Ok(Some(_))) {
            self.0 = Content::Whole(Bytes::new());
        }
        Poll::Ready(piece.transpose())
    }

    /// The next piece: see [`poll_piece`](Self::poll_piece).
    pub async fn next_piece(&mut self) -> Option<io::Result<Bytes>> {
        poll_fn(|context| self.poll_piece(context)).await
    }

    /// All bytes.
    ///
    /// # Errors
    ///
    /// If there are more bytes than `limit`, or the stream fails.
    pub async fn into_bytes(mut self, limit: usize) -> io::Result<Bytes> {
        if let Content::Whole(bytes) = self.0 {
            return if bytes.len() > limit { Err(above_limit(limit)) } else { Ok(bytes) };
        }
        let mut all = Vec::new();
        while let Some(piece) = self.next_piece().await {
            let piece = piece?;
            if piece.len() > limit - all.len() {
                return Err(above_limit(limit));
            }
            // Kept, each with the buffer into which it was read, small pieces would take many times their size.
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }
}

crate::transport::whole_bodies!();

/// The bytes are left out, because they may be personal.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Whole(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Content::Stream(_, Remaining(Some(length))) => write!(f, "Body(stream of {length} bytes)"),
            Content::Stream(_, Remaining(None)) => write!(f, "Body(stream)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    fn stream(length: Option<u64>, pieces: &'static [&'static str]) -> Body {
        let mut pieces = pieces.iter();
        Body::from_stream(length, move |_| Poll::Ready(pieces.next().map(|piece| Ok(Bytes::from(*piece)))))
    }

    fn collected(body: Body, limit: usize) -> io::Result<Bytes> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(body.into_bytes(limit))
    }

    #[test]
    fn a_body_is_collected_up_to_its_limit() {
        for body in [|| Body::from("abc"), || stream(None, &["a", "", "bc"]), || stream(Some(3), &["abc"])] {
            assert_eq!(collected(body(), 3).unwrap(), "abc");
            assert_eq!(collected(body(), 2).unwrap_err().kind(), ErrorKind::FileTooLarge);
        }
    }

    #[test]
    fn a_stream_must_have_the_length_that_it_announced() {
        let short = collected(stream(Some(4), &["abc"]), 9).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
        let long = collected(stream(Some(2), &["a", "bc"]), 9).unwrap_err();
        assert_eq!(long.kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn a_stream_that_failed_has_ended() {
        let mut body =
            Body::from_stream(Some(3), |_| Poll::Ready(Some(Err(io::Error::from(ErrorKind::BrokenPipe)))));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(body.poll_piece(&mut context), Poll::Ready(Some(Err(_)))));
        assert!(matches!(body.poll_piece(&mut context), Poll::Ready(None)));
    }

    #[test]
    fn a_body_can_be_shared_and_does_not_print_its_bytes() {
        fn is_shared<T: Send + Sync + 'static>(_: &T) {}
        let body = Body::from("secret");
        is_shared(&body);
        assert_eq!(format!("{body:?} {:?}", stream(Some(1), &[])), "Body(6 bytes) Body(stream of 1 bytes)");
    }
}
