//! The browser bundles of the last releases, shared by all nodes.
//!
//! A page of one release asks for files whose names carry that release's hashes; behind a load balancer the question
//! reaches nodes of the release before and after, too. So each node puts its own files into the database, and looks there
//! for what it does not have.

use crate::{
    Service,
    error::{Error, Result},
};
use holdfast_store::{WriteOptions, bundles};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, sync::Arc};

pub use holdfast_store::bundles::BundleFile;

/// How many releases are kept: the present one, the one before, and some more for whoever tries and goes back.
const RELEASES: u32 = 4;
/// The largest file that is shared, in bytes.
const FILE_AT_MOST: usize = 4 << 20;

/// The name of a release: its version, and the hash of what its bundle consists of.
pub fn release(version: &str, manifest: &[u8]) -> String {
    let hash = Sha256::digest(manifest);
    hash[..8].iter().fold(format!("{version}-"), |name, byte| format!("{name}{byte:02x}"))
}

impl Service {
    /// Puts what is missing of the files of `release` into the database, each in a commit of its own so that nobody waits
    /// for the whole bundle. Files of another release are left out.
    pub async fn share_bundle(&self, release: &str, files: Vec<BundleFile>) -> Result<()> {
        let (name, now) = (release.to_owned(), self.now());
        self.store()
            .write(WriteOptions::last().idempotent(), move |tx| {
                let name = name.clone();
                Box::pin(async move { Ok::<_, Error>(bundles::see_release(tx, &name, now).await?) })
            })
            .await?;
        let there: BTreeSet<_> = bundles::names(&mut self.store().reader(), Some(release)).await?.into_iter().collect();
        for file in files {
            let known = there.contains(&(file.name.clone(), file.coding.clone()));
            if known || file.release != release || file.body.len() > FILE_AT_MOST {
                continue;
            }
            let file = Arc::new(file);
            let put = self.store().write(WriteOptions::last().idempotent(), move |tx| {
                let file = Arc::clone(&file);
                Box::pin(async move { Ok::<_, Error>(bundles::put(tx, &file).await?) })
            });
            if !put.await? {
                break;
            }
        }
        Ok(())
    }

    /// Name and form of every shared file.
    pub async fn shared_files(&self) -> Result<Vec<(String, String)>> {
        Ok(bundles::names(&mut self.store().reader(), None).await?)
    }

    /// A shared file by name, in the form `coding`: `br`, `gzip` or `identity`.
    pub async fn shared_file(&self, name: &str, coding: &str) -> Result<Option<BundleFile>> {
        Ok(bundles::get(&mut self.store().reader(), name, coding).await?)
    }

    /// Clears away the files of all but the newest releases.
    pub(crate) async fn prune_bundles(&self) -> Result<()> {
        let pruned = self.store().write(WriteOptions::last().idempotent(), move |tx| {
            Box::pin(async move { Ok::<_, Error>(bundles::prune(tx, RELEASES).await?) })
        });
        pruned.await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_release_is_named_by_what_it_consists_of() {
        let name = super::release("1.2.3", b"{}");
        assert_eq!(name, "1.2.3-44136fa355b3678a");
        assert_ne!(name, super::release("1.2.3", b"{ }"));
    }
}
