//! The audit log: reading it, and walking its hash chain (vocabulary, "Audit").

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, ToArg, all, args, first, record, value},
};
use holdfast_domain::{Actor, EventHash, EventId, Seconds, Timestamp, VendorId, event::EventFields};
use std::collections::BTreeMap;

record! {
    /// An event, byte for byte as it was hashed.
    pub struct EventRow in "events" {
        /// Whose log.
        pub vendor: VendorId,
        /// Its place in the log, from 1 without gaps.
        pub number: i64,
        /// Its id.
        pub id: EventId,
        /// When.
        pub at: Timestamp,
        /// Who, as JSON ([`Actor`]).
        pub actor: String,
        /// What happened.
        pub action: String,
        /// What it happened to.
        pub subject: String,
        /// Before and after, as JSON.
        pub data: String,
        /// From where.
        pub origin: String,
        /// With which request.
        pub request: String,
        /// Its hash, chained to the one before.
        pub hash: EventHash,
    }
}

impl EventRow {
    fn fields(&self) -> EventFields<'_> {
        EventFields {
            id: self.id,
            vendor: self.vendor,
            number: self.number,
            at: self.at,
            actor: &self.actor,
            action: &self.action,
            subject: &self.subject,
            data: &self.data,
            origin: &self.origin,
            request: &self.request,
        }
    }
}

/// What a list of events is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// What it happened to: the id's text form.
    pub subject: Option<String>,
    /// Who.
    pub actor: Option<Actor>,
    /// What happened.
    pub action: Option<String>,
    /// Not before then.
    pub since: Option<Timestamp>,
    /// Before then.
    pub before: Option<Timestamp>,
}

/// The vendor's events by number, the newest first unless asked otherwise.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &EventFilter,
    page: &PageRequest<()>,
) -> Result<Page<EventRow>, ListError> {
    let actor = filter.actor.as_ref().map(|actor| serde_json::to_string(actor).unwrap_or_default());
    let mut conditions = Filter::default();
    conditions
        .and("events.vendor = ?", args![scope.vendor()])
        .maybe("events.subject = ?", filter.subject.as_ref())
        .maybe("events.actor = ?", actor.as_ref())
        .maybe("events.action = ?", filter.action.as_ref());
    if let Some(since) = filter.since {
        let first = first_since(q, scope, since.plus(Seconds(-ASTRAY.0))).await?;
        conditions.and("events.number >= ? AND events.at >= ?", args![first, since]);
    }
    if let Some(before) = filter.before {
        let first = first_since(q, scope, before.plus(ASTRAY)).await?;
        conditions.and("events.number < ? AND events.at < ?", args![first, before]);
    }
    let key = SortKey { name: "number", expression: "events.number", kind: KeyType::Int };
    let window = Window::new(&conditions, page, &key, "events.id")?;
    let total = if page.counted { Some(crate::page::count(q, "events", &conditions).await?) } else { None };
    let rows = window.rows::<EventRow>(q, "events").await?;
    Ok(window.page_of(rows, total, |row| (SortValue::Int(row.number), row.id.to_bytes())))
}

/// The event of that number, and whether its hash follows from it and from the event before.
pub async fn numbered(q: &mut dyn Querier, scope: Scope, number: i64) -> Result<Option<(EventRow, bool)>, StoreError> {
    let sql = format!("SELECT {} FROM events WHERE vendor = $1 AND number = $2", EventRow::COLUMNS);
    let Some(row) = first::<EventRow>(q, sql, args![scope.vendor(), number]).await? else { return Ok(None) };
    let before = if number == 1 {
        Some(EventHash::GENESIS)
    } else {
        let sql = "SELECT hash FROM events WHERE vendor = $1 AND number = $2";
        value(q, sql, args![scope.vendor(), number - 1]).await?
    };
    let holds = before.is_some_and(|before| row.fields().hash(before) == row.hash);
    Ok(Some((row, holds)))
}

/// By how much times may contradict the order of numbers: by clocks that differ, and by what waits for its turn to be
/// written.
const ASTRAY: Seconds = Seconds::minutes(10);

