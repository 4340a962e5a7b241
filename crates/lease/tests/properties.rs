//! Properties: any bit flipped is refused, no input panics, documents and states survive a round trip, and no answer
//! without a sound signature changes what a client may do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use holdfast_lease::{
    Denial, DenialCode, Document, EntitlementValue, Expectations, KeyManifest, KeyStatus, KeyUse, Keyring, Lease,
    ManifestKey, Mode, PublicKey, Refusal, RevocationList, RootKeys, Seconds, SigningKey, UnixSeconds, classify,
    client::{Documents, Event, Jitter, Outcome, Reading, Request, Setup, State, Verdict, decide, merge},
    device_hash, json, peek_header, sign, verify, verify_manifest,
};
use proptest::{collection::vec, option, prelude::*};

const PRODUCT: &str = "prd_1";
const NOW: i64 = 1_760_000_000;
const DAY: i64 = 86_400;

fn issuing() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn root() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

fn keyring() -> Keyring {
    Keyring::load(&[ManifestKey::issuing(issuing().public_key(), PRODUCT)]).unwrap()
}

fn roots() -> RootKeys {
    RootKeys::one(root().public_key())
}

fn device() -> String {
    device_hash(PRODUCT, b"device")
}

fn lease(iat: i64, seq: i64) -> Lease {
    Lease {
        v: 1,
        iss: "vnd_1".to_owned(),
        aud: PRODUCT.to_owned(),
        sub: "lic_1".to_owned(),
        seat: "sea_1".to_owned(),
        jti: format!("lea_{seq}"),
        dev: device(),
        plan: "pro".to_owned(),
        mode: Mode::Licensed,
        ent: [("users".to_owned(), EntitlementValue::Integer(5))].into(),
        fb: None,
        iat: UnixSeconds(iat),
        nbf: UnixSeconds(iat),
        ren: UnixSeconds(iat + DAY),
        soft: UnixSeconds(iat + 14 * DAY),
        exp: UnixSeconds(iat + 30 * DAY),
        lic: None,
        seq,
        dpk: None,
        cont: 0,
    }
}

fn denial(iat: i64, seq: i64) -> Denial {
    Denial {
        v: 1,
        iss: "vnd_1".to_owned(),
        aud: PRODUCT.to_owned(),
        sub: "lic_1".to_owned(),
        seat: Some("sea_1".to_owned()),
        jti: "den_1".to_owned(),
        dev: device(),
        iat: UnixSeconds(iat),
        eff: UnixSeconds(iat),
        code: DenialCode::Revoked,
        nonce: "nonce".to_owned(),
        seq,
        help: None,
    }
}

fn manifest() -> KeyManifest {
    KeyManifest {
        v: 1,
        iss: "vnd_1".to_owned(),
        iat: UnixSeconds(NOW),
        seq: 1,
        endpoints: None,
        keys: vec![ManifestKey {
            uses: vec![KeyUse::Lease, KeyUse::Denial, KeyUse::Revocations],
            status: KeyStatus::Active,
            ..ManifestKey::issuing(issuing().public_key(), PRODUCT)
        }],
    }
}

fn revocations() -> RevocationList {
    RevocationList {
        v: 1,
        iss: "vnd_1".to_owned(),
        aud: PRODUCT.to_owned(),
        iat: UnixSeconds(NOW),
        exp: UnixSeconds(NOW + DAY),
        seq: 1,
        licenses: vec!["lic_2".to_owned()],
        seats: vec![],
    }
}

/// Flips every bit of a token, one after the other.
fn assert_every_flip_is_refused(token: &str, accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(token.as_bytes()));
    let mut bytes = token.as_bytes().to_vec();
    for index in 0..bytes.len() {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            assert!(!accepts(&bytes), "bit {bit} of byte {index}");
            bytes[index] ^= 1 << bit;
        }
    }
}

