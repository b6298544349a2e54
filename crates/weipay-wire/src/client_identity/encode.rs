//! Writing `apiclient_cert.p12`, for the kit of the sandbox: 3DES for the key and the certificate, SHA-1 for the integrity.
//!
//! The platform's tool takes RC2 of 40 bits for the certificate, which OpenSSL 3 reads only with its legacy provider; everything
//! that reads the platform's files reads 3DES too.

use aws_lc_rs::rand;
use x509_cert::der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::Password;
use super::ciphers::{PBE_3DES, SHA_1, encrypt_3des, sha1_integrity};
use super::structure::{CERT_BAG, DATA, ENCRYPTED_DATA, SHROUDED_KEY_BAG, X509_CERTIFICATE};
use crate::key_error::KeyError;

const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");
/// As OpenSSL asks for.
pub(super) const ITERATIONS: u32 = 2_048;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, with a value of its own in it.
const EXPLICIT: u8 = 0xA0;
/// `[0]` in the place of the tag of octets.
const IMPLICIT: u8 = 0x80;

type Der = Zeroizing<Vec<u8>>;

/// A key in PKCS#8 and its certificate.
pub(super) fn pkcs12(key: &[u8], certificate: &[u8], password: &Password<'_>) -> Result<Der, KeyError> {
    // Some programs find the certificate of a key by this alone.
    let identifier = der(SEQUENCE, &[&oid(LOCAL_KEY_ID), &der(SET, &[&der(OCTETS, &[&[1]])])]);
    let attributes = der(SET, &[&identifier]);

    let x509 = der(SEQUENCE, &[&oid(X509_CERTIFICATE), &der(EXPLICIT, &[&der(OCTETS, &[certificate])])]);
    let bag = der(SEQUENCE, &[&oid(CERT_BAG), &der(EXPLICIT, &[&x509]), &attributes]);
    let (algorithm, sealed) = encrypted(&der(SEQUENCE, &[&bag]), password)?;
    let content = der(SEQUENCE, &[&oid(DATA), &algorithm, &der(IMPLICIT, &[&sealed])]);
    let content = der(SEQUENCE, &[&integer(0), &content]);
    let certificates = der(SEQUENCE, &[&oid(ENCRYPTED_DATA), &der(EXPLICIT, &[&content])]);

    let (algorithm, sealed) = encrypted(key, password)?;
    let shrouded = der(SEQUENCE, &[&algorithm, &der(OCTETS, &[&sealed])]);
    let bag = der(SEQUENCE, &[&oid(SHROUDED_KEY_BAG), &der(EXPLICIT, &[&shrouded]), &attributes]);
    let keys = data(&der(SEQUENCE, &[&bag]));

    let safe = der(SEQUENCE, &[&certificates, &keys]);
    let salt = salt()?;
    let integrity = sha1_integrity(&salt, ITERATIONS, &safe, password);
    let digest =
        der(SEQUENCE, &[&der(SEQUENCE, &[&oid(SHA_1), &der(NULL, &[])]), &der(OCTETS, &[&integrity])]);
    let integrity = der(SEQUENCE, &[&digest, &der(OCTETS, &[&salt]), &integer(ITERATIONS)]);
    Ok(der(SEQUENCE, &[&integer(3), &data(&safe), &integrity]))
}

/// The algorithm, and what it makes of the content.
fn encrypted(content: &[u8], password: &Password<'_>) -> Result<(Der, Vec<u8>), KeyError> {
    let salt = salt()?;
    let parameters = der(SEQUENCE, &[&der(OCTETS, &[&salt]), &integer(ITERATIONS)]);
    let sealed = encrypt_3des(&salt, ITERATIONS, content, password).ok_or(KeyError::Unavailable)?;
    Ok((der(SEQUENCE, &[&oid(PBE_3DES), &parameters]), sealed))
}

fn salt() -> Result<[u8; 8], KeyError> {
    let mut salt = [0; 8];
    rand::fill(&mut salt).map_err(|_| KeyError::Unavailable)?;
    Ok(salt)
}

/// A `ContentInfo` that is not encrypted.
fn data(content: &[u8]) -> Der {
    der(SEQUENCE, &[&oid(DATA), &der(EXPLICIT, &[&der(OCTETS, &[content])])])
}

fn oid(oid: ObjectIdentifier) -> Der {
    der(OID, &[oid.as_bytes()])
}

/// Of less than 32,768.
fn integer(number: u32) -> Der {
    let bytes = number.to_be_bytes();
    if number < 0x80 { der(INTEGER, &[&bytes[3..]]) } else { der(INTEGER, &[&bytes[2..]]) }
}

/// A tag, the length of what follows, and that.
fn der(tag: u8, parts: &[&[u8]]) -> Der {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let mut der = Zeroizing::new(Vec::with_capacity(length + 10));
    der.push(tag);
    match significant {
        [] => der.push(0),
        [one @ ..0x80] => der.push(*one),
        more => {
            der.push(0x80 | more.len() as u8);
            der.extend_from_slice(more);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}
