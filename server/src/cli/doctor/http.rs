//! The doctor's questions over HTTP, to Patroni, etcd and the endpoints.

use crate::cli::Failure;
use serde_json::Value;
use std::{fs, path::Path, time::Duration};
use ureq::{
    Agent,
    tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks with what the operator has given to trust and to show. Every call blocks.
pub(super) struct Web {
    /// Trusts the public authorities.
    public: Agent,
    /// Trusts the authority of `--ca-file`, and shows the certificate of `--cert-file`.
    own: Option<Agent>,
}

/// What was answered.
pub(super) struct Answer {
    pub status: u16,
    pub body: String,
    /// Whether only `--ca-file` made the certificate trusted.
    pub only_here: bool,
}

impl Answer {
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|_| format!("{} and no JSON", self.status))
    }
}

fn agent(tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent()
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let pem = read(path)?;
    let items = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    let none = || Failure::Usage(format!("{}: no certificate in it", path.display()));
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

impl Web {
    /// With the files that were named.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn new(authority: Option<&Path>, certificate: Option<&Path>, key: Option<&Path>) -> Result<Self, Failure> {
        let shown = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let pem = read(key)?;
                let key = PrivateKey::from_pem(&pem)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", key.display())))?;
                Some(ClientCert::new_with_certs(&certificates(certificate)?, key))
            }
            _ => return Err(Failure::Usage("--cert-file and --key-file belong together".to_owned())),
        };
        let roots = match authority {
            Some(path) => Some(RootCerts::new_with_certs(&certificates(path)?)),
            // A certificate to show is of use without an authority of one's own as well.
            None => shown.is_some().then_some(RootCerts::WebPki),
        };
        let own = roots.map(|roots| agent(TlsConfig::builder().root_certs(roots).client_cert(shown).build()));
        Ok(Self { public: agent(TlsConfig::builder().root_certs(RootCerts::WebPki).build()), own })
    }

    /// A GET, or with a body a POST of JSON, to a machine of the cluster.
    pub fn ask(&self, url: &str, body: Option<&str>) -> Result<Answer, String> {
        send(self.own.as_ref().unwrap_or(&self.public), url, body)
    }

    /// A GET as an application makes it, which trusts public authorities; where it does not, whether trusting `--ca-file`
    /// would do.
    pub fn ask_as_application(&self, url: &str) -> Result<Answer, String> {
        let refused = match (send(&self.public, url, None), &self.own) {
            (Err(error), Some(own)) => (error, own),
            (answered, _) => return answered,
        };
        send(refused.1, url, None).map(|answer| Answer { only_here: true, ..answer }).map_err(|_| refused.0)
    }
}

fn send(agent: &Agent, url: &str, body: Option<&str>) -> Result<Answer, String> {
    let answered = match body {
        None => agent.get(url).call(),
        Some(body) => agent.post(url).header("Content-Type", "application/json").send(body),
    };
    let mut response = answered.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok(Answer { status, body, only_here: false })
}
