//! The short cut and the signed path see the same events and must say the same.

use super::*;
use crate::rng::Rng;
use holdfast_lease::{
    self as lease, KeyManifest, ManifestKey, RootKeys, Seconds, SigningKey, UnixSeconds,
    client::{self, Documents, NetworkFault, Outcome, Reading, Request, Setup, State},
    sign,
};

const START: Time = 1_800_000_000;
const PRODUCT: &str = "prd_1";

struct Signed {
    issuing: SigningKey,
    roots: RootKeys,
    state: State,
    device: String,
}

impl Signed {
    fn new() -> Self {
        let (root, issuing) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let manifest = KeyManifest {
            v: 1,
            iss: "vnd_1".into(),
            iat: UnixSeconds(START - 40 * DAY),
            seq: 1,
            endpoints: None,
            keys: vec![ManifestKey::issuing(issuing.public_key(), PRODUCT)],
        };
        let manifest = sign(&manifest, &root).unwrap();
        let roots = RootKeys::one(root.public_key());
        Self { issuing, roots, state: State { manifest: Some(manifest), ..State::default() }, device: "00".repeat(32) }
    }

    fn document(&self, lease: Lease) -> String {
        let document = lease::Lease {
            v: 1,
            iss: "vnd_1".into(),
            aud: PRODUCT.into(),
            sub: "lic_1".into(),
            seat: "sea_1".into(),
            jti: "lea_1".into(),
            dev: self.device.clone(),
            plan: "pro".into(),
            mode: lease.mode,
            ent: lease::Entitlements::new(),
            fb: lease.fallback.then(lease::Entitlements::new),
            iat: UnixSeconds(lease.iat),
            nbf: UnixSeconds(lease.iat),
            ren: UnixSeconds(lease.ren),
            soft: UnixSeconds(lease.soft),
            exp: UnixSeconds(lease.exp),
            lic: lease.lic.map(UnixSeconds),
            seq: lease.seq,
            dpk: None,
            cont: lease.cont,
        };
        sign(&document, &self.issuing).unwrap()
    }

    fn decide(&mut self, wall: Time, elapsed: i64, event: Event, jitter: u32) -> client::Decision {
        let answer = |outcome| client::Event::Answer { request: Request::Renew, nonce: String::new(), outcome };
        let event = match event {
            Event::Launch => client::Event::Launch,
            Event::Tick => client::Event::Tick,
            Event::Renewed(lease) => {
                answer(Outcome::Documents(Documents { lease: Some(self.document(lease)), ..Documents::default() }))
            }
            Event::Failed(None) => answer(Outcome::Network { fault: NetworkFault::Timeout }),
            Event::Failed(Some(asked)) => answer(Outcome::Busy { status: 503, retry_after: Some(Seconds(asked)) }),
        };
        let endpoints = ["https://one.example".to_owned()];
        let setup = Setup { product: PRODUCT, device: &self.device, roots: &self.roots, endpoints: &endpoints };
        let reading = Reading { wall: UnixSeconds(wall), elapsed: Seconds(elapsed) };
        let decision = client::decide(setup, &self.state, reading, &event, client::Jitter(jitter));
        self.state = decision.state.clone();
        decision
    }
}

fn lease(rng: &mut Rng, now: Time, seq: i64) -> Lease {
    let (length, grace) = [(14 * DAY, 16 * DAY), (1_200, 0), (3 * DAY, 11 * DAY), (30 * DAY, 0)][rng.index(4)];
    let iat = now + rng.within(-60, 60);
    Lease {
        mode: [Mode::Licensed, Mode::Licensed, Mode::Trial, Mode::Limited][rng.index(4)],
        fallback: rng.chance(300),
        iat,
        ren: iat + rng.within(10, length),
        soft: iat + length,
        exp: iat + length + grace,
        lic: None,
        seq,
        cont: 0,
    }
}

fn said(verdict: client::Verdict) -> Verdict {
    match verdict {
        client::Verdict::Licensed => Verdict::Licensed,
        client::Verdict::Trial { .. } => Verdict::Trial,
        client::Verdict::Grace { .. } => Verdict::Grace,
        client::Verdict::Limited => Verdict::Limited,
        client::Verdict::Expired => Verdict::Expired,
        client::Verdict::Invalid { reason: client::InvalidReason::NotYetValid { .. } } => Verdict::NotYetValid,
        other @ client::Verdict::Invalid { .. } => panic!("{other:?}"),
    }
}

/// Plays random events through both. Returns the verdicts that were seen.
fn compare(seed: u64, steps: usize) -> Vec<Verdict> {
    let mut rng = Rng::new(seed);
    let (mut now, mut offset, mut seq) = (START, 0, 1);
    let first = lease(&mut rng, now, seq);
    let mut signed = Signed::new();
    signed.decide(now, 0, Event::Renewed(first), 0);
    let mut quick = Client::activated(first, now);
    let mut verdicts = Vec::new();
    for step in 0..steps {
        let running = rng.chance(700);
        let span = [rng.within(0, 120), rng.within(0, DAY), rng.within(0, 20 * DAY)][rng.index(3)];
        now += span;
        if rng.chance(80) {
            offset = [0, rng.within(-DAY, DAY), -40 * DAY, -400 * DAY, 300 * DAY][rng.index(5)];
        }
        seq += i64::from(rng.chance(800));
        let event = match rng.index(8) {
            0 => Event::Launch,
            1..4 => Event::Tick,
            4 => Event::Renewed(lease(&mut rng, now, seq)),
            5 => Event::Failed(Some([-5, 0, 20, 400, 90_000, 3_000_000][rng.index(6)])),
            _ => Event::Failed(None),
        };
        let (elapsed, jitter) = (if running { span } else { 0 }, rng.bits32());
        let real = signed.decide(now + offset, elapsed, event, jitter);
        let ours = quick.decide(now + offset, elapsed, event, jitter);
        let standing = &real.standing;
        let real_lease = standing.lease.as_ref().unwrap();
        let theirs = (
            said(standing.verdict),
            standing.time.0,
            signed.state.next.map_or(real_lease.ren.0, |next| next.0),
            real.notice.is_some(),
            (real_lease.seq, real_lease.soft.0, real_lease.exp.0),
            (signed.state.failures, signed.state.suspect, standing.clock_suspect),
        );
        let lease = quick.lease;
        let mine = (
            ours.verdict,
            ours.time,
            ours.due,
            ours.notice,
            (lease.seq, lease.soft, lease.exp),
            (quick.failures, quick.suspect, quick.suspect),
        );
        assert_eq!(mine, theirs, "seed {seed}, step {step}: {event:?}");
        verdicts.push(ours.verdict);
    }
    verdicts
}

#[test]
fn the_short_cut_says_what_the_signed_path_says() {
    let seen: Vec<Verdict> = (0..60).flat_map(|seed| compare(seed, 60)).collect();
    for verdict in [Verdict::Licensed, Verdict::Trial, Verdict::Grace, Verdict::Limited, Verdict::Expired] {
        assert!(seen.contains(&verdict), "{verdict:?} was never seen");
    }
}
