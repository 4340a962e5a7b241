//! Server functions of the support desk. What is pasted to be explained is neither kept nor logged, and a whole key stands in
//! no address.

use leptos::prelude::*;

use super::model::{DeskView, ExplainView, RefundsView, RepliesView, ReplyForm, StoryView};
use crate::error::UiError;

/// The desk: what `q` finds, what waits, and whom one has worked on.
#[server(output = crate::wire::Answer)]
pub async fn desk(q: String) -> Result<DeskView, UiError> {
    use crate::{
        ctx,
        pages::{acts, approvals, serve},
        ui::When,
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::page::{Limit, PageRequest};
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let now = service.now();
    let found = if q.trim().is_empty() { None } else { Some(at_desk(&service.find(&actor, &q).await?, &actor, now)) };
    let people = serve::People::of(&service, &actor).await?;
    let waits = service.waiting_acts(&actor).await?;
    let waits = waits.iter().filter_map(|act| acts::api::waiting(act, &actor, &people, now)).collect();
    let page = PageRequest { limit: Limit::new(50), counted: false, ..PageRequest::default() };
    let mut asked = Vec::new();
    for view in service.approvals(&actor, true, page).await?.items {
        let own = actor.member_id() == Some(view.asked_by);
        if own || view.is_for(&actor) {
            let turn = if own { "Waits for a second person" } else { "Waits for you" };
            let what = approvals::api::what(&service, &actor, &view).await.0;
            asked.push((format!("/console/approvals/{}", view.id), what, turn.to_owned()));
        }
    }
    let recent = service.recent_customers(&actor).await?.into_iter().map(|(customer, at)| {
        let email = customer.email.as_ref().map(ToString::to_string);
        (customer.id.to_string(), customer.name.to_string(), email, When::new(at, now))
    });
    Ok(DeskView {
        found,
        waits,
        approvals: asked,
        recent: recent.collect(),
        may_refund: actor.may(Permission::LicensesStatus),
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn desk_again(q: String) -> Result<DeskView, UiError> {
    // Whoever may see it is asked there.
    desk(q).await
}

/// Explains `q` at the moment `at`, or what this page was sent.
#[server(output = crate::wire::Answer)]
pub async fn explain(q: String, at: String, key: String) -> Result<ExplainView, UiError> {
    use super::model::Explained;
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let sent = ctx::posted("q").or_else(|| ctx::posted("file"));
    let at = ctx::posted("at").unwrap_or(at);
    let moment = moment(&at)?;
    let explained = if sent.is_none() && !key.is_empty() {
        Explained::UnknownKey
    } else {
        let text = sent.clone().unwrap_or_else(|| q.clone());
        show(&service, &actor, service.explain(&actor, &text, moment).await?).await?
    };
    let zone = ctx::zone();
    let zone = zone.iana_name().unwrap_or("UTC").to_owned();
    Ok(ExplainView { asked: if sent.is_none() { q } else { String::new() }, at, zone, explained })
}

/// A customer's whole story, and the reply that was chosen with their facts.
#[server(output = crate::wire::Answer)]
pub async fn story(id: String, after: String, reply: String, license: String) -> Result<StoryView, UiError> {
    use super::model::Filled;
    use crate::{
        ctx,
        pages::{
            customers,
            mail::{self, model::Bounced},
            products::api::parse_id,
            serve,
        },
        ui::When,
    };
    use holdfast_domain::{CustomerId, Permission};
    use holdfast_service::admin::{
        inputs::LicenseFilter,
        page::{Limit, PageRequest},
        viewing::VIEW,
    };
    let actor = ctx::actor(Permission::CustomersRead).await?;
    actor.require(Permission::LicensesRead)?;
    let service = ctx::service()?;
    let id: CustomerId = parse_id(&id)?;
    let customer = service.customer(&actor, id).await?;
    let whole = customers::api::overview(&service, &actor, id, &after).await?;
    let filter = LicenseFilter { customer: Some(id), ..LicenseFilter::default() };
    let page = PageRequest { limit: Limit::new(STORIES), ..serve::page(&after)? };
    let mut licenses = Vec::new();
    let page = service.licenses(&actor, filter, page).await?;
    for one in &page.items {
        licenses.push(story_of(&service, &actor, one.id, Some(id)).await?);
    }
    let filled = match serve::optional("reply", &reply)? {
        None => None,
        Some(reply) => {
            let license = serve::optional("license", &license)?;
            let text = match service.fill_reply(&actor, reply, id, license).await {
                Ok(text) => Ok(text),
                // It is said on the page, which is there all the same.
                Err(error) if error.code.status() < 500 => Err(UiError::of(&error, None).sentence()),
                Err(error) => return Err(error.into()),
            };
            Some(Filled { id: reply.to_string(), text })
        }
    };
    let (orders, more_orders, refunds) = orders_of(&service, &actor, id).await?;
    let now = service.now();
    let bounced = match &customer.email {
        Some(email) => service.mail_bounce(&actor, email).await?,
        None => None,
    };
    let mails = service.mails_of_customer(&actor, id).await?;
    let licenses_page = crate::pages::List { next: page.next.map(|next| next.to_string()), ..whole.licenses.clone() };
    Ok(StoryView {
        customer: customers::api::show(&customer, now),
        bounced: bounced.map(|(at, said)| Bounced { at: When::new(at, now), said }),
        mails: mails.into_iter().map(|one| mail::show::mail(one, now)).collect(),
        may_view: actor.may(VIEW),
        whole: customers::model::Overview { licenses: licenses_page, ..whole },
        licenses,
        orders,
        more_orders,
        refunds,
        replies: service.replies(&actor).await?.iter().map(|one| (one.id.to_string(), one.name.to_string())).collect(),
        filled,
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn story_again(id: String, after: String, reply: String, license: String) -> Result<StoryView, UiError> {
    // Whoever may see it is asked there.
    story(id, after, reply, license).await
}

/// The customer as whom somebody wants to look at the portal: what they are called.
#[server(output = crate::wire::Answer)]
pub async fn who_to_view_as(id: String) -> Result<String, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_service::admin::viewing::VIEW;
    let actor = ctx::actor(VIEW).await?;
    Ok(ctx::service()?.customer(&actor, parse_id(&id)?).await?.name.to_string())
}

/// Lets this browser look at the portal as a customer sees it, and leads there.
#[server(output = crate::wire::Answer)]
pub async fn view_as(id: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_service::admin::viewing::VIEW;
    let actor = ctx::actor(VIEW).await?;
    let service = ctx::service()?;
    service.view_as(&ctx::call(&actor), parse_id(&id)?, parse("reason", &reason)?).await?;
    // A key that was shown in this browser before is none of theirs.
    ctx::drop_note(ctx::OWN_KEY);
    let look = service.portal_at(&actor.vendor().to_string()).await?;
    ctx::redirect(&format!("/portal/{}", look.path));
    Ok(())
}

/// Ends that, and leads back to the customer's story.
#[server(output = crate::wire::Answer)]
pub async fn stop_viewing() -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::admin::viewing::VIEW;
    let actor = ctx::actor(VIEW).await?;
    let customer = ctx::service()?.stop_viewing(&ctx::call(&actor)).await?;
    ctx::redirect(&customer.map_or_else(|| "/support".to_owned(), |id| format!("/support/{id}")));
    Ok(())
}

/// The vendor's replies.
#[server(output = crate::wire::Answer)]
pub async fn replies() -> Result<RepliesView, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let now = service.now();
    Ok(RepliesView {
        replies: service.replies(&actor).await?.iter().map(|one| reply_row(one, now)).collect(),
        may_write: service.may_write_replies(&actor),
    })
}

/// A reply to be changed, or a new one where `id` is empty.
#[server(output = crate::wire::Answer)]
pub async fn reply(id: String) -> Result<ReplyForm, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::reply::Fact;
    use holdfast_service::admin::replies::WRITE;
    let actor = ctx::actor(WRITE).await?;
    let service = ctx::service()?;
    let reply = if id.is_empty() { None } else { Some(service.reply(&actor, parse_id(&id)?).await?) };
    Ok(ReplyForm {
        reply: reply.map(|one| reply_row(&one, service.now())),
        facts: Fact::ALL.into_iter().map(|fact| format!("{{{}}}", fact.as_str())).collect(),
    })
}

/// Writes a reply, or changes the one with that `id`.
#[server(output = crate::wire::Answer)]
pub async fn save_reply(
    #[server(default)] id: String,
    #[server(default)] name: String,
    #[server(default)] text: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::serve::{optional, parse},
    };
    use holdfast_service::admin::replies::WRITE;
    let actor = ctx::actor(WRITE).await?;
    let (id, name, text) = (optional("id", &id)?, parse("name", &name)?, parse("text", &text)?);
    ctx::service()?.save_reply(&ctx::call(&actor), id, name, text).await?;
    ctx::redirect("/support/replies?done=reply_saved");
    Ok(())
}

/// Forgets a reply.
#[server(output = crate::wire::Answer)]
pub async fn remove_reply(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_service::admin::replies::WRITE;
    let actor = ctx::actor(WRITE).await?;
    ctx::service()?.remove_reply(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect("/support/replies?done=reply_removed");
    Ok(())
}

/// What refunding the orders of the list would do that this page was sent, or that came back from a form.
#[server(output = crate::wire::Answer)]
pub async fn refunds() -> Result<RefundsView, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesStatus).await?;
    let service = ctx::service()?;
    // Whoever had to confirm first who they are comes back to the list that they had looked at.
    let kept = || {
        let refused = ctx::refused()?;
        refused.typed.into_iter().find(|(name, _)| name == "list").map(|(_, list)| list)
    };
    let Some(text) = ctx::posted("file").or_else(|| ctx::posted("orders")).or_else(kept) else {
        return Ok(no_list(String::new(), None));
    };
    match service.look_at_refunds(&ctx::call(&actor), &text).await {
        Ok(list) => Ok(refund_list(&list, text, service.now())),
        Err(error) if error.code.status() == 400 => Ok(no_list(text, Some(UiError::of(&error, None).sentence()))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(feature = "ssr")]
use holdfast_domain::{CustomerId, LicenseId, Permission, SeatState, Timestamp, UnixSeconds};
#[cfg(feature = "ssr")]
use holdfast_lease::client::Standing;
#[cfg(feature = "ssr")]
use holdfast_service::{
    Actor, Service,
    admin::{
        explain::{Cure, DeviceExplained, Explanation, LicenseExplained, Source},
        find::Finds,
        refunds::{Fate, RefundList},
        replies::ReplyView,
        views::{LicenseView, SeatView},
    },
};

#[cfg(feature = "ssr")]
use super::{
    model::{self, DeviceRow, DeviceView, Explained, LicenseStory, May, OrderRow, RefundAct, RefundLine, ReplyRow},
    words,
};
#[cfg(feature = "ssr")]
use crate::{
    pages::{acts::model::Waiting, find::model::Group, licenses, serve},
    ssr::{Posted, encode},
    ui::{Tone, When},
};

/// How many licenses with their devices a page of a story has.
#[cfg(feature = "ssr")]
const STORIES: u32 = 10;
/// How many orders a story names.
#[cfg(feature = "ssr")]
const ORDERS: u32 = 10;
/// How many lines of a list of refunds are shown.
#[cfg(feature = "ssr")]
const LINES: usize = 200;

/// Where what was sent to be explained has a page whose address may say so; `None` for a document, which stands in none.
///
/// # Errors
/// Where it cannot be looked up now.
#[cfg(feature = "ssr")]
pub async fn place(service: &Service, actor: &Actor, sent: &Posted) -> Result<Option<String>, holdfast_service::Error> {
    use holdfast_lease::explain::Pasted;
    use holdfast_service::admin::find::{LONGEST, key_in};
    let text = sent.get("q").or_else(|| sent.get("file")).unwrap_or_default();
    let text = text.trim();
    let at = sent.get("at").map(|at| format!("&at={}", encode(&at))).unwrap_or_default();
    // Only what is short and holds neither a document nor a key stands in an address.
    let long = text.chars().count() > LONGEST || text.lines().count() > 1;
    let among = text.contains(char::is_whitespace) && key_in(text).is_some();
    if long || among || text.starts_with('{') || Pasted::find(text).is_some() {
        return Ok(None);
    }
    let finds = service.find(actor, text).await?;
    let desk = sent.get("desk").is_some();
    Ok(Some(match (finds.licenses.as_slice(), finds.whole_key) {
        ([license], true) => match license.customer.filter(|_| desk) {
            Some(customer) => format!("/support/{customer}#{}", license.id),
            None => format!("/support/explain?q={}{at}", license.id),
        },
        // Two products may have the same key of another system.
        ([license, ..], true) => format!("/support?q={}", encode(&license.key_hint)),
        ([], true) => "/support/explain?key=unknown".to_owned(),
        _ if desk => match only_customer(&finds) {
            Some(customer) => format!("/support/{customer}"),
            None => match service.explain(actor, text, None).await {
                Ok(Explanation::Code(_) | Explanation::Device(_) | Explanation::Seats(_)) => {
                    format!("/support/explain?q={}", encode(text))
                }
                _ => format!("/support?q={}", encode(text)),
            },
        },
        _ => format!("/support/explain?q={}{at}", encode(text)),
    }))
}

/// The one customer to whom everything leads that was found.
#[cfg(feature = "ssr")]
fn only_customer(finds: &Finds) -> Option<CustomerId> {
    let all = finds.customers.iter().map(|customer| Some(customer.id));
    let all = all.chain(finds.licenses.iter().map(|license| license.customer));
    let mut all = all.chain(finds.orders.iter().map(|order| order.customer));
    let first = all.next()??;
    (finds.seats.is_empty() && all.all(|other| other == Some(first))).then_some(first)
}

/// What was found, with the desk's own pages.
#[cfg(feature = "ssr")]
fn at_desk(finds: &Finds, actor: &Actor, now: Timestamp) -> Vec<Group> {
    let mut groups = crate::pages::find::api::groups(finds, actor, now);
    for hit in groups.iter_mut().flat_map(|group| &mut group.hits) {
        for (of, at) in [
            ("/console/customers/", "/support/"),
            ("/console/licenses/", "/support/explain?q="),
            ("/console/seats/", "/support/explain?q="),
        ] {
            if let Some(id) = hit.href.strip_prefix(of) {
                hit.href = format!("{at}{id}");
                break;
            }
        }
    }
    groups
}

/// The moment that was chosen, in the zone of whoever looks; `None` for now.
#[cfg(feature = "ssr")]
fn moment(at: &str) -> Result<Option<UnixSeconds>, UiError> {
    let Some(at) = serve::optional::<jiff::civil::DateTime>("at", at)? else { return Ok(None) };
    let at = at.to_zoned(crate::ctx::zone()).map_err(|error| UiError::field("at", error))?;
    Ok(Some(UnixSeconds(at.timestamp().as_second())))
}

#[cfg(feature = "ssr")]
async fn show(service: &Service, actor: &Actor, explanation: Explanation) -> Result<Explained, UiError> {
    let now = service.now();
    let at = |at: UnixSeconds| {
        let at = When::new(Timestamp::from(at), now);
        format!("{} ({})", at.absolute, at.relative)
    };
    Ok(match explanation {
        Explanation::Nothing => Explained::Nothing,
        Explanation::Refused(refusal) => {
            Explained::Refused(refusal.code().to_owned(), refusal.to_string(), words::refused(refusal).to_owned())
        }
        Explanation::Device(device) => Explained::Device(Box::new(device_view(service, actor, *device).await?)),
        Explanation::License(license) => {
            Explained::License(Box::new(license_story(service, actor, *license, None).await?))
        }
        Explanation::Seats(seats) => {
            let row = |seat: &SeatView| device_row(seat, None, now);
            Explained::Seats(seats.iter().map(row).collect())
        }
        Explanation::Keys { seq, issued, keys, newest } => {
            let newest = if newest { "Yes" } else { "No: applications get a newer one with their next call" };
            let facts = vec![
                ("Number".to_owned(), seq.to_string()),
                ("Signed".to_owned(), at(issued)),
                ("Keys".to_owned(), keys.to_string()),
                ("The newest".to_owned(), newest.to_owned()),
            ];
            Explained::Document("A list of your keys, signed by your root key".to_owned(), facts)
        }
        Explanation::Revocations { seq, issued, until, named: (licenses, seats) } => {
            let facts = vec![
                ("Number".to_owned(), seq.to_string()),
                ("Signed".to_owned(), at(issued)),
                ("Good until".to_owned(), at(until)),
                ("Licenses named".to_owned(), licenses.to_string()),
                ("Seats named".to_owned(), seats.to_string()),
            ];
            Explained::Document("A revocation list of a product of yours".to_owned(), facts)
        }
        Explanation::Code(code) => Explained::Code(Box::new(model::CodeView {
            effect: words::effect(&code),
            code: code.code,
            title: code.title,
            cause: code.cause,
            cure: code.cure,
        })),
        Explanation::Found(finds) if finds.whole_key && finds.is_empty() => Explained::UnknownKey,
        Explanation::Found(finds) => Explained::Found(at_desk(&finds, actor, now)),
    })
}

/// What helps, with the way to it where whoever looks may go there; `from` is the customer whose story it is part of.
#[cfg(feature = "ssr")]
fn cure(actor: &Actor, cure: Cure, license: Option<LicenseId>, from: Option<CustomerId>) -> model::Cure {
    let may = cure.permission().is_some_and(|needed| actor.may(needed));
    let from = from.map(|id| format!("?from=/support/{id}")).unwrap_or_default();
    let page = |id: LicenseId| match cure {
        Cure::Resume => format!("/console/licenses/{id}/resume{from}"),
        Cure::Reinstate => format!("/console/licenses/{id}/reinstate{from}"),
        Cure::Extend => format!("/console/licenses/{id}/extend{from}"),
        _ => format!("/console/seats?license={id}&state=active"),
    };
    let way = words::button(cure).filter(|_| may).zip(license).map(|(button, id)| (page(id), button.to_owned()));
    model::Cure { says: words::cure(cure).to_owned(), way }
}

#[cfg(feature = "ssr")]
fn name_of(seat: &SeatView) -> String {
    seat.name.clone().unwrap_or_else(|| "Unnamed device".to_owned())
}

#[cfg(feature = "ssr")]
fn device_row(seat: &SeatView, standing: Option<&Standing>, now: Timestamp) -> DeviceRow {
    let verdict = standing.filter(|_| seat.state == SeatState::Active).map(|standing| {
        let (tone, word) = words::badge(standing.verdict);
        (tone, word.to_owned())
    });
    let row = licenses::api::seat_row(seat, now);
    let runs = [row.user.unwrap_or_default(), row.runs].into_iter().filter(|text| !text.is_empty());
    DeviceRow {
        id: row.id,
        license: seat.license.to_string(),
        name: row.name,
        runs: runs.collect::<Vec<_>>().join(" · "),
        verdict,
        last_seen: row.last_seen,
        offline_until: row.offline_until,
    }
}

#[cfg(feature = "ssr")]
async fn device_view(service: &Service, actor: &Actor, device: DeviceExplained) -> Result<DeviceView, UiError> {
    let now = service.now();
    let people = serve::People::of(service, actor).await?;
    let when = |at: UnixSeconds| When::new(Timestamp::from(at), now);
    let told = |at: UnixSeconds| {
        let at = when(at);
        format!("{} ({})", at.absolute, at.relative)
    };
    let DeviceExplained { source, standing, license, product, seat, answer, cure: helps } = device;
    let about: Vec<[u8; 16]> = [
        license.as_ref().map(|license| license.id.to_bytes()),
        license.as_ref().and_then(|license| license.order).map(holdfast_domain::OrderId::to_bytes),
        seat.as_ref().map(|seat| seat.id.to_bytes()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let waits = crate::pages::acts::api::waiting_for(service, actor, &about, &people).await?;
    let source = match source {
        Source::Pasted => "The document that was pasted, stored on a device that has heard nothing since.".to_owned(),
        Source::Known => {
            let seen = seat.as_ref().map(|seat| When::new(seat.last_seen, now).relative).unwrap_or_default();
            format!("The newest lease known here, signed {seen}. The device may have an older one, or a denial since.")
        }
    };
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    fact("Product", product.map(|name| name.to_string()));
    if let Some(lease) = &standing.lease {
        fact("Plan", Some(lease.plan.clone()));
        fact("Device id", Some(lease.dev.clone()));
        fact("Seat id", Some(lease.seat.clone()));
        fact("Signed (iat)", Some(told(lease.iat)));
        fact("Asks again (ren)", Some(told(lease.ren)));
        fact("Lease ends (soft)", Some(told(lease.soft)));
        fact("Grace ends (exp)", Some(told(lease.exp)));
        fact("License ends (lic)", lease.lic.map(told));
        fact("Number (seq)", Some(lease.seq.to_string()));
        fact("Granted without the database (cont)", (lease.cont > 0).then(|| lease.cont.to_string()));
    }
    if let Some(denied) = &standing.denial {
        let code = format!("{}: {}", denied.code.as_str(), words::denial(denied.code));
        fact("Denied (code)", Some(code));
        fact("Denied from (eff)", Some(told(denied.eff)));
    }
    let (tone, text, reasons) = words::answer(&answer, now);
    let coming = standing.outlook().into_iter().map(|coming| model::Coming {
        what: words::turn(coming.turn).to_owned(),
        when: when(coming.at),
        then: words::badge(coming.then).1.to_owned(),
    });
    Ok(DeviceView {
        name: seat.as_ref().map_or_else(|| "A device".to_owned(), name_of),
        source,
        at: when(standing.time),
        verdict: words::verdict(&standing, now),
        answer: (tone, text),
        reasons: if reasons.len() > 1 { reasons } else { Vec::new() },
        coming: coming.collect(),
        cure: cure(actor, helps, license.as_ref().map(|license| license.id), None),
        facts,
        customer: license.as_ref().and_then(|license| {
            let name = license.customer_name.as_ref().map_or_else(|| "Customer".to_owned(), ToString::to_string);
            license.customer.map(|id| (format!("/support/{id}"), name))
        }),
        license: license
            .as_ref()
            .map(|license| (format!("/console/licenses/{}", license.id), format!("…{}", license.key_hint))),
        waits,
    })
}

/// A license with its devices, as part of the story of `from`.
#[cfg(feature = "ssr")]
async fn story_of(
    service: &Service,
    actor: &Actor,
    id: LicenseId,
    from: Option<CustomerId>,
) -> Result<LicenseStory, UiError> {
    match service.explain(actor, &id.to_string(), None).await? {
        Explanation::License(license) => license_story(service, actor, *license, from).await,
        _ => Err(holdfast_service::Error::new(holdfast_service::ErrorCode::NotFound).into()),
    }
}

#[cfg(feature = "ssr")]
async fn license_story(
    service: &Service,
    actor: &Actor,
    explained: LicenseExplained,
    from: Option<CustomerId>,
) -> Result<LicenseStory, UiError> {
    use crate::pages::notes::api::notes_about;
    use holdfast_domain::OrderId;
    use holdfast_service::admin::{approvals::Asked, notes::NoteSubject};
    let now = service.now();
    let people = serve::People::of(service, actor).await?;
    let LicenseExplained { license, product, denial, room, devices, cure: helps } = explained;
    let about = [Some(license.id.to_bytes()), license.order.map(OrderId::to_bytes)];
    let about: Vec<_> = about.into_iter().flatten().collect();
    let waits = crate::pages::acts::api::waiting_for(service, actor, &about, &people).await?;
    let answer = match &denial {
        Some(denied) => (Tone::Bad, format!("It is refused: {}.", words::reasons(denied, now).join("; "))),
        None if !room => (Tone::Warn, "It is refused to another device: all seats are taken.".to_owned()),
        None if helps == Cure::Extend => {
            (Tone::Warn, "It is accepted for what the plan leaves: the license ran out.".to_owned())
        }
        None => (Tone::Good, "It is accepted: a seat is free.".to_owned()),
    };
    let notes = notes_about(service, actor, NoteSubject::License(license.id), &people).await?.list.items;
    let asks = actor.role().is_some_and(|role| Asked::Rekey { license: license.id }.may_be_asked_by(role));
    let more = (u64::from(license.seats_taken) > devices.len() as u64)
        .then(|| format!("These are the {} seen last; {} seats are taken.", devices.len(), license.seats_taken));
    Ok(LicenseStory {
        row: licenses::api::row(&license, now),
        product: format!("{product} · {}", license.plan_code),
        reason: license.status_reason.as_ref().map(ToString::to_string),
        subscription: subscription_of(service, actor, &license).await?,
        answer,
        cure: cure(actor, helps, Some(license.id), from),
        devices: devices.iter().map(|(seat, standing)| device_row(seat, Some(standing), now)).collect(),
        more,
        waits,
        notes,
        may: May {
            status: actor.may(Permission::LicensesStatus),
            extend: actor.may(Permission::LicensesExtend) && license.expires_at.is_some(),
            free: actor.may(Permission::SeatsRelease),
            key: asks || actor.may(Permission::LicensesWrite),
        },
    })
}

/// A customer's newest orders, what is said where they have more, and what refunds some of them later.
#[cfg(feature = "ssr")]
async fn orders_of(
    service: &Service,
    actor: &Actor,
    id: CustomerId,
) -> Result<(Vec<OrderRow>, Option<String>, Vec<Waiting>), UiError> {
    use crate::pages::{acts::api::waiting, lists::build::order_status};
    use holdfast_service::admin::{
        orders::{OrderFilter, OrderStatus},
        page::{Limit, PageRequest},
    };
    let (now, may) = (service.now(), actor.may(Permission::LicensesStatus));
    let filter = OrderFilter { customer: Some(id), ..OrderFilter::default() };
    let page = PageRequest { limit: Limit::new(ORDERS), ..PageRequest::default() };
    let page = service.orders(actor, filter, page).await?;
    let more = page.next.is_some().then(|| format!("These are the newest of {}.", serve::total(page.total)));
    let people = serve::People::of(service, actor).await?;
    let ids: Vec<[u8; 16]> = page.items.iter().map(|order| order.id.to_bytes()).collect();
    let waits = service.acts_that_wait(actor, &ids).await?;
    let mut refunds: Vec<Waiting> = Vec::new();
    for (_, act) in &waits {
        let new = waiting(act, actor, &people, now).filter(|new| refunds.iter().all(|other| other.id != new.id));
        refunds.extend(new);
    }
    let waits_for = |order: &[u8; 16]| waits.iter().any(|(subject, _)| subject == order);
    let row = |order: holdfast_service::admin::views::OrderView| OrderRow {
        id: order.id.to_string(),
        waits: waits_for(&order.id.to_bytes()),
        may_refund: may && order.status != OrderStatus::Refunded && !waits_for(&order.id.to_bytes()),
        status: order_status(order.status),
        made: When::new(order.created_at, now),
        reference: order.reference,
    };
    Ok((page.items.into_iter().map(row).collect(), more, refunds))
}

/// How the subscription stands that a license was bought with, where it was with one; and until when the license lasts on.
#[cfg(feature = "ssr")]
async fn subscription_of(
    service: &Service,
    actor: &Actor,
    license: &LicenseView,
) -> Result<Option<(Tone, String, String)>, UiError> {
    use holdfast_domain::sale::SubscriptionStatus;
    let Some(order) = license.order.filter(|_| actor.may(Permission::CustomersRead)) else { return Ok(None) };
    let Some(sale) = service.sale_of_order(actor, order).await? else { return Ok(None) };
    let Some(period) = sale.sale.subscription else { return Ok(None) };
    let (now, shop) = (service.now(), sale.shop_name);
    let day = |at: Timestamp| {
        let at = When::new(at, now);
        format!("{} ({})", at.absolute, at.relative)
    };
    let until = format!("paid until {}", day(period.paid_until));
    let lasts = license.expires_at.map_or_else(String::new, |end| format!(" It works until {}.", day(end)));
    let (tone, word, words) = match period.status {
        SubscriptionStatus::Renewing => (Tone::Good, "Renews itself", format!("In {shop}, {until}.")),
        SubscriptionStatus::PastDue => {
            let said = format!("A payment has failed, and {shop} tries again: {until}.{lasts}");
            (Tone::Warn, "Past due", said)
        }
        SubscriptionStatus::Ending => (Tone::Info, "Ends", format!("It was cancelled in {shop}: {until}.")),
        SubscriptionStatus::Ended => (Tone::None, "Ended", format!("It ended in {shop}: {until}.")),
    };
    Ok(Some((tone, word.to_owned(), words)))
}

#[cfg(feature = "ssr")]
fn reply_row(reply: &ReplyView, now: Timestamp) -> ReplyRow {
    ReplyRow {
        id: reply.id.to_string(),
        name: reply.name.to_string(),
        text: reply.text.to_string(),
        changed: When::new(reply.updated_at, now),
    }
}

/// The page before there is a list, or where it could not be read.
#[cfg(feature = "ssr")]
const fn no_list(text: String, wrong: Option<String>) -> RefundsView {
    RefundsView { lines: None, counted: String::new(), more: None, act: None, wrong, text }
}

#[cfg(feature = "ssr")]
fn refund_list(list: &RefundList, text: String, now: Timestamp) -> RefundsView {
    use crate::pages::acts::api::{counted, impact};
    let day = |at: Option<Timestamp>| at.map(|at| When::new(at, now).absolute).unwrap_or_default();
    let line = |line: &holdfast_service::admin::refunds::Line| {
        let page = |order: &holdfast_service::admin::views::OrderView| Some(format!("/console/orders/{}", order.id));
        let (href, customer, fate, counts) = match &line.fate {
            Fate::Refund(found) => {
                let name = found.customer_name.as_ref().map(ToString::to_string).unwrap_or_default();
                let counts = Some((found.licenses, found.devices));
                (page(&found.order), name, (Tone::Good, "Is refunded".to_owned()), counts)
            }
            Fate::Refunded(order) => {
                let word = format!("Refunded already, {}", day(order.refunded_at));
                (page(order), String::new(), (Tone::None, word), None)
            }
            Fate::Unknown => (None, String::new(), (Tone::Bad, "No such order".to_owned()), None),
            Fate::Repeated => (None, String::new(), (Tone::None, "Stands in the list already".to_owned()), None),
        };
        let customer = if customer.is_empty() { "–".to_owned() } else { customer };
        RefundLine { line: line.line, reference: line.reference.clone(), href, customer, fate, counts }
    };
    let of = |fate: fn(&Fate) -> bool| list.lines.iter().filter(|line| fate(&line.fate)).count();
    let known = [
        (of(|fate| matches!(fate, Fate::Refund(_))), "to be refunded"),
        (of(|fate| matches!(fate, Fate::Refunded(_))), "refunded already"),
        (of(|fate| matches!(fate, Fate::Unknown)), "unknown"),
        (of(|fate| matches!(fate, Fate::Repeated)), "repeated"),
    ];
    let told: Vec<String> = known.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let licenses: u64 = list.preview.as_ref().and_then(|preview| preview.licenses).unwrap_or(0);
    let act = list.preview.as_ref().map(|preview| RefundAct {
        id: preview.id.to_string(),
        orders: list.orders.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        title: format!("Refund {}", counted(preview.total, true, "order")),
        impact: format!("{} revoked. {}", counted(licenses, true, "license"), impact(preview, false, now)),
        losses: licenses::api::impact(&preview.impact, now).losses,
        second: preview.second,
        later: preview.later,
    });
    let all = list.lines.len();
    RefundsView {
        lines: Some(list.lines.iter().take(LINES).map(line).collect()),
        counted: format!("{}: {}.", counted(all as u64, true, "line"), told.join(", ")),
        more: (all > LINES).then(|| format!("The first {LINES} of {all} lines. All of them are meant.")),
        act,
        wrong: None,
        text,
    }
}
