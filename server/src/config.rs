//! What an operator can set: by flag, by `HOLDFAST_…` variable or in a TOML file, in this order of precedence.
//!
//! A secret can also be given as the name of a file that holds it, so that it appears neither in a process list nor in
//! an environment.

use crate::{logging::LogFormat, mail::Way};
use clap::Args;
use holdfast_domain::{Email, continuity::Bounds, text::TextError};
use serde::Deserialize;
use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

const LISTEN: &str = "127.0.0.1:8080";
const METRICS_LISTEN: &str = "127.0.0.1:9090";
const DATA_DIR: &str = "data";
const DATABASE_FILE: &str = "holdfast.db";
const MASTER_KEY_FILE: &str = "master.key";
/// From whom mails come that are only written into a folder, and where links in them lead, unless the operator says otherwise.
const TRIAL_FROM: &str = "holdfast@localhost";
const TRIAL_SITE: &str = "http://localhost:8080";

/// The settings that every command understands.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// A TOML file with any of these settings, named as the flags with `_` for `-`.
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://…`; an SQLite file in the data directory by default.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file that holds the database URL.
    #[arg(long, global = true, value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    /// Where the node keeps its own files.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The file with the master key; `master.key` in the data directory by default.
    #[arg(long, global = true, value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    /// Only from the environment: the master key itself, as 64 hex digits or base64.
    #[arg(skip)]
    #[serde(skip)]
    pub master_key: Option<Zeroizing<String>>,
    /// An https base address under which applications reach this installation, in the order of preference; repeatable.
    #[arg(long, global = true, value_name = "URL", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_many")]
    pub endpoint: Vec<String>,
    /// The page that a denial refers people to; by default `/help` under the first endpoint.
    #[arg(long, global = true, value_name = "URL")]
    pub help_url: Option<String>,
    /// For how many hours leases are renewed without the database, 1 to 72; floating seats for 12 at most.
    #[arg(long, global = true, value_name = "HOURS")]
    pub continuity_hours: Option<i64>,
    /// Let webhooks, and questions to payment providers, go to addresses that only this network knows, and over plain HTTP. For
    /// closed networks and for tests: with it, whoever may make a webhook or connect a shop can have this machine call the
    /// machines beside it.
    #[arg(long, global = true)]
    #[serde(default)]
    pub webhook_allow_private: bool,
    /// Let vendors sign their people in through identity providers at private addresses, and on this machine by plain http.
    #[arg(long, global = true)]
    pub private_providers: bool,
    /// The address under which a browser reaches the console, where it differs from the `Host` header; links in mails begin with
    /// it.
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
    /// How mail leaves: `smtps://USER:PASSWORD@HOST`, `smtp+starttls://…`, `smtp://…` (not encrypted), or `file:FOLDER` for
    /// trying it out. Nothing is mailed without it.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    pub mail_url: Option<String>,
    /// A file that holds the URL of `--mail-url`.
    #[arg(long, global = true, value_name = "FILE")]
    pub mail_url_file: Option<PathBuf>,
    /// The address that mails come from.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// A certificate to trust beside the public ones when mail leaves (PEM).
    #[arg(long, global = true, value_name = "FILE")]
    pub mail_ca_file: Option<PathBuf>,
    /// What is logged: a level, or `tracing` directives such as `info,holdfast=debug`.
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// What a log line looks like.
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
}

/// The settings of a serving node.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeOptions {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where to answer `/metrics`; `off` for nowhere.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_listen: Option<String>,
    /// The region this node belongs to.
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// What this node is called; the machine's name by default.
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// What people call this installation, such as `staging`: the console shows it on top, so that nobody takes it for another.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// A proxy whose `X-Forwarded-For` is believed: an address or `ADDRESS/BITS`; repeatable.
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_many")]
    pub trusted_proxy: Vec<String>,
    /// How long a node that stops goes on accepting, so that load balancers notice.
    #[arg(long, value_name = "SECONDS")]
    pub drain_seconds: Option<u64>,
    /// How many connections may be open at the same time.
    #[arg(long, value_name = "NUMBER")]
    pub max_connections: Option<usize>,
    /// How many requests may be worked on at the same time before the less important ones are turned away.
    #[arg(long, value_name = "NUMBER")]
    pub max_requests: Option<usize>,
    /// How many activations, validations and trials an address may ask for in a minute.
    #[arg(long, value_name = "PER_MINUTE")]
    pub address_rate: Option<u32>,
    /// How many management calls an API token may make in a minute.
    #[arg(long, value_name = "PER_MINUTE")]
    pub token_rate: Option<u32>,
    /// Bring the database's tables up to date before serving. Always done for SQLite.
    #[arg(long)]
    #[serde(default)]
    pub migrate: bool,
}

