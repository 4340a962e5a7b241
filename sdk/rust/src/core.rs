//! The state in memory, the one place where it changes, and its way to the disk.

use crate::clock::Clock;
use crate::device::{OwnKey, random};
use crate::events::{Report, Subscribers, Update};
use crate::race::Patience;
use crate::record::{Documents, Mark, Record};
use crate::storage::Storage;
use crate::transport::Transport;
use crate::vault;
use holdfast_lease::client::{Action, Effect, Event, Jitter, Keep, Notice, Reading, Setup, Standing, State, decide};
use holdfast_lease::{RootKeys, Seconds};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A verdict is judged anew at least this often, for the sake of `days_left`.
const FRESH: Duration = Duration::from_mins(1);

/// Told everything that belongs into a log.
pub(crate) type Log = Box<dyn Fn(&Report) + Send + Sync>;

/// Everything behind a [`crate::Licensing`].
pub(crate) struct Core {
    pub(crate) product: String,
    pub(crate) device_hash: String,
    pub(crate) device: crate::Device,
    pub(crate) roots: RootKeys,
    pub(crate) endpoints: Vec<String>,
    pub(crate) allow_plain_http: bool,
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) transport: Transport,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) log: Option<Log>,
    pub(crate) background: bool,
    /// The device's own key once it was needed.
    pub(crate) own_key: Mutex<Option<OwnKey>>,
    /// One request at a time, from building it to taking its answer in, to however many endpoints it goes.
    pub(crate) calling: Mutex<()>,
    /// Who asked to be left alone.
    pub(crate) patience: Mutex<Patience>,
    memory: Mutex<Option<Memory>>,
    subscribers: Mutex<Subscribers>,
    /// Keeps changes in the order in which they happened on their way to the subscribers.
    telling: Mutex<()>,
    saving: Mutex<()>,
    stopped: AtomicBool,
    woken: Mutex<bool>,
    wake: Condvar,
}

/// The settings a [`Core`] is made of.
pub(crate) struct Parts {
    pub(crate) product: String,
    pub(crate) device_hash: String,
    pub(crate) device: crate::Device,
    pub(crate) roots: RootKeys,
    pub(crate) endpoints: Vec<String>,
    pub(crate) allow_plain_http: bool,
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) transport: Transport,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) log: Option<Log>,
    pub(crate) background: bool,
}

struct Memory {
    record: Record,
    /// The generation of the slots that `record` grew out of.
    generation: u64,
    /// What is known to be on the disk; `None` where the disk's content has to be replaced in any case.
    on_disk: Option<Documents>,
    standing: Standing,
    judged_at: Duration,
    read_at: Option<u64>,
    save_wanted: bool,
    /// A notice nobody has subscribed for yet.
    notice: Option<Notice>,
}

/// What came of an event.
pub(crate) struct Applied {
    pub(crate) standing: Standing,
    pub(crate) action: Action,
    pub(crate) effects: Vec<Effect>,
}

