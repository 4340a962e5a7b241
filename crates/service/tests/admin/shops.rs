//! Shops over both databases: what each provider tells becomes orders and licenses, whatever the order it is told in and however
//! often; what no rule decides waits for a person; what a person decided stays.

use crate::{
    bulk::work,
    mails::{mailing, sent_to},
    world::*,
};
use futures::future::BoxFuture;
use holdfast_domain::{
    InboxId, LicenseId, LicenseState, LicenseStatus, NodeId, Permission, PlanId, Role, Seconds, ShopId, ShopKind,
    ShopRules, Timestamp, event,
    license::StatusChange,
    sale::{Consequence, SubscriptionStatus},
};
use holdfast_service::{
    Call, Error, ErrorCode,
    admin::{
        bulk::{BulkStep, Target},
        inputs::{
            ChangeStatus, CreateCustomer, CreateOrder, CreatePlan, CustomerChoice, EventFilter, ExtendLicense,
            IssueLicense, LicenseFilter, UpdateLicense,
        },
        mails::SetMailLook,
        orders::{OrderFilter, OrderStatus},
        shops::{
            ConnectShop, InboxFilter, InboxKind, InboxView, Resolution, Resolve, ResolveInput, Resolved, Secret,
            SetPrice, ShopEventState, ShopEventView, UpdateShop,
        },
        views::{EventView, LicenseView, OrderView},
    },
    mail::{Look, Mail},
    runtime::{Membership, mails::Outcome},
    shops::{Ask, Reply},
};
use holdfast_testkit::{
    TestDb, both,
    shop::{API_KEY, Sold, StandIn, TOTAL, secret, sign},
};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// A provider without a network in between.
struct Wire(StandIn);

impl Ask for Wire {
    fn get(&self, url: String, headers: Vec<(&'static str, String)>) -> BoxFuture<'_, Result<Reply, String>> {
        let authorization = headers.into_iter().find(|(name, _)| *name == "authorization").map(|(_, value)| value);
        let (status, body) = self.0.answer(url.strip_prefix(API).unwrap(), authorization.as_deref());
        Box::pin(async move { Ok(Reply { status, retry_after: None, body }) })
    }
}

const API: &str = "https://provider.example";

/// A vendor with a shop, at whose provider prices are plans.
struct Shopped {
    world: World,
    provider: StandIn,
    kind: ShopKind,
    shop: ShopId,
    secret: String,
}

fn membership(n: u8) -> Membership {
    Membership {
        id: NodeId::from_bytes([n; 16]),
        name: format!("node-{n}"),
        region: "eu".to_owned(),
        version: "1.0".to_owned(),
        report: Box::new(|| "{}".to_owned()),
        wanted: Box::new(|_| {}),
    }
}

fn price(kind: ShopKind) -> &'static str {
    if kind == ShopKind::LemonSqueezy { "4711" } else { "price_editor" }
}

impl Shopped {
    async fn new(db: &TestDb, kind: ShopKind) -> Self {
        let (world, provider) = (World::new(db).await, StandIn::default());
        world.service.ask_through(Arc::new(Wire(provider.clone())));
        world.service.join(membership(1));
        let input = ConnectShop {
            kind,
            name: text("Web shop"),
            api_url: Some(API.to_owned()),
            api_key: Some(Secret::new(API_KEY)),
            rules: ShopRules::default(),
        };
        let made = world.service.connect_shop(&world.call(), input).await.unwrap();
        let secret = if let Some(secret) = made.secret {
            secret
        } else {
            let own = secret(kind, 1);
            let call = world.call();
            let set = world.service.set_shop_secret(&call, made.shop.id, Some(Secret::new(&own))).await.unwrap();
            assert_eq!(set.secret, None);
            own
        };
        let shopped = Self { world, provider, kind, shop: made.shop.id, secret };
        shopped.price(price(kind), Some(shopped.world.plan), true).await;
        shopped
    }

    async fn price(&self, price: &str, plan: Option<PlanId>, quantity_is_seats: bool) {
        let input = SetPrice { price: text(price), plan, quantity_is_seats };
        self.world.service.set_shop_price(&self.world.call(), self.shop, input).await.unwrap();
    }

    /// The same on a node that mail leaves from.
    fn mailing(&mut self) {
        self.world.service = mailing(&self.world);
        self.world.service.ask_through(Arc::new(Wire(self.provider.clone())));
        self.world.service.join(membership(1));
    }

    async fn rules(&self, rules: ShopRules) {
        let input = UpdateShop { rules: Some(rules), ..UpdateShop::default() };
        self.world.service.update_shop(&self.world.call(), self.shop, input).await.unwrap();
    }

    fn now(&self) -> Timestamp {
        self.world.service.now()
    }

    async fn send_with(&self, secret: &str, at: Timestamp, message: &Value) -> Result<(), Error> {
        let body = message.to_string();
        let name = format!("msg_{}_{}", message["sale"]["id"].as_str().unwrap_or_default(), message["sequence"]);
        let headers = sign(self.kind, secret, at, body.as_bytes(), &name);
        let header = move |wanted: &str| headers.iter().find(|(is, _)| *is == wanted).map(|(_, value)| value.clone());
        self.world.service.receive(self.shop, &header, body.as_bytes()).await
    }

    async fn send(&self, message: &Value) {
        self.send_with(&self.secret, self.now(), message).await.unwrap();
    }

    /// Works off whatever is due; how many messages were done with.
    async fn work_off(&self) -> usize {
        let service = &self.world.service;
        let duty = service.sales_duty(None).await.unwrap().unwrap();
        let mut done = 0;
        for shop in service.shops_due().await.unwrap() {
            done += service.work_off(&shop, duty).await.unwrap();
        }
        done
    }

    /// The provider has `sold` that and tells of it.
    async fn told(&self, sold: &Sold) {
        self.provider.knows(self.kind, sold);
        self.told_all(sold.messages(self.kind)).await;
    }

    /// The same in a state of its own, told as the `sequence`th.
    async fn told_next(&self, sold: &Sold, sequence: u64) {
        self.provider.knows(self.kind, sold);
        let name = match self.kind {
            ShopKind::Stripe => "/id",
            ShopKind::Paddle => "/event_id",
            ShopKind::LemonSqueezy => "/meta/custom_data/at",
            ShopKind::Generic => return self.told_all(vec![sold.described(sequence)]).await,
        };
        let mut messages = sold.messages(self.kind);
        for message in &mut messages {
            // Told anew, and not once more.
            let name = message.pointer_mut(name).unwrap();
            *name = format!("{}_{sequence}", name.as_str().unwrap()).into();
        }
        self.told_all(messages).await;
    }

    async fn told_all(&self, messages: Vec<Value>) {
        for message in messages {
            self.send(&message).await;
        }
        self.work_off().await;
    }

    async fn licenses(&self) -> Vec<LicenseView> {
        let found = self.world.service.licenses(&self.world.system(), LicenseFilter::default(), page()).await;
        let mut found = found.unwrap().items;
        found.sort_by_key(|license| license.id);
        found
    }

    async fn license(&self) -> LicenseView {
        let found = self.licenses().await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    async fn orders(&self) -> Vec<OrderView> {
        let found = self.world.service.orders(&self.world.system(), OrderFilter::default(), page()).await;
        found.unwrap().items
    }

    async fn inbox(&self) -> Vec<InboxView> {
        let filter = InboxFilter { open: Some(true), ..InboxFilter::default() };
        self.world.service.inbox(&self.world.system(), filter, page()).await.unwrap().items
    }

    async fn waits(&self) -> InboxView {
        let found = self.inbox().await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    async fn events(&self) -> Vec<ShopEventView> {
        self.world.service.shop_events(&self.world.system(), self.shop, page()).await.unwrap().items
    }

    async fn log(&self, action: &str) -> Vec<EventView> {
        let filter = EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
        self.world.service.events(&self.world.system(), filter, page()).await.unwrap().items
    }

    async fn resolve_as(&self, call: &Call, id: InboxId, how: Resolve) -> Result<Resolved, Error> {
        let input = ResolveInput { how, reason: Some(text("As agreed on the phone")), dry_run: false };
        self.world.service.resolve_inbox(call, id, input).await
    }

    async fn resolve(&self, id: InboxId, how: Resolve) -> Resolved {
        self.resolve_as(&self.world.call(), id, how).await.unwrap()
    }

    /// Two licenses of one order, of which some of the money went back; and what asks what follows.
    async fn asked_about_two(&self, tag: u32) -> (InboxView, Vec<LicenseId>) {
        let mut message = Sold::once(tag, price(self.kind)).paid_back(1_000).described(1);
        let mut second = message["sale"]["lines"][0].clone();
        second["id"] = "2".into();
        message["sale"]["lines"].as_array_mut().unwrap().push(second);
        self.send(&message).await;
        self.work_off().await;
        let entry = self.waits().await;
        let found = self.licenses().await;
        let licenses = found.iter().filter(|license| license.order == entry.order).map(|license| license.id).collect();
        (entry, licenses)
    }

    async fn other_plan(&self, code: &str) -> PlanId {
        let product = self.world.product;
        let input = CreatePlan { product, name: text("Studio"), code: text(code), terms: yearly() };
        self.world.service.create_plan(&self.world.call(), input).await.unwrap().id
    }
}

fn until(shopped: &Shopped) -> Timestamp {
    Timestamp::from_seconds(shopped.now().seconds().0 + 30 * 86_400)
}

fn subscribed(shopped: &Shopped) -> Sold {
    Sold::subscribed(3, price(shopped.kind), until(shopped))
}

/// Every order of these.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = items.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for rest in permutations(rest) {
        for at in 0..=rest.len() {
            let mut one = rest.clone();
            one.insert(at, first.clone());
            all.push(one);
        }
    }
    all
}

/// Every order of a few; of many, those that begin anywhere and go on from there, forwards or backwards.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.len() <= 5 {
        return permutations(items);
    }
    let backwards: Vec<T> = items.iter().rev().cloned().collect();
    let from = |items: &[T], at| items.iter().cycle().skip(at).take(items.len()).cloned().collect();
    (0..items.len()).flat_map(|at| [from(items, at), from(&backwards, at)]).collect()
}

