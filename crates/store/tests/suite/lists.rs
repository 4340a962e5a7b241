//! Lists: every row on exactly one page, whatever the order; filters and totals.

use crate::support::{Fixture, NOW, entropy, event, request, terms, vendor};
use holdfast_domain::{LicenseState, LicenseStatus, OrderId, SeatModel, Seconds, Timestamp};
use holdfast_store::{
    Cursor, CursorError, Direction, Limit, ListError, Page, PageRequest, StoreError, Total, WriteOptions, customers,
    events, imports, licenses, members, orders, plans, products, seats, tokens,
};
use holdfast_testkit::both;
use std::collections::BTreeSet;

/// Walks all pages of `size` rows and returns the rows' names in the order met.
macro_rules! walk {
    ($sort:expr, $direction:expr, $size:expr, |$page:ident| $list:expr, |$row:ident| $name:expr) => {{
        let mut names = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let $page = PageRequest {
                limit: Limit::new($size),
                after: after.clone(),
                sort: $sort,
                direction: $direction,
                counted: true,
            };
            let found: Page<_> = $list.await.unwrap();
            assert!(found.items.len() <= Limit::new($size).rows());
            names.extend(found.items.iter().map(|$row| $name));
            match found.next {
                // A cursor survives the way through a URL.
                Some(next) => after = Some(next.to_string().parse().unwrap()),
                None => break (names, found.total),
            }
        }
    }};
}

/// Walks up and down and checks that the two are each other's mirror image, without a row twice or missing.
macro_rules! complete {
    ($count:expr, $sort:expr, |$page:ident| $list:expr, |$row:ident| $name:expr) => {{
        let mut walks = Vec::new();
        for size in [1, 7, 200] {
            for direction in [Direction::Ascending, Direction::Descending] {
                let (mut names, total) = walk!($sort, direction, size, |$page| $list, |$row| $name);
                assert_eq!(total, Total { rows: $count as u64, exact: true });
                assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), $count, "each exactly once");
                assert_eq!(names.len(), $count);
                if direction == Direction::Descending {
                    names.reverse();
                }
                walks.push(names);
            }
        }
        assert!(walks.windows(2).all(|pair| pair[0] == pair[1]), "the same order in both directions and all sizes");
        walks.remove(0)
    }};
}