/// The guarded value. A thread that died with the lock in its hand is no reason to take a license away: every change is
/// one assignment, so that the value is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            product,
            device_hash,
            device,
            roots,
            endpoints,
            allow_plain_http,
            storage,
            transport,
            clock,
            log,
            background,
        } = parts;
        Self {
            product,
            device_hash,
            device,
            roots,
            endpoints,
            allow_plain_http,
            storage,
            transport,
            clock,
            log,
            background,
            own_key: Mutex::default(),
            calling: Mutex::default(),
            patience: Mutex::default(),
            memory: Mutex::default(),
            subscribers: Mutex::default(),
            telling: Mutex::default(),
            saving: Mutex::default(),
            stopped: AtomicBool::new(false),
            woken: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    fn setup(&self) -> Setup<'_> {
        Setup { product: &self.product, device: &self.device_hash, roots: &self.roots, endpoints: &self.endpoints }
    }

    /// Reads the stored state, verifies it and judges it. No network, no waiting, no write.
    pub(crate) fn launch(&self) -> Standing {
        let mut guard = lock(&self.memory);
        if let Some(memory) = &*guard {
            let standing = memory.standing.clone();
            drop(guard);
            return if self.is_fresh(&standing) { standing } else { self.apply(&Event::Tick).standing };
        }
        let (memory, damaged) = self.load();
        let standing = memory.standing.clone();
        *guard = Some(memory);
        drop(guard);
        if damaged {
            self.report(&Report::StoreDamaged);
        }
        standing
    }

    /// The verdict now: the last one where nothing can have changed it.
    pub(crate) fn standing(&self) -> Standing {
        self.launch()
    }

    /// Whether nothing but a new event can have changed this verdict.
    fn is_fresh(&self, standing: &Standing) -> bool {
        let judged_at = lock(&self.memory).as_ref().map(|memory| memory.judged_at).unwrap_or_default();
        let since = self.clock.running().saturating_sub(judged_at);
        let passed = Seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        let now = standing.time.plus(passed).max(self.clock.wall());
        since < FRESH && now.since(standing.time) < Seconds::MINUTE && standing.changes_at.is_none_or(|at| now < at)
    }

    fn load(&self) -> (Memory, bool) {
        let found = vault::load::<Record>(&*self.storage);
        let mark = vault::load_mark::<Mark>(&*self.storage);
        let mut record = match found.value {
            Some(record) => record,
            None if found.damaged => Record { state: State::damaged(), ..Record::default() },
            None => Record::default(),
        };
        record.state.damaged |= found.damaged;
        let on_disk = (!found.damaged).then(|| record.documents());
        if let Some(mark) = mark {
            record = record.with_mark(self.setup(), found.generation, &mark);
        }
        let running = self.clock.running();
        let reading = Reading { wall: self.clock.wall(), elapsed: Seconds(0) };
        let decision = decide(self.setup(), &record.state, reading, &Event::Launch, jitter());
        record.state = decision.state;
        let memory = Memory {
            record,
            generation: found.generation,
            on_disk,
            standing: decision.standing,
            judged_at: running,
            read_at: Some(running.as_secs()),
            save_wanted: decision.save,
            notice: decision.notice,
        };
        (memory, found.damaged)
    }

    /// Lets the decision function take an event in, and tells whoever it concerns.
    pub(crate) fn apply(&self, event: &Event) -> Applied {
        // A first look at the store, where there was none yet.
        if lock(&self.memory).is_none() {
            self.launch();
        }
        let telling = lock(&self.telling);
        let mut guard = lock(&self.memory);
        let Some(memory) = guard.as_mut() else {
            // Not reachable: `launch` filled it, and nothing empties it.
            drop((guard, telling));
            let standing = self.launch();
            return Applied { standing, action: Action::Nothing, effects: Vec::new() };
        };
        let running = self.clock.running();
        let elapsed = running.as_secs().saturating_sub(memory.read_at.unwrap_or(running.as_secs()));
        let reading = Reading { wall: self.clock.wall(), elapsed: Seconds(i64::try_from(elapsed).unwrap_or(i64::MAX)) };
        let decision = decide(self.setup(), &memory.record.state, reading, event, jitter());
        if matches!(event, Event::Answer { .. }) && decision.effects.contains(&Effect::LeaseStored) {
            memory.record.offline_nonce = None;
        }
        memory.record.state = decision.state;
        memory.read_at = Some(running.as_secs());
        memory.judged_at = running;
        memory.save_wanted |= decision.save;
        let changed = visible(&memory.standing) != visible(&decision.standing);
        memory.standing = decision.standing.clone();
        if decision.notice.is_some() {
            memory.notice = decision.notice;
        }
        drop(guard);

        if changed {
            self.publish(&Update::State(Box::new(decision.standing.clone())));
        }
        self.publish_notice();
        if decision.effects.contains(&Effect::Kept(Keep::ProxyAuthentication)) {
            self.publish(&Update::ProxyWantsSignIn);
        }
        drop(telling);
        for effect in &decision.effects {
            self.report(&Report::Effect(effect.clone()));
        }
        Applied { standing: decision.standing, action: decision.action, effects: decision.effects }
    }

    /// Looks at the record in memory.
    pub(crate) fn with_record<T>(&self, look: impl FnOnce(&mut Record, &Standing) -> T) -> Option<T> {
        self.launch();
        lock(&self.memory).as_mut().map(|memory| look(&mut memory.record, &memory.standing))
    }

    /// Takes over what another process has stored meanwhile.
    pub(crate) fn adopt(&self) {
        let found = vault::load::<Record>(&*self.storage);
        let Some(theirs) = found.value else { return };
        let mut guard = lock(&self.memory);
        let Some(memory) = guard.as_mut().filter(|memory| memory.generation != found.generation) else { return };
        let joined = Record::join(self.setup(), &memory.record, &theirs);
        memory.save_wanted |= joined.documents() != theirs.documents();
        memory.on_disk = Some(theirs.documents());
        memory.generation = found.generation;
        memory.record = joined;
    }

    /// Saves if the last decisions asked for it. Where another thread is saving, waits for it: when this returns, what
    /// was known when it was called is on the disk, or cannot be.
    pub(crate) fn save_if_wanted(&self) {
        let turn = lock(&self.saving);
        let wanted =
            lock(&self.memory).as_mut().is_some_and(|memory| std::mem::replace(&mut memory.save_wanted, false));
        if wanted {
            self.save_in_turn(&turn);
        }
    }

    /// Saves the state: documents synced into a slot, mere clocks into the mark. What cannot be saved stays in memory.
    pub(crate) fn save(&self) {
        let turn = lock(&self.saving);
        self.save_in_turn(&turn);
    }

    fn save_in_turn(&self, _turn: &MutexGuard<'_, ()>) {
        let snapshot = lock(&self.memory).as_ref().map(|memory| {
            let dirty = memory.on_disk.as_ref() != Some(&memory.record.documents());
            (memory.record.clone(), memory.generation, dirty)
        });
        let Some((record, generation, dirty)) = snapshot else { return };
        let saved = if dirty { self.save_documents(&record, generation) } else { self.save_mark(&record, generation) };
        match saved {
            Ok(()) => self.apply(&Event::Saved),
            Err(error) => {
                self.report(&Report::NotSaved(error.to_string()));
                self.apply(&Event::SaveFailed)
            }
        };
    }

    fn save_documents(&self, record: &Record, generation: u64) -> io::Result<()> {
        if let Some(own) = lock(&self.own_key).as_mut() {
            own.save(&*self.storage)?;
        }
        // Nothing may remain that would bring back what was taken away or given up.
        let both = record.state.lease.is_none() || record.state.denial.is_some();
        let mut written = record.clone();
        let now = vault::save(&*self.storage, both, |found: vault::Found<Record>| {
            if let Some(theirs) = found.value.filter(|_| found.generation != generation) {
                written = Record::join(self.setup(), record, &theirs);
            }
            Some(written.clone())
        })?;
        let mut guard = lock(&self.memory);
        if let Some(memory) = guard.as_mut() {
            let joined = written.documents() != record.documents();
            if joined {
                memory.record = Record::join(self.setup(), &memory.record, &written);
            }
            memory.generation = now;
            memory.save_wanted |= memory.record.documents() != written.documents();
            memory.on_disk = Some(written.documents());
        }
        Ok(())
    }

    fn save_mark(&self, record: &Record, generation: u64) -> io::Result<()> {
        let mark = record.mark(generation);
        vault::save_mark(&*self.storage, |old| mark.join(self.setup(), old))
    }

    /// Adds a receiver of changes.
    pub(crate) fn subscribe(&self, sender: std::sync::mpsc::Sender<Update>) {
        lock(&self.subscribers).add(sender);
        self.publish_notice();
    }

    fn publish(&self, update: &Update) {
        lock(&self.subscribers).send(update);
    }

    /// Hands a notice out as soon as there is somebody to hand it to.
    fn publish_notice(&self) {
        let mut subscribers = lock(&self.subscribers);
        if subscribers.is_empty() {
            return;
        }
        let notice = lock(&self.memory).as_mut().and_then(|memory| memory.notice.take());
        if let Some(notice) = notice {
            subscribers.send(&Update::Notice(notice));
        }
    }

    pub(crate) fn report(&self, report: &Report) {
        if let Some(log) = &self.log {
            log(report);
        }
    }

    /// Whether anybody asked for anything yet.
    pub(crate) fn is_in_use(&self) -> bool {
        lock(&self.memory).is_some()
    }

    /// Lets the background task look again.
    pub(crate) fn wake(&self) {
        *lock(&self.woken) = true;
        self.wake.notify_all();
    }

    /// Ends the background task at the next opportunity.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Waits until woken, at most this long.
    pub(crate) fn rest(&self, longest: Duration) {
        let guard = lock(&self.woken);
        let waited = self.wake.wait_timeout_while(guard, longest, |woken| !*woken);
        let (mut woken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *woken = false;
    }
}

/// What of a standing concerns the user.
fn visible(standing: &Standing) -> impl PartialEq + '_ {
    (
        &standing.verdict,
        standing.clock_suspect,
        standing.store_damaged,
        standing.update_needed,
        &standing.entitlements,
        &standing.denial,
    )
}

/// A random number that spreads retries. A system without randomness gets the longest pauses.
fn jitter() -> Jitter {
    Jitter(random::<4>().map_or(u32::MAX, u32::from_le_bytes))
}
