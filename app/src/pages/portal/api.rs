//! Server functions of the portal. Those of the door are open; every other begins by asking who of a customer calls.

use leptos::prelude::*;

use super::model::{
    Account, CodeView, Frame, HolderView, Home, LicenseView, OfflineView, OrderRow, PersonRow, SeatView,
};
use crate::{error::UiError, pages::List};

/// What is around the pages of the portal at `vendor`.
#[server(output = crate::wire::Answer)]
pub async fn portal_frame(vendor: String) -> Result<Frame, UiError> {
    use crate::{ctx, ssr::portal::sheet_name, ui::When};
    use holdfast_service::portal::CustomerActor;
    let service = ctx::service()?;
    let look = service.portal_at(&vendor).await?;
    let actor = ctx::customer_of(&look);
    let viewed = actor.as_ref().and_then(CustomerActor::viewed_until).map(|until| When::new(until, service.now()));
    let me = match &actor {
        Some(actor) => Some(me(&service, actor).await?),
        None => None,
    };
    let home = format!("/portal/{}", look.path);
    Ok(Frame {
        logo: look.logo.as_ref().map(|hash| format!("{home}/look/{hash}")),
        style: look.accent.as_deref().map(|colour| format!("{home}/look/{}", sheet_name(colour))),
        name: look.name.to_string(),
        home,
        help: look.help,
        viewed,
        me,
    })
}

/// The start of the portal at `vendor`.
#[server(output = crate::wire::Answer)]
pub async fn portal_home(vendor: String, #[server(default)] after: String) -> Result<Home, UiError> {
    use super::words;
    use crate::{ctx, pages::serve};
    let service = ctx::service()?;
    let look = service.portal_at(&vendor).await?;
    let Some(actor) = ctx::customer_of(&look) else { return Ok(Home::Door(door(look))) };
    let page = service.my_licenses(&actor, serve::page(&after)?).await?;
    Ok(Home::Licenses(serve::list(page, |license| words::row(&license))))
}

/// The page at which a code is typed.
#[server(output = crate::wire::Answer)]
pub async fn code_page(vendor: String) -> Result<CodeView, UiError> {
    use crate::ctx;
    let look = ctx::service()?.portal_at(&vendor).await?;
    Ok(CodeView { door: door(look), asked: ctx::asked().is_some() })
}

/// Sends a code to an address, and leads to where it is typed.
#[server(output = crate::wire::Answer)]
pub async fn ask_code(vendor: String, email: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    let service = ctx::service()?;
    let look = service.portal_at(&vendor).await?;
    let asked = service.ask_to_sign_in(look.vendor, parse("email", &email)?, &ctx::from()).await?;
    ctx::keep_asked(&asked)?;
    ctx::redirect(&format!("/portal/{}/sign-in", look.path));
    Ok(())
}

/// Sends a code to the address that the license of an old key was sold to, and leads to where it is typed.
#[server(output = crate::wire::Answer)]
pub async fn claim(vendor: String, key: String, email: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    let service = ctx::service()?;
    let look = service.portal_at(&vendor).await?;
    let asked = service.claim(look.vendor, &key, parse("email", &email)?, &ctx::from()).await?;
    ctx::keep_asked(&asked)?;
    ctx::redirect(&format!("/portal/{}/sign-in", look.path));
    Ok(())
}

/// Signs in with the code that was mailed, in the browser that has asked for it.
#[server(output = crate::wire::Answer)]
pub async fn use_code(vendor: String, code: String) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::{Error, ErrorCode};
    let service = ctx::service()?;
    let look = service.portal_at(&vendor).await?;
    // A browser that has not asked has nothing that could be used up.
    let browser = ctx::asked().ok_or_else(|| Error::new(ErrorCode::PortalCodeWrong).with_pointer("/code"))?;
    let signed_in = service.sign_in_with_code(look.vendor, &browser, &code, &ctx::from()).await?;
    ctx::let_customer_in(&signed_in)?;
    ctx::redirect(&first_page(&look.path, &signed_in));
    Ok(())
}

