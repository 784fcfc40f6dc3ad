//! The five providers and what each calls its ids, keys and secrets by default.

use std::collections::BTreeMap;

use crate::person::mixed;

/// A provider that is faked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Apideck,
    Merge,
    Finch,
    WorkOs,
    BambooHr,
}

impl Name {
    pub(crate) const ALL: [Name; 5] = [Name::Apideck, Name::Merge, Name::Finch, Name::WorkOs, Name::BambooHr];

    /// The first part of its paths.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Name::Apideck => "apideck",
            Name::Merge => "merge",
            Name::Finch => "finch",
            Name::WorkOs => "workos",
            Name::BambooHr => "bamboohr",
        }
    }

    /// The provider with this path.
    pub(crate) fn of(path: &str) -> Option<Name> {
        Name::ALL.into_iter().find(|name| name.path() == path)
    }

    /// An id in the provider's form.
    pub(crate) fn new_id(self, number: u64) -> String {
        let (a, b) = (mixed(number), mixed(!number));
        match self {
            Name::Apideck => format!("emp_{number}"),
            Name::BambooHr => number.to_string(),
            Name::WorkOs => format!("directory_user_01{}", ulid_like(a, b)),
            Name::Merge | Name::Finch => uuid_like(a, b),
        }
    }

    /// What it accepts unless told otherwise; names as in `POST /control/{provider}/credentials`.
    pub(crate) fn credentials(self) -> BTreeMap<String, String> {
        pairs(match self {
            Name::Apideck => &[("api_key", "apideck-key")],
            Name::Merge => &[("api_key", "merge-key"), ("account_token", "merge-account-token")],
            Name::Finch => &[
                ("access_token", "finch-token"),
                ("client_id", "finch-client"),
                ("client_secret", "finch-client-secret"),
            ],
            Name::WorkOs => &[("api_key", "workos-key")],
            Name::BambooHr => &[("api_key", "bamboo-key"), ("access_token", "bamboo-token")],
        })
    }

    /// What its webhooks are signed with unless told otherwise.
    pub(crate) fn webhook_secret(self) -> &'static str {
        match self {
            Name::Apideck => "apideck-key",
            Name::Merge => "merge-webhook-secret",
            Name::Finch => "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU=",
            Name::WorkOs => "whsec_workos-webhook-secret",
            Name::BambooHr => "bamboo-webhook-secret",
        }
    }

    /// The names of the connection in its webhooks and paths.
    pub(crate) fn connection_keys(self) -> BTreeMap<String, String> {
        pairs(match self {
            Name::Apideck => &[("service_id", "bamboohr"), ("consumer_id", "tenant-1")],
            Name::Merge => &[("linked_account_id", "linked-account-1"), ("end_user_origin_id", "tenant-1")],
            Name::Finch => &[("connection_id", "finch-connection-1"), ("entity_id", "finch-entity-1")],
            Name::WorkOs => &[("directory_id", "directory_1"), ("organization_id", "org_1")],
            Name::BambooHr => &[("company_id", "company-1")],
        })
    }
}

fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// An id of the form of a random UUID.
pub(crate) fn uuid_like(a: u64, b: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// Twenty-four signs of the alphabet of ULIDs.
pub(crate) fn ulid_like(a: u64, b: u64) -> String {
    const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let sign = |word: u64, place: u32| char::from(SIGNS[(word >> (place * 5) & 31) as usize]);
    (0..12).map(|place| sign(a, place)).chain((0..12).map(|place| sign(b, place))).collect()
}
