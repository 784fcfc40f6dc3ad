//! SFTP: what AWS Transfer does, with its workflow that copies finished uploads to `inbox/`.

mod files;
mod home;
mod logins;
mod upload;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use russh::{
    Channel, ChannelId,
    keys::{Algorithm, PrivateKey, ssh_key::LineEnding},
    server::{Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Server as _, Session, VerifiedPublicKey},
};
use tokio::net::TcpListener;

use crate::services::Services;
use files::Files;
use logins::{Login, Logins};
pub(crate) use upload::Landing;

/// What every SFTP session shares.
#[derive(Clone)]
struct Shared {
    logins: Logins,
    landing: Arc<Landing>,
}

/// A running SFTP server.
pub(crate) struct SftpServer {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
    stop: russh::server::RunningServerHandle,
    landing: Arc<Landing>,
}

impl SftpServer {
    /// Listens on `address`; host key and unfinished uploads lie in `folder`.
    pub(crate) async fn start(
        address: SocketAddr,
        folder: &Path,
        services: &Services,
        bucket: &str,
        table: &str,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|e| anyhow::anyhow!("could not listen on {address} for SFTP: {e}"))?;
        let address = listener.local_addr()?;
        let landing = Arc::new(Landing::new(services.objects.clone(), bucket, folder.join("spool"))?);
        let shared = Shared { logins: Logins::new(services.dynamodb.clone(), table), landing: landing.clone() };
        let config = Arc::new(russh::server::Config {
            keys: vec![host_key(&folder.join("sftp_host_key"))?],
            auth_rejection_time: Duration::from_millis(300),
            auth_rejection_time_initial: Some(Duration::ZERO),
            nodelay: true,
            ..Default::default()
        });
        let (handle, handle_sent) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut server = Listener { shared };
            let running = server.run_on_socket(config, &listener);
            let _ = handle.send(running.handle());
            if let Err(error) = running.await {
                tracing::error!("sftp: {error}");
            }
        });
        Ok(Self { address, task, stop: handle_sent.await?, landing })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every session and waits until what they had written so far is put away.
    pub(crate) async fn stop(self) {
        self.stop.shutdown("stopping".to_owned());
        let _ = tokio::time::timeout(Duration::from_secs(2), self.task).await;
        self.landing.settle(Duration::from_secs(5)).await;
    }
}

/// The key stays the same over restarts, so that clients recognise the server.
fn host_key(path: &Path) -> anyhow::Result<PrivateKey> {
    if path.exists() {
        return PrivateKey::read_openssh_file(path)
            .map_err(|e| anyhow::anyhow!("{}: {e}; delete it to get a new one", path.display()));
    }
    let key = PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519)?;
    key.write_openssh_file(path, LineEnding::LF)?;
    Ok(key)
}

struct Listener {
    shared: Shared,
}

impl russh::server::Server for Listener {
    type Handler = Connection;

    fn new_client(&mut self, from: Option<SocketAddr>) -> Connection {
        let from = from.map(|address| address.ip());
        Connection { shared: self.shared.clone(), from, user: String::new(), channels: HashMap::new() }
    }

    fn handle_session_error(&mut self, error: anyhow::Error) {
        tracing::debug!("sftp session: {error}");
    }
}

struct Connection {
    shared: Shared,
    from: Option<IpAddr>,
    user: String,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Connection {
    /// The login of that name, where it may come from this client's address: one that may not is as one that is not
    /// there.
    fn login(&self, user: &str) -> Option<Login> {
        self.shared.logins.find(user).filter(|login| login.takes_from(self.from))
    }

    fn decide(&mut self, user: &str, allowed: bool) -> Auth {
        if !allowed {
            tracing::warn!(user, "sftp login refused");
            return Auth::reject();
        }
        user.clone_into(&mut self.user);
        Auth::Accept
    }
}

impl russh::server::Handler for Connection {
    type Error = anyhow::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let allowed = self.login(user).is_some_and(|login| login.accepts_password(password));
        Ok(self.decide(user, allowed))
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        let known = self.login(user).is_some_and(|login| login.accepts_key(offer.public_key));
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let allowed = self.login(user).is_some_and(|login| login.accepts_key(key.public_key));
        Ok(self.decide(user, allowed))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.close(channel)?;
        Ok(())
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, session: &mut Session) -> Result<(), Self::Error> {
        match self.channels.remove(&id) {
            Some(channel) if name == "sftp" => {
                session.channel_success(id)?;
                russh_sftp::server::run(channel.into_stream(), Files::new(&self.user, self.shared.landing.clone()))
                    .await;
            }
            _ => session.channel_failure(id)?,
        }
        Ok(())
    }
}
