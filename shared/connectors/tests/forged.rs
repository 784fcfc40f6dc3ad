//! A million forged webhooks, each a changed copy of an authentic one; none may be accepted.
//!
//! A copy counts as forged unless it means the same as the original: the body is the same (for Apideck, whose
//! signature is over what the JSON means: the same JSON), signed ids and timestamps are the same texts, the clock is
//! within the window, the secret is the connection's, and the true signature, worked out here without the
//! connectors' code, stands among the first ten of the signature's header.
#![expect(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use support::{Vector, hex, mac, signature, vectors};

const FORGED: usize = 1_000_000;
const THREADS: usize = 4;
const MOST_SIGNATURES: usize = 10;

/// `SplitMix64`: the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 for an empty range.
    fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.roll() % end as u64) as usize }
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// What an authentic vector consists of, found without the connectors.
struct Original {
    vector: Vector,
    id: String,
    timestamp: String,
    /// As it stands in the header: `v1=…`, `v1,…` or bare, without padding where padding says nothing.
    signature: String,
}

impl Original {
    fn of(vector: Vector) -> Self {
        let scheme = vector.scheme();
        let of = |name: Option<&str>| name.map_or(String::new(), |name| vector.headers[name].clone());
        let timestamp = match scheme.connector {
            "workos" => {
                items(&vector.headers[scheme.signature]).find_map(|item| item.strip_prefix("t=")).unwrap().to_owned()
            }
            _ => of(scheme.timestamp),
        };
        let id = of(scheme.id);
        let made = signature(scheme.connector, &vector.secret, &id, &timestamp, &vector.body);
        let signature = if scheme.connector == "merge" { made.trim_end_matches('=').to_owned() } else { made };
        Self { vector, id, timestamp, signature }
    }

    /// Whether a changed copy means the same.
    fn meant_by(&self, copy: &Vector) -> bool {
        let scheme = self.vector.scheme();
        let same_header =
            |name: &Option<&str>| name.is_none_or(|name| copy.headers.get(name) == self.vector.headers.get(name));
        let in_window = scheme.window.is_none_or(|seconds| {
            let unit = if scheme.connector == "workos" { 1 } else { 1_000 };
            let at_ms = self.timestamp.parse::<i64>().unwrap() * unit;
            at_ms.abs_diff(copy.now_ms) <= (seconds * 1_000).unsigned_abs()
        });
        copy.secret == self.vector.secret
            && in_window
            && same_header(&scheme.id)
            && same_header(&scheme.timestamp)
            && self.same_body(copy)
            && copy.headers.get(scheme.signature).is_some_and(|header| self.signed_by(header))
    }

    fn same_body(&self, copy: &Vector) -> bool {
        let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok();
        copy.body == self.vector.body
            || (self.vector.scheme().connector == "apideck" && json(&copy.body) == json(&self.vector.body))
    }

    fn signed_by(&self, header: &str) -> bool {
        match self.vector.scheme().connector {
            "workos" => {
                let times = items(header).filter_map(|item| item.strip_prefix("t=")).all(|time| time == self.timestamp);
                let mut signatures = items(header).filter(|item| item.starts_with("v1="));
                times && signatures.position(|one| one == self.signature).is_some_and(|at| at < MOST_SIGNATURES)
            }
            "finch" => {
                let place = header.split_ascii_whitespace().position(|one| one == self.signature);
                place.is_some_and(|at| at < MOST_SIGNATURES)
            }
            "merge" => header.trim().trim_end_matches('=') == self.signature,
            _ => header.trim() == self.signature,
        }
    }
}

fn items(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(str::trim)
}

/// One way to change a delivery. `others` are the authentic deliveries of the same connector.
type Change = fn(&mut Dice, &Original, &[&Original], &mut Vector);

