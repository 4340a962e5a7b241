//! What follows from a sale: a customer, an order, a license for each line, and their ends. A sale is applied as it stands, not
//! as it has changed, so that it does not matter what was heard of it before, nor how often. What a person has decided or
//! changed meanwhile stays; what cannot be told waits for one.

use super::{inbox::settled, rules};
use crate::{
    admin::{
        act::Act,
        customers,
        import::dates::rfc_3339,
        inputs::{ChangeStatus, CreateCustomer, CustomerChoice},
        license_change::counts_people,
        license_status::{AT_ONCE, change},
        licenses::{StoredKey, absent, announce, lock, save, told, told_with_terms, with},
        mails::mail_refunded,
    },
    error::{Error, Result},
    runtime::shops::plain,
    shops::Told,
};
use holdfast_domain::{
    CustomerId, InboxId, License, LicenseId, LicenseKey, LicenseModel, LicenseStatus, OrderId, ProductId, ReasonText,
    Sale, Seconds, ShopEventId, Terms, Timestamp,
    license::StatusChange,
    sale::{Consequence, Dispute, Line, Loss, Payment, moved_end},
};
use holdfast_store::{
    Tx, customers as customer_rows,
    licenses::{self, LicenseRow, NewLicense},
    orders::{self, OrderRow, OrderStatus},
    plans::{self, PlanRow},
    seats,
    shops::{self, InboxKind, InboxRow, LineRow, PriceRow, Quantity, Resolution, SaleRow, ShopEventState, ShopRow},
};
use serde_json::json;

/// How many of a customer's licenses, the newest first, are looked at for one that something was perhaps bought for.
const MOST_HELD: usize = 200;

/// What the matter of money that is there again begins with.
const BACK: &str = "back:";

/// What came of a message.
pub(crate) struct Applied {
    /// How far it is.
    pub state: ShopEventState,
    /// The same in a few words.
    pub outcome: String,
    /// The sale that it was about.
    pub sale: Option<String>,
}

/// Has a person look at a message of which no sale could be made.
pub(crate) async fn park_unreadable(
    act: &Act,
    tx: &mut Tx,
    shop: &ShopRow,
    event: ShopEventId,
    why: &str,
    raw: &str,
) -> Result<Applied> {
    let what = Parking { shop, event, sale: None, order: None };
    let entry = what.entry(act, InboxKind::Unreadable, format!("event:{event}"), why, None);
    park(act, tx, entry, raw).await?;
    Ok(Applied { state: ShopEventState::Parked, outcome: format!("waits for a person: {}", plain(why)), sale: None })
}

/// What is known of whatever waits for a person.
struct Parking<'a> {
    shop: &'a ShopRow,
    event: ShopEventId,
    sale: Option<&'a Sale>,
    order: Option<OrderId>,
}

impl Parking<'_> {
    fn entry(&self, act: &Act, kind: InboxKind, matter: String, detail: &str, line: Option<&Line>) -> InboxRow {
        InboxRow {
            id: InboxId::new(act.now, act.service.entropy()),
            vendor: self.shop.vendor,
            shop: self.shop.id,
            sale: self.sale.map(|sale| sale.id.to_string()).unwrap_or_default(),
            matter,
            kind,
            detail: plain(detail),
            line: line.map(|line| line.id.to_string()),
            order_id: self.order,
            event: self.event,
            state: self.sale.cloned(),
            opened_at: act.now,
            resolution: Resolution::Open,
            resolved_by: None,
            resolved_at: None,
            reason: None,
        }
    }
}

/// Has something wait for a person, where it does not yet and nobody has decided. True where it does from now on.
async fn park(act: &Act, tx: &mut Tx, entry: InboxRow, raw: &str) -> Result<bool> {
    let is_new = shops::park(tx, act.scope, &entry, raw).await?;
    if is_new {
        let subject = entry.order_id.map_or_else(|| entry.id.to_string(), |order| order.to_string());
        let data = json!({ "inbox": entry.id, "kind": entry.kind, "detail": entry.detail, "sale": entry.sale });
        act.event(tx, "order.parked", subject, data);
    }
    Ok(is_new)
}

