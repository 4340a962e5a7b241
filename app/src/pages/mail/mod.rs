//! Mail: how it leaves, how it looks, what went and what came of it.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
pub mod show;

use leptos::prelude::*;
use leptos_router::{
    hooks::{use_params_map, use_query_map},
    params::ParamsMap,
};

use crate::{
    pages::fleet::Stands,
    ui::{
        ActionForm, Crumb, Empty, Fact, Facts, Field, FormError, PageHead, Pager, Rows, Section, Snippet, Submit, Tab,
        Tabs, TextArea, WhenText, act,
        act::Act,
        act_error,
        data::with_query,
        live::load_while,
        load,
        page::{Notice, NoticeKind},
        refused::FormState,
        show,
    },
};
use api::{SaveMail, SaveMailTemplate, SendMailAgain, TestMail};
use model::{Asked, Bounced, MailRow, MailView, NoticeChoice, ProductChoice, TemplateRow, TemplateView};

const HERE: &str = "/console/settings/mail";
/// What an operator sets so that mail leaves.
const SET_UP: &str = "holdfast serve --mail-url smtps://USER:PASSWORD@mail.example.com --mail-from licenses@example.com \
                      --public-url https://licenses.example.com";

fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new("/console/settings", "Settings")]
}

/// The tabs.
const TABS: [Tab; 2] = [Tab { value: "", name: "Settings" }, Tab { value: "log", name: "Sent" }];

/// How mail leaves and looks, and what went.
#[component]
pub fn MailPage() -> impl IntoView {
    let query = use_query_map();
    let get = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let asked = Memo::new(move |_| Asked { tab: get("tab"), state: get("state"), after: get("after") });
    let mail = load_while(
        |view: &MailView| view.moves,
        move || asked.get(),
        async |asked, by_itself| if by_itself { api::mail_again(asked).await } else { api::mail(asked).await },
    );
    let (test, again) = (act::<TestMail>(), act::<SendMailAgain>());
    let (test_error, again_error) = (act_error(test), act_error(again));
    show(mail, move |view: MailView| {
        let Asked { tab, state, .. } = asked.get_untracked();
        let body = match tab.as_str() {
            "log" => view! { <Log view=view.clone() state again /> }.into_any(),
            _ => view! { <Settings view=view.clone() /> }.into_any(),
        };
        let tried = (view.may_write && view.way.is_some()).then(|| {
            view! {
                <ActionForm action=test>
                    <button type="submit" class="btn btn-sm btn-plain">"Send test to me"</button>
                </ActionForm>
            }
        });
        view! {
            <PageHead title="Mail" crumbs=crumbs()><div class="actions">{tried}</div></PageHead>
            <FormError error=test_error />
            <FormError error=again_error />
            <Way way=view.way.clone() />
            <Tabs tabs=TABS.to_vec() open=tab />
            {body}
        }
    })
}

/// How it leaves.
#[component]
fn Way(way: Option<(String, String)>) -> impl IntoView {
    match way {
        Some((from, how)) => view! {
            <Facts>
                <Fact name="From">{from}</Fact>
                <Fact name="How it leaves">{how}</Fact>
            </Facts>
        }
        .into_any(),
        None => view! {
            <Notice kind=NoticeKind::Info>
                <p>"No mail leaves here. Links to invitations and new passwords are shown to be handed over, and alerts are here and in webhooks only. Whoever runs this installation sets a way:"</p>
            </Notice>
            <Snippet code=SET_UP what="command" />
        }
        .into_any(),
    }
}

#[component]
fn Settings(view: MailView) -> impl IntoView {
    let action = act::<SaveMail>();
    let error = act_error(action);
    let look = if view.may_write {
        view! { <LookForm view=view.clone() action error /> }.into_any()
    } else {
        let usual = |text: String, usual: &str| if text.is_empty() { usual.to_owned() } else { text };
        let told = told(&view.notices);
        view! {
            <Facts>
                <Fact name="Sender">{usual(view.sender.clone(), &format!("{}; to customers the portal's name", view.vendor))}</Fact>
                <Fact name="Answers go to">{usual(view.reply_to.clone(), "the address that mails come from")}</Fact>
                <Fact name="Colour">{usual(view.colour.clone(), "the usual; to customers the portal's")}</Fact>
                <Fact name="Customers are mailed">{told}</Fact>
            </Facts>
            <p class="muted">"An owner or admin can change it."</p>
        }
        .into_any()
    };
    let rows = view.templates.into_iter().map(template_row).collect_view();
    view! {
        <Section title="How all of them look">{look}</Section>
        <Section title="Texts">
            <Rows label="Texts" head=vec![("Mail", ""), ("Words", "right")]>{rows}</Rows>
        </Section>
    }
}

