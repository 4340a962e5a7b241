//! License keys: the string a person pastes.
//!
//! Our own format is `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`: 24 random characters of Crockford base 32 (120 bits) and one check
//! character over them. Keys of other systems keep their bytes. Both are compared in their normal form: trimmed,
//! upper-cased, separators dropped (vocabulary, "License key").

use crate::entropy::{Entropy, random_bytes};
use std::fmt;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The greatest number of bytes in a key, separators included: other systems have keys that carry data and a signature.
pub const MAX_KEY_BYTES: usize = 1_000;

/// A license key as it was typed, imported or generated. Its text is a secret: it has no `Display` and its `Debug` shows
/// the last four characters only.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenseKey {
    text: String,
    normal: String,
}

/// Why a text cannot be a license key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Fewer than eight significant characters.
    #[error("a license key has at least 8 letters or digits")]
    TooShort,
    /// More than [`MAX_KEY_BYTES`].
    #[error("a license key has at most 1000 characters")]
    TooLong,
    /// A control character or one outside printable ASCII.
    #[error("a license key consists of printable ASCII characters")]
    Characters,
    /// Of our own form, but the check character does not fit: a typing error.
    #[error("the key's check character does not fit: a typing error")]
    CheckCharacter,
}

impl LicenseKey {
    /// A new key of our own format, from 120 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let random: [u8; 15] = random_bytes(entropy);
        let mut digits = [0u8; 24];
        let mut bits = 0u32;
        let mut held = 0;
        let mut slots = digits.iter_mut();
        for byte in random {
            bits = (bits << 8) | u32::from(byte);
            held += 8;
            while held >= 5 {
                held -= 5;
                if let Some(slot) = slots.next() {
                    *slot = ((bits >> held) & 31) as u8;
                }
            }
        }
        let mut normal: String = digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect();
        normal.push(check_character(&digits));
        let groups: Vec<String> =
            normal.as_bytes().chunks(5).map(|g| g.iter().map(|b| char::from(*b)).collect()).collect();
        Self { text: groups.join("-"), normal }
    }

    /// Parses what a person typed or another system issued. Lookup needs no more than that it is printable.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLong);
        }
        let text = text.trim();
        if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(KeyError::Characters);
        }
        let plain: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-' | '_' | '.')).map(|c| c.to_ascii_uppercase()).collect();
        if plain.len() < 8 {
            return Err(KeyError::TooShort);
        }
        // A misread O, I or L of one of our own keys is mended; a key of another system that fits by chance is mended in
        // the same way wherever it is stored and compared.
        let normal = own_form(&plain).unwrap_or(plain);
        Ok(Self { text: text.to_owned(), normal })
    }

    /// Parses a key that must be of our own format, so that a typing error is told before anything is sent.
    pub fn parse_own(text: &str) -> Result<Self, KeyError> {
        let key = Self::parse(text)?;
        if own_form(&key.normal).is_some() { Ok(key) } else { Err(KeyError::CheckCharacter) }
    }

    /// Whether it has the form of one of our own keys, typed as `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`, and its check character does
    /// not fit. A key of another system may have that form by chance, so this is a hint to the person who types and never
    /// a refusal.
    pub fn looks_mistyped(&self) -> bool {
        let groups: Vec<&str> = self.text.split(['-', ' ']).collect();
        let mended = mend(&self.normal);
        groups.len() == 5
            && groups.iter().all(|group| group.len() == 5)
            && mended.bytes().all(|byte| ALPHABET.contains(&byte))
            && own_form(&self.normal).is_none()
    }

    /// The key's own bytes, as they were typed, imported or generated.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The normal form that is hashed for comparison.
    pub fn normal_form(&self) -> &str {
        &self.normal
    }

    /// The last four significant characters, which may be shown.
    pub fn hint(&self) -> &str {
        &self.normal[self.normal.len() - 4..]
    }
}

impl fmt::Debug for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LicenseKey(…{})", self.hint())
    }
}

