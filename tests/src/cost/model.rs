//! From small runs to large ones: a run is a constant, so much a change, so much a chunk, so much a row.

use muster_sync::METRICS;

use super::measure::{Days, Listings};
use super::{Prices, Usage};

/// Changes in one chunk of a plan.
const CHUNK: f64 = 500.0;
/// People in one part of a listing that is kept meanwhile.
const PART: f64 = 5_000.0;
const HOURS: f64 = 730.0;
const DAYS: f64 = 365.0 / 12.0;
const GB: f64 = 1e9;
/// Functions whose messages' age is a metric of its own, beside that of all.
const FUNCTIONS_WITH_QUEUE: usize = 5;

/// What an installation does.
#[derive(Debug, Clone, Copy)]
pub struct Installation {
    /// People of its one connection.
    pub people: f64,
    /// Of them, how many change, come or go in a day.
    pub changed: f64,
}

/// What was fitted.
#[derive(Debug, Clone)]
pub struct Model {
    prices: Prices,
    constant: Usage,
    change: Usage,
    chunk: Usage,
    again: Usage,
    first_person: Usage,
    listing: Usage,
    page: Usage,
    people_a_page: f64,
    idle_look: Usage,
    event: Usage,
    /// Alarms of the template, and dashboards.
    watch: (f64, f64),
}

fn chunks(changes: f64) -> f64 {
    (changes / CHUNK).ceil()
}

impl Model {
    /// From days of three sizes, the first two of one chunk and the third of more, and from two listings.
    pub fn fitted(prices: &Prices, days: [&Days; 3], listings: [&Listings; 2], template: &str) -> Self {
        let [small, large, chunked] = days;
        assert!(chunks(small.changes) == 1.0 && chunks(large.changes) == 1.0 && chunks(chunked.changes) > 1.0);
        let change = large.second.less(&small.second).times(1.0 / (large.changes - small.changes));
        let constant = small.second.less(&change.times(small.changes));
        let more = chunked.second.less(&constant).less(&change.times(chunked.changes));
        let chunk = more.times(1.0 / (chunks(chunked.changes) - 1.0));
        let first_person = chunked.first.less(&large.first).times(1.0 / (chunked.people - large.people));
        let [few, many] = listings;
        let pages = many.unchanged.of("pages") - few.unchanged.of("pages");
        let page = many.unchanged.less(&few.unchanged).times(1.0 / pages);
        let resources =
            |kind: &str| template.lines().filter(|line| line.trim() == format!("Type: {kind}")).count() as f64;
        Self {
            prices: prices.clone(),
            constant,
            change,
            chunk,
            again: chunked.again.clone(),
            first_person,
            listing: few.unchanged.less(&page.times(few.unchanged.of("pages"))),
            page,
            people_a_page: (many.people - few.people) / pages,
            idle_look: many.idle_look.clone(),
            event: many.event.clone(),
            watch: (resources("AWS::CloudWatch::Alarm"), resources("AWS::CloudWatch::Dashboard")),
        }
    }