/// Signs in with a license's key, for its devices alone.
#[server(output = crate::wire::Answer)]
pub async fn enter_with_key(vendor: String, key: String, key_email: String) -> Result<(), UiError> {
    use crate::ctx;
    let service = ctx::service()?;
    let look = service.portal_at(&vendor).await?;
    let signed_in = service.sign_in_with_key(look.vendor, &key, &key_email, &ctx::from()).await?;
    ctx::let_customer_in(&signed_in)?;
    ctx::redirect(&first_page(&look.path, &signed_in));
    Ok(())
}

/// Ends this browser's session of the portal.
#[server(output = crate::wire::Answer)]
pub async fn leave_portal(vendor: String) -> Result<(), UiError> {
    use crate::ctx;
    let service = ctx::service()?;
    if let Ok(secret) = ctx::portal_session() {
        service.leave_portal(&secret).await?;
    }
    ctx::let_customer_out()?;
    let look = service.portal_at(&vendor).await?;
    ctx::redirect(&format!("/portal/{}?done=signed_out", look.path));
    Ok(())
}

/// Goes on at another company of the same person.
#[server(output = crate::wire::Answer)]
pub async fn change_company(to: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    let actor = ctx::any_customer()?;
    let (service, secret) = (ctx::service()?, ctx::portal_session()?);
    let signed_in = service.change_company(&ctx::customer_call(&actor)?, parse_id(&to)?, &secret).await?;
    ctx::let_customer_in(&signed_in)?;
    ctx::redirect(&home(&actor).await?);
    Ok(())
}

/// A license of one's own.
#[server(output = crate::wire::Answer)]
pub async fn my_license(id: String) -> Result<LicenseView, UiError> {
    use super::words;
    use crate::{ctx, pages::products::api::parse_id, ui::When};
    use holdfast_domain::{LicenseState, PortalAct, SeatModel};
    let actor = ctx::customer(PortalAct::LicensesRead).await?;
    let service = ctx::service()?;
    let (now, detail) = (service.now(), service.my_license(&actor, parse_id(&id)?).await?);
    let license = &detail.license;
    Ok(LicenseView {
        row: words::row(license),
        key: words::handed_over(&detail),
        may_reveal: actor.may(PortalAct::KeyReveal),
        sold: words::sold(license),
        ends: license.expires_at.map(|end| When::new(end, now)),
        unlocks: words::unlocks(&license.entitlements),
        afterwards: words::afterwards(license),
        notice: words::notice(license, now),
        order: license.order.clone(),
        links: (license.renew.clone(), license.upgrade.clone()),
        seats: detail.seats.iter().map(|seat| words::seat(seat, now)).collect(),
        more: detail.more,
        holders: matches!(license.seat_model, SeatModel::NamedUser { .. })
            .then(|| detail.holders.iter().map(|holder| words::holder(holder, license.seat_model, now)).collect()),
        may_hand_out: actor.may(PortalAct::PlacesWrite) && license.state == LicenseState::Active,
    })
}

/// Shows the whole key of a license of one's own for two minutes. Each time is an event.
#[server(output = crate::wire::Answer)]
pub async fn reveal_my_key(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{LicenseId, PortalAct};
    let actor = ctx::customer(PortalAct::KeyReveal).await?;
    let id: LicenseId = parse_id(&id)?;
    let key = ctx::service()?.my_key(&ctx::customer_call(&actor)?, id).await?;
    ctx::set_note(ctx::OWN_KEY, &format!("{id} {key}"));
    ctx::redirect(&format!("{}/licenses/{id}?key=shown", home(&actor).await?));
    Ok(())
}

/// A device of a license of one's own.
#[server(output = crate::wire::Answer)]
pub async fn my_seat(license: String, seat: String) -> Result<SeatView, UiError> {
    use super::words;
    use crate::{ctx, pages::products::api::parse_id, ui::When};
    use holdfast_domain::{PortalAct, SeatModel};
    let actor = ctx::customer(PortalAct::LicensesRead).await?;
    let service = ctx::service()?;
    let (now, found) = (service.now(), service.my_seat(&actor, parse_id(&license)?, parse_id(&seat)?).await?);
    let (license, seat) = (&found.license, &found.seat);
    let floating = license.seat_model == SeatModel::Floating;
    let named = matches!(license.seat_model, SeatModel::NamedUser { .. });
    Ok(SeatView {
        seat: words::seat(seat, now),
        license: (license.id.to_string(), format!("{} {}", license.product, license.plan)),
        name: seat.name.clone().unwrap_or_default(),
        since: When::new(seat.claimed_at, now),
        consequence: format!("{} {}", words::consequence(seat, floating, now), words::releases(found.releases)),
        may_fetch: !floating && !found.signs_itself && actor.may(PortalAct::SeatsWrite),
        may_take_back: named && actor.may(PortalAct::PlacesWrite),
    })
}

