//! What changes by itself: pages that show it are told by the server, and read again.
//!
//! The browser listens on one stream per window that is in sight (`ssr::live`); the events say what has changed and
//! nothing else. Without scripting a page shows how things stood when it was asked for.

use std::{future::Future, time::Duration};

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::{act::Reading, load};
use crate::UiError;

/// What may change while somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The nodes.
    Fleet,
    /// The alerts.
    Alerts,
    /// What anybody does with the vendor's things: people, programs, and devices that activate.
    Acts,
}

/// How often each topic has changed since the page came.
#[derive(Clone, Copy)]
struct Live {
    fleet: RwSignal<u32>,
    alerts: RwSignal<u32>,
    acts: RwSignal<u32>,
}

impl Live {
    const fn of(self, topic: Topic) -> RwSignal<u32> {
        match topic {
            Topic::Fleet => self.fleet,
            Topic::Alerts => self.alerts,
            Topic::Acts => self.acts,
        }
    }
}

/// Makes changes known to everything below, in the browser as long as the caller is on the page.
pub fn provide() {
    let live = Live { fleet: RwSignal::new(0), alerts: RwSignal::new(0), acts: RwSignal::new(0) };
    provide_context(live);
    #[cfg(feature = "hydrate")]
    browser::listen(live);
}

/// A number that changes with the topic: part of what a page asks for.
pub fn count(topic: Topic) -> u32 {
    use_context::<Live>().map_or(0, |live| live.of(topic).get())
}

/// Reads a page that people come to and that changes while they look, with the number that `changes` returns, as that of a
/// topic does ([`count`]): `fetch` is also told whether nobody asked but the page itself, which goes through a server
/// function of its own, because it is no use of a session.
pub fn load_live<S, T, Fut>(
    changes: impl Fn() -> u32 + Send + Sync + 'static,
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S, bool) -> Fut + Send + Sync + 'static,
) -> Reading<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + Send + Sync + 'static,
    Fut: Future<Output = Result<T, UiError>> + Send + 'static,
{
    let last = StoredValue::new(untrack(|| (source(), changes())));
    let ask = move |(asked, now): (S, u32)| {
        let by_itself = last.with_value(|(before, told)| *told != now && *before == asked);
        last.set_value((asked.clone(), now));
        fetch(asked, by_itself)
    };
    load(move || (source(), changes()), ask)
}

/// The same as [`load_live`] for what goes on changing for a while, such as an act at work: as long as `goes_on` says so of
/// what was read last, it is read again every second.
pub fn load_while<S, T, Fut>(
    goes_on: fn(&T) -> bool,
    source: impl Fn() -> S + Send + Sync + 'static,
    fetch: impl Fn(S, bool) -> Fut + Send + Sync + 'static,
) -> Reading<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    Fut: Future<Output = Result<T, UiError>> + Send + 'static,
{
    let looks = RwSignal::new(0_u32);
    let reading = load_live(move || looks.get(), source, fetch);
    Effect::new(move |_| {
        if reading.get().is_some_and(|found| found.is_ok_and(|found| goes_on(&found))) {
            let look = looks.get_untracked();
            let again = move || {
                // Nobody looks where the page was left meanwhile, or was read again for another reason.
                if looks.try_get_untracked() == Some(look) {
                    looks.set(look.wrapping_add(1));
                }
            };
            set_timeout(again, Duration::from_secs(1));
        }
    });
    reading
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast as _, closure::Closure};
    use web_sys::{Event, EventSource};

    use super::{Live, Topic};

    const EACH: [Topic; 3] = [Topic::Fleet, Topic::Alerts, Topic::Acts];
    const PATH: &str = "/console/live";
    /// How long to wait before a stream that was refused is asked for again; doubled each time, up to the second.
    const WAIT: (u32, u32) = (2_000, 60_000);

    type Heard = Closure<dyn FnMut(Event)>;

    /// The stream of this window.
    #[derive(Clone, Copy)]
    struct Stream {
        live: Live,
        source: StoredValue<Option<EventSource>, LocalStorage>,
        heard: StoredValue<Option<Heard>, LocalStorage>,
        wait: StoredValue<u32>,
        /// Whether something may have been missed.
        missed: StoredValue<bool>,
        ended: StoredValue<bool>,
    }

    pub fn listen(live: Live) {
        let stream = Stream {
            live,
            source: StoredValue::new_local(None),
            heard: StoredValue::new_local(None),
            wait: StoredValue::new(WAIT.0),
            missed: StoredValue::new(false),
            ended: StoredValue::new(false),
        };
        // Once the page is taken over, and not before: what it shows must be what the server rendered.
        Effect::new(move |_| {
            stream.heard.set_value(Some(Heard::new(move |event: Event| stream.hear(&event.type_()))));
            let seen = window_event_listener_untyped("visibilitychange", move |_| stream.see());
            on_cleanup(move || {
                seen.remove();
                stream.close();
            });
            stream.open();
        });
    }

    impl Stream {
        fn changed(self, topics: &[Topic]) {
            for topic in topics {
                self.live.of(*topic).update(|count| *count += 1);
            }
        }

        fn open(self) {
            if document().hidden() || self.ended.get_value() || self.source.with_value(Option::is_some) {
                return;
            }
            let Ok(source) = EventSource::new(PATH) else { return };
            self.heard.with_value(|heard| {
                let Some(heard) = heard else { return };
                for name in ["open", "error", "ended", "fleet", "alerts", "acts"] {
                    // It can only fail for what is no function.
                    let _ = source.add_event_listener_with_callback(name, heard.as_ref().unchecked_ref());
                }
            });
            self.source.set_value(Some(source));
        }

        fn close(self) {
            if let Some(source) = self.source.try_update_value(Option::take).flatten() {
                source.close();
            }
        }

        /// A window that is out of sight needs no stream, and a browser has few to give.
        fn see(self) {
            if document().hidden() {
                self.missed.set_value(true);
                self.close();
            } else {
                self.open();
            }
        }

        fn hear(self, name: &str) {
            match name {
                "open" => {
                    self.wait.set_value(WAIT.0);
                    if self.missed.get_value() {
                        self.missed.set_value(false);
                        self.changed(&EACH);
                    }
                }
                // The pages then say themselves that one has to sign in again.
                "ended" => {
                    self.ended.set_value(true);
                    self.close();
                    self.changed(&EACH);
                }
                "error" => {
                    self.missed.set_value(true);
                    let given_up = |source: &Option<EventSource>| {
                        source.as_ref().is_some_and(|source| source.ready_state() == EventSource::CLOSED)
                    };
                    if self.source.with_value(given_up) {
                        self.close();
                        let wait = self.wait.get_value();
                        self.wait.set_value(wait.saturating_mul(2).min(WAIT.1));
                        set_timeout(move || self.open(), Duration::from_millis(wait.into()));
                    }
                }
                "fleet" => self.changed(&[Topic::Fleet]),
                "acts" => self.changed(&[Topic::Acts]),
                _ => self.changed(&[Topic::Alerts]),
            }
        }
    }
}
