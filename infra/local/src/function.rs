//! This program as one function: the process that the stand-in starts for each instance.

use std::io::Read;

use anyhow::{anyhow, bail};

/// Set for a function process whose standard input is a pipe that its parent holds open.
pub(crate) const STDIN_IS_PARENT: &str = "MUSTER_STDIN_IS_PARENT";

/// The functions, in the order in which people pass through them; then the one that shows and decides.
pub const FUNCTIONS: [&str; 8] = [
    "sftp-identity",
    "webhook-intake",
    "webhook-apply",
    "scheduled-poll",
    "file-import",
    "apply",
    "report-email",
    "admin-api",
];

/// Runs the function `name` until the Runtime API ends it.
///
/// # Errors
/// When there is no such function or it cannot start.
pub fn run_function(name: &str) -> anyhow::Result<()> {
    if std::env::var_os(STDIN_IS_PARENT).is_some() {
        end_with_parent();
    }
    let result = match name {
        "sftp-identity" => sftp_identity::main(),
        "webhook-intake" => webhook_intake::main(),
        "webhook-apply" => webhook_apply::main(),
        "scheduled-poll" => scheduled_poll::main(),
        "file-import" => file_import::main(),
        "apply" => apply::main(),
        "report-email" => report_email::main(),
        "admin-api" => admin_api::main(),
        _ => bail!("there is no function {name:?}; the functions are {}", FUNCTIONS.join(", ")),
    };
    result.map_err(|error| anyhow!("function {name}: {error}"))
}

/// Ends this process as soon as its standard input closes, so that it never outlives its parent.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 1];
        while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
        std::process::exit(1);
    });
}