const CHANGES: &[(&str, Change)] = &[
    ("body: a bit", |dice, _, _, copy| {
        let at = dice.below(copy.body.len());
        if let Some(byte) = copy.body.get_mut(at) {
            *byte ^= 1 << dice.below(8);
        }
    }),
    ("body: cut", |dice, _, _, copy| {
        let at = dice.below(copy.body.len());
        if dice.below(4) == 0 { drop(copy.body.drain(..at)) } else { copy.body.truncate(at) }
    }),
    ("body: other case", |dice, _, _, copy| {
        let at = dice.below(copy.body.len());
        copy.body
            .iter_mut()
            .skip(at)
            .take(1 + at % 9)
            .for_each(|byte| *byte ^= if byte.is_ascii_alphabetic() { 0x20 } else { 0 });
    }),
    ("body: bytes in another order", |dice, _, _, copy| {
        let (a, b) = (dice.below(copy.body.len() + 1), dice.below(copy.body.len() + 1));
        dice.shuffle(&mut copy.body[a.min(b)..a.max(b)]);
    }),
    ("body: of another delivery", |dice, _, others, copy| copy.body.clone_from(&dice.pick(others).vector.body)),
    ("body: something around it", |dice, _, _, copy| {
        const AROUND: [&[u8]; 9] = [b" ", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\0", b"{}", b",", b"]", b"1"];
        let around = *dice.pick(&AROUND);
        let at = if dice.below(2) == 0 { 0 } else { copy.body.len() };
        copy.body.splice(at..at, around.iter().copied());
    }),
    ("header: a character", |dice, original, _, copy| {
        with_header(dice, original, copy, |dice, text| {
            let mut letters: Vec<char> = text.chars().collect();
            let at = dice.below(letters.len());
            if let Some(letter) = letters.get_mut(at) {
                *letter = char::from(32 + dice.below(95) as u8);
            }
            letters.into_iter().collect()
        });
    }),
    ("header: cut", |dice, original, _, copy| {
        with_header(dice, original, copy, |dice, text| {
            let len = dice.below(text.chars().count());
            text.chars().take(len).collect()
        });
    }),
    ("header: gone or empty", |dice, original, _, copy| {
        let name = *dice.pick(&signed_headers(original));
        if dice.below(2) == 0 {
            drop(copy.headers.remove(name))
        } else {
            drop(copy.headers.insert(name.to_owned(), String::new()))
        }
    }),
    ("headers: swapped", |dice, original, _, copy| {
        let mut names: Vec<String> = copy.headers.keys().cloned().collect();
        names.extend(signed_headers(original).into_iter().map(str::to_owned));
        let mut values: Vec<String> = names.iter().filter_map(|name| copy.headers.get(name).cloned()).collect();
        dice.shuffle(&mut values);
        copy.headers = names.into_iter().zip(values).collect();
    }),
    ("header: twice, joined by a comma", |dice, original, others, copy| {
        let name = *dice.pick(&signed_headers(original));
        let own = copy.headers.get(name).cloned().unwrap_or_default();
        let other = match dice.below(3) {
            0 => own.clone(),
            1 => dice.pick(others).vector.headers.get(name).cloned().unwrap_or_default(),
            _ => own.chars().rev().collect(),
        };
        let comma = *dice.pick(&[",", ", ", " ,"]);
        let joined = if dice.below(2) == 0 { format!("{own}{comma}{other}") } else { format!("{other}{comma}{own}") };
        copy.headers.insert(name.to_owned(), joined);
    }),
    ("header: other case", |dice, original, _, copy| {
        with_header(dice, original, copy, |dice, text| match dice.below(3) {
            0 => text.to_ascii_uppercase(),
            1 => text.to_ascii_lowercase(),
            _ => text
                .chars()
                .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                .collect(),
        });
    }),
    ("header: characters in another order", |dice, original, _, copy| {
        with_header(dice, original, copy, |dice, text| {
            let mut letters: Vec<char> = text.chars().collect();
            dice.shuffle(&mut letters);
            letters.into_iter().collect()
        });
    }),
    ("header: of another delivery", |dice, original, others, copy| {
        let name = *dice.pick(&signed_headers(original));
        if let Some(other) = dice.pick(others).vector.headers.get(name) {
            copy.headers.insert(name.to_owned(), other.clone());
        }
    }),
    ("timestamp: extreme", |dice, original, _, copy| {
        let own = &original.timestamp;
        let odd = match dice.below(14) {
            0 => i64::MIN.to_string(),
            1 => i64::MAX.to_string(),
            2 => "-1".to_owned(),
            3 => "1e3".to_owned(),
            4 => " 5".to_owned(),
            5 => format!("+{own}"),
            6 => format!("0{own}"),
            7 => format!("{own}0"),
            8 => format!("{own}.0"),
            9 => u64::MAX.to_string(),
            10 => String::new(),
            11 => "9".repeat(dice.below(400)),
            12 => (dice.roll() as i64).to_string(),
            _ => own.parse::<i64>().map_or("0".to_owned(), |at| (at + 1 + dice.below(300) as i64).to_string()),
        };
        set_timestamp(original, copy, &odd);
    }),
    ("clock: another time", |dice, _, _, copy| {
        copy.now_ms = match dice.below(4) {
            0 => *dice.pick(&[i64::MIN, i64::MAX, 0, -1]),
            1 => dice.roll() as i64,
            2 => copy.now_ms.saturating_add(600_000 + dice.below(1_000_000_000) as i64),
            _ => copy.now_ms.saturating_sub(600_000 + dice.below(1_000_000_000) as i64),
        };
    }),
    ("secret: another connection's", |dice, original, others, copy| {
        let own = &original.vector.secret;
        copy.secret = match dice.below(6) {
            0 => dice.pick(others).vector.secret.clone(),
            1 => String::new(),
            2 => own.chars().rev().collect(),
            3 => own.to_ascii_uppercase(),
            4 => own.chars().take(dice.below(own.len())).collect(),
            _ => STANDARD.encode(dice.roll().to_be_bytes()),
        };
    }),
    ("signature: many", |dice, original, others, copy| {
        let many = if dice.below(2_000) == 0 { 100_000 } else { 11 + dice.below(60) };
        let name = original.vector.scheme().signature;
        let other = copy.headers.get(name).filter(|_| dice.below(2) == 0).cloned();
        let other = other.unwrap_or_else(|| dice.pick(others).vector.headers[name].clone());
        let decoys = match original.vector.scheme().connector {
            "workos" => format!("t={}, {}", original.timestamp, "v1=00, ".repeat(many)),
            "finch" => "v1,AAAA ".repeat(many),
            _ => "00,".repeat(many),
        };
        copy.headers.insert(name.to_owned(), decoys + &other);
    }),
    ("signature: made another way", |dice, original, _, copy| {
        let vector = &original.vector;
        let secret = vector.secret.as_bytes();
        let (body, at, id) = (&vector.body[..], original.timestamp.as_bytes(), original.id.as_bytes());
        let key = if dice.below(2) == 0 { secret.to_vec() } else { STANDARD.decode(secret).unwrap_or_default() };
        let text = match dice.below(8) {
            0 => body.to_vec(),
            1 => [at, b".", body].concat(),
            2 => [body, at].concat(),
            3 => [at, body].concat(),
            4 => [id, b".", body].concat(),
            5 => [id, b".", at, b".", body].concat(),
            6 => [id, at, body].concat(),
            _ => Vec::new(),
        };
        let bytes = mac(&key, &text);
        let written = match dice.below(3) {
            0 => hex(&bytes),
            1 => STANDARD.encode(&bytes),
            _ => URL_SAFE_NO_PAD.encode(&bytes),
        };
        set_signature(original, copy, dice, &written);
    }),
    ("signature: of another version", |dice, original, _, copy| {
        let bare = original.signature.trim_start_matches("v1=").trim_start_matches("v1,").to_owned();
        let sign = *dice.pick(&["=", ",", ":", " ", ""]);
        let version = *dice.pick(&["v1a", "v0", "v2", "V1", "v", "", "sha256", "none", "ed25519"]);
        let header = match original.vector.scheme().connector {
            "workos" => format!("t={}, {version}{sign}{bare}", original.timestamp),
            _ => format!("{version}{sign}{bare}"),
        };
        copy.headers.insert(original.vector.scheme().signature.to_owned(), header);
    }),
    ("border: moved between id, timestamp and body", |dice, original, _, copy| {
        let scheme = original.vector.scheme();
        let count = 1 + dice.below(12);
        match (scheme.connector, dice.below(2)) {
            ("bamboohr", 0) => {
                let moved = count.min(original.timestamp.len());
                copy.body.extend(original.timestamp[..moved].bytes());
                set_timestamp(original, copy, &original.timestamp[moved..]);
            }
            ("finch", 0) => {
                copy.headers.insert(scheme.id.unwrap().to_owned(), format!("{}.{}", original.id, original.timestamp));
                set_timestamp(original, copy, "");
            }
            _ => {
                let moved: Vec<u8> = copy.body.drain(..count.min(copy.body.len())).collect();
                let text = format!("{}.{}", original.timestamp, String::from_utf8_lossy(&moved));
                set_timestamp(original, copy, &text);
            }
        }
    }),
];

