//! Reading a body, up to a limit.
//!
//! What is longer than the request needs to be is still read for a while, and thrown away, so that a client which is
//! busy sending gets to see the refusal.

use std::pin::pin;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::places::Place;
use crate::upload::MAX_UPLOAD_BODY;

/// No request of the platform's API comes near this, except an upload.
const MAX_BODY: usize = 512 * 1024;
/// Beyond this the connection is dropped.
const MAX_READ_AWAY: usize = 32 * 1024 * 1024;
/// So many bodies may be longer than [`MAX_BODY`] at once. When one more comes and none ends, the one that takes longest
/// gives way.
const MAX_LONG_BODIES: usize = 16;
/// How long a long body waits for others to end.
const WAIT_FOR_LONG: Duration = Duration::from_millis(500);

/// A body that arrived.
pub(super) enum ReadBody {
    Whole(Vec<u8>),
    TooLong,
}

/// Why a body did not arrive: its connection broke, it was too slow, or it would not end.
#[derive(Debug)]
pub(super) struct Broken;

/// What bounds the memory of all bodies together.
#[derive(Debug)]
pub(super) struct Reader {
    long_bodies: Semaphore,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { long_bodies: Semaphore::new(MAX_LONG_BODIES) }
    }
}

impl Reader {
    /// Reads the body that a connection sends, within `patience`.
    pub(super) async fn read(
        &self,
        stream: Incoming,
        connection: &Place,
        is_upload: bool,
        patience: Duration,
    ) -> Result<ReadBody, Broken> {
        let max = if is_upload { MAX_UPLOAD_BODY } else { MAX_BODY };
        timeout(patience, self.whole(stream, connection, max)).await.map_err(|_| Broken)?
    }

    async fn whole(&self, mut stream: Incoming, connection: &Place, max: usize) -> Result<ReadBody, Broken> {
        let (mut body, mut length, mut place) = (Vec::new(), 0_usize, None);
        while let Some(frame) = stream.frame().await {
            let Ok(data) = frame.map_err(|_| Broken)?.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length > MAX_READ_AWAY {
                return Err(Broken);
            }
            if length > max {
                (body, place) = (Vec::new(), None);
                continue;
            }
            if length > MAX_BODY && place.is_none() {
                place = Some(self.place_for_long(connection).await?);
            }
            body.extend_from_slice(&data);
        }
        Ok(if length > max { ReadBody::TooLong } else { ReadBody::Whole(body) })
    }

    async fn place_for_long(&self, connection: &Place) -> Result<SemaphorePermit<'_>, Broken> {
        let mut acquired = pin!(self.long_bodies.acquire());
        loop {
            if let Ok(place) = timeout(WAIT_FOR_LONG, acquired.as_mut()).await {
                connection.sends_long_body();
                return place.map_err(|_| Broken);
            }
            connection.ends_a_long_body();
        }
    }
}
