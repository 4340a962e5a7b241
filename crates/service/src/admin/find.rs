//! Finding by one text: what somebody who looks for a license, a customer, a device or an order has at hand.

use super::{
    act::Act,
    inputs::{LicenseFilter, PlanFilter, SeatFilter},
    orders::OrderFilter,
    page::{Limit, PageRequest},
    views::{CustomerView, LicenseView, OrderView, PlanView, ProductView, SeatInList},
};
use crate::{Call, RequestInfo, Service, actor::Actor, error::Result};
use holdfast_domain::{Email, LicenseId, LicenseKey, Permission};
use holdfast_store::{Querier, customer_people, customers};

/// How many of each kind are found.
const EACH: usize = 5;
/// The same as the length of a page.
const EACH_ROWS: u32 = 5;
/// Among how many seats that have to do with the text a device is looked for.
const SEATS: u32 = 50;
/// Of how many groups of characters a key is.
const GROUPS: usize = 5;
/// The longest text that is looked for, in characters: a name, an address or a key is shorter.
pub const LONGEST: usize = 200;

/// What was found, at most five of each kind. Of a kind that whoever asks may not see there is none.
#[derive(Clone, Debug, Default)]
pub struct Finds {
    /// What was typed is a whole license key. It is nothing to be repeated in an address or a log.
    pub whole_key: bool,
    /// The licenses that a key, its last characters, an id, a customer or an order leads to.
    pub licenses: Vec<LicenseView>,
    /// Customers, by name, address or external id, and by the whole address of somebody who comes in to the portal for them.
    pub customers: Vec<CustomerView>,
    /// Devices, by what they are called or who sits there.
    pub seats: Vec<SeatInList>,
    /// Orders, by the payment provider's number.
    pub orders: Vec<OrderView>,
    /// Products, by name or code.
    pub products: Vec<ProductView>,
    /// Plans, by name or code.
    pub plans: Vec<PlanView>,
}

impl Finds {
    /// Whether there is nothing.
    pub const fn is_empty(&self) -> bool {
        self.licenses.is_empty()
            && self.customers.is_empty()
            && self.seats.is_empty()
            && self.orders.is_empty()
            && self.products.is_empty()
            && self.plans.is_empty()
    }
}

fn upto<S: Default>(rows: u32) -> PageRequest<S> {
    PageRequest { limit: Limit::new(rows), ..PageRequest::default() }
}

/// Whether `text` is one of our keys, rightly or wrongly typed.
pub(super) fn is_own_key(text: &str) -> bool {
    LicenseKey::parse_own(text).is_ok() || LicenseKey::parse(text).is_ok_and(|key| key.looks_mistyped())
}

/// A whole key of ours among the words of `text`, as somebody pastes a mail with one in it.
pub fn key_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    let alone = words.iter().find(|word| is_own_key(word)).map(|word| (*word).to_owned());
    // Somebody may have written it with spaces.
    alone
        .or_else(|| words.windows(GROUPS).map(|groups| groups.join("-")).find(|key| LicenseKey::parse_own(key).is_ok()))
}

impl Service {
    /// Whether `text` is a whole license key: one of ours, or one of another system that a license of the vendor has. Such a
    /// text is a secret, and gets into nothing that is kept.
    pub(super) async fn is_whole_key(&self, act: &Act, q: &mut dyn Querier, text: &str) -> Result<bool> {
        let is_id = text.trim().parse::<LicenseId>().is_ok();
        Ok(is_own_key(text) || !is_id && self.find_exactly(act, q, text).await?.is_some())
    }

    /// `text` as it may be kept: nothing where it is a whole key.
    pub(super) async fn without_key(
        &self,
        act: &Act,
        q: &mut dyn Querier,
        text: Option<String>,
    ) -> Result<Option<String>> {
        Ok(match text {
            Some(text) if self.is_whole_key(act, q, &text).await? => None,
            text => text,
        })
    }

