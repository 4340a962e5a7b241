//! Webhooks: where the vendor's own servers are told what happened, what went there, and what came of it.

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
        ActionForm, Copyable, Crumb, Empty, Fact, Facts, Field, FormError, NothingMatches, PageHead, Pager, Rows,
        Search, Section, Snippet, Submit, Tab, Tabs, TextArea, WhenText, act,
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
use api::{CreateWebhook, Redeliver, SaveWebhook, StepWebhook};
use holdfast_domain::webhook::TOPICS;
use model::{Asked, AttemptRow, DeliveryDetail, DeliveryRow, WebhookDetail, WebhookRow};

const HERE: &str = "/console/webhooks";

/// The list of webhooks.
#[component]
pub fn WebhooksPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let get = |name| query.with(|query| query.get(name).unwrap_or_default());
        (get("q"), get("after"))
    });
    let webhooks = load(move || asked.get(), |(q, after)| api::webhooks(q, after));
    show(webhooks, move |list| {
        let q = asked.get_untracked().0;
        let shown = list.items.len() as u64;
        let add = || view! { <a class="btn btn-sm btn-primary" href="/console/webhooks/new">"Add webhook"</a> };
        let search = (shown > 0 || !q.is_empty())
            .then(|| view! { <Search path=HERE label="Address or what it is for" q=q.clone() /> });
        let table = if shown == 0 && !q.is_empty() {
            view! { <NothingMatches what="webhook" text="A part of its address, or of what it is for, finds a webhook." all=HERE /> }.into_any()
        } else if shown == 0 {
            let text = "A webhook tells a server of yours what happens to licenses, seats, orders and alerts: signed, in order, \
                        and again until it arrives.";
            view! { <Empty title="No webhooks yet" text>{add()}</Empty> }.into_any()
        } else {
            let head = vec![("Webhook", ""), ("State", ""), ("Told of", "wide"), ("Last delivered", "right wide")];
            view! {
                <Rows label="Webhooks" head>{list.items.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=list.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Webhooks" total=list.total><div class="actions">{add()}</div></PageHead>
            {search}
            {table}
        }
    })
}

fn row(webhook: WebhookRow) -> impl IntoView {
    let delivered = match webhook.delivered {
        Some(when) => view! { <WhenText when /> }.into_any(),
        None => view! { <span class="muted">"never"</span> }.into_any(),
    };
    view! {
        <tr>
            <td class="alert-cell">
                <a class="row-link" href=format!("{HERE}/{}", webhook.id)>{webhook.url}</a>
                <span class="sub">{webhook.description}</span>
            </td>
            <td class="nowrap"><Stands badge=webhook.state /></td>
            <td class="wide">{webhook.told}</td>
            <td class="right wide nowrap">{delivered}</td>
        </tr>
    }
}

/// What a webhook is made of.
#[component]
fn Fields(
    #[prop(optional)] url: String,
    #[prop(optional)] description: String,
    #[prop(optional)] events: String,
    error: FormState,
) -> impl IntoView {
    let topics = TOPICS.iter().map(|(topic, meaning)| {
        view! { <Fact name=*topic>{*meaning}</Fact> }
    });
    view! {
        <Field
            name="url"
            label="Address"
            required=true
            maxlength="2000"
            value=url
            placeholder="https://example.com/holdfast"
            hint="An https address that anybody can reach. Redirects are not followed."
            error
        />
        <Field name="description" label="What it is for" maxlength="200" value=description error />
        <TextArea
            name="events"
            label="Events"
            value=events
            hint="One a line: a topic such as license.revoked, or a family such as seat.*. Everything when left empty."
            error
        />
        <details class="more">
            <summary>"Every topic"</summary>
            <Facts>{topics.collect_view()}</Facts>
        </details>
    }
}

/// A new webhook.
#[component]
pub fn NewWebhookPage() -> impl IntoView {
    let action = act::<CreateWebhook>();
    let error = act_error(action);
    view! {
        <PageHead title="Add webhook" crumbs=vec![Crumb::new(HERE, "Webhooks")] />
        <ActionForm action=action class="form">
            <FormError error />
            <Fields error />
            <div class="form-actions">
                <Submit label="Add webhook" pending=action.pending() />
                <a class="btn btn-plain" href=HERE>"Cancel"</a>
            </div>
        </ActionForm>
    }
}

/// The tabs of a webhook.
const TABS: [Tab; 2] = [Tab { value: "", name: "Deliveries" }, Tab { value: "settings", name: "Settings" }];

/// Everything about a webhook.
#[component]
pub fn WebhookPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let get = |name: &str| query.with(|query| query.get(name).unwrap_or_default());
        let id = params.with(|params| params.get("id").unwrap_or_default());
        Asked { id, state: get("state"), after: get("after") }
    });
    let tab = Memo::new(move |_| query.with(|query| query.get("tab").unwrap_or_default()));
    let webhook = load_while(
        |detail: &WebhookDetail| detail.moves,
        move || asked.get(),
        async |asked, by_itself| if by_itself { api::webhook_again(asked).await } else { api::webhook(asked).await },
    );
    let action = act::<StepWebhook>();
    let step = (action, act_error(action));
    show(webhook, move |detail: WebhookDetail| {
        let row = detail.row.clone();
        let state = asked.get_untracked().state;
        let body = {
            let detail = detail.clone();
            move || match tab.get().as_str() {
                "settings" => view! { <Settings detail=detail.clone() step /> }.into_any(),
                _ => view! { <Deliveries detail=detail.clone() state=state.clone() /> }.into_any(),
            }
        };
        view! {
            <PageHead title=row.url.clone() crumbs=vec![Crumb::new(HERE, "Webhooks")] clone:row>
                <Stands badge=row.state.clone() />
            </PageHead>
            <p class="page-sub">
                <Copyable text=row.id.clone() what="webhook id" />
                <span>{row.description.clone()}</span>
            </p>
            <FormError error=step.1 />
            <Secret secret=detail.secret.clone() />
            <Standing detail=detail.clone() step />
            {move || view! { <Tabs tabs=TABS.to_vec() open=tab.get() /> }}
            {body}
        }
    })
}

