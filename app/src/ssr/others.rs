//! Files of other releases' bundles, from the database where their nodes have put them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use axum::body::Bytes;
use holdfast_service::{Error, Service};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use super::assets;

/// How old the knowledge of what there is may be before a name that is not in it is looked for. However many ask, the
/// database is asked no more often.
const FRESH: Duration = Duration::from_secs(1);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many bytes of such files are kept at hand.
const AT_HAND: usize = 16 << 20;
/// How long to wait before trying again to put the own files there.
const AGAIN: Duration = Duration::from_secs(10);

/// A file in one form.
#[derive(Debug)]
pub struct OtherFile {
    /// Its bytes, packed.
    pub body: Bytes,
    /// Its media type.
    pub content_type: String,
    /// How it is packed.
    pub coding: &'static str,
}

/// What came of looking for a file.
#[derive(Debug)]
pub enum Found {
    /// It is there.
    File(Arc<OtherFile>),
    /// No release that is kept has it.
    Nothing,
    /// It is there, but in no form that was asked for.
    OtherForms,
    /// The database could not say.
    Unknown,
}

#[derive(Default)]
struct Known {
    asked: Option<Instant>,
    names: BTreeMap<String, BTreeSet<String>>,
    at_hand: BTreeMap<(String, &'static str), Arc<OtherFile>>,
    bytes: usize,
}

/// The files of other releases. Cheap to clone.
#[derive(Clone)]
pub struct Others {
    service: Service,
    known: Arc<Mutex<Known>>,
}

impl Others {
    /// Those in the database of `service`.
    pub fn new(service: Service) -> Self {
        Self { service, known: Arc::default() }
    }

    /// The file `name` in the first of `codings` there is.
    pub async fn find(&self, name: &str, codings: &[&'static str]) -> Found {
        // One at a time: whoever waits finds at hand what the one before has fetched.
        let look = async {
            let mut known = self.known.lock().await;
            self.look(&mut known, name, codings).await
        };
        match timeout(PATIENCE, look).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(?error, "a file of another release could not be looked for");
                Found::Unknown
            }
            Err(_) => Found::Unknown,
        }
    }

    async fn look(&self, known: &mut Known, name: &str, codings: &[&'static str]) -> Result<Found, Error> {
        if !known.names.contains_key(name) && known.asked.is_none_or(|asked| asked.elapsed() >= FRESH) {
            let files = self.service.shared_files().await?;
            known.names.clear();
            for (name, coding) in files {
                known.names.entry(name).or_default().insert(coding);
            }
            known.asked = Some(Instant::now());
        }
        let Some(forms) = known.names.get(name) else { return Ok(Found::Nothing) };
        let Some(coding) = codings.iter().find(|coding| forms.contains(**coding)) else {
            return Ok(Found::OtherForms);
        };
        let key = (name.to_owned(), *coding);
        if let Some(file) = known.at_hand.get(&key) {
            return Ok(Found::File(Arc::clone(file)));
        }
        let Some(file) = self.service.shared_file(name, coding).await? else {
            known.names.remove(name);
            return Ok(Found::Nothing);
        };
        let file = OtherFile { body: file.body.into(), content_type: file.content_type, coding };
        let file = Arc::new(file);
        if known.bytes + file.body.len() > AT_HAND {
            known.at_hand.clear();
            known.bytes = 0;
        }
        known.bytes += file.body.len();
        known.at_hand.insert(key, Arc::clone(&file));
        Ok(Found::File(file))
    }
}

/// Puts this node's files where the others find them; tries until it is done. For a task beside everything else: nobody
/// waits for it.
pub async fn share(service: Service, version: &'static str) {
    let (release, files) = assets::own(version);
    if files.is_empty() {
        return;
    }
    let mut told = false;
    while let Err(error) = service.share_bundle(&release, files.clone()).await {
        if !told {
            tracing::warn!(?error, "the browser bundle could not be shared yet");
            told = true;
        }
        sleep(AGAIN).await;
    }
}
