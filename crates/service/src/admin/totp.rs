//! Codes of authenticator apps (RFC 6238): six digits that change every 30 seconds, from a secret that the app and we share.

use crate::error::{Error, Result};
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_domain::{Entropy, Timestamp, entropy::random_bytes};
use sha1::Sha1;
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// How long a code is shown, in seconds.
const STEP: i64 = 30;
/// How many steps a clock may be off, either way.
const SKEW: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the app and we share: 160 random bits.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random_bytes::<20>(entropy).to_vec()))
    }

    /// The secret that was kept.
    pub const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be sealed.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    fn code(&self, step: i64) -> Result<String> {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).map_err(|_| Error::internal("a secret of no length"))?;
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = usize::from(digest[19] & 15);
        let number = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
        Ok(format!("{:06}", number % 1_000_000))
    }

    /// The newest step whose code `typed` is, of those that a clock may stand at around `now`; spaces are not looked at.
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Result<Option<i64>> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let current = now.micros().div_euclid(1_000_000 * STEP);
        let mut found = None;
        for step in current - SKEW..=current + SKEW {
            if bool::from(self.code(step)?.as_bytes().ct_eq(typed.as_bytes())) {
                found = Some(step);
            }
        }
        Ok(found)
    }

    /// The secret as people type it, in groups of four.
    pub fn text(&self) -> String {
        let text = self.base32();
        text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
    }

    fn base32(&self) -> String {
        let mut text = String::new();
        for five in self.0.chunks(5) {
            let bits = five.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte)) << (8 * (5 - five.len()));
            let digits = (five.len() * 8).div_ceil(5);
            text.extend((0..digits).map(|at| char::from(BASE32[((bits >> (35 - 5 * at)) & 31) as usize])));
        }
        text
    }

    /// What an app reads from the picture: `account` is the person's address, `issuer` whom it is with.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (encode(issuer), encode(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.base32())
    }
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of its eight digits.
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret().code(at / 30).unwrap(), code);
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let at = |seconds: i64| Timestamp::from_seconds(seconds);
        for (now, known) in [(59, true), (30, true), (29, true), (0, true), (89, true), (119, false), (-1, false)] {
            assert_eq!(secret().step_of("287 082", at(now)).unwrap(), known.then_some(1), "{now}");
        }
        for wrong in ["", "28708", "2870820", "287083", "\u{661}87082"] {
            assert_eq!(secret().step_of(wrong, at(59)).unwrap(), None);
        }
    }

    #[test]
    fn apps_can_read_it() {
        assert_eq!(secret().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(secret().text(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let uri = secret().uri("Example & Co", "ada@example.com");
        assert_eq!(
            uri,
            "otpauth://totp/Example%20%26%20Co:ada@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20%26%20Co"
        );
    }
}
