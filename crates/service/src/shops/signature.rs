//! Whether a message comes from where it says: each provider's own signature, over the very bytes that arrived.

use crate::standard_webhooks;
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_domain::{Seconds, ShopKind, Timestamp};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How far the time of a message may be from now, either way.
const WINDOW: Seconds = Seconds::minutes(5);
/// How many signatures of one message count: more than any provider sends while a secret is changed.
const MOST: usize = 16;

/// The value of a message's header by its name in lower case.
pub type Header<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// Whether `body` was signed with one of `secrets`, and about `now` where the provider says when. Without secrets nothing was.
pub(crate) fn is_right(
    kind: ShopKind,
    header: Header<'_>,
    body: &[u8],
    secrets: &[Zeroizing<String>],
    now: Timestamp,
) -> bool {
    let Some(signed) = signed(kind, header, now) else { return false };
    let mut right = false;
    for secret in secrets {
        let key = match kind {
            ShopKind::Generic => standard_webhooks::shared_key(secret),
            _ => Some(Zeroizing::new(secret.as_bytes().to_vec())),
        };
        let Some(mut mac) = key.and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok()) else { continue };
        // Once for each secret, however many signatures somebody claims: the body may be long.
        mac.update(&signed.before);
        mac.update(body);
        for signature in &signed.signatures {
            // Compares in a time that does not depend on where the two differ.
            right |= mac.clone().verify(signature.into()).is_ok();
        }
    }
    right
}

/// A signature as HMAC-SHA256 makes them.
type Signature = [u8; 32];

/// Those of `found` that can be one; the first few of them.
fn possible(found: impl IntoIterator<Item = Vec<u8>>) -> Vec<Signature> {
    found.into_iter().filter_map(|bytes| bytes.try_into().ok()).take(MOST).collect()
}

/// What was signed before the body, and the signatures that came with it: several while a secret is changed.
struct Signed {
    before: Vec<u8>,
    signatures: Vec<Signature>,
}

/// `None` where the headers are not those of the provider, or the time is not now.
fn signed(kind: ShopKind, header: Header<'_>, now: Timestamp) -> Option<Signed> {
    match kind {
        ShopKind::Stripe => listed(&header("stripe-signature")?, (',', "t", "v1"), '.', now),
        ShopKind::Paddle => listed(&header("paddle-signature")?, (';', "ts", "h1"), ':', now),
        ShopKind::LemonSqueezy => {
            Some(Signed { before: Vec::new(), signatures: possible(hex(header("x-signature")?.trim())) })
        }
        ShopKind::Generic => {
            let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
            let signatures = possible(standard_webhooks::shared_signatures(&header("webhook-signature")?));
            is_now(&at, now).then(|| Signed { before: format!("{id}.{at}.").into_bytes(), signatures })
        }
    }
}

