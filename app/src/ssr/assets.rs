//! The files of the browser bundle: embedded in a release build, read from `target/site` in a debug build.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_service::bundles::{BundleFile, release};
use rust_embed::RustEmbed;

use super::others::{Found, Others};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../target/site"]
#[allow_missing = true]
struct Site;

type Manifest = BTreeMap<String, String>;

static EMBEDDED: LazyLock<Manifest> = LazyLock::new(read_manifest);

fn read_manifest() -> Manifest {
    Site::get("manifest.json").and_then(|file| serde_json::from_slice(&file.data).ok()).unwrap_or_default()
}

/// The names of the bundle's files, by logical name.
fn manifest() -> Cow<'static, Manifest> {
    // A debug server reads from disk, so that it serves what was built last.
    if cfg!(debug_assertions) { Cow::Owned(read_manifest()) } else { Cow::Borrowed(&*EMBEDDED) }
}

/// Where a file of the bundle is served, by logical name such as `holdfast.css`.
///
/// A name that the bundle does not have gives an address that answers 404.
pub fn url(name: &str) -> String {
    let manifest = manifest();
    format!("/assets/{}", manifest.get(name).map_or(name, String::as_str))
}

/// Whether there is a bundle at all; a server without one cannot show pages as they are meant.
pub fn present() -> bool {
    manifest().contains_key("holdfast.wasm")
}

/// A content coding and the ending of files that are packed so, the smallest first.
const PACKED: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

/// The release that this bundle makes, and its files as other nodes need them: packed, or as they are where packing gains
/// nothing.
pub fn own(version: &str) -> (String, Vec<BundleFile>) {
    let manifest_file = Site::get("manifest.json").map(|file| file.data).unwrap_or_default();
    let release = release(version, &manifest_file);
    let mut files = Vec::new();
    for name in manifest().values() {
        let file = |coding: &str, data: Cow<'static, [u8]>| BundleFile {
            release: release.clone(),
            name: name.clone(),
            coding: coding.to_owned(),
            content_type: content_type(name).to_owned(),
            body: data.into_owned(),
        };
        let packed = PACKED.iter().filter_map(|(coding, ending)| {
            Site::get(&format!("assets/{name}.{ending}")).map(|found| file(coding, found.data))
        });
        let before = files.len();
        files.extend(packed);
        if files.len() == before {
            files.extend(Site::get(&format!("assets/{name}")).map(|found| file("identity", found.data)));
        }
    }
    (release, files)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("wasm") => "application/wasm",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Whether the client takes this content coding.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            parts.next() == Some(coding) && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    })
}

/// Whether a file of a bundle could have that name. No path, nothing hidden, nothing that has to be escaped.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=120).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
}

fn refusal(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// `GET /assets/{file}`: a file of this bundle or of another release's, in the smallest form the client takes.
///
/// Its name carries its hash, so what was found may be kept for ever; what was not found may not be kept at all.
pub async fn serve(others: &Others, name: &str, headers: &HeaderMap) -> Response {
    let not_found = || refusal(StatusCode::NOT_FOUND, "not found");
    if !is_name(name) {
        return not_found();
    }
    let accepted = || PACKED.iter().filter(|(coding, _)| accepts(headers, coding));
    let path = format!("assets/{name}");
    let packed =
        accepted().find_map(|(coding, ending)| Site::get(&format!("{path}.{ending}")).map(|file| (file.data, *coding)));
    if let Some((data, coding)) = packed.or_else(|| Site::get(&path).map(|file| (file.data, "identity"))) {
        let body = match data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        return found(body, content_type(name), coding);
    }
    let codings: Vec<&'static str> = accepted().map(|(coding, _)| *coding).chain(["identity"]).collect();
    match others.find(name, &codings).await {
        Found::File(file) => found(file.body.clone(), &file.content_type, file.coding),
        Found::Nothing => not_found(),
        Found::OtherForms => refusal(StatusCode::NOT_ACCEPTABLE, "packed only"),
        Found::Unknown => {
            let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, "ask again");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    }
}

fn found(body: Bytes, content_type: &str, coding: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    let out = response.headers_mut();
    let content_type = HeaderValue::from_str(content_type);
    out.insert(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if coding != "identity" {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        assert!(is_name("holdfast.0123456789abcdef.wasm"));
        for name in
            ["", ".", "..", ".env", "../manifest.json", "a/b", "a\\b", "a%2fb", "a b", "ü.css", &"a".repeat(121)]
        {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn every_file_of_the_bundle_is_shared() {
        let (release, files) = own("1.0.0");
        for name in manifest().values() {
            assert!(files.iter().any(|file| file.name == *name && file.release == release), "{name}");
        }
    }
}
