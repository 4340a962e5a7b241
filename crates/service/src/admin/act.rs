//! One change of a vendor's data: the write job, its audit event and change-feed row, and its answer under an idempotency
//! key, all in one transaction.

use crate::{
    Service,
    actor::{Call, Idempotency},
    error::{Error, ErrorCode, Result},
    vault::Purpose,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use holdfast_domain::{EventId, MemberId, ProductId, ReasonText, Seconds, Timestamp, event};
use holdfast_store::{
    NewChange, NewEvent, Querier, Scope, Tx, WriteOptions,
    changes::ChangeKind,
    idempotency::{self, Answer, Known},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::{fmt::Display, sync::Arc};

/// How long the answer to a request is kept for its repetition (HTTP API, "Idempotency-Key").
const KEPT: Seconds = Seconds::DAY;

/// What a write job needs to know about the request it works for. Cheap enough to clone for every attempt.
#[derive(Clone)]
pub(crate) struct Act {
    pub service: Service,
    pub scope: Scope,
    pub now: Timestamp,
    pub who: event::Actor,
    pub origin: String,
    pub request: String,
    reason: Option<ReasonText>,
    approved_by: Option<MemberId>,
}

impl Act {
    /// The same, approved by a second person where there was one: each of its events says so.
    #[must_use]
    pub fn approved(self, by: Option<MemberId>) -> Self {
        Self { approved_by: by, ..self }
    }

    /// The same, done by `who`.
    #[must_use]
    pub fn by(self, who: event::Actor) -> Self {
        Self { who, ..self }
    }

    /// Appends an event about `subject`: `before` and `after` are what changed, as JSON. The reason of the call is told with
    /// it.
    pub fn event(&self, tx: &mut Tx, action: &'static str, subject: impl Display, mut data: serde_json::Value) {
        if let (Some(reason), Some(members)) = (&self.reason, data.as_object_mut()) {
            members.entry("reason").or_insert_with(|| json!(reason));
        }
        if let (Some(by), Some(members)) = (self.approved_by, data.as_object_mut()) {
            members.insert("approved_by".to_owned(), json!(by));
        }
        tx.event(NewEvent {
            id: EventId::new(self.now, self.service.entropy()),
            vendor: self.scope.vendor(),
            at: self.now,
            actor: self.who,
            action,
            subject: subject.to_string(),
            data,
            origin: self.origin.clone(),
            request: self.request.clone(),
        });
    }

    /// Tells every node's cache that something has changed.
    pub fn changed(&self, tx: &mut Tx, kind: ChangeKind, product: Option<ProductId>, subject: [u8; 16]) {
        tx.change(NewChange { vendor: self.scope.vendor(), product, kind, subject, at: self.now });
    }
}

/// Makes `$body` a write job: what it names is cloned for each attempt.
macro_rules! job {
    ($($name:ident),* => |$tx:ident| $body:expr) => {{
        $(let $name = $name.clone();)*
        $crate::admin::act::typed(move |$tx: &mut holdfast_store::Tx| {
            $(let $name = $name.clone();)*
            Box::pin(async move { $body })
        })
    }};
}
pub(crate) use job;

/// Tells the compiler what kind of closure a write job is.
pub(crate) const fn typed<T, E, F>(job: F) -> F
where
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, E>>,
{
    job
}

impl Service {
    /// The context of `call` for write jobs.
    pub(crate) fn act(&self, call: &Call) -> Act {
        Act {
            service: self.clone(),
            scope: call.actor.scope(),
            now: self.now(),
            who: call.actor.who(),
            origin: call.from.address.map(|address| address.to_string()).unwrap_or_default(),
            request: call.from.request_id.clone(),
            reason: call.reason.clone(),
            approved_by: None,
        }
    }

    /// The context of an act that `who` asked for earlier.
    pub(crate) fn act_for(&self, scope: Scope, who: event::Actor, origin: String, request: String) -> Act {
        Act { service: self.clone(), scope, now: self.now(), who, origin, request, reason: None, approved_by: None }
    }

    /// Runs `job`, and where `call` has an idempotency key keeps its answer in the same transaction: the same request
    /// again gets the first answer, without running anything. This node then knows of the change at once, the others
    /// when they next read the feed.
    ///
    /// # Errors
    /// [`ErrorCode::IdempotencyMismatch`] where the key came with another request, [`ErrorCode::IdempotencyRunning`]
    /// where another node is working on it, and whatever `job` fails with.
    pub(crate) async fn commit<T, F>(&self, call: &Call, options: WriteOptions, job: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        let done = self.commit_once(call, options, job).await?;
        self.apply_own_changes().await;
        Ok(done)
    }

    /// The first answer to the request of `call`, where one was kept: for acts of several commits, which begin with this
    /// and keep their answer with [`Service::keep_answer`].
    pub(crate) async fn first_answer<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>> {
        let Some(idempotency) = call.idempotency.clone() else { return Ok(None) };
        check_key(&idempotency)?;
        let keeper = Keeper { act: self.act(call), idempotency };
        keeper.first_answer(&mut self.store().patient_reader()).await
    }

    /// Keeps `answer` for the repetition of the request of `call`.
    pub(crate) async fn keep_answer<T>(&self, call: &Call, answer: T) -> Result<T>
    where
        T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        if call.idempotency.is_none() {
            return Ok(answer);
        }
        self.commit(call, WriteOptions::default(), job!(answer => |_tx| Ok(answer))).await
    }

    async fn commit_once<T, F>(&self, call: &Call, options: WriteOptions, job: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    {
        let Some(idempotency) = call.idempotency.clone() else {
            return self.store().write(options, job).await;
        };
        check_key(&idempotency)?;
        let keeper = Arc::new(Keeper { act: self.act(call), idempotency });
        let job = Arc::new(job);
        let mut attempt = 0;
        loop {
            let (keeper, job) = (keeper.clone(), job.clone());
            let done = self.store().write::<T, Error, _>(options.idempotent(), move |tx| {
                let (keeper, job) = (keeper.clone(), job.clone());
                Box::pin(async move {
                    if let Some(answer) = keeper.first_answer(tx).await? {
                        return Ok(answer);
                    }
                    let answer = job(tx).await?;
                    keeper.keep(tx, &answer).await?;
                    Ok(answer)
                })
            });
            match done.await {
                // Another node has just committed the same request: its answer is there now.
                Err(error) if error.code == ErrorCode::IdempotencyRunning && attempt < 2 => attempt += 1,
                done => return done,
            }
        }
    }
}

/// Finds and keeps the answer of one request.
struct Keeper {
    act: Act,
    idempotency: Idempotency,
}

impl Keeper {
    /// Whose keys these are: a key of one caller means nothing for another.
    fn owner(&self) -> String {
        match self.act.who {
            event::Actor::Member(id) => id.to_string(),
            event::Actor::Token(id) => id.to_string(),
            event::Actor::Customer(id) => id.map_or_else(|| "customer".to_owned(), |id| id.to_string()),
            event::Actor::Shop(id) => id.to_string(),
            event::Actor::System => "system".to_owned(),
        }
    }

    /// The identity under which the answer is sealed.
    fn row(&self) -> Vec<u8> {
        [self.act.scope.vendor().to_bytes().as_slice(), self.owner().as_bytes(), b"\0", self.idempotency.key.as_bytes()]
            .concat()
    }

    fn expired_before(&self) -> Timestamp {
        self.act.now.plus(Seconds(-KEPT.0))
    }

    async fn first_answer<T: DeserializeOwned>(&self, q: &mut dyn Querier) -> Result<Option<T>> {
        let Idempotency { key, body_hash } = &self.idempotency;
        let known =
            idempotency::look_up(q, self.act.scope, &self.owner(), key, *body_hash, self.expired_before()).await?;
        match known {
            Known::New => Ok(None),
            Known::Mismatch => Err(Error::new(ErrorCode::IdempotencyMismatch)),
            Known::Answered { body, .. } => {
                let sealed = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(Error::internal)?;
                let answer = self.act.service.vault()?.open(Purpose::IdempotentAnswer, &self.row(), &sealed)?;
                serde_json::from_slice(&answer).map(Some).map_err(Error::internal)
            }
        }
    }

    /// Keeps `answer`, sealed: a new key or token is in it.
    async fn keep<T: Serialize + Sync>(&self, tx: &mut Tx, answer: &T) -> Result<()> {
        let answer = serde_json::to_vec(answer).map_err(Error::internal)?;
        let service = &self.act.service;
        let sealed = service.vault()?.seal(Purpose::IdempotentAnswer, &self.row(), &answer, service.entropy())?;
        let (owner, body) = (self.owner(), BASE64_URL_SAFE_NO_PAD.encode(sealed));
        let Idempotency { key, body_hash } = &self.idempotency;
        let kept = Answer { actor: &owner, key, body_hash: *body_hash, status: 200, body: &body };
        Ok(idempotency::remember(tx, self.act.scope, &kept, self.expired_before(), self.act.now).await?)
    }
}

fn check_key(idempotency: &Idempotency) -> Result<()> {
    let key = &idempotency.key;
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        Ok(())
    } else {
        Err(Error::new(ErrorCode::InvalidRequest)
            .with_detail("Idempotency-Key: 1 to 255 printable ASCII characters without spaces."))
    }
}
