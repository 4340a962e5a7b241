//! Shops: a vendor's accounts at payment providers, which of their prices is which plan, what they told.

pub(crate) mod apply;
mod inbox;
mod views;

pub(super) use inbox::answered;

pub use holdfast_store::shops::{InboxFilter, InboxKind, Resolution, ShopEventState};
pub use views::{
    ConnectShop, Failing, InboxDetail, InboxView, NewShop, PriceView, Resolve, ResolveInput, Resolved, SaleView,
    Secret, SetPrice, ShopEventView, ShopTest, ShopView, UpdateShop,
};

use super::{
    act::{Act, job},
    page::{Page, PageRequest, map},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    runtime::shops::heard,
    shops::{self as providers, Trouble},
    vault::Purpose,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use holdfast_domain::{
    OrderId, Permission, ProductId, ReasonText, Seconds, ShopId, ShopKind, ShopRules, entropy::random_bytes,
};
use holdfast_store::{
    Querier, Tx, WriteOptions, plans, products,
    shops::{self, PriceRow, Quantity, ShopEventRow, ShopRow},
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// How many shops a vendor may have.
pub const MOST_SHOPS: u64 = 50;
/// How many prices a shop may have.
pub const MOST_PRICES: usize = 1_000;
/// For how long the secret before counts as well.
const OVERLAP: Seconds = Seconds::DAY;

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// What the log keeps of a shop; never a secret.
fn told(row: &ShopRow) -> Value {
    json!({
        "name": row.name, "kind": row.kind, "api_url": row.api_url, "on_refund": row.on_refund,
        "on_dispute": row.on_dispute, "grace_days": row.grace_days,
    })
}

/// The rules of a shop.
pub(super) fn rules(row: &ShopRow) -> ShopRules {
    let grace_days = u16::try_from(row.grace_days).unwrap_or(ShopRules::LONGEST_GRACE);
    ShopRules { on_refund: row.on_refund, on_dispute: row.on_dispute, grace_days }
}

fn show(row: ShopRow) -> ShopView {
    ShopView {
        rules: rules(&row),
        id: row.id,
        kind: row.kind,
        name: row.name,
        api_url: row.api_url,
        has_api_key: row.api_key.is_some(),
        has_secret: row.secret.is_some(),
        previous_until: row.previous_until,
        created_at: row.created_at,
        updated_at: row.updated_at,
        closed_at: row.closed_at,
        failing: row.failing_since.map(|since| Failing { since, why: row.failure.unwrap_or_default() }),
    }
}

fn show_event(row: ShopEventRow) -> ShopEventView {
    let waits = row.state == ShopEventState::Waiting;
    ShopEventView {
        id: row.id,
        event: row.event,
        topic: row.topic,
        received_at: row.received_at,
        state: row.state,
        outcome: row.outcome,
        sale: row.sale,
        next_at: waits.then_some(row.next_at),
    }
}

/// Whom an address asks: all of it up to the path.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

fn check_rules(rules: ShopRules) -> Result<ShopRules> {
    if rules.grace_days > ShopRules::LONGEST_GRACE {
        let most = ShopRules::LONGEST_GRACE;
        return Err(Error::invalid("/grace_days", format_args!("At most {most} days.")));
    }
    Ok(rules)
}

fn check_secret(pointer: &str, secret: &Secret) -> Result<()> {
    let text = secret.0.as_str();
    if !(6..=500).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(pointer, "Expected 6 to 500 letters, digits and signs without spaces."));
    }
    Ok(())
}

async fn lock(act: &Act, tx: &mut Tx, id: ShopId) -> Result<ShopRow> {
    shops::lock(tx, act.scope, id).await?.ok_or_else(absent)
}