#[test]
fn any_bit_flipped_anywhere_is_refused() {
    fn refuses<D: Document>(document: &D) {
        let token = sign(document, &issuing()).unwrap();
        let keyring = keyring();
        assert_every_flip_is_refused(&token, |token| verify::<D>(token, &keyring, Expectations::NONE).is_ok());
    }
    refuses(&lease(NOW, 1));
    refuses(&denial(NOW, 1));
    refuses(&revocations());
    let (token, roots) = (sign(&manifest(), &root()).unwrap(), roots());
    assert_every_flip_is_refused(&token, |token| verify_manifest(token, &roots).is_ok());
}

#[test]
fn any_byte_removed_or_added_is_refused() {
    let (token, keyring) = (sign(&lease(NOW, 1), &issuing()).unwrap(), keyring());
    let accepts = |token: &[u8]| verify::<Lease>(token, &keyring, Expectations::NONE).is_ok();
    for index in 0..token.len() {
        let mut bytes = token.as_bytes().to_vec();
        bytes.remove(index);
        assert!(!accepts(&bytes), "without byte {index}");
        assert!(!accepts(&token.as_bytes()[..index]), "cut at {index}");
        for added in [b'A', b'=', b'.', b' ', 0, 0xff] {
            let mut bytes = token.as_bytes().to_vec();
            bytes.insert(index, added);
            assert!(!accepts(&bytes), "with {added} at {index}");
        }
    }
}

#[test]
fn a_document_too_long_to_verify_is_not_signed() {
    let mut list = revocations();
    list.licenses = (0..400).map(|n| format!("lic_{n:026}")).collect();
    assert_eq!(sign(&list, &issuing()), Err(holdfast_lease::SignError::TooLarge));
    let mut lease = lease(NOW, 1);
    lease.soft = UnixSeconds(NOW + 31 * DAY);
    assert_eq!(sign(&lease, &issuing()), Err(holdfast_lease::SignError::Claims));
    lease.soft = UnixSeconds(NOW);
    lease.seq = 1 << 53;
    assert_eq!(sign(&lease, &issuing()), Err(holdfast_lease::SignError::Claims));
    lease.seq = 1;
    lease.v = 2;
    assert_eq!(sign(&lease, &issuing()), Err(holdfast_lease::SignError::Claims));
}

