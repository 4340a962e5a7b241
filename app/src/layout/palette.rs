//! What stands over the page: the palette (go, do, find, ask) and the sheet of shortcuts. Loaded when first opened.
//!
//! The palette is a combobox after the ARIA authoring practices: the focus stays in the field, and the field says which of
//! the options is the active one. What can be done with what was found stands under it once it is opened, by → or by its
//! sign; each leads to a page that says first what it does.

use std::time::Duration;

use holdfast_domain::{Permission, Role};
use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::{Dialog, Div},
    leptos_dom::helpers::TimeoutHandle,
    prelude::*,
    task::spawn_local,
    wasm_bindgen::JsCast as _,
    web_sys::{HtmlElement, HtmlFormElement, HtmlInputElement},
};

use super::{
    Who,
    keys::{Sheet, Summoned},
    look::{CHOICES, Chosen},
    screens,
};
use crate::{
    pages::{
        find::{
            api::find,
            model::{Group, Hit},
        },
        lists::model::Link,
        shortcuts::Shortcuts,
    },
    ui::act::Reading,
};

/// How long after the last letter what was typed is looked for.
const PAUSE: Duration = Duration::from_millis(150);
/// From how many characters on anything is looked for.
const SHORTEST: usize = 2;

/// What can be made, and who may.
const MAKE: [(&str, &str, Permission); 6] = [
    ("Issue license", "/console/licenses/new", Permission::LicensesWrite),
    ("Add customer", "/console/customers/new", Permission::CustomersWrite),
    ("New product", "/console/products/new", Permission::CatalogWrite),
    ("New webhook", "/console/webhooks/new", Permission::TokensWrite),
    ("Connect shop", "/console/shops/new", Permission::ShopsWrite),
    ("Invite somebody", "/console/team", Permission::MembersWrite),
];

/// An option.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    title: String,
    detail: String,
    does: Does,
    /// The id of what was found, where it is that or can be done with it.
    of: Option<String>,
    /// Whether it is what can be done with it.
    under: bool,
}

/// What choosing an option does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Does {
    Go(String),
    Copy(String),
    Look(usize, &'static str),
    ShowShortcuts,
    SignOut,
}

/// How finding stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    Idle,
    Asked,
    Found(Vec<Group>),
    Failed(String),
}

fn go(title: &str, detail: &str, href: &str) -> Item {
    Item { title: title.to_owned(), detail: detail.to_owned(), does: Does::Go(href.to_owned()), of: None, under: false }
}