fn signed_headers(original: &Original) -> Vec<&'static str> {
    let scheme = original.vector.scheme();
    [Some(scheme.signature), scheme.timestamp, scheme.id].into_iter().flatten().collect()
}

fn with_header(
    dice: &mut Dice,
    original: &Original,
    copy: &mut Vector,
    change: impl FnOnce(&mut Dice, &str) -> String,
) {
    let name = *dice.pick(&signed_headers(original));
    if let Some(text) = copy.headers.get(name).cloned() {
        copy.headers.insert(name.to_owned(), change(dice, &text));
    }
}

/// Sets the timestamp where the scheme has one.
fn set_timestamp(original: &Original, copy: &mut Vector, text: &str) {
    let scheme = original.vector.scheme();
    match scheme.timestamp {
        Some(name) => drop(copy.headers.insert(name.to_owned(), text.to_owned())),
        None if scheme.connector == "workos" => {
            copy.headers.insert(scheme.signature.to_owned(), format!("t={text}, {}", original.signature));
        }
        None => {}
    }
}

/// Sets the bare signature in the scheme's own form, or in another's.
fn set_signature(original: &Original, copy: &mut Vector, dice: &mut Dice, bare: &str) {
    let form = match (original.vector.scheme().connector, dice.below(8)) {
        ("workos", 1..) | (_, 0) => format!("t={}, v1={bare}", original.timestamp),
        ("finch", 1..) => format!("v1,{bare}"),
        _ => bare.to_owned(),
    };
    copy.headers.insert(original.vector.scheme().signature.to_owned(), form);
}

