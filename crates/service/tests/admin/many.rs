//! More than ten licenses at once are an owner's affair, or take a second person (security design, the table of roles): every act that can reach so
//! many, with every role, with ten and with eleven.

use crate::{
    authorisation::use_cases,
    bulk::{issue, work},
    world::*,
};
use holdfast_domain::{InboxId, LicenseId, OrderId, Role, Seconds, license::StatusChange};
use holdfast_service::{
    Call, Error, ErrorCode, Service,
    admin::{
        bulk::{BulkStep, Target},
        inputs::{
            ApplyTerms, ChangeStatus, CreateOrder, CreatePlan, IssueLicense, LicenseFilter, SeatFilter, UpdatePlan,
        },
        shops::{Resolve, ResolveInput},
    },
};
use holdfast_store::BoxFuture;
use holdfast_testkit::both;

/// What there are so many of.
#[derive(Clone)]
struct Many {
    licenses: Vec<LicenseId>,
    /// Their order.
    order: OrderId,
    /// What waits in the inbox: that the money for the order went back.
    waiting: InboxId,
    /// Their plan, whose terms are others by now.
    plan: holdfast_domain::PlanId,
}

type Run = fn(Service, Call, Many) -> BoxFuture<'static, Result<(), Error>>;

struct Act {
    name: &'static str,
    /// Whether owner, admin, developer, support and viewer may do it to ten.
    few: [bool; 5],
    run: Run,
}

macro_rules! acts {
    ($($name:ident $few:literal |$s:ident, $c:ident, $m:ident| $call:expr;)*) => {
        vec![$(Act {
            name: stringify!($name),
            few: $few.map(|mark| mark == b'+'),
            run: |$s, $c, $m| Box::pin(async move { $call.await.map(|_| ()) }),
        }),*]
    };
}

fn status(change: StatusChange) -> ChangeStatus {
    ChangeStatus { change, reason: text("A reason"), effective_at: None, dry_run: false }
}

const SUSPEND: BulkStep = BulkStep::Status(StatusChange::Suspend);

fn revoked() -> ResolveInput {
    ResolveInput { how: Resolve::Revoke { effective_at: None }, reason: Some(text("A reason")), dry_run: false }
}

fn of_plan(many: &Many) -> LicenseFilter {
    LicenseFilter { plan: Some(many.plan), ..LicenseFilter::default() }
}

/// The rows are called in this order: nothing stands in the way of what comes after.
#[rustfmt::skip]
fn acts() -> Vec<Act> {
    acts! {
        preview_bulk b"++_+_" |s, c, m| s.preview_bulk(&c, SUSPEND, Target::Licenses(m.licenses));
        preview_bulk b"++_+_" |s, c, m| s.preview_bulk(&c, SUSPEND, Target::AllLicenses(of_plan(&m)));
        begin_bulk b"++++_" |s, c, m| s.begin_bulk(&c, None, BulkStep::Extend(1), Target::Licenses(m.licenses), text("A reason"));
        begin_bulk b"++++_" |s, c, m| s.begin_bulk(&c, None, BulkStep::Extend(1), Target::AllLicenses(of_plan(&m)), text("A reason"));
        begin_bulk b"++_+_" |s, c, m| s.begin_bulk(&c, None, SUSPEND, Target::AllLicenses(of_plan(&m)), text("A reason"));
        begin_bulk b"++_+_" |s, c, m| s.begin_bulk(&c, None, BulkStep::Refund, Target::Orders(vec![m.order]), text("A reason"));
        change_status_of_many b"++___" |s, c, m| s.change_status_of_many(&c, m.licenses, status(StatusChange::Suspend));
        apply_terms_from b"+++__" |s, c, m| s.apply_terms_from(&c, m.plan, ApplyTerms::default(), None);
        apply_terms b"+++__" |s, c, m| s.apply_terms(&c, m.plan, ApplyTerms::default());
        resolve_inbox b"++___" |s, c, m| s.resolve_inbox(&c, m.waiting, revoked());
        refund_order b"++___" |s, c, m| s.refund_order(&c, m.order, text("A reason"), false);
    }
}

/// What takes many and is not in the table: it stops, it takes back, which has a test of its own, or it makes licenses,
/// which is what developers do.
const OTHERS: [&str; 6] =
    ["preview_undo_bulk", "stop_bulk", "undo_bulk", "cancel_import", "confirm_import", "remap_import"];