    /// `filter` of seats with a whole key, or a license's id, in `q` replaced by the license that has it.
    pub(super) async fn narrowed_to_license(
        &self,
        act: &Act,
        q: &mut dyn Querier,
        filter: SeatFilter,
    ) -> Result<SeatFilter> {
        let found = match &filter.q {
            Some(text) if filter.license.is_none() => self.find_exactly(act, q, text).await?,
            _ => None,
        };
        Ok(match found.as_deref() {
            Some([one]) => SeatFilter { license: Some(one.license.id), q: None, ..filter },
            _ => filter,
        })
    }

    /// Everything of the vendor that `text` finds. A whole key or a license's id finds that license and nothing else.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Forbidden`] for whoever may see nothing that is looked for.
    pub async fn find(&self, actor: &Actor, text: &str) -> Result<Finds> {
        let kinds = [Permission::LicensesRead, Permission::CustomersRead, Permission::CatalogRead];
        let [licenses, customers, catalog] = kinds.map(|permission| actor.may(permission));
        if !licenses && !customers && !catalog {
            actor.require(Permission::LicensesRead)?;
        }
        // No text of ours has the character that PostgreSQL does not know.
        let text = text.replace('\0', "");
        let text = text.trim();
        let mut finds = Finds { whole_key: is_own_key(text), ..Finds::default() };
        if text.is_empty() || text.chars().count() > LONGEST {
            return Ok(finds);
        }
        if licenses {
            let (act, mut reader) =
                (self.act(&Call::new(actor.clone(), RequestInfo::default())), self.store().patient_reader());
            if let Some(found) = self.find_exactly(&act, &mut reader, text).await? {
                finds.whole_key |= text.parse::<LicenseId>().is_err();
                for row in found.iter().take(EACH) {
                    finds.licenses.push(super::licenses::shown(&act, &mut reader, row).await?);
                }
                return Ok(finds);
            }
        }
        // Known or not, a key goes into no statement but by its hash.
        if finds.whole_key {
            return Ok(finds);
        }
        if licenses {
            let filter = LicenseFilter { q: Some(text.to_owned()), ..LicenseFilter::default() };
            finds.licenses = self.licenses(actor, filter, upto(EACH_ROWS)).await?.items;
            let filter = SeatFilter { q: Some(text.to_owned()), ..SeatFilter::default() };
            let seats = self.seats_in_list(actor, filter, upto(SEATS)).await?.items;
            // Those whose license's holder is called so are found by that license.
            let text = text.to_lowercase();
            let so = |said: Option<&str>| said.is_some_and(|said| said.to_lowercase().contains(&text));
            let of_device =
                |one: &SeatInList| so(one.seat.name.as_deref()) || so(one.seat.user.as_ref().map(Email::as_str));
            finds.seats = seats.into_iter().filter(of_device).take(EACH).collect();
        }
        if customers {
            finds.customers = self.customers(actor, Some(text.to_owned()), upto(EACH_ROWS)).await?.items;
            if let Ok(email) = text.parse::<Email>() {
                self.add_colleagues(actor, &email, &mut finds.customers).await?;
            }
            finds.orders = self
                .orders(actor, OrderFilter { q: Some(text.to_owned()), ..OrderFilter::default() }, upto(EACH_ROWS))
                .await?
                .items;
        }
        if catalog {
            finds.products = self.products(actor, None, Some(text.to_owned()), upto(EACH_ROWS)).await?.items;
            let filter = PlanFilter { q: Some(text.to_owned()), ..PlanFilter::default() };
            finds.plans = self.plans(actor, filter, upto(EACH_ROWS)).await?.items;
        }
        Ok(finds)
    }

    /// Adds those for whom somebody with that address comes in to the portal.
    async fn add_colleagues(&self, actor: &Actor, email: &Email, found: &mut Vec<CustomerView>) -> Result<()> {
        let (scope, mut reader) = (actor.scope(), self.store().patient_reader());
        for person in customer_people::by_email(&mut reader, scope, email).await? {
            if found.len() < EACH
                && !found.iter().any(|customer| customer.id == person.customer)
                && let Some(row) = customers::get(&mut reader, scope, person.customer).await?
            {
                found.push(super::customers::show(&row));
            }
        }
        Ok(())
    }
}
