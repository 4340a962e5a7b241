//! What belongs to one license, or to one stretch of time, is found there, however much the vendor has beside it.

use crate::support::{Fixture, NOW, entropy, event, request, terms, vendor};
use holdfast_domain::{LicenseId, OrderId, SeatId, SeatModel, SeatState, Seconds, Timestamp};
use holdfast_store::{
    Direction, Limit, NewEvent, PageRequest, StoreError, WriteOptions, customers, events, invitations, licenses,
    members, orders, products, raw::Overheard, seats, tokens, webhooks,
};
use holdfast_testkit::both;
use std::collections::BTreeSet;

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Seconds(seconds))
}

fn overheard(f: &Fixture) -> Overheard {
    Overheard { reader: f.store.reader(), statements: Vec::new() }
}

/// Takes `n` seats of a license, one each second from `from` on.
async fn take(f: &Fixture, license: LicenseId, n: u32, from: i64) {
    let scope = f.scope;
    let take_all = f.store.write::<_, StoreError, _>(WriteOptions::alone(), move |tx| {
        Box::pin(async move {
            for n in 0..n {
                let request = request(n, None, later(from + i64::from(n)));
                let locked = seats::lock(tx, scope, license, &request.device).await?.unwrap();
                assert!(matches!(seats::claim(tx, &locked, &request).await?, seats::Claim::Claimed(_)));
            }
            Ok(())
        })
    });
    take_all.await.unwrap();
}

async fn release(f: &Fixture, seat: SeatId) {
    let scope = f.scope;
    let release = f.store.write::<_, StoreError, _>(WriteOptions::alone(), move |tx| {
        Box::pin(async move { seats::release(tx, scope, seat, NOW).await.map(|_| ()) })
    });
    release.await.unwrap();
}

/// Writes events about subjects, one after the other, each at its time.
async fn tell(f: &Fixture, told: Vec<(String, Timestamp)>) {
    let scope = f.scope;
    let tell_all = f.store.write::<_, StoreError, _>(WriteOptions::alone(), move |tx| {
        for (subject, at) in &told {
            tx.event(NewEvent { at: *at, ..event(scope, "license.changed", subject) });
        }
        Box::pin(async { Ok(()) })
    });
    tell_all.await.unwrap();
}

