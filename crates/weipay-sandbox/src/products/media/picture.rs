//! Pictures of complaints (反馈图片): uploaded, named in responses, and given back.
//!
//! Of each merchant the last ones are kept, within a number and a size. They lie in so many places, which are used
//! again, because a record is never taken away.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::number;
use crate::products::{Behaviour, Context, HandlerError, Links};
use crate::response::{File, Refusal};
use crate::store::{IndexEntry, IndexRange, Record, StoreError, Transaction, joined};
use crate::upload::kind::picture_type;

/// UNCONFIRMED(complaint-picture-kept): of each merchant so many are kept, with so many bytes together.
const MAX_PICTURES: usize = 50;
const MAX_BYTES: usize = 10 * 1024 * 1024;

/// The digits before the suffix of a `media_id`, as the documents show it.
const DIGITS: usize = 32;

pub(super) fn upload(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mchid = &*context.caller.mchid;
    let (name, bytes) = context.file.map_or(("", &[][..]), |file| (file.name, file.bytes));
    let suffix = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut media_id = number(context, "picture").to_uppercase();
    media_id.truncate(DIGITS);
    media_id.push_str(&format!(".{suffix}"));
    let shelf: Option<Shelf> = tx.get(mchid)?;
    let mut shelf = shelf.unwrap_or_else(|| Shelf { mchid: mchid.to_owned(), kept: Vec::new() });
    if let Some(Room { place, emptied }) = shelf.put(&media_id, bytes.len()) {
        for place in emptied {
            Picture { mchid: mchid.to_owned(), place, media_id: None, content: String::new() }.save(tx)?;
        }
        let content = STANDARD.encode(bytes);
        Picture { mchid: mchid.to_owned(), place, media_id: Some(media_id.clone()), content }.save(tx)?;
    }
    tx.save(&shelf)?;
    Ok(json!({ "media_id": media_id }))
}

/// The picture that a `media_id` names. INFERRED(complaint-picture-readers): every merchant that knows it gets it.
#[expect(clippy::unnecessary_wraps, reason = "the form of all downloads; no other product has this path")]
pub(super) fn open(media_id: &str, links: &Links<'_>) -> Option<Result<File, Refusal>> {
    let found = links.store.transaction(|tx| find(tx, media_id));
    Some(match found.map(|found| found.and_then(Picture::into_file)) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(no_such_picture()),
        Err(error) => Err(Refusal::system_error().with_reason(format!("{error:#}"))),
    })
}

