//! Activations and renewals by day.

use crate::support::{Fixture, NOW, event, terms, vendor};
use holdfast_domain::{SeatModel, Seconds, Timestamp};
use holdfast_store::{
    NewEvent, StoreError, WriteOptions,
    activity::{self, Happening, day_of},
    migrate, raw,
};
use holdfast_testkit::both;

/// Writes events of these kinds at these times, in one transaction that is given up at its end where so wanted.
async fn happened(f: &Fixture, what: &[(&'static str, Timestamp)], then: Result<(), StoreError>) {
    let (scope, what, given_up) = (f.scope, what.to_vec(), then.is_err());
    let written = f.store.write(WriteOptions::default(), move |tx| {
        let (what, then) = (what.clone(), then.clone());
        Box::pin(async move {
            for (action, at) in what {
                tx.event(NewEvent { at, ..event(scope, action, "sea_x") });
            }
            then
        })
    });
    assert_eq!(written.await.is_err(), given_up);
}

async fn renewed(f: &Fixture, counts: &[(Timestamp, i64)]) {
    let rows: Vec<_> = counts.iter().map(|(at, number)| (f.scope.vendor(), day_of(*at), *number)).collect();
    let written = f.store.write::<(), StoreError, _>(WriteOptions::alone(), move |tx| {
        let rows = rows.clone();
        Box::pin(async move { activity::add_renewals(tx, &rows).await })
    });
    written.await.unwrap();
}

/// What is known from `from` on: what, how many days after `from`, and how often.
async fn known(f: &Fixture, from: Timestamp) -> Vec<(Happening, i64, u64)> {
    let counts = activity::since(&mut f.store.reader(), f.scope, day_of(from)).await.unwrap();
    counts.iter().map(|count| (count.what, count.day.since(day_of(from)).0 / 86_400, count.number)).collect()
}

both! {
    async fn activations_are_counted_with_their_events_and_renewals_are_added(db: TestDb) {
        let (one, two) = (db.store(), db.another_node().await);
        let f = vendor(&one, terms(SeatModel::NodeLocked, 1)).await;
        let g = vendor(&one, terms(SeatModel::NodeLocked, 1)).await;
        let (today, tomorrow) = (NOW, NOW.plus(Seconds::DAY));
        let claimed = "seat.claimed";
        happened(&f, &[(claimed, today), ("seat.released", today), (claimed, tomorrow), (claimed, today)], Ok(())).await;
        happened(&Fixture { store: two.clone(), ..f.clone() }, &[(claimed, today)], Ok(())).await;
        happened(&f, &[(claimed, today)], Err(StoreError::Busy)).await;
        happened(&g, &[(claimed, today)], Ok(())).await;
        renewed(&f, &[(today, 5), (tomorrow, 1)]).await;
        renewed(&Fixture { store: two, ..f.clone() }, &[(today, 7)]).await;
        let (activations, renewals) = (Happening::Activations, Happening::Renewals);
        let all = [(activations, 0, 3), (renewals, 0, 12), (activations, 1, 1), (renewals, 1, 1)];
        assert_eq!(known(&f, today).await, all);
        assert_eq!(known(&f, tomorrow).await, [(activations, 0, 1), (renewals, 0, 1)], "from a day on");
        assert_eq!(known(&g, today).await, [(activations, 0, 1)]);
    }

    async fn activations_of_before_the_counts_were_kept_are_counted_when_the_schema_comes(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let claimed = [("seat.claimed", NOW), ("seat.claimed", NOW.plus(Seconds::DAY)), ("seat.claimed", NOW)];
        happened(&f, &claimed, Ok(())).await;
        let before = known(&f, NOW).await;
        let undo = if db.is_postgres() {
            "DROP FUNCTION daily_counts_of_activations CASCADE; DROP TABLE daily_counts"
        } else {
            "DROP TRIGGER daily_counts_of_activations; DROP TABLE daily_counts"
        };
        for statement in undo.split("; ").chain(["DELETE FROM _sqlx_migrations WHERE description = 'daily counts'"]) {
            raw::run(&db.db, statement).await.unwrap();
        }
        happened(&f, &[("seat.claimed", NOW)], Ok(())).await;
        migrate(&db.db).await.unwrap();
        assert_eq!(before, [(Happening::Activations, 0, 2), (Happening::Activations, 1, 1)]);
        assert_eq!(known(&f, NOW).await, [(Happening::Activations, 0, 3), (Happening::Activations, 1, 1)]);
    }
}

#[test]
fn a_day_begins_at_midnight_before_the_epoch_too() {
    let days = [(0, 0), (86_399, 0), (86_400, 86_400), (-1, -86_400)];
    for (second, begins) in days {
        assert_eq!(day_of(Timestamp::from_seconds(second)), Timestamp::from_seconds(begins));
    }
}
