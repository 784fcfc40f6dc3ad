//! Tokens of the bundled issuer.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};

use super::{Common, print, print_json};
use crate::{
    issuer::{Grant, Key, USER},
    running,
};

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
    // Tokens name the running stack as their issuer.
    let issuer = ready["http"].as_str().context("ready.json: no http address")?;
    let token = Key::read(&args.common.data)?.sign(&grant.claims(issuer, args.expires))?;
    if args.common.json { print_json(&serde_json::json!({"token": token})) } else { print(&format!("{token}\n")) }
}

fn duration(text: &str) -> anyhow::Result<Duration> {
    let parsed = text.parse::<jiff::SignedDuration>().map_err(|e| anyhow!("{e}; for example 30m or 1h"))?;
    Duration::try_from(parsed).map_err(|_| anyhow!("must not be negative"))
}
