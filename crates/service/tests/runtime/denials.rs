//! Denials: signed, for the device that asked, echoing its nonce; and undone by undoing what led to them.

use crate::world::*;
use holdfast_domain::{DenialCode, LicenseStatus, Seconds};
use holdfast_lease::{
    RootKeys,
    client::{Documents, Effect, Event, Jitter, Outcome, Reading, Request, Setup, State, Verdict, decide},
};
use holdfast_service::{
    Error, ErrorCode, Service,
    runtime::{Renew, Renewed, Validate},
};
use holdfast_store::changes;
use holdfast_testkit::both;

/// What the client library's decision makes of the answers, by a clock that stands still.
struct Client<'a> {
    world: &'a World,
    key: String,
    state: State,
}

impl<'a> Client<'a> {
    async fn activated(world: &'a World, key: &str) -> Self {
        let mut client = Self { world, key: key.to_owned(), state: State::default() };
        let answer = world.activate(key, "laptop").await.unwrap();
        let documents = Documents { lease: Some(answer.lease), keys: answer.keys, denial: None };
        assert!(client.take(documents).0.contains(&Effect::LeaseStored));
        client
    }

    fn take(&mut self, documents: Documents) -> (Vec<Effect>, Verdict) {
        let roots = RootKeys::one(self.world.root);
        let (product, device) = (self.world.product.to_string(), self.world.device("laptop").hash.to_string());
        let setup = Setup { product: &product, device: &device, roots: &roots, endpoints: &[] };
        let reading = Reading { wall: self.world.service.now().seconds(), elapsed: Seconds(0) };
        let outcome = Outcome::Documents(documents);
        let event = Event::Answer { request: Request::Renew, nonce: NONCE.to_owned(), outcome };
        let decision = decide(setup, &self.state, reading, &event, Jitter(0));
        self.state = decision.state;
        (decision.effects, decision.standing.verdict)
    }

    fn lease(&self) -> String {
        self.state.lease.clone().unwrap()
    }

    async fn renew(&self, node: &Service) -> Result<Renewed, Error> {
        node.renew(self.world.product, renewal(&self.lease()), &from()).await
    }

    /// Asks in every way there is, and applies every denial that comes.
    async fn is_denied(&mut self, node: &Service) {
        let input =
            Validate { key: self.key.clone(), device_hash: Some(self.world.device("laptop").hash), nonce: nonce() };
        let asked = node.validate(self.world.product, input, &from()).await.unwrap();
        let activation = self.world.activation(&self.key, "laptop");
        let activated = node.activate(self.world.product, activation, &from()).await;
        let renewed = self.renew(node).await;
        for denial in [asked.denial, activated.unwrap_err().denial, renewed.unwrap_err().denial] {
            let (effects, verdict) = self.take(Documents { denial: Some(denial.unwrap()), ..Documents::default() });
            assert!(matches!(effects[..], [Effect::DenialStored { .. }]), "{effects:?}");
            assert!(matches!(verdict, Verdict::Invalid { .. }));
        }
    }

    /// The first lease of a node brings the rights back.
    async fn is_back(&mut self, node: &Service) {
        let lease = self.renew(node).await.unwrap().lease;
        let (effects, verdict) = self.take(Documents { lease: Some(lease), ..Documents::default() });
        assert_eq!((effects, verdict), (vec![Effect::LeaseStored], Verdict::Licensed));
    }
}

