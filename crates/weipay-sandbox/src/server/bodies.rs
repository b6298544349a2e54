//! Bodies of requests on their way in, and what bounds the memory of all of them together.
//!
//! Any client can send a body and stop in the middle of it. So each body has a little memory for itself, and beyond
//! that all draw on one budget. When it is used up and no body ends, the connection that has been sending a long body
//! for longest gives way.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::connection_limiter::ConnectionSlot;
use crate::upload::MAX_UPLOAD_BODY;

/// No request of the platform's API comes near this, except an upload.
const MAX_BODY: usize = 512 * 1024;
/// So much each body has to itself: nearly every request is shorter, and a thousand of these are not a burden.
const OWN: usize = 16 * 1024;
/// So much all bodies may take together beyond that, until the responses are sent.
const BUDGET: usize = 16 * MAX_UPLOAD_BODY;
/// The budget is given in pieces of this size.
const PIECE: usize = 1024;
/// How long to keep reading a body whose `Content-Length` is too long, so that the client can see the refusal.
const TOO_LONG: Duration = Duration::from_secs(1);
/// How long a body waits for others to end.
const WAIT_FOR_OTHERS: Duration = Duration::from_millis(500);

/// A body that arrived.
pub(super) enum ReadBody {
    /// A long one holds its part of the budget as long as it is kept.
    Whole(Vec<u8>, Option<OwnedSemaphorePermit>),
    TooLong,
}

/// Why a body did not arrive: its connection broke, or it was too slow.
#[derive(Debug)]
pub(super) struct Broken;

/// Reads bodies, within what they may take together.
#[derive(Debug)]
pub(super) struct BodyReader {
    budget: Arc<Semaphore>,
}

impl Default for BodyReader {
    fn default() -> Self {
        Self::new(BUDGET)
    }
}

/// A body that is arriving.
#[derive(Default)]
struct Arriving {
    kept: Vec<u8>,
    length: usize,
    /// Its part of the budget.
    part: Option<OwnedSemaphorePermit>,
}

impl Arriving {
    /// How many bytes it may keep.
    fn allowed(&self) -> usize {
        OWN + self.part.as_ref().map_or(0, |part| part.num_permits() * PIECE)
    }
}

impl BodyReader {
    fn new(budget: usize) -> Self {
        Self { budget: Arc::new(Semaphore::new(budget / PIECE)) }
    }

