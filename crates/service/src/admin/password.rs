//! Passwords: which ones are accepted, and how they are hashed without letting a flood of sign-ins take the machine.

use super::inputs::Password;
use crate::error::{Error, ErrorCode, Result};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use holdfast_domain::{Email, Entropy, Seconds, entropy::random_bytes};
use std::{collections::HashSet, sync::LazyLock, time::Duration};
use tokio::sync::Semaphore;

/// Fewest characters without a second factor (security design, "Passwords").
pub const MIN_CHARS: usize = 15;
/// Fewest characters with one.
pub const MIN_CHARS_WITH_FACTOR: usize = 8;
/// Most characters.
pub const MAX_CHARS: usize = 128;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// How long somebody waits for their turn before being told to try again.
const PATIENCE: Duration = Duration::from_secs(10);

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common.txt").lines().filter(|line| !line.is_empty()).collect());

/// Words and runs that make a password longer without making it harder to guess.
const FILLERS: [&str; 74] = [
    "password",
    "passwort",
    "passw0rd",
    "p4ssw0rd",
    "contrasena",
    "motdepasse",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwerty",
    "azerty",
    "asdfgh",
    "qazwsx",
    "qweasd",
    "1q2w3e4r5t",
    "1q2w3e4r",
    "1qaz2wsx",
    "abcdefghijklmnopqrstuvwxyz",
    "abcdefgh",
    "abcdef",
    "abc123",
    "abc",
    "12345678901234567890",
    "1234567890",
    "0123456789",
    "123456789",
    "12345678",
    "1234567",
    "123456",
    "12345",
    "1234",
    "123",
    "0987654321",
    "987654321",
    "654321",
    "iloveyou",
    "letmein",
    "welcome",
    "trustno1",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "superman",
    "batman",
    "sunshine",
    "princess",
    "shadow",
    "master",
    "admin",
    "administrator",
    "root",
    "login",
    "changeme",
    "default",
    "secret",
    "holdfast",
    "license",
    "licence",
    "server",
    "company",
    "summer",
    "winter",
    "spring",
    "autumn",
    "hello",
    "please",
    "test",
    "user",
    "computer",
    "internet",
    "access",
];

/// Accepts or refuses a password that somebody without a second factor chooses; `email` is theirs, which must not be most
/// of it.
///
/// # Errors
/// [`ErrorCode::PasswordTooWeak`] with the reason.
pub fn check(password: &Password, email: &Email) -> Result<()> {
    check_from(MIN_CHARS, password, email)
}

/// The same for somebody who has a second factor.
pub fn check_with_factor(password: &Password, email: &Email) -> Result<()> {
    check_from(MIN_CHARS_WITH_FACTOR, password, email)
}

fn check_from(least: usize, password: &Password, email: &Email) -> Result<()> {
    let text = password.expose();
    let weak = |detail: &str| Err(Error::new(ErrorCode::PasswordTooWeak).with_pointer("/password").with_detail(detail));
    let chars = text.chars().count();
    if chars < least {
        return weak(&format!("It needs at least {least} characters; several words are fine."));
    }
    if chars > MAX_CHARS {
        return weak("It may have at most 128 characters.");
    }
    let plain: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    if COMMON.contains(plain.as_str()) || COMMON.contains(text.to_lowercase().as_str()) {
        return weak("It is on the list of common passwords.");
    }
    if text.chars().collect::<HashSet<_>>().len() < 6 {
        return weak("It repeats too few characters.");
    }
    let mut rest = plain;
    let address = email.as_str();
    let own = address.split(['@', '.', '-', '_', '+']).filter(|part| part.len() >= 3);
    let mut fillers: Vec<&str> = own.chain(FILLERS).collect();
    fillers.sort_by_key(|filler| std::cmp::Reverse(filler.len()));
    for filler in fillers {
        rest = rest.replace(filler, "");
    }
    let rest: String = rest.trim_matches(|c: char| c.is_ascii_digit()).to_owned();
    if rest.chars().collect::<HashSet<_>>().len() < 4 || is_repetition(&rest) {
        return weak("It consists of common words, rows of keys or repetitions.");
    }
    Ok(())
}

