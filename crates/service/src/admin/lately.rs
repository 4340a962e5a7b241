//! Answers that took long to find, kept for a while.

use crate::error::Result;
use holdfast_domain::{Seconds, Timestamp};
use quick_cache::sync::Cache;
use std::{
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

/// An answer is found again after so many times as long as it took: finding it costs two hundredths of a core.
const WORTH: u32 = 50;
/// For so long an answer is given at most, where nobody finds it again in the background.
const OLD: Seconds = Seconds::minutes(5);

/// Answers by question, each found by one caller at a time.
pub(crate) struct Lately<K, T>(Cache<K, Arc<Kept<T>>>);

struct Kept<T> {
    value: Arc<T>,
    at: Timestamp,
    took: Duration,
}

impl<T> Kept<T> {
    /// How old it is; as old as can be where the clock was set back.
    fn age(&self, now: Timestamp) -> Seconds {
        if now < self.at { Seconds(i64::MAX) } else { now.since(self.at) }
    }

    /// Whether it may still be given.
    fn stands(&self, now: Timestamp) -> bool {
        self.age(now) <= OLD
    }

    /// Whether it is time to find it again.
    fn is_due(&self, now: Timestamp) -> bool {
        let worth = self.took.saturating_mul(WORTH).as_secs();
        self.age(now).0 > i64::try_from(worth).unwrap_or(i64::MAX)
    }
}

impl<K: Hash + Eq + Clone, T> Lately<K, T> {
    /// Room for so many answers.
    pub(crate) fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// The answer to `key`: one that was found lately, or what `find` finds.
    pub(crate) async fn get<F: Future<Output = Result<T>>>(
        &self,
        key: K,
        now: Timestamp,
        find: impl FnOnce() -> F,
    ) -> Result<Arc<T>> {
        if let Some(kept) = self.0.get(&key) {
            if kept.stands(now) {
                return Ok(Arc::clone(&kept.value));
            }
            self.0.remove(&key);
        }
        // Whoever asks the same meanwhile waits for this answer.
        let found = self.0.get_or_insert_async(&key, timed(now, find)).await?;
        Ok(Arc::clone(&found.value))
    }

    /// Finds the answer to `key` again, where it is not known or no longer fresh.
    pub(crate) async fn renew<F: Future<Output = Result<T>>>(
        &self,
        key: K,
        now: Timestamp,
        find: impl FnOnce() -> F,
    ) -> Result<()> {
        if self.0.get(&key).is_none_or(|kept| kept.is_due(now)) {
            let found = timed(now, find).await?;
            self.0.insert(key, found);
        }
        Ok(())
    }
}

async fn timed<T, F: Future<Output = Result<T>>>(at: Timestamp, find: impl FnOnce() -> F) -> Result<Arc<Kept<T>>> {
    let began = Instant::now();
    let value = Arc::new(find().await?);
    Ok(Arc::new(Kept { value, at, took: began.elapsed() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, ErrorCode};

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn at(seconds: i64) -> Timestamp {
        NOW.plus(Seconds(seconds))
    }

    async fn found(n: u32) -> Result<u32> {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Ok(n)
    }

    #[tokio::test]
    async fn an_answer_stands_for_a_while_and_is_found_again_in_time() {
        let lately = Lately::new(10);
        assert_eq!(*lately.get("a", NOW, || found(1)).await.unwrap(), 1);
        assert_eq!(*lately.get("a", at(OLD.0), || found(2)).await.unwrap(), 1);
        assert_eq!(*lately.get("b", NOW, || found(3)).await.unwrap(), 3, "another question");
        lately.renew("a", at(1), || found(4)).await.unwrap();
        assert_eq!(
            *lately.get("a", at(1), || found(5)).await.unwrap(),
            1,
            "it took 30 ms: good for more than a second"
        );
        lately.renew("a", at(200), || found(6)).await.unwrap();
        assert_eq!(*lately.get("a", at(200), || found(7)).await.unwrap(), 6);
        assert_eq!(*lately.get("a", at(201 + OLD.0), || found(8)).await.unwrap(), 8, "nobody renewed it");
        assert_eq!(*lately.get("a", NOW, || found(9)).await.unwrap(), 9, "a clock that was set back");
        lately.renew("c", NOW, || found(10)).await.unwrap();
        assert_eq!(*lately.get("c", NOW, || found(11)).await.unwrap(), 10);
    }

    #[tokio::test]
    async fn who_asks_the_same_meanwhile_waits_for_the_same_answer() {
        let lately = Lately::new(10);
        let (one, two) = tokio::join!(lately.get("a", NOW, || found(1)), lately.get("a", NOW, || found(2)));
        assert_eq!((*one.unwrap(), *two.unwrap()), (1, 1));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let lately = Lately::new(10);
        let failed = lately.get("a", NOW, || async { Err(Error::new(ErrorCode::Unavailable)) }).await;
        assert_eq!(failed.unwrap_err().code, ErrorCode::Unavailable);
        assert_eq!(*lately.get("a", NOW, || async { Ok(1) }).await.unwrap(), 1);
    }
}
