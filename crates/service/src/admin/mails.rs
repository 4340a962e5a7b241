//! Mail as people see it: how it leaves, how it looks, what went and what came of it.

use super::{
    act::{Act, job},
    license_status::impact_of,
    page::{Page, PageRequest, map},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    mail::{Look, Mail, Notices, Rendered, Template, Words},
    runtime::mails::{MailWay, look, notices_of},
};
use holdfast_domain::{
    Colour, Email, License, LicenseId, LicenseKey, LicenseStatus, MailId, Name, OrderId, Permission, ProductId,
    Timestamp,
};
use holdfast_store::{
    Tx, WriteOptions, customers, licenses,
    mails::{self, LookRow, MailRow},
    members, orders, plans, products,
};
pub use holdfast_store::{
    mails::{MailFilter, MailState},
    members::AlertMail,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, btree_map::Entry};

/// Where links in a mail that is only looked at lead, where no mail leaves.
const NOWHERE: &str = "https://licenses.example.com";

/// How a vendor's mails look and which are sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// How they leave; absent where none does.
    pub way: Option<MailWay>,
    /// How they look.
    pub look: Look,
    /// The products whose keys are mailed to customers when a license is issued.
    pub issued: Vec<ProductId>,
    /// Of what customers are told without asking for it.
    pub notices: Notices,
}

/// A mail in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailView {
    /// Its id, which is also that of the message.
    pub id: MailId,
    /// Which text it has.
    pub template: Template,
    /// To whom; only for owners and admins.
    pub to: Option<Email>,
    /// What it follows from: the text form of an id.
    pub about: String,
    /// How far it is.
    pub state: MailState,
    /// How often it was tried, without a first attempt that is under way.
    pub attempts: i64,
    /// What was in the way last time; only for owners and admins, since a mail server names the address.
    pub error: Option<String>,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// When it was put in line.
    pub created_at: Timestamp,
    /// When it was sent or given up.
    pub ended_at: Option<Timestamp>,
    /// Whether it can be sent again.
    pub can_be_sent_again: bool,
}

/// What of a vendor's mails can be set in one go. What is absent is the usual.
#[derive(Clone, Debug, Default)]
pub struct SetMailLook {
    /// Under which name they are sent.
    pub sender: Option<Name>,
    /// Where answers go.
    pub reply_to: Option<Email>,
    /// The colour of what stands out.
    pub colour: Option<Colour>,
    /// The products whose keys are mailed to customers when a license is issued.
    pub issued: Vec<ProductId>,
    /// Of what customers are told without asking for it.
    pub notices: Notices,
}

/// What of a vendor's mails can be set at all.
#[derive(Clone, PartialEq, Eq)]
struct Wishes {
    look: Look,
    issued: Vec<ProductId>,
    notices: Notices,
}

