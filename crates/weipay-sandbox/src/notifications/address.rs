//! The address of a receiver: where a `notify_url` leads, and whether a sandbox may call it.
//!
//! Whoever can send requests to a sandbox can name an address. So a sandbox calls this machine and public
//! addresses, and others of a private network only when it is told; the real platform never.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::authority::is_official;

/// Where a notification goes.
pub(super) struct Target {
    pub(super) is_https: bool,
    host: String,
    pub(super) port: u16,
    pub(super) path: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "notify_url is not a URL")?;
        let is_https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err("notify_url must begin with http:// or https://".to_owned()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("notify_url has no host")?.to_owned();
        let authority = uri.authority().map_or("", Authority::as_str);
        let behind_host = authority.rsplit('@').next().and_then(|place| place.strip_prefix(&*host));
        let port = match (uri.port_u16(), behind_host) {
            (Some(port), _) => port,
            // An empty port is the usual one (RFC 3986, 3.2.3).
            (None, Some("" | ":")) => {
                if is_https {
                    443
                } else {
                    80
                }
            }
            // Another port would be that of another service.
            _ => return Err("the port of notify_url is not a number from 0 to 65535".to_owned()),
        };
        Ok(Self { is_https, host, port, path: uri.path().to_owned() })
    }

    /// The host as names are looked up: an IPv6 address without its brackets.
    pub(super) fn name(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    pub(super) fn check_not_official(&self) -> Result<(), String> {
        match is_official(self.name()) {
            true => Err("notify_url leads to the real platform, which a sandbox never calls".to_owned()),
            false => Ok(()),
        }
    }

    /// The value of `Host`.
    pub(super) fn authority(&self) -> String {
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// What a log shows of an address: where it leads, without its path and without a user's name.
pub(super) fn shown(url: &str) -> String {
    Target::parse(url).map_or_else(
        |_| "an address that is not a URL".to_owned(),
        |target| format!("{}://{}", if target.is_https { "https" } else { "http" }, target.authority()),
    )
}

/// An address to which a notification may go at all.
pub(crate) fn check_address(url: &str) -> Result<(), String> {
    Target::parse(url)?.check_not_official()
}

/// Whether a sandbox may call an address: of this machine and of the public network always, of a private network when it is
/// told, and what belongs to no network never.
pub(super) fn may_be_called(address: IpAddr, private_receivers: bool) -> bool {
    match canonical(address) {
        address if address.is_loopback() => true,
        address if address.is_unspecified() || address.is_multicast() => false,
        IpAddr::V4(address) if address.is_broadcast() || address.octets()[0] == 0 => false,
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Not in the public network either (RFC 6890): 100.64.0.0/10, which the customers of a provider
            // share, 192.0.0.0/24 for protocols, and 198.18.0.0/15 for measurements.
            let is_of_a_network = match (first, second) {
                (100, 64..128) | (198, 18 | 19) => true,
                (192, 0) => address.octets()[2] == 0,
                _ => false,
            };
            private_receivers || !(address.is_private() || address.is_link_local() || is_of_a_network)
        }
        IpAddr::V6(address) => {
            let [first, second, third, ..] = address.segments();
            // Of one site, as before RFC 3879, and translations within one network (RFC 8215).
            let is_of_a_site = first & 0xFFC0 == 0xFEC0 || [first, second, third] == [0x64, 0xFF9B, 1];
            private_receivers
                || !(address.is_unique_local() || address.is_unicast_link_local() || is_of_a_site)
        }
    }
}

/// The IPv4 address in an IPv6 one that only carries it: mapped, translated by NAT64 (RFC 6052), or the end
/// of a tunnel (6to4, RFC 3056).
fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if address.segments()[..6] == [0x64, 0xFF9B, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::from([a, b, c, d])
        }
        IpAddr::V6(address) if address.segments()[..6] == [0; 6] && address != Ipv6Addr::LOCALHOST => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::from([a, b, c, d])
        }
        IpAddr::V6(address) if address.segments()[0] == 0x2002 => {
            let [_, _, a, b, c, d, ..] = address.octets();
            IpAddr::from([a, b, c, d])
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(address: &str, private_receivers: bool) -> bool {
        may_be_called(address.parse().unwrap(), private_receivers)
    }

    #[test]
    fn this_machine_and_the_public_network_are_called() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "8.8.8.8",
            "2606:4700::1111",
            "100.128.0.1",
            "2002:0808:0808::1",
            "198.20.0.1",
            "198.17.255.255",
            "192.0.1.1",
        ] {
            assert!(calls(address, false), "{address}");
        }
    }

    #[test]
    fn private_networks_are_called_only_when_that_is_told() {
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "::10.0.0.1",
            "64:ff9b:1::1",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "fec0::1",
            "feff::1",
            "2002:0a00:0001::1",
            "2002:c0a8:0101::1",
            "198.18.0.1",
            "198.19.255.255",
            "192.0.0.1",
            "192.0.0.255",
            "::ffff:198.18.0.1",
        ] {
            assert!(!calls(address, false) && calls(address, true), "{address}");
        }
    }

    #[test]
    fn addresses_of_no_host_are_never_called() {
        for address in
            ["0.0.0.0", "0.1.2.3", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0"]
        {
            assert!(!calls(address, true), "{address}");
        }
    }

    #[test]
    fn a_url_is_read_and_shown_without_user_and_path() {
        let target = Target::parse("http://user@[::1]:8000/a/b").unwrap();
        assert_eq!((target.name(), target.port, &*target.path), ("::1", 8000, "/a/b"));
        assert_eq!(shown("http://user@[::1]:8000/a/b"), "http://[::1]:8000");
        assert_eq!(shown("https://example.com"), "https://example.com");
        assert_eq!(Target::parse("https://example.com").unwrap().path, "/");
        for url in ["", "example.com/a", "ftp://example.com", "http://", "/a"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
        for url in ["http://a:88800/b", "http://u@a:99999", "http://[::1]:65536/"] {
            let refusal = Target::parse(url).map(|target| target.port).unwrap_err();
            assert!(refusal.contains("the port of notify_url"), "{url}: {refusal}");
        }
        for (url, port) in [
            ("http://u@a/", 80),
            ("https://a:/b", 443),
            ("https://[::1]/", 443),
            ("http://[::1]:8080/", 8080),
        ] {
            assert_eq!(Target::parse(url).unwrap().port, port, "{url}");
        }
    }
}
