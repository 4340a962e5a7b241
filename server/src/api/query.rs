//! The query of a management call: readable, and made of parameters that the call has. A filter that is misspelt must not
//! silently list everything.

use super::{description, problem::Problem};
use axum::{extract::MatchedPath, http::request::Parts};
use holdfast_service::{Error, ErrorCode};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// The parameters of each management call, by method and pattern of the path, as the description has them.
static KNOWN: LazyLock<BTreeMap<(String, String), BTreeSet<String>>> = LazyLock::new(|| {
    let api = serde_json::to_value(description()).unwrap_or_default();
    let mut known = BTreeMap::new();
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if operation.get("security").is_none() {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let names = parameters
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                .collect();
            known.insert((method.to_uppercase(), path.clone()), names);
        }
    }
    known
});

/// `text` of a query without its percent encoding.
pub fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = &tail[2..];
            }
            (b'+', ..) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// The pointer to a parameter, where its name can be repeated without harm.
pub fn pointer(name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { format!("/{name}") } else { String::new() }
}

/// `Ok` where the query of a management call is UTF-8 without NUL and names only parameters that the call has.
pub fn check(parts: &Parts) -> Result<(), Problem> {
    let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) else { return Ok(()) };
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = if parts.method == "HEAD" { "GET" } else { parts.method.as_str() };
    let known = KNOWN.get(&(method.to_owned(), route.to_owned()));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = readable(name, "")?;
        readable(value, &pointer(&name))?;
        if let Some(known) = known
            && !known.contains(&name)
        {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let detail = format!("there is no such parameter; this call has: {known}");
            return Err(Problem(Error::invalid(pointer(&name), detail)));
        }
    }
    Ok(())
}

fn readable(text: &str, pointer: &str) -> Result<String, Problem> {
    let text = String::from_utf8(decode(text)).ok().filter(|text| !text.contains('\0'));
    let refused =
        || Error::new(ErrorCode::InvalidRequest).with_pointer(pointer).with_detail("not UTF-8, or with a NUL");
    text.ok_or_else(|| Problem(refused()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else() {
        assert_eq!(decode("a+b%2Bc%zz%4"), b"a b+c%zz%4");
        assert!(readable("%ff", "").is_err() && readable("a%00", "").is_err());
        assert_eq!(readable("%C3%BC", "").unwrap(), "ü");
    }

    #[test]
    fn the_parameters_of_every_call_are_known() {
        let of = |path: &str| &KNOWN[&("GET".to_owned(), path.to_owned())];
        assert!(of("/v1/licenses").contains("state") && of("/v1/licenses").contains("after"));
        assert!(of("/v1/licenses/{id}").is_empty());
        assert!(
            !KNOWN.keys().any(|(_, path)| path.starts_with("/v1/products/{product}/")),
            "applications may be newer"
        );
    }
}
