//! Downloads of the blocking client.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;

use super::part_file::PartFile;
use super::{Download, Downloaded, MAX_ERROR_BODY, MAX_IN_MEMORY, Prepared, downloaded, judge};
use crate::delivery::Blocking;
use crate::error::{Error, FileError, Sent};
use crate::transport::blocking::Body;
use crate::transport::{StreamResponse, lost, timed_out};

impl Download<Blocking> {
    /// Writes the file to a writer, which need not be buffered.
    ///
    /// # Errors
    ///
    /// If nothing was sent, no file came, it is not the announced one, or it cannot be written. What was written before must not
    /// be used.
    pub fn to_writer(self, mut writer: impl Write) -> Result<Downloaded, Error> {
        let prepared = self.prepare()?;
        let request = prepared.request.clone();
        self.run(prepared, &mut writer).map_err(|error| error.in_call(&request))
    }

    /// Writes the file to a path. It is written beside that, and moved there only when it is good, so that after an error the
    /// path has what it had before.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer).
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<Downloaded, Error> {
        let prepared = self.prepare()?;
        let (part, mut file) = PartFile::create(path.as_ref()).map_err(FileError::Write)?;
        let request = prepared.request.clone();
        let downloaded = self.run(prepared, &mut file).map_err(|error| error.in_call(&request))?;
        part.finish(&file).map_err(FileError::Write)?;
        Ok(downloaded)
    }

    /// The file in memory.
    ///
    /// # Errors
    ///
    /// As [`to_writer`](Self::to_writer), and if the file is larger than 64 MB or the limit that was set.
    pub fn to_bytes(mut self) -> Result<Bytes, Error> {
        self.max_bytes.get_or_insert(MAX_IN_MEMORY);
        let mut bytes = Vec::new();
        self.to_writer(&mut bytes)?;
        Ok(bytes.into())
    }

    fn run(self, prepared: Prepared, writer: &mut dyn Write) -> Result<Downloaded, Error> {
        let start = Instant::now();
        let Prepared { signed, wait, mut receiver, .. } = prepared;
        let mut signed = signed.map(|()| Body::empty());
        signed.extensions_mut().insert(StreamResponse);
        let (parts, mut body) = self.shared.transport.send(signed, wait)?.into_parts();
        let Some(media_type) = judge(parts.status, &parts.headers)? else {
            let body = body.into_bytes(MAX_ERROR_BODY).map_err(|error| lost(Sent::Perhaps, error))?;
            return Err(self.shared.refused(parts, body));
        };
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if start.elapsed() >= self.timeout {
                return Err(timed_out(Sent::Perhaps).into());
            }
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(lost(Sent::Perhaps, error).into()),
            };
            let mut input = &buffer[..count];
            while !input.is_empty() {
                let piece = receiver.next_piece(&mut input)?;
                writer.write_all(&piece).map_err(FileError::Write)?;
            }
        }
        writer.write_all(&receiver.last_piece()?).map_err(FileError::Write)?;
        let received = receiver.conclude()?;
        writer.flush().map_err(FileError::Write)?;
        Ok(downloaded(received, media_type))
    }
}
