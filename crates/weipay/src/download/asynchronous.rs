//! Downloads of the async client.

use std::path::Path;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::part_file::PartFile;
use super::{Download, Downloaded, MAX_ERROR_BODY, MAX_IN_MEMORY, Prepared, downloaded, judge};
use crate::delivery::Async;
use crate::error::{Error, FileError, Sent};
use crate::transport::{Body, StreamResponse, lost, timed_out};

impl Download<Async> {
    /// Writes the file to a writer, which need not be buffered.
    ///
    /// # Errors
    ///
    /// If nothing was sent, no file came, it is not the announced one, or it cannot be written. What was written before must not
    /// be used.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin + Send) -> Result<Downloaded, Error> {
        let prepared = self.prepare()?;
        self.run_in_time(prepared, &mut writer).await
    }

    /// Writes the file to a path. It is written beside that, and moved there only when it is good, so that after an error, or if
    /// the future is dropped, the path has what it had before.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer).
    pub async fn to_file(self, path: impl AsRef<Path> + Send) -> Result<Downloaded, Error> {
        let prepared = self.prepare()?;
        let path = path.as_ref().to_owned();
        let (part, file) = on_another_thread(move || PartFile::create(&path)).await?;
        let mut file = tokio::fs::File::from_std(file);
        let downloaded = self.run_in_time(prepared, &mut file).await?;
        let file = file.into_std().await;
        on_another_thread(move || part.finish(&file)).await?;
        Ok(downloaded)
    }

    /// The file in memory.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer), and if the file is larger than 64 MB or the limit that was set.
    pub async fn to_bytes(mut self) -> Result<Bytes, Error> {
        self.max_bytes.get_or_insert(MAX_IN_MEMORY);
        let mut bytes = Vec::new();
        self.to_writer(&mut bytes).await?;
        Ok(bytes.into())
    }

    async fn run_in_time(
        self,
        prepared: Prepared,
        writer: &mut (dyn AsyncWrite + Unpin + Send),
    ) -> Result<Downloaded, Error> {
        let request = prepared.request.clone();
        let run = tokio::time::timeout(self.timeout, self.run(prepared, writer)).await;
        let run = run.unwrap_or_else(|_| Err(timed_out(Sent::Perhaps).into()));
        run.map_err(|error| error.in_call(&request))
    }

    async fn run(
        &self,
        prepared: Prepared,
        writer: &mut (dyn AsyncWrite + Unpin + Send),
    ) -> Result<Downloaded, Error> {
        let Prepared { signed, wait, mut receiver, .. } = prepared;
        let mut signed = signed.map(|()| Body::empty());
        signed.extensions_mut().insert(StreamResponse);
        let (parts, mut body) = self.shared.transport.send(signed, wait).await?.into_parts();
        let Some(media_type) = judge(parts.status, &parts.headers)? else {
            let body = body.into_bytes(MAX_ERROR_BODY).await.map_err(|error| lost(Sent::Perhaps, error))?;
            return Err(self.shared.refused(parts, body));
        };
        while let Some(piece) = body.next_piece().await {
            let piece = piece.map_err(|error| lost(Sent::Perhaps, error))?;
            let mut input = &piece[..];
            while !input.is_empty() {
                let piece = receiver.next_piece(&mut input)?;
                writer.write_all(&piece).await.map_err(FileError::Write)?;
            }
        }
        writer.write_all(&receiver.last_piece()?).await.map_err(FileError::Write)?;
        let received = receiver.conclude()?;
        writer.flush().await.map_err(FileError::Write)?;
        Ok(downloaded(received, media_type))
    }
}

async fn on_another_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, FileError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(FileError::Write)
}
