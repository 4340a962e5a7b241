//! A desktop program reduced to its license: prints its verdict and its entitlements, and reacts to changes.
//!
//! ```text
//! cargo run --example desktop -- --endpoint http://127.0.0.1:8080 --product prd_… --root KEY --storage ./state \
//!     [--key AB12-CD34-… | --trial | --refresh | --release | --offline-request FILE | --apply-offline FILE] \
//!     [--device NAME] [--name TEXT] [--own-key] [--authority FILE.pem] [--proxy URL] [--log] [--json] \
//!     [--once | --seconds N]
//! ```
//!
//! The launch check always comes first and never touches the network. `--once` ends after it (and after the act that
//! was asked for), `--seconds N` after that time; otherwise the program runs until it is stopped. `--json` prints one
//! JSON object per line instead of text.

use holdfast_sdk::{CallError, Device, EntitlementValue, InvalidReason, Licensing, Standing, Update, Verdict};
use serde_json::{Map, Value, json};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What happens after the launch check.
#[derive(Default)]
enum Act {
    /// An activation where there is a key.
    #[default]
    Activate,
    Trial,
    Refresh,
    Release,
    /// Write a request into this file.
    Request(String),
    /// Read the answer in this file.
    Apply(String),
}

/// What was asked for on the command line.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "one per flag")]
struct Options {
    endpoints: Vec<String>,
    product: String,
    roots: Vec<String>,
    storage: String,
    key: Option<String>,
    act: Act,
    device: Option<String>,
    name: Option<String>,
    own_key: bool,
    authority: Option<String>,
    proxy: Option<String>,
    log: bool,
    json: bool,
    once: bool,
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            eprintln!("desktop: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether the application may be used.
fn run() -> Result<bool, Box<dyn Error>> {
    let options = Options::read()?;
    let licensing = options.licensing()?;
    let updates = licensing.subscribe();

    let begun = Instant::now();
    let mut standing = licensing.check_on_launch();
    options.print("launch", &standing, Some(begun.elapsed()));

    if let Some(result) = options.act(&licensing)? {
        match result {
            Ok(now) => {
                options.print("done", &now, None);
                standing = now;
            }
            Err(error) => {
                options.print_error(&error);
                standing = licensing.state();
                options.print("unchanged", &standing, None);
            }
        }
    }

    if options.once {
        return Ok(standing.entitled());
    }
    let end = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    loop {
        let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(licensing.state().entitled());
        }
        match updates.recv_timeout(left.min(Duration::from_hours(1))) {
            Some(Update::State(now)) => options.print("changed", &now, None),
            Some(Update::Notice(notice)) => options.say(
                &json!({"event": "notice", "days_left": notice.days_left, "until": notice.until}),
                &format!("The licensing server was not reached for long: {} day(s) left.", notice.days_left),
            ),
            Some(Update::ProxyWantsSignIn) => {
                options.say(&json!({"event": "proxy"}), "The proxy wants a user name and a password.");
            }
            Some(_) | None => {}
        }
    }
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--endpoint" => options.endpoints.push(value()?),
                "--product" => options.product = value()?,
                "--root" => options.roots.push(value()?),
                "--storage" => options.storage = value()?,
                "--key" => options.key = Some(value()?),
                "--trial" => options.act = Act::Trial,
                "--refresh" => options.act = Act::Refresh,
                "--release" => options.act = Act::Release,
                "--offline-request" => options.act = Act::Request(value()?),
                "--apply-offline" => options.act = Act::Apply(value()?),
                "--device" => options.device = Some(value()?),
                "--name" => options.name = Some(value()?),
                "--own-key" => options.own_key = true,
                "--authority" => options.authority = Some(value()?),
                "--proxy" => options.proxy = Some(value()?),
                "--log" => options.log = true,
                "--json" => options.json = true,
                "--once" => options.once = true,
                "--seconds" => options.seconds = Some(value()?.parse()?),
                _ => return Err(format!("unknown flag {flag}").into()),
            }
        }
        Ok(options)
    }

    fn licensing(&self) -> Result<Licensing, Box<dyn Error>> {
        let mut device = self.device.as_ref().map_or_else(Device::default, |id| Device::fingerprint(id.as_bytes()));
        if let Some(name) = &self.name {
            device = device.name(name);
        }
        if self.own_key {
            device = device.own_key();
        }
        let mut builder = Licensing::builder(&self.product, &self.roots)
            .endpoints(&self.endpoints)
            .storage(&self.storage)
            .device(device.app_version(env!("CARGO_PKG_VERSION")))
            .background(!self.once);
        if let Some(authority) = &self.authority {
            builder = builder.certificate_authority(std::fs::read(authority)?);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy);
        }
        if self.log {
            builder = builder.log(|report| eprintln!("license: {report}"));
        }
        Ok(builder.build()?)
    }

    /// Does what was asked for, if anything was.
    fn act(&self, licensing: &Licensing) -> Result<Option<Result<Standing, CallError>>, Box<dyn Error>> {
        Ok(match &self.act {
            Act::Activate => self.key.as_ref().map(|key| licensing.activate(key)),
            Act::Trial => Some(licensing.start_trial()),
            Act::Refresh => Some(licensing.refresh()),
            Act::Release => Some(licensing.release()),
            Act::Request(path) => {
                let request = match &self.key {
                    Some(key) => licensing.offline_activation(key),
                    None => licensing.offline_request(),
                };
                std::fs::write(path, request?)?;
                None
            }
            Act::Apply(path) => Some(licensing.apply_offline(&std::fs::read_to_string(path)?)),
        })
    }

    fn print(&self, event: &str, standing: &Standing, took: Option<Duration>) {
        let mut line = json!({"event": event, "entitled": standing.entitled()});
        if let (Some(line), Ok(Value::Object(verdict))) = (line.as_object_mut(), serde_json::to_value(standing.verdict))
        {
            line.extend(verdict);
            line.insert("entitlements".into(), json!(standing.entitlements));
            line.extend(overlays(standing));
            if let Some(lease) = &standing.lease {
                line.insert("seq".into(), lease.seq.into());
            }
            if let Some(denial) = &standing.denial {
                line.insert("denial".into(), denial.code.as_str().into());
                line.insert("help".into(), json!(denial.help));
            }
            if let Some(took) = took {
                line.insert("microseconds".into(), json!(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)));
            }
        }
        let mut text = format!("[{event}] {}", sentence(standing));
        for (code, value) in &standing.entitlements {
            // Writing to a String cannot fail.
            let _ = match value {
                EntitlementValue::Integer(number) => write!(text, "\n  {code}: {number}"),
                EntitlementValue::Text(value) => write!(text, "\n  {code}: {value}"),
                EntitlementValue::Flag(_) => write!(text, "\n  {code}"),
            };
        }
        for name in overlays(standing).keys() {
            text.push_str("\n  note: ");
            text.push_str(name);
        }
        self.say(&line, &text);
    }

    fn print_error(&self, error: &CallError) {
        self.say(&json!({"event": "error", "error": error.to_string()}), &format!("[error] {error}"));
    }

    /// One line for a program, or some for a person. A reader that has gone is no reason to fail.
    fn say(&self, line: &Value, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = if self.json { writeln!(out, "{line}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }
}

fn overlays(standing: &Standing) -> Map<String, Value> {
    [
        ("clock_suspect", standing.clock_suspect),
        ("store_damaged", standing.store_damaged),
        ("update_needed", standing.update_needed),
    ]
    .into_iter()
    .filter(|(_, set)| *set)
    .map(|(name, set)| (name.to_owned(), Value::Bool(set)))
    .collect()
}

fn sentence(standing: &Standing) -> String {
    match standing.verdict {
        Verdict::Licensed => "Licensed.".to_owned(),
        Verdict::Trial { days_left } => format!("On trial, {days_left} day(s) left."),
        Verdict::Grace { .. } => "Licensed; the licensing server was not reached for a while.".to_owned(),
        Verdict::Limited => "Limited to the basic functions.".to_owned(),
        Verdict::Expired => "The license has run out.".to_owned(),
        Verdict::Invalid { reason } => match reason {
            InvalidReason::NotActivated => "Please activate with your license key.".to_owned(),
            InvalidReason::NotYetValid { .. } => "The license begins later.".to_owned(),
            InvalidReason::Revoked => "The license was withdrawn.".to_owned(),
            InvalidReason::Suspended => "The license is paused.".to_owned(),
            InvalidReason::Released => "This device's seat was given up.".to_owned(),
            InvalidReason::DeviceMismatch => "The license belongs to another device.".to_owned(),
        },
    }
}
