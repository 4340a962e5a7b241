//! How often somebody may ask: token buckets by address, vendor and API token.
//!
//! Guesses at license keys are what must be slow (security, "guesser"): 10 failures a minute per address, 1 000 an hour
//! per vendor. Only failures are charged, so that an office of a thousand people behind one address activates freely, and
//! renewals ask no bucket at all.

use super::request::Current;
use axum::http::{HeaderMap, HeaderValue};
use holdfast_domain::{Seconds, VendorId};
use holdfast_service::{Error, ErrorCode};
use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many callers a limit remembers before it forgets those that have their whole quota.
const REMEMBERED: usize = 100_000;

/// So many in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How the limit is called in `RateLimit-Policy`.
    pub name: &'static str,
    /// How many.
    pub number: u32,
    /// In which time.
    pub window: Duration,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    quota: Quota,
    /// How many are left now.
    pub number: u32,
    /// How long until one more is left.
    pub wait: Duration,
}

/// A quota for each of many callers: the generic cell rate algorithm, which needs one instant per caller.
pub struct Limit<K> {
    quota: Quota,
    // The instant at which the caller's whole quota is back.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq> Limit<K> {
    /// A limit under which nobody has asked yet.
    pub fn new(quota: Quota) -> Self {
        Self { quota, full_at: Mutex::default() }
    }

    fn step(&self) -> Duration {
        self.quota.window / self.quota.number.max(1)
    }

    fn remaining(&self, full_at: Option<Instant>, now: Instant) -> Remaining {
        let owed = full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let free = self.quota.window.saturating_sub(owed);
        let number = u32::try_from(free.as_nanos() / self.step().as_nanos().max(1)).unwrap_or(u32::MAX);
        let wait = if number > 0 { Duration::ZERO } else { self.step().saturating_sub(free) };
        Remaining { quota: self.quota, number: number.min(self.quota.number), wait }
    }

    /// What `caller` has left at `now`, without taking anything.
    pub fn peek(&self, caller: &K, now: Instant) -> Remaining {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner).get(caller).copied();
        self.remaining(full_at, now)
    }

    /// Takes one from `caller` at `now`, even where none is left. Returns what is left.
    pub fn charge(&self, caller: K, now: Instant) -> Remaining {
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED && !all.contains_key(&caller) {
            all.retain(|_, full_at| *full_at > now);
            if all.len() >= REMEMBERED {
                // A flood from very many addresses: forgetting is the cheap way out, the other limits still hold.
                all.clear();
            }
        }
        let step = self.step();
        let longest = now + self.quota.window;
        let full_at = all.entry(caller).or_insert(now);
        *full_at = ((*full_at).max(now) + step).min(longest);
        self.remaining(Some(*full_at), now)
    }

    /// Takes one from `caller`, or answers [`ErrorCode::RateLimited`] where none is left.
    pub fn take(&self, caller: K, now: Instant) -> Result<Remaining, Error> {
        self.peek(&caller, now).check()?;
        let remaining = self.charge(caller, now);
        Current::get().announce(remaining);
        Ok(remaining)
    }
}

impl Remaining {
    /// [`ErrorCode::RateLimited`] where nothing is left.
    pub fn check(self) -> Result<Self, Error> {
        if self.number > 0 { Ok(self) } else { Err(self.refusal()) }
    }

    /// Whether nothing has been taken.
    pub const fn is_whole(self) -> bool {
        self.number == self.quota.number
    }

    /// The refusal that says when to come back.
    pub fn refusal(self) -> Error {
        Current::get().announce(self);
        Error::new(ErrorCode::RateLimited).with_retry_after(Seconds(self.wait_seconds()))
    }

    fn wait_seconds(self) -> i64 {
        i64::try_from(self.wait.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX).max(1)
    }