/// Of what customers are told, in a sentence.
fn told(notices: &[NoticeChoice]) -> String {
    let told: Vec<_> = notices.iter().filter(|notice| notice.told).map(|notice| notice.when.as_str()).collect();
    if told.is_empty() { "only what they ask for".to_owned() } else { told.join(", ") }
}

/// A box of the settings that is ticked or not.
fn check(name: String, label: String, set: bool, error: FormState) -> impl IntoView {
    let (id, of) = (name.clone(), name.clone());
    let checked = error.typed(&name).map_or(set, |typed| typed == "true");
    view! {
        <label class="check" for=of>
            <input class="checkbox checkbox-sm" type="checkbox" id=id name=name value="true" checked=checked />
            <span>{label}</span>
        </label>
    }
}

#[component]
fn LookForm(view: MailView, action: Act, error: FormState) -> impl IntoView {
    let box_of = |product: ProductChoice| check(format!("issued[{}]", product.id), product.name, product.mailed, error);
    let products: Vec<_> = view.products.into_iter().map(box_of).collect();
    let box_of = |notice: NoticeChoice| check(format!("notices[{}]", notice.code), notice.when, notice.told, error);
    let notices: Vec<_> = view.notices.into_iter().map(box_of).collect();
    let issued = (!products.is_empty()).then(|| {
        view! {
            <fieldset class="group">
                <legend class="legend">"Mail the key to the customer when a license is issued"</legend>
                {products}
            </fieldset>
        }
    });
    view! {
        <ActionForm action=action class="form">
            <FormError error />
            <Field name="sender" label="Sender" maxlength="200" value=view.sender placeholder=view.vendor hint="The name that mails come from. Those to customers come from your portal's name when left empty." error />
            <Field name="reply_to" label="Answers go to" kind="email" value=view.reply_to hint="To the address that mails come from when left empty." error />
            <Field name="colour" label="Colour" maxlength="7" value=view.colour placeholder="#2b59c3" hint="Of buttons and lines: # and six hexadecimal digits. Mails to customers have your portal's colour when left empty." error />
            {issued}
            <fieldset class="group">
                <legend class="legend">"Mail the customer"</legend>
                {notices}
            </fieldset>
            <Field name="renewal_days" label="Days before a license ends" kind="number" value=view.renewal_days.to_string() hint="From 1 to 90. Subscriptions that a shop renews are left out. Where a program of yours renews licenses, untick the first box." error />
            <div class="form-actions"><Submit label="Save mail settings" pending=action.pending() /></div>
        </ActionForm>
    }
}

fn template_row(row: TemplateRow) -> impl IntoView {
    view! {
        <tr>
            <td class="alert-cell">
                <a class="row-link" href=format!("{HERE}/{}", row.code)>{row.name}</a>
                <span class="sub">{row.when}</span>
            </td>
            <td class="right nowrap">{if row.own { "Your own" } else { "The usual" }}</td>
        </tr>
    }
}

/// Says that the last mail to somebody came back.
#[component]
pub fn MailBounced(bounced: Option<Bounced>) -> impl IntoView {
    bounced.map(|Bounced { at, said }| {
        view! {
            <Notice kind=NoticeKind::Warn>
                <p>"The last mail to this address came back " <WhenText when=at /> ": " {said} ". Correct the address before anything is mailed there again."</p>
            </Notice>
        }
    })
}

/// How far mails can be: the value in the address and the word.
const STATES: [(&str, &str); 5] = [
    ("", "All"),
    ("queued", "Waiting or retrying"),
    ("sent", "Sent"),
    ("bounced", "Came back"),
    ("failed", "Given up"),
];

