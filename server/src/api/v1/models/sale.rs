//! Products, plans, customers and orders.

use super::{TermsModel, name_of};
use crate::api::time::Rfc3339;
use holdfast_service::admin::views::{CustomerView, OrderView, PlanView, ProductView};
use serde::Serialize;
use utoipa::ToSchema;

/// A product.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub struct ProductModel {
    /// Its id: what an application is built with.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub code: String,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created_at: Rfc3339,
}

impl From<ProductView> for ProductModel {
    fn from(view: ProductView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            code: view.code.to_string(),
            archived: view.archived,
            created_at: view.created_at.into(),
        }
    }
}

/// A plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanModel {
    /// Its id.
    pub id: String,
    /// Its product.
    pub product: String,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub code: String,
    /// What a license of it copies.
    pub terms: TermsModel,
    /// Hidden from choice.
    pub archived: bool,
    /// When it was made.
    pub created_at: Rfc3339,
}

impl From<PlanView> for PlanModel {
    fn from(view: PlanView) -> Self {
        Self {
            id: view.id.to_string(),
            product: view.product.to_string(),
            name: view.name.to_string(),
            code: view.code.to_string(),
            terms: view.terms.into(),
            archived: view.archived,
            created_at: view.created_at.into(),
        }
    }
}

/// A customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerModel {
    /// Its id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// What another system calls it.
    pub external_id: Option<String>,
    /// When it was made.
    pub created_at: Rfc3339,
}

impl From<CustomerView> for CustomerModel {
    fn from(view: CustomerView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            email: view.email.map(|email| email.to_string()),
            external_id: view.external_id,
            created_at: view.created_at.into(),
        }
    }
}

/// An order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderModel {
    /// Its id.
    pub id: String,
    /// What the payment provider calls it.
    pub reference: String,
    /// Who bought.
    pub customer: Option<String>,
    /// How it stands.
    pub status: String,
    /// When it was refunded; null where it was not.
    pub refunded_at: Option<Rfc3339>,
    /// When it was made known.
    pub created_at: Rfc3339,
}

impl From<OrderView> for OrderModel {
    fn from(view: OrderView) -> Self {
        Self {
            id: view.id.to_string(),
            reference: view.reference,
            customer: view.customer.map(|id| id.to_string()),
            status: name_of(&view.status),
            refunded_at: view.refunded_at.map(Rfc3339),
            created_at: view.created_at.into(),
        }
    }
}
