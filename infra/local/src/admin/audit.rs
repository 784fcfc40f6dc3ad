//! The chain of decisions and changes.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Common, print, print_json};
use crate::api::{Api, segment};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Goes over an account's whole chain; ends with 1 when an entry does not follow the one before.
    Verify(VerifyArgs),
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The account.
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
    #[command(flatten)]
    common: Common,
}

pub(super) async fn command(command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::Verify(args) = command;
    let api = Api::running(&args.common.data)?;
    super::find::account(&api, &args.account).await?;
    let found = verified(&api, &args.account).await?;
    let (entries, head) = (found["entries"].as_u64().unwrap_or(0), found["head"].as_str().unwrap_or_default());
    if found["intact"] != true {
        let (at, reason) = (&found["broken_at"], found["reason"].as_str().unwrap_or_default());
        bail!(
            "the chain of account {} is broken at entry {at}: {reason}; {entries} entries before it fit",
            args.account
        );
    }
    if args.common.json {
        return print_json(&found);
    }
    print(&match entries {
        0 => "the chain is empty: nothing was decided yet\n".to_owned(),
        _ => format!("{entries} entries, each follows the one before; the last one's hash is {head}\n"),
    })
}

/// What the API found, with its last look; one request goes over a part of the chain only.
async fn verified(api: &Api, account: &str) -> anyhow::Result<Value> {
    const PATH: &str = "/v1/audit/verification";
    let admin = api.admin(account);
    let mut found = admin.get(PATH).await?;
    while found["complete"] == false && found["intact"] == true {
        let (after, hash) = (&found["entries"], segment(found["head"].as_str().unwrap_or_default()));
        found = admin.get(&format!("{PATH}?after={after}&hash={hash}")).await?;
    }
    Ok(found)
}
