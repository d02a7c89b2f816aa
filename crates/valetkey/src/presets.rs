//! Named providers. A preset is data, plus the few habits of a provider that
//! data cannot say; adding one is adding a file and a line in [`ALL`].

use crate::provider::Provider;

mod facebook;
mod github;
mod google;

/// A provider that Valetkey knows by name.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Preset {
    /// The name, as in `valetkey login NAME`.
    pub name: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// Where applications are registered.
    pub registration_page: &'static str,
    /// What the registration page calls the redirect URI.
    pub redirect_uri_field: &'static str,
    /// What it can and cannot do, one fact a line.
    pub facts: &'static [&'static str],
    /// The entry.
    make: fn() -> Provider,
}

impl Preset {
    /// The provider's entry.
    #[must_use]
    pub fn provider(&self) -> Provider {
        (self.make)()
            .display_name(self.display_name)
            .registration_page(self.registration_page)
    }
}

/// All presets with addresses of their own.
pub const ALL: &[Preset] = &[github::PRESET, google::PRESET, facebook::PRESET];

/// Finds a preset by name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.name == name)
}

/// The entry of the preset `name`.
#[must_use]
pub fn provider(name: &str) -> Option<Provider> {
    find(name).map(Preset::provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_sound() {
        for preset in ALL {
            let provider = preset.provider();
            assert_eq!(provider.name(), preset.name);
            assert!(provider.problems(true, false).is_empty(), "{}", preset.name);
            assert!(!preset.facts.is_empty());
            assert!(
                !provider.danger_token_by_get,
                "no preset asks for tokens by GET"
            );
        }
    }
}
