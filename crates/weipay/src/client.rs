//! The async client, and what it has in common with the [blocking](crate::blocking) one: a builder, and the
//! three styles of naming an operation.

/// Writes the part of a client that is the same for both modes. It is a macro because each client is a separate type with its own
/// documentation.
macro_rules! client_styles {
    ($client:ident, $mode:ident) => {
        impl $client {
            /// A new builder, with the default settings.
            pub fn builder() -> ClientBuilder {
                ClientBuilder::default()
            }

            fn from_shared(shared: Shared<$mode>) -> Self {
                let shared = Arc::new(shared);
                Self { root: Arc::new(Node::root(Arc::clone(&shared))), shared }
            }

            /// A client for another merchant over the same connections. It costs little beyond the merchant's keys: no thread, no
            /// connection, no second trust store. So one process can serve any number of merchants.
            ///
            /// Only the credentials in `settings` (number, keys, certificates, serial), the signer and the
            /// [sub-merchant](crate::SubMerchant) are used. Everything else comes from this client: base URL, time
            /// limits, clock, retries and their budget, observer.
            ///
            /// # Errors
            ///
            /// If a credential is missing or does not fit. If the settings have a transport, a proxy, a connect timeout, only the
            /// signer of the other kind of client, or another base URL than this client.
            pub fn for_merchant(&self, settings: ClientBuilder) -> Result<Self, ConfigError> {
                self.shared.for_merchant(settings).map(Self::from_shared)
            }

            /// A client of the same partner (服务商) that calls for this sub-merchant (子商户): see
            /// [`SubMerchant`](crate::SubMerchant). It shares everything with this client, keys too.
            #[must_use]
            pub fn for_sub_merchant(&self, sub_merchant: crate::SubMerchant) -> Self {
                Self::from_shared(self.shared.for_sub_merchant(sub_merchant))
            }

            /// The sub-merchant (子商户) that the client calls for.
            #[must_use]
            pub fn sub_merchant(&self) -> Option<&crate::SubMerchant> {
                self.shared.core.sub_merchant.as_deref()
            }

            /// The merchant number (商户号) that the client signs for; `None` for a brand.
            #[must_use]
            pub fn mchid(&self) -> Option<&weipay_wire::MerchantId> {
                self.shared.core.merchant.account.mchid()
            }

            /// The brand ID (品牌ID) that the client signs for; `None` for a merchant.
            #[must_use]
            pub fn brand_id(&self) -> Option<&weipay_wire::BrandId> {
                self.shared.core.merchant.account.brand_id()
            }

            pub(crate) fn core(&self) -> &crate::core::Core {
                &self.shared.core
            }

            /// A receiver for this merchant's notifications. It always uses the client's current platform keys,
            /// including certificates that the client fetches later.
            ///
            /// A notification whose serial (`Wechatpay-Serial`) the client does not know is rejected, and the client
            /// fetches the certificates in the background, at most once a minute. The platform sends the notification
            /// again, usually after 15 seconds, when the certificate is there. To accept the first one, too, call
            /// [`fetch_platform_certificates`](Self::fetch_platform_certificates) before the server starts. Like a
            /// call, a notification makes the client refresh its certificates in the background before they are 12
            /// hours old. It never waits for that.
            #[cfg(feature = "notifications")]
            pub fn receiver(&self) -> crate::notification::Receiver {
                crate::notification::Receiver::from_core(&self.shared.core, Arc::clone(&self.shared))
            }

            /// A [`FrontEnd`](crate::front_end::FrontEnd) that signs the payment parameters (调起支付) of pages, mini
            /// programs and apps with this merchant's private key, APIv2 key and clock. `None` for a brand, and for a client
            /// with a [signer](crate::signer): give that to [`FrontEnd::with_signer`](crate::front_end::FrontEnd::with_signer), and
            /// an async one to `FrontEnd::with_async_signer`.
            #[must_use]
            pub fn front_end(&self) -> Option<crate::front_end::FrontEnd> {
                crate::front_end::FrontEnd::from_core(&self.shared.core)
            }

            /// The declarative style (声明式): a call of any path, known or not.
            ///
            /// [`Call::path`] gives a `{placeholder}` its value, which is encoded as one segment and otherwise not changed. The
            /// path itself is sent as it is written, with a slash at its end or without. Of all paths of the API, only
            /// `v3/applyment4sub/applyment/` and `v3/ecommerce/applyments/` end in a slash.
            pub fn chain(&self, path: &str) -> Call<$mode> {
                Call::new(Arc::clone(&self.shared), path.trim_start_matches('/').to_owned())
            }

            /// Downloads (下载) the file that a response names by `download_url`, checks its digest and decompresses it:
            /// `client.download(&response).to_file("bill.csv")`. See [`download`](crate::download).
            pub fn download(
                &self,
                source: &(impl crate::download::FileSource + ?Sized),
            ) -> crate::download::Download<$mode> {
                crate::download::Download::new(Arc::clone(&self.shared), source)
            }

            /// The serial of the platform certificate, or the ID of the public key, that calls name in
            /// `Wechatpay-Serial` now; `None` before the certificates have been fetched. It may change while
            /// the client runs.
            pub fn platform_serial(&self) -> Option<String> {
                let core = &self.shared.core;
                core.platform().preferred(core.now()).map(str::to_owned)
            }

            /// Encrypts a sensitive field (敏感信息加密) for a path that the catalogue does not have, or for
            /// [`Sensitive::ciphertext`](crate::model::Sensitive::ciphertext), with the platform key that calls name in
            /// `Wechatpay-Serial`: see [`platform_serial`](Self::platform_serial). At most 214 bytes of text become 344
            /// characters. Calls of the catalogue's operations, typed or not, encrypt and decrypt their sensitive fields
            /// themselves. The algorithm is RSAES-OAEP, or SM2 with a key of SM2. RSAES-PKCS1-v1_5, which a few old operations
            /// reportedly need, is not supported: see [`Sensitive`](crate::model::Sensitive).
            ///
            /// # Errors
            ///
            /// If the text is too long; if a client that was made from the APIv3 key alone has not fetched the platform's
            /// certificates yet; or if all its certificates have expired: see
            /// [`fetch_platform_certificates`](Self::fetch_platform_certificates).
            pub fn encrypt_sensitive(&self, text: &str) -> Result<String, crate::Error> {
                Ok(self.shared.core.encrypt_sensitive(text)?)
            }

            /// Decrypts a sensitive field of a response or a notification with the merchant's private key.
            ///
            /// # Errors
            ///
            /// If the text was not encrypted for this merchant, the decrypted bytes are not UTF-8, or the client has a
            /// [signer](crate::signer) and no private key.
            pub fn decrypt_sensitive(&self, ciphertext: &str) -> Result<String, crate::Error> {
                self.shared.core.decrypt_sensitive(ciphertext)
            }

            /// The pure chain style (纯链式): the typed operations of APIv2, segment by segment.
            pub fn v2(&self) -> crate::v2::V2<$mode> {
                crate::v2::V2::new(self.chain("v2"))
            }

            /// The pure chain style (纯链式): the typed operations of APIv3, segment by segment.
            pub fn v3(&self) -> crate::v3::V3<$mode> {
                crate::v3::V3::new(self.chain("v3"))
            }
        }

        /// The property style (属性式): `client["v3/marketing/busifavor/stocks/{stock_id}"]`. Index by templates and not by
        /// concrete ids, because all indexed paths are kept as long as the client lives: each takes about 200 bytes.
        /// Beyond a million different ones, calls of new paths that the catalogue does not have are
        /// [`TooManyPaths`](crate::error::RequestError::TooManyPaths). A slash at the end is sent, as with `chain`.
        impl Index<&str> for $client {
            type Output = Node<$mode>;

            fn index(&self, path: &str) -> &Node<$mode> {
                &self.root[path]
            }
        }

        impl std::fmt::Debug for $client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let core = &self.shared.core;
                let mut shown = f.debug_struct(stringify!($client));
                shown.field("account", &core.merchant.account).field("base_url", &core.base_url);
                if let Some(sub_merchant) = &core.sub_merchant {
                    shown.field("sub_merchant", sub_merchant);
                }
                shown.finish_non_exhaustive()
            }
        }
    };
}

