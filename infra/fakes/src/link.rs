//! Links under way: sessions that were started, and the codes that the customer's browser brings back.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    call::Answer,
    clock,
    name::{Name, ulid_like, uuid_like},
    person::mixed,
    provider::Provider,
};

/// How long a code is good, in milliseconds.
const CODE_MS: i64 = 10 * 60_000;

/// A session that was started for a customer.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The product's name for the customer.
    pub customer: String,
    pub redirect: Option<String>,
    pub products: Vec<String>,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// What the browser brought back; good once.
#[derive(Debug, Clone)]
struct Code {
    session: Session,
    expires_at: i64,
}

/// An organization of `WorkOS`.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    pub id: String,
    pub name: String,
    pub external_id: Option<String>,
}

/// All links of a provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    count: u64,
    sessions: BTreeMap<String, Session>,
    codes: BTreeMap<String, Code>,
    pub organizations: Vec<Organization>,
    /// Consumers of Apideck and the state of their one connection.
    pub consumers: BTreeMap<String, String>,
}

impl Links {
    /// A name that nobody guesses, for a session, a code or an organization.
    pub(crate) fn fresh(&mut self, prefix: &str) -> String {
        self.count += 1;
        let (a, b) = (mixed(self.count ^ 0x51_0000), mixed(self.count + 0x99_0000));
        if prefix == "org_" { format!("org_01{}", ulid_like(a, b)) } else { format!("{prefix}{}", uuid_like(a, b)) }
    }

    /// Remembers a session and answers its token.
    pub(crate) fn open(&mut self, prefix: &str, session: Session) -> String {
        let token = self.fresh(prefix);
        self.sessions.insert(token.clone(), session);
        token
    }

    /// Takes a code: it is good once, and not for long.
    pub(crate) fn take(&mut self, code: &str) -> Option<Session> {
        let code = self.codes.remove(code)?;
        (code.expires_at > clock::now()).then_some(code.session)
    }

    fn issue(&mut self, session: Session, old: bool) -> String {
        let code = self.fresh("code-");
        let expires_at = if old { 0 } else { clock::now() + CODE_MS };
        self.codes.insert(code.clone(), Code { session, expires_at });
        code
    }
}

/// The customer goes through the provider's pages: `{"session": token}`; `old` makes a code that has expired, `products`
/// what the customer allows, `state` how far an Apideck connection comes.
pub(crate) fn walk_through(provider: &mut Provider, body: &Value) -> Answer {
    let token = body["session"].as_str().unwrap_or_default();
    let Some(mut session) = provider.links.sessions.get(token).cloned() else {
        return Answer::refused(404, "session: there is no such");
    };
    if session.expires_at <= clock::now() {
        return Answer::refused(410, "session: it has expired");
    }
    if let Some(products) = body["products"].as_array() {
        session.products = products.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    match provider.name {
        Name::Finch | Name::Merge => {
            let code = provider.links.issue(session.clone(), body["old"] == true);
            Answer::ok(&json!({"code": code, "redirect": session.redirect}))
        }
        Name::Apideck => {
            let state = body["state"].as_str().unwrap_or("callable").to_owned();
            provider.links.consumers.insert(session.customer, state);
            Answer::ok(&json!({"redirect": session.redirect}))
        }
        Name::WorkOs => {
            provider.keys.insert("organization_id".to_owned(), session.customer);
            "linked".clone_into(&mut provider.directory_state);
            Answer::ok(&json!({"redirect": session.redirect}))
        }
        Name::BambooHr => Answer::refused(404, "no links here"),
    }
}
