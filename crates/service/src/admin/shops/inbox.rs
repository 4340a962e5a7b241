//! The inbox: what of the sales waits for a person, and what they make of it.

use super::{
    InboxDetail, InboxFilter, InboxKind, InboxView, Resolution, Resolve, ResolveInput, Resolved, SetPrice, absent,
    apply::{issue, make_order},
    set_price,
};
use crate::{
    Call, Service,
    actor::Actor,
    admin::{
        act::{Act, job},
        customers,
        inputs::{ChangeStatus, CustomerChoice},
        license_status::{change, check_effective, may_change, may_end_now},
        licenses::{save, shown},
        mails::mail_refunded,
        page::{Page, PageRequest, try_map},
        views::{Impact, LicenseView},
    },
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    InboxId, License, LicenseId, OrderId, Permission, PlanId, ReasonText, Sale, Timestamp, license::StatusChange,
    sale::Line,
};
use holdfast_store::{
    Querier, Tx, WriteOptions,
    licenses::{self, LicenseRow},
    mails::{self, Template},
    plans,
    shops::{self, InboxRow, LineRow, SaleRow, ShopRow},
};
use serde_json::json;
use std::collections::HashMap;

/// Whether a person can make that of something of this kind.
const fn fits(kind: InboxKind, how: &Resolve) -> bool {
    use InboxKind::{Buyer, Charge, Dispute, Held, Line, Part, Price, Quantity, Refund, Regained, Revoked};
    match how {
        Resolve::Again => !matches!(kind, Part | Refund | Dispute | Line | Revoked | Regained),
        Resolve::Map { .. } => matches!(kind, Price | Quantity),
        Resolve::Issue { .. } => matches!(kind, Price | Quantity | Held),
        Resolve::Customer(_) => matches!(kind, Buyer),
        Resolve::License(_) => matches!(kind, Price | Quantity | Charge | Held),
        Resolve::Revoke { .. } => matches!(kind, Part | Refund | Dispute | Line),
        Resolve::Reinstate => matches!(kind, Revoked | Regained),
        Resolve::Dismiss => true,
    }
}

/// What it takes to make that of something in the inbox: what the act itself takes.
const fn needs(how: &Resolve) -> Permission {
    match how {
        Resolve::Again | Resolve::Customer(_) | Resolve::Dismiss => Permission::CustomersWrite,
        Resolve::Map { .. } => Permission::ShopsWrite,
        Resolve::Issue { .. } | Resolve::License(_) => Permission::LicensesWrite,
        Resolve::Revoke { .. } | Resolve::Reinstate => Permission::LicensesStatus,
    }
}

fn show(row: InboxRow, shop: &ShopRow) -> Result<InboxView> {
    let by = row.resolved_by.as_deref().map(serde_json::from_str).transpose().map_err(Error::internal)?;
    Ok(InboxView {
        id: row.id,
        shop: row.shop,
        shop_name: shop.name.clone(),
        kind: row.kind,
        detail: row.detail,
        line: row.line,
        order: row.order_id,
        sale: row.state,
        opened_at: row.opened_at,
        resolution: row.resolution,
        resolved: by.zip(row.resolved_at),
        reason: row.reason,
    })
}

/// Notes what became of something that waits, and tells the log. False where somebody else has decided meanwhile.
pub(super) async fn settled(
    act: &Act,
    tx: &mut Tx,
    entry: &InboxRow,
    resolution: Resolution,
    reason: Option<&ReasonText>,
) -> Result<bool> {
    let by = serde_json::to_string(&act.who).map_err(Error::internal)?;
    if !shops::resolve(tx, act.scope, entry.id, resolution, (&by, act.now, reason)).await? {
        return Ok(false);
    }
    let subject = entry.order_id.map_or_else(|| entry.id.to_string(), |order| order.to_string());
    let data = json!({ "inbox": entry.id, "kind": entry.kind, "resolution": resolution, "reason": reason });
    act.event(tx, "order.settled", subject, data);
    Ok(true)
}

