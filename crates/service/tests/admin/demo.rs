//! The demonstration vendor: believable, whole, and made in a moment.

use crate::world::*;
use holdfast_domain::{LicenseState, Seconds};
use holdfast_service::{
    Actor,
    admin::{
        demo,
        inputs::{LicenseFilter, SeatFilter},
    },
};
use holdfast_testkit::both;

both! {
    async fn the_demonstration_vendor_has_something_on_every_screen(db: TestDb) {
        let (service, _) = empty(&db);
        let made = demo::fill(&service, 7).await.unwrap();
        let actor = Actor::system(made.vendor);
        let email = made.email.unwrap();
        let signed_in = let_in(&service, &email, made.password.unwrap().expose()).await;
        assert_eq!(signed_in.member.vendor, made.vendor);
        assert_eq!(service.products(&actor, None, None, page()).await.unwrap().total.rows, made.products as u64);
        assert_eq!(service.customers(&actor, None, page()).await.unwrap().total.rows, made.customers as u64);
        assert!(made.licenses >= 60 && made.seats >= 100, "{made:?}", made = (made.licenses, made.seats));
        for state in [LicenseState::Active, LicenseState::Suspended, LicenseState::Revoked] {
            let filter = LicenseFilter { state: Some(state), ..LicenseFilter::default() };
            assert!(service.licenses(&actor, filter, page()).await.unwrap().total.rows > 0, "{state:?}");
        }
        let now = service.now();
        let away = SeatFilter { not_seen_since: Some(now.plus(Seconds::days(-5))), ..SeatFilter::default() };
        let away = service.seats(&actor, away, page()).await.unwrap().total.rows;
        assert!(away > 0 && away < made.seats as u64 / 2, "{away} of {}", made.seats);
        let all = service.seats(&actor, SeatFilter::default(), page()).await.unwrap();
        assert!(all.items.iter().all(|seat| seat.last_seen <= now && seat.claimed_at < seat.last_seen));
        let activity = service.activity(&actor, 90).await.unwrap();
        assert!(activity.iter().all(|day| day.renewals > 0));
        assert!(activity.iter().map(|day| day.activations).sum::<u64>() > 10);
        assert_eq!(service.verify_chain(made.vendor).await.unwrap().broken_at, None);
    }
}
