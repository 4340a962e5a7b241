//! Pages for people who write programs: the API and its error codes, rendered here, loading nothing from elsewhere.

use super::{description, openapi};
use crate::AppState;
use axum::{
    Router,
    http::{HeaderValue, header},
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use holdfast_service::ErrorCode;
use serde_json::Value;
use std::{fmt::Write as _, sync::LazyLock};

static JSON: LazyLock<String> = LazyLock::new(|| openapi::json(&description()));
static API_PAGE: LazyLock<String> = LazyLock::new(|| api_page(&serde_json::from_str(&JSON).unwrap_or_default()));
static ERRORS_PAGE: LazyLock<String> = LazyLock::new(errors_page);
static HELP_PAGE: LazyLock<String> = LazyLock::new(help_page);

/// One style, named in the policy by nothing: it is a file of its own, so that the policy allows no inline style at all.
const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:0 auto;max-width:64rem;\
padding:1rem}code,pre{font:14px/1.45 ui-monospace,monospace}pre{overflow:auto;padding:.75rem;border:1px solid;\
border-radius:.4rem}h2{margin-top:2.5rem}h3{margin-top:2rem;overflow-wrap:anywhere}table{border-collapse:collapse;\
width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8886}\
.method{display:inline-block;min-width:4.5em;font-weight:700}a{color:inherit}\n";

/// The routes.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/v1/openapi.json", get(json))
        .route("/docs/api", get(|| async { page(&API_PAGE) }))
        .route("/docs/errors", get(|| async { page(&ERRORS_PAGE) }))
        .route("/help", get(|| async { page(&HELP_PAGE) }))
        .route("/docs/style.css", get(style))
}

async fn json() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHED)], JSON.as_str()).into_response()
}

async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHED)], STYLE).into_response()
}

const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

fn page(text: &'static str) -> Response {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    (
        [
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CACHE_CONTROL, CACHED),
        ],
        Html(text),
    )
        .into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `text` with `code` between backquotes.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = escape(part);
        let _ = if at % 2 == 1 { write!(html, "<code>{part}</code>") } else { write!(html, "{part}") };
    }
    html
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · Holdfast</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    )
}

fn errors_page() -> String {
    let mut body = String::from(
        "<p>Every refusal and failure is a problem document (RFC 9457) with one of these codes. Codes never change.</p>\n",
    );
    for code in ErrorCode::ALL {
        let name = code.as_str();
        let retry = if code.retryable() { "The same request may succeed later." } else { "" };
        let _ = writeln!(
            body,
            "<h3 id=\"{name}\"><code>{name}</code> · {}</h3><p><strong>{}.</strong> {} <em>{}</em> {retry}</p>",
            code.status(),
            prose(code.title()),
            prose(code.cause()),
            prose(code.cure()),
        );
    }
    document("Errors", &body)
}

/// Where a denial sends people whose vendor has named no page of its own (`--help-url`).
fn help_page() -> String {
    let reasons = [
        ("Withdrawn", "The license was taken back, for example after a refund. Ask the company you bought from."),
        ("Paused", "The license is suspended and may come back. Ask the company you bought from."),
        ("Run out", "The time you bought has ended. Renew the license; your files are untouched."),
        (
            "Given up",
            "This device's place was freed, here or from another device. Activate again with your license key.",
        ),
        (
            "Another device",
            "What the application has stored belongs to another device. Activate this one with your key.",
        ),
    ];
    let mut body = String::from(
        "<p>An application sent you here because its license does not hold on this device at the moment. It named one of \
         these reasons.</p>\n",
    );
    for (word, what) in reasons {
        let _ = writeln!(body, "<h3>{word}</h3><p>{what}</p>");
    }
    body.push_str("<p>Nothing on your device was changed or deleted.</p>\n");
    document("License help", &body)
}

