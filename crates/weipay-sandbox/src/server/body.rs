//! Reading a body, up to a limit.
//!
//! What is longer than any request needs to be is still read for a while, and thrown away, so that a client which is
//! busy sending gets to see the refusal.

use http_body_util::BodyExt;
use hyper::body::Incoming;

/// No request of the platform's API that is served here comes near this.
const LONGEST: usize = 512 * 1024;
/// Beyond this the connection is dropped.
const READ_AWAY: usize = 4 * 1024 * 1024;

/// A body that arrived.
pub(super) enum ReadBody {
    Whole(Vec<u8>),
    TooLong,
}

/// Why a body did not arrive: its connection broke, or it would not end.
#[derive(Debug)]
pub(super) struct Broken;

pub(super) async fn read(mut stream: Incoming) -> Result<ReadBody, Broken> {
    let (mut body, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = stream.frame().await {
        let Ok(data) = frame.map_err(|_| Broken)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > READ_AWAY {
            return Err(Broken);
        }
        if length <= LONGEST {
            body.extend_from_slice(&data);
        } else {
            body = Vec::new();
        }
    }
    Ok(if length > LONGEST { ReadBody::TooLong } else { ReadBody::Whole(body) })
}