/// `plain` with the letters that are easily misread as digits turned into those.
fn mend(plain: &str) -> String {
    plain
        .chars()
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

/// `plain` with misread letters mended, if it is then one of our own keys with a fitting check character.
fn own_form(plain: &str) -> Option<String> {
    if plain.len() != 25 {
        return None;
    }
    let mended = mend(plain);
    let digits: Option<Vec<u8>> = mended
        .bytes()
        .map(|byte| ALPHABET.iter().position(|a| *a == byte).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    mended.ends_with(check_character(&digits[..24])).then_some(mended)
}

/// The check character: the digits as coefficients of a polynomial over GF(32), evaluated at a primitive element, so that
/// every single wrong character and every swap of two neighbours changes it.
fn check_character(digits: &[u8]) -> char {
    let sum = digits.iter().fold(0u8, |acc, digit| times_two(acc) ^ digit);
    char::from(ALPHABET[usize::from(times_two(sum))])
}

/// Multiplication by x in GF(32) = GF(2)[x] / (x^5 + x^2 + 1).
const fn times_two(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 0x20 == 0 { shifted } else { (shifted ^ 0x25) & 0x1f }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(std::sync::atomic::AtomicU8);
    impl Entropy for Counter {
        fn fill(&self, dest: &mut [u8]) {
            for byte in dest {
                *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    fn sample() -> LicenseKey {
        LicenseKey::generate(&Counter(11.into()))
    }

    #[test]
    fn generated_keys_have_the_published_form() {
        let key = sample();
        let groups: Vec<&str> = key.expose().split('-').collect();
        assert_eq!(groups.len(), 5);
        assert!(groups.iter().all(|g| g.len() == 5 && g.bytes().all(|b| ALPHABET.contains(&b))));
        assert!(LicenseKey::parse_own(key.expose()).is_ok());
    }

    #[test]
    fn every_single_typing_error_and_every_swap_of_neighbours_is_noticed() {
        let normal = sample().normal_form().to_owned();
        for at in 0..25 {
            for digit in ALPHABET {
                let mut wrong = normal.clone().into_bytes();
                if wrong[at] == *digit {
                    continue;
                }
                wrong[at] = *digit;
                let wrong = String::from_utf8(wrong).unwrap();
                assert_eq!(LicenseKey::parse_own(&wrong), Err(KeyError::CheckCharacter), "{wrong}");
            }
            if at > 0 && normal.as_bytes()[at] != normal.as_bytes()[at - 1] {
                let mut swapped = normal.clone().into_bytes();
                swapped.swap(at, at - 1);
                assert!(LicenseKey::parse_own(&String::from_utf8(swapped).unwrap()).is_err());
            }
        }
    }

    #[test]
    fn a_typing_error_is_told_from_a_key_of_another_system() {
        let mistyped = |text: &str| LicenseKey::parse(text).unwrap().looks_mistyped();
        let own = sample().expose().to_owned();
        assert!(!mistyped(&own));
        assert!(!mistyped(&own.to_lowercase().replace('-', " ")));
        let other = if own.starts_with('A') { "B" } else { "A" };
        assert!(mistyped(&format!("{other}{}", &own[1..])));
        for foreign in
            ["3f2504e0-4f89-11d3-9a0c-0305e82c3301", "AB12-CD34-EF56-GH78", &own[..23], &own.replace('-', "")]
        {
            assert!(!mistyped(foreign), "{foreign}");
        }
    }

    #[test]
    fn comparison_ignores_case_separators_surrounding_space_and_misread_letters() {
        let key = sample();
        let sloppy =
            format!("  {} ", key.expose().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
        assert_eq!(LicenseKey::parse(&sloppy).unwrap().normal_form(), key.normal_form());
    }

    #[test]
    fn keys_of_other_systems_keep_their_bytes() {
        for text in
            ["3f2504e0-4f89-11d3-9a0c-0305e82c3301", "AB12-CD34-EF56-GH78", "aBcDeFgHiJkLmNoP", "OIL0-OIL1-8888"]
        {
            let key = LicenseKey::parse(text).unwrap();
            assert_eq!(key.expose(), text);
            assert_eq!(key.normal_form(), text.replace('-', "").to_ascii_uppercase());
        }
    }

    #[test]
    fn refuses_what_cannot_be_a_key_and_hides_what_is() {
        assert_eq!(LicenseKey::parse("a-b-c"), Err(KeyError::TooShort));
        assert_eq!(LicenseKey::parse(&"A".repeat(1_001)), Err(KeyError::TooLong));
        assert_eq!(LicenseKey::parse("ABCDEFGH\u{0}IJ"), Err(KeyError::Characters));
        assert_eq!(LicenseKey::parse("ÄBCDEFGHIJKL"), Err(KeyError::Characters));
        let key = sample();
        assert!(!format!("{key:?}").contains(&key.normal_form()[..20]));
    }
}
