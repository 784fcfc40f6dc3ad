//! What a customer decides about one connection. Read from a connection file, or saved by the
//! admin API; the same struct either way.

mod check;
mod defaults;
mod error;
mod toml;
pub(crate) mod words;

use std::collections::BTreeMap;

pub use self::error::{Problem, SettingsError};
pub use self::toml::{credentials_of, flat};

use crate::field::Field;
use crate::ids::AccountId;
use crate::status::{ImportChoice, Status};

/// A share of something, or a number of it. Gates compare with `>`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Percent of the whole, 0 to 100.
    Percent(f64),
    /// A count.
    Count(u64),
}

/// What a connection does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every plan is held for a person's decision.
    Preview,
    /// Plans within the gates are applied, the first one too.
    Active,
    /// Nothing is planned.
    Paused,
}

/// What happens with a person who is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNew {
    /// Added to the directory.
    Add,
    /// Listed as a potential invite, not added.
    Propose,
}

/// What happens with a person who is no longer in a complete listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnAbsent {
    /// Removed: kept hidden for 30 days.
    Remove,
    /// Deactivated.
    Deactivate,
    /// Left as is.
    Ignore,
}

/// What happens when a grouping field takes a value never seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNewValue {
    /// The group is made.
    Create,
    /// The plan is held.
    Alert,
}

/// The four capabilities of a connection, each with its own switch; all on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// New people are added or proposed.
    pub adds: bool,
    /// Changed fields are taken over; also reactivations.
    pub updates: bool,
    /// People who became inactive are deactivated.
    pub deactivations: bool,
    /// People who left are removed.
    pub removals: bool,
}

/// The limits of the gates; each compares with `>`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateLimits {
    /// Removals and deactivations, of the people the connection owns. As a percentage it only
    /// works from 20 people up: below, more than 2 are held.
    pub removals: Limit,
    /// Updated people, of the people the connection owns.
    pub updates: Limit,
    /// New ids, of the people the connection owns; not on a first run.
    pub new: Limit,
    /// Rows of this file, of the rows of the last one: held when **under** this.
    pub rows: Limit,
    /// People in whom one and the same field is changed or blanked, of the people the connection owns.
    pub field_change: Limit,
}

/// How a file's name must look and how its bytes are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// The name rule: text with `{yyyy}`, `{yy}`, `{mm}`, `{dd}`, `{hh}`, `{mi}`, `{ss}`, their runs
    /// such as `{mmddyyyy}`, and `*` for any text. `None` takes every name.
    pub pattern: Option<String>,
    /// `None` tells the delimiter from the header.
    pub delimiter: Option<u8>,
    /// How the bytes are read when they carry no byte order mark.
    pub encoding: Encoding,
    /// Whether a quote inside an unquoted field is plain text (inch marks, nicknames). Otherwise it
    /// counts as damage and the file is held.
    pub stray_quotes_are_text: bool,
    /// Title lines before the header that are skipped.
    pub skip_lines: u32,
    /// What separates the values of a multi-value field.
    pub multi_value_separator: char,
}

/// How often a source is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// Every 24 hours: the provider keeps its copy up to date by itself.
    Automated,
    /// Every 7 days: people at the provider do.
    Assisted,
    /// An interval of its own, in minutes, from 15 minutes to 31 days.
    Minutes(u32),
}

impl Cadence {
    /// In minutes.
    pub fn minutes(self) -> u32 {
        match self {
            Self::Automated => 24 * 60,
            Self::Assisted => 7 * 24 * 60,
            Self::Minutes(minutes) => minutes,
        }
    }

    /// `automated`, `assisted`, or a number with `m`, `h` or `d`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "automated" => Some(Self::Automated),
            "assisted" => Some(Self::Assisted),
            text => minutes(text).filter(|minutes| (15..=31 * 24 * 60).contains(minutes)).map(Self::Minutes),
        }
    }
}

impl std::fmt::Display for Cadence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Automated => f.write_str("automated"),
            Self::Assisted => f.write_str("assisted"),
            Self::Minutes(minutes) => f.write_str(&interval(*minutes)),
        }
    }
}

/// `90m`, `6h` or `2d` in minutes.
pub(crate) fn minutes(text: &str) -> Option<u32> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    number.trim_end().parse::<u32>().ok()?.checked_mul(unit)
}

/// Minutes as `90m`, `6h` or `2d`.
pub(crate) fn interval(minutes: u32) -> String {
    match minutes {
        0 => "0m".to_owned(),
        days if days % (24 * 60) == 0 => format!("{}d", days / (24 * 60)),
        hours if hours % 60 == 0 => format!("{}h", hours / 60),
        minutes => format!("{minutes}m"),
    }
}

/// An encoding a connection may state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark.
    Utf8,
    /// Windows-1252.
    Windows1252,
}

