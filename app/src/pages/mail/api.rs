//! Server functions of the screens of mail.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::model::{Asked, MailView, TemplateView};
use crate::error::UiError;

/// How mail leaves and looks, and what went.
#[server(output = crate::wire::Answer)]
pub async fn mail(asked: Asked) -> Result<MailView, UiError> {
    use super::{model::ProductChoice, show};
    use crate::{
        ctx,
        pages::{List, serve},
    };
    use holdfast_domain::Permission;
    use holdfast_service::{
        admin::mails::{MailFilter, MailState},
        mail::{Notices, Template},
    };
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let settings = service.mail_settings(&actor).await?;
    let now = service.now();
    let (mut log, mut moves) = (List { items: Vec::new(), next: None, total: String::new() }, false);
    if asked.tab == "log" {
        let filter = MailFilter { state: MailState::from_name(&asked.state), recipient: None };
        let page = service.mails(&actor, filter, serve::page(&asked.after)?).await?;
        moves = page.items.iter().any(|mail| show::moves(mail, now));
        log = serve::list(page, |mail| show::mail(mail, now));
    }
    let products = all_products(&service, &actor).await?.into_iter().map(|product| ProductChoice {
        mailed: settings.issued.contains(&product.id),
        id: product.id.to_string(),
        name: product.name.to_string(),
    });
    let (look, notices) = (settings.look, settings.notices);
    let text = |value: Option<String>| value.unwrap_or_default();
    Ok(MailView {
        way: settings.way.map(|way| (way.from.to_string(), way.how)),
        vendor: look.vendor.to_string(),
        sender: text(look.sender.as_ref().map(ToString::to_string)),
        reply_to: text(look.reply_to.as_ref().map(ToString::to_string)),
        colour: text(look.colour.as_ref().map(ToString::to_string)),
        products: products.collect(),
        renewal_days: notices.renewal.or(Notices::default().renewal).unwrap_or_default(),
        notices: show::notices(notices),
        templates: Template::ALL.iter().map(|template| show::template(*template, &look)).collect(),
        log,
        moves,
        may_write: actor.may(Permission::MembersWrite),
    })
}

/// The same, asked by the page itself while something is on its way: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn mail_again(asked: Asked) -> Result<MailView, UiError> {
    // Whoever may see it is asked there.
    mail(asked).await
}

#[cfg(feature = "ssr")]
async fn all_products(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
) -> Result<Vec<holdfast_service::admin::views::ProductView>, UiError> {
    use holdfast_service::admin::page::{Limit, PageRequest};
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: Limit::new(200), ..PageRequest::default() };
        let products = service.products(actor, Some(false), None, page).await?;
        found.extend(products.items);
        after = products.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// Sets how all mails look, for which products keys are mailed, and of what customers are told without asking for it.
#[server(output = crate::wire::Answer)]
pub async fn save_mail(
    #[server(default)] sender: String,
    #[server(default)] reply_to: String,
    #[server(default)] colour: String,
    #[server(default)] issued: BTreeMap<String, String>,
    #[server(default)] notices: BTreeMap<String, String>,
    #[server(default)] renewal_days: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::optional},
    };
    use holdfast_domain::Permission;
    use holdfast_service::{
        admin::mails::SetMailLook,
        mail::{Notices, Template},
    };
    let actor = ctx::actor(Permission::MembersWrite).await?;
    let told = |template: Template| notices.contains_key(template.as_str());
    // What is no number is refused as a number that is too small is.
    let days = told(Template::RenewalComing).then(|| renewal_days.trim().parse().unwrap_or(0));
    let input = SetMailLook {
        sender: optional("sender", &sender)?,
        reply_to: optional("reply_to", &reply_to)?,
        colour: optional("colour", &colour)?,
        issued: issued.keys().map(|id| parse_id(id)).collect::<Result<_, _>>()?,
        notices: Notices { renewal: days, seat_limit: told(Template::SeatLimit), refunded: told(Template::Refunded) },
    };
    ctx::service()?.set_mail_look(&ctx::call(&actor), input).await?;
    ctx::redirect("/console/settings/mail?done=saved");
    Ok(())
}

/// Mails a test to whoever asks.
#[server(output = crate::wire::Answer)]
pub async fn test_mail() -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    ctx::service()?.mail_test(&ctx::call(&actor)).await?;
    ctx::redirect("/console/settings/mail?tab=log&done=mail_tested");
    Ok(())
}

/// Sends a mail once more.
#[server(output = crate::wire::Answer)]
pub async fn send_mail_again(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    ctx::service()?.mail_again(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect("/console/settings/mail?tab=log&done=mail_sent_again");
    Ok(())
}

/// A kind of mail.
#[cfg(feature = "ssr")]
fn of_name(name: &str) -> Result<holdfast_service::mail::Template, UiError> {
    use holdfast_service::{Error, ErrorCode, mail::Template};
    Template::from_name(name).ok_or_else(|| Error::new(ErrorCode::NotFound).into())
}

/// A kind of mail with the vendor's words and as it looks.
#[server(output = crate::wire::Answer)]
pub async fn mail_template(code: String) -> Result<TemplateView, UiError> {
    use super::show;
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let (service, template) = (ctx::service()?, of_name(&code)?);
    let look = service.mail_settings(&actor).await?.look;
    let rendered = service.preview_mail(&actor, template).await?;
    let words = look.texts.get(&template).cloned().unwrap_or_default();
    let text = |text: Option<holdfast_domain::MailText>| text.map(|text| text.to_string()).unwrap_or_default();
    Ok(TemplateView {
        row: show::template(template, &look),
        introduction: text(words.introduction),
        signature: text(words.signature),
        sender: look.sender(template),
        subject: rendered.subject,
        text: rendered.text,
        may_write: actor.may(Permission::MembersWrite),
    })
}

/// Sets the vendor's words in a kind of mail.
#[server(output = crate::wire::Answer)]
pub async fn save_mail_template(
    code: String,
    #[server(default)] introduction: String,
    #[server(default)] signature: String,
) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::optional};
    use holdfast_domain::Permission;
    use holdfast_service::mail::Words;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    let template = of_name(&code)?;
    let words =
        Words { introduction: optional("introduction", &introduction)?, signature: optional("signature", &signature)? };
    ctx::service()?.set_mail_words(&ctx::call(&actor), template, words).await?;
    ctx::redirect(&format!("/console/settings/mail/{}?done=saved", template.as_str()));
    Ok(())
}