/// Text that is nearly JSON, so that the parser gets further than its first character.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("\"a\"".to_owned()),
        Just("\"\\u0061\"".to_owned()),
        Just("\"v\"".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("9007199254740992".to_owned()),
        Just("-1".to_owned()),
        Just("1.0".to_owned()),
        Just(" ".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "\\PC{0,4}",
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Any JSON value that the profile allows.
fn strict_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-json::MAX_INTEGER..=json::MAX_INTEGER).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn value_of(value: json::Value<'_>) -> serde_json::Value {
    match value {
        json::Value::Null => serde_json::Value::Null,
        json::Value::Bool(value) => value.into(),
        json::Value::Integer(value) => value.into(),
        json::Value::String(text) => text.into_owned().into(),
        json::Value::Array(list) => list.into_iter().map(value_of).collect(),
        json::Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value_of(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

fn entitlements() -> impl Strategy<Value = holdfast_lease::Entitlements> {
    let value = prop_oneof![
        Just(EntitlementValue::ON),
        (-json::MAX_INTEGER..=json::MAX_INTEGER).prop_map(EntitlementValue::Integer),
        "\\PC{0,20}".prop_map(EntitlementValue::Text),
    ];
    proptest::collection::btree_map("[a-z.]{1,12}", value, 0..6)
}

prop_compose! {
    fn any_lease()(
        strings in proptest::array::uniform7("\\PC{0,20}"),
        mode in prop_oneof![Just(Mode::Licensed), Just(Mode::Trial), Just(Mode::Limited)],
        ent in entitlements(),
        fb in option::of(entitlements()),
        iat in 0..1_i64 << 52,
        spans in proptest::array::uniform4(0..1_i64 << 30),
        lic in option::of(0..1_i64 << 52),
        seq in 0..=json::MAX_INTEGER,
        dpk in option::of("[A-Za-z0-9_-]{43}"),
        cont in 0..100_i64,
    ) -> Lease {
        let [iss, aud, sub, seat, jti, dev, plan] = strings;
        let nbf = iat + spans[0];
        let soft = nbf + spans[2];
        Lease {
            v: 1, iss, aud, sub, seat, jti, dev, plan, mode, ent, fb, iat: UnixSeconds(iat), nbf: UnixSeconds(nbf),
            ren: UnixSeconds(iat + spans[1]), soft: UnixSeconds(soft), exp: UnixSeconds(soft + spans[3]),
            lic: lic.map(UnixSeconds), seq, dpk, cont,
        }
    }
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let wall = prop_oneof![any::<i64>(), NOW - 100 * DAY..NOW + 1_000 * DAY];
    let elapsed = prop_oneof![any::<i64>(), 0..100 * DAY];
    (wall, elapsed).prop_map(|(wall, elapsed)| Reading { wall: UnixSeconds(wall), elapsed: Seconds(elapsed) })
}

/// A state with any numbers and any documents, sound ones and garbage.
fn any_state() -> impl Strategy<Value = State> {
    let token = |token: String| option::of(prop_oneof![3 => Just(token), 1 => "\\PC{0,40}"]);
    let time = || option::of(prop_oneof![any::<i64>(), NOW - DAY..NOW + 100 * DAY].prop_map(UnixSeconds));
    let span = || prop_oneof![any::<i64>(), 0..100 * DAY].prop_map(Seconds);
    let documents = (
        token(sign(&manifest(), &root()).unwrap()),
        token(sign(&lease(NOW, 10), &issuing()).unwrap()),
        token(sign(&denial(NOW, 11), &issuing()).unwrap()),
        token(sign(&manifest(), &root()).unwrap()),
    );
    let times = (time(), span(), time(), span(), any::<bool>(), span());
    let rest = (any::<u32>(), time(), any::<u32>(), time(), option::of(any::<i64>()), time(), time(), any::<u32>());
    (documents, times, rest).prop_map(|(documents, times, rest)| State {
        manifest: documents.0,
        lease: documents.1,
        denial: documents.2,
        lease_manifest: documents.3,
        wall: times.0,
        wall_run: times.1,
        server: times.2,
        server_run: times.3,
        suspect: times.4,
        suspect_run: times.5,
        failures: rest.0,
        next: rest.1,
        endpoint: rest.2,
        manifest_asked: rest.3,
        notice_day: rest.4,
        saved: rest.5,
        save_failed: rest.6,
        bad_answers: rest.7,
        ..State::default()
    })
}

/// An HTTP answer by somebody who has no key: any status and body, among them the sound lease with damage.
fn any_unsigned_answer() -> impl Strategy<Value = Outcome> {
    let sound = sign(&lease(NOW + DAY, 11), &issuing()).unwrap();
    let refusal = sign(&denial(NOW + DAY, 11), &issuing()).unwrap();
    let damaged = (prop_oneof![Just(sound), Just(refusal)], any::<prop::sample::Index>(), 0..8_u8).prop_map(
        |(token, index, bit)| {
            let mut bytes = token.into_bytes();
            let index = index.index(bytes.len());
            bytes[index] ^= 1 << bit;
            String::from_utf8_lossy(&bytes).into_owned()
        },
    );
    let foreign = (any::<[u8; 32]>(), any::<bool>()).prop_map(|(seed, positive)| {
        let key = SigningKey::from_seed(&seed);
        if positive { sign(&lease(NOW + DAY, 11), &key).unwrap() } else { sign(&denial(NOW + DAY, 11), &key).unwrap() }
    });
    let token = prop_oneof![damaged, foreign, "\\PC{0,60}"];
    let body = prop_oneof![
        token.clone().prop_map(|token| serde_json::json!({ "lease": token }).to_string()),
        token.clone().prop_map(|token| serde_json::json!({ "denial": token, "keys": token }).to_string()),
        Just(r#"{"valid":false}"#.to_owned()),
        Just("{}".to_owned()),
        Just("<html>Please sign in</html>".to_owned()),
        any::<String>(),
    ];
    let content_type = option::of(prop_oneof![
        Just("application/json".to_owned()),
        Just("application/problem+json; charset=utf-8".to_owned()),
        Just("application/jwt".to_owned()),
        Just("text/html".to_owned()),
        any::<String>(),
    ]);
    (any::<u16>(), content_type, any::<bool>(), option::of("\\PC{0,12}"), body).prop_map(
        |(status, content_type, same_origin, retry_after, body)| {
            classify(status % 700, content_type.as_deref(), same_origin, retry_after.as_deref(), body.as_bytes())
        },
    )
}

fn setup<'a>(roots: &'a RootKeys, device: &'a str, endpoints: &'a [String]) -> Setup<'a> {
    Setup { product: PRODUCT, device, roots, endpoints }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in vec(any::<u8>(), 0..600), text in "[A-Za-z0-9_.-]{0,300}") {
        let (keyring, roots) = (keyring(), roots());
        for input in [bytes.as_slice(), text.as_bytes()] {
            prop_assert!(verify::<Lease>(input, &keyring, Expectations::NONE).is_err());
            prop_assert!(verify::<Denial>(input, &keyring, Expectations::NONE).is_err());
            prop_assert!(verify_manifest(input, &roots).is_err());
            let _ = peek_header(input);
            let _ = json::parse_object(input);
            let _ = State::parse(input);
            let _ = PublicKey::from_bytes(input);
            let _ = classify(200, Some("application/json"), true, None, input);
            let _ = classify(200, Some("application/jwt"), true, None, input);
        }
    }

    #[test]
    fn no_payload_under_a_good_signature_makes_the_parser_panic(payload in nearly_json()) {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
        let key = issuing();
        let header = format!(r#"{{"alg":"Ed25519","kid":"{}","typ":"holdfast-lease+jwt"}}"#, key.kid());
        let part = format!("{}.{}", B64.encode(header), B64.encode(&payload));
        let token = format!("{part}.{}", B64.encode(key.sign_bytes(part.as_bytes())));
        let expected = if payload.is_empty() { Err(Refusal::Segments) } else { Err(Refusal::Payload) };
        let answer = verify::<Lease>(token.as_bytes(), &keyring(), Expectations::NONE);
        if json::parse_object(payload.as_bytes()).is_err() {
            prop_assert_eq!(answer, expected);
        } else {
            prop_assert!(matches!(answer, Err(Refusal::Version | Refusal::Claims)));
        }
    }

    #[test]
    fn what_the_strict_parser_reads_is_what_json_means(text in nearly_json()) {
        if let Ok(members) = json::parse_object(text.as_bytes()) {
            // "-0" is the integer 0 here and a float there.
            prop_assume!(!text.contains("-0"));
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(value_of(json::Value::Object(members)), value);
        }
    }

    #[test]
    fn every_strict_value_is_read(value in strict_value(), pretty in any::<bool>()) {
        let value = serde_json::json!({ "value": value });
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let members = json::parse_object(text.as_bytes());
        prop_assert_eq!(members.map(|members| value_of(json::Value::Object(members))), Ok(value));
    }

    #[test]
    fn a_lease_survives_signing_and_verifying(lease in any_lease()) {
        let token = sign(&lease, &issuing());
        prop_assume!(token != Err(holdfast_lease::SignError::TooLarge));
        let expect = Expectations::product(&lease.aud).license(&lease.sub).device(&lease.dev);
        let keyring = Keyring::load(&[ManifestKey::issuing(issuing().public_key(), &*lease.aud)]).unwrap();
        prop_assert_eq!(verify::<Lease>(token.unwrap().as_bytes(), &keyring, expect), Ok(lease));
    }

    #[test]
    fn a_state_survives_storing(state in any_state(), cut in any::<prop::sample::Index>()) {
        let bytes = state.to_bytes();
        prop_assert_eq!(State::parse(&bytes), Ok(state));
        prop_assert!(State::parse(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn no_state_clock_or_event_makes_the_decision_panic(
        state in any_state(),
        other in any_state(),
        reading in any_reading(),
        jitter in any::<u32>(),
        outcome in any_unsigned_answer(),
    ) {
        let (roots, device, endpoints) = (roots(), device(), ["https://license.example.com".to_owned()]);
        let setup = setup(&roots, &device, &endpoints);
        let answer = Event::Answer { request: Request::Renew, nonce: "nonce".to_owned(), outcome };
        for event in [Event::Launch, Event::Tick, Event::Saved, Event::SaveFailed, Event::Exit, answer] {
            let decision = decide(setup, &state, reading, &event, Jitter(jitter));
            prop_assert!(decision.state.wall_run.0 >= 0);
            prop_assert_eq!(decision.standing.entitled(), decision.standing.lease.is_some() && !decision.standing.entitlements.is_empty()
                && !matches!(decision.standing.verdict, Verdict::Limited));
        }
        merge(setup, &state, &other);
    }

    #[test]
    fn what_is_not_soundly_signed_takes_nothing_and_gives_nothing(
        state in any_state(),
        days in 0..60_i64,
        outcomes in vec(any_unsigned_answer(), 1..6),
    ) {
        let (roots, device, endpoints) = (roots(), device(), ["https://license.example.com".to_owned()]);
        let setup = setup(&roots, &device, &endpoints);
        let reading = Reading { wall: UnixSeconds(NOW + days * DAY), elapsed: Seconds(0) };
        let first = decide(setup, &state, reading, &Event::Tick, Jitter(0));
        let mut state = first.state;
        for outcome in outcomes {
            let event = Event::Answer { request: Request::Renew, nonce: "nonce".to_owned(), outcome };
            let decision = decide(setup, &state, reading, &event, Jitter(0));
            prop_assert_eq!(decision.standing.verdict, first.standing.verdict);
            prop_assert_eq!(&decision.standing.entitlements, &first.standing.entitlements);
            prop_assert_eq!(&decision.state.lease, &state.lease);
            prop_assert_eq!(&decision.state.denial, &state.denial);
            prop_assert_eq!(&decision.state.manifest, &state.manifest);
            state = decision.state;
        }
    }

    #[test]
    fn effective_time_never_runs_backwards(readings in vec((NOW - 20 * DAY..NOW + 55 * DAY, 0..DAY), 1..20)) {
        let (roots, device) = (roots(), device());
        let setup = setup(&roots, &device, &[]);
        let mut state = State {
            manifest: Some(sign(&manifest(), &root()).unwrap()),
            lease: Some(sign(&lease(NOW, 10), &issuing()).unwrap()),
            server: Some(UnixSeconds(NOW)),
            ..State::default()
        };
        let mut last = UnixSeconds(NOW);
        for (wall, elapsed) in readings {
            let reading = Reading { wall: UnixSeconds(wall), elapsed: Seconds(elapsed) };
            let decision = decide(setup, &state, reading, &Event::Tick, Jitter(0));
            prop_assert!(decision.standing.time >= last.plus(Seconds(elapsed)));
            prop_assert!(decision.standing.time.0 >= wall);
            last = decision.standing.time;
            state = State::parse(&decision.state.to_bytes()).unwrap();
        }
    }

    #[test]
    fn merging_loses_no_newer_document(mine in 1..50_i64, theirs in 1..50_i64) {
        let (roots, device) = (roots(), device());
        let setup = setup(&roots, &device, &[]);
        let state = |seq: i64| State {
            manifest: Some(sign(&manifest(), &root()).unwrap()),
            lease: Some(sign(&lease(NOW + seq, seq), &issuing()).unwrap()),
            server: Some(UnixSeconds(NOW + seq)),
            ..State::default()
        };
        let merged = merge(setup, &state(mine), &state(theirs));
        prop_assert_eq!(&merged.lease, &state(mine.max(theirs)).lease);
        prop_assert_eq!(merged.server, Some(UnixSeconds(NOW + mine.max(theirs))));
        // A store that another process could not read adds nothing.
        prop_assert_eq!(merge(setup, &merged, &State::damaged()).lease, merged.lease);
    }
}

#[test]
fn a_denial_of_one_process_reaches_the_other() {
    let (roots, device) = (roots(), device());
    let setup = setup(&roots, &device, &[]);
    let base = State {
        manifest: Some(sign(&manifest(), &root()).unwrap()),
        lease: Some(sign(&lease(NOW, 10), &issuing()).unwrap()),
        server: Some(UnixSeconds(NOW)),
        ..State::default()
    };
    let event = Event::Answer {
        request: Request::Renew,
        nonce: "nonce".to_owned(),
        outcome: Outcome::Documents(Documents {
            denial: Some(sign(&denial(NOW + DAY, 11), &issuing()).unwrap()),
            ..Documents::default()
        }),
    };
    let reading = Reading { wall: UnixSeconds(NOW + DAY), elapsed: Seconds(0) };
    let denied = decide(setup, &base, reading, &event, Jitter(0)).state;
    for merged in [merge(setup, &base, &denied), merge(setup, &denied, &base)] {
        let standing = decide(setup, &merged, reading, &Event::Launch, Jitter(0)).standing;
        assert!(matches!(standing.verdict, Verdict::Invalid { .. }), "{:?}", standing.verdict);
    }
}

#[test]
fn a_lease_given_up_by_one_process_does_not_come_back_through_another() {
    let (roots, device) = (roots(), device());
    let setup = setup(&roots, &device, &[]);
    let held = State {
        manifest: Some(sign(&manifest(), &root()).unwrap()),
        lease: Some(sign(&lease(NOW, 10), &issuing()).unwrap()),
        server: Some(UnixSeconds(NOW)),
        ..State::default()
    };
    let reading = Reading { wall: UnixSeconds(NOW + DAY), elapsed: Seconds(0) };
    let event = Event::Answer { request: Request::Release, nonce: "nonce".to_owned(), outcome: Outcome::Done };
    let released = decide(setup, &held, reading, &event, Jitter(0)).state;
    assert_eq!((&released.lease, released.released), (&None, Some(10)));
    for merged in [merge(setup, &held, &released), merge(setup, &released, &held)] {
        assert_eq!(merged.lease, None);
    }
    let again = State { lease: Some(sign(&lease(NOW + DAY, 11), &issuing()).unwrap()), ..held };
    for merged in [merge(setup, &again, &released), merge(setup, &released, &again)] {
        assert_eq!(merged.lease, again.lease);
    }
}

#[test]
fn a_state_with_unreadable_members_keeps_the_readable_ones() {
    let text = br#"{"format":9,"lease":"a.b.c","wall":"soon","next":-5,"endpoint":-1,"something_new":[1]}"#;
    let state = State::parse(text).unwrap();
    assert_eq!(state.lease.as_deref(), Some("a.b.c"));
    assert_eq!((state.wall, state.next, state.endpoint, state.damaged), (None, Some(UnixSeconds(-5)), 0, true));
    assert!(State::parse(b"").is_err());
    assert!(State::parse(&[0; 100]).is_err());
    assert!(State::parse(b"[]").is_err());
    assert!(!State::parse(br#"{"something_new":1}"#).unwrap().damaged);
}