/// The options that are there whatever is looked for, in their groups.
fn fixed(role: Option<Role>) -> [(&'static str, Vec<Item>); 3] {
    let Some(role) = role else { return [("Go to", Vec::new()), ("Do", Vec::new()), ("Saved questions", Vec::new())] };
    let letter = |href: &str| screens::letters().find(|(_, other, _)| *other == href).map(|(letter, ..)| letter);
    let screens = screens::screens().filter(|(href, _)| screens::is_for(role, href));
    let screens = screens.map(|(href, name)| {
        let keys = letter(href).map(|letter| format!("g {letter}")).unwrap_or_default();
        go(name, &keys, href)
    });
    let own = [go("Sign-in and security", "", "/console/security"), go("Your sessions", "", "/console/sessions")];
    let make = MAKE.iter().filter(|(_, _, needs)| role.may(*needs)).map(|(name, href, _)| go(name, "", href));
    let looks = CHOICES.iter().enumerate().flat_map(|(place, (_, label, values))| {
        values.iter().map(move |(value, word)| Item {
            does: Does::Look(place, value),
            ..go(&format!("{label}: {}", word.to_lowercase()), "", "")
        })
    });
    let last = [("Keyboard shortcuts", "?", Does::ShowShortcuts), ("Sign out", "", Does::SignOut)];
    let last = last.map(|(title, keys, does)| Item { does, ..go(title, keys, "") });
    let questions = screens::QUESTIONS.iter();
    let questions = questions.map(|(name, query)| go(name, "licenses", &format!("/console/licenses?{query}")));
    [
        ("Go to", screens.chain(own).collect()),
        ("Do", make.chain(looks).chain(last).collect()),
        ("Saved questions", questions.collect()),
    ]
}

/// What was found; where it is the `opened` one, with what can be done with it.
fn found(hit: &Hit, opened: Option<&str>) -> Vec<Item> {
    let mut items = vec![go(&hit.title, &hit.detail, &hit.href)];
    if opened == Some(hit.id.as_str()) {
        items.extend(hit.acts.iter().map(|Link { text, href }| go(text, "", href)));
        items.push(Item { does: Does::Copy(hit.id.clone()), ..go("Copy id", &hit.id, "") });
    }
    for (place, item) in items.iter_mut().enumerate() {
        (item.of, item.under) = (Some(hit.id.clone()), place > 0);
    }
    items
}

/// The groups with what matches `text` word by word, and what was found.
fn matching(role: Option<Role>, text: &str, finding: &Finding, opened: Option<&str>) -> Vec<(String, Vec<Item>)> {
    let text = text.to_lowercase();
    let fits = |group: &str, item: &Item| {
        let whole = format!("{group} {}", item.title).to_lowercase();
        text.split_whitespace().all(|word| whole.contains(word))
    };
    let fixed = fixed(role).into_iter().map(|(name, mut items)| {
        items.retain(|item| fits(name, item));
        (name.to_owned(), items)
    });
    let groups: &[Group] = match finding {
        Finding::Found(groups) => groups,
        _ => &[],
    };
    let groups = groups.iter().map(|group| {
        let items = group.hits.iter().flat_map(|hit| found(hit, opened));
        (group.name.clone(), items.collect())
    });
    fixed.chain(groups).filter(|(_, items): &(String, Vec<Item>)| !items.is_empty()).collect()
}

/// Everything that can stand over the page.
#[component]
pub fn Tools() -> impl IntoView {
    use_context::<Summoned>().map(|summoned| {
        view! {
            <Palette summoned />
            <Help summoned />
        }
    })
}

/// A dialog that is open while its sheet is summoned. What had the focus has it again afterwards: browsers see to that.
fn over(summoned: Summoned, sheet: Sheet) -> NodeRef<Dialog> {
    let node = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let wanted = summoned.sheet.get() == Some(sheet);
        let Some(dialog) = node.get() else { return };
        if wanted && !dialog.open() {
            // It fails only for what is no part of the page.
            let _ = dialog.show_modal();
        } else if !wanted && dialog.open() {
            dialog.close();
        }
    });
    node
}

/// Closes the sheet, unless another one has taken its place.
fn closed(summoned: Summoned, sheet: Sheet) {
    if summoned.sheet.get_untracked() == Some(sheet) {
        summoned.sheet.set(None);
    }
}

/// Closes the sheet where what was clicked is the ground around it.
fn beside(summoned: Summoned, event: &MouseEvent, node: NodeRef<Dialog>) {
    let (target, dialog) = (event.target(), node.get_untracked());
    let (Some(target), Some(dialog)) = (target, dialog) else { return };
    if target.dyn_ref::<HtmlElement>().is_some_and(|target| **target == **dialog) {
        summoned.sheet.set(None);
    }
}

#[component]
fn Help(summoned: Summoned) -> impl IntoView {
    let node = over(summoned, Sheet::Shortcuts);
    view! {
        <dialog
            class="sheet"
            aria-labelledby="shortcuts-title"
            node_ref=node
            on:close=move |_| closed(summoned, Sheet::Shortcuts)
            on:click=move |event| beside(summoned, &event, node)
        >
            <div class="sheet-body">
                <div class="sheet-head">
                    <h2 id="shortcuts-title">"Keyboard shortcuts"</h2>
                    <button type="button" class="btn btn-sm btn-plain" autofocus=true on:click=move |_| summoned.sheet.set(None)>
                        "Close"
                    </button>
                </div>
                <Shortcuts />
            </div>
        </dialog>
    }
}

