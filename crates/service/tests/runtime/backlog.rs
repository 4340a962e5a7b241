//! What waits for webhooks: what does not belong there stays out of their line, and changes hold however much is in it.

use crate::{webhooks::*, world::*};
use holdfast_domain::Seconds;
use holdfast_service::{
    Call, ErrorCode,
    admin::{inputs::InviteMember, webhooks::UpdateWebhook},
    runtime::webhooks::{Answer, Attempt, Dispatch},
};
use holdfast_store::{raw, webhooks};
use holdfast_testkit::both;
use std::time::Duration;

both! {
    async fn an_invitation_is_told_to_no_webhook(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let id = hook(&world, "").await.webhook.id;
        let input = InviteMember { email: "ada@example.com".parse().unwrap(), role: holdfast_domain::Role::Admin };
        world.service.invite(&Call::system(world.vendor), input).await.unwrap();
        let (_, key) = world.license(fixed(2)).await;
        world.activate(&key, "laptop").await.unwrap();
        assert_eq!(world.service.deliveries_waiting().await.unwrap().0, 1, "nobody waits for the invitation");
        assert_eq!(hand_out(&world.service).await, 1);
        assert_eq!(delivered(&world.service, id).await, ["seat.claimed"]);
        // Nor is anything left of it for a server of before, which would tell everybody who wants everything.
        assert!(outbox_of(&world.service).await.is_empty());
        let (due, waiting) = world.service.webhooks_due().await.unwrap();
        assert!(due.is_empty() && !waiting, "nothing is to be done");
    }

    async fn a_change_takes_effect_in_the_middle_of_a_backlog(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let (id, call) = (hook(&world, "").await.webhook.id, Call::system(world.vendor));
        let (_, key) = world.license(fixed(9)).await;
        world.activate(&key, "one").await.unwrap();
        hand_out(&world.service).await;
        // As whoever delivers has it from the beginning of the line.
        let row = webhooks::get(&mut world.service.store().reader(), world.scope(), id).await.unwrap().unwrap();
        let next = async || world.service.dispatches(&row, 8).await.unwrap();
        let signatures = |sent: &Dispatch| sent.headers(world.service.now())[2].1.split(' ').count();
        let before = next().await;
        assert_eq!((before[0].url(), signatures(&before[0])), ("https://example.com/hook", 2));
        let change = UpdateWebhook { url: Some("https://example.org/new".to_owned()), ..UpdateWebhook::default() };
        world.service.update_webhook(&call, id, change).await.unwrap();
        world.service.rotate_webhook_secret(&call, id).await.unwrap();
        let after = next().await;
        assert_eq!((after[0].url(), signatures(&after[0])), ("https://example.org/new", 4));
        world.service.pause_webhook(&call, id).await.unwrap();
        assert!(next().await.is_empty(), "it is paused");
        world.service.resume_webhook(&call, id).await.unwrap();
        let (_, key) = world.license(fixed(9)).await;
        world.activate(&key, "two").await.unwrap();
        hand_out(&world.service).await;
        let asked = Answer { status: 503, retry_after: Some(Seconds(5)), text: String::new() };
        let attempt = Attempt { at: world.service.now(), took: Duration::ZERO, result: Ok(asked) };
        world.service.attempted(&next().await[0], attempt).await.unwrap();
        assert!(next().await.is_empty(), "its receiver asks to be left alone");
        world.clock.advance(Seconds(60));
        assert_eq!(next().await.len(), 2);
        world.service.remove_webhook(&call, id).await.unwrap();
        assert!(next().await.is_empty(), "it is gone");
    }

    async fn removing_and_resuming_do_not_write_all_that_waits(db: TestDb) {
        let world = World::new(&db).await;
        join(&world.service, 1);
        let call = Call::system(world.vendor);
        let (gone, stays) = (hook(&world, "").await.webhook.id, hook(&world, "").await.webhook.id);
        for _ in 0..3 {
            let (_, key) = world.license(fixed(2)).await;
            world.activate(&key, "laptop").await.unwrap();
        }
        hand_out(&world.service).await;
        let tried = due(&world.service, gone).await;
        world.service.attempted(&tried[0], answered(&world.service, 500)).await.unwrap();
        let begun = world.service.now();
        world.clock.advance(Seconds(1));
        world.service.pause_webhook(&call, gone).await.unwrap();
        world.service.resume_webhook(&call, gone).await.unwrap();
        // The one that was tried is due at once, and those that never were are left as they are: due already.
        let lines = format!("SELECT count(*) FROM webhook_deliveries WHERE attempts = 0 AND next_at = {}", begun.micros());
        assert_eq!(raw::run(&db.db, &lines).await.unwrap()[0][0].as_deref(), Some("5"));
        assert_eq!(due(&world.service, gone).await.len(), 3);
        let delivery = log(&world, gone).await[0].id;
        world.service.remove_webhook(&call, gone).await.unwrap();
        let count = async || raw::run(&db.db, "SELECT count(*) FROM webhook_deliveries").await.unwrap()[0][0].clone();
        assert_eq!(count().await.as_deref(), Some("6"), "cleared away afterwards");
        let refused = world.service.webhook_delivery(&call.actor, gone, delivery).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        assert!(due(&world.service, gone).await.is_empty());
        assert_eq!(world.service.deliveries_waiting().await.unwrap().0, 3);
        let mut more = true;
        while more {
            more = write(&world.service, move |tx| Box::pin(async move { Ok(webhooks::prune_removed(tx).await?) })).await;
        }
        assert_eq!(count().await.as_deref(), Some("3"));
        assert!(raw::run(&db.db, "SELECT delivery FROM webhook_attempts").await.unwrap().is_empty());
        assert_eq!(delivered(&world.service, stays).await.len(), 3);
    }
}
