//! Files that did not come when they were due.

use crate::decide::run_id;
use crate::log;
use crate::{
    Cause, Connection, FeedChange, Ledger, MailKind, Opened, OutboxMail, PortError, Queue, Run, RunState, Transition,
    settings_of,
};

/// Looks whether a connection's file is late, and tells of it once. Whether it told.
pub(super) async fn look(
    ledger: &impl Ledger,
    queue: &impl Queue,
    connection: &Connection,
    now_ms: i64,
) -> Result<bool, PortError> {
    let settings = settings_of(connection)?;
    let Some(cadence) = settings.cadence else {
        return set_due(ledger, connection, None, None).await.map(|()| false);
    };
    let minutes = settings.late_after_minutes.unwrap_or_else(|| (cadence.minutes() / 10).max(60));
    let cadence_ms = i64::from(cadence.minutes()) * 60_000;
    let patience_ms = cadence_ms + i64::from(minutes) * 60_000;
    // Before the first file the watch begins with the connection's own first due time.
    let last_ms = connection.last_source.as_ref().map(|last| last.modified_ms);
    let late_ms = last_ms.map_or(connection.due_ms.unwrap_or(now_ms), |last| last + patience_ms);
    if late_ms > now_ms {
        return set_due(ledger, connection, Some(late_ms), None).await.map(|()| false);
    }
    if connection.feed.alerted_ms == Some(last_ms.unwrap_or(0)) {
        return set_due(ledger, connection, Some(now_ms + cadence_ms), None).await.map(|()| false);
    }
    tell(ledger, queue, connection, late_ms, now_ms).await?;
    set_due(ledger, connection, Some(now_ms + cadence_ms), Some(last_ms.unwrap_or(0))).await?;
    Ok(true)
}

/// The alert is a run of its own, so that it is listed, and mailed exactly once.
async fn tell(
    ledger: &impl Ledger,
    queue: &impl Queue,
    connection: &Connection,
    expected_ms: i64,
    now_ms: i64,
) -> Result<(), PortError> {
    let text = expected_ms.to_string();
    let id = run_id(&["late", connection.account.as_str(), connection.id.as_str(), &text]);
    let run = Run::received(connection, id, Cause::Late { expected_ms }, "no file".to_owned(), now_ms);
    let run = match ledger.open_run(&run).await? {
        Opened::New => {
            log::received(&run);
            run
        }
        Opened::Existing(before) => *before,
    };
    if run.state == RunState::Received {
        let due = jiff::Timestamp::from_millisecond(expected_ms).unwrap_or_default();
        let reason =
            format!("no file came by {due:.0}; nothing was changed, and people are as the last file left them");
        let transition = Transition {
            status: Some(connection.status),
            ..Transition::told(&run, connection, RunState::Failed, Some(&reason), now_ms)
        };
        if !ledger.close(&transition).await? {
            return Err(PortError::later("tell of the late file", "another was first"));
        }
        log::ended(&transition, "the file is late");
    }
    queue.send_report(&OutboxMail::of(&run, MailKind::Ended)).await
}

async fn set_due(
    ledger: &impl Ledger,
    connection: &Connection,
    due_ms: Option<i64>,
    alerted_ms: Option<i64>,
) -> Result<(), PortError> {
    let mut feed = connection.feed.clone();
    feed.alerted_ms = alerted_ms.or(feed.alerted_ms);
    // Whoever was first has said when to look again.
    ledger.save_feed(&FeedChange { connection, feed, due_ms, status: None }).await.map(|_| ())
}
