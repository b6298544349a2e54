//! How many bits an RSA key has, read from its encoding before the key itself is built.
//!
//! The cryptographic library refuses an unfit key without saying why. These few lines of DER are what lets the
//! refusal say "1024 bits" or "not an RSA key".

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use x509_cert::der::{Decode, Error, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::key_error::{KeyError, PemKind};

/// The only size that WeChat Pay issues and signs with.
pub(crate) const MODULUS_BITS: u32 = 2048;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Why a private key, in PKCS#8 DER, was refused by the library.
pub(crate) fn refusal_of_pkcs8(der: &[u8]) -> KeyError {
    let wanted = PemKind::PrivateKey;
    match pkcs8(der) {
        Ok((RSA_ENCRYPTION, key)) => refusal_of_pkcs1(key),
        Ok(_) => KeyError::NotRsa { wanted },
        Err(_) => KeyError::Malformed { wanted },
    }
}

/// Why a private key, in PKCS#1 DER, was refused by the library.
pub(crate) fn refusal_of_pkcs1(der: &[u8]) -> KeyError {
    let wanted = PemKind::PrivateKey;
    pkcs1_private_modulus(der).map_or(KeyError::Malformed { wanted }, |bits| refusal_of_bits(bits, wanted))
}

/// Why a public key, in SubjectPublicKeyInfo or PKCS#1 DER, was refused by the library.
pub(crate) fn refusal_of_public_key(der: &[u8]) -> KeyError {
    let wanted = PemKind::PublicKey;
    let pkcs1 = match SubjectPublicKeyInfoRef::from_der(der) {
        Ok(info) if info.algorithm.oid != RSA_ENCRYPTION => return KeyError::NotRsa { wanted },
        Ok(info) => info.subject_public_key.raw_bytes(),
        Err(_) => der,
    };
    pkcs1_public_modulus(pkcs1).map_or(KeyError::Malformed { wanted }, |bits| refusal_of_bits(bits, wanted))
}

fn refusal_of_bits(bits: u32, wanted: PemKind) -> KeyError {
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