both! {
    async fn a_sale_becomes_a_customer_an_order_and_a_license_however_often_it_is_told(db: TestDb) {
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let sold = Sold { quantity: 5, ..Sold::once(2, price(kind)) };
            shopped.provider.knows(kind, &sold);
            let messages = sold.messages(kind);
            for _ in 0..5 {
                for message in &messages {
                    shopped.send(message).await;
                }
                shopped.work_off().await;
            }
            let license = shopped.license().await;
            assert_eq!((license.terms.seats, license.plan, license.state), (5, shopped.world.plan, LicenseState::Active), "{kind:?}");
            assert_eq!(license.customer_email.as_ref().unwrap().as_str(), "buyer2@example.com");
            assert_eq!(license.customer_name.as_ref().unwrap().as_str(), "Ada Example");
            assert_eq!(license.expires_at, Some(shopped.now().plus(Seconds::days(365))), "{kind:?}: as its plan says");
            let [order] = shopped.orders().await.try_into().unwrap();
            assert_eq!((Some(order.id), order.status), (license.order, OrderStatus::Paid));
            let events = shopped.events().await;
            assert_eq!(events.len(), messages.len(), "{kind:?}: each once");
            assert!(events.iter().all(|event| event.state != ShopEventState::Waiting), "{events:?}");
            for action in ["customer.created", "order.created", "license.issued"] {
                let [told] = shopped.log(action).await.try_into().unwrap();
                assert_eq!(told.actor, event::Actor::Shop(shopped.shop), "{action}");
            }
            assert!(shopped.inbox().await.is_empty());
            // Another one of the same buyer is theirs too.
            shopped.told(&Sold { email: "buyer2@example.com".to_owned(), ..Sold::once(4, price(kind)) }).await;
            let both = shopped.licenses().await;
            assert!(both.len() == 2 && both[0].customer == both[1].customer && both[0].order != both[1].order, "{both:?}");
        }
    }

    async fn whoever_buys_gets_the_key_by_mail_once(db: TestDb) {
        let mut shopped = Shopped::new(&db, ShopKind::Generic).await;
        shopped.mailing();
        let (service, call) = (&shopped.world.service, shopped.world.call());
        let chosen = SetMailLook { issued: vec![shopped.world.product], ..SetMailLook::default() };
        service.set_mail_look(&call, chosen).await.unwrap();
        for sequence in 1..4 {
            shopped.told_next(&Sold::once(2, price(shopped.kind)), sequence).await;
        }
        let key = service.reveal_key(&call, shopped.license().await.id).await.unwrap();
        let texts = sent_to(service, "buyer2@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains(&key), "{texts:?}");
    }

    async fn what_renews_itself_is_not_said_to_end_and_what_was_cancelled_is(db: TestDb) {
        let (mut shopped, last) = (Shopped::new(&db, ShopKind::Generic).await, SubscriptionStatus::Ending);
        let own = |shopped: &Shopped, tag| Sold::subscribed(tag, price(shopped.kind), until(shopped));
        shopped.mailing();
        let never = ShopRules { grace_days: 0, ..ShopRules::default() };
        shopped.rules(never).await;
        let [goes_on, late, cancelled] = [5, 6, 7].map(|tag| own(&shopped, tag));
        for sold in [&goes_on, &late, &cancelled] {
            shopped.told_next(sold, 1).await;
        }
        // What was bought in the same shop once and for a year is told like everything else.
        shopped.told_next(&Sold::once(8, price(shopped.kind)), 1).await;
        let service = &shopped.world.service;
        let told = async || {
            service.give_notice("one").await.unwrap();
            let mut told = Vec::new();
            for mail in service.claim_mails(50).await.unwrap() {
                told.push(mail.to().to_string());
                service.mail_tried(&mail, Outcome::Sent).await.unwrap();
            }
            told
        };
        shopped.world.clock.advance(Seconds::days(20));
        assert!(shopped.licenses().await.iter().filter(|license| license.expires_at < Some(shopped.now().plus(Seconds::days(11)))).count() == 3);
        assert_eq!(told().await, Vec::<String>::new());
        shopped.told_next(&late.clone().now(SubscriptionStatus::PastDue), 2).await;
        shopped.told_next(&cancelled.clone().now(last), 2).await;
        shopped.world.clock.advance(Seconds::hours(1));
        assert_eq!(told().await, ["buyer7@example.com"]);
        // A shop whose messages are refused renews nothing.
        service.close_shop(&shopped.world.call(), shopped.shop, true).await.unwrap();
        shopped.world.clock.advance(Seconds::hours(1));
        let mut rest = told().await;
        rest.sort();
        assert_eq!(rest, ["buyer5@example.com", "buyer6@example.com"]);
        shopped.world.clock.advance(Seconds::days(331));
        assert_eq!(told().await, ["buyer8@example.com"]);
    }

    async fn a_refund_is_mailed_when_it_is_clear_what_follows_from_it(db: TestDb) {
        for rule in [Consequence::AtOnce, Consequence::AfterDays(14), Consequence::Ask] {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let mut shopped = Shopped::new(&db, ShopKind::Generic).await;
            shopped.mailing();
            shopped.rules(ShopRules { on_refund: rule, on_dispute: Consequence::AtOnce, ..ShopRules::default() }).await;
            let told = async |tag: u32| {
                let texts = sent_to(&shopped.world.service, &format!("buyer{tag}@example.com")).await;
                texts.into_iter().map(|text| text.replace('\n', " ")).collect::<Vec<_>>()
            };
            let sold = |tag| Sold::once(tag, price(shopped.kind));
            for tag in 2..6 {
                shopped.told_next(&sold(tag), 1).await;
            }
            for again in 2..5 {
                shopped.told_next(&sold(2).paid_back(TOTAL), again).await;
            }
            let by_rule = told(2).await;
            if rule == Consequence::Ask {
                assert_eq!(by_rule, Vec::<String>::new(), "nobody has decided");
                let entry = shopped.waits().await;
                shopped.resolve(entry.id, Resolve::Revoke { effective_at: None }).await;
                let [mail] = told(2).await.try_into().unwrap();
                assert!(mail.contains("was paid back") && mail.contains("The licenses of this order end with it"), "{mail}");
                shopped.told_next(&sold(3).paid_back(TOTAL), 2).await;
                let entry = shopped.waits().await;
                shopped.resolve(entry.id, Resolve::Dismiss).await;
                let [mail] = told(3).await.try_into().unwrap();
                assert!(mail.contains("For: A product") && mail.contains("Your licenses are not affected."), "{mail}");
            } else {
                let [mail] = by_rule.try_into().unwrap();
                let order = shopped.orders().await.into_iter().find(|order| order.status == OrderStatus::Refunded).unwrap();
                let days = if rule == Consequence::AtOnce { 0 } else { 14 };
                let ends = Some(shopped.now().plus(Seconds::days(days)));
                let page = Some(format!("https://licenses.example.com/portal/{}/orders", shopped.world.vendor));
                let says = Mail::Refunded { order: order.reference, products: vec!["A product".to_owned()], ends, page };
                let says = says.render(&Look::of(text("Example Software")));
                assert_eq!(mail, format!("{}  {}", says.subject, says.text.replace('\n', " ")));
            }
            // A part of it, and what a bank has taken back, are not told as if all had been given back.
            shopped.told_next(&sold(4).paid_back(1_000), 2).await;
            shopped.told_next(&Sold { dispute: Some("lost"), ..sold(5) }, 2).await;
            assert_eq!((told(4).await, told(5).await), (Vec::new(), Vec::new()));
            // Whoever was told by the desk is not told once more by the shop.
            shopped.world.clock.advance(Seconds(1));
            shopped.told_next(&sold(6), 1).await;
            let newest = shopped.orders().await.into_iter().max_by_key(|order| order.created_at).unwrap();
            let call = shopped.world.call();
            shopped.world.service.refund_order(&call, newest.id, text("Asked on the phone"), false).await.unwrap();
            assert_eq!(told(6).await.len(), 1);
            shopped.told_next(&sold(6).paid_back(TOTAL), 2).await;
            if rule == Consequence::Ask {
                let open = shopped.inbox().await.into_iter().find(|entry| entry.kind == InboxKind::Refund).unwrap();
                shopped.resolve(open.id, Resolve::Dismiss).await;
            }
            assert_eq!(told(6).await, Vec::<String>::new());
        }
    }

    async fn whatever_the_order_of_its_messages_a_purchase_ends_the_same(db: TestDb) {
        for kind in [ShopKind::Stripe, ShopKind::Paddle, ShopKind::LemonSqueezy] {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let (mut ends, mut tag, mut issued) = (BTreeSet::new(), 10, 0);
            let places: Vec<usize> = (0..Sold::once(0, "x").paid_back(TOTAL).messages(kind).len()).collect();
            for (number, order) in orders(&places).into_iter().enumerate() {
                tag += 1;
                let bought = Sold::once(tag, price(kind));
                let back = bought.clone().paid_back(TOTAL);
                // The money goes back before one of the messages, another one each time, and before the one that tells of it.
                shopped.provider.knows(kind, &bought);
                let told_at = order.iter().position(|message| *message == places.len() - 2).unwrap();
                for (at, message) in order.iter().enumerate() {
                    if at == told_at.min((number + 1) % places.len()) {
                        shopped.provider.knows(kind, &back);
                    }
                    shopped.send(&back.messages(kind)[*message]).await;
                    shopped.work_off().await;
                }
                let customer = shopped.world.service.customers(&shopped.world.system(), Some(bought.email), page()).await.unwrap();
                let customer = Some(customer.items[0].id);
                let filter = LicenseFilter { customer, ..LicenseFilter::default() };
                let found = shopped.world.service.licenses(&shopped.world.system(), filter, page()).await.unwrap().items;
                assert!(found.len() <= 1, "{kind:?}: {found:?}");
                // What is heard of only when the money has gone back has no license; otherwise it is revoked.
                let usable = found.iter().filter(|license| license.status != LicenseStatus::Revoked).count();
                let filter = OrderFilter { customer, ..OrderFilter::default() };
                let orders = shopped.world.service.orders(&shopped.world.system(), filter, page()).await.unwrap().items;
                ends.insert((usable, orders.iter().map(|order| order.status.as_str()).collect::<Vec<_>>()));
                issued += found.len();
            }
            assert_eq!(ends, [(0, vec!["refunded"])].into(), "{kind:?}");
            assert!(issued > 0, "{kind:?}: some had a license first");
        }
    }

    async fn what_is_not_signed_by_the_shop_and_now_changes_nothing(db: TestDb) {
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let sold = Sold::once(2, price(kind));
            shopped.provider.knows(kind, &sold);
            let message = sold.messages(kind).remove(0);
            let refused = |sent: Result<(), Error>| assert_eq!(sent.unwrap_err().code, ErrorCode::MessageRefused, "{kind:?}");
            let now = shopped.now();
            refused(shopped.send_with(&secret(kind, 9), now, &message).await);
            if kind != ShopKind::LemonSqueezy {
                for off in [-301, 301, -86_400] {
                    refused(shopped.send_with(&shopped.secret, now.plus(Seconds(off)), &message).await);
                }
            }
            let unknown = Shopped { shop: ShopId::from_bytes([7; 16]), ..shopped };
            refused(unknown.send_with(&unknown.secret, now, &message).await);
            let shop = unknown.world.service.shops(&unknown.world.system(), page()).await.unwrap().items[0].id;
            let shopped = Shopped { shop, ..unknown };
            shopped.world.service.close_shop(&shopped.world.call(), shop, true).await.unwrap();
            refused(shopped.send_with(&shopped.secret, now, &message).await);
            assert!(shopped.events().await.is_empty(), "{kind:?}");
            shopped.world.service.close_shop(&shopped.world.call(), shop, false).await.unwrap();
            shopped.send(&message).await;
            assert_eq!(shopped.events().await.len(), 1);
        }
    }

    async fn while_a_secret_is_changed_both_count_for_a_day(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Paddle).await;
        let messages = Sold::once(2, "x").messages(ShopKind::Paddle);
        let (service, call, fresh) = (&shopped.world.service, shopped.world.call(), secret(ShopKind::Paddle, 2));
        service.set_shop_secret(&call, shopped.shop, Some(Secret::new(&fresh))).await.unwrap();
        for (secret, message) in [(&shopped.secret, &messages[0]), (&fresh, &messages[1])] {
            shopped.send_with(secret, shopped.now(), message).await.unwrap();
        }
        shopped.world.clock.advance(Seconds::days(1));
        assert!(shopped.send_with(&shopped.secret, shopped.now(), &messages[2]).await.is_err());
        shopped.send_with(&fresh, shopped.now(), &messages[2]).await.unwrap();
        // Who makes the secret is settled by the provider.
        let none = service.set_shop_secret(&call, shopped.shop, None).await;
        assert_eq!(none.unwrap_err().code, ErrorCode::InvalidRequest);
    }

    async fn renewals_extend_dunning_goes_on_and_a_cancellation_ends_with_the_period(db: TestDb) {
        use SubscriptionStatus as S;
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let (until, grace) = (until(&shopped), ShopRules::default().grace());
            let sold = subscribed(&shopped);
            let mut sequence = 0;
            let mut then = async |sold: &Sold, end: Timestamp| {
                sequence += 1;
                shopped.told_next(sold, sequence).await;
                let license = shopped.license().await;
                assert_eq!(license.expires_at, Some(end), "{kind:?}, the {sequence}th");
            };
            let month = |n: i64| until.plus(Seconds::days(30 * n));
            then(&sold, month(0).plus(grace)).await;
            then(&sold.clone().renewed(2), month(1).plus(grace)).await;
            then(&sold.clone().renewed(2).now(S::PastDue), month(1).plus(grace)).await;
            then(&sold.clone().renewed(3), month(2).plus(grace)).await;
            then(&sold.clone().renewed(3).now(S::Ending), month(2)).await;
            then(&sold.clone().renewed(3), month(2).plus(grace)).await;
            then(&sold.clone().renewed(3).now(S::Ended), month(2)).await;
            assert!(shopped.inbox().await.is_empty() && shopped.orders().await.len() == 1);
        }
    }

    async fn what_a_person_changed_is_not_taken_back_by_a_shop(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let (service, call) = (&shopped.world.service, shopped.world.call());
        let sold = subscribed(&shopped);
        shopped.told_next(&sold, 1).await;
        let license = shopped.license().await;
        let longer = license.expires_at.unwrap().plus(Seconds::days(100));
        let extend = ExtendLicense { expires_at: Some(longer), reason: text("Goodwill"), dry_run: false };
        service.extend_license(&call, license.id, extend).await.unwrap();
        let more = UpdateLicense { seats: Some(9), ..UpdateLicense::default() };
        service.update_license(&call, license.id, more).await.unwrap();
        for (sequence, sold) in [sold.clone(), sold.clone().now(SubscriptionStatus::Ending), sold.clone()].iter().enumerate() {
            shopped.told_next(sold, sequence as u64 + 2).await;
            let license = shopped.license().await;
            assert_eq!((license.expires_at, license.terms.seats), (Some(longer), 9), "{sequence}");
        }
        // Another number of pieces is another word of the shop.
        shopped.told_next(&Sold { quantity: 4, ..sold.clone() }, 9).await;
        assert_eq!(shopped.license().await.terms.seats, 4);
        shopped.told_next(&sold.renewed(9), 10).await;
        assert!(shopped.license().await.expires_at > Some(longer), "paid for beyond");
    }

    async fn an_older_state_of_a_shop_that_gives_numbers_changes_nothing(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let sold = subscribed(&shopped);
        let end = until(&shopped).plus(Seconds::days(60)).plus(ShopRules::default().grace());
        for (state, sequence) in [(sold.clone().renewed(3), 3), (sold.clone(), 1), (sold.clone().renewed(2).paid_back(TOTAL), 2)] {
            shopped.told_next(&state, sequence).await;
            shopped.world.clock.advance(Seconds(1));
        }
        let license = shopped.license().await;
        assert_eq!((license.expires_at, license.status), (Some(end), LicenseStatus::Active));
        let passed: Vec<_> = shopped.events().await.into_iter().map(|event| event.state).collect();
        assert_eq!(passed, [ShopEventState::PassedOver, ShopEventState::PassedOver, ShopEventState::Applied]);
    }

    async fn what_is_gone_is_revoked_by_the_rule_of_the_shop(db: TestDb) {
        for kind in [ShopKind::Stripe, ShopKind::LemonSqueezy, ShopKind::Generic] {
            for rule in [Consequence::AtOnce, Consequence::AfterDays(14), Consequence::Ask] {
                let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
                let shopped = Shopped::new(&db, kind).await;
                shopped.rules(ShopRules { on_refund: rule, ..ShopRules::default() }).await;
                let sold = Sold::once(2, price(kind));
                shopped.told_next(&sold, 1).await;
                shopped.told_next(&sold.clone().paid_back(TOTAL), 2).await;
                let license = shopped.license().await;
                assert_eq!(shopped.orders().await[0].status, OrderStatus::Refunded, "{kind:?}");
                if rule == Consequence::Ask {
                    assert_eq!((license.status, shopped.waits().await.kind), (LicenseStatus::Active, InboxKind::Refund));
                    continue;
                }
                assert_eq!(license.status, LicenseStatus::Revoked, "{kind:?} {rule}");
                assert!(license.status_reason.as_ref().unwrap().as_str().contains("49.00 EUR"), "{license:?}");
                let later = (rule != Consequence::AtOnce).then(|| shopped.now().plus(Seconds::days(14)));
                assert_eq!(license.status_effective_at, later);
                assert!(shopped.inbox().await.is_empty());
                let [told] = shopped.log("license.revoked").await.try_into().unwrap();
                assert_eq!(told.actor, event::Actor::Shop(shopped.shop));
                // A person gives it back: the same told again does not take it once more.
                let back = ChangeStatus { change: StatusChange::Reinstate, reason: text("Goodwill"), effective_at: None, dry_run: false };
                shopped.world.service.change_status(&shopped.world.call(), license.id, back).await.unwrap();
                shopped.told_next(&sold.clone().paid_back(TOTAL), 3).await;
                assert_eq!(shopped.license().await.status, LicenseStatus::Active);
            }
        }
    }

    async fn a_lost_dispute_has_a_rule_of_its_own_and_an_open_one_has_none(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Paddle).await;
        let never = ShopRules { on_refund: Consequence::Ask, on_dispute: Consequence::AtOnce, grace_days: 0 };
        shopped.rules(never).await;
        let disputed = |word| Sold { dispute: Some(word), ..Sold::once(2, price(ShopKind::Paddle)) };
        for (word, status) in [("open", LicenseStatus::Active), ("won", LicenseStatus::Active), ("lost", LicenseStatus::Revoked)] {
            shopped.told(&disputed(word)).await;
            assert_eq!(shopped.license().await.status, status, "{word}");
        }
        assert_eq!(shopped.orders().await[0].status, OrderStatus::Refunded);
        let told: Vec<_> = shopped.log("order.disputed").await.iter().map(|event| event.data["after"]["dispute"].clone()).collect();
        assert_eq!(told, ["lost", "won", "open"], "the newest first");
    }

    async fn money_that_is_there_again_asks_a_person_whether_to_reinstate(db: TestDb) {
        for kind in [ShopKind::Stripe, ShopKind::Paddle, ShopKind::Generic] {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let rules = ShopRules { on_dispute: Consequence::AtOnce, ..ShopRules::default() };
            shopped.rules(rules).await;
            let sold = Sold::once(2, price(kind));
            let disputed = |word| Sold { dispute: Some(word), ..sold.clone() };
            let mut sequence = 0;
            let mut told = async |sold: &Sold| {
                sequence += 1;
                shopped.told_next(sold, sequence).await;
                (shopped.license().await.status, shopped.orders().await[0].status)
            };
            let gone = (LicenseStatus::Revoked, OrderStatus::Refunded);
            let back = (LicenseStatus::Revoked, OrderStatus::Paid);
            // A dispute that is won after all, twice, with what a person makes of it each time.
            assert_eq!(told(&sold).await, (LicenseStatus::Active, OrderStatus::Paid), "{kind:?}");
            for how in [Resolve::Reinstate, Resolve::Dismiss] {
                assert_eq!(told(&disputed("lost")).await, gone, "{kind:?} {how:?}");
                assert!(shopped.inbox().await.is_empty());
                for _ in 0..2 {
                    assert_eq!(told(&disputed("won")).await, back, "{kind:?} {how:?}: nothing is guessed");
                    let entry = shopped.waits().await;
                    assert!(entry.kind == InboxKind::Regained && entry.detail.contains("won after all"), "{entry:?}");
                }
                let entry = shopped.waits().await;
                let reinstates = how == Resolve::Reinstate;
                let done = shopped.resolve(entry.id, how).await;
                let resolution = if reinstates { Resolution::Reinstated } else { Resolution::Dismissed };
                assert_eq!((done.entry.resolution, done.licenses.len()), (resolution, usize::from(reinstates)));
                let status = if reinstates { LicenseStatus::Active } else { LicenseStatus::Revoked };
                assert_eq!(told(&disputed("won")).await, (status, OrderStatus::Paid), "{kind:?}: it was decided");
                assert!(shopped.inbox().await.is_empty());
            }
            // A refund that failed.
            let license = shopped.license().await.id;
            let give = ChangeStatus { change: StatusChange::Reinstate, reason: text("Goodwill"), effective_at: None, dry_run: false };
            shopped.world.service.change_status(&shopped.world.call(), license, give.clone()).await.unwrap();
            assert_eq!(told(&sold.clone().paid_back(TOTAL)).await, gone, "{kind:?}");
            assert_eq!(told(&sold).await, back, "{kind:?}");
            let entry = shopped.waits().await;
            assert!(entry.kind == InboxKind::Regained && entry.detail.contains("the refund failed"), "{entry:?}");
            // Whoever reinstates elsewhere has answered.
            shopped.world.service.change_status(&shopped.world.call(), license, give).await.unwrap();
            assert!(shopped.inbox().await.is_empty());
            // What is gone again before anybody has decided is no such question any more.
            assert_eq!(told(&sold.clone().paid_back(TOTAL)).await, gone, "{kind:?}");
            told(&sold).await;
            shopped.waits().await;
            assert_eq!(told(&sold.clone().paid_back(TOTAL)).await, gone, "{kind:?}");
            assert!(shopped.inbox().await.is_empty(), "{kind:?}");
        }
    }

    async fn what_still_asks_what_follows_from_money_asks_no_more_when_it_is_there_again(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        shopped.rules(ShopRules { on_refund: Consequence::Ask, ..ShopRules::default() }).await;
        let sold = Sold::once(2, price(ShopKind::Generic));
        let gone = [
            (InboxKind::Refund, sold.clone().paid_back(TOTAL)), (InboxKind::Part, sold.clone().paid_back(1_000)),
            (InboxKind::Dispute, Sold { dispute: Some("lost"), ..sold.clone() }),
        ];
        shopped.told_next(&sold, 1).await;
        for (at, (kind, gone)) in (1..).zip(gone) {
            shopped.told_next(&gone, 3 * at).await;
            let entry = shopped.waits().await;
            assert_eq!(entry.kind, kind);
            shopped.told_next(&sold, 3 * at + 1).await;
            assert!(shopped.inbox().await.is_empty(), "{kind:?}: nothing is revoked, and nothing is gone");
            let settled = shopped.world.service.inbox_entry(&shopped.world.system(), entry.id).await.unwrap().entry;
            assert_eq!(settled.resolved.unwrap().0, event::Actor::Shop(shopped.shop));
            shopped.told_next(&gone, 3 * at + 2).await;
            assert_eq!(shopped.waits().await.id, entry.id, "{kind:?}: it is asked anew");
            shopped.resolve(entry.id, Resolve::Dismiss).await;
            assert_eq!(shopped.license().await.status, LicenseStatus::Active);
        }
    }

    async fn who_may_reinstate_may_do_so_from_the_inbox(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let sold = Sold::once(2, price(ShopKind::Generic));
        for (sequence, sold) in (1..).zip([sold.clone(), sold.clone().paid_back(TOTAL), sold]) {
            shopped.told_next(&sold, sequence).await;
        }
        let entry = shopped.waits().await;
        for (role, may) in [(Role::Viewer, false), (Role::Developer, false), (Role::Support, true)] {
            let call = shopped.world.member(role).await;
            let would = ResolveInput { how: Resolve::Reinstate, reason: None, dry_run: true };
            let would = shopped.world.service.resolve_inbox(&call, entry.id, would).await;
            assert_eq!(would.map(|would| (would.applied, would.licenses.len())).ok(), may.then_some((false, 1)), "{role:?}");
        }
        // To give back is done at once, by support too.
        let support = shopped.world.member(Role::Support).await;
        let unfit = shopped.resolve_as(&support, entry.id, Resolve::Again).await.unwrap_err();
        assert_eq!(unfit.code, ErrorCode::InvalidRequest);
        shopped.resolve_as(&support, entry.id, Resolve::Reinstate).await.unwrap();
        assert_eq!(shopped.license().await.status, LicenseStatus::Active);
        let [told] = shopped.log("license.reinstated").await.try_into().unwrap();
        assert_eq!(told.actor, support.actor.who());
    }

    async fn of_two_nodes_that_settle_the_same_at_once_one_does(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let service = &shopped.world.service;
        let other = node(db.another_node().await, &shopped.world.clock);
        other.join(membership(2));
        other.ask_through(Arc::new(Wire(shopped.provider.clone())));
        let plan = shopped.world.plan;
        let duty = async || service.sales_duty(None).await.unwrap().unwrap();
        let input = |how| ResolveInput { how, reason: Some(text("As agreed on the phone")), dry_run: false };
        let count = async || (shopped.licenses().await.len(), shopped.orders().await.len());
        for round in 0..6_u32 {
            let so_many = (round as usize + 1) * 3;
            // The same sale, told in two messages, worked off by both: as where one took the duty over from the other.
            let sold = Sold::once(10 + round, price(shopped.kind));
            for sequence in 1..3 {
                shopped.send(&sold.described(sequence)).await;
            }
            let shop = service.shops_due().await.unwrap().remove(0);
            let both = duty().await;
            let (one, two) = tokio::join!(service.work_off(&shop, both), other.work_off(&shop, both));
            assert!(one.is_ok() || two.is_ok(), "{one:?} {two:?}");
            shopped.work_off().await;
            assert_eq!(count().await, (so_many - 2, so_many - 2), "{round}: one sale");
            // One entry, resolved by two people.
            let strange = format!("price_{round}");
            shopped.told(&Sold::once(100 + round, &strange)).await;
            let entry = shopped.waits().await.id;
            let issue = || input(Resolve::Issue { plan, seats: None });
            let (one, two) = (shopped.world.call(), shopped.world.call());
            let (one, two) =
                tokio::join!(service.resolve_inbox(&one, entry, issue()), other.resolve_inbox(&two, entry, issue()));
            let codes: Vec<_> = [one, two].into_iter().map(|done| done.map(|_| ()).map_err(|error| error.code)).collect();
            assert!(codes.contains(&Ok(())) && codes.contains(&Err(ErrorCode::ChangedMeanwhile)), "{round}: {codes:?}");
            shopped.work_off().await;
            assert_eq!(count().await, (so_many - 1, so_many - 1), "{round}: one entry");
            // A person resolves what a node is just looking at once more, because the price was placed.
            let sold = Sold::once(200 + round, &format!("price_late_{round}"));
            shopped.told_next(&sold, 1).await;
            let entry = shopped.waits().await.id;
            shopped.send(&sold.described(2)).await;
            let call = shopped.world.call();
            let price = SetPrice { price: text(&format!("price_late_{round}")), plan: Some(plan), quantity_is_seats: true };
            let both = duty().await;
            let (placed, issued, worked) = tokio::join!(
                service.set_shop_price(&call, shopped.shop, price),
                other.resolve_inbox(&call, entry, issue()),
                other.work_off(&shop, both),
            );
            placed.unwrap();
            if let Err(error) = issued {
                assert!(matches!(error.code, ErrorCode::ChangedMeanwhile | ErrorCode::InvalidRequest), "{round}: {error:?}");
            }
            worked.unwrap();
            shopped.world.clock.advance(Seconds::hours(2));
            shopped.work_off().await;
            assert_eq!((count().await, shopped.inbox().await.len()), ((so_many, so_many), 0), "{round}: one license");
        }
    }

    async fn each_dispute_that_is_lost_is_a_question_of_its_own(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let mut message = subscribed(&shopped).described(1);
        message["sale"]["dispute"] = "lost".into();
        for (sequence, lost) in [(1, vec!["first"]), (2, vec!["second", "first"]), (3, vec!["second", "first"])] {
            message["sequence"] = sequence.into();
            message["sale"]["lost"] = lost.into();
            shopped.send(&message).await;
            shopped.work_off().await;
            let waiting = shopped.inbox().await;
            assert_eq!(waiting.len(), usize::from(sequence < 3), "{sequence}: {waiting:?}");
            for entry in waiting {
                assert_eq!(entry.kind, InboxKind::Dispute);
                shopped.resolve(entry.id, Resolve::Dismiss).await;
            }
        }
        assert_eq!(shopped.log("order.disputed").await.len(), 2);
    }

    async fn a_part_that_is_paid_back_is_for_a_person_and_each_part_anew(db: TestDb) {
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let sold = Sold::once(2, price(kind));
            shopped.told_next(&sold.clone().paid_back(1_000), 1).await;
            let entry = shopped.waits().await;
            assert_eq!((entry.kind, shopped.license().await.status), (InboxKind::Part, LicenseStatus::Active), "{kind:?}");
            assert_eq!(shopped.orders().await[0].status, OrderStatus::PartiallyRefunded);
            shopped.resolve(entry.id, Resolve::Dismiss).await;
            shopped.told_next(&sold.clone().paid_back(1_000), 2).await;
            assert!(shopped.inbox().await.is_empty(), "{kind:?}: it was decided");
            shopped.told_next(&sold.clone().paid_back(2_000), 3).await;
            let more = shopped.waits().await;
            assert!(more.detail.contains("20.00 EUR"), "{}", more.detail);
            let would = ResolveInput { how: Resolve::Revoke { effective_at: None }, reason: None, dry_run: true };
            let would = shopped.world.service.resolve_inbox(&shopped.world.call(), more.id, would).await.unwrap();
            assert!(!would.applied && would.licenses.len() == 1 && shopped.license().await.status == LicenseStatus::Active);
            shopped.resolve(more.id, Resolve::Revoke { effective_at: None }).await;
            assert_eq!(shopped.license().await.status, LicenseStatus::Revoked);
            let again = shopped.resolve_as(&shopped.world.call(), more.id, Resolve::Dismiss).await;
            assert_eq!(again.unwrap_err().code, ErrorCode::ChangedMeanwhile);
        }
    }

    async fn more_than_ten_licenses_are_never_revoked_by_a_rule(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let mut message = Sold::once(2, price(ShopKind::Generic)).described(1);
        let line = message["sale"]["lines"][0].clone();
        message["sale"]["lines"] = (0..11).map(|n| { let mut line = line.clone(); line["id"] = n.to_string().into(); line }).collect();
        shopped.send(&message).await;
        shopped.work_off().await;
        message["sequence"] = 2.into();
        message["sale"]["payment"] = "paid_back".into();
        shopped.send(&message).await;
        shopped.work_off().await;
        let licenses = shopped.licenses().await;
        assert!(licenses.len() == 11 && licenses.iter().all(|license| license.status == LicenseStatus::Active));
        let entry = shopped.waits().await;
        assert_eq!(entry.kind, InboxKind::Refund);
        let admin = shopped.world.member(Role::Admin).await;
        let alone = shopped.resolve_as(&admin, entry.id, Resolve::Revoke { effective_at: None }).await;
        assert_eq!(alone.unwrap_err().code, ErrorCode::Forbidden);
        let owner = shopped.world.member(Role::Owner).await;
        let done = shopped.resolve_as(&owner, entry.id, Resolve::Revoke { effective_at: None }).await.unwrap();
        assert_eq!(done.licenses.len(), 11);
    }

    async fn a_price_that_nobody_has_placed_waits_and_is_sold_as_soon_as_somebody_has(db: TestDb) {
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let strange = if kind == ShopKind::LemonSqueezy { "99" } else { "price_unknown" };
            for tag in [2, 3] {
                shopped.told(&Sold { quantity: 2, ..Sold::once(tag, strange) }).await;
            }
            let waiting = shopped.inbox().await;
            assert!(waiting.len() == 2 && waiting.iter().all(|entry| entry.kind == InboxKind::Price), "{waiting:?}");
            assert!(shopped.licenses().await.is_empty() && shopped.orders().await.len() == 2, "the order is known");
            let viewer = shopped.world.member(Role::Viewer).await;
            assert_eq!(shopped.resolve_as(&viewer, waiting[0].id, Resolve::Dismiss).await.unwrap_err().code, ErrorCode::Forbidden);
            let plan = Some(shopped.world.plan);
            let developer = shopped.world.member(Role::Developer).await;
            let map = Resolve::Map { plan, quantity_is_seats: true };
            assert_eq!(shopped.resolve_as(&developer, waiting[0].id, map.clone()).await.unwrap_err().code, ErrorCode::Forbidden);
            shopped.resolve(waiting[0].id, map).await;
            assert!(shopped.inbox().await.is_empty(), "both waited for the same");
            shopped.work_off().await;
            let licenses = shopped.licenses().await;
            assert_eq!(licenses.iter().map(|license| license.terms.seats).collect::<Vec<_>>(), [2, 2], "{kind:?}");
            // Nothing is issued twice when it is told once more.
            shopped.told_next(&Sold { quantity: 2, ..Sold::once(2, strange) }, 7).await;
            assert_eq!(shopped.licenses().await.len(), 2);
        }
    }

    async fn what_waits_goes_on_with_the_sale_as_it_stands_and_not_as_it_stood_at_first(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let (plan, grace) = (shopped.world.plan, ShopRules::default().grace());
        for (tag, how) in [(5, Resolve::Map { plan: Some(plan), quantity_is_seats: true }), (6, Resolve::Issue { plan, seats: None })] {
            let sold = Sold::subscribed(tag, &format!("price_{tag}"), until(&shopped));
            shopped.told_next(&sold, 1).await;
            let first = shopped.waits().await;
            shopped.told_next(&sold.clone().renewed(2), 2).await;
            let entry = shopped.waits().await;
            assert_eq!((entry.id, entry.opened_at), (first.id, first.opened_at));
            let paid_until = |entry: &InboxView| entry.sale.as_ref().unwrap().subscription.unwrap().paid_until;
            assert!(paid_until(&entry) > paid_until(&first));
            shopped.resolve(entry.id, how).await;
            assert_eq!(shopped.work_off().await, 1, "it is looked at once more");
            let licenses = shopped.licenses().await;
            let license = licenses.iter().find(|license| license.order == entry.order).unwrap();
            assert_eq!(license.expires_at, Some(until(&shopped).plus(Seconds::days(30)).plus(grace)), "{tag}");
            assert_eq!((licenses.len(), shopped.inbox().await.len()), (tag as usize - 4, 0));
        }
    }

    async fn whoever_was_brought_along_keeps_the_one_license_they_have(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let (service, call) = (&shopped.world.service, shopped.world.call());
        let issued = async |email: &str, order| {
            let new = CreateCustomer { email: Some(text(email)), ..CreateCustomer::default() };
            let customer = Some(CustomerChoice::New(new));
            let own = IssueLicense { customer, order, expires_at: Some(until(&shopped)), ..IssueLicense::of(shopped.world.plan) };
            service.issue_license(&call, own).await.unwrap().license
        };
        let sold = |tag| Sold::subscribed(tag, price(shopped.kind), until(&shopped));
        let end = Some(until(&shopped).plus(Seconds::days(30)).plus(ShopRules::default().grace()));
        let ends = async |id| service.license(&call.actor, id).await.unwrap().license.expires_at;
        // An order of the same name: the sale is that order, and its license follows it.
        let order = CreateOrder { reference: text("order-5"), customer: None };
        let order = service.create_order(&call, order).await.unwrap();
        let known = issued("buyer5@example.com", Some(order.id)).await;
        shopped.told_next(&sold(5).renewed(2), 1).await;
        assert_eq!((shopped.license().await.id, ends(known.id).await), (known.id, end));
        assert_eq!((shopped.orders().await.len(), shopped.inbox().await.len()), (1, 0));
        assert_eq!(shopped.log("order.linked").await.len(), 1);
        // Without one, a person says what it was bought for.
        let held = issued("buyer6@example.com", None).await;
        shopped.told_next(&sold(6).renewed(2), 1).await;
        let entry = shopped.waits().await;
        assert_eq!((entry.kind, shopped.licenses().await.len()), (InboxKind::Held, 2));
        shopped.resolve(entry.id, Resolve::License(held.id)).await;
        shopped.work_off().await;
        assert_eq!((ends(held.id).await, shopped.licenses().await.len(), shopped.inbox().await.len()), (end, 2, 0));
        // What a shop renews already is another one's, and so is what is of somebody else.
        shopped.told_next(&Sold { email: "buyer6@example.com".to_owned(), ..sold(7) }, 1).await;
        assert_eq!((shopped.licenses().await.len(), shopped.inbox().await.len()), (3, 0));
        let theirs = service.customers(&call.actor, Some("buyer5@example.com".to_owned()), page()).await.unwrap().items[0].id;
        let order = CreateOrder { reference: text("order-8"), customer: Some(theirs) };
        let order = service.create_order(&call, order).await.unwrap();
        issued("buyer5@example.com", Some(order.id)).await;
        shopped.told_next(&sold(8), 1).await;
        assert_eq!((shopped.licenses().await.len(), shopped.inbox().await.len()), (5, 0));
        // And who needs a second one gets it.
        issued("buyer9@example.com", None).await;
        shopped.told_next(&sold(9), 1).await;
        let entry = shopped.waits().await;
        shopped.resolve(entry.id, Resolve::Issue { plan: shopped.world.plan, seats: None }).await;
        shopped.work_off().await;
        assert_eq!((shopped.licenses().await.len(), shopped.inbox().await.len()), (7, 0));
    }

    async fn what_was_paid_back_before_its_price_was_placed_issues_nothing(db: TestDb) {
        for rule in [Consequence::AtOnce, Consequence::AfterDays(14), Consequence::Ask] {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, ShopKind::Generic).await;
            shopped.rules(ShopRules { on_refund: rule, on_dispute: rule, ..ShopRules::default() }).await;
            let sold = [2, 3].map(|tag| Sold::once(tag, "price_unknown"));
            for sold in &sold {
                shopped.told_next(sold, 1).await;
            }
            let [back, disputed] = sold;
            shopped.told_next(&back.clone().paid_back(TOTAL), 2).await;
            shopped.told_next(&Sold { dispute: Some("lost"), ..disputed }, 2).await;
            let asks = shopped.inbox().await.into_iter().filter(|entry| entry.kind == InboxKind::Price).count();
            assert_eq!(asks, 0, "{rule}: nobody has to say any more which plan it is");
            shopped.price("price_unknown", Some(shopped.world.plan), true).await;
            shopped.told_next(&back.paid_back(TOTAL), 3).await;
            assert!(shopped.licenses().await.is_empty(), "{rule}");
        }
    }

    async fn more_pieces_of_what_was_issued_by_hand_wait_anew(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let sold = Sold { quantity: 2, ..Sold::subscribed(2, "price_unknown", until(&shopped)) };
        let plan = shopped.world.plan;
        shopped.told_next(&sold, 1).await;
        shopped.resolve(shopped.waits().await.id, Resolve::Issue { plan, seats: Some(2) }).await;
        shopped.work_off().await;
        shopped.told_next(&sold, 2).await;
        assert_eq!((shopped.license().await.terms.seats, shopped.inbox().await.len()), (2, 0));
        shopped.told_next(&Sold { quantity: 5, ..sold }, 3).await;
        let entry = shopped.waits().await;
        assert_eq!((entry.kind, shopped.license().await.terms.seats), (InboxKind::Price, 2));
        let twice = shopped.resolve_as(&shopped.world.call(), entry.id, Resolve::Issue { plan, seats: Some(5) }).await;
        assert_eq!(twice.unwrap_err().code, ErrorCode::InvalidRequest, "it has its license");
        shopped.resolve(entry.id, Resolve::Map { plan: Some(plan), quantity_is_seats: true }).await;
        shopped.work_off().await;
        assert_eq!((shopped.license().await.terms.seats, shopped.inbox().await.len()), (5, 0));
    }

    async fn several_pieces_of_which_nobody_said_what_they_mean_wait_and_what_needs_no_license_does_not(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        shopped.price("price_editor", Some(shopped.world.plan), false).await;
        shopped.price("price_mug", None, false).await;
        shopped.told(&Sold { quantity: 3, ..Sold::once(2, "price_editor") }).await;
        shopped.told(&Sold { quantity: 3, ..Sold::once(3, "price_mug") }).await;
        let entry = shopped.waits().await;
        assert_eq!((entry.kind, shopped.licenses().await.len()), (InboxKind::Quantity, 0));
        let done = shopped.resolve(entry.id, Resolve::Issue { plan: shopped.world.plan, seats: Some(30) }).await;
        assert_eq!((done.licenses.len(), done.entry.resolution), (1, Resolution::Issued));
        let license = shopped.license().await;
        assert_eq!((license.terms.seats, license.order), (30, entry.order));
        let [told] = shopped.log("license.issued").await.try_into().unwrap();
        assert_eq!(told.actor, event::Actor::System, "whoever decided");
        shopped.told_next(&Sold { quantity: 3, ..Sold::once(2, "price_editor") }, 2).await;
        assert!(shopped.inbox().await.is_empty() && shopped.licenses().await.len() == 1);
        // One piece is one license, with the plan's seats.
        shopped.told(&Sold::once(4, "price_editor")).await;
        let other = shopped.licenses().await.into_iter().find(|other| other.id != license.id);
        assert_eq!(other.unwrap().terms.seats, 3);
    }

    async fn what_was_dismissed_stays_so_and_what_was_looked_at_again_waits_again(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let sold = Sold::once(2, "price_unknown");
        shopped.told_next(&sold, 1).await;
        let entry = shopped.waits().await;
        shopped.resolve(entry.id, Resolve::Again).await;
        assert!(shopped.inbox().await.is_empty());
        shopped.work_off().await;
        assert_eq!(shopped.waits().await.id, entry.id, "nothing has changed");
        shopped.resolve(entry.id, Resolve::Dismiss).await;
        for sequence in 2..5 {
            shopped.told_next(&sold, sequence).await;
        }
        assert!(shopped.inbox().await.is_empty() && shopped.licenses().await.is_empty());
        let reasonless = ResolveInput { how: Resolve::Dismiss, reason: None, dry_run: false };
        let refused = shopped.world.service.resolve_inbox(&shopped.world.call(), entry.id, reasonless).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/reason"));
    }

    async fn a_buyer_without_an_address_is_chosen_by_a_person(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let mut message = Sold::once(2, price(ShopKind::Generic)).described(1);
        message["sale"].as_object_mut().unwrap().remove("buyer");
        shopped.send(&message).await;
        shopped.work_off().await;
        let entry = shopped.waits().await;
        assert_eq!((entry.kind, shopped.orders().await.len()), (InboxKind::Buyer, 0));
        let new = CreateCustomer { email: Some(text("found@example.com")), ..CreateCustomer::default() };
        shopped.resolve(entry.id, Resolve::Customer(CustomerChoice::New(new))).await;
        shopped.work_off().await;
        assert_eq!(shopped.license().await.customer_email.unwrap().as_str(), "found@example.com");
        assert!(shopped.inbox().await.is_empty());
    }

    async fn a_payment_for_nothing_known_can_be_linked_to_a_license_which_then_follows_it(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let service = &shopped.world.service;
        let known = service.issue_license(&shopped.world.call(), IssueLicense::of(shopped.world.plan)).await.unwrap().license;
        let mut message = Sold::once(2, "x").described(1);
        message["sale"]["lines"] = Value::Array(Vec::new());
        shopped.send(&message).await;
        shopped.work_off().await;
        let entry = shopped.waits().await;
        assert_eq!((entry.kind, shopped.orders().await.len()), (InboxKind::Charge, 0));
        shopped.resolve(entry.id, Resolve::License(known.id)).await;
        shopped.work_off().await;
        assert_eq!(shopped.license().await.order, Some(shopped.orders().await[0].id));
        message["sequence"] = 2.into();
        message["sale"]["payment"] = "paid_back".into();
        shopped.send(&message).await;
        shopped.work_off().await;
        assert_eq!(shopped.license().await.status, LicenseStatus::Revoked);
    }

    async fn an_existing_license_that_a_subscription_was_bought_for_follows_it(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Stripe).await;
        let service = &shopped.world.service;
        let mut own = IssueLicense::of(shopped.world.plan);
        own.expires_at = Some(shopped.now().plus(Seconds::days(3)));
        let known = service.issue_license(&shopped.world.call(), own).await.unwrap().license;
        let sold = Sold::subscribed(3, "price_unknown", until(&shopped));
        shopped.told(&sold).await;
        let entry = shopped.waits().await;
        let done = shopped.resolve(entry.id, Resolve::License(known.id)).await;
        assert_eq!(done.entry.resolution, Resolution::Linked);
        shopped.price("price_unknown", Some(shopped.world.plan), true).await;
        shopped.work_off().await;
        let license = shopped.license().await;
        assert_eq!((license.id, license.expires_at), (known.id, Some(until(&shopped).plus(ShopRules::default().grace()))));
        shopped.told(&sold.renewed(2)).await;
        assert!(shopped.license().await.expires_at > license.expires_at);
    }

    async fn another_price_of_the_same_product_is_another_plan_and_of_another_one_waits(db: TestDb) {
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let studio = shopped.other_plan("studio").await;
            let (_, elsewhere) = product(&shopped.world.service, &shopped.world.call(), "viewer").await;
            let [pro, bigger, other] = if kind == ShopKind::LemonSqueezy { ["4711", "12", "13"] } else { ["price_editor", "price_studio", "price_viewer"] };
            shopped.price(bigger, Some(studio), true).await;
            shopped.price(other, Some(elsewhere), true).await;
            let sold = Sold { price: pro.to_owned(), ..subscribed(&shopped) };
            shopped.told_next(&sold, 1).await;
            let first = shopped.license().await;
            shopped.told_next(&Sold { price: bigger.to_owned(), quantity: 7, ..sold.clone().renewed(2) }, 2).await;
            let second = shopped.license().await;
            assert_eq!((second.id, second.plan, second.terms.seats), (first.id, studio, 7), "{kind:?}");
            assert!(second.expires_at > first.expires_at, "{kind:?}");
            shopped.told_next(&Sold { price: other.to_owned(), ..sold.clone().renewed(3) }, 3).await;
            let waiting = shopped.inbox().await;
            assert!(waiting.iter().any(|entry| entry.kind == InboxKind::Line), "{kind:?}: {waiting:?}");
            assert!(shopped.licenses().await.iter().any(|license| license.plan == studio), "{kind:?}: it stays");
        }
    }

    async fn what_is_paid_for_although_it_is_revoked_waits_for_a_person(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Stripe).await;
        let sold = subscribed(&shopped);
        shopped.told(&sold).await;
        let license = shopped.license().await;
        let revoke = ChangeStatus { change: StatusChange::Revoke, reason: text("Abuse"), effective_at: None, dry_run: false };
        shopped.world.service.change_status(&shopped.world.call(), license.id, revoke).await.unwrap();
        shopped.told(&sold.clone().renewed(2)).await;
        assert_eq!((shopped.waits().await.kind, shopped.license().await.status), (InboxKind::Revoked, LicenseStatus::Revoked));
    }

    async fn a_provider_that_fails_is_asked_again_and_nothing_is_lost(db: TestDb) {
        for kind in [ShopKind::Stripe, ShopKind::Paddle, ShopKind::LemonSqueezy] {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            shopped.provider.fails_with(Some(500));
            shopped.told(&Sold::once(2, price(kind))).await;
            let shop = shopped.world.service.shop(&shopped.world.system(), shopped.shop).await.unwrap();
            assert!(shop.failing.unwrap().why.contains("500"));
            // What is about no sale needs no answer, whether it comes first or later.
            let states: Vec<_> = shopped.events().await.into_iter().map(|event| event.state).collect();
            assert!(states.contains(&ShopEventState::Waiting), "{kind:?}: {states:?}");
            let is_open = |state: &ShopEventState| matches!(state, ShopEventState::Waiting | ShopEventState::PassedOver);
            assert!(states.iter().all(is_open), "{kind:?}: {states:?}");
            assert!(shopped.world.service.shops_due().await.unwrap().is_empty(), "it is left alone for a moment");
            for _ in 0..8 {
                shopped.world.clock.advance(Seconds::minutes(6));
                // What is about no sale is done with, and says nothing of whether the provider answers.
                shopped.work_off().await;
            }
            assert!(shopped.licenses().await.is_empty());
            let standing = |standing| holdfast_service::admin::alerts::AlertFilter { standing: Some(standing), code: Some("shop_unreachable"), ..<_>::default() };
            let alerts = async |is| shopped.world.service.alerts(&shopped.world.system(), standing(is), page()).await.unwrap().items.len();
            assert_eq!(alerts(true).await, 1, "{kind:?}");
            shopped.provider.fails_with(None);
            shopped.world.clock.advance(Seconds::hours(2));
            shopped.work_off().await;
            assert_eq!(shopped.license().await.status, LicenseStatus::Active);
            assert_eq!((alerts(true).await, alerts(false).await), (0, 1));
            assert_eq!(shopped.world.service.shop(&shopped.world.system(), shopped.shop).await.unwrap().failing, None);
        }
    }

    async fn what_cannot_be_read_for_three_days_or_makes_no_sense_waits_for_a_person(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Paddle).await;
        let message = Sold::once(2, price(ShopKind::Paddle)).messages(ShopKind::Paddle).remove(0);
        shopped.provider.fails_with(Some(503));
        shopped.send(&message).await;
        shopped.work_off().await;
        shopped.world.clock.advance(Seconds::days(4));
        shopped.work_off().await;
        let entry = shopped.waits().await;
        assert!(entry.kind == InboxKind::Unreadable && entry.detail.contains("503"), "{entry:?}");
        // The provider does not know it: of another account, perhaps.
        shopped.provider.fails_with(None);
        shopped.resolve(entry.id, Resolve::Again).await;
        shopped.work_off().await;
        assert!(shopped.waits().await.detail.contains("does not know"));
        shopped.provider.knows(ShopKind::Paddle, &Sold::once(2, price(ShopKind::Paddle)));
        shopped.resolve(entry.id, Resolve::Again).await;
        shopped.work_off().await;
        assert!(shopped.inbox().await.is_empty() && shopped.license().await.status == LicenseStatus::Active);
    }

    async fn what_is_looked_at_once_more_is_given_three_days_of_its_own(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Paddle).await;
        let message = Sold::once(2, price(ShopKind::Paddle)).messages(ShopKind::Paddle).remove(0);
        shopped.provider.fails_with(Some(503));
        shopped.send(&message).await;
        shopped.world.clock.advance(Seconds::days(4));
        // Nobody has tried for four days, and the first attempt counts from when it came.
        shopped.work_off().await;
        let entry = shopped.waits().await;
        shopped.resolve(entry.id, Resolve::Again).await;
        shopped.work_off().await;
        assert!(shopped.inbox().await.is_empty(), "it is tried again first");
        assert_eq!(shopped.events().await[0].state, ShopEventState::Waiting);
        shopped.world.clock.advance(Seconds::days(4));
        shopped.work_off().await;
        assert_eq!(shopped.waits().await.id, entry.id);
    }

    async fn what_fails_for_a_reason_of_ours_is_tried_later_and_then_a_person_looks(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Stripe).await;
        // A node that nobody can be asked through.
        let other = node(db.another_node().await, &shopped.world.clock);
        other.join(membership(2));
        shopped.send(&Sold::once(2, price(ShopKind::Stripe)).messages(ShopKind::Stripe)[1]).await;
        for (pass, asked) in [(Seconds(0), true), (Seconds(1), false), (Seconds(6), true), (Seconds::days(4), true)] {
            shopped.world.clock.advance(pass);
            let duty = other.sales_duty(None).await.unwrap().unwrap();
            let due = other.shops_due().await.unwrap();
            assert_eq!(due.len(), usize::from(asked), "{pass:?} later");
            for shop in due {
                assert_eq!(other.work_off(&shop, duty).await.unwrap_err().code, ErrorCode::Internal);
            }
        }
        let entry = shopped.waits().await;
        assert_eq!(entry.kind, InboxKind::Unreadable);
        assert!(other.shops_due().await.unwrap().is_empty());
    }

    async fn another_key_is_tried_at_once_with_what_waits(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Stripe).await;
        let set = async |key: &str| {
            let input = UpdateShop { api_key: Some(Secret::new(key)), ..UpdateShop::default() };
            shopped.world.service.update_shop(&shopped.world.call(), shopped.shop, input).await.unwrap()
        };
        set("not_the_right_key").await;
        shopped.told(&Sold::once(2, price(ShopKind::Stripe))).await;
        for _ in 0..10 {
            shopped.world.clock.advance(Seconds::hours(2));
            shopped.work_off().await;
        }
        assert!(shopped.licenses().await.is_empty() && shopped.work_off().await == 0);
        set(API_KEY).await;
        shopped.work_off().await;
        assert_eq!(shopped.license().await.status, LicenseStatus::Active);
    }

    async fn a_key_goes_to_nobody_but_whom_it_was_given_for(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Stripe).await;
        let (service, call) = (&shopped.world.service, shopped.world.call());
        let set = async |url: &str, key: Option<&str>| {
            let input = UpdateShop { api_url: Some(url.to_owned()), api_key: key.map(Secret::new), ..UpdateShop::default() };
            service.update_shop(&call, shopped.shop, input).await.unwrap().has_api_key
        };
        assert!(set(&format!("{API}/below"), None).await, "the same server");
        assert!(!set("https://provider.example.org", None).await);
        assert!(set("https://another.example", Some(API_KEY)).await);
        assert!(!set("https://another.example:8443", None).await);
        assert!(!set(API, None).await, "it does not come back");
        assert!(shopped.log("shop.changed").await.iter().any(|event| event.data["api_key"] == "removed"));
    }

    async fn a_rule_of_ours_that_a_sale_breaks_is_for_a_person(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        shopped.told(&Sold { quantity: 2_000_000, ..Sold::once(2, price(ShopKind::Generic)) }).await;
        let entry = shopped.waits().await;
        assert!(entry.kind == InboxKind::Unreadable && entry.detail.contains("seats"), "{entry:?}");
        assert!(shopped.licenses().await.is_empty() && shopped.orders().await.is_empty(), "all of it or nothing");
    }

    async fn one_node_works_off_and_whoever_lost_the_duty_writes_nothing(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Stripe).await;
        let other = node(db.another_node().await, &shopped.world.clock);
        other.ask_through(Arc::new(Wire(shopped.provider.clone())));
        other.join(membership(2));
        let service = &shopped.world.service;
        let first = service.sales_duty(None).await.unwrap().unwrap();
        assert!(other.sales_duty(None).await.unwrap().is_none());
        let sold = Sold::once(2, price(ShopKind::Stripe));
        shopped.provider.knows(ShopKind::Stripe, &sold);
        shopped.send(&sold.messages(ShopKind::Stripe)[1]).await;
        service.stop_selling().await.unwrap();
        let second = other.sales_duty(None).await.unwrap().unwrap();
        let shop = service.shops_due().await.unwrap().remove(0);
        assert_eq!(service.work_off(&shop, first).await.unwrap(), 0);
        assert!(shopped.licenses().await.is_empty());
        assert_eq!(other.work_off(&shop, second).await.unwrap(), 1);
        assert_eq!(shopped.licenses().await.len(), 1);
    }

    async fn what_was_told_is_forgotten_after_35_days_but_not_what_waits(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        shopped.told(&Sold::once(2, price(ShopKind::Generic))).await;
        shopped.told(&Sold::once(3, "price_unknown")).await;
        shopped.world.clock.advance(Seconds::days(2));
        shopped.told(&Sold::once(4, price(ShopKind::Generic))).await;
        shopped.world.clock.advance(Seconds::days(34));
        let background = shopped.world.service.clone();
        let running = tokio::spawn(async move { background.run_background(std::future::pending()).await });
        for _ in 0..100 {
            if shopped.events().await.len() < 3 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        running.abort();
        let left: Vec<_> = shopped.events().await.into_iter().map(|event| event.sale.unwrap()).collect();
        assert_eq!(left, ["order-4", "order-3"], "the newest first");
        let detail = shopped.world.service.inbox_entry(&shopped.world.system(), shopped.waits().await.id).await.unwrap();
        assert!(detail.message.unwrap().1.contains("price_unknown"));
    }

    async fn nothing_secret_is_shown_or_logged(db: TestDb) {
        for kind in ShopKind::ALL {
            let db = if db.is_postgres() { TestDb::postgres().await } else { TestDb::sqlite().await };
            let shopped = Shopped::new(&db, kind).await;
            let other = UpdateShop { api_key: Some(Secret::new("another_key_of_the_tests")), ..UpdateShop::default() };
            shopped.world.service.update_shop(&shopped.world.call(), shopped.shop, other).await.unwrap();
            let shown = format!("{:?}", shopped.world.service.shop(&shopped.world.system(), shopped.shop).await.unwrap());
            let log = shopped.world.service.events(&shopped.world.system(), EventFilter::default(), page()).await.unwrap();
            let text = format!("{shown} {:?} {:?}", log.items, Secret::new(&shopped.secret));
            for secret in [shopped.secret.as_str(), API_KEY, "another_key"] {
                assert!(!text.contains(secret), "{kind:?}: {text}");
            }
            let test = shopped.world.service.test_shop(&shopped.world.call(), shopped.shop).await.unwrap();
            assert_eq!(test.works, kind == ShopKind::Generic, "{test:?}");
        }
    }

    async fn who_may_see_shops_and_who_may_decide_is_settled_by_roles(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        shopped.told(&Sold::once(2, price(ShopKind::Generic)).paid_back(1_000)).await;
        let entry = shopped.waits().await;
        for (role, sees, decides) in [
            (Role::Owner, true, true), (Role::Admin, true, true), (Role::Developer, true, false),
            (Role::Support, false, true), (Role::Viewer, false, false),
        ] {
            let call = shopped.world.member(role).await;
            assert_eq!(shopped.world.service.shop_prices(&call.actor, shopped.shop).await.is_ok(), sees, "{role:?}");
            let would = ResolveInput { how: Resolve::Revoke { effective_at: None }, reason: None, dry_run: true };
            assert_eq!(shopped.world.service.resolve_inbox(&call, entry.id, would).await.is_ok(), decides, "{role:?}");
        }
        // Support ends nobody's access at once, fresh or not; and whoever may not decide does not.
        let support = shopped.world.member(Role::Support).await;
        for (late, code) in [(false, ErrorCode::Forbidden), (true, ErrorCode::StepUpRequired)] {
            if late {
                shopped.world.clock.advance(Seconds::minutes(11));
            }
            let refused = shopped.resolve_as(&support, entry.id, Resolve::Revoke { effective_at: None }).await;
            assert_eq!(refused.unwrap_err().code, code);
        }
        let token = shopped.world.token(&[Permission::CustomersWrite]).await;
        let refused = shopped.resolve_as(&token, entry.id, Resolve::Revoke { effective_at: None }).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
        shopped.resolve_as(&token, entry.id, Resolve::Dismiss).await.unwrap();
    }

    async fn whoever_revokes_what_was_bought_has_answered_wherever_that_is_done(db: TestDb) {
        let shopped = Shopped::new(&db, ShopKind::Generic).await;
        let service = &shopped.world.service;
        let revoke = async |id| {
            let change = ChangeStatus { change: StatusChange::Revoke, reason: text("It went back"), effective_at: None, dry_run: false };
            service.change_status(&shopped.world.call(), id, change).await.unwrap()
        };
        // One license after the other: it is the last that answers.
        let (entry, licenses) = shopped.asked_about_two(2).await;
        revoke(licenses[0]).await;
        assert_eq!(shopped.waits().await.id, entry.id);
        revoke(licenses[1]).await;
        assert!(shopped.inbox().await.is_empty());
        let settled = service.inbox_entry(&shopped.world.system(), entry.id).await.unwrap().entry;
        assert_eq!((settled.resolution, settled.reason), (Resolution::Revoked, Some(text("It went back"))));
        assert_eq!(settled.resolved.unwrap().0, event::Actor::System);
        // The order, on its page.
        let (entry, _) = shopped.asked_about_two(3).await;
        service.refund_order(&shopped.world.call(), entry.order.unwrap(), text("All of it"), false).await.unwrap();
        assert!(shopped.inbox().await.is_empty());
        // By support, ten minutes later; and asked still, where that is taken back.
        let (entry, licenses) = shopped.asked_about_two(4).await;
        let step = BulkStep::Status(StatusChange::Revoke);
        // Another one each time: a sign-in is fresh for ten minutes.
        let begin = async || {
            let (support, target) = (shopped.world.member(Role::Support).await, Target::Licenses(licenses.clone()));
            (service.begin_bulk(&support, None, step.clone(), target, text("By phone")).await.unwrap(), support)
        };
        let (taken_back, support) = begin().await;
        service.stop_bulk(&support, taken_back).await.unwrap();
        shopped.world.clock.advance(Seconds::minutes(11));
        work(service, "one").await;
        assert_eq!(shopped.waits().await.id, entry.id);
        let (act, support) = begin().await;
        shopped.world.clock.advance(Seconds::minutes(9));
        work(service, "one").await;
        assert_eq!(shopped.waits().await.id, entry.id);
        shopped.world.clock.advance(Seconds::minutes(2));
        work(service, "one").await;
        assert_eq!(service.bulk_act(&support.actor, act).await.unwrap().changed, 2);
        assert!(shopped.inbox().await.is_empty());
        let settled = service.inbox_entry(&shopped.world.system(), entry.id).await.unwrap().entry;
        assert_eq!(settled.resolved.unwrap().0, support.actor.who());
        // What asks something else is not answered by that.
        shopped.told(&Sold::once(5, "price_unknown")).await;
        let order = shopped.waits().await.order.unwrap();
        let own = IssueLicense { order: Some(order), ..IssueLicense::of(shopped.world.plan) };
        let license = service.issue_license(&shopped.world.call(), own).await.unwrap().license.id;
        revoke(license).await;
        assert_eq!(shopped.waits().await.kind, InboxKind::Price);
    }
}
