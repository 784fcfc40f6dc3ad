//! Digests and random names.

use std::fmt::Write;

use s3s::crypto::{Checksum, Md5};

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// MD5 in hex, as SQS and the `ETag` of S3 write it.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(Md5::checksum(bytes).as_ref())
}

/// 32 random hex digits.
pub(crate) fn random_hex() -> String {
    hex(&rand::random::<[u8; 16]>())
}

/// A random id in the form of a UUID, as Lambda and SQS write theirs.
pub(crate) fn random_id() -> String {
    let hex = random_hex();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_two_digits_a_byte() {
        assert_eq!(hex(&[0, 15, 255]), "000fff");
    }

    #[test]
    fn md5_is_the_known_one() {
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }
}
