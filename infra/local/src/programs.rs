//! Which program is which function, and what its process is told.

use std::{
    fs::metadata,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tokio::process::Command;

use crate::{function, options::Options};

/// Names the folder of built functions, for the tests as well as for the commands.
pub(crate) const FOLDER_VARIABLE: &str = "MUSTER_FUNCTIONS";

/// Variables that the template sets for single functions; all others of the stack are for every function.
const OWN: [(&str, &[&str]); 7] = [
    ("MUSTER_PUBLIC_URL", &["admin-api", "report-email"]),
    ("MUSTER_WEBHOOK_URL", &["admin-api"]),
    ("MUSTER_SFTP_HOST", &["admin-api"]),
    ("MUSTER_CLAIM_ACCOUNT", &["admin-api"]),
    ("MUSTER_CLAIM_ROLE", &["admin-api"]),
    ("MUSTER_SFTP_ROLE_ARN", &["sftp-identity"]),
    ("MUSTER_BUCKET_KEY_ARN", &["sftp-identity"]),
];

/// The folder that `MUSTER_FUNCTIONS` names, with a built function in `NAME/bootstrap` each.
#[must_use]
pub fn built_functions() -> Option<PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// Where the programs of the functions are.
#[derive(Clone, Debug)]
pub(crate) enum Programs {
    /// One program is every function: it is started with `--function NAME` and ends with its parent.
    One(PathBuf),
    /// Each has a program of its own, `NAME/bootstrap`, as the release zips hold it. It knows of Lambda only.
    Built(PathBuf),
}

impl Programs {
    /// # Errors
    /// Where a built function is missing or cannot be executed.
    pub(crate) fn of(options: &Options) -> anyhow::Result<Self> {
        let Some(folder) = &options.functions else {
            return Ok(Self::One(options.function_exe.clone().map_or_else(std::env::current_exe, Ok)?));
        };
        let help = "a folder of built functions has NAME/bootstrap for each; infra/release/zips makes one";
        let folder = folder.canonicalize().with_context(|| format!("{}: {help}", folder.display()))?;
        for function in function::FUNCTIONS {
            let program = bootstrap(&folder, function);
            let found = metadata(&program).with_context(|| format!("{}: {help}", program.display()))?;
            let executable = found.is_file() && found.permissions().mode() & 0o111 != 0;
            anyhow::ensure!(executable, "{} cannot be executed: {help}", program.display());
        }
        Ok(Self::Built(folder))
    }

    /// The program of a function.
    pub(crate) fn exe(&self, function: &str) -> PathBuf {
        match self {
            Self::One(exe) => exe.clone(),
            Self::Built(folder) => bootstrap(folder, function),
        }
    }

    pub(crate) fn are_built(&self) -> bool {
        matches!(self, Self::Built(_))
    }

    /// Its command, as yet without what it is told. A built function inherits nothing and runs in its own folder, as in
    /// Lambda.
    pub(crate) fn command(&self, function: &str) -> Command {
        let mut command = Command::new(self.exe(function));
        match self {
            Self::One(_) => {
                FOREIGN.iter().for_each(|inherited| {
                    command.env_remove(inherited);
                });
                command.args(["--function", function]).env(function::STDIN_IS_PARENT, "1");
            }
            Self::Built(folder) => {
                command.env_clear().envs(IN_LAMBDA).current_dir(folder.join(function));
            }
        }
        command
    }
}

fn bootstrap(folder: &Path, function: &str) -> PathBuf {
    folder.join(function).join("bootstrap")
}

/// What a person may have set for the real AWS and a function must not see.
const FOREIGN: [&str; 6] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
];

/// What every process in Lambda has.
const IN_LAMBDA: [(&str, &str); 3] =
    [("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"), ("LANG", "en_US.UTF-8"), ("TZ", ":UTC")];

/// Of the variables of a stack those that a function gets: not what the template sets for others alone.
pub(crate) fn told<'a>(
    function: &'a str,
    all: &'a [(String, String)],
) -> impl Iterator<Item = &'a (String, String)> + use<'a> {
    all.iter().filter(move |(name, _)| {
        OWN.iter().find(|(own, _)| own == name).is_none_or(|(_, functions)| functions.contains(&function))
    })
}
