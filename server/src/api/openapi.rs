//! The frame of the API description: what the handlers cannot say about themselves.

use utoipa::openapi::{
    Content, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, Required, Response, ResponseBuilder, Type,
    path::{Parameter, ParameterBuilder, ParameterIn, PathItem},
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
            tag("notes", "What people wrote down about customers and licenses."),
            tag("orders", "What a payment provider told us."),
            tag("shops", "Where payment providers tell of sales, and what of these waits for a person."),
            tag("acts", "One act on many licenses or seats, in the background."),
            tag("keys", "What documents are signed with."),
            tag("imports", "An existing customer base, taken over."),
            tag("members", "The people of the vendor."),
            tag("tokens", "Programs that use this API."),
            tag("events", "The audit log."),
            tag("nodes", "The servers of the installation."),
            tag("alerts", "What someone must act on, before it becomes a failure."),
            tag("webhooks", "Where the vendor is told what has happened."),
            tag("freshness", "Who would notice when, if everything stopped now."),
        ]))
        .build()
}

/// The header under which a change is made once, however often it is sent.
fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The same key with the same request gets the first answer again, for 24 hours."))
        .schema(Some(text))
        .build()
}

/// What any call may answer besides what it describes itself: 404, 405, 408, 413, 415, 429, 500, 503 and the like.
fn any_refusal() -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description("Every other refusal or failure; `code` says which.")
        .content("application/problem+json", content)
        .build()
}

/// Adds what is the same everywhere.
pub fn finish(mut api: OpenApi) -> OpenApi {
    for item in api.paths.paths.values_mut() {
        let PathItem { get, put, post, patch, delete, .. } = item;
        if let Some(post) = post.as_mut().filter(|post| post.security.is_some()) {
            post.parameters.get_or_insert_default().push(idempotency_key().into());
        }
        for operation in [get, put, post, patch, delete].into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), any_refusal().into());
        }
    }
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
