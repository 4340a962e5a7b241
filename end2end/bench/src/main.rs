//! Measures Holdfast against stated limits, each figure beside the machine's own yardstick of the same run.
//!
//! ```text
//! make bench                       everything, with 1 000 and 1 000 000 licenses (about 20 minutes)
//! make bench ARGS="--quick"        the same with 20 000 licenses and short runs
//! make bench ARGS="--only crypto"  one part: crypto, launch, sqlite, postgres, activate, bundle
//! ```

mod activate;
mod crypto;
mod dataset;
mod http;
mod launch;
mod load;
mod meter;
mod node;
mod table;

use dataset::Dataset;
use holdfast_store::{DbUrl, StoreOptions};
use node::{Node, Postgres};
use std::{collections::BTreeMap, error::Error, path::Path, process::ExitCode, time::Duration};
use table::{Limit, Table};

/// What was asked for on the command line.
#[derive(Clone, Debug)]
struct Options {
    quick: bool,
    only: Vec<String>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    fn span(&self) -> Duration {
        Duration::from_millis(if self.quick { 1_000 } else { 4_000 })
    }

    fn large(&self) -> usize {
        if self.quick { 20_000 } else { 1_000_000 }
    }
}

fn main() -> ExitCode {
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(std::env::args().skip(1).collect())));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Vec<String>) -> Result<(), Box<dyn Error>> {
    match arguments.first().map(String::as_str) {
        Some("crypto-server") => return crypto::serve().await,
        Some("activate") => {
            let run = serde_json::from_str(arguments.get(1).ok_or("what to activate is missing")?)?;
            println!("{}", serde_json::to_string(&activate::child(run).await?)?);
            return Ok(());
        }
        _ => {}
    }
    let mut options = Options { quick: false, only: Vec::new() };
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--only" => options.only.push(rest.next().ok_or("--only needs the name of a part")?),
            other => return Err(format!("unknown argument {other}; see the head of end2end/bench/src/main.rs").into()),
        }
    }
    let folder = tempfile::Builder::new().prefix("holdfast-bench-").tempdir()?;
    // An ordinary user runs PostgreSQL, and must get through to its folder.
    #[cfg(unix)]
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let mut table = Table::default();
    parts(&options, folder.path(), &mut table).await?;
    report(&table, &options)
}

async fn parts(options: &Options, folder: &Path, table: &mut Table) -> Result<(), Box<dyn Error>> {
    println!("cryptography, bare");
    let bare = crypto::bare()?;
    table.add(
        "verify a lease over bare strict Ed25519 verification",
        bare.verify_lease / bare.verify_strict,
        "×",
        Limit::AtMost(1.15),
        format!("{:.1} and {:.1} µs", bare.verify_lease, bare.verify_strict),
    );
    if options.wants("launch") {
        println!("launch of a client program");
        launches(folder, table).await?;
    }
    if options.wants("sqlite") {
        println!("server on SQLite");
        let data_dir = folder.join("sqlite");
        std::fs::create_dir_all(&data_dir)?;
        let url = format!("sqlite:{}", data_dir.join("holdfast.db").display());
        sizes(options, table, "SQLite", &url, &data_dir, &bare).await?;
    }
    if options.wants("postgres") {
        println!("server on PostgreSQL");
        let data_dir = folder.join("on-postgres");
        std::fs::create_dir_all(&data_dir)?;
        let postgres = Postgres::start(&folder.join("postgres"), None)?;
        sizes(options, table, "PostgreSQL", &postgres.url, &data_dir, &bare).await?;
    }
    if options.wants("activate") {
        println!("activation at 1 ms per sync");
        activations(options, folder, table).await?;
    }
    if options.wants("bundle") {
        bundle(table)?;
    }
    Ok(())
}

/// A server with 1 000 licenses, then the same with many.
async fn sizes(
    options: &Options,
    table: &mut Table,
    name: &str,
    url: &str,
    data_dir: &Path,
    bare: &crypto::Bare,
) -> Result<(), Box<dyn Error>> {
    let db: DbUrl = url.parse()?;
    let setting = http::Setting { name, url, data_dir, span: options.span() };
    let service = dataset::service(&db, data_dir, StoreOptions::default()).await?;
    let mut data = dataset::fill(&service, data_dir, 2_000, 1).await?;
    drop(service);
    let small = http::measure(table, setting, &data, bare, None).await?;
    println!("  filling up to {} licenses", options.large());
    let service = dataset::service(&db, data_dir, StoreOptions::default()).await?;
    let from = std::mem::replace(&mut data.licenses, options.large());
    dataset::grow(&service, data_dir, &data, from, 1).await?;
    drop(service);
    http::measure(table, setting, &data, bare, Some(&small)).await?;
    Ok(())
}

async fn launches(folder: &Path, table: &mut Table) -> Result<(), Box<dyn Error>> {
    let data_dir = folder.join("launch");
    std::fs::create_dir_all(&data_dir)?;
    let url = format!("sqlite:{}", data_dir.join("holdfast.db").display());
    let service = dataset::service(&url.parse()?, &data_dir, StoreOptions::default()).await?;
    let data = dataset::fill(&service, &data_dir, 1, 1).await?;
    let root = service.vendors().await?.into_iter().next().ok_or("no vendor")?.root_public_key;
    drop(service);
    let node = Node::start(&url, &data_dir)?;
    let common: Vec<String> = [
        "--endpoint",
        &format!("http://{}", node.address),
        "--product",
        &data.product.to_string(),
        "--root",
        &root,
        "--storage",
        &data_dir.join("state").display().to_string(),
        "--once",
    ]
    .map(str::to_owned)
    .into();
    let activation = [common.clone(), vec!["--key".into(), dataset::key_of(0)]].concat();
    let program = node::built()?.join("examples/desktop");
    if !std::process::Command::new(program).args(&activation).stdout(std::process::Stdio::null()).status()?.success() {
        return Err("the example program could not activate".into());
    }
    drop(node);
    let (p99, median, calls) = launch::measure(&common, 500, &data_dir)?;
    table.add(
        "launch check, whole process, p99",
        p99,
        "ms",
        Limit::AtMost(5.0),
        format!("median {median:.2} ms of 500 processes; the server was gone"),
    );
    #[allow(clippy::cast_precision_loss, reason = "a handful")]
    let calls = calls as f64;
    table.add("launch check, network system calls", calls, "", Limit::AtMost(0.0), "by strace");
    Ok(())
}