    /// Reads the body that a connection sends, within `idle_timeout`.
    pub(super) async fn read(
        &self,
        stream: impl Body<Data = Bytes> + Unpin,
        connection: &ConnectionSlot,
        is_upload: bool,
        idle_timeout: Duration,
    ) -> Result<ReadBody, Broken> {
        let max = if is_upload { MAX_UPLOAD_BODY } else { MAX_BODY };
        let is_announced_too_long = stream.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX);
        let limit = if is_announced_too_long { idle_timeout.min(TOO_LONG) } else { idle_timeout };
        let mut body = Arriving::default();
        let all = timeout(limit, self.fill(&mut body, stream, connection, max)).await;
        match all {
            Ok(Err(broken)) => Err(broken),
            // Of one that is too long no more need be known, whether or not it would have ended.
            _ if body.length > max || is_announced_too_long => Ok(ReadBody::TooLong),
            Ok(Ok(())) => Ok(ReadBody::Whole(body.kept, body.part)),
            Err(_) => Err(Broken),
        }
    }

    async fn fill(
        &self,
        body: &mut Arriving,
        mut stream: impl Body<Data = Bytes> + Unpin,
        connection: &ConnectionSlot,
        max: usize,
    ) -> Result<(), Broken> {
        while let Some(frame) = stream.frame().await {
            let Ok(data) = frame.map_err(|_| Broken)?.into_data() else { continue };
            body.length = body.length.saturating_add(data.len());
            if body.length > max {
                (body.kept, body.part) = (Vec::new(), None);
                continue;
            }
            self.make_room(body, connection, max).await?;
            body.kept.extend_from_slice(&data);
        }
        Ok(())
    }

    /// Lets a body grow to its length, and to twice what it had if that is more: so it is seldom copied.
    async fn make_room(
        &self,
        body: &mut Arriving,
        connection: &ConnectionSlot,
        max: usize,
    ) -> Result<(), Broken> {
        if body.length <= body.kept.capacity() {
            return Ok(());
        }
        // One that is short does not draw on the budget.
        let most = if body.length <= OWN { OWN } else { max };
        let capacity = body.length.max((body.kept.capacity() * 2).min(most));
        let pieces = capacity.saturating_sub(body.allowed()).div_ceil(PIECE);
        if pieces > 0 {
            let more = self.take(pieces, connection, body.part.is_none()).await?;
            match &mut body.part {
                Some(part) => part.merge(more),
                None => body.part = Some(more),
            }
        }
        body.kept.reserve_exact(capacity - body.kept.len());
        Ok(())
    }

    async fn take(
        &self,
        pieces: usize,
        connection: &ConnectionSlot,
        is_first: bool,
    ) -> Result<OwnedSemaphorePermit, Broken> {
        let pieces = u32::try_from(pieces).map_err(|_| Broken)?;
        let mut acquired = pin!(Arc::clone(&self.budget).acquire_many_owned(pieces));
        loop {
            if let Ok(part) = timeout(WAIT_FOR_OTHERS, acquired.as_mut()).await {
                if is_first {
                    connection.set_long_body();
                }
                return part.map_err(|_| Broken);
            }
            connection.evict_a_long_body();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;

    use super::super::connection_limiter::ConnectionLimiter;
    use super::*;

    /// A body that comes in pieces, and then ends or stops.
    struct Pieces {
        left: usize,
        ends: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let length = self.left.min(1000);
            self.left -= length;
            match (length, self.ends) {
                (0, true) => Poll::Ready(None),
                (0, false) => Poll::Pending,
                _ => Poll::Ready(Some(Ok(Frame::data(vec![b'x'; length].into())))),
            }
        }
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    fn runtime() -> tokio::runtime::Runtime {
        Builder::new_current_thread().enable_time().build().unwrap()
    }

    async fn read(
        reader: &BodyReader,
        limiter: &Arc<ConnectionLimiter>,
        length: usize,
        is_upload: bool,
    ) -> ReadBody {
        let slot = limiter.take().await.unwrap();
        reader.read(Pieces { left: length, ends: true }, &slot, is_upload, HOUR).await.unwrap()
    }

    #[test]
    fn a_body_is_read_whole_as_long_as_it_may_be_and_holds_what_it_takes() {
        let (reader, limiter) = (BodyReader::default(), Arc::new(ConnectionLimiter::new(8)));
        runtime().block_on(async {
            for (length, is_upload) in
                [(0, false), (OWN, false), (OWN + 1, false), (MAX_BODY, false), (MAX_UPLOAD_BODY, true)]
            {
                let ReadBody::Whole(body, part) = read(&reader, &limiter, length, is_upload).await else {
                    panic!("{length}");
                };
                let held = part.map_or(0, |part| part.num_permits() * PIECE);
                assert_eq!((body.len(), held > 0), (length, length > OWN), "{length}");
                assert!(body.capacity() <= OWN + held && held < 2 * length + PIECE, "{length}");
            }
            for (length, is_upload) in [(MAX_BODY + 1, false), (MAX_UPLOAD_BODY + 1, true)] {
                assert!(matches!(read(&reader, &limiter, length, is_upload).await, ReadBody::TooLong));
            }
        });
        assert_eq!(reader.budget.available_permits(), BUDGET / PIECE, "all is given back");
    }

    #[test]
    fn bodies_that_stop_in_the_middle_give_way_when_the_budget_is_used_up() {
        // Enough for two of them.
        let (reader, limiter) =
            (Arc::new(BodyReader::new(2 * 64 * 1024)), Arc::new(ConnectionLimiter::new(8)));
        runtime().block_on(async {
            let mut evicted = Vec::new();
            for _ in 0..2 {
                let (reader, mut slot) = (Arc::clone(&reader), limiter.take().await.unwrap());
                let (ends, ended) = oneshot::channel();
                tokio::spawn(async move {
                    let told = slot.evicted().unwrap();
                    let stops = Pieces { left: 48 * 1024, ends: false };
                    let reading = async { reader.read(stops, &slot, false, HOUR).await.map(drop) };
                    {
                        // As a connection ends.
                        let (mut told, mut reading) = (pin!(told), pin!(reading));
                        poll_fn(|context| match told.as_mut().poll(context) {
                            Poll::Ready(_) => Poll::Ready(()),
                            Poll::Pending => reading.as_mut().poll(context).map(drop),
                        })
                        .await;
                    }
                    let _ = ends.send(());
                });
                evicted.push(ended);
                tokio::task::yield_now().await;
            }
            let ReadBody::Whole(body, _part) = read(&reader, &limiter, 100 * 1024, false).await else {
                panic!("too long");
            };
            assert_eq!(body.len(), 100 * 1024);
            evicted.remove(0).await.unwrap();
        });
    }
}
