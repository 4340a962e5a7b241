//! What is announced: once, by one node, with every change in the outbox, and not forgotten by whoever takes over.

use crate::world::*;
use holdfast_domain::{NodeId, Seconds, Timestamp};
use holdfast_fleet::{Code, Finding, Severity, Subject};
use holdfast_service::{
    Actor, Call, ErrorCode, Service,
    admin::{alerts::AlertFilter, page::PageRequest},
    runtime::Membership,
};
use holdfast_store::{alerts, outbox};
use holdfast_testkit::both;

fn join(service: &Service, n: u8) {
    service.join(Membership {
        id: NodeId::from_bytes([n; 16]),
        name: format!("node-{n}"),
        region: "eu".to_owned(),
        version: "1.0".to_owned(),
        report: Box::new(|| "{}".to_owned()),
        wanted: Box::new(|_| {}),
    });
}

fn finding(subject: Subject, severity: Severity, since: Timestamp, detail: &str) -> Finding {
    Finding {
        code: Code::DiskFull,
        subject,
        severity,
        since,
        left: Some(Seconds::hours(19)),
        drain_in: Some(Seconds::hours(3)),
        detail: detail.to_owned(),
    }
}

/// What the outbox holds about the alerts on `detail`, in its order.
async fn told(service: &Service, mark: &str) -> Vec<String> {
    let messages = outbox::after(&mut service.store().reader(), 0, 10_000).await.unwrap();
    messages.into_iter().filter(|m| m.data.contains(mark)).map(|m| m.topic).collect()
}

async fn standing(service: &Service, actor: &Actor, subject: &Subject) -> usize {
    let filter = AlertFilter { standing: Some(true), subject: Some(subject.clone()), ..AlertFilter::default() };
    service.alerts(actor, filter, PageRequest::default()).await.unwrap().items.len()
}

