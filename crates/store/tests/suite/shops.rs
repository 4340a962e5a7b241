//! Shops: what is told is noted once, what waits is asked once, and nobody sees another vendor's.

use crate::support::{Fixture, NOW, entropy, terms, vendor};
use holdfast_domain::{
    InboxId, LicenseId, OrderId, Sale, SeatModel, Seconds, ShopEventId, ShopId, ShopKind, Timestamp,
    sale::{Consequence, Payment},
};
use holdfast_store::{
    BoxFuture, Constraint, PageRequest, StoreError, Tx, WriteOptions,
    orders::{self, OrderRow, OrderStatus},
    shops::{
        self, InboxFilter, InboxKind, InboxRow, LineRow, PriceRow, Quantity, Resolution, SaleRow, ShopEventRow,
        ShopEventState, ShopRow,
    },
};
use holdfast_testkit::both;

async fn write<T, F>(f: &Fixture, job: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
{
    f.store.write(WriteOptions::default(), job).await
}

fn shop(f: &Fixture) -> ShopRow {
    ShopRow {
        id: ShopId::new(NOW, &entropy()),
        vendor: f.scope.vendor(),
        kind: ShopKind::Stripe,
        name: "Web shop".parse().unwrap(),
        api_url: "https://api.stripe.com".to_owned(),
        api_key: Some(vec![1]),
        secret: Some(vec![2]),
        previous_secret: None,
        previous_until: None,
        on_refund: Consequence::AfterDays(14),
        on_dispute: Consequence::Ask,
        grace_days: 14,
        created_at: NOW,
        updated_at: NOW,
        closed_at: None,
        failing_since: None,
        failures: 0,
        quiet_until: None,
        failure: None,
    }
}

async fn placed(f: &Fixture, name: &str) -> OrderId {
    let row = OrderRow {
        id: OrderId::new(NOW, &entropy()),
        vendor: f.scope.vendor(),
        customer: None,
        external_id: name.to_owned(),
        status: OrderStatus::Paid,
        created_at: NOW,
        updated_at: NOW,
        refunded_at: None,
    };
    let (id, scope) = (row.id, f.scope);
    write(f, move |tx| {
        let row = row.clone();
        Box::pin(async move { orders::insert(tx, scope, &row).await })
    })
    .await
    .unwrap();
    id
}

fn event(shop: &ShopRow, name: &str, at: Timestamp) -> ShopEventRow {
    ShopEventRow {
        id: ShopEventId::new(at, &entropy()),
        vendor: shop.vendor,
        shop: shop.id,
        event: name.to_owned(),
        topic: "invoice.paid".to_owned(),
        body: "{}".to_owned(),
        received_at: at,
        asked_at: at,
        state: ShopEventState::Waiting,
        attempts: 0,
        next_at: at,
        outcome: None,
        sale: None,
        ended_at: None,
    }
}

fn sale(id: &str) -> Sale {
    Sale {
        id: id.parse().unwrap(),
        number: None,
        payment: Payment::Paid,
        paid_back: None,
        dispute: None,
        lost: Vec::new(),
        buyer: None,
        lines: Vec::new(),
        subscription: None,
    }
}

fn entry(shop: &ShopRow, of: &str, matter: &str, event: ShopEventId) -> InboxRow {
    InboxRow {
        id: InboxId::new(NOW, &entropy()),
        vendor: shop.vendor,
        shop: shop.id,
        sale: of.to_owned(),
        matter: matter.to_owned(),
        kind: InboxKind::Price,
        detail: "Nobody has said".to_owned(),
        line: Some("li_1".to_owned()),
        order_id: None,
        event,
        state: Some(sale(of)),
        opened_at: NOW,
        resolution: Resolution::Open,
        resolved_by: None,
        resolved_at: None,
        reason: None,
    }
}

async fn connected(f: &Fixture) -> ShopRow {
    let (row, scope) = (shop(f), f.scope);
    let own = row.clone();
    write(f, move |tx| {
        let row = own.clone();
        Box::pin(async move { shops::insert(tx, scope, &row).await })
    })
    .await
    .unwrap();
    row
}

async fn noted(f: &Fixture, event: &ShopEventRow) -> bool {
    let (event, scope) = (event.clone(), f.scope);
    write(f, move |tx| {
        let event = event.clone();
        Box::pin(async move { shops::note_event(tx, scope, &event).await })
    })
    .await
    .unwrap()
}

async fn parked(f: &Fixture, entry: &InboxRow) -> bool {
    let (entry, scope) = (entry.clone(), f.scope);
    write(f, move |tx| {
        let entry = entry.clone();
        Box::pin(async move { shops::park(tx, scope, &entry, "[1]").await })
    })
    .await
    .unwrap()
}

async fn resolved(f: &Fixture, id: InboxId, how: Resolution) -> bool {
    let scope = f.scope;
    write(f, move |tx| {
        Box::pin(async move { shops::resolve(tx, scope, id, how, ("{\"type\":\"system\"}", NOW, None)).await })
    })
    .await
    .unwrap()
}

both! {
    async fn the_same_message_of_a_shop_is_one_row_in_a_race_too(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let shop = connected(&f).await;
        let other = connected(&f).await;
        let node = Fixture { store: db.another_node().await, ..f.clone() };
        let racing = (0..10).map(|n| {
            let (f, event) = (if n % 2 == 0 { f.clone() } else { node.clone() }, event(&shop, "evt_1", NOW));
            tokio::spawn(async move { noted(&f, &event).await })
        });
        let mut new = 0;
        for task in racing.collect::<Vec<_>>() {
            new += usize::from(task.await.unwrap());
        }
        assert_eq!(new, 1);
        assert!(noted(&f, &event(&other, "evt_1", NOW)).await, "another shop's message of the same name is another one");
        let q = &mut f.store.reader();
        assert_eq!(shops::events(q, f.scope, shop.id, &PageRequest::default()).await.unwrap().total.rows, 1);
    }

    async fn what_is_due_is_found_until_it_is_done_with(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (shop, scope) = (connected(&f).await, f.scope);
        let events = [event(&shop, "evt_1", NOW), event(&shop, "evt_2", NOW.plus(Seconds(1)))];
        for event in &events {
            noted(&f, event).await;
        }
        let later = NOW.plus(Seconds(10));
        let due = async |at| {
            let q = &mut f.store.reader();
            let shops_due = shops::due_shops(q, at).await.unwrap().len();
            let due = shops::due_events(q, shop.id, at, 10).await.unwrap();
            (shops_due, due.into_iter().map(|event| event.event).collect::<Vec<_>>())
        };
        assert_eq!(due(later).await, (1, vec!["evt_1".to_owned(), "evt_2".to_owned()]));
        let [first, second] = events.map(|event| event.id);
        write(&f, move |tx| Box::pin(async move {
            assert!(shops::is_waiting(tx, first, 0).await?);
            shops::postpone(tx, scope, first, ("answered 500", later.plus(Seconds(60)))).await?;
            assert!(!shops::is_waiting(tx, first, 0).await?, "somebody has tried it meanwhile");
            shops::end_event(tx, scope, second, (ShopEventState::Applied, "1 license issued", Some("sub_1")), later).await
        })).await.unwrap();
        assert_eq!(due(later).await, (0, Vec::new()));
        assert_eq!(due(later.plus(Seconds(60))).await, (1, vec!["evt_1".to_owned()]));
        let quiet = ShopRow { quiet_until: Some(later.plus(Seconds(90))), ..shop.clone() };
        write(&f, move |tx| { let quiet = quiet.clone(); Box::pin(async move { shops::update(tx, scope, &quiet).await }) }).await.unwrap();
        assert_eq!(due(later.plus(Seconds(60))).await.0, 0);
        assert!(write(&f, move |tx| Box::pin(async move { shops::again(tx, scope, second, later).await })).await.unwrap());
        assert_eq!(due(later.plus(Seconds(90))).await, (1, vec!["evt_2".to_owned(), "evt_1".to_owned()]));
    }

    async fn what_waits_is_about_the_sale_as_it_stands_now(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let shop = connected(&f).await;
        let [first, second] = ["evt_1", "evt_2"].map(|name| event(&shop, name, NOW));
        let asked = entry(&shop, "sub_1", "price:p:li_1:1", first.id);
        assert!(parked(&f, &asked).await);
        let renewed = Sale { payment: Payment::PaidBack, ..sale("sub_1") };
        let again = InboxRow {
            event: second.id,
            state: Some(renewed),
            detail: "Still nobody has said".to_owned(),
            ..entry(&shop, "sub_1", "price:p:li_1:1", second.id)
        };
        assert!(!parked(&f, &again).await, "it waits already");
        let kept = shops::entry(&mut f.store.reader(), f.scope, asked.id).await.unwrap().unwrap();
        let now = InboxRow { id: asked.id, opened_at: asked.opened_at, ..again };
        assert_eq!(format!("{kept:?}"), format!("{now:?}"));
    }

    async fn the_same_is_asked_once_and_what_was_decided_stays_decided(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let shop = connected(&f).await;
        let brought = event(&shop, "evt_1", NOW);
        noted(&f, &brought).await;
        let first = entry(&shop, "sub_1", "price:p:li_1:1", brought.id);
        assert!(parked(&f, &first).await);
        assert!(!parked(&f, &entry(&shop, "sub_1", "price:p:li_1:1", brought.id)).await, "it waits already");
        assert!(parked(&f, &entry(&shop, "sub_2", "price:p:li_1:1", brought.id)).await, "of another sale");
        assert!(resolved(&f, first.id, Resolution::Dismissed).await);
        assert!(!resolved(&f, first.id, Resolution::Linked).await, "it does not wait any more");
        assert!(!parked(&f, &entry(&shop, "sub_1", "price:p:li_1:1", brought.id)).await, "it was dismissed");
        let again = entry(&shop, "sub_3", "price:p:li_1:1", brought.id);
        for how in [Resolution::Again, Resolution::Mapped] {
            assert!(parked(&f, &again).await, "{how:?}");
            assert!(resolved(&f, again.id, how).await);
        }
        assert!(parked(&f, &entry(&shop, "sub_3", "price:p:li_1:1", brought.id)).await);
        let q = &mut f.store.reader();
        assert_eq!(shops::waiting(q, f.scope).await.unwrap(), 2);
        assert_eq!(shops::open_of_sale(q, f.scope, shop.id, "sub_3").await.unwrap().len(), 1);
        let order = placed(&f, "sub_4").await;
        let of_order = |id: &str, resolution| InboxRow { order_id: Some(order), resolution, ..entry(&shop, id, "price:p:li_1:1", brought.id) };
        for (id, resolution) in [("sub_4", Resolution::Open), ("sub_5", Resolution::Ruled)] {
            assert!(parked(&f, &of_order(id, resolution)).await);
        }
        let waiting = shops::open_of_order(q, f.scope, order).await.unwrap();
        assert_eq!(waiting.iter().map(|entry| entry.sale.as_str()).collect::<Vec<_>>(), ["sub_4"]);
        let all = shops::inbox(q, f.scope, &InboxFilter::default(), &PageRequest::default()).await.unwrap();
        assert_eq!(all.total.rows, 5);
    }

    async fn all_that_waits_for_a_price_is_worked_off_once_it_is_placed(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (shop, scope) = (connected(&f).await, f.scope);
        let other = connected(&f).await;
        let brought = ShopEventRow { state: ShopEventState::Parked, ..event(&shop, "evt_1", NOW) };
        noted(&f, &brought).await;
        for n in 0..250 {
            let matter = if n % 2 == 0 { "price:p:li_1:1" } else { "quantity:p:li_1:3" };
            parked(&f, &entry(&shop, &format!("sub_{n}"), matter, brought.id)).await;
        }
        for (shop, matter) in [(&shop, "price:pp:li_1:1"), (&shop, "charge"), (&other, "price:p:li_1:1")] {
            parked(&f, &entry(shop, "sub_1", matter, brought.id)).await;
        }
        let (id, later) = (shop.id, NOW.plus(Seconds(9)));
        let place = async |price: &'static str| {
            write(&f, move |tx| Box::pin(async move { shops::placed(tx, scope, (id, price), ("{\"type\":\"system\"}", later, None)).await }))
                .await
                .unwrap()
        };
        assert_eq!((place("li_1").await, place("p").await, place("p").await), (0, 250, 0));
        let q = &mut f.store.reader();
        assert_eq!(shops::waiting(q, scope).await.unwrap(), 3);
        let due = shops::event(q, scope, brought.id).await.unwrap().unwrap();
        assert_eq!((due.state, due.next_at, due.asked_at), (ShopEventState::Waiting, later, later));
    }

    async fn what_a_provider_answered_is_forgotten_once_it_is_settled(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (shop, scope) = (connected(&f).await, f.scope);
        let [settled, open] = ["sub_1", "sub_2"].map(|sale| entry(&shop, sale, "charge", event(&shop, "evt_1", NOW).id));
        for entry in [&settled, &open] {
            parked(&f, entry).await;
        }
        resolved(&f, settled.id, Resolution::Dismissed).await;
        let answers = async || {
            let q = &mut f.store.reader();
            [shops::answers(q, scope, settled.id).await.unwrap(), shops::answers(q, scope, open.id).await.unwrap()]
        };
        for (before, kept) in [(NOW, ["[1]", "[1]"]), (NOW.plus(Seconds(1)), ["[]", "[1]"])] {
            write(&f, move |tx| Box::pin(shops::forget_answers(tx, before))).await.unwrap();
            assert_eq!(answers().await, kept);
        }
    }

    async fn what_was_told_is_forgotten_but_not_what_waits(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let shop = connected(&f).await;
        let done = |name: &str, at| ShopEventRow { state: ShopEventState::Applied, ..event(&shop, name, at) };
        let later = NOW.plus(Seconds(10));
        let kept = ShopEventRow { state: ShopEventState::Parked, ..event(&shop, "asked", NOW) };
        for event in [done("old", NOW), done("new", later), event(&shop, "waits", NOW), kept.clone()] {
            noted(&f, &event).await;
        }
        let asks = entry(&shop, "sub_1", "price:p:li_1:1", kept.id);
        parked(&f, &asks).await;
        let names = async || {
            let q = &mut f.store.reader();
            let all = shops::events(q, f.scope, shop.id, &PageRequest::default()).await.unwrap().items;
            let mut names: Vec<_> = all.into_iter().map(|event| event.event).collect();
            names.sort();
            names
        };
        write(&f, move |tx| Box::pin(shops::prune_events(tx, later))).await.unwrap();
        assert_eq!(names().await, ["asked", "new", "waits"]);
        resolved(&f, asks.id, Resolution::Dismissed).await;
        write(&f, move |tx| Box::pin(shops::prune_events(tx, later))).await.unwrap();
        assert_eq!(names().await, ["new", "waits"]);
    }

    async fn a_sale_and_its_lines_are_kept_as_they_are_last(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let (shop, scope, license) = (connected(&f).await, f.scope, f.license(terms(SeatModel::NodeLocked, 1)).await);
        let order = placed(&f, "sub_1").await;
        let row = SaleRow { shop: shop.id, sale: "sub_1".to_owned(), order_id: None, customer: None, sequence: 1, state: sale("sub_1"), applied_at: NOW };
        let line = LineRow { shop: shop.id, sale: "sub_1".to_owned(), line: "a".to_owned(), price: "p".to_owned(), quantity: 3, license, said_end: None };
        let (own, id) = (row.clone(), shop.id);
        write(&f, move |tx| { let (row, line) = (own.clone(), line.clone()); Box::pin(async move {
            shops::put_sale(tx, scope, &row).await?;
            assert_eq!(shops::lock_sale(tx, scope, id, "sub_1").await?.unwrap().sequence, 1);
            shops::put_sale(tx, scope, &SaleRow { order_id: Some(order), sequence: 2, ..row }).await?;
            shops::put_line(tx, scope, None, &line).await?;
            let moved = LineRow { line: "b".to_owned(), quantity: 4, said_end: Some(NOW), ..line };
            shops::put_line(tx, scope, Some("a"), &moved).await
        }) }).await.unwrap();
        let q = &mut f.store.reader();
        let found = shops::sale_of_order(q, scope, order).await.unwrap().unwrap();
        assert_eq!((found.sequence, found.state), (2, row.state));
        let lines = shops::lines(q, scope, shop.id, "sub_1").await.unwrap();
        let lines: Vec<_> = lines.iter().map(|line| (line.line.as_str(), line.quantity, line.said_end)).collect();
        assert_eq!(lines, [("b", 4, Some(NOW))]);
    }

    async fn nothing_of_a_shop_is_seen_or_changed_by_another_vendor(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let g = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await;
        let shop = connected(&f).await;
        let (id, theirs, plan) = (shop.id, g.scope, f.plan);
        let brought = event(&shop, "evt_1", NOW);
        noted(&f, &brought).await;
        let asks = entry(&shop, "sub_1", "price:p:li_1:1", brought.id);
        parked(&f, &asks).await;
        let (event_id, entry_id) = (brought.id, asks.id);
        let price = PriceRow { shop: id, price: "p".to_owned(), plan: Some(plan), quantity: Quantity::Seats, updated_at: NOW };
        let own = price.clone();
        let scope = f.scope;
        write(&f, move |tx| { let own = own.clone(); Box::pin(async move { shops::set_price(tx, scope, &own).await }) }).await.unwrap();
        let q = &mut f.store.reader();
        assert!(shops::get(q, theirs, id).await.unwrap().is_none());
        assert!(shops::event(q, theirs, event_id).await.unwrap().is_none());
        assert!(shops::entry(q, theirs, entry_id).await.unwrap().is_none());
        assert!(shops::prices(q, theirs, id).await.unwrap().is_empty());
        assert!(shops::price(q, theirs, id, "p").await.unwrap().is_none());
        assert!(shops::events(q, theirs, id, &PageRequest::default()).await.unwrap().items.is_empty());
        assert!(shops::list(q, theirs, &PageRequest::default()).await.unwrap().items.is_empty());
        assert!(shops::inbox(q, theirs, &InboxFilter::default(), &PageRequest::default()).await.unwrap().items.is_empty());
        assert_eq!(shops::waiting(q, theirs).await.unwrap(), 0);
        write(&f, move |tx| Box::pin(async move {
            assert!(shops::lock(tx, theirs, id).await?.is_none());
            assert!(shops::lock_entry(tx, theirs, entry_id).await?.is_none());
            assert!(!shops::again(tx, theirs, event_id, NOW).await?);
            assert!(!shops::resolve(tx, theirs, entry_id, Resolution::Dismissed, ("{}", NOW, None)).await?);
            assert!(shops::remove_price(tx, theirs, id, "p").await?.is_none());
            assert!(shops::lock_sale(tx, theirs, id, "sub_1").await?.is_none());
            shops::end_event(tx, theirs, event_id, (ShopEventState::Applied, "x", None), NOW).await?;
            shops::postpone(tx, theirs, event_id, ("x", NOW)).await
        })).await.unwrap();
        let price = PriceRow { price: "q".to_owned(), ..price };
        let strange = write(&f, move |tx| { let price = price.clone(); Box::pin(async move { shops::set_price(tx, theirs, &price).await }) }).await;
        assert!(strange.unwrap_err().is_conflict(Constraint::Reference));
        let row = shops::event(q, f.scope, event_id).await.unwrap().unwrap();
        assert_eq!((row.state, row.attempts), (ShopEventState::Waiting, 0));
        assert_eq!(shops::entry(q, f.scope, entry_id).await.unwrap().unwrap().resolution, Resolution::Open);
        assert_eq!(shops::prices(q, f.scope, id).await.unwrap().len(), 1);
        let license = LicenseId::new(NOW, &entropy());
        let line = LineRow { shop: id, sale: "sub_1".to_owned(), line: "a".to_owned(), price: "p".to_owned(), quantity: 1, license, said_end: None };
        let unknown = write(&f, move |tx| { let line = line.clone(); Box::pin(async move { shops::put_line(tx, scope, None, &line).await }) }).await;
        assert!(unknown.unwrap_err().is_conflict(Constraint::Reference));
    }
}