/// The secret, right after it was made.
#[component]
fn Secret(secret: Option<String>) -> impl IntoView {
    secret.map(|text| {
        view! {
            <section class="section" aria-label="Secret">
                <div class="key-once"><Copyable text what="secret" /></div>
                <p class="muted">"The receiver verifies signatures with this secret. It is shown here for two minutes and never again; a new one can be made in the settings."</p>
            </section>
        }
    })
}

/// A button that takes a step.
#[component]
fn Step(id: String, step: &'static str, label: &'static str, action: Act) -> impl IntoView {
    view! {
        <ActionForm action=action>
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="step" value=step />
            <button type="submit" class="btn btn-sm btn-plain">{label}</button>
        </ActionForm>
    }
}

/// Whether it works, and what can be done about it.
#[component]
fn Standing(detail: WebhookDetail, step: (Act, FormState)) -> impl IntoView {
    let (id, action) = (detail.row.id.clone(), step.0);
    let paused = detail.paused.clone().map(|(why, when)| {
        view! {
            <Notice kind=NoticeKind::Warn>
                <p>"Paused " <WhenText when /> ". " {why} " What happens meanwhile waits for it, for 30 days."</p>
            </Notice>
        }
    });
    let failing = detail.failing.clone().filter(|_| detail.paused.is_none()).map(|when| {
        view! {
            <Notice kind=NoticeKind::Warn>
                <p>"Nothing has arrived " <WhenText when /> ". It is tried again and again; after three days it is paused."</p>
            </Notice>
        }
    });
    let steps = detail.may_write.then(|| {
        if detail.paused.is_some() {
            return view! { <Step id step="resume" label="Resume" action /> }.into_any();
        }
        view! {
            <Step id=id.clone() step="test" label="Send test" action />
            <Step id step="pause" label="Pause" action />
        }
        .into_any()
    });
    view! {
        {paused}
        {failing}
        <div class="actions">{steps}</div>
    }
}