both! {
    async fn an_alert_is_raised_worsened_and_cleared_once_each(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, Call::system(world.vendor));
        join(service, 1);
        let announcer = service.announcer(None).await.unwrap().unwrap();
        let mark = format!("mark-{}", unique());
        let subject = Subject::Node(mark.clone());
        let at = service.now();
        let with = |severity| [finding(subject.clone(), severity, at, &mark)];
        assert!(service.announce(announcer, &with(Severity::Warning)).await.unwrap());
        assert!(!service.announce(announcer, &with(Severity::Warning)).await.unwrap(), "nothing is new");
        let filter = AlertFilter { subject: Some(subject.clone()), ..AlertFilter::default() };
        let view = service.alerts(&call.actor, filter.clone(), PageRequest::default()).await.unwrap().items.remove(0);
        assert_eq!((view.severity, view.raised_at), (Severity::Warning, at));
        assert_eq!(view.fails_at, Some(at.plus(Seconds::hours(19))));
        assert_eq!(view.drains_at, Some(at.plus(Seconds::hours(3))));
        assert!(!view.cure.is_empty());

        let note = "On my way".parse().unwrap();
        let taken = service.acknowledge_alert(&call, view.id, note).await.unwrap();
        assert_eq!(taken.acknowledged.map(|by| by.note.to_string()), Some("On my way".to_owned()));
        world.clock.advance(Seconds(120));
        assert!(service.announce(announcer, &with(Severity::Critical)).await.unwrap());
        let worse = service.alert(&call.actor, view.id).await.unwrap();
        assert_eq!((worse.severity, worse.acknowledged), (Severity::Critical, None), "it has to be taken on anew");
        // A mildened one is written down without a word.
        world.clock.advance(Seconds(120));
        assert!(service.announce(announcer, &with(Severity::Warning)).await.unwrap());
        assert!(service.announce(announcer, &[]).await.unwrap());
        let over = service.alert(&call.actor, view.id).await.unwrap();
        assert!(over.cleared_at.is_some());
        let refused = service.acknowledge_alert(&call, view.id, "Late".parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::StatusConflict);
        assert_eq!(
            told(service, &view.id.to_string()).await,
            ["alert.raised", "alert.acknowledged", "alert.worsened", "alert.cleared"]
        );
        // It may come again.
        assert!(service.announce(announcer, &with(Severity::Warning)).await.unwrap());
        assert_eq!(standing(service, &call.actor, &subject).await, 1);
    }

    async fn one_node_announces_and_another_takes_over_what_it_left(db: TestDb) {
        let world = World::new(&db).await;
        let (one, two) = (&world.service, world.another_node(&db).await);
        join(one, 1);
        join(&two, 2);
        let first = one.announcer(None).await.unwrap().unwrap();
        assert!(two.announcer(None).await.unwrap().is_none());
        let subject = Subject::Node(format!("mark-{}", unique()));
        let found = [finding(subject.clone(), Severity::Warning, one.now(), "filling up")];
        assert!(one.announce(first, &found).await.unwrap());
        // The first falls silent for longer than it may.
        world.clock.advance(Seconds::minutes(11));
        let second = two.announcer(None).await.unwrap().unwrap();
        let known = two.announced().await.unwrap();
        assert!(known.iter().any(|known| known.subject == subject && known.severity == Severity::Warning));
        // What the first has to say now is no longer heard.
        assert!(!one.announce(first, &[]).await.unwrap());
        assert!(one.announcer(Some(first)).await.unwrap().is_none());
        let call = Call::system(world.vendor);
        assert_eq!(standing(&two, &call.actor, &subject).await, 1);
        assert!(two.announce(second, &[]).await.unwrap());
        assert_eq!(standing(&two, &call.actor, &subject).await, 0);
        two.stop_announcing().await.unwrap();
        assert!(one.announcer(None).await.unwrap().is_some(), "at once, because the second has said that it ends");
    }

    async fn an_alert_about_a_product_or_its_key_is_its_vendors_alone(db: TestDb) {
        let world = World::new(&db).await;
        let other = World::new(&db).await;
        join(&world.service, 1);
        let announcer = world.service.announcer(None).await.unwrap().unwrap();
        let kid = world.manifest().await.keys[0].kid.clone();
        let subjects = [Subject::Product(world.product), Subject::Key(kid)];
        let found = subjects.clone().map(|subject| finding(subject, Severity::Critical, world.service.now(), "x"));
        assert!(world.service.announce(announcer, &found).await.unwrap());
        let (own, theirs) = (Actor::system(world.vendor), Actor::system(other.vendor));
        for subject in subjects {
            assert_eq!(standing(&world.service, &own, &subject).await, 1, "{subject}");
            assert_eq!(standing(&world.service, &theirs, &subject).await, 0, "{subject}");
        }
    }

    async fn what_a_newer_version_has_raised_is_left_to_it(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        join(service, 1);
        let announcer = service.announcer(None).await.unwrap().unwrap();
        let subject = Subject::Node(format!("mark-{}", unique()));
        assert!(service.announce(announcer, &[finding(subject.clone(), Severity::Info, service.now(), "x")]).await.unwrap());
        let row = alerts::standing(&mut service.store().reader()).await.unwrap();
        let row = row.into_iter().find(|row| row.subject == subject.to_string()).unwrap();
        let newer = alerts::AlertRow {
            id: holdfast_domain::AlertId::from_bytes([9; 16]),
            code: "gpu_overheated".to_owned(),
            severity: "apocalyptic".to_owned(),
            ..row
        };
        write(service, move |tx| {
            let newer = newer.clone();
            Box::pin(async move { Ok(alerts::insert(tx, &newer).await?) })
        })
        .await;
        assert!(service.announce(announcer, &[]).await.unwrap());
        let call = Call::system(world.vendor);
        assert_eq!(standing(service, &call.actor, &subject).await, 1);
        let shown = service.alert(&call.actor, holdfast_domain::AlertId::from_bytes([9; 16])).await.unwrap();
        assert_eq!((shown.code.as_str(), shown.severity, shown.cure.as_str()), ("gpu_overheated", Severity::Critical, ""));
    }
}