/// The number of the first event since `at`; one more than the last where there is none. No index has the times: numbers
/// follow them, so it is found by halving, one row at a time. An event that is missing counts as a later one.
async fn first_since(q: &mut dyn Querier, scope: Scope, at: Timestamp) -> Result<i64, StoreError> {
    let sql = "WITH RECURSIVE part (low, high) AS (
            SELECT CAST(1 AS BIGINT), coalesce((SELECT number FROM event_heads WHERE vendor = $1), 0) + 1
            UNION ALL
            SELECT CASE WHEN events.at < $2 THEN (low + high) / 2 + 1 ELSE low END,
                CASE WHEN events.at < $2 THEN high ELSE (low + high) / 2 END
            FROM part LEFT JOIN events ON events.vendor = $1 AND events.number = (low + high) / 2
            WHERE low < high
        ) SELECT max(low) FROM part";
    Ok(value(q, sql, args![scope.vendor(), at]).await?.unwrap_or(1))
}

/// The newest event of each of `vendors`: its number, and when it was; 0 and the epoch where there is none.
pub async fn newest(
    q: &mut dyn Querier,
    vendors: &[VendorId],
) -> Result<BTreeMap<VendorId, (i64, Timestamp)>, StoreError> {
    let mut newest = BTreeMap::new();
    for chunk in vendors.chunks(500) {
        let mut args = Vec::new();
        let among = q.dialect().any_of("event_heads.vendor", chunk.iter().map(ToArg::arg), &mut args);
        let sql = format!(
            "SELECT event_heads.vendor, event_heads.number, events.at FROM event_heads
             LEFT JOIN events ON events.vendor = event_heads.vendor AND events.number = event_heads.number
             WHERE {among}"
        );
        for row in q.rows(sql.into(), args).await? {
            newest.insert(row.get(0)?, (row.get(1)?, row.get::<Option<Timestamp>>(2)?.unwrap_or_default()));
        }
    }
    Ok(newest)
}

/// What a time line is narrowed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Everything.
    #[default]
    All,
    /// What people of the vendor did, and programs with their API tokens.
    People,
    /// What devices did, and what was done to their seats.
    Devices,
}

/// What happened to any of `subjects` (ids' text forms, a few thousand at most), the newest first.
pub async fn about(
    q: &mut dyn Querier,
    scope: Scope,
    subjects: &[String],
    told: Told,
    page: &PageRequest<()>,
) -> Result<Page<EventRow>, ListError> {
    let (mut conditions, mut args) = (Filter::default(), args![scope.vendor()]);
    let among = q.dialect().any_text_next("events.subject", subjects, &mut args);
    conditions.and(&format!("events.vendor = ? AND {among}"), args);
    match told {
        Told::All => &mut conditions,
        // The actor's JSON begins with what kind it is.
        Told::People => conditions.and(
            "(events.actor LIKE ? OR events.actor LIKE ?)",
            args!["{\"type\":\"member\"%", "{\"type\":\"token\"%"],
        ),
        Told::Devices => conditions.and("events.action LIKE ?", args!["seat.%"]),
    };
    let key = SortKey { name: "number", expression: "events.number", kind: KeyType::Int };
    let window = Window::new(&conditions, page, &key, "events.id")?;
    let total = if page.counted { Some(crate::page::count(q, "events", &conditions).await?) } else { None };
    // They are found first, over the index of subjects: walking along the log would pass over everybody else's.
    let sql = format!(
        "WITH few AS MATERIALIZED (SELECT number AS few_number FROM events WHERE {}) SELECT {} FROM few CROSS JOIN events
         WHERE events.number = few.few_number AND {} ORDER BY {} LIMIT {}",
        conditions.text(),
        EventRow::COLUMNS,
        window.filter.text(),
        window.order,
        window.fetch()
    );
    let rows = all::<EventRow>(q, sql, window.filter.args.clone()).await?;
    Ok(window.page_of(rows, total, |row| (SortValue::Int(row.number), row.id.to_bytes())))
}

