//! The files of the browser bundle: embedded in a release build, read from `target/site` in a debug build.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use axum::{
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

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

/// `GET /assets/{file}`: a file of the bundle, in the smallest form the client takes.
///
/// Its name carries its hash, so what was found may be kept for ever; what was not found may not be kept at all.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("assets/{name}");
    let forms = [("br", "br"), ("gzip", "gz")];
    let packed = forms.iter().filter(|(coding, _)| accepts(&headers, coding)).find_map(|(coding, suffix)| {
        Site::get(&format!("{path}.{suffix}")).map(|file| (file, Some(HeaderValue::from_static(coding))))
    });
    let Some((file, coding)) = packed.or_else(|| Site::get(&path).map(|file| (file, None))) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "not found").into_response();
    };
    let body = match file.data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    let mut response = Response::new(body);
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&name)));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(coding) = coding {
        out.insert(header::CONTENT_ENCODING, coding);
    }
    response
}
