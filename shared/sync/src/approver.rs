//! Links for an approver who is not the asker: signed, expiring, about one version of the settings.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::signed_link::{BadLink, SignedLink, read, sign};
use crate::{Connection, ConnectionStatus, Documents, Ledger, PortError, Shelf, is_linked};

/// What these links let their holder do.
const PURPOSE: &str = "consent";

/// What is remembered of a link while it is good: what must not stand in an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    by: String,
    email: String,
    expires_ms: i64,
    /// The flow that was started last.
    flow: Option<String>,
}

/// A link that an approver may use now.
#[derive(Debug, Clone)]
pub struct Approver {
    /// The connection, as it was when the link was made.
    pub connection: Connection,
    /// Who asked.
    pub asked_by: String,
    /// The approver's address, where the asker gave it; else empty.
    pub email: String,
    /// Until when the link is good, in milliseconds since 1970.
    pub expires_ms: i64,
    /// The flow that the approver has started.
    pub flow: Option<String>,
    id: String,
    version: u64,
}

/// Why an approver's link shows nothing to accept.
#[derive(Debug, thiserror::Error)]
pub enum NoApproval {
    /// It is no link of ours, or has expired.
    #[error(transparent)]
    Link(#[from] BadLink),
    /// The connection was linked meanwhile.
    #[error("this connection is linked: nothing is left to do")]
    Linked,
    /// The settings were changed since.
    #[error("what would be read was changed since you were asked: ask for a new link")]
    Changed,
    /// The connection was switched off.
    #[error("this connection was switched off: nothing is left to do")]
    Off,
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Makes the token of a link for an approver. `id` is random and never used before.
///
/// # Errors
/// [`NoApproval::Link`] where the connection has no key, [`NoApproval::Port`].
pub async fn ask_approver(
    documents: &impl Documents,
    connection: &Connection,
    (by, email): (&str, &str),
    id: &str,
    expires_ms: i64,
) -> Result<String, NoApproval> {
    let link = SignedLink {
        account: connection.account.clone(),
        connection: connection.id.clone(),
        purpose: PURPOSE.to_owned(),
        expires_ms,
        payload: json!({"id": id, "version": connection.settings_version}),
    };
    let token = sign(&connection.link_key, &link)?;
    let asked = Asked { by: by.to_owned(), email: email.to_owned(), expires_ms, flow: None };
    if put(documents, connection, id, &asked, None).await? { Ok(token) } else { Err(BadLink::Invalid.into()) }
}

/// What a token lets its holder do now.
///
/// # Errors
/// [`NoApproval`].
pub async fn approver<P: Ledger + Documents>(ports: &P, token: &str, now_ms: i64) -> Result<Approver, NoApproval> {
    let unproven = read(token)?;
    let (account, id) = unproven.whose();
    let connection = ports.connection(account, id).await?.ok_or(BadLink::Invalid)?;
    let link = unproven.prove(&connection.link_key, PURPOSE, now_ms)?;
    let id = link.payload["id"].as_str().ok_or(BadLink::Invalid)?.to_owned();
    let stored = ports.document(&link.account, &Shelf::Links, &place(&id)).await?.ok_or(BadLink::Invalid)?;
    let unreadable = |e: serde_json::Error| PortError::never("read the approver's link", crate::error::located(&e));
    let asked: Asked = serde_json::from_str(&stored.body).map_err(unreadable)?;
    if matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted) {
        return Err(NoApproval::Off);
    }
    if link.payload["version"].as_u64() != Some(connection.settings_version) {
        let works = matches!(connection.status, ConnectionStatus::Pending | ConnectionStatus::Connected);
        return Err(if works && is_linked(&connection)? { NoApproval::Linked } else { NoApproval::Changed });
    }
    let Asked { by, email, expires_ms, flow } = asked;
    Ok(Approver { connection, asked_by: by, email, expires_ms, flow, id, version: stored.version })
}

impl Approver {
    /// How the approver is called as the asker of a flow: no one else can finish it.
    pub fn name(&self) -> String {
        format!("approver:{}", self.id)
    }

    /// Remembers the flow that was started.
    ///
    /// # Errors
    /// [`PortError`] when a service failed.
    pub async fn started(&self, documents: &impl Documents, flow: &str) -> Result<(), PortError> {
        let (by, email) = (self.asked_by.clone(), self.email.clone());
        let asked = Asked { by, email, expires_ms: self.expires_ms, flow: Some(flow.to_owned()) };
        // Whoever started another one at the same time has theirs remembered: either can be finished.
        put(documents, &self.connection, &self.id, &asked, Some(self.version)).await.map(|_| ())
    }
}

async fn put(
    documents: &impl Documents,
    connection: &Connection,
    id: &str,
    asked: &Asked,
    expected: Option<u64>,
) -> Result<bool, PortError> {
    let body = serde_json::to_string(asked).map_err(|e| PortError::never("keep the approver's link", e.to_string()))?;
    let account = &connection.account;
    documents.put_document(account, &Shelf::Links, &place(id), &body, expected, Some(asked.expires_ms)).await
}

fn place(id: &str) -> String {
    format!("approver-{id}")
}
