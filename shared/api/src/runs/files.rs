//! Files that go out, and files that come in by hand.

use muster_sync::{LARGEST_UPLOAD, List, NoUpload, Objects, upload_place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::decide::switched_off;
use super::look::no_plan;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::time::shown;
use crate::world::World;

/// How long a file can be fetched, in seconds.
const FETCHED_WITHIN: u32 = 5 * 60;
/// How long a file can be begun to be put, in seconds.
const PUT_WITHIN: u32 = 15 * 60;

/// A file that lies ready.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DownloadShown {
    /// Where it is fetched from, without a token; null when an answer is repeated for an idempotency key.
    url: Option<String>,
    /// Until when.
    expires_at: String,
    /// Rows below the header.
    rows: u64,
}

pub(super) async fn download<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let list = List::from_name(call.path("list")).ok_or_else(Problem::not_found)?;
    let (connection, run) = (call.connection().await?, call.run().await?);
    let (objects, now_ms) = (call.world.objects(), call.now_ms());
    let made = muster_sync::download(objects, &connection, &run, list, now_ms).await?;
    let made = made.ok_or_else(|| match list {
        List::Errors => Problem::conflict("no_errors", "no record of this run has an error"),
        _ => no_plan(&run),
    })?;
    let url = objects.download_link(&made.key, &made.file_name, FETCHED_WITHIN).await?;
    let expires_at = shown(now_ms + i64::from(FETCHED_WITHIN) * 1_000);
    Ok(Reply::json(200, &DownloadShown { url: Some(url), expires_at, rows: made.rows }).shown_once(&["url"]))
}

/// A file to bring in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadWish {
    /// Its name, which must fit the connection's name rule.
    #[schemars(length(min = 1, max = 255))]
    file_name: String,
    /// Its bytes: too large a file is refused at once.
    #[schemars(range(min = 0, max = 5_000_000_000u64))]
    size: Option<u64>,
}

/// Where a file goes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UploadShown {
    /// Where it is put, with `PUT` and without a token; null when an answer is repeated for an idempotency key.
    url: Option<String>,
    /// Until when that may begin.
    expires_at: String,
    /// What must be sent along.
    headers: Vec<HeaderShown>,
}

/// A header.
#[derive(Debug, Serialize, JsonSchema)]
struct HeaderShown {
    name: String,
    value: String,
}

pub(super) async fn upload<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: UploadWish = call.body()?;
    if wish.size.is_some_and(|size| size > LARGEST_UPLOAD) {
        return Err(Problem::invalid(
            "size",
            format!("size: at most {LARGEST_UPLOAD} bytes; split the file, or compress it"),
        ));
    }
    let connection = call.connection().await?;
    let place = upload_place(&connection, &wish.file_name).map_err(refused)?;
    let target = format!("connection/{}", connection.id);
    call.audit("upload.offered", &target, None, Some(json!({"file_name": wish.file_name}))).await?;
    let url = call.world.objects().upload_link(&place.key, place.content_type, PUT_WITHIN).await?;
    let expires_at = shown(call.now_ms() + i64::from(PUT_WITHIN) * 1_000);
    let header = HeaderShown { name: "content-type".to_owned(), value: place.content_type.to_owned() };
    Ok(Reply::json(201, &UploadShown { url: Some(url), expires_at, headers: vec![header] }).shown_once(&["url"]))
}

fn refused(error: NoUpload) -> Problem {
    match error {
        NoUpload::NotFiles => Problem::conflict("not_files", error.to_string()),
        NoUpload::Off(_) => switched_off(),
        NoUpload::Name(why) => Problem::invalid("file_name", format!("file_name: {why}")),
        NoUpload::Port(error) => error.into(),
    }
}
