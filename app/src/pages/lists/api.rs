//! Server functions of the lists.

use leptos::prelude::*;

use super::model::Listed;
use crate::error::UiError;

/// The list `of` licenses, customers, seats, orders or events, as the query of the address narrows, sorts and shows it.
#[server(output = crate::wire::Answer)]
pub async fn read_list(of: String, query: String) -> Result<Listed, UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    super::build::listed(&ctx::service()?, &actor, &of, &query).await
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn list_again(of: String, query: String) -> Result<Listed, UiError> {
    // Whoever may see it is asked there.
    read_list(of, query).await
}

/// Keeps a list under a name, and goes to it.
#[server(output = crate::wire::Answer)]
pub async fn save_view(
    of: String,
    #[server(default)] query: String,
    #[server(default)] name: String,
    #[server(default)] shared: bool,
) -> Result<(), UiError> {
    use super::build::{Query, known};
    use crate::{ctx, pages::serve::parse};
    use holdfast_service::admin::saved_views::SaveView;
    let actor = ctx::anybody()?;
    let path = known(&of)?.path;
    let query = Query::parse(&query);
    let (name, q) = (parse("name", &name)?, query.search());
    let input = SaveView { list: of, name, query: query.saved(), q, shared };
    ctx::service()?.save_view(&ctx::call(&actor), input).await?;
    ctx::redirect(&query.address(path, &[("after", ""), ("done", "view_saved")]));
    Ok(())
}

/// Forgets a saved list.
#[server(output = crate::wire::Answer)]
pub async fn remove_view(of: String, id: String) -> Result<(), UiError> {
    use super::build::known;
    use crate::{ctx, pages::products::api::parse_id};
    let actor = ctx::anybody()?;
    let path = known(&of)?.path;
    ctx::service()?.remove_view(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::redirect(&format!("{path}?done=view_removed"));
    Ok(())
}
