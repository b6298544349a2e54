//! The address of a receiver: where a `notify_url` leads, and whether a sandbox may call it.
//!
//! Any client of a sandbox can name an address. So a sandbox calls this machine and public addresses, and others of a
//! private or special network only when it is told; the real platform never.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
        if is_official(self.name()) {
            Err("notify_url leads to the real platform, which a sandbox never calls".to_owned())
        } else {
            Ok(())
        }
    }

    /// The value of `Host`.
    pub(super) fn authority(&self) -> String {
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// An address as a log shows it: without path and user name.
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

/// Ends of names that no public network has.
const NAMES_OF_PRIVATE_NETWORKS: [&str; 6] =
    [".localhost", ".local", ".internal", ".test", ".lan", ".home.arpa"];

/// Whether an address is one of plain HTTP, to a host that the public can reach: by its number, or by a name with a dot that
/// is none of this machine.
pub(crate) fn is_plain_to_public_host(url: &str) -> bool {
    let Ok(target) = Target::parse(url) else { return false };
    let name = target.name().trim_end_matches('.').to_ascii_lowercase();
    let is_public = match name.parse::<IpAddr>() {
        Ok(address) => !address.to_canonical().is_loopback() && may_be_called(address, false),
        Err(_) => name.contains('.') && !NAMES_OF_PRIVATE_NETWORKS.iter().any(|end| name.ends_with(end)),
    };
    !target.is_https && is_public
}

/// Whether a sandbox may call an address: of this machine and of the public network always, of a private or special network when
/// it is told, and what belongs to no network never.
pub(super) fn may_be_called(address: IpAddr, private_receivers: bool) -> bool {
    // A socket to `::ffff:127.0.0.1` is one to 127.0.0.1.
    let address = address.to_canonical();
    if address.is_loopback() {
        return true;
    }
    let address = carried(address).map_or(address, IpAddr::V4);
    let is_of_one = |networks: &[Network]| networks.iter().any(|network| contains(network, address));
    !is_of_one(&OF_NO_HOST) && (private_receivers || !is_of_one(&NOT_PUBLIC))
}

/// The addresses that begin with so many bits of this one.
type Network = (IpAddr, u32);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(a: u16, b: u16, c: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
}

/// Addresses at which no host is. Of 127.0.0.0/8 only those are left here that another network translates: they are not this
/// machine.
const OF_NO_HOST: [Network; 6] = [
    (v4(0, 0, 0, 0), 8),
    (v4(127, 0, 0, 0), 8),
    (v4(224, 0, 0, 0), 4),
    (v4(255, 255, 255, 255), 32),
    (v6(0, 0, 0), 128),
    (v6(0xFF00, 0, 0), 8),
];

/// Networks that are not the public one: the registries of special addresses (RFC 6890, as kept by IANA).
const NOT_PUBLIC: [Network; 21] = [
    // Private (RFC 1918), shared by the customers of a provider (RFC 6598), and of one link.
    (v4(10, 0, 0, 0), 8),
    (v4(172, 16, 0, 0), 12),
    (v4(192, 168, 0, 0), 16),
    (v4(100, 64, 0, 0), 10),
    (v4(169, 254, 0, 0), 16),
    // For protocols, for relays of 6to4, for measurements, and reserved.
    (v4(192, 0, 0, 0), 24),
    (v4(192, 88, 99, 0), 24),
    (v4(198, 18, 0, 0), 15),
    (v4(240, 0, 0, 0), 4),
    // For documentation.
    (v4(192, 0, 2, 0), 24),
    (v4(198, 51, 100, 0), 24),
    (v4(203, 0, 113, 0), 24),
    (v6(0x2001, 0xDB8, 0), 32),
    (v6(0x3FFF, 0, 0), 20),
    // Private, of one link, and of one site, as before RFC 3879.
    (v6(0xFC00, 0, 0), 7),
    (v6(0xFE80, 0, 0), 10),
    (v6(0xFEC0, 0, 0), 10),
    // Translations within one network (RFC 8215), where everything is thrown away, for protocols, with the tunnels of Teredo
    // among them, and segment routing.
    (v6(0x64, 0xFF9B, 1), 48),
    (v6(0x100, 0, 0), 64),
    (v6(0x2001, 0, 0), 23),
    (v6(0x5F00, 0, 0), 16),
];

fn contains((network, bits): &Network, address: IpAddr) -> bool {
    match (*network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u32::from(network) ^ u32::from(address)).leading_zeros() >= *bits
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (u128::from(network) ^ u128::from(address)).leading_zeros() >= *bits
        }
        _ => false,
    }
}

/// The IPv4 address in an IPv6 one that only carries it: translated (by NAT64, RFC 6052, or by SIIT, RFC 2765), or the end of a
/// tunnel (6to4, RFC 3056, and the compatible form of RFC 4291).
fn carried(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let bytes = address.octets();
    let at = match address.segments() {
        [0x64, 0xFF9B, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xFFFF, 0, ..] => 12,
        [0, 0, 0, 0, 0, 0, ..] if !address.is_unspecified() => 12,
        [0x2002, ..] => 2,
        _ => return None,
    };
    let mut carried = [0; 4];
    carried.copy_from_slice(bytes.split_at(at).1.split_at(4).0);
    Some(Ipv4Addr::from(carried))
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
            "192.88.98.255",
            "223.255.255.255",
            "64:ff9b::808:808",
            "::ffff:0:8.8.8.8",
            "2001:200::1",
            "2001:db9::1",
            "4000::1",
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
            "::ffff:0:10.0.0.1",
            "64:ff9b::c612:1",
            "64:ff9b::6440:1",
            "192.88.99.1",
            "240.0.0.1",
            "255.255.255.254",
            "64:ff9b::f000:1",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff::1",
            "fdff:ffff::1",
            "febf::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:1ff::1",
            "5f00::1",
        ] {
            assert!(!calls(address, false) && calls(address, true), "{address}");
        }
    }

    #[test]
    fn addresses_of_no_host_are_never_called() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "::ffff:0.0.0.0",
            // The loopback of whoever translates, or ends the tunnel.
            "64:ff9b::7f00:1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "2002:7f00:1::1",
        ] {
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
