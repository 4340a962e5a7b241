//! Revocation lists: which licenses and seats of a product are withdrawn while leases of theirs may still run.

use super::{hot::HotProduct, request::SignedDocument};
use crate::{Error, ErrorCode, Result, Service};
use holdfast_domain::{LicenseId, LicenseState, ProductId, SeatId, Seconds, Timestamp};
use holdfast_lease::{RevocationList, SignError, claims, sign};
use holdfast_store::{WriteOptions, licenses, products, seats};
use std::sync::Arc;

/// How long a list may be relied on: as long as a cache may serve it while the server is away.
const LIFE: Seconds = Seconds::days(7);
/// When a list that has not changed is signed anew.
const SIGN_AGAIN: Seconds = Seconds::HOUR;

/// A signed list and what it says.
pub(crate) struct HotList {
    document: SignedDocument,
    content: Content,
    signed_at: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    revoked: Vec<LicenseId>,
    suspended: Vec<LicenseId>,
    seats: Vec<SeatId>,
}

impl Content {
    /// Leaves out what matters least: seats before suspended licenses before revoked ones, the oldest of each first.
    /// False where nothing is left to leave out.
    fn shorten(&mut self) -> bool {
        fn drop_oldest<T>(ids: &mut Vec<T>) -> bool {
            ids.drain(..ids.len().div_ceil(10));
            true
        }
        match self {
            Self { seats, .. } if !seats.is_empty() => drop_oldest(seats),
            Self { suspended, .. } if !suspended.is_empty() => drop_oldest(suspended),
            Self { revoked, .. } if !revoked.is_empty() => drop_oldest(revoked),
            _ => false,
        }
    }

    fn licenses(&self) -> Vec<String> {
        let mut ids: Vec<LicenseId> = self.revoked.iter().chain(&self.suspended).copied().collect();
        ids.sort_unstable();
        ids.iter().map(ToString::to_string).collect()
    }
}

impl Service {
    /// The product's revocation list (HTTP API, `revocations`): revoked and suspended licenses, and released seats whose
    /// last lease may still run. Signed anew when its content changes and every hour; while the database is away, the
    /// last one is served.
    ///
    /// A document has room for about 180 ids. Where there are more, the newest are listed, licenses before seats: the
    /// list is a help to caches and closed networks, and a seat that is not on it is still denied at its next renewal.
    pub async fn revocations(&self, product: ProductId) -> Result<SignedDocument> {
        let hot = self.signing_product(product).await?;
        let now = self.now();
        let state = &self.state().hot;
        let is_current = |list: &HotList| now.since(list.signed_at) < SIGN_AGAIN && now >= list.signed_at;
        if self.state().feed.is_fresh()
            && let Some(list) = state.revocations(product)
            && is_current(&list)
        {
            return Ok(list.document.clone());
        }
        let epoch = state.epoch(&product);
        let last = state.last_list(product);
        let content = match self.revoked_now(&hot, now).await {
            Ok(content) => content,
            Err(error) if error.code == ErrorCode::Unavailable && last.is_some() => {
                tracing::warn!(%product, "serving the last revocation list while the database is away");
                return last.map(|list| list.document.clone()).ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let current = match last {
            Some(last) if last.content == content && is_current(&last) => last,
            _ => Arc::new(self.sign_list(&hot, content, now).await?),
        };
        state.put_last_list(product, Arc::clone(&current));
        state.put_revocations(product, Arc::clone(&current), epoch);
        Ok(current.document.clone())
    }

    async fn revoked_now(&self, product: &HotProduct, now: Timestamp) -> Result<Content> {
        let (scope, id) = (product.scope, product.product);
        let mut reader = self.store().reader();
        Ok(Content {
            revoked: licenses::denied(&mut reader, scope, id, LicenseState::Revoked).await?,
            suspended: licenses::denied(&mut reader, scope, id, LicenseState::Suspended).await?,
            seats: seats::released_with_running_lease(&mut reader, scope, id, now).await?,
        })
    }

    async fn sign_list(&self, product: &HotProduct, content: Content, now: Timestamp) -> Result<HotList> {
        let (scope, id) = (product.scope, product.product);
        let seq = self
            .store()
            .write(WriteOptions::default(), move |tx| {
                Box::pin(async move { products::next_revocation_seq(tx, scope, id).await.map_err(Error::from) })
            })
            .await?
            .ok_or_else(|| Error::new(ErrorCode::ProductNotFound))?;
        let key = product.signer.as_deref().ok_or_else(|| Error::new(ErrorCode::Sealed))?;
        let mut shown = content.clone();
        loop {
            let list = RevocationList {
                v: claims::VERSION,
                iss: product.vendor_text.clone(),
                aud: product.product_text.clone(),
                iat: now.seconds(),
                exp: now.plus(LIFE).seconds(),
                seq,
                licenses: shown.licenses(),
                seats: shown.seats.iter().map(ToString::to_string).collect(),
            };
            match sign(&list, key) {
                Err(SignError::TooLarge) if shown.shorten() => {}
                Err(error) => return Err(Error::internal(error)),
                Ok(token) => {
                    if shown != content {
                        tracing::warn!(product = %id, "the revocation list has no room for all it should name");
                    }
                    return Ok(HotList { document: SignedDocument::new(token), content, signed_at: now });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_room_gives_up_old_seats_first_and_revoked_licenses_last() {
        let licenses = |from: u8| (from..from + 3).map(|n| LicenseId::from_bytes([n; 16])).collect::<Vec<_>>();
        let mut content = Content {
            revoked: licenses(0),
            suspended: licenses(10),
            seats: (20..23).map(|n| SeatId::from_bytes([n; 16])).collect(),
        };
        assert!(content.shorten());
        assert_eq!(content.seats, [SeatId::from_bytes([21; 16]), SeatId::from_bytes([22; 16])]);
        (0..2).for_each(|_| assert!(content.shorten()));
        assert!(content.seats.is_empty() && content.suspended.len() == 3);
        (0..3).for_each(|_| assert!(content.shorten()));
        assert_eq!(content.licenses().len(), 3);
        (0..3).for_each(|_| assert!(content.shorten()));
        assert!(!content.shorten());
    }
}
