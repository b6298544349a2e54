//! Kits of sandboxes that share a database: every node must have the same keys, so the database has the files of the
//! kits as well, unencrypted as in a data folder. Anyone who can read the database can sign with these keys.
//!
//! The first node gives its kit to the database, every other takes it from there. A merchant that is added or changed on one node
//! is there on the others with their next look, a second later at most, and at once for a request that names it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{KEYS, KIT, KitError, KitOnDisk, MERCHANTS, file, folder_of, init};
use crate::authority::Authority;
use crate::data_folder::{CA_CERTIFICATE, CA_KEY, DataFolder, FolderError};
use crate::error::StartError;
use crate::merchants::change::{MerchantError, records};
use crate::merchants::record::MerchantRecord;
use crate::platform::Platform;
use crate::store::{IndexEntry, IndexRange, Page, Record, Store, StoreError, Transaction};

/// A file of a kit, by its path in the data folder, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KitFile {
    path: String,
    content: String,
}

/// The kind of records that keep files of kits.
pub(crate) const KIND: &str = "kit file";

/// A kit has fewer files.
const MAX_FILES: i64 = 1_000;

impl Record for KitFile {
    const KIND: &'static str = KIND;

    fn key(&self) -> String {
        self.path.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let merchant = self.path.strip_prefix(MERCHANTS).and_then(|rest| rest.split('/').nth(1));
        vec![IndexEntry::new("merchant", merchant.unwrap_or_default())]
    }
}

/// The merchants of a shared database as a node last saw them.
pub(crate) type Seen = BTreeMap<String, MerchantRecord>;

/// Gives a data folder the kits of a shared database, and the database the kit of the first node. Then the folder has a kit.
pub(crate) fn join(store: &Store, folder: &DataFolder) -> Result<(), StartError> {
    let failed = |error| StartError::Store(store.place().into(), error);
    let home = folder.path();
    let mut kept = store.transaction(|tx| files_of(tx, "")).map_err(failed)?;
    if kept.is_empty() {
        let own = if home.join(KIT).exists() { own_kit(home)? } else { new_kit(home)? };
        kept = store
            .transaction(|tx| {
                // Another node may have been faster.
                let kept = files_of(tx, "")?;
                if !kept.is_empty() {
                    return Ok(kept);
                }
                own.iter().try_for_each(|file| tx.save(file))?;
                Ok(own.clone())
            })
            .map_err(failed)?;
    }
    // A program of before could give a database a certificate whose key was lost; an authority is made in its place.
    if !kept.iter().any(|file| file.path == CA_KEY) {
        kept.retain(|file| file.path != CA_CERTIFICATE);
    }
    check_same_kit(home, &kept)?;
    write_files(home, &kept)?;
    for record in store.transaction(records).map_err(failed)? {
        let files = store.transaction(|tx| files_of(tx, &record.mchid)).map_err(failed)?;
        write_files(home, &files)?;
    }
    Ok(())
}

/// Writes the files of an added merchant as the database has them.
pub(crate) fn fetch(store: &Store, home: &Path, mchid: &str) -> Result<(), MerchantError> {
    let files = store.transaction(|tx| files_of(tx, mchid))?;
    Ok(write_files(home, &files)?)
}

/// The kit of the data folder, with an authority. One that lacks its key is refused here: in the database it would be so for all.
fn own_kit(home: &Path) -> Result<Vec<KitFile>, StartError> {
    let failed = |error| FolderError::File { path: home.join(CA_KEY), error };
    Authority::open(home).map_err(failed)?;
    Ok(read_files(home, home)?)
}

/// A kit that is made beside the data folder's place: it is used only if no other node was faster.
fn new_kit(home: &Path) -> Result<Vec<KitFile>, KitError> {
    let beside = tempfile::Builder::new().prefix("weipay-kit-").tempdir();
    let beside = beside.map_err(|error| KitError::File { path: home.to_owned(), error })?;
    init(beside.path())?;
    read_files(beside.path(), beside.path())
}

