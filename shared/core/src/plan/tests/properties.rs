//! Over small made-up directories and files.

use proptest::prelude::*;

use super::*;

type Directory = BTreeMap<UniqueId, Recipient>;

const FIELDS: [&str; 3] = ["first_name", "department", "job_title"];

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[abAé]".prop_map(Value::One),
        1 => prop::collection::btree_set("[abA]", 1..3).prop_map(|set| Value::Many(set.into_iter().collect())),
    ]
}

fn any_status() -> impl Strategy<Value = Status> {
    prop_oneof![4 => Just(Status::Active), 2 => Just(Status::Inactive), 1 => Just(Status::Terminated)]
}

fn any_directory() -> impl Strategy<Value = Directory> {
    let person = (any::<bool>(), prop::collection::btree_map(0..FIELDS.len(), any_value(), 0..=3));
    prop::collection::btree_map(0u8..12, person, 0..10).prop_map(|people| {
        let people = people.into_iter().map(|(at, (active, values))| {
            let status = if active { Status::Active } else { Status::Inactive };
            let values = values.into_iter().map(|(at, value)| (field(FIELDS[at]), value)).collect();
            let unique_id = id(&format!("{at:03}"));
            (unique_id.clone(), Recipient { unique_id, status, values })
        });
        people.collect()
    })
}

