//! A vendor's accent colour, made to be read: as it is where it can be, darker or lighter where it could not.

use std::{fmt, str::FromStr};

/// The least contrast of anything that is read (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;
/// The grounds that it stands on, in the light theme and in the dark one (`style/tokens.css`). The darker of the light ones
/// and the lighter of the dark ones decide, with room for what lies on them when it is pointed at.
const GROUNDS: [Rgb; 2] = [Rgb(0xed, 0xef, 0xf3), Rgb(0x22, 0x27, 0x2e)];
/// What is written on it, in the light theme and in the dark one.
const ON: [Rgb; 2] = [Rgb(0xff, 0xff, 0xff), Rgb(0x0d, 0x16, 0x26)];
/// In how many steps a colour goes to black or to white.
const STEPS: u16 = 64;

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(u8, u8, u8);

/// The text is no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written as # and six hexadecimal digits")]
pub struct NoColour;

impl FromStr for Rgb {
    type Err = NoColour;

    fn from_str(text: &str) -> Result<Self, NoColour> {
        let digits = text.trim().strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(NoColour)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoColour);
        }
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| NoColour);
        Ok(Self(part(0)?, part(2)?, part(4)?))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

impl Rgb {
    /// How bright it looks, from 0 to 1.
    fn luminance(self) -> f64 {
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(self.0) + 0.7152 * part(self.1) + 0.0722 * part(self.2)
    }

    /// The contrast to another colour, from 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// So many steps of the way to `end`.
    fn towards(self, end: Self, step: u16) -> Self {
        let part = |from: u8, to: u8| {
            let mixed = (u16::from(from) * (STEPS - step) + u16::from(to) * step) / STEPS;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Self(part(self.0, end.0), part(self.1, end.1), part(self.2, end.2))
    }
}

/// An accent colour for both themes, with what is written on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    /// In the light theme: the colour, and what is written on it.
    pub light: (Rgb, Rgb),
    /// In the dark one.
    pub dark: (Rgb, Rgb),
}

impl Accent {
    /// `colour` for both themes: no further from what was chosen than it takes to be read.
    pub fn of(colour: Rgb) -> Self {
        let fit = |theme: usize, end: Rgb| {
            let reads =
                |tried: &Rgb| tried.contrast(GROUNDS[theme]) >= READABLE && tried.contrast(ON[theme]) >= READABLE;
            let found = (0..=STEPS).map(|step| colour.towards(end, step)).find(reads);
            (found.unwrap_or(end), ON[theme])
        };
        Self { light: fit(0, Rgb(0, 0, 0)), dark: fit(1, Rgb(0xff, 0xff, 0xff)) }
    }

    /// The style sheet that sets it.
    pub fn style_sheet(self) -> String {
        let set = |(colour, on): (Rgb, Rgb)| {
            format!(
                "--color-primary:{colour};--color-primary-content:{on};--color-accent:{colour};--color-accent-content:{on}"
            )
        };
        let (light, dark) = (set(self.light), set(self.dark));
        format!(
            ":root,[data-theme=\"light\"]{{{light}}}\n\
             @media (prefers-color-scheme:dark){{:root:not([data-theme=\"light\"]){{{dark}}}}}\n\
             [data-theme=\"dark\"]{{{dark}}}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_can_be_read_in_both_themes() {
        assert!((Rgb(0, 0, 0).contrast(Rgb(255, 255, 255)) - 21.0).abs() < 0.001);
        let steps = [0u8, 51, 102, 153, 204, 255];
        for (r, g, b) in steps
            .into_iter()
            .flat_map(|r| steps.into_iter().flat_map(move |g| steps.into_iter().map(move |b| (r, g, b))))
        {
            let accent = Accent::of(Rgb(r, g, b));
            // Every ground that the style sheets have.
            for (pair, grounds) in [(accent.light, ["#ffffff", "#f6f7f9"]), (accent.dark, ["#121519", "#1a1e24"])] {
                assert!(pair.0.contrast(pair.1) >= READABLE, "{r} {g} {b}");
                for ground in grounds {
                    assert!(pair.0.contrast(ground.parse().unwrap()) >= READABLE, "{r} {g} {b} on {ground}");
                }
            }
        }
    }

    #[test]
    fn what_can_be_read_stays_as_it_was_chosen() {
        let blue: Rgb = "#2B59C3".parse().unwrap();
        assert_eq!(Accent::of(blue).light, (blue, ON[0]));
        let pale: Rgb = "#ffe08a".parse().unwrap();
        assert_eq!(Accent::of(pale).dark, (pale, ON[1]));
        assert_ne!(Accent::of(pale).light.0, pale);
    }

    #[test]
    fn nothing_but_a_colour_is_one() {
        for text in ["", "#", "#12345", "#1234567", "123456", "#12345g", "red", "#ééé", "#fff;}"] {
            assert_eq!(text.parse::<Rgb>(), Err(NoColour), "{text}");
        }
        let sheet = Accent::of(Rgb(1, 2, 3)).style_sheet();
        assert_eq!(sheet.matches('{').count(), sheet.matches('}').count());
    }
}
