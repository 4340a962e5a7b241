//! Products: the pieces of software that a vendor sells.

use super::{
    act::job,
    inputs::{CreateProduct, UpdateProduct},
    page::{Page, PageRequest, map},
    views::ProductView,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{Permission, ProductId};
pub use holdfast_store::products::ProductSort;
use holdfast_store::{
    WriteOptions,
    changes::ChangeKind,
    products::{self, ProductFilter, ProductRow},
};
use serde_json::json;

fn show(row: &ProductRow) -> ProductView {
    ProductView {
        id: row.id,
        name: row.name.clone(),
        code: row.code.clone(),
        archived: row.archived_at.is_some(),
        created_at: row.created_at,
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

impl Service {
    /// Makes a product, with its first issuing key and a key manifest that names it.
    ///
    /// # Errors
    /// [`ErrorCode::CodeTaken`]; [`ErrorCode::Sealed`] on a node without the master key.
    pub async fn create_product(&self, call: &Call, input: CreateProduct) -> Result<ProductView> {
        call.actor.require(Permission::CatalogWrite)?;
        let act = self.act(call);
        let row = ProductRow {
            id: ProductId::new(act.now, self.entropy()),
            vendor: call.actor.vendor(),
            code: input.code,
            name: input.name,
            revocation_seq: 0,
            created_at: act.now,
            updated_at: act.now,
            archived_at: None,
        };
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, row => |tx| {
                products::insert(tx, act.scope, &row).await?;
                crate::runtime::keys::new_issuing(&act.service, tx, act.scope, row.id, act.now).await?;
                act.event(tx, "product.created", row.id, json!({ "after": { "name": row.name, "code": row.code } }));
                act.changed(tx, ChangeKind::Product, Some(row.id), row.id.to_bytes());
                Ok(show(&row))
            }),
        )
        .await
    }

    /// A product.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn product(&self, actor: &Actor, id: ProductId) -> Result<ProductView> {
        actor.require(Permission::CatalogRead)?;
        let row = products::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(absent)
    }

    /// The vendor's products; archived ones only where `archived` asks for them, all where it is absent; with `q` those with
    /// it in their name or short name.
    pub async fn products(
        &self,
        actor: &Actor,
        archived: Option<bool>,
        q: Option<String>,
        page: PageRequest<ProductSort>,
    ) -> Result<Page<ProductView>> {
        actor.require(Permission::CatalogRead)?;
        let filter = ProductFilter { archived, q };
        let rows = products::list(&mut self.store().patient_reader(), actor.scope(), &filter, &page).await?;
        Ok(map(rows, |row| show(&row)))
    }

    /// Renames or archives a product. Its licenses are untouched.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn update_product(&self, call: &Call, id: ProductId, input: UpdateProduct) -> Result<ProductView> {
        call.actor.require(Permission::CatalogWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, input => |tx| {
                let before = products::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                let archived_at = match input.archived {
                    None => before.archived_at,
                    Some(true) => before.archived_at.or(Some(act.now)),
                    Some(false) => None,
                };
                let name = input.name.unwrap_or_else(|| before.name.clone());
                let after = ProductRow { name, archived_at, updated_at: act.now, ..before.clone() };
                products::update(tx, act.scope, &after).await?;
                let told = |row: &ProductRow| json!({ "name": row.name, "archived": row.archived_at.is_some() });
                act.event(tx, "product.changed", id, json!({ "before": told(&before), "after": told(&after) }));
                act.changed(tx, ChangeKind::Product, Some(id), id.to_bytes());
                Ok(show(&after))
            }),
        )
        .await
    }
}
