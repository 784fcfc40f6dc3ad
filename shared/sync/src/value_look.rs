//! Which values a mapped field takes in the last source, and what each is mapped to.

use muster_core::field::Field;
use muster_core::look::{Counted, ValueTally};
use muster_core::mapping::Bound;

use crate::plan_store::summary_key;
use crate::source_look::{LookedAt, Looker, NotLooked, OpenSource};
use crate::{Clock, Connection, Ledger, Objects, PortError, Secrets, Web};

/// Different values of a field that are counted.
const MOST: usize = 10_000;

/// The values of one field.
#[derive(Debug)]
pub struct FieldValues {
    /// What was looked at.
    pub looked_at: LookedAt,
    /// Rows looked at.
    pub rows: u64,
    /// Whether these are all rows.
    pub complete: bool,
    /// Values, those that are mapped to nothing first.
    pub values: Vec<Counted>,
    /// Values that are never shown, as often as they were said.
    pub blocked: u64,
    /// Whether there are more different values than 10,000.
    pub truncated: bool,
}

/// The values of every mapped dynamic field, as numbers.
#[derive(Debug)]
pub struct ValueTables {
    /// What was looked at.
    pub looked_at: LookedAt,
    /// Rows looked at.
    pub rows: u64,
    /// Whether these are all rows.
    pub complete: bool,
    /// A line for each field, in the catalogue's order.
    pub fields: Vec<ValueTable>,
}

/// The values of one field, as numbers.
#[derive(Debug)]
pub struct ValueTable {
    /// The field.
    pub field: Field,
    /// Whether it has a value table.
    pub has_table: bool,
    /// Different values.
    pub distinct: usize,
    /// Different values that are mapped to nothing.
    pub unmapped: usize,
    /// Values that the plan of this source saw for the first time.
    pub new: usize,
    /// Values that are never shown, as often as they were said.
    pub blocked: u64,
    /// Whether there are more different values than 10,000.
    pub truncated: bool,
}

impl<L: Ledger, O: Objects, S: Secrets, W: Web, C: Clock> Looker<'_, L, O, S, W, C> {
    /// The values that a field takes in the last file or listing. None where the field is not mapped.
    ///
    /// # Errors
    /// [`NotLooked`].
    pub async fn values(&self, connection: &Connection, field: Field) -> Result<FieldValues, NotLooked> {
        let mut tallied = self.tally(connection, &mut |_| vec![field]).await?;
        let (_, tally) = tallied.tallies.swap_remove(0);
        let (blocked, truncated) = (tally.blocked(), tally.is_truncated());
        let Tallied { looked_at, rows, complete, .. } = tallied;
        Ok(FieldValues { looked_at, rows, complete, values: tally.finish(), blocked, truncated })
    }

    /// How many values every mapped dynamic field takes in the last file or listing.
    ///
    /// # Errors
    /// [`NotLooked`].
    pub async fn value_tables(&self, connection: &Connection) -> Result<ValueTables, NotLooked> {
        let mut with_table = Vec::new();
        let mut fields = |open: &OpenSource| {
            let mapped = open.settings.fields.iter().filter(|(field, _)| field.spec().dynamic);
            with_table =
                mapped.clone().filter(|(_, mapping)| !mapping.values.is_empty()).map(|(field, _)| *field).collect();
            mapped.map(|(field, _)| *field).collect()
        };
        let tallied = self.tally(connection, &mut fields).await?;
        let new = self.new_values(connection, &tallied.looked_at).await?;
        let line = |(field, tally): (Field, ValueTally)| ValueTable {
            field,
            has_table: with_table.contains(&field),
            distinct: tally.distinct(),
            unmapped: tally.unmapped(),
            new: new.iter().filter(|new| **new == field).count(),
            blocked: tally.blocked(),
            truncated: tally.is_truncated(),
        };
        let Tallied { looked_at, rows, complete, tallies } = tallied;
        Ok(ValueTables { looked_at, rows, complete, fields: tallies.into_iter().map(line).collect() })
    }

    async fn tally(
        &self,
        connection: &Connection,
        fields: &mut dyn FnMut(&OpenSource) -> Vec<Field>,
    ) -> Result<Tallied, NotLooked> {
        let mut open = self.open(connection).await?;
        let mut tallies: Vec<_> = fields(&open).into_iter().map(|field| (field, ValueTally::of(MOST))).collect();
        let (bound, _) = open.mapping.bind(&open.header);
        let mut take = |cells: &[&str]| count(&bound, &mut tallies, cells);
        let handed = open.body.each(u64::MAX, &|| self.clock.now_ms() <= self.until_ms, &mut take)?;
        Ok(Tallied { looked_at: open.looked_at, rows: handed.rows, complete: handed.complete, tallies })
    }

    /// The field of each value that the plan of a run saw for the first time; none where there is no plan (any more).
    async fn new_values(&self, connection: &Connection, looked_at: &LookedAt) -> Result<Vec<Field>, PortError> {
        let Some(run) = &looked_at.run else { return Ok(Vec::new()) };
        let run = self.ledger.run(&connection.account, &connection.id, run).await?;
        let Some(plan) = run.and_then(|run| run.plan) else { return Ok(Vec::new()) };
        let Some(bytes) = self.objects.read(&summary_key(&plan.prefix)).await? else { return Ok(Vec::new()) };
        let summary = muster_core::plan::summary_from_json(&bytes);
        let summary = summary.map_err(|e| PortError::unread("read the plan's summary", &e))?;
        Ok(summary.new_values.iter().map(|new| new.field).collect())
    }
}

struct Tallied {
    looked_at: LookedAt,
    rows: u64,
    complete: bool,
    tallies: Vec<(Field, ValueTally)>,
}

fn count(bound: &Bound<'_>, tallies: &mut [(Field, ValueTally)], cells: &[&str]) {
    for (field, tally) in tallies {
        bound.said_of(*field, cells).into_iter().for_each(|said| tally.take(said));
    }
}