/// How far deliveries can be: the value in the address and the word.
const STATES: [(&str, &str); 4] =
    [("", "All"), ("pending", "Waiting or retrying"), ("delivered", "Delivered"), ("failed", "Given up")];

#[component]
fn Deliveries(detail: WebhookDetail, state: String) -> impl IntoView {
    let query = use_query_map();
    let path = format!("{HERE}/{}", detail.row.id);
    let chip = |(value, word): (&'static str, &'static str)| {
        let path = path.clone();
        let href = move || query.with(|query: &ParamsMap| with_query(&path, query, &[("state", value), ("after", "")]));
        view! { <a class="chip" href=href aria-current=(state == value).then_some("true")>{word}</a> }
    };
    let chips = STATES.into_iter().map(chip).collect_view();
    let shown = detail.deliveries.items.len() as u64;
    let table = if detail.deliveries.items.is_empty() {
        let text = "What is sent appears here with every attempt, and stays for 30 days.";
        view! { <Empty title="Nothing here" text /> }.into_any()
    } else {
        let head =
            vec![("What", ""), ("State", ""), ("Attempts", "right wide"), ("Last answer", "wide"), ("Since", "right")];
        let id = detail.row.id.clone();
        let rows = detail.deliveries.items.into_iter().map(|row| delivery_row(&id, row)).collect_view();
        view! {
            <Rows label="Deliveries" head>{rows}</Rows>
            <Pager shown next=detail.deliveries.next />
        }
        .into_any()
    };
    view! {
        <nav class="chips" aria-label="Filter deliveries"><span class="chip-group" role="group" aria-label="State">{chips}</span></nav>
        {table}
    }
}

fn delivery_row(webhook: &str, row: DeliveryRow) -> impl IntoView + use<> {
    view! {
        <tr>
            <td class="alert-cell">
                <a class="row-link" href=format!("{HERE}/{webhook}/{}", row.id)>{row.topic}</a>
                <span class="sub"><Copyable text=row.subject.clone() what=row.subject /></span>
            </td>
            <td class="nowrap"><Stands badge=row.state /></td>
            <td class="right wide num">{row.attempts}</td>
            <td class="wide">{row.outcome}</td>
            <td class="right nowrap"><WhenText when=row.created /></td>
        </tr>
    }
}

#[component]
fn Settings(detail: WebhookDetail, step: (Act, FormState)) -> impl IntoView {
    let action = act::<SaveWebhook>();
    let error = act_error(action);
    let (id, events) = (detail.row.id.clone(), detail.events.clone());
    let form = if detail.may_write {
        view! {
            <ActionForm action=action class="form" clone:id clone:detail>
                <FormError error />
                <input type="hidden" name="id" value=id.clone() />
                <Fields url=detail.row.url.clone() description=detail.row.description.clone() events error />
                <div class="form-actions"><Submit label="Save webhook" pending=action.pending() /></div>
            </ActionForm>
        }
        .into_any()
    } else {
        view! { <p class="muted">"Only whoever made this webhook, an admin or an owner can change it."</p> }.into_any()
    };
    let others = detail.may_write.then(|| {
        view! {
            <Section title="New secret" clone:id>
                <p class="muted">"For a day the secret of before signs as well, so that the receiver can change over without loss."</p>
                <Step id=id.clone() step="rotate" label="Make new secret" action=step.0 />
            </Section>
            <section class="danger-zone" aria-labelledby="webhook-away">
                <h2 id="webhook-away">"Remove webhook"</h2>
                <p class="muted">"Nothing is sent there from then on. Its log goes with it, and so does everything that waits for it. This cannot be undone. To stop for a while, pause it."</p>
                <ActionForm action=step.0 class="form">
                    <input type="hidden" name="id" value=id.clone() />
                    <input type="hidden" name="step" value="remove" />
                    <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error=step.1 />
                    <div class="form-actions"><Submit label="Remove webhook" danger=true pending=step.0.pending() /></div>
                </ActionForm>
            </section>
        }
    });
    view! {
        {form}
        <Section title="Signatures" clone:detail>
            <Facts>
                <Fact name="Public key"><Copyable text=detail.public_key.clone() what="public key" /></Fact>
                {detail.previous.clone().map(|when| view! { <Fact name="Secret before">"signs as well; ends " <WhenText when /></Fact> })}
            </Facts>
            <p class="muted">"Every request is signed as Standard Webhooks describes: v1 with the secret, v1a with the key that belongs to this public key."</p>
        </Section>
        {others}
    }
}

