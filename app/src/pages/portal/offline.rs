//! Computers without a network: a request is brought here, an answer is carried back, by file or by QR code.

use leptos::prelude::*;

use super::{
    api, home_here,
    model::{AnswerView, OfflineView},
    vendor_here,
};
use crate::ui::{
    Field, FormError, PageHead, Section, SelectField, Snippet, StateBadge, Submit, TextArea, WhenText, load,
    refused::FormState, show,
};

/// Answers what an application has written down.
#[component]
pub fn OfflinePage() -> impl IntoView {
    let page = load(|| (), |()| api::offline_page());
    let form = format!("/portal/{}/offline/answer", vendor_here().get_untracked());
    let error = FormState::plain(&form);
    show(page, move |view: OfflineView| {
        let form = form.clone();
        let licenses = std::iter::once((String::new(), "The one the request names".to_owned())).chain(view.licenses);
        view! {
            <PageHead title="Computers without a network" />
            <p class="page-sub">"In the application choose offline activation: it writes a request into a file, or shows it as a QR code. Bring it here, and carry the answer back."</p>
            {view.answer.map(|answer| view! { <Answer answer /> })}
            <Section title="Bring a request">
                <form method="post" enctype="multipart/form-data" action=form class="form">
                    <FormError error />
                    <div class="field">
                        <label for="file">"Request file, or a photo of the QR code"</label>
                        <input class="file-input" type="file" id="file" name="file" accept=".txt,.hf1,text/plain,image/png,image/jpeg" aria-describedby="file-hint" />
                        <p class="hint" id="file-hint">"A PNG or JPEG picture in which the whole code is sharp, or the file that the application wrote."</p>
                    </div>
                    <TextArea name="request" label="Or paste its text" hint="One line that begins with HF1." error />
                    <SelectField
                        name="license"
                        label="License"
                        options=licenses.collect()
                        hint="For a computer that has none yet, where no key was typed on it."
                        error
                    />
                    {view.people.then(|| view! {
                        <Field
                            name="user"
                            label="Person"
                            kind="email"
                            placeholder="colleague@example.com"
                            hint="Who works at it, where seats belong to people."
                            error
                        />
                    })}
                    <div class="form-actions"><Submit label="Answer request" /></div>
                </form>
            </Section>
            <Section title="Give a seat back">
                <p>"To take a computer out of use, choose offline release in its application: it gives its license up and writes a proof, which is brought here in the same way. Then the seat is free, and counts towards no budget."</p>
            </Section>
        }
    })
}

#[component]
fn Answer(answer: AnswerView) -> impl IntoView {
    let (tone, word) = answer.what;
    let carried = (!answer.document.is_empty()).then(|| {
        let count = answer.codes.len();
        let code = |(at, (path, width)): (usize, (String, u64))| {
            let label = if count == 1 { "QR code of the answer".to_owned() } else { format!("QR code {} of {count}", at + 1) };
            view! {
                <figure class="answer-code">
                    <svg class="qr" role="img" aria-label=label.clone() viewBox=format!("0 0 {width} {width}")><path d=path /></svg>
                    <figcaption class="hint">{label}</figcaption>
                </figure>
            }
        };
        let order = (count > 1).then(|| view! { <p class="hint">"Two codes, because all of it fits none: show the first one first."</p> });
        view! {
            <p>"Carry it to the computer, as a file or by letting the application read the QR code."</p>
            <div class="form-actions"><a class="btn btn-primary" href=format!("{}/offline/file", home_here()) rel="external">"Download answer"</a></div>
            <details class="section">
                <summary class="link">"Show it as a QR code"</summary>
                {order}
                <div class="answer-codes">{answer.codes.into_iter().enumerate().map(code).collect_view()}</div>
            </details>
            <details class="section">
                <summary class="link">"Show its text"</summary>
                <Snippet code=answer.document what="answer" />
            </details>
        }
    });
    view! {
        <Section title="Answer">
            <p>
                <StateBadge tone word />
                " "
                {answer.device.map(|device| format!("for {device}, "))}
                <WhenText when=answer.at />
            </p>
            {carried}
        </Section>
    }
}
