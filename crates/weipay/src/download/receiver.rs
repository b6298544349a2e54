//! Decodes the bytes of a file while they arrive, without I/O: decrypts them if they are encrypted, decompresses gzip,
//! computes the digest, and limits the size. Memory use does not depend on the size of the file.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use weipay_wire::{Digester, SealedFile};

use super::form::{Form, GZIP};
use super::{Digest, MAX_ERROR_BODY, is_short_json};
use crate::error::{ApiError, FileError, MAX_UNDER_SUCCESS};

/// So much input is decompressed at a time.
const STEP: usize = 16 * 1024;

pub(super) struct Receiver {
    seal: Option<SealedFile>,
    content: Content,
    digest: Option<Digest>,
    digester: Option<Digester>,
    max_bytes: u64,
    received: u64,
    bytes: u64,
    was_sealed: bool,
    /// All bytes so far, as long as they may be those of an error response.
    perhaps_error: Option<Vec<u8>>,
    /// Text that is not passed on yet, because it may be an error in place of the file.
    held: Option<Vec<u8>>,
    /// Whether JSON of any length is no file.
    refuses_json: bool,
    /// The digest of the bytes as they came, where nobody says of which it is.
    as_received: Option<Digester>,
}

enum Content {
    /// The bytes so far are the beginning of [`GZIP`].
    Undecided(Vec<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

/// The facts of a file that was received.
pub(super) struct Received {
    pub(super) bytes: u64,
    pub(super) was_compressed: bool,
    pub(super) was_encrypted: bool,
    pub(super) digest: Option<Digest>,
}

impl Receiver {
    pub(super) fn new(seal: Option<SealedFile>, digest: Option<Digest>, max_bytes: Option<u64>) -> Self {
        let digester = digest.as_ref().map(|digest| Digester::new(digest.algorithm));
        let max_bytes = max_bytes.unwrap_or(u64::MAX);
        Self {
            seal,
            content: Content::Undecided(Vec::new()),
            digest,
            digester,
            max_bytes,
            received: 0,
            bytes: 0,
            was_sealed: false,
            perhaps_error: Some(Vec::new()),
            held: None,
            refuses_json: false,
            as_received: None,
        }
    }

    /// Of a file that is the response to a call, so that an error may come in place of it with the same status. Nothing
    /// of that is given as a piece of the file.
    pub(super) fn of_call(mut self) -> Self {
        (self.perhaps_error, self.held) = (None, Some(Vec::new()));
        self
    }

    /// The head of the response says which digest the file has, and not whether compressed or not. Nothing has been received yet.
    pub(super) fn announce(&mut self, digest: Digest) {
        self.digester = Some(Digester::new(digest.algorithm));
        self.as_received = Some(Digester::new(digest.algorithm));
        self.digest = Some(digest);
    }

    /// The head of the response says that it is JSON, which no file is. One that is announced by its digest may be.
    pub(super) fn refuse_json(&mut self) {
        self.refuses_json = true;
    }

    /// The input ended, and all of the text is held back: it is an error, or a file that looks like one.
    pub(super) fn take_held(&mut self) -> Option<Vec<u8>> {
        self.held.take()
    }

    /// Decrypts what arrived, if it travels encrypted. It is the input of [`next_piece`](Self::next_piece).
    pub(super) fn decrypt<'a>(&mut self, arrived: &'a [u8]) -> Result<Cow<'a, [u8]>, FileError> {
        match &mut self.seal {
            None => Ok(Cow::Borrowed(arrived)),
            Some(seal) => Ok(Cow::Owned(seal.update(arrived).map_err(FileError::Sealed)?)),
        }
    }

    /// Takes the beginning of the decrypted input, and gives the next piece of the file, which may be empty.
    /// Call it until nothing of the input is left.
    pub(super) fn next_piece(&mut self, input: &mut &[u8]) -> Result<Vec<u8>, FileError> {
        let before = *input;
        let piece = match &mut self.content {
            Content::Undecided(head) => {
                let count = input.len().min(GZIP.len() - head.len());
                head.extend_from_slice(&input[..count]);
                *input = &input[count..];
                if *head == GZIP {
                    let mut decoder = Box::new(MultiGzDecoder::new(Vec::new()));
                    decoder.write_all(&GZIP).map_err(FileError::Compression)?;
                    self.content = Content::Gzip(decoder);
                    Vec::new()
                } else if GZIP.starts_with(head) {
                    Vec::new()
                } else {
                    let head = std::mem::take(head);
                    self.content = Content::Plain;
                    head
                }
            }
            Content::Plain => std::mem::take(input).to_vec(),
            Content::Gzip(decoder) => {
                let step = &input[..input.len().min(STEP)];
                match decoder.write(step).map_err(FileError::Compression)? {
                    0 => return Err(FileError::Compression(io::ErrorKind::InvalidData.into())),
                    taken => *input = &input[taken..],
                }
                std::mem::take(decoder.get_mut())
            }
        };
        let taken = &before[..before.len() - input.len()];
        self.received = self.received.saturating_add(taken.len() as u64);
        if let Some(digester) = &mut self.as_received {
            digester.update(taken);
        }
        // Gzip may be a little longer than what it compresses, but not endless members of nothing.
        if self.received > self.max_bytes.saturating_add(self.max_bytes / 64).saturating_add(64 * 1024) {
            return Err(FileError::TooLarge { limit: self.max_bytes });
        }
        self.count(piece)
    }

