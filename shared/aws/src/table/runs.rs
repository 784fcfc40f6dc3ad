//! A connection's runs by time.

use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_sync::{PortError, RunSpan};

use super::Table;
use super::create::TIME_INDEX;
use crate::fault::{failed, unreadable};
use crate::items::{read_text, run_at, run_at_from, runs_of, s};

const LIST: &str = "list the runs by time";

impl Table {
    /// One page of the index, newest first.
    pub(super) async fn listed_runs(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        span: &RunSpan,
    ) -> Result<Vec<(i64, RunId)>, PortError> {
        // No id holds a character above `~`, so this is behind every run of its millisecond.
        let newest = run_at(span.to_ms, "~");
        let (first, last) = (run_at(span.from_ms, ""), span.before.as_ref().map(|(ms, id)| run_at(*ms, id.as_str())));
        // The range has both its ends in it; the last one of the page before is left out below.
        let last = last.map_or(newest.clone(), |before| before.min(newest));
        if first > last {
            return Ok(Vec::new());
        }
        let most = i32::try_from(span.most).unwrap_or(i32::MAX).saturating_add(i32::from(span.before.is_some()));
        let request = self.client.query().table_name(&self.name).index_name(TIME_INDEX).scan_index_forward(false);
        let request = request.key_condition_expression("#of = :of AND #at BETWEEN :first AND :last").limit(most);
        let request = request.expression_attribute_names("#of", "of").expression_attribute_names("#at", "at");
        let request = request.expression_attribute_values(":of", s(runs_of(account, connection)));
        let request =
            request.expression_attribute_values(":first", s(first)).expression_attribute_values(":last", s(last));
        let page = request.send().await.map_err(|error| failed(LIST, &error))?;
        let place = |item| run_at_from(&read_text(LIST, item, "at")?).ok_or_else(|| unreadable(LIST, "at"));
        let items = page.items.unwrap_or_default();
        let mut places = items.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        places.retain(|place| span.before.as_ref() != Some(place));
        places.truncate(usize::try_from(span.most).unwrap_or(usize::MAX));
        Ok(places)
    }
}
