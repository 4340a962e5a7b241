//! Lists that are narrowed by how licenses are used, and by several conditions at once: what is kept beside the rows stays
//! true, and no page looks at more than it may.

use crate::support::{Fixture, NOW, entropy, request, terms, vendor};
use holdfast_domain::{CustomerId, LicenseId, LicenseStatus, PlanId, SeatModel, SeatState, Seconds, Timestamp};
use holdfast_store::{
    Cursor, Direction, Limit, PageRequest, StoreError, WriteOptions, customers, licenses, migrate, orders, plans, raw,
    seats,
};
use holdfast_testkit::both;
use std::collections::BTreeSet;

/// All pages of a list of licenses, and how many pages those were.
async fn walked(
    f: &Fixture,
    filter: &licenses::LicenseFilter,
    sort: licenses::LicenseSort,
    direction: Direction,
    size: u32,
) -> (Vec<LicenseId>, usize) {
    let (mut ids, mut pages, mut after) = (Vec::new(), 0, None::<Cursor>);
    loop {
        let page = PageRequest { limit: Limit::new(size), after, sort, direction, counted: size != 2 };
        let found = licenses::list(&mut f.store.reader(), f.scope, filter, &page, NOW).await.unwrap();
        ids.extend(found.items.iter().map(|row| row.row.license.id));
        pages += 1;
        after = found.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
}

async fn ids(f: &Fixture, filter: licenses::LicenseFilter) -> BTreeSet<LicenseId> {
    let (found, _) = walked(f, &filter, licenses::LicenseSort::Created, Direction::Descending, 200).await;
    let all: BTreeSet<LicenseId> = found.iter().copied().collect();
    assert_eq!(all.len(), found.len(), "each once");
    for sort in [
        licenses::LicenseSort::Ends,
        licenses::LicenseSort::Customer,
        licenses::LicenseSort::LastSeen,
        licenses::LicenseSort::Taken,
    ] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let (found, _) = walked(f, &filter, sort, direction, 2).await;
            assert_eq!((found.len(), found.into_iter().collect::<BTreeSet<_>>()), (all.len(), all.clone()), "{sort:?}");
        }
    }
    all
}

async fn sorted(f: &Fixture, sort: licenses::LicenseSort) -> Vec<LicenseId> {
    walked(f, &licenses::LicenseFilter::default(), sort, Direction::Ascending, 3).await.0
}

async fn write<F>(f: &Fixture, job: F)
where
    F: for<'a> Fn(&'a mut holdfast_store::Tx) -> holdfast_store::BoxFuture<'a, Result<(), StoreError>>
        + Send
        + Sync
        + 'static,
{
    f.store.write::<_, StoreError, _>(WriteOptions::alone(), job).await.unwrap();
}

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Seconds(seconds))
}