#[cfg(feature = "blocking")]
pub(crate) use client_styles;

#[cfg(feature = "async")]
pub use asynchronous::Client;

#[cfg(feature = "async")]
mod asynchronous {
    use std::ops::Index;
    use std::sync::Arc;

    use crate::builder::{ClientBuilder, ConfigError, TRANSPORT_CONNECTS};
    use crate::call::Call;
    use crate::delivery::{Async, Shared};
    use crate::error::Error;
    use crate::node::Node;

    /// A WeChat Pay client whose calls are futures. Cheap to clone; clones share keys and connections.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = weipay::Client::from_env()?;
    /// let response = client.chain("v3/marketing/busifavor/callbacks").get().await?;
    /// println!("{}", response.json()?["notify_url"]);
    /// # Ok(())
    /// # }
    /// ```
    #[derive(Clone)]
    pub struct Client {
        shared: Arc<Shared<Async>>,
        root: Arc<Node<Async>>,
    }

    impl ClientBuilder {
        /// Builds an async client. Its calls need a tokio runtime. Several runtimes may use one client; each has
        /// separate connections. Keep a single-threaded runtime running while the client is used, because certificates
        /// are fetched on it in the background. A program without a runtime uses `build_blocking`.
        ///
        /// # Errors
        ///
        /// If a required setting is missing, or the base URL or the proxy cannot be used. If settings do not fit together, such
        /// as a key and the certificate of another, a [`transport`](Self::transport) of your own and a proxy, or a transport or
        /// signer of the blocking client alone. If TLS cannot be set up.
        pub fn build(mut self) -> Result<Client, ConfigError> {
            let transport = match self.transport.take() {
                Some(_) if self.has_connection_options() => {
                    return Err(ConfigError::Mismatch(TRANSPORT_CONNECTS));
                }
                Some(transport) => transport,
                None => {
                    self.check_no_other_transport()?;
                    Arc::new(crate::transport::DefaultTransport::with_options(
                        self.connection_options.clone(),
                    )?)
                }
            };
            Ok(Client::from_shared(Shared::new(self, transport)?))
        }
    }

    impl Client {
        /// Fetches the platform's certificates (平台证书) now, and waits for them. Calls do not need this: they fetch
        /// certificates when necessary. Use it to check the settings at start-up, to encrypt before the first call, or to
        /// accept the first notification.
        ///
        /// # Errors
        ///
        /// If the client has no APIv3 key, or the certificates cannot be fetched. The keys that are there stay.
        pub async fn fetch_platform_certificates(&self) -> Result<(), Error> {
            let ring = &self.shared.core.merchant.ring;
            ring.check_can_fetch()?;
            self.shared.fetch(ring.new_ticket(), self.shared.core.timeout).await.map_err(Error::without_keys)
        }
    }

    client_styles!(Client, Async);
}
