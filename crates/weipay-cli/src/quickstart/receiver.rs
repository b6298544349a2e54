//! Where the shop is notified: a listener on this machine that gives what arrives to the SDK's receiver.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use weipay::bytes::Bytes;
use weipay::notification::{MAX_BODY, Notification, Receiver, Rejection};

const MAX_HEAD: u64 = 64 * 1024;
/// How long a notification may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Starts one, which ends with the process, and gives its address. `tell` learns of everything that was notified.
pub(super) fn listen(
    receiver: Receiver,
    tell: impl Fn(Result<Notification, Rejection>) + Send + 'static,
) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/notify", listener.local_addr()?);
    thread::Builder::new().name("receiver".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // What broke off was not acknowledged, so it comes again.
            let _ = serve(stream, &receiver, &tell);
        }
    })?;
    Ok(url)
}

fn serve(
    stream: TcpStream,
    receiver: &Receiver,
    tell: &impl Fn(Result<Notification, Rejection>),
) -> io::Result<()> {
    stream.set_read_timeout(Some(ARRIVAL))?;
    let mut reader = BufReader::new(stream);
    let headers = read_head(&mut reader)?;
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.filter(|length| *length <= MAX_BODY).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let received = receiver.receive(&headers, &body);
    let response = match &received {
        Ok(notification) => notification.success(),
        Err(rejection) => rejection.response(),
    };
    let written = write_response(reader.get_mut(), &response);
    tell(received);
    written
}

fn read_head(reader: &mut impl BufRead) -> io::Result<HeaderMap> {
    let mut reader = reader.take(MAX_HEAD);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(headers) };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim()))
        {
            headers.append(name, value);
        }
    }
}

fn write_response(stream: &mut TcpStream, response: &http::Response<Bytes>) -> io::Result<()> {
    let (status, body) = (response.status().as_u16(), response.body());
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())
}