    /// The prices.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    fn rows(&self, rows: f64, us_per_row: &str) -> Usage {
        Usage::default().with("lambda_gb_second", 1.769 * rows * self.prices.assumed(us_per_row) / 1e6)
    }

    /// A day's file: what a run uses beside its rows.
    pub fn requests_of_a_day(&self, changes: f64) -> Usage {
        let more = self.chunk.times(chunks(changes).max(1.0) - 1.0);
        self.constant.plus(&self.change.times(changes)).plus(&more)
    }

    /// A day's file of so many people, with so many changes.
    pub fn day(&self, people: f64, changes: f64) -> Usage {
        self.requests_of_a_day(changes).plus(&self.rows(people, "import_us_per_row"))
    }

    /// The same file again.
    pub fn unchanged(&self, people: f64) -> Usage {
        self.again.plus(&self.rows(people, "import_us_per_row"))
    }

    /// A connection's first file.
    pub fn first(&self, people: f64) -> Usage {
        let rows = self.rows(people, "listing_us_per_row");
        self.constant.plus(&self.first_person.times(people)).plus(&rows)
    }

    /// What a program pays that writes everybody every day, one unit each: no events, no index entries.
    pub fn write_all(&self, people: f64) -> Usage {
        self.rows(people, "listing_us_per_row").with("dynamodb_write", people).with("lambda_request", chunks(people))
    }

    /// A day's full listing of a provider, with so many changes.
    pub fn listing(&self, people: f64, changes: f64) -> Usage {
        let pages = (people / self.people_a_page).ceil();
        let parts = (people / PART).ceil();
        let kept = Usage::default().with("s3_put", parts).with("s3_get", parts).with("dynamodb_write", parts);
        let waited = 1.769 * pages * self.prices.assumed("provider_ms_per_page") / 1e3;
        let fetched = self.listing.plus(&self.page.times(pages)).plus(&kept).with("lambda_gb_second", waited);
        let more = self.chunk.times(chunks(changes).max(1.0));
        fetched.plus(&self.change.times(changes)).plus(&more).plus(&self.rows(people, "listing_us_per_row"))
    }

    /// One event of a provider that changes somebody, from its webhook on.
    pub fn event(&self) -> Usage {
        let gb = 0.512 * (self.prices.assumed("invocation_ms") + 3.0 * self.prices.assumed("request_ms")) / 1e3;
        let intake = Usage::default()
            .with("api_request", 1.0)
            .with("lambda_request", 1.0)
            .with("lambda_gb_second", gb)
            .with("dynamodb_read", 2.0)
            .with("sqs_fifo", 1.0)
            .with("log_gb", self.prices.assumed("log_bytes_per_invocation") / GB)
            .with("trace", self.prices.assumed("traces_share"));
        self.event.plus(&intake)
    }

    /// An hour's worth of nothing, a month long, without the SFTP endpoint.
    pub fn idle(&self) -> Usage {
        let assumed = |name| self.prices.assumed(name);
        let minutes = HOURS * 60.0;
        let polls = |queues: f64| queues * assumed("pollers_per_queue") * 3.0 * minutes;
        self.idle_look
            .times(minutes)
            .with("sqs", polls(assumed("idle_queues")))
            .with("sqs_fifo", polls(assumed("idle_fifo_queues")))
            .with("kms_key_month", 1.0)
            .with("kms_request", assumed("kms_requests_a_month"))
            .with("alarm_month", self.watch.0)
            .with("dashboard_month", self.watch.1)
            .with("metric_month", (METRICS.len() + FUNCTIONS_WITH_QUEUE) as f64)
    }

    /// The endpoint that customers upload to, a month long, and what goes through it.
    pub fn endpoint(&self, gigabytes: f64) -> Usage {
        let addresses = self.prices.assumed("elastic_ips") * HOURS;
        Usage::default().with("transfer_hour", HOURS).with("transfer_gb", gigabytes).with("ipv4_hour", addresses)
    }

    /// What is kept, a month long.
    pub fn kept(&self, installation: Installation, files: bool) -> Usage {
        let assumed = |name| self.prices.assumed(name);
        let people = installation.people;
        let table = people * assumed("person_bytes") / GB;
        let files = if files { people * assumed("file_bytes_per_row") * assumed("file_days_kept") / GB } else { 0.0 };
        let plans = installation.changed * assumed("plan_bytes_per_change") * 90.0 / GB;
        let rosters = people * assumed("roster_bytes_per_person") * assumed("rosters_kept") / GB;
        Usage::default()
            .with("dynamodb_gb_month", table)
            .with("dynamodb_pitr_gb_month", table)
            .with("s3_gb_month", files + plans + rosters)
    }

    /// A month of daily files.
    pub fn month_of_files(&self, installation: Installation) -> Usage {
        self.day(installation.people, installation.changed).times(DAYS).plus(&self.kept(installation, true))
    }

    /// A month of daily full listings.
    pub fn month_of_listings(&self, installation: Installation) -> Usage {
        self.listing(installation.people, installation.changed).times(DAYS).plus(&self.kept(installation, false))
    }

    /// A month of events, as many as there are changes, and a full listing a week.
    pub fn month_of_events(&self, installation: Installation) -> Usage {
        let events = self.event().times(installation.changed * DAYS);
        events.plus(&self.listing(installation.people, 0.0).times(DAYS / 7.0)).plus(&self.kept(installation, false))
    }

    /// Gigabytes that a month's files are.
    pub fn gigabytes_of_files(&self, people: f64) -> f64 {
        people * self.prices.assumed("file_bytes_per_row") * DAYS / GB
    }
}