#[component]
fn Palette(summoned: Summoned) -> impl IntoView {
    let role = RwSignal::new(None::<Role>);
    let viewer = use_context::<Who>().map(|Who(viewer)| viewer);
    Effect::new(move |_| {
        let viewer = viewer.and_then(Reading::get).and_then(Result::ok).flatten();
        role.set(viewer.and_then(|viewer| Role::from_name(&viewer.role)));
    });
    let chosen = Chosen::find();
    let node = over(summoned, Sheet::Palette);
    let (text, active) = (RwSignal::new(String::new()), RwSignal::new(0_usize));
    let (finding, opened) = (RwSignal::new(Finding::Idle), RwSignal::new(None::<String>));
    let groups = Memo::new(move |_| {
        let opened = opened.get();
        text.with(|text| finding.with(|finding| matching(role.get(), text, finding, opened.as_deref())))
    });
    let count = Memo::new(move |_| groups.with(|groups| groups.iter().map(|(_, items)| items.len()).sum::<usize>()));
    // What was found, where that or something to be done with it is the active option.
    let of = Memo::new(move |_| {
        let place = active.get();
        groups.with(|groups| groups.iter().flat_map(|(_, items)| items).nth(place).and_then(|item| item.of.clone()))
    });
    // Shows what can be done with what was found, and goes to the first of it; or hides it, and goes to what was found.
    let unfold = move |id: String, open: bool| {
        opened.set(open.then(|| id.clone()));
        let of = |item: &Item| item.of.as_ref() == Some(&id);
        let place = groups.with_untracked(|groups| groups.iter().flat_map(|(_, items)| items).position(of));
        active.set(place.unwrap_or(0) + usize::from(open));
    };

    // What is looked for, in the order of asking: an answer counts only where nothing was typed since.
    let (asked, timer) = (StoredValue::new(0_u64), StoredValue::new(None::<TimeoutHandle>));
    let look = move |typed: String| {
        active.set(0);
        opened.set(None);
        let number = asked.get_value() + 1;
        asked.set_value(number);
        if let Some(timer) = timer.get_value() {
            timer.clear();
        }
        let q = typed.trim().to_owned();
        text.set(typed);
        if q.chars().count() < SHORTEST {
            finding.set(Finding::Idle);
            return;
        }
        finding.set(Finding::Asked);
        let ask = move || {
            spawn_local(async move {
                let answer = find(q).await;
                if asked.try_get_value() == Some(number) {
                    finding.set(match answer {
                        Ok(found) => Finding::Found(found.groups),
                        Err(error) => Finding::Failed(error.sentence()),
                    });
                }
            });
        };
        timer.set_value(set_timeout_with_handle(ask, PAUSE).ok());
    };
    Effect::new(move |_| {
        if summoned.sheet.get() == Some(Sheet::Palette) {
            look(summoned.typed.get_untracked());
        }
    });

    let list = NodeRef::<Div>::new();
    let element = |place: usize| {
        let found = document().get_element_by_id(&format!("palette-{place}"));
        found.and_then(|found| found.dyn_into::<HtmlElement>().ok())
    };
    // The active option is in sight.
    Effect::new(move |_| {
        let place = active.get();
        let (Some(list), Some(option)) = (list.get(), element(place)) else { return };
        let (top, bottom) = (option.offset_top(), option.offset_height());
        let (from, height) = (list.scroll_top(), list.client_height());
        if place == 0 {
            list.set_scroll_top(0);
        } else if top < from {
            list.set_scroll_top(top);
        } else if top + bottom > from + height {
            list.set_scroll_top(top + bottom - height);
        }
    });
    let press = move |event: KeyboardEvent| {
        let last = count.get_untracked().saturating_sub(1);
        let here = active.get_untracked();
        match event.key().as_str() {
            "ArrowDown" => active.set(if here >= last { 0 } else { here + 1 }),
            "ArrowUp" => active.set(if here == 0 { last } else { here - 1 }),
            "Enter" if !event.is_composing() => {
                if let Some(option) = element(here) {
                    option.click();
                }
            }
            key @ ("ArrowRight" | "ArrowLeft") => {
                let (open, is_open) = (key == "ArrowRight", opened.get_untracked());
                let field = event_target::<HtmlInputElement>(&event);
                // Not while it moves the cursor through what was typed.
                let at_end =
                    u32::try_from(field.value().encode_utf16().count()).ok() == field.selection_end().ok().flatten();
                match of.get_untracked() {
                    Some(id) if at_end && (is_open.as_ref() == Some(&id)) != open => unfold(id, open),
                    _ => return,
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let choose = move |does: &Does| {
        match does {
            Does::Go(_) => summoned.sheet.set(None),
            // The document's script does it, and says so.
            Does::Copy(_) => {}
            Does::Look(place, value) => {
                if let Some(chosen) = chosen {
                    chosen.choose(*place, value);
                }
                summoned.sheet.set(None);
            }
            Does::ShowShortcuts => summoned.sheet.set(Some(Sheet::Shortcuts)),
            Does::SignOut => {
                let form = document().get_element_by_id("sign-out");
                if let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) {
                    // Where the browser will not, the person's menu still has the button.
                    let _ = form.submit();
                }
            }
        }
    };
    let options = move || {
        let mut place = 0;
        let groups = groups.get().into_iter().enumerate().map(|(number, (name, items))| {
            let name_id = format!("palette-group-{number}");
            let items = items.into_iter().map(|item| {
                let own = place;
                place += 1;
                option(own, item, (active, opened), choose, unfold)
            });
            view! {
                <div role="group" aria-labelledby=name_id>
                    <div class="palette-group" id=name_id.clone() role="presentation">{name}</div>
                    {items.collect_view()}
                </div>
            }
        });
        groups.collect_view()
    };
    let said = move || match finding.get() {
        Finding::Asked => "Searching…".to_owned(),
        Finding::Failed(why) => why,
        Finding::Found(_) if count.get() == 0 => {
            "Nothing found. From three letters on, any part of a name, address, order or device is.".to_owned()
        }
        Finding::Found(_) if of.get().is_some() => {
            format!("{} to choose from. → shows what can be done with it.", count.get())
        }
        Finding::Found(_) => format!("{} to choose from", count.get()),
        Finding::Idle if count.get() == 0 => "Type one more letter.".to_owned(),
        Finding::Idle => String::new(),
    };
    view! {
        <dialog
            class="sheet palette"
            aria-label="Go to, find or do"
            node_ref=node
            on:close=move |_| closed(summoned, Sheet::Palette)
            on:click=move |event| beside(summoned, &event, node)
        >
            <div class="sheet-body">
                <div class="palette-head">
                    <input
                        class="input"
                        type="text"
                        role="combobox"
                        aria-label="Go to, find or do"
                        aria-expanded="true"
                        aria-controls="palette-options"
                        aria-autocomplete="list"
                        aria-activedescendant=move || (count.get() > 0).then(|| format!("palette-{}", active.get()))
                        placeholder="Where to? Or a key, e-mail, order, device"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        maxlength="200"
                        autofocus=true
                        prop:value=move || text.get()
                        on:input=move |event| look(event_target_value(&event))
                        on:keydown=press
                    />
                    <button type="button" class="btn btn-sm btn-plain" on:click=move |_| summoned.sheet.set(None)>
                        "Close"
                    </button>
                </div>
                // Pressed here, the focus stays in the field.
                <div class="palette-list" id="palette-options" role="listbox" aria-label="Choices" tabindex="-1" node_ref=list on:mousedown=|event| event.prevent_default()>
                    {options}
                </div>
                <p class="palette-said" role="status">{said}</p>
            </div>
        </dialog>
    }
}

/// One option: a link where it leads somewhere, so that it can be opened beside as well.
fn option(
    place: usize,
    item: Item,
    (active, opened): (RwSignal<usize>, RwSignal<Option<String>>),
    choose: impl Fn(&Does) + Copy + Send + Sync + 'static,
    unfold: impl Fn(String, bool) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let Item { title, detail, does, of, under } = item;
    let id = format!("palette-{place}");
    let class = if under { "palette-option under" } else { "palette-option" };
    let selected = move || if active.get() == place { "true" } else { "false" };
    let sign = of.filter(|_| !under).map(|of| {
        let open = opened.with_untracked(|opened| opened.as_ref() == Some(&of));
        let press = move |event: MouseEvent| {
            event.prevent_default();
            event.stop_propagation();
            unfold(of.clone(), !open);
        };
        view! { <span class="palette-sign" aria-hidden="true" on:click=press>{if open { "▾" } else { "▸" }}</span> }
    });
    let inside = view! { <span>{title}</span> <span class="sub">{detail}</span> {sign} };
    let (mut href, mut copied) = (None, None);
    match &does {
        Does::Go(to) => href = Some(to.clone()),
        Does::Copy(text) => copied = Some(text.clone()),
        _ => {}
    }
    let click = move |_| choose(&does);
    match href {
        Some(href) => view! {
            <a class=class role="option" tabindex="-1" id=id href=href aria-selected=selected on:click=click>
                {inside}
            </a>
        }
        .into_any(),
        None => view! {
            <button type="button" class=class role="option" tabindex="-1" id=id aria-selected=selected data-copy=copied on:click=click>
                {inside}
                <span class="sub" role="status"></span>
            </button>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::find::model::Hit;

    fn titles(role: Role, text: &str, found: &Finding) -> Vec<String> {
        let groups = matching(Some(role), text, found, None);
        groups.into_iter().flat_map(|(_, items)| items).map(|item| item.title).collect()
    }

    fn found_one() -> Finding {
        let act = Link { text: "Extend license".to_owned(), href: "/console/licenses/x/extend".to_owned() };
        let hit = Hit {
            id: "x".to_owned(),
            href: "/console/licenses/x".to_owned(),
            title: "…7F2A".to_owned(),
            detail: String::new(),
            acts: vec![act],
        };
        Finding::Found(vec![Group { name: "Licenses".to_owned(), hits: vec![hit] }])
    }

    #[test]
    fn what_was_found_opens_into_what_can_be_done_with_it() {
        let under = |opened| {
            let groups = matching(Some(Role::Owner), "zzz", &found_one(), opened);
            let items = groups.into_iter().flat_map(|(_, items)| items);
            items.map(|item| (item.title, item.under, item.does)).collect::<Vec<_>>()
        };
        let itself = ("…7F2A".to_owned(), false, Does::Go("/console/licenses/x".to_owned()));
        assert_eq!(under(None), std::slice::from_ref(&itself));
        assert_eq!(under(Some("y")), std::slice::from_ref(&itself));
        let extend = ("Extend license".to_owned(), true, Does::Go("/console/licenses/x/extend".to_owned()));
        let copy = ("Copy id".to_owned(), true, Does::Copy("x".to_owned()));
        assert_eq!(under(Some("x")), [itself, extend, copy]);
    }

    #[test]
    fn words_narrow_what_there_is_and_what_was_found_stays() {
        let found = found_one();
        assert_eq!(titles(Role::Owner, "DARK theme", &found), ["Theme: dark", "…7F2A"]);
        assert_eq!(titles(Role::Owner, "zzz", &found), ["…7F2A"]);
        assert!(titles(Role::Owner, "zzz", &Finding::Asked).is_empty());
        assert_eq!(titles(Role::Owner, "saved seen", &Finding::Idle), ["Not seen for 30 days"]);
    }

    #[test]
    fn what_a_role_may_not_do_is_not_offered() {
        let all = titles(Role::Viewer, "", &Finding::Idle);
        for (made, ..) in MAKE {
            assert!(!all.iter().any(|title| title == made), "{made}");
        }
        assert!(all.iter().any(|title| title == "Sign out") && !all.iter().any(|title| title == "Import"));
        assert!(titles(Role::Owner, "", &Finding::Idle).len() >= 25);
        assert!(matching(None, "", &Finding::Idle, None).is_empty(), "who it is, is not known yet");
    }
}