impl Service {
    /// The address of a provider's API, as it is asked.
    fn check_api(&self, kind: ShopKind, url: Option<&str>) -> Result<String> {
        let Some(own) = kind.api() else { return Ok(String::new()) };
        let url = url.map(str::trim).filter(|url| !url.is_empty()).unwrap_or(own).trim_end_matches('/');
        if url != own {
            self.check_url(url).map_err(|error| error.with_pointer("/api_url"))?;
            if url.contains('?') {
                return Err(Error::invalid("/api_url", "Expected an address without a query."));
            }
        }
        Ok(url.to_owned())
    }

    fn seal_shop(&self, id: ShopId, purpose: Purpose, secret: &str) -> Result<Vec<u8>> {
        self.vault()?.seal(purpose, &id.to_bytes(), secret.as_bytes(), self.entropy())
    }

    /// A secret for the messages of a shop whose provider makes none.
    fn new_shop_secret(&self, kind: ShopKind) -> String {
        if kind == ShopKind::Generic {
            let bytes: [u8; 32] = random_bytes(self.entropy());
            return format!("whsec_{}", BASE64_STANDARD.encode(bytes));
        }
        // Lemon Squeezy takes no more than 40 characters.
        let bytes: [u8; 16] = random_bytes(self.entropy());
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// Connects a shop. Where Holdfast makes the secret of its messages, it is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for an address that may not be asked, and for values outside their range.
    pub async fn connect_shop(&self, call: &Call, input: ConnectShop) -> Result<NewShop> {
        call.actor.require(Permission::ShopsWrite)?;
        let rules = check_rules(input.rules)?;
        if let Some(key) = &input.api_key {
            check_secret("/api_key", key)?;
        }
        let act = self.act(call);
        let id = ShopId::new(act.now, self.entropy());
        let secret = (!input.kind.makes_secret()).then(|| self.new_shop_secret(input.kind));
        let api_key = input.api_key.filter(|_| input.kind.api().is_some());
        let row = ShopRow {
            id,
            vendor: call.actor.vendor(),
            kind: input.kind,
            name: input.name,
            api_url: self.check_api(input.kind, input.api_url.as_deref())?,
            api_key: api_key.map(|key| self.seal_shop(id, Purpose::ShopApiKey, &key.0)).transpose()?,
            secret: secret.as_ref().map(|secret| self.seal_shop(id, Purpose::ShopSecret, secret)).transpose()?,
            previous_secret: None,
            previous_until: None,
            on_refund: rules.on_refund,
            on_dispute: rules.on_dispute,
            grace_days: u32::from(rules.grace_days),
            created_at: act.now,
            updated_at: act.now,
            closed_at: None,
            failing_since: None,
            failures: 0,
            quiet_until: None,
            failure: None,
        };
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row, secret => |tx| {
                if shops::list(tx, act.scope, &PageRequest::default()).await?.total.rows >= MOST_SHOPS {
                    return Err(Error::invalid("/name", format_args!("A vendor has at most {MOST_SHOPS} shops.")));
                }
                shops::insert(tx, act.scope, &row).await?;
                act.event(tx, "shop.connected", row.id, json!({ "after": told(&row) }));
                Ok(NewShop { shop: show(row), secret })
            }),
        )
        .await
    }

    /// The vendor's shops by the time at which they were connected.
    pub async fn shops(&self, actor: &Actor, page: PageRequest<()>) -> Result<Page<ShopView>> {
        actor.require(Permission::ShopsRead)?;
        let rows = shops::list(&mut self.store().patient_reader(), actor.scope(), &page).await?;
        Ok(map(rows, show))
    }

    /// A shop.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn shop(&self, actor: &Actor, id: ShopId) -> Result<ShopView> {
        actor.require(Permission::ShopsRead)?;
        let row = shops::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.map(show).ok_or_else(absent)
    }

    /// Changes a shop. Another API key is tried at once with what waits. An address of somebody else's API needs the key anew:
    /// the one that is there is for whom it was given.
    ///
    /// # Errors
    /// As [`Service::connect_shop`]; [`ErrorCode::NotFound`].
    pub async fn update_shop(&self, call: &Call, id: ShopId, input: UpdateShop) -> Result<ShopView> {
        call.actor.require(Permission::ShopsWrite)?;
        if let Some(rules) = input.rules {
            check_rules(rules)?;
        }
        if let Some(key) = &input.api_key {
            check_secret("/api_key", key)?;
        }
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, input => |tx| {
                let before = lock(&act, tx, id).await?;
                let rules = input.rules.unwrap_or_else(|| rules(&before));
                let service = &act.service;
                let api_url = match &input.api_url {
                    Some(url) => service.check_api(before.kind, Some(url))?,
                    None => before.api_url.clone(),
                };
                let new_key = input.api_key.as_ref().filter(|_| before.kind.api().is_some());
                let api_key = match new_key {
                    Some(key) => Some(service.seal_shop(id, Purpose::ShopApiKey, &key.0)?),
                    None => before.api_key.clone().filter(|_| origin(&api_url) == origin(&before.api_url)),
                };
                let asked_anew = new_key.is_some() || api_url != before.api_url;
                let after = ShopRow {
                    name: input.name.unwrap_or_else(|| before.name.clone()),
                    api_url,
                    api_key,
                    on_refund: rules.on_refund,
                    on_dispute: rules.on_dispute,
                    grace_days: u32::from(rules.grace_days),
                    updated_at: act.now,
                    quiet_until: before.quiet_until.filter(|_| !asked_anew),
                    ..before.clone()
                };
                shops::update(tx, act.scope, &after).await?;
                if asked_anew {
                    shops::hurry(tx, act.scope, id, act.now).await?;
                }
                if new_key.is_some() || told(&before) != told(&after) {
                    let mut data = json!({ "before": told(&before), "after": told(&after) });
                    if new_key.is_some() {
                        data["api_key"] = json!("another one");
                    } else if after.api_key != before.api_key {
                        data["api_key"] = json!("removed");
                    }
                    act.event(tx, "shop.changed", id, data);
                }
                Ok(show(after))
            }),
        )
        .await
    }

    /// Sets what a shop's messages are signed with: the secret that its provider has made, or a new one of ours where the
    /// provider makes none. The one before counts as well for a day, so that the provider can be changed over without loss.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for a secret where Holdfast makes it, and for none where the provider does;
    /// [`ErrorCode::NotFound`].
    pub async fn set_shop_secret(&self, call: &Call, id: ShopId, secret: Option<Secret>) -> Result<NewShop> {
        call.actor.require(Permission::ShopsWrite)?;
        let kind = self.shop(&call.actor, id).await?.kind;
        let (sealed, made) = match secret {
            Some(secret) if kind.makes_secret() => {
                check_secret("/secret", &secret)?;
                (self.seal_shop(id, Purpose::ShopSecret, &secret.0)?, None)
            }
            None if !kind.makes_secret() => {
                let secret = self.new_shop_secret(kind);
                (self.seal_shop(id, Purpose::ShopSecret, &secret)?, Some(secret))
            }
            Some(_) => return Err(Error::invalid("/secret", "Holdfast makes this secret: leave it out.")),
            None => {
                let who = kind.title();
                return Err(Error::invalid("/secret", format_args!("{who} makes this secret: copy it from there.")));
            }
        };
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, sealed, made => |tx| {
                let before = lock(&act, tx, id).await?;
                let after = ShopRow {
                    previous_until: before.secret.as_ref().map(|_| act.now.plus(OVERLAP)),
                    previous_secret: before.secret,
                    secret: Some(sealed),
                    updated_at: act.now,
                    ..before
                };
                shops::update(tx, act.scope, &after).await?;
                act.event(tx, "shop.secret_set", id, json!({ "name": after.name }));
                Ok(NewShop { shop: show(after), secret: made })
            }),
        )
        .await
    }

    /// Refuses what a shop tells from now on, or takes it again. What it has told already is still worked off.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn close_shop(&self, call: &Call, id: ShopId, closed: bool) -> Result<ShopView> {
        call.actor.require(Permission::ShopsWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act => |tx| {
                let before = lock(&act, tx, id).await?;
                if before.closed_at.is_some() == closed {
                    return Ok(show(before));
                }
                let closed_at = closed.then_some(act.now);
                let after = ShopRow { closed_at, updated_at: act.now, ..before };
                shops::update(tx, act.scope, &after).await?;
                let action = if closed { "shop.closed" } else { "shop.opened" };
                act.event(tx, action, id, json!({ "name": after.name }));
                Ok(show(after))
            }),
        )
        .await
    }

    /// Asks a shop's provider whether it lets the API key in.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn test_shop(&self, call: &Call, id: ShopId) -> Result<ShopTest> {
        call.actor.require(Permission::ShopsWrite)?;
        let scope = call.actor.scope();
        let row = shops::get(&mut self.store().patient_reader(), scope, id).await?.ok_or_else(absent)?;
        let title = row.kind.title();
        if row.kind.api().is_none() {
            let detail = "Its messages say everything: there is nothing to ask.".to_owned();
            return Ok(ShopTest { works: true, detail });
        }
        let ask = self.ask_providers()?;
        let asked = providers::probe(&mut self.reader_of(&row, &*ask)?).await;
        let detail = match asked {
            Ok(()) => None,
            Err(Trouble::Later { why, .. } | Trouble::Odd(why)) => Some(crate::runtime::shops::plain(&why)),
        };
        if detail.is_none() && row.failing_since.is_some() {
            let act = self.act(call);
            let write = job!(act => |tx| {
                let row = lock(&act, tx, id).await?;
                heard(tx, act.scope, row, act.now).await
            });
            self.store().write(WriteOptions::default(), write).await?;
        }
        let works = detail.is_none();
        Ok(ShopTest { works, detail: detail.unwrap_or_else(|| format!("{title} lets the API key in.")) })
    }

    /// Which plan each price of a shop is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn shop_prices(&self, actor: &Actor, id: ShopId) -> Result<Vec<PriceView>> {
        self.shop(actor, id).await?;
        let (mut reader, act) = (self.store().patient_reader(), self.act(&Call::new(actor.clone(), <_>::default())));
        let rows = shops::prices(&mut reader, act.scope, id).await?;
        show_prices(&act, &mut reader, rows).await
    }

    /// Says which plan a price of a shop is. Sales that wait for that are looked at once more.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InvalidRequest`] for a plan that is not the vendor's.
    pub async fn set_shop_price(&self, call: &Call, id: ShopId, input: SetPrice) -> Result<PriceView> {
        call.actor.require(Permission::ShopsWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, input => |tx| {
                set_price(&act, tx, id, &input, None).await?;
                let row = shops::price(tx, act.scope, id, input.price.as_str()).await?.ok_or_else(absent)?;
                show_prices(&act, tx, vec![row]).await?.pop().ok_or_else(absent)
            }),
        )
        .await
    }

    /// Takes back which plan a price of a shop is. What was sold stays; what is sold from now on waits for a person.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a shop or a price that is not there.
    pub async fn remove_shop_price(&self, call: &Call, id: ShopId, price: String) -> Result<ShopView> {
        call.actor.require(Permission::ShopsWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, price => |tx| {
                let shop = lock(&act, tx, id).await?;
                let before = shops::remove_price(tx, act.scope, id, &price).await?.ok_or_else(absent)?;
                act.event(tx, "shop.price_removed", id, json!({ "before": told_price(&before) }));
                Ok(show(shop))
            }),
        )
        .await
    }

    /// What a shop has told in the last 35 days, the newest first.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn shop_events(&self, actor: &Actor, id: ShopId, page: PageRequest<()>) -> Result<Page<ShopEventView>> {
        self.shop(actor, id).await?;
        let rows = shops::events(&mut self.store().patient_reader(), actor.scope(), id, &page).await?;
        Ok(map(rows, show_event))
    }

    /// The sale that an order was made of, where a shop has told of it.
    pub async fn sale_of_order(&self, actor: &Actor, order: OrderId) -> Result<Option<SaleView>> {
        actor.require(Permission::CustomersRead)?;
        let (mut reader, scope) = (self.store().patient_reader(), actor.scope());
        let Some(row) = shops::sale_of_order(&mut reader, scope, order).await? else { return Ok(None) };
        let Some(shop) = shops::get(&mut reader, scope, row.shop).await? else { return Ok(None) };
        Ok(Some(SaleView { shop: shop.id, shop_name: shop.name, sale: row.state, applied_at: row.applied_at }))
    }

    /// The name of each shop of the vendor, for events that a shop has caused.
    pub async fn shop_names(&self, actor: &Actor) -> Result<HashMap<ShopId, String>> {
        actor.require(Permission::EventsReadOwn)?;
        let page = PageRequest { limit: super::page::Limit::new(200), ..PageRequest::default() };
        let rows = shops::list(&mut self.store().patient_reader(), actor.scope(), &page).await?;
        Ok(rows.items.into_iter().map(|row| (row.id, row.name.to_string())).collect())
    }
}

