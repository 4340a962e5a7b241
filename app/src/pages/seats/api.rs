//! The server function of a seat's screen.

use leptos::prelude::*;

use super::model::SeatDetail;
use crate::error::UiError;

/// Everything about a seat.
#[server(output = crate::wire::Answer)]
pub async fn seat(id: String, after: String) -> Result<SeatDetail, UiError> {
    use crate::{
        ctx,
        pages::{licenses::api, products::api::parse_id, serve},
        ui::{When, time::span},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let seat = service.seat(&actor, parse_id(&id)?).await?;
    let license = service.license(&actor, seat.license).await?;
    let timeline = service.seat_timeline(&actor, seat.id, serve::page(&after)?).await?;
    let people = serve::People::of(&service, &actor).await?;
    let now = service.now();
    let mut row = [api::seat_row(&seat, now)];
    api::say_devices(&service, &actor, &license.license, &mut row).await?;
    let [row] = row;
    let offer = license.undo.iter().find(|offer| offer.seat == Some(seat.id));
    Ok(SeatDetail {
        borrowed: seat.borrowed_until.map(|at| (When::new(at, now), span(license.license.terms.borrow))),
        released: seat.released_at.map(|at| When::new(at, now)),
        row,
        license: api::row(&license.license, now),
        product: (license.license.product.to_string(), license.product_name.to_string()),
        timeline: serve::list(timeline, |event| people.entry(&event, now)),
        may_free: actor.may(Permission::SeatsRelease),
        undo: offer.map(|offer| api::undo_offer(offer, &license, &people, now)),
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn seat_again(id: String, after: String) -> Result<SeatDetail, UiError> {
    // Whoever may see it is asked there.
    seat(id, after).await
}