/// What can be given several times may also be given once, without brackets.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The TOML file is not one, or has a setting that does not exist.
    #[error("{path}: {message}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        message: String,
    },
    /// A value is out of the question.
    #[error("{name}: {message}")]
    Value {
        /// The flag.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    bits: u8,
}

fn as_v6(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

impl Network {
    /// Parses `ADDRESS` or `ADDRESS/BITS`. `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
            None => (text.parse::<IpAddr>().ok()?, None),
        };
        let (full, shift) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = bits.unwrap_or(full);
        (bits <= full).then(|| Self { address: as_v6(address), bits: bits + shift })
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let mask = if self.bits == 0 { 0 } else { u128::MAX << (128 - u32::from(self.bits)) };
        (self.address ^ as_v6(address)) & mask == 0
    }
}

/// Everything resolved: what a command works with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database URL.
    pub database_url: Zeroizing<String>,
    /// Where the node keeps its own files.
    pub data_dir: PathBuf,
    /// The file with the master key.
    pub master_key_file: PathBuf,
    /// Whether that file was named by the operator, so that it must exist.
    pub master_key_named: bool,
    /// The master key itself, where the environment has it.
    pub master_key: Option<Zeroizing<String>>,
    /// The https base addresses for applications.
    pub endpoints: Vec<String>,
    /// The page that a denial refers people to.
    pub help_url: Option<String>,
    /// How far the node goes on without the database.
    pub continuity: Bounds,
    /// Whether webhooks may go to private addresses and over plain HTTP.
    pub webhooks_allow_private: bool,
    /// Whether identity providers may be at private addresses.
    pub private_providers: bool,
    /// The console's origin, `scheme://host[:port]`, where set.
    pub public_url: Option<String>,
    /// How mail leaves, where it does.
    pub mail: Option<MailConfig>,
    /// The log's filter.
    pub log: String,
    /// The log's form.
    pub log_format: LogFormat,
}

/// How mail leaves.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// The way.
    pub way: Way,
    /// The address that mails come from.
    pub from: Email,
    /// What links in mails begin with.
    pub site: String,
}

/// Everything resolved for `serve`.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to answer `/metrics`.
    pub metrics_listen: Option<SocketAddr>,
    /// Whether the operator chose that address, so that it must be free.
    pub metrics_listen_named: bool,
    /// The region.
    pub region: String,
    /// The node's name.
    pub node_name: String,
    /// The console's origin, `scheme://host[:port]`, where set: the one of [`Config`].
    pub public_url: Option<String>,
    /// What people call this installation, where they call it anything.
    pub environment: Option<String>,
    /// Proxies whose `X-Forwarded-…` are believed.
    pub trusted_proxies: Vec<Network>,
    /// How long to go on accepting when stopping.
    pub drain: Duration,
    /// Open connections.
    pub max_connections: usize,
    /// Requests at work.
    pub max_requests: usize,
    /// Activations, validations and trials of an address in a minute.
    pub address_rate: u32,
    /// Management calls of a token in a minute.
    pub token_rate: u32,
    /// Whether to migrate a database that is not embedded.
    pub migrate: bool,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            metrics_listen_named: false,
            region: "default".to_owned(),
            node_name: "node".to_owned(),
            public_url: None,
            environment: None,
            trusted_proxies: Vec::new(),
            drain: Duration::from_secs(3),
            max_connections: 10_000,
            max_requests: 4_096,
            address_rate: 600_000,
            token_rate: 60_000,
            migrate: false,
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