/// A delivery with its attempts.
#[component]
pub fn DeliveryPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("id").unwrap_or_default(), params.get("delivery").unwrap_or_default()))
    });
    let delivery = load_while(
        |detail: &DeliveryDetail| detail.moves,
        move || asked.get(),
        async |(webhook, id), by_itself| {
            if by_itself { api::delivery_again(webhook, id).await } else { api::delivery(webhook, id).await }
        },
    );
    let action = act::<Redeliver>();
    let error = act_error(action);
    show(delivery, move |detail: DeliveryDetail| {
        let row = detail.row.clone();
        let (webhook, url) = detail.webhook.clone();
        let crumbs = vec![Crumb::new(HERE, "Webhooks"), Crumb::new(format!("{HERE}/{webhook}"), url)];
        let next = row.next.clone().map(|when| view! { <Fact name="Next attempt"><WhenText when /></Fact> });
        let send = detail.may_send.then(|| {
            let (webhook, id) = (webhook.clone(), row.id.clone());
            view! {
                <ActionForm action=action>
                    <input type="hidden" name="webhook" value=webhook />
                    <input type="hidden" name="id" value=id />
                    <button type="submit" class="btn btn-sm btn-plain">"Send again"</button>
                </ActionForm>
            }
        });
        let log = if detail.log.is_empty() {
            view! { <p class="muted">"Not tried yet. It waits for its turn, or for what comes before it."</p> }
                .into_any()
        } else {
            let head = vec![("Attempt", ""), ("Outcome", ""), ("Took", "right wide"), ("When", "right")];
            let rows = detail.log.clone().into_iter().map(attempt_row).collect_view();
            view! { <Rows label="Attempts" head>{rows}</Rows> }.into_any()
        };
        view! {
            <PageHead title=row.topic.clone() crumbs clone:row><Stands badge=row.state.clone() /></PageHead>
            <p class="page-sub"><Copyable text=row.id.clone() what="delivery id" /></p>
            <FormError error />
            <div class="actions">{send}</div>
            <Section title="Attempts">
                {log}
                {detail.moves.then(|| view! { <p class="unscripted"><a class="link" href="" rel="external">"Look again"</a></p> })}
            </Section>
            <Section title="The message">
                <Facts>
                    <Fact name="webhook-id"><Copyable text=detail.message.clone() what="message id" /></Fact>
                    <Fact name="About"><Copyable text=row.subject.clone() what=row.subject.clone() /></Fact>
                    <Fact name="In line since"><WhenText when=row.created.clone() /></Fact>
                    {next}
                </Facts>
                <Snippet code=detail.body.clone() what="body, byte for byte" />
            </Section>
        }
    })
}

fn attempt_row(attempt: AttemptRow) -> impl IntoView {
    view! {
        <tr>
            <td class="num">{attempt.number}</td>
            <td class="alert-cell">
                <Stands badge=attempt.outcome />
                <span class="sub mono">{attempt.answer}</span>
            </td>
            <td class="right wide nowrap num">{attempt.took}</td>
            <td class="right nowrap"><WhenText when=attempt.at /></td>
        </tr>
    }
}
