//! Finds out why the cryptographic library rejected a key.
//!
//! The library does not say why. Reading these few members of the DER lets the error say "1024 bits" or "not an RSA key".

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use x509_cert::der::{Decode, Error, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::key_error::{KeyError, PemKind};

/// The only key size that WeChat Pay uses.
pub(crate) const MODULUS_BITS: u32 = 2048;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Why the library rejected a private key in PKCS#8 DER.
pub(crate) fn pkcs8_error(der: &[u8]) -> KeyError {
    let wanted = PemKind::PrivateKey;
    match pkcs8(der) {
        Ok((RSA_ENCRYPTION, key)) => pkcs1_error(key),
        Ok(_) => KeyError::NotRsa { wanted },
        Err(_) => KeyError::Malformed { wanted },
    }
}

/// Why the library rejected a private key in PKCS#1 DER.
pub(crate) fn pkcs1_error(der: &[u8]) -> KeyError {
    let wanted = PemKind::PrivateKey;
    pkcs1_private_modulus(der).map_or(KeyError::Malformed { wanted }, |bits| size_error(bits, wanted))
}

/// Why the library rejected a public key in SubjectPublicKeyInfo or PKCS#1 DER.
pub(crate) fn public_key_error(der: &[u8]) -> KeyError {
    let wanted = PemKind::PublicKey;
    let pkcs1 = match SubjectPublicKeyInfoRef::from_der(der) {
        Ok(info) if info.algorithm.oid != RSA_ENCRYPTION => return KeyError::NotRsa { wanted },
        Ok(info) => info.subject_public_key.raw_bytes(),
        Err(_) => der,
    };
    pkcs1_public_modulus(pkcs1).map_or(KeyError::Malformed { wanted }, |bits| size_error(bits, wanted))
}

fn size_error(bits: u32, wanted: PemKind) -> KeyError {
    if bits == MODULUS_BITS { KeyError::Malformed { wanted } } else { KeyError::WrongSize { bits } }
}

/// `PrivateKeyInfo`: version, algorithm, key, and possibly attributes.
fn pkcs8(der: &[u8]) -> Result<(ObjectIdentifier, &[u8]), Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let _version: u8 = reader.decode()?;
        let algorithm = reader.sequence(|reader| {
            let algorithm: ObjectIdentifier = reader.decode()?;
            skip_rest(reader)?;
            Ok::<_, Error>(algorithm)
        })?;
        let key: &OctetStringRef = reader.decode()?;
        skip_rest(reader)?;
        Ok((algorithm, key.as_bytes()))
    })
}

/// `RSAPrivateKey`: version, modulus, and the rest.
fn pkcs1_private_modulus(der: &[u8]) -> Result<u32, Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let _version: u8 = reader.decode()?;
        let modulus: UintRef<'_> = reader.decode()?;
        skip_rest(reader)?;
        Ok(bits(modulus.as_bytes()))
    })
}

/// `RSAPublicKey`: modulus and exponent.
fn pkcs1_public_modulus(der: &[u8]) -> Result<u32, Error> {
    SliceReader::new(der)?.sequence(|reader| {
        let modulus: UintRef<'_> = reader.decode()?;
        let _exponent: UintRef<'_> = reader.decode()?;
        Ok(bits(modulus.as_bytes()))
    })
}

fn skip_rest<'a>(reader: &mut impl Reader<'a>) -> Result<(), Error> {
    while !reader.is_finished() {
        let _: AnyRef<'a> = reader.decode()?;
    }
    Ok(())
}

/// The length of a big-endian number without leading zeros.
fn bits(modulus: &[u8]) -> u32 {
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
    u32::try_from(modulus.len()).unwrap_or(u32::MAX / 8).saturating_mul(8).saturating_sub(unused)
}
