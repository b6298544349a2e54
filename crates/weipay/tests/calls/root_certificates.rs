//! A machine without root certificates, as small containers are: clients are made all the same, and a call that needs the
//! certificates says what to install.

use std::net::TcpListener;
use std::process::Command;

use weipay::ClientBuilder;

use crate::platform::{Platform, configured, signed};
use crate::server::bind;

/// Set for the process that finds no certificates.
const WITHOUT: &str = "WEIPAY_TEST_WITHOUT_ROOT_CERTIFICATES";

/// Runs a test of this binary again in a process that finds no root certificates.
fn without_roots(test: &str, body: impl FnOnce()) {
    if std::env::var_os(WITHOUT).is_some() {
        return body();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs([("SSL_CERT_FILE", "/no/such/file"), ("SSL_CERT_DIR", "/no/such/folder"), (WITHOUT, "1")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where TLS is expected and nobody answers.
fn secure() -> (TcpListener, ClientBuilder) {
    let (listener, base_url) = bind();
    (listener, configured().base_url(&base_url.replace("http://", "https://")))
}

fn check(error: &weipay::Error) {
    assert!(error.is_network() && !error.may_have_taken_effect(), "{error}");
    assert!(format!("{error:#}").contains("ca-certificates"), "{error}");
    assert!(format!("{error:#}").contains("SSL_CERT_FILE"), "{error}");
}

#[test]
fn the_blocking_client_calls_without_tls_and_says_what_to_install_for_it() {
    let name = "root_certificates::the_blocking_client_calls_without_tls_and_says_what_to_install_for_it";
    without_roots(name, || {
        let platform = Platform::start(vec![signed(200, "{}")]);
        platform.builder().build_blocking().unwrap().chain("v3/a").get().unwrap();
        let (_listener, builder) = secure();
        let client = builder.build_blocking().unwrap();
        for _ in 0..2 {
            check(&client.chain("v3/a").get().unwrap_err());
        }
    });
}

#[test]
fn the_async_client_calls_without_tls_and_says_what_to_install_for_it() {
    let name = "root_certificates::the_async_client_calls_without_tls_and_says_what_to_install_for_it";
    without_roots(name, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let platform = Platform::start(vec![signed(200, "{}")]);
            platform.builder().build().unwrap().chain("v3/a").get().await.unwrap();
            let (_listener, builder) = secure();
            let client = builder.build().unwrap();
            for _ in 0..2 {
                check(&client.chain("v3/a").get().await.unwrap_err());
            }
        });
    });
}