/// Somebody who has a seat of a license of one's own.
#[server(output = crate::wire::Answer)]
pub async fn my_holder(license: String, user: String) -> Result<HolderView, UiError> {
    use super::words;
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::PortalAct;
    use holdfast_service::{Error, ErrorCode};
    let actor = ctx::customer(PortalAct::PlacesWrite).await?;
    let service = ctx::service()?;
    let user = user.parse().map_err(|_| Error::new(ErrorCode::NotFound))?;
    let (now, found) = (service.now(), service.my_holder(&actor, parse_id(&license)?, &user).await?);
    Ok(HolderView {
        holder: words::holder(&found.holder, found.license.seat_model, now),
        license: (found.license.id.to_string(), format!("{} {}", found.license.product, found.license.plan)),
        seats: found.seats.iter().map(|seat| words::seat(seat, now)).collect(),
        consequence: words::taking_back(&found, now),
    })
}

/// Hands a seat out to a colleague.
#[server(output = crate::wire::Answer)]
pub async fn hand_out_seat(license: String, to: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{LicenseId, PortalAct};
    use holdfast_service::portal::InvitePerson;
    let actor = ctx::customer(PortalAct::PlacesWrite).await?;
    let license: LicenseId = parse_id(&license)?;
    let to = InvitePerson::user(parse("to", &to)?);
    ctx::service()?.hand_seat_out(&ctx::customer_call(&actor)?, license, to).await?;
    ctx::redirect(&format!("{}/licenses/{license}?done=seat_handed_out", home(&actor).await?));
    Ok(())
}

/// Gives a device another name.
#[server(output = crate::wire::Answer)]
pub async fn rename_my_seat(license: String, seat: String, name: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{LicenseId, PortalAct};
    let actor = ctx::customer(PortalAct::SeatsWrite).await?;
    let license: LicenseId = parse_id(&license)?;
    ctx::service()?.rename_my_seat(&ctx::customer_call(&actor)?, parse_id(&seat)?, parse("name", &name)?).await?;
    ctx::redirect(&format!("{}/licenses/{license}?done=saved", home(&actor).await?));
    Ok(())
}

/// Frees the seat of a device.
#[server(output = crate::wire::Answer)]
pub async fn free_my_seat(license: String, seat: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{LicenseId, PortalAct};
    let actor = ctx::customer(PortalAct::SeatsWrite).await?;
    let license: LicenseId = parse_id(&license)?;
    ctx::service()?.free_my_seat(&ctx::customer_call(&actor)?, parse_id(&seat)?).await?;
    ctx::redirect(&format!("{}/licenses/{license}?done=own_seat_freed", home(&actor).await?));
    Ok(())
}

/// Takes somebody's seat back, and hands it to a colleague where one is named.
#[server(output = crate::wire::Answer)]
pub async fn take_place(license: String, user: String, #[server(default)] to: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{LicenseId, PortalAct};
    use holdfast_service::portal::InvitePerson;
    let actor = ctx::customer(PortalAct::PlacesWrite).await?;
    let service = ctx::service()?;
    let license: LicenseId = parse_id(&license)?;
    let to = optional("to", &to)?.map(InvitePerson::user);
    service.take_place_back(&ctx::customer_call(&actor)?, license, parse("user", &user)?, to).await?;
    ctx::redirect(&format!("{}/licenses/{license}?done=place_taken", home(&actor).await?));
    Ok(())
}

/// The longest text of a code that cameras read well, in characters.
#[cfg(feature = "ssr")]
const HANDY: usize = 1_200;