fn told_price(row: &PriceRow) -> Value {
    json!({ "price": row.price, "plan": row.plan, "quantity": row.quantity })
}

/// Says which plan a price is, and has sales that wait for it looked at once more.
async fn set_price(act: &Act, tx: &mut Tx, id: ShopId, input: &SetPrice, reason: Option<&ReasonText>) -> Result<()> {
    lock(act, tx, id).await?;
    if let Some(plan) = input.plan
        && plans::get(tx, act.scope, plan).await?.is_none()
    {
        return Err(Error::invalid("/plan", "There is no such plan."));
    }
    let price = input.price.as_str();
    let before = shops::price(tx, act.scope, id, price).await?;
    if before.is_none() && shops::prices(tx, act.scope, id).await?.len() >= MOST_PRICES {
        return Err(Error::invalid("/price", format_args!("A shop has at most {MOST_PRICES} prices.")));
    }
    let quantity = if input.quantity_is_seats { Quantity::Seats } else { Quantity::One };
    let row = PriceRow { shop: id, price: price.to_owned(), plan: input.plan, quantity, updated_at: act.now };
    shops::set_price(tx, act.scope, &row).await?;
    let mut data = json!({ "before": before.as_ref().map(told_price), "after": told_price(&row) });
    if let Some(reason) = reason {
        data["reason"] = json!(reason);
    }
    let by = serde_json::to_string(&act.who).map_err(Error::internal)?;
    data["settled"] = json!(shops::placed(tx, act.scope, (id, price), (&by, act.now, reason)).await?);
    act.event(tx, "shop.price_set", id, data);
    Ok(())
}

async fn show_prices(act: &Act, q: &mut dyn Querier, rows: Vec<PriceRow>) -> Result<Vec<PriceView>> {
    let mut names: HashMap<ProductId, String> = HashMap::new();
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let plan = match row.plan {
            Some(id) => plans::get(q, act.scope, id).await?,
            None => None,
        };
        let plan_name = match plan {
            Some(plan) => {
                if let std::collections::hash_map::Entry::Vacant(e) = names.entry(plan.product) {
                    let product = products::get(q, act.scope, plan.product).await?;
                    e.insert(product.map_or_else(String::new, |product| product.name.to_string()));
                }
                let product = names.get(&plan.product).cloned().unwrap_or_default();
                Some(format!("{product}: {}", plan.name))
            }
            None => None,
        };
        shown.push(PriceView {
            price: row.price,
            plan: row.plan,
            plan_name,
            quantity_is_seats: row.quantity == Quantity::Seats,
            updated_at: row.updated_at,
        });
    }
    Ok(shown)
}
