//! The logs of the whole suite: every line that functions write while tests run, in this process or in one of their
//! own, is kept below `target/tmp/suite-logs` and may hold nothing of [`crate::canary`].
//!
//! Functions write more here than they do on AWS: everything that is ours.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use crate::canary;

/// What the functions write while tests run.
pub const FILTER: &str = "trace";

/// The environment of functions that run as processes of their own.
pub fn environment() -> Vec<(String, String)> {
    vec![("RUST_LOG".to_owned(), FILTER.to_owned())]
}

/// Has every line of this process kept and looked through.
pub fn watch() {
    static WATCHED: OnceLock<()> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let filter = tracing_subscriber::EnvFilter::new(FILTER);
        // A test program with a logger of its own keeps it.
        let _ = tracing::subscriber::set_global_default(muster_aws::subscriber(filter, line));
    });
}

/// Keeps a line. One that says what none may ends the whole test program: a test that only failed could be caught by
/// the code that it tests.
pub fn line(line: &str) {
    let found = canary::found(line);
    if !found.is_empty() {
        let _ = writeln!(std::io::stderr(), "a log says {}: {line}", found.join(", "));
        std::process::exit(101);
    }
    static ARCHIVE: OnceLock<Mutex<File>> = OnceLock::new();
    let archive = ARCHIVE.get_or_init(|| {
        let folder = folder();
        std::fs::create_dir_all(&folder).unwrap();
        let program = std::env::current_exe().unwrap();
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Mutex::new(File::create(folder.join(format!("{name}-{}.log", std::process::id()))).unwrap())
    });
    let mut archive = archive.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    archive.write_all(format!("{}\n", line.trim_end()).as_bytes()).unwrap();
}

/// Where the lines are kept: `target/tmp/suite-logs`.
pub fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    // target/debug/deps/program
    program.ancestors().nth(3).unwrap().join("tmp/suite-logs")
}
