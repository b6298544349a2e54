//! Protocol detection (三种接入方式): plain HTTP, TLS with a certificate for the official hosts, and a proxy for them
//! (`CONNECT`), on one port.
//!
//! The first byte of a connection tells which it is: a TLS record begins with 22, and of all methods only `CONNECT` begins with
//! `C`. The proxy leads to the sandbox itself and nowhere else, so it cannot be used to reach other hosts.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::stream::Stream;
use crate::authority::is_official;
use crate::faults::{Fault, Faults};

/// The protocol with which a client opens its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Tls,
    Connect,
}

/// The type of a TLS record that begins a handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Waits for the first byte, which stays to be read. `None` when none came in time, or the server ends.
pub(super) async fn detect_protocol(
    socket: &TcpStream,
    idle_timeout: Duration,
    ending: &Semaphore,
) -> Option<Protocol> {
    let first_byte = timeout(idle_timeout, async {
        let mut byte = [0];
        let length = socket.peek(&mut byte).await.ok()?;
        byte.first().copied().filter(|_| length > 0)
    });
    let (mut first_byte, mut ended) = (pin!(first_byte), pin!(ending.acquire()));
    let first_byte = poll_fn(|context| {
        if let Poll::Ready(byte) = first_byte.as_mut().poll(context) {
            return Poll::Ready(byte.ok().flatten());
        }
        ended.as_mut().poll(context).map(|_| None)
    });
    Some(match first_byte.await? {
        TLS_HANDSHAKE => Protocol::Tls,
        b'C' => Protocol::Connect,
        _ => Protocol::Http,
    })
}

/// The longest head of a CONNECT request, in bytes.
const MAX_CONNECT_HEAD: usize = 8 * 1024;

/// Why a client is not led anywhere; [`reason`](Self::reason) is for its developer.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// It asked for a host that is not the platform's. The text is what it asked for.
    ForbiddenHost(String),
    /// A fault ends the connection, as if the host were down.
    Down(String, Fault),
    /// It was not a CONNECT request, or the connection broke.
    Broken,
}

impl ConnectError {
    /// Where it wanted to go.
    pub(super) fn target(&self) -> &str {
        match self {
            Self::ForbiddenHost(target) | Self::Down(target, _) => target,
            Self::Broken => "",
        }
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::ForbiddenHost(_) => FORBIDDEN_HOST,
            Self::Down(..) => "a fault rule closes connections to this host (weipay sandbox fault list)",
            Self::Broken => "its CONNECT request did not arrive completely within the time limit",
        }
    }
}

/// The response to a client of the proxy that wants to go to another host.
pub(super) const FORBIDDEN_HOST: &str = "this proxy only serves the hosts of WeChat Pay on port 443; exclude other hosts, for example with NO_PROXY";

impl From<io::Error> for ConnectError {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// Reads a CONNECT request and accepts or refuses it. What follows is the client's TLS.
pub(super) async fn connect(stream: &mut Stream, faults: &Faults) -> Result<(), ConnectError> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        // A client waits for the response before it goes on, so nothing after the head is lost. Most heads are one read.
        if head.len() >= MAX_CONNECT_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Err(ConnectError::Broken);
        }
    }
    let target = target(&head).ok_or(ConnectError::Broken)?;
    let host = target.strip_suffix(":443").unwrap_or_default();
    if is_official(host) {
        if let Some(fault) = faults.choose_for_connection(&target) {
            return Err(ConnectError::Down(target, fault));
        }
        stream.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
        stream.flush().await?;
        return Ok(());
    }
    let refusal = format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n{FORBIDDEN_HOST}\n",
        FORBIDDEN_HOST.len() + 1
    );
    stream.write_all(refusal.as_bytes()).await?;
    stream.shutdown().await?;
    Err(ConnectError::ForbiddenHost(target))
}

/// The target of a `CONNECT` request.
fn target(head: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let line = line.strip_prefix("CONNECT ")?;
    // Python up to 3.11 says 1.0 to proxies.
    let target = line.strip_suffix(" HTTP/1.1").or_else(|| line.strip_suffix(" HTTP/1.0"))?;
    (!target.is_empty() && !target.contains(' ')).then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_of_a_connect_request_is_its_second_word() {
        assert_eq!(
            target(b"CONNECT api.mch.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n").as_deref(),
            Some("api.mch.weixin.qq.com:443")
        );
        assert_eq!(
            target(b"CONNECT api.mch.weixin.qq.com:443 HTTP/1.0\r\n\r\n").as_deref(),
            Some("api.mch.weixin.qq.com:443")
        );
        for broken in [
            "CONNECT HTTP/1.1\r\n\r\n",
            "CONNECT a:443 HTTP/2\r\n\r\n",
            "CONNECT a b HTTP/1.1\r\n",
            "CONNECT a:443\r\n",
            "C\r\n\r\n",
            "COPY a HTTP/1.1\r\n",
        ] {
            assert_eq!(target(broken.as_bytes()), None, "{broken}");
        }
    }
}
