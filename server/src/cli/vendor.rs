//! Which vendor a command works for, and how its products and plans are named on the command line.

use super::Failure;
use holdfast_domain::{PlanId, ProductId, VendorId};
use holdfast_service::{
    Actor, Call, Service,
    admin::{
        inputs::PlanFilter,
        views::{PlanView, ProductView},
    },
};
use holdfast_store::page::{Limit, PageRequest};

/// Which vendor.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct VendorArgs {
    /// The vendor's id; not needed where the installation has one.
    #[arg(long, value_name = "ID")]
    pub vendor: Option<VendorId>,
}

impl VendorArgs {
    /// The vendor: the one named, or the only one.
    pub async fn find(self, service: &Service) -> Result<VendorId, Failure> {
        let vendors = service.vendors().await?;
        match self.vendor {
            Some(id) if vendors.iter().any(|vendor| vendor.id == id) => Ok(id),
            Some(id) => Err(Failure::Refused(format!("there is no vendor {id}"))),
            None => match vendors.as_slice() {
                [only] => Ok(only.id),
                [] => Err(Failure::Refused("no vendor exists yet: run `holdfast admin bootstrap`".to_owned())),
                _ => Err(Failure::Usage("there are several vendors: say which with --vendor".to_owned())),
            },
        }
    }

    /// A change for that vendor by an operator with a shell.
    pub async fn call(self, service: &Service) -> Result<Call, Failure> {
        Ok(Call::system(self.find(service).await?))
    }
}

async fn products(service: &Service, actor: &Actor) -> Result<Vec<ProductView>, Failure> {
    let mut all = Vec::new();
    let mut request = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    loop {
        let page = service.products(actor, None, None, request.clone()).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(all),
        }
    }
}

async fn plans(service: &Service, actor: &Actor, product: ProductId) -> Result<Vec<PlanView>, Failure> {
    let mut all = Vec::new();
    let mut request = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
    loop {
        let filter = PlanFilter { product: Some(product), ..PlanFilter::default() };
        let page = service.plans(actor, filter, request.clone()).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The product of that id or code; the only one where none is named.
pub async fn product(service: &Service, actor: &Actor, name: Option<&str>) -> Result<ProductId, Failure> {
    let all = products(service, actor).await?;
    match (name, all.as_slice()) {
        (None, [only]) => Ok(only.id),
        (None, _) => Err(Failure::Usage("say which product with --product (its id or code)".to_owned())),
        (Some(name), all) => all
            .iter()
            .find(|product| product.id.to_string() == name || product.code.as_str() == name)
            .map(|product| product.id)
            .ok_or_else(|| Failure::Refused(format!("there is no product {name}"))),
    }
}

/// The plan of that id or code.
pub async fn plan(service: &Service, actor: &Actor, product: ProductId, name: &str) -> Result<PlanId, Failure> {
    plans(service, actor, product)
        .await?
        .iter()
        .find(|plan| plan.id.to_string() == name || plan.code.as_str() == name)
        .map(|plan| plan.id)
        .ok_or_else(|| Failure::Refused(format!("the product has no plan {name}")))
}
