//! The bus to the product.

use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use muster_sync::{PortError, ProductEvent};

use crate::fault::failed;
use crate::pause::jittered;
use crate::trace;

const TELL: &str = "tell the product";
/// The name under which rules of the bus find Muster's events.
const SOURCE: &str = "muster";
/// How often the refused part of a request is sent again.
const TRIES: u32 = 5;

/// At most 10 events in one request; what the bus refuses for now is sent again.
pub(crate) async fn put_events(
    client: &aws_sdk_eventbridge::Client,
    bus: &str,
    events: &[ProductEvent],
) -> Result<(), PortError> {
    let trace = trace::current();
    let entry = |event: &ProductEvent| {
        let entry = PutEventsRequestEntry::builder().event_bus_name(bus).source(SOURCE).detail_type(event.kind);
        let entry = entry.set_trace_header(trace.as_ref().map(|trace| trace.header().to_owned()));
        entry.detail(event.detail.to_string()).build()
    };
    let mut wanted: Vec<_> = events.iter().map(entry).collect();
    for attempt in 0..TRIES {
        let request = client.put_events().set_entries(Some(wanted.clone()));
        let answer = request.send().await.map_err(|error| failed(TELL, &error))?;
        let refused = wanted.into_iter().zip(answer.entries()).filter(|(_, answer)| answer.error_code().is_some());
        wanted = refused.map(|(entry, _)| entry).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(jittered(Duration::from_millis(50), attempt)).await;
    }
    Err(PortError::later(TELL, format!("{} events were refused {TRIES} times", wanted.len())))
}
