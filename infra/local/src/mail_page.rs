//! The mails as JSON and as a page for people, below `/mail`.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::ses::{Mail, Ses};

pub(crate) fn router(ses: Ses) -> Router {
    Router::new()
        .route("/mail", get(page))
        .route("/mail/", get(page))
        .route("/mail/messages", get(messages))
        .route("/mail/messages/{id}/attachments/{number}", get(attachment))
        .with_state(ses)
}

/// What `GET /mail/messages` says of a mail.
pub(crate) fn mail_json(mail: &Mail) -> Value {
    let attachments: Vec<Value> = mail.attachments.iter().map(|a| json!({"name": a.name, "size": a.size})).collect();
    json!({
        "id": mail.id,
        "at": mail.at,
        "from": mail.from,
        "to": mail.to,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "attachments": attachments,
    })
}

async fn messages(State(ses): State<Ses>) -> Json<Value> {
    Json(ses.mails().iter().map(mail_json).collect())
}

async fn attachment(State(ses): State<Ses>, Path((id, number)): Path<(String, usize)>) -> Response {
    let mails = ses.mails();
    let found = mails.iter().find(|m| m.id == id).and_then(|m| m.attachments.get(number));
    let Some(attachment) = found else { return StatusCode::NOT_FOUND.into_response() };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let name: String = attachment.name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    (headers, STANDARD.decode(&attachment.content).unwrap_or_default()).into_response()
}

async fn page(State(ses): State<Ses>) -> Html<String> {
    let mails = ses.mails();
    let list: String = mails.iter().rev().map(article).collect();
    let body = if mails.is_empty() { "<p>No mail yet.</p>".to_owned() } else { list };
    Html(format!("{HEAD}<h1>{} mails</h1>{body}", mails.len()))
}

const HEAD: &str = "<!doctype html><meta charset=utf-8><title>Mails</title><style>\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
article{border:1px solid #ccc;border-radius:6px;padding:1rem;margin:1rem 0}h2{margin:0 0 .3rem;font-size:1.1rem}\
iframe{width:100%;height:28rem;border:1px solid #ddd}pre{white-space:pre-wrap}small{color:#666}</style>";

/// The HTML of a mail comes from outside: it gets a frame without scripts, forms or same origin.
fn article(mail: &Mail) -> String {
    let files: String = mail
        .attachments
        .iter()
        .enumerate()
        .map(|(n, a)| {
            format!(
                "<li><a href=\"/mail/messages/{}/attachments/{n}\">{}</a> ({} bytes)</li>",
                escape(&mail.id),
                escape(&a.name),
                a.size
            )
        })
        .collect();
    let html = if mail.html.is_empty() {
        String::new()
    } else {
        format!("<iframe sandbox srcdoc=\"{}\"></iframe>", escape(&mail.html))
    };
    format!(
        "<article><h2>{}</h2><small>{} · from {} · to {}</small>{html}<details><summary>Text</summary><pre>{}</pre></details><ul>{files}</ul></article>",
        escape(&mail.subject),
        escape(&mail.at),
        escape(&mail.from),
        escape(&mail.to.join(", ")),
        escape(&mail.text),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
