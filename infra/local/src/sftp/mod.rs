//! SFTP: what AWS Transfer does: it asks our function who may log in, and has a workflow that copies finished uploads to `inbox/`.

mod files;
mod home;
mod identity;
mod policy;
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

use crate::{lambda::Lambda, services::Services};
use files::Files;
use identity::{Grant, Identity};
pub(crate) use upload::Landing;

/// What every SFTP session shares.
#[derive(Clone)]
struct Shared {
    identity: Identity,
    landing: Arc<Landing>,
}

/// A running SFTP server.
pub(crate) struct SftpServer {
    task: tokio::task::JoinHandle<()>,
    stop: russh::server::RunningServerHandle,
    landing: Arc<Landing>,
}

impl SftpServer {
    /// Serves who comes to `listener`; host key and unfinished uploads lie in `folder`.
    pub(crate) async fn start(
        listener: TcpListener,
        folder: &Path,
        services: &Services,
        bucket: &str,
        lambda: &Lambda,
    ) -> anyhow::Result<Self> {
        let landing = Arc::new(Landing::new(services.objects.clone(), bucket, folder.join("spool"))?);
        let shared = Shared { identity: Identity::new(lambda.clone(), bucket), landing: landing.clone() };
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
        Ok(Self { task, stop: handle_sent.await?, landing })
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
        Connection { shared: self.shared.clone(), from, offered: None, granted: None, channels: HashMap::new() }
    }

    fn handle_session_error(&mut self, error: anyhow::Error) {
        tracing::debug!("sftp session: {error}");
    }
}

struct Connection {
    shared: Shared,
    from: Option<IpAddr>,
    /// What was said of the user whose key was offered last, until it is proved.
    offered: Option<(String, Grant)>,
    /// What whoever is logged in may do.
    granted: Option<Grant>,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Connection {
    fn decide(&mut self, granted: Option<Grant>) -> Auth {
        if granted.is_none() {
            // No name: what is typed as one may be a password.
            tracing::warn!("sftp login refused");
            return Auth::reject();
        }
        self.granted = granted;
        Auth::Accept
    }
}

impl russh::server::Handler for Connection {
    type Error = anyhow::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let granted = self.shared.identity.ask(user, Some(password), self.from).await;
        // An empty password is answered like an offered key, and a password is none.
        Ok(self.decide(granted.filter(Grant::is_open)))
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        let granted = self.shared.identity.ask(user, None, self.from).await;
        let granted = granted.filter(|granted| granted.takes(offer.public_key));
        self.offered = granted.map(|granted| (user.to_owned(), granted));
        Ok(if self.offered.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let granted = match self.offered.take() {
            Some((offered, granted)) if offered == user => Some(granted),
            _ => self.shared.identity.ask(user, None, self.from).await,
        };
        Ok(self.decide(granted.filter(|granted| granted.takes(key.public_key))))
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
        match (self.channels.remove(&id), &self.granted) {
            (Some(channel), Some(granted)) if name == "sftp" => {
                session.channel_success(id)?;
                let files = Files::new(granted.home.clone(), self.shared.landing.clone());
                russh_sftp::server::run(channel.into_stream(), files).await;
            }
            _ => session.channel_failure(id)?,
        }
        Ok(())
    }
}
