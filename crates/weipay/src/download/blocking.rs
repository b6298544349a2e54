//! Downloads of the blocking client.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use http::header::AUTHORIZATION;

use super::part_file::PartFile;
use super::{Download, Downloaded, MAX_ERROR_BODY, MAX_IN_MEMORY, Prepared, downloaded};
use crate::attempts::ExchangeLimits;
use crate::delivery::Blocking;
use crate::error::{Error, FileError, Sent};
use crate::failover::Host;
use crate::observer::{AttemptWatch, Watch};
use crate::transport::blocking::Body;
use crate::transport::{EndOfTime, StreamResponse, lost, out_of_time, timed_out};

impl Download<Blocking> {
    /// Writes the file to a writer, which need not be buffered.
    ///
    /// # Errors
    ///
    /// If nothing was sent, no file came, it is not the announced one, or it cannot be written. What was written before must not
    /// be used, and once something was written, the download is not repeated.
    pub fn to_writer(self, mut writer: impl Write) -> Result<Downloaded, Error> {
        self.run(Sink::Writer { writer: &mut writer, is_written: false })
    }

    /// Writes the file to a path. The data goes to a temporary file in the same folder, which is renamed after verification.
    /// After an error the path is unchanged.
    ///
    /// On Unix a new file has mode 0600; a file that is replaced keeps its mode.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer).
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<Downloaded, Error> {
        self.prepare(Host::Main)?;
        let (part, mut file) = PartFile::create(path.as_ref()).map_err(FileError::Write)?;
        let downloaded = self.run(Sink::File(&mut file))?;
        part.finish(&file).map_err(FileError::Write)?;
        Ok(downloaded)
    }

    /// The file in memory.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer), and if the file is larger than 64 MiB or the limit that was set.
    pub fn to_bytes(mut self) -> Result<Bytes, Error> {
        self.max_bytes.get_or_insert(MAX_IN_MEMORY);
        let mut bytes = Vec::new();
        self.run(Sink::Bytes(&mut bytes))?;
        Ok(bytes.into())
    }

    fn run(self, sink: Sink<'_>) -> Result<Downloaded, Error> {
        let (core, request) = (&self.shared.core, self.prepare(Host::Main)?.request);
        let watch = Watch::begin(core, &request);
        let received = watch.within(|| self.run_attempts(sink, &watch));
        watch.end(&received);
        received
    }

    fn run_attempts(&self, mut sink: Sink<'_>, watch: &Watch<'_>) -> Result<Downloaded, Error> {
        let core = &self.shared.core;
        let timer = &core.delivery.timer;
        let began = timer.now();
        if let Some(call) = self.call() {
            let limit = core.timeout(call).min(self.timeout);
            let keys = self.shared.ensure_keys(call, limit);
            keys.map_err(|error| error.in_call(call))?;
        }
        let mut attempts = self.attempts(began);
        loop {
            // Signed again: a signature is good for five minutes.
            let prepared = self.prepare(attempts.host())?;
            let request = prepared.request.clone();
            let mut attempt_watch = watch.attempt();
            let attempt = |left| {
                let limits = attempts.exchange_limits(left);
                self.attempt(prepared, &limits, &mut sink, &mut attempt_watch)
            };
            let outcome = attempts.left().and_then(attempt);
            let outcome = outcome.map_err(|error| error.in_call(&request));
            attempt_watch.end(&outcome);
            let Some(wait) = self.next(&mut attempts, &outcome, sink.can_restart()) else {
                return outcome.map_err(|error| error.after(attempts.into_ended()));
            };
            timer.sleep_blocking(wait);
            sink.restart().map_err(|error| Error::from(FileError::Write(error)).in_call(&request))?;
        }
    }

    fn attempt(
        &self,
        prepared: Prepared,
        limits: &ExchangeLimits,
        sink: &mut Sink<'_>,
        watch: &mut AttemptWatch<'_>,
    ) -> Result<Downloaded, Error> {
        let Prepared { request, unsent, wait, mut receiver } = prepared;
        let keys = self.shared.core.platform();
        let left = limits.whole;
        let end = Instant::now() + left;
        let mut signed: http::Request<Body> = self.shared.signed(unsent, wait.min(left))?.map(Into::into);
        // The signer may have taken all of it.
        let wait = wait.min(end.saturating_duration_since(Instant::now()));
        if wait.is_zero() {
            return Err(out_of_time().into());
        }
        watch.sends(&signed);
        signed.extensions_mut().insert(StreamResponse);
        signed.extensions_mut().insert(EndOfTime(end));
        limits.tell(&mut signed);
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let response = self.shared.transport.send(signed, wait)?;
        if let Some(serial) = self.serial_to_verify(&request, &response, &keys) {
            self.shared.fetch_unknown_key(serial, wait.min(end.saturating_duration_since(Instant::now())));
        }
        let (parts, mut body) = response.into_parts();
        let headers = parts.headers.clone();
        let Some(media_type) = self.judge(&request, &mut receiver, &parts, &keys)? else {
            let body = body.into_bytes(MAX_ERROR_BODY).map_err(|error| lost(Sent::Perhaps, error))?;
            return match self.judge_body(&request, parts, body, &keys) {
                Ok(_) => Err(FileError::NoFile.into()),
                Err(error) => Err(error.hiding(&request, authorization.as_ref())),
            };
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // For a transport of the caller's, which does not know when it is over.
            if Instant::now() >= end {
                return Err(timed_out(Sent::Perhaps).into());
            }
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(lost(Sent::Perhaps, error).into()),
            };
            let decrypted = receiver.decrypt(&buffer[..count])?;
            let mut input = &decrypted[..];
            while !input.is_empty() {
                let piece = receiver.next_piece(&mut input)?;
                sink.write(&piece).map_err(FileError::Write)?;
            }
        }
        sink.write(&receiver.last_piece()?).map_err(FileError::Write)?;
        if let Some(text) = receiver.take_held() {
            let text = self.judge_body(&request, parts, text.into(), &keys)?;
            sink.write(&text).map_err(FileError::Write)?;
        }
        let received = receiver.conclude()?;
        sink.flush().map_err(FileError::Write)?;
        Ok(downloaded(received, media_type, headers))
    }
}

/// Where a file goes.
enum Sink<'a> {
    Writer { writer: &'a mut dyn Write, is_written: bool },
    File(&'a mut File),
    Bytes(&'a mut Vec<u8>),
}

impl Sink<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Writer { writer, is_written } => {
                *is_written |= !piece.is_empty();
                writer.write_all(piece)
            }
            Self::File(file) => file.write_all(piece),
            Self::Bytes(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Writer { writer, .. } => writer.flush(),
            Self::File(file) => file.flush(),
            Self::Bytes(_) => Ok(()),
        }
    }

    /// Whether what was written can be taken back.
    fn can_restart(&self) -> bool {
        !matches!(self, Self::Writer { is_written: true, .. })
    }

    /// Takes back what was written.
    fn restart(&mut self) -> io::Result<()> {
        match self {
            Self::Writer { .. } => {}
            Self::File(file) => {
                file.rewind()?;
                file.set_len(0)?;
            }
            Self::Bytes(bytes) => bytes.clear(),
        }
        Ok(())
    }
}
