//! Content made to break a mail leaves its structure as it is.

use super::*;

const INJECTIONS: [&str; 22] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "\" style=\"background:url(https://evil.example/x)\" x=\"",
    "</td></tr></table><h1>Applied</h1>",
    "</title><style>*{display:none}</style>",
    "<!--",
    "-->",
    "<![CDATA[<b>x</b>]]>",
    "<?php echo 1 ?>",
    "<a href=javascript:alert(1)>approve</a>",
    "<iframe src=https://evil.example></iframe>",
    "<form action=https://evil.example><input name=q>",
    "&lt;script&gt;&#60;b&#62;",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<\u{0}script>alert(1)</script>",
    "\u{FF1C}script\u{FF1E}",
    "{{ 7 * 7 }}{% raw %}",
    "<b\u{200B}>bold</b>",
    "</body></html><p>more",
];

const HEADERS: [&str; 14] = [
    "\r\nBcc: evil@evil.example",
    "\nBcc: evil@evil.example",
    "\rBcc: evil@evil.example",
    "\r\n\r\n<h1>a body</h1>",
    "\u{0}\r\nTo: x",
    "\u{0B}Bcc: x",
    "\u{0C}Bcc: x",
    "\u{85}Bcc: x",
    "\u{2028}Bcc: x",
    "\u{2029}Bcc: x",
    "\t\n Content-Type: text/html",
    "\u{1B}[2J",
    "\u{7F}\u{9B}",
    "\u{1C}\u{1D}\u{1E}\u{1F}",
];

const INVISIBLE: [&str; 8] = [
    "\u{202E}vsc.elpoep",
    "\u{2066}x\u{2069}",
    "\u{200B}\u{200D}\u{FEFF}",
    "\u{200F}\u{200E}\u{061C}",
    "\u{E0041}\u{E007F}",
    "\u{AD}\u{2060}",
    "\u{FFF9}a\u{FFFA}b\u{FFFB}",
    "\u{202A}\u{202B}\u{202D}\u{202C}",
];

/// Tags in order, each with the names of its attributes; comments and anything else that opens with
/// `<` count as tags.
fn structure(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (mut tag, mut quoted) = (String::new(), false);
        let mut end = rest.len();
        for (offset, c) in rest[at..].char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = at + offset + 1;
                    break;
                }
                c if !quoted => tag.push(c),
                _ => {}
            }
        }
        tags.push(tag);
        rest = &rest[end..];
    }
    tags
}

/// A test's text lives as long as the test, which spares a lifetime on every helper.
fn leaked(name: &str, text: &str) -> &'static str {
    Box::leak(format!("{name}{text}").into_boxed_str())
}

fn every_kind(text: &str) -> Vec<Mail> {
    let run = Owned::new(text);
    let outcomes = [Outcome::Applied, Outcome::Held, Outcome::Rejected, Outcome::Superseded, Outcome::Failed];
    let change = |report: &mut Report<'_>| {
        report.failure = Some(leaked("broken", text));
        report.replaced_run = Some(leaked("acme-1", text));
    };
    let undone = |report: &mut Report<'_>| {
        report.rollback_of = Some(leaked("acme-2", text));
    };
    let mut mails: Vec<Mail> = outcomes.into_iter().map(|outcome| run.mail(outcome, change)).collect();
    mails.push(run.mail(Outcome::Applied, undone));
    mails.push(run.mail(Outcome::Held, undone));
    mails
}

#[test]
fn the_structure_check_sees_an_injection() {
    assert_ne!(structure("<p>a</p>"), structure("<p>a<b></p>"));
    assert_ne!(structure("<p class=\"x\">"), structure("<p class=\"x\" onload=\"y\">"));
}

#[test]
fn hostile_html_leaves_the_structure_as_it_is() {
    let benign: Vec<_> = every_kind(" plain").iter().map(|mail| structure(&mail.html)).collect();
    assert!(benign.iter().all(|tags| tags.len() > 50));
    for text in INJECTIONS.iter().chain(&HEADERS).chain(&INVISIBLE) {
        let hostile: Vec<_> = every_kind(text).iter().map(|mail| structure(&mail.html)).collect();
        assert_eq!(hostile, benign, "{text:?}");
    }
}

#[test]
fn hostile_names_add_no_line_to_the_text_and_none_to_the_subject() {
    let benign = every_kind("");
    for text in HEADERS.iter().chain(&INVISIBLE) {
        for (mail, benign) in every_kind(text).iter().zip(&benign) {
            assert!(!mail.subject.chars().any(char::is_control), "{text:?}");
            assert!(mail.subject.chars().count() <= 120);
            assert!(!mail.text.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("To:")), "{text:?}");
            assert!(!mail.text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
            // Only wrapping may add lines, never a heading or a list entry.
            let marks = |text: &str| text.lines().filter(|line| line.starts_with(['*', '-'])).count();
            assert_eq!(marks(&mail.text), marks(&benign.text), "{text:?}");
        }
    }
}

#[test]
fn invisible_and_direction_changing_characters_are_gone() {
    for text in INVISIBLE {
        for mail in every_kind(text) {
            for body in [&mail.subject, &mail.text, &mail.html] {
                let hidden = |c: char| c != 'a' && c != 'b' && !c.is_ascii() && text.contains(c);
                assert!(!body.contains(hidden), "{text:?}");
            }
        }
    }
}

#[test]
fn the_longest_names_and_counts_fit_the_subject() {
    let mut run = Owned::new(&"ÄÖÜ ".repeat(500));
    let tally = &mut run.summary.tally;
    for count in [&mut tally.added, &mut tally.updated, &mut tally.removed, &mut tally.proposed] {
        *count = u64::MAX;
    }
    for count in [&mut tally.deactivated, &mut tally.reactivated] {
        *count = u64::MAX;
    }
    let subject = run.mail(Outcome::Held, |report| report.resent = true).subject;
    assert!(subject.chars().count() <= 120, "{subject}");
    assert!(subject.contains("Held: Payroll nightly"), "{subject}");
}

#[test]
fn a_decision_page_is_linked_and_a_script_is_not() {
    let links = |approve: &'static str| {
        let mail = Owned::new("").mail(Outcome::Held, |report| {
            let hash = report.decide.unwrap().hash;
            report.decide =
                Some(Decide { approve: approve.to_owned().leak(), reject: "muster-local run reject x", hash });
            report.replaced_run = None;
        });
        structure(&mail.html).iter().filter(|tag| tag.starts_with("<a ")).count()
    };
    assert_eq!(links("https://muster.example/runs/acme-7f3a?hash=9f2c"), 1);
    for text in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://x.example/\" onclick=\"y",
        "https://x.example/a b",
        "//x.example",
    ] {
        assert_eq!(links(text), 0, "{text}");
    }
}

#[test]
fn a_mail_loads_and_runs_nothing() {
    for mail in every_kind("") {
        for part in ["src=", "url(", "@import", "<script", "<link", "<svg", "<img", "<form", "http-equiv"] {
            assert!(!mail.html.contains(part), "{part}");
        }
    }
}

#[test]
fn a_chat_line_mentions_nobody_and_links_nowhere() {
    for text in [
        "<!channel>",
        "@everyone",
        "<https://evil.example|approve>",
        "[x](https://evil.example)",
        "`x`",
        "\nsecond line",
    ] {
        let line = Owned::new(text).with(Outcome::Held, |report| chat_alert(report));
        assert!(!line.contains(['<', '>', '@', '[', '`', '\n']), "{line}");
        assert!(!line.contains("://"), "{line}");
    }
}