/// Which entry of a source's typed list fills a channel or address field. Files have none, so there
/// the type is only kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// `Primary`
    Primary,
    /// `Secondary`
    Secondary,
    /// `Home`
    Home,
    /// `Work`
    Work,
    /// `Office`
    Office,
    /// `Mobile`
    Mobile,
    /// `Assistant`
    Assistant,
    /// `Fax`
    Fax,
    /// `Direct Dial-In`
    DirectDialIn,
    /// `Personal`
    Personal,
    /// `Shipping` (addresses)
    Shipping,
    /// `Billing` (addresses)
    Billing,
    /// `Other`
    Other,
}

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A column of the file, by its header.
    Column(String),
    /// A CEL expression over `row`, a map of header to text.
    Expression(String),
}

/// What an empty cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEmpty {
    /// The stored value is removed. The default for optional fields.
    Clear,
    /// The stored value stays. The default for required fields, with an issue.
    Keep,
}

/// How one field is filled.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMapping {
    /// Where the value comes from.
    pub origin: Origin,
    /// Which entry of a typed list.
    pub data_type: Option<DataType>,
    /// Transforms in order, by name: `trim` (always first), `lower`, `upper`, `title`, `digits`, `collapse`.
    pub transforms: Vec<String>,
    /// Source value → stored value; for [`Field::EMPLOYMENT_STATUS`] the stored value is a canonical
    /// status. Empty means no table.
    pub values: BTreeMap<String, String>,
    /// How a date is written, in strftime form; `None` is ISO 8601.
    pub format: Option<String>,
    /// What an empty cell means; `None` is the field's default.
    pub on_empty: Option<OnEmpty>,
    /// Cell texts that mean "no value".
    pub clear_tokens: Vec<String>,
    /// Cell texts that mean "keep what is stored".
    pub keep_tokens: Vec<String>,
    /// Whether an empty value is an issue.
    pub required: bool,
    /// Whether the cell holds several values.
    pub multiple: bool,
}

/// Everything a customer decides about one connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Whose it is.
    pub account: AccountId,
    /// The connection's name, unique in the account.
    pub name: String,
    /// The connector: `sftp`, or the name of one with an API.
    pub connector: String,
    /// What the connector needs to know besides secrets, in the provider's own names.
    pub provider: BTreeMap<String, String>,
    /// How often people are fetched, or a file is expected; `None` is the connector's usual.
    pub cadence: Option<Cadence>,
    /// How much later than the cadence a file may come before an alert, in minutes; `None` is an hour, or a tenth of
    /// the cadence if that is more.
    pub late_after_minutes: Option<u32>,
    /// The name of the connection's own protected group.
    pub group: String,
    /// Who is imported.
    pub import: ImportChoice,
    /// What it does by itself.
    pub mode: Mode,
    /// Up to 3 dynamic fields; one group per value of each.
    pub group_by: Vec<Field>,
    /// What a new value of a grouping field does.
    pub on_new_value: OnNewValue,
    /// Whether the groups it makes are visible to members.
    pub groups_are_public: bool,
    /// Where reports go.
    pub report_to: Vec<String>,
    /// The country of phone numbers written without one, ISO 3166-1 alpha-2.
    pub default_country: Option<String>,
    /// What happens with a new person.
    pub on_new: OnNew,
    /// What happens with an absent person.
    pub on_absent: OnAbsent,
    /// How many complete listings in a row a person must be missing from, beyond the first, before
    /// [`Settings::on_absent`] happens: 0 to 5.
    pub absent_grace: u8,
    /// The four switches.
    pub switches: Switches,
    /// The limits of the gates.
    pub gates: GateLimits,
    /// How files are named and read.
    pub file: FileSettings,
    /// How fields are filled. A field that is not here is never touched.
    pub fields: BTreeMap<Field, FieldMapping>,
    /// Unique ids that no sync may deactivate or remove.
    pub never_remove: Vec<String>,
}

/// The types that a field may be mapped with, as connection files spell them; none for most fields.
pub fn data_types(field: Field) -> Vec<&'static str> {
    toml::types_of(field).into_iter().flatten().map(|(word, _)| *word).collect()
}

impl Settings {
    /// What besides the mapping decides about people whom a source presents, as a text that changes when it does:
    /// then people are looked at although their records are as they were.
    pub fn policy(&self) -> String {
        let quotes = self.file.stray_quotes_are_text;
        format!("{:?}", (self.import, self.on_new, self.switches, &self.never_remove, &self.group_by, quotes))
    }

    /// What a status word of the source means: first the field's value table (exactly, then whatever
    /// its case), then the canonical words.
    pub fn status_of(&self, word: &str) -> Option<Status> {
        let word = word.trim();
        let table = self.fields.get(&Field::EMPLOYMENT_STATUS).map(|mapping| &mapping.values)?;
        let meant = table.get(word).or_else(|| {
            table.iter().find(|(from, _)| from.trim().to_lowercase() == word.to_lowercase()).map(|(_, to)| to)
        });
        Status::from_word(meant.map_or(word, String::as_str))
    }
}
