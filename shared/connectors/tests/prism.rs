//! Our requests, judged by Prism serving the providers' own specifications: an address, a method, a header, a parameter
//! or a body that a specification does not allow is answered 4xx. Prism does not look at parameters that a
//! specification does not name, and keeps no state: its listings lead back to themselves for ever.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod judge;

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use judge::Judge;
use muster_connectors::{
    Connector, Fault, FaultKind, HttpRequest, LinkAsk, LinkNext, Page, Scope, Secret, Step, Target, connector,
};

/// 2026-11-01T00:00:00Z.
const NOW_MS: i64 = 1_793_491_200_000;
const TODAY: Date = date(2026, 11, 1);
/// More steps than any reading here can have that does not go on for ever.
const MOST_STEPS: usize = 20;

/// A connection that asks a judge.
struct Asked<'j> {
    judge: &'j Judge,
    connector: &'static dyn Connector,
    provider: BTreeMap<String, String>,
    credentials: BTreeMap<String, Secret>,
    columns: Vec<String>,
}

/// How a reading ended.
#[derive(Debug, PartialEq)]
enum End {
    /// The provider says so.
    Over,
    /// A step came a second time: what the poll's guard leaves as a listing that is not everybody.
    Again,
}

/// What came of a reading.
#[derive(Debug)]
struct Outcome {
    end: End,
    /// The paths that were asked for.
    asked: Vec<String>,
    people: usize,
    /// Entries that are there and no people: gone, unread, deleted.
    others: usize,
}

impl<'j> Asked<'j> {
    fn new(judge: &'j Judge, id: &str, provider: &[(&str, &str)], credentials: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut provider: BTreeMap<_, _> = provider.iter().map(owned).collect();
        provider.insert("base_url".to_owned(), judge.url());
        let credentials = credentials.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect();
        let connector = connector(id).unwrap();
        // Everything it offers is asked for.
        let columns = connector.about().columns.iter().map(|column| (*column).to_owned()).collect();
        Self { judge, connector, provider, credentials, columns }
    }

    fn target(&self) -> Target<'_> {
        let Self { provider, credentials, columns, .. } = self;
        Target { provider, credentials, token: None, columns, today: TODAY }
    }

    fn first(&self, scope: &Scope) -> Step {
        self.connector.first(&self.target(), scope).unwrap()
    }

    /// The first request of a full listing.
    fn request(&self) -> HttpRequest {
        self.connector.request(&self.target(), &self.first(&Scope::Full))
    }

    /// Reads from a step on: every request must be good in the judge's eyes.
    fn read_from(&self, first: Step) -> Outcome {
        let mut outcome = Outcome { end: End::Over, asked: Vec::new(), people: 0, others: 0 };
        let (mut seen, mut next) = (Vec::new(), Some(first));
        while let Some(step) = next {
            if seen.contains(&step) {
                outcome.end = End::Again;
                break;
            }
            assert!(seen.len() < MOST_STEPS, "it goes on for ever, and no step comes again: {:?}", outcome.asked);
            let request = self.connector.request(&self.target(), &step);
            let answer = self.judge.ask(&request);
            let found = answer.wrongs();
            assert!((200..300).contains(&answer.status), "{request:?}: {} {found:?} {}", answer.status, answer.text());
            assert!(found.is_empty(), "{request:?}: {found:?}");
            outcome.asked.push(request.url.replace(&self.judge.url(), "").split('?').next().unwrap().to_owned());
            let page = self.connector.read(&self.target(), &step, &answer.response(NOW_MS));
            let page = page.unwrap_or_else(|fault| panic!("{request:?}: its example is not read: {fault}"));
            outcome.add(&page);
            seen.push(step);
            next = page.next;
        }
        outcome
    }

    fn read(&self, scope: &Scope) -> Outcome {
        self.read_from(self.first(scope))
    }

    /// The judge refuses this change of the first request with that status, and accepts it unchanged.
    fn refused(&self, status: u16, change: impl Fn(&mut HttpRequest)) {
        let mut request = self.request();
        assert_eq!(self.judge.ask(&request).status, 200, "{request:?}, unchanged");
        let right = request.clone();
        change(&mut request);
        assert!(request != right, "the change changes nothing");
        let answer = self.judge.ask(&request);
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
    }
}

impl Outcome {
    fn add(&mut self, page: &Page) {
        self.people += page.people.len();
        self.others += page.gone.len() + page.unread.len() + usize::try_from(page.left_out).unwrap();
    }
}

fn check(outcome: &Outcome, end: &End, asked: &[&str]) {
    assert_eq!((&outcome.end, outcome.asked.join(" ")), (end, asked.join(" ")));
    assert!(outcome.people + outcome.others > 0, "nobody came out: {outcome:?}");
}

fn without(name: &str) -> impl Fn(&mut HttpRequest) {
    move |request| request.headers.retain(|(known, _)| *known != name)
}

