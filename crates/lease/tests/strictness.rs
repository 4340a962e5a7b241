//! Strict verification, by the published cases of Project Wycheproof and by those that it lacks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use holdfast_lease::{PublicKey, Refusal};
use wycheproof::{
    TestResult,
    eddsa::{TestName, TestSet},
};

#[test]
fn every_wycheproof_case_is_judged_rightly() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut judged = 0;
    for group in &set.test_groups {
        let key = PublicKey::from_bytes(&group.key.pk);
        for test in &group.tests {
            let accepted = match (&key, <&[u8; 64]>::try_from(test.sig.as_slice())) {
                (Ok(key), Ok(signature)) => key.verify_strict(&test.msg, signature),
                _ => false,
            };
            assert_eq!(accepted, test.result == TestResult::Valid, "case {}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert!(judged > 100, "{judged}");
}

/// No Wycheproof case has it: under the identity as public key, R = identity and S = 0 fit every message for a plain
/// verifier.
#[test]
fn the_identity_key_is_refused_when_loaded() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity), Err(Refusal::KeyInvalid));
}

#[test]
fn every_point_of_small_order_is_refused_in_every_encoding() {
    for point in curve25519_dalek::constants::EIGHT_TORSION {
        let mut bytes = point.compress().to_bytes();
        assert_eq!(PublicKey::from_bytes(&bytes), Err(Refusal::KeyInvalid));
        bytes[31] ^= 0x80;
        assert_eq!(PublicKey::from_bytes(&bytes), Err(Refusal::KeyInvalid));
    }
    // y = p, p + 1: other spellings of 0 and 1.
    for first in [0xed, 0xee] {
        let mut bytes = [0xff; 32];
        bytes[0] = first;
        for last in [0x7f, 0xff] {
            bytes[31] = last;
            assert_eq!(PublicKey::from_bytes(&bytes), Err(Refusal::KeyInvalid));
        }
    }
}