/// What happened to any of `subjects` from `since` on, the oldest first; at most `limit`, the newest of them. Of each few
/// hundred subjects no more are read at once.
pub async fn since(
    q: &mut dyn Querier,
    scope: Scope,
    subjects: &[String],
    since: Timestamp,
    limit: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let mut found = Vec::new();
    let first = first_since(q, scope, since.plus(Seconds(-ASTRAY.0))).await?;
    for chunk in subjects.chunks(500) {
        let mut args = args![scope.vendor(), since, first];
        let among = q.dialect().any_of("subject", chunk.iter().map(ToArg::arg), &mut args);
        // As in `about`.
        let sql = format!(
            "WITH few AS MATERIALIZED (
                SELECT number AS few_number FROM events{} WHERE vendor = $1 AND number >= $3 AND {among}
             ) SELECT {} FROM few CROSS JOIN {} WHERE events.at >= $2 ORDER BY events.number DESC LIMIT {limit}",
            q.dialect().by_index(Some("events_subject_idx")),
            EventRow::COLUMNS,
            q.dialect().each_by("events", "events.vendor = $1 AND events.number = few.few_number")
        );
        found.extend(all::<EventRow>(q, sql, args).await?);
        found.sort_by_key(|row: &EventRow| row.number);
        found.drain(..found.len().saturating_sub(limit));
    }
    Ok(found)
}

/// What came of a walk along the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every event is the one that was written, and none is missing.
    Whole {
        /// How many they are.
        events: i64,
        /// The hash of the last.
        head: EventHash,
    },
    /// The event of this number is missing, or was changed, or one before it was.
    Broken {
        /// The first number at which the chain does not hold.
        number: i64,
    },
}

/// What came of a part of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    /// To the end.
    Done(Verdict),
    /// So far everything holds.
    SoFar {
        /// The number of the last event that was looked at.
        number: i64,
        /// The number of the last event there is.
        last: i64,
    },
}

/// Walks the vendor's whole chain, a thousand events at a time, and compares its end with the head.
pub async fn verify(q: &mut dyn Querier, scope: Scope) -> Result<Verdict, StoreError> {
    match walk(q, scope, 0, i64::MAX).await? {
        Walked::Done(verdict) => Ok(verdict),
        Walked::SoFar { number, .. } => Ok(Verdict::Broken { number }),
    }
}

/// Walks on from the event of number `after`, which was looked at before, over about `limit` events.
pub async fn walk(q: &mut dyn Querier, scope: Scope, after: i64, limit: i64) -> Result<Walked, StoreError> {
    let broken = |number| Ok(Walked::Done(Verdict::Broken { number }));
    let sql = "SELECT number, hash FROM event_heads WHERE vendor = $1";
    let head = q.rows(sql.into(), args![scope.vendor()]).await?;
    let Some(head) = head.first() else { return broken(0) };
    let (last, head): (i64, EventHash) = (head.get(0)?, head.get(1)?);
    let (mut number, mut hash) = (after, EventHash::GENESIS);
    if after > 0 {
        let sql = "SELECT hash FROM events WHERE vendor = $1 AND number = $2";
        let Some(stored) = value(q, sql, args![scope.vendor(), after]).await? else { return broken(after) };
        hash = stored;
    }
    let sql = format!(
        "SELECT {} FROM events WHERE vendor = $1 AND number > $2 AND number <= $3 ORDER BY number LIMIT 1000",
        EventRow::COLUMNS
    );
    loop {
        let events = match all::<EventRow>(q, sql.clone(), args![scope.vendor(), number, last]).await {
            Ok(events) => events,
            Err(StoreError::Corrupt(_)) => return broken(number + 1),
            Err(error) => return Err(error),
        };
        if events.is_empty() {
            break;
        }
        for event in events {
            number += 1;
            if event.number != number {
                return broken(number);
            }
            let computed = event.fields().hash(hash);
            if computed != event.hash {
                return broken(number);
            }
            hash = computed;
        }
        if number < last && number - after >= limit {
            return Ok(Walked::SoFar { number, last });
        }
    }
    if number != last || hash != head {
        return broken(number + 1);
    }
    Ok(Walked::Done(Verdict::Whole { events: number, head }))
}
