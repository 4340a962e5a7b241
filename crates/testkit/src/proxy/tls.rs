//! Certificates for tests: an authority of the test's own, and servers that show good, foreign or expired ones.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

/// A certificate authority that exists for one test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a TLS server shows to its clients.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
}

impl Authority {
    /// A new authority with a key of its own. Fails only where the system gives no randomness.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)? })
    }

    /// The authority's certificate as PEM, for a client that is to trust it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server identity for `names` (host names or addresses) that this authority vouches for.
    pub fn identity(&self, names: &[&str]) -> io::Result<Identity> {
        self.issue(names, (2020, 2090))
    }

    /// The same, but its time ended long ago.
    pub fn expired_identity(&self, names: &[&str]) -> io::Result<Identity> {
        self.issue(names, (2019, 2020))
    }

    fn issue(&self, names: &[&str], (from, until): (i32, i32)) -> io::Result<Identity> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Identity::new(vec![leaf.der().clone()], &key)
    }
}

impl Identity {
    /// A certificate for `names` that nobody vouches for.
    pub fn self_signed(names: &[&str]) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let own = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        Self::new(vec![own.cert.der().clone()], &own.signing_key)
    }

    fn new(chain: Vec<rustls::pki_types::CertificateDer<'static>>, key: &KeyPair) -> io::Result<Self> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(io::Error::other)?;
        Ok(Self { config: Arc::new(config) })
    }

    /// Takes the server's part of a handshake over `stream`; the handshake itself happens at the first read.
    pub(super) fn accept(&self, stream: TcpStream) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
        let connection = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }
}
