//! Google: OpenID Connect.

use super::Preset;
use crate::provider::Provider;

pub(super) const PRESET: Preset = Preset {
    name: "google",
    display_name: "Google",
    registration_page: "https://console.cloud.google.com/auth/clients",
    redirect_uri_field: "Authorized redirect URIs",
    facts: &[
        "signs users in by a verified ID token",
        "a refresh token comes only with access_type=offline and a consent page that was shown (prompt=consent); it is not rotated",
        "while the consent screen is external and in testing, refresh tokens die after 7 days",
        "granted scopes come back under other names: `email` as a URL",
        "`hd` is there only for accounts of an organisation; check the claim, not the parameter",
    ],
    make,
};

fn make() -> Provider {
    Provider::oidc("google", "https://accounts.google.com")
        .issuer_alias("accounts.google.com")
        .api_origin("https://www.googleapis.com")
        .api_origin("https://openidconnect.googleapis.com")
}
