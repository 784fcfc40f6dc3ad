//! Storing a connection that is new.

use super::password::{password_of, stored_password};
use super::{NotSaved, Saved, Terms, Wish, login};
use crate::{Admin, Connection, ConnectionStatus, Credentials, Feed, Ledger, Login};

pub(super) async fn create<P: Ledger + Admin>(ports: &P, wish: &Wish, terms: Terms<'_>) -> Result<Saved, NotSaved> {
    let (drawn, id, settings) = (terms.drawn, &wish.id, &wish.settings);
    let sftp = wish.line.sftp;
    let user = login::user_of(id);
    let password = password_of(&drawn.password);
    let connection = Connection {
        account: settings.account.clone(),
        id: id.clone(),
        settings: wish.text.clone(),
        settings_version: 1,
        status: ConnectionStatus::Pending,
        sftp_user: sftp.then(|| user.clone()),
        routes: wish.line.routes.clone(),
        due_ms: wish.due_ms(terms.now_ms),
        feed: Feed::default(),
        seed: drawn.seed,
        fence: 0,
        lease: None,
        active: None,
        waiting: None,
        roster: None,
        grouped_by: String::new(),
        owned: 0,
        directory_version: 0,
        last_rows: None,
        last_source: None,
        removals: Vec::new(),
        confirmed: false,
        link_key: drawn.link_key.iter().map(|byte| format!("{byte:02x}")).collect(),
        note: None,
    };
    // The login first: a connection without its login could never be told its password. One without SFTP has
    // one too that lets nobody in: it says whose the id is, and webhooks and uploads find the connection by it.
    let login = Login { account: settings.account.clone(), connection: id.clone() };
    let credentials = Credentials {
        password_hash: sftp.then(|| stored_password(&drawn.salt, &password)),
        keys: if sftp { terms.public_keys.to_vec() } else { Vec::new() },
        allowed_ips: Vec::new(),
        locked: false,
    };
    // The login is called like the connection, over all accounts: one that stands for another has taken the id.
    if !ports.put_login(&user, &login, &credentials).await? {
        return Err(NotSaved::IdTaken(id.clone()));
    }
    if !ports.save_connection(&connection, None).await? {
        return Err(NotSaved::Raced);
    }
    Ok(wish.saved(sftp.then_some(user), sftp.then_some(password)))
}
