//! The change feed: in the order of commits, without gaps for a follower, whoever writes.

use crate::{
    claims::futures_all,
    support::{NOW, terms, vendor},
};
use holdfast_domain::{SeatModel, Seconds};
use holdfast_store::{NewChange, Scope, Store, StoreError, WriteOptions, changes, changes::ChangeKind};
use holdfast_testkit::both;
use std::time::{Duration, Instant};

async fn append(store: &Store, scope: Scope, n: u32) -> Result<(), StoreError> {
    store
        .write(WriteOptions::default(), move |tx| {
            Box::pin(async move {
                let mut subject = [0; 16];
                subject[..4].copy_from_slice(&n.to_be_bytes());
                let kind = ChangeKind::License;
                tx.change(NewChange { vendor: scope.vendor(), product: None, kind, subject, at: NOW });
                Ok(())
            })
        })
        .await
}

both! {
    async fn a_follower_misses_nothing_while_several_nodes_write(db: TestDb) {
        let nodes = [db.store(), db.another_node().await, db.another_node().await];
        let scope = vendor(&nodes[0], terms(SeatModel::NodeLocked, 1)).await.scope;
        let follower = db.another_node().await;
        let follow = tokio::spawn(async move {
            let mut seen = Vec::new();
            let mut after = 0;
            let began = Instant::now();
            while seen.len() < 1_500 && began.elapsed() < Duration::from_mins(1) {
                // Looks as often as it can, so that a number that appears late would be passed over.
                for change in changes::since(&mut follower.reader(), after, 1_000).await.unwrap() {
                    assert!(change.seq > after);
                    after = change.seq;
                    seen.push(u32::from_be_bytes(change.subject.as_bytes()[..4].try_into().unwrap()));
                }
            }
            seen
        });
        let tasks = (0..1_500u32).map(|n| {
            let store = nodes[n as usize % 3].clone();
            tokio::spawn(async move { append(&store, scope, n).await.unwrap() })
        });
        futures_all(tasks).await;
        let mut seen = follow.await.unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (0..1_500).collect::<Vec<_>>());
    }

    async fn a_feed_wakes_up_soon_and_says_when_nothing_happened(db: TestDb) {
        let store = db.store();
        let scope = vendor(&store, terms(SeatModel::NodeLocked, 1)).await.scope;
        let start = changes::newest(&mut store.reader()).await.unwrap();
        let mut feed = changes::Feed::follow(&db.db, start, Duration::from_millis(900));
        assert!(feed.next().await.unwrap().is_empty());
        let waiting = tokio::spawn(async move {
            let began = Instant::now();
            loop {
                let found = feed.next().await.unwrap();
                if let Some(change) = found.first() {
                    return (began.elapsed(), change.vendor, feed.position() == change.seq);
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        append(&store, scope, 7).await.unwrap();
        let (took, whose, moved) = waiting.await.unwrap();
        assert!(took < Duration::from_millis(800), "{took:?}");
        assert!(whose == scope.vendor() && moved);
    }

    async fn pruning_tells_a_follower_that_it_is_too_far_behind(db: TestDb) {
        let store = db.store();
        let scope = vendor(&store, terms(SeatModel::NodeLocked, 1)).await.scope;
        for n in 0..3 {
            append(&store, scope, n).await.unwrap();
        }
        let q = &mut store.reader();
        let (oldest, newest) = (changes::oldest(q).await.unwrap().unwrap(), changes::newest(q).await.unwrap());
        assert!(newest >= oldest + 2);
        let removed = store.write(WriteOptions::default(), |tx| Box::pin(async move {
            changes::prune(tx, NOW.plus(Seconds(1))).await
        })).await.unwrap();
        assert_eq!(removed, 3);
        assert_eq!(changes::oldest(q).await.unwrap(), None);
        append(&store, scope, 9).await.unwrap();
        assert!(changes::oldest(q).await.unwrap().unwrap() > newest, "numbers are never used twice");
    }
}
