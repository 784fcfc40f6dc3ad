//! A plan's changes, page by page.

use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::plan::{Change, ChangeKind, ChunkReader};
use muster_core::recipient::{Recipient, Value};
use serde::{Deserialize, Serialize};

use crate::plan_store::{chunk_key, unpacked};
use crate::{Objects, PortError, Run};

/// Chunks read for one page: 2,000 changes.
const CHUNKS: u32 = 4;

/// Which changes are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Of this kind.
    pub kind: Option<ChangeKind>,
    /// Of this person.
    pub unique_id: Option<UniqueId>,
    /// That change this field.
    pub field: Option<Field>,
}

/// A place in a plan: so many changes into a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePlace {
    /// The chunk.
    pub chunk: u32,
    /// Changes of the chunk that were looked at.
    pub offset: u32,
}

/// One page of changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangePage {
    /// The changes, in the plan's order.
    pub items: Vec<Change>,
    /// Where the next page begins; `None` at the end. A page may be short, or empty, without being the last.
    pub next: Option<ChangePlace>,
}

/// One field of one change. The employment status is a field too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMove {
    /// The field.
    pub field: Field,
    /// What the plan saw stored; `None` where nothing was.
    pub old: Option<Value>,
    /// What is stored after; `None` where nothing is.
    pub new: Option<Value>,
}

/// At most `most` changes of the run's plan from `from` on. `None` when the run has no plan, or its plan has expired.
///
/// # Errors
/// [`PortError`] when a service failed or a chunk cannot be read.
pub async fn changes<O: Objects>(
    objects: &O,
    run: &Run,
    filter: &ChangeFilter,
    from: ChangePlace,
    most: usize,
) -> Result<Option<ChangePage>, PortError> {
    let Some(plan) = &run.plan else { return Ok(None) };
    let mut page = ChangePage::default();
    let last = from.chunk.saturating_add(CHUNKS).min(plan.chunks);
    for chunk in from.chunk..last {
        let Some(read) = read_chunk(objects, &plan.prefix, chunk).await? else { return Ok(None) };
        let skipped = if chunk == from.chunk { from.offset } else { 0 };
        for (at, change) in (0u32..).zip(read).skip(skipped as usize) {
            if page.items.len() == most {
                page.next = Some(ChangePlace { chunk, offset: at });
                return Ok(Some(page));
            }
            if filter.takes(&change) {
                page.items.push(change);
            }
        }
    }
    page.next = (last < plan.chunks).then_some(ChangePlace { chunk: last, offset: 0 });
    Ok(Some(page))
}

/// The changes of one chunk; `None` when it is gone.
pub(super) async fn read_chunk<O: Objects>(
    objects: &O,
    prefix: &str,
    chunk: u32,
) -> Result<Option<Vec<Change>>, PortError> {
    let unreadable = |e: muster_core::plan::StoredError| PortError::unread("read the plan", &e);
    let Some(packed) = objects.read(&chunk_key(prefix, chunk)).await? else { return Ok(None) };
    let plain = unpacked(&packed)?;
    let changes = ChunkReader::new(&plain).map_err(unreadable)?;
    changes.collect::<Result<_, _>>().map(Some).map_err(unreadable)
}

impl ChangeFilter {
    fn takes(&self, change: &Change) -> bool {
        self.kind.is_none_or(|kind| change.kind == kind)
            && self.unique_id.as_ref().is_none_or(|id| change.unique_id == *id)
            && self.field.is_none_or(|field| field_moves(change).iter().any(|moved| moved.field == field))
    }
}

/// The fields that a change sets, changes or takes away, in the catalogue's order, the employment status first.
pub fn field_moves(change: &Change) -> Vec<FieldMove> {
    let apart = [Field::UNIQUE_ID, Field::EMPLOYMENT_STATUS];
    let values = |recipient: &Option<Recipient>, field: Field| {
        recipient.as_ref().and_then(|recipient| recipient.values.get(&field)).cloned()
    };
    let status = |recipient: &Option<Recipient>| {
        recipient.as_ref().map(|recipient| Value::One(recipient.status.as_str().to_owned()))
    };
    let of_status = FieldMove { field: Field::EMPLOYMENT_STATUS, old: status(&change.old), new: status(&change.new) };
    let of_values = Field::all().filter(|field| !apart.contains(field)).map(|field| FieldMove {
        field,
        old: values(&change.old, field),
        new: values(&change.new, field),
    });
    std::iter::once(of_status).chain(of_values).filter(|moved| moved.old != moved.new).collect()
}
