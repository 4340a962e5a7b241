//! Works off what shops have told: on one node at a time, each shop beside the others, so that a provider that does not answer
//! holds up nobody else.

use holdfast_domain::ShopId;
use holdfast_service::{Error, Service, runtime::Duty};
use holdfast_store::shops::ShopRow;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

/// How often to look whether something is to be worked off.
const EVERY: Duration = Duration::from_millis(500);
/// How long the database may take for one step of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many shops are worked off at the same time.
const SHOPS: usize = 16;
/// How long a node that ends waits for what it has begun.
const FINISH: Duration = Duration::from_millis(1_500);

/// Works off until `stop` is cancelled.
pub(super) async fn run(service: Service, stop: CancellationToken) {
    let (mut duty, mut running) = (None, JoinSet::new());
    let places = Arc::new(Semaphore::new(SHOPS));
    // Which shop each of them is for.
    let mut busy: HashMap<_, ShopId> = HashMap::new();
    while timeout(EVERY, stop.cancelled()).await.is_err() {
        while let Some(ended) = running.try_join_next_with_id() {
            let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
            busy.remove(&id);
        }
        let Some(due) = due(&service, &mut duty).await else { continue };
        let Some(held) = duty else { continue };
        for shop in due {
            if busy.values().all(|other| *other != shop.id) {
                let (id, places) = (shop.id, Arc::clone(&places));
                busy.insert(running.spawn(work_off(service.clone(), shop, held, places)).id(), id);
            }
        }
    }
    let ended = timeout(FINISH, async { while running.join_next().await.is_some() {} }).await;
    if duty.is_some() && ended.is_ok() {
        let _ = timeout(PATIENCE, service.stop_selling()).await;
    }
}

/// The shops of which something is to be worked off here; `None` where nothing is.
async fn due(service: &Service, duty: &mut Option<Duty>) -> Option<Vec<ShopRow>> {
    let due = async {
        let due = service.shops_due().await?;
        if due.is_empty() || service.is_sealed() {
            return Ok(None);
        }
        *duty = service.sales_duty(*duty).await?;
        Ok::<_, Error>(duty.is_some().then_some(due))
    };
    match timeout(PATIENCE, due).await {
        Ok(Ok(due)) => due,
        Ok(Err(error)) => {
            tracing::debug!(%error, "what shops have told cannot be looked up now");
            *duty = None;
            None
        }
        Err(_) => {
            *duty = None;
            None
        }
    }
}

async fn work_off(service: Service, shop: ShopRow, duty: Duty, places: Arc<Semaphore>) {
    let Ok(_place) = places.acquire().await else { return };
    match service.work_off(&shop, duty).await {
        Ok(0) => {}
        Ok(done) => metrics::counter!("holdfast_shop_messages_total").increment(done as u64),
        Err(error) => {
            tracing::warn!(%error, shop = %shop.id, "what a shop has told could not be worked off: it will be tried again");
        }
    }
}