impl Wishes {
    /// What the log keeps of it.
    fn told(&self) -> serde_json::Value {
        let Self { look, issued, notices } = self;
        let texts: BTreeMap<&str, &Words> =
            look.texts.iter().map(|(template, words)| (template.as_str(), words)).collect();
        json!({
            "sender": look.sender, "reply_to": look.reply_to, "colour": look.colour, "texts": texts, "issued": issued,
            "notices": notices,
        })
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn gone(detail: &'static str) -> Error {
    Error::new(ErrorCode::MailGone).with_detail(detail)
}

pub(super) fn show(actor: &Actor, row: MailRow) -> MailView {
    let whole = actor.may(Permission::MembersWrite);
    let waits = row.state == MailState::Queued;
    // One that is tried for the first time at this moment was not tried yet.
    let attempts = if waits && row.error.is_none() { 0 } else { row.attempts };
    let kept = row.value.is_some() || row.sealed.is_some() || row.template == Template::LicenseIssued;
    MailView {
        id: row.id,
        template: row.template,
        to: whole.then_some(row.recipient),
        about: row.about,
        state: row.state,
        attempts,
        error: row.error.filter(|_| whole),
        next_at: (waits && attempts > 0).then_some(row.next_at),
        created_at: row.created_at,
        ended_at: row.ended_at,
        can_be_sent_again: whole && !waits && kept,
    }
}

fn issued_of(row: Option<&LookRow>) -> Result<Vec<ProductId>> {
    row.map_or(Ok(Vec::new()), |row| serde_json::from_str(&row.issued).map_err(Error::internal))
}

impl Service {
    /// How mail leaves, how it looks, and which is sent.
    pub async fn mail_settings(&self, actor: &Actor) -> Result<MailSettings> {
        actor.require(Permission::CatalogRead)?;
        let (look, row) = look(&mut self.store().patient_reader(), actor.scope()).await?;
        let (issued, notices) = (issued_of(row.as_ref())?, notices_of(row.as_ref())?);
        Ok(MailSettings { way: self.settings().mail.clone(), look, issued, notices })
    }

    /// Sets the name, the address for answers and the colour of all mails, for which products keys are mailed, and of what
    /// customers are told without asking for it.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for a product that is not the vendor's, and for a number of days that is none.
    pub async fn set_mail_look(&self, call: &Call, input: SetMailLook) -> Result<()> {
        if input.notices.renewal.is_some_and(|days| !(1..=Notices::EARLIEST).contains(&days)) {
            return Err(Error::invalid("/renewal_days", format_args!("A number from 1 to {}.", Notices::EARLIEST)));
        }
        let ids = input.issued.clone();
        self.change_look(call, ids, move |wishes| {
            let SetMailLook { sender, reply_to, colour, issued, notices } = input.clone();
            (wishes.look.sender, wishes.look.reply_to, wishes.look.colour) = (sender, reply_to, colour);
            (wishes.issued, wishes.notices) = (issued, notices);
        })
        .await
    }

    /// Sets the vendor's own words in one kind of mail.
    pub async fn set_mail_words(&self, call: &Call, template: Template, words: Words) -> Result<()> {
        self.change_look(call, Vec::new(), move |wishes| {
            if words == Words::default() {
                wishes.look.texts.remove(&template);
            } else {
                wishes.look.texts.insert(template, words.clone());
            }
        })
        .await
    }

    async fn change_look(
        &self,
        call: &Call,
        known: Vec<ProductId>,
        change: impl Fn(&mut Wishes) + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        call.actor.require(Permission::MembersWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, change, known => |tx| {
                for product in known {
                    if products::get(tx, act.scope, product).await?.is_none() {
                        return Err(Error::invalid("/issued", "There is no such product."));
                    }
                }
                mails::lock_look(tx, act.scope).await?;
                let (look, row) = look(tx, act.scope).await?;
                let (issued, notices) = (issued_of(row.as_ref())?, notices_of(row.as_ref())?);
                let before = Wishes { look, issued, notices };
                let mut after = before.clone();
                change(&mut after);
                if before == after {
                    return Ok(());
                }
                // What a newer version has written for templates of its own stays.
                let mut texts: BTreeMap<String, serde_json::Value> =
                    row.map_or(Ok(BTreeMap::new()), |row| serde_json::from_str(&row.texts)).map_err(Error::internal)?;
                texts.retain(|name, _| Template::from_name(name).is_none());
                let own = after.look.texts.iter();
                texts.extend(own.map(|(template, words)| (template.as_str().to_owned(), json!(words))));
                let row = LookRow {
                    vendor: act.scope.vendor(),
                    sender: after.look.sender.clone(),
                    reply_to: after.look.reply_to.clone(),
                    colour: after.look.colour.clone(),
                    texts: json!(texts).to_string(),
                    issued: json!(after.issued).to_string(),
                    notices: json!(after.notices).to_string(),
                    updated_at: act.now,
                };
                mails::set_look(tx, act.scope, &row).await?;
                let data = json!({ "before": before.told(), "after": after.told() });
                act.event(tx, "mail.look_changed", act.scope.vendor(), data);
                Ok(())
            }),
        )
        .await
    }

    /// A mail with made-up contents, as it would look.
    pub async fn preview_mail(&self, actor: &Actor, template: Template) -> Result<Rendered> {
        let settings = self.mail_settings(actor).await?;
        let site = settings.way.map_or_else(|| NOWHERE.to_owned(), |way| way.site);
        let portal = self.portal_page(&mut self.store().patient_reader(), actor.vendor(), "").await?;
        let portal = portal.unwrap_or_else(|| format!("{NOWHERE}/portal/example"));
        Ok(Mail::sample(template, self.now(), &site, &portal).render(&settings.look))
    }

    /// What went, goes or was to go out, the newest first. Owners and admins see to whom.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for others who narrow it to an address.
    pub async fn mails(&self, actor: &Actor, filter: MailFilter, page: PageRequest<()>) -> Result<Page<MailView>> {
        actor.require(Permission::CatalogRead)?;
        if filter.recipient.is_some() {
            actor.require(Permission::MembersWrite)?;
        }
        let rows = mails::list(&mut self.store().patient_reader(), actor.scope(), &filter, &page).await?;
        Ok(map(rows, |row| show(actor, row)))
    }

    /// Whether the last mail to an address came back: when, and what was said.
    pub async fn mail_bounce(&self, actor: &Actor, address: &Email) -> Result<Option<(Timestamp, String)>> {
        actor.require(Permission::CustomersRead)?;
        Ok(mails::bounce(&mut self.store().patient_reader(), actor.scope(), address).await?)
    }

    /// Mails a test to whoever asks.
    ///
    /// # Errors
    /// [`ErrorCode::MailOff`] where no mail leaves; [`ErrorCode::Forbidden`] for a program, which has no address.
    pub async fn mail_test(&self, call: &Call) -> Result<MailView> {
        call.actor.require(Permission::MembersWrite)?;
        let member = call.actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let member = members::get(tx, act.scope, member).await?.ok_or_else(absent)?;
                let mail = Mail::Test { by: Some(member.name.to_string()) };
                let row = act.service.new_mail(act.scope.vendor(), &member.email, member.id, &mail, None)?;
                let row = row.ok_or_else(|| Error::new(ErrorCode::MailOff))?;
                mails::put(tx, std::slice::from_ref(&row)).await?;
                act.event(tx, "mail.tested", row.id, json!({}));
                Ok(show(&actor, row))
            }),
        )
        .await
    }

    /// Sends a mail once more, as a message of its own, to the address of before. A license's key goes to whoever has the license
    /// now, and to nobody else.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::MailOff`]; [`ErrorCode::MailGone`] where what it said is not kept, while it still
    /// waits, and where the license has gone to another address.
    pub async fn mail_again(&self, call: &Call, id: MailId) -> Result<MailView> {
        call.actor.require(Permission::MembersWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let before = mails::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                if before.state == MailState::Queued {
                    return Err(gone("It is still on its way."));
                }
                let (mail, until) = if before.template == Template::LicenseIssued {
                    (issued_again(&act, tx, &before).await?, None)
                } else {
                    let mail = act.service.open_mail(&before)?;
                    let mail = mail.ok_or_else(|| gone("Its link is not kept once it was sent. Make a new one."))?;
                    // A link does not live longer for being mailed again.
                    let until = mail.ends().or(before.is_short_lived().then_some(before.expires_at));
                    (mail, until)
                };
                if until.is_some_and(|until| until <= act.now) {
                    return Err(gone("Its link has run out. Make a new one."));
                }
                let row = act.service.new_mail(act.scope.vendor(), &before.recipient, &before.about, &mail, until)?;
                let row = row.ok_or_else(|| Error::new(ErrorCode::MailOff))?;
                mails::put(tx, std::slice::from_ref(&row)).await?;
                act.event(tx, "mail.sent_again", row.id, json!({ "mail": id, "template": row.template }));
                Ok(show(&actor, row))
            }),
        )
        .await
    }

    /// Of which alerts whoever asks is told by mail; `None` for those who are told of none.
    pub async fn alert_mail(&self, actor: &Actor) -> Result<Option<AlertMail>> {
        let Some(member) = actor.member_id().filter(|_| actor.may(Permission::FleetWrite)) else { return Ok(None) };
        Ok(Some(members::alert_mail(&mut self.store().patient_reader(), actor.scope(), member).await?))
    }

    /// Sets of which alerts whoever asks is told by mail.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for those who are told of none: all but owners and admins.
    pub async fn set_alert_mail(&self, call: &Call, of: AlertMail) -> Result<()> {
        call.actor.require(Permission::FleetWrite)?;
        let member = call.actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act => |tx| {
                let before = members::alert_mail(tx, act.scope, member).await?;
                if !members::set_alert_mail(tx, act.scope, member, of).await? {
                    return Err(absent());
                }
                if before != of {
                    let data = json!({ "before": { "alerts": before }, "after": { "alerts": of } });
                    act.event(tx, "member.alert_mail_set", member, data);
                }
                Ok(())
            }),
        )
        .await
    }
}