    /// Says in `headers` what the policy is and what is left (`RateLimit-Policy` and `RateLimit`).
    pub fn write(self, headers: &mut HeaderMap) {
        let Quota { name, number, window } = self.quota;
        let policy = format!("\"{name}\";q={number};w={}", window.as_secs());
        let wait = if self.number > 0 { window.as_secs() / u64::from(number.max(1)) } else { self.wait.as_secs() };
        let state = format!("\"{name}\";r={};t={}", self.number, wait.max(1));
        if let (Ok(policy), Ok(state)) = (HeaderValue::from_str(&policy), HeaderValue::from_str(&state)) {
            headers.insert("ratelimit-policy", policy);
            headers.insert("ratelimit", state);
        }
    }
}

/// An address as far as one caller can be told from another: an IPv6 caller has a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl From<Option<IpAddr>> for Origin {
    fn from(address: Option<IpAddr>) -> Self {
        Self(match address {
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            Some(v4) => v4,
            None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }
}

/// Every limit of a node.
pub struct Rates {
    /// Wrong license keys from an address.
    pub guesses: Limit<Origin>,
    /// Wrong license keys against all products of a vendor.
    pub vendor_guesses: Limit<VendorId>,
    /// Activations, validations and trials from an address.
    pub address: Limit<Origin>,
    /// Management calls of an API token, by its hash.
    pub tokens: Limit<[u8; 32]>,
    /// Unknown API tokens from an address.
    pub token_guesses: Limit<Origin>,
}

impl Rates {
    /// The limits, those that the operator can set given in calls a minute.
    pub fn new(address: u32, token: u32) -> Self {
        let minute = |name, number| Quota { name, number, window: Duration::from_mins(1) };
        Self {
            guesses: Limit::new(minute("key-failures", 10)),
            vendor_guesses: Limit::new(Quota {
                name: "vendor-key-failures",
                number: 1_000,
                window: Duration::from_hours(1),
            }),
            address: Limit::new(minute("address", address)),
            tokens: Limit::new(minute("token", token)),
            token_guesses: Limit::new(minute("token-failures", 60)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { name: "test", number: 10, window: Duration::from_mins(1) };

    #[test]
    fn ten_a_minute_and_then_one_every_six_seconds() {
        let limit = Limit::new(QUOTA);
        let now = Instant::now();
        for left in (0..10).rev() {
            assert_eq!(limit.take(1, now).unwrap().number, left);
        }
        let refused = limit.take(1, now).unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::RateLimited, Some(Seconds(6))));
        assert!(limit.take(2, now).is_ok(), "another caller is not concerned");
        assert!(limit.take(1, now + Duration::from_millis(5_900)).is_err());
        assert!(limit.take(1, now + Duration::from_secs(6)).is_ok());
        assert!(limit.take(1, now + Duration::from_secs(6)).is_err());
        assert_eq!(limit.peek(&1, now + Duration::from_hours(1)).number, 10);
    }

    #[test]
    fn charging_beyond_the_end_does_not_lock_anybody_out_for_ever() {
        let limit = Limit::new(QUOTA);
        let now = Instant::now();
        for _ in 0..1_000 {
            limit.charge(1, now);
        }
        assert_eq!(limit.peek(&1, now + Duration::from_mins(1)).number, 10);
    }

    #[test]
    fn the_memory_is_bounded() {
        let limit = Limit::new(QUOTA);
        let now = Instant::now();
        for caller in 0..=REMEMBERED {
            limit.charge(caller, now);
        }
        assert!(limit.full_at.lock().unwrap().len() <= REMEMBERED);
    }

    #[test]
    fn headers_say_what_is_left() {
        let limit = Limit::new(QUOTA);
        let mut headers = HeaderMap::new();
        limit.charge(1, Instant::now()).write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"test\";q=10;w=60");
        assert_eq!(headers["ratelimit"], "\"test\";r=9;t=6");
    }

    #[test]
    fn one_ipv6_network_is_one_caller() {
        let origin = |text: &str| Origin::from(text.parse().ok());
        assert_eq!(origin("2001:db8:0:1::1"), origin("2001:db8:0:1:ffff::2"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }
}