/// Refuses a folder whose kit is of another sandbox: its clients would be refused from now on.
fn check_same_kit(home: &Path, kept: &[KitFile]) -> Result<(), KitError> {
    let path = home.join(KIT);
    if !path.exists() {
        return Ok(());
    }
    let own = KitOnDisk::open(home, false)?;
    let shared =
        kept.iter().find(|file| file.path == KIT).and_then(|kept| file::from_json(&kept.content).ok());
    match shared {
        Some(shared) if shared.merchant_serial == own.kit().merchant_serial => Ok(()),
        _ => Err(KitError::Broken {
            path,
            reason: "the database has another kit, which all its nodes use".to_owned(),
        }),
    }
}

/// The files of the first kit, or of an added merchant.
fn files_of(tx: &Transaction<'_>, merchant: &str) -> Result<Vec<KitFile>, StoreError> {
    tx.find(&[IndexRange::equal("merchant", merchant)], Page { offset: 0, limit: MAX_FILES })
}

/// Reads the files of the kit in a folder, which is the data folder or below it.
fn read_files(home: &Path, kit: &Path) -> Result<Vec<KitFile>, KitError> {
    let mut files = Vec::new();
    let mut folders = vec![kit.join(KEYS)];
    let mut paths = vec![kit.join(KIT)];
    paths
        .extend([CA_CERTIFICATE, CA_KEY].map(|name| kit.join(name)).into_iter().filter(|path| path.exists()));
    while let Some(folder) = folders.pop() {
        let failed = |error| KitError::File { path: folder.clone(), error };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().contains(".p12") {
                // Each node makes that one itself. A node that was killed may have left an unfinished one.
                paths.push(path);
            }
        }
    }
    for path in paths {
        let content = file::read(&path)?.to_string();
        files.push(KitFile { path: name_of(home, &path), content });
    }
    Ok(files)
}

fn name_of(home: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(home).unwrap_or(path).components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Writes files that are new or other. `kit.json` comes last, as with a kit that is made.
fn write_files(home: &Path, files: &[KitFile]) -> Result<(), KitError> {
    let mut ordered: Vec<&KitFile> = files.iter().collect();
    ordered.sort_by_key(|file| file.path.ends_with(KIT));
    for KitFile { path, content } in ordered {
        let Some(target) = place_of(home, path) else { continue };
        if target.exists() && *file::read(&target)? == *content {
            continue;
        }
        if let Some(folder) = target.parent() {
            file::make_folder(folder)?;
        }
        file::replace(&target, content.as_bytes())?;
    }
    Ok(())
}

/// Where a file of the database belongs; never outside of the folder.
fn place_of(home: &Path, path: &str) -> Option<PathBuf> {
    let is_ours = [KIT, CA_CERTIFICATE, CA_KEY].contains(&path)
        || [KEYS, MERCHANTS]
            .iter()
            .any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
    let is_plain =
        path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains('\\'));
    (is_ours && is_plain).then(|| path.split('/').fold(home.to_owned(), |home, part| home.join(part)))
}

/// Keeps the files of a merchant's kit in a shared database.
pub(crate) fn save(tx: &Transaction<'_>, files: &[KitFile]) -> Result<(), StoreError> {
    for file in files {
        if tx.get::<KitFile>(&file.path)?.as_ref() != Some(file) {
            tx.save(file)?;
        }
    }
    Ok(())
}

impl Platform {
    /// The files to keep with a merchant; none where no other node needs them.
    pub(crate) fn shared_files(&self, kit: &KitOnDisk) -> Result<Vec<KitFile>, KitError> {
        if self.store.is_shared() { read_files(&self.home, kit.dir()) } else { Ok(Vec::new()) }
    }