/// The same for a person, who is told where somebody else has.
async fn settle(
    act: &Act,
    tx: &mut Tx,
    entry: &InboxRow,
    resolution: Resolution,
    reason: Option<&ReasonText>,
) -> Result<()> {
    if settled(act, tx, entry, resolution, reason).await? { Ok(()) } else { Err(over()) }
}

fn over() -> Error {
    Error::new(ErrorCode::ChangedMeanwhile).with_detail("It does not wait any more.")
}

async fn shop_of(act: &Act, q: &mut dyn Querier, entry: &InboxRow) -> Result<ShopRow> {
    shops::get(q, act.scope, entry.shop).await?.ok_or_else(absent)
}

/// Those of an order's licenses that the entry is about and that can be changed so: revoked, or reinstated.
async fn concerned(
    act: &Act,
    tx: &mut Tx,
    entry: &InboxRow,
    (change, of_order): (StatusChange, &[LicenseRow]),
) -> Result<Vec<LicenseId>> {
    let lines = shops::lines(tx, act.scope, entry.shop, &entry.sale).await?;
    let of_line = |id| lines.iter().any(|row| row.license == id && entry.line.as_deref() == Some(row.line.as_str()));
    let licenses = of_order.iter().map(|row| &row.license).filter(|license| license.status.after(change).is_some());
    let of_one = matches!(entry.kind, InboxKind::Line | InboxKind::Revoked);
    let about = licenses.filter(|license| !of_one || of_line(license.id));
    Ok(about.map(|license| license.id).collect())
}

/// Takes out of the inbox what asked whether licenses are to be revoked, or reinstated, where `license` was the last of them
/// that was not: whoever does that, on whichever page, has answered.
pub(in crate::admin) async fn answered(
    act: &Act,
    tx: &mut Tx,
    license: &License,
    change: StatusChange,
    reason: &ReasonText,
) -> Result<()> {
    let (how, resolution) = match change {
        StatusChange::Reinstate => (Resolve::Reinstate, Resolution::Reinstated),
        _ => (Resolve::Revoke { effective_at: None }, Resolution::Revoked),
    };
    let Some(order) = license.order else { return Ok(()) };
    let waiting = shops::open_of_order(tx, act.scope, order).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let of_order = licenses::of_order(tx, act.scope, order).await?;
    for entry in waiting.iter().filter(|entry| fits(entry.kind, &how)) {
        if concerned(act, tx, entry, (change, &of_order)).await?.is_empty() {
            settle(act, tx, entry, resolution, Some(reason)).await?;
            tell(act, tx, entry).await?;
        }
    }
    Ok(())
}

/// Tells whoever got all of their money back what becomes of their licenses, now that somebody has decided that.
async fn tell(act: &Act, tx: &mut Tx, entry: &InboxRow) -> Result<()> {
    let Some(order) = entry.order_id.filter(|_| entry.kind == InboxKind::Refund) else { return Ok(()) };
    if mails::was_told(tx, act.scope, &order.to_string(), Template::Refunded).await? {
        return Ok(());
    }
    mail_refunded(act, tx, order).await
}

impl Service {
    /// What of the vendor's sales waits for a person, or waited; the newest first.
    pub async fn inbox(&self, actor: &Actor, filter: InboxFilter, page: PageRequest<()>) -> Result<Page<InboxView>> {
        actor.require(Permission::CustomersRead)?;
        let (mut reader, scope) = (self.store().patient_reader(), actor.scope());
        let rows = shops::inbox(&mut reader, scope, &filter, &page).await?;
        let mut known = HashMap::new();
        for row in &rows.items {
            if let std::collections::hash_map::Entry::Vacant(e) = known.entry(row.shop) {
                e.insert(shops::get(&mut reader, scope, row.shop).await?.ok_or_else(absent)?);
            }
        }
        try_map(rows, |row| {
            let shop = known.get(&row.shop).ok_or_else(absent)?;
            show(row, shop)
        })
    }

    /// How much waits for a person; at most a thousand.
    pub async fn inbox_waiting(&self, actor: &Actor) -> Result<u64> {
        actor.require(Permission::CustomersRead)?;
        let waiting = shops::waiting(&mut self.store().patient_reader(), actor.scope()).await?;
        Ok(u64::try_from(waiting).unwrap_or(0))
    }