/// Whether `text` is a unit of up to five characters over and over.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=5).any(|unit| chars.len() >= unit * 3 && chars.iter().zip(chars.iter().skip(unit)).all(|(a, b)| a == b))
}

/// Hashes and verifies, at most two at a time and off the threads that serve requests (pitfall 21).
pub struct Hasher {
    turns: Semaphore,
    /// Verified against where there is no such member, so that the answer takes as long.
    dummy: String,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// A hasher with turns for at most two cores.
    ///
    /// The dummy hash needs no randomness: nobody can have its password.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let dummy = format!("{CURRENT}AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        Self { turns: Semaphore::new(cores.min(2)), dummy }
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let busy = || Error::new(ErrorCode::Unavailable).with_retry_after(Seconds(5));
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }

    /// The hash of `password` as a PHC string, with a salt of 16 random bytes.
    pub async fn hash(&self, password: &Password, entropy: &dyn Entropy) -> Result<String> {
        let salt: [u8; 16] = random_bytes(entropy);
        let password = zeroize::Zeroizing::new(password.expose().to_owned());
        self.turn(move || {
            let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
            Ok(hash.map_err(|error| Error::internal(error.to_string()))?.to_string())
        })
        .await
    }

    /// Whether `password` has the hash `stored`; `None` where there is nobody, which takes as long and is never so.
    pub async fn verify(&self, password: &Password, stored: Option<&str>) -> Result<bool> {
        // Longer ones were never accepted, and hashing them would be work for nothing.
        if password.expose().chars().count() > MAX_CHARS {
            return Ok(false);
        }
        let known = stored.is_some();
        let hash = stored.unwrap_or(&self.dummy).to_owned();
        let password = zeroize::Zeroizing::new(password.expose().to_owned());
        let fits = self.turn(move || Ok(argon2()?.verify_password(password.as_bytes(), hash.as_str()).is_ok())).await?;
        Ok(fits && known)
    }

    /// Whether `stored` was made with other parameters than those of today.
    pub fn is_outdated(stored: &str) -> bool {
        !stored.starts_with(CURRENT)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seven;
    impl Entropy for Seven {
        fn fill(&self, dest: &mut [u8]) {
            dest.fill(7);
        }
    }

    fn accepted(password: &str) -> bool {
        check(&Password::from(password), &"ada.miller@example.com".parse().unwrap()).is_ok()
    }

    #[test]
    fn passphrases_are_accepted_and_long_but_common_ones_are_not() {
        for good in [
            "violet kettle ponders gravel",
            "Zg7#kq2!Lm9$pRx4",
            "мой дядя самых честных правил",
            "tidal-omelette-93-bracket",
        ] {
            assert!(accepted(good), "{good}");
        }
        for bad in [
            "short but ok?",
            "fourteen chars",
            "aaaaaaaaaaaaaaaaaaaa",
            "123456789012345678",
            "passwordpassword",
            "Password1234567!",
            "qwertyuiopasdfghjkl",
            "ababababababababab",
            "abcdefghijklmnop",
            "AdaMillerExample2026",
            "letmeinletmeinletmein",
            "iloveyou iloveyou 2024",
            "xyzwvxyzwvxyzwvxyzwv",
            &"long and fine but for its length ".repeat(5),
        ] {
            assert!(!accepted(bad), "{bad}");
        }
        assert!(COMMON.len() >= 200);
    }

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_only_and_nobody_has_the_dummys() {
        let hasher = Hasher::new();
        let hash = hasher.hash(&"violet kettle ponders gravel".into(), &Seven).await.unwrap();
        assert!(hash.starts_with(CURRENT));
        assert!(!Hasher::is_outdated(&hash) && Hasher::is_outdated("$argon2id$v=19$m=4096,t=3,p=1$x$y"));
        assert!(hasher.verify(&"violet kettle ponders gravel".into(), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&"violet kettle ponders gravel ".into(), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&"".into(), None).await.unwrap());
        assert!(!hasher.verify(&"x".into(), Some("not a hash")).await.unwrap());
        // The dummy is a real hash: verifying against it does the whole work.
        assert!(argon2::password_hash::phc::PasswordHash::new(&hasher.dummy).is_ok());
    }
}
