//! Customers: the people and companies that bought.

use super::{
    act::{Act, job},
    inputs::{CreateCustomer, CustomerChoice, UpdateCustomer},
    page::{Page, PageRequest, map},
    views::CustomerView,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{CustomerId, CustomerRole, Name, Permission};
pub use holdfast_store::customers::CustomerSort;
use holdfast_store::{
    Tx, WriteOptions, customer_people,
    customers::{self, CustomerFilter, CustomerRow},
};
use serde_json::{Value, json};

pub(super) fn show(row: &CustomerRow) -> CustomerView {
    CustomerView {
        id: row.id,
        name: row.name.clone(),
        email: row.email.clone(),
        external_id: row.external_id.clone(),
        created_at: row.created_at,
    }
}

fn told(row: &CustomerRow) -> Value {
    json!({ "name": row.name, "email": row.email, "external_id": row.external_id })
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// A customer that is not yet stored.
fn new_row(act: &Act, input: &CreateCustomer) -> Result<CustomerRow> {
    let name = match (&input.name, &input.email) {
        (Some(name), _) => name.clone(),
        (None, Some(email)) => named_after(email.as_str())?,
        (None, None) => return Err(Error::invalid("/email", "A customer needs an e-mail address or a name.")),
    };
    Ok(CustomerRow {
        id: CustomerId::new(act.now, act.service.entropy()),
        vendor: act.scope.vendor(),
        name,
        email: input.email.clone(),
        external_id: input.external_id.as_ref().map(ToString::to_string),
        created_at: act.now,
        updated_at: act.now,
    })
}

/// An address in place of a name, cut to a name's length.
pub(super) fn named_after(email: &str) -> Result<Name> {
    let short: String = email.chars().take(200).collect();
    short.parse().map_err(|error| Error::invalid("/email", error))
}

async fn insert(act: &Act, tx: &mut Tx, row: &CustomerRow) -> Result<()> {
    customers::insert(tx, act.scope, row).await?;
    act.event(tx, "customer.created", row.id, json!({ "after": told(row) }));
    Ok(())
}

/// The customer that `choice` names: an existing one, the one with that address, or a new one.
pub(super) async fn choose(act: &Act, tx: &mut Tx, choice: &CustomerChoice) -> Result<CustomerRow> {
    match choice {
        CustomerChoice::Existing(id) => {
            let found = customers::get(tx, act.scope, *id).await?;
            found.ok_or_else(|| Error::invalid("/customer", "There is no such customer."))
        }
        CustomerChoice::New(input) => {
            if let Some(email) = &input.email
                && let Some(found) = customers::by_email(tx, act.scope, email).await?
            {
                return Ok(found);
            }
            let row = new_row(act, input)?;
            insert(act, tx, &row).await?;
            Ok(row)
        }
    }
}

impl Service {
    /// Makes a customer.
    ///
    /// # Errors
    /// [`ErrorCode::EmailTaken`].
    pub async fn create_customer(&self, call: &Call, input: CreateCustomer) -> Result<CustomerView> {
        call.actor.require(Permission::CustomersWrite)?;
        let act = self.act(call);
        let row = new_row(&act, &input)?;
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row => |tx| {
                insert(&act, tx, &row).await?;
                Ok(show(&row))
            }),
        )
        .await
    }

    /// A customer.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn customer(&self, actor: &Actor, id: CustomerId) -> Result<CustomerView> {
        actor.require(Permission::CustomersRead)?;
        let row = customers::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(absent)
    }

    /// The vendor's customers; with `q` those whose address or name begins so, or whose external id it is.
    pub async fn customers(
        &self,
        actor: &Actor,
        q: Option<String>,
        page: PageRequest<CustomerSort>,
    ) -> Result<Page<CustomerView>> {
        actor.require(Permission::CustomersRead)?;
        let rows =
            customers::list(&mut self.store().patient_reader(), actor.scope(), &CustomerFilter { q }, &page).await?;
        Ok(map(rows, |row| show(&row)))
    }

    /// Changes a customer.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::EmailTaken`].
    pub async fn update_customer(&self, call: &Call, id: CustomerId, input: UpdateCustomer) -> Result<CustomerView> {
        call.actor.require(Permission::CustomersWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, input => |tx| {
                let before = customers::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                let after = CustomerRow {
                    name: input.name.unwrap_or_else(|| before.name.clone()),
                    email: input.email.or_else(|| before.email.clone()),
                    external_id: input.external_id.map(|id| id.to_string()).or_else(|| before.external_id.clone()),
                    updated_at: act.now,
                    ..before.clone()
                };
                customers::update(tx, act.scope, &after).await?;
                // Who came in by the old address was an administrator because of it.
                if let Some(old) = before.email.as_ref().filter(|_| before.email != after.email) {
                    customer_people::remove_address(tx, act.scope, id, old).await?;
                    // And who is known by the new one is, so that there always is one.
                    let people = customer_people::lock_of_customer(tx, act.scope, id).await?;
                    if let Some(person) = people.iter().find(|person| after.email.as_ref() == Some(&person.email)) {
                        customer_people::set_role(tx, act.scope, person.id, CustomerRole::Administrator).await?;
                    }
                }
                act.event(tx, "customer.changed", id, json!({ "before": told(&before), "after": told(&after) }));
                Ok(show(&after))
            }),
        )
        .await
    }
}
