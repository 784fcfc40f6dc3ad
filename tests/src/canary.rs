//! What may stand in no line of any log: values of people and secrets that the suite puts through, and shapes by which
//! such values are known wherever they come from.

/// Planted in what the tests put through, by what each stands for. In lower case, as they are looked for.
pub const PLANTED: [(&str, &str); 31] = [
    // tests/logs.rs
    ("a first name", "kanariah"),
    ("a last name", "zeisigmann"),
    ("a preferred name", "zilpzalpi"),
    ("a work address", "kanariah@birds.example"),
    ("a private address", "zeisig-privat@home.example"),
    ("a phone", "2025550173"),
    ("a street", "wharfside"),
    ("a unique id", "knr-77731"),
    ("a manager's name", "papagena finch"),
    ("a job title", "canarykeeper"),
    ("a blocked number", "078-05-1120"),
    ("a value that cannot be read", "call-me-canary"),
    ("a file name", "kanarienliste"),
    ("who is told", "hr-canary"),
    ("who decides", "voliere-chefin"),
    ("a search", "canarysearch"),
    ("a body of the admin API", "canarybody"),
    ("a key of PGP", "canarypgpkey"),
    // tests/webhooks.rs
    ("people of a provider", "canaryfirst"),
    ("a forged webhook", "canaryforged"),
    ("an unreadable webhook", "canaryunreadable"),
    ("a token of a provider", "canary-other-token"),
    ("a webhook's secret", "y2fuyxj5c2vjcmv0y2fuyxj5c2vjcmd0"),
    // What most tests put through.
    ("who is told", "hr@acme.example"),
    ("Finch's token", "finch-token"),
    ("Merge's key", "merge-key"),
    ("Merge's token", "merge-account-token"),
    ("Apideck's key", "apideck-key"),
    ("WorkOS's key", "workos-key"),
    ("BambooHR's key", "bamboo-key"),
    ("Finch's webhook secret", "zmluy2gtzxhhbxbszs1zawduaw5nlwtles0zmmj5dgu"),
];

/// Words that only addresses, tokens, signatures, links and keys have, and names that the fakes give.
const SHAPES: [(&str, &str); 20] = [
    ("a mail address", "@"),
    ("a token", "eyj"),
    ("a token", "bearer "),
    ("a signed address", "x-amz-signature"),
    ("a signed address", "x-amz-credential"),
    ("a link of a mail", "/decisions/"),
    ("a link of a mail", "/consents/"),
    ("a key", "-----begin"),
    ("a webhook's secret", "whsec_"),
    ("a password", "sha256$"),
    ("a phone", "+1"),
    ("a street", "high street"),
    ("a name", "dmitri"),
    ("a name", "chloé"),
    ("a name", "dubois"),
    ("a name", "okafor"),
    ("a name", "haddad"),
    ("a name", "nguyễn"),
    ("a name", "garcía"),
    ("a name", "renamed"),
];

/// What looks like the beginning of a mail's link and is none.
const ROUTES: [&str; 3] = ["/decisions/{token}", "/consents/{token}", "/consents/return\""];

/// What stands in a line that may stand in none, in words.
pub fn found(line: &str) -> Vec<String> {
    // A route's own path is no link.
    let lower = ROUTES.iter().fold(line.to_lowercase(), |line, route| line.replace(route, ""));
    let known = PLANTED.iter().chain(&SHAPES).filter(|(_, text)| lower.contains(text));
    let known = known.map(|(what, text)| format!("{what} ({text})"));
    let words = line.split(|c: char| !(c.is_alphanumeric() || "-.:_#/".contains(c))).filter(|word| is_of_staff(word));
    known.chain(words.map(|word| format!("a name or id of the sample file ({word})"))).collect()
}

/// `P12` and `0012`: the sample file's names and ids.
fn is_of_staff(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix('P').is_some_and(digits) || (word.len() == 4 && word.starts_with('0') && digits(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, seen: bool) {
        assert_eq!(!found(line).is_empty(), seen, "{line}: {:?}", found(line));
    }

    #[test]
    fn every_planted_value_is_seen_in_whatever_case_it_leaks() {
        for (what, text) in PLANTED {
            assert_eq!(text, text.to_lowercase(), "{what} is looked for in lower case");
            check(&format!(r#"{{"message":"read {text}"}}"#), true);
            check(&format!(r#"{{"message":"read {}"}}"#, text.to_uppercase()), true);
        }
    }

    #[test]
    fn values_of_the_sample_file_are_seen_and_counts_times_and_ids_are_none() {
        check(r#"{"message":"invalid type: string \"P12\", expected u64"}"#, true);
        check(r#"{"people":["0012"]}"#, true);
        check(
            r#"{"timestamp":"2026-11-23T03:41:31.000312Z","rows":40,"chunk":0,"run.id":"e-00120012","level":"INFO"}"#,
            false,
        );
        check(
            r#"{"trace_id":"1-6a0b0000-0012bd862e3fe1be46a99427","message.id":"0a00c012-0012-4012-a012-d01200120012"}"#,
            false,
        );
        check(r#"{"http.route":"/decisions/{token}","http.status":200,"message":"answered"}"#, false);
        check(r#"{"http.route":"/decisions/c2lnbmVk","http.status":200,"message":"answered"}"#, true);
        check(r#"{"panic.at":"shared/sync/src/apply/mod.rs:120:9","message":"panicked"}"#, false);
    }
}
