//! Tells open pages that something they show has changed.
//!
//! `GET /console/live` is a stream of server-sent events, named after what has changed. They carry nothing else: a page
//! reads again through the server function it was read with, so there is one way to what may be seen. While somebody
//! listens, this node looks once a second, whoever listens; with nobody there it does not look.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream::unfold;
use holdfast_domain::{Permission, Seconds, Timestamp, VendorId};
use holdfast_service::{
    Actor, Service,
    admin::{look::Marks, sessions::SessionSecret},
};
use tokio::sync::{oneshot, watch};
use tower_sessions::Session;

use super::{AppState, Visitor, sessions::secret};

/// Where it is.
pub const PATH: &str = "/console/live";
/// The server functions that pages call again when they are told to. They are no use of a session: a screen that nobody
/// sits at does not keep its session.
const READ_AGAIN: [&str; 13] = [
    "fleet",
    "node",
    "alerts",
    "alert",
    "open_alerts",
    "overview_again",
    "license_again",
    "customer_again",
    "act_again",
    "list_again",
    "seat_again",
    "webhook_again",
    "delivery_again",
];

/// How often to look for what has changed.
const LOOK: Duration = Duration::from_secs(1);
/// After how many looks figures that changed are told of.
const FIGURES: u32 = 5;
/// After how many looks since it was last told of a vendor's acts, it is told of more: of the first after a quiet time at
/// once, of many not each.
const ACTS: u32 = 5;
/// How old an act may be that a page may have missed between being rendered and listening.
const MISSED: Seconds = Seconds(30);
/// After how many looks the sessions of those who listen are looked at.
const SESSIONS: u32 = 2;
/// How often a stream on which nothing happens says that it is there. An edge gives an answer up after 16 s of silence.
const BEAT: Duration = Duration::from_secs(10);
/// When a browser whose stream broke tries again.
const AGAIN: Duration = Duration::from_secs(2);
/// How many streams a session may have: a browser that speaks HTTP/1.1 has six connections, and needs some for the rest.
const PER_SESSION: usize = 4;
/// How many streams a node has at the same time.
const AT_ONCE: usize = 1_000;

/// Whether a request to `path` is made by a page that is watched, and not by a person.
pub fn is_watching(path: &str) -> bool {
    path == PATH || (path.starts_with("/fn/") && path.rsplit('/').next().is_some_and(|name| READ_AGAIN.contains(&name)))
}

/// How long a stream may go on at this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// As long as it likes.
    #[default]
    Serving,
    /// The node is to be left alone: streams begin anew, elsewhere where there is an elsewhere.
    Drained,
    /// The process ends: so do streams.
    Stopping,
}

/// Where the server says how the node stands.
#[derive(Clone)]
pub struct Stands(Arc<dyn Fn() -> Standing + Send + Sync>);

impl Stands {
    /// What `says` says.
    pub fn new(says: impl Fn() -> Standing + Send + Sync + 'static) -> Self {
        Self(Arc::new(says))
    }
}

impl Default for Stands {
    fn default() -> Self {
        Self::new(Standing::default)
    }
}

impl fmt::Debug for Stands {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)().fmt(out)
    }
}

/// How often each topic has changed.
#[derive(Clone, Debug, Default)]
struct Told {
    fleet: u64,
    alerts: u64,
    /// Of each vendor of which anybody listened.
    acts: BTreeMap<VendorId, u64>,
}

impl Told {
    fn to(&self, vendor: VendorId) -> Seen {
        Seen { fleet: self.fleet, alerts: self.alerts, acts: self.acts.get(&vendor).copied().unwrap_or_default() }
    }
}

/// How much of it a stream has told.
#[derive(Clone, Copy, Debug)]
struct Seen {
    fleet: u64,
    alerts: u64,
    acts: u64,
}

/// What was last told of a vendor's acts: the newest one's number, and in which round.
#[derive(Clone, Copy, Debug)]
struct Act {
    number: i64,
    round: Option<u32>,
}

/// Everybody who listens.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

