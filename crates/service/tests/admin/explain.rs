//! Explaining: the client's verdict on what is pasted or known, the server's answer to it, and what helps.

use crate::world::*;
use holdfast_domain::{
    Decision, DenialCode, LicenseId, Permission, Role, Seconds, SigningKeyId, UnixSeconds, license::StatusChange,
};
use holdfast_lease::{
    KeyManifest, KeyStatus, KeyUse, ManifestKey, PublicKey, Refusal, SigningKey,
    claims::VERSION,
    client::{InvalidReason, Rule, Turn, Verdict},
    conformance::{self, VectorFile, VectorKey},
    sign,
};
use holdfast_service::{
    Error, ErrorCode,
    admin::{
        explain::{Answer, Cure, DeviceExplained, Explanation, Source},
        inputs::ChangeStatus,
    },
};
use holdfast_store::{WriteOptions, manifests, signing_keys};
use holdfast_testkit::{SeededEntropy, both};
use serde_json::{Value, json};

async fn explained(world: &World, text: &str, at: Option<UnixSeconds>) -> Result<Explanation, Error> {
    world.service.explain(&world.system(), text, at).await
}

async fn device(world: &World, text: &str, at: Option<UnixSeconds>) -> DeviceExplained {
    match explained(world, text, at).await.unwrap() {
        Explanation::Device(device) => *device,
        other => panic!("{other:?}"),
    }
}

async fn change(world: &World, id: LicenseId, change: StatusChange) {
    let input = ChangeStatus { change, reason: text("Because"), effective_at: None, dry_run: false };
    world.service.change_status(&world.call(), id, input).await.unwrap();
}

fn denied(answer: &Answer) -> Vec<DenialCode> {
    match answer {
        Answer::Decided(Decision::Deny(denial)) => denial.reasons.iter().map(|reason| reason.code).collect(),
        other => panic!("{other:?}"),
    }
}

