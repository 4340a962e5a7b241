//! Saved views: one's own, those of everybody, and nobody else's.

use crate::world::*;
use holdfast_domain::Role;
use holdfast_service::{
    Call, ErrorCode,
    admin::{inputs::IssueLicense, saved_views::SaveView},
};
use holdfast_testkit::both;

fn view(name: &str, shared: bool) -> SaveView {
    SaveView { list: "licenses".to_owned(), name: text(name), query: "state=active".to_owned(), q: None, shared }
}

both! {
    async fn a_view_is_its_makers_or_everybodys(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, support, viewer) =
            (world.member(Role::Owner).await, world.member(Role::Support).await, world.member(Role::Viewer).await);
        let s = &world.service;
        let own = s.save_view(&viewer, view("Mine", false)).await.unwrap();
        world.clock.advance(holdfast_domain::Seconds(1));
        let shared = s.save_view(&support, view("Ours", true)).await.unwrap();
        assert_eq!(s.save_view(&viewer, view("Ours too", true)).await.unwrap_err().code, ErrorCode::Forbidden);
        let names = async |call: &Call| -> Vec<(String, bool)> {
            let views = s.saved_views(&call.actor, "licenses").await.unwrap();
            views.into_iter().map(|view| (view.name.to_string(), view.may_remove)).collect()
        };
        assert_eq!(names(&viewer).await, [("Mine".to_owned(), true), ("Ours".to_owned(), false)]);
        assert_eq!(names(&owner).await, [("Ours".to_owned(), true)]);
        assert!(s.saved_views(&owner.actor, "seats").await.unwrap().is_empty());
        // Another member's is as if there were none; so is another vendor's.
        assert_eq!(s.remove_view(&support, own).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(s.remove_view(&viewer, shared).await.unwrap_err().code, ErrorCode::NotFound);
        let stranger = Call::system(vendor(s, "Other").await);
        assert_eq!(s.remove_view(&stranger, shared).await.unwrap_err().code, ErrorCode::NotFound);
        s.remove_view(&viewer, own).await.unwrap();
        s.remove_view(&owner, shared).await.unwrap();
        assert!(names(&viewer).await.is_empty());
    }

    async fn only_queries_of_lists_are_kept(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        for (list, query) in [
            ("secrets", "a=b".to_owned()), ("licenses", String::new()), ("licenses", "a=b c".to_owned()),
            ("licenses", "a=b\r\nx".to_owned()), ("licenses", "ü=1".to_owned()), ("licenses", "q=".repeat(2_000)),
        ] {
            let input = SaveView { list: list.to_owned(), name: text("N"), query, q: None, shared: false };
            assert_eq!(world.service.save_view(&owner, input).await.unwrap_err().code, ErrorCode::InvalidRequest);
        }
        let issued = world.issue().await;
        let foreign = IssueLicense { key: Some("of-another-system-1".to_owned()), ..IssueLicense::of(world.plan) };
        world.service.issue_license(&world.call(), foreign).await.unwrap();
        for (q, keeps) in [
            (issued.key.clone(), false), (issued.key.to_lowercase().replace('-', ""), false),
            ("Of Another System 1".to_owned(), false), ("of-another-system-2".to_owned(), true),
            ("ada@example.com".to_owned(), true), (issued.license.id.to_string(), true), (issued.license.key_hint, true),
        ] {
            let input = SaveView { q: Some(q.clone()), ..view("By text", false) };
            let saved = world.service.save_view(&owner, input).await.map_err(|error| error.code);
            assert_eq!(saved.err(), (!keeps).then_some(ErrorCode::InvalidRequest), "{q}");
        }
        for _ in 0..46 {
            world.service.save_view(&owner, view("One more", false)).await.unwrap();
        }
        assert_eq!(world.service.save_view(&owner, view("Too many", false)).await.unwrap_err().code, ErrorCode::InvalidRequest);
        assert_eq!(world.service.save_view(&world.call(), view("Of nobody", false)).await.unwrap_err().code, ErrorCode::Forbidden);
    }
}
