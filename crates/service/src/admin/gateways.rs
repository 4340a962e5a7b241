//! Gateways: which other systems' clients a product answers, with what, and what they are signed for with.

use super::act::job;
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    runtime::gateway::{self, GatewaySettings},
    vault::Purpose,
};
use base64::prelude::*;
use holdfast_domain::{Code, GatewayKind, Permission, ProductId, Timestamp, entropy::random_bytes};
use holdfast_lease::SigningKey;
use holdfast_store::{
    Querier, Scope, WriteOptions,
    changes::ChangeKind,
    gateways::{self, GatewayRow},
    plans, products,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeSet, fmt};
use zeroize::Zeroizing;

/// How long what another system calls something may be, and how long an address.
const TEXT: usize = 128;
const ADDRESS: usize = 300;
/// The greatest number of days of a trial.
const TRIAL_DAYS: u32 = 3_650;
/// What every Ed25519 key in PKCS#8 begins with; its seed follows (RFC 8410).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A gateway of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayView {
    /// Whose clients it answers.
    pub kind: GatewayKind,
    /// Whether it does.
    pub on: bool,
    /// What they are answered with.
    pub settings: GatewaySettings,
    /// What its signing key is called; absent where it has none.
    pub kid: Option<String>,
    /// The raw public key.
    pub public_key: Option<[u8; 32]>,
    /// When it was last changed; absent where it never was on.
    pub updated_at: Option<Timestamp>,
}

impl GatewayView {
    /// The public key as systems write theirs: in base64.
    pub fn public_key_text(&self) -> Option<String> {
        self.public_key.map(|key| BASE64_STANDARD.encode(key))
    }
}

/// Switches a gateway on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetGateway {
    /// Whether it is to answer.
    pub on: bool,
    /// What its clients are answered with.
    #[serde(default)]
    pub settings: GatewaySettings,
}

/// Gives a gateway a key.
#[derive(Clone, Default, Deserialize)]
pub struct SetGatewayKey {
    /// What it is called; made from the key where absent.
    pub kid: Option<String>,
    /// Whether a key is to be replaced with which answers are being signed: applications that know it alone then take none.
    #[serde(default)]
    pub replace: bool,
    /// The private key that applications know already: a seed of 32 bytes, or it and the public key, in hex or base64, or
    /// PKCS#8; a new one is made where absent.
    pub key: Option<String>,
}

impl fmt::Debug for SetGatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetGatewayKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// Whether what the clients of a system get is signed.
const fn is_signed(kind: GatewayKind) -> bool {
    match kind {
        GatewayKind::Keylight | GatewayKind::Keygen => true,
        GatewayKind::LemonSqueezy => false,
    }
}

fn show(kind: GatewayKind, row: Option<&GatewayRow>) -> Result<GatewayView> {
    Ok(GatewayView {
        kind,
        on: row.is_some_and(GatewayRow::is_on),
        settings: match row {
            Some(row) => serde_json::from_str(&row.settings).map_err(Error::internal)?,
            None => GatewaySettings::default(),
        },
        kid: row.and_then(|row| row.kid.clone()),
        public_key: row.and_then(|row| row.public_key),
        updated_at: row.map(|row| row.updated_at),
    })
}

/// What an event says of a gateway; never its key.
fn told(view: &GatewayView) -> serde_json::Value {
    let s = &view.settings;
    json!({
        "gateway": view.kind, "on": view.on, "account": s.account, "product": s.product, "plans": s.plans,
        "address": s.address, "trial_days": s.trial_days, "free_tier": s.free_tier,
    })
}

