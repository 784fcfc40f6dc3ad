//! The address in the mail of a held plan: who has it may decide about exactly that plan, for some days.

use muster_core::ids::RunId;
use serde_json::json;

use crate::{BadLink, Connection, DAY_MS, SignedLink, Unproven, sign_link};

/// How long a link decides, in milliseconds.
const LASTS_MS: i64 = 7 * DAY_MS;
const PURPOSE: &str = "decision";

/// What a decision link is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionLink {
    /// The run.
    pub run: RunId,
    /// The hash of the plan that its mail showed.
    pub hash: String,
}

/// The token of a link that decides about this plan; `None` when the connection has no key to sign it.
pub fn decision_token(connection: &Connection, run: &RunId, hash: &str, now_ms: i64) -> Option<String> {
    let link = SignedLink {
        account: connection.account.clone(),
        connection: connection.id.clone(),
        purpose: PURPOSE.to_owned(),
        expires_ms: now_ms + LASTS_MS,
        payload: json!({"run": run.as_str(), "hash": hash}),
    };
    sign_link(&connection.link_key, &link).ok()
}

/// What the token decides about, if this connection signed it and its time is not over.
///
/// # Errors
/// [`BadLink`].
pub fn prove_decision(token: Unproven, connection: &Connection, now_ms: i64) -> Result<DecisionLink, BadLink> {
    let link = token.prove(&connection.link_key, PURPOSE, now_ms)?;
    let text = |key: &str| link.payload.get(key).and_then(|value| value.as_str());
    let run = text("run").and_then(|run| RunId::parse(run).ok()).ok_or(BadLink::Invalid)?;
    let hash = text("hash").ok_or(BadLink::Invalid)?.to_owned();
    Ok(DecisionLink { run, hash })
}