async fn make(world: &World, count: usize) -> Many {
    let (service, call) = (&world.service, world.call());
    let code = text(&format!("many{}", unique()));
    let input = CreatePlan { product: world.product, name: text("Many"), code, terms: yearly() };
    let plan = service.create_plan(&call, input).await.unwrap().id;
    let order = CreateOrder { reference: text(&format!("many{}", unique())), customer: None };
    let order = service.create_order(&call, order).await.unwrap().id;
    let mut licenses = Vec::new();
    for _ in 0..count {
        let input = IssueLicense { order: Some(order), ..IssueLicense::of(plan) };
        licenses.push(service.issue_license(&call, input).await.unwrap().license.id);
    }
    let terms = holdfast_domain::Terms { grace: Seconds::days(9), ..yearly() };
    service.update_plan(&call, plan, UpdatePlan { terms: Some(terms), ..UpdatePlan::default() }).await.unwrap();
    let waiting = world.waiting(Some(order)).await;
    Many { licenses, order, waiting, plan }
}

#[test]
fn whatever_takes_many_is_in_the_table() {
    let table: Vec<&str> = acts().iter().map(|act| act.name).collect();
    let marks =
        ["Vec<LicenseId>", "Vec<SeatId>", "Target", "BulkActId", "ApplyTerms", "OrderId", "InboxId", "ImportId"];
    let mut found = 0;
    for (name, takes) in use_cases().into_iter().filter(|(_, takes)| takes.contains("&Call")) {
        if marks.iter().any(|mark| takes.contains(mark)) {
            let known = table.contains(&name.as_str()) || OTHERS.contains(&name.as_str());
            assert!(known, "`{name}` may reach many licenses: say who may do that to more than ten");
            found += 1;
        }
    }
    assert!(found >= 10, "{found}");
}

both! {
    async fn every_act_on_more_than_ten_is_an_owners(db: TestDb) {
        let world = World::new(&db).await;
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let call = world.member(role).await;
            for count in [10, 11] {
                for act in acts() {
                    let many = make(&world, count).await;
                    let before = world.service.verify_chain(world.vendor).await.unwrap().events;
                    let outcome = (act.run)(world.service.clone(), call.clone(), many).await;
                    let refused = outcome.as_ref().err().is_some_and(|error| error.code == ErrorCode::Forbidden);
                    // Whoever may ask a second person may look.
                    let looks = act.name == "preview_bulk" && matches!(role, Role::Admin | Role::Support);
                    let may = act.few[at] && (count == 10 || role == Role::Owner || looks);
                    assert_eq!(refused, !may, "{} of {count} by {role:?}: {outcome:?}", act.name);
                    assert!(refused || outcome.is_ok(), "{} of {count} by {role:?}: {outcome:?}", act.name);
                    if refused {
                        let after = world.service.verify_chain(world.vendor).await.unwrap().events;
                        assert_eq!(after, before, "{} of {count} by {role:?} left something behind", act.name);
                    }
                    // What waits counts towards what is asked for next.
                    for waiting in world.service.waiting_acts(&world.system()).await.unwrap() {
                        world.service.stop_bulk(&world.call(), waiting.id).await.unwrap();
                    }
                }
            }
        }
    }

    async fn taking_back_an_act_on_more_than_ten_is_an_owners(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, service) = (world.member(Role::Owner).await, &world.service);
        for count in [10, 11] {
            let ids = issue(&world, count).await;
            let begun = service.begin_bulk(&owner, None, SUSPEND, Target::Licenses(ids), text("A reason")).await.unwrap();
            work(service, "one").await;
            for role in [Role::Admin, Role::Support, Role::Developer, Role::Viewer] {
                let call = world.member(role).await;
                let asks = matches!(role, Role::Admin | Role::Support);
                let looked = service.preview_undo_bulk(&call, begun).await.map(|looked| looked.second);
                let looked = looked.map_err(|error| error.code);
                assert_eq!(looked, if asks { Ok(count > 10) } else { Err(ErrorCode::Forbidden) }, "{count} by {role:?}");
                if !asks || count > 10 {
                    let refused = service.undo_bulk(&call, None, begun, text("A reason")).await.unwrap_err();
                    assert_eq!(refused.code, ErrorCode::Forbidden, "{count} by {role:?}");
                }
            }
            service.undo_bulk(&owner, None, begun, text("A reason")).await.unwrap();
            work(service, "one").await;
        }
    }

    async fn seats_count_as_well(db: TestDb) {
        let world = World::new(&db).await;
        let mut seats = Vec::new();
        for _ in 0..4 {
            seats.extend(world.used(&["a", "b", "c"]).await.1);
        }
        let service = &world.service;
        for role in [Role::Admin, Role::Developer, Role::Support] {
            let call = world.member(role).await;
            for target in [Target::Seats(seats[..11].to_vec()), Target::AllSeats(SeatFilter::default())] {
                let refused = service.begin_bulk(&call, None, BulkStep::Free, target, text("A reason")).await.unwrap_err();
                assert_eq!(refused.code, ErrorCode::Forbidden, "{role:?}");
            }
            service.preview_bulk(&call, BulkStep::Free, Target::Seats(seats[..10].to_vec())).await.unwrap();
        }
    }
}
