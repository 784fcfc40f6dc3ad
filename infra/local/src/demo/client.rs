//! The demo's own SFTP client, so that nothing need be installed.

use std::sync::Arc;

use anyhow::{Context, bail};
use russh::{Disconnect, client, keys::PublicKeyOrCertificate};
use russh_sftp::{
    client::{RawSftpSession, SftpSession},
    protocol::{FileAttributes, OpenFlags},
};
use tokio::io::AsyncWriteExt;

/// Bytes of one write request.
const PIECE: usize = 32_000;

/// Where to log in, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// `host:port`.
    pub(super) address: String,
    pub(super) user: String,
    pub(super) password: String,
}

/// Takes every server key: it talks to the stand-in that it started itself.
struct Trusting;

impl client::Handler for Trusting {
    type Error = anyhow::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

impl Login {
    async fn connect(&self) -> anyhow::Result<(client::Handle<Trusting>, russh::ChannelStream<client::Msg>)> {
        let config = Arc::new(client::Config::default());
        let mut session = client::connect(config, self.address.as_str(), Trusting).await.context("connect by SFTP")?;
        if !session.authenticate_password(&self.user, &self.password).await?.success() {
            bail!("the SFTP login {} was refused", self.user);
        }
        let channel = session.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        Ok((session, channel.into_stream()))
    }

    /// Uploads a file whole.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn put(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let (session, stream) = self.connect().await?;
        let sftp = SftpSession::new(stream).await?;
        let mut file = sftp.create(path).await?;
        file.write_all(bytes).await?;
        file.close().await?;
        Ok(session.disconnect(Disconnect::ByApplication, "", "en").await?)
    }

    /// Uploads the beginning of a file and hangs up with the file still open.
    ///
    /// # Errors
    /// When the server refuses it before that.
    pub(super) async fn put_and_break_off(&self, path: &str, beginning: &[u8]) -> anyhow::Result<()> {
        let (session, stream) = self.connect().await?;
        // The raw session: a file of the other one is closed in order when it goes out of scope.
        let sftp = RawSftpSession::new(stream);
        sftp.init().await?;
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let handle = sftp.open(path, flags, FileAttributes::empty()).await?.handle;
        let mut offset = 0;
        for piece in beginning.chunks(PIECE) {
            sftp.write(handle.as_str(), offset, piece.to_vec()).await?;
            offset += piece.len() as u64;
        }
        Ok(session.disconnect(Disconnect::ByApplication, "", "en").await?)
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(super) async fn list(&self, folder: &str) -> anyhow::Result<Vec<String>> {
        let (_session, stream) = self.connect().await?;
        let mut names: Vec<String> =
            SftpSession::new(stream).await?.read_dir(folder).await?.map(|entry| entry.file_name()).collect();
        names.sort();
        Ok(names)
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (_session, stream) = self.connect().await?;
        Ok(SftpSession::new(stream).await?.read(path).await?)
    }
}