struct Hub {
    stands: Stands,
    told: watch::Sender<Told>,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    looking: bool,
    number: u64,
    each: BTreeMap<u64, Listener>,
    /// What those who listen know of their vendors' acts.
    acts: BTreeMap<VendorId, Act>,
}

/// Somebody who listens.
struct Listener {
    session: SessionSecret,
    vendor: VendorId,
    /// Ends the stream; without a word it begins anew elsewhere.
    end: oneshot::Sender<()>,
}

/// A stream.
struct Listening {
    hub: Live,
    number: u64,
    vendor: VendorId,
    told: watch::Receiver<Told>,
    seen: Seen,
    end: oneshot::Receiver<()>,
    over: bool,
    due: VecDeque<Event>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.hub.listeners().each.remove(&self.number);
    }
}

impl Listening {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some((Ok(event), self));
            }
            if self.over {
                return None;
            }
            tokio::select! {
                biased;
                end = &mut self.end => {
                    self.over = true;
                    self.due.extend(end.ok().map(|()| named("ended")));
                }
                changed = self.told.changed() => {
                    self.over = changed.is_err();
                    let told = self.told.borrow_and_update().to(self.vendor);
                    if told.fleet != self.seen.fleet {
                        self.due.push_back(named("fleet"));
                    }
                    if told.alerts != self.seen.alerts {
                        self.due.push_back(named("alerts"));
                    }
                    if told.acts != self.seen.acts {
                        self.due.push_back(named("acts"));
                    }
                    self.seen = told;
                }
            }
        }
    }
}

/// An event without content; the browser drops one that has no data at all.
fn named(name: &str) -> Event {
    Event::default().event(name).data("-")
}

