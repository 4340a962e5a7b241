//! Canned replies: texts of a vendor's own with which customers are answered, filled with the facts of one of them.

use super::{act::job, import::dates::day};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    CustomerId, LicenseId, LicenseState, Name, Permission, ReplyId, ReplyText, SeatState, Timestamp, reply::Fact,
};
use holdfast_store::{
    Querier, Scope, WriteOptions, customers,
    licenses::{self, LicenseRow},
    members, orders, plans, products,
    replies::{self, MOST, ReplyRow},
    seats, vendors,
};
use serde_json::json;

/// Whoever deals with customers whose access ends writes what they are told: owners, admins and support.
pub const WRITE: Permission = Permission::LicensesStatus;
/// How many devices a reply names.
const DEVICES: usize = 20;

/// A canned reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyView {
    /// Its id.
    pub id: ReplyId,
    /// What it is called.
    pub name: Name,
    /// What it says, with the names of facts in braces.
    pub text: ReplyText,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

fn show(row: ReplyRow) -> ReplyView {
    ReplyView { id: row.id, name: row.name, text: row.text, updated_at: row.updated_at }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// The facts of a license, as they stand in a reply.
struct OfLicense {
    row: LicenseRow,
    product: String,
    plan: String,
    order: Option<String>,
    /// The names of its devices, and until when each works by itself; those seen last first.
    devices: Vec<(Option<String>, Timestamp)>,
}

impl OfLicense {
    async fn read(q: &mut dyn Querier, scope: Scope, row: LicenseRow) -> Result<Self> {
        let license = &row.license;
        let product = products::get(q, scope, license.product).await?.ok_or_else(absent)?.name.to_string();
        let plan = plans::get(q, scope, license.plan).await?.ok_or_else(absent)?.name.to_string();
        let order = match license.order {
            Some(id) => orders::get(q, scope, id).await?.map(|order| order.external_id),
            None => None,
        };
        let taken = seats::of_license(q, scope, license.id, SeatState::Active, DEVICES).await?;
        let devices = taken.into_iter().map(|row| (row.name.map(|name| name.to_string()), row.offline_until)).collect();
        Ok(Self { row, product, plan, order, devices })
    }

    fn fact(&self, fact: Fact, now: Timestamp) -> String {
        let license = &self.row.license;
        match fact {
            Fact::Product => self.product.clone(),
            Fact::Plan => self.plan.clone(),
            Fact::KeyEnd => self.row.key_hint.clone(),
            Fact::Status => match license.state(now) {
                LicenseState::Active => "active",
                LicenseState::Suspended => "suspended",
                LicenseState::Revoked => "revoked",
                LicenseState::Expired => "expired",
            }
            .to_owned(),
            Fact::SeatsUsed => self.row.seats_used.to_string(),
            Fact::SeatsLimit => license.terms.seats.to_string(),
            Fact::ValidUntil => license.expires_at.map_or_else(|| "no end".to_owned(), day),
            Fact::Devices => {
                let unnamed = || "an unnamed device".to_owned();
                let names: Vec<_> = self.devices.iter().map(|(name, _)| name.clone().unwrap_or_else(unnamed)).collect();
                if names.is_empty() { "no device".to_owned() } else { names.join(", ") }
            }
            // The first that would notice: what is said must hold for each of them.
            Fact::WorksWithoutUsUntil => {
                let first = self.devices.iter().map(|(_, until)| *until).min();
                first.map_or_else(|| "the first activation".to_owned(), day)
            }
            Fact::Order => self.order.clone().unwrap_or_else(|| "no order".to_owned()),
            Fact::Customer | Fact::Email | Fact::Vendor | Fact::Me => String::new(),
        }
    }
}

impl Service {
    /// Whether `actor` may write and change replies.
    pub fn may_write_replies(&self, actor: &Actor) -> bool {
        actor.may(WRITE)
    }

    /// The vendor's replies by name.
    pub async fn replies(&self, actor: &Actor) -> Result<Vec<ReplyView>> {
        actor.require(Permission::LicensesRead)?;
        let rows = replies::list(&mut self.store().patient_reader(), actor.scope()).await?;
        Ok(rows.into_iter().map(show).collect())
    }

    /// A reply.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn reply(&self, actor: &Actor, id: ReplyId) -> Result<ReplyView> {
        actor.require(Permission::LicensesRead)?;
        let row = replies::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.map(show).ok_or_else(absent)
    }

    /// Writes a reply, or gives the one with `id` another name and text.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::CodeTaken`] where another one is called so; [`ErrorCode::InvalidRequest`] where
    /// there are 200 already.
    pub async fn save_reply(&self, call: &Call, id: Option<ReplyId>, name: Name, text: ReplyText) -> Result<ReplyId> {
        call.actor.require(WRITE)?;
        let act = self.act(call);
        let row = ReplyRow {
            id: id.unwrap_or_else(|| ReplyId::new(act.now, self.entropy())),
            vendor: act.scope.vendor(),
            name,
            text,
            created_at: act.now,
            updated_at: act.now,
        };
        let is_new = id.is_none();
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row => |tx| {
                let taken = |error: holdfast_store::StoreError| Error::from(error).with_pointer("/name");
                let told = |row: &ReplyRow| json!({ "name": row.name, "text": row.text });
                if is_new {
                    if replies::list(tx, act.scope).await?.len() >= MOST {
                        return Err(Error::invalid("/name", format_args!("There are {MOST} replies already.")));
                    }
                    replies::insert(tx, act.scope, &row).await.map_err(taken)?;
                    act.event(tx, "reply.created", row.id, json!({ "after": told(&row), "name": row.name }));
                } else {
                    let before = replies::get(tx, act.scope, row.id).await?.ok_or_else(absent)?;
                    replies::update(tx, act.scope, &row).await.map_err(taken)?;
                    let data = json!({ "before": told(&before), "after": told(&row), "name": row.name });
                    act.event(tx, "reply.changed", row.id, data);
                }
                Ok(row.id)
            }),
        )
        .await
    }

    /// Forgets a reply.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn remove_reply(&self, call: &Call, id: ReplyId) -> Result<()> {
        call.actor.require(WRITE)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act => |tx| {
                let row = replies::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                replies::delete(tx, act.scope, id).await?;
                let before = json!({ "name": row.name, "text": row.text });
                act.event(tx, "reply.removed", id, json!({ "before": before, "name": row.name }));
                Ok(())
            }),
        )
        .await
    }

    /// A reply with the facts of a customer, and of a license of theirs: the one that is named, or the only one.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a reply, customer or license that is not there, or not theirs;
    /// [`ErrorCode::InvalidRequest`] where the text needs a license and none is meant.
    pub async fn fill_reply(
        &self,
        actor: &Actor,
        id: ReplyId,
        customer: CustomerId,
        license: Option<LicenseId>,
    ) -> Result<String> {
        actor.require(Permission::LicensesRead)?;
        actor.require(Permission::CustomersRead)?;
        let (scope, now, mut reader) = (actor.scope(), self.now(), self.store().patient_reader());
        let q = &mut reader;
        let text = replies::get(q, scope, id).await?.ok_or_else(absent)?.text;
        let customer = customers::get(q, scope, customer).await?.ok_or_else(absent)?;
        let row = match license {
            Some(id) => {
                let row = licenses::get(q, scope, id).await?;
                Some(row.filter(|row| row.license.customer == Some(customer.id)).ok_or_else(absent)?)
            }
            None if text.names_license() => {
                let filter = licenses::LicenseFilter { customer: Some(customer.id), ..Default::default() };
                let found = licenses::list(q, scope, &filter, &super::page::PageRequest::default(), now).await?;
                let mut found = found.items.into_iter();
                match (found.next(), found.next()) {
                    (Some(only), None) => Some(only.row),
                    (Some(_), Some(_)) => return Err(Error::invalid("/license", "Say which license it is about.")),
                    (None, _) => return Err(Error::invalid("/license", "This customer has no license.")),
                }
            }
            None => None,
        };
        let of_license = match row {
            Some(row) => Some(OfLicense::read(q, scope, row).await?),
            None => None,
        };
        let vendor = vendors::by_public_id(q, scope.vendor()).await?.ok_or_else(absent)?.name;
        let me = match actor.member_id() {
            Some(id) => members::get(q, scope, id).await?.map(|member| member.name),
            None => None,
        };
        Ok(text.fill(|fact| match fact {
            Fact::Customer => customer.name.to_string(),
            Fact::Email => customer.email.as_ref().map_or_else(|| "no address".to_owned(), ToString::to_string),
            Fact::Vendor => vendor.to_string(),
            Fact::Me => me.as_ref().unwrap_or(&vendor).to_string(),
            other => of_license.as_ref().map(|license| license.fact(other, now)).unwrap_or_default(),
        }))
    }
}
