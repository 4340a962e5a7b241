//! The shape of a JSON body, checked before it is read: UTF-8, no NUL, no deep nesting (HTTP API, "Limits and bad input").

use holdfast_service::{Error, ErrorCode};
use serde::de::DeserializeOwned;

/// How deeply a body may be nested.
const DEPTH: usize = 32;

fn invalid(detail: &str) -> Error {
    Error::new(ErrorCode::InvalidJson).with_detail(detail)
}

/// The text of `bytes`, if its shape is acceptable.
fn text(bytes: &[u8]) -> Result<&str, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("the body is not UTF-8"))?;
    let mut depth = 0usize;
    let mut quoted = false;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match (quoted, byte) {
            (_, 0) => return Err(invalid("the body contains a NUL character")),
            (true, b'\\') => {
                let escaped = rest.next();
                if escaped == Some(b'u') && rest.clone().take(4).eq(*b"0000") {
                    return Err(invalid("the body contains a NUL character"));
                }
            }
            (_, b'"') => quoted = !quoted,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > DEPTH {
                    return Err(invalid("the body is nested more than 32 levels deep"));
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(text)
}

/// Reads `bytes` as a `T`. What is wrong is named by its JSON pointer (RFC 6901), never repeated.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = text(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| explain(&error))?;
    deserializer.end().map_err(|_| invalid("something follows the end of the JSON value"))?;
    Ok(value)
}

fn explain(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    use serde_path_to_error::Segment;
    let inner = error.inner();
    if !inner.is_data() {
        return invalid("the body is not JSON");
    }
    let mut pointer: String = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            // One of several members, each with what belongs to it.
            Segment::Enum { variant } => Some(format!("/{variant}")),
            Segment::Unknown => None,
        })
        .collect();
    // serde's message ends with a place in the text, and names the value between "type" or "value" and "expected".
    let message = inner.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    let detail = if message.starts_with("missing field") {
        pointer = format!("{pointer}/{}", quoted());
        "this member is missing".to_owned()
    } else if message.starts_with("unknown field") {
        // The path ends with the unknown member already.
        "there is no such member".to_owned()
    } else if message.starts_with("duplicate field") {
        "this member is there twice".to_owned()
    } else if let Some((_, expected)) = message.rsplit_once("expected ") {
        format!("expected {expected}")
    } else {
        message.to_owned()
    };
    Error::invalid(pointer, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[allow(dead_code)]
        list: Vec<Inner>,
        #[allow(dead_code)]
        #[serde(rename = "a/b")]
        slashed: Option<bool>,
    }

    fn refusal(text: &str) -> (ErrorCode, String, String) {
        let error = read::<Outer>(text.as_bytes()).unwrap_err();
        let text = |text: Option<Box<str>>| text.map(String::from).unwrap_or_default();
        (error.code, text(error.pointer), text(error.detail))
    }

    #[test]
    fn a_wrong_member_is_named_by_its_pointer_and_not_repeated() {
        for (text, pointer, detail) in [
            (r#"{"list":[{"count":1},{"count":"secret"}]}"#, "/list/1/count", "expected u32"),
            (r#"{"list":[{"count":-1}]}"#, "/list/0/count", "expected u32"),
            (r#"{"list":[{}]}"#, "/list/0/count", "this member is missing"),
            (r"{}", "/list", "this member is missing"),
            (r#"{"list":[{"count":1,"x":2}]}"#, "/list/0/x", "there is no such member"),
            (r#"{"list":[],"a/b":"secret"}"#, "/a~1b", "expected a boolean"),
            (r#"{"list":[],"list":[]}"#, "", "this member is there twice"),
            (r"[1]", "", ""),
        ] {
            let (code, at, what) = refusal(text);
            assert_eq!(code, ErrorCode::InvalidRequest, "{text}");
            assert!(at.starts_with(pointer) && what.starts_with(detail), "{text}: {at} {what}");
            assert!(!what.contains("secret"), "{what}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_as_such() {
        let deep = format!("{{\"list\":[],\"x\":{}{}}}", "[".repeat(32), "]".repeat(32));
        let fits = format!("{{\"list\":[],\"x\":{}{}}}", "[".repeat(31), "]".repeat(31));
        assert!(read::<Outer>(fits.as_bytes()).is_ok());
        let brackets = format!("{{\"list\":[],\"x\":\"{}\"}}", "[".repeat(100));
        assert!(read::<Outer>(brackets.as_bytes()).is_ok(), "brackets within a text are no nesting");
        for text in
            ["", "{", "nope", r#"{"list":[]} {}"#, "{\"list\":[],\"x\":\"\0\"}", r#"{"list":[],"x":"\u0000"}"#, &deep]
        {
            assert_eq!(refusal(text).0, ErrorCode::InvalidJson, "{text}");
        }
        assert!(read::<Outer>(br#"{"list":[],"x":"\\u0000"}"#).is_ok(), "an escaped backslash is no escape");
        assert_eq!(read::<Outer>(b"{\"list\":[\"\xff\"]}").unwrap_err().code, ErrorCode::InvalidJson);
    }
}
