//! Connections to addresses that were looked up once and vetted.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

type Failure = Box<dyn Error + Send + Sync>;
type Coming<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Looks the addresses of a name up; port 0 stands for the port of the URL.
pub(super) type Lookup = Arc<dyn Fn(String) -> Coming<Vec<SocketAddr>, io::Error> + Send + Sync>;

/// The operating system's lookup.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// A name has addresses, but none that may be called.
#[derive(Debug, thiserror::Error)]
#[error("no public address")]
pub(super) struct NoPublicAddress;

/// No connection came to stand within this time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct Late(pub(super) Duration);

/// Resolves names to allowed addresses only. The connection goes to what comes out of here, without another lookup.
#[derive(Clone)]
pub(super) struct Vetted {
    /// Who is asked.
    pub(super) lookup: Lookup,
    /// Which addresses may be called.
    pub(super) allowed: fn(IpAddr) -> bool,
}

impl Service<Name> for Vetted {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Failure;
    type Future = Coming<Self::Response, Failure>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, allowed) = ((self.lookup)(name.as_str().to_owned()), self.allowed);
        Box::pin(async move {
            let mut addresses = found.await?;
            addresses.retain(|address| allowed(address.ip()));
            if addresses.is_empty() { Err(NoPublicAddress.into()) } else { Ok(addresses.into_iter()) }
        })
    }
}

/// A connector that gives up after a time, whatever it waits for: name, connection or TLS.
#[derive(Clone)]
pub(super) struct InTime<C> {
    /// Who connects.
    pub(super) inner: C,
    /// How long it may take.
    pub(super) limit: Duration,
}

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri>,
    C::Error: Into<Failure>,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = Failure;
    type Future = Coming<C::Response, Failure>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connection, limit) = (self.inner.call(uri), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connection).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(Late(limit).into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_a_name_with_private_and_public_addresses_only_the_public_ones_are_called() {
        let found =
            ["10.0.0.1:0", "1.1.1.1:0", "[::1]:0", "[2606:4700:4700::1111]:0"].map(|text| text.parse().unwrap());
        let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(found.to_vec()) }));
        let mut vetted = Vetted { lookup, allowed: super::super::address::is_public };
        let called: Vec<SocketAddr> = vetted.call("allowed.example".parse().unwrap()).await.unwrap().collect();
        assert_eq!(called, [found[1], found[3]]);
    }
}