    /// The input ended: the last piece of the file. What is encrypted must fit its tag before.
    pub(super) fn last_piece(&mut self) -> Result<Vec<u8>, FileError> {
        if let Some(seal) = self.seal.take() {
            seal.finish().map_err(FileError::Sealed)?;
            self.was_sealed = true;
        }
        let piece = match &mut self.content {
            Content::Undecided(head) => std::mem::take(head),
            Content::Plain => Vec::new(),
            Content::Gzip(decoder) => {
                decoder.try_finish().map_err(FileError::Compression)?;
                std::mem::take(decoder.get_mut())
            }
        };
        self.count(piece)
    }

    /// Whether the file is the announced one.
    pub(super) fn conclude(self) -> Result<Received, FileError> {
        let error = self.perhaps_error.as_deref().and_then(ApiError::under_success);
        if let (Some(digest), Some(digester)) = (&self.digest, self.digester) {
            let computed = digester.finish_hex();
            let as_received = self.as_received.map(Digester::finish_hex);
            if computed != digest.hex && as_received.is_none_or(|computed| computed != digest.hex) {
                if let Some(error) = error {
                    return Err(FileError::ErrorResponse(error));
                }
                return Err(FileError::WrongDigest {
                    algorithm: digest.algorithm,
                    announced: digest.hex.clone(),
                    computed,
                    bytes: self.bytes,
                });
            }
        }
        // Without a digest, or it would be the announced file.
        if let Some(text) = self.perhaps_error.filter(|_| self.digest.is_none()) {
            if let Some(error) = error {
                return Err(FileError::ErrorResponse(error));
            }
            let form = Form::of(&text);
            if form == Form::Nothing {
                return Err(FileError::NoFile);
            }
            if is_short_json(&text) || form == Form::Markup {
                return Err(FileError::in_place_of_a_file(&text));
            }
        }
        let was_compressed = matches!(self.content, Content::Gzip(_));
        Ok(Received {
            bytes: self.bytes,
            was_compressed,
            was_encrypted: self.was_sealed,
            digest: self.digest,
        })
    }