    /// Something that waits for a person, or waited, with what was sent and answered.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn inbox_entry(&self, actor: &Actor, id: InboxId) -> Result<InboxDetail> {
        actor.require(Permission::CustomersRead)?;
        let act = self.act(&Call::new(actor.clone(), <_>::default()));
        let mut reader = self.store().patient_reader();
        let q = &mut reader;
        let row = shops::entry(q, act.scope, id).await?.ok_or_else(absent)?;
        let shop = shop_of(&act, q, &row).await?;
        let message = shops::event(q, act.scope, row.event).await?.map(|event| (event.topic, event.body));
        let mut bought = Vec::new();
        for line in shops::lines(q, act.scope, row.shop, &row.sale).await? {
            if let Some(license) = licenses::get(q, act.scope, line.license).await? {
                bought.push(shown(&act, q, &license).await?);
            }
        }
        let answers = shops::answers(q, act.scope, id).await?;
        Ok(InboxDetail { entry: show(row, &shop)?, message, answers, licenses: bought })
    }

    /// Resolves something that waits, or says whose access that would end.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::ChangedMeanwhile`] where it does not wait any more; [`ErrorCode::InvalidRequest`]
    /// where this does not fit, and without a reason where one is needed; what the act itself is refused with. Support begins
    /// to revoke later ([`Service::begin_bulk`]), and whoever may ask for it ([`crate::admin::approvals`]) may look.
    pub async fn resolve_inbox(&self, call: &Call, id: InboxId, input: ResolveInput) -> Result<Resolved> {
        call.actor.require(needs(&input.how))?;
        if let Resolve::Revoke { effective_at } = input.how {
            may_change(&call.actor, 1, self.now(), input.dry_run)?;
            may_end_now(&call.actor, input.dry_run)?;
            check_effective(effective_at, self.now())?;
        }
        if matches!(input.how, Resolve::Reinstate) {
            may_change(&call.actor, 1, self.now(), input.dry_run)?;
        }
        let needs_reason = matches!(input.how, Resolve::Revoke { .. } | Resolve::Reinstate | Resolve::Dismiss);
        if needs_reason && input.reason.is_none() && !input.dry_run {
            return Err(Error::invalid("/reason", "Say why: it is kept in the audit log."));
        }
        let (act, actor, dry_run) = (self.act(call), call.actor.clone(), input.dry_run);
        let write = job!(act, actor, input => |tx| {
            let entry = shops::lock_entry(tx, act.scope, id).await?.ok_or_else(absent)?;
            if entry.resolution != Resolution::Open {
                return Err(over());
            }
            if !fits(entry.kind, &input.how) {
                return Err(Error::invalid("/how", "This does not fit what it is about."));
            }
            let shop = shop_of(&act, tx, &entry).await?;
            let (done, impact) = resolve(&act, &actor, tx, &shop, &entry, &input).await?;
            let entry = shops::entry(tx, act.scope, id).await?.ok_or_else(absent)?;
            Ok(Resolved { entry: show(entry, &shop)?, licenses: done, impact, applied: !input.dry_run })
        });
        let options = WriteOptions::alone();
        if dry_run { self.store().write(options, write).await } else { self.commit(call, options, write).await }
    }
}

