//! One request, several endpoints: the second is asked when the first is slow, and the first answer that settles the
//! matter is taken.
//!
//! An endpoint that fails visibly costs nothing, but one that swallows packets costs three seconds and one that hangs
//! ten. So the next is asked too once the one before has been silent for [`HEDGE`], or for twice what the endpoint that
//! answered best lately needed, where that is more. Where everything is well nobody is asked twice.
//!
//! # What may be asked of two servers at once
//! | call | carried out twice |
//! | --- | --- |
//! | `activate`, `trials` | the license's row is locked and the device gets the seat it has: one seat, two leases |
//! | `renew` | two leases of one seat, neither of which takes anything from the other |
//! | `release` | a seat that is free stays free; a lease from before the seat was claimed anew gives nothing up |
//! | key manifest | read only |
//! | `seats/{seat}/release` | **not raced**: it names somebody else's seat and no moment; carried out late, it would take the seat from whoever got it meanwhile |
//!
//! An activation that is carried out after the release that followed it would take the seat again, and the other way
//! round. Each of the two therefore begins when nothing of the other is under way any more.
//!
//! # Whose answer counts
//! Answers are judged one by one, as they come, by the one rule that holds for all: a lease must have a greater `seq` than
//! what is stored, a denial no smaller one, and the nonce of this request. What does not pass settles nothing, and the
//! other endpoint's answer is waited for. The answer of whoever lost is dropped unread: it gives nothing and takes
//! nothing. Of a lease and a denial that were signed at the same time, the first to arrive is taken; the next renewal
//! tells which of the two still holds, and it asks with what was taken.
//!
//! # What it costs
//! No runtime; one thread for each call, one call under way to each endpoint and [`ENDPOINTS_PER_REQUEST`] for a request.
//! The loser's thread ends with its call, within ten seconds, and holds nothing that anybody else needs.

use crate::core::{Core, lock};
use crate::endpoint::Endpoint;
use crate::events::Report;
use crate::transport::{Answer, Ask, CALL_IS_LOST, Failure, Reply};
use holdfast_lease::{Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// A silence of this length makes an endpoint a slow one: more than four round trips over the longest ordinary line, and
/// hardly a pause for whoever waits.
const HEDGE: Duration = Duration::from_millis(500);
/// However slow the best endpoint is, the next is asked after this.
const LONGEST_HEDGE: Duration = Duration::from_secs(2);
/// One request is put to this many endpoints at most: one more than a region has, so that one whose region is lost as a whole
/// is still answered.
const ENDPOINTS_PER_REQUEST: usize = 4;
/// For how long the endpoint that answered is asked first. After that, the vendor's order has another chance.
const LATELY: Seconds = Seconds::HOUR;
/// The longest that an endpoint's wish to be left alone is remembered.
const LONGEST_PATIENCE: Seconds = Seconds::HOUR;

/// The endpoint whose documents were last taken in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Best {
    /// Until when it is asked first, in effective time.
    until: UnixSeconds,
    endpoint: String,
    /// How long it needed, in milliseconds.
    took: u64,
}

impl Best {
    fn holds(&self, now: UnixSeconds) -> bool {
        // A date further away than any we write comes from a clock that stood in the future.
        self.until > now && self.until <= now.plus(LATELY)
    }
}

/// Endpoints that asked to be left alone, and until when by the running clock.
#[derive(Default)]
pub(crate) struct Patience(BTreeMap<Endpoint, Duration>);

impl Patience {
    /// Notes what `endpoint` asked for.
    pub(crate) fn note(&mut self, endpoint: &Endpoint, asked: Seconds, running: Duration) {
        let seconds = u64::try_from(asked.0.clamp(0, LONGEST_PATIENCE.0)).unwrap_or(0);
        self.0.retain(|_, until| *until > running);
        self.0.insert(endpoint.clone(), running + Duration::from_secs(seconds));
    }

    fn asks(&self, endpoint: &Endpoint, running: Duration) -> bool {
        self.0.get(endpoint).is_some_and(|until| *until > running)
    }
}

/// Whom to ask, in which order, and when to ask the next as well.
pub(crate) struct Course {
    endpoints: Vec<Endpoint>,
    hedge: Option<Duration>,
}

