//! The layers of a PKCS#12 file: the file, its safes, the bags in them. Each is a few fields of DER.

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use zeroize::Zeroizing;

use super::ciphers::{check_integrity, decrypt};
use super::{Opened, Password, Pkcs12Error};
use crate::key_format::KeyFormat;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

pub(super) const DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.1");
pub(super) const ENCRYPTED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.1");
pub(super) const SHROUDED_KEY_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.2");
pub(super) const CERT_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.3");
pub(super) const X509_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.22.1");

/// The fields of a `SEQUENCE`, read one after the other.
pub(super) struct Fields<'a>(SliceReader<'a>);

/// An algorithm and its parameters.
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: ObjectIdentifier,
    parameters: Option<AnyRef<'a>>,
}

impl<'a> Fields<'a> {
    /// The fields of a sequence that is all of `der`.
    fn from_der(der: &'a [u8]) -> Result<Self, Pkcs12Error> {
        Self::from_any(AnyRef::from_der(der).map_err(|_| Pkcs12Error::Malformed)?)
    }

    fn from_any(any: AnyRef<'a>) -> Result<Self, Pkcs12Error> {
        any.tag().assert_eq(Tag::Sequence).map_err(|_| Pkcs12Error::Malformed)?;
        SliceReader::new(any.value()).map(Self).map_err(|_| Pkcs12Error::Malformed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_finished()
    }

    fn any(&mut self) -> Result<AnyRef<'a>, Pkcs12Error> {
        AnyRef::decode(&mut self.0).map_err(|_| Pkcs12Error::Malformed)
    }

    fn tagged(&mut self, tag: Tag) -> Result<&'a [u8], Pkcs12Error> {
        let any = self.any()?;
        if any.tag() == tag { Ok(any.value()) } else { Err(Pkcs12Error::Malformed) }
    }

    fn sequence(&mut self) -> Result<Self, Pkcs12Error> {
        Self::from_any(self.any()?)
    }

    /// What is in `[0] EXPLICIT`.
    fn explicit(&mut self) -> Result<&'a [u8], Pkcs12Error> {
        self.tagged(Tag::ContextSpecific { constructed: true, number: TagNumber(0) })
    }

    fn oid(&mut self) -> Result<ObjectIdentifier, Pkcs12Error> {
        ObjectIdentifier::decode(&mut self.0).map_err(|_| Pkcs12Error::Malformed)
    }

    pub(super) fn octets(&mut self) -> Result<&'a [u8], Pkcs12Error> {
        self.tagged(Tag::OctetString)
    }

    pub(super) fn integer(&mut self) -> Result<u32, Pkcs12Error> {
        u32::decode(&mut self.0).map_err(|_| Pkcs12Error::TooCostly)
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<u32>, Pkcs12Error> {
        if !self.is_empty() && matches!(Tag::peek(&self.0), Ok(Tag::Integer)) {
            return self.integer().map(Some);
        }
        Ok(None)
    }

    pub(super) fn algorithm(&mut self) -> Result<AlgorithmIdentifier<'a>, Pkcs12Error> {
        let mut fields = self.sequence()?;
        let oid = fields.oid()?;
        let parameters = if fields.is_empty() { None } else { Some(fields.any()?) };
        Ok(AlgorithmIdentifier { oid, parameters })
    }
}

impl<'a> AlgorithmIdentifier<'a> {
    pub(super) fn parameters(&self) -> Result<Fields<'a>, Pkcs12Error> {
        Fields::from_any(self.parameters.ok_or(Pkcs12Error::Malformed)?)
    }

    pub(super) fn octet_parameter(&self) -> Result<&'a [u8], Pkcs12Error> {
        let any = self.parameters.ok_or(Pkcs12Error::Malformed)?;
        if any.tag() == Tag::OctetString { Ok(any.value()) } else { Err(Pkcs12Error::Malformed) }
    }
}

