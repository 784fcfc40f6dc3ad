//! E-mail addresses.

use std::borrow::Cow;

use email_address::EmailAddress;
use unicode_normalization::UnicodeNormalization;

use super::Invalid;
use super::text::trimmed;

const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// An e-mail address, trimmed and in lower case: `ana@acme.example`. One address without a name; its
/// domain needs a dot.
///
/// # Errors
/// [`Invalid::Shape`] saying which part is wrong.
pub fn email(value: &str) -> Result<Cow<'_, str>, Invalid> {
    let value = trimmed(value);
    if value.is_empty() {
        return Ok(Cow::Borrowed(value));
    }
    if value.len() > LONGEST {
        return Err(Invalid::shape("is longer than an e-mail address may be (254 bytes)"));
    }
    let value = lower(value);
    let Some((local, domain)) = value.split_once('@') else {
        return Err(Invalid::shape("is not an e-mail address: it has no @"));
    };
    if domain.contains('@') {
        return Err(Invalid::shape("has more than one @; give one address"));
    }
    local_part(local)?;
    domain_part(domain)?;
    if !value.is_ascii() && (value.len() > LONGEST || !EmailAddress::is_valid(&value)) {
        return Err(Invalid::shape("is not an e-mail address"));
    }
    Ok(value)
}

fn lower(value: &str) -> Cow<'_, str> {
    if !value.is_ascii() {
        return Cow::Owned(value.to_lowercase().nfc().collect());
    }
    if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(value.to_ascii_lowercase())
    } else {
        Cow::Borrowed(value)
    }
}

fn local_part(local: &str) -> Result<(), Invalid> {
    if local.is_empty() || local.len() > LONGEST_LOCAL {
        return Err(Invalid::shape("needs 1 to 64 bytes before the @"));
    }
    if local.starts_with('.') || local.ends_with('.') || local.as_bytes().windows(2).any(|pair| pair == b"..") {
        return Err(Invalid::shape("has a dot in the wrong place before the @"));
    }
    let fits = |byte: u8| byte >= 0x80 || byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    if local.bytes().all(fits) {
        Ok(())
    } else {
        Err(Invalid::shape("has a character before the @ that no address has; give the bare address without a name"))
    }
}

fn domain_part(domain: &str) -> Result<(), Invalid> {
    let mut labels = 0;
    let mut last = "";
    for label in domain.split('.') {
        labels += 1;
        last = label;
        let fits = |byte: u8| byte >= 0x80 || byte.is_ascii_alphanumeric() || byte == b'-';
        if label.is_empty()
            || label.len() > 63
            || label.starts_with('-')
            || label.ends_with('-')
            || !label.bytes().all(fits)
        {
            return Err(Invalid::shape("has a domain that cannot be"));
        }
    }
    if labels < 2 {
        return Err(Invalid::shape("has a domain without a dot"));
    }
    if last.len() < 2 || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::shape("has a domain that ends in no top-level domain"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(email(value).ok().as_deref(), expected, "{value:?}");
    }

    #[test]
    fn an_address_is_stored_in_lower_case_without_space_around_it() {
        check("  Ana.Lima+HR@Acme.Example ", Some("ana.lima+hr@acme.example"));
        check("o'neil@acme.co.uk", Some("o'neil@acme.co.uk"));
        check("JÖRG@büro.example", Some("jörg@büro.example"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let refused = [
            "ana",
            "ana@",
            "@acme.io",
            "ana@acme",
            "ana@@acme.io",
            "a b@acme.io",
            "ana@acme..io",
            ".ana@acme.io",
            "ana.@acme.io",
            "ana@-acme.io",
            "ana@acme.1",
            "ana@acme.io.",
            "Ana <ana@acme.io>",
            "ana@acme.io, bo@acme.io",
            "ana@acme.io;bo@acme.io",
            "ana\r\nbcc:x@acme.io",
            "n/a",
        ];
        for value in refused {
            check(value, None);
        }
        check(&format!("{}@acme.io", "a".repeat(65)), None);
        check(&format!("a@{}.io", "acme.".repeat(60)), None);
    }
}
