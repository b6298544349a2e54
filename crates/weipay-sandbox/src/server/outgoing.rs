//! The body of a response on its way out: whole, or, where a fault wants it, broken off.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::ConnectionDropped;

/// How long the part before the break has to reach the socket; the connection ends with it.
const PAUSE: Duration = Duration::from_millis(20);

/// A body in one piece.
pub(super) struct Outgoing {
    piece: Option<Bytes>,
    /// Whether hyper has asked for it.
    is_begun: bool,
    /// Ends in a break of the connection instead of an end.
    broken: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let piece = Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty());
        Self { piece, is_begun: false, broken: None }
    }

    /// The first half, after which the connection ends.
    pub(super) fn half(mut bytes: Vec<u8>) -> Self {
        bytes.truncate(bytes.len() / 2);
        Self { broken: Some(Box::pin(sleep(PAUSE))), ..Self::whole(bytes) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = ConnectionDropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ConnectionDropped>>> {
        self.is_begun = true;
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(pause) = self.broken.as_mut() else { return Poll::Ready(None) };
        ready!(pause.as_mut().poll(context));
        Poll::Ready(Some(Err(ConnectionDropped)))
    }

    /// An empty body ends when it is asked for: hyper drops the `Content-Length` of one that has ended before.
    fn is_end_stream(&self) -> bool {
        self.is_begun && self.piece.is_none() && self.broken.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.broken, &self.piece) {
            (Some(_), _) => SizeHint::default(),
            (None, Some(piece)) => SizeHint::with_exact(piece.len() as u64),
            (None, None) => SizeHint::with_exact(0),
        }
    }
}
