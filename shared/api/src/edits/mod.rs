//! What people change about single recipients: opt-outs, fields by hand, erasures.

mod by_hand;
mod erasure;
mod opt_outs;

use muster_core::ids::UniqueId;
use muster_sync::{Clock, Connection, Directory, Editor, pseudonym};
use sha2::{Digest, Sha256};

use crate::call::Call;
use crate::problem::Problem;
use crate::route::Route;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    let mut routes = by_hand::routes();
    routes.extend(opt_outs::routes());
    routes.extend(erasure::routes());
    routes
}

/// How long carrying an edit out may take, in milliseconds: API Gateway waits for 30 seconds.
const TIME_MS: i64 = 25_000;

/// The `{connection}` and the `{unique_id}` of the path; whether there is such a person is another question.
async fn place<W: World>(call: Call<'_, W>) -> Result<(Connection, UniqueId), Problem> {
    let connection = call.connection().await?;
    let id = UniqueId::parse(call.path("unique_id")).map_err(|_| Problem::not_found())?;
    Ok((connection, id))
}

/// Whether the directory has the person, hidden or not.
async fn is_stored<W: World>(call: Call<'_, W>, connection: &Connection, id: &UniqueId) -> Result<bool, Problem> {
    let ids = std::slice::from_ref(id);
    Ok(!call.world.table().get(&connection.account, &connection.id, ids).await?.is_empty())
}

/// The person as the audit names them: entries cannot be taken out again, so none may say who was erased.
fn target(connection: &Connection, id: &UniqueId) -> String {
    format!("connection/{}/person/{}", connection.id, pseudonym(connection, id))
}

/// Role and user.
fn by<W: World>(call: Call<'_, W>) -> String {
    format!("{}:{}", call.caller.role.as_str(), call.caller.user)
}

/// Names this very request: the same one again, where it says so by its key.
fn request_name<W: World>(call: Call<'_, W>) -> String {
    let mut hash = Sha256::new();
    match call.header("idempotency-key") {
        Some(key) => {
            let request = call.request;
            for part in [&call.caller.user, key, &request.method, &request.path] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            hash.update(&request.body);
        }
        None => hash.update(call.world.random()),
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn editor<'e, W: World>(call: Call<'_, W>, user: &'e str, request: &'e str) -> Editor<'e> {
    Editor { user, request, deadline_ms: call.world.clock().now_ms() + TIME_MS }
}
