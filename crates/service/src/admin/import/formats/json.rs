//! JSON:API documents as exports have them: the pages of a list one after the other, in one list, or the resources alone.

use super::unreadable;
use crate::error::Result;
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// A resource, with its attributes as `A` reads them.
#[derive(Deserialize)]
pub struct Resource<A> {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its attributes.
    #[serde(default)]
    pub attributes: A,
    /// What it belongs to.
    #[serde(default)]
    pub relationships: BTreeMap<String, Relationship>,
}

/// What a resource belongs to, or has.
#[derive(Deserialize)]
pub struct Relationship {
    #[serde(default)]
    data: Option<Linkage>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Linkage {
    One(Identifier),
    Many(Vec<Identifier>),
}

#[derive(Deserialize)]
struct Identifier {
    id: String,
}

impl<A> Resource<A> {
    /// The ids that it is related to by that name.
    pub fn related(&self, name: &str) -> impl Iterator<Item = &str> {
        let linkage = self.relationships.get(name).and_then(|relationship| relationship.data.as_ref());
        let (one, many) = match linkage {
            Some(Linkage::One(one)) => (Some(one), None),
            Some(Linkage::Many(many)) => (None, Some(many)),
            None => (None, None),
        };
        one.into_iter().chain(many.into_iter().flatten()).map(|identifier| identifier.id.as_str())
    }
}

/// A page of a list, or a resource.
#[derive(Deserialize)]
#[serde(bound(deserialize = "A: Default + Deserialize<'de>"))]
struct Item<A> {
    #[serde(default)]
    data: Vec<Resource<A>>,
    #[serde(default)]
    included: Vec<Resource<A>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    #[serde(default)]
    attributes: A,
    #[serde(default)]
    relationships: BTreeMap<String, Relationship>,
}

/// Every resource of the documents in `text`, included ones too, in their order.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`] with the line and what is wrong.
pub fn resources<A: Default + DeserializeOwned>(text: &str) -> Result<Vec<Resource<A>>> {
    let mut found = Vec::new();
    let mut take = |item: Item<A>| {
        if let (Some(kind), Some(id)) = (item.kind, item.id) {
            found.push(Resource { kind, id, attributes: item.attributes, relationships: item.relationships });
        }
        found.extend(item.data);
        found.extend(item.included);
    };
    for items in values::<Item<A>>(text)? {
        take(items);
    }
    Ok(found)
}

/// The values of `text`: one after the other, or in one list.
///
/// # Errors
/// The same.
pub fn values<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    let broken = |error: serde_json::Error| unreadable(format_args!("The file is not the JSON expected: {error}."));
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(broken);
    }
    serde_json::Deserializer::from_str(text).into_iter().map(|value| value.map_err(broken)).collect()
}
