//! Looking up names (域名解析) of receivers, on threads that do nothing else.
//!
//! The resolver of the operating system keeps the thread that asks it, and cannot be told to stop: a name whose
//! servers do not respond keeps it for many seconds, long after the attempt has ended. A merchant chooses the names.
//! So names are resolved on a limited number of threads that do nothing else. A thread counts as busy until the
//! resolver returns, even if the attempt has timed out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use tokio::sync::{Semaphore, oneshot};

/// Maximum number of names looked up at once.
const MAX_LOOKUPS: usize = 32;

type Resolve = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Finds the addresses of names.
#[derive(Clone)]
pub(super) struct Resolver {
    free: Arc<Semaphore>,
    resolve: Arc<Resolve>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(MAX_LOOKUPS, |name, port| Ok((name, port).to_socket_addrs()?.collect()))
    }
}

impl Resolver {
    pub(super) fn new(
        most: usize,
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), resolve: Arc::new(resolve) }
    }

    /// The addresses of a name. Who stops waiting leaves the lookup to end by itself.
    pub(super) async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        if name.eq_ignore_ascii_case("localhost") {
            // Always this machine (RFC 6761, 6.3), and what nearly every developer writes: no lookup of
            // another name keeps it waiting.
            return Ok([IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)]
                .map(|address| SocketAddr::new(address, port))
                .into());
        }
        let place = Arc::clone(&self.free).acquire_owned().await.map_err(io::Error::other)?;
        let (done, found) = oneshot::channel();
        let (name, resolve) = (name.to_owned(), Arc::clone(&self.resolve));
        let lookup = move || {
            let found = resolve(&name, port);
            drop(place);
            // Nobody may wait for it any more.
            let _ = done.send(found);
        };
        thread::Builder::new().name("weipay-sandbox-lookup".to_owned()).spawn(lookup)?;
        found.await.unwrap_or_else(|_| Err(io::Error::other("the lookup of its name stopped")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};
    use tokio::task::spawn_blocking;
    use tokio::time::timeout;

    use super::*;
    use crate::notifications::on_demand::wait_for;

    /// A resolver whose lookups tell their names, and end when they are told to.
    fn stuck(most: usize) -> (Resolver, Receiver<String>, Sender<()>) {
        let ((begin, begun), (end, ended)) = (channel(), channel());
        let ended = Mutex::new(ended);
        let resolver = Resolver::new(most, move |name, port| {
            begin.send(name.to_owned()).map_err(io::Error::other)?;
            let _ = ended.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Ok(vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)])
        });
        (resolver, begun, end)
    }

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap()
    }

    #[test]
    fn a_slow_name_lookup_keeps_no_thread_that_serves_requests() {
        let (resolver, begun, end) = stuck(1);
        let runtime = runtime();
        let looking = runtime.spawn(async move { resolver.addresses("slow.example", 80).await });
        assert_eq!(begun.recv().unwrap(), "slow.example");
        // The only thread for work that blocks is free.
        assert_eq!(runtime.block_on(async { spawn_blocking(|| 1).await }).unwrap(), 1);
        end.send(()).unwrap();
        assert_eq!(
            runtime.block_on(looking).unwrap().unwrap(),
            ["127.0.0.1:80".parse::<SocketAddr>().unwrap()]
        );
    }

    #[test]
    fn a_lookup_counts_until_it_has_really_ended() {
        let (resolver, begun, end) = stuck(1);
        let runtime = runtime();
        let (first, second) = (resolver.clone(), resolver.clone());
        let looking = runtime.spawn(async move { first.addresses("slow.example", 80).await });
        begun.recv().unwrap();
        // As an attempt whose time is over.
        looking.abort();
        assert!(runtime.block_on(looking).unwrap_err().is_cancelled());
        assert_eq!(resolver.free.available_permits(), 0);
        let other = runtime.spawn(async move { second.addresses("other.example", 80).await });
        end.send(()).unwrap();
        assert_eq!(begun.recv().unwrap(), "other.example");
        end.send(()).unwrap();
        assert!(runtime.block_on(other).unwrap().is_ok());
    }

    #[test]
    fn who_sends_on_demand_does_not_wait_for_a_lookup_that_never_ends() {
        let (resolver, begun, end) = stuck(1);
        let looked = wait_for(async {
            timeout(Duration::from_millis(1), resolver.addresses("slow.example", 80)).await.is_ok()
        });
        assert!(!looked.unwrap());
        assert_eq!(begun.recv().unwrap(), "slow.example");
        drop(end);
    }

    #[test]
    fn addresses_and_this_machine_need_no_lookup() {
        let (resolver, _, _) = stuck(0);
        for (name, first) in
            [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("LocalHost", "127.0.0.1:80")]
        {
            let found = runtime().block_on(resolver.addresses(name, 80)).unwrap();
            assert_eq!(found[0], first.parse().unwrap(), "{name}");
        }
    }
}
