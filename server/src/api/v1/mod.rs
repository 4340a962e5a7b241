//! Version 1 of the API.

pub mod acts;
pub mod alerts;
pub mod customers;
pub mod events;
pub mod exports;
pub mod freshness;
pub mod imports;
pub mod inbox;
pub mod invitations;
pub mod keys;
pub mod licenses;
pub mod list;
pub mod members;
pub mod models;
pub mod nodes;
pub mod notes;
pub mod orders;
pub mod plans;
pub mod products;
pub mod runtime;
pub mod seats;
pub mod shops;
pub mod tokens;
pub mod vendor;
pub mod webhooks;
pub mod words;

use super::problem::{Problem, ProblemDocument};
use crate::AppState;
use holdfast_domain::{Code, CustomerId, Email, Name, ReasonText};
use holdfast_service::{
    Error,
    admin::inputs::{CreateCustomer, CustomerChoice},
};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    runtime::routes()
        .merge(vendor::routes())
        .merge(products::routes())
        .merge(plans::routes())
        .merge(customers::routes())
        .merge(licenses::routes())
        .merge(seats::routes())
        .merge(orders::routes())
        .merge(shops::routes())
        .merge(inbox::routes())
        .merge(acts::routes())
        .merge(notes::routes())
        .merge(keys::routes())
        .merge(imports::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(tokens::routes())
        .merge(events::routes())
        .merge(exports::routes())
        .merge(nodes::routes())
        .merge(alerts::routes())
        .merge(freshness::routes())
        .merge(webhooks::routes())
}

/// What every management call may answer instead of a result.
#[derive(IntoResponses)]
pub enum Refusals {
    /// The request is not valid; `pointer` says where.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemDocument),
    /// `unauthenticated`: no token, or one that is not valid.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemDocument),
    /// `forbidden`: the token's scopes do not include this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// `not_found`: unknown, or of another vendor.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
    /// Something stands against it; `code` says what.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// `idempotency_mismatch`: the `Idempotency-Key` came with another request before.
    #[response(status = 422, content_type = "application/problem+json")]
    Mismatch(ProblemDocument),
    /// `rate_limited`; `Retry-After` says for how long.
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(ProblemDocument),
    /// Our own trouble; `Retry-After` says when to come back.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// No input.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Why something is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Kept in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    pub reason: ReasonText,
}

/// A customer's id, or a customer to be made.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum CustomerInput {
    /// One that exists: `cus_…`.
    #[schema(value_type = String)]
    Existing(CustomerId),
    /// One to be made; the one with the same e-mail address where there is one.
    New(NewCustomer),
}

/// A customer to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewCustomer {
    /// The name.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub name: Option<Name>,
    /// The e-mail address.
    #[schema(value_type = Option<String>, format = "email", required = false)]
    pub email: Option<Email>,
    /// What another system calls the customer.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, required = false)]
    pub external_id: Option<Name>,
}

impl<'de> Deserialize<'de> for CustomerInput {
    // By hand, because an untagged enum forgets which member was wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = CustomerInput;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a customer's id or an object")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<CustomerInput, E> {
                text.parse().map(CustomerInput::Existing).map_err(E::custom)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<CustomerInput, A::Error> {
                NewCustomer::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(CustomerInput::New)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl CustomerInput {
    /// The same as the use cases take it.
    pub fn into_choice(self) -> CustomerChoice {
        match self {
            Self::Existing(id) => CustomerChoice::Existing(id),
            Self::New(NewCustomer { name, email, external_id }) => {
                CustomerChoice::New(CreateCustomer { name, email, external_id })
            }
        }
    }
}

/// A short name made from a long one: lower-case letters, digits and dashes.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= 40 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The code given, or one made from `name`.
fn code_or(code: Option<Code>, name: &Name) -> Result<Code, Problem> {
    if let Some(code) = code {
        return Ok(code);
    }
    slug(name.as_str()).parse().map_err(|_| Problem(Error::invalid("/code", "no code can be made from this name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_made_from_names() {
        assert_eq!(slug("Acme  Draw 3 (Pro)"), "acme-draw-3-pro");
        assert_eq!(slug("—"), "");
        let name: Name = "日本".parse().unwrap();
        assert_eq!(code_or(None, &name).unwrap_err().0.pointer.as_deref(), Some("/code"));
    }

    #[test]
    fn a_customer_is_an_id_or_an_object() {
        let read = |json: &str| serde_json::from_str::<CustomerInput>(json);
        assert!(matches!(read("\"cus_01h2xcejqtf2nbrexx3vqjhp41\""), Ok(CustomerInput::Existing(_))));
        assert!(matches!(read(r#"{"email":"ann@example.com"}"#), Ok(CustomerInput::New(_))));
        for wrong in ["\"lic_01h2xcejqtf2nbrexx3vqjhp41\"", "5", r#"{"mail":"x"}"#, r#"{"email":"x"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
