//! An authenticator app: what it would show, computed from the text of its secret (RFC 6238).

use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_domain::Timestamp;
use sha1::Sha1;

/// The six digits that an app with the secret `text` (base 32, spaces ignored) shows at `now`.
pub fn code(text: &str, now: Timestamp) -> String {
    let mut bits = String::new();
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        let digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap_or_default();
        for place in (0..5).rev() {
            bits.push(if digit >> place & 1 == 1 { '1' } else { '0' });
        }
    }
    let digits: Vec<char> = bits.chars().collect();
    let octet = |eight: &[char]| eight.iter().fold(0u8, |byte, bit| (byte << 1) | u8::from(*bit == '1'));
    let key: Vec<u8> = digits.chunks_exact(8).map(octet).collect();
    let step = now.micros().div_euclid(30_000_000);
    let digest = match Hmac::<Sha1>::new_from_slice(&key) {
        Ok(mac) => mac.chain_update(step.to_be_bytes()).finalize().into_bytes(),
        Err(_) => return String::new(),
    };
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", number % 1_000_000)
}
