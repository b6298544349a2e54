//! What both clients offer: a builder, and the three styles of naming an operation.

#[cfg(any(feature = "async", feature = "blocking"))]
/// Writes the part of a client that is the same for both modes. It is a macro because each client is a separate type with its own
/// documentation.
macro_rules! client_styles {
    ($client:ident, $mode:ident) => {
        impl $client {
            /// A builder without settings.
            pub fn builder() -> ClientBuilder {
                ClientBuilder::default()
            }

            /// The merchant number (商户号) that the client signs for.
            pub fn mchid(&self) -> &weipay_wire::MerchantId {
                &self.shared.core.merchant.mchid
            }

            /// The declarative style (声明式): a call of any path, known or not.
            ///
            /// [`Call::path`] gives a `{placeholder}` its value, which is encoded as one segment and otherwise not changed. The
            /// path itself is sent as it is written, with a slash at its end or without. Of all paths of the API, only
            /// `v3/applyment4sub/applyment/` and `v3/ecommerce/applyments/` end in a slash.
            pub fn chain(&self, path: &str) -> Call<$mode> {
                Call::new(Arc::clone(&self.shared), path.trim_start_matches('/').to_owned())
            }

            /// Encrypts a sensitive field (敏感信息加密) for an untyped call, with the platform key that calls name in
            /// `Wechatpay-Serial`. At most 214 bytes of text become 344 characters. Typed operations encrypt and decrypt their
            /// sensitive fields themselves.
            ///
            /// # Errors
            ///
            /// If the text is too long.
            pub fn encrypt_sensitive(&self, text: &str) -> Result<String, crate::Error> {
                Ok(self.shared.core.encrypt_sensitive(text)?)
            }

            /// Decrypts a sensitive field of a response or a notification with the merchant's private key.
            ///
            /// # Errors
            ///
            /// If the text was not encrypted for this merchant.
            pub fn decrypt_sensitive(&self, ciphertext: &str) -> Result<String, crate::Error> {
                self.shared.core.decrypt_sensitive(ciphertext)
            }

            /// The typed operations of APIv2, segment by segment. This version only checks their requests, and cannot send
            /// them yet.
            pub fn v2(&self) -> crate::v2::V2<$mode> {
                crate::v2::V2::new(self.chain("v2"))
            }

            /// The pure chain style (纯链式): the typed operations of APIv3, segment by segment.
            pub fn v3(&self) -> crate::v3::V3<$mode> {
                crate::v3::V3::new(self.chain("v3"))
            }
        }

        /// The property style (属性式): `client["v3/marketing/busifavor/stocks/{stock_id}"]`. Index by templates, not by
        /// concrete ids, because all indexed paths are kept. A slash at the end is sent, as with `chain`.
        impl Index<&str> for $client {
            type Output = Node<$mode>;

            fn index(&self, path: &str) -> &Node<$mode> {
                &self.root[path]
            }
        }

        impl std::fmt::Debug for $client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($client))
                    .field("mchid", &self.shared.core.merchant.mchid)
                    .field("base_url", &self.shared.core.base_url)
                    .finish_non_exhaustive()
            }
        }
    };
}

#[cfg(any(feature = "async", feature = "blocking"))]
pub(crate) use client_styles;

/// Writes a step of the pure chain without verbs.
macro_rules! chain_branch {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[must_use = "a chain does nothing before its verb"]
        pub struct $name<M: $crate::mode::Mode> {
            #[allow(dead_code, reason = "a version may have none of the products that are asked for")]
            call: $crate::call::Call<M>,
        }

        impl<M: $crate::mode::Mode> $name<M> {
            pub(crate) fn new(call: $crate::call::Call<M>) -> Self {
                $name { call }
            }
        }
    };
}

/// Writes a step of the pure chain with verbs, and what can be set before a verb.
#[allow(unused_macros, reason = "a product may need only some of the macros")]
macro_rules! chain_step {
    ($(#[$doc:meta])* $name:ident) => {
        $crate::styles::chain_branch! {
            $(#[$doc])*
            $name
        }

        impl<M: $crate::mode::Mode> $name<M> {
            /// Sets a header: see [`Call::header`](crate::Call::header).
            pub fn header(self, name: &str, value: impl AsRef<str>) -> Self {
                Self::new(self.call.header(name, value))
            }

            /// Limits the time of this call: see [`Call::timeout`](crate::Call::timeout).
            pub fn timeout(self, timeout: std::time::Duration) -> Self {
                Self::new(self.call.timeout(timeout))
            }

            /// Sends this call elsewhere: see [`Call::base_url`](crate::Call::base_url).
            pub fn base_url(self, base_url: &str) -> Self {
                Self::new(self.call.base_url(base_url))
            }
        }
    };
}

#[allow(unused_imports, reason = "a product may need only some of the macros")]
pub(crate) use {chain_branch, chain_step};