/// Puts a list of keys in the vendor's place, signed by a root key that its applications pin.
async fn trust(world: &World, root: PublicKey, seq: i64, manifest: &str) {
    let scope = holdfast_store::Scope::trusted(world.vendor);
    let (now, token) = (world.service.now(), manifest.to_owned());
    let row = signing_keys::SigningKeyRow {
        id: SigningKeyId::new(now, &SeededEntropy::new(unique())),
        vendor: world.vendor,
        product: None,
        kind: signing_keys::KeyKind::Root,
        kid: root.kid().to_string(),
        public_key: root.to_bytes(),
        seed_sealed: None,
        uses: "[\"keys\"]".to_owned(),
        status: signing_keys::KeyStatus::Active,
        nbf: now,
        exp: now.plus(Seconds::days(3_650)),
        created_at: now,
        revoked_at: None,
    };
    let known = signing_keys::roots(&mut world.service.store().reader(), scope).await.unwrap();
    let is_new = known.iter().all(|other| other.kid != row.kid);
    world
        .service
        .store()
        .write::<_, Error, _>(WriteOptions::alone(), move |tx| {
            let (row, token) = (row.clone(), token.clone());
            Box::pin(async move {
                if is_new {
                    signing_keys::insert(tx, scope, &row).await?;
                }
                manifests::put(tx, scope, None, &manifests::ManifestRow { seq, token, signed_at: now }).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

fn vectors(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../vectors/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A vector's key as a list of keys has it.
fn entry(key: &VectorKey) -> ManifestKey {
    let uses = key.uses.iter().map(|usage| serde_json::from_value(json!(usage)).unwrap_or(KeyUse::Unknown)).collect();
    let status = key.status.as_ref().map_or(KeyStatus::Active, |status| serde_json::from_value(json!(status)).unwrap());
    ManifestKey {
        kid: key.kid.clone(),
        x: key.x.clone(),
        aud: key.aud.clone(),
        uses,
        nbf: key.nbf,
        exp: key.exp,
        status,
    }
}

/// The vectors' name for a verdict.
fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Licensed => "licensed",
        Verdict::Trial { .. } => "trial",
        Verdict::Grace { .. } => "grace",
        Verdict::Limited => "limited",
        Verdict::Expired => "expired",
        Verdict::Invalid { reason: InvalidReason::NotYetValid { .. } } => "not_yet_valid",
        Verdict::Invalid { .. } => "invalid",
    }
}

both! {
    async fn a_pasted_lease_is_judged_as_the_application_judges_it(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let activated = world.activate(&issued.key, "laptop").await.unwrap();
        let (lease, seat) = (activated.lease, activated.seat.id);
        let found = device(&world, &lease, None).await;
        assert_eq!((found.source, found.standing.verdict, found.standing.rule), (Source::Pasted, Verdict::Licensed, Rule::Lease));
        assert!(matches!(&found.answer, Answer::Decided(Decision::Grant(_))));
        assert_eq!((found.cure, found.seat.unwrap().id, found.license.unwrap().id), (Cure::Nothing, seat, issued.license.id));
        let claims = found.standing.lease.clone().unwrap();
        let turns: Vec<_> = found.standing.outlook().into_iter().map(|coming| (coming.turn, coming.at)).collect();
        assert_eq!(turns, [
            (Turn::RenewalDue, claims.ren), (Turn::LeaseEnds, claims.soft), (Turn::GraceEnds, claims.exp),
            (Turn::LicenseEnds, claims.lic.unwrap()),
        ]);
        // At another moment: the server would still say yes, so the device only has to reach it.
        for (at, rule) in [(claims.soft, Rule::Lease), (claims.soft.plus(Seconds(1)), Rule::Grace), (claims.exp.plus(Seconds(1)), Rule::Ended)] {
            let found = device(&world, &lease, Some(at)).await;
            assert_eq!(found.standing.rule, rule);
            assert_eq!(found.cure, if rule == Rule::Lease { Cure::Nothing } else { Cure::Reach });
        }
        // The same of what is known of the seat, without the document.
        let known = device(&world, &seat.to_string(), None).await;
        assert_eq!((known.source, known.standing.verdict), (Source::Known, Verdict::Licensed));
        let (newest, pasted) = (known.standing.lease.unwrap(), claims);
        assert_eq!((newest.soft, newest.exp, newest.dev, newest.ent), (pasted.soft, pasted.exp, pasted.dev.clone(), pasted.ent));
        let by_device = device(&world, &pasted.dev.to_uppercase(), None).await;
        assert_eq!(by_device.seat.unwrap().id, seat);
    }

    async fn what_the_server_says_next_comes_with_all_reasons_and_what_helps(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let id = issued.license.id;
        let lease = world.activate(&issued.key, "laptop").await.unwrap().lease;
        change(&world, id, StatusChange::Suspend).await;
        let found = device(&world, &lease, None).await;
        assert_eq!((found.standing.verdict, denied(&found.answer), found.cure), (Verdict::Licensed, vec![DenialCode::Suspended], Cure::Resume));
        change(&world, id, StatusChange::Revoke).await;
        let seat = found.seat.unwrap().id;
        world.service.free_seat(&world.call(), seat, text("Lost")).await.unwrap();
        let found = device(&world, &lease, None).await;
        assert_eq!((denied(&found.answer), found.cure), (vec![DenialCode::Revoked, DenialCode::Released], Cure::Reinstate));
        change(&world, id, StatusChange::Reinstate).await;
        assert_eq!(device(&world, &lease, None).await.cure, Cure::Activate);
        for other in ["a", "b", "c"] {
            world.activate(&issued.key, other).await.unwrap();
        }
        let full = device(&world, &lease, None).await;
        assert_eq!((denied(&full.answer), full.cure), (vec![DenialCode::Released], Cure::FreeSeat));
        let Explanation::License(license) = explained(&world, &issued.key, None).await.unwrap() else { panic!() };
        assert_eq!((license.devices.len(), license.room, license.cure, license.denial), (3, false, Cure::FreeSeat, None));
        world.clock.advance(Seconds::days(366));
        let found = device(&world, &license.devices[0].0.id.to_string(), None).await;
        assert_eq!((found.standing.verdict, denied(&found.answer), found.cure), (Verdict::Expired, vec![DenialCode::Expired], Cure::Extend));
        assert_eq!(found.cure.permission(), Some(Permission::LicensesExtend));
    }

    async fn a_document_that_does_not_verify_tells_its_refusal_and_nothing_else(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let lease = world.activate(&issued.key, "laptop").await.unwrap().lease;
        let other = vendor(&world.service, "Other vendor").await;
        let stranger = holdfast_service::Actor::system(other);
        let refused = async |actor, text: &str| match world.service.explain(actor, text, None).await.unwrap() {
            Explanation::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        };
        product(&world.service, &holdfast_service::Call::system(other), "player").await;
        assert_eq!(refused(&stranger, &lease).await, Refusal::KidUnknown);
        let own = world.system();
        let forged = format!("{}AAAA", &lease[..lease.len() - 4]);
        assert_eq!(refused(&own, &forged).await, Refusal::Signature);
        assert_eq!(refused(&own, &lease[..lease.len() - 42]).await, Refusal::SignatureLength);
        assert_eq!(refused(&own, lease.split_once('.').unwrap().0).await, Refusal::Segments);
        // Nothing of it is kept or told anywhere.
        let events = world.service.verify_chain(world.vendor).await.unwrap().events;
        device(&world, &lease, None).await;
        assert_eq!(world.service.verify_chain(world.vendor).await.unwrap().events, events);
        let seat = device(&world, &lease, None).await.seat.unwrap().id;
        for text in [seat.to_string(), issued.license.id.to_string()] {
            assert_eq!(world.service.explain(&stranger, &text, None).await.unwrap_err().code, ErrorCode::NotFound);
        }
        assert!(matches!(world.service.explain(&stranger, &issued.key, None).await.unwrap(), Explanation::Found(finds) if finds.is_empty()));
    }

    async fn other_things_that_people_have_at_hand_are_explained(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let activated = world.activate(&issued.key, "Studio").await.unwrap();
        assert!(matches!(explained(&world, " ", None).await.unwrap(), Explanation::Nothing));
        let Explanation::Code(code) = explained(&world, "{\"code\":\"seat_limit_reached\"}", None).await.unwrap() else { panic!() };
        assert_eq!((code.title.as_str(), code.denial), ("All seats are taken", None));
        let Explanation::License(license) = explained(&world, &issued.license.key_hint, None).await.unwrap() else { panic!() };
        assert_eq!((license.license.id, license.devices[0].1.verdict, license.cure), (issued.license.id, Verdict::Licensed, Cure::Nothing));
        assert!(matches!(explained(&world, "Studio", None).await.unwrap(), Explanation::Device(found) if found.seat.as_ref().unwrap().id == activated.seat.id));
        assert!(matches!(explained(&world, "nobody at all", None).await.unwrap(), Explanation::Found(finds) if finds.is_empty()));
        let keys = activated.keys.unwrap();
        assert!(matches!(explained(&world, &keys, None).await.unwrap(), Explanation::Keys { newest: true, keys: 1, .. }));
        let answer = format!("{{\"lease\":\"{}\",\"keys\":\"{keys}\"}}", activated.lease);
        assert_eq!(device(&world, &answer, None).await.standing.verdict, Verdict::Licensed);
        // One device on two licenses.
        let second = world.issue().await;
        let seat = world.activate(&second.key, "Studio").await.unwrap().seat.id;
        let dev = device(&world, &seat.to_string(), None).await.standing.lease.unwrap().dev;
        assert!(matches!(explained(&world, &dev, None).await.unwrap(), Explanation::Seats(seats) if seats.len() == 2));
        assert_eq!(explained(&world, &"0".repeat(64), None).await.unwrap_err().code, ErrorCode::NotFound);
        // Whoever may see licenses may ask.
        let viewer = world.member(Role::Viewer).await;
        assert!(world.service.explain(&viewer.actor, &seat.to_string(), None).await.is_ok());
    }

    async fn the_published_behaviour_is_what_is_explained(db: TestDb) {
        let world = World::new(&db).await;
        let file: Value = serde_json::from_str(&vectors("client-v1.json")).unwrap();
        let root = PublicKey::from_b64u(file["roots"][0].as_str().unwrap()).unwrap();
        let document = |name: &Value| name.as_str().and_then(|name| file["documents"][name.trim_start_matches('@')].as_str());
        let mut compared = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let named = vector["name"].as_str().unwrap();
            let state = &vector["state"];
            let plain = named.starts_with("launch-") && state["manifest"] == json!("@manifest");
            // A client passes over a denial that is not for it; whoever asks is told.
            if !plain || named.starts_with("launch-denial-of-") || named == "launch-denial-damaged" {
                continue;
            }
            let documents = [document(&state["lease"]), document(&state["denial"])];
            let pasted = documents.into_iter().flatten().collect::<Vec<_>>().join("\n");
            if compared == 0 {
                trust(&world, root, 1_000, document(&state["manifest"]).unwrap()).await;
            }
            let at = UnixSeconds(vector["clock"]["wall"].as_i64().unwrap());
            let found = device(&world, &pasted, Some(at)).await;
            assert_eq!(json!(found.standing.verdict), vector["expect"]["verdict"], "{named}");
            // Ids of the vectors are none of this installation's.
            assert_eq!((found.license, found.answer), (None, Answer::Unverifiable), "{named}");
            compared += 1;
        }
        assert!(compared >= 25, "{compared}");
    }

    async fn the_published_leases_are_explained_as_they_verify(db: TestDb) {
        let world = World::new(&db).await;
        let file: VectorFile = serde_json::from_str(&vectors("lease-v1.json")).unwrap();
        let root = SigningKey::from_seed(&[77; 32]);
        let mut compared = 0;
        for (number, vector) in (1_001..).zip(&file.vectors) {
            let bare = vector.token.starts_with("eyJ") && !vector.token.contains(char::is_whitespace);
            // What is expected of it beside its kind is nothing that a paste says.
            let of_expectation = matches!(
                vector.expect,
                conformance::Answer::Error(Refusal::Product | Refusal::License | Refusal::Device | Refusal::Typ | Refusal::KeyInvalid)
            );
            let of_root = vector.typ == "holdfast-keys+jwt" || vector.keys.iter().any(|key| key.uses.iter().any(|usage| usage == "keys"));
            if !bare || of_expectation || of_root {
                continue;
            }
            let keys = vector.keys.iter().map(entry).collect();
            let manifest = KeyManifest { v: VERSION, iss: "vnd_1".to_owned(), iat: UnixSeconds(0), seq: number, endpoints: None, keys };
            trust(&world, root.public_key(), number, &sign(&manifest, &root).unwrap()).await;
            let explanation = explained(&world, &vector.token, Some(vector.now)).await.unwrap();
            match (&vector.expect, explanation) {
                (conformance::Answer::Error(expected), Explanation::Refused(refusal)) => assert_eq!(refusal, *expected, "{}", vector.name),
                // The client looks at what a lease leaves after its end as well.
                (conformance::Answer::Verdict(_), Explanation::Device(found)) if vector.name == "fallback-after-exp" => {
                    assert_eq!((found.standing.verdict, found.standing.rule), (Verdict::Limited, Rule::Fallback));
                }
                (conformance::Answer::Verdict(expected), Explanation::Device(found)) if expected != "verified" => {
                    assert_eq!(name(found.standing.verdict), expected, "{}", vector.name);
                }
                (conformance::Answer::Verdict(expected), Explanation::Device(_) | Explanation::Revocations { .. }) => {
                    assert_eq!(expected, "verified", "{}", vector.name);
                }
                (expected, other) => panic!("{}: {expected:?}, {other:?}", vector.name),
            }
            compared += 1;
        }
        assert!(compared >= 150, "{compared}");
    }
}
