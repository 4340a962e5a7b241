//! `holdfast verify-lease`: the verdict on a signed document, without a network and without a database.

use super::{Failure, output::Output};
use crate::api::time;
use holdfast_domain::{Clock as _, UnixSeconds};
use holdfast_lease::{
    Denial, Document, Expectations, Keyring, Lease, LeaseVerdict, ManifestKey, PublicKey, Purpose, Refusal,
    RevocationList, RootKeys, peek_header, verify, verify_manifest,
};
use holdfast_service::system::SystemClock;
use serde::Serialize;
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// What to check against what. One in 64 texts in base64url begins with a hyphen: such a value is no flag.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The file that holds the lease (or denial, or revocation list); standard input where absent or `-`.
    #[arg(value_name = "FILE")]
    pub lease: Option<PathBuf>,
    /// A root public key of the vendor, base64url; repeatable.
    #[arg(long, visible_alias = "root", value_name = "KEY", requires = "manifest", allow_hyphen_values = true)]
    pub root_public_key: Vec<String>,
    /// The file that holds the signed key manifest.
    #[arg(long, visible_alias = "keys", value_name = "FILE", requires = "root_public_key")]
    pub manifest: Option<PathBuf>,
    /// An issuing key to trust without a manifest, base64url; repeatable.
    #[arg(long, value_name = "KEY", required_unless_present = "root_public_key", allow_hyphen_values = true)]
    pub issuing_key: Vec<String>,
    /// The product that the lease must be for.
    #[arg(long, value_name = "ID")]
    pub product: Option<String>,
    /// The license that the lease must be of.
    #[arg(long, value_name = "ID")]
    pub license: Option<String>,
    /// The device hash that the lease must name.
    #[arg(long, value_name = "HASH", allow_hyphen_values = true)]
    pub device: Option<String>,
    /// The moment to judge at: RFC 3339, or seconds since the epoch; now where absent.
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,
}

/// The answer: a verdict, or the name of the refusal (lease profile, "What a parser refuses").
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<&'static str>,
    /// The refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// The document's claims, where it is genuine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<serde_json::Value>,
}

fn read(path: Option<&Path>) -> Result<String, Failure> {
    let mut text = String::new();
    match path.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            text = fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        }
        None => {
            io::stdin().take(1 << 20).read_to_string(&mut text)?;
        }
    }
    let text = text.trim();
    // A document as the API answers it: the one member of a JSON object.
    let wrapped: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text).ok();
    let inner = wrapped.as_ref().and_then(|map| {
        ["lease", "keys", "denial", "revocations"]
            .iter()
            .find_map(|name| map.get(*name).and_then(|value| value.as_str()))
    });
    Ok(inner.unwrap_or(text).to_owned())
}

/// Prints the finding. Refused (exit code 3) where the document is not genuine or gives no rights.
pub fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let keyring = keyring(args)?;
    let now = match args.now.as_deref() {
        None => SystemClock.now().seconds(),
        Some(text) => text
            .parse()
            .map(UnixSeconds)
            .ok()
            .or_else(|| time::parse(text).map(holdfast_domain::Timestamp::seconds))
            .ok_or_else(|| Failure::Usage("--now: neither RFC 3339 nor seconds since the epoch".to_owned()))?,
    };
    let token = read(args.lease.as_deref())?;
    let finding = keyring.map_or_else(refusal, |keyring| judge(&token, &keyring, args, now));
    output.result(&finding, || {
        let claims = finding.claims.as_ref().and_then(|claims| serde_json::to_string_pretty(claims).ok());
        let word = finding.verdict.or(finding.error).unwrap_or_default();
        format!("{word}\n{}", claims.unwrap_or_default())
    })?;
    match (finding.verdict, finding.error) {
        (Some("expired" | "not_yet_valid"), _) | (_, Some(_)) => {
            Err(Failure::Refused(finding.verdict.or(finding.error).unwrap_or_default().to_owned()))
        }
        _ => Ok(()),
    }
}

fn refusal(refusal: Refusal) -> Finding {
    Finding { error: Some(refusal.code()), ..Finding::default() }
}

/// The keys to verify with; the inner error is a refusal of the manifest itself.
fn keyring(args: &Args) -> Result<Result<Keyring, Refusal>, Failure> {
    if let Some(path) = &args.manifest {
        let roots = RootKeys::parse(&args.root_public_key)
            .map_err(|refusal| Failure::Usage(format!("--root-public-key: {}", refusal.code())))?;
        let manifest = read(Some(path))?;
        return Ok(verify_manifest(manifest.as_bytes(), &roots).map(|manifest| Keyring::from_manifest(&manifest)));
    }
    let keys = args
        .issuing_key
        .iter()
        .map(|text| {
            PublicKey::from_b64u(text).map(|key| ManifestKey::issuing(key, args.product.clone().unwrap_or_default()))
        })
        .collect::<Result<Vec<_>, Refusal>>()
        .map_err(|refusal| Failure::Usage(format!("--issuing-key: {}", refusal.code())))?;
    Ok(Keyring::load(&keys))
}

fn judge(token: &str, keyring: &Keyring, args: &Args, now: UnixSeconds) -> Finding {
    let expect = Expectations {
        product: args.product.as_deref(),
        license: args.license.as_deref(),
        device: args.device.as_deref(),
    };
    let purpose = peek_header(token.as_bytes()).ok().and_then(|header| Purpose::from_typ(&header.typ));
    match purpose {
        Some(Purpose::Denial) => verified::<Denial>(token, keyring, expect),
        Some(Purpose::Revocations) => verified::<RevocationList>(token, keyring, expect),
        _ => match verify::<Lease>(token.as_bytes(), keyring, expect) {
            Err(error) => refusal(error),
            Ok(lease) => Finding {
                verdict: Some(verdict_name(lease.verdict(now))),
                claims: serde_json::to_value(&lease).ok(),
                error: None,
            },
        },
    }
}

fn verified<D: Document + Serialize>(token: &str, keyring: &Keyring, expect: Expectations<'_>) -> Finding {
    match verify::<D>(token.as_bytes(), keyring, expect) {
        Ok(document) => {
            Finding { verdict: Some("verified"), claims: serde_json::to_value(&document).ok(), error: None }
        }
        Err(error) => refusal(error),
    }
}

const fn verdict_name(verdict: LeaseVerdict) -> &'static str {
    match verdict {
        LeaseVerdict::NotYetValid => "not_yet_valid",
        LeaseVerdict::Licensed => "licensed",
        LeaseVerdict::Trial => "trial",
        LeaseVerdict::Limited => "limited",
        LeaseVerdict::Grace => "grace",
        LeaseVerdict::Expired => "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Cli, keyring};
    use crate::cli::Command;
    use clap::Parser as _;
    use holdfast_lease::SigningKey;

    #[test]
    fn a_value_may_begin_with_a_hyphen() {
        let begins = |key: &String| key.starts_with('-');
        let key = (0..=u8::MAX).map(|n| SigningKey::from_seed(&[n; 32]).public_key().to_b64u()).find(begins).unwrap();
        let words = ["holdfast", "verify-lease", "--issuing-key", &key, "--device", "-device", "--now", "0"];
        let Command::VerifyLease(args) = Cli::parse_from(words).command else { panic!("another command") };
        assert_eq!((&args.issuing_key[..], args.device.as_deref()), (&[key.clone()][..], Some("-device")));
        assert!(keyring(&args).is_ok());
        let words = ["holdfast", "verify-lease", "--root-public-key", &key, "--manifest", "keys"];
        assert!(Cli::try_parse_from(words).is_ok());
    }
}
