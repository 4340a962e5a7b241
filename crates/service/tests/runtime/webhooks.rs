//! Webhooks over both databases: who is told what, by which node, in which order, and what becomes of a receiver that fails.

use crate::world::*;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use holdfast_domain::{DeliveryId, NodeId, Seconds, WebhookId, webhook::EventFilter};
use holdfast_service::{
    Call, ErrorCode, Service,
    admin::{
        alerts::AlertFilter,
        page::PageRequest,
        webhooks::{
            CreateWebhook, DeliveryFilter, DeliveryState, DeliveryView, NewWebhook, PauseReason, UpdateWebhook,
        },
    },
    runtime::{
        Membership,
        webhooks::{Answer, Attempt, Dispatch},
    },
};
use holdfast_store::{outbox, raw, webhooks};
use holdfast_testkit::both;
use std::time::Duration;

pub fn join(service: &Service, n: u8) {
    service.join(Membership {
        id: NodeId::from_bytes([n; 16]),
        name: format!("node-{n}"),
        region: "eu".to_owned(),
        version: "1.0".to_owned(),
        report: Box::new(|| "{}".to_owned()),
        wanted: Box::new(|_| {}),
    });
}

pub fn events(text: &str) -> EventFilter {
    text.parse().unwrap()
}

pub async fn hook(world: &World, wants: &str) -> NewWebhook {
    let input = CreateWebhook {
        url: "https://example.com/hook".to_owned(),
        description: "The shop".to_owned(),
        events: events(wants),
    };
    world.service.create_webhook(&Call::system(world.vendor), input).await.unwrap()
}

/// What is to be sent to a webhook now.
pub async fn due(service: &Service, id: WebhookId) -> Vec<Dispatch> {
    let (due, _) = service.webhooks_due().await.unwrap();
    match due.iter().find(|webhook| webhook.id == id) {
        Some(webhook) => service.dispatches(webhook, 100).await.unwrap(),
        None => Vec::new(),
    }
}

pub async fn hand_out(service: &Service) -> usize {
    let duty = service.delivery_duty(None).await.unwrap().unwrap();
    let mut number = 0;
    loop {
        match service.hand_out(duty).await.unwrap() {
            0 => return number,
            more => number += more,
        }
    }
}

pub fn answered(service: &Service, status: u16) -> Attempt {
    let answer = Answer { status, retry_after: None, text: "thanks".to_owned() };
    Attempt { at: service.now(), took: Duration::from_millis(7), result: Ok(answer) }
}

/// Delivers whatever is due until nothing is; the topics, in the order of arrival.
pub async fn delivered(service: &Service, id: WebhookId) -> Vec<String> {
    let mut topics = Vec::new();
    loop {
        let dispatches = due(service, id).await;
        if dispatches.is_empty() {
            return topics;
        }
        for dispatch in dispatches {
            let body: serde_json::Value = serde_json::from_str(dispatch.body()).unwrap();
            topics.push(body["type"].as_str().unwrap().to_owned());
            service.attempted(&dispatch, answered(service, 204)).await.unwrap();
        }
    }
}

pub async fn log(world: &World, id: WebhookId) -> Vec<DeliveryView> {
    let actor = Call::system(world.vendor).actor;
    let page = PageRequest::default();
    world.service.webhook_deliveries(&actor, id, DeliveryFilter::default(), page).await.unwrap().items
}

pub async fn detail(
    world: &World,
    id: WebhookId,
    delivery: DeliveryId,
) -> holdfast_service::admin::webhooks::DeliveryDetail {
    world.service.webhook_delivery(&Call::system(world.vendor).actor, id, delivery).await.unwrap()
}

pub async fn outbox_of(service: &Service) -> Vec<outbox::MessageRow> {
    outbox::after(&mut service.store().reader(), 0, 1_000).await.unwrap()
}