fn any_listing() -> impl Strategy<Value = BTreeMap<UniqueId, Desired>> {
    let cell = prop_oneof![1 => Just(Cell::Keep), 1 => Just(Cell::Clear), 3 => any_value().prop_map(Cell::Set)];
    let person = (any_status(), prop::collection::btree_map(0..FIELDS.len(), cell, 0..=3));
    prop::collection::btree_map(0u8..12, person, 0..10).prop_map(|people| {
        let people = people.into_iter().map(|(at, (status, cells))| {
            let cells = cells.into_iter().map(|(at, cell)| (field(FIELDS[at]), cell)).collect();
            let unique_id = id(&format!("{at:03}"));
            (unique_id.clone(), Desired { unique_id, status, cells })
        });
        people.collect()
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let switches = prop::array::uniform4(prop::bool::weighted(0.8));
    let absent = prop_oneof![Just(OnAbsent::Remove), Just(OnAbsent::Deactivate), Just(OnAbsent::Ignore)];
    (switches, absent, any::<bool>(), any::<bool>(), 0u8..2, any::<bool>()).prop_map(
        |([adds, updates, deactivations, removals], on_absent, propose, active_only, absent_grace, keeps)| Settings {
            switches: Switches { adds, updates, deactivations, removals },
            on_absent,
            on_new: if propose { OnNew::Propose } else { OnNew::Add },
            import: if active_only { ImportChoice::ActiveOnly } else { ImportChoice::ActiveAndInactive },
            absent_grace,
            never_remove: if keeps { vec!["003".to_owned(), "004".to_owned()] } else { Vec::new() },
            ..settings()
        },
    )
}

/// The plan of the listing over the directory, people taken in the order of `order`.
fn plan(
    settings: &Settings,
    old: &Directory,
    new: &BTreeMap<UniqueId, Desired>,
    backwards: bool,
) -> (Vec<Change>, Summary) {
    let mut builder = PlanBuilder::new(settings, facts(old.len() as u64));
    let mut ids: Vec<_> = old.keys().chain(new.keys().filter(|id| !old.contains_key(*id))).collect();
    if backwards {
        ids.reverse();
    }
    let mut changes = Vec::new();
    for id in ids {
        let planned = match (new.get(id), old.get(id)) {
            (Some(desired), stored) => builder.person(desired, stored),
            (None, Some(stored)) => builder.absent(stored, 1),
            (None, None) => unreachable!("ids come from one of them"),
        };
        changes.extend(planned.change);
    }
    builder.rows(new.len() as u64);
    (changes, builder.finish("0".repeat(64)))
}

fn apply(directory: &Directory, changes: &[Change]) -> Directory {
    let mut after = directory.clone();
    for change in changes.iter().filter(|change| change.kind != ChangeKind::Propose) {
        assert_eq!(after.get(&change.unique_id), change.old.as_ref(), "a change begins with what is stored");
        match &change.new {
            Some(new) => after.insert(change.unique_id.clone(), new.clone()),
            None => after.remove(&change.unique_id),
        };
    }
    after
}

fn recount(changes: &[Change]) -> Tally {
    let of = |kind| changes.iter().filter(|change| change.kind == kind).count() as u64;
    let mut tally = Tally {
        added: of(ChangeKind::Add),
        proposed: of(ChangeKind::Propose),
        updated: of(ChangeKind::Update),
        deactivated: of(ChangeKind::Deactivate),
        reactivated: of(ChangeKind::Reactivate),
        removed: of(ChangeKind::Remove),
        ..Tally::default()
    };
    for (old, new) in changes.iter().filter_map(|change| change.old.as_ref().zip(change.new.as_ref())) {
        for name in FIELDS {
            let field = field(name);
            let (before, after) = (old.values.get(&field), new.values.get(&field));
            if before != after {
                let count = tally.fields.entry(field).or_default();
                *(if after.is_none() { &mut count.blanked } else { &mut count.changed }) += 1;
            }
        }
    }
    tally
}

/// Members of each group by its folded key.
fn members(directory: &Directory, settings: &Settings) -> BTreeMap<(Option<Field>, String), i64> {
    let mut members = BTreeMap::new();
    for key in directory.values().flat_map(|recipient| groups_of(recipient, settings)) {
        *members.entry(key.folded()).or_default() += 1;
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_plan_applied_gives_the_new_listing(old in any_directory(), new in any_listing()) {
        let settings = settings();
        let (changes, _) = plan(&settings, &old, &new, false);
        let wanted: Directory = new
            .values()
            .filter(|person| settings.import.takes(person.status))
            .map(|person| (person.unique_id.clone(), person.over(old.get(&person.unique_id))))
            .collect();
        prop_assert_eq!(apply(&old, &changes), wanted);
    }

    #[test]
    fn the_same_listing_again_plans_nothing(old in any_directory(), new in any_listing()) {
        let settings = settings();
        let (changes, _) = plan(&settings, &old, &new, false);
        let (again, summary) = plan(&settings, &apply(&old, &changes), &new, false);
        prop_assert_eq!(again, []);
        prop_assert_eq!(summary.groups, []);
    }

    #[test]
    fn a_rollback_restores_exactly(settings in any_settings(), old in any_directory(), new in any_listing()) {
        let (changes, _) = plan(&settings, &old, &new, false);
        let after = apply(&old, &changes);
        let mut back = Vec::new();
        for change in &changes {
            match reverse_against(change, after.get(&change.unique_id)) {
                Reversal::Change(reversed) => back.push(reversed),
                Reversal::AlreadySo => prop_assert_eq!(change.kind, ChangeKind::Propose),
                Reversal::Conflict => prop_assert!(false, "nobody touched {:?} since", change.unique_id),
            }
            prop_assert_eq!(&reverse_against(change, old.get(&change.unique_id)), &Reversal::AlreadySo);
        }
        prop_assert_eq!(apply(&after, &back), old);
    }

    #[test]
    fn a_person_changed_since_is_never_rolled_back(old in any_directory(), new in any_listing()) {
        let (changes, _) = plan(&settings(), &old, &new, false);
        for change in &changes {
            let mut other = change.new.clone().or(change.old.clone()).unwrap();
            other.values.insert(field("custom_1"), Value::One("later".to_owned()));
            prop_assert_eq!(reverse_against(change, Some(&other)), Reversal::Conflict);
        }
    }

    #[test]
    fn the_order_of_people_never_matters(settings in any_settings(), old in any_directory(), new in any_listing()) {
        let (mut forth, summary) = plan(&settings, &old, &new, false);
        let (mut back, other) = plan(&settings, &old, &new, true);
        forth.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
        back.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
        prop_assert_eq!(forth, back);
        prop_assert_eq!(summary, other);
    }

    #[test]
    fn the_tally_equals_a_recount(settings in any_settings(), old in any_directory(), new in any_listing()) {
        let (changes, summary) = plan(&settings, &old, &new, false);
        let tally = &summary.tally;
        let counted = Tally {
            rows: 0, unchanged: 0, flagged: 0, absent_kept: 0, skipped: 0, protected: 0,
            switched_off: BTreeMap::new(),
            ..tally.clone()
        };
        prop_assert_eq!(counted, recount(&changes));
        let listed_or_owned = old.keys().chain(new.keys().filter(|id| !old.contains_key(*id))).count() as u64;
        let least = changes.len() as u64 + tally.unchanged + tally.absent_kept + tally.skipped;
        let off: u64 = tally.switched_off.values().sum();
        prop_assert!(least <= listed_or_owned && listed_or_owned <= least + off, "everybody is somewhere");
    }

    #[test]
    fn groups_move_as_membership_does(settings in any_settings(), old in any_directory(), new in any_listing()) {
        let (changes, summary) = plan(&settings, &old, &new, false);
        let (before, after) = (members(&old, &settings), members(&apply(&old, &changes), &settings));
        let moved: i64 = summary.groups.iter().map(|group| group.joined as i64 - group.left as i64).sum();
        prop_assert_eq!(moved, after.values().sum::<i64>() - before.values().sum::<i64>());
    }

    #[test]
    fn nobody_on_the_keep_list_leaves_or_is_hidden(settings in any_settings(), old in any_directory(), new in any_listing()) {
        let (changes, _) = plan(&settings, &old, &new, false);
        for change in changes.iter().filter(|change| settings.never_remove.contains(&change.unique_id.as_str().to_owned())) {
            prop_assert!(!matches!(change.kind, ChangeKind::Remove | ChangeKind::Deactivate));
        }
    }

    #[test]
    fn nobody_is_removed_without_a_whole_sound_listing(
        settings in any_settings(), old in any_directory(), new in any_listing(), first_run: bool,
    ) {
        let facts = Facts { first_run, read_to_end: first_run, ..facts(old.len() as u64) };
        let mut builder = PlanBuilder::new(&settings, facts);
        for id in old.keys().chain(new.keys()) {
            let planned = match new.get(id) {
                Some(desired) => builder.person(desired, old.get(id)),
                None => builder.absent(&old[id], 9),
            };
            let kind = planned.change.map(|change| (change.kind, change.reason));
            prop_assert!(!matches!(kind, Some((ChangeKind::Remove, _) | (_, Reason::Absent))));
        }
    }

    #[test]
    fn an_encoded_change_comes_back_as_it_was(settings in any_settings(), old in any_directory(), new in any_listing()) {
        let (mut changes, _) = plan(&settings, &old, &new, false);
        changes.extend(changes.clone().iter().filter_map(reverse));
        let mut bytes = Vec::new();
        start_chunk(&mut bytes);
        changes.iter().for_each(|change| encode_change(change, &mut bytes));
        let read: Result<Vec<_>, _> = ChunkReader::new(&bytes).unwrap().collect();
        prop_assert_eq!(read, Ok(changes));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[{}\"v:1knewf,\n]{0,40}") {
        for bytes in [bytes, text.into_bytes()] {
            let chunk = [b"{\"v\":1}\n".as_slice(), &bytes, b"\n"].concat();
            prop_assert!(ChunkReader::new(&chunk).unwrap().all(|change| change.is_err()));
            prop_assert!(summary_from_json(&bytes).is_err());
        }
    }

    #[test]
    fn more_of_a_meter_never_opens_a_gate(of in 0u64..500, meter in 0u64..500, more in 0u64..50, percent in 0u32..1000, count in 0u64..100) {
        for limit in [Limit::Percent(f64::from(percent) / 10.0), Limit::Count(count)] {
            prop_assert!(!gates::is_over(limit, meter, of) || gates::is_over(limit, meter + more, of));
            prop_assert!(!gates::is_under(limit, meter + more, of) || gates::is_under(limit, meter, of));
            for times in [1, 2] {
                let over = |meter| gates::removals_are_over(limit, meter, of, times);
                prop_assert!(!over(meter) || over(meter + more));
            }
            prop_assert!(!(gates::is_over(limit, meter, of) && gates::is_under(limit, meter, of)));
        }
    }

    #[test]
    fn percentages_compare_as_whole_numbers_do(of in 0u64..2000, meter in 0u64..2000, tenths in 0u32..=1000) {
        let limit = Limit::Percent(f64::from(tenths) / 10.0);
        prop_assert_eq!(gates::is_over(limit, meter, of), meter * 1000 > u64::from(tenths) * of);
    }
}
