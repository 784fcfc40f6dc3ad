//! Names to addresses, none of which lead into a private network. The address that is vetted is the one that is
//! called: there is no second look-up in between.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

/// Who is asked.
#[derive(Clone)]
pub(super) enum Lookup {
    /// The machine's resolver.
    System,
    /// A table, for tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests bring their own names"))]
    Table(Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>),
}

/// Looks names up and vets what it finds.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) lookup: Lookup,
    /// Whether this machine itself may be called.
    pub(super) local: bool,
}

/// A name that leads to an address which is not of the public internet.
#[derive(Debug, thiserror::Error)]
#[error("its name leads into a private network")]
pub(super) struct NotPublic;

type Found = std::vec::IntoIter<SocketAddr>;

impl Service<Name> for Resolver {
    type Response = Found;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Found>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { lookup, local } = self.clone();
        Box::pin(async move {
            let found: Vec<IpAddr> = match lookup {
                Lookup::System => {
                    tokio::net::lookup_host((name.as_str(), 0)).await?.map(|address| address.ip()).collect()
                }
                Lookup::Table(table) => table(name.as_str()),
            };
            // One address of its own network among public ones is no accident.
            let this_machine = |address: &IpAddr| local && name.as_str() == "localhost" && address.is_loopback();
            if found.iter().any(|address| !is_public(*address) && !this_machine(address)) {
                return Err(io::Error::other(NotPublic));
            }
            let found: Vec<_> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(found.into_iter())
        })
    }
}

/// Whether an address is one of the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_unspecified()
        || address.is_documentation();
    // This network, carrier NAT, protocol assignments, benchmarks, 6to4 relays, reserved.
    let reserved = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 88 && c == 99)
        || a >= 240;
    !special && !reserved
}

/// Only 2000::/3 is the public internet, and parts of it carry an address of the old one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        // NAT64: the old address stands at the end.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // 6to4: behind the prefix.
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Teredo and other special ones; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}