/// Whether all of these are there.
pub(in crate::products) fn are_kept(tx: &Transaction<'_>, media_ids: &[String]) -> Result<bool, StoreError> {
    for media_id in media_ids {
        if !has_form(media_id) || tx.count::<Picture>(&[named(media_id)])? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn find(tx: &Transaction<'_>, media_id: &str) -> Result<Option<Picture>, StoreError> {
    if has_form(media_id) { tx.newest(&[named(media_id)]) } else { Ok(None) }
}

/// Nothing else is looked for: not every database takes every text.
fn has_form(media_id: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase();
    media_id.split_once('.').is_some_and(|(digits, suffix)| {
        digits.len() == DIGITS
            && digits.bytes().all(is_digit)
            && suffix.len() <= 3
            && suffix.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

/// UNCONFIRMED(complaint-picture-missing).
fn no_such_picture() -> Refusal {
    Refusal::invalid_request(
        "图片不存在",
        "no upload to /v3/merchant-service/images/upload responded with this media_id, or the picture was replaced by \
         newer ones",
    )
}

/// The stored files of a merchant, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shelf {
    mchid: String,
    kept: Vec<Kept>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    media_id: String,
    place: usize,
    bytes: usize,
}

/// Where a new picture goes, and which other places are empty now.
#[derive(Debug, PartialEq, Eq)]
struct Room {
    place: usize,
    emptied: Vec<usize>,
}

impl Shelf {
    /// The rule: the oldest give way. `None` when the picture is there; it counts as the newest then.
    fn put(&mut self, media_id: &str, bytes: usize) -> Option<Room> {
        if let Some(known) = self.kept.iter().position(|kept| kept.media_id == media_id) {
            let known = self.kept.remove(known);
            self.kept.push(known);
            return None;
        }
        let mut emptied = Vec::new();
        let is_full = |kept: &[Kept]| {
            let sum: usize = kept.iter().map(|kept| kept.bytes).sum();
            kept.len() >= MAX_PICTURES || sum.saturating_add(bytes) > MAX_BYTES
        };
        while !self.kept.is_empty() && is_full(&self.kept) {
            emptied.push(self.kept.remove(0).place);
        }
        let is_free = |place: &usize| self.kept.iter().all(|kept| kept.place != *place);
        let place = (0..MAX_PICTURES).find(is_free).unwrap_or_default();
        emptied.retain(|emptied| *emptied != place);
        self.kept.push(Kept { media_id: media_id.to_owned(), place, bytes });
        Some(Room { place, emptied })
    }
}

impl Record for Shelf {
    const KIND: &'static str = "complaint pictures of a merchant";

    fn key(&self) -> String {
        self.mchid.clone()
    }
}

/// A place, with the picture that lies in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Picture {
    mchid: String,
    place: usize,
    media_id: Option<String>,
    /// Base64.
    content: String,
}

const MEDIA_ID: &str = "media_id";

fn named(media_id: &str) -> IndexRange {
    IndexRange::equal(MEDIA_ID, media_id)
}

impl Picture {
    fn save(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        tx.get_to_replace::<Self>(&self.key())?;
        tx.save(self)
    }

    fn into_file(self) -> Option<File> {
        let bytes = STANDARD.decode(self.content).ok()?;
        let content_type = picture_type(&bytes)?;
        Some(File { content_type, bytes, is_statement: false, origin: Behaviour::State })
    }
}

impl Record for Picture {
    const KIND: &'static str = "complaint picture";

    fn key(&self) -> String {
        joined(&self.mchid, &self.place.to_string())
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        self.media_id.iter().map(|media_id| IndexEntry::new(MEDIA_ID, media_id.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_newest_are_kept_within_their_limits_each_in_a_place_of_its_own(
            uploads in proptest::collection::vec((0usize..120, 1usize..3_000_000), 1..200)
        ) {
            let mut shelf = Shelf { mchid: "1900000109".to_owned(), kept: Vec::new() };
            // What the records hold.
            let mut places: Vec<Option<String>> = vec![None; MAX_PICTURES];
            for (number, bytes) in uploads {
                let media_id = number.to_string();
                if let Some(Room { place, emptied }) = shelf.put(&media_id, bytes) {
                    emptied.iter().for_each(|place| places[*place] = None);
                    places[place] = Some(media_id.clone());
                }
                prop_assert_eq!(&shelf.kept.last().unwrap().media_id, &media_id);
                prop_assert!(shelf.kept.len() <= MAX_PICTURES);
                prop_assert!(shelf.kept.iter().map(|kept| kept.bytes).sum::<usize>() <= MAX_BYTES);
                for (place, held) in places.iter().enumerate() {
                    let kept = shelf.kept.iter().find(|kept| kept.place == place);
                    prop_assert_eq!(held.as_ref(), kept.map(|kept| &kept.media_id));
                }
            }
        }
    }

    #[test]
    fn only_a_number_of_an_upload_is_looked_for() {
        assert!(has_form("BB04A5DEEFEA18D4F2554C1EDD3B610B.bmp"));
        for text in
            ["", "xxxxx", "a\0", "BB04A5DEEFEA18D4F2554C1EDD3B610B", "bb04a5deefea18d4f2554c1edd3b610b.bmp"]
        {
            assert!(!has_form(text), "{text:?}");
        }
    }
}