/// What somebody typed, tidied; nothing left is nothing.
fn tidy(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The settings as they are kept, or what is wrong with them.
fn checked(kind: GatewayKind, on: bool, settings: GatewaySettings, codes: &BTreeSet<Code>) -> Result<GatewaySettings> {
    let GatewaySettings { account, product, plans, address, trial_days, free_tier } = settings;
    let (account, product) = (tidy(account), tidy(product));
    let is_number = |text: &str| text.parse::<u64>().is_ok_and(|number| number > 0);
    let name = |pointer: &str, text: &Option<String>| {
        let Some(text) = text else { return Ok(()) };
        let numbered = kind == GatewayKind::LemonSqueezy;
        // It stands in addresses, and between bars in what is signed.
        let fits =
            text.len() <= TEXT && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if numbered && !is_number(text) {
            Err(Error::invalid(pointer, "Lemon Squeezy's ids are whole numbers."))
        } else if fits {
            Ok(())
        } else {
            Err(Error::invalid(pointer, format_args!("At most {TEXT} letters, digits, dashes, dots and underscores.")))
        }
    };
    name("/settings/account", &account)?;
    name("/settings/product", &product)?;
    let mut named = std::collections::BTreeMap::new();
    for (code, theirs) in plans {
        let Some(theirs) = tidy(Some(theirs)) else { continue };
        let pointer = format!("/settings/plans/{code}");
        if !codes.contains(&code) {
            return Err(Error::invalid(pointer, "The product has no plan of this code."));
        }
        name(&pointer, &Some(theirs.clone()))?;
        named.insert(code, theirs);
    }
    // What Keylight's clients verify names both.
    if kind == GatewayKind::Keylight && on {
        for (pointer, text) in [("/settings/account", &account), ("/settings/product", &product)] {
            if text.is_none() {
                return Err(Error::invalid(pointer, "Keylight's clients have it in their configuration."));
            }
        }
    }
    let address = tidy(address).map(|address| address.trim_end_matches('/').to_owned());
    if let Some(address) = &address {
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        let host = host.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let fits = address.len() <= ADDRESS && address.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !fits || address.contains(['?', '#', '@']) {
            return Err(Error::invalid("/settings/address", "An address that begins with https:// or http://."));
        }
    }
    if trial_days.is_some_and(|days| days > TRIAL_DAYS) {
        return Err(Error::invalid("/settings/trial_days", format_args!("At most {TRIAL_DAYS} days.")));
    }
    let is_keylight = kind == GatewayKind::Keylight;
    Ok(GatewaySettings {
        account,
        product,
        plans: named,
        address: address.filter(|_| kind == GatewayKind::Keygen),
        trial_days: trial_days.filter(|_| is_keylight),
        free_tier: free_tier.filter(|_| is_keylight),
    })
}

/// The seed in a private key as systems hand it out.
fn seed(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    // A field of one line has PEM's lines in one.
    let parts = text.split("-----").filter(|part| !part.starts_with("BEGIN ") && !part.starts_with("END "));
    let plain: Zeroizing<String> = Zeroizing::new(parts.flat_map(str::split_whitespace).collect());
    let hex = || {
        let digits = plain.len().is_multiple_of(2) && plain.bytes().all(|byte| byte.is_ascii_hexdigit());
        let pairs = plain.as_bytes().chunks_exact(2);
        let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        digits.then(|| pairs.map(byte).collect::<Option<Vec<u8>>>()).flatten()
    };
    let url = plain.replace('-', "+").replace('_', "/");
    let bytes = hex().or_else(|| BASE64_STANDARD_NO_PAD.decode(url.trim_end_matches('=')).ok()).map(Zeroizing::new)?;
    let seed = match bytes.len() {
        32 => bytes.as_slice(),
        // The public key behind it must be the seed's, or the secret would leak.
        64 => {
            let (seed, public) = bytes.split_at(32);
            let key = SigningKey::from_seed(seed.try_into().ok()?);
            (key.public_key().to_bytes() == public).then_some(seed)?
        }
        48 => bytes.strip_prefix(&PKCS8)?,
        _ => return None,
    };
    seed.try_into().ok().map(Zeroizing::new)
}

async fn row_of(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    kind: GatewayKind,
) -> Result<Option<GatewayRow>> {
    products::get(q, scope, product).await?.ok_or_else(absent)?;
    Ok(gateways::of_product(q, scope, product).await?.into_iter().find(|row| row.kind == kind))
}

impl Service {
    /// The gateways that a product can have.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown product and another vendor's alike.
    pub async fn gateways(&self, actor: &Actor, product: ProductId) -> Result<Vec<GatewayView>> {
        actor.require(Permission::CatalogRead)?;
        let mut reader = self.store().patient_reader();
        products::get(&mut reader, actor.scope(), product).await?.ok_or_else(absent)?;
        let rows = gateways::of_product(&mut reader, actor.scope(), product).await?;
        GatewayKind::ALL.iter().map(|kind| show(*kind, rows.iter().find(|row| row.kind == *kind))).collect()
    }

    /// Switches a gateway on or off, and sets what its clients are answered with. Where they get something signed, the first
    /// time makes a key.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InvalidRequest`]; [`ErrorCode::Sealed`].
    pub async fn set_gateway(
        &self,
        call: &Call,
        product: ProductId,
        kind: GatewayKind,
        input: SetGateway,
    ) -> Result<GatewayView> {
        call.actor.require(Permission::CatalogWrite)?;
        let act = self.act(call);
        let codes = plans::codes(&mut self.store().patient_reader(), act.scope, product).await?;
        let settings = checked(kind, input.on, input.settings, &codes)?;
        let text = serde_json::to_string(&settings).map_err(Error::internal)?;
        let on = input.on;
        let changed = self.commit(
            call,
            WriteOptions::default(),
            job!(act, text => |tx| {
                let before = row_of(tx, act.scope, product, kind).await?;
                if before.is_none() && !on {
                    return show(kind, None);
                }
                let mut row = before.clone().unwrap_or_else(|| new_row(&act.scope, product, kind, act.now));
                row.settings = text;
                row.switched_off_at = if on { None } else { row.switched_off_at.or(Some(act.now)) };
                row.updated_at = act.now;
                if is_signed(kind) && row.seed_sealed.is_none() {
                    act.service.seal_key(&mut row, &Zeroizing::new(random_bytes(act.service.entropy())), None)?;
                }
                gateways::put(tx, act.scope, &row).await?;
                let (before, after) = (show(kind, before.as_ref())?, show(kind, Some(&row))?);
                let data = json!({ "before": told(&before), "after": told(&after) });
                act.event(tx, "gateway.changed", product, data);
                act.changed(tx, ChangeKind::Product, Some(product), product.to_bytes());
                Ok(after)
            }),
        );
        changed.await
    }

    /// Gives a gateway another key: one that applications know already, best before it is switched on, or a new one. Needs
    /// [`Permission::KeysWrite`], and of a person a sign-in within 10 minutes.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InvalidRequest`] for what is no key, where the system signs nothing, and for a key
    /// of a gateway that is on where it was not said that it is to be replaced; [`ErrorCode::Sealed`].
    pub async fn set_gateway_key(
        &self,
        call: &Call,
        product: ProductId,
        kind: GatewayKind,
        input: SetGatewayKey,
    ) -> Result<GatewayView> {
        call.actor.require(Permission::KeysWrite)?;
        call.actor.require_fresh(self.now())?;
        if !is_signed(kind) {
            return Err(Error::invalid("/kind", format_args!("{} signs nothing.", kind.name())));
        }
        let named = tidy(input.kid);
        // A bar would make another payload of what is signed.
        let fits = |kid: &str| kid.len() <= TEXT && kid.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'|');
        if named.as_deref().is_some_and(|kid| !fits(kid)) {
            return Err(Error::invalid(
                "/kid",
                format_args!("At most {TEXT} printable characters, without spaces and bars."),
            ));
        }
        let key = Zeroizing::new(tidy(input.key));
        let seed = match key.as_ref() {
            None => Zeroizing::new(random_bytes(self.entropy())),
            Some(text) => seed(text).ok_or_else(|| {
                Error::invalid("/key", "An Ed25519 private key: 32 bytes in hex or base64, or PKCS#8 (PEM).")
            })?,
        };
        let replace = input.replace;
        let act = self.act(call);
        let mut draft = new_row(&act.scope, product, kind, act.now);
        self.seal_key(&mut draft, &seed, named)?;
        let changed = self.commit(
            call,
            WriteOptions::default(),
            job!(act, draft => |tx| {
                let never = || GatewayRow { switched_off_at: Some(act.now), ..new_row(&act.scope, product, kind, act.now) };
                let before = row_of(tx, act.scope, product, kind).await?.unwrap_or_else(never);
                if before.is_on() && before.seed_sealed.is_some() && !replace {
                    return Err(Error::invalid("/replace", "Answers are being signed with the key that would be lost."));
                }
                let GatewayRow { kid, public_key, seed_sealed, .. } = draft;
                let row = GatewayRow { kid, public_key, seed_sealed, updated_at: act.now, ..before.clone() };
                gateways::put(tx, act.scope, &row).await?;
                let key = |row: &GatewayRow| {
                    json!({ "kid": row.kid, "public_key": row.public_key.map(|key| BASE64_STANDARD.encode(key)) })
                };
                let data = json!({ "gateway": kind, "before": key(&before), "after": key(&row) });
                act.event(tx, "gateway.key_replaced", product, data);
                act.changed(tx, ChangeKind::Product, Some(product), product.to_bytes());
                show(kind, Some(&row))
            }),
        );
        changed.await
    }

    /// Puts a key into a gateway's row, its seed sealed.
    fn seal_key(&self, row: &mut GatewayRow, seed: &[u8; 32], kid: Option<String>) -> Result<()> {
        let public = SigningKey::from_seed(seed).public_key();
        let identity = gateway::sealing_row(row.product, row.kind);
        row.seed_sealed = Some(self.vault()?.seal(Purpose::GatewaySeed, &identity, seed, self.entropy())?);
        row.kid = Some(kid.unwrap_or_else(|| public.kid().to_string()));
        row.public_key = Some(public.to_bytes());
        Ok(())
    }
}

