//! The real program, `muster-local up`, in a folder of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_muster-local");

/// A started program, against which other commands are run; killed when it is dropped.
pub(crate) struct Program {
    folder: TempDir,
    child: Child,
    /// What it writes into its folder once it is ready.
    ready: Value,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Starts it on free ports, with these options beside.
    pub(crate) fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["up", "--http", "127.0.0.1:0", "--sftp", "127.0.0.1:0"])
            .args(options)
            .arg("--data")
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = std::fs::read_to_string(folder.path().join("data/ready.json")).unwrap();
        Self { folder, child, ready: serde_json::from_str(&ready).unwrap() }
    }

    /// Where a part listens: `http`, `sftp`, `fakes` …
    pub(crate) fn address(&self, part: &str) -> &str {
        self.ready[part].as_str().unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes a file into the folder; answers its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Runs a command against it.
    pub(crate) fn muster(&self, arguments: &[&str]) -> Output {
        muster(&self.data(), arguments)
    }

    /// What a command prints, when it does what it should.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.muster(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Runs a command against the data folder.
pub(crate) fn muster(data: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).arg("--data").arg(data).stdin(Stdio::null()).output().unwrap()
}
