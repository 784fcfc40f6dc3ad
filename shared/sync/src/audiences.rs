//! Audiences: groups and segments put together, each address once, as a file.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};

use jiff::civil::Date;
use muster_core::audience::{Audience, AudienceCounts, Candidate, Collector};
use muster_core::csv_out::CsvOut;
use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId};
use muster_core::plan::fold;
use muster_core::recipient::{Recipient, Value};
use muster_core::segment::Filter;
use muster_core::status::Status;
use serde::{Deserialize, Serialize};

use crate::opt_outs::opted_out_of;
use crate::search::is_of_group;
use crate::segments::day;
use crate::walk::{Leg, Walk};
use crate::{Admin, Clock, Directory, Documents, GroupShown, Objects, PortError};

const WRITE: &str = "write the audience";
/// How many members an answer shows.
pub const FIRST_MEMBERS: usize = 100;

/// Some people of an account.
pub enum Part {
    /// The members of a group.
    Group(GroupShown),
    /// The people whom a segment's filter finds.
    Segment(Filter),
}

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceFormat {
    /// A JSON object a line.
    Ndjson,
    /// For spreadsheets: a cell that one would run has a `'` before it.
    Csv,
}

impl AudienceFormat {
    /// How names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }
}

/// Who is to get a message, and by which channel.
pub struct AudienceWish {
    /// Who is in one of these …
    pub include: Vec<Part>,
    /// … and in none of these.
    pub exclude: Vec<Part>,
    /// The field with the address or number.
    pub channel: Field,
    /// How the file is written.
    pub format: AudienceFormat,
}

/// Somebody who gets the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The connection that owns them.
    pub connection: String,
    /// The source's id of the person.
    pub unique_id: String,
    /// Where the message goes.
    pub address: String,
}

/// An audience whose file lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceMade {
    /// What became of the people who were asked for.
    pub counts: AudienceCounts,
    /// The first [`FIRST_MEMBERS`] members.
    pub first: Vec<Member>,
}

/// Collects an audience and writes its file to `key`. Everybody of the account is read once, those outside of the
/// audience too: what they opted out of counts for their addresses. Candidates wait on the disk; in memory there are a
/// hash and a few bits an address. `None` when the time was up first: nothing was written.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn make_audience<P: Admin + Directory + Documents, O: Objects>(
    (ports, objects): (&P, &O),
    clock: &impl Clock,
    account: &AccountId,
    wish: &AudienceWish,
    (key, until_ms): (&str, i64),
) -> Result<Option<AudienceMade>, PortError> {
    let mut gathering = Gathering::begin(wish, day(clock.now_ms()))?;
    let mut walk = Walk::begin(ports, account, None).await?;
    let mut part: Option<(ConnectionId, u8)> = None;
    let mut opted_out = Default::default();
    while let Some(leg) = walk.next(None).await? {
        if part.as_ref().is_none_or(|(connection, shard)| (connection, *shard) != (&leg.connection, leg.shard)) {
            part = Some((leg.connection.clone(), leg.shard));
            opted_out = opted_out_of(ports, account, &leg.connection, leg.shard, wish.channel).await?;
        }
        for stored in &leg.people {
            gathering.take(&leg, &stored.recipient, opted_out.contains(stored.recipient.unique_id.as_str()))?;
            if clock.now_ms() >= until_ms {
                return Ok(None);
            }
        }
        if clock.now_ms() >= until_ms {
            return Ok(None);
        }
    }
    let (made, file) = gathering.finish()?;
    objects.write_file(key, file, wish.format.content_type()).await?;
    Ok(Some(made))
}

/// People on their way into an audience.
struct Gathering<'a> {
    wish: &'a AudienceWish,
    today: Date,
    collector: Collector,
    /// Those who may be members, a JSON object a line.
    candidates: BufWriter<File>,
}

impl<'a> Gathering<'a> {
    fn begin(wish: &'a AudienceWish, today: Date) -> Result<Self, PortError> {
        Ok(Self { wish, today, collector: Collector::default(), candidates: spool()? })
    }

