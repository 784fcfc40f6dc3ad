//! SES version 2: takes mails, keeps them, and tells the `report` queue what it sent.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    http::{Request, Response, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    answer::{LostAnswer, json_answer, json_error},
    clock::{Clock, iso8601},
    digest,
    faults::{FaultKind, Faults, Service},
    journal::Journal,
    sqs::Sqs,
};

/// A mail that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The message id that the sender was given.
    pub id: String,
    /// When, as `2026-11-22T17:00:00.123Z`.
    pub at: String,
    /// The sender's address.
    pub from: String,
    /// Everybody it went to, copies included.
    pub to: Vec<String>,
    /// Empty for a raw mail.
    pub subject: String,
    /// The text part; for a raw mail the whole mail.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// What is attached.
    pub attachments: Vec<Attachment>,
    /// Tags as name and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// Headers beyond the usual ones, as name and value.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// A file attached to a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Size in bytes.
    pub size: usize,
    /// The content as base64.
    #[serde(default)]
    pub content: String,
}

/// Why a mail is refused, in SES's own words.
struct Refusal(&'static str, String);

struct Inner {
    mails: Mutex<Vec<Mail>>,
    journal: Journal,
    clock: Clock,
    faults: Arc<Faults>,
    sqs: Sqs,
}

/// The mail service.
#[derive(Clone)]
pub struct Ses {
    inner: Arc<Inner>,
}

impl Ses {
    /// Mails in memory.
    pub(crate) fn in_memory(clock: Clock, faults: Arc<Faults>, sqs: Sqs) -> Self {
        Self::with(Journal::none(), Vec::new(), clock, faults, sqs)
    }

    /// Mails kept in the journal at `path`.
    pub(crate) fn open(path: &Path, clock: Clock, faults: Arc<Faults>, sqs: Sqs) -> std::io::Result<Self> {
        let (journal, mails) = Journal::open(path)?;
        Ok(Self::with(journal, mails, clock, faults, sqs))
    }

    fn with(journal: Journal, mails: Vec<Mail>, clock: Clock, faults: Arc<Faults>, sqs: Sqs) -> Self {
        Self { inner: Arc::new(Inner { mails: Mutex::new(mails), journal, clock, faults, sqs }) }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.inner.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every mail so far, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.locked().clone()
    }

    /// Carries out one request: `POST /v2/email/outbound-emails`.
    pub(crate) fn call(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, LostAnswer> {
        if !request.uri().path().ends_with("/v2/email/outbound-emails") {
            return Ok(json_error(404, "NotFoundException", "only SendEmail is stood in for"));
        }
        match self.inner.faults.take(Service::Ses, "SendEmail") {
            Some(FaultKind::Refuse { status, code }) => Ok(json_error(status, &code, "refused by a fault")),
            Some(FaultKind::FailAfter) => {
                self.answer(request.body());
                Ok(json_error(500, "InternalServiceErrorException", "failed by a fault after the mail was accepted"))
            }
            Some(FaultKind::LoseAnswer) => {
                self.answer(request.body());
                Err(LostAnswer)
            }
            None | Some(FaultKind::Conflict | FaultKind::Partial { .. }) => Ok(self.answer(request.body())),
        }
    }

    fn answer(&self, body: &[u8]) -> Response<Bytes> {
        let Ok(wire) = serde_json::from_slice::<Value>(body) else {
            return json_error(400, "BadRequestException", "the request body is no JSON");
        };
        let id = format!("0100{}-000000", digest::random_id());
        match read_mail(&wire, id, iso8601(self.inner.clock.now_ms())) {
            Err(Refusal(code, message)) => json_error(400, code, &message),
            Ok(mail) => match self.accept(mail) {
                Ok(id) => json_answer(StatusCode::OK, json!({"MessageId": id}).to_string().into_bytes()),
                Err(error) => json_error(500, "InternalServiceErrorException", &error.to_string()),
            },
        }
    }

    fn accept(&self, mail: Mail) -> anyhow::Result<String> {
        self.inner.journal.append(&mail)?;
        let event = sent_event(&mail).to_string();
        let id = mail.id.clone();
        self.locked().push(mail);
        self.inner.sqs.send("report", &event, Map::new(), 0)?;
        Ok(id)
    }
}

fn read_mail(wire: &Value, id: String, at: String) -> Result<Mail, Refusal> {
    let content = &wire["Content"];
    let raw = content["Raw"]["Data"].as_str();
    let simple = &content["Simple"];
    if raw.is_none() && simple.is_null() {
        return Err(Refusal("BadRequestException", "content must be Simple or Raw".into()));
    }
    let mail = Mail {
        id,
        at,
        from: text(&wire["FromEmailAddress"]),
        to: recipients(&wire["Destination"]),
        subject: text(&simple["Subject"]["Data"]),
        text: match raw {
            Some(data) => String::from_utf8_lossy(&decode(data, "Content.Raw.Data")?).into_owned(),
            None => text(&simple["Body"]["Text"]["Data"]),
        },
        html: text(&simple["Body"]["Html"]["Data"]),
        attachments: simple["Attachments"]
            .as_array()
            .into_iter()
            .flatten()
            .map(attachment)
            .collect::<Result<_, _>>()?,
        tags: named(&wire["EmailTags"]),
        headers: named(&simple["Headers"]),
    };
    check(&mail, raw.is_some()).map(|()| mail)
}

fn check(mail: &Mail, raw: bool) -> Result<(), Refusal> {
    let bad = |message: String| Err(Refusal("BadRequestException", message));
    if mail.to.is_empty() && !raw {
        return bad("the mail has no recipient".into());
    }
    if mail.to.len() > 50 {
        return bad(format!("{} recipients; SES allows 50", mail.to.len()));
    }
    if mail.from.is_empty() && !raw {
        return bad("FromEmailAddress is missing".into());
    }
    if mail.subject.is_empty() && !raw {
        return bad("Subject is missing".into());
    }
    let single_lines = [&mail.subject, &mail.from]
        .into_iter()
        .chain(&mail.to)
        .chain(mail.attachments.iter().map(|a| &a.name))
        .chain(mail.headers.iter().flat_map(|(name, value)| [name, value]));
    if let Some(line) = single_lines.into_iter().find(|l| l.contains(|c: char| c.is_control())) {
        return bad(format!("control characters in {line:?}"));
    }
    if let Some(address) = mail.to.iter().find(|a| !a.contains('@')) {
        return bad(format!("{address:?} is no address"));
    }
    let word = |t: &str| {
        !t.is_empty() && t.len() <= 256 && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.@".contains(&b))
    };
    if let Some((name, value)) = mail.tags.iter().find(|(n, v)| !word(n) || !word(v)) {
        return bad(format!("tag {name:?} = {value:?} may hold only ASCII letters, digits and _ - . @"));
    }
    Ok(())
}

fn attachment(wire: &Value) -> Result<Attachment, Refusal> {
    let content = text(&wire["RawContent"]);
    let size = decode(&content, "RawContent")?.len();
    Ok(Attachment { name: text(&wire["FileName"]), size, content })
}

/// A list of names and values.
fn named(list: &Value) -> Vec<(String, String)> {
    let list = list.as_array().into_iter().flatten();
    list.map(|one| (text(&one["Name"]), text(&one["Value"]))).collect()
}

fn recipients(destination: &Value) -> Vec<String> {
    let fields = ["ToAddresses", "CcAddresses", "BccAddresses"];
    fields.iter().flat_map(|f| destination[*f].as_array().into_iter().flatten()).map(text).collect()
}

fn decode(data: &str, field: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD.decode(data).map_err(|e| Refusal("BadRequestException", format!("{field}: {e}")))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What SES publishes through `EventBridge` once it has accepted a mail.
fn sent_event(mail: &Mail) -> Value {
    let mut tags: Map<String, Value> = mail.tags.iter().map(|(n, v)| (n.clone(), json!([v]))).collect();
    tags.insert("ses:configuration-set".into(), json!(["muster"]));
    json!({
        "version": "0",
        "id": digest::random_id(),
        "source": "aws.ses",
        "detail-type": "Email Sent",
        "account": "000000000000",
        "region": "us-east-1",
        "time": mail.at,
        "resources": [],
        "detail": {
            "eventType": "Send",
            "mail": {
                "timestamp": mail.at,
                "messageId": mail.id,
                "source": mail.from,
                "destination": mail.to,
                "tags": tags,
                "commonHeaders": {"from": [mail.from], "to": mail.to, "subject": mail.subject, "messageId": mail.id},
            },
            "send": {},
        },
    })
}
