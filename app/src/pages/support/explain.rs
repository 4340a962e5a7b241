//! Explaining: what an application shows on a device, the rule that gives it, what the server answers next, what comes, and
//! what helps. Decided by the code of both sides.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    api,
    model::{CodeView, Cure, DeviceRow, DeviceView, ExplainView, Explained},
    story::Story,
};
use crate::{
    pages::{acts::WaitingNotice, find::Groups},
    ui::{
        Copyable, Crumb, Empty, Fact, Facts, Field, PageHead, Rows, Section, StateBadge, TextArea, WhenText, load,
        page::{Notice, NoticeKind},
        show,
    },
};

/// The way to the desk.
pub fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new("/support", "Support desk")]
}

/// What was asked about, explained.
#[component]
pub fn ExplainPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let get = |name| query.with(|query| query.get(name).unwrap_or_default());
        (get("q"), get("at"), get("key"))
    });
    let found = load(move || asked.get(), |(q, at, key)| api::explain(q, at, key));
    view! {
        <PageHead title="Explain" crumbs=crumbs() />
        {show(found, |found: ExplainView| view! { <Ask asked=found.asked at=found.at zone=found.zone /> <Answer explained=found.explained /> })}
    }
}

/// The form. Sent as it is, so that what is pasted stands in no address.
#[component]
fn Ask(asked: String, at: String, zone: String) -> impl IntoView {
    let hint = "Any of your documents, an error code or a whole error, a device or seat id, a license key or its end. What is pasted is neither kept nor logged.";
    view! {
        <form class="form" method="post" action="/support/explain" enctype="multipart/form-data">
            <TextArea name="q" label="What do you have?" value=asked hint />
            <div class="pair">
                <Field name="at" label="At the moment" kind="datetime-local" value=at hint=format!("Empty for now. Read in {zone}.") />
                <div class="field">
                    <label for="file">"Or a file" <span class="opt">" (optional)"</span></label>
                    <input class="file-input" type="file" id="file" name="file" />
                </div>
            </div>
            <div class="form-actions">
                <button type="submit" class="btn btn-primary">"Explain"</button>
            </div>
        </form>
    }
}

#[component]
fn Answer(explained: Explained) -> impl IntoView {
    match explained {
        Explained::Nothing => ().into_any(),
        Explained::Refused(code, says, follows) => view! {
            <Section title="It does not verify">
                <Notice kind=NoticeKind::Bad>
                    <p><code>{code}</code> ": " {says} "."</p>
                    <p class="small">{follows}</p>
                </Notice>
            </Section>
        }
        .into_any(),
        Explained::Device(device) => view! { <Device device=*device /> }.into_any(),
        Explained::License(license) => view! { <Story license=*license from="" /> }.into_any(),
        Explained::Document(what, facts) => view! {
            <Section title=what>
                <Facts>{facts.into_iter().map(|(name, value)| view! { <Fact name>{value}</Fact> }).collect_view()}</Facts>
            </Section>
        }
        .into_any(),
        Explained::Seats(seats) => view! {
            <Section title="This device has several seats"><Devices devices=seats may_free=false from="" /></Section>
        }
        .into_any(),
        Explained::Code(code) => view! { <Code code=*code /> }.into_any(),
        Explained::Found(groups) if groups.is_empty() => {
            let text = "It is no error code, no document, and no license, device or customer is called so. A document begins with \
                        eyJ; of a key the last four characters are enough.";
            view! { <Empty title="Nothing found" text /> }.into_any()
        }
        Explained::Found(groups) => view! { <Groups groups /> }.into_any(),
        Explained::UnknownKey => {
            let text = "Compare it with the key in the customer's mail, letter by letter. Its last four characters, or the \
                        customer's address, find the license too.";
            view! { <Empty title="No license has this key" text /> }.into_any()
        }
    }
}

/// What helps, and the way to it.
#[component]
pub fn Helps(cure: Cure) -> impl IntoView {
    view! {
        <p>
            {cure.says} " "
            {cure.way.map(|(href, words)| view! { <a class="btn btn-sm btn-primary" href=href>{words}</a> })}
        </p>
    }
}

