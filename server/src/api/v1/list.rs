//! Lists as the management API answers them: keyset cursors, never offsets.

use crate::api::problem::{Problem, Result};
use holdfast_service::Error;
use holdfast_store::page::{Cursor, Direction, Limit, Page, PageRequest, Total};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use std::borrow::Cow;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        path::{Parameter, ParameterIn},
    },
};

/// What part of a list is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ListParams {
    /// How many items at most: 50 where absent, and never more than 200.
    #[param(value_type = u32, minimum = 1, default = 50, required = false)]
    pub limit: Option<i64>,
    /// The `next` of the page before.
    #[param(required = false)]
    pub after: Option<String>,
    /// The member to sort by, with `-` before it for descending; `-created_at` where absent.
    #[param(required = false)]
    pub sort: Option<String>,
}

impl ListParams {
    /// The page asked for. `sorts` names what the list can be sorted by.
    pub fn page<S: Copy + Default>(self, sorts: &[(&str, S)]) -> Result<PageRequest<S>> {
        let limit = match self.limit {
            None => Limit::default(),
            Some(limit) if limit >= 1 => Limit::new(u32::try_from(limit).unwrap_or(u32::MAX)),
            Some(_) => return Err(Problem(Error::invalid("/limit", "expected a number from 1 to 200"))),
        };
        let after = self.after.filter(|after| !after.is_empty());
        let after: Option<Cursor> = after
            .map(|after| after.parse())
            .transpose()
            .map_err(|_| Problem(Error::invalid("/after", "not a cursor of this list")))?;
        let (sort, direction) = match self.sort.as_deref().filter(|sort| !sort.is_empty()) {
            None => (S::default(), Direction::Descending),
            Some(text) => {
                let (name, direction) =
                    text.strip_prefix('-').map_or((text, Direction::Ascending), |name| (name, Direction::Descending));
                let sort = sorts.iter().find(|(known, _)| *known == name).map(|(_, sort)| *sort);
                let known: Vec<&str> = sorts.iter().map(|(name, _)| *name).collect();
                let refused = || Error::invalid("/sort", format!("this list sorts by {}", known.join(", ")));
                (sort.ok_or_else(refused)?, direction)
            }
        };
        Ok(PageRequest { limit, after, sort, direction, counted: true })
    }

    /// The page asked for of a list that is read as a whole because it is short. `items` come oldest first; `id` names
    /// one, and `show` is what is answered of it.
    pub fn cut<V, T: ToSchema>(
        self,
        mut items: Vec<V>,
        id: impl Fn(&V) -> String,
        show: impl FnMut(V) -> T,
    ) -> Result<Listing<T>> {
        let after = self.after.clone().filter(|after| !after.is_empty());
        let page = Self { after: None, ..self }.page(&[("created_at", ())])?;
        let total = u64::try_from(items.len()).ok();
        if page.direction == Direction::Descending {
            items.reverse();
        }
        if let Some(after) = after {
            let at = items.iter().position(|item| id(item) == after);
            items.drain(..=at.ok_or_else(|| Error::invalid("/after", "not a cursor of this list"))?);
        }
        let more = items.len() > page.limit.rows();
        items.truncate(page.limit.rows());
        let next = items.last().filter(|_| more).map(id);
        Ok(Listing { items: items.into_iter().map(show).collect(), next, total, total_estimate: None })
    }
}

/// A list's filters in a body, by the names that they have in its query. One that is misspelt is refused: without its
/// condition everything would be meant.
#[derive(Debug)]
pub struct Strict<F>(pub F);

/// The filters of the list of licenses. By a name of its own: what derives descriptions looks into generics by itself.
pub type LicenseFilters = Strict<super::licenses::list::Filter>;
/// Those of the list of seats.
pub type SeatFilters = Strict<super::seats::list::Filter>;

/// The parameters that `F` describes.
fn described<F: IntoParams>() -> Vec<Parameter> {
    F::into_params(|| Some(ParameterIn::Query))
}

impl<'de, F: DeserializeOwned + IntoParams> Deserialize<'de> for Strict<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let members = serde_json::Map::deserialize(deserializer)?;
        let known = described::<F>();
        if !members.keys().all(|name| known.iter().any(|parameter| parameter.name == *name)) {
            let known: Vec<&str> = known.iter().map(|parameter| parameter.name.as_str()).collect();
            let detail = format!("one of its members does not exist; a filter has: {}", known.join(", "));
            return Err(D::Error::custom(detail));
        }
        serde_json::from_value(members.into()).map(Self).map_err(D::Error::custom)
    }
}

