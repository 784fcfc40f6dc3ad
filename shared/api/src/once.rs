//! A write that carries an idempotency key is carried out once.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use muster_sync::{Document, Documents, Shelf};

use crate::call::Call;
use crate::problem::Problem;
use crate::reply::{Content, Reply};
use crate::route::{About, Handler};
use crate::world::World;

/// How long an answer is kept, in milliseconds.
const KEPT_MS: i64 = 24 * 3_600_000;
/// After this a request that never came to its end may be carried out again, in milliseconds: the function is dead.
const DEAD_MS: i64 = 60_000;
/// The longest key.
pub(crate) const LONGEST_KEY: usize = 255;
/// The largest answer that is kept; of a larger one only its status is.
const LARGEST: usize = 200 * 1024;

/// A request with a key, and its answer once there is one.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Digest of the request: the same key with another is refused.
    request: String,
    began_ms: i64,
    answer: Option<KeptAnswer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptAnswer {
    status: u16,
    kind: Option<String>,
    body: Value,
    headers: Vec<(String, String)>,
}

/// Carries a request out, or answers what was answered to the same one before.
pub(crate) async fn carried_out<W: World>(
    call: Call<'_, W>,
    about: &About,
    handler: Handler<W>,
) -> Result<Reply, Problem> {
    let key = match call.header("idempotency-key") {
        Some(key) if about.method != "GET" && about.need != crate::Need::Nobody && !about.only_looks => key,
        _ => return handler(call).await,
    };
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        let detail = format!("Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters");
        return Err(Problem::bad_request(detail).field("Idempotency-Key"));
    }
    let place = Place { id: digest(&[&call.caller.user, key]), request: digest_of(call) };
    let version = match place.begin(call).await? {
        Begun::New(version) => version,
        Begun::Before(reply) => return Ok(reply),
    };
    let answer = handler(call).await;
    place.end(call, version, &answer).await?;
    answer
}

struct Place {
    id: String,
    request: String,
}

enum Begun {
    New(u64),
    Before(Reply),
}

impl Place {
    async fn begin<W: World>(&self, call: Call<'_, W>) -> Result<Begun, Problem> {
        let now_ms = call.now_ms();
        let kept = Kept { request: self.request.clone(), began_ms: now_ms, answer: None };
        let body = serde_json::to_string(&kept).unwrap_or_default();
        let (table, account) = (call.world.table(), &call.caller.account);
        let store = async |expected| {
            table.put_document(account, &Shelf::Idempotency, &self.id, &body, expected, Some(now_ms + KEPT_MS)).await
        };
        let in_use = || Problem::conflict("idempotency_key_in_use", "the same request is being carried out");
        if store(None).await? {
            return Ok(Begun::New(1));
        }
        let Some(before) = table.document(account, &Shelf::Idempotency, &self.id).await? else { return Err(in_use()) };
        let stored: Option<Kept> = serde_json::from_str(&before.body).ok();
        let is_old = |kept: &Kept| kept.began_ms + KEPT_MS < now_ms;
        match stored.filter(|kept| !is_old(kept)) {
            Some(kept) if kept.request != self.request => {
                let detail = "this key was used for another request; draw a new one";
                Err(Problem::new(422, "idempotency_key_reused", detail).field("Idempotency-Key"))
            }
            Some(Kept { answer: Some(answer), .. }) => Ok(Begun::Before(answer.reply())),
            Some(kept) if kept.began_ms + DEAD_MS > now_ms => Err(in_use()),
            _ => self.take_over(store(Some(before.version)).await?, &before).ok_or_else(in_use),
        }
    }

    fn take_over(&self, taken: bool, before: &Document) -> Option<Begun> {
        taken.then_some(Begun::New(before.version + 1))
    }

    /// Keeps the answer. One that may be another the next time is not kept.
    async fn end<W: World>(
        &self,
        call: Call<'_, W>,
        version: u64,
        answer: &Result<Reply, Problem>,
    ) -> Result<(), Problem> {
        let (table, account) = (call.world.table(), &call.caller.account);
        let Ok(reply) = answer else {
            table.delete_document(account, &Shelf::Idempotency, &self.id, version).await?;
            return Ok(());
        };
        let now_ms = call.now_ms();
        let kept = Kept { request: self.request.clone(), began_ms: now_ms, answer: Some(KeptAnswer::of(reply)) };
        let body = serde_json::to_string(&kept).unwrap_or_default();
        let expires = Some(now_ms + KEPT_MS);
        table.put_document(account, &Shelf::Idempotency, &self.id, &body, Some(version), expires).await?;
        Ok(())
    }
}

impl KeptAnswer {
    fn of(reply: &Reply) -> Self {
        let (kind, mut body) = match &reply.content {
            Content::Empty => (None, Value::Null),
            Content::Json(value) => (Some("application/json".to_owned()), value.clone()),
            Content::Text(kind, text) => (Some((*kind).to_owned()), Value::String(text.clone())),
        };
        for member in reply.hidden {
            if let Some(value) = body.get_mut(member) {
                *value = Value::Null;
            }
        }
        if body.to_string().len() > LARGEST {
            body = Value::Null;
        }
        let headers = reply.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { status: reply.status, kind, body, headers }
    }

    fn reply(self) -> Reply {
        let replayed = Reply {
            status: self.status,
            content: match self.kind {
                None => Content::Empty,
                Some(_) => Content::Json(self.body),
            },
            headers: Vec::new(),
            hidden: &[],
        };
        let known = ["etag", "location"];
        let headers = self.headers.into_iter();
        let headers = headers.filter_map(|(name, value)| Some((*known.iter().find(|known| **known == name)?, value)));
        headers.fold(replayed, |reply, (name, value)| reply.header(name, value)).header("idempotency-replayed", "true")
    }
}

fn digest_of<W: World>(call: Call<'_, W>) -> String {
    let request = call.request;
    let if_match = call.header("if-match").unwrap_or_default();
    let parts = [request.method.as_bytes(), request.path.as_bytes(), request.query.as_bytes(), if_match.as_bytes()];
    hashed(parts.into_iter().chain([request.body.as_slice()]))
}

fn digest(parts: &[&str]) -> String {
    hashed(parts.iter().map(|part| part.as_bytes()))
}

fn hashed<'p>(parts: impl Iterator<Item = &'p [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