impl Core {
    /// The course of the next request; `raced` where it may be under way to two endpoints at once.
    pub(crate) fn course(&self, raced: bool) -> Course {
        let (announced, turn, best) = self
            .with_record(|record, standing| {
                let announced = standing.manifest.as_ref().and_then(|manifest| manifest.endpoints.clone());
                let best = record.best.clone().filter(|best| best.holds(standing.time));
                (announced.unwrap_or_default(), record.state.endpoint, best)
            })
            .unwrap_or_default();
        let mut seen = BTreeSet::new();
        let mut endpoints: Vec<Endpoint> = announced
            .iter()
            // An announced address never leads down to plain http.
            .filter(|address| address.starts_with("https://"))
            .chain(&self.endpoints)
            .filter_map(|address| Endpoint::parse(address, self.allow_plain_http).ok())
            .filter(|endpoint| seen.insert(endpoint.clone()))
            .collect();
        if !endpoints.is_empty() {
            let first = usize::try_from(turn).unwrap_or(0) % endpoints.len();
            endpoints.rotate_left(first);
        }
        if let Some(best) = &best {
            endpoints.sort_by_key(|endpoint| endpoint.to_string() != best.endpoint);
        }
        let running = self.clock.running();
        let patience = lock(&self.patience);
        // Where all of them want to be left alone, a person who asks nevertheless is not ignored.
        if !endpoints.iter().all(|endpoint| patience.asks(endpoint, running)) {
            endpoints.retain(|endpoint| !patience.asks(endpoint, running));
        }
        endpoints.truncate(ENDPOINTS_PER_REQUEST);
        let took = best.map_or(Duration::ZERO, |best| Duration::from_millis(best.took));
        let hedge = raced.then(|| took.saturating_mul(2).clamp(HEDGE, LONGEST_HEDGE));
        Course { endpoints, hedge }
    }

    /// Begins the race for an answer.
    pub(crate) fn race<'a>(&'a self, course: Course, ask: &'a Ask) -> Race<'a> {
        Race::new(self, course, ask)
    }

    /// Remembers who answered best, or that the one who did no longer does.
    pub(crate) fn remember_best(&self, answer: Option<&Answer>) {
        self.with_record(|record, standing| {
            record.best = answer.map(|answer| Best {
                until: standing.time.plus(LATELY),
                endpoint: answer.endpoint.to_string(),
                took: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
            });
        });
    }

    /// Tells the developer's log about an answer that settled nothing.
    pub(crate) fn report_reply(&self, answer: &Answer) {
        let why = match &answer.reply {
            Reply::Failed(failure) => failure.to_string(),
            Reply::Http(http) => format!("status {} without anything to go by", http.status),
        };
        self.report(&Report::NoAnswer(format!("{}: {why}", answer.endpoint)));
    }
}

/// A request on its way to one endpoint after the other.
pub(crate) struct Race<'a> {
    core: &'a Core,
    ask: &'a Ask,
    hedge: Option<Duration>,
    left: std::vec::IntoIter<Endpoint>,
    /// Who was asked and has not answered, with the moment at which that happened.
    asked: Vec<(Endpoint, Instant)>,
    sender: Sender<Answer>,
    answers: Receiver<Answer>,
}

impl<'a> Race<'a> {
    fn new(core: &'a Core, course: Course, ask: &'a Ask) -> Self {
        let (sender, answers) = channel();
        let left = course.endpoints.into_iter();
        Self { core, ask, hedge: course.hedge, left, asked: Vec::new(), sender, answers }
    }

    /// Whether an answer is still out.
    pub(crate) fn is_on(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The next answer, in the order in which they come; `None` where everybody was asked and nobody is left to answer.
    /// Asks the next endpoint where nobody is being waited for, or where the last one asked is slow.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        loop {
            if self.asked.is_empty() {
                if self.left.len() == 0 {
                    return None;
                }
                if let Some(failed) = self.ask_next() {
                    return Some(failed);
                }
            }
            let (slow, lost) = (self.slow_at(), self.lost_at());
            let until = slow.map_or(lost, |slow| slow.min(lost));
            let Ok(answer) = self.answers.recv_timeout(until.saturating_duration_since(Instant::now())) else {
                if lost <= Instant::now() {
                    let (endpoint, since) = self.asked.remove(0);
                    let reply = Reply::Failed(Failure::TimedOut);
                    return Some(Answer { endpoint, reply, took: since.elapsed() });
                }
                if let (Some(_), Some((endpoint, _))) = (slow, self.asked.last()) {
                    self.core.report(&Report::Slow(endpoint.to_string()));
                    if let Some(failed) = self.ask_next() {
                        return Some(failed);
                    }
                }
                continue;
            };
            // One that was given up for lost is not listened to any more.
            if let Some(at) = self.asked.iter().position(|(endpoint, _)| *endpoint == answer.endpoint) {
                self.asked.remove(at);
                return Some(answer);
            }
        }
    }

    /// When the next endpoint has its turn although an answer is still out.
    fn slow_at(&self) -> Option<Instant> {
        let (_, since) = self.asked.last()?;
        self.hedge.filter(|_| self.left.len() > 0).map(|hedge| *since + hedge)
    }

    /// When the first of those who were asked is given up.
    fn lost_at(&self) -> Instant {
        self.asked.first().map_or_else(Instant::now, |(_, since)| *since + CALL_IS_LOST)
    }

    /// Asks the next endpoint, if there is one. Returns its answer where it could not even be asked.
    fn ask_next(&mut self) -> Option<Answer> {
        let endpoint = self.left.next()?;
        match self.core.transport.start(&endpoint, self.ask, self.sender.clone()) {
            Ok(()) => {
                self.asked.push((endpoint, Instant::now()));
                None
            }
            Err(failure) => Some(Answer { endpoint, reply: Reply::Failed(failure), took: Duration::ZERO }),
        }
    }
}