/// Counts what follows from a sale.
#[derive(Default)]
struct Tally {
    issued: usize,
    changed: usize,
    revoked: usize,
    parked: Vec<String>,
}

impl Tally {
    fn applied(self, sale: &Sale) -> Applied {
        let count = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 license {what}")),
            n => Some(format!("{n} licenses {what}")),
        };
        let did = [count(self.issued, "issued"), count(self.changed, "changed"), count(self.revoked, "revoked")];
        let mut words: Vec<String> = did.into_iter().flatten().collect();
        let state = if self.parked.is_empty() { ShopEventState::Applied } else { ShopEventState::Parked };
        if let Some(first) = self.parked.first() {
            words.push(format!("waits for a person: {first}"));
        }
        let outcome = if words.is_empty() { "nothing new".to_owned() } else { words.join(", ") };
        Applied { state, outcome: plain(&outcome), sale: Some(sale.id.to_string()) }
    }
}

/// Brings everything that a sale has led to up to date.
pub(crate) async fn apply(
    act: &Act,
    tx: &mut Tx,
    shop: &ShopRow,
    event: ShopEventId,
    told: &Told,
    raw: &str,
) -> Result<Applied> {
    let passed_over = |why: &str, sale: Option<&Sale>| Applied {
        state: ShopEventState::PassedOver,
        outcome: why.to_owned(),
        sale: sale.map(|sale| sale.id.to_string()),
    };
    let Some(sale) = &told.sale else { return Ok(passed_over("not about a sale", None)) };
    let known = shops::lock_sale(tx, act.scope, shop.id, sale.id.as_str()).await?;
    if let (Some(sequence), Some(known)) = (told.sequence, &known)
        && sequence < known.sequence
    {
        return Ok(passed_over("older than what is known of it", Some(sale)));
    }
    let mut work = Work {
        act,
        shop,
        sale,
        before: known.as_ref().map(|known| known.state.clone()),
        what: Parking { shop, event, sale: Some(sale), order: known.as_ref().and_then(|known| known.order_id) },
        raw,
        matters: Vec::new(),
        tally: Tally::default(),
    };
    if sale.payment == Payment::Pending {
        if work.what.order.is_none() {
            return Ok(passed_over("not paid yet", Some(sale)));
        }
        work.park(tx, InboxKind::Unreadable, "unpaid".to_owned(), "It was paid, and is not any more.", None).await?;
        return Ok(work.tally.applied(sale));
    }
    let chosen = known.as_ref().and_then(|known| known.customer);
    if let Some(order) = work.order(tx, chosen).await? {
        // In the order of their ids, as everybody locks them.
        licenses::lock_of_order(tx, act.scope, order).await?;
        work.lines(tx, order).await?;
        work.losses(tx, order).await?;
        work.regained(tx, order).await?;
    }
    let row = SaleRow {
        shop: shop.id,
        sale: sale.id.to_string(),
        order_id: work.what.order,
        customer: chosen,
        sequence: told.sequence.unwrap_or(0),
        state: sale.clone(),
        applied_at: act.now,
    };
    shops::put_sale(tx, act.scope, &row).await?;
    work.settle(tx).await?;
    Ok(work.tally.applied(sale))
}

/// A sale that is being applied.
struct Work<'a> {
    act: &'a Act,
    shop: &'a ShopRow,
    sale: &'a Sale,
    /// As it was when it was last applied.
    before: Option<Sale>,
    what: Parking<'a>,
    /// What the provider answered, as JSON.
    raw: &'a str,
    /// The matters that a person has or had to look at.
    matters: Vec<String>,
    tally: Tally,
}