/// Where a computer without a network is answered, and what it was answered last.
#[server(output = crate::wire::Answer)]
pub async fn offline_page() -> Result<OfflineView, UiError> {
    use super::{model::AnswerView, words};
    use crate::{
        ctx,
        ui::{Tone, When},
    };
    use holdfast_domain::{LicenseState, PortalAct, SeatModel};
    use holdfast_service::{
        admin::page::{Limit, PageRequest},
        portal::Answered,
        qr,
    };
    let actor = ctx::customer(PortalAct::SeatsWrite).await?;
    let service = ctx::service()?;
    let page = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    let licenses = service.my_licenses(&actor, page).await?.items;
    let people = licenses.iter().any(|license| matches!(license.seat_model, SeatModel::NamedUser { .. }));
    let open = licenses.iter().filter(|license| matches!(license.state, LicenseState::Active | LicenseState::Expired));
    let licenses = open.map(|license| {
        let row = words::row(license);
        (row.id, format!("{} {} …{} ({} / {})", row.product, row.plan, row.key_hint, row.taken.0, row.taken.1))
    });
    let answer = service.offline_answer(&actor).await?;
    let answer = answer.map(|answer| {
        let what = match answer.what {
            Answered::Lease => (Tone::Good, "A lease"),
            Answered::Denied => (Tone::Bad, "A refusal: the license does not allow it"),
            Answered::Released => (Tone::Good, "Seat freed"),
        };
        // Where all of it fits one code that a camera can read it is one.
        let fits = (1..=HANDY).contains(&answer.document.len());
        let whole = qr::picture(&answer.document).ok().filter(|_| fits);
        let codes = whole
            .map_or_else(|| answer.parts.iter().filter_map(|part| qr::picture(part).ok()).collect(), |one| vec![one]);
        AnswerView {
            what: (what.0, what.1.to_owned()),
            device: answer.device,
            at: When::new(answer.at, service.now()),
            document: answer.document,
            codes: codes.into_iter().map(|(path, width)| (path, width as u64)).collect(),
        }
    });
    Ok(OfflineView { licenses: licenses.collect(), people, answer })
}

/// The orders of the company.
#[server(output = crate::wire::Answer)]
pub async fn my_orders(#[server(default)] after: String) -> Result<List<OrderRow>, UiError> {
    use crate::{
        ctx,
        pages::{lists::build::order_status, serve},
        ui::When,
    };
    use holdfast_domain::PortalAct;
    let actor = ctx::customer(PortalAct::OrdersRead).await?;
    let service = ctx::service()?;
    let now = service.now();
    let page = service.my_orders(&actor, serve::page(&after)?).await?;
    Ok(serve::list(page, |order| OrderRow {
        reference: order.reference,
        state: order_status(order.status),
        licenses: order.licenses.into_iter().map(|(id, called)| (id.to_string(), called)).collect(),
        more: order.more,
        made: When::new(order.created_at, now),
        paid_back: order.refunded_at.map(|at| When::new(at, now)),
    }))
}

/// Who of the company comes in.
#[server(output = crate::wire::Answer)]
pub async fn my_people() -> Result<Vec<PersonRow>, UiError> {
    use crate::{ctx, ui::When};
    use holdfast_domain::{CustomerRole, PortalAct};
    let actor = ctx::customer(PortalAct::PeopleWrite).await?;
    let service = ctx::service()?;
    let now = service.now();
    let people = service.my_people(&actor).await?.into_iter().map(|person| PersonRow {
        id: person.id.to_string(),
        email: person.email.to_string(),
        name: person.name.map(|name| name.to_string()),
        administrator: person.role == CustomerRole::Administrator,
        note: if person.main {
            Some("The vendor knows your company by this address.".to_owned())
        } else {
            person.own.then(|| "You".to_owned())
        },
        seen: person.signed_in_at.map(|at| When::new(at, now)),
        may_change: !person.main && !person.own,
    });
    Ok(people.collect())
}

/// Asks a colleague in.
#[server(output = crate::wire::Answer)]
pub async fn invite_colleague(
    email: String,
    #[server(default)] name: String,
    #[server(default)] administrator: bool,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::serve::{optional, parse},
    };
    use holdfast_domain::{CustomerRole, PortalAct};
    use holdfast_service::portal::InvitePerson;
    let actor = ctx::customer(PortalAct::PeopleWrite).await?;
    let service = ctx::service()?;
    let input = InvitePerson {
        email: parse("email", &email)?,
        name: optional("name", &name)?,
        role: if administrator { CustomerRole::Administrator } else { CustomerRole::User },
    };
    service.invite_colleague(&ctx::customer_call(&actor)?, input).await?;
    ctx::redirect(&format!("{}/people?done=colleague_invited", home(&actor).await?));
    Ok(())
}

