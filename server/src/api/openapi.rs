//! The frame of the API description: what the handlers cannot say about themselves.

use utoipa::openapi::{
    InfoBuilder, OpenApi, OpenApiBuilder,
    security::{Http, HttpAuthScheme, SecurityScheme},
    tag::TagBuilder,
};

/// The name of the bearer scheme in the description.
pub const BEARER: &str = "token";

/// An empty description with title and tags.
pub fn frame() -> OpenApi {
    let tag = |name: &str, about: &str| TagBuilder::new().name(name).description(Some(about)).build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Holdfast")
                .version("1")
                .description(Some(
                    "Licensing that never locks out a paying customer. The runtime part is what shipped applications \
                     call and never changes incompatibly; the management part takes a bearer token.",
                ))
                .build(),
        )
        .tags(Some([
            tag("vendor", "Whose installation this is."),
            tag("runtime", "What shipped applications call."),
            tag("health", "How a node is."),
            tag("products", "What the vendor sells."),
            tag("plans", "How it is sold."),
            tag("customers", "Who bought."),
            tag("licenses", "What they hold."),
            tag("seats", "Where it is used."),
            tag("orders", "What a payment provider told us."),
            tag("keys", "What documents are signed with."),
            tag("imports", "An existing customer base, taken over."),
            tag("members", "The people of the vendor."),
            tag("tokens", "Programs that use this API."),
            tag("events", "The audit log."),
        ]))
        .build()
}

/// Adds what is the same everywhere.
pub fn finish(mut api: OpenApi) -> OpenApi {
    let mut http = Http::new(HttpAuthScheme::Bearer);
    http.bearer_format = Some("hf_sk_…".to_owned());
    api.components.get_or_insert_with(Default::default).add_security_scheme(BEARER, SecurityScheme::Http(http));
    api
}

/// The description as JSON with a line feed at the end, the same bytes every time.
pub fn json(api: &OpenApi) -> String {
    let mut text = serde_json::to_string_pretty(api).unwrap_or_default();
    text.push('\n');
    text
}
