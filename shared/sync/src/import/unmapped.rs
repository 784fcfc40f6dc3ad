//! Values that value tables do not have, told once.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::field::Field;
use muster_core::plan::{PlanBuilder, fold};

use crate::{Connection, Ledger, PortError};

/// Values that one plan tells: each is one more write when it is applied.
const TOLD: usize = 200;

/// The longest of them, in bytes: it becomes part of a key.
const LONGEST: usize = 250;

/// The name under which such values of a field are kept beside those of groups. No field is called so.
pub(crate) fn unmapped_name(field: Field) -> String {
    format!("unmapped:{}", field.name())
}

/// Tells the plan of the values that no applied plan has told before.
pub(super) async fn tell_unmapped(
    ledger: &impl Ledger,
    connection: &Connection,
    builder: &mut PlanBuilder<'_>,
    unmapped: &BTreeMap<(Field, String), u64>,
) -> Result<(), PortError> {
    if unmapped.is_empty() {
        return Ok(());
    }
    let known = ledger.group_values(&connection.account, &connection.id).await?;
    let known: BTreeSet<(String, String)> = known.into_iter().map(|(field, folded, _)| (field, folded)).collect();
    let is_known = |field: Field, value: &str| known.contains(&(unmapped_name(field), fold(value)));
    let short = unmapped.iter().filter(|((_, value), _)| value.len() <= LONGEST);
    let new = short.filter(|((field, value), _)| !is_known(*field, value));
    for ((field, value), people) in new.take(TOLD) {
        builder.unmapped_value(*field, value, *people);
    }
    Ok(())
}