impl Work<'_> {
    async fn park(
        &mut self,
        tx: &mut Tx,
        kind: InboxKind,
        matter: String,
        detail: &str,
        line: Option<&Line>,
    ) -> Result<()> {
        self.matters.push(matter.clone());
        if park(self.act, tx, self.what.entry(self.act, kind, matter, detail, line), self.raw).await? {
            self.tally.parked.push(detail.to_owned());
        }
        Ok(())
    }

    /// Takes out of the inbox what needs nobody any more: somebody has said which plan a price is, or the provider who bought.
    async fn settle(&self, tx: &mut Tx) -> Result<()> {
        for entry in shops::open_of_sale(tx, self.act.scope, self.shop.id, self.sale.id.as_str()).await? {
            let asks = matches!(
                entry.kind,
                InboxKind::Price
                    | InboxKind::Quantity
                    | InboxKind::Buyer
                    | InboxKind::Charge
                    | InboxKind::Held
                    | InboxKind::Unreadable
            );
            if asks && !self.matters.contains(&entry.matter) {
                settled(self.act, tx, &entry, Resolution::Again, None).await?;
            }
        }
        Ok(())
    }

    /// The order that the sale is, which is made where there is none. `None` where that waits for a person.
    async fn order(&mut self, tx: &mut Tx, chosen: Option<CustomerId>) -> Result<Option<OrderId>> {
        if let Some(order) = self.what.order {
            return Ok(Some(order));
        }
        if self.sale.lines.is_empty() {
            let detail = "A payment came in of which the provider does not say what was bought.";
            self.park(tx, InboxKind::Charge, "charge".to_owned(), detail, None).await?;
            return Ok(None);
        }
        let customer = match (chosen, &self.sale.buyer) {
            (Some(customer), _) => customer,
            (None, Some(buyer)) => {
                let new =
                    CreateCustomer { name: buyer.name.clone(), email: Some(buyer.email.clone()), external_id: None };
                customers::choose(self.act, tx, &CustomerChoice::New(new)).await?.id
            }
            (None, None) => {
                let detail = "The provider names no e-mail address of whoever bought.";
                self.park(tx, InboxKind::Buyer, "buyer".to_owned(), detail, None).await?;
                return Ok(None);
            }
        };
        let order = match self.brought_along(tx, customer).await? {
            Some(order) => order,
            None => make_order(self.act, tx, self.shop, self.sale, Some(customer)).await?,
        };
        self.what.order = Some(order);
        Ok(Some(order))
    }

    /// The order of that name that was there before the shop told of the sale: brought along from elsewhere, and of nobody else.
    async fn brought_along(&self, tx: &mut Tx, customer: CustomerId) -> Result<Option<OrderId>> {
        for name in [self.sale.reference(), self.sale.id.as_str()] {
            let Some(order) = orders::by_external_id(tx, self.act.scope, name).await? else { continue };
            let is_theirs = order.customer.is_none_or(|holder| holder == customer);
            if is_theirs && shops::sale_of_order(tx, self.act.scope, order.id).await?.is_none() {
                let data = json!({ "shop": self.shop.id, "sale": self.sale.id });
                self.act.event(tx, "order.linked", order.id, data);
                return Ok(Some(order.id));
            }
        }
        Ok(None)
    }

    /// Brings the licenses of all lines up to date.
    async fn lines(&mut self, tx: &mut Tx, order: OrderId) -> Result<()> {
        let sale = self.sale;
        let have = shops::lines(tx, self.act.scope, self.shop.id, sale.id.as_str()).await?;
        let mut new = Vec::new();
        for line in &sale.lines {
            match have.iter().find(|row| row.line == line.id.as_str()) {
                Some(row) => self.follow(tx, row, line).await?,
                None => new.push(line),
            }
        }
        let is_there = |row: &LineRow| sale.lines.iter().any(|line| line.id.as_str() == row.line);
        let gone: Vec<&LineRow> = have.iter().filter(|row| !is_there(row)).collect();
        // One that went and one that came are the same one at another price, where they are of one product.
        if let ([gone_row], [new_line]) = (gone.as_slice(), new.as_slice())
            && self.is_successor(tx, gone_row, new_line).await?
        {
            self.follow(tx, gone_row, new_line).await?;
            return Ok(());
        }
        for line in new {
            self.issue(tx, line, order).await?;
        }
        for row in gone {
            self.miss(tx, row).await?;
        }
        Ok(())
    }

    async fn mapped(&self, tx: &mut Tx, line: &Line) -> Result<Option<PriceRow>> {
        Ok(shops::price(tx, self.act.scope, self.shop.id, line.price.as_str()).await?)
    }

    async fn is_successor(&self, tx: &mut Tx, row: &LineRow, line: &Line) -> Result<bool> {
        let Some(plan) = self.mapped(tx, line).await?.and_then(|price| price.plan) else { return Ok(false) };
        let plan = plans::get(tx, self.act.scope, plan).await?;
        let license = licenses::get(tx, self.act.scope, row.license).await?;
        let same = plan.zip(license).is_some_and(|(plan, row)| plan.product == row.license.product);
        Ok(line.renews && self.renewed(row) && same)
    }

    /// Whether a line that is not there any more was one that renews itself. What was sold once and long ago is not told
    /// for ever.
    fn renewed(&self, row: &LineRow) -> bool {
        let before = self.before.iter().flat_map(|sale| &sale.lines);
        before.into_iter().any(|line| line.id.as_str() == row.line && line.renews)
    }

    /// Something that was bought is not part of the sale any more.
    async fn miss(&mut self, tx: &mut Tx, row: &LineRow) -> Result<()> {
        if !self.renewed(row) {
            return Ok(());
        }
        let detail = format!("{} is not part of the subscription any more. Its license stays as it is.", row.price);
        let line = self.before.as_ref().and_then(|sale| sale.lines.iter().find(|line| line.id.as_str() == row.line));
        let line = line.cloned();
        self.park(tx, InboxKind::Line, format!("line:{}", row.line), &detail, line.as_ref()).await
    }

    /// The end that the sale gives to what renews itself.
    fn end(&self, line: &Line) -> Option<Timestamp> {
        let subscription = self.sale.subscription.filter(|_| line.renews)?;
        Some(subscription.ends_at(rules(self.shop).grace()))
    }

    /// The plan of a price, and the number of seats that it gives; nothing where a person has to say, or none is needed.
    async fn plan_of(&mut self, tx: &mut Tx, line: &Line) -> Result<Option<(PlanRow, Option<u32>)>> {
        let (price, title) = (&line.price, line.title.as_ref().map(|title| format!(" ({title})")).unwrap_or_default());
        // Another number of pieces is another question, whatever became of the one before.
        let so_many = format!("{price}:{}:{}", line.id, line.quantity);
        let Some(mapped) = self.mapped(tx, line).await? else {
            let detail = format!("Nobody has said which plan the price {price}{title} is.");
            self.park(tx, InboxKind::Price, format!("price:{so_many}"), &detail, Some(line)).await?;
            return Ok(None);
        };
        let Some(plan) = mapped.plan else { return Ok(None) };
        let seats = match mapped.quantity {
            Quantity::Seats => Some(line.quantity),
            Quantity::One if line.quantity == 1 => None,
            Quantity::One => {
                let detail = format!(
                    "{} of the price {price}{title} were bought, and nobody has said what the number means.",
                    line.quantity
                );
                self.park(tx, InboxKind::Quantity, format!("quantity:{so_many}"), &detail, Some(line)).await?;
                return Ok(None);
            }
        };
        Ok(plans::get(tx, self.act.scope, plan).await?.map(|plan| (plan, seats)))
    }

    /// Issues the license of a line that has none, unless the order or whoever bought has one that it was perhaps bought for, or
    /// the money is gone.
    async fn issue(&mut self, tx: &mut Tx, line: &Line, order: OrderId) -> Result<()> {
        if status(self.sale) == OrderStatus::Refunded {
            return Ok(());
        }
        let Some((plan, seats)) = self.plan_of(tx, line).await? else { return Ok(()) };
        let of_order = licenses::of_order(tx, self.act.scope, order).await?;
        let of_order = self.untold(tx, of_order, plan.product).await?;
        if let [license] = of_order.as_slice() {
            let row = LineRow {
                shop: self.shop.id,
                sale: self.sale.id.to_string(),
                line: line.id.to_string(),
                price: line.price.to_string(),
                quantity: line.quantity,
                license: *license,
                said_end: None,
            };
            return self.follow(tx, &row, line).await;
        }
        if !of_order.is_empty() || self.holds(tx, plan.product, order).await? {
            let detail =
                "Whoever bought has a license of this product that no shop renews: perhaps it was bought for that.";
            return self.park(tx, InboxKind::Held, format!("held:{}", line.id), detail, Some(line)).await;
        }
        issue(self.act, tx, (self.shop, self.sale), line, order, (plan, seats)).await?;
        self.tally.issued += 1;
        Ok(())
    }

    /// Those of `rows` that no shop has told of and that are of the product. What was given to try it is none.
    async fn untold(&self, tx: &mut Tx, rows: Vec<LicenseRow>, product: ProductId) -> Result<Vec<LicenseId>> {
        let is_one = |license: &License| {
            let tries = matches!(license.terms.model, LicenseModel::Trial { .. });
            license.product == product && license.status != LicenseStatus::Revoked && !tries
        };
        let ids: Vec<LicenseId> =
            rows.into_iter().map(|row| row.license).filter(is_one).map(|license| license.id).collect();
        let bought = shops::bought(tx, self.act.scope, &ids).await?;
        Ok(ids.into_iter().filter(|id| !bought.contains(id)).collect())
    }

    /// Whether whoever bought holds a license of the product that no shop renews and that ends, or has ended within the grace.
    async fn holds(&self, tx: &mut Tx, product: ProductId, order: OrderId) -> Result<bool> {
        let order = orders::get(tx, self.act.scope, order).await?;
        let Some(customer) = order.and_then(|order| order.customer) else { return Ok(false) };
        let ended = self.act.now.plus(Seconds(-rules(self.shop).grace().0));
        let mut ending = Vec::new();
        for id in licenses::ids_of_customer(tx, self.act.scope, customer, MOST_HELD).await? {
            let row = licenses::get(tx, self.act.scope, id).await?;
            ending.extend(row.filter(|row| row.license.expires_at.is_some_and(|end| ended < end)));
        }
        Ok(!self.untold(tx, ending, product).await?.is_empty())
    }

    /// Brings the license of a line up to date. What the line says as it did before is left as it is, whatever somebody has
    /// made of it since.
    async fn follow(&mut self, tx: &mut Tx, row: &LineRow, line: &Line) -> Result<()> {
        let before = lock(self.act, tx, row.license).await?;
        let mut after = before.license.clone();
        let mut kept = LineRow { line: line.id.to_string(), ..row.clone() };
        let repriced = row.price != line.price.as_str();
        if repriced || row.quantity != line.quantity {
            match self.plan_of(tx, line).await? {
                Some((plan, _)) if repriced && plan.product != after.product => {
                    let detail = format!("It moved to the price {}, which is of another product.", line.price);
                    self.park(tx, InboxKind::Line, format!("line:{}:{}", line.id, line.price), &detail, Some(line))
                        .await?;
                }
                Some((plan, seats)) => {
                    let terms = if repriced {
                        (after.plan, after.plan_code) = (plan.id, plan.code.clone());
                        plan.terms
                    } else {
                        after.terms.clone()
                    };
                    let seats = seats.unwrap_or(terms.seats);
                    after.terms = with(Terms { seats, ..terms }, &after.overrides, "/seats")?;
                    (kept.price, kept.quantity) = (line.price.to_string(), line.quantity);
                }
                None => {}
            }
        }
        if let Some(says) = self.end(line) {
            after.expires_at = moved_end(after.expires_at, row.said_end, says);
            kept.said_end = Some(says);
        }
        if self.change(tx, &before.license, &after).await? {
            self.tally.changed += 1;
        }
        if after.status == LicenseStatus::Revoked {
            self.paid_again(tx, row.license, line).await?;
        }
        shops::put_line(tx, self.act.scope, Some(&row.line), &kept).await?;
        Ok(())
    }

    /// Saves a license, where it is another one than before. True where it is.
    async fn change(&self, tx: &mut Tx, before: &License, after: &License) -> Result<bool> {
        if before == after {
            return Ok(false);
        }
        save(self.act, tx, after).await?;
        if counts_people(&before.terms) != counts_people(&after.terms) {
            seats::recount(tx, after).await?;
        }
        let sale = self.sale.id.as_str();
        let (action, data) = if before.plan == after.plan {
            let only_later = before.expires_at < after.expires_at && before.terms == after.terms;
            let action = if only_later { "license.extended" } else { "license.changed" };
            (action, json!({ "before": told(before), "after": told(after), "sale": sale }))
        } else {
            let (before, after) = (told_with_terms(before), told_with_terms(after));
            ("license.plan_changed", json!({ "before": before, "after": after, "sale": sale }))
        };
        self.act.event(tx, action, after.id, data);
        Ok(true)
    }

    /// A payment for a license that is revoked: nobody guesses whether that was meant.
    async fn paid_again(&mut self, tx: &mut Tx, license: LicenseId, line: &Line) -> Result<()> {
        let until = |sale: &Sale| sale.subscription.map(|subscription| subscription.paid_until);
        let (was, is) = (self.before.as_ref().and_then(until), until(self.sale));
        if let (Some(was), Some(is)) = (was, is)
            && was < is
        {
            let detail = "The subscription was paid once more, and its license is revoked.";
            let matter = format!("revoked:{license}:{}", rfc_3339(is));
            self.park(tx, InboxKind::Revoked, matter, detail, Some(line)).await?;
        }
        Ok(())
    }

    /// Draws the consequences of money that is gone: once each, by the shop's rules.
    async fn losses(&mut self, tx: &mut Tx, order: OrderId) -> Result<()> {
        let act = self.act;
        let (mut revoked, mut refund_waits) = (Vec::new(), false);
        for (loss, matter) in self.sale.losses() {
            let matter = self.named_anew(tx, loss, matter).await?;
            let so_much = self.sale.paid_back.as_ref().map_or_else(String::new, |amount| format!(" ({amount})"));
            let (kind, rule, detail) = match loss {
                Loss::Part => (InboxKind::Part, Consequence::Ask, format!("Some of the money was paid back{so_much}.")),
                Loss::Whole => {
                    (InboxKind::Refund, self.shop.on_refund, format!("All of the money was paid back{so_much}."))
                }
                Loss::Dispute => (InboxKind::Dispute, self.shop.on_dispute, "A dispute about it was lost.".to_owned()),
            };
            let open: Vec<LicenseId> = licenses::lock_of_order(tx, act.scope, order)
                .await?
                .into_iter()
                .filter(|row| row.license.status != LicenseStatus::Revoked)
                .map(|row| row.license.id)
                .collect();
            let days = match rule {
                Consequence::AtOnce => Some(0),
                Consequence::AfterDays(days) => Some(i64::from(days)),
                Consequence::Ask => None,
            };
            // Of more than ten at once a person decides, whatever the rule.
            let Some(days) = days.filter(|_| open.len() <= AT_ONCE) else {
                self.park(tx, kind, matter, &detail, None).await?;
                refund_waits |= loss == Loss::Whole;
                continue;
            };
            let reason = format!("{detail} Revoked by the rule of {}.", self.shop.name);
            let reason: ReasonText = reason.parse().map_err(Error::internal)?;
            let entry = InboxRow {
                resolution: Resolution::Ruled,
                resolved_by: serde_json::to_string(&act.who).ok(),
                resolved_at: Some(act.now),
                reason: Some(reason.clone()),
                ..self.what.entry(act, kind, matter, &detail, None)
            };
            if !shops::park(tx, act.scope, &entry, self.raw).await? {
                continue;
            }
            let effective_at = (days > 0).then(|| act.now.plus(Seconds::days(days)));
            let input = ChangeStatus { change: StatusChange::Revoke, reason, effective_at, dry_run: false };
            for id in open {
                change(act, tx, id, &input).await?;
                self.tally.revoked += 1;
                revoked.push(id);
            }
        }
        self.standing(tx, order, &revoked, refund_waits).await
    }

    /// What a loss is called in the inbox. One that was decided, was there again and is gone once more is another question.
    async fn named_anew(&self, tx: &mut Tx, loss: Loss, matter: String) -> Result<String> {
        let was_gone = |before: &Sale| before.losses().iter().any(|(_, other)| *other == matter);
        let is_new = loss != Loss::Part && self.before.as_ref().is_some_and(|before| !was_gone(before));
        let sale = self.sale.id.as_str();
        let is_decided = is_new && shops::is_decided(tx, self.act.scope, (self.shop.id, sale), &matter).await?;
        Ok(if is_decided { format!("{matter}:{}", self.what.event) } else { matter })
    }

    /// Money that was gone is there again: what still asks what follows from that asks no more, and where licenses are revoked
    /// a person says whether they are reinstated. They may have been revoked for something else, too.
    async fn regained(&mut self, tx: &mut Tx, order: OrderId) -> Result<()> {
        let act = self.act;
        let Some(before) = &self.before else { return Ok(()) };
        let (regained, losses) = (self.sale.regained(before), self.sale.losses());
        let is_about = |entry: &InboxRow, begins: &str, of: &[(Loss, String)]| {
            let about = entry.matter.strip_prefix(begins).unwrap_or_default();
            let is_it =
                |matter: &str| about.strip_prefix(matter).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
            of.iter().any(|(_, matter)| is_it(matter))
        };
        for entry in shops::open_of_sale(tx, act.scope, self.shop.id, self.sale.id.as_str()).await? {
            let is_over = match entry.kind {
                InboxKind::Part | InboxKind::Refund | InboxKind::Dispute => is_about(&entry, "", &regained),
                InboxKind::Regained => is_about(&entry, BACK, &losses),
                _ => false,
            };
            if is_over {
                settled(act, tx, &entry, Resolution::Again, None).await?;
            }
        }
        let of_order = licenses::of_order(tx, act.scope, order).await?;
        if of_order.iter().all(|row| row.license.status != LicenseStatus::Revoked) {
            return Ok(());
        }
        for (loss, matter) in regained {
            let detail = match loss {
                Loss::Dispute => "A dispute that was lost was won after all, and licenses of its order are revoked.",
                Loss::Whole | Loss::Part => {
                    "Money that was paid back is there again: the refund failed or was cancelled. Licenses of its order are revoked."
                }
            };
            let matter = format!("{BACK}{matter}:{}", self.what.event);
            self.park(tx, InboxKind::Regained, matter, detail, None).await?;
        }
        Ok(())
    }

    /// Notes how the order stands, and how a dispute about it does, where the sale says something else than before.
    async fn standing(&self, tx: &mut Tx, order: OrderId, revoked: &[LicenseId], refund_waits: bool) -> Result<()> {
        let (is, was) = (status(self.sale), self.before.as_ref().map_or(OrderStatus::Paid, status));
        if is != was
            && let Some(before) = orders::set_status(tx, self.act.scope, order, is, self.act.now).await?
            && is == OrderStatus::Refunded
        {
            let data = json!({
                "before": { "status": before.status }, "after": { "status": is }, "licenses": revoked,
                "paid_back": self.sale.paid_back, "dispute": self.sale.dispute,
            });
            self.act.event(tx, "order.refunded", order, data);
            // What a person decides of, the customer is told then; what a bank has taken back, by their bank.
            let is_news = before.status != OrderStatus::Refunded && self.sale.payment == Payment::PaidBack;
            if is_news && !refund_waits {
                mail_refunded(self.act, tx, order).await?;
            }
        }
        let disputed = self.before.as_ref().and_then(|sale| sale.dispute);
        let lost = self.before.as_ref().map_or(0, |sale| sale.lost.len());
        if disputed != self.sale.dispute || lost != self.sale.lost.len() {
            let data = json!({ "before": { "dispute": disputed }, "after": { "dispute": self.sale.dispute } });
            self.act.event(tx, "order.disputed", order, data);
        }
        Ok(())
    }
}

