//! The mail service, SES v2.

use aws_sdk_sesv2::error::{BuildError, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{
    Body, Content, Destination, EmailContent, Message as SesMessage, MessageHeader, MessageTag,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use muster_core::format;
use muster_sync::{Mailer, Message, OutboxMail, PortError, Retry};

use crate::config::MailConfig;
use crate::fault::failed;
use crate::trace::{self, Trace};

const SEND: &str = "send the mail";

/// The mail service.
#[derive(Debug, Clone)]
pub struct Mail {
    client: aws_sdk_sesv2::Client,
    config: MailConfig,
}

impl Mail {
    /// Sends as the configuration says, by a client that never tries twice
    /// ([`crate::Clients::sesv2`]).
    pub fn new(client: aws_sdk_sesv2::Client, config: MailConfig) -> Self {
        Self { client, config }
    }
}

impl Mailer for Mail {
    async fn send(&self, message: &Message) -> Result<bool, PortError> {
        let parts = content(message).and_then(|content| Ok((content, tags(&message.outbox)?)));
        let (content, tags) = parts.map_err(|error| PortError::never(SEND, error.to_string()))?;
        let request = self.client.send_email().from_email_address(&self.config.from).content(content);
        let request = request.destination(Destination::builder().set_to_addresses(Some(message.to.clone())).build());
        let request = request.configuration_set_name(&self.config.configuration_set).set_email_tags(Some(tags));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => verdict(&error).map(|()| false),
        }
    }
}

/// `Ok` when nobody knows whether the mail was taken.
fn verdict(error: &SdkError<SendEmailError, HttpResponse>) -> Result<(), PortError> {
    let SdkError::ServiceError(failure) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => Err(failed(SEND, error)),
            _ => Ok(()),
        };
    };
    let mut refused = failed(SEND, error);
    match failure.err() {
        SendEmailError::TooManyRequestsException(_)
        | SendEmailError::SendingPausedException(_)
        | SendEmailError::LimitExceededException(_) => refused.retry = Retry::Later,
        // A failure inside the service says nothing about the mail.
        _ if failure.raw().status().as_u16() >= 500 => return Ok(()),
        _ => {}
    }
    Err(refused)
}

fn text(data: &str) -> Result<Content, BuildError> {
    Content::builder().data(data).charset("UTF-8").build()
}

fn content(message: &Message) -> Result<EmailContent, BuildError> {
    let body = Body::builder().text(text(&message.text)?).html(text(&message.html)?).build();
    let header = |trace: Trace| MessageHeader::builder().name("X-Muster-Trace").value(trace.root()).build();
    let header = trace::current().map(header).transpose()?;
    let simple = SesMessage::builder().subject(text(&message.subject)?).body(body);
    let simple = simple.set_headers(header.map(|header| vec![header])).build();
    Ok(EmailContent::builder().simple(simple).build())
}

/// The service hands these back with its events. They are slugs and a number, so they are valid as they are.
fn tags(mail: &OutboxMail) -> Result<Vec<MessageTag>, BuildError> {
    let version = format::MAIL_TAGS.version.to_string();
    let trace = trace::current();
    [
        ("v", version.as_str()),
        ("account", mail.account.as_str()),
        ("connection", &mail.connection),
        ("run", &mail.run),
        ("kind", mail.kind.as_str()),
    ]
    .into_iter()
    .chain(trace.as_ref().map(|trace| ("trace", trace.root())))
    .map(|(name, value)| MessageTag::builder().name(name).value(value).build())
    .collect()
}