fn value(name: &'static str, message: impl Into<String>) -> ConfigError {
    ConfigError::Value { name, message: message.into() }
}

/// The scheme and authority of an http(s) URL, without a path or a slash at the end.
fn origin(name: &'static str, url: &str) -> Result<String, ConfigError> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", ""));
    let authority = rest.trim_end_matches('/');
    let fits = matches!(scheme, "http" | "https")
        && !authority.is_empty()
        && authority.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'"'));
    if fits { Ok(format!("{scheme}://{authority}")) } else { Err(value(name, "not of the form https://host[:port]")) }
}

/// A base address for applications and people: https, except on this very machine.
fn base_url(name: &'static str, url: &str) -> Result<String, ConfigError> {
    let local = |rest: &str| {
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        };
        host == "localhost"
            || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    let fits = url.starts_with("https://") || url.strip_prefix("http://").is_some_and(local);
    let clean = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['?', '#', '"']);
    if fits && clean { Ok(url.trim_end_matches('/').to_owned()) } else { Err(value(name, "not an https URL")) }
}

impl Options {
    /// Fills what flags and variables left open from the TOML file, and reads `HOLDFAST_MASTER_KEY`.
    pub fn load(self, serve: ServeOptions) -> Result<(Self, ServeOptions), ConfigError> {
        let key = std::env::var("HOLDFAST_MASTER_KEY").ok().filter(|key| !key.is_empty()).map(Zeroizing::new);
        let Some(path) = self.config.clone() else { return Ok((Self { master_key: key, ..self }, serve)) };
        let text = read(&path)?;
        let wrong = |message: String| ConfigError::Toml { path: path.clone(), message };
        let mut table: toml::Table = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        let mut common = toml::Table::new();
        for name in COMMON {
            if let Some(value) = table.remove(*name) {
                common.insert((*name).to_owned(), value);
            }
        }
        let file: Self = common.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        let file_serve: ServeOptions =
            table.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        Ok((self.or(file, key), serve.or(file_serve)))
    }

    fn or(self, file: Self, master_key: Option<Zeroizing<String>>) -> Self {
        // A URL by flag wins over a URL by file in the same place, and both over those of the TOML file.
        let by_flag = self.database_url.is_some() || self.database_url_file.is_some();
        let mail_by_flag = self.mail_url.is_some() || self.mail_url_file.is_some();
        Self {
            config: self.config,
            database_url: self.database_url.or(if by_flag { None } else { file.database_url }),
            database_url_file: self.database_url_file.or(if by_flag { None } else { file.database_url_file }),
            data_dir: self.data_dir.or(file.data_dir),
            master_key_file: self.master_key_file.or(file.master_key_file),
            master_key,
            endpoint: if self.endpoint.is_empty() { file.endpoint } else { self.endpoint },
            help_url: self.help_url.or(file.help_url),
            continuity_hours: self.continuity_hours.or(file.continuity_hours),
            webhook_allow_private: self.webhook_allow_private || file.webhook_allow_private,
            private_providers: self.private_providers || file.private_providers,
            public_url: self.public_url.or(file.public_url),
            mail_url: self.mail_url.or(if mail_by_flag { None } else { file.mail_url }),
            mail_url_file: self.mail_url_file.or(if mail_by_flag { None } else { file.mail_url_file }),
            mail_from: self.mail_from.or(file.mail_from),
            mail_ca_file: self.mail_ca_file.or(file.mail_ca_file),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
        }
    }

