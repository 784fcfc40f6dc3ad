//! File names: the connection's rule with a date, and names that are no data at all.

use jiff::civil::Date;

/// Endings that a packed or encrypted file may have behind the name that the rule asks for.
const WRAPPER_ENDINGS: [&str; 5] = [".gz", ".zip", ".pgp", ".gpg", ".asc"];

/// Endings of files that are still being written.
const TRANSIT_ENDINGS: [&str; 8] =
    [".filepart", ".part", ".partial", ".tmp", ".temp", ".uploading", ".crdownload", "~"];

/// Files and folders that computers leave behind by themselves.
const SYSTEM_NAMES: [&str; 3] = ["__MACOSX", "Thumbs.db", "desktop.ini"];

/// What an uploaded key is, told from its part behind the inbound folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload<'a> {
    /// Still being written under another name; ignored.
    InTransit,
    /// A folder's placeholder; ignored.
    Folder,
    /// A dot file, or one that a computer leaves behind by itself; ignored.
    DotFile,
    /// Meant as data: the file's name without folders.
    Data(&'a str),
}

/// Tells what an uploaded key is from its part behind the inbound folder, already URL-decoded.
pub fn classify(key_tail: &str) -> Upload<'_> {
    let name = key_tail.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        Upload::Folder
    } else if TRANSIT_ENDINGS.iter().any(|ending| lower.ends_with(ending)) || name.starts_with("~$") {
        Upload::InTransit
    } else if key_tail.split('/').any(|part| part.starts_with('.') || SYSTEM_NAMES.contains(&part)) {
        Upload::DotFile
    } else {
        Upload::Data(name)
    }
}

/// How a connection's files are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule {
    pattern: String,
    tokens: Vec<Token>,
}

/// Whether a name matches the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameMatch {
    /// It does.
    Yes {
        /// The date in the name, when the rule has year, month and day.
        date: Option<Date>,
    },
    /// It does not.
    No {
        /// One sentence fragment for the customer: what differs and what was expected.
        reason: String,
    },
}

/// A rule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It is empty.
    #[error("the file name pattern is empty")]
    Empty,
    /// It has a folder in it.
    #[error("the file name pattern has a \"/\": it names the file only, without folders")]
    Folder,
    /// A brace is not closed, or closed without being opened.
    #[error("the file name pattern has a brace without its other half: write dates as {{yyyy}}{{mm}}{{dd}}")]
    Brace,
    /// Something in braces is no part of a date.
    #[error(
        "\"{{{0}}}\" in the file name pattern is no date: use yyyy, yy, mm, dd, hh, mi and ss, such as {{yyyymmdd}}"
    )]
    Part(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Letter(char),
    Any,
    Part(Part),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    ShortYear,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

const PARTS: [(&str, Part); 7] = [
    ("yyyy", Part::Year),
    ("yy", Part::ShortYear),
    ("mm", Part::Month),
    ("dd", Part::Day),
    ("hh", Part::Hour),
    ("mi", Part::Minute),
    ("ss", Part::Second),
];

impl Part {
    fn width(self) -> usize {
        if self == Self::Year { 4 } else { 2 }
    }

    fn range(self) -> std::ops::RangeInclusive<i16> {
        match self {
            Self::Year => 1..=9999,
            Self::ShortYear => 0..=99,
            Self::Month => 1..=12,
            Self::Day => 1..=31,
            Self::Hour => 0..=23,
            Self::Minute | Self::Second => 0..=59,
        }
    }

    /// What it is on the day that examples are written with.
    fn example(self) -> &'static str {
        match self {
            Self::Year => "2026",
            Self::ShortYear => "26",
            Self::Month => "01",
            Self::Day => "31",
            Self::Hour => "06",
            Self::Minute | Self::Second => "00",
        }
    }
}

/// Year, month and day as far as they have been read.
type Found = [Option<i16>; 3];

