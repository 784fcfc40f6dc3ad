//! A customer with the real `sftp`.

use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A key pair made by the real `ssh-keygen`, and a folder for the real `sftp` to work in.
pub struct Customer {
    /// Where `sftp` works.
    pub folder: TempDir,
    /// The public key.
    pub public: String,
}

impl Default for Customer {
    fn default() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let id = folder.path().join("id");
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&id).status().unwrap();
        assert!(made.success());
        let public = std::fs::read_to_string(folder.path().join("id.pub")).unwrap();
        Self { folder, public }
    }
}

impl Customer {
    /// Runs commands in one session.
    pub async fn sftp(&self, address: &str, user: &str, commands: &str) -> String {
        let (host, port) = address.rsplit_once(':').unwrap();
        std::fs::write(self.folder.path().join("commands"), commands).unwrap();
        let mut command = tokio::process::Command::new("sftp");
        command.args(["-q", "-P", port, "-i", "id", "-b", "commands"]).current_dir(self.folder.path());
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "LogLevel=ERROR",
        ] {
            command.args(["-o", option]);
        }
        let output = command.arg(format!("{user}@{host}")).stdin(Stdio::null()).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        text
    }
}
