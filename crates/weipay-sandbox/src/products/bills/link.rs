//! The address of a bill: a token says whose bill of which day, sealed with its merchant's key, so that nothing must be kept.

use weipay_wire::ApiV3Key;

use super::{BillKind, BillOf};
use crate::grammar::unconfirmed;
use crate::products::downloads::gzip::Gzip;
use crate::products::downloads::token::{self, Sealer};
use crate::products::{Behaviour, Links};
use crate::response::{File, Refusal};
use crate::store::StoreError;

/// How long an address is valid.
const LIFE_SECONDS: i64 = 300;
/// The same of a profit sharing bill, by its page.
const SHARING_LIFE_SECONDS: i64 = 30;

const ASSOCIATED_DATA: &str = "bill";

/// The target of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BillLink {
    pub(super) bill: BillOf,
    /// The SHA-1 of its text that was announced with the address.
    pub(super) digest: String,
    pub(super) is_gzip: bool,
    /// Key and nonce, when the file itself is sealed (子商户资金账单).
    pub(super) key: Option<(String, String)>,
    pub(super) made: i64,
}

impl BillLink {
    pub(super) fn address(&self, base_url: &str, sealer: &Sealer<'_>) -> Option<String> {
        let BillOf { kind, mchid, sub_mchid, day, .. } = &self.bill;
        let sub_mchid = sub_mchid.as_deref().unwrap_or("-");
        let (file_key, file_nonce) = self.key.as_ref().map_or(("-", "-"), |(key, nonce)| (key, nonce));
        let (word, is_gzip, made) = (kind.word(), u8::from(self.is_gzip), self.made);
        let digest = &self.digest;
        let text =
            format!("{word} {mchid} {sub_mchid} {day} {digest} {is_gzip} {made} {file_key} {file_nonce}");
        let token = sealer.seal(ASSOCIATED_DATA, &text)?;
        let packed = if self.is_gzip { "&tartype=gzip" } else { "" };
        Some(format!("{base_url}/v3/billdownload/file?token={token}{packed}"))
    }

    /// The target of a token, if it was sealed so.
    fn open(token: &str, sealer: &Sealer<'_>) -> Option<Self> {
        let text = sealer.open(ASSOCIATED_DATA, token)?;
        let words: Vec<&str> = text.split(' ').collect();
        let [word, mchid, sub_mchid, day, digest, is_gzip, made, file_key, file_nonce] = words[..] else {
            return None;
        };
        let given = |text: &str| (text != "-").then(|| text.to_owned());
        Some(Self {
            bill: BillOf {
                kind: BillKind::from_word(word)?,
                mchid: mchid.to_owned(),
                sub_mchid: given(sub_mchid),
                sub_merchants: Vec::new(),
                day: day.parse().ok()?,
            },
            digest: digest.to_owned(),
            is_gzip: is_gzip == "1",
            key: given(file_key).zip(given(file_nonce)),
            made: made.parse().ok()?,
        })
    }

    fn is_old(&self, now: i64) -> bool {
        let life = match self.bill.kind {
            BillKind::ProfitSharing => SHARING_LIFE_SECONDS,
            _ => LIFE_SECONDS,
        };
        now.saturating_sub(self.made) > life
    }

    /// The bill, unless it is another one by now than that of the digest.
    ///
    /// UNCONFIRMED(sealed-bill): that a sealed file is the bytes of the ciphertext with its tag, packed before it was sealed.
    fn file(&self, links: &Links<'_>) -> Result<File, Refusal> {
        let failed = |error: StoreError| Refusal::system_error().with_reason(format!("{error:#}"));
        let bytes = links.store.transaction(|tx| {
            if self.is_gzip {
                let mut packed = Gzip::new();
                let (digest, _) =
                    self.bill.write_with_digest(tx, &mut |part| packed.write(part.as_bytes()))?;
                return Ok((digest, packed.finish()));
            }
            let mut text = Vec::new();
            let (digest, _) =
                self.bill.write_with_digest(tx, &mut |part| text.extend_from_slice(part.as_bytes()))?;
            Ok((digest, text))
        });
        let (digest, bytes) = bytes.map_err(failed)?;
        if digest != self.digest {
            return Err(unconfirmed::old_link().with_reason(
                "the bill no longer matches the announced digest, because the clock was moved back or merchants have \
                 changed: ask for the bill again",
            ));
        }
        let (bytes, content_type) = match (&self.key, self.is_gzip) {
            (Some((key, nonce)), _) => {
                let key = ApiV3Key::new(key).map_err(|_| Refusal::system_error())?;
                let sealed = key.seal_bytes(nonce, "", &bytes).map_err(|_| Refusal::system_error())?;
                (sealed, "application/octet-stream")
            }
            (None, true) => (bytes, "application/x-gzip"),
            (None, false) => (bytes, "text/plain; charset=utf-8"),
        };
        Ok(File { content_type, bytes, is_statement: false, origin: Behaviour::State })
    }
}

/// The bill that a token leads to; `None` for any other text.
pub(in crate::products) fn download(token: &str, links: &Links<'_>) -> Option<Result<File, Refusal>> {
    let mut link = match token::open_own(links, |sealer| BillLink::open(token, sealer))? {
        Ok(link) => link,
        Err(refusal) => return Some(Err(refusal)),
    };
    // They are too many for an address.
    if link.bill.kind == BillKind::AllFundFlows {
        let asker = links.merchants.find(&link.bill.mchid);
        link.bill.sub_merchants = asker.map(|asker| asker.account.sub_merchants.clone()).unwrap_or_default();
    }
    Some(if link.is_old(links.now) { Err(unconfirmed::old_link()) } else { link.file(links) })
}