async fn fill(f: &Fixture) -> (Vec<holdfast_domain::CustomerId>, OrderId) {
    let mut customers = Vec::new();
    for n in 0..20 {
        let name = ["Ünal", "ada", "Bob", "Ada"][n % 4];
        customers.push(f.customer(&format!("{name} {n}"), &format!("{name}{n}@example.com")).await);
    }
    let order = OrderId::new(NOW, &entropy());
    let (scope, base, all) = (f.scope, f.clone(), customers.clone());
    f.store
        .write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            let (f, all) = (base.clone(), all.clone());
            Box::pin(async move {
                let rows: Vec<_> = (0..23u32)
                    .map(|n| orders::OrderRow {
                        id: if n == 0 { order } else { OrderId::new(NOW, &entropy()) },
                        vendor: scope.vendor(),
                        customer: Some(all[n as usize % 3]),
                        external_id: format!("ORD-{n}"),
                        status: if n % 4 == 0 { orders::OrderStatus::Refunded } else { orders::OrderStatus::Paid },
                        created_at: NOW,
                        updated_at: NOW,
                        refunded_at: None,
                    })
                    .collect();
                orders::insert_many(tx, scope, &rows).await?;
                let new: Vec<_> = (0..60u32)
                    .map(|n| {
                        let mut new = f.new_license(terms(SeatModel::NodeLocked, 5));
                        new.license.customer = Some(all[n as usize % all.len()]);
                        new.license.order = (n % 10 == 0).then_some(order);
                        new.license.status = match n % 6 {
                            0 => LicenseStatus::Suspended,
                            1 => LicenseStatus::Revoked,
                            _ => LicenseStatus::Active,
                        };
                        // Several end at the very same moment.
                        new.license.expires_at = (n % 3 != 0).then(|| NOW.plus(Seconds(i64::from(n % 5) * 100 - 200)));
                        new.key_hint = if n == 17 { "WXYZ".to_owned() } else { "ABCD".to_owned() };
                        new
                    })
                    .collect();
                assert!(licenses::insert_many(tx, scope, &new).await?.is_empty());
                for n in 0..30 {
                    tx.event(event(
                        scope,
                        if n % 2 == 0 { "license.issued" } else { "seat.claimed" },
                        &format!("lic_{}", n % 3),
                    ));
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    (customers, order)
}

async fn licenses_of(f: &Fixture, filter: licenses::LicenseFilter) -> usize {
    let q = &mut f.store.reader();
    let (names, total) = walk!(
        licenses::LicenseSort::Created,
        Direction::Descending,
        13,
        |page| licenses::list(q, f.scope, &filter, &page, NOW),
        |row| row.row.license.id
    );
    assert_eq!(total.rows, names.len() as u64);
    names.len()
}

both! {
    async fn pages_are_complete_in_every_order(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 5)).await;
        fill(&other).await;
        fill(&f).await;
        let scope = f.scope;
        let q = &mut f.store.reader();
        for sort in [customers::CustomerSort::Created, customers::CustomerSort::Name] {
            let filter = customers::CustomerFilter::default();
            let names = complete!(20, sort, |page| customers::list(q, scope, &filter, &page), |row| row.name.to_string());
            if sort == customers::CustomerSort::Name {
                assert!(names[0].starts_with("ada") || names[0].starts_with("Ada"), "{names:?}");
                assert!(names[19].starts_with("Ünal"), "{names:?}");
            }
        }
        for sort in [licenses::LicenseSort::Created, licenses::LicenseSort::Ends] {
            let filter = licenses::LicenseFilter::default();
            complete!(60, sort, |page| licenses::list(q, scope, &filter, &page, NOW), |row| row.row.license.id);
            let filter = licenses::LicenseFilter { product: Some(f.product), ..Default::default() };
            let rows = complete!(60, sort, |page| licenses::list(q, scope, &filter, &page, NOW),
                |row| (row.row.license.expires_at.map_or(Timestamp::from_micros(i64::MAX), |at| at), row.row.license.id));
            if sort == licenses::LicenseSort::Ends {
                assert!(rows.is_sorted(), "by end, then by id");
            }
        }
        complete!(23, (), |page| orders::list(q, scope, &orders::OrderFilter::default(), &page), |row| row.id);
        complete!(30, (), |page| events::list(q, scope, &events::EventFilter::default(), &page), |row| row.number);
        let license = f.license(terms(SeatModel::NodeLocked, 40)).await;
        for n in 0..25 {
            f.claim_with(license, request(n, None, NOW.plus(Seconds(i64::from(n % 4))))).await.unwrap();
        }
        for sort in [seats::SeatSort::Created, seats::SeatSort::LastSeen] {
            complete!(25, sort, |page| seats::list(q, scope, &seats::SeatFilter::default(), &page), |row| row.row.seat.id);
            let filter = seats::SeatFilter { license: Some(license), ..Default::default() };
            complete!(25, sort, |page| seats::list(q, scope, &filter, &page), |row| row.row.seat.id);
        }
        for sort in [products::ProductSort::Created, products::ProductSort::Code] {
            complete!(1, sort, |page| products::list(q, scope, &products::ProductFilter::default(), &page), |row| row.id);
        }
        for sort in [plans::PlanSort::Created, plans::PlanSort::Code] {
            for (text, count) in [("", 1), ("rO", 1), (" pro ", 1), ("%", 0), ("_ro", 0), ("nothing", 0)] {
                let filter = plans::PlanFilter { product: Some(f.product), archived: Some(false), q: Some(text.to_owned()) };
                complete!(count, sort, |page| plans::list(q, scope, &filter, &page), |row| row.id);
            }
        }
        complete!(0, (), |page| members::list(q, scope, None, &page), |row| row.id);
        complete!(0, (), |page| tokens::list(q, scope, None, &page), |row| row.id);
        complete!(0, (), |page| imports::list(q, scope, &page), |row| row.id);
    }

    async fn filters_and_search_find_what_they_say(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let (customers, order) = fill(&f).await;
        let by = |state| licenses::LicenseFilter { state: Some(state), ..Default::default() };
        assert_eq!(licenses_of(&f, by(LicenseState::Suspended)).await, 10);
        assert_eq!(licenses_of(&f, by(LicenseState::Revoked)).await, 10);
        let (active, expired) = (licenses_of(&f, by(LicenseState::Active)).await, licenses_of(&f, by(LicenseState::Expired)).await);
        // Of the 40 with n % 6 in 2..6, those with an end (n % 3 != 0) at or before now (n % 5 <= 2) have expired.
        let expected = (0..60).filter(|n| n % 6 > 1 && n % 3 != 0 && n % 5 <= 2).count();
        assert_eq!((expired, active), (expected, 40 - expected));
        let q = |text: &str| licenses::LicenseFilter { q: Some(text.to_owned()), ..Default::default() };
        assert_eq!(licenses_of(&f, q("…-wxyz")).await, 1);
        assert_eq!(licenses_of(&f, q("ORD-0")).await, 6);
        assert_eq!(licenses_of(&f, q("ADA1@exam")).await, 3);
        assert_eq!(licenses_of(&f, q("ünal 0")).await, 3);
        assert_eq!(licenses_of(&f, q("nobody")).await, 0);
        assert_eq!(licenses_of(&f, licenses::LicenseFilter { customer: Some(customers[4]), ..Default::default() }).await, 3);
        assert_eq!(licenses_of(&f, licenses::LicenseFilter { order: Some(order), ..Default::default() }).await, 6);
        assert_eq!(licenses_of(&f, licenses::LicenseFilter { plan: Some(f.plan), ..Default::default() }).await, 60);
        let soon = licenses::LicenseFilter { ends_before: Some(NOW.plus(Seconds(150))), ..Default::default() };
        assert_eq!(licenses_of(&f, soon).await, (0..60).filter(|n| n % 3 != 0 && matches!(n % 5, 2 | 3)).count());
        let reader = &mut f.store.reader();
        let found = |text: &str| customers::CustomerFilter { q: Some(text.to_owned()) };
        for (text, count) in [("ada", 10), ("  ADA 1", 6), ("ünal", 5), ("bob2@", 1), ("example", 20), ("@ex", 20), ("da 1", 6), ("%", 0), ("%%%", 0), ("\"a\" OR", 0), ("", 20)] {
            let page = customers::list(reader, f.scope, &found(text), &PageRequest::default()).await.unwrap();
            assert_eq!(page.items.len(), count, "{text}");
        }
        let refunded = orders::OrderFilter { status: Some(orders::OrderStatus::Refunded), ..Default::default() };
        assert_eq!(orders::list(reader, f.scope, &refunded, &PageRequest::default()).await.unwrap().items.len(), 6);
        let some = orders::OrderFilter { q: Some("ORD-1".to_owned()), ..Default::default() };
        assert_eq!(orders::list(reader, f.scope, &some, &PageRequest::default()).await.unwrap().items.len(), 11);
        let by_action = events::EventFilter { action: Some("seat.claimed".to_owned()), subject: Some("lic_1".to_owned()), ..Default::default() };
        assert_eq!(events::list(reader, f.scope, &by_action, &PageRequest::default()).await.unwrap().items.len(), 5);
    }

    async fn a_search_that_finds_thousands_is_complete_too(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let (scope, base) = (f.scope, f.clone());
        f.store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            let f = base.clone();
            Box::pin(async move {
                let rows: Vec<_> = (0..2_300).map(|n| customers::CustomerRow {
                    id: holdfast_domain::CustomerId::new(NOW, &entropy()), vendor: scope.vendor(),
                    name: format!("Company {n}").parse().unwrap(), email: Some(format!("c{n}@example.com").parse().unwrap()),
                    external_id: None, created_at: NOW, updated_at: NOW,
                }).collect();
                customers::insert_many(tx, scope, &rows).await?;
                let new: Vec<_> = rows.iter().map(|row| {
                    let mut new = f.new_license(terms(SeatModel::NodeLocked, 5));
                    new.license.customer = Some(row.id);
                    new
                }).collect();
                licenses::insert_many(tx, scope, &new).await.map(|_| ())
            })
        }).await.unwrap();
        let q = &mut f.store.reader();
        for (text, count) in [("company", 2_300), ("company 1", 1_111)] {
            let filter = customers::CustomerFilter { q: Some(text.to_owned()) };
            let found = licenses::LicenseFilter { q: Some(text.to_owned()), ..Default::default() };
            for direction in [Direction::Ascending, Direction::Descending] {
                for sort in [customers::CustomerSort::Created, customers::CustomerSort::Name] {
                    let (names, total) = walk!(sort, direction, 200, |page| customers::list(q, scope, &filter, &page), |row| row.id);
                    assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len()), (count, count), "{text}");
                    assert_eq!(total.exact, count < 2_000);
                }
                for sort in [licenses::LicenseSort::Created, licenses::LicenseSort::Ends] {
                    let (names, _) = walk!(sort, direction, 200, |page| licenses::list(q, scope, &found, &page, NOW), |row| row.row.license.id);
                    assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len()), (count, count), "{text}");
                }
            }
        }
    }

    async fn a_cursor_of_another_list_is_refused(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        fill(&f).await;
        let q = &mut f.store.reader();
        let page = PageRequest { limit: Limit::new(2), sort: licenses::LicenseSort::Ends, ..Default::default() };
        let filter = licenses::LicenseFilter::default();
        let after = licenses::list(q, f.scope, &filter, &page, NOW).await.unwrap().next;
        let page = PageRequest { after: after.clone(), sort: licenses::LicenseSort::Created, ..Default::default() };
        let refused = licenses::list(q, f.scope, &filter, &page, NOW).await;
        assert!(matches!(refused, Err(ListError::Cursor(CursorError))));
        let text = after.unwrap().to_string();
        for bad in ["", "AAAA", "e30", &text[1..], &"A".repeat(5_000)] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad}");
        }
    }

    async fn exports_bring_everything_of_one_vendor(db: TestDb) {
        use futures::TryStreamExt as _;
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 5)).await;
        fill(&other).await;
        fill(&f).await;
        let (scope, base) = (f.scope, f.clone());
        f.store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            let f = base.clone();
            Box::pin(async move {
                let new: Vec<_> = (0..2_100).map(|_| f.new_license(terms(SeatModel::NodeLocked, 5))).collect();
                let mut twice = new.clone();
                twice.truncate(3);
                for new in &mut twice { new.license.id = holdfast_domain::LicenseId::new(NOW, &entropy()); }
                assert!(licenses::insert_many(tx, scope, &new).await?.is_empty());
                let left_out = licenses::insert_many(tx, scope, &twice).await?;
                assert_eq!(left_out, twice.iter().map(|new| new.license.id).collect::<Vec<_>>());
                let hashes: Vec<_> = new.iter().map(|new| new.key_hash).chain([[9; 32]]).collect();
                assert_eq!(licenses::existing_hashes(tx, scope, f.product, &hashes).await?.len(), 2_100);
                Ok(())
            })
        }).await.unwrap();
        let all: Vec<licenses::LicenseRow> = holdfast_store::export::stream(&f.store.db().clone(), scope).try_collect().await.unwrap();
        assert_eq!(all.len(), 2_160);
        assert!(all.iter().all(|row| row.license.vendor == scope.vendor()));
        assert_eq!(all.iter().map(|row| row.license.id).collect::<BTreeSet<_>>().len(), 2_160);
        let all: Vec<events::EventRow> = holdfast_store::export::stream(&f.store.db().clone(), scope).try_collect().await.unwrap();
        assert_eq!(all.last().unwrap().number, 30);
        let all: Vec<customers::CustomerRow> = holdfast_store::export::stream(&f.store.db().clone(), scope).try_collect().await.unwrap();
        assert_eq!(all.len(), 20);
    }
}
