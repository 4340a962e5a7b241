//! Look-ups of single rows that many ask for at once, many to a statement.
//!
//! A node that was just started, or a vendor's whole customer base on the morning after an update, asks for thousands of
//! rows a second that nobody remembers. What is asked for while a statement runs shares the next one, so a look-up costs
//! a round trip when the node is idle and a part of one when it is busy. What was asked for is always read after it was
//! asked for.

use crate::{db::Reader, error::StoreError};
use futures::future::BoxFuture;
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How many look-ups share a statement at most.
const MOST: usize = 128;

/// After this long without an answer a statement is no longer waited for by those that come later: one connection that
/// hangs must not hold up a whole node.
const OVERDUE: Duration = Duration::from_millis(50);

/// How the rows of some keys are read; keys without a row are left out.
type Read<K, V> = for<'a> fn(&'a mut Reader, &'a [K]) -> BoxFuture<'a, Result<HashMap<K, V>, StoreError>>;

/// A key that was asked for, and whom to tell.
type Asked<K, V> = (K, oneshot::Sender<Result<Option<V>, StoreError>>);

/// Look-ups of one kind.
pub(crate) struct Gather<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    reader: Reader,
    read: Read<K, V>,
    queue: Mutex<Queue<K, V>>,
}

struct Queue<K, V> {
    waiting: Vec<Asked<K, V>>,
    /// When the newest statement that is under way began.
    running: Option<Instant>,
}

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Gather<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gather")
    }
}

impl<K, V> Gather<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    /// Look-ups by `read`, with as much patience as `reader` has.
    pub fn new(reader: Reader, read: Read<K, V>) -> Self {
        Self(Arc::new(Inner { reader, read, queue: Mutex::new(Queue { waiting: Vec::new(), running: None }) }))
    }

    /// The row of `key`, read after this call; `None` where there is none. Fails as the statement it shares does.
    pub async fn get(&self, key: K) -> Result<Option<V>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let start = self.0.queue(|queue| {
            queue.waiting.push((key, reply));
            let start = queue.running.is_none_or(|since| since.elapsed() > OVERDUE);
            if start {
                queue.running = Some(Instant::now());
            }
            start
        });
        if start {
            // A task of its own: whoever asked first may go away, the others want their answer.
            tokio::spawn(Self::clone(self).run());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::unavailable("the look-up was given up")))
    }

    async fn run(self) {
        while let Some((started, asked)) = self.0.next() {
            let keys: Vec<K> = asked.iter().map(|(key, _)| *key).collect();
            let found = (self.0.read)(&mut self.0.reader.clone(), &keys).await;
            for (key, reply) in asked {
                // Whoever has gone away needs no answer.
                let _ = reply.send(found.as_ref().map(|rows| rows.get(&key).cloned()).map_err(StoreError::clone));
            }
            // Somebody has given this statement up and started another, which goes on with the rest.
            if self.0.queue(|queue| queue.running != Some(started)) {
                return;
            }
        }
    }
}

impl<K, V> Inner<K, V> {
    fn queue<T>(&self, act: impl FnOnce(&mut Queue<K, V>) -> T) -> T {
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the next statement is for and when it starts; `None`, and nothing runs any more, where nobody waits.
    fn next(&self) -> Option<(Instant, Vec<Asked<K, V>>)> {
        self.queue(|queue| {
            let now = Instant::now();
            queue.running = (!queue.waiting.is_empty()).then_some(now);
            let later = queue.waiting.split_off(queue.waiting.len().min(MOST));
            let asked = mem::replace(&mut queue.waiting, later);
            (!asked.is_empty()).then_some((now, asked))
        })
    }
}
