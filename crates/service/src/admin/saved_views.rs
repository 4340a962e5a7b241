//! Lists as members want to see them again: a query under a name, for oneself or for everybody of the vendor.

use super::act::job;
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{Name, Permission, SavedViewId};
use holdfast_store::{
    WriteOptions,
    saved_views::{self, SavedViewRow},
};
use serde_json::json;

/// The lists that there are.
const LISTS: [&str; 6] = ["licenses", "customers", "seats", "orders", "plans", "events"];
/// The longest query that is kept.
const QUERY: usize = 2_000;
/// How many views of one list somebody may see.
pub const MOST: usize = 50;

/// A list to be kept.
#[derive(Clone, Debug)]
pub struct SaveView {
    /// Which list.
    pub list: String,
    /// Its name.
    pub name: Name,
    /// The query of its address.
    pub query: String,
    /// What is searched for in it.
    pub q: Option<String>,
    /// Whether everybody of the vendor is to see it.
    pub shared: bool,
}

/// A list that was kept.
#[derive(Clone, Debug)]
pub struct SavedView {
    /// Its id.
    pub id: SavedViewId,
    /// Its name.
    pub name: Name,
    /// The query of its address.
    pub query: String,
    /// Whether whoever asks may remove it.
    pub may_remove: bool,
}

impl Service {
    /// Whether `actor` may save views that everybody sees: whoever may change more than their own affairs.
    pub fn may_share_views(&self, actor: &Actor) -> bool {
        actor.may(Permission::CustomersWrite)
    }

    /// The views of a list that `actor` sees: their own and those of everybody, the oldest first.
    pub async fn saved_views(&self, actor: &Actor, list: &str) -> Result<Vec<SavedView>> {
        actor.require(Permission::EventsReadOwn)?;
        let rows =
            saved_views::list(&mut self.store().patient_reader(), actor.scope(), list, actor.member_id()).await?;
        Ok(rows
            .into_iter()
            .map(|row| SavedView { may_remove: may_remove(actor, &row), id: row.id, name: row.name, query: row.query })
            .collect())
    }

    /// Keeps a list under a name.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever is no member, and for one for everybody where the role does not allow it;
    /// [`ErrorCode::InvalidRequest`] for a query that is none, for one with a whole license key, which is a secret, and where
    /// there are fifty already.
    pub async fn save_view(&self, call: &Call, input: SaveView) -> Result<SavedViewId> {
        call.actor.require(Permission::EventsReadOwn)?;
        let member = call.actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        if input.shared && !self.may_share_views(&call.actor) {
            return Err(Error::new(ErrorCode::Forbidden));
        }
        if !LISTS.contains(&input.list.as_str()) {
            return Err(Error::invalid("/list", "There is no such list."));
        }
        let is_query = input.query.len() <= QUERY && input.query.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_query {
            return Err(Error::invalid("/query", "This is no query of an address."));
        }
        if input.query.is_empty() {
            return Err(Error::invalid("/query", "This is the whole list: narrow or sort it first."));
        }
        let act = self.act(call);
        if self.without_key(&act, &mut self.store().patient_reader(), input.q.clone()).await? != input.q {
            return Err(Error::invalid("/query", "A license key is a secret, and gets into no view."));
        }
        let row = SavedViewRow {
            id: SavedViewId::new(act.now, self.entropy()),
            vendor: act.scope.vendor(),
            member,
            list: input.list,
            name: input.name,
            query: input.query,
            shared_at: input.shared.then_some(act.now),
            created_at: act.now,
        };
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row => |tx| {
                if saved_views::list(tx, act.scope, &row.list, Some(row.member)).await?.len() >= MOST {
                    return Err(Error::invalid("/name", format_args!("There are {MOST} views of this list already.")));
                }
                saved_views::insert(tx, act.scope, &row).await?;
                let after = json!({ "list": row.list, "name": row.name, "shared": row.shared_at.is_some() });
                act.event(tx, "view.saved", row.id, json!({ "after": after, "name": row.name }));
                Ok(row.id)
            }),
        )
        .await
    }

    /// Forgets a view: one's own, or, for owners and admins, one that everybody sees.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id, another vendor's and another member's alike.
    pub async fn remove_view(&self, call: &Call, id: SavedViewId) -> Result<()> {
        call.actor.require(Permission::EventsReadOwn)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let row = saved_views::get(tx, act.scope, id).await?.filter(|row| may_remove(&actor, row));
                let row = row.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                saved_views::delete(tx, act.scope, id).await?;
                act.event(tx, "view.removed", id, json!({ "before": { "list": row.list, "name": row.name } }));
                Ok(())
            }),
        )
        .await
    }
}

fn may_remove(actor: &Actor, row: &SavedViewRow) -> bool {
    actor.member_id() == Some(row.member) || row.shared_at.is_some() && actor.may(Permission::MembersWrite)
}
