//! Server functions of approvals.

use leptos::prelude::*;

use super::model::{ApprovalDetail, ApprovalRow};
use crate::{error::UiError, pages::List};

/// What was asked for, the newest first; with the tab `all` also what was decided or has run out.
#[server(output = crate::wire::Answer)]
pub async fn approvals(tab: String, after: String) -> Result<List<ApprovalRow>, UiError> {
    use crate::{
        ctx,
        pages::serve::{People, list, page},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let found = service.approvals(&actor, tab != super::ALL, page(&after)?).await?;
    let (people, now) = (People::of(&service, &actor).await?, service.now());
    let mut whats = Vec::new();
    for view in &found.items {
        whats.push(what(&service, &actor, view).await.0);
    }
    let mut whats = whats.into_iter();
    Ok(list(found, |view| row(&view, whats.next().unwrap_or_default(), &people, now)))
}

/// What was asked for, and what approving it would do now.
#[server(output = crate::wire::Answer)]
pub async fn approval(id: String) -> Result<ApprovalDetail, UiError> {
    use crate::{
        ctx,
        pages::{
            licenses::api::{after_rekey, impact},
            products::api::parse_id,
            serve::People,
        },
        ui::When,
    };
    use holdfast_domain::{Permission, event::Actor};
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let (service, id) = (ctx::service()?, parse_id(&id)?);
    let view = service.approval(&actor, id).await?;
    let (people, now) = (People::of(&service, &actor).await?, service.now());
    let (what, about) = what(&service, &actor, &view).await;
    let (mut does, mut losses, mut ends_access) = (Vec::new(), Vec::new(), false);
    if view.waits() && actor.may(view.asked.permission()) {
        match service.preview_approval(&ctx::call(&actor), id).await {
            Ok(Some(preview)) => {
                does.push(now_about(&view, &preview));
                ends_access = preview.impact.devices > 0;
                does.push(crate::pages::acts::api::impact(&preview, false, now));
                losses = impact(&preview.impact, now).losses;
            }
            Ok(None) => {}
            // It can be refused all the same.
            Err(error) => does.push(format!("As it stands this cannot be done: {}", UiError::from(error).sentence())),
        }
    }
    does.extend(lasting(&view.asked).map(str::to_owned));
    if let Asked::Rekey { license } = &view.asked {
        does.extend(service.license(&actor, *license).await.ok().map(|found| after_rekey(&found)));
    }
    Ok(ApprovalDetail {
        until: view.waits().then(|| When::new(view.expires_at, now)),
        about,
        does: if view.waits() { does } else { Vec::new() },
        losses,
        ends_access,
        decided: view.decided.map(|(by, at)| (people.who(&Actor::Member(by)), When::new(at, now))),
        note: view.note.as_ref().map(ToString::to_string),
        act: view.act.map(|act| act.to_string()),
        may_decide: view.is_for(&actor),
        may_withdraw: view.waits() && actor.member_id() == Some(view.asked_by),
        row: row(&view, what, &people, now),
    })
}

/// Approves what somebody else asked for, or refuses it.
#[server(output = crate::wire::Answer)]
pub async fn decide(
    id: String,
    #[server(default)] note: String,
    #[server(default)] refuse: bool,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::optional},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let (service, call, note) = (ctx::service()?, ctx::call(&actor), optional("note", &note)?);
    let decided = if refuse {
        service.refuse(&call, parse_id(&id)?, note).await?
    } else {
        service.approve(&call, parse_id(&id)?, note).await?
    };
    let to = decided.act.map_or_else(|| format!("approvals/{id}"), |act| format!("acts/{act}"));
    ctx::redirect(&format!("/console/{to}?done={}", if refuse { "refused" } else { "approved" }));
    Ok(())
}

/// Takes back what this person asked for.
#[server(output = crate::wire::Answer)]
pub async fn withdraw(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    ctx::service()?.withdraw(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect(&format!("/console/approvals/{id}?done=withdrawn"));
    Ok(())
}

#[cfg(feature = "ssr")]
use holdfast_domain::Timestamp;
#[cfg(feature = "ssr")]
use holdfast_service::{
    Actor, Service,
    admin::{
        approvals::{ApprovalState, ApprovalView, Asked},
        bulk::BulkPreview,
    },
};

#[cfg(feature = "ssr")]
fn row(view: &ApprovalView, what: String, people: &crate::pages::serve::People, now: Timestamp) -> ApprovalRow {
    use crate::ui::{Tone, When};
    use holdfast_domain::event::Actor;
    let (tone, word) = match view.state {
        _ if view.ran_out => (Tone::None, "Ran out"),
        ApprovalState::Waiting => (Tone::Warn, "Waiting"),
        ApprovalState::Approved => (Tone::Good, "Approved"),
        ApprovalState::Refused => (Tone::Bad, "Refused"),
        ApprovalState::Withdrawn => (Tone::None, "Withdrawn"),
    };
    ApprovalRow {
        id: view.id.to_string(),
        what,
        reason: view.reason.to_string(),
        who: people.who(&Actor::Member(view.asked_by)),
        state: (tone, word.to_owned()),
        asked: When::new(view.asked_at, now),
    }
}

/// Verb and object, and the page of the object where it has one.
#[cfg(feature = "ssr")]
pub async fn what(service: &Service, actor: &Actor, view: &ApprovalView) -> (String, Option<(String, String)>) {
    use crate::pages::acts::api;
    let product =
        async |id| service.product(actor, id).await.map(|product| product.name.to_string()).unwrap_or_default();
    match &view.asked {
        Asked::Many { step, .. } => (api::what(step, view.total), None),
        Asked::Undo { act, step } => {
            let what = format!("Take back: {}", api::what(step, view.total));
            (what, Some((format!("/console/acts/{act}"), "The act that is taken back".to_owned())))
        }
        Asked::Refund { order } => {
            let number = service.order(actor, *order).await.map(|order| order.reference).unwrap_or_default();
            (format!("Refund order {number}"), Some((format!("/console/orders/{order}"), format!("Order {number}"))))
        }
        Asked::Rekey { license: id } => {
            let end = service.license(actor, *id).await.map(|found| found.license.key_hint).unwrap_or_default();
            let license = (format!("/console/licenses/{id}"), format!("License …{end}"));
            (format!("New key for license …{end}"), Some(license))
        }
        Asked::RotateKeys { product: id } => {
            let name = product(*id).await;
            (format!("Rotate the keys of {name}"), Some((format!("/console/products/{id}?tab=keys"), name)))
        }
        Asked::RevokeKey { product: id, kid } => {
            let name = product(*id).await;
            (format!("Revoke key {kid}"), Some((format!("/console/products/{id}?tab=keys"), name)))
        }
    }
}

/// What it is about now, and that this is another number than it was.
#[cfg(feature = "ssr")]
fn now_about(view: &ApprovalView, preview: &BulkPreview) -> String {
    use crate::pages::acts::api::counted;
    use holdfast_service::admin::bulk::BulkStep;
    let noun = match &view.asked {
        Asked::Many { step: BulkStep::Free, .. } | Asked::Undo { step: BulkStep::Free, .. } => "seat",
        Asked::Many { step: BulkStep::Refund, .. } | Asked::Undo { step: BulkStep::Refund, .. } => "order",
        _ => "license",
    };
    let is = counted(preview.total, preview.exact, noun);
    match view.total {
        Some(was) if (was.rows, was.exact) != (preview.total, preview.exact) => {
            format!("It is about {is} now. When it was asked for it was {}.", counted(was.rows, was.exact, noun))
        }
        _ => format!("It is about {is}."),
    }
}

/// Whether it can be taken back, and what else is to be known of it.
#[cfg(feature = "ssr")]
fn lasting(asked: &Asked) -> impl Iterator<Item = &'static str> {
    let words: &[&str] = match asked {
        Asked::Many { .. } => &["It is done in the background and can be taken back for a day."],
        Asked::Undo { .. } => &["What was changed since is left alone."],
        Asked::Refund { .. } => {
            &["The order is noted as paid back and its licenses are revoked. They can be reinstated at any time."]
        }
        Asked::Rekey { .. } => &[
            "The present key is unknown from then on: nobody can activate with it any more.",
            "This cannot be undone. The new key is shown on the license's page to whoever may see it.",
        ],
        Asked::RotateKeys { .. } => &[
            "A new key signs from now on. The present one signs nothing more after seven days, by when every node knows the new key; what it has signed stays good.",
            "No device notices.",
        ],
        Asked::RevokeKey { .. } => &[
            "The root key no longer vouches for it: what it has signed, or signs in other hands, proves nothing. Devices whose lease is of this key get another with their next renewal, and go on until then.",
            "This cannot be undone.",
        ],
    };
    words.iter().copied()
}
