//! Every form, in one place.

use super::{Carried, Format};

macro_rules! formats {
    ($($constant:ident = $name:literal, $carried:ident, $oldest:literal ..= $version:literal, $place:literal, $kept:literal;)*) => {
        $(
            #[doc = concat!("The ", $name, ".")]
            pub const $constant: &Format = &Format {
                name: $name,
                version: $version,
                oldest: $oldest,
                carried: Carried::$carried,
                place: $place,
                kept: $kept,
            };
        )*

        /// Every form that is stored or queued.
        pub const FORMATS: &[&Format] = &[$($constant),*];
    };
}

formats! {
    CONNECTION = "connection", Item, 0..=1, "table, `A#{account}#C#{connection}` / `CONNECTION`; with the connection file", "for ever";
    LISTED = "entry of a list", Item, 0..=1, "table, `ACCOUNTS` and `A#{account}` / `C#{connection}`", "for ever";
    LOGIN = "login", Item, 0..=1, "table, `SFTP#{user}` / `LOGIN`", "for ever";
    ROUTE = "route", Item, 0..=1, "table, `HOOK#{route}` / `ROUTE`", "for ever";
    RUN = "run", Item, 0..=1, "table, `RUN#{run}` and `EVENT#{run}` of a connection", "13 months; of events 30 days";
    MAIL = "mail", Item, 0..=1, "table, `MAIL#{run}#{kind}` of a connection", "13 months";
    MARK = "mark of a person", Item, 0..=1, "table, `PERSON#{id}` of a connection", "30 days";
    LISTING = "listing under way", Item, 0..=1, "table, `POLL#{run}` of a connection; with its parts under `polls/`", "30 days";
    RECIPIENT = "recipient", Item, 0..=1, "table, `A#{account}#C#{connection}#R#{shard}` / unique id", "while they are there, then 30 days";
    GROUP = "group value", Item, 0..=1, "table, `A#{account}#G`", "while the group is there";
    TERMS = "account's terms", Item, 0..=1, "table, `A#{account}#ACCOUNT`", "for ever";
    AUDIT = "audit entry", Item, 0..=1, "table, `A#{account}#AUDIT`", "for ever";
    ANSWER = "kept answer", Item, 0..=1, "table, `A#{account}#ONCE`", "24 hours";
    SEGMENT = "segment", Item, 0..=1, "table, `A#{account}#SEGMENTS`", "until it is deleted";
    GROUP_LOOK = "group's look", Item, 0..=1, "table, `A#{account}#GROUPS`", "for ever";
    LINK_FLOW = "link under way", Item, 0..=1, "table, `A#{account}#LINKS`", "24 hours";
    SETTINGS = "settings' version", Item, 0..=1, "table, `A#{account}#C#{connection}#SETTINGS`; a connection file", "for ever";
    OPT_OUTS = "opt-outs", Item, 0..=1, "table, `A#{account}#C#{connection}#CONSENTS#{shard}`", "for ever";
    TOMBSTONE = "tombstone", Item, 0..=1, "table, `A#{account}#C#{connection}#ERASED`", "until it is lifted";
    PLAN = "plan's chunk", Lines, 1..=1, "bucket, `plans/…/chunk-….jsonl.gz`", "90 days";
    SUMMARY = "plan's summary", Lines, 1..=1, "bucket, `plans/…/summary.json`", "90 days";
    ISSUES = "run's issues", Object, 1..=1, "bucket, `issues.json` under `plans/` and `reports/`", "90 days";
    ROSTER = "roster", Magic, 1..=1, "bucket, `rosters/`", "until the next one; a cache";
    CREDENTIALS = "credentials", Parameter, 1..=1, "parameter store, one of a connection or connector", "for ever";
    APPLY_JOB = "message about a chunk", Message, 0..=1, "apply queue", "14 days";
    IMPORT_JOB = "message about a plan to make anew", Message, 0..=1, "import queue, beside S3's own", "14 days";
    POLL_JOB = "message about a listing", Message, 0..=1, "poll queue", "14 days";
    EVENT_JOB = "message about an event", Message, 0..=1, "events queue", "14 days";
    MAIL_JOB = "message about a mail", Message, 0..=1, "report queue, beside the mail service's own", "14 days";
    MAIL_TAGS = "tags of a mail", Tag, 0..=1, "mail service, handed back with its events", "14 days";
    SIGNED_LINK = "signed link", Token, 0..=1, "mails and browsers", "7 days";
    CURSOR = "cursor", Token, 0..=1, "with whoever pages through a list", "minutes";
}
