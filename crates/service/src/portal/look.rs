//! Whose portal an address leads to, and how it looks.

use super::{
    CustomerActor,
    views::{MyselfView, PortalLook},
};
use crate::{Error, ErrorCode, Result, Service};
use holdfast_domain::{Code, VendorId};
use holdfast_store::{
    Querier, Scope, customer_people, customers,
    portals::{self, Logo, PortalRow},
    vendors,
};

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

impl Service {
    /// How the portal looks whose address has `path` in it: a vendor's id, or the short name that it has chosen.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where there is no such vendor.
    pub async fn portal_at(&self, path: &str) -> Result<PortalLook> {
        let mut reader = self.store().patient_reader();
        let vendor = if let Ok(vendor) = path.parse::<VendorId>() {
            vendor
        } else {
            let name: Code = path.parse().map_err(|_| absent())?;
            portals::by_short_name(&mut reader, &name).await?.ok_or_else(absent)?
        };
        Ok(PortalLook { mail: self.settings().mail.is_some(), ..look(&mut reader, vendor).await? })
    }

    /// Whether a host name is one of this installation itself: of its public address or of an endpoint. `None` where it has no
    /// public address, so that nobody can tell.
    pub fn is_own_host(&self, host: &str) -> Option<bool> {
        let of =
            |url: &String| url.split("://").nth(1).and_then(|rest| rest.split([':', '/']).next()).map(str::to_owned);
        let public = self.settings().public_url.as_ref()?;
        let own = std::iter::once(public).chain(&self.settings().endpoints).filter_map(of);
        Some(own.into_iter().any(|own| own.eq_ignore_ascii_case(host)))
    }

    /// The portal to which a host name leads, where there is one; none for the names of this installation itself.
    pub async fn portal_of_host(&self, host: &str) -> Result<Option<PortalLook>> {
        if self.is_own_host(host) != Some(false) {
            return Ok(None);
        }
        let mut reader = self.store().patient_reader();
        match portals::by_domain(&mut reader, &host.to_ascii_lowercase()).await? {
            Some(vendor) => look(&mut reader, vendor).await.map(Some),
            None => Ok(None),
        }
    }

    /// The picture of a portal whose address ends in `hash`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where it has none, or another one.
    pub async fn portal_logo(&self, look: &PortalLook, hash: &str) -> Result<Logo> {
        let logo = portals::logo(&mut self.store().patient_reader(), Scope::trusted(look.vendor)).await?;
        logo.filter(|logo| logo.hash == hash).ok_or_else(absent)
    }

    /// Who is in the portal.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] where they are nobody any more.
    pub async fn myself(&self, actor: &CustomerActor) -> Result<MyselfView> {
        let (mut reader, scope) = (self.store().patient_reader(), actor.scope());
        let nobody = || Error::new(ErrorCode::Unauthenticated);
        let company = customers::get(&mut reader, scope, actor.customer()).await?.ok_or_else(nobody)?;
        let Some(person) = actor.person_id() else {
            let email = actor.viewed_until().and(company.email);
            return Ok(MyselfView { email, role: None, company: company.name, others: Vec::new() });
        };
        let person = customer_people::get(&mut reader, scope, person).await?.ok_or_else(nobody)?;
        let mut elsewhere: Vec<_> = customer_people::by_email(&mut reader, scope, &person.email).await?;
        elsewhere.retain(|other| other.customer != person.customer);
        let mut ids: Vec<_> = elsewhere.into_iter().map(|other| other.customer).collect();
        if let Some(own) = customers::by_email(&mut reader, scope, &person.email).await?
            && own.id != person.customer
            && !ids.contains(&own.id)
        {
            ids.push(own.id);
        }
        let names = customers::get_many(&mut reader, scope, &ids).await?;
        let others = ids.iter().filter_map(|id| names.get(id)).map(|row| (row.id, row.name.clone())).collect();
        Ok(MyselfView { email: Some(person.email), role: Some(person.role), company: company.name, others })
    }
}

/// How the portal of `vendor` looks, on a node from which no mail leaves.
pub(super) async fn look(q: &mut dyn Querier, vendor: VendorId) -> Result<PortalLook> {
    let row = vendors::by_public_id(q, vendor).await?.ok_or_else(absent)?;
    let set = portals::get(q, Scope::trusted(vendor)).await?.unwrap_or_else(|| PortalRow::new(vendor));
    let path = set.short_name.as_ref().map_or_else(|| vendor.to_string(), ToString::to_string);
    Ok(PortalLook {
        vendor,
        path,
        name: set.name.unwrap_or(row.name),
        accent: set.accent,
        logo: set.logo_hash,
        domain: set.domain,
        welcome: set.welcome,
        help: set.help,
        mail: false,
    })
}