#[component]
fn Log(view: MailView, state: String, again: Act) -> impl IntoView {
    let query = use_query_map();
    let chip = |(value, word): (&'static str, &'static str)| {
        let href = move || query.with(|query: &ParamsMap| with_query(HERE, query, &[("state", value), ("after", "")]));
        view! { <a class="chip" href=href aria-current=(state == value).then_some("true")>{word}</a> }
    };
    let chips = STATES.into_iter().map(chip).collect_view();
    let (shown, whole, moves) = (view.log.items.len() as u64, view.may_write, view.moves);
    let table = if view.log.items.is_empty() {
        let text = "What is mailed appears here with what came of it, and stays for 90 days.";
        view! { <Empty title="Nothing here" text /> }.into_any()
    } else {
        let mut head = vec![("Mail", ""), ("State", ""), ("Since", "right")];
        if whole {
            head.push(("", "right"));
        }
        let rows = view.log.items.into_iter().map(|row| mail_row(row, whole, again)).collect_view();
        view! {
            <Rows label="Mails" head>{rows}</Rows>
            <Pager shown next=view.log.next />
        }
        .into_any()
    };
    view! {
        <nav class="chips" aria-label="Filter mails"><span class="chip-group" role="group" aria-label="State">{chips}</span></nav>
        {table}
        {moves.then(|| view! { <p class="unscripted"><a class="link" href="" rel="external">"Look again"</a></p> })}
    }
}

fn mail_row(row: MailRow, whole: bool, again: Act) -> impl IntoView {
    let said = row.to.clone().map_or_else(|| "Send again".to_owned(), |to| format!("Send again to {to}"));
    let next = row.next.map(|when| view! { <span class="sub">"next " <WhenText when /></span> });
    let button = row.again.then(|| {
        view! {
            <ActionForm action=again>
                <input type="hidden" name="id" value=row.id />
                <button type="submit" class="btn btn-sm btn-plain" aria-label=said>"Send again"</button>
            </ActionForm>
        }
    });
    view! {
        <tr>
            <td class="alert-cell">{row.what} <span class="sub">{row.to}</span></td>
            <td class="alert-cell"><Stands badge=row.state /> <span class="sub">{row.error}</span> {next}</td>
            <td class="right nowrap"><WhenText when=row.created /></td>
            {whole.then(|| view! { <td class="right">{button}</td> })}
        </tr>
    }
}

/// A kind of mail: the vendor's words in it, and how it looks.
#[component]
pub fn MailTemplatePage() -> impl IntoView {
    let params = use_params_map();
    let code = Memo::new(move |_| params.with(|params| params.get("template").unwrap_or_default()));
    let template = load(move || code.get(), api::mail_template);
    let action = act::<SaveMailTemplate>();
    let error = act_error(action);
    show(template, move |view: TemplateView| {
        let form = view.may_write.then(|| {
            let view = view.clone();
            view! {
                <Section title="Your words">
                    <ActionForm action=action class="form" clone:view>
                        <FormError error />
                        <input type="hidden" name="code" value=view.row.code.clone() />
                        <TextArea name="introduction" label="Introduction" value=view.introduction.clone() hint="In place of the first paragraph. What the mail is for (link, code, key) stays." error />
                        <TextArea name="signature" label="Signature" value=view.signature.clone() hint="In place of the sender's name at the end." error />
                        <div class="form-actions"><Submit label="Save words" pending=action.pending() /></div>
                    </ActionForm>
                </Section>
            }
        });
        let crumbs = [crumbs(), vec![Crumb::new(HERE, "Mail")]].concat();
        let html = format!("/console/previews/{}", view.row.code);
        view! {
            <PageHead title=view.row.name.clone() crumbs />
            <p class="page-sub">{view.row.when.clone()}</p>
            {form}
            <Section title="How it looks">
                <Facts>
                    <Fact name="Sender">{view.sender.clone()}</Fact>
                    <Fact name="Subject">{view.subject.clone()}</Fact>
                </Facts>
                <Snippet code=view.text.clone() what="text" />
                <p><a class="link" href=html rel="external" target="_blank">"As HTML, on a page of its own"</a> <span class="muted">" Its contents are made up; the link leads nowhere."</span></p>
            </Section>
        }
    })
}
