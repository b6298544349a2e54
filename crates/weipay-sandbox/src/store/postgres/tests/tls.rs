//! TLS to the database, and who is known by a certificate.

use super::*;

/// Set to an address with `sslmode=verify-full` and the authority of the server.
const TLS_SERVER: &str = "WEIPAY_TEST_POSTGRES_TLS";

/// Whether the connection to a server is secure, or why there is none.
fn is_secure(address: &str) -> Result<bool, String> {
    let connections =
        Connections::new(&Address::read(address).unwrap()).map_err(|error| format!("{error:#}"))?;
    let connection = connections.connect().map_err(|failure| format!("{:#}", failure.into_error()))?;
    let rows = connection.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).unwrap();
    Ok(rows[0].get(0))
}

#[test]
fn tls_is_as_strict_as_the_address_says() {
    let Ok(server) = env::var(TLS_SERVER) else {
        println!("skipped: {TLS_SERVER} is not set; `.ci/with-postgres cargo test ...` sets it");
        return;
    };
    assert!(
        server.contains("@localhost:") && server.contains("sslmode=verify-full&sslrootcert="),
        "{server}"
    );
    assert_eq!(is_secure(&server), Ok(true));
    let elsewhere = server.replace("@localhost:", "@127.0.0.1:");
    assert_eq!(is_secure(&elsewhere.replace("verify-full", "verify-ca")), Ok(true));
    let refusal = is_secure(&elsewhere).unwrap_err();
    assert!(refusal.contains("the certificate of the database is for another host"), "{refusal}");
    let (without_authority, _) = server.split_once("&sslrootcert=").unwrap();
    for (mode, secure) in [("require", true), ("prefer", true), ("disable", false)] {
        assert_eq!(is_secure(&without_authority.replace("verify-full", mode)), Ok(secure), "{mode}");
    }
    // The authorities of this machine do not know it, and neither does another one.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut other = rcgen::CertificateParams::default();
    other.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    fs::write(&file, other.self_signed(&key).unwrap().pem()).unwrap();
    let other = format!("{without_authority}&sslrootcert={}", file.display());
    for address in [without_authority.to_owned(), other.clone(), other.replace("verify-full", "require")] {
        let address = address.replace("weipay@", "weipay:secret-word@");
        let refusal = is_secure(&address).unwrap_err();
        assert!(refusal.contains("is not signed by a trusted authority"), "{refusal}");
        assert!(!refusal.contains("secret-word"), "{refusal}");
        let error = Sandbox::builder().store(address.parse().unwrap()).start().unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("signed by a trusted authority") && !error.contains("secret-word"), "{error}");
    }
}

/// Set to an address with the certificate and the key of a user whom the server knows by these alone.
const CERTIFICATE: &str = "WEIPAY_TEST_POSTGRES_CERTIFICATE";

#[test]
fn a_server_that_wants_a_certificate_knows_the_sandbox_by_it() {
    let Ok(server) = env::var(CERTIFICATE) else {
        println!("skipped: {CERTIFICATE} is not set; `.ci/with-postgres cargo test ...` sets it");
        return;
    };
    assert_eq!(is_secure(&server), Ok(true));
    let (without, _) = server.split_once("&sslcert=").unwrap();
    let refusal = is_secure(without).unwrap_err();
    assert!(refusal.contains("certificate"), "{refusal}");
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_wanted() {
    use std::io::{Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(b"N").unwrap();
    });
    let refusal = is_secure(&format!("postgres://me:secret-word@{address}/db?sslmode=require")).unwrap_err();
    assert!(refusal.contains("server does not support TLS") && !refusal.contains("secret-word"), "{refusal}");
}
