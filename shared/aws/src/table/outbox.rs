//! Mails as items: the service has no idempotency token, so who sends is decided here.

use std::hash::{BuildHasher, RandomState};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use muster_core::format::{self, Format};
use muster_sync::{MailState, OutboxMail, PortError, Posted};

use super::Table;
use crate::expression::Expression;
use crate::fault::failed;
use crate::items::{Item, mail_key, n, optional_text, readable, s};

/// The stored item when an update's condition did not hold; `None` when there is no such item. An error where it is of
/// a form that this code does not read.
pub(super) fn stored_instead(
    operation: &'static str,
    format: &'static Format,
    error: SdkError<UpdateItemError, HttpResponse>,
) -> Result<Option<Item>, PortError> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(condition)) => {
            let stored = condition.item().filter(|item| !item.is_empty());
            stored.map(|item| readable(operation, format, item).cloned()).transpose()
        }
        _ => Err(failed(operation, &error)),
    }
}

/// What the state before says about a mail that is now ours.
fn posted(before: Option<&str>) -> Posted {
    if before == Some("pending") { Posted::First } else { Posted::Again }
}

fn key_of(mail: &OutboxMail) -> Item {
    mail_key(&mail.account, &mail.connection, &mail.run, mail.kind.as_str())
}

impl Table {
    pub(super) async fn take_posted(
        &self,
        mail: &OutboxMail,
        now_ms: i64,
        patience_ms: i64,
    ) -> Result<Posted, PortError> {
        const TAKE: &str = "take the mail";
        // By its own name the taker knows its own write again when the first answer was lost.
        let taker = format!("{:016x}", RandomState::new().hash_one(now_ms));
        let change = Expression::of(format::MAIL)
            .set("state", s("sending"))
            .set("taker", s(&taker))
            .set_to("before", "#state")
            .set("taken_ms", n(now_ms))
            .value("pending", s("pending"))
            .value("sending", s("sending"))
            .value("stale", n(now_ms - patience_ms))
            .when("#state = :pending OR (#state = :sending AND #taken_ms < :stale)");
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key_of(mail)));
        let before = match change.on(request).return_values(ReturnValue::UpdatedOld).send().await {
            Ok(answer) => {
                let before = answer.attributes.as_ref().and_then(|item| optional_text(item, "state"));
                return Ok(posted(before.as_deref()));
            }
            Err(error) => stored_instead(TAKE, format::MAIL, error)?,
        };
        if before.as_ref().and_then(|item| optional_text(item, "taker")) == Some(taker) {
            let before = before.as_ref().and_then(|item| optional_text(item, "before"));
            return Ok(posted(before.as_deref()));
        }
        let state = before.as_ref().and_then(|item| optional_text(item, "state"));
        Ok(if state.as_deref() == Some("sending") { Posted::Wait } else { Posted::Done })
    }

    pub(super) async fn settle_posted(&self, mail: &OutboxMail, state: &MailState) -> Result<(), PortError> {
        let (name, reason) = match state {
            MailState::Pending => ("pending", None),
            MailState::Sending => ("sending", None),
            MailState::Sent => ("sent", None),
            MailState::Refused(reason) => ("refused", Some(s(reason))),
        };
        // Nearly every mail is confirmed twice, by its answer and by the service's event: a look is
        // cheaper than a write that changes nothing.
        let stored = self.get_item("read the mail", format::MAIL, key_of(mail)).await?;
        let open = stored.as_ref().and_then(|item| optional_text(item, "state"));
        if !matches!(open.as_deref(), Some("pending" | "sending")) {
            return Ok(());
        }
        // What was sent or given up stays so: a late answer of an earlier try changes nothing.
        let change = Expression::of(format::MAIL)
            .set("state", s(name))
            .set_or_remove("reason", reason)
            .value("pending", s("pending"))
            .value("sending", s("sending"))
            .when("#state = :pending OR #state = :sending");
        self.update("settle the mail", key_of(mail), change).await.map(|_| ())
    }
}