    /// The resolved settings.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let data_dir = self.data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR));
        let database_url = match (self.database_url, self.database_url_file) {
            (Some(url), _) => url,
            (None, Some(path)) => read(&path)?.trim().to_owned(),
            (None, None) => format!("sqlite:{}", data_dir.join(DATABASE_FILE).display()),
        };
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database_url.starts_with(scheme)) {
            return Err(value("--database-url", "begins with neither `sqlite:` nor `postgres://`"));
        }
        let endpoints = self.endpoint.iter().map(|url| base_url("--endpoint", url)).collect::<Result<Vec<_>, _>>()?;
        let continuity = match self.continuity_hours {
            None => Bounds::default(),
            Some(hours @ 1..=72) => Bounds::of_hours(hours),
            Some(_) => return Err(value("--continuity-hours", "must be 1 to 72")),
        };
        let help_url = self.help_url.map(|url| base_url("--help-url", &url)).transpose()?;
        let public_url = self.public_url.map(|url| origin("--public-url", &url)).transpose()?;
        let mail_url = match (self.mail_url, self.mail_url_file) {
            (Some(url), _) => Some(url),
            (None, Some(path)) => Some(read(&path)?),
            (None, None) => None,
        };
        let mail_url = mail_url.map(|url| Zeroizing::new(url.trim().to_owned())).filter(|url| !url.is_empty());
        let site = public_url.as_ref().or(endpoints.first());
        let mail = mail_url.map(|url| mail(&url, self.mail_from.as_deref(), self.mail_ca_file.as_deref(), site));
        Ok(Config {
            database_url: Zeroizing::new(database_url),
            master_key_named: self.master_key_file.is_some(),
            master_key_file: self.master_key_file.unwrap_or_else(|| data_dir.join(MASTER_KEY_FILE)),
            master_key: self.master_key,
            data_dir,
            endpoints,
            help_url,
            continuity,
            webhooks_allow_private: self.webhook_allow_private,
            private_providers: self.private_providers,
            public_url,
            mail: mail.transpose()?,
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            log_format: self.log_format.unwrap_or_default(),
        })
    }
}

/// The settings of [`Options`] that a TOML file may have; all others belong to `serve`.
const COMMON: &[&str] = &[
    "database_url",
    "database_url_file",
    "data_dir",
    "master_key_file",
    "endpoint",
    "help_url",
    "continuity_hours",
    "webhook_allow_private",
    "private_providers",
    "public_url",
    "mail_url",
    "mail_url_file",
    "mail_from",
    "mail_ca_file",
    "log",
    "log_format",
];

impl ServeOptions {
    fn or(self, file: Self) -> Self {
        Self {
            listen: self.listen.or(file.listen),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            region: self.region.or(file.region),
            node_name: self.node_name.or(file.node_name),
            environment: self.environment.or(file.environment),
            trusted_proxy: if self.trusted_proxy.is_empty() { file.trusted_proxy } else { self.trusted_proxy },
            drain_seconds: self.drain_seconds.or(file.drain_seconds),
            max_connections: self.max_connections.or(file.max_connections),
            max_requests: self.max_requests.or(file.max_requests),
            address_rate: self.address_rate.or(file.address_rate),
            token_rate: self.token_rate.or(file.token_rate),
            migrate: self.migrate || file.migrate,
        }
    }

    /// The resolved settings.
    pub fn resolve(self) -> Result<ServeConfig, ConfigError> {
        let defaults = ServeConfig::default();
        let address =
            |name, text: &str| text.parse::<SocketAddr>().map_err(|_| value(name, "not of the form ADDRESS:PORT"));
        let metrics_listen = match self.metrics_listen.as_deref().unwrap_or(METRICS_LISTEN) {
            "off" | "" => None,
            text => Some(address("--metrics-listen", text)?),
        };
        let trusted_proxies = self
            .trusted_proxy
            .iter()
            .map(|text| Network::parse(text).ok_or_else(|| value("--trusted-proxy", "not ADDRESS or ADDRESS/BITS")))
            .collect::<Result<Vec<_>, _>>()?;
        let positive = |name, number: Option<usize>, default| match number {
            Some(0) => Err(value(name, "must be at least 1")),
            number => Ok(number.unwrap_or(default)),
        };
        let rate = |name, number: Option<u32>, default| match number {
            Some(0) => Err(value(name, "must be at least 1")),
            number => Ok(number.unwrap_or(default)),
        };
        Ok(ServeConfig {
            listen: match self.listen {
                Some(listen) => listen,
                None => address("--listen", LISTEN)?,
            },
            metrics_listen,
            metrics_listen_named: self.metrics_listen.is_some(),
            region: self.region.unwrap_or(defaults.region),
            node_name: self.node_name.unwrap_or_else(machine_name),
            public_url: defaults.public_url,
            environment: self.environment.as_deref().and_then(|name| environment(name).transpose()).transpose()?,
            trusted_proxies,
            drain: self.drain_seconds.map_or(defaults.drain, Duration::from_secs),
            max_connections: positive("--max-connections", self.max_connections, defaults.max_connections)?,
            max_requests: positive("--max-requests", self.max_requests, defaults.max_requests)?,
            address_rate: rate("--address-rate", self.address_rate, defaults.address_rate)?,
            token_rate: rate("--token-rate", self.token_rate, defaults.token_rate)?,
            migrate: self.migrate,
        })
    }
}

