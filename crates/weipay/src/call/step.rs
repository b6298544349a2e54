//! The macros that write the steps of the pure chain (纯链式): each step is a [`Call`](crate::Call) so far. The steps of a product
//! are one struct, which differs by a path that is only a type. What all steps have is compiled once for each
//! product, and not for each of 1,700 steps.

/// Writes what the steps of a product have in common.
macro_rules! chain {
    () => {
        /// A step of a chain. Each has a name in the module of its path.
        #[must_use = "a chain does nothing before its verb"]
        pub struct Step<M: $crate::delivery::Mode, Path> {
            #[allow(dead_code, reason = "a version may have none of the products that are asked for")]
            call: $crate::call::Call<M>,
            path: std::marker::PhantomData<fn() -> Path>,
        }

        impl<M: $crate::delivery::Mode, Path> Step<M, Path> {
            pub(crate) fn new(call: $crate::call::Call<M>) -> Self {
                Self { call, path: std::marker::PhantomData }
            }

            /// Sets a header: see [`Call::header`](crate::Call::header).
            pub fn header(self, name: &str, value: impl AsRef<str>) -> Self {
                Self::new(self.call.header(name, value))
            }

            /// Limits the time of this call: see [`Call::timeout`](crate::Call::timeout).
            pub fn timeout(self, timeout: std::time::Duration) -> Self {
                Self::new(self.call.timeout(timeout))
            }

            /// Decides about repeats of this call: see [`Call::retries`](crate::Call::retries).
            pub fn retries(self, retries: $crate::RetryConfig) -> Self {
                Self::new(self.call.retries(retries))
            }

            /// Sends this call elsewhere: see [`Call::base_url`](crate::Call::base_url).
            pub fn base_url(self, base_url: &str) -> Self {
                Self::new(self.call.base_url(base_url))
            }
        }

        impl<M: $crate::delivery::Mode, Path> Clone for Step<M, Path> {
            fn clone(&self) -> Self {
                Self::new(self.call.clone())
            }
        }

        impl<M: $crate::delivery::Mode, Path> std::fmt::Debug for Step<M, Path> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.call.fmt(f)
            }
        }
    };
}

/// Writes a step: its name, and the type of its path.
macro_rules! chain_step {
    ($(#[$doc:meta])* $name:ident at $path:ident) => {
        $(#[$doc])*
        pub type $name<M> = Step<M, $path>;

        #[doc = concat!("Where [`", stringify!($name), "`] is.")]
        pub enum $path {}
    };
}

pub(crate) use {chain, chain_step};
