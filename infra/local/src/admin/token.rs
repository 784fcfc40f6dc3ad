//! Tokens of the bundled issuer.

use std::{path::Path, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Common, print, print_json};
use crate::{
    issuer::{Grant, Key},
    running,
};

/// How long a command's own tokens count; each command takes fresh ones.
const MOMENT: Duration = Duration::from_secs(900);
/// Who decides when a command does.
const USER: &str = "muster-local";

/// What a token is to say.
#[derive(Args, Debug)]
pub(crate) struct TokenArgs {
    /// The account; an operator has none.
    #[arg(long, value_name = "ACCOUNT", required_if_eq_any = [("role", "owner"), ("role", "admin"), ("role", "member"), ("role", "editor")])]
    account: Option<String>,
    /// What its bearer is to the account.
    #[arg(long)]
    role: RoleName,
    /// Who its bearer is.
    #[arg(long, default_value = USER)]
    user: String,
    /// What a member may see: `people`, `segments`; may be given several times.
    #[arg(long, value_name = "NAME")]
    permission: Vec<String>,
    /// The id of a group that an editor sees; may be given several times.
    #[arg(long, value_name = "ID")]
    group: Vec<String>,
    /// How long it counts, for example `30m` or `1h`.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    expires: Duration,
    #[command(flatten)]
    common: Common,
}

/// What somebody is to an account.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleName {
    Owner,
    Admin,
    Member,
    Editor,
    Operator,
}

pub(super) fn command(args: TokenArgs) -> anyhow::Result<()> {
    let role = args.role.to_possible_value().map(|role| role.get_name().to_owned()).unwrap_or_default();
    if let Some(word) = args.permission.iter().chain(&args.group).find(|word| word.contains(char::is_whitespace)) {
        bail!("{word:?} has a space: API Gateway hands lists over as `[a b]`, so a name is one word");
    }
    let (permissions, groups) = (args.permission, args.group);
    let grant = Grant { account: args.account, role, user: args.user, permissions, groups };
    let ready = running(&args.common.data)?;
    let token = signed(&args.common.data, &ready, &grant, args.expires)?;
    if args.common.json { print_json(&serde_json::json!({"token": token})) } else { print(&format!("{token}\n")) }
}

/// A token for a command's own request.
///
/// # Errors
/// When the data folder's key cannot be read.
pub(super) fn own(data: &Path, ready: &Value, account: Option<&str>) -> anyhow::Result<String> {
    let role = if account.is_some() { "admin" } else { "operator" };
    let grant =
        Grant { account: account.map(str::to_owned), role: role.to_owned(), user: USER.to_owned(), ..Grant::default() };
    signed(data, ready, &grant, MOMENT)
}

/// `ready` is what the running stack says of itself: tokens name it as their issuer.
fn signed(data: &Path, ready: &Value, grant: &Grant, expires: Duration) -> anyhow::Result<String> {
    let issuer = ready["http"].as_str().context("ready.json: no http address")?;
    Key::read(data)?.sign(&grant.claims(issuer, expires))
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    let parsed = text.parse::<jiff::SignedDuration>().map_err(|e| anyhow!("{e}; for example 30m or 1h"))?;
    Duration::try_from(parsed).map_err(|_| anyhow!("must not be negative"))
}