/// How mail leaves: by `url`, from an address, with links that begin with `site`.
fn mail(
    url: &str,
    from: Option<&str>,
    authority: Option<&Path>,
    site: Option<&String>,
) -> Result<MailConfig, ConfigError> {
    let authority = authority
        .map(|path| fs::read(path).map_err(|source| ConfigError::File { path: path.to_owned(), source }))
        .transpose()?;
    let way = Way::parse(url, authority).map_err(|message| value("--mail-url", message))?;
    let trial = matches!(way, Way::Folder(_));
    let from = match from {
        Some(from) => from.parse().map_err(|error: TextError| value("--mail-from", error.to_string()))?,
        None => TRIAL_FROM.parse().ok().filter(|_| trial).ok_or_else(|| {
            value("--mail-from", "say which address mails come from: one that the mail server lets this user send from")
        })?,
    };
    let site = site.map(String::as_str).or(trial.then_some(TRIAL_SITE)).ok_or_else(|| {
        value("--public-url", "mails have links in them: say under which address people reach this installation")
    })?;
    Ok(MailConfig { way, from, site: site.to_owned() })
}

/// What an installation is called: short enough to stand on top of every page; nothing where it is empty.
fn environment(name: &str) -> Result<Option<String>, ConfigError> {
    let name = name.trim();
    let fits = name.chars().count() <= 24 && !name.chars().any(char::is_control);
    if fits {
        Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
    } else {
        Err(value("--environment", "must be at most 24 printable characters"))
    }
}

