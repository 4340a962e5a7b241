//! Seats are never oversold, and everything else that claiming promises.

use crate::support::{NOW, request, terms, vendor};
use holdfast_domain::{SeatModel, SeatState, Seconds, Terms, Timestamp};
use holdfast_store::{WriteOptions, seats};
use holdfast_testkit::both;
use std::collections::HashSet;

fn claimed(claim: seats::Claim) -> Option<seats::Claimed> {
    match claim {
        seats::Claim::Claimed(claimed) => Some(claimed),
        _ => None,
    }
}

both! {
    async fn a_thousand_claims_on_ten_seats_give_exactly_ten(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 10)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 10)).await;
        let other = crate::support::Fixture { store: db.another_node().await, ..f.clone() };
        let claims = (0..1_000u32).map(|n| {
            let f = if n % 2 == 0 { f.clone() } else { other.clone() };
            tokio::spawn(async move { f.claim(license, n).await.unwrap() })
        });
        let mut seats = HashSet::new();
        let mut refused = 0;
        for claim in futures_all(claims).await {
            match claim {
                seats::Claim::Claimed(c) => assert!(!c.again && seats.insert(c.seat.seat.id)),
                seats::Claim::LimitReached(list) => {
                    assert_eq!(list.len(), 10);
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((seats.len(), refused), (10, 990));
        assert_eq!(f.used(license).await, (10, 10));
    }

    async fn the_same_devices_claiming_at_once_get_one_seat_each(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 10)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 10)).await;
        let other = crate::support::Fixture { store: db.another_node().await, ..f.clone() };
        let claims = (0..300u32).map(|n| {
            let f = if n % 2 == 0 { f.clone() } else { other.clone() };
            tokio::spawn(async move { (n / 60, claimed(f.claim(license, n / 60).await.unwrap()).unwrap()) })
        });
        let all = futures_all(claims).await;
        for device in 0..5 {
            let own: Vec<_> = all.iter().filter(|(n, _)| *n == device).collect();
            assert_eq!(own.iter().map(|(_, c)| c.seat.seat.id).collect::<HashSet<_>>().len(), 1);
            assert_eq!(own.iter().filter(|(_, c)| !c.again).count(), 1);
        }
        assert_eq!(f.used(license).await, (5, 5));
    }

    async fn overdraft_is_granted_and_told(db: TestDb) {
        let t = Terms { overdraft: 1, ..terms(SeatModel::NodeLocked, 1) };
        let f = vendor(&db.store(), t.clone()).await;
        let license = f.license(t).await;
        assert!(!claimed(f.claim(license, 1).await.unwrap()).unwrap().over_limit);
        let second = claimed(f.claim(license, 2).await.unwrap()).unwrap();
        assert!(second.over_limit && second.seats_used == 2);
        assert!(claimed(f.claim(license, 3).await.unwrap()).is_none());
    }

    async fn a_released_seat_is_free_for_others_and_its_device_gets_the_same_row_back(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 1)).await;
        let first = claimed(f.claim(license, 1).await.unwrap()).unwrap().seat.seat.id;
        assert!(claimed(f.claim(license, 2).await.unwrap()).is_none());
        for expected in [true, false] {
            let released = release(&f, license, first).await.unwrap();
            assert_eq!(released.was_active, expected);
            assert_eq!(released.seat.seat.state, SeatState::Released);
        }
        assert_eq!(f.used(license).await, (0, 0));
        let second = claimed(f.claim(license, 2).await.unwrap()).unwrap();
        assert!(claimed(f.claim(license, 1).await.unwrap()).is_none());
        release(&f, license, second.seat.seat.id).await.unwrap();
        let back = claimed(f.claim(license, 1).await.unwrap()).unwrap();
        assert_eq!((back.seat.seat.id, back.again), (first, false));
        assert_eq!(back.seat.released_at, None);
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_floating_seat_is_taken_back_when_its_lease_has_ended(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 2)).await;
        let license = f.license(terms(SeatModel::Floating, 2)).await;
        let early = claimed(f.claim(license, 1).await.unwrap()).unwrap().seat.seat.id;
        let later = NOW.plus(Seconds::minutes(15));
        claimed(f.claim_with(license, request(2, None, later)).await.unwrap()).unwrap();
        assert!(claimed(f.claim_with(license, request(3, None, later)).await.unwrap()).is_none());
        let after = NOW.plus(Seconds::minutes(21));
        let third = claimed(f.claim_with(license, request(3, None, after)).await.unwrap()).unwrap();
        assert_eq!(third.reclaimed, [early]);
        assert_eq!(f.used(license).await, (2, 2));
        assert!(claimed(f.claim_with(license, request(1, None, after)).await.unwrap()).is_none());
    }

    async fn a_named_user_takes_one_seat_on_several_devices(db: TestDb) {
        let t = terms(SeatModel::NamedUser { devices: 2 }, 2);
        let f = vendor(&db.store(), t.clone()).await;
        let license = f.license(t).await;
        let claim = |n, user| f.claim_with(license, request(n, user, NOW));
        assert!(matches!(claim(1, None).await.unwrap(), seats::Claim::UserRequired));
        let (ada, bob, cyd) = (Some("ada@example.com"), Some("bob@example.com"), Some("cyd@example.com"));
        let first = claimed(claim(1, ada).await.unwrap()).unwrap();
        let again = claimed(claim(1, None).await.unwrap()).unwrap();
        assert!(again.again && again.seat.seat.user == first.seat.seat.user, "the device has its seat already");
        assert_eq!(claimed(claim(2, ada).await.unwrap()).unwrap().seats_used, 1);
        assert!(matches!(claim(3, ada).await.unwrap(), seats::Claim::DeviceLimitReached(own) if own.len() == 2));
        assert_eq!(claimed(claim(3, bob).await.unwrap()).unwrap().seats_used, 2);
        assert!(matches!(claim(4, cyd).await.unwrap(), seats::Claim::LimitReached(all) if all.len() == 3));
        // Somebody else sits down at the first one's only other device: she keeps her place on the first.
        assert_eq!(claimed(claim(2, bob).await.unwrap()).unwrap().seats_used, 2);
        assert_eq!(f.used(license).await, (2, 3));
        release(&f, license, first.seat.seat.id).await.unwrap();
        assert_eq!(f.used(license).await.0, 1);
        assert!(claimed(claim(4, cyd).await.unwrap()).is_some());
    }

    async fn a_seat_that_was_handed_out_is_taken_before_a_device_comes(db: TestDb) {
        use seats::HandedOut;
        let t = terms(SeatModel::NamedUser { devices: 2 }, 2);
        let f = vendor(&db.store(), t.clone()).await;
        let license = f.license(t).await;
        let claim = |n, user| f.claim_with(license, request(n, Some(user), NOW));
        let (ada, bob, cyd) = ("ada@example.com", "bob@example.com", "cyd@example.com");
        assert_eq!((f.hand_out(license, ada).await, f.hand_out(license, ada).await), (HandedOut::Done, HandedOut::Had));
        assert_eq!(f.used(license).await, (1, 0));
        assert_eq!(claimed(claim(1, bob).await.unwrap()).unwrap().seats_used, 2);
        assert!(matches!(claim(2, cyd).await.unwrap(), seats::Claim::LimitReached(_)));
        assert_eq!(f.hand_out(license, cyd).await, HandedOut::Full);
        // Whoever has one by a device keeps it; whoever was handed one takes no second.
        assert_eq!(f.hand_out(license, bob).await, HandedOut::Done);
        let first = claimed(claim(2, ada).await.unwrap()).unwrap();
        assert_eq!((first.seats_used, first.over_limit), (2, false));
        let holders = seats::holders(&mut f.store.reader(), f.scope, license).await.unwrap();
        assert_eq!(holders.iter().map(|holder| holder.email.as_str()).collect::<Vec<_>>(), [ada, bob]);
        // Without a device it stays theirs.
        release(&f, license, first.seat.seat.id).await.unwrap();
        assert_eq!(f.used(license).await, (2, 1));
        assert!(matches!(claim(4, cyd).await.unwrap(), seats::Claim::LimitReached(_)));
        assert!(f.take_back(license, ada).await && !f.take_back(license, ada).await);
        assert_eq!(f.used(license).await, (1, 1));
        // A device keeps what is no longer handed out, until it is released.
        assert!(f.take_back(license, bob).await);
        assert_eq!(f.used(license).await, (1, 1));
        let second = claimed(claim(4, cyd).await.unwrap()).unwrap();
        assert_eq!(second.seats_used, 2);
        release(&f, license, second.seat.seat.id).await.unwrap();
        // What was released comes back into a seat that was handed out meanwhile, and into no other's.
        assert_eq!(f.hand_out(license, cyd).await, HandedOut::Done);
        let (scope, seat) = (f.scope, second.seat.seat.id);
        let restored = f.store.write(WriteOptions::license(license), move |tx| Box::pin(async move {
            seats::restore(tx, scope, seat, NOW, None).await
        }));
        assert!(matches!(restored.await.unwrap(), Some(seats::Restored::Done(_))));
        assert_eq!(f.used(license).await, (2, 2));
        // Counted anew it is the same; where places are of devices, devices count.
        let counted = async |model| seats::counted_as(&mut f.store.reader(), f.scope, &[license], model).await.unwrap()[&license];
        assert_eq!(counted(SeatModel::NamedUser { devices: 2 }).await, 2);
        assert!(f.take_back(license, cyd).await);
        assert_eq!(f.hand_out(license, cyd).await, HandedOut::Done);
        assert_eq!((counted(SeatModel::NamedUser { devices: 2 }).await, counted(SeatModel::NodeLocked).await), (2, 2));
        release(&f, license, seat).await.unwrap();
        assert_eq!((counted(SeatModel::NamedUser { devices: 2 }).await, counted(SeatModel::NodeLocked).await), (2, 1));
    }

    async fn of_a_customer_it_is_known_who_has_a_seat_and_no_device(db: TestDb) {
        let t = terms(SeatModel::NamedUser { devices: 2 }, 5);
        let f = vendor(&db.store(), t.clone()).await;
        let (ours, theirs) = (f.customer("Ours", "ours@example.com").await, f.customer("Theirs", "theirs@example.com").await);
        let sold = async |customer| {
            let mut new = f.new_license(t.clone());
            new.license.customer = Some(customer);
            f.insert(&new).await;
            new.license.id
        };
        let (license, other) = (sold(ours).await, sold(theirs).await);
        let waiting = async |customer, most| {
            let found = seats::without_device(&mut f.store.reader(), f.scope, customer, most).await.unwrap();
            found.into_iter().map(|one| (one.holder.license, one.holder.email.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(waiting(ours, 9).await, []);
        for who in ["bob@example.com", "ada@example.com", "cyd@example.com"] {
            f.hand_out(license, who).await;
        }
        let who = |email: &str| (license, email.to_owned());
        assert_eq!(waiting(ours, 9).await, [who("ada@example.com"), who("bob@example.com"), who("cyd@example.com")]);
        assert_eq!(waiting(ours, 2).await, [who("ada@example.com"), who("bob@example.com")]);
        assert_eq!(waiting(theirs, 9).await, [], "another customer's");
        // Whoever comes with a device waits no more; whoever lost it does again.
        let bobs = claimed(f.claim_with(license, request(1, Some("bob@example.com"), NOW)).await.unwrap()).unwrap();
        assert_eq!(waiting(ours, 9).await, [who("ada@example.com"), who("cyd@example.com")]);
        release(&f, license, bobs.seat.seat.id).await.unwrap();
        assert_eq!(waiting(ours, 9).await.len(), 3);
        // The same person on another license, and another vendor's eyes.
        f.hand_out(other, "ada@example.com").await;
        assert_eq!(waiting(theirs, 9).await, [(other, "ada@example.com".to_owned())]);
        let stranger = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        assert!(seats::without_device(&mut f.store.reader(), stranger.scope, ours, 9).await.unwrap().is_empty());
        let found = seats::without_device(&mut f.store.reader(), f.scope, theirs, 9).await.unwrap();
        assert!(!found[0].key_hint.is_empty() && !found[0].product.as_str().is_empty());
    }

    async fn seats_are_never_handed_out_and_taken_twice(db: TestDb) {
        let t = terms(SeatModel::NamedUser { devices: 1 }, 5);
        let f = vendor(&db.store(), t.clone()).await;
        let license = f.license(t).await;
        let all = (0..20u32).map(|n| {
            let f = f.clone();
            tokio::spawn(async move {
                let user = format!("user-{n}@example.com");
                if n % 2 == 0 {
                    f.hand_out(license, &user).await == seats::HandedOut::Done
                } else {
                    matches!(f.claim_with(license, request(n, Some(&user), NOW)).await.unwrap(), seats::Claim::Claimed(_))
                }
            })
        });
        let mut got = 0;
        for one in all.collect::<Vec<_>>() {
            got += u32::from(one.await.unwrap());
        }
        assert_eq!((got, f.used(license).await.0), (5, 5));
    }

    async fn releases_by_key_are_counted_within_a_window(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 3)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 3)).await;
        let seat = claimed(f.claim(license, 1).await.unwrap()).unwrap().seat.seat.id;
        let scope = f.scope;
        for day in [0, 20, 40] {
            f.store.write(WriteOptions::license(license), move |tx| Box::pin(async move {
                seats::note_release_by_key(tx, scope, license, seat, NOW.plus(Seconds::days(day))).await
            })).await.unwrap();
        }
        let since = NOW.plus(Seconds::days(10));
        assert_eq!(seats::releases_by_key(&mut f.store.reader(), scope, license, since).await.unwrap(), 2);
    }

    async fn touches_never_go_backwards(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 3)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 3)).await;
        let seat = claimed(f.claim(license, 1).await.unwrap()).unwrap().seat;
        let touch = |later: i64, version: &str| seats::SeatTouch {
            seat: seat.seat.id,
            last_seen_at: NOW.plus(Seconds(later)),
            seq: seat.seat.seq + later,
            denial_seq: 0,
            lease_ends_at: NOW.plus(Seconds(10_000 - later)),
            offline_until: NOW.plus(Seconds(20_000 - later)),
            app_version: Some(version.to_owned()),
            platform: None,
            continuity: 0,
            region: Some(format!("region {later}")),
        };
        let absent = seats::SeatTouch { seat: holdfast_domain::SeatId::from_bytes([7; 16]), ..touch(1, "x") };
        for touches in [vec![touch(50, "5"), touch(100, "10"), touch(70, "7"), absent], vec![touch(60, "6")]] {
            let busy = f.store.write(WriteOptions::last(), move |tx| {
                let touches = touches.clone();
                Box::pin(async move { seats::touch_many(tx, &touches).await })
            }).await.unwrap();
            assert_eq!(busy, []);
        }
        let now = seats::get(&mut f.store.reader(), f.scope, seat.seat.id).await.unwrap().unwrap();
        assert_eq!(now.seat.seq, seat.seat.seq + 100);
        assert_eq!(now.last_seen_at, NOW.plus(Seconds(100)));
        assert_eq!(now.seat.lease_ends_at, NOW.plus(Seconds(9_900)));
        assert_eq!((now.app_version.as_deref(), now.platform.as_deref()), (Some("10"), Some("linux")));
        assert_eq!(now.region.as_deref(), Some("region 100"));
    }

    async fn a_denial_writes_its_number_and_nothing_else(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 3)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 3)).await;
        let before = claimed(f.claim(license, 1).await.unwrap()).unwrap().seat;
        let (id, seq) = (before.seat.id, before.seat.seq);
        let lease = seats::SeatTouch {
            seat: id, last_seen_at: NOW.plus(Seconds(5)), seq: seq + 1, denial_seq: 0, lease_ends_at: NOW.plus(Seconds(77)),
            offline_until: NOW.plus(Seconds(88)), app_version: Some("9".into()), platform: None, continuity: 0, region: Some("us".into()),
        };
        let never = Timestamp::default();
        let denial = |n: i64| seats::SeatTouch {
            seq: 0, denial_seq: seq + n, last_seen_at: never, lease_ends_at: never, offline_until: never,
            app_version: None, region: None, ..lease.clone()
        };
        let write = |touches: Vec<seats::SeatTouch>| f.store.write(WriteOptions::last(), move |tx| {
            let touches = touches.clone();
            Box::pin(async move { seats::touch_many(tx, &touches).await })
        });
        write(vec![denial(3)]).await.unwrap();
        let denied = seats::get(&mut f.store.reader(), f.scope, id).await.unwrap().unwrap();
        assert_eq!(denied.seat.seq, seq + 3);
        assert_eq!((denied.last_seen_at, denied.offline_until), (before.last_seen_at, before.offline_until));
        assert_eq!(denied.region.as_deref(), Some("eu"));
        assert_eq!((denied.seat.lease_ends_at, denied.app_version), (before.seat.lease_ends_at, before.app_version));
        // A lease and denials around it, in one batch and in any order: the lease's times, the greatest number.
        let renewed = seats::SeatTouch { seq: seq + 6, denial_seq: seq + 5, ..lease.clone() };
        write(vec![denial(9), renewed, denial(8)]).await.unwrap();
        write(vec![denial(2)]).await.unwrap();
        let now = seats::get(&mut f.store.reader(), f.scope, id).await.unwrap().unwrap();
        assert_eq!((now.seat.seq, now.seat.lease_ends_at), (seq + 9, lease.lease_ends_at));
        assert_eq!((now.last_seen_at, now.app_version.as_deref()), (lease.last_seen_at, Some("9")));
        assert_eq!(now.region.as_deref(), Some("us"));
    }

    async fn many_touches_are_written_at_once(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 500)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 500)).await;
        let claims = (0..300u32).map(|n| { let f = f.clone(); tokio::spawn(async move { claimed(f.claim(license, n).await.unwrap()).unwrap().seat }) });
        let touches: Vec<_> = futures_all(claims).await.iter().map(|row| seats::SeatTouch {
            seat: row.seat.id, last_seen_at: NOW.plus(Seconds(9)), seq: row.seat.seq + 1, denial_seq: 0, lease_ends_at: NOW, offline_until: NOW,
            app_version: None, platform: None, continuity: 3, region: None,
        }).collect();
        let ids: Vec<_> = touches.iter().map(|t| t.seat).collect();
        f.store.write(WriteOptions::last(), move |tx| {
            let touches = touches.clone();
            Box::pin(async move { seats::touch_many(tx, &touches).await })
        }).await.unwrap();
        for id in ids {
            let (_, row) = f.store.seat_with_license(f.product, id).await.unwrap().unwrap();
            assert_eq!((row.last_seen_at, row.continuity, row.app_version.as_deref()), (NOW.plus(Seconds(9)), 3, Some("1.0")));
        }
    }
}

pub async fn release(
    f: &crate::support::Fixture,
    license: holdfast_domain::LicenseId,
    seat: holdfast_domain::SeatId,
) -> Option<seats::Released> {
    let scope = f.scope;
    f.store
        .write(WriteOptions::license(license), move |tx| {
            Box::pin(async move { seats::release(tx, scope, seat, NOW).await })
        })
        .await
        .unwrap()
}

pub async fn futures_all<T>(tasks: impl Iterator<Item = tokio::task::JoinHandle<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
