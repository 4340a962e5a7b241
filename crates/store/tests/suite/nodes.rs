//! Nodes, and which floating seats may be given away while some of them may have renewed what is not written yet.

use crate::support::{Fixture, NOW, reclaim, request, terms, vendor};
use holdfast_domain::{LicenseId, NodeId, SeatId, SeatModel, Seconds, Timestamp};
use holdfast_store::{
    WriteOptions,
    nodes::{self, NodeRow, NodeState, Wanted},
    seats::{self, Claim},
};
use holdfast_testkit::both;

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 16])
}

fn row(n: u8, started_at: Timestamp) -> NodeRow {
    NodeRow {
        id: id(n),
        name: format!("node-{n}"),
        region: "eu".to_owned(),
        version: "1.0".to_owned(),
        state: NodeState::Running,
        wanted: Wanted::Serve,
        started_at,
        seen_at: started_at,
        settled_at: started_at,
        lost_from: Timestamp::default(),
        lost_until: Timestamp::default(),
        report: "{}".to_owned(),
    }
}

async fn register(f: &Fixture, node: NodeRow) {
    let write = f.store.write(WriteOptions::default(), move |tx| {
        let node = node.clone();
        Box::pin(async move { nodes::register(tx, &node).await })
    });
    write.await.unwrap();
}

async fn beat(f: &Fixture, n: u8, settled_at: Timestamp) -> Option<Wanted> {
    let write = f.store.write(WriteOptions::default(), move |tx| {
        Box::pin(async move { nodes::heartbeat(tx, id(n), settled_at, settled_at, "{\"mode\":\"normal\"}").await })
    });
    write.await.unwrap()
}

async fn stop(f: &Fixture, n: u8, now: Timestamp) {
    let write =
        f.store.write(WriteOptions::default(), move |tx| Box::pin(async move { nodes::stop(tx, id(n), now).await }));
    write.await.unwrap();
}

async fn declare_gone(f: &Fixture, n: u8, now: Timestamp) -> bool {
    let write = f
        .store
        .write(WriteOptions::default(), move |tx| Box::pin(async move { nodes::declare_gone(tx, id(n), now).await }));
    write.await.unwrap()
}

fn minutes(n: i64) -> Timestamp {
    NOW.plus(Seconds::minutes(n))
}

/// A floating license whose only seat is taken by a device with a lease from now on for 20 minutes.
async fn taken(f: &Fixture) -> (LicenseId, SeatId) {
    let license = f.license(terms(SeatModel::Floating, 1)).await;
    let Claim::Claimed(claimed) = f.claim_with(license, request(1, None, NOW)).await.unwrap() else { panic!() };
    (license, claimed.seat.seat.id)
}

/// What another device gets at `now`, asking the node number 1.
async fn ask(f: &Fixture, license: LicenseId, now: Timestamp) -> Claim {
    let of = seats::Reclaim { node: id(1), ..reclaim(now) };
    f.claim_with(license, seats::ClaimRequest { reclaim: of, ..request(2, None, now) }).await.unwrap()
}

fn takes(claim: &Claim, seat: SeatId) -> bool {
    matches!(claim, Claim::Claimed(claimed) if claimed.reclaimed == [seat])
}