fn replaced(from: &str, to: &str) -> impl Fn(&mut HttpRequest) {
    move |request| request.url = request.url.replace(from, to)
}

#[test]
fn apideck_takes_our_requests_and_refuses_wrong_ones() {
    let Some(judge) = Judge::of("apideck/hris.yml") else { return };
    let of = |service: &str| {
        let provider = [("app_id", "app"), ("consumer_id", "consumer"), ("service_id", service)];
        let provider = &provider[..if service.is_empty() { 2 } else { 3 }];
        Asked::new(&judge, "apideck", provider, &[("api_key", "key")])
    };
    const LIST: &str = "/hris/employees";
    const ONE: &str = "/hris/employees/12345";
    for service in ["workday", "sage-hr", "rippling", "hibob", "personio", "ceridian-dayforce"] {
        check(&of(service).read(&Scope::Full), &End::Again, &[LIST, LIST]);
        check(&of(service).read(&Scope::Person("12345".to_owned())), &End::Over, &[ONE]);
    }
    // The example is of Sage HR, which is found out and asked anew.
    check(&of("").read(&Scope::Full), &End::Again, &[LIST, LIST, LIST]);
    // Places that an endless first listing does not come to.
    let leavers = Step::at(r#"{"list":{"service":"sage-hr","leavers":true}}"#);
    check(&of("sage-hr").read_from(leavers), &End::Again, &[LIST, LIST]);
    let each = Step::at(r#"{"each":{"ids":["12345"],"then":null}}"#);
    // The example is a deleted record: not there as a person, and not gone either.
    assert_eq!(of("ceridian-dayforce").read_from(each).end, End::Over);

    let asked = of("workday");
    asked.refused(401, without("authorization"));
    asked.refused(422, without("x-apideck-app-id"));
    asked.refused(422, without("x-apideck-consumer-id"));
    asked.refused(422, replaced("limit=20", "limit=201"));
    asked.refused(422, replaced("limit=20", "filter%5Bemployment_status%5D=left"));
    asked.refused(404, replaced("/hris/employees", "/hris/people"));
}

#[test]
fn workos_takes_our_requests_and_refuses_wrong_ones() {
    let Some(judge) = Judge::of("workos/workos-directory-subset.yaml") else { return };
    const DIRECTORY: &str = "/directories/directory_01ECAZ4NV9QMV47GW873HDCX74";
    const USER: &str = "/directory_users/directory_user_01E1JG7J09H96KYP8HM9B0G5SJ";
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let asked = Asked::new(&judge, "workos", &[("directory_id", &id(DIRECTORY))], &[("api_key", "sk_example")]);
    check(&asked.read(&Scope::Full), &End::Again, &[DIRECTORY, "/events", "/directory_users", "/directory_users"]);
    let since = |mark: &str| asked.read(&Scope::Since(mark.to_owned()));
    check(&since("e:event_01EHZNVPK3SFK441A1RGBFSHRT"), &End::Again, &[DIRECTORY, "/events"]);
    check(&since("t:2026-10-31T00:00:00Z"), &End::Again, &[DIRECTORY, "/events", "/events"]);
    let outcome = asked.read(&Scope::Person(id(USER)));
    check(&outcome, &End::Over, &[USER]);
    assert_eq!(outcome.people, 1);

    asked.refused(401, without("authorization"));
    asked.refused(404, replaced("/directories", "/directory"));
    let users = |limit: &str| {
        let mut request = asked.request();
        request.url = request.url.replace(DIRECTORY, &format!("/directory_users?directory=d&order=asc&limit={limit}"));
        judge.ask(&request).status
    };
    assert_eq!((users("100"), users("101")), (200, 422));
}

#[test]
fn bamboohr_takes_our_requests_and_refuses_wrong_ones() {
    let Some(judge) = Judge::of("bamboohr/public.yaml") else { return };
    let by_key = Asked::new(&judge, "bamboohr", &[("company_domain", "example")], &[("api_key", "key")]);
    let by_oauth = Asked::new(&judge, "bamboohr", &[("company_domain", "example")], &[("access_token", "token")]);
    const LIST: &str = "/api/v1/employees";
    const REPORT: &str = "/api/v1/reports/custom";
    check(&by_key.read(&Scope::Full), &End::Over, &[REPORT]);
    check(&by_oauth.read(&Scope::Full), &End::Again, &[LIST, REPORT, LIST]);
    for asked in [&by_key, &by_oauth] {
        // The examples' ids.
        let one = |id: &str| format!("{LIST}/{id}");
        let changed = asked.read(&Scope::Since("2026-10-31T00:00:00Z".to_owned()));
        check(&changed, &End::Over, &[&format!("{LIST}/changed"), &one("property1"), &one("property2")]);
        let outcome = asked.read(&Scope::Person("string".to_owned()));
        check(&outcome, &End::Over, &[&one("string")]);
        assert_eq!(outcome.people, 1);
    }

    by_key.refused(401, without("authorization"));
    by_oauth.refused(401, without("authorization"));
    // The list of everybody takes no API key: hence the report.
    let key = by_key.request().headers.into_iter().find(|(name, _)| *name == "authorization").unwrap();
    by_oauth.refused(401, |request| {
        without("authorization")(request);
        request.headers.push(key.clone());
    });
    // Prism does not look into `page[…]`, whose schema is put together of two.
    by_oauth.refused(400, replaced("page%5Blimit%5D=1000", "filter%5Bstatus%5D=gone"));
    by_key.refused(400, replaced("format=json", "format=none"));
    by_key.refused(400, |request| request.body = br#"{"fields":"id"}"#.to_vec());
    by_key.refused(400, |request| request.body = br#"{"fields":["id"],"filters":{"employeeIds":["a"]}}"#.to_vec());
    by_key.refused(405, replaced("reports/custom", "reports/own"));
}

/// A link that asks a judge.
struct Linking<'j> {
    judge: &'j Judge,
    connector: &'static dyn Connector,
    provider: BTreeMap<String, String>,
    platform: BTreeMap<String, Secret>,
}

impl<'j> Linking<'j> {
    fn new(judge: &'j Judge, id: &str, provider: &[(&str, &str)], platform: &[(&str, &str)]) -> Self {
        let Asked { connector, provider, credentials, .. } = Asked::new(judge, id, provider, platform);
        Self { judge, connector, provider, platform: credentials }
    }

    /// Asks all requests of a flow: each must be good in the judge's eyes. Answers the last one and what it came to.
    fn ask(&self, finish: bool) -> (HttpRequest, Result<LinkNext, Fault>) {
        let none = BTreeMap::new();
        let ask = LinkAsk {
            platform: &self.platform,
            provider: &self.provider,
            customer: "acme-people",
            organization: "Acme",
            email: "ann@acme.example",
            redirect_url: "https://console.example/linked",
            columns: &[],
            credentials: &BTreeMap::new(),
            given: &none,
        };
        let link = self.connector.link().unwrap();
        let mut step = if finish { link.finish(&ask).unwrap() } else { link.start(&ask) };
        loop {
            let request = link.request(&ask, &step);
            let answer = self.judge.ask(&request);
            assert_eq!(answer.wrongs(), Vec::<String>::new(), "{request:?}");
            match link.read(&ask, &step, &answer.response(NOW_MS)) {
                Ok(LinkNext::Ask(next)) => step = next,
                end => return (request, end),
            }
        }
    }

    fn refused(&self, status: u16, change: impl Fn(&mut HttpRequest)) {
        let (mut request, _) = self.ask(false);
        change(&mut request);
        assert_eq!(self.judge.ask(&request).status, status, "{request:?}");
    }
}

#[test]
fn apideck_takes_our_links_and_refuses_wrong_ones() {
    let Some(judge) = Judge::of("apideck/vault.yml") else { return };
    let linking = Linking::new(&judge, "apideck", &[], &[("api_key", "key"), ("app_id", "app")]);
    let (_, started) = linking.ask(false);
    assert!(matches!(started, Ok(LinkNext::Started(_))), "{started:?}");
    // The example is a system of another kind, so nothing is linked yet.
    let (_, finished) = linking.ask(true);
    assert_eq!(finished.unwrap_err().kind, FaultKind::NotReady);

    linking.refused(401, without("authorization"));
    linking.refused(422, without("x-apideck-app-id"));
    linking.refused(422, without("x-apideck-consumer-id"));
    linking.refused(422, |request| request.body = br#"{"redirect_url":"https://console.example"}"#.to_vec());
    linking.refused(422, |request| request.body = br#"{"settings":{"unified_apis":["people"]}}"#.to_vec());
}

#[test]
fn workos_takes_our_links_and_refuses_wrong_ones() {
    let Some(judge) = Judge::of("workos/workos-directory-subset.yaml") else { return };
    let organization = [("organization_id", "org_01EHZNVPK3SFK441A1RGBFSHRT")];
    let linking = Linking::new(&judge, "workos", &organization, &[("api_key", "sk_example")]);
    let (_, started) = linking.ask(false);
    assert!(matches!(started, Ok(LinkNext::Started(_))), "{started:?}");
    let (asked, finished) = linking.ask(true);
    assert!(matches!(finished, Ok(LinkNext::Finished(_))), "{asked:?}: {finished:?}");

    linking.refused(401, without("authorization"));
    linking.refused(422, |request| request.body = br#"{"intent":"dsync"}"#.to_vec());
    linking.refused(422, |request| request.body = br#"{"organization":"org_1","intent":"people"}"#.to_vec());
}
