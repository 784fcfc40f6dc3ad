//! Grouping everybody anew after a connection's grouping fields have changed.

use muster_core::plan::{Change, ChangeKind, Reason};
use muster_core::recipient::Recipient;
use muster_core::settings::Settings;

use super::Importer;
use super::file_plan::Sheet;
use crate::people::grouped_by;
use crate::{Clock, Connection, Directory, Documents, Ledger, Objects, PortError, Queue, SHARDS};

/// Whether stored people carry the values of other grouping fields than the settings', or of the same in another order.
pub(super) fn regroups(connection: &Connection, settings: &Settings) -> bool {
    (connection.confirmed || connection.owned > 0) && connection.grouped_by != grouped_by(settings)
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Plans that whoever stays as stored is written once more, with the values of the settings' grouping fields.
    /// Asks the directory and not the file, so that nobody is forgotten: absent and kept, flagged, switched off.
    pub(super) async fn plan_regroup(
        &self,
        connection: &Connection,
        sheet: &mut Sheet<'_, O>,
    ) -> Result<(), PortError> {
        let Some(changed) = sheet.changed.take() else { return Ok(()) };
        for shard in 0..SHARDS {
            let mut from = None;
            loop {
                let page =
                    self.directory.page(&connection.account, &connection.id, shard, from.as_deref(), None).await?;
                for stored in page.items {
                    if !changed.contains(&stored.recipient.unique_id) {
                        sheet.regroup(stored.recipient).await?;
                    }
                }
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        Ok(())
    }
}

impl<O: Objects> Sheet<'_, O> {
    /// Writes a change that changes nothing of the person, so no tally and no gate of people counts it.
    async fn regroup(&mut self, stored: Recipient) -> Result<(), PortError> {
        let change = Change {
            kind: ChangeKind::Update,
            reason: Reason::Source,
            unique_id: stored.unique_id.clone(),
            old: Some(stored.clone()),
            new: Some(stored),
            record: None,
        };
        self.builder.regrouped(&change);
        self.writer.push(&change).await
    }
}
