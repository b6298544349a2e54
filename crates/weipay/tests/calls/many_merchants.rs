//! Many merchants in one process: connections are shared, and credentials are not.

use serde_json::json;
use weipay::wire::{MerchantId, MerchantSerial};
use weipay::{Client, ClientBuilder, ConfigError, blocking};

use crate::on_async;
use crate::platform::{MERCHANT, MERCHANT_SERIAL, PLATFORM, PUBLIC_KEY_ID, Platform, configured, signed};

/// Another merchant, of whose settings nothing but the credentials is set.
fn merchant(mchid: &str) -> ClientBuilder {
    ClientBuilder::default()
        .mchid(MerchantId::new(mchid).unwrap())
        .merchant_serial(MerchantSerial::new(MERCHANT_SERIAL).unwrap())
        .merchant_key(MERCHANT.clone())
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), PLATFORM.public_key())
}

/// The platform serves one connection after the other: a second one would wait until the first is closed.
#[test]
fn merchants_share_a_connection_and_sign_with_their_own_numbers() {
    let platform = Platform::start(vec![signed(200, "{}"); 4]);
    let one = platform.builder().build().unwrap();
    let other = one.for_merchant(merchant("1900000002")).unwrap();
    assert_eq!(other.mchid().unwrap().as_str(), "1900000002");
    on_async(async {
        for client in [&one, &other, &one] {
            client.chain("v3/certificates").get().await.unwrap();
        }
    });
    let numbers = [(); 3].map(|()| platform.seen().header("authorization").unwrap().to_owned());
    for (authorization, mchid) in numbers.iter().zip(["1900000001", "1900000002", "1900000001"]) {
        assert!(authorization.contains(&format!("mchid=\"{mchid}\"")), "{authorization}");
    }

    let platform = Platform::start(vec![signed(200, "{}"); 2]);
    let one = platform.builder().build_blocking().unwrap();
    let other = one.for_merchant(merchant("1900000002")).unwrap();
    one.chain("v3/a").get().unwrap();
    other.chain("v3/a").post(json!({})).unwrap();
    assert!(platform.seen().header("authorization").unwrap().contains("mchid=\"1900000001\""));
    assert!(platform.seen().header("authorization").unwrap().contains("mchid=\"1900000002\""));
}

#[test]
fn clones_of_a_transport_share_its_connections() {
    let platform = Platform::start(vec![signed(200, "{}"); 2]);
    let transport = weipay::transport::DefaultTransport::new().unwrap();
    let client =
        |mchid| merchant(mchid).base_url(&platform.base_url).transport(transport.clone()).build().unwrap();
    let clients: [Client; 2] = [client("1900000001"), client("1900000002")];
    on_async(async {
        for client in &clients {
            client.chain("v3/a").get().await.unwrap();
        }
    });

    let platform = Platform::start(vec![signed(200, "{}"); 2]);
    let transport = weipay::transport::blocking::DefaultTransport::new().unwrap();
    for mchid in ["1900000001", "1900000002"] {
        let builder = merchant(mchid).base_url(&platform.base_url).blocking_transport(transport.clone());
        builder.build_blocking().unwrap().chain("v3/a").get().unwrap();
    }
}

/// A kit of a sandbox brings its base URL: used with the platform, or the other way round, calls would go astray.
#[test]
fn settings_that_would_be_ignored_are_refused() {
    let client: blocking::Client = configured().base_url("http://127.0.0.1:1").build_blocking().unwrap();
    let elsewhere = merchant("1900000002").base_url("http://127.0.0.1:2");
    let transport = weipay::transport::blocking::DefaultTransport::new().unwrap();
    let connected = merchant("1900000002").blocking_transport(transport);
    let connected_async =
        merchant("1900000002").transport(weipay::transport::DefaultTransport::new().unwrap());
    let proxied = merchant("1900000002").connect_timeout(std::time::Duration::from_secs(1));
    for settings in [elsewhere, connected, connected_async, proxied] {
        assert!(matches!(client.for_merchant(settings), Err(ConfigError::Mismatch(_))));
    }
    assert!(client.for_merchant(merchant("1900000002").base_url("http://127.0.0.1:1")).is_ok());
    let of_the_platform = merchant("1900000002").base_url("https://api.mch.weixin.qq.com");
    assert!(matches!(client.for_merchant(of_the_platform), Err(ConfigError::Mismatch(_))));
    let nobody = client.for_merchant(ClientBuilder::default()).unwrap_err().to_string();
    assert!(nobody.contains(".mchid(...)"), "{nobody}");
}

/// It would be ignored, and requests would not go through it.
#[test]
fn a_transport_of_the_other_client_alone_is_refused() {
    let for_async = || configured().transport(weipay::transport::DefaultTransport::new().unwrap());
    let for_blocking =
        || configured().blocking_transport(weipay::transport::blocking::DefaultTransport::new().unwrap());
    for built in [for_async().build_blocking().map(drop), for_blocking().build().map(drop)] {
        let Err(ConfigError::Mismatch(text)) = built else { panic!("the transport is ignored") };
        assert!(text.contains("`.transport(...)`") && text.contains("`.blocking_transport(...)`"), "{text}");
    }
}