impl Live {
    /// Nobody yet.
    pub fn new(stands: Stands) -> Self {
        let told = watch::Sender::new(Told::default());
        Self(Arc::new(Hub { stands, told, listeners: Mutex::default() }))
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> Standing {
        (self.0.stands.0)()
    }

    /// Begins a stream for a session of `vendor`, whose newest act is `newest`; `None` where it, or this node, has enough of
    /// them.
    fn listen(
        &self,
        service: &Service,
        session: SessionSecret,
        vendor: VendorId,
        newest: Option<(i64, Timestamp)>,
    ) -> Option<Listening> {
        let stands = self.standing();
        if stands == Standing::Stopping {
            return None;
        }
        let mut listeners = self.listeners();
        let of_session = listeners.each.values().filter(|other| other.session == session).count();
        if of_session >= PER_SESSION || listeners.each.len() >= AT_ONCE {
            return None;
        }
        let (sender, end) = oneshot::channel();
        listeners.number += 1;
        let number = listeners.number;
        listeners.each.insert(number, Listener { session, vendor, end: sender });
        if let Some((number, _)) = newest {
            listeners.acts.entry(vendor).or_insert(Act { number, round: None });
        }
        if !listeners.looking {
            listeners.looking = true;
            tokio::spawn(self.clone().look(service.clone(), stands));
        }
        let told = self.0.told.subscribe();
        let seen = told.borrow().to(vendor);
        let mut due = VecDeque::from([Event::default().retry(AGAIN).comment("listening")]);
        // What happened while the page was on its way, it does not show.
        if newest.is_some_and(|(_, at)| service.now().since(at) <= MISSED) {
            due.push_back(named("acts"));
        }
        Some(Listening { hub: self.clone(), number, vendor, told, seen, end, over: false, due })
    }

    /// The sessions of those who listen; `None` where nobody does any more, and looking ends.
    fn sessions(&self) -> Option<Vec<SessionSecret>> {
        let mut listeners = self.listeners();
        listeners.looking = !listeners.each.is_empty();
        if !listeners.looking {
            listeners.acts.clear();
        }
        listeners.looking.then(|| listeners.each.values().map(|listener| listener.session.clone()).collect())
    }

    /// The vendors of those who listen. Those of whom nobody does any more are forgotten.
    fn vendors(&self) -> Vec<VendorId> {
        let mut listeners = self.listeners();
        let vendors: BTreeSet<VendorId> = listeners.each.values().map(|listener| listener.vendor).collect();
        listeners.acts.retain(|vendor, _| vendors.contains(vendor));
        vendors.into_iter().collect()
    }

    /// The vendors that are to be told in this round that something was done.
    fn acted(&self, newest: &BTreeMap<VendorId, (i64, Timestamp)>, round: u32) -> Vec<VendorId> {
        let mut listeners = self.listeners();
        let mut acted = Vec::new();
        for (vendor, (number, _)) in newest {
            // Of which nothing is known, because the database could not be asked: something may have been done.
            let known = listeners.acts.entry(*vendor).or_insert(Act { number: -1, round: None });
            let rested = known.round.is_none_or(|told| round.wrapping_sub(told) >= ACTS);
            if known.number != *number && rested {
                *known = Act { number: *number, round: Some(round) };
                acted.push(*vendor);
            }
        }
        acted
    }

    /// Looks until nobody listens; the node stood so when somebody began to.
    async fn look(self, service: Service, mut stood: Standing) {
        let (mut known, mut round) = (None, 0_u32);
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(sessions) = self.sessions() else { return };
            let stands = self.standing();
            if stands != Standing::Serving && stands != stood {
                self.listeners().each.clear();
            }
            stood = stands;
            round += 1;
            let now = service.marks().await;
            let before = known.get_or_insert(now);
            let figures = round.is_multiple_of(FIGURES) && before.figures != now.figures;
            let (fleet, alerts) = (figures || before.fleet != now.fleet, figures || before.alerts != now.alerts);
            // Where nobody can say what was done, it is told of when somebody can.
            let newest = service.newest_acts(&self.vendors()).await.unwrap_or_default();
            let acted = self.acted(&newest, round);
            if fleet || alerts || !acted.is_empty() {
                self.0.told.send_modify(|told| {
                    told.fleet += u64::from(fleet);
                    told.alerts += u64::from(alerts);
                    for vendor in acted {
                        *told.acts.entry(vendor).or_default() += 1;
                    }
                });
            }
            let told_figures = if figures { now.figures } else { before.figures };
            *before = Marks { figures: told_figures, ..now };
            if round.is_multiple_of(SESSIONS) {
                // Where nobody can say whether a session has ended, it goes on.
                for ended in service.ended_sessions(&sessions).await.unwrap_or_default() {
                    let mut listeners = self.listeners();
                    for (_, listener) in listeners.each.extract_if(.., |_, listener| listener.session == ended) {
                        // Whoever has gone meanwhile needs no word.
                        let _ = listener.end.send(());
                    }
                }
            }
        }
    }
}

/// `GET /console/live`: the stream, or nothing for whoever may not listen, which a browser does not try again.
pub async fn live(state: AppState, request: Request) -> Response {
    let extensions = request.extensions();
    let actor = extensions.get::<Visitor>().and_then(|Visitor(actor)| actor.as_ref());
    let vendor = actor.filter(|actor| actor.may(Permission::FleetRead)).map(Actor::vendor);
    let session = extensions.get::<Session>().and_then(Session::id);
    let (Some(vendor), Some(session)) = (vendor, session) else { return StatusCode::NO_CONTENT.into_response() };
    let newest = state.service().newest_acts(&[vendor]).await.ok();
    let newest = newest.and_then(|newest| newest.get(&vendor).copied());
    let listening = state.live().listen(state.service(), secret(session), vendor, newest);
    let Some(listening) = listening else { return StatusCode::NO_CONTENT.into_response() };
    let events = unfold(listening, Listening::next);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(BEAT)).into_response();
    // What stands between must hand on each event as it comes.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_reads_by_itself_is_watching() {
        for path in
            [PATH, "/fn/holdfast_app/pages/fleet/api/fleet", "/fn/holdfast_app/pages/licenses/api/license_again"]
        {
            assert!(is_watching(path), "{path}");
        }
        for path in ["/console/fleet", "/fn/holdfast_app/pages/licenses/api/license", "/x/fleet", "/fn"] {
            assert!(!is_watching(path), "{path}");
        }
    }
}