async fn activations(options: &Options, folder: &Path, table: &mut Table) -> Result<(), Box<dyn Error>> {
    let library = node::slow_disk(folder)?;
    let mut first = 0;
    let count = 60_000;
    for name in ["SQLite", "PostgreSQL"] {
        let data_dir = folder.join(format!("activate-{name}"));
        std::fs::create_dir_all(&data_dir)?;
        let postgres = (name == "PostgreSQL").then(|| Postgres::start(&folder.join("postgres-slow"), Some(&library)));
        let postgres = postgres.transpose()?;
        let url = postgres.as_ref().map_or_else(
            || format!("sqlite:{}", data_dir.join("holdfast.db").display()),
            |postgres| postgres.url.clone(),
        );
        let preload = postgres.is_none().then_some(library.as_path());
        let service = dataset::service(&url.parse()?, &data_dir, StoreOptions::default()).await?;
        let database = postgres.as_ref().map(Postgres::pid).transpose()?;
        let data: Dataset = dataset::fill(&service, &data_dir, count, 1_000_000).await?;
        drop(service);
        let mut rate = |one_license: bool, max_batch: usize| {
            let run = activate::Run {
                url: url.clone(),
                data_dir: data_dir.clone(),
                product: data.product,
                first,
                one_license,
                clients: 16,
                max_batch,
                database,
                millis: u64::try_from(options.span().as_millis()).unwrap_or(4_000),
            };
            let rate = activate::measure(&run, preload);
            first = (first + rate.as_ref().map_or(1, |rate| rate.done)) % (count / 2);
            rate
        };
        let (single, many, one) = (rate(false, 1)?, rate(false, 128)?, rate(true, 128)?);
        let setting = http::Setting { name, url: &url, data_dir: &data_dir, span: options.span() };
        let served = http::activations(setting, &data, count / 2..count, database).await?;
        table.add(
            format!("activate, {name}: processor time"),
            served.cpu_micros,
            "µs",
            Limit::AtMost(200.0),
            format!(
                "server and database together, over HTTP, {:.0}/s; without HTTP {:.0} µs",
                served.rate, many.cpu_micros
            ),
        );
        table.add(
            format!("activate, {name}: rate over one commit each"),
            many.per_second / single.per_second,
            "×",
            Limit::AtLeast(5.0),
            format!("{:.0}/s and {:.0}/s at 1 ms per sync", many.per_second, single.per_second),
        );
        table.add(
            format!("activate, {name}: rate on one license over different ones"),
            one.per_second / many.per_second,
            "×",
            Limit::AtLeast(0.6),
            format!("{:.0}/s and {:.0}/s", one.per_second, many.per_second),
        );
        first = 0;
    }
    Ok(())
}

/// What a browser loads for a page, as `cargo xtask bundle` left it: the main module and those of the page's section.
fn bundle(table: &mut Table) -> Result<(), Box<dyn Error>> {
    let site = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/site"));
    let Ok(sections) = std::fs::read(site.join("sections.json")) else {
        println!("  no bundle in target/site; run `cargo xtask bundle` first");
        return Ok(());
    };
    let sections: BTreeMap<String, Vec<String>> = serde_json::from_slice(&sections)?;
    let names: BTreeMap<String, String> = serde_json::from_slice(&std::fs::read(site.join("manifest.json"))?)?;
    let main = names.get("holdfast.wasm").ok_or("the bundle has no main module")?;
    for ending in ["gz", "br"] {
        #[allow(clippy::cast_precision_loss, reason = "kilobytes")]
        let kilobytes = |name: &String| -> Result<f64, std::io::Error> {
            Ok(std::fs::metadata(site.join(format!("assets/{name}.{ending}")))?.len() as f64 / 1e3)
        };
        let own = kilobytes(main)?;
        let mut largest = ("", 0.0);
        for (section, modules) in &sections {
            let more = modules.iter().map(kilobytes).sum::<Result<f64, _>>()?;
            if more > largest.1 {
                largest = (section, more);
            }
        }
        let note = format!("{own:.0} KB for every page, {:.0} KB for those of \"{}\"", largest.1, largest.0);
        let what = format!("WebAssembly of a page at most, compressed ({ending})");
        table.add(what, own + largest.1, "KB", Limit::AtMost(350.0), note);
    }
    Ok(())
}

fn report(table: &Table, options: &Options) -> Result<(), Box<dyn Error>> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown")
        .trim_start_matches(['\t', ':', ' ']);
    let text = format!(
        "Holdfast {} on {cores} cores ({model}){}.\n\n{}",
        holdfast::VERSION,
        if options.quick { ", quick run" } else { "" },
        table.markdown()
    );
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../report"));
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("bench.md"), &text)?;
    println!("\n{text}\nWritten to end2end/report/bench.md");
    let missed = table.0.iter().filter(|row| !row.met()).count();
    println!("{} figures, {missed} missed their target", table.0.len());
    Ok(())
}
