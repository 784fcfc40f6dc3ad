//! The page on which whoever got the mail of a held plan decides. It loads nothing and runs nothing.

use askama::Template;
use sha2::{Digest, Sha256};

use super::Report;
use super::clean::clean;
use super::view::View;

/// The longest name of who decides, in characters.
pub const LONGEST_NAME: usize = 100;
/// The longest reason of a rejection, in characters.
pub const LONGEST_REASON: usize = 500;

/// All the looks of the page.
const STYLE: &str = "body{margin:0;background:#f6f8fa;color:#1f2328;font:16px/1.5 system-ui,sans-serif}\
main{max-width:44rem;margin:0 auto;padding:1.5rem;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin-bottom:0}\
table{border-collapse:collapse}th,td{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top;font-weight:400;overflow-wrap:anywhere}\
.count{text-align:right;font-variant-numeric:tabular-nums}pre{margin:0;overflow-x:auto}\
input{width:100%;max-width:30rem;padding:.4rem;font:inherit}button{padding:.5rem 1rem;font:inherit}\
.problem{color:#cf222e;font-weight:600}\
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}main{background:#161b22}}";

/// What the form of a decision page says again when it is shown again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Again<'a> {
    /// What was wrong with it.
    pub problem: Option<&'a str>,
    /// The name that was given.
    pub name: &'a str,
    /// The reason that was given.
    pub reason: &'a str,
}

/// The page of a held plan with the form that decides about it.
pub fn decision_page(report: &Report<'_>, hash: &str, again: Again<'_>) -> String {
    let view = View::of(report);
    let title = view.subject.clone();
    let (name, reason) = (clean(again.name), clean(again.reason));
    let decision = Decision { view, hash: clean(hash), problem: again.problem.map(clean), name, reason };
    page(&title, Body::Decision(Box::new(decision)))
}

/// A page that says one thing: that a link has expired, that a plan is decided.
pub fn notice_page(title: &str, text: &str) -> String {
    page(&clean(title), Body::Notice(clean(text)))
}

/// The `Content-Security-Policy` of these pages: their own style, their own form, nothing else.
pub fn page_policy() -> String {
    let digest = base64(&Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
}

fn page(title: &str, body: Body) -> String {
    Page { title, style: STYLE, body }.render().unwrap_or_default()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for letter in 0..4 {
            let filled = letter <= three.len();
            let place = (bits >> (18 - 6 * letter)) & 63;
            text.push(if filled { char::from(LETTERS[place as usize]) } else { '=' });
        }
    }
    text
}

enum Body {
    Notice(String),
    Decision(Box<Decision>),
}

struct Decision {
    view: View,
    hash: String,
    problem: Option<String>,
    name: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "report/page.html")]
struct Page<'a> {
    title: &'a str,
    style: &'a str,
    body: Body,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_digest_of_the_style_that_the_page_carries() {
        let page = notice_page("Expired", "ask for a new link");
        let style = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
        assert_eq!(style, STYLE);
        let policy = page_policy();
        let digest = policy.split("'sha256-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
        assert_eq!(digest.len(), 44, "32 bytes: {digest}");
    }

    #[test]
    fn base64_is_filled_up_at_its_end() {
        for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn what_a_customer_wrote_cannot_become_markup() {
        let page = notice_page("<script>alert(1)</script>", "\"><img src=x>");
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    }
}