    fn count(&mut self, piece: Vec<u8>) -> Result<Vec<u8>, FileError> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > self.max_bytes {
            return Err(FileError::TooLarge { limit: self.max_bytes });
        }
        if let Some(digester) = &mut self.digester {
            digester.update(&piece);
        }
        if let Some(text) = &mut self.perhaps_error {
            text.extend_from_slice(&piece[..piece.len().min(MAX_UNDER_SUCCESS + 1)]);
            let form = Form::of(text);
            if form == Form::Other || text.len() > MAX_UNDER_SUCCESS {
                // However long it is, markup is a page. An announced file is told by its digest.
                if self.digest.is_none() && form == Form::Markup {
                    return Err(FileError::WebPage);
                }
                if self.digest.is_none() && self.refuses_json && form == Form::Json {
                    return Err(FileError::NoFile);
                }
                self.perhaps_error = None;
            }
        }
        self.let_through(piece)
    }

    /// Gives what is held back, as soon as it can only be a file.
    fn let_through(&mut self, piece: Vec<u8>) -> Result<Vec<u8>, FileError> {
        let Some(held) = &mut self.held else { return Ok(piece) };
        held.extend_from_slice(&piece);
        let is_gzip = matches!(self.content, Content::Gzip(_));
        if is_gzip && held.starts_with(&GZIP) {
            let reason = "it is compressed twice, by the platform and by something on its way";
            return Err(FileError::Compression(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        let limit = match Form::of(held) {
            Form::Markup if held.len() > MAX_ERROR_BODY => return Err(FileError::WebPage),
            Form::Markup => MAX_ERROR_BODY,
            Form::Json if held.len() > MAX_UNDER_SUCCESS && self.refuses_json && self.digest.is_none() => {
                return Err(FileError::NoFile);
            }
            Form::Json | Form::Nothing => MAX_UNDER_SUCCESS,
            Form::Undecided => held.len(),
            Form::Other if is_gzip && GZIP.starts_with(held.as_slice()) => GZIP.len(),
            Form::Other => 0,
        };
        Ok(if held.len() > limit { self.held.take().unwrap_or_default() } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use weipay_wire::DigestAlgorithm;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Receives a body in pieces of a length, and says how long the longest piece of the file was.
    fn receive(
        mut receiver: Receiver,
        body: &[u8],
        length: usize,
    ) -> Result<(Vec<u8>, usize, Received), FileError> {
        let (mut file, mut longest) = (Vec::new(), 0);
        for mut input in body.chunks(length) {
            let decrypted = receiver.decrypt(input)?.into_owned();
            input = &decrypted;
            while !input.is_empty() {
                let piece = receiver.next_piece(&mut input)?;
                longest = longest.max(piece.len());
                file.extend(piece);
            }
        }
        file.extend(receiver.last_piece()?);
        receiver.conclude().map(|received| (file, longest, received))
    }

    fn sha1(text: &[u8]) -> Option<Digest> {
        Some(Digest::new("SHA1", &DigestAlgorithm::Sha1.hex(text)).unwrap())
    }

    #[test]
    fn a_file_is_the_same_in_pieces_of_any_length_compressed_or_not() {
        let text: Vec<u8> = "`2026-11-26,`0.01\r\n".bytes().cycle().take(100_000).collect();
        for text in [&text[..], b"", b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x07abc", b"PK"] {
            let members = [gzip(&text[..text.len() / 2]), gzip(&text[text.len() / 2..])].concat();
            for body in [text.to_vec(), gzip(text), members] {
                for length in [1, 2, 3, 1000, 1 << 20] {
                    let receiver = Receiver::new(None, sha1(text), Some(text.len() as u64));
                    let (file, _, received) = receive(receiver, &body, length).unwrap();
                    assert!(file == text && received.bytes == text.len() as u64, "{length}");
                    assert_eq!(received.was_compressed, body != text);
                }
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit_and_its_pieces_stay_small() {
        let bomb = gzip(&vec![0; 32 << 20]);
        let error = receive(Receiver::new(None, None, Some(1 << 20)), &bomb, bomb.len()).err();
        assert!(matches!(error, Some(FileError::TooLarge { limit: 0x10_0000 })), "{error:?}");
        let (file, longest, _) = receive(Receiver::new(None, None, None), &bomb, bomb.len()).unwrap();
        assert!(file.len() == 32 << 20 && longest <= 64 * 1024, "{longest}");
        // Members without content never end either.
        let nothing = gzip(b"").repeat(10_000);
        let error = receive(Receiver::new(None, None, Some(10)), &nothing, 4096).err();
        assert!(matches!(error, Some(FileError::TooLarge { limit: 10 })), "{error:?}");
    }

    #[test]
    fn a_truncated_or_damaged_gzip_is_an_error_wherever_it_ends() {
        let whole = gzip(b"a bill with some text in it");
        for length in 3..whole.len() {
            let error = receive(Receiver::new(None, None, None), &whole[..length], 5).err();
            assert!(matches!(error, Some(FileError::Compression(_))), "{length}");
        }
        for at in [3, 12, whole.len() - 8, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            assert!(
                receive(Receiver::new(None, sha1(b"a bill with some text in it"), None), &damaged, 64)
                    .is_err(),
                "{at}"
            );
        }
        let garbage = [&whole[..], b"garbage"].concat();
        assert!(receive(Receiver::new(None, None, None), &garbage, 64).is_err());
    }

    #[test]
    fn the_digest_is_of_the_text_and_not_of_what_was_sent() {
        let body = gzip(b"text");
        let error = receive(Receiver::new(None, sha1(&body), None), &body, 64).err();
        assert!(matches!(error, Some(FileError::WrongDigest { bytes: 4, .. })), "{error:?}");
    }

    /// Receives a file that is itself the response, in pieces. Returns the output, and the text that is held back at the end.
    fn receive_response(body: &[u8], length: usize) -> Result<(Vec<u8>, Option<Vec<u8>>), FileError> {
        let mut receiver = Receiver::new(None, None, None).of_call();
        let mut file = Vec::new();
        for mut input in body.chunks(length) {
            while !input.is_empty() {
                file.extend(receiver.next_piece(&mut input)?);
            }
        }
        file.extend(receiver.last_piece()?);
        let held = receiver.take_held();
        receiver.conclude().map(|_| (file, held))
    }

    #[test]
    fn of_what_may_be_an_error_in_place_of_a_bill_nothing_is_a_piece_of_it() {
        let long_object = [b"{", " ".repeat(MAX_UNDER_SUCCESS).as_bytes(), b"}"].concat();
        for length in [1, 2, 3, 100, 1 << 20] {
            for bill in
                [&b"a,b\r\n`1,`2\r\n"[..], b"\xEF\xBB\xBFa", b"\xEF\xBB", b"\xEFa", b"`", &long_object]
            {
                for body in [bill.to_vec(), gzip(bill)] {
                    let (file, held) = receive_response(&body, length).unwrap();
                    let all = [file, held.unwrap_or_default()].concat();
                    assert!(all == bill, "{length} {}", String::from_utf8_lossy(&bill[..bill.len().min(20)]));
                }
            }
            for error in [
                &b"<xml><return_code>FAIL</return_code></xml>"[..],
                b"\xEF\xBB\xBF\r\n <xml></xml>",
                b"<html></html>",
                b"{\"code\":\"SYSTEM_ERROR\"}",
                b"",
                b" \r\n",
            ] {
                for body in [error.to_vec(), gzip(error)] {
                    assert_eq!(receive_response(&body, length).unwrap(), (Vec::new(), Some(error.to_vec())));
                }
            }
        }
        for length in [1, 2, 1 << 20] {
            let twice = gzip(&gzip(b"a,b"));
            assert!(matches!(receive_response(&twice, length), Err(FileError::Compression(_))));
        }
        let page = [b"<html>", "x".repeat(MAX_ERROR_BODY).as_bytes()].concat();
        assert!(matches!(receive_response(&page, 4096), Err(FileError::WebPage)));
    }

    #[test]
    fn what_is_called_json_and_is_json_is_no_file_however_long_it_is() {
        let json =
            [b" {\"code\":\"SYSTEM_ERROR\",\"message\":\"", "x".repeat(70_000).as_bytes(), b"\"}"].concat();
        let bill: Vec<u8> = "`2026-11-26,`0.01\r\n".bytes().cycle().take(100_000).collect();
        for is_call in [false, true] {
            let receiver = |digest, is_called_json: bool| {
                let mut receiver = Receiver::new(None, digest, None);
                if is_call {
                    receiver = receiver.of_call();
                }
                if is_called_json {
                    receiver.refuse_json();
                }
                receiver
            };
            for length in [1, 1000, 1 << 20] {
                for body in [json.clone(), gzip(&json)] {
                    let refused = receive(receiver(None, true), &body, length);
                    assert!(matches!(refused, Err(FileError::NoFile)), "{length}");
                    let (file, ..) = receive(receiver(None, false), &body, length).unwrap();
                    assert!(file == json);
                    let (file, ..) = receive(receiver(sha1(&json), true), &body, length).unwrap();
                    assert!(file == json);
                }
                // Some servers call everything so.
                assert!(receive(receiver(None, true), &bill, length).unwrap().0 == bill);
            }
        }
    }

    #[test]
    fn a_digest_of_a_head_is_of_the_text_or_of_the_bytes_as_they_came() {
        let body = gzip(b"text");
        for (digest, is_good) in [(sha1(b"text"), true), (sha1(&body), true), (sha1(b"other"), false)] {
            let mut receiver = Receiver::new(None, None, None).of_call();
            receiver.announce(digest.unwrap());
            let received = receive(receiver, &body, 3);
            assert_eq!(received.is_ok(), is_good);
            if let Ok((file, _, received)) = received {
                assert_eq!((file.as_slice(), received.digest.is_some()), (&b"text"[..], true));
            }
        }
    }

    #[test]
    fn an_encrypted_bill_is_decrypted_before_it_is_decompressed() {
        let key = "0123456789abcdef0123456789abcdef";
        let seal = |sealed: &str| SealedFile::new(key.as_bytes(), sealed.as_bytes()).ok();
        let text: Vec<u8> = "`2026-11-26,`0.01\r\n".bytes().cycle().take(100_000).collect();
        for plain in [text.clone(), gzip(&text)] {
            let sealer = weipay_wire::ApiV3Key::new(key).unwrap();
            let body = sealer.seal_bytes("a8607ef79034", "", &plain).unwrap();
            for length in [1, 15, 16, 17, 70_000] {
                let receiver = Receiver::new(seal("a8607ef79034"), sha1(&text), None);
                let (file, _, received) = receive(receiver, &body, length).unwrap();
                assert!(file == text && received.was_encrypted, "{length}");
            }
            let mut changed = body.clone();
            changed[body.len() - 1] ^= 1;
            for bad in [&changed[..], &body[..body.len() - 1], &body[..15], b""] {
                let receiver = Receiver::new(seal("a8607ef79034"), None, None);
                assert!(matches!(
                    receive(receiver, bad, 4096),
                    Err(FileError::Sealed(_) | FileError::Compression(_))
                ));
            }
        }
    }
}