both! {
    async fn revoked_suspended_and_back_again(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let mut seq = world.lease(&token).await.seq;
        for (status, error, code) in [
            (LicenseStatus::Suspended, ErrorCode::LicenseSuspended, DenialCode::Suspended),
            (LicenseStatus::Revoked, ErrorCode::LicenseRevoked, DenialCode::Revoked),
        ] {
            world.set_status(license, status).await;
            world.clock.advance(Seconds(10));
            let denial = world.denial(world.renew(&token).await.unwrap_err(), error).await;
            let now = world.service.now().seconds();
            assert_eq!((denial.code, denial.iat, denial.eff), (code, now, now));
            assert_eq!(denial.dev, world.device("laptop").hash.to_string());
            assert!(denial.seq > seq && denial.seat.is_some());
            seq = denial.seq;
        }
        world.set_status(license, LicenseStatus::Active).await;
        assert!(world.lease(&world.renew(&token).await.unwrap().lease).await.seq > seq);
        assert_eq!(world.service.runtime_status().denials, 2);
    }

    async fn a_revocation_in_the_future_says_when_it_takes_effect(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let later = world.service.now().plus(Seconds::days(3));
        world.change(license, move |license| {
            license.status = LicenseStatus::Revoked;
            license.status_effective_at = Some(later);
        }).await;
        let denial = world.denial(world.renew(&token).await.unwrap_err(), ErrorCode::LicenseRevoked).await;
        assert_eq!((denial.iat, denial.eff), (world.service.now().seconds(), later.seconds()));
    }

    async fn what_is_announced_for_later_takes_nothing_away_before(db: TestDb) {
        let world = World::new(&db).await;
        for terms in [fixed(2), floating(2)] {
            let (license, key) = world.license(terms).await;
            let mut token = world.activate(&key, "laptop").await.unwrap().lease;
            let begin = world.service.now();
            let later = begin.plus(Seconds::days(40));
            world.change(license, move |license| {
                license.status = LicenseStatus::Suspended;
                license.status_effective_at = Some(later);
            }).await;
            world.activate(&key, "desktop").await.unwrap();
            // Also where its lease ended while it was off line.
            for day in [1, 20, 35] {
                world.clock.advance(begin.plus(Seconds::days(day)).since(world.service.now()));
                if world.lease(&token).await.exp >= later.seconds() {
                    let denial = world.denial(world.renew(&token).await.unwrap_err(), ErrorCode::LicenseSuspended).await;
                    assert_eq!(denial.eff, later.seconds(), "the lease in hand lasts until then");
                } else {
                    token = world.renew(&token).await.unwrap().lease;
                }
            }
            world.clock.advance(later.since(world.service.now()));
            let denial = world.denial(world.renew(&token).await.unwrap_err(), ErrorCode::LicenseSuspended).await;
            assert_eq!(denial.eff, later.seconds());
            assert_eq!(world.activate(&key, "desktop").await.unwrap_err().code, ErrorCode::LicenseSuspended);
        }
    }

    async fn a_lease_shown_by_another_device_is_denied_to_that_device_alone(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let input = Renew { device: Some(world.device("copy")), ..renewal(&token) };
        let refused = world.service.renew(world.product, input, &from()).await.unwrap_err();
        let denial = world.denial(refused, ErrorCode::DeviceMismatch).await;
        assert_eq!(denial.dev, world.device("copy").hash.to_string(), "the running seat's own client ignores it");
        let input = Renew { device: Some(world.device("laptop")), ..renewal(&token) };
        assert!(world.service.renew(world.product, input, &from()).await.is_ok());
    }

    async fn the_first_lease_after_many_denials_in_one_second_is_greater(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let mut client = Client::activated(&world, &key).await;
        for status in [LicenseStatus::Revoked, LicenseStatus::Suspended] {
            world.set_status(license, status).await;
            for _ in 0..3 {
                client.is_denied(&world.service).await;
            }
            world.set_status(license, LicenseStatus::Active).await;
            client.is_back(&world.service).await;
        }
        // The same through the activation that a person tries.
        world.set_status(license, LicenseStatus::Revoked).await;
        client.is_denied(&world.service).await;
        world.set_status(license, LicenseStatus::Active).await;
        let lease = world.activate(&key, "laptop").await.unwrap().lease;
        let (effects, _) = client.take(Documents { lease: Some(lease), ..Documents::default() });
        assert_eq!(effects, [Effect::LeaseStored]);
    }

    async fn the_first_lease_of_another_node_is_greater_once_the_numbers_are_written(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let mut client = Client::activated(&world, &key).await;
        world.set_status(license, LicenseStatus::Revoked).await;
        for _ in 0..4 {
            client.is_denied(&world.service).await;
        }
        assert_eq!(world.service.runtime_status().pending_touches, 1, "one row, however many denials");
        world.service.flush().await.unwrap();
        world.set_status(license, LicenseStatus::Active).await;
        client.is_back(&other).await;
    }

    async fn a_node_that_remembers_the_seat_learns_of_the_numbers(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let mut client = Client::activated(&world, &key).await;
        in_background(&[&other], async {
            world.set_status(license, LicenseStatus::Revoked).await;
            for _ in 0..4 {
                client.is_denied(&world.service).await;
            }
            world.set_status(license, LicenseStatus::Active).await;
            let caught_up = async || {
                let newest = changes::newest(&mut other.store().reader()).await.unwrap();
                until(|| async { other.runtime_status().feed_position >= newest }).await;
            };
            caught_up().await;
            // Remembered before the numbers are written, and too small: the client waits for the next one.
            client.renew(&other).await.unwrap();
            world.service.flush().await.unwrap();
            caught_up().await;
            client.is_back(&other).await;
        }).await;
    }

    async fn a_device_without_a_seat_is_denied_and_then_admitted_in_the_same_second(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        world.set_status(license, LicenseStatus::Suspended).await;
        let refused = world.activate(&key, "laptop").await.unwrap_err();
        let denial = world.denial(refused, ErrorCode::LicenseSuspended).await;
        assert_eq!(denial.seat, None);
        world.set_status(license, LicenseStatus::Active).await;
        let lease = world.lease(&world.activate(&key, "laptop").await.unwrap().lease).await;
        assert!(lease.seq > denial.seq, "{} after {}", lease.seq, denial.seq);
    }

    async fn a_copied_lease_counts_nothing_up_for_the_device_it_was_copied_from(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let seq = world.lease(&token).await.seq;
        for _ in 0..5 {
            let input = Renew { device: Some(world.device("copy")), ..renewal(&token) };
            let refused = world.service.renew(world.product, input, &from()).await.unwrap_err();
            assert!(world.denial(refused, ErrorCode::DeviceMismatch).await.seq > seq);
        }
        assert_eq!(world.service.runtime_status().pending_touches, 0);
        assert_eq!(world.lease(&world.renew(&token).await.unwrap().lease).await.seq, seq + 1);
    }
}
