//! The play itself.

use crate::client::{Customer, Run, all_at_once};
use crate::report::Report;
use crate::vendor;
use crate::{Failure, Options};
use holdfast_testkit::installation::Installation;
use holdfast_testkit::proxy::{Answer, Fault, Proxy};
use std::fmt::Write;
use std::path::Path;

/// How many customers the vendor already has.
const IMPORTED: usize = 1_000;
/// How many of them run the application.
const RUNNING: usize = 50;
/// Whose order is refunded.
const REFUNDED: usize = 7;
/// Whose network answers `{"valid":false}` to everything.
const LIED_TO: usize = 8;
/// How long an application runs so that its background call comes to an end, on a busy machine, too.
const WORKING_SECONDS: u32 = 12;

/// Plays the rehearsal and prints its table. Returns whether everything was as promised.
pub fn run(options: &Options) -> Result<bool, Failure> {
    let folder = tempfile::Builder::new().prefix("holdfast-outage-").tempdir()?;
    let result = play(folder.path(), options);
    if options.keep || result.is_err() {
        println!("  The working folder is {}", folder.keep().display());
    }
    result
}

fn play(folder: &Path, options: &Options) -> Result<bool, Failure> {
    let installation = Installation::new(folder, options.database_url.clone())?;
    let mut report = Report::begin("Outage rehearsal: what your customers notice when the licensing server dies");

    let server = vendor::start(&installation, 0)?;
    let product = vendor::make_product(&installation)?;
    import(folder, &installation, &mut report)?;

    let liar = Proxy::start(installation.address())?;
    let customers: Vec<Customer> = (0..RUNNING)
        .map(|number| Customer {
            number,
            key: license_key(number),
            endpoint: if number == LIED_TO { liar.url() } else { format!("http://{}", installation.address()) },
            product: product.clone(),
            root: installation.root_public_key().to_owned(),
            folder: folder.join(format!("computer-{number}")),
        })
        .collect();

    let runs = all_at_once(&customers, Customer::activate)?;
    let works = count(&runs, Run::works);
    report.line(
        "day 0",
        &format!("{RUNNING} of them enter their old license key"),
        format!("{works} work"),
        works == RUNNING && count(&runs, |run| run.verdict() == "licensed") == RUNNING,
    );

    server.kill()?;
    report.line("day 0", "the licensing server dies (kill -9)", "nothing", true);

    // The tracer that finds no network call in a launch does find those of a renewal.
    let compared = customers[0].refresh()?;
    let calls = compared.network_calls.unwrap_or(0);
    report.line(
        "day 0",
        "one of them asks for a renewal by hand, in vain",
        format!("works on ({calls} network calls traced)"),
        compared.works() && calls > 0,
    );

    let mut before = Vec::new();
    for (day, verdict) in [(0, "licensed"), (13, "licensed"), (29, "grace")] {
        let runs = all_at_once(&customers, |customer| customer.launch(day))?;
        let works = count(&runs, Run::works);
        let silent = count(&runs, Run::is_silent);
        let as_expected = count(&runs, |run| run.verdict() == verdict);
        report.line(
            &format!("day {day}"),
            &format!("all {RUNNING} start the application again at once, no server"),
            format!("{works} work, {silent} without a network call"),
            works == RUNNING && silent == RUNNING && as_expected == RUNNING,
        );
        before = runs;
    }

    // A database with a clock of its own cannot be made to believe in another day; the server then comes back today,
    // which for the applications is a month ago, and they must cope with that, too.
    let _server = vendor::start(&installation, if installation.is_postgres() { 0 } else { 29 })?;
    vendor::refund(&installation, &order(REFUNDED))?;
    liar.set(Fault::Answer(Answer::json(200, r#"{"valid":false}"#)));
    report.line("day 29", "the server is back; one order is refunded", "nothing yet", true);

    let runs = all_at_once(&customers, |customer| customer.work(29, WORKING_SECONDS))?;
    judge_the_return(&before, &runs, &liar, &mut report);

    let runs = all_at_once(&customers, |customer| customer.launch(29))?;
    let works = count(&runs, Run::works);
    report.line(
        "day 29",
        "everybody starts the application once more",
        format!("{works} work, 1 knows why it does not"),
        works == RUNNING - 1 && runs[REFUNDED].verdict() == "invalid" && runs[REFUNDED].reason() == "revoked",
    );
    Ok(report.end())
}

/// What the applications made of the server's return.
fn judge_the_return(before: &[Run], runs: &[Run], liar: &Proxy, report: &mut Report) {
    let others = || {
        let honest = |(number, _): &(usize, (&Run, &Run))| *number != REFUNDED && *number != LIED_TO;
        before.iter().zip(runs).enumerate().filter(honest).map(|(_, both)| both)
    };
    let works = others().filter(|(_, now)| now.works()).count();
    let fresh = others().filter(|(before, now)| now.seq() > before.seq()).count();
    report.line(
        "day 29",
        &format!("{} others reach the server in the background", RUNNING - 2),
        format!("{works} work, {fresh} renewed"),
        works == RUNNING - 2 && fresh == RUNNING - 2,
    );

    let refunded = &runs[REFUNDED];
    // It worked at its start: the launch does not wait for news.
    let at_first = refunded.lines.first().is_some_and(|line| line["entitled"] == true);
    report.line(
        "day 29",
        "the refunded customer reaches the server",
        format!("{}: {}", refunded.verdict(), refunded.reason()),
        at_first && refunded.verdict() == "invalid" && refunded.reason() == "revoked" && !refunded.works(),
    );

    let lied_to = &runs[LIED_TO];
    let lies = liar.exchanges().iter().filter(|exchange| exchange.path().ends_with("/renew")).count();
    report.line(
        "day 29",
        "one customer's network answers {\"valid\":false} instead",
        format!("{}: works on ({lies} such answer(s))", lied_to.verdict()),
        lied_to.works() && lies > 0,
    );
}

/// Imports the customer base by the command line, then once more: nothing may change.
fn import(folder: &Path, installation: &Installation, report: &mut Report) -> Result<(), Failure> {
    let mut csv = String::from("License Key,E-Mail,Name,Order\n");
    for number in 0..IMPORTED {
        writeln!(csv, "{},customer-{number}@example.com,Customer {number},{}", license_key(number), order(number))?;
    }
    let path = folder.join("customers.csv");
    std::fs::write(&path, csv)?;
    let file = path.to_str().ok_or("the folder's name is not text")?;
    let arguments = ["import", file, "--product", "studio", "--plan", "pro"];
    let first = installation.command(arguments)?;
    let made = first["import"]["create"].as_u64().unwrap_or(0);
    let again = installation.command(arguments)?;
    let unchanged = again["import"]["unchanged"].as_u64().unwrap_or(0);
    let all = IMPORTED as u64;
    report.line(
        "day 0",
        &format!("{IMPORTED} customers are imported with the keys they have"),
        format!("{made} licenses; twice: {unchanged} unchanged"),
        made == all && unchanged == all && again["import"]["create"] == 0,
    );
    Ok(())
}

/// Keys as other systems issue them: groups, UUIDs, mixed case, long and short.
fn license_key(number: usize) -> String {
    match number % 4 {
        0 => format!("AB12-CD34-EF56-{number:04}"),
        1 => format!("6f9619ff-8b86-d011-b42d-00c04fc9{number:04}"),
        2 => format!("xYz{number:04}QrsTuvWq1"),
        _ => format!("{number:04}-LONG-KEY-OF-ANOTHER-SYSTEM-WITH-MANY-CHARACTERS"),
    }
}

fn order(number: usize) -> String {
    format!("ORDER-{number:04}")
}

fn count(runs: &[Run], holds: impl Fn(&Run) -> bool) -> usize {
    runs.iter().filter(|run| holds(run)).count()
}
