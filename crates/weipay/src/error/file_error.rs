//! Why a file that arrived is not good.

use std::io;

use weipay_wire::{DigestAlgorithm, SealedFileError};

use super::ApiError;

/// Why a download (下载) failed although the platform responded. Whatever was written of the file before must
/// not be used: `to_file` and `to_bytes` leave nothing behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file is not the one whose digest the platform announced.
    #[error(
        "the file does not match its announced digest: its {algorithm} is {computed}, expected {announced}. Do not use \
         any of its {bytes} bytes; download it again"
    )]
    WrongDigest {
        /// The algorithm.
        algorithm: DigestAlgorithm,
        /// The announced digest, in lower-case hexadecimal.
        announced: String,
        /// The digest of what came.
        computed: String,
        /// How many bytes came, after decompression.
        bytes: u64,
    },
    /// The file is larger than the limit that the caller set. Compressed files count as decompressed.
    #[error("the file is larger than its limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The gzip stream is damaged or ends too early.
    #[error("the compressed file (gzip) is damaged or incomplete: download it again")]
    Compression(#[source] io::Error),
    /// The file is encrypted and cannot be decrypted.
    #[error("the encrypted file (加密账单) cannot be decrypted")]
    Sealed(#[source] SealedFileError),
    /// The response is an HTML page, which no file of the platform is. It may come from a proxy.
    #[error("the response is a web page (HTML), not the file: it may come from a proxy")]
    WebPage,
    /// The file is compressed in a way that the client did not request and does not decompress, perhaps by a proxy.
    #[error(
        "the file has the header `Content-Encoding`, which the client did not request: a proxy may have compressed it"
    )]
    Encoded,
    /// The response is neither the file nor a readable error: for example JSON or HTML in place of a file without an announced
    /// digest.
    #[error("the response body is not a file")]
    NoFile,
    /// An error response came instead of the file, with a status of success.
    #[error("the response is an error, not the file: {0}")]
    ErrorResponse(ApiError),
    /// The file could not be written.
    #[error("the file cannot be written")]
    Write(#[source] io::Error),
}

impl FileError {
    /// Classifies a text that came in place of a file: an error response, if it has a code or a message.
    pub(crate) fn in_place_of_a_file(text: &[u8]) -> Self {
        let error = ApiError::read(text);
        match error.code.is_empty() && error.message.is_empty() {
            true => Self::NoFile,
            false => Self::ErrorResponse(error),
        }
    }
}
