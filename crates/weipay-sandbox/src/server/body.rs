//! Reading a body, up to a limit.
//!
//! What is longer than the request needs to be is still read, as long as a body may take, and thrown away: a client which is
//! busy sending gets to see the refusal.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::places::Place;
use crate::upload::MAX_UPLOAD_BODY;

/// No request of the platform's API comes near this, except an upload.
const MAX_BODY: usize = 512 * 1024;
/// So many bodies may be longer than [`MAX_BODY`] at once, until they are answered. When one more comes and none ends, the
/// one that takes longest to arrive gives way.
const MAX_LONG_BODIES: usize = 16;
/// How long a long body waits for others to end.
const WAIT_FOR_LONG: Duration = Duration::from_millis(500);

/// A body that arrived.
pub(super) enum ReadBody {
    /// A long one holds its place as long as it is kept.
    Whole(Vec<u8>, Option<OwnedSemaphorePermit>),
    TooLong,
}

/// Why a body did not arrive: its connection broke, or it was too slow.
#[derive(Debug)]
pub(super) struct Broken;

/// What bounds the memory of all bodies together.
#[derive(Debug)]
pub(super) struct Reader {
    long_bodies: Arc<Semaphore>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { long_bodies: Arc::new(Semaphore::new(MAX_LONG_BODIES)) }
    }
}

/// A body that is arriving.
#[derive(Default)]
struct Arriving {
    kept: Vec<u8>,
    length: usize,
    place: Option<OwnedSemaphorePermit>,
}

impl Reader {
    /// Reads the body that a connection sends, within `idle_timeout`.
    pub(super) async fn read(
        &self,
        stream: Incoming,
        connection: &Place,
        is_upload: bool,
        idle_timeout: Duration,
    ) -> Result<ReadBody, Broken> {
        let max = if is_upload { MAX_UPLOAD_BODY } else { MAX_BODY };
        let mut body = Arriving::default();
        let all = timeout(idle_timeout, self.fill(&mut body, stream, connection, max)).await;
        match all {
            Ok(Err(broken)) => Err(broken),
            // Of one that is too long no more need be known, whether or not it would have ended.
            _ if body.length > max => Ok(ReadBody::TooLong),
            Ok(Ok(())) => Ok(ReadBody::Whole(body.kept, body.place)),
            Err(_) => Err(Broken),
        }
    }

    async fn fill(
        &self,
        body: &mut Arriving,
        mut stream: Incoming,
        connection: &Place,
        max: usize,
    ) -> Result<(), Broken> {
        while let Some(frame) = stream.frame().await {
            let Ok(data) = frame.map_err(|_| Broken)?.into_data() else { continue };
            body.length = body.length.saturating_add(data.len());
            if body.length > max {
                (body.kept, body.place) = (Vec::new(), None);
                continue;
            }
            if body.length > MAX_BODY && body.place.is_none() {
                body.place = Some(self.place_for_long(connection).await?);
            }
            body.kept.extend_from_slice(&data);
        }
        Ok(())
    }

    async fn place_for_long(&self, connection: &Place) -> Result<OwnedSemaphorePermit, Broken> {
        let mut acquired = pin!(Arc::clone(&self.long_bodies).acquire_owned());
        loop {
            if let Ok(place) = timeout(WAIT_FOR_LONG, acquired.as_mut()).await {
                connection.sends_long_body();
                return place.map_err(|_| Broken);
            }
            connection.ends_a_long_body();
        }
    }
}