impl NameRule {
    /// Reads a pattern: text with dates in braces and `*` for any text.
    ///
    /// # Errors
    /// [`BadPattern`] says what cannot be read.
    pub fn parse(pattern: &str) -> Result<Self, BadPattern> {
        if pattern.trim().is_empty() {
            return Err(BadPattern::Empty);
        }
        if pattern.contains('/') {
            return Err(BadPattern::Folder);
        }
        let mut tokens = Vec::new();
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '{' => {
                    let (inside, behind) = rest.split_once('}').ok_or(BadPattern::Brace)?;
                    tokens.extend(parts_of(inside)?);
                    rest = behind;
                }
                '}' => return Err(BadPattern::Brace),
                '*' => tokens.push(Token::Any),
                other => tokens.push(Token::Letter(other)),
            }
        }
        Ok(Self { pattern: pattern.to_owned(), tokens })
    }

    /// Compares a file's name (without folders) with the rule, letter by letter and case by case. What
    /// may follow are the endings of packed and encrypted files: `.gz`, `.zip`, `.pgp`, `.gpg`, `.asc`.
    pub fn matches(&self, name: &str) -> NameMatch {
        let mut rest = name;
        let mut impossible = false;
        loop {
            match self.match_exactly(rest, false) {
                Some(Ok(date)) => return NameMatch::Yes { date },
                Some(Err(())) => impossible = true,
                None => {}
            }
            match without_wrapper_ending(rest) {
                Some(shorter) => rest = shorter,
                None => return NameMatch::No { reason: self.reason(name, impossible) },
            }
        }
    }

    fn reason(&self, name: &str, impossible: bool) -> String {
        let Self { pattern, .. } = self;
        let example = self.example();
        if impossible {
            return format!(
                "the date in the file name \"{name}\" does not exist: expected {pattern}, such as {example}"
            );
        }
        let mut rest = Some(name);
        while let Some(shorter) = rest {
            if self.match_exactly(shorter, true).is_some() {
                return format!(
                    "the file name \"{name}\" differs from {pattern} in upper and lower case: write it as {example}"
                );
            }
            rest = without_wrapper_ending(shorter);
        }
        format!("the file name \"{name}\" does not match {pattern}: write it as {example}")
    }

    fn example(&self) -> String {
        let mut text = String::new();
        for token in &self.tokens {
            match token {
                Token::Letter(letter) => text.push(*letter),
                Token::Any => {}
                Token::Part(part) => text.push_str(part.example()),
            }
        }
        text
    }

    /// `None` when the letters differ; `Err` when they fit but the date does not exist.
    fn match_exactly(&self, name: &str, any_case: bool) -> Option<Result<Option<Date>, ()>> {
        let letters: Vec<char> = name.chars().collect();
        let (mut token, mut at, mut found) = (0, 0, Found::default());
        // Where to go on when the text behind the last `*` does not fit: one letter further.
        let mut again: Option<(usize, usize, Found)> = None;
        loop {
            match self.tokens.get(token) {
                None if at == letters.len() => return Some(date_of(found)),
                Some(Token::Any) => {
                    token += 1;
                    again = Some((token, at, found));
                    continue;
                }
                Some(Token::Letter(wanted)) if letters.get(at).is_some_and(|is| same(*is, *wanted, any_case)) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                Some(Token::Part(part)) if take(*part, &letters, at, &mut found) => {
                    token += 1;
                    at += part.width();
                    continue;
                }
                _ => {}
            }
            let (back_token, back_at, back_found) = again?;
            if back_at >= letters.len() {
                return None;
            }
            (token, at, found) = (back_token, back_at + 1, back_found);
            again = Some((token, at, found));
        }
    }
}

fn same(is: char, wanted: char, any_case: bool) -> bool {
    is == wanted || (any_case && is.to_lowercase().eq(wanted.to_lowercase()))
}

fn parts_of(inside: &str) -> Result<Vec<Token>, BadPattern> {
    let unknown = || BadPattern::Part(inside.to_owned());
    let lower = inside.to_ascii_lowercase();
    let mut rest = lower.as_str();
    let mut tokens = Vec::new();
    while let Some(letter) = rest.chars().next() {
        if let Some((word, part)) = PARTS.iter().find(|(word, _)| rest.starts_with(word)) {
            tokens.push(Token::Part(*part));
            rest = &rest[word.len()..];
        } else if matches!(letter, '-' | '_' | '.' | ' ') {
            tokens.push(Token::Letter(letter));
            rest = &rest[1..];
        } else {
            return Err(unknown());
        }
    }
    if tokens.is_empty() { Err(unknown()) } else { Ok(tokens) }
}

/// Reads the digits of one part of a date; says no to what is no number, out of range, or another
/// number than the same part had before.
fn take(part: Part, letters: &[char], at: usize, found: &mut Found) -> bool {
    let Some(digits) = letters.get(at..at + part.width()) else { return false };
    let mut number = 0;
    for digit in digits {
        let Some(digit) = digit.is_ascii_digit().then(|| digit.to_digit(10)).flatten() else { return false };
        number = number * 10 + i16::try_from(digit).unwrap_or_default();
    }
    if !part.range().contains(&number) {
        return false;
    }
    let (slot, number) = match part {
        Part::Year => (0, number),
        Part::ShortYear => (0, 2000 + number),
        Part::Month => (1, number),
        Part::Day => (2, number),
        Part::Hour | Part::Minute | Part::Second => return true,
    };
    found[slot].replace(number).is_none_or(|before| before == number)
}

fn date_of(found: Found) -> Result<Option<Date>, ()> {
    let [Some(year), Some(month), Some(day)] = found else { return Ok(None) };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return Err(()) };
    Date::new(year, month, day).map(Some).map_err(|_| ())
}