both! {
    async fn seats_of_a_license_are_found_by_it(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 9_000)).await;
        let (many, few, other) = (
            f.license(terms(SeatModel::NodeLocked, 9_000)).await,
            f.license(terms(SeatModel::NodeLocked, 9)).await,
            f.license(terms(SeatModel::NodeLocked, 9_000)).await,
        );
        // More than a page looks at on the way, and as many that were seen later.
        take(&f, many, 2_600, 0).await;
        take(&f, other, 2_600, 10_000).await;
        take(&f, few, 5, 0).await;
        let q = &mut overheard(&f);
        let mut newest = seats::of_license(q, f.scope, few, SeatState::Active, 200).await.unwrap();
        assert_eq!(newest.iter().map(|row| row.last_seen_at).collect::<Vec<_>>(), [4, 3, 2, 1, 0].map(later));
        let oldest = seats::active_of_license(q, f.scope, few).await.unwrap();
        newest.reverse();
        assert_eq!(
            oldest.iter().map(|row| row.seat.id).collect::<Vec<_>>(),
            newest.iter().map(|row| row.seat.id).collect::<Vec<_>>()
        );
        release(&f, oldest[4].seat.id).await;
        let freed = seats::of_license(q, f.scope, few, SeatState::Released, 200).await.unwrap();
        assert_eq!(freed.iter().map(|row| row.seat.id).collect::<Vec<_>>(), [oldest[4].seat.id]);
        let two = seats::of_license(q, f.scope, few, SeatState::Active, 2).await.unwrap();
        assert_eq!(two.iter().map(|row| row.last_seen_at).collect::<Vec<_>>(), [3, 2].map(later));
        let plans = q.plans(&db.db).await.unwrap();
        assert!(plans.contains("seats_license_idx") || plans.contains("seats_device_key"), "{plans}");
        for others in ["seats_seen_idx", "seats_vendor_key", "seats_product_idx"] {
            assert!(!plans.contains(others), "{plans}");
        }

        for (sort, state) in [(seats::SeatSort::LastSeen, None), (seats::SeatSort::Created, Some(SeatState::Active))] {
            let filter = seats::SeatFilter { license: Some(many), state, ..Default::default() };
            let page = PageRequest { sort, direction: Direction::Descending, limit: Limit::new(200), ..Default::default() };
            let found = seats::list(&mut f.store.reader(), f.scope, &filter, &page).await.unwrap();
            assert_eq!((found.items.len(), found.total.rows, found.total.exact), (200, 2_600, true), "{sort:?}");
            let next = PageRequest { after: found.next, counted: false, ..page };
            let found = seats::list(&mut f.store.reader(), f.scope, &filter, &next).await.unwrap();
            assert_eq!(found.items.len(), 200);
        }
    }

    async fn what_is_a_customers_is_found_by_them(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 9_000)).await;
        let (ada, bob) = (f.customer("Ada", "ada@example.com").await, f.customer("Bob", "bob@example.com").await);
        let license_of = async |customer, hint: &str| {
            let mut new = f.new_license(terms(SeatModel::NodeLocked, 9_000));
            (new.license.customer, new.key_hint) = (Some(customer), hint.to_owned());
            f.insert(&new).await;
            new.license.id
        };
        let (first, second, other) = (license_of(ada, "AAAA").await, license_of(ada, "BBBB").await, license_of(bob, "CCCC").await);
        // More than a page looks at on the way, and as many of somebody else that were seen later.
        take(&f, first, 2_600, 0).await;
        take(&f, second, 3, 5_000).await;
        take(&f, other, 2_600, 10_000).await;
        let (scope, mut orders) = (f.scope, Vec::new());
        for (n, customer) in [(1, ada), (2, bob), (3, ada)] {
            let order = orders::OrderRow {
                id: OrderId::new(later(n), &entropy()), vendor: scope.vendor(), customer: Some(customer),
                external_id: format!("ORD-{n}"), status: orders::OrderStatus::Paid, created_at: later(n), updated_at: later(n),
                refunded_at: None,
            };
            orders.push(order.id);
            let insert = f.store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
                let order = order.clone();
                Box::pin(async move { orders::insert(tx, scope, &order).await })
            });
            insert.await.unwrap();
        }
        let q = &mut overheard(&f);
        let mut licenses = vec![first, second];
        licenses.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(licenses::ids_of_customer(q, scope, ada, 9).await.unwrap(), licenses);
        assert_eq!(licenses::ids_of_customer(q, scope, ada, 1).await.unwrap(), licenses[..1]);
        assert_eq!(orders::ids_of_customer(q, scope, ada, 9).await.unwrap(), [orders[2], orders[0]]);
        let seats = seats::ids_of_customer(q, scope, ada, 9_000).await.unwrap();
        assert_eq!(seats.iter().collect::<BTreeSet<_>>().len(), 2_603);
        // Those of the second license were seen last, and none is another's.
        let mut newest = seats::of_license(&mut f.store.reader(), scope, second, SeatState::Active, 9).await.unwrap();
        assert_eq!(seats[..3], newest.drain(..).map(|row| row.seat.id).collect::<Vec<_>>());
        assert_eq!(seats::ids_of_customer(q, scope, ada, 3).await.unwrap(), seats[..3]);
        let hints = licenses::hints(q, scope, &[second, other, LicenseId::from_bytes([9; 16])]).await.unwrap();
        assert_eq!(hints, [(second, "BBBB".to_owned()), (other, "CCCC".to_owned())].into());
        let stranger = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await.scope;
        assert!(licenses::hints(q, stranger, &[second]).await.unwrap().is_empty());
        assert!(licenses::ids_of_customer(q, stranger, ada, 9).await.unwrap().is_empty());
        assert!(orders::ids_of_customer(q, stranger, ada, 9).await.unwrap().is_empty());
        assert!(seats::ids_of_customer(q, stranger, ada, 9).await.unwrap().is_empty());
        let plans = q.plans(&db.db).await.unwrap();
        for others in ["seats_seen_idx", "seats_product_idx", "seats_vendor_key", "licenses_ends_idx", "orders_external_key"] {
            assert!(!plans.contains(others), "{plans}");
        }
        // PostgreSQL may take another index of the vendor's for so few.
        for by in ["licenses_customer_idx", "orders_customer_idx", "seats_device_key"] {
            assert!(db.is_postgres() || plans.contains(by), "{by}: {plans}");
        }

        // A page of their seats is full however many others' were seen later, and says how many they are.
        let filter = seats::SeatFilter { customer: Some(ada), ..Default::default() };
        let page = PageRequest { sort: seats::SeatSort::LastSeen, limit: Limit::new(200), ..Default::default() };
        let q = &mut overheard(&f);
        let found = seats::list(q, scope, &filter, &page).await.unwrap();
        assert_eq!((found.items.len(), found.total.rows, found.total.exact), (200, 2_603, true));
        assert_eq!(found.items.iter().map(|row| row.row.seat.id).collect::<Vec<_>>(), seats[..200]);
        let next = PageRequest { after: found.next, counted: false, ..page };
        let found = seats::list(q, scope, &filter, &next).await.unwrap();
        assert_eq!(found.items.iter().map(|row| row.row.seat.id).collect::<Vec<_>>(), seats[200..400]);
        let plans = q.plans(&db.db).await.unwrap();
        assert!(!plans.contains("seats_seen_idx"), "{plans}");
    }

    async fn searching_a_short_table_reads_the_vendors_rows_only(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let q = &mut overheard(&f);
        let filter = products::ProductFilter { q: Some("dito".to_owned()), ..Default::default() };
        let found = products::list(q, f.scope, &filter, &PageRequest::default()).await.unwrap();
        assert_eq!(found.items.iter().map(|row| row.id).collect::<Vec<_>>(), [f.product]);
        let (search, page) = (Some("x"), PageRequest::default());
        tokens::list(q, f.scope, search, &page).await.unwrap();
        members::list(q, f.scope, search, &page).await.unwrap();
        webhooks::list(q, f.scope, search, &page).await.unwrap();
        invitations::waiting(q, f.scope, search, &PageRequest::default()).await.unwrap();
        let plans = q.plans(&db.db).await.unwrap();
        for by in ["products_vendor_key", "api_tokens_vendor_key", "members_vendor_key", "webhooks_vendor_idx", "invitations_vendor_key"] {
            // PostgreSQL may begin with another index of the vendor's.
            assert!(db.is_postgres() || plans.contains(by), "{by}: {plans}");
        }
        for whole in ["SCAN products", "SCAN api_tokens", "SCAN members", "SCAN webhooks", "SCAN invitations", "Seq Scan"] {
            assert!(!plans.contains(whole), "{whole}: {plans}");
        }
    }

    async fn no_more_seats_are_read_at_once_than_fit(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 9_000)).await;
        let (one, two) = (f.license(terms(SeatModel::NodeLocked, 9_000)).await, f.license(terms(SeatModel::NodeLocked, 9)).await);
        take(&f, one, 30, 0).await;
        take(&f, two, 3, 0).await;
        let q = &mut f.store.reader();
        assert_eq!(seats::taken_since(q, f.scope, &[one, two], NOW, 33).await.unwrap().unwrap().len(), 33);
        assert_eq!(seats::taken_since(q, f.scope, &[two], NOW, 3).await.unwrap().unwrap().len(), 3);
        assert!(seats::taken_since(q, f.scope, &[one, two], NOW, 32).await.unwrap().is_none());
        assert!(seats::taken_since(q, f.scope, &[one], NOW, 2).await.unwrap().is_none());
        assert_eq!(seats::taken_since(q, f.scope, &[], NOW, 0).await.unwrap().unwrap().len(), 0);
    }

    async fn events_of_a_time_are_found_by_halving(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        tell(&other, (0..40).map(|n| ("lic_0".to_owned(), later(n))).collect()).await;
        let found = async |f: &Fixture, since: Option<i64>, before: Option<i64>| {
            let filter = events::EventFilter { since: since.map(later), before: before.map(later), ..Default::default() };
            let page = PageRequest { limit: Limit::new(200), ..Default::default() };
            let found = events::list(&mut f.store.reader(), f.scope, &filter, &page).await.unwrap();
            assert_eq!(found.total.rows, found.items.len() as u64);
            found.items.into_iter().map(|row| row.at.since(NOW).0).rev().collect::<Vec<_>>()
        };
        assert!(found(&f, Some(0), Some(9)).await.is_empty(), "an empty log");
        // A quarter of an hour apart, each with one that was five minutes late.
        let times: Vec<i64> = (0..60).flat_map(|n| [n * 900, n * 900 - 300]).collect();
        tell(&f, times.iter().enumerate().map(|(n, at)| (format!("lic_{}", n % 3), later(*at))).collect()).await;
        for since in [None, Some(-301), Some(-300), Some(-299), Some(0), Some(600), Some(601), Some(26_999), Some(53_100), Some(53_101), Some(90_000)] {
            for before in [None, Some(-301), Some(-299), Some(0), Some(1), Some(600), Some(30_000), Some(53_101), Some(90_000)] {
                let among = |at: &&i64| since.is_none_or(|since| **at >= since) && before.is_none_or(|before| **at < before);
                let expected: Vec<i64> = times.iter().filter(among).copied().collect();
                assert_eq!(found(&f, since, before).await, expected, "{since:?} {before:?}");
            }
        }
        let q = &mut overheard(&f);
        let subjects = ["lic_0".to_owned(), "lic_1".to_owned()];
        let told = events::since(q, f.scope, &subjects, later(26_700), 1_000).await.unwrap();
        let expected: Vec<i64> =
            times.iter().enumerate().filter(|(n, at)| n % 3 < 2 && **at >= 26_700).map(|(_, at)| *at).collect();
        assert_eq!(told.iter().map(|row| row.at.since(NOW).0).collect::<Vec<_>>(), expected);
        let last = events::since(q, f.scope, &subjects, later(0), 3).await.unwrap();
        assert_eq!(last.iter().map(|row| row.number).collect::<Vec<_>>(), told[told.len() - 3..].iter().map(|row| row.number).collect::<Vec<_>>());
        // In several parts, of which each has as many.
        let many: Vec<String> = (0..1_200).map(|n| format!("lic_{}", n * 599 % 1_200)).collect();
        let last = events::since(q, f.scope, &many, later(0), 3).await.unwrap();
        assert_eq!(last.iter().map(|row| row.number).collect::<Vec<_>>(), [118, 119, 120]);
        let plans = q.plans(&db.db).await.unwrap();
        // PostgreSQL may take either index for so few.
        assert!(db.is_postgres() || plans.contains("events_subject_idx"), "{plans}");
    }

    async fn a_search_looks_at_so_many_of_all_vendors_and_is_complete(db: TestDb) {
        let other = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let many = if db.is_postgres() {
            "INSERT INTO texts (vendor, kind, subject, text) SELECT vendors.id, 'customer', gen_random_uuid(),
             'somebody ' || x FROM vendors, generate_series(1, 20000) AS of (x)"
        } else {
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
             INSERT INTO texts (vendor, kind, subject, text)
             SELECT vendors.id, 'customer', randomblob(16), 'somebody ' || x FROM vendors, n"
        };
        holdfast_store::raw::run(&db.db, many).await.unwrap();
        let f = vendor(&other.store, terms(SeatModel::NodeLocked, 5)).await;
        let mut expected = BTreeSet::new();
        for n in [20_000, 20_001, 20_002] {
            let customer = f.customer(&format!("Somebody {n}"), &format!("{n}@example.com")).await;
            let mut new = f.new_license(terms(SeatModel::NodeLocked, 5));
            new.license.customer = Some(customer);
            f.insert(&new).await;
            expected.insert(new.license.id);
            f.license(terms(SeatModel::NodeLocked, 5)).await;
        }
        for (text, exact, found) in [("somebody", false, 3), ("body 20000", true, 1), ("nobody", true, 0)] {
            let filter = licenses::LicenseFilter { q: Some(text.to_owned()), ..Default::default() };
            let page = PageRequest::default();
            let licenses = licenses::list(&mut f.store.reader(), f.scope, &filter, &page, NOW).await.unwrap();
            assert_eq!((licenses.items.len(), licenses.total.exact), (found, exact), "{text}");
            assert!(licenses.items.iter().all(|row| expected.contains(&row.row.license.id)));
            let filter = customers::CustomerFilter { q: Some(text.to_owned()) };
            let page = PageRequest::default();
            let customers = customers::list(&mut f.store.reader(), f.scope, &filter, &page).await.unwrap();
            assert_eq!((customers.items.len(), customers.total.exact), (found, exact), "{text}");
        }
    }

    async fn only_four_letters_are_the_end_of_a_key(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let customer = f.customer("Jan Bakker", "jan@example.com").await;
        let (mut of_bakker, mut strangers) =
            (f.new_license(terms(SeatModel::NodeLocked, 5)), f.new_license(terms(SeatModel::NodeLocked, 5)));
        of_bakker.license.customer = Some(customer);
        "KKER".clone_into(&mut strangers.key_hint);
        f.insert(&of_bakker).await;
        f.insert(&strangers).await;
        f.claim(strangers.license.id, 1).await.unwrap();
        let (bakker, stranger) = (of_bakker.license.id, strangers.license.id);
        for (text, expected) in [
            ("Jan Bakker", vec![bakker]), ("bakker", vec![bakker]), ("kker", vec![bakker, stranger]), ("…-KKER", vec![stranger]),
            ("AAAAA-BBBBB-CCCCC-DDDDD-EKKER", vec![]), ("ökker", vec![]), ("ker", vec![bakker]),
        ] {
            let filter = licenses::LicenseFilter { q: Some(text.to_owned()), ..Default::default() };
            let page = PageRequest::default();
            let found = licenses::list(&mut f.store.reader(), f.scope, &filter, &page, NOW).await.unwrap();
            let found: BTreeSet<_> = found.items.iter().map(|row| row.row.license.id).collect();
            assert_eq!(found, expected.iter().copied().collect(), "{text}");
            let filter = seats::SeatFilter { q: Some(text.to_owned()), ..Default::default() };
            let page = PageRequest::default();
            let found = seats::list(&mut f.store.reader(), f.scope, &filter, &page).await.unwrap();
            assert_eq!(found.items.len(), usize::from(expected.contains(&stranger)), "{text}");
        }
    }
}