both! {
    async fn a_lapsed_seat_waits_until_every_other_node_has_settled(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        let (license, seat) = taken(&f).await;
        for n in [1, 2, 3] {
            register(&f, row(n, NOW)).await;
        }
        assert!(matches!(ask(&f, license, minutes(19)).await, Claim::LimitReached(_)), "it runs");
        let later = minutes(21);
        assert!(matches!(ask(&f, license, later).await, Claim::Unsettled));
        assert_eq!(beat(&f, 2, minutes(21)).await, Some(Wanted::Serve));
        assert_eq!(beat(&f, 3, minutes(20)).await, Some(Wanted::Serve));
        assert!(matches!(ask(&f, license, later).await, Claim::Unsettled), "the third may have renewed it in its last moment");
        beat(&f, 3, later).await;
        beat(&f, 3, minutes(20)).await;
        // The first is the one that is asked: it knows what it signed by itself.
        let of = seats::Reclaim { node: id(1), settled_at: minutes(20), ..reclaim(later) };
        let claim = f.claim_with(license, seats::ClaimRequest { reclaim: of, ..request(2, None, later) }).await.unwrap();
        assert!(matches!(claim, Claim::Unsettled), "it has signed what it has not written");
        assert!(takes(&ask(&f, license, later).await, seat));
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_node_that_ended_in_order_holds_nothing_up(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        let (license, seat) = taken(&f).await;
        register(&f, row(1, NOW)).await;
        register(&f, row(2, NOW)).await;
        stop(&f, 2, minutes(3)).await;
        assert_eq!(beat(&f, 2, minutes(4)).await, None, "it has to register again");
        assert!(takes(&ask(&f, license, minutes(21)).await, seat));
    }

    async fn a_node_that_vanished_holds_its_seats_until_it_can_no_longer_renew_them(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        let (license, seat) = taken(&f).await;
        register(&f, row(2, minutes(1))).await;
        assert!(matches!(ask(&f, license, minutes(60 * 12)).await, Claim::Unsettled));
        assert!(matches!(ask(&f, license, minutes(60 * 12 + 21)).await, Claim::Unsettled));
        assert!(takes(&ask(&f, license, minutes(60 * 12 + 22)).await, seat));
    }

    async fn what_a_killed_process_signed_is_waited_for(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        let (license, seat) = taken(&f).await;
        register(&f, row(2, NOW)).await;
        beat(&f, 2, minutes(10)).await;
        // Killed, and started again a minute before the lease ends: up to then it may have renewed it for 20 minutes.
        register(&f, row(2, minutes(19))).await;
        beat(&f, 2, minutes(30)).await;
        assert!(matches!(ask(&f, license, minutes(30)).await, Claim::Unsettled));
        assert!(matches!(ask(&f, license, minutes(39)).await, Claim::Unsettled));
        beat(&f, 2, minutes(40)).await;
        assert!(takes(&ask(&f, license, minutes(40)).await, seat));
    }

    async fn what_others_made_of_a_lost_lease_is_waited_for_too(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        let (license, seat) = taken(&f).await;
        register(&f, row(2, NOW)).await;
        register(&f, row(2, minutes(19))).await;
        register(&f, row(3, NOW)).await;
        // A lease that the second signed in its 19th minute and took with it ran to the 39th: in its last moment the third
        // may have renewed it, and not have said so yet.
        beat(&f, 2, minutes(40)).await;
        beat(&f, 3, minutes(38)).await;
        assert!(matches!(ask(&f, license, minutes(40)).await, Claim::Unsettled));
        beat(&f, 3, minutes(40)).await;
        assert!(takes(&ask(&f, license, minutes(40)).await, seat));
    }

    async fn a_node_that_is_declared_gone_is_waited_for_as_long_as_its_last_lease(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        let (license, seat) = taken(&f).await;
        register(&f, row(2, NOW)).await;
        assert!(declare_gone(&f, 2, minutes(15)).await);
        assert!(!declare_gone(&f, 2, minutes(16)).await, "once");
        assert!(matches!(ask(&f, license, minutes(34)).await, Claim::Unsettled));
        assert!(takes(&ask(&f, license, minutes(36)).await, seat));
        let row = nodes::get(&mut f.store.reader(), id(2)).await.unwrap().unwrap();
        assert_eq!((row.state, row.lost_from, row.lost_until), (NodeState::Gone, NOW, minutes(15)));
    }

    async fn crash_after_crash_forgets_nothing(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        for at in [0, 5, 7] {
            register(&f, row(2, minutes(at))).await;
        }
        let lost = |row: NodeRow| (row.lost_from, row.lost_until);
        assert_eq!(lost(nodes::get(&mut f.store.reader(), id(2)).await.unwrap().unwrap()), (NOW, minutes(7)));
        stop(&f, 2, minutes(8)).await;
        register(&f, row(2, minutes(9))).await;
        assert_eq!(lost(nodes::get(&mut f.store.reader(), id(2)).await.unwrap().unwrap()), (NOW, minutes(7)), "ended in order");
        beat(&f, 2, NOW.plus(Seconds::days(40))).await;
        let much_later = NOW.plus(Seconds::days(41));
        register(&f, row(2, much_later)).await;
        let now = lost(nodes::get(&mut f.store.reader(), id(2)).await.unwrap().unwrap());
        assert_eq!(now, (NOW.plus(Seconds::days(40)), much_later), "what was lost a month ago has run out");
    }

    async fn nodes_are_listed_told_and_forgotten(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::Floating, 1)).await;
        for n in [2, 1] {
            register(&f, row(n, NOW)).await;
        }
        let found = nodes::all_nodes(&mut f.store.reader()).await.unwrap();
        assert_eq!(found.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["node-1", "node-2"]);
        let want = |n: u8, wanted| f.store.write(WriteOptions::default(), move |tx| Box::pin(async move { nodes::want(tx, id(n), wanted).await }));
        assert!(want(1, Wanted::Drain).await.unwrap());
        assert!(!want(9, Wanted::Drain).await.unwrap());
        assert_eq!(beat(&f, 1, minutes(1)).await, Some(Wanted::Drain));
        assert_eq!(beat(&f, 9, minutes(1)).await, None);
        let row = nodes::get(&mut f.store.reader(), id(1)).await.unwrap().unwrap();
        assert_eq!((row.report.as_str(), row.seen_at), ("{\"mode\":\"normal\"}", minutes(1)));
        stop(&f, 2, minutes(2)).await;
        f.store.write(WriteOptions::default(), |tx| Box::pin(async move { nodes::prune(tx, minutes(3)).await })).await.unwrap();
        let left = nodes::all_nodes(&mut f.store.reader()).await.unwrap();
        assert_eq!(left.iter().map(|node| node.id).collect::<Vec<_>>(), [id(1)], "a running one stays");
    }
}
