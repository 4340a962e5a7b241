//! Server functions of a license's acts: change, hand over, new key, undo.

use leptos::prelude::*;

use super::model::{ChangeForm, ChangeView, TrialView, UndoView};
use crate::error::UiError;

/// The page on which a license is changed; with `asked`, what that would do.
#[server(output = crate::wire::Answer)]
pub async fn look_at_change(id: String, asked: Option<ChangeForm>) -> Result<ChangeView, UiError> {
    use crate::{
        ctx,
        pages::{licenses::api::row, plans::model::lines, products::api::parse_id},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        inputs::{PlanFilter, UpdateLicense},
        page::{Limit, PageRequest},
    };
    use std::collections::BTreeSet;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let detail = service.license(&actor, parse_id(&id)?).await?;
    let (license, seen) = (detail.license, detail.version.to_string());
    let filter = PlanFilter { product: Some(license.product), ..PlanFilter::default() };
    let all = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let plans = service.plans(&actor, filter, all).await?.items;
    let codes: BTreeSet<_> = plans.iter().flat_map(|plan| plan.terms.entitlements.keys()).collect();
    let now = service.now();
    let (mut preview, mut wrong) = (None, None);
    if let Some(form) = &asked {
        let input = wanted(form, &license).map(|input| UpdateLicense { dry_run: true, ..input });
        let outcome = match input {
            Ok(input) => {
                let outcome = service.update_license(&ctx::call(&actor), license.id, input).await;
                outcome.map_err(|error| UiError::of(&error, None))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(outcome) => preview = Some(told(&service, &actor, &outcome).await),
            Err(error) => wrong = Some(error),
        }
    }
    Ok(ChangeView {
        row: row(&license, now),
        seen,
        form: asked.unwrap_or_else(|| ChangeForm {
            plan: license.plan.to_string(),
            seats: String::new(),
            ends_on: license.expires_at.map(day_of).unwrap_or_default(),
            entitlements: lines(&license.overrides),
        }),
        codes: codes.into_iter().map(ToString::to_string).collect(),
        plans: plans
            .iter()
            .filter(|plan| !plan.archived || plan.id == license.plan)
            .map(|plan| (plan.id.to_string(), plan.name.to_string()))
            .collect(),
        preview,
        wrong,
    })
}

/// Changes a license's plan, seats, end or entitlements, where it is still the version that was `seen`.
#[server(output = crate::wire::Answer)]
pub async fn change_license(
    id: String,
    #[server(default)] seen: String,
    change: ChangeForm,
    reason: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{LicenseId, Permission};
    use holdfast_service::admin::inputs::UpdateLicense;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let id: LicenseId = parse_id(&id)?;
    let license = service.license(&actor, id).await?.license;
    let input = UpdateLicense {
        seen: optional("seen", &seen)?,
        reason: Some(parse("reason", &reason)?),
        ..wanted(&change, &license)?
    };
    service.update_license(&ctx::call(&actor), id, input).await?;
    ctx::redirect(&format!("/console/licenses/{id}?done=license_changed"));
    Ok(())
}

/// The page on which a trial becomes a license that was bought.
#[server(output = crate::wire::Answer)]
pub async fn look_at_trial(id: String) -> Result<TrialView, UiError> {
    use crate::{
        ctx,
        pages::{licenses::api::row, products::api::parse_id},
    };
    use holdfast_domain::{LicenseModel, Permission};
    use holdfast_service::admin::{
        inputs::PlanFilter,
        page::{Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let license = service.license(&actor, parse_id(&id)?).await?.license;
    let filter = PlanFilter { product: Some(license.product), ..PlanFilter::default() };
    let all = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let plans = service.plans(&actor, filter, all).await?.items;
    let sold = plans.iter().filter(|plan| !plan.archived && !matches!(plan.terms.model, LicenseModel::Trial { .. }));
    Ok(TrialView {
        row: row(&license, service.now()),
        plans: sold.map(|plan| (plan.id.to_string(), plan.name.to_string())).collect(),
        open: matches!(license.terms.model, LicenseModel::Trial { .. }),
    })
}

/// Makes a trial a license that was bought, and goes to its page, which shows its key.
#[server(output = crate::wire::Answer)]
pub async fn convert_trial(
    id: String,
    plan: String,
    #[server(default)] email: String,
    #[server(default)] name: String,
    reason: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            licenses::api::hand_over,
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::{ConvertTrial, CreateCustomer, CustomerChoice, IssueLicense};
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let (email, name) = (optional("email", &email)?, optional("name", &name)?);
    let buyer = (email.is_some() || name.is_some())
        .then(|| CustomerChoice::New(CreateCustomer { email, name, ..CreateCustomer::default() }));
    let issue = IssueLicense { customer: buyer, ..IssueLicense::of(parse("plan", &plan)?) };
    let input = ConvertTrial { reason: Some(parse("reason", &reason)?), ..issue.into() };
    let issued = ctx::service()?.convert_trial(&ctx::call(&actor), parse_id(&id)?, input).await?;
    hand_over(&issued.license.id, &issued.key);
    ctx::redirect(&format!("/console/licenses/{}?done=trial_converted", issued.license.id));
    Ok(())
}

/// Hands a license to another customer.
#[server(output = crate::wire::Answer)]
pub async fn transfer(
    id: String,
    #[server(default)] email: String,
    #[server(default)] name: String,
    reason: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{LicenseId, Permission};
    use holdfast_service::admin::inputs::{CreateCustomer, CustomerChoice, Transfer};
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let id: LicenseId = parse_id(&id)?;
    let customer = CreateCustomer {
        email: optional("email", &email)?,
        name: optional("name", &name)?,
        ..CreateCustomer::default()
    };
    let input = Transfer { customer: CustomerChoice::New(customer), reason: parse("reason", &reason)? };
    ctx::service()?.transfer_license(&ctx::call(&actor), id, input).await?;
    ctx::redirect(&format!("/console/licenses/{id}?done=license_transferred"));
    Ok(())
}

/// Gives a license a new key and goes to its page, which shows it; or asks somebody for it who may.
#[server(output = crate::wire::Answer)]
pub async fn rekey(id: String, #[server(default)] ask: bool, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{acts::api::asked, licenses::api::hand_over, products::api::parse_id, serve::parse},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::{approvals::Asked, inputs::Rekey};
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let (service, call, reason) = (ctx::service()?, ctx::call(&actor), parse("reason", &reason)?);
    if ask {
        let waits = service.ask(&call, None, Asked::Rekey { license: parse_id(&id)? }, reason).await?;
        ctx::redirect(&asked(waits));
        return Ok(());
    }
    let issued = service.rekey_license(&call, parse_id(&id)?, Rekey { reason }).await?;
    hand_over(&issued.license.id, &issued.key);
    ctx::redirect(&format!("/console/licenses/{}?done=license_rekeyed", issued.license.id));
    Ok(())
}

/// What undoing an act on a license, or on its `seat`, would do.
#[server(output = crate::wire::Answer)]
pub async fn look_at_undo(
    license: String,
    event: String,
    #[server(default)] seat: String,
) -> Result<UndoView, UiError> {
    use crate::{
        ctx,
        pages::{
            licenses::api::row,
            products::api::parse_id,
            serve::{optional, sentence},
        },
        ui::When,
    };
    use holdfast_domain::{EventId, Permission, SeatId};
    use holdfast_service::admin::{inputs::Undo, undo::OFFERED};
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let detail = service.license(&actor, parse_id(&license)?).await?;
    let seat: Option<SeatId> = optional("seat", &seat).unwrap_or_default();
    let event: Option<EventId> = optional("event", &event).unwrap_or_default();
    let offer = event.and_then(|event| detail.undo.iter().find(|offer| offer.event == event));
    let now = service.now();
    let mut view = UndoView {
        row: row(&detail.license, now),
        done: offer.map(|offer| sentence(&offer.action).0).unwrap_or_default(),
        seat: None,
        until: offer.map(|offer| When::new(offer.until, now)),
        preview: None,
        refused: None,
    };
    if let Some(seat) = seat {
        let seat = service.seat(&actor, seat).await?;
        match seat.released_at.map(|at| at.plus(OFFERED)).filter(|until| *until > now) {
            Some(until) => {
                view.done = sentence("seat.freed").0;
                view.seat = Some(seat.name.unwrap_or_else(|| "Unnamed device".to_owned()));
                view.until = Some(When::new(until, now));
            }
            None => {
                view.refused = Some("A seat is given back for ten minutes, and while nobody has taken it.".to_owned());
            }
        }
    } else if let Some(event) = event {
        let reason = "preview".parse().map_err(|error| UiError::field("reason", error))?;
        let input = Undo { event, reason, dry_run: true };
        match service.undo_license(&ctx::call(&actor), detail.license.id, input).await {
            Ok(outcome) => view.preview = Some(told(&service, &actor, &outcome).await),
            Err(error) => view.refused = Some(UiError::of(&error, None).sentence()),
        }
    } else {
        view.refused = Some("There is no such act.".to_owned());
    }
    Ok(view)
}

/// Undoes an act on a license, or on its `seat`.
#[server(output = crate::wire::Answer)]
pub async fn undo(
    license: String,
    event: String,
    #[server(default)] seat: String,
    reason: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{LicenseId, Permission};
    use holdfast_service::admin::inputs::Undo;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let id: LicenseId = parse_id(&license)?;
    let input = Undo { event: parse("event", &event)?, reason: parse("reason", &reason)?, dry_run: false };
    let call = ctx::call(&actor);
    match optional("seat", &seat)? {
        Some(seat) => drop(service.undo_seat(&call, seat, input).await?),
        None => drop(service.undo_license(&call, id, input).await?),
    }
    ctx::redirect(&format!("/console/licenses/{id}?done=undone"));
    Ok(())
}

/// The day a moment lies on, in UTC, as a calendar's field has it.
#[cfg(feature = "ssr")]
fn day_of(at: holdfast_domain::Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

/// What was typed, where it differs from the license as it is.
#[cfg(feature = "ssr")]
fn wanted(
    form: &ChangeForm,
    license: &holdfast_service::admin::views::LicenseView,
) -> Result<holdfast_service::admin::inputs::UpdateLicense, UiError> {
    use crate::pages::serve::{day, optional, parse};
    use holdfast_service::admin::inputs::UpdateLicense;
    let same_day = form.ends_on.trim() == license.expires_at.map(day_of).unwrap_or_default();
    Ok(UpdateLicense {
        plan: Some(parse("plan", &form.plan)?),
        seats: optional("seats", &form.seats)?,
        overrides: overrides(&form.entitlements, &license.overrides)?,
        // A day says nothing of the hour: the same day is no change.
        expires_at: if same_day { None } else { Some(day("ends_on", &form.ends_on)?) },
        ..UpdateLicense::default()
    })
}

/// The overrides that were typed, where they differ from those there are. A line that nobody touched keeps its value as it
/// is, because what it reads like may be another: the text "10" is not the number.
#[cfg(feature = "ssr")]
fn overrides(
    typed: &str,
    before: &holdfast_domain::Entitlements,
) -> Result<Option<holdfast_domain::Entitlements>, UiError> {
    let after = crate::pages::plans::model::edited("entitlements", typed, before)?;
    Ok((after != *before).then_some(after))
}

/// What a change would do, in words, with the names of the customers it speaks of.
#[cfg(feature = "ssr")]
async fn told(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    outcome: &holdfast_service::admin::views::ChangeOutcome,
) -> super::model::Preview {
    use super::words;
    let mut names = std::collections::BTreeMap::new();
    for id in words::customers_in(&outcome.changes) {
        if let Ok(customer) = id.parse()
            && let Ok(customer) = service.customer(actor, customer).await
        {
            names.insert(id, customer.name.to_string());
        }
    }
    words::preview(outcome, &names, service.now())
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use holdfast_domain::{EntitlementValue, Entitlements};

    #[test]
    fn a_line_that_nobody_touched_keeps_its_value() {
        let value = |text: &str| EntitlementValue::Text(text.to_owned());
        let before: Entitlements =
            [("a", value("10")), ("b", value("no"))].map(|(code, value)| (code.parse().unwrap(), value)).into();
        assert_eq!(overrides("a = 10\r\n b = no\r\n", &before).unwrap(), None);
        let mut after = before.clone();
        after.insert("c".parse().unwrap(), EntitlementValue::Integer(3));
        assert_eq!(overrides("a = 10\nb = no\nc = 3", &before).unwrap(), Some(after));
        let after: Entitlements = [("a".parse().unwrap(), EntitlementValue::Integer(11))].into();
        assert_eq!(overrides("a = 11", &before).unwrap(), Some(after));
        assert_eq!(overrides("", &before).unwrap(), Some(Entitlements::new()));
        assert_eq!(overrides("b = off\na = false", &before).unwrap_err().field.as_deref(), Some("entitlements"));
    }
}
