//! Pages of lists, as the store makes them.

use crate::error::{Error, Result};
pub use holdfast_store::page::{Cursor, Direction, Limit, ListError, Page, PageRequest, Total};

impl From<ListError> for Error {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Cursor(error) => Self::invalid("/after", error),
            ListError::Store(error) => Self::from(error),
        }
    }
}

/// A page of what `show` makes of each row.
pub(crate) fn map<T, U>(page: Page<T>, show: impl FnMut(T) -> U) -> Page<U> {
    Page { items: page.items.into_iter().map(show).collect(), next: page.next, total: page.total }
}

/// The same where showing can fail.
pub(crate) fn try_map<T, U>(page: Page<T>, show: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
    let items = page.items.into_iter().map(show).collect::<Result<_>>()?;
    Ok(Page { items, next: page.next, total: page.total })
}
