//! wxpay-rs has no setting for another host, so its HTTP client is wrapped.

use async_trait::async_trait;
use weipay::wire::PrivateKey;
use wxpay_rs::http::ReqwestHttpClient;
use wxpay_rs::http::client::{HttpClient, HttpResponse};
use wxpay_rs::{WxPayClient, WxPayConfig, WxPayResult};

use crate::{API_V3_KEY, MCHID, PUBLIC_KEY_ID, SERIAL};

pub async fn client(merchant: &PrivateKey, platform: &PrivateKey, base_url: &str) -> WxPayClient {
    let config = WxPayConfig::builder()
        .app_id("wx8888888888888888")
        .merchant_id(MCHID)
        .api_v3_key(API_V3_KEY)
        .private_key(merchant.to_pkcs8_pem().unwrap().as_bytes().to_vec())
        .cert_serial_number(SERIAL)
        .platform_public_key(PUBLIC_KEY_ID, platform.public_key().to_spki_pem().into_bytes())
        .build()
        .unwrap();
    let http = ReqwestHttpClient::builder().build().unwrap();
    let elsewhere = Elsewhere { base_url: base_url.to_owned(), http };
    WxPayClient::builder().config(config).http_client(elsewhere).build().await.unwrap()
}

struct Elsewhere {
    base_url: String,
    http: ReqwestHttpClient,
}

impl Elsewhere {
    fn url(&self, url: &str) -> String {
        let path = url.find("/v3/").map(|at| &url[at..]).unwrap();
        format!("{}{path}", self.base_url)
    }
}

type Headers = Vec<(String, String)>;

#[async_trait]
impl HttpClient for Elsewhere {
    async fn get(&self, url: &str, headers: Headers) -> WxPayResult<HttpResponse> {
        self.http.get(&self.url(url), headers).await
    }

    async fn post(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.http.post(&self.url(url), headers, body).await
    }

    async fn put(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.http.put(&self.url(url), headers, body).await
    }

    async fn delete(&self, url: &str, headers: Headers) -> WxPayResult<HttpResponse> {
        self.http.delete(&self.url(url), headers).await
    }

    async fn patch(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.http.patch(&self.url(url), headers, body).await
    }
}