/// Forged deliveries judged by one thread: how many of each change, and the first that was accepted.
struct Tally {
    forged: usize,
    same: usize,
    by_change: Vec<usize>,
    accepted: Vec<String>,
}

fn judge(seed: u64, wanted: usize, originals: &[Original]) -> Tally {
    let mut dice = Dice(seed);
    let mut tally = Tally { forged: 0, same: 0, by_change: vec![0; CHANGES.len()], accepted: Vec::new() };
    while tally.forged < wanted && tally.accepted.len() < 10 {
        let original = dice.pick(originals);
        let connector = original.vector.scheme().connector;
        let others: Vec<&Original> =
            originals.iter().filter(|other| other.vector.scheme().connector == connector).collect();
        let mut copy = original.vector.clone();
        let mut applied = Vec::new();
        for _ in 0..1 + dice.below(4) / 3 {
            let change = dice.below(CHANGES.len());
            // Nobody but us sets the clock: it is another one alone, or not at all.
            if CHANGES[change].0.starts_with("clock") && !applied.is_empty() {
                continue;
            }
            CHANGES[change].1(&mut dice, original, &others, &mut copy);
            applied.push(change);
            if CHANGES[change].0.starts_with("clock") {
                break;
            }
        }
        // A header or body of another delivery may make the whole of that other one.
        if others.iter().any(|other| other.meant_by(&copy)) {
            tally.same += 1;
            continue;
        }
        tally.forged += 1;
        applied.iter().for_each(|change| tally.by_change[*change] += 1);
        if copy.accepted() {
            let names: Vec<&str> = applied.iter().map(|change| CHANGES[*change].0).collect();
            tally.accepted.push(format!("{}: {names:?}, headers {:?}", original.vector.id, copy.headers));
        }
    }
    tally
}

#[test]
fn of_a_million_forged_webhooks_none_is_accepted() {
    let originals: Vec<Original> = vectors().into_iter().filter(|vector| vector.valid).map(Original::of).collect();
    for original in &originals {
        assert!(original.vector.accepted() && original.meant_by(&original.vector), "{}", original.vector.id);
    }
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let judges: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let originals = &originals;
                    move || judge(20_261_122 + thread as u64, FORGED / THREADS, originals)
                })
            })
            .collect();
        judges.into_iter().map(|judge| judge.join().unwrap()).collect()
    });
    let accepted: Vec<&String> = tallies.iter().flat_map(|tally| &tally.accepted).collect();
    assert!(accepted.is_empty(), "accepted although forged:\n{accepted:#?}");
    assert_eq!(tallies.iter().map(|tally| tally.forged).sum::<usize>(), FORGED);
    for (change, (name, _)) in CHANGES.iter().enumerate() {
        let count: usize = tallies.iter().map(|tally| tally.by_change[change]).sum();
        assert!(count > FORGED / 100, "{name}: {count} times only");
    }
    let same: usize = tallies.iter().map(|tally| tally.same).sum();
    assert!(same < FORGED / 3, "{same} copies meant the same: too many to say that forged ones were tried");
}