fn machine_name() -> String {
    let named = fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "node".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, flags: Options, serve: ServeOptions) -> Result<(Config, ServeConfig), ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("holdfast.toml");
        fs::write(&path, text).unwrap();
        let (options, serve) = Options { config: Some(path), ..flags }.load(serve)?;
        Ok((options.resolve()?, serve.resolve()?))
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let text = "data_dir = \"/srv/holdfast\"\nregion = \"north\"\nlisten = \"127.0.0.1:1\"\nmigrate = true\n";
        let flags = ServeOptions { region: Some("south".into()), ..ServeOptions::default() };
        let (config, serve) = load(text, Options::default(), flags).unwrap();
        assert_eq!(serve.region, "south");
        assert_eq!(serve.listen.port(), 1);
        assert!(serve.migrate);
        assert_eq!(*config.database_url, "sqlite:/srv/holdfast/holdfast.db");
        assert_eq!(config.master_key_file, Path::new("/srv/holdfast/master.key"));
        assert_eq!(serve.drain, Duration::from_secs(3));
        assert_eq!(config.continuity, Bounds::default());
        let (config, _) = load("continuity_hours = 6", Options::default(), ServeOptions::default()).unwrap();
        assert_eq!(config.continuity, Bounds::of_hours(6));
    }

    #[test]
    fn an_environment_has_a_short_name_or_none() {
        let named = |name: &str| ServeOptions { environment: Some(name.into()), ..ServeOptions::default() }.resolve();
        assert_eq!(named(" staging ").unwrap().environment.as_deref(), Some("staging"));
        assert_eq!(named("  ").unwrap().environment, None);
        assert!(named("a\u{7}b").is_err() && named(&"x".repeat(25)).is_err());
        let (_, serve) = load("environment = \"trial\"", Options::default(), ServeOptions::default()).unwrap();
        assert_eq!(serve.environment.as_deref(), Some("trial"));
    }

    #[test]
    fn a_secret_may_come_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("url");
        fs::write(&secret, "postgres://someone:secret@127.0.0.1/holdfast\n").unwrap();
        let flags = Options { database_url_file: Some(secret), ..Options::default() };
        let (config, _) = load("database_url = \"sqlite:other.db\"", flags, ServeOptions::default()).unwrap();
        assert_eq!(*config.database_url, "postgres://someone:secret@127.0.0.1/holdfast");
    }

    #[test]
    fn nonsense_is_named() {
        let none = ServeOptions::default;
        for (text, expected) in [
            ("regoin = \"x\"", "regoin"),
            ("listen = 5", "invalid type"),
            ("database_url = \"mysql://x\"", "--database-url"),
            ("endpoint = [\"ftp://x\"]", "--endpoint"),
            ("endpoint = [\"http://licenses.example.com\"]", "--endpoint"),
            ("help_url = \"http://127.0.0.1.example.com/help\"", "--help-url"),
            ("public_url = \"https://example.com/path\"", "--public-url"),
            ("trusted_proxy = [\"10.0.0.0/33\"]", "--trusted-proxy"),
            ("max_requests = 0", "--max-requests"),
            ("continuity_hours = 0", "--continuity-hours"),
            ("continuity_hours = 73", "--continuity-hours"),
            ("mail_url = \"mail.example.com\"", "--mail-url"),
            ("mail_url = \"smtps://mail.example.com\"\nmail_from = \"x\"", "--mail-from"),
            ("mail_url = \"smtps://mail.example.com\"", "--mail-from"),
            ("mail_url = \"smtps://mail.example.com\"\nmail_from = \"x@example.com\"", "--public-url"),
            ("= =", ""),
        ] {
            let error = load(text, Options::default(), none()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn mail_leaves_by_one_way_and_only_where_one_is_set() {
        let (config, _) = load("", Options::default(), ServeOptions::default()).unwrap();
        assert!(config.mail.is_none());
        let text = "mail_url = \"file:mails\"";
        let mail = load(text, Options::default(), ServeOptions::default()).unwrap().0.mail.unwrap();
        assert_eq!((mail.from.as_str(), mail.site.as_str()), (TRIAL_FROM, TRIAL_SITE));
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("mail");
        fs::write(&secret, "smtps://us:hunter2@mail.example.com\n").unwrap();
        let flags = Options {
            mail_url_file: Some(secret),
            mail_from: Some("Licenses@Example.com".into()),
            public_url: Some("https://licenses.example.com/".into()),
            ..Options::default()
        };
        let (config, _) = load(text, flags, ServeOptions::default()).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let mail = config.mail.unwrap();
        assert_eq!(mail.way.in_words(), "through mail.example.com:465, TLS, as us");
        assert_eq!((mail.from.as_str(), mail.site.as_str()), ("licenses@example.com", "https://licenses.example.com"));
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost/x",
            "http://[::1]:8080",
            "http://[::1]",
            "https://licenses.example.com",
        ] {
            assert!(base_url("--endpoint", url).is_ok(), "{url}");
        }
        for url in ["http://10.0.0.1", "http://localhost.example.com", "http://", "https", "//x"] {
            assert!(base_url("--endpoint", url).is_err(), "{url}");
        }
    }

    #[test]
    fn networks_contain_what_they_should() {
        let inside = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(inside("10.0.0.0/8", "10.255.0.1"));
        assert!(!inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("127.0.0.1", "127.0.0.1"));
        assert!(!inside("127.0.0.1", "127.0.0.2"));
        assert!(inside("0.0.0.0/0", "203.0.113.9"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1"));
        assert!(inside("::/0", "2001:db8:1::1"));
        assert!(Network::parse("10.0.0.0/x").is_none() && Network::parse("localhost").is_none());
    }
}