async fn resolve(
    act: &Act,
    actor: &Actor,
    tx: &mut Tx,
    shop: &ShopRow,
    entry: &InboxRow,
    input: &ResolveInput,
) -> Result<(Vec<LicenseView>, Impact)> {
    let reason = input.reason.as_ref();
    let mut done = Vec::new();
    let resolution = match &input.how {
        Resolve::Revoke { effective_at } => {
            let how = (StatusChange::Revoke, *effective_at, Resolution::Revoked);
            return change_bought(act, actor, tx, entry, input, how).await;
        }
        Resolve::Reinstate => {
            let how = (StatusChange::Reinstate, None, Resolution::Reinstated);
            return change_bought(act, actor, tx, entry, input, how).await;
        }
        _ if input.dry_run => return Ok(<_>::default()),
        Resolve::Map { plan, quantity_is_seats } => {
            let line = line_of(entry)?;
            let price = SetPrice { price: line.price, plan: *plan, quantity_is_seats: *quantity_is_seats };
            // Settles this one with all others that wait for the same price.
            set_price(act, tx, shop.id, &price, reason).await?;
            return Ok(<_>::default());
        }
        Resolve::Again => Resolution::Again,
        Resolve::Dismiss => Resolution::Dismissed,
        Resolve::Issue { plan, seats } => {
            done = issue_for(act, tx, shop, entry, *plan, *seats).await?;
            Resolution::Issued
        }
        Resolve::Customer(choice) => {
            chosen(act, tx, entry, choice).await?;
            Resolution::Linked
        }
        Resolve::License(license) => {
            done.push(link(act, tx, shop, entry, *license).await?);
            Resolution::Linked
        }
    };
    settle(act, tx, entry, resolution, reason).await?;
    if resolution == Resolution::Dismissed {
        tell(act, tx, entry).await?;
    }
    let looks_again = matches!(resolution, Resolution::Again | Resolution::Issued | Resolution::Linked);
    if looks_again && !shops::again(tx, act.scope, entry.event, act.now).await? && resolution == Resolution::Again {
        return Err(Error::new(ErrorCode::NotFound).with_detail("The message was forgotten meanwhile."));
    }
    Ok((done, Impact::default()))
}

/// Revokes or reinstates what an entry is about, or says whose access that would end.
async fn change_bought(
    act: &Act,
    actor: &Actor,
    tx: &mut Tx,
    entry: &InboxRow,
    input: &ResolveInput,
    (to, effective_at, resolution): (StatusChange, Option<Timestamp>, Resolution),
) -> Result<(Vec<LicenseView>, Impact)> {
    let of_order = match entry.order_id {
        Some(order) => licenses::lock_of_order(tx, act.scope, order).await?,
        None => Vec::new(),
    };
    let licenses = concerned(act, tx, entry, (to, &of_order)).await?;
    let looks = input.dry_run && actor.asks(Permission::LicensesStatus, licenses.len());
    if !looks {
        may_change(actor, licenses.len(), act.now, input.dry_run)?;
    }
    if !input.dry_run {
        settle(act, tx, entry, resolution, input.reason.as_ref()).await?;
    }
    let reason = match &input.reason {
        Some(reason) => reason.clone(),
        // Only in a preview, which writes none.
        None => entry.detail.parse().map_err(Error::internal)?,
    };
    let change_to = ChangeStatus { change: to, reason, effective_at, dry_run: input.dry_run };
    let (mut done, mut impact) = (Vec::with_capacity(licenses.len()), Impact::default());
    for id in licenses {
        let outcome = change(act, tx, id, &change_to).await?;
        impact = impact.and(outcome.impact);
        done.push(outcome.license);
    }
    if !input.dry_run {
        tell(act, tx, entry).await?;
    }
    Ok((done, impact))
}

fn sale_of(entry: &InboxRow) -> Result<&Sale> {
    entry.state.as_ref().ok_or_else(|| Error::internal("an entry without its sale"))
}

/// The line that an entry is about.
fn line_of(entry: &InboxRow) -> Result<Line> {
    let line = sale_of(entry)?.lines.iter().find(|line| entry.line.as_deref() == Some(line.id.as_str()));
    line.cloned().ok_or_else(|| Error::internal("an entry without its line"))
}

/// The sale that an entry is about as it was last applied, which may be later than what brought the entry.
async fn last_applied(act: &Act, tx: &mut Tx, entry: &InboxRow) -> Result<SaleRow> {
    match shops::lock_sale(tx, act.scope, entry.shop, &entry.sale).await? {
        Some(known) => Ok(known),
        None => Ok(SaleRow {
            shop: entry.shop,
            sale: entry.sale.clone(),
            order_id: None,
            customer: None,
            sequence: 0,
            state: sale_of(entry)?.clone(),
            applied_at: act.now,
        }),
    }
}

