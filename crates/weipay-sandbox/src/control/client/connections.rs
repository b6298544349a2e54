//! The connections of a client of the control API. One that has had its whole response is kept for a moment, for the next
//! call: a connection for each call costs both sides more than most calls do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a connection is kept: the listener closes one that is idle for 8 seconds, so the client does long before.
const MAX_IDLE: Duration = Duration::from_secs(2);
/// How many are kept.
const MAX_KEPT: usize = 16;
/// The longest response that is read.
const MAX_RESPONSE: u64 = 64 * 1024 * 1024;
/// More than a run of the clock takes at most: it ends after the step that passes its 45 seconds, and waits
/// there for 20 seconds twice.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The connections that wait for the next call.
#[derive(Default)]
pub(super) struct Connections(Mutex<Vec<(TcpStream, Instant)>>);

/// What came back.
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) body: String,
    /// Whether the connection can be used again.
    stays_open: bool,
}

impl Connections {
    /// Sends a request, whole as it is here, and reads its response.
    pub(super) fn exchange(&self, address: &str, request: &str) -> io::Result<Received> {
        let stream = match self.take() {
            Some(kept) => kept,
            None => connect(address)?,
        };
        // It is never sent a second time: a sandbox that ends may have done what it was asked for.
        (&stream).write_all(request.as_bytes())?;
        let mut reader = BufReader::new(&stream).take(MAX_RESPONSE);
        let received = receive(&mut reader)?;
        if received.stays_open && reader.get_ref().buffer().is_empty() {
            self.keep(stream);
        }
        Ok(received)
    }

    /// The connection that was used last, if it is still open.
    fn take(&self) -> Option<TcpStream> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < MAX_IDLE);
        while let Some((stream, _)) = kept.pop() {
            if is_open(&stream) {
                return Some(stream);
            }
        }
        None
    }

    fn keep(&self, stream: TcpStream) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.push((stream, Instant::now()));
        }
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    Ok(stream)
}

/// Whether a connection that nobody speaks on is open: there is neither its end nor anything else to be read.
fn is_open(stream: &TcpStream) -> bool {
    let peek = || {
        stream.set_nonblocking(true)?;
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false)?;
        peeked
    };
    peek().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Reads a response, which has a length or ends with its connection.
fn receive(reader: &mut impl BufRead) -> io::Result<Received> {
    let broken =
        || io::Error::new(io::ErrorKind::InvalidData, "what came back is not the response of a sandbox");
    let (mut length, mut stays_open) = (None, true);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status =
        line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next()?.trim_end().parse().ok());
    let status: u16 = status.ok_or_else(broken)?;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(broken());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match (&*name.to_ascii_lowercase(), value.trim()) {
            ("content-length", value) => length = Some(value.parse::<usize>().map_err(|_| broken())?),
            ("connection", value) => stays_open = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = String::new();
    match length {
        _ if status == 204 => {}
        Some(length) => {
            reader.take(length as u64).read_to_string(&mut body)?;
            if body.len() < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        None => {
            reader.read_to_string(&mut body)?;
            stays_open = false;
        }
    }
    Ok(Received { status, body, stays_open })
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, TcpListener};
    use std::thread;

    use super::*;

    const REQUEST: &str = "GET / HTTP/1.1\r\n\r\n";

    /// Reads requests of a connection, and gives each the next of these responses; then ends it.
    fn serve(stream: &TcpStream, responses: &[&str]) {
        let mut reader = BufReader::new(stream);
        for response in responses {
            for line in reader.by_ref().lines() {
                if line.unwrap().is_empty() {
                    break;
                }
            }
            (&*stream).write_all(response.as_bytes()).unwrap();
        }
        stream.shutdown(Shutdown::Both).unwrap();
    }

    #[test]
    fn a_connection_is_used_again_while_it_is_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = thread::spawn(move || {
            let next = || listener.accept().unwrap().0;
            let (ok, none) =
                ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 204 No Content\r\n\r\n");
            serve(&next(), &[ok, none, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n3"]);
            serve(&next(), &["HTTP/1.1 400 Bad Request\r\n\r\n4"]);
            serve(&next(), &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut off"]);
        });
        let connections = Connections::default();
        let exchange = || connections.exchange(&address, REQUEST).map(|got| (got.status, got.body));
        let expected = [(200, "{}"), (204, ""), (200, "3"), (400, "4")];
        for (status, body) in expected {
            assert_eq!(exchange().unwrap(), (status, body.to_owned()));
        }
        assert_eq!(exchange().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        served.join().unwrap();
    }

    #[test]
    fn a_connection_that_has_ended_is_not_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Connections::default();
        for _ in 0..2 {
            thread::scope(|scope| {
                let served = scope.spawn(|| {
                    serve(&listener.accept().unwrap().0, &["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]);
                });
                assert_eq!(connections.exchange(&address, REQUEST).unwrap().status, 200);
                served.join().unwrap();
            });
        }
        drop(listener);
        let refused = connections.exchange(&address, REQUEST).map(|received| received.status);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
