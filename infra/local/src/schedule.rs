//! The schedule: `EventBridge` looking at what is due.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::json;
use tokio::sync::watch;

use crate::lambda::Lambda;

/// Has `scheduled-poll` look at what is due, again and again.
pub(crate) async fn run(lambda: Lambda, every: Duration, mut paused: watch::Receiver<bool>) {
    loop {
        tokio::time::sleep(every).await;
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let event = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        if let Err(error) = lambda.invoke("scheduled-poll", Bytes::from(event.to_string())).await {
            tracing::warn!("schedule: {error}");
        }
    }
}