/// The lines of `sale` at the entry's price that have no license.
async fn lines_without(act: &Act, tx: &mut Tx, entry: &InboxRow, sale: &Sale) -> Result<Vec<Line>> {
    let have = shops::lines(tx, act.scope, entry.shop, &entry.sale).await?;
    let price = line_of(entry)?.price;
    let without = sale.lines.iter().filter(|line| line.price == price);
    Ok(without.filter(|line| have.iter().all(|row| row.line != line.id.as_str())).cloned().collect())
}

async fn issue_for(
    act: &Act,
    tx: &mut Tx,
    shop: &ShopRow,
    entry: &InboxRow,
    plan: PlanId,
    seats: Option<u32>,
) -> Result<Vec<LicenseView>> {
    let order = entry.order_id.ok_or_else(|| Error::internal("an entry without its order"))?;
    let plan = plans::get(tx, act.scope, plan).await?;
    let plan = plan.ok_or_else(|| Error::invalid("/plan", "There is no such plan."))?;
    let mut issued = Vec::new();
    let sale = last_applied(act, tx, entry).await?.state;
    let lines = lines_without(act, tx, entry, &sale).await?;
    if lines.is_empty() {
        return Err(Error::invalid("/how", "It has its license. Say which plan the price is, or change the license."));
    }
    for line in lines {
        let id = issue(act, tx, (shop, &sale), &line, order, (plan.clone(), seats)).await?;
        let row = licenses::get(tx, act.scope, id).await?.ok_or_else(absent)?;
        issued.push(shown(act, tx, &row).await?);
    }
    Ok(issued)
}

/// Notes which customer has bought; the rest follows when the sale is looked at once more.
async fn chosen(act: &Act, tx: &mut Tx, entry: &InboxRow, choice: &CustomerChoice) -> Result<()> {
    let customer = customers::choose(act, tx, choice).await?;
    let row = SaleRow { customer: Some(customer.id), ..last_applied(act, tx, entry).await? };
    Ok(shops::put_sale(tx, act.scope, &row).await?)
}

/// Says that the sale, or a line of it, was bought for a license that there is already: from then on the license follows it.
async fn link(act: &Act, tx: &mut Tx, shop: &ShopRow, entry: &InboxRow, license: LicenseId) -> Result<LicenseView> {
    let invalid = |what: &str| Error::invalid("/license", what);
    let found = licenses::lock(tx, act.scope, license).await?;
    let mut row = found.ok_or_else(|| invalid("There is no such license."))?;
    let known = last_applied(act, tx, entry).await?;
    let sale = known.state.clone();
    let order = if let Some(order) = entry.order_id {
        order
    } else {
        let order = make_order(act, tx, shop, &sale, row.license.customer).await?;
        shops::put_sale(tx, act.scope, &SaleRow { order_id: Some(order), ..known }).await?;
        order
    };
    bought_with(act, tx, &mut row.license, order).await?;
    let line = if entry.kind == InboxKind::Charge {
        None
    } else {
        let lines = lines_without(act, tx, entry, &sale).await?;
        let own = lines.iter().find(|line| entry.line.as_deref() == Some(line.id.as_str()));
        own.or(lines.first()).cloned()
    };
    if let Some(line) = line {
        let kept = LineRow {
            shop: shop.id,
            sale: entry.sale.clone(),
            line: line.id.to_string(),
            price: line.price.to_string(),
            quantity: line.quantity,
            license,
            said_end: None,
        };
        shops::put_line(tx, act.scope, None, &kept).await?;
    }
    shown(act, tx, &row).await
}

/// Notes that a license was bought with an order, where it was with none that a shop has told of.
async fn bought_with(act: &Act, tx: &mut Tx, license: &mut License, order: OrderId) -> Result<()> {
    match license.order {
        Some(other) if other == order => Ok(()),
        Some(other) if shops::sale_of_order(tx, act.scope, other).await?.is_some() => {
            Err(Error::invalid("/license", "This license was bought with another order."))
        }
        _ => {
            let before = crate::admin::licenses::told(license);
            license.order = Some(order);
            save(act, tx, license).await?;
            let data = json!({ "before": before, "after": crate::admin::licenses::told(license) });
            act.event(tx, "license.changed", license.id, data);
            Ok(())
        }
    }
}