/// How a schema is called in a table: the name of a component as a link, or its type.
fn schema_name(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for combined in ["oneOf", "anyOf", "allOf"] {
        if let Some(options) = schema[combined].as_array() {
            let names: Vec<String> = options.iter().map(schema_name).collect();
            return names.join(" or ");
        }
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", schema_name(items));
    }
    if let Some(values) = schema["enum"].as_array() {
        let names: Vec<String> =
            values.iter().filter_map(Value::as_str).map(|name| format!("<code>{}</code>", escape(name))).collect();
        return names.join(", ");
    }
    match &schema["type"] {
        Value::String(name) => escape(name),
        Value::Array(names) => escape(&names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")),
        _ => "any".to_owned(),
    }
}

fn media(content: &Value) -> String {
    let first = content.as_object().and_then(|kinds| kinds.iter().next());
    first
        .map(|(kind, media)| format!("{} <code>{}</code>", schema_name(&media["schema"]), escape(kind)))
        .unwrap_or_default()
}

fn operation(html: &mut String, method: &str, path: &str, operation: &Value) {
    let text = |name: &str| operation[name].as_str().unwrap_or_default();
    let _ = writeln!(
        html,
        "<h3 id=\"{}\"><span class=\"method\">{}</span> <code>{}</code></h3><p><strong>{}.</strong> {}</p>",
        escape(text("operationId")),
        method.to_uppercase(),
        escape(path),
        prose(text("summary")),
        prose(text("description")),
    );
    let rows = operation["parameters"].as_array().into_iter().flatten();
    let mut table = String::new();
    for parameter in rows {
        let _ = writeln!(
            table,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(parameter["name"].as_str().unwrap_or_default()),
            escape(parameter["in"].as_str().unwrap_or_default()),
            schema_name(&parameter["schema"]),
            prose(parameter["description"].as_str().unwrap_or_default()),
        );
    }
    if !table.is_empty() {
        let _ = writeln!(
            html,
            "<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr></thead><tbody>{table}</tbody></table>"
        );
    }
    if let Some(body) = operation.get("requestBody") {
        let _ = writeln!(html, "<p>Body: {}</p>", media(&body["content"]));
    }
    let mut table = String::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let _ = writeln!(
            table,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(status),
            prose(response["description"].as_str().unwrap_or_default()),
            media(&response["content"]),
        );
    }
    let _ = writeln!(
        html,
        "<table><thead><tr><th>Answer</th><th></th><th>Body</th></tr></thead><tbody>{table}</tbody></table>"
    );
}

fn api_page(api: &Value) -> String {
    let mut body = format!(
        "<p>{}</p><p>The same as a machine reads it: <a href=\"/v1/openapi.json\">/v1/openapi.json</a>. \
         What can go wrong: <a href=\"/docs/errors\">error codes</a>.</p>\n",
        prose(api["info"]["description"].as_str().unwrap_or_default())
    );
    for tag in api["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default();
        let mut section = String::new();
        for (path, methods) in api["paths"].as_object().into_iter().flatten() {
            for (method, about) in methods.as_object().into_iter().flatten() {
                if about["tags"][0].as_str() == Some(name) {
                    operation(&mut section, method, path, about);
                }
            }
        }
        if !section.is_empty() {
            let about = prose(tag["description"].as_str().unwrap_or_default());
            let _ = writeln!(body, "<h2>{}</h2><p>{about}</p>{section}", escape(name));
        }
    }
    body.push_str("<h2>Bodies</h2>\n");
    for (name, schema) in api["components"]["schemas"].as_object().into_iter().flatten() {
        let about = prose(schema["description"].as_str().unwrap_or_default());
        let _ = writeln!(body, "<h3 id=\"schema-{0}\"><code>{0}</code></h3><p>{about}</p>", escape(name));
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut table = String::new();
        for (member, about) in schema["properties"].as_object().into_iter().flatten() {
            let _ = writeln!(
                table,
                "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
                escape(member),
                if required.contains(&member.as_str()) { "" } else { " (optional)" },
                schema_name(about),
                prose(about["description"].as_str().unwrap_or_default()),
            );
        }
        if table.is_empty() {
            let _ = writeln!(body, "<p>{}</p>", schema_name(schema));
        } else {
            let _ = writeln!(
                body,
                "<table><thead><tr><th>Member</th><th>Type</th><th></th></tr></thead><tbody>{table}</tbody></table>"
            );
        }
    }
    document("API", &body)
}

/// The error codes as the file `docs/errors.md` has them.
pub fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors\n\nEvery refusal and failure is a problem document (RFC 9457, `application/problem+json`) with a stable \
         `code` from this table, a `title`, the `status`, whether it is `retryable` without any change, and the \
         `request_id` to quote. A refusal of an existing entitlement also carries `denial`, the signed document: \
         nothing else ends a running entitlement.\n\nThis page is generated from the server's own table: \
         `holdfast openapi --errors > docs/errors.md`.\n\n\
         | code | status | what it says | cause | cure | retryable |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for code in ErrorCode::ALL {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            code.as_str(),
            code.status(),
            code.title(),
            code.cause(),
            code.cure(),
            if code.retryable() { "yes" } else { "no" },
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_name_every_call_and_every_code_and_load_nothing_from_elsewhere() {
        let api: Value = serde_json::from_str(&JSON).unwrap();
        assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
        for path in api["paths"].as_object().unwrap().keys() {
            assert!(API_PAGE.contains(&format!("<code>{}</code>", escape(path))), "{path}");
        }
        for code in ErrorCode::ALL {
            assert!(ERRORS_PAGE.contains(&format!("id=\"{}\"", code.as_str())));
        }
        for page in [&*API_PAGE, &*ERRORS_PAGE, &*HELP_PAGE] {
            assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        assert_eq!(prose("<b> `a&b`"), "&lt;b&gt; <code>a&amp;b</code>");
    }
}
