#![doc = include_str!("../README.md")]

mod call;
mod clock;
mod control;
mod damage;
mod link;
mod listing;
mod misbehave;
mod name;
mod outbox;
mod person;
mod post;
mod provider;
mod serve;
pub mod sign;
mod socket;
mod wire;

use std::{io, net::SocketAddr};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};

/// One running set of fakes on a port: Apideck, Merge, Finch, `WorkOS` and `BambooHR` under `/apideck`, `/merge`,
/// `/finch`, `/workos` and `/bamboohr`, their control routes under `/control/{provider}`. Stops when dropped.
#[derive(Debug)]
pub struct Fakes {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Fakes {
    /// Starts on this address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr) -> io::Result<Fakes> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let service = Fakes::router().into_make_service_with_connect_info::<socket::Switch>();
            // Serving a listener only ends with the task.
            drop(axum::serve(socket::Listener(listener), service).await);
        });
        Ok(Fakes { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new set of fakes with empty directories, for a server of one's own. There, `reset` ends an answer in its
    /// middle; only [`Fakes::start`] can close the socket before one.
    pub fn router() -> Router {
        serve::router()
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        self.task.abort();
    }
}
