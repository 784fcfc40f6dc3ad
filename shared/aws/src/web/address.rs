//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;
use muster_sync::WebFault;
use url::{Host, Url};

/// Which way a request goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// To a provider, encrypted.
    Https,
    /// To this machine.
    Local,
}

/// Blocks of IPv4 that are nobody's public address, each by its first address and the length of its prefix.
const NOT_PUBLIC: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Blocks inside IPv6's public `2000::/3` that lead elsewhere: tunnels, examples.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is a public one: not this machine, not this network, none that wraps another.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC.iter().any(|(first, length)| {
            let apart = 32 - length;
            address.to_bits() >> apart == first.to_bits() >> apart
        }),
        // All other forms (mapped, NAT64, local) lie outside of 2000::/3.
        IpAddr::V6(address) => {
            let within = |first: Ipv6Addr, length: u32| {
                let apart = 128 - length;
                address.to_bits() >> apart == first.to_bits() >> apart
            };
            within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !NOT_PUBLIC_V6.iter().any(|(first, length)| within(*first, *length))
        }
    }
}

/// The way to an address, and the address as it is sent; `local` also takes this machine's `host:port`s of `hosts`.
///
/// # Errors
/// [`WebFault::NotAllowed`]
pub(super) fn route(address: &str, hosts: &[String], local: bool) -> Result<(Route, Uri), WebFault> {
    // What one reader of addresses skips or turns round and another does not.
    if address.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
        return refuse("it has characters that no address has");
    }
    let Some((scheme, rest)) = address.split_once("://") else {
        return refuse("it does not begin with https://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains(['@', '%']) {
        return refuse("before its path stands more than a host, or none");
    }
    if local && scheme == "http" && is_local(authority, hosts) {
        return Ok((Route::Local, sent(address, authority)?));
    }
    if !scheme.eq_ignore_ascii_case("https") {
        return refuse("it does not begin with https://");
    }
    let mut url = Url::parse(address).or_else(|_| refuse("it cannot be read"))?;
    let host = named(&url, hosts)?;
    url.set_host(Some(&host)).or_else(|_| refuse("its host cannot be read"))?;
    url.set_fragment(None);
    Ok((Route::Https, sent(url.as_str(), &host)?))
}

fn refuse<T>(why: impl Into<String>) -> Result<T, WebFault> {
    Err(WebFault::NotAllowed(why.into()))
}

/// The host of an address, if it is one of `hosts` on the port of https.
fn named(url: &Url, hosts: &[String]) -> Result<String, WebFault> {
    let host = match url.host() {
        Some(Host::Domain(name)) => name.strip_suffix('.').unwrap_or(name).to_owned(),
        _ => return refuse("a number stands where a host's name belongs"),
    };
    if url.port().is_some() {
        return refuse(format!("a port other than 443 of {host}"));
    }
    if !hosts.iter().any(|pattern| covers(pattern, &host)) {
        let host: String = host.chars().take(100).collect();
        return refuse(format!("{host} is none of the provider's hosts"));
    }
    Ok(host)
}

fn covers(pattern: &str, host: &str) -> bool {
    let plain = |name: &str| match Host::parse(name) {
        Ok(Host::Domain(name)) => Some(name.strip_suffix('.').unwrap_or(&name).to_owned()),
        _ => None,
    };
    match pattern.strip_prefix("*.") {
        None => plain(pattern).is_some_and(|name| name == host),
        Some(parent) => plain(parent).is_some_and(|parent| {
            let below = host.strip_suffix(&parent).and_then(|below| below.strip_suffix('.'));
            // A whole top-level domain is nobody's own.
            parent.contains('.') && below.is_some_and(|below| below.split('.').all(|label| !label.is_empty()))
        }),
    }
}

/// Whether this is `127.0.0.1:port` or `localhost:port`, letter by letter as in `hosts`.
fn is_local(authority: &str, hosts: &[String]) -> bool {
    let port = authority.strip_prefix("127.0.0.1:").or_else(|| authority.strip_prefix("localhost:"));
    port.is_some_and(|port| port.parse::<u16>().is_ok()) && hosts.iter().any(|host| host == authority)
}

/// The address as the client reads it, which must read the same host out of it.
fn sent(address: &str, authority: &str) -> Result<Uri, WebFault> {
    match Uri::try_from(address) {
        Ok(uri) if uri.authority().is_some_and(|read| read.as_str() == authority) => Ok(uri),
        _ => refuse("it is too long or cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_public(public: bool, addresses: &[&str]) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        check_public(false, &["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1"]);
        check_public(false, &["172.31.255.255", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.64.0.1"]);
        check_public(false, &["100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.19.255.255"]);
        check_public(false, &["198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"]);
        check_public(false, &["255.255.255.255", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254"]);
        check_public(false, &["ff02::1", "2001:db8::1", "2001::1", "3fff::1", "100::1", "5f00::1"]);
    }

    #[test]
    fn addresses_that_wrap_another_are_not_public() {
        check_public(false, &["::ffff:127.0.0.1", "::ffff:1.1.1.1", "::127.0.0.1", "2002:7f00:1::", "2002:101:101::"]);
        check_public(false, &["64:ff9b::7f00:1", "64:ff9b::1.1.1.1", "64:ff9b:1::1", "::ffff:0:127.0.0.1"]);
    }

    #[test]
    fn the_neighbours_of_private_blocks_are_public() {
        check_public(
            true,
            &["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"],
        );
        check_public(true, &["128.0.0.1", "169.253.255.255", "169.255.0.1", "172.15.255.255", "172.32.0.1"]);
        check_public(true, &["192.167.1.1", "192.169.1.1", "198.17.1.1", "198.20.0.1", "223.255.255.255"]);
        check_public(true, &["2606:4700:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2003::1"]);
    }

    #[track_caller]
    fn check_hosts(allowed: bool, hosts: &[&str], addresses: &[&str]) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        for address in addresses {
            assert_eq!(route(address, &hosts, false).is_ok(), allowed, "{address} for {hosts:?}");
        }
    }

    #[test]
    fn a_star_stands_for_one_label_or_more_below() {
        let hosts = ["*.hr.example"];
        check_hosts(
            true,
            &hosts,
            &["https://acme.hr.example/v1", "https://a.b.hr.example", "https://ACME.HR.Example."],
        );
        check_hosts(false, &hosts, &["https://hr.example", "https://evilhr.example", "https://.hr.example"]);
        check_hosts(false, &hosts, &["https://a..hr.example", "https://acme.hr.example.evil.example"]);
        check_hosts(false, &["*.example", "*", "*.", ""], &["https://hr.example", "https://a.hr.example"]);
    }

    #[test]
    fn hosts_are_compared_as_they_are_looked_up() {
        check_hosts(true, &["Bücher.example"], &["https://xn--bcher-kva.example/", "https://BÜCHER.example"]);
        check_hosts(
            true,
            &["hr.example."],
            &["https://hr.example", "https://hr.example.:443/", "HTTPS://HR.example:443"],
        );
        // A letter of another alphabet that looks the same.
        check_hosts(false, &["apple.example"], &["https://аpple.example", "https://apple.example.."]);
    }

    #[test]
    fn what_is_sent_has_the_plain_host_and_no_fragment() {
        let (route, uri) = route("https://HR.example.:443/a?b=c#d", &["hr.example".to_owned()], true).unwrap();
        assert_eq!((route, uri.to_string().as_str()), (Route::Https, "https://hr.example/a?b=c"));
    }
}