both! {
    async fn a_vendor_without_webhooks_pays_nothing_and_one_with_is_told_in_the_order_of_each_license(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(2)).await;
        world.activate(&key, "early").await.unwrap();
        assert!(outbox_of(&world.service).await.is_empty());
        let made = hook(&world, "").await;
        let seat = world.activate(&key, "laptop").await.unwrap();
        world.renew(&seat.lease).await.unwrap();
        world.activate(&key, "laptop").await.unwrap();
        world.release(&seat.lease).await.unwrap();
        let told = outbox_of(&world.service).await;
        let topics: Vec<&str> = told.iter().map(|message| message.topic.as_str()).collect();
        assert_eq!(topics, ["seat.claimed", "seat.released"], "renewals and repetitions say nothing");
        assert!(told.iter().all(|message| message.subject == license.to_string()), "{told:?}");
        join(&world.service, 1);
        assert_eq!(hand_out(&world.service).await, 2);
        assert!(outbox_of(&world.service).await.is_empty());
        // Only the first of the license; the second waits for it.
        let first = due(&world.service, made.webhook.id).await;
        assert_eq!(first.len(), 1);
        let body: serde_json::Value = serde_json::from_str(first[0].body()).unwrap();
        assert_eq!((&body["type"], &body["data"]["subject"]), (&"seat.claimed".into(), &seat.seat.id.to_string().into()));
        assert_eq!(body["data"]["details"]["license"], license.to_string());
        assert_eq!(delivered(&world.service, made.webhook.id).await, ["seat.claimed", "seat.released"]);
        assert_eq!(log(&world, made.webhook.id).await.len(), 2);
    }

    async fn every_event_of_a_seat_names_its_license(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(floating(1)).await;
        hook(&world, "seat.*").await;
        let first = world.activate(&key, "one").await.unwrap();
        world.clock.advance(Seconds::days(40));
        world.activate(&key, "two").await.unwrap();
        let actor = Call::system(world.vendor);
        let second = holdfast_store::seats::active_of_license(&mut world.service.store().reader(), world.scope(), license)
            .await
            .unwrap();
        world.service.free_seat(&actor, second[0].seat.id, "asked for".parse().unwrap()).await.unwrap();
        let third = world.activate(&key, "three").await.unwrap();
        world.release(&third.lease).await.unwrap();
        let told = outbox_of(&world.service).await;
        let topics: std::collections::BTreeSet<&str> = told.iter().map(|message| message.topic.as_str()).collect();
        assert_eq!(topics.into_iter().collect::<Vec<_>>(), ["seat.claimed", "seat.freed", "seat.reclaimed", "seat.released"]);
        assert!(told.iter().all(|message| message.subject == license.to_string()), "{told:?} {}", first.seat.id);
    }

    async fn of_two_nodes_one_delivers_and_whoever_comes_late_changes_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        join(&world.service, 1);
        join(&other, 2);
        let id = hook(&world, "").await.webhook.id;
        let (_, key) = world.license(fixed(50)).await;
        for n in 0..5 {
            world.activate(&key, &format!("device {n}")).await.unwrap();
        }
        let first = world.service.delivery_duty(None).await.unwrap().unwrap();
        assert!(other.delivery_duty(None).await.unwrap().is_none(), "one at a time");
        assert_eq!(world.service.hand_out(first).await.unwrap(), 5);
        let late = due(&world.service, id).await;
        // The node stands still until another has taken over.
        world.clock.advance(Seconds::minutes(11));
        let second = other.delivery_duty(None).await.unwrap().unwrap();
        world.activate(&key, "one more").await.unwrap();
        assert_eq!(world.service.hand_out(first).await.unwrap(), 0, "its token is old");
        assert_eq!(other.hand_out(second).await.unwrap(), 1);
        let again = due(&other, id).await;
        assert_eq!((late.len(), again.len()), (1, 1));
        assert_eq!((late[0].body(), &late[0].headers(world.service.now())[0]), (again[0].body(), &again[0].headers(world.service.now())[0]));
        other.attempted(&again[0], answered(&other, 200)).await.unwrap();
        world.service.attempted(&late[0], answered(&world.service, 500)).await.unwrap();
        let newest_last = log(&world, id).await;
        let tried: Vec<_> = newest_last.iter().filter(|delivery| delivery.attempts > 0).collect();
        assert_eq!((tried.len(), tried[0].state, tried[0].attempts), (1, DeliveryState::Delivered, 1));
        assert_eq!(delivered(&other, id).await.len(), 5);
    }

    async fn two_nodes_that_hand_out_at_once_put_everything_in_line_once(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        join(&world.service, 1);
        let id = hook(&world, "").await.webhook.id;
        let (_, key) = world.license(fixed(1_000)).await;
        let duty = world.service.delivery_duty(None).await.unwrap().unwrap();
        let claims = async {
            for n in 0..300 {
                world.activate(&key, &format!("device {n}")).await.unwrap();
            }
        };
        let hand = |service: Service| async move {
            for _ in 0..60 {
                service.hand_out(duty).await.unwrap();
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        tokio::join!(claims, hand(world.service.clone()), hand(other));
        while world.service.hand_out(duty).await.unwrap() > 0 {}
        let sql = "SELECT number FROM webhook_deliveries ORDER BY number";
        assert_eq!(raw::run(&db.db, sql).await.unwrap().len(), 300);
        let mut numbers = Vec::new();
        loop {
            let dispatches = due(&world.service, id).await;
            let Some(dispatch) = dispatches.first() else { break };
            let body: serde_json::Value = serde_json::from_str(dispatch.body()).unwrap();
            numbers.push(body["data"]["number"].as_i64().unwrap());
            world.service.attempted(dispatch, answered(&world.service, 200)).await.unwrap();
        }
        assert!(numbers.len() == 300 && numbers.is_sorted(), "{numbers:?}");
    }

    async fn each_is_told_what_it_wants_and_nothing_of_others(db: TestDb) {
        let world = World::new(&db).await;
        let stranger = holdfast_domain::VendorId::from_bytes([9; 16]);
        let now = world.service.now();
        write(&world.service, move |tx| {
            Box::pin(async move {
                Ok(holdfast_store::vendors::insert(tx, stranger, &"Stranger".parse().unwrap(), now).await?)
            })
        })
        .await;
        let input = CreateWebhook { url: "https://example.org/".to_owned(), description: String::new(), events: events("") };
        let theirs = world.service.create_webhook(&Call::system(stranger), input).await.unwrap().webhook.id;
        let (all, some) = (hook(&world, "").await.webhook.id, hook(&world, "seat.released license.*").await.webhook.id);
        let (_, key) = world.license(fixed(2)).await;
        let seat = world.activate(&key, "laptop").await.unwrap();
        world.release(&seat.lease).await.unwrap();
        join(&world.service, 1);
        hand_out(&world.service).await;
        let same = |dispatches: &[Dispatch]| dispatches[0].headers(now)[0].1.clone();
        assert_eq!(delivered(&world.service, some).await, ["seat.released"]);
        let first = due(&world.service, all).await;
        assert!(same(&first).starts_with("msg_"));
        assert_eq!(delivered(&world.service, all).await, ["seat.claimed", "seat.released"]);
        assert!(due(&world.service, theirs).await.is_empty());
        let messages = |log: Vec<DeliveryView>| log.into_iter().map(|delivery| delivery.message).collect::<Vec<_>>();
        assert!(messages(log(&world, all).await).contains(&messages(log(&world, some).await)[0]), "one message, one id");
        let foreign = Call::system(stranger);
        let refused = world.service.webhook(&foreign.actor, all).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        let delivery = log(&world, all).await[0].id;
        let refused = world.service.webhook_delivery(&foreign.actor, all, delivery).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        let refused = world.service.redeliver(&foreign, theirs, delivery).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }

    async fn a_receiver_that_fails_for_three_days_is_paused_with_notice_and_loses_nothing(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let (id, other) = (hook(&world, "seat.*").await.webhook.id, hook(&world, "alert.*").await.webhook.id);
        let (_, key) = world.license(fixed(9)).await;
        world.activate(&key, "one").await.unwrap();
        world.activate(&key, "two").await.unwrap();
        hand_out(&world.service).await;
        let mut attempts = 0;
        for _ in 0..2_000 {
            for dispatch in due(&world.service, id).await {
                world.service.attempted(&dispatch, answered(&world.service, 503)).await.unwrap();
                attempts += 1;
            }
            world.clock.advance(Seconds::minutes(3));
        }
        assert!((10..20).contains(&attempts), "{attempts}");
        let actor = Call::system(world.vendor).actor;
        let view = world.service.webhook(&actor, id).await.unwrap();
        assert_eq!(view.paused.unwrap().reason, PauseReason::Failing);
        assert_eq!(world.log_of(&id.to_string()).await.last().map(String::as_str), Some("webhook.paused"));
        let standing = AlertFilter { standing: Some(true), ..AlertFilter::default() };
        let alerts = world.service.alerts(&actor, standing.clone(), PageRequest::default()).await.unwrap().items;
        assert_eq!((alerts.len(), alerts[0].code.as_str()), (1, "webhook_paused"));
        assert!(!alerts[0].cure.is_empty() && alerts[0].subject == format!("webhook:{id}"));
        let sentence = format!("nothing is sent to https://example.com ({id}): ");
        assert!(alerts[0].detail.starts_with(&sentence), "a path may hold a secret: {}", alerts[0].detail);
        // The vendor's other webhook is told, and whoever announces the fleet's alerts leaves this one alone.
        let announcer = world.service.announcer(None).await.unwrap().unwrap();
        world.service.announce(announcer, &[]).await.unwrap();
        hand_out(&world.service).await;
        assert_eq!(delivered(&world.service, other).await, ["alert.raised"]);
        world.activate(&key, "three").await.unwrap();
        hand_out(&world.service).await;
        assert!(due(&world.service, id).await.is_empty());
        let call = Call::system(world.vendor);
        assert_eq!(world.service.test_webhook(&call, id).await.unwrap_err().code, ErrorCode::WebhookPaused);
        world.service.resume_webhook(&call, id).await.unwrap();
        assert_eq!(delivered(&world.service, id).await, ["seat.claimed", "seat.claimed", "seat.claimed"]);
        assert!(world.service.alerts(&actor, standing, PageRequest::default()).await.unwrap().items.is_empty());
        let first = log(&world, id).await.pop().unwrap();
        let tried = detail(&world, id, first.id).await;
        assert_eq!(tried.log.len(), attempts + 1);
        assert_eq!((tried.log[0].status, tried.log[0].answer.as_str()), (Some(503), "thanks"));
        assert!(tried.log.iter().zip(1..).all(|(attempt, n)| attempt.number == n));
    }

    async fn a_message_is_sent_again_byte_for_byte_and_a_test_goes_through_the_same_line(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let id = hook(&world, "order.*").await.webhook.id;
        let call = Call::system(world.vendor);
        let test = world.service.test_webhook(&call, id).await.unwrap();
        let sent = due(&world.service, id).await;
        let (body, header) = (sent[0].body().to_owned(), sent[0].headers(world.service.now())[0].clone());
        assert!(body.starts_with(r#"{"type":"webhook.test","#));
        world.service.attempted(&sent[0], answered(&world.service, 200)).await.unwrap();
        assert!(due(&world.service, id).await.is_empty());
        world.clock.advance(Seconds::HOUR);
        let again = world.service.redeliver(&call, id, test.id).await.unwrap();
        assert_eq!((again.message, again.attempts), (test.message, 0));
        let sent = due(&world.service, id).await;
        assert_eq!((sent[0].body(), &sent[0].headers(world.service.now())[0]), (body.as_str(), &header));
        let logged = world.log_of(&id.to_string()).await;
        assert_eq!(logged, ["webhook.created", "webhook.tested", "webhook.redelivered"]);
    }

    async fn secrets_change_over_within_a_day(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let made = hook(&world, "").await;
        let (id, call) = (made.webhook.id, Call::system(world.vendor));
        world.service.test_webhook(&call, id).await.unwrap();
        let signatures = async || {
            let sent = due(&world.service, id).await;
            let text = sent[0].headers(world.service.now())[2].1.clone();
            text.split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        let before = signatures().await;
        let rotated = world.service.rotate_webhook_secret(&call, id).await.unwrap();
        assert_ne!((&rotated.secret, &rotated.webhook.public_key), (&made.secret, &made.webhook.public_key));
        let both = signatures().await;
        assert_eq!((before.len(), both.len()), (2, 4));
        assert!(before.iter().all(|signature| both.contains(signature)) && !before.contains(&both[0]));
        world.clock.advance(Seconds::DAY);
        let after = signatures().await;
        assert!(after.len() == 2 && after[0].starts_with("v1,") && after[1].starts_with("v1a,"));
        assert_eq!(world.service.webhook(&call.actor, id).await.unwrap().previous_until, None);
        let row = webhooks::get(&mut world.service.store().reader(), world.scope(), id).await.unwrap().unwrap();
        let secret = BASE64_STANDARD.decode(rotated.secret.strip_prefix("whsec_").unwrap()).unwrap();
        assert!(row.secrets.windows(secret.len()).all(|piece| piece != secret), "it is sealed");
    }

    async fn what_goes_where_is_refused_before_it_is_stored(db: TestDb) {
        let world = World::new(&db).await;
        let call = Call::system(world.vendor);
        let make = async |url: &str| {
            let input = CreateWebhook { url: url.to_owned(), description: String::new(), events: events("") };
            world.service.create_webhook(&call, input).await
        };
        for wrong in ["", "http://example.com/", "ftp://example.com/", "https://", "https://user@example.com/", "https:///x",
            "https://example.com/#x", "https://exa mple.com/", "https://example.com:0x/", "https://example.com:99999/",
            "https://127.0.0.1/", "https://[::1]:8443/x", "https://169.254.169.254/latest", "https://10.0.0.1", "https://localhost/",
            "https://example.com\\@10.0.0.1/", "https://exämple.com/"]
        {
            let refused = make(wrong).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/url")), "{wrong}");
        }
        for n in 0..20 {
            make(&format!("https://example.com:8443/{n}?a=b")).await.unwrap();
        }
        assert_eq!(make("https://example.com/").await.unwrap_err().code, ErrorCode::InvalidRequest, "twenty are enough");
        let page = world.service.webhooks(&call.actor, None, PageRequest::default()).await.unwrap();
        assert_eq!(page.total.rows, 20);
        let id = page.items[0].id;
        let change = UpdateWebhook { url: Some("https://10.0.0.1/".to_owned()), ..UpdateWebhook::default() };
        assert_eq!(world.service.update_webhook(&call, id, change).await.unwrap_err().code, ErrorCode::InvalidRequest);
        let change = UpdateWebhook { events: Some(events("seat.*")), ..UpdateWebhook::default() };
        assert_eq!(world.service.update_webhook(&call, id, change).await.unwrap().events.names(), ["seat.*"]);
        for item in page.items {
            world.service.remove_webhook(&call, item.id).await.unwrap();
        }
        let heads = raw::run(&db.db, "SELECT sum(webhooks) FROM event_heads").await.unwrap();
        assert_eq!(heads[0][0].as_deref(), Some("0"));
    }

    async fn a_change_and_its_message_are_one_transaction(db: TestDb) {
        let world = World::new(&db).await;
        hook(&world, "").await;
        let (license, _) = world.license(fixed(1)).await;
        let call = Call::system(world.vendor);
        let input = holdfast_service::admin::inputs::ChangeStatus {
            change: holdfast_domain::license::StatusChange::Suspend,
            reason: "unpaid".parse().unwrap(),
            effective_at: None,
            dry_run: true,
        };
        world.service.change_status(&call, license, input.clone()).await.unwrap();
        assert!(outbox_of(&world.service).await.is_empty(), "a rehearsal changes nothing");
        let failed = world.service.store().write(holdfast_store::WriteOptions::license(license), {
            let (scope, now) = (world.scope(), world.service.now());
            move |tx: &mut holdfast_store::Tx| {
                Box::pin(async move {
                    tx.event(holdfast_store::NewEvent {
                        id: holdfast_domain::EventId::from_bytes([5; 16]),
                        vendor: scope.vendor(),
                        at: now,
                        actor: holdfast_domain::Actor::System,
                        action: "license.changed",
                        subject: "lic_x".to_owned(),
                        data: serde_json::json!({}),
                        origin: String::new(),
                        request: String::new(),
                    });
                    Err::<(), _>(holdfast_service::Error::new(ErrorCode::NotFound))
                })
            }
        });
        assert!(failed.await.is_err());
        assert!(outbox_of(&world.service).await.is_empty(), "what was rolled back is not told");
        let input = holdfast_service::admin::inputs::ChangeStatus { dry_run: false, ..input };
        world.service.change_status(&call, license, input).await.unwrap();
        let told = outbox_of(&world.service).await;
        assert_eq!((told.len(), told[0].topic.as_str()), (1, "license.suspended"));
    }

    async fn messages_are_forgotten_after_their_time_and_what_waits_is_counted(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let id = hook(&world, "").await.webhook.id;
        let (_, key) = world.license(fixed(50)).await;
        let begun = world.service.now();
        for n in 0..3 {
            world.activate(&key, &format!("device {n}")).await.unwrap();
        }
        assert_eq!(world.service.deliveries_waiting().await.unwrap(), (3, Some(begun)));
        hand_out(&world.service).await;
        assert_eq!(world.service.deliveries_waiting().await.unwrap(), (3, Some(begun)));
        let sent = due(&world.service, id).await;
        world.service.attempted(&sent[0], answered(&world.service, 200)).await.unwrap();
        assert_eq!(world.service.deliveries_waiting().await.unwrap().0, 2);
        world.service.pause_webhook(&Call::system(world.vendor), id).await.unwrap();
        assert_eq!(world.service.deliveries_waiting().await.unwrap(), (0, None), "nobody is waiting for them");
        let before = begun.plus(Seconds(1));
        write(&world.service, move |tx| Box::pin(async move { Ok(webhooks::prune(tx, before).await?) })).await;
        for table in ["webhook_messages", "webhook_deliveries", "webhook_attempts"] {
            let left = raw::run(&db.db, &format!("SELECT count(*) FROM {table}")).await.unwrap();
            assert_eq!(left[0][0].as_deref(), Some("0"), "{table}");
        }
    }
}

#[test]
fn every_topic_is_one_that_something_is_told_of() {
    // A topic that nobody raises any more would be a filter that waits for ever.
    let mut sources = String::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    for (topic, meaning) in holdfast_domain::webhook::TOPICS {
        let raised = topic == holdfast_domain::webhook::TEST || sources.contains(&format!("\"{topic}\""));
        assert!(raised && meaning.ends_with('.'), "{topic}");
    }
    // And whatever changes a license, seat, order or alert is one.
    for family in ["license", "seat", "order", "alert"] {
        for piece in sources.split(&format!("\"{family}.")).skip(1) {
            let action = format!("{family}.{}", piece.split('"').next().unwrap());
            let known = holdfast_domain::webhook::is_told(&action);
            assert!(known || action == "license.key_revealed" || action.ends_with('*'), "{action}");
        }
    }
}
