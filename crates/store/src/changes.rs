//! The change feed: what other nodes' caches must learn of, in the order of commits.

use crate::{
    db::{Db, Pools, Reader},
    dialect::{FEED_CHANNEL, classify},
    error::StoreError,
    sql::{Querier, Record as _, all, args, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{ProductId, Timestamp, VendorId};
use sqlx::postgres::PgListener;
use std::time::Duration;

stored_enum! {
    /// What kind of thing changed.
    pub enum ChangeKind {
        /// A vendor, or its keys' manifest.
        Vendor = "vendor",
        /// A product.
        Product = "product",
        /// A plan.
        Plan = "plan",
        /// A license.
        License = "license",
        /// A seat.
        Seat = "seat",
        /// A signing key.
        SigningKey = "signing_key",
        /// A member.
        Member = "member",
        /// An API token.
        Token = "token",
    }
}

record! {
    /// A change.
    pub struct Change in "changes" {
        /// Its number. Numbers grow in the order of commits and have gaps.
        pub seq: i64,
        /// Whose.
        pub vendor: VendorId,
        /// Of which product, where it is of one.
        pub product: Option<ProductId>,
        /// What kind of thing changed.
        pub kind: ChangeKind,
        /// Its 16-byte id.
        pub subject: uuid::Uuid,
        /// When.
        pub at: Timestamp,
    }
}

/// The changes after number `after`, in order, at most `limit`. Nothing with a smaller number appears later.
pub async fn since(q: &mut dyn Querier, after: i64, limit: u32) -> Result<Vec<Change>, StoreError> {
    let sql = format!("SELECT {} FROM changes WHERE seq > $1 ORDER BY seq LIMIT {limit}", Change::COLUMNS);
    all(q, sql, args![after]).await
}

/// The number of the newest change still stored; 0 where there is none. A follower that starts with a full read takes
/// this number *before* reading.
pub async fn newest(q: &mut dyn Querier) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM changes";
    Ok(crate::sql::value(q, sql, Vec::new()).await?.unwrap_or(0))
}

/// The number of the oldest change still stored; `None` where there is none. A follower whose last number lies more than
/// one before it may have missed something and reads everything anew.
pub async fn oldest(q: &mut dyn Querier) -> Result<Option<i64>, StoreError> {
    crate::sql::value(q, "SELECT seq FROM changes ORDER BY seq LIMIT 1", Vec::new()).await
}

/// Removes changes from before `before`. Returns how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM changes WHERE at < $1 RETURNING seq";
    Ok(tx.rows(sql.into(), args![before]).await?.len() as u64)
}

/// Follows the feed: a notification wakes it up, polling is the truth.
pub struct Feed {
    db: Db,
    reader: Reader,
    after: i64,
    listener: Option<PgListener>,
    poll: Duration,
}

impl Feed {
    /// Follows the changes after number `after`, looking for some at least every `poll`.
    pub fn follow(db: &Db, after: i64, poll: Duration) -> Self {
        Self { db: db.clone(), reader: db.reader(), after, listener: None, poll }
    }

    /// The number of the last change handed out.
    pub const fn position(&self) -> i64 {
        self.after
    }

    /// Waits for changes and returns them, at most a thousand; or nothing, when the poll found none: an empty answer is
    /// the news that what is known is still true. An error leaves the position where it was: call again.
    pub async fn next(&mut self) -> Result<Vec<Change>, StoreError> {
        // Listening begins before the look, so that nothing falls in between.
        let listening = self.listen().await;
        let found = since(&mut self.reader, self.after, 1_000).await?;
        if !found.is_empty() {
            return Ok(self.advance(found));
        }
        match (&mut self.listener, listening) {
            (Some(listener), true) => {
                if let Ok(Err(error)) = tokio::time::timeout(self.poll, listener.recv()).await {
                    tracing::debug!(error = ?classify(&error), "the notification channel is gone");
                    self.listener = None;
                }
            }
            _ => tokio::time::sleep(self.poll.min(Duration::from_millis(200))).await,
        }
        let found = since(&mut self.reader, self.after, 1_000).await?;
        Ok(self.advance(found))
    }

    fn advance(&mut self, found: Vec<Change>) -> Vec<Change> {
        if let Some(last) = found.last() {
            self.after = last.seq;
        }
        found
    }

    async fn listen(&mut self) -> bool {
        let Pools::Postgres { pool } = &self.db.pools else { return false };
        if self.listener.is_some() {
            return true;
        }
        let connect = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen(FEED_CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        if let Ok(Ok(listener)) = tokio::time::timeout(Duration::from_secs(3), connect).await {
            self.listener = Some(listener);
        }
        self.listener.is_some()
    }
}
