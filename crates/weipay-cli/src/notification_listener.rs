//! A listener on this machine for notifications: it reads a request within limits, and writes the response of a handler.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use weipay::bytes::Bytes;
use weipay::notification::MAX_BODY;

/// The longest request line and header section, in bytes.
const MAX_HEAD: u64 = 64 * 1024;
/// How long a notification may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);

/// Starts one, which ends with the process, and gives its address without a path. The handler is given path, headers and body.
pub(crate) fn listen(
    handle: impl Fn(&str, &HeaderMap, &[u8]) -> Response<Bytes> + Send + Sync + 'static,
) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let handle = Arc::new(handle);
    thread::Builder::new().name("receiver".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            // The sandbox posts few at a time. What breaks off was not acknowledged, so it comes again.
            let _ = thread::Builder::new().spawn(move || serve(stream, &*handle));
        }
    })?;
    Ok(address)
}

fn serve(stream: TcpStream, handle: &impl Fn(&str, &HeaderMap, &[u8]) -> Response<Bytes>) -> io::Result<()> {
    stream.set_read_timeout(Some(ARRIVAL))?;
    let mut reader = BufReader::new(stream);
    let (path, headers) = read_head(&mut reader)?;
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.filter(|length| *length <= MAX_BODY).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    write_response(reader.get_mut(), &handle(&path, &headers, &body))
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(String, HeaderMap)> {
    let mut reader = reader.take(MAX_HEAD);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((path, headers)) };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim()))
        {
            headers.append(name, value);
        }
    }
}

fn write_response(stream: &mut TcpStream, response: &Response<Bytes>) -> io::Result<()> {
    let (status, body) = (response.status().as_u16(), response.body());
    let head = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_given_to_the_handler_and_one_that_is_too_long_is_not_read() {
        let address = listen(|path, headers, body| {
            let said = format!("{path} {} {}", headers["wechatpay-nonce"].to_str().unwrap(), body.len());
            Response::new(said.into())
        })
        .unwrap();
        let ask = |length: usize| {
            let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
            let head =
                format!("POST /notify HTTP/1.1\r\nWechatpay-Nonce: n\r\nContent-Length: {length}\r\n\r\nabc");
            stream.write_all(head.as_bytes()).unwrap();
            let mut response = String::new();
            // A connection that is closed with bytes unread may be reset.
            let _ = stream.read_to_string(&mut response);
            response
        };
        assert!(ask(3).ends_with("\r\n\r\n/notify n 3"));
        assert_eq!(ask(MAX_BODY + 1), "");
    }
}