/// A header that lists the time and the signatures by name, each apart from the next by `between`; what was signed begins
/// with the time and `after`.
fn listed(text: &str, (between, time, scheme): (char, &str, &str), after: char, now: Timestamp) -> Option<Signed> {
    let named = |wanted| {
        let pairs = text.split(between).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let at = named(time).next_back().filter(|at| is_now(at, now))?;
    Some(Signed { before: format!("{at}{after}").into_bytes(), signatures: possible(named(scheme).filter_map(hex)) })
}

fn is_now(seconds: &str, now: Timestamp) -> bool {
    let plain = !seconds.is_empty() && seconds.len() <= 12 && seconds.bytes().all(|byte| byte.is_ascii_digit());
    let at = seconds.parse().map(Timestamp::from_seconds);
    plain && at.is_ok_and(|at| now.since(at).0.abs() <= WINDOW.0)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 128 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_testkit::shop;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
    const BODY: &[u8] = br#"{"id":"evt_1","amount":4900}"#;

    type Headers = Vec<(&'static str, String)>;

    fn sign(kind: ShopKind, secret: &str) -> Headers {
        shop::sign(kind, secret, NOW, BODY, "msg_1")
    }

    fn holds(kind: ShopKind, headers: &Headers, body: &[u8], secrets: &[&str], now: Timestamp) -> bool {
        let header = |name: &str| headers.iter().find(|(is, _)| *is == name).map(|(_, value)| value.clone());
        let secrets: Vec<_> = secrets.iter().map(|text| Zeroizing::new((*text).to_owned())).collect();
        is_right(kind, &header, body, &secrets, now)
    }

    #[test]
    fn what_a_provider_signs_is_believed_and_nothing_else() {
        for kind in ShopKind::ALL {
            let (own, other) = (shop::secret(kind, 1), shop::secret(kind, 2));
            let headers = sign(kind, &own);
            assert!(holds(kind, &headers, BODY, &[&own], NOW), "{kind:?}");
            assert!(holds(kind, &headers, BODY, &[&other, &own], NOW), "{kind:?} while it is changed");
            assert!(!holds(kind, &headers, BODY, &[&other], NOW), "{kind:?} with another secret");
            assert!(!holds(kind, &headers, BODY, &[], NOW), "{kind:?} without a secret");
            assert!(
                !holds(kind, &headers, br#"{"id":"evt_1","amount":4901}"#, &[&own], NOW),
                "{kind:?} with another body"
            );
            for left_out in 0..headers.len() {
                let mut fewer = headers.clone();
                fewer.remove(left_out);
                assert!(!holds(kind, &fewer, BODY, &[&own], NOW), "{kind:?} without a header");
                let mut broken = headers.clone();
                broken[left_out].1.push('0');
                assert!(!holds(kind, &broken, BODY, &[&own], NOW), "{kind:?} with a broken header");
            }
        }
    }

    #[test]
    fn the_time_counts_where_there_is_one() {
        for kind in ShopKind::ALL {
            let own = shop::secret(kind, 1);
            let headers = sign(kind, &own);
            for (seconds, fresh) in [(-301, false), (-300, true), (300, true), (301, false), (86_400, false)] {
                let holds = holds(kind, &headers, BODY, &[&own], NOW.plus(Seconds(seconds)));
                assert_eq!(holds, fresh || kind == ShopKind::LemonSqueezy, "{kind:?} after {seconds}");
            }
            // A time that nobody has signed makes nothing younger.
            let (before, later) = (NOW.seconds().to_string(), NOW.plus(Seconds::HOUR));
            let moved =
                headers.iter().map(|(name, value)| (*name, value.replace(&before, &later.seconds().to_string())));
            let holds = holds(kind, &moved.collect(), BODY, &[&own], later);
            assert_eq!(holds, kind == ShopKind::LemonSqueezy, "{kind:?}");
        }
        for wrong in ["", "now", "-1767225600", "+1767225600", "1767225600.0", "99999999999999999999"] {
            assert!(!is_now(wrong, NOW), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_a_signature_and_more_than_a_few_count_for_nothing() {
        for kind in [ShopKind::Stripe, ShopKind::Paddle, ShopKind::Generic] {
            let own = shop::secret(kind, 1);
            let after = |piece: &str, times: usize| {
                let mut headers = sign(kind, &own);
                let claimed = piece.repeat(times);
                let header = &mut headers.last_mut().unwrap().1;
                *header = match kind {
                    ShopKind::Stripe => header.replace(",v1=", &format!("{claimed},v1=")),
                    ShopKind::Paddle => header.replace(";h1=", &format!("{claimed};h1=")),
                    _ => format!("{claimed}{header}"),
                };
                holds(kind, &headers, BODY, &[&own], NOW)
            };
            let (short, other) = match kind {
                ShopKind::Stripe => (",v1=00".to_owned(), format!(",v1={}", "0".repeat(64))),
                ShopKind::Paddle => (";h1=00".to_owned(), format!(";h1={}", "0".repeat(64))),
                _ => ("v1,AA== ".to_owned(), format!("v1,{}= ", "A".repeat(43))),
            };
            assert!(after(&short, 500), "{kind:?}: too short to be one");
            assert!(after(&other, MOST - 1) && !after(&other, MOST), "{kind:?}");
        }
    }

    #[test]
    fn one_right_signature_of_several_is_enough() {
        for kind in [ShopKind::Stripe, ShopKind::Paddle, ShopKind::Generic] {
            let (old, new) = (shop::secret(kind, 1), shop::secret(kind, 2));
            let second = sign(kind, &new).pop().unwrap().1;
            let mut headers = sign(kind, &old);
            let more = match kind {
                ShopKind::Stripe => second.replace(&format!("t={},", NOW.seconds()), ","),
                ShopKind::Paddle => second.replace(&format!("ts={};", NOW.seconds()), ";"),
                _ => format!(" v1a,bm9uZQ== {second}"),
            };
            headers.last_mut().unwrap().1.push_str(&more);
            for own in [old, new] {
                assert!(holds(kind, &headers, BODY, &[&own], NOW), "{kind:?}");
            }
        }
    }
}