/// What tells a customer of their license.
async fn issued_mail(act: &Act, tx: &mut Tx, license: &License, plan: &Name, key: &str) -> Result<Mail> {
    let product = products::get(tx, act.scope, license.product).await?.ok_or_else(absent)?;
    let page = act.service.portal_page(tx, act.scope.vendor(), &format!("/licenses/{}", license.id)).await?;
    Ok(Mail::LicenseIssued {
        product: product.name.to_string(),
        plan: plan.to_string(),
        key: key.to_owned(),
        seats: license.terms.seats,
        ends: license.expires_at,
        page,
    })
}

/// Mails a license that is being issued to its customer, where its product is one for which that is done.
pub(super) async fn mail_issued(
    act: &Act,
    tx: &mut Tx,
    license: &License,
    plan: &Name,
    (to, key): (Option<&Email>, &LicenseKey),
) -> Result<()> {
    let (Some(to), true) = (to, act.service.settings().mail.is_some()) else { return Ok(()) };
    if !issued_of(mails::look(tx, act.scope).await?.as_ref())?.contains(&license.product) {
        return Ok(());
    }
    let mail = issued_mail(act, tx, license, plan, key.expose()).await?;
    act.mail(tx, to, license.id, &mail, None).await?;
    Ok(())
}

/// The same for a mail of before, with what the license has now.
async fn issued_again(act: &Act, tx: &mut Tx, before: &MailRow) -> Result<Mail> {
    let id: LicenseId = before.about.parse().map_err(Error::internal)?;
    let row = licenses::get(tx, act.scope, id).await?.ok_or_else(absent)?;
    let customer = match row.license.customer {
        Some(customer) => customers::get(tx, act.scope, customer).await?,
        None => None,
    };
    if customer.and_then(|customer| customer.email).as_ref() != Some(&before.recipient) {
        return Err(gone("The license has gone to another address since."));
    }
    let plan = plans::get(tx, act.scope, row.license.plan).await?.ok_or_else(absent)?;
    let key = act.service.open_key(id, &row.key_sealed)?;
    issued_mail(act, tx, &row.license, &plan.name, &key).await
}

