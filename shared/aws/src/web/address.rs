//! Which addresses may be called.

use std::net::IpAddr;

use muster_sync::WebFault;
use url::{Host, Url};

/// Whether a URL may be called: https, port 443, no user, a listed host. On a developer's machine also plain http to
/// this machine where host and port are listed.
pub(super) fn vet(text: &str, hosts: &[String], local: bool) -> Result<(), WebFault> {
    let refused = |why: &str| Err(WebFault::NotAllowed(why.to_owned()));
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return refused("it has characters that no address has");
    }
    let Ok(url) = Url::parse(text) else { return refused("it is no address") };
    if !url.username().is_empty() || url.password().is_some() || before_path(text).contains('@') {
        return refused("it names a user");
    }
    if local && is_this_machine(&url) {
        let place = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        return if hosts.contains(&place) { Ok(()) } else { refused("this machine is not listed") };
    }
    if url.scheme() != "https" {
        return refused("it is not https");
    }
    if url.port().is_some() {
        return refused("its port is not 443");
    }
    match url.host() {
        Some(Host::Domain(name)) if name.parse::<IpAddr>().is_err() => {
            if hosts.iter().any(|host| is_listed(name, host)) { Ok(()) } else { refused("its host is not listed") }
        }
        Some(_) => refused("it has a number instead of a name"),
        None => refused("it has no host"),
    }
}

fn before_path(text: &str) -> &str {
    text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default())
}

fn is_this_machine(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            _ => false,
        }
}

/// Whether a name is a listed one. `*.example.com` stands for every name below it, and not for itself.
fn is_listed(name: &str, host: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    match host.strip_prefix("*.") {
        Some(parent) => name.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => name.eq_ignore_ascii_case(host),
    }
}
