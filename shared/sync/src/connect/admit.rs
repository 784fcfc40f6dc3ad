//! Who is let in at the SFTP server.
//!
//! Whoever is not, is refused in one way and after the same work, whether there is such a login or not: two requests,
//! one hash, one comparison that looks at every byte.

use std::net::IpAddr;

use muster_core::ids::{AccountId, ConnectionId};

use super::login::may_come_from;
use super::password::is_password;
use crate::{Admin, Connection, ConnectionStatus, Credentials, Ledger, PortError, log};

/// An attempt to log in.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The login's name, as the client gave it.
    pub user: &'a str,
    /// The password; `None` where the client offers a key.
    pub password: Option<&'a str>,
    /// Where the client is; `None` where that is not known.
    pub from: Option<IpAddr>,
}

/// What somebody typed is a secret, perhaps even as a name: logs see nothing of it.
impl std::fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.password.is_some() { "Attempt(password)" } else { "Attempt(key)" })
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Let in, or to be let in by a key.
    Open(OpenedLogin),
    /// Refused. Why is for the log, and never for the client.
    Refused(Refusal),
}

/// A login that opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedLogin {
    /// The login's name.
    pub user: String,
    /// The public keys, one line each, one of which the client has to prove; `None` where the password was right.
    pub keys: Option<Vec<String>>,
}

/// Why nobody is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such login.
    Unknown,
    /// Its connection is switched off, deleted, or gone, or files do not come to it.
    Off,
    /// It is locked.
    Locked,
    /// It may not come from that address.
    Address,
    /// The password is another one, or the login has none.
    Password,
    /// It has no keys.
    NoKeys,
}

impl Refusal {
    /// In a word, for the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Off => "off",
            Self::Locked => "locked",
            Self::Address => "address",
            Self::Password => "password",
            Self::NoKeys => "no_keys",
        }
    }
}

/// Judges an attempt to log in by what is stored now.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn admit<P: Admin + Ledger>(ports: &P, attempt: Attempt<'_>) -> Result<Admission, PortError> {
    // The login is called like the connection, so a name that makes no id is nobody's, and reaches no other folder.
    let name = ConnectionId::parse(attempt.user).is_ok();
    let found = ports.credentials(if name { attempt.user } else { NOBODY }).await?.filter(|_| name);
    let (account, id) = match &found {
        Some((login, _)) => (login.account.clone(), login.connection.clone()),
        None => nobody()?,
    };
    let connection = ports.connection(&account, &id).await?;
    if found.is_some() {
        log::name_connection(&account, &id);
    }
    let admission = judge(attempt, found.map(|(_, credentials)| credentials), connection.as_ref());
    match &admission {
        Admission::Open(OpenedLogin { keys: None, .. }) => log::login_opens("password"),
        Admission::Open(_) => log::login_opens("key"),
        Admission::Refused(why) => log::login_refused(why.as_str()),
    }
    Ok(admission)
}

/// What is looked up in place of what is not there. There may be one of that name: what is found is not looked at.
const NOBODY: &str = "nobody";

fn nobody() -> Result<(AccountId, ConnectionId), PortError> {
    let wrong = |error: muster_core::ids::IdError| PortError::never("look up nobody", error.to_string());
    Ok((AccountId::parse(NOBODY).map_err(wrong)?, ConnectionId::parse(NOBODY).map_err(wrong)?))
}

fn judge(attempt: Attempt<'_>, credentials: Option<Credentials>, connection: Option<&Connection>) -> Admission {
    let stored = credentials.as_ref().and_then(|credentials| credentials.password_hash.as_deref());
    // Before anything else is decided, so that every refusal took as long.
    let password = attempt.password.map(|password| is_password(stored, password));
    let Some(credentials) = credentials else { return Admission::Refused(Refusal::Unknown) };
    let refusal = if !connection.is_some_and(|connection| takes_files(connection, attempt.user)) {
        Some(Refusal::Off)
    } else if credentials.locked {
        Some(Refusal::Locked)
    } else if !comes_from(&credentials.allowed_ips, attempt.from) {
        Some(Refusal::Address)
    } else if password == Some(false) {
        Some(Refusal::Password)
    } else if password.is_none() && credentials.keys.is_empty() {
        Some(Refusal::NoKeys)
    } else {
        None
    };
    match refusal {
        Some(refusal) => Admission::Refused(refusal),
        None => Admission::Open(OpenedLogin {
            user: attempt.user.to_owned(),
            keys: password.is_none().then_some(credentials.keys),
        }),
    }
}

/// A file that comes to a connection that is switched off is not imported: better that its upload fails.
fn takes_files(connection: &Connection, user: &str) -> bool {
    connection.sftp_user.as_deref() == Some(user)
        && !matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted)
}

fn comes_from(allowed_ips: &[String], from: Option<IpAddr>) -> bool {
    match from {
        Some(address) => may_come_from(allowed_ips, address),
        None => allowed_ips.is_empty(),
    }
}

#[cfg(test)]
mod tests;