/// How the order of a sale stands.
fn status(sale: &Sale) -> OrderStatus {
    match sale.payment {
        _ if sale.dispute == Some(Dispute::Lost) => OrderStatus::Refunded,
        Payment::PaidBack => OrderStatus::Refunded,
        Payment::PaidBackInPart => OrderStatus::PartiallyRefunded,
        Payment::Paid | Payment::Pending => OrderStatus::Paid,
    }
}

/// Makes the order of a sale. It is called what the receipt calls it, unless another order of the vendor is.
pub(super) async fn make_order(
    act: &Act,
    tx: &mut Tx,
    shop: &ShopRow,
    sale: &Sale,
    customer: Option<CustomerId>,
) -> Result<OrderId> {
    let id = OrderId::new(act.now, act.service.entropy());
    let mut names =
        [sale.reference().to_owned(), sale.id.to_string(), format!("{} of {}", sale.id, shop.id)].into_iter();
    let external_id = loop {
        let Some(name) = names.next() else { break id.to_string() };
        if orders::by_external_id(tx, act.scope, &name).await?.is_none() {
            break name;
        }
    };
    let row = OrderRow {
        id,
        vendor: act.scope.vendor(),
        customer,
        external_id,
        status: OrderStatus::Paid,
        created_at: act.now,
        updated_at: act.now,
        refunded_at: None,
    };
    orders::insert(tx, act.scope, &row).await?;
    let after = json!({ "reference": row.external_id, "customer": row.customer });
    act.event(tx, "order.created", id, json!({ "after": after, "shop": shop.id, "sale": sale.id }));
    Ok(id)
}

