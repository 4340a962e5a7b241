//! Stored states of any bytes: the decision takes whatever was read.
#![no_main]

use holdfast_lease::{
    RootKeys, Seconds, SigningKey, UnixSeconds,
    client::{Event, Jitter, Reading, Setup, State, decide, merge},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(state) = State::parse(bytes) else { return };
    let roots = RootKeys::one(SigningKey::from_seed(&[8; 32]).public_key());
    let endpoints = ["https://license.example.com".to_owned()];
    let setup = Setup { product: "prd_1", device: "00", roots: &roots, endpoints: &endpoints };
    let reading = Reading { wall: UnixSeconds(1_760_000_000), elapsed: Seconds(60) };
    for event in [Event::Launch, Event::Tick, Event::Exit] {
        let decision = decide(setup, &state, reading, &event, Jitter(1 << 31));
        // Nothing in it is signed, so nothing follows from it.
        assert!(!decision.standing.entitled());
        let stored = State::parse(&decision.state.to_bytes()).expect("a state reads back");
        assert_eq!(stored, decision.state);
        merge(setup, &state, &decision.state);
    }
});
