//! The macros that write the steps of the pure chain (纯链式): each step is a [`Call`](crate::Call) so far.

/// Writes a step of the pure chain without verbs.
macro_rules! chain_branch {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
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

        // By hand: derived code would be longer, for each of 1,700 steps.
        impl<M: $crate::mode::Mode> Clone for $name<M> {
            fn clone(&self) -> Self {
                Self::new(self.call.clone())
            }
        }

        impl<M: $crate::mode::Mode> std::fmt::Debug for $name<M> {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.call.fmt(out)
            }
        }
    };
}

/// Writes a step of the pure chain with verbs, and what can be set before a verb.
#[allow(unused_macros, reason = "a product may need only some of the macros")]
macro_rules! chain_step {
    ($(#[$doc:meta])* $name:ident) => {
        $crate::chain::chain_branch! {
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
