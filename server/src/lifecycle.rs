//! How a node starts and stops.
//!
//! Start: bind, then make the database ready, unseal, test itself, and only then be ready. Stop, on SIGTERM or SIGINT:
//! say so, keep accepting while load balancers notice, then finish what was begun, write what is left, and end.

mod ballast;
mod certificates;
mod deliver;
mod identity;
mod measured;
mod post;
mod prepare;
mod probe;
mod report;
mod sell;
pub(crate) mod snapshot;
mod watch;

use crate::{
    AppState,
    api::starting_router,
    cli::{Failure, node, output::Output},
    config::{Config, ServeConfig},
    health::Health,
    http::{Listener, ListenerLimits, Routes},
    metrics, metrics_router,
    outbound::Outbound,
    router,
};
use holdfast_service::{ErrorCode, Service, runtime::Membership, system::OsEntropy};
use holdfast_store::{DbUrl, nodes::Wanted};
use measured::Measured;
use metrics_exporter_prometheus::PrometheusHandle;
use prepare::{Prepared, prepare, unfit_schema};
use report::Reporter;
use serde::Serialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How long requests at work may still take once nothing more is accepted.
const FINISH: Duration = Duration::from_secs(10);
/// How long to wait before asking again for what is not there yet.
const AGAIN: Duration = Duration::from_secs(1);

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs a node until a signal ends it.
pub async fn run(config: Config, serve: ServeConfig, output: Output) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    node::create_private_dir(&config.data_dir)?;
    let recorder = metrics::install().map_err(|error| Failure::Failed(error.to_string()))?;
    let health = Health::default();
    let url = node::database_url(&config)?;
    let limits = ListenerLimits { connections: serve.max_connections, ..ListenerLimits::default() };
    let bound = |address: SocketAddr| move |error: std::io::Error| Failure::Failed(format!("{address}: {error}"));
    let routes = Routes::starting(starting_router(&serve));
    let listener = Listener::bind(serve.listen, routes.clone(), limits).await.map_err(bound(serve.listen))?;
    let (address, open) = (listener.address()?, listener.open());
    // From here on the node answers, if only that it is starting: whoever supervises it can tell waiting from hanging.
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener.serve(stop.clone(), FINISH));
    let Prepared { service, used, without_database } = select! {
        started = prepare(&config, &serve, &url) => started?,
        () = signals.next() => {
            stop.cancel();
            let _ = serving.await;
            return Ok(());
        }
    };
    health.set_sealed(service.is_sealed());
    if without_database {
        health.set_database_away();
    }
    let identity = identity::take(&config.data_dir, service.now(), &OsEntropy)
        .map_err(|error| Failure::Failed(format!("{}/nodes: {error}", config.data_dir.display())))?;
    if service.is_sealed() {
        tracing::error!(
            path = %config.master_key_file.display(),
            "no master key: this node can verify but not sign, and sends nobody away"
        );
    }
    service.ask_through(Arc::new(Outbound::new(service.settings().webhooks_allow_private)));
    // Before anything can be signed: a clock that is wrong must not be found out by its leases.
    probe::look(&service, &health).await;
    let state = AppState::new(service.clone(), serve.clone(), health.clone());
    let measured = Measured::default();
    let reporter = Reporter::new(&state, &config, open, measured.clone());
    service.join(membership(&identity, reporter.clone()));
    routes.become_ready(router(state.clone()));
    let stop_last = CancellationToken::new();
    let metrics_task = serve_metrics(&state, &recorder, &stop_last).await?;
    let background = {
        let (service, stop) = (service.clone(), stop_last.clone());
        tokio::spawn(async move { service.run_background(stop.cancelled_owned()).await })
    };
    let upkeep = tokio::spawn(keep_up(recorder, stop_last.clone()));
    let sharing = tokio::spawn(crate::web::share_bundle(state.clone()));
    let keeper = Arc::new(snapshot::Keeper::new(service.clone(), config.data_dir.clone()));
    let keeping = tokio::spawn(keeper.clone().run(stop_last.clone()));
    let watching = tokio::spawn(watch::run(service.clone(), reporter, stop_last.clone()));
    let delivering = tokio::spawn(deliver::run(service.clone(), stop_last.clone()));
    let selling = tokio::spawn(sell::run(service.clone(), stop_last.clone()));
    let posting = tokio::spawn(post::run(service.clone(), config.mail.clone(), stop_last.clone()));
    let measuring = measure(&service, &config, &health, &measured, &stop_last);
    let ballast = ballast_folder(&url).map(|folder| tokio::spawn(ballast::keep(folder, stop_last.clone())));

    let mut ended = select! {
        tested = get_ready(&service, &keeper, &health) => tested,
        () = signals.next() => Ok(()),
    };
    if ended.is_ok() && !health.is_draining() && health.is_started() {
        announce(&service, &serve, address, used, output).await?;
        ended = select! {
            () = signals.next() => Ok(()),
            failure = unfit_schema(&service, &serve), if without_database => Err(failure),
        };
    }

    tracing::info!(seconds = serve.drain.as_secs(), "stopping: still accepting while load balancers notice");
    health.set_draining();
    select! {
        () = tokio::time::sleep(if health.is_started() { serve.drain } else { Duration::ZERO }) => {}
        () = signals.next() => tracing::warn!("asked twice: not waiting any longer"),
    }
    stop.cancel();
    if let Ok(true) = serving.await {
        tracing::info!("every request was answered");
    } else {
        tracing::warn!("some requests were not finished in time");
    }
    if let Err(error) = service.flush().await {
        tracing::warn!(%error, "what was left to be written could not be");
    }
    stop_last.cancel();
    sharing.abort();
    let tasks = [background, upkeep, keeping, watching, delivering, posting, selling];
    for task in tasks.into_iter().chain(measuring).chain(ballast) {
        let _ = tokio::time::timeout(Duration::from_secs(2), task).await;
    }
    leave(&service, &keeper).await;
    if let Some(task) = metrics_task {
        let _ = task.await;
    }
    let store = service.store().clone();
    // Everything that holds on to the store, or its writer would be waited for in vain.
    drop((service, state, routes, keeper));
    let _ = tokio::time::timeout(Duration::from_secs(5), store.close()).await;
    tracing::info!("stopped");
    ended
}