/// Makes a colleague an administrator (`administrator`), a user (`user`), or takes them out (`remove`).
#[server(output = crate::wire::Answer)]
pub async fn step_colleague(id: String, step: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{CustomerRole, PortalAct};
    use holdfast_service::{Error, ErrorCode};
    let actor = ctx::customer(PortalAct::PeopleWrite).await?;
    let (service, call, id) = (ctx::service()?, ctx::customer_call(&actor)?, parse_id(&id)?);
    match (step.as_str(), CustomerRole::from_name(&step)) {
        (_, Some(role)) => service.set_colleagues_role(&call, id, role).await?,
        ("remove", None) => service.remove_colleague(&call, id).await?,
        _ => return Err(Error::new(ErrorCode::NotFound).into()),
    }
    ctx::redirect(&format!("{}/people?done=saved", home(&actor).await?));
    Ok(())
}

/// Who one is, and where one is signed in.
#[server(output = crate::wire::Answer)]
pub async fn my_account() -> Result<Account, UiError> {
    use super::model::SessionRow;
    use crate::{ctx, ui::When};
    let actor = ctx::any_customer()?;
    let service = ctx::service()?;
    let now = service.now();
    let sessions = if actor.person_id().is_some() { service.my_portal_sessions(&actor).await? } else { Vec::new() };
    let sessions = sessions.into_iter().map(|session| SessionRow {
        id: session.id.to_string(),
        current: session.current,
        browser: if session.browser.is_empty() { "Unknown browser".to_owned() } else { session.browser },
        origin: session.origin,
        used: When::new(session.touched_at, now),
        ends: When::new(session.ends_at, now),
    });
    Ok(Account { sessions: sessions.collect(), me: me(&service, &actor).await? })
}

/// Ends one of one's own sessions of the portal.
#[server(output = crate::wire::Answer)]
pub async fn end_my_session(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::SessionId;
    let actor = ctx::any_customer()?;
    let id: SessionId = parse_id(&id)?;
    ctx::service()?.end_my_portal_session(&ctx::customer_call(&actor)?, id).await?;
    let home = home(&actor).await?;
    if actor.session() == id {
        ctx::let_customer_out()?;
        ctx::redirect(&format!("{home}?done=signed_out"));
    } else {
        ctx::redirect(&format!("{home}/account?done=session_ended"));
    }
    Ok(())
}

/// Where somebody who has signed in begins: at the license whose key they came with, or at all of them.
#[cfg(feature = "ssr")]
fn first_page(path: &str, signed_in: &holdfast_service::portal::PortalSignedIn) -> String {
    let license = signed_in.license.map(|license| format!("/licenses/{license}"));
    format!("/portal/{path}{}", license.unwrap_or_default())
}

#[cfg(feature = "ssr")]
fn door(look: holdfast_service::portal::views::PortalLook) -> super::model::Door {
    super::model::Door {
        name: look.name.to_string(),
        home: format!("/portal/{}", look.path),
        welcome: look.welcome,
        mail: look.mail,
    }
}

/// Where the portal of whoever asks begins.
#[cfg(feature = "ssr")]
async fn home(actor: &holdfast_service::portal::CustomerActor) -> Result<String, UiError> {
    let look = crate::ctx::service()?.portal_at(&actor.vendor().to_string()).await?;
    Ok(format!("/portal/{}", look.path))
}

#[cfg(feature = "ssr")]
async fn me(
    service: &holdfast_service::Service,
    actor: &holdfast_service::portal::CustomerActor,
) -> Result<super::model::Me, UiError> {
    use holdfast_domain::PortalAct;
    let me = service.myself(actor).await?;
    Ok(super::model::Me {
        email: me.email.map(|email| email.to_string()),
        company: me.company.to_string(),
        administrator: actor.may(PortalAct::PeopleWrite),
        others: me.others.into_iter().map(|(id, name)| (id.to_string(), name.to_string())).collect(),
    })
}
