//! One folder per screen: the view, its server functions, its model.
pub mod about;
