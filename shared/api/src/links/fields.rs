//! Values that links are asked with, checked as their schemas say.

use crate::problem::Problem;

/// What [`checked_redirect`] takes.
pub(super) const REDIRECT: &str =
    r"^(https://[A-Za-z0-9.-]+|http://localhost|http://127\.0\.0\.1)(:[0-9]{1,5})?([/?][!-~]*)?$";
/// What [`address`] takes.
pub(super) const ADDRESS: &str = r"^[!-?A-~]+@[!-?A-~]+$";
/// The longest address of a page.
pub(super) const LONGEST_URL: usize = 2_000;
/// The longest e-mail address.
pub(super) const LONGEST_ADDRESS: usize = 254;

/// Where the provider is to send the browser; empty for none.
pub(super) fn checked_redirect(given: Option<&str>) -> Result<&str, Problem> {
    let Some(url) = given else { return Ok("") };
    let local = ["http://localhost", "http://127.0.0.1"].iter().find_map(|local| url.strip_prefix(local));
    let rest = match (url.strip_prefix("https://"), local) {
        (Some(rest), _) => {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))).unwrap_or(rest.len());
            (end > 0).then(|| &rest[end..])
        }
        (None, local) => local,
    };
    let fits = rest.is_some_and(|rest| url.len() <= LONGEST_URL && is_port_and_path(rest));
    if fits {
        return Ok(url);
    }
    let detail = "redirect_url: must be an https address of at most 2000 characters, without user name";
    Err(Problem::invalid("redirect_url", detail))
}

fn is_port_and_path(rest: &str) -> bool {
    let (port, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let digits = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(digits);
    port_fits && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An e-mail address; empty for none.
pub(super) fn address(given: Option<&str>) -> Result<&str, Problem> {
    let Some(text) = given else { return Ok("") };
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    let fits = text.len() <= LONGEST_ADDRESS && text.split_once('@').is_some_and(|(who, host)| part(who) && part(host));
    if fits { Ok(text) } else { Err(Problem::invalid("email", "email: must be an e-mail address")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_an_https_address_or_one_of_the_own_machine() {
        for good in
            ["https://a.example", "https://a.example:8443/x?y=1#z", "http://localhost:3000/", "http://127.0.0.1"]
        {
            assert!(checked_redirect(Some(good)).is_ok(), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(2_000));
        for bad in [
            "",
            "https://",
            "http://a.example",
            "https://u@a.example/",
            "javascript:alert(1)",
            "https://a.example\n",
            "http://localhost.evil.example",
            "https://a.example:/",
            "https://a b",
            "//a.example",
            &long,
        ] {
            assert!(checked_redirect(Some(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_sign_and_no_blank() {
        assert!(address(Some("ann@acme.example")).is_ok() && address(None).is_ok());
        for bad in ["", "@", "a@", "@b", "a@b@c", "a b@c", "ä@b", "a@b\r\nx"] {
            assert!(address(Some(bad)).is_err(), "{bad:?}");
        }
    }
}
