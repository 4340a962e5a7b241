//! What the support desk keeps and looks for: acts that begin later, orders of a list, the seats of a device, replies.

use crate::support::{Fixture, NOW, device, entropy, terms, vendor};
use holdfast_domain::{BulkActId, LicenseStatus, OrderId, ReplyId, SeatModel, Seconds, Timestamp};
use holdfast_store::{
    BoxFuture, Constraint, StoreError, Tx, WriteOptions,
    bulk_acts::{self, BulkActRow, BulkState, Subject, SubjectKind},
    licenses, orders,
    raw::Overheard,
    replies, seats,
};
use holdfast_testkit::both;

fn later(seconds: i64) -> Timestamp {
    NOW.plus(Seconds(seconds))
}

async fn write<T, F>(f: &Fixture, job: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
{
    f.store.write(WriteOptions::alone(), job).await
}

/// Notes an act on `subject`, to begin then or at once.
async fn act(f: &Fixture, subject: Subject, begins_at: Option<Timestamp>, made: i64) -> BulkActId {
    let scope = f.scope;
    let row = BulkActRow {
        id: BulkActId::new(later(made), &entropy()),
        vendor: scope.vendor(),
        step: "{}".to_owned(),
        filter: "{}".to_owned(),
        gathered: None,
        undoes: None,
        actor: "{}".to_owned(),
        origin: String::new(),
        request: String::new(),
        state: if begins_at.is_some() { BulkState::Waiting } else { BulkState::Running },
        stopped: None,
        total: 1,
        changed: 0,
        refused: 0,
        failures: 0,
        created_at: later(made),
        updated_at: later(made),
        ended_at: None,
        cleared_at: None,
        begins_at,
    };
    let id = row.id;
    write(f, move |tx| {
        let row = row.clone();
        Box::pin(async move {
            assert!(bulk_acts::insert(tx, scope, &row).await?);
            bulk_acts::add(tx, row.id, 1, &[(subject, String::new())]).await
        })
    })
    .await
    .unwrap();
    id
}

async fn order(f: &Fixture, number: &str) -> OrderId {
    let scope = f.scope;
    let row = orders::OrderRow {
        id: OrderId::new(NOW, &entropy()),
        vendor: scope.vendor(),
        customer: None,
        external_id: number.to_owned(),
        status: orders::OrderStatus::Paid,
        created_at: NOW,
        updated_at: NOW,
        refunded_at: None,
    };
    let id = row.id;
    write(f, move |tx| {
        let row = row.clone();
        Box::pin(async move { orders::insert(tx, scope, &row).await })
    })
    .await
    .unwrap();
    id
}

both! {
    async fn an_act_that_begins_later_has_its_turn_then(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let stranger = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await.scope;
        let [first, second, third] = [1, 2, 3].map(|n| Subject([n; 16]));
        let tenth = act(&f, first, Some(later(600)), 0).await;
        let fifth = act(&f, second, Some(later(300)), 1).await;
        let q = &mut f.store.reader();
        let store = &f.store;
        let next = async |at: i64| {
            let next = bulk_acts::next(&mut store.reader(), later(at), later(at)).await.unwrap();
            next.map(|row| row.id)
        };
        assert_eq!((next(299).await, next(300).await, next(600).await), (None, Some(fifth), Some(tenth)));
        let now = act(&f, third, None, 2).await;
        assert_eq!((next(299).await, next(300).await), (Some(now), Some(fifth)));
        let waiting = bulk_acts::waiting(q, f.scope, 9).await.unwrap();
        assert_eq!(waiting.iter().map(|row| row.id).collect::<Vec<_>>(), [fifth, tenth]);
        assert_eq!(bulk_acts::waiting(q, f.scope, 1).await.unwrap()[0].begins_at, Some(later(300)));
        assert!(bulk_acts::waiting(q, stranger, 9).await.unwrap().is_empty());
        let about = bulk_acts::waiting_for(q, f.scope, &[first, third]).await.unwrap();
        assert_eq!(about, [(first, tenth)].into());
        assert!(bulk_acts::waiting_for(q, stranger, &[first]).await.unwrap().is_empty());
        // Of two that wait for one subject, the one that begins first.
        let sooner = act(&f, first, Some(later(60)), 3).await;
        assert_eq!(bulk_acts::waiting_for(q, f.scope, &[first]).await.unwrap(), [(first, sooner)].into());
    }

    async fn orders_of_a_list_are_found_with_what_their_refund_revokes(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 3)).await;
        let (two, none) = (order(&f, "INV-1").await, order(&f, "INV-2").await);
        let mut made = Vec::new();
        for _ in 0..3 {
            let mut new = f.new_license(terms(SeatModel::NodeLocked, 3));
            new.license.order = Some(two);
            f.insert(&new).await;
            made.push(new.license);
        }
        f.claim(made[0].id, 1).await.unwrap();
        f.claim(made[0].id, 2).await.unwrap();
        f.claim(made[1].id, 3).await.unwrap();
        let (scope, mut revoked) = (f.scope, made[2].clone());
        revoked.status = LicenseStatus::Revoked;
        let license = revoked.clone();
        write(&f, move |tx| {
            let license = license.clone();
            Box::pin(async move { licenses::update(tx, scope, &license, NOW).await })
        })
        .await
        .unwrap();
        let q = &mut f.store.reader();
        let open = licenses::open_of_orders(q, scope, &[two, none]).await.unwrap();
        assert_eq!(open.into_iter().collect::<Vec<_>>(), [(two, (2, 3))]);
        let of_order = licenses::of_order(q, scope, two).await.unwrap();
        assert_eq!(of_order.len(), 3);
        let rows = orders::get_many(q, scope, &[two, none, OrderId::from_bytes([9; 16])]).await.unwrap();
        assert_eq!((rows.len(), rows[&none].external_id.as_str()), (2, "INV-2"));
        let known = bulk_acts::known(q, scope, SubjectKind::Order, &[Subject(two.to_bytes())]).await.unwrap();
        assert_eq!(known[&Subject(two.to_bytes())].label, "INV-1");
        // Paid back, and paid again.
        let refunded = orders::OrderStatus::Refunded;
        write(&f, move |tx| Box::pin(async move { orders::set_status(tx, scope, two, refunded, later(5)).await.map(|_| ()) })).await.unwrap();
        assert_eq!(orders::get(q, scope, two).await.unwrap().unwrap().refunded_at, Some(later(5)));
        let paid = (orders::OrderStatus::PartiallyRefunded, Some(later(1)));
        assert!(write(&f, move |tx| Box::pin(async move { orders::put_back(tx, scope, two, paid, later(6)).await })).await.unwrap());
        let row = orders::get(q, scope, two).await.unwrap().unwrap();
        assert_eq!(((row.status, row.refunded_at), row.updated_at), (paid, later(6)));
    }

    async fn the_seats_of_a_device_are_found_by_it(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 900)).await;
        let (one, two) = (f.license(terms(SeatModel::NodeLocked, 900)).await, f.license(terms(SeatModel::NodeLocked, 900)).await);
        for n in 0..300 {
            f.claim(one, n).await.unwrap();
        }
        f.claim(two, 7).await.unwrap();
        // PostgreSQL chooses by what it knows of the table.
        holdfast_store::raw::run(&db.db, "ANALYZE").await.unwrap();
        let q = &mut Overheard { reader: f.store.reader(), statements: Vec::new() };
        let found = seats::of_device(q, f.scope, &device(7), 9).await.unwrap();
        let mut licenses: Vec<_> = found.iter().map(|row| row.seat.license).collect();
        licenses.sort_unstable();
        let mut expected = vec![one, two];
        expected.sort_unstable();
        assert_eq!(licenses, expected);
        assert!(seats::of_device(q, f.scope, &device(999), 9).await.unwrap().is_empty());
        let plans = q.plans(&db.db).await.unwrap();
        assert!(plans.contains("seats_device_idx"), "{plans}");
    }

    async fn a_name_stands_for_one_reply_of_a_vendor(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let g = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        let reply = |f: &Fixture, name: &str| replies::ReplyRow {
            id: ReplyId::new(NOW, &entropy()), vendor: f.scope.vendor(), name: name.parse().unwrap(),
            text: "Dear {customer}".parse().unwrap(), created_at: NOW, updated_at: NOW,
        };
        let insert = async |f: &Fixture, row: replies::ReplyRow| {
            let scope = f.scope;
            write(f, move |tx| {
                let row = row.clone();
                Box::pin(async move { replies::insert(tx, scope, &row).await })
            }).await
        };
        let (hello, sorry) = (reply(&f, "Hello"), reply(&f, "Sorry"));
        insert(&f, sorry.clone()).await.unwrap();
        insert(&f, hello.clone()).await.unwrap();
        insert(&g, reply(&g, "Hello")).await.unwrap();
        assert!(insert(&f, reply(&f, "Hello")).await.unwrap_err().is_conflict(Constraint::ReplyName));
        let (scope, renamed) = (f.scope, replies::ReplyRow { name: hello.name.clone(), ..sorry.clone() });
        let taken = write(&f, move |tx| {
            let row = renamed.clone();
            Box::pin(async move { replies::update(tx, scope, &row).await })
        }).await;
        assert!(taken.unwrap_err().is_conflict(Constraint::ReplyName));
        let names: Vec<_> = replies::list(&mut f.store.reader(), scope).await.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(names, [hello.id, sorry.id]);
    }
}