/// Begins to measure what the node says of itself.
fn measure(
    service: &Service,
    config: &Config,
    health: &Health,
    measured: &Measured,
    stop: &CancellationToken,
) -> [JoinHandle<()>; 3] {
    [
        tokio::spawn(probe::run(service.clone(), health.clone(), measured.clone(), stop.clone())),
        tokio::spawn(measured::keep_up(service.clone(), measured.clone(), stop.clone())),
        tokio::spawn(certificates::watch(config.endpoints.clone(), measured.clone(), stop.clone())),
    ]
}

/// Answers `/metrics` where the operator wants it.
async fn serve_metrics(
    state: &AppState,
    recorder: &PrometheusHandle,
    stop: &CancellationToken,
) -> Result<Option<JoinHandle<bool>>, Failure> {
    let serve = state.serve();
    let Some(at) = serve.metrics_listen else { return Ok(None) };
    let answers = metrics_router(state.clone(), recorder.clone());
    let small = ListenerLimits { connections: 64, ..ListenerLimits::default() };
    let listener = match Listener::bind(at, answers.clone(), small).await {
        // Another node on this machine has the usual port: a default must not keep this one from serving.
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && !serve.metrics_listen_named => {
            Listener::bind(SocketAddr::new(at.ip(), 0), answers, small).await
        }
        bound => bound,
    }
    .map_err(|error| Failure::Failed(format!("{at}: {error}")))?;
    tracing::info!(address = %listener.address()?, "metrics are at /metrics");
    Ok(Some(tokio::spawn(listener.serve(stop.clone(), Duration::from_secs(1)))))
}

