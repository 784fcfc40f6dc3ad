//! The recorded webhook vectors, each answered as the providers' own SDKs answer.

mod support;

use support::{SCHEMES, signature, vectors};

#[test]
fn every_recorded_webhook_is_answered_as_expected() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 68, "all vectors of the file, none skipped");
    let wrong: Vec<&str> =
        vectors.iter().filter(|vector| vector.accepted() != vector.valid).map(|vector| vector.id.as_str()).collect();
    assert!(wrong.is_empty(), "answered the other way: {wrong:?}");
    assert_eq!(vectors.iter().filter(|vector| vector.valid).count(), 22);
}

/// The signer of these tests is only worth something if it signs as the providers do.
#[test]
fn our_own_signer_makes_the_signature_of_every_valid_vector() {
    for vector in vectors().into_iter().filter(|vector| vector.valid) {
        let scheme = vector.scheme();
        let header = &vector.headers[scheme.signature];
        let of = |name: Option<&str>| name.map_or("", |name| vector.headers[name].as_str());
        let in_header = header.split([',', ' ']).find_map(|item| item.strip_prefix("t=")).unwrap_or_default();
        let timestamp = if scheme.timestamp.is_some() { of(scheme.timestamp) } else { in_header };
        let made = signature(scheme.connector, &vector.secret, of(scheme.id), timestamp, &vector.body);
        assert!(header.contains(made.trim_end_matches('=')), "{}", vector.id);
    }
    assert_eq!(SCHEMES.len(), 5);
}