pub(super) fn open(bytes: &[u8], password: &Password<'_>) -> Result<Opened, Pkcs12Error> {
    if has_open_length(bytes) {
        return Err(Pkcs12Error::OpenLengths);
    }
    let not_pkcs12 = |_| match KeyFormat::from_file(bytes) {
        // It begins like one.
        KeyFormat::Pkcs12 => Pkcs12Error::Malformed,
        given => Pkcs12Error::NotPkcs12 { given },
    };
    let mut file = Fields::from_der(bytes).map_err(not_pkcs12)?;
    if file.integer().map_err(not_pkcs12)? != 3 {
        return Err(not_pkcs12(Pkcs12Error::Malformed));
    }
    let mut safe = file.sequence()?;
    if safe.oid()? != DATA {
        return Err(Pkcs12Error::Algorithm);
    }
    let content = octets_of(safe.explicit()?)?;
    // Without `macData` nothing was promised; the key and its certificate still have to belong together.
    if !file.is_empty() {
        let mut integrity = file.sequence()?;
        let mut digest = integrity.sequence()?;
        let (algorithm, expected) = (digest.algorithm()?, digest.octets()?);
        let salt = integrity.octets()?;
        let iterations = integrity.optional_integer()?.unwrap_or(1);
        check_integrity(&algorithm, expected, salt, iterations, content, password)?;
    }

    let mut found = Found::default();
    let mut safes = Fields::from_der(content)?;
    while !safes.is_empty() {
        found.safe(&mut safes.sequence()?, password)?;
    }
    Ok(Opened { key: found.key.ok_or(Pkcs12Error::NoKey)?, certificates: found.certificates })
}

/// The first length is `80`: the end is marked, not counted.
fn has_open_length(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x30, 0x80])
}

fn octets_of(der: &[u8]) -> Result<&[u8], Pkcs12Error> {
    let any = AnyRef::from_der(der).map_err(|_| Pkcs12Error::Malformed)?;
    if any.tag() == Tag::OctetString { Ok(any.value()) } else { Err(Pkcs12Error::Malformed) }
}

#[derive(Default)]
struct Found {
    key: Option<Zeroizing<Vec<u8>>>,
    certificates: Vec<Vec<u8>>,
}

impl Found {
    /// One `ContentInfo` of the authenticated safe: bags, encrypted or not.
    fn safe(&mut self, safe: &mut Fields<'_>, password: &Password<'_>) -> Result<(), Pkcs12Error> {
        match safe.oid()? {
            DATA => self.bags(octets_of(safe.explicit()?)?, password),
            ENCRYPTED_DATA => {
                let mut encrypted = Fields::from_der(safe.explicit()?)?;
                let _version = encrypted.integer()?;
                let mut content = encrypted.sequence()?;
                let _content_type = content.oid()?;
                let algorithm = content.algorithm()?;
                let implicit = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
                let opened = decrypt(&algorithm, content.tagged(implicit)?, password)?;
                self.bags(&opened, password)
            }
            _ => Err(Pkcs12Error::Algorithm),
        }
    }

    fn bags(&mut self, der: &[u8], password: &Password<'_>) -> Result<(), Pkcs12Error> {
        let mut bags = Fields::from_der(der)?;
        while !bags.is_empty() {
            let mut bag = bags.sequence()?;
            let kind = bag.oid()?;
            let value = bag.explicit()?;
            match kind {
                SHROUDED_KEY_BAG if self.key.is_none() => {
                    let mut key = Fields::from_der(value)?;
                    let (algorithm, ciphertext) = (key.algorithm()?, key.octets()?);
                    self.key = Some(decrypt(&algorithm, ciphertext, password)?);
                }
                KEY_BAG if self.key.is_none() => self.key = Some(Zeroizing::new(value.to_vec())),
                CERT_BAG => {
                    let mut bag = Fields::from_der(value)?;
                    if bag.oid()? == X509_CERTIFICATE {
                        self.certificates.push(octets_of(bag.explicit()?)?.to_vec());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