impl<F: IntoParams> PartialSchema for Strict<F> {
    fn schema() -> RefOr<Schema> {
        let mut object = ObjectBuilder::new().description(Some("What narrows the list; everything where empty."));
        for parameter in described::<F>() {
            if let Some(schema) = parameter.schema {
                object = object.property(parameter.name, schema);
            }
        }
        object.into()
    }
}

impl ToSchema for LicenseFilters {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("LicenseFilter")
    }
}

impl ToSchema for SeatFilters {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SeatFilter")
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T: ToSchema> {
    /// Its items.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; null on the last.
    pub next: Option<String>,
    /// How many items all pages have together.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// At least about how many, where counting all of them would take too long.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_estimate: Option<u64>,
}

impl<T: ToSchema> Listing<T> {
    /// `page` with each of its items shown as a `T`.
    pub fn of<V>(page: Page<V>, show: impl FnMut(V) -> T) -> Self {
        let Page { items, next, total: Total { rows, exact } } = page;
        Self {
            items: items.into_iter().map(show).collect(),
            next: next.map(|cursor| cursor.to_string()),
            total: exact.then_some(rows),
            total_estimate: (!exact).then_some(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    enum Sort {
        #[default]
        Created,
        Name,
    }
    const SORTS: &[(&str, Sort)] = &[("created_at", Sort::Created), ("name", Sort::Name)];

    fn page(limit: Option<i64>, sort: Option<&str>, after: Option<&str>) -> Result<PageRequest<Sort>> {
        ListParams { limit, sort: sort.map(Into::into), after: after.map(Into::into) }.page(SORTS)
    }

    #[test]
    fn a_short_list_is_cut_into_pages_too() {
        let cut = |limit, after: Option<&str>, sort: Option<&str>| {
            let params = ListParams { limit: Some(limit), after: after.map(Into::into), sort: sort.map(Into::into) };
            params.cut(vec![1, 2, 3], ToString::to_string, |n| n)
        };
        let first = cut(2, None, None).unwrap();
        assert_eq!((first.items, first.next.as_deref(), first.total), (vec![3, 2], Some("2"), Some(3)));
        let rest = cut(2, Some("2"), None).unwrap();
        assert_eq!((rest.items, rest.next, rest.total), (vec![1], None, Some(3)));
        assert_eq!(cut(3, None, Some("created_at")).unwrap().items, [1, 2, 3]);
        assert!(cut(2, Some("9"), None).is_err() && cut(0, None, None).is_err());
    }

    #[test]
    fn a_filter_in_a_body_is_that_of_the_list_and_refuses_what_is_misspelt() {
        let read = |json: &str| serde_json::from_str::<Strict<super::super::licenses::list::Filter>>(json);
        let Strict(filter) = read(r#"{"state":"expired","ends_before":"2026-03-01T12:00:00Z","q":"ann"}"#).unwrap();
        assert_eq!((filter.state, filter.q.as_deref()), (Some(holdfast_domain::LicenseState::Expired), Some("ann")));
        assert!(filter.ends_before.is_some());
        read("{}").unwrap();
        for wrong in
            [r#"{"stat":"expired"}"#, r#"{"state":"expird"}"#, r#"{"limit":5}"#, r#"{"activated":"yes"}"#, "[]"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pages_are_bounded_and_sorted_by_what_exists() {
        let default = page(None, None, None).unwrap();
        assert_eq!((default.limit.rows(), default.sort, default.direction), (50, Sort::Created, Direction::Descending));
        assert_eq!(page(Some(100_000), None, None).unwrap().limit.rows(), 200);
        let by_name = page(Some(1), Some("name"), None).unwrap();
        assert_eq!((by_name.limit.rows(), by_name.sort, by_name.direction), (1, Sort::Name, Direction::Ascending));
        assert_eq!(page(None, Some("-name"), None).unwrap().direction, Direction::Descending);
        for (limit, sort, after, pointer) in [
            (Some(0), None, None, "/limit"),
            (Some(-1), None, None, "/limit"),
            (None, Some("secret"), None, "/sort"),
            (None, None, Some("nonsense"), "/after"),
        ] {
            assert_eq!(page(limit, sort, after).unwrap_err().0.pointer.as_deref(), Some(pointer));
        }
    }
}