/// Lets the recorder of metrics forget what it needs no longer.
async fn keep_up(recorder: PrometheusHandle, stop: CancellationToken) {
    while tokio::time::timeout(Duration::from_secs(5), stop.cancelled()).await.is_err() {
        recorder.run_upkeep();
    }
}

/// Tells the other nodes that nothing more comes from this one. Its own snapshot is told first: a node for which nobody
/// waits must not go on with floating seats when it starts alone.
async fn leave(service: &Service, keeper: &snapshot::Keeper) {
    service.step_back();
    if !keeper.save().await {
        tracing::warn!("this node's snapshot still says that it runs, so the database is left to say so too");
        return;
    }
    match tokio::time::timeout(Duration::from_secs(3), service.leave()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the database was not told that this node ends"),
        Err(_) => tracing::warn!("the database was not told in time that this node ends"),
    }
}

/// The folder whose disk the database's files fill; only an embedded one's do.
fn ballast_folder(url: &DbUrl) -> Option<PathBuf> {
    let DbUrl::Sqlite(file) = url else { return None };
    Some(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned())
}

/// Which node this is, for the others.
fn membership(identity: &identity::Identity, reporter: Reporter) -> Membership {
    let told = reporter.health.clone();
    Membership {
        id: identity.id,
        name: reporter.serve.node_name.clone(),
        region: reporter.serve.region.clone(),
        version: crate::VERSION.to_owned(),
        report: Box::new(move || serde_json::to_string(&reporter.report()).unwrap_or_default()),
        wanted: Box::new(move |wanted| told.set_asked_to_drain(wanted == Wanted::Drain)),
    }
}

/// Makes sure that the node could go on without the database, and that it can do its work.
async fn get_ready(service: &Service, keeper: &snapshot::Keeper, health: &Health) -> Result<(), Failure> {
    keeper.save().await;
    test(service, health).await
}

/// The node's test of itself. What is only unreachable is tried again; what is wrong ends the node, since it must not
/// sign.
async fn test(service: &Service, health: &Health) -> Result<(), Failure> {
    loop {
        match service.self_test().await {
            Ok(tested) => {
                tracing::info!(keys = tested.keys_checked, "the self-test passed");
                health.set_started();
                return Ok(());
            }
            Err(error) if error.code == ErrorCode::Sealed => {
                tracing::error!("the master key is not the one that sealed this installation's keys");
                health.set_sealed(true);
                health.set_started();
                return Ok(());
            }
            Err(error) if error.code.retryable() && error.code != ErrorCode::Internal => {
                tracing::warn!(%error, "the self-test waits");
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a node says once it is ready.
#[derive(Serialize)]
struct Serving {
    version: &'static str,
    address: SocketAddr,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_code: Option<String>,
}

/// Says where to go, and the set-up code where nobody has set the installation up.
async fn announce(
    service: &Service,
    serve: &ServeConfig,
    address: SocketAddr,
    used: bool,
    output: Output,
) -> Result<(), Failure> {
    let here = if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    };
    let here = serve.public_url.clone().unwrap_or(here);
    let mut serving = Serving { version: crate::VERSION, address, url: here, setup_url: None, setup_code: None };
    if !used {
        match service.new_setup_code().await {
            Ok(Some(code)) => {
                serving.setup_url = Some(format!("{}/setup", serving.url));
                serving.setup_code = Some(code);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "no set-up code could be stored"),
        }
    }
    output.result(&serving, || {
        let text = format!("Holdfast {} serves at {}\n", serving.version, serving.url);
        match (&serving.setup_url, &serving.setup_code) {
            (Some(url), Some(code)) => format!("{text}Set it up at {url} with the code {code}\n"),
            _ => text,
        }
    })
}
