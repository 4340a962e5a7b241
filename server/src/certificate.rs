//! The end of the certificate that is shown at an address. Nothing is sent there and nothing is trusted, so the certificate
//! is read whoever has signed it, and also where it has ended.

use der::{
    AnyRef, Decode as _, Reader as _, SliceReader, Tag, Tagged as _,
    asn1::{GeneralizedTime, UtcTime},
};
use holdfast_domain::Timestamp;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    io,
    net::{TcpStream, ToSocketAddrs as _},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// Keeps the certificate that is shown.
#[derive(Debug)]
struct Shown {
    provider: CryptoProvider,
    certificate: OnceLock<CertificateDer<'static>>,
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let _ = self.certificate.set(shown.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Host and port of an https URL.
fn authority(url: &str) -> Option<(String, u16)> {
    let authority = url.strip_prefix("https://")?.split('/').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, 443),
    };
    Some((host.trim_matches(['[', ']']).to_owned(), port))
}

/// When the certificate ends that is shown at the https address `url`. Blocks for as long as `patience`, and for as long as
/// the system takes to look its name up.
///
/// # Errors
/// Where nothing there speaks TLS, or shows a certificate that can be read.
pub fn ends_at(url: &str, patience: Duration) -> io::Result<Timestamp> {
    let (host, port) = authority(url).ok_or_else(|| io::Error::other("not an https address"))?;
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let addresses: Vec<_> = (host.as_str(), port).to_socket_addrs()?.collect();
    let deadline = Instant::now() + patience;
    let mut failed = io::Error::other("its name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(deadline)?).and_then(|stream| shown(stream, &name, deadline)) {
            Ok(certificate) => return end(&certificate),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Shakes hands until the certificate is there.
fn shown(mut stream: TcpStream, name: &ServerName<'static>, deadline: Instant) -> io::Result<CertificateDer<'static>> {
    let provider = ring::default_provider();
    let shown = Arc::new(Shown { provider: provider.clone(), certificate: OnceLock::new() });
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&shown) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), name.clone()).map_err(io::Error::other)?;
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        stream.set_write_timeout(Some(left(deadline)?))?;
        while connection.wants_write() {
            connection.write_tls(&mut stream)?;
        }
        if let Some(certificate) = shown.certificate.get() {
            connection.send_close_notify();
            let _ = connection.write_tls(&mut stream);
            return Ok(certificate.clone());
        }
        if connection.read_tls(&mut stream)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        connection.process_new_packets().map_err(io::Error::other)?;
    }
}

/// The end of a certificate's time.
fn end(certificate: &[u8]) -> io::Result<Timestamp> {
    let until = not_after(certificate).map_err(|error| io::Error::other(error.to_string()))?;
    i64::try_from(until.as_secs()).map(Timestamp::from_seconds).map_err(io::Error::other)
}

/// `notAfter` of a certificate, since the epoch (RFC 5280, 4.1): what stands before it is passed over.
fn not_after(certificate: &[u8]) -> der::Result<Duration> {
    fn inside<'a>(reader: &mut SliceReader<'a>) -> der::Result<SliceReader<'a>> {
        SliceReader::new(AnyRef::decode(reader)?.value())
    }
    let mut certificate = SliceReader::new(certificate)?;
    let mut signed = inside(&mut certificate)?;
    let mut body = inside(&mut signed)?;
    // The version, where there is one (`[0]`); serial number, algorithm and issuer.
    let before = if body.peek_byte() == Some(0xa0) { 4 } else { 3 };
    for _ in 0..before {
        AnyRef::decode(&mut body)?;
    }
    let mut validity = inside(&mut body)?;
    AnyRef::decode(&mut validity)?;
    let until = AnyRef::decode(&mut validity)?;
    match until.tag() {
        Tag::UtcTime => until.decode_as::<UtcTime>().map(|time| time.to_unix_duration()),
        _ => until.decode_as::<GeneralizedTime>().map(|time| time.to_unix_duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_testkit::proxy::{Authority, Proxy};
    use std::{net::TcpListener, thread};

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |url| authority(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(parts("https://licenses.example.com").unwrap(), "licenses.example.com 443");
        assert_eq!(parts("https://10.0.0.1:8443/base").unwrap(), "10.0.0.1 8443");
        assert_eq!(parts("https://[2001:db8::1]:8443").unwrap(), "2001:db8::1 8443");
        assert_eq!(parts("https://[2001:db8::1]").unwrap(), "2001:db8::1 443");
        assert_eq!(parts("http://10.0.0.1"), None);
    }

    #[test]
    fn what_shows_no_certificate_is_given_up_in_time() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", silent.local_addr().unwrap());
        let begun = Instant::now();
        assert!(ends_at(&url, Duration::from_millis(200)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let plain = thread::spawn(move || {
            let (mut stream, _) = silent.accept().unwrap();
            let (mut again, _) = silent.accept().unwrap();
            for stream in [&mut stream, &mut again] {
                let _ = io::Write::write_all(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        });
        assert!(ends_at(&url, Duration::from_secs(5)).is_err());
        plain.join().unwrap();
    }

    #[test]
    fn the_end_is_read_whoever_signed_and_whenever_it_was() {
        let authority = Authority::new().unwrap();
        for (identity, ends) in [
            (authority.identity(&["127.0.0.1"]).unwrap(), 3_786_912_000),
            (authority.expired_identity(&["127.0.0.1"]).unwrap(), 1_577_836_800),
        ] {
            // Nothing is ever sent upstream.
            let server = Proxy::start_tls(([127, 0, 0, 1], 1).into(), identity).unwrap();
            let url = format!("https://{}", server.address());
            assert_eq!(ends_at(&url, Duration::from_secs(5)).unwrap(), Timestamp::from_seconds(ends));
        }
    }
}
