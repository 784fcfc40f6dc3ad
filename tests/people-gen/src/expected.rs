//! The difference between two days, from the choices rather than from the files.

use crate::cells::{COLUMNS, Cells, at};
use crate::dirt::{self, FAULTS};
use crate::person::Status;
use crate::population::{Population, Step};
use crate::text::push_id;
use crate::{Expected, Options};

/// Everything but the counts of rows and people, which the writer knows.
pub(crate) fn delta(options: &Options, population: &Population) -> Expected {
    let mut expected = Expected::default();
    let mut cells = [Cells::new(), Cells::new()];
    for k in 0..population.ever() {
        match population.step(k) {
            Step::Absent | Step::Same => {}
            Step::New if is_imported(population, k, population.day) => expected.added.push(id(k)),
            Step::Gone if is_imported(population, k, population.day - 1) => expected.removed.push(id(k)),
            Step::New | Step::Gone => {}
            Step::Changed => changed(options, population, k, &mut cells, &mut expected),
        }
    }
    if options.dirt {
        faults(population.day, &mut expected);
    }
    if options.blocked_column {
        expected.issues.push(("column_blocked", String::new()));
    }
    expected.sort();
    expected
}

fn id(k: u32) -> String {
    let mut id = String::new();
    push_id(&mut id, k);
    id
}

fn is_imported(population: &Population, k: u32, day: u32) -> bool {
    population.person(k, day).status != Status::Terminated
}

fn changed(options: &Options, population: &Population, k: u32, cells: &mut [Cells; 2], expected: &mut Expected) {
    let before = population.person(k, population.day - 1);
    let after = population.person(k, population.day);
    let [old, new] = cells;
    match (before.status, after.status) {
        (Status::Terminated, Status::Terminated) => {}
        (Status::Terminated, _) => expected.added.push(id(k)),
        (_, Status::Terminated) => expected.removed.push(id(k)),
        (Status::Active, Status::Leave) => expected.deactivated.push(id(k)),
        (Status::Leave, Status::Active) => expected.reactivated.push(id(k)),
        _ => {
            // In one style, cells differ exactly where the stored values do.
            old.fill(options.seed, &before, false);
            new.fill(options.seed, &after, false);
            let columns: Vec<_> =
                (0..COLUMNS.len()).filter(|&at| old.get(at) != new.get(at)).map(|at| COLUMNS[at]).collect();
            debug_assert!(!columns.is_empty() && !columns.contains(&COLUMNS[at::STATUS]));
            expected.updated.push((id(k), columns));
        }
    }
}

fn faults(day: u32, expected: &mut Expected) {
    expected.issues.push(("header_nameless", String::new()));
    for (index, (fault, from)) in FAULTS.into_iter().enumerate() {
        let id = dirt::id(index);
        let shows = day >= from;
        if day == 1 && !id.is_empty() && !(shows && fault.costs_person()) {
            expected.added.push(id.clone());
        }
        if let Some(code) = fault.code().filter(|_| shows) {
            expected.issues.push((code, id));
        }
    }
}