fn without_wrapper_ending(name: &str) -> Option<&str> {
    WRAPPER_ENDINGS.iter().find_map(|ending| {
        let (rest, tail) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
        (tail.eq_ignore_ascii_case(ending) && !rest.is_empty()).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_date(pattern: &str, name: &str, expected: Option<&str>) {
        let date = expected.map(|text| text.parse::<Date>().unwrap());
        assert_eq!(NameRule::parse(pattern).unwrap().matches(name), NameMatch::Yes { date }, "{pattern} on {name}");
    }

    #[track_caller]
    fn check_no(pattern: &str, name: &str, said: &str) {
        match NameRule::parse(pattern).unwrap().matches(name) {
            NameMatch::No { reason } => assert!(reason.contains(said), "{reason}"),
            yes => panic!("{pattern} took {name}: {yes:?}"),
        }
    }

    #[test]
    fn a_date_in_the_name_is_read_in_the_order_of_the_pattern() {
        check_date("acme_people_{mmddyyyy}.csv", "acme_people_03052026.csv", Some("2026-03-05"));
        check_date("acme_people_{yyyymmdd}.csv", "acme_people_20260305.csv", Some("2026-03-05"));
        check_date("p_{yyyy-mm-dd}.csv", "p_2026-03-05.csv", Some("2026-03-05"));
        check_date("p_{dd}.{mm}.{yy}_{hh}{mi}{ss}.txt", "p_05.03.26_235959.txt", Some("2026-03-05"));
        check_date("p_{YYYYMMDD}.csv", "p_20240229.csv", Some("2024-02-29"));
        check_date("people_{yyyy}{mm}.csv", "people_202603.csv", None);
        check_date("people.csv", "people.csv", None);
    }

    #[test]
    fn a_star_stands_for_any_text_around_a_date() {
        check_date("*.csv", "anything at all.csv", None);
        check_date("*_{yyyymmdd}*.csv", "acme_2026_20260305_v2.csv", Some("2026-03-05"));
        check_date("*{yyyymmdd}.csv", "99999920260305.csv", Some("2026-03-05"));
        check_no("*_{yyyymmdd}.csv", "acme_2026.csv", "does not match");
    }

    #[test]
    fn a_day_that_does_not_exist_is_no_match() {
        check_no("p_{mmddyyyy}.csv", "p_02302026.csv", "does not exist");
        check_no("p_{mmddyyyy}.csv", "p_13012026.csv", "does not match");
        check_no("p_{mmddyyyy}.csv", "p_02292026.csv", "does not exist");
        check_no("p_{yyyy}_{yyyymmdd}.csv", "p_2025_20260305.csv", "does not match");
    }

    #[test]
    fn the_reason_says_what_differs_and_shows_a_name_that_would_do() {
        check_no("acme_{mmddyyyy}.csv", "ACME_03052026.CSV", "upper and lower case");
        check_no("acme_{mmddyyyy}.csv", "other.csv", "acme_01312026.csv");
        check_no("acme_{mmddyyyy}.csv", "acme_03052026.csv.bak", "does not match");
    }

    #[test]
    fn endings_of_packed_and_encrypted_files_may_follow() {
        for ending in [".gz", ".zip", ".pgp", ".gpg", ".asc", ".gz.pgp", ".GPG"] {
            check_date("p_{yyyymmdd}.csv", &format!("p_20260305.csv{ending}"), Some("2026-03-05"));
        }
        check_date("p_{yyyymmdd}.zip", "p_20260305.zip", Some("2026-03-05"));
    }

    #[test]
    fn a_pattern_that_cannot_be_read_says_why() {
        for (pattern, said) in [
            ("", "empty"),
            ("a/b.csv", "folder"),
            ("p_{yyyy.csv", "brace"),
            ("p_yyyy}.csv", "brace"),
            ("p_{yyymm}.csv", "yyymm"),
            ("p_{}.csv", "no date"),
            ("p_{date}.csv", "{date}"),
        ] {
            let error = NameRule::parse(pattern).unwrap_err().to_string();
            assert!(error.contains(said), "{pattern}: {error}");
        }
    }

    #[test]
    fn a_name_with_letters_of_several_bytes_is_no_trouble() {
        check_no("p_{yyyymmdd}.csv", "p_２０２６0305.csv", "does not match");
        check_no("é*.csv", "e.csvé", "does not match");
        check_date("é*.csv", "éü.csv.gz", None);
    }

    /// F27: names in transit, folders and dot files are no data.
    #[test]
    fn what_is_no_data_is_told_from_its_name() {
        for (key, expected) in [
            ("people.csv", Upload::Data("people.csv")),
            ("sub/people.csv", Upload::Data("people.csv")),
            ("people.csv.filepart", Upload::InTransit),
            ("people.csv.PART", Upload::InTransit),
            ("people.tmp", Upload::InTransit),
            ("people.csv.uploading", Upload::InTransit),
            ("people.csv~", Upload::InTransit),
            ("~$people.xlsx", Upload::InTransit),
            (".people.csv.swp", Upload::DotFile),
            (".hidden/people.csv", Upload::DotFile),
            ("__MACOSX/people.csv", Upload::DotFile),
            ("", Upload::Folder),
            ("sub/", Upload::Folder),
        ] {
            assert_eq!(classify(key), expected, "{key}");
        }
    }
}
