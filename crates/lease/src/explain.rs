//! What a pasted document says: verified as an application verifies it, and judged by the decision that runs there.

use crate::{
    claims::{Denial, Document, KeyManifest, Lease, Purpose, RevocationList},
    client::{Event, Jitter, Reading, Setup, Standing, State, decide},
    jws,
    keyring::{Keyring, RootKeys},
    refusal::Refusal,
    verify::{Expectations, verify, verify_manifest},
};
use holdfast_domain::{Seconds, UnixSeconds};
use serde_json::Value;

/// What every document of ours begins with: `{"` in base64url.
const BEGINNING: &str = "eyJ";
/// How long a signature is in base64url.
const SIGNATURE: usize = 86;

/// The documents that were found in a text, nothing verified yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pasted {
    /// A lease, or what can be told to be nothing else.
    pub lease: Option<String>,
    /// A denial.
    pub denial: Option<String>,
    /// A key manifest.
    pub keys: Option<String>,
    /// A revocation list.
    pub revocations: Option<String>,
}

impl Pasted {
    /// The documents in `text`: bare ones, one after the other, those of an answer of the server in JSON, or those among other
    /// words, as in a mail. White space within one comes of mail programs and is left out. Of two of a kind the first counts.
    /// `None` where there is none.
    pub fn find(text: &str) -> Option<Self> {
        let mut found = Self::default();
        if let Ok(Value::Object(members)) = serde_json::from_str(text) {
            let members = ["lease", "denial", "keys"].map(|name| members.get(name).and_then(Value::as_str));
            members.into_iter().flatten().for_each(|token| found.take(token.to_owned()));
        }
        if found != Self::default() {
            return Some(found);
        }
        if text.trim_start().starts_with(BEGINNING) {
            let mut tokens: Vec<String> = Vec::new();
            for piece in text.split_whitespace() {
                match tokens.last_mut() {
                    Some(token) if !piece.starts_with(BEGINNING) => token.push_str(piece),
                    _ => tokens.push(piece.to_owned()),
                }
            }
            for token in tokens {
                found.take(token);
            }
        } else {
            for token in among_words(text) {
                found.take(token);
            }
        }
        (found != Self::default()).then_some(found)
    }

    fn take(&mut self, token: String) {
        let purpose = jws::peek_header(token.as_bytes()).ok().and_then(|header| Purpose::from_typ(&header.typ));
        let place = match purpose {
            Some(Purpose::Denial) => &mut self.denial,
            Some(Purpose::Keys) => &mut self.keys,
            Some(Purpose::Revocations) => &mut self.revocations,
            Some(Purpose::Lease) | None => &mut self.lease,
        };
        place.get_or_insert(token);
    }

    /// The name of the key that is said to have signed the lease, the denial or the list; `None` where that cannot be read.
    pub fn kid(&self) -> Option<String> {
        let token = self.lease.as_ref().or(self.denial.as_ref()).or(self.revocations.as_ref())?;
        Some(jws::peek_header(token.as_bytes()).ok()?.kid.into_owned())
    }
}

/// What looks like a document of ours in a text of other words. One that was wrapped goes on until its signature is whole.
fn among_words(text: &str) -> Vec<String> {
    let is_whole = |token: &str| token.split('.').nth(2).is_some_and(|signature| signature.len() >= SIGNATURE);
    let mut tokens: Vec<String> = Vec::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        match tokens.last_mut() {
            _ if word.starts_with(BEGINNING) => tokens.push(word.to_owned()),
            Some(token) if !is_whole(token) => token.push_str(word),
            _ => {}
        }
    }
    // A sentence may end with it.
    for token in &mut tokens {
        if token.matches('.').count() == 3 && token.ends_with('.') {
            token.pop();
        }
    }
    tokens
}

/// What verified documents say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explained {
    /// A lease, a denial, or both: how an application stands that has stored them and heard nothing else.
    Standing(Box<Standing>),
    /// A key manifest.
    Keys(Box<KeyManifest>),
    /// A revocation list.
    Revocations(Box<RevocationList>),
}

/// Explains `pasted` at the moment `at`, to somebody who trusts `roots` and knows the key manifest `keys`; one that was
/// pasted as well counts instead.
///
/// # Errors
/// The refusal of the first document that does not verify. A denial of another product, license or device than the lease
/// beside it is refused as the application refuses it.
pub fn explain(pasted: &Pasted, keys: &str, roots: &RootKeys, at: UnixSeconds) -> Result<Explained, Refusal> {
    let keys = pasted.keys.as_deref().unwrap_or(keys);
    let manifest = verify_manifest(keys.as_bytes(), roots)?;
    let keyring = Keyring::from_manifest(&manifest);
    if let Some(token) = &pasted.revocations {
        return read(token, &keyring, Expectations::NONE).map(|list| Explained::Revocations(Box::new(list)));
    }
    let lease: Option<Lease> =
        pasted.lease.as_ref().map(|token| read(token, &keyring, Expectations::NONE)).transpose()?;
    let expect = lease
        .as_ref()
        .map_or(Expectations::NONE, |lease| Expectations::product(&lease.aud).license(&lease.sub).device(&lease.dev));
    let denial: Option<Denial> = pasted.denial.as_ref().map(|token| read(token, &keyring, expect)).transpose()?;
    let own = lease.as_ref().map(|lease| (&lease.aud, &lease.dev));
    let Some((product, device)) = own.or(denial.as_ref().map(|denial| (&denial.aud, &denial.dev))) else {
        return Ok(Explained::Keys(Box::new(manifest)));
    };
    let state = State {
        manifest: Some(keys.to_owned()),
        lease: pasted.lease.clone(),
        denial: pasted.denial.clone(),
        ..State::default()
    };
    let setup = Setup { product, device, roots, endpoints: &[] };
    let reading = Reading { wall: at, elapsed: Seconds(0) };
    let decision = decide(setup, &state, reading, &Event::Launch, Jitter::default());
    Ok(Explained::Standing(Box::new(decision.standing)))
}

