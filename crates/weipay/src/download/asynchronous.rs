//! Downloads of the async client.

use std::io;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use tokio::io::{AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};

use super::part_file::PartFile;
use super::{Download, Downloaded, MAX_ERROR_BODY, MAX_IN_MEMORY, Prepared, downloaded};
use crate::attempts::ExchangeLimits;
use crate::delivery::Async;
use crate::error::{Error, FileError, Sent};
use crate::failover::Host;
use crate::observer::{AttemptWatch, Watch};
use crate::runtime;
use crate::transport::{Body, StreamResponse, lost, timed_out};

impl Download<Async> {
    /// Writes the file to a writer, which need not be buffered.
    ///
    /// # Errors
    ///
    /// If nothing was sent, no file came, it is not the announced one, or it cannot be written. What was written before must not
    /// be used, and once something was written, the download is not repeated.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin + Send) -> Result<Downloaded, Error> {
        self.run_watched(Sink::Writer { writer: &mut writer, is_written: false }).await
    }

    /// Writes the file to a path. The data goes to a temporary file in the same folder, which is renamed after verification.
    /// After an error, or if the future is dropped, the path is unchanged.
    ///
    /// On Unix a new file has mode 0600; a file that is replaced keeps its mode.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer).
    pub async fn to_file(self, path: impl AsRef<Path> + Send) -> Result<Downloaded, Error> {
        self.prepare(Host::Main)?;
        let path = path.as_ref().to_owned();
        let (part, file) = on_another_thread(move || PartFile::create(&path)).await?;
        let mut file = tokio::fs::File::from_std(file);
        let downloaded = self.run_watched(Sink::File(&mut file)).await?;
        let file = file.into_std().await;
        on_another_thread(move || part.finish(&file)).await?;
        Ok(downloaded)
    }

    /// The file in memory.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer), and if the file is larger than 64 MiB or the limit that was set.
    pub async fn to_bytes(mut self) -> Result<Bytes, Error> {
        self.max_bytes.get_or_insert(MAX_IN_MEMORY);
        let mut bytes = Vec::new();
        self.run_watched(Sink::Bytes(&mut bytes)).await?;
        Ok(bytes.into())
    }

    async fn run_watched(self, sink: Sink<'_>) -> Result<Downloaded, Error> {
        let (core, request) = (&self.shared.core, self.prepare(Host::Main)?.request);
        let watch = Watch::begin(core, &request);
        let run = watch.during(self.run(sink, &watch)).await;
        watch.end(&run);
        run
    }

    async fn run(&self, mut sink: Sink<'_>, watch: &Watch<'_>) -> Result<Downloaded, Error> {
        let core = &self.shared.core;
        let timer = &core.delivery.timer;
        let began = timer.now();
        if let Some(call) = self.call() {
            let limit = core.timeout(call).min(self.timeout);
            let keys = self.shared.ensure_keys(call, limit).await;
            keys.map_err(|error| error.in_call(call))?;
        }
        let mut attempts = self.attempts(began);
        loop {
            // Signed again: a signature is good for five minutes.
            let prepared = self.prepare(attempts.host())?;
            let request = prepared.request.clone();
            let mut attempt_watch = watch.attempt();
            let outcome = match attempts.left() {
                Ok(left) => {
                    let limits = attempts.exchange_limits(left);
                    let attempt = pin!(self.attempt(prepared, &limits, &mut sink, &mut attempt_watch));
                    let outcome = runtime::timeout(left, attempt).await;
                    outcome.unwrap_or_else(|_| Err(timed_out(Sent::Perhaps).into()))
                }
                Err(error) => Err(error),
            };
            let outcome = outcome.map_err(|error| error.in_call(&request));
            attempt_watch.end(&outcome);
            let Some(wait) = self.next(&mut attempts, &outcome, sink.can_restart()) else {
                return outcome.map_err(|error| error.after(attempts.into_ended()));
            };
            timer.sleep(wait).await;
            sink.restart().await.map_err(|error| Error::from(FileError::Write(error)).in_call(&request))?;
        }
    }

    async fn attempt(
        &self,
        prepared: Prepared,
        limits: &ExchangeLimits,
        sink: &mut Sink<'_>,
        watch: &mut AttemptWatch<'_>,
    ) -> Result<Downloaded, Error> {
        let Prepared { request, unsent, wait, mut receiver } = prepared;
        let keys = self.shared.core.platform();
        let mut signed: http::Request<Body> = self.shared.signed(unsent, wait).await?.map(Into::into);
        watch.sends(&signed);
        signed.extensions_mut().insert(StreamResponse);
        limits.tell(&mut signed);
        let authorization = signed.headers().get(AUTHORIZATION).cloned();
        let response = self.shared.transport.send(signed, wait).await?;
        if let Some(serial) = self.serial_to_verify(&request, &response, &keys) {
            self.shared.fetch_unknown_key(serial, wait).await;
        }
        let (parts, mut body) = response.into_parts();
        let headers = parts.headers.clone();
        let Some(media_type) = self.judge(&request, &mut receiver, &parts, &keys)? else {
            let body = body.into_bytes(MAX_ERROR_BODY).await.map_err(|error| lost(Sent::Perhaps, error))?;
            return match self.judge_body(&request, parts, body, &keys) {
                Ok(_) => Err(FileError::NoFile.into()),
                Err(error) => Err(error.hiding(&request, authorization.as_ref())),
            };
        };
        while let Some(piece) = body.next_piece().await {
            let piece = piece.map_err(|error| lost(Sent::Perhaps, error))?;
            let decrypted = receiver.decrypt(&piece)?;
            let mut input = &decrypted[..];
            while !input.is_empty() {
                let piece = receiver.next_piece(&mut input)?;
                sink.write(&piece).await.map_err(FileError::Write)?;
            }
        }
        sink.write(&receiver.last_piece()?).await.map_err(FileError::Write)?;
        if let Some(text) = receiver.take_held() {
            let text = self.judge_body(&request, parts, text.into(), &keys)?;
            sink.write(&text).await.map_err(FileError::Write)?;
        }
        let received = receiver.conclude()?;
        sink.flush().await.map_err(FileError::Write)?;
        Ok(downloaded(received, media_type, headers))
    }
}

/// Where a file goes.
enum Sink<'a> {
    Writer { writer: &'a mut (dyn AsyncWrite + Unpin + Send), is_written: bool },
    File(&'a mut tokio::fs::File),
    Bytes(&'a mut Vec<u8>),
}

impl Sink<'_> {
    async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Writer { writer, is_written } => {
                *is_written |= !piece.is_empty();
                writer.write_all(piece).await
            }
            Self::File(file) => file.write_all(piece).await,
            Self::Bytes(bytes) => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Writer { writer, .. } => writer.flush().await,
            Self::File(file) => file.flush().await,
            Self::Bytes(_) => Ok(()),
        }
    }

    /// Whether what was written can be taken back.
    fn can_restart(&self) -> bool {
        !matches!(self, Self::Writer { is_written: true, .. })
    }

    /// Takes back what was written.
    async fn restart(&mut self) -> io::Result<()> {
        match self {
            Self::Writer { .. } => {}
            Self::File(file) => {
                file.rewind().await?;
                file.set_len(0).await?;
            }
            Self::Bytes(bytes) => bytes.clear(),
        }
        Ok(())
    }
}

async fn on_another_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, FileError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(FileError::Write(io::Error::other(runtime::NONE)));
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(FileError::Write)
}
