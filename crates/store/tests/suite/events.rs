//! The audit chain: whole under concurrency, and broken by any tampering.

use crate::{
    claims::futures_all,
    support::{Fixture, event, terms, vendor},
};
use holdfast_domain::SeatModel;
use holdfast_store::{PageRequest, StoreError, WriteOptions, events, raw};
use holdfast_testkit::both;

async fn append(f: &Fixture, subject: String) -> Result<(), StoreError> {
    let scope = f.scope;
    f.store
        .write(WriteOptions::default(), move |tx| {
            let subject = subject.clone();
            Box::pin(async move {
                tx.event(event(scope, "license.issued", &subject));
                Ok(())
            })
        })
        .await
}

async fn number_of_events(f: &Fixture) -> i64 {
    match events::verify(&mut f.store.reader(), f.scope).await.unwrap() {
        events::Verdict::Whole { events, .. } => events,
        broken @ events::Verdict::Broken { .. } => panic!("{broken:?}"),
    }
}

both! {
    async fn concurrent_events_of_two_nodes_and_vendors_form_whole_chains(db: TestDb) {
        let (one, two) = (db.store(), db.another_node().await);
        let f = vendor(&one, terms(SeatModel::NodeLocked, 1)).await;
        let g = vendor(&one, terms(SeatModel::NodeLocked, 1)).await;
        let tasks = (0..600u32).map(|n| {
            let store = if n % 2 == 0 { one.clone() } else { two.clone() };
            let base = if n % 3 == 0 { g.clone() } else { f.clone() };
            tokio::spawn(async move { append(&Fixture { store, ..base }, format!("lic_{n}")).await.unwrap() })
        });
        futures_all(tasks).await;
        assert_eq!((number_of_events(&f).await, number_of_events(&g).await), (400, 200));
        let subject = events::EventFilter { subject: Some("lic_1".to_owned()), ..Default::default() };
        let found = events::list(&mut one.reader(), f.scope, &subject, &PageRequest::default()).await.unwrap();
        assert_eq!(found.items.len(), 1);
        assert_eq!(found.total.rows, 1);
    }

    async fn a_long_chain_is_walked_in_parts(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let scope = f.scope;
        let many = f.store.write::<_, StoreError, _>(WriteOptions::default(), move |tx| {
            Box::pin(async move {
                for n in 0..2_500 {
                    tx.event(event(scope, "license.issued", &format!("lic_{n}")));
                }
                Ok(())
            })
        });
        many.await.unwrap();
        let mut at = 0;
        let mut stops = Vec::new();
        let verdict = loop {
            match events::walk(&mut f.store.reader(), f.scope, at, 1_000).await.unwrap() {
                events::Walked::SoFar { number, last } => {
                    assert_eq!(last, 2_500);
                    stops.push(number);
                    at = number;
                }
                events::Walked::Done(verdict) => break verdict,
            }
        };
        assert_eq!(stops, [1_000, 2_000]);
        assert_eq!(verdict, events::verify(&mut f.store.reader(), f.scope).await.unwrap());
        assert!(matches!(verdict, events::Verdict::Whole { events: 2_500, .. }));
        let beyond = events::walk(&mut f.store.reader(), f.scope, 2_501, 1_000).await.unwrap();
        assert_eq!(beyond, events::Walked::Done(events::Verdict::Broken { number: 2_501 }));
    }

    async fn an_event_that_was_changed_taken_out_or_added_is_noticed(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        for n in 0..20 {
            append(&f, format!("lic_{n}")).await.unwrap();
        }
        assert_eq!(number_of_events(&f).await, 20);
        let copy = "CREATE TABLE copy AS SELECT * FROM events";
        let heads = "CREATE TABLE heads AS SELECT * FROM event_heads";
        raw::run(&db.db, &format!("{copy}; {heads}")).await.unwrap();
        for (what, number) in [
            ("UPDATE events SET subject = 'lic_x' WHERE number = 7", 7),
            ("UPDATE events SET actor = '{\"type\":\"system\"} ' WHERE number = 3", 3),
            ("UPDATE events SET at = at + 1 WHERE number = 20", 20),
            ("UPDATE events SET data = '{}' WHERE number = 1", 1),
            ("DELETE FROM events WHERE number = 20", 20),
            ("DELETE FROM events WHERE number = 1", 1),
            ("DELETE FROM events WHERE number = 11", 11),
            ("DELETE FROM events WHERE number > 10; UPDATE event_heads SET number = 10", 11),
            ("UPDATE event_heads SET number = 19", 20),
        ] {
            raw::run(&db.db, what).await.unwrap();
            let verdict = events::verify(&mut f.store.reader(), f.scope).await.unwrap();
            assert_eq!(verdict, events::Verdict::Broken { number }, "{what}");
            let restore = "DELETE FROM events; INSERT INTO events SELECT * FROM copy;
                DELETE FROM event_heads; INSERT INTO event_heads SELECT * FROM heads";
            raw::run(&db.db, restore).await.unwrap();
            assert_eq!(number_of_events(&f).await, 20, "restored after: {what}");
        }
    }

    async fn an_event_of_a_job_that_fails_is_not_written(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let scope = f.scope;
        let tasks = (0..200u32).map(|n| {
            let store = f.store.clone();
            tokio::spawn(async move {
                let result: Result<(), StoreError> = store.write(WriteOptions::default(), move |tx| Box::pin(async move {
                    tx.event(event(scope, "x", &n.to_string()));
                    if n % 4 == 0 { Err(StoreError::Busy) } else { Ok(()) }
                })).await;
                assert_eq!(result.is_err(), n % 4 == 0);
            })
        });
        futures_all(tasks).await;
        assert_eq!(number_of_events(&f).await, 150);
    }
}