/// Verifies a document as one of the product that it says it is of.
fn read<D: Document>(token: &str, keyring: &Keyring, expect: Expectations<'_>) -> Result<D, Refusal> {
    let document: D = verify(token.as_bytes(), keyring, expect)?;
    match document.product() {
        Some(product) => verify(token.as_bytes(), keyring, Expectations { product: Some(product), ..expect }),
        None => Ok(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        DenialCode, Entitlements, KeyStatus, ManifestKey, Mode, SigningKey,
        claims::VERSION,
        client::{Coming, InvalidReason, Rule, Turn, Verdict},
        sign,
    };

    const IAT: i64 = 1_760_000_000;
    const DAY: i64 = 86_400;
    const PRODUCT: &str = "prd_1";

    fn at(days: i64) -> UnixSeconds {
        UnixSeconds(IAT + days * DAY)
    }

    fn issuing() -> SigningKey {
        SigningKey::from_seed(&[7; 32])
    }

    fn root() -> SigningKey {
        SigningKey::from_seed(&[8; 32])
    }

    fn keys(status: KeyStatus) -> String {
        let key = ManifestKey { status, ..ManifestKey::issuing(issuing().public_key(), PRODUCT) };
        let manifest =
            KeyManifest { v: VERSION, iss: "vnd_1".to_owned(), iat: at(0), seq: 1, endpoints: None, keys: vec![key] };
        sign(&manifest, &root()).unwrap()
    }

    fn lease() -> Lease {
        Lease {
            v: VERSION,
            iss: "vnd_1".to_owned(),
            aud: PRODUCT.to_owned(),
            sub: "lic_1".to_owned(),
            seat: "sea_1".to_owned(),
            jti: "lea_1".to_owned(),
            dev: "00".repeat(32),
            plan: "pro".to_owned(),
            mode: Mode::Licensed,
            ent: Entitlements::new(),
            fb: None,
            iat: at(0),
            nbf: at(0),
            ren: at(1),
            soft: at(14),
            exp: at(30),
            lic: Some(at(365)),
            seq: 1,
            dpk: None,
            cont: 0,
        }
    }

    fn denial(lease: &Lease) -> Denial {
        Denial {
            v: VERSION,
            iss: lease.iss.clone(),
            aud: lease.aud.clone(),
            sub: lease.sub.clone(),
            seat: Some(lease.seat.clone()),
            jti: "lea_2".to_owned(),
            dev: lease.dev.clone(),
            iat: at(2),
            eff: at(3),
            code: DenialCode::Revoked,
            nonce: "abc".to_owned(),
            seq: 2,
            help: None,
        }
    }

    fn signed<D: Document>(document: &D) -> String {
        sign(document, &issuing()).unwrap()
    }

    fn explained(text: &str, at: UnixSeconds) -> Result<Standing, Refusal> {
        let pasted = Pasted::find(text).unwrap();
        match explain(&pasted, &keys(KeyStatus::Active), &RootKeys::one(root().public_key()), at)? {
            Explained::Standing(standing) => Ok(*standing),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_lease_is_judged_by_its_rule_and_tells_what_comes() {
        let token = signed(&lease());
        let standing = explained(&token, at(2)).unwrap();
        assert_eq!((standing.verdict, standing.rule), (Verdict::Licensed, Rule::Lease));
        let coming = |turn, days, then| Coming { turn, at: at(days), then };
        let grace = Verdict::Grace { until: at(30) };
        assert_eq!(
            standing.outlook(),
            [
                coming(Turn::LeaseEnds, 14, grace),
                coming(Turn::GraceEnds, 30, Verdict::Expired),
                coming(Turn::LicenseEnds, 365, Verdict::Expired),
            ]
        );
        assert_eq!(explained(&token, at(0)).unwrap().outlook()[0], coming(Turn::RenewalDue, 1, Verdict::Licensed));
        for (days, rule) in [(-1, Rule::Early), (14, Rule::Lease), (15, Rule::Grace), (31, Rule::Ended)] {
            assert_eq!(explained(&token, at(days)).unwrap().rule, rule, "{days}");
        }
        assert_eq!(explained(&token, at(366)).unwrap().outlook(), []);
    }

    #[test]
    fn an_end_that_is_the_licenses_own_is_told_once() {
        let trial = Lease { mode: Mode::Trial, soft: at(14), exp: at(14), lic: Some(at(14)), ..lease() };
        let standing = explained(&signed(&trial), at(13)).unwrap();
        assert_eq!(standing.verdict, Verdict::Trial { days_left: 1 });
        assert_eq!(standing.outlook(), [Coming { turn: Turn::LicenseEnds, at: at(14), then: Verdict::Expired }]);
    }

    #[test]
    fn a_denial_beside_a_lease_applies_from_its_date_on() {
        let lease = lease();
        let both = format!("{}\n{}\n", signed(&lease), signed(&denial(&lease)));
        let standing = explained(&both, at(2)).unwrap();
        let revoked = Verdict::Invalid { reason: InvalidReason::Revoked };
        assert_eq!(standing.verdict, Verdict::Licensed);
        assert_eq!(standing.outlook(), [Coming { turn: Turn::DenialApplies, at: at(3), then: revoked }]);
        let standing = explained(&both, at(3)).unwrap();
        assert_eq!((standing.verdict, standing.rule, standing.outlook()), (revoked, Rule::Denied, Vec::new()));
        // Alone it says as much.
        assert_eq!(explained(&signed(&denial(&lease)), at(4)).unwrap().verdict, revoked);
        // One that is for somebody else is none.
        let other = Denial { dev: "11".repeat(32), ..denial(&lease) };
        let both = format!("{} {}", signed(&lease), signed(&other));
        assert_eq!(explained(&both, at(4)), Err(Refusal::Device));
    }

    #[test]
    fn documents_are_found_bare_wrapped_and_in_answers() {
        let token = signed(&lease());
        let bare = Pasted { lease: Some(token.clone()), ..Pasted::default() };
        let (first, rest) = token.split_at(76);
        for text in [token.clone(), format!("  {token}\n"), format!("{first}\r\n{rest}")] {
            assert_eq!(Pasted::find(&text), Some(bare.clone()));
        }
        let answer = format!(r#"{{"lease":"{token}","seat":{{"id":"sea_1"}},"keys":"{}"}}"#, keys(KeyStatus::Active));
        let found = Pasted::find(&answer).unwrap();
        assert_eq!((found.lease, found.keys.is_some()), (Some(token.clone()), true));
        // In a file under another name, and in a mail.
        for text in [
            format!(r#"{{"license": "{token}"}}"#),
            format!("Hello, it says {token}. Best regards"),
            format!("> Hello, it says \"{first}\r\n> {rest}\"\r\nBest regards"),
        ] {
            assert_eq!(Pasted::find(&text), Some(bare.clone()), "{text}");
        }
        for text in ["", "seat_limit_reached", "{}", r#"{"code":"busy"}"#, "ABCDE-FGHIJ", "a.b.c"] {
            assert_eq!(Pasted::find(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_verify_is_refused_by_its_own_name() {
        let token = signed(&lease());
        let foreign = sign(&lease(), &SigningKey::from_seed(&[9; 32])).unwrap();
        let other_product = signed(&Lease { aud: "prd_2".to_owned(), ..lease() });
        let cut = &token[..token.len() - 30];
        let cases = [
            (foreign.as_str(), Refusal::KidUnknown),
            (other_product.as_str(), Refusal::KeyUse),
            (cut, Refusal::SignatureLength),
            ("eyJhIjoxfQ", Refusal::Segments),
            ("eyJ!.a.b", Refusal::Base64),
        ];
        for (text, refusal) in cases {
            assert_eq!(explained(text, at(1)), Err(refusal), "{text}");
        }
        let pasted = Pasted::find(&token).unwrap();
        assert_eq!(pasted.kid(), Some(issuing().kid().to_string()));
        let roots = RootKeys::one(root().public_key());
        assert_eq!(explain(&pasted, &keys(KeyStatus::Revoked), &roots, at(1)), Err(Refusal::KeyUse));
    }

    #[test]
    fn manifests_and_lists_are_told_apart() {
        let roots = RootKeys::one(root().public_key());
        let told = |text: &str| explain(&Pasted::find(text).unwrap(), &keys(KeyStatus::Active), &roots, at(1));
        assert!(matches!(told(&keys(KeyStatus::Retiring)), Ok(Explained::Keys(keys)) if keys.seq == 1));
        let list = RevocationList {
            v: VERSION,
            iss: "vnd_1".to_owned(),
            aud: PRODUCT.to_owned(),
            iat: at(0),
            exp: at(7),
            seq: 5,
            licenses: Vec::new(),
            seats: Vec::new(),
        };
        assert!(matches!(told(&signed(&list)), Ok(Explained::Revocations(list)) if list.seq == 5));
        let stranger = RootKeys::one(SigningKey::from_seed(&[9; 32]).public_key());
        let pasted = Pasted::find(&keys(KeyStatus::Active)).unwrap();
        assert_eq!(explain(&pasted, "", &stranger, at(1)), Err(Refusal::KidUnknown));
    }
}
