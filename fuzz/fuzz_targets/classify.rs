//! HTTP answers of any kind, from the status to what the client makes of them.
#![no_main]

use holdfast_lease::{
    RootKeys, Seconds, SigningKey, UnixSeconds,
    classify::classify,
    client::{Event, Jitter, Reading, Request, Setup, State, decide},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, Option<&str>, bool, Option<&str>, &[u8])| {
    let (status, content_type, same_origin, retry_after, body) = input;
    let outcome = classify(status % 700, content_type, same_origin, retry_after, body);
    let roots = RootKeys::one(SigningKey::from_seed(&[8; 32]).public_key());
    let setup = Setup { product: "prd_1", device: "00", roots: &roots, endpoints: &[] };
    let reading = Reading { wall: UnixSeconds(1_760_000_000), elapsed: Seconds(0) };
    let event = Event::Answer { request: Request::Renew, nonce: "nonce".to_owned(), outcome };
    let decision = decide(setup, &State::default(), reading, &event, Jitter(0));
    assert!(!decision.standing.entitled());
    assert!(decision.state.lease.is_none() && decision.state.denial.is_none() && decision.state.manifest.is_none());
});