/// Tells the customer of an order that was just paid back, and what has become of its licenses, where the vendor wants that. To be
/// called at the end of the act: of what is revoked by then it is said when it stops.
pub(super) async fn mail_refunded(act: &Act, tx: &mut Tx, order: OrderId) -> Result<()> {
    if act.service.settings().mail.is_none() || !notices_of(mails::look(tx, act.scope).await?.as_ref())?.refunded {
        return Ok(());
    }
    let order = orders::get(tx, act.scope, order).await?.ok_or_else(absent)?;
    let customer = match order.customer {
        Some(customer) => customers::get(tx, act.scope, customer).await?,
        None => None,
    };
    let Some(to) = customer.and_then(|customer| customer.email) else { return Ok(()) };
    let licenses = licenses::of_order(tx, act.scope, order.id).await?.into_iter().map(|row| row.license);
    let (mut gone, open): (Vec<License>, Vec<License>) =
        licenses.partition(|license| license.status == LicenseStatus::Revoked);
    let mut ends = None;
    for license in &gone {
        let at = license.status_effective_at.unwrap_or(act.now);
        ends = ends.max(Some(at)).max(impact_of(act, tx, license, Some(at)).await?.at_the_latest);
    }
    if gone.is_empty() {
        gone = open;
    }
    let mut named = BTreeMap::new();
    for license in &gone {
        if let Entry::Vacant(new) = named.entry(license.product) {
            new.insert(products::get(tx, act.scope, license.product).await?.ok_or_else(absent)?.name.to_string());
        }
    }
    let page = act.service.portal_page(tx, act.scope.vendor(), "/orders").await?;
    let mail = Mail::Refunded { order: order.external_id, products: named.into_values().collect(), ends, page };
    act.mail(tx, &to, order.id, &mail, None).await?;
    Ok(())
}