    fn take(&mut self, leg: &Leg, person: &Recipient, opted_out: bool) -> Result<(), PortError> {
        let value = person.values.get(&self.wish.channel);
        let addresses: Vec<&str> = value.into_iter().flat_map(Value::iter).collect();
        let is_in = |parts: &[Part]| parts.iter().any(|part| part.takes(&leg.connection, person, self.today));
        let candidate = Candidate {
            included: is_in(&self.wish.include),
            excluded: is_in(&self.wish.exclude),
            opted_out,
            active: person.status == Status::Active,
            addresses: &addresses,
        };
        if !self.collector.feed(&candidate) {
            return Ok(());
        }
        let member = Member {
            connection: leg.connection.to_string(),
            unique_id: person.unique_id.to_string(),
            address: addresses.first().copied().unwrap_or_default().to_owned(),
        };
        write_line(&mut self.candidates, &member)
    }

    fn finish(self) -> Result<(AudienceMade, File), PortError> {
        let audience = self.collector.finish();
        let candidates = rewound(self.candidates)?;
        let mut out = Out::begin(self.wish.format)?;
        let mut first = Vec::new();
        for line in BufReader::new(candidates).lines() {
            let line = line.map_err(|e| local(&e))?;
            let member: Member = serde_json::from_str(&line)
                .map_err(|e| PortError::never(WRITE, format!("a candidate, column {}", e.column())))?;
            if audience.takes(&member.address) {
                out.write(&member)?;
                if first.len() < FIRST_MEMBERS {
                    first.push(member);
                }
            }
        }
        Ok((made(&audience, first), rewound(out.file)?))
    }
}

fn made(audience: &Audience, first: Vec<Member>) -> AudienceMade {
    AudienceMade { counts: audience.counts(), first }
}

impl Part {
    fn takes(&self, connection: &ConnectionId, person: &Recipient, today: Date) -> bool {
        match self {
            // On whom the filter fails is in no audience; the segment's own count tells of them.
            Self::Segment(filter) => filter.matches(person, connection.as_str(), today) == Ok(true),
            Self::Group(group) if group.connection != *connection => false,
            Self::Group(group) => group.field.is_none_or(|field| is_of_group(person, field, &fold(&group.value))),
        }
    }
}

/// The file while it grows on the disk.
struct Out {
    file: BufWriter<File>,
    csv: Option<CsvOut>,
}

impl Out {
    fn begin(format: AudienceFormat) -> Result<Self, PortError> {
        let csv = (format == AudienceFormat::Csv).then(|| CsvOut::new(["connection", "unique_id", "address"]));
        let mut out = Self { file: spool()?, csv };
        out.flush_csv()?;
        Ok(out)
    }

    fn write(&mut self, member: &Member) -> Result<(), PortError> {
        let Some(csv) = &mut self.csv else { return write_line(&mut self.file, member) };
        csv.row([member.connection.as_str(), &member.unique_id, &member.address]);
        self.flush_csv()
    }

    fn flush_csv(&mut self) -> Result<(), PortError> {
        let Some(csv) = &mut self.csv else { return Ok(()) };
        self.file.write_all(&csv.take()).map_err(|e| local(&e))
    }
}

fn write_line(file: &mut BufWriter<File>, member: &Member) -> Result<(), PortError> {
    let mut line = serde_json::to_vec(member).map_err(|e| PortError::never(WRITE, e.to_string()))?;
    line.push(b'\n');
    file.write_all(&line).map_err(|e| local(&e))
}

fn spool() -> Result<BufWriter<File>, PortError> {
    tempfile::tempfile().map(BufWriter::new).map_err(|e| local(&e))
}

fn rewound(spool: BufWriter<File>) -> Result<File, PortError> {
    let mut file = spool.into_inner().map_err(|e| local(e.error()))?;
    file.rewind().map_err(|e| local(&e))?;
    Ok(file)
}

/// A full or failing disk of this very machine: another may do better.
fn local(error: &std::io::Error) -> PortError {
    PortError::later(WRITE, format!("the temporary file: {}", error.kind()))
}
