//! Discovery and the key set.

use http::StatusCode;
use serde_json::json;

use crate::{exchange::Exchange, preset::Preset, reply::Reply, scopes};

/// OpenID Connect Discovery 3, RFC 8414 section 2, RFC 9207 section 3.
pub(super) fn metadata(exchange: &mut Exchange<'_>) -> Reply {
    let shared = exchange.shared;
    let urls = &shared.urls;
    let preset = shared.config.preset;
    let mut document = json!({
        "issuer": urls.issuer,
        "authorization_endpoint": urls.url(urls.paths.authorization),
        "token_endpoint": urls.url(urls.paths.token),
        "scopes_supported": scopes::supported(preset),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post", "none",
        ],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": shared.config.iss,
    });
    if preset.issues_id_tokens() {
        document["userinfo_endpoint"] = urls.url(urls.paths.userinfo).into();
        document["subject_types_supported"] = json!(["public"]);
        document["id_token_signing_alg_values_supported"] =
            json!([shared.config.signing_alg.name()]);
        document["claims_supported"] = json!([
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "at_hash",
            "sid",
            "name",
            "given_name",
            "family_name",
            "preferred_username",
            "email",
            "email_verified",
        ]);
        document["claims_parameter_supported"] = false.into();
        document["request_parameter_supported"] = false.into();
        // Its default is true (Discovery 3).
        document["request_uri_parameter_supported"] = false.into();
    }
    if preset == Preset::Oidc {
        document["prompt_values_supported"] = json!(["none", "login", "consent"]);
        document["service_documentation"] = urls.url("/").into();
    }
    if let Some(jwks) = urls.paths.jwks {
        document["jwks_uri"] = urls.url(jwks).into();
    }
    if let Some(revocation) = urls.paths.revocation {
        document["revocation_endpoint"] = urls.url(revocation).into();
        document["revocation_endpoint_auth_methods_supported"] =
            document["token_endpoint_auth_methods_supported"].clone();
    }
    Reply::json(StatusCode::OK, document)
}

/// The public keys; waits for the first one to be made.
pub(super) async fn jwks(exchange: &mut Exchange<'_>) -> Reply {
    match exchange.shared.keys.ring().await {
        Ok(ring) => Reply::json(StatusCode::OK, ring.jwks()),
        Err(e) => {
            tracing::error!("{e}");
            Reply::json(
                StatusCode::INTERNAL_SERVER_ERROR,
                json!({"error": "server_error"}),
            )
            .because("server_error")
        }
    }
}