#[component]
fn Device(device: DeviceView) -> impl IntoView {
    let verdict = device.verdict;
    let coming = if device.coming.is_empty() {
        view! { <p class="muted">"Nothing comes by itself: only an answer of the server changes it."</p> }.into_any()
    } else {
        let row = |coming: super::model::Coming| {
            view! {
                <tr>
                    <td>{coming.what}</td>
                    <td class="nowrap"><WhenText when=coming.when.clone() /> <span class="sub">{coming.when.absolute}</span></td>
                    <td>{coming.then}</td>
                </tr>
            }
        };
        let head = vec![("What", ""), ("When", ""), ("Then it shows", "")];
        view! { <Rows label="What comes" head>{device.coming.into_iter().map(row).collect_view()}</Rows> }.into_any()
    };
    let reasons = (!device.reasons.is_empty()).then(|| {
        view! { <ul>{device.reasons.into_iter().map(|reason| view! { <li>{reason}</li> }).collect_view()}</ul> }
    });
    let fact = |(name, value): (String, String)| {
        let is_id = name.ends_with(" id");
        let inside = if is_id { view! { <Copyable text=value what="id" /> }.into_any() } else { value.into_any() };
        view! { <Fact name>{inside}</Fact> }
    };
    let whose =
        device.customer.map(|(href, name)| view! { <Fact name="Customer"><a class="link" href=href>{name}</a></Fact> });
    let license = device
        .license
        .map(|(href, end)| view! { <Fact name="License"><a class="link mono" href=href>{end}</a></Fact> });
    let (tone, answer) = device.answer;
    view! {
        <section class="section" aria-labelledby="verdict">
            <div class="section-head">
                <h2 id="verdict">{device.name}</h2>
                <StateBadge tone=verdict.tone word=verdict.word />
            </div>
            <p>{verdict.says}</p>
            <Facts>
                <Fact name="Rule">{verdict.rule} " " <code>{verdict.formula}</code></Fact>
                <Fact name="Judged at"><WhenText when=device.at exact=true /></Fact>
                <Fact name="Judged by">{device.source}</Fact>
            </Facts>
        </section>
        {device.waits.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view()}
        <Section title="What the server answers next">
            <p><StateBadge tone word=if tone == crate::ui::Tone::Bad { "No" } else { "Yes" } /> " " {answer}</p>
            {reasons}
        </Section>
        <Section title="What helps"><Helps cure=device.cure /></Section>
        <Section title="What comes if nothing is heard">{coming}</Section>
        <Section title="Facts"><Facts>{whose} {license} {device.facts.into_iter().map(fact).collect_view()}</Facts></Section>
    }
}

/// Devices, each with how it stands and the way to why.
#[component]
pub fn Devices(
    /// The devices.
    devices: Vec<DeviceRow>,
    /// Whether whoever looks may free a seat.
    may_free: bool,
    /// What stands at the end of an address to be led back here.
    #[prop(into)]
    from: String,
) -> impl IntoView {
    let row = move |device: DeviceRow| {
        let free = format!("/console/licenses/{}/free/{}{from}", device.license, device.id);
        let free = (may_free && device.verdict.is_some()).then(
            || view! { <a class="link" href=free aria-label=format!("Free the seat of {}", device.name)>"Free"</a> },
        );
        let verdict = match device.verdict {
            Some((tone, word)) => view! { <StateBadge tone word /> }.into_any(),
            None => view! { <span class="muted">"Free"</span> }.into_any(),
        };
        view! {
            <tr>
                <td>
                    <a class="row-link" href=format!("/support/explain?q={}", device.id)>{device.name.clone()}</a>
                    <span class="sub">{device.runs}</span>
                </td>
                <td>{verdict}</td>
                <td class="right nowrap"><WhenText when=device.last_seen /></td>
                <td class="right wide nowrap"><WhenText when=device.offline_until /></td>
                <td class="right">{free}</td>
            </tr>
        }
    };
    let head = vec![
        ("Device", ""),
        ("Shows", ""),
        ("Last seen", "right"),
        ("Works off line until", "right wide"),
        ("", "right"),
    ];
    view! { <Rows label="Devices" head>{devices.into_iter().map(row).collect_view()}</Rows> }
}

#[component]
fn Code(code: CodeView) -> impl IntoView {
    let fact = |name: &'static str, text: String| (!text.is_empty()).then(|| view! { <Fact name>{text}</Fact> });
    view! {
        <Section title=code.title>
            <Facts>
                <Fact name="Code"><code>{code.code}</code></Fact>
                {fact("Cause", code.cause)}
                {fact("What to do", code.cure)}
                {fact("The application", code.effect)}
            </Facts>
        </Section>
    }
}
