//! Other licensing systems: where licenses came from, and whose clients are answered here.

use crate::id::ProductId;
use serde::{Deserialize, Serialize};

macro_rules! systems {
    ($($(#[$doc:meta])* $kind:ident { $($variant:ident = $stored:literal, $name:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $kind { $(#[doc = $name] #[serde(rename = $stored)] $variant,)* }

        impl $kind {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $stored,)* }
            }

            /// What people call it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The value of that stable name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($stored => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

systems! {
    /// Where a license was before it was imported, and the form of the file it came in.
    Source {
        Csv = "csv", "another system";
        Keygen = "keygen", "Keygen";
        LemonSqueezy = "lemon_squeezy", "Lemon Squeezy";
        Gumroad = "gumroad", "Gumroad";
        PaddleClassic = "paddle_classic", "Paddle Classic";
        Keylight = "keylight", "Keylight";
    }
    /// A system whose shipped clients a product can answer.
    GatewayKind {
        Keylight = "keylight", "Keylight";
        LemonSqueezy = "lemon_squeezy", "Lemon Squeezy";
        Keygen = "keygen", "Keygen";
    }
}

impl GatewayKind {
    /// The base address of its clients for a product, below the server's.
    pub fn path(self, product: ProductId) -> String {
        let system = match self {
            Self::Keylight => "keylight",
            Self::LemonSqueezy => "lemonsqueezy",
            Self::Keygen => "keygen",
        };
        format!("/gateways/{product}/{system}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for source in Source::ALL {
            assert_eq!(Source::from_name(source.as_str()), Some(*source));
        }
        for kind in GatewayKind::ALL {
            assert_eq!(GatewayKind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(Source::from_name("Keygen"), None);
    }
}
