//! Orders and refunds: what a payment provider told us, and what follows for the licenses bought.

use super::{
    act::{Act, job},
    inputs::{ChangeStatus, CreateOrder},
    license_status::{change, may_change, may_end_now},
    mails::mail_refunded,
    page::{Page, PageRequest, map},
    views::{Impact, OrderInList, OrderView, RefundOutcome},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{CustomerId, LicenseStatus, OrderId, Permission, ReasonText, license::StatusChange};
pub use holdfast_store::orders::{OrderFilter, OrderStatus};
use holdfast_store::{
    Tx, WriteOptions, customers, licenses,
    orders::{self, OrderRow},
};
use serde_json::json;

pub(super) fn show(row: &OrderRow) -> OrderView {
    OrderView {
        id: row.id,
        reference: row.external_id.clone(),
        customer: row.customer,
        status: row.status,
        refunded_at: row.refunded_at,
        created_at: row.created_at,
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

impl Service {
    /// Makes an order.
    ///
    /// # Errors
    /// [`ErrorCode::CodeTaken`] where the number is in use; [`ErrorCode::InvalidRequest`] for a customer who is not the
    /// vendor's.
    pub async fn create_order(&self, call: &Call, input: CreateOrder) -> Result<OrderView> {
        call.actor.require(Permission::CustomersWrite)?;
        let act = self.act(call);
        let row = OrderRow {
            id: OrderId::new(act.now, self.entropy()),
            vendor: call.actor.vendor(),
            customer: input.customer,
            external_id: input.reference.to_string(),
            status: OrderStatus::Paid,
            created_at: act.now,
            updated_at: act.now,
            refunded_at: None,
        };
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row => |tx| {
                if let Some(customer) = row.customer
                    && customers::get(tx, act.scope, customer).await?.is_none()
                {
                    return Err(Error::invalid("/customer", "There is no such customer."));
                }
                orders::insert(tx, act.scope, &row).await?;
                let after = json!({ "reference": row.external_id, "customer": row.customer });
                act.event(tx, "order.created", row.id, json!({ "after": after }));
                Ok(show(&row))
            }),
        )
        .await
    }

    /// An order.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn order(&self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.require(Permission::CustomersRead)?;
        let row = orders::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(absent)
    }

    /// The vendor's orders by time of creation.
    pub async fn orders(&self, actor: &Actor, filter: OrderFilter, page: PageRequest<()>) -> Result<Page<OrderView>> {
        Ok(map(self.orders_in_list(actor, filter, page).await?, |row| row.order))
    }

    /// The same, with who bought and how many licenses each has.
    pub async fn orders_in_list(
        &self,
        actor: &Actor,
        filter: OrderFilter,
        page: PageRequest<()>,
    ) -> Result<Page<OrderInList>> {
        actor.require(Permission::CustomersRead)?;
        let (mut reader, scope) = (self.store().patient_reader(), actor.scope());
        let rows = orders::list(&mut reader, scope, &filter, &page).await?;
        let buyers: Vec<CustomerId> = rows.items.iter().filter_map(|row| row.customer).collect();
        let names = customers::get_many(&mut reader, scope, &buyers).await?;
        let ids: Vec<OrderId> = rows.items.iter().map(|row| row.id).collect();
        let counts = licenses::of_orders(&mut reader, scope, &ids).await?;
        Ok(map(rows, |row| OrderInList {
            order: show(&row),
            customer_name: row.customer.and_then(|id| names.get(&id)).map(|customer| customer.name.clone()),
            licenses: counts.get(&row.id).copied().unwrap_or(0),
        }))
    }

    /// Notes that an order was paid back and revokes its licenses, or says who would lose access. Undone by reinstating
    /// the licenses.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StepUpRequired`] for support without a fresh sign-in;
    /// [`ErrorCode::Forbidden`] for an order of more than ten licenses by anybody but an owner, an owner's program or the
    /// system, and for support, whose refunds begin later ([`Service::begin_bulk`]); whoever may ask for it
    /// ([`super::approvals`]) may look.
    pub async fn refund_order(
        &self,
        call: &Call,
        id: OrderId,
        reason: ReasonText,
        dry_run: bool,
    ) -> Result<RefundOutcome> {
        may_change(&call.actor, 1, self.now(), dry_run)?;
        may_end_now(&call.actor, dry_run)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let refund = job!(act, actor, reason => |tx| {
            let may = |open| {
                let looks = dry_run && actor.asks(Permission::LicensesStatus, open);
                if looks { Ok(()) } else { may_change(&actor, open, act.now, dry_run) }
            };
            refund(&act, tx, id, (reason, dry_run), may).await
        });
        let options = WriteOptions::alone();
        if dry_run { self.store().write(options, refund).await } else { self.commit(call, options, refund).await }
    }
}

/// Refunds an order in a write job where whoever asks `may` change so many licenses.
pub(super) async fn refund(
    act: &Act,
    tx: &mut Tx,
    id: OrderId,
    (reason, dry_run): (ReasonText, bool),
    may: impl FnOnce(usize) -> Result<()> + Send,
) -> Result<RefundOutcome> {
    let before = orders::lock(tx, act.scope, id).await?.ok_or_else(absent)?;
    let rows = licenses::lock_of_order(tx, act.scope, id).await?;
    let open: Vec<_> = rows.iter().filter(|row| row.license.status != LicenseStatus::Revoked).collect();
    may(open.len())?;
    let input = ChangeStatus { change: StatusChange::Revoke, reason, effective_at: None, dry_run };
    let (mut impact, mut revoked) = (Impact::default(), Vec::with_capacity(open.len()));
    for row in open {
        let outcome = change(act, tx, row.license.id, &input).await?;
        impact = impact.and(outcome.impact);
        revoked.push(outcome.license);
    }
    if !dry_run {
        orders::set_status(tx, act.scope, id, OrderStatus::Refunded, act.now).await?;
        let data = json!({
            "before": { "status": before.status }, "after": { "status": OrderStatus::Refunded },
            "reason": input.reason, "licenses": revoked.iter().map(|license| license.id).collect::<Vec<_>>(),
        });
        act.event(tx, "order.refunded", id, data);
        // Whoever was told by the shop's message, or by an act of before, is not told twice.
        if before.status != OrderStatus::Refunded {
            mail_refunded(act, tx, id).await?;
        }
    }
    let order = orders::get(tx, act.scope, id).await?.ok_or_else(absent)?;
    Ok(RefundOutcome { order: show(&order), licenses: revoked, impact })
}