fn new_row(scope: &Scope, product: ProductId, kind: GatewayKind, now: Timestamp) -> GatewayRow {
    GatewayRow {
        product,
        kind,
        vendor: scope.vendor(),
        switched_off_at: None,
        settings: "{}".to_owned(),
        kid: None,
        public_key: None,
        seed_sealed: None,
        created_at: now,
        updated_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_are_read_as_systems_hand_them_out() {
        let raw = [7u8; 32];
        let public = SigningKey::from_seed(&raw).public_key().to_bytes();
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let both = [raw.as_slice(), &public].concat();
        let pkcs8 = BASE64_STANDARD.encode([PKCS8.as_slice(), &raw].concat());
        for text in [
            hex(&raw),
            format!("  {}\n", hex(&raw).to_uppercase()),
            BASE64_STANDARD.encode(raw),
            BASE64_URL_SAFE_NO_PAD.encode(raw),
            hex(&both),
            BASE64_STANDARD.encode(&both),
            format!("-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n"),
            format!("-----BEGIN PRIVATE KEY-----{pkcs8}-----END PRIVATE KEY-----"),
        ] {
            assert_eq!(seed(&text).as_deref(), Some(&raw), "{text}");
        }
        let torn = [raw.as_slice(), &[9; 32]].concat();
        for text in [String::new(), "nonsense".to_owned(), hex(&raw[..31]), hex(&torn), BASE64_STANDARD.encode([1; 48])]
        {
            assert_eq!(seed(&text), None, "{text}");
        }
    }

    #[test]
    fn settings_are_checked_for_the_system_they_are_for() {
        use GatewayKind as G;
        let codes = BTreeSet::from(["pro".parse().unwrap()]);
        let named = |account: &str, product: &str| GatewaySettings {
            account: Some(account.to_owned()),
            product: Some(product.to_owned()),
            ..GatewaySettings::default()
        };
        let pointer = |kind, settings| checked(kind, true, settings, &codes).unwrap_err().pointer.unwrap().to_string();
        assert_eq!(pointer(G::Keylight, GatewaySettings::default()), "/settings/account");
        assert_eq!(pointer(G::Keylight, named("acme", "a/b")), "/settings/product");
        assert_eq!(pointer(G::Keylight, named("ac|me", "a")), "/settings/account");
        assert_eq!(pointer(G::LemonSqueezy, named("12", "editor")), "/settings/product");
        let plans = |code: &str, theirs: &str| GatewaySettings {
            plans: [(code.parse().unwrap(), theirs.to_owned())].into(),
            ..GatewaySettings::default()
        };
        assert_eq!(pointer(G::Keygen, plans("none", "x")), "/settings/plans/none");
        assert_eq!(pointer(G::LemonSqueezy, plans("pro", "x")), "/settings/plans/pro");
        for address in ["acme.example", "https://", "https://a.example/?x", "ftp://a.example"] {
            let settings = GatewaySettings { address: Some(address.to_owned()), ..GatewaySettings::default() };
            assert_eq!(pointer(G::Keygen, settings), "/settings/address", "{address}");
        }
        let settings = GatewaySettings {
            address: Some(" https://a.example/api/ ".to_owned()),
            trial_days: Some(5),
            ..named(" 7 ", "8")
        };
        let kept = checked(G::LemonSqueezy, true, settings, &codes).unwrap();
        assert_eq!(kept, named("7", "8"), "its answers are not signed for an address, and it knows no trial");
        let settings =
            GatewaySettings { address: Some(" https://a.example/api/ ".to_owned()), ..GatewaySettings::default() };
        let kept = checked(G::Keygen, true, settings, &codes).unwrap();
        assert_eq!(kept.address.as_deref(), Some("https://a.example/api"));
        assert!(checked(G::Keylight, false, GatewaySettings::default(), &codes).is_ok(), "off, it needs nothing");
    }
}