/// Issues the license of a line.
pub(super) async fn issue(
    act: &Act,
    tx: &mut Tx,
    (shop, sale): (&ShopRow, &Sale),
    line: &Line,
    order: OrderId,
    (plan, seats): (PlanRow, Option<u32>),
) -> Result<LicenseId> {
    let id = LicenseId::new(act.now, act.service.entropy());
    let key = LicenseKey::generate(act.service.entropy());
    let StoredKey { hash, sealed, hint } = act.service.store_key(id, &key)?;
    let customer = match orders::get(tx, act.scope, order).await?.ok_or_else(absent)?.customer {
        Some(customer) => customer_rows::get(tx, act.scope, customer).await?,
        None => None,
    };
    let seats = seats.unwrap_or(plan.terms.seats);
    let overrides = holdfast_domain::Entitlements::new();
    let terms = with(Terms { seats, ..plan.terms }, &overrides, "/seats")?;
    let says = sale.subscription.filter(|_| line.renews).map(|period| period.ends_at(rules(shop).grace()));
    let by_itself = terms.model.end(act.now);
    let license = License {
        id,
        vendor: act.scope.vendor(),
        product: plan.product,
        plan: plan.id,
        plan_code: plan.code,
        customer: customer.as_ref().map(|customer| customer.id),
        order: Some(order),
        status: LicenseStatus::Active,
        status_reason: None,
        status_effective_at: None,
        // A plan without an end stays without one, however it is paid for.
        expires_at: by_itself.map(|end| says.unwrap_or(end)),
        terms,
        overrides,
        created_at: act.now,
    };
    let new = NewLicense { license, key_hash: hash, key_sealed: sealed, key_hint: hint };
    licenses::insert(tx, act.scope, &new).await?;
    let to = customer.as_ref().and_then(|customer| customer.email.as_ref());
    announce(act, tx, &new.license, &plan.name, (to, &key), json!({ "shop": shop.id, "sale": sale.id })).await?;
    let row = LineRow {
        shop: shop.id,
        sale: sale.id.to_string(),
        line: line.id.to_string(),
        price: line.price.to_string(),
        quantity: line.quantity,
        license: id,
        said_end: says,
    };
    shops::put_line(tx, act.scope, None, &row).await?;
    Ok(id)
}