both! {
    async fn how_licenses_are_used_is_found_and_sorted_by(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        other.claim(other.license(terms(SeatModel::NodeLocked, 1)).await, 1).await.unwrap();
        let (unused, full, busy, over) = (
            f.license(terms(SeatModel::NodeLocked, 2)).await,
            f.license(terms(SeatModel::NodeLocked, 1)).await,
            f.license(terms(SeatModel::NodeLocked, 9)).await,
            f.license(terms(SeatModel::NodeLocked, 3)).await,
        );
        let day = 86_400;
        f.claim_with(full, request(1, None, later(-40 * day))).await.unwrap();
        for n in 0..2 {
            f.claim_with(busy, request(n, None, later(-35 * day + i64::from(n)))).await.unwrap();
        }
        for n in 0..3 {
            f.claim_with(over, request(n, None, later(-3 * day))).await.unwrap();
        }
        let scope = f.scope;
        // Fewer seats than are taken.
        write(&f, move |tx| Box::pin(async move {
            let mut row = licenses::lock(tx, scope, over).await?.unwrap();
            row.license.terms.seats = 2;
            licenses::update(tx, scope, &row.license, NOW).await.map(|_| ())
        })).await;
        let by = licenses::LicenseFilter::default;
        assert_eq!(ids(&f, by()).await, BTreeSet::from([unused, full, busy, over]));
        assert_eq!(ids(&f, licenses::LicenseFilter { activated: Some(false), ..by() }).await, BTreeSet::from([unused]));
        assert_eq!(ids(&f, licenses::LicenseFilter { activated: Some(true), ..by() }).await, BTreeSet::from([full, busy, over]));
        let taken = |seats| licenses::LicenseFilter { seats: Some(seats), ..by() };
        assert_eq!(ids(&f, taken(licenses::SeatsTaken::Full)).await, BTreeSet::from([full, over]));
        assert_eq!(ids(&f, taken(licenses::SeatsTaken::Over)).await, BTreeSet::from([over]));
        let silent = licenses::LicenseFilter { not_seen_since: Some(later(-30 * day)), ..by() };
        assert_eq!(ids(&f, silent.clone()).await, BTreeSet::from([full, busy]));
        assert_eq!(sorted(&f, licenses::LicenseSort::Taken).await, [unused, full, busy, over]);
        assert_eq!(sorted(&f, licenses::LicenseSort::LastSeen).await, [unused, full, busy, over]);
        // A renewal is heard of, and a second one within the hour changes nothing.
        let seat = seats::active_of_license(&mut f.store.reader(), scope, busy).await.unwrap().remove(0).seat.id;
        for at in [later(-60), later(-30)] {
            write(&f, move |tx| Box::pin(async move {
                let touch = seats::SeatTouch {
                    seat, last_seen_at: at, seq: at.seconds().0, denial_seq: 0, lease_ends_at: at, offline_until: at,
                    app_version: None, platform: None, continuity: 0, region: None,
                };
                seats::touch_many(tx, &[touch]).await.map(|busy| assert!(busy.is_empty()))
            })).await;
        }
        assert_eq!(ids(&f, silent).await, BTreeSet::from([full]));
        assert_eq!(sorted(&f, licenses::LicenseSort::LastSeen).await, [unused, full, over, busy]);
        // A seat that is freed.
        write(&f, move |tx| Box::pin(async move { seats::release(tx, scope, seat, NOW).await.map(|_| ()) })).await;
        let (_, pages) = walked(&f, &by(), licenses::LicenseSort::Taken, Direction::Ascending, 1).await;
        assert_eq!(pages, 4);
        assert_eq!(sorted(&f, licenses::LicenseSort::Taken).await.last(), Some(&over));
    }

    async fn licenses_are_sorted_by_who_holds_them_whatever_becomes_of_the_name(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let (zoe, ada) = (f.customer("Zoë", "zoe@example.com").await, f.customer("ada", "ada@example.com").await);
        let mut licenses = Vec::new();
        for customer in [Some(zoe), Some(ada), None] {
            let mut new = f.new_license(terms(SeatModel::NodeLocked, 5));
            new.license.customer = customer;
            f.insert(&new).await;
            licenses.push(new.license.id);
        }
        let [of_zoe, of_ada, nobodys] = licenses[..] else { unreachable!() };
        let sort = licenses::LicenseSort::Customer;
        assert_eq!(sorted(&f, sort).await, [nobodys, of_ada, of_zoe]);
        let scope = f.scope;
        let rename = move |id: CustomerId, name: &'static str| {
            let f = f.clone();
            async move {
                write(&f, move |tx| Box::pin(async move {
                    let mut row = customers::get(tx, scope, id).await?.unwrap();
                    row.name = name.parse().unwrap();
                    customers::update(tx, scope, &row).await.map(|_| ())
                })).await;
                f
            }
        };
        let f = rename(ada, "Zz Ada").await;
        assert_eq!(sorted(&f, sort).await, [nobodys, of_zoe, of_ada]);
        // Found by the new name, and no longer by the old one.
        let q = |text: &str| licenses::LicenseFilter { q: Some(text.to_owned()), ..Default::default() };
        assert_eq!(ids(&f, q("zz a")).await, BTreeSet::from([of_ada]));
        assert_eq!(ids(&f, q("OË")).await.len(), 0, "two letters are a beginning");
        assert_eq!(ids(&f, q("ZOË")).await, BTreeSet::from([of_zoe]));
        // Handed to another.
        write(&f, move |tx| Box::pin(async move {
            let mut row = licenses::lock(tx, scope, nobodys).await?.unwrap();
            row.license.customer = Some(ada);
            licenses::update(tx, scope, &row.license, NOW).await.map(|_| ())
        })).await;
        assert_eq!(sorted(&f, sort).await[0], of_zoe);
        assert_eq!(ids(&f, q("ada@example")).await, BTreeSet::from([of_ada, nobodys]));
    }

    async fn devices_orders_and_people_are_found_by_any_part_of_their_names(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 5)).await;
        other.claim(other.license(terms(SeatModel::NodeLocked, 5)).await, 7_123).await.unwrap();
        let customer = f.customer("Größe & Söhne", "buero@example.com").await;
        let order = holdfast_domain::OrderId::new(NOW, &entropy());
        let scope = f.scope;
        write(&f, move |tx| Box::pin(async move {
            let row = orders::OrderRow {
                id: order, vendor: scope.vendor(), customer: Some(customer), external_id: "INV-2026/00042".to_owned(),
                status: orders::OrderStatus::Paid, created_at: NOW, updated_at: NOW, refunded_at: None,
            };
            orders::insert(tx, scope, &row).await
        })).await;
        let mut new = f.new_license(terms(SeatModel::NodeLocked, 5));
        (new.license.customer, new.license.order) = (Some(customer), Some(order));
        f.insert(&new).await;
        let license = new.license.id;
        let plain = f.license(terms(SeatModel::NodeLocked, 5)).await;
        f.claim_with(license, request(7_123, Some("grace@example.org"), NOW)).await.unwrap();
        let seats::Claim::Claimed(claimed) = f.claim(plain, 9_001).await.unwrap() else { panic!("a seat is free") };
        let q = |text: &str| licenses::LicenseFilter { q: Some(text.to_owned()), ..Default::default() };
        for text in ["7123", "computer 7", "RACE@EXAMPLE", "2026/000", "größe", "SÖHNE", "ro@exa"] {
            assert_eq!(ids(&f, q(text)).await, BTreeSet::from([license]), "{text}");
        }
        for text in ["100%", "_omputer", "%", "\"", "' OR 1=1 --", "7123*", "NEAR(", "\0"] {
            assert!(ids(&f, q(text)).await.is_empty() || text == "\0", "{text}");
        }
        let seats_of = async |filter: seats::SeatFilter| {
            let page = PageRequest::default();
            seats::list(&mut f.store.reader(), scope, &filter, &page).await.unwrap().items.len()
        };
        let by = seats::SeatFilter::default;
        for (text, count) in [("computer", 2), ("9001", 1), ("grace", 1), ("größe", 1), ("abcd", 2), ("nothing", 0)] {
            assert_eq!(seats_of(seats::SeatFilter { q: Some(text.to_owned()), ..by() }).await, count, "{text}");
        }
        assert_eq!(seats_of(seats::SeatFilter { platform: Some("linux".to_owned()), ..by() }).await, 2);
        assert_eq!(seats_of(seats::SeatFilter { platform: Some("amiga".to_owned()), ..by() }).await, 0);
        assert_eq!(seats_of(seats::SeatFilter { state: Some(SeatState::Released), ..by() }).await, 0);
        assert_eq!(seats_of(seats::SeatFilter { customer: Some(customer), state: Some(SeatState::Active), ..by() }).await, 1);
        // A device that is renamed.
        let seat = claimed.seat.seat.id;
        write(&f, move |tx| Box::pin(async move {
            seats::rename(tx, scope, seat, &"Workshop ÄRGER".parse().unwrap()).await.map(|_| ())
        })).await;
        assert_eq!(ids(&f, q("9001")).await.len(), 0);
        assert_eq!(ids(&f, q("kshop")).await, BTreeSet::from([plain]));
        assert_eq!(ids(&f, q("ärger")).await, BTreeSet::from([plain]));
        let orders_of = async |q: &str| {
            let filter = orders::OrderFilter { q: Some(q.to_owned()), ..Default::default() };
            orders::list(&mut f.store.reader(), scope, &filter, &PageRequest::default()).await.unwrap().items.len()
        };
        assert_eq!([orders_of("2026/0").await, orders_of("IN").await, orders_of("söhne").await, orders_of("x").await], [1, 1, 1, 0]);
        let counts = licenses::of_orders(&mut f.store.reader(), scope, &[order]).await.unwrap();
        assert_eq!(counts.get(&order), Some(&1));
    }

    async fn a_page_looks_at_no_more_than_it_may_and_none_is_missed(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let rare = PlanId::new(NOW, &entropy());
        let (scope, product) = (f.scope, f.product);
        write(&f, move |tx| Box::pin(async move {
            let row = plans::PlanRow {
                id: rare, vendor: scope.vendor(), product, code: "rare".parse().unwrap(), name: "Rare".parse().unwrap(),
                terms: terms(SeatModel::NodeLocked, 5), created_at: NOW, updated_at: NOW, archived_at: None,
            };
            plans::insert(tx, scope, &row).await
        })).await;
        // Twice as many as a page looks at; those of the one plan are the last by name.
        for part in 0..4 {
            let base = f.clone();
            write(&f, move |tx| {
                let f = base.clone();
                Box::pin(async move {
                    let customer = customers::CustomerRow {
                        id: CustomerId::new(NOW, &entropy()), vendor: scope.vendor(), name: format!("C{part}").parse().unwrap(),
                        email: None, external_id: None, created_at: NOW, updated_at: NOW,
                    };
                    customers::insert(tx, scope, &customer).await?;
                    let new: Vec<_> = (0..5_100).map(|_| {
                        let mut new = f.new_license(terms(SeatModel::NodeLocked, 5));
                        new.license.customer = Some(customer.id);
                        if part < 2 { new.license.status = LicenseStatus::Suspended; } else { new.license.plan = rare; }
                        new
                    }).collect();
                    licenses::insert_many(tx, scope, &new).await.map(|_| ())
                })
            }).await;
        }
        let filter = licenses::LicenseFilter { plan: Some(rare), activated: Some(false), ..Default::default() };
        let page = PageRequest {
            limit: Limit::new(50), sort: licenses::LicenseSort::Customer, direction: Direction::Ascending, ..Default::default()
        };
        let first = licenses::list(&mut f.store.reader(), scope, &filter, &page, NOW).await.unwrap();
        assert!(first.items.is_empty() && first.next.is_some(), "none among the first 2 500");
        assert_eq!((first.total.rows, first.total.exact), (0, false));
        for direction in [Direction::Ascending, Direction::Descending] {
            for sort in [licenses::LicenseSort::Customer, licenses::LicenseSort::Created, licenses::LicenseSort::LastSeen] {
                let (found, _) = walked(&f, &filter, sort, direction, 200).await;
                assert_eq!((found.len(), found.into_iter().collect::<BTreeSet<_>>().len()), (10_200, 10_200), "{sort:?}");
            }
        }
        // Two conditions that nothing meets.
        let none = licenses::LicenseFilter {
            plan: Some(rare), state: Some(holdfast_domain::LicenseState::Suspended), ..Default::default()
        };
        for sort in [licenses::LicenseSort::Created, licenses::LicenseSort::Taken] {
            assert_eq!(walked(&f, &none, sort, Direction::Descending, 200).await.0.len(), 0);
        }
    }

    async fn what_was_there_before_is_gone_through_by_an_update(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        for n in 0..3 {
            f.customer(&format!("Ünal {n}"), &format!("unal{n}@example.com")).await;
        }
        let license = f.license(terms(SeatModel::NodeLocked, 5)).await;
        f.license(terms(SeatModel::NodeLocked, 2)).await;
        for device in 0..3 {
            f.claim(license, device).await.unwrap();
        }
        let kept = async || {
            let used = "SELECT holder, CAST(taken AS TEXT), CAST(free AS TEXT), CAST(seen_at AS TEXT) FROM license_use ORDER BY 2";
            let texts = "SELECT kind, text FROM texts ORDER BY 2";
            [raw::run(&db.db, used).await.unwrap(), raw::run(&db.db, texts).await.unwrap()]
        };
        let before = kept().await;
        assert_eq!((before[0].len(), before[1].len()), (2, 6), "{before:?}");
        raw::run(&db.db, "DELETE FROM license_use; DELETE FROM texts").await.unwrap();
        if !db.is_postgres() {
            for table in ["texts_of_customers", "texts_of_orders", "texts_of_seats"] {
                raw::run(&db.db, &format!("INSERT INTO {table} ({table}) VALUES ('delete-all')")).await.unwrap();
            }
        }
        raw::run(&db.db, "DELETE FROM _sqlx_migrations WHERE version = 12").await.unwrap();
        let (one, two) = tokio::join!(migrate(&db.db), migrate(&db.db));
        one.and(two).unwrap();
        assert_eq!(kept().await, before);
        // Broken off, it begins again.
        raw::run(&db.db, "DELETE FROM _sqlx_migrations WHERE version = 12").await.unwrap();
        migrate(&db.db).await.unwrap();
        assert_eq!(kept().await, before);
        let filter = customers::CustomerFilter { q: Some("nal 2".to_owned()) };
        let page = PageRequest::default();
        let found = customers::list(&mut f.store.reader(), f.scope, &filter, &page).await.unwrap();
        assert_eq!(found.items.len(), 1);
    }

    async fn what_comes_while_somebody_pages_moves_nothing(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let mut known = BTreeSet::new();
        for n in 0..9u32 {
            let license = f.license(terms(SeatModel::NodeLocked, 5)).await;
            for device in 0..n % 3 {
                f.claim_with(license, request(device, None, later(i64::from(n)))).await.unwrap();
            }
            known.insert(license);
        }
        for sort in [licenses::LicenseSort::Created, licenses::LicenseSort::Ends, licenses::LicenseSort::Customer, licenses::LicenseSort::LastSeen, licenses::LicenseSort::Taken] {
            let (mut met, mut after) = (Vec::new(), None::<Cursor>);
            loop {
                let page = PageRequest { limit: Limit::new(2), after, sort, direction: Direction::Ascending, counted: true };
                let filter = licenses::LicenseFilter::default();
                let found = licenses::list(&mut f.store.reader(), f.scope, &filter, &page, NOW).await.unwrap();
                met.extend(found.items.iter().map(|row| row.row.license.id));
                after = found.next;
                if after.is_none() { break }
                f.license(terms(SeatModel::NodeLocked, 5)).await;
                if met.len() > 40 { break }
            }
            let once: BTreeSet<LicenseId> = met.iter().copied().collect();
            assert_eq!(once.len(), met.len(), "{sort:?}: none twice");
            if sort != licenses::LicenseSort::Created {
                let missed: Vec<_> = known.difference(&once).collect();
                assert!(missed.is_empty() || met.len() > 40, "{sort:?}: {missed:?} were missed");
            }
        }
    }
}