    /// Takes over what another node did to one merchant, if it did anything: asked for every request that is
    /// refused and for every notification, so it reads one record. Whether there was anything.
    ///
    /// # Errors
    ///
    /// If the database or a kit fails.
    pub(crate) fn look_at_merchant(&self, mchid: &str) -> Result<bool, MerchantError> {
        if !self.store.is_shared() {
            return Ok(false);
        }
        let kept = self.store.peek::<MerchantRecord>(mchid)?;
        let is_seen = kept.is_none() || self.merchants.seen().get(mchid) == kept.as_ref();
        if is_seen { Ok(false) } else { self.look_at_merchants() }
    }

    /// Takes over what other nodes did to merchants. Whether there was anything.
    ///
    /// # Errors
    ///
    /// If the database or a kit fails.
    pub(crate) fn look_at_merchants(&self) -> Result<bool, MerchantError> {
        if !self.store.is_shared() {
            return Ok(false);
        }
        // First the lock: what was read before must not come after what was read later.
        let mut seen = self.merchants.seen();
        let found = self.store.transaction(records)?;
        let mut is_changed = false;
        for record in found {
            if seen.get(&record.mchid) == Some(&record) {
                continue;
            }
            let first = super::read(&self.home)?;
            let is_first = first.kit().mchid == record.mchid;
            let merchant = if is_first { "" } else { &*record.mchid };
            write_files(&self.home, &self.store.transaction(|tx| files_of(tx, merchant))?)?;
            let dir = if is_first { self.home.clone() } else { folder_of(&self.home, &record.mchid) };
            let mut kit = super::read(dir)?;
            kit.serve_at(&self.base_url)?;
            self.merchants.put(kit.merchant_of(&record)?);
            seen.insert(record.mchid.clone(), record);
            is_changed = true;
        }
        Ok(is_changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(store: &Store) -> Vec<String> {
        let files: Result<_, StoreError> = store.transaction(|tx| files_of(tx, ""));
        files.unwrap().into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn an_authority_whose_key_is_lost_is_never_shared() {
        let (store, home) = (Store::in_memory(), tempfile::tempdir().unwrap());
        init(home.path()).unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        let (certificate, key) = (home.path().join(CA_CERTIFICATE), home.path().join(CA_KEY));
        fs::remove_file(&key).unwrap();
        assert!(matches!(join(&store, &folder), Err(StartError::Folder(_))));
        assert_eq!(kept(&store), <[String; 0]>::default());
        // What the refusal advises.
        fs::remove_file(&certificate).unwrap();
        join(&store, &folder).unwrap();
        assert!([CA_CERTIFICATE, CA_KEY].iter().all(|name| kept(&store).iter().any(|path| path == name)));
    }

    #[test]
    fn a_certificate_without_its_key_is_not_taken_from_the_database() {
        let (store, made) = (Store::in_memory(), tempfile::tempdir().unwrap());
        let mut files = new_kit(made.path()).unwrap();
        files.retain(|file| file.path != CA_KEY);
        let saved: Result<(), StoreError> =
            store.transaction(|tx| files.iter().try_for_each(|file| tx.save(file)));
        saved.unwrap();
        let home = tempfile::tempdir().unwrap();
        join(&store, &DataFolder::open(home.path()).unwrap()).unwrap();
        assert!(home.path().join(KIT).exists() && !home.path().join(CA_CERTIFICATE).exists());
    }

    #[test]
    fn a_file_of_the_database_is_never_written_outside_of_the_data_folder() {
        let place = |path| place_of(Path::new("/home"), path);
        assert_eq!(place("keys/platform/a.pem"), Some(PathBuf::from("/home/keys/platform/a.pem")));
        assert!(place("merchants/1900001000/kit.json").is_some());
        for path in
            ["", "/etc/passwd", "../a", "keys/../../a", "keys//a", "keys", "keysake/a", "state.db", "keys/.."]
        {
            assert_eq!(place(path), None, "{path}");
        }
    }
}
