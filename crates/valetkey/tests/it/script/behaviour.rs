//! What the scripted server does when it is left alone.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use valetkey::clock::Clock;

use super::{CLIENT_ID, Grant, Inner, Key, Lie, METADATA, Reply, SECRET, Seen, State, b64};

pub(super) async fn answer(
    inner: Arc<Inner>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<bytes::Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    };
    let lies = inner.state.lock().unwrap().lies(&seen.path);
    inner.seen.lock().unwrap().push(seen.clone());
    for lie in &lies {
        match lie {
            Lie::Hang => return Err(std::io::Error::other("on purpose")),
            Lie::Before(gate) => drop(gate.acquire().await),
            _ => {}
        }
    }
    let mut reply = inner.decide(&seen);
    for lie in lies {
        match lie {
            Lie::Change(change) => change(&seen, &mut reply),
            Lie::After(gate) => drop(gate.acquire().await),
            _ => {}
        }
    }
    let mut response = http::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(reply.body.into())).unwrap())
}

impl Inner {
    fn decide(&self, seen: &Seen) -> Reply {
        match seen.path.as_str() {
            path if path.ends_with(METADATA) => Reply::json(200, &self.metadata()),
            "/jwks" => {
                let state = self.state.lock().unwrap();
                let keys: Vec<_> = state.keys.iter().map(Key::jwk).collect();
                Reply::json(200, &json!({ "keys": keys }))
            }
            "/token" => self
                .token(seen)
                .unwrap_or_else(|(status, error)| Reply::json(status, &json!({"error": error}))),
            "/userinfo" => self.resource(seen, || {
                json!({"sub": "user-1", "name": "Alice Example", "email": "alice@example.test",
                    "email_verified": true})
            }),
            "/api" => self.resource(seen, || json!({"photos": 3})),
            "/revoke" => {
                let token = seen.field("token").unwrap_or_default();
                let mut state = self.state.lock().unwrap();
                state.refresh.remove(&token);
                state.access.remove(&token);
                Reply::text(200, "text/plain", "")
            }
            _ => Reply::text(404, "text/plain", "nothing here"),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.origin);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"),
            "revocation_endpoint": at("/revoke"),
            "response_types_supported": ["id_token code", "code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": true,
            "something_unknown": {"x": [1, 2]},
        })
    }

    fn resource(&self, seen: &Seen, body: impl FnOnce() -> Value) -> Reply {
        let state = self.state.lock().unwrap();
        let Some(token) = seen.bearer() else {
            return Reply::json(401, &json!({})).header("www-authenticate", "Bearer");
        };
        let now = self.clock.now();
        if state.access.get(token).is_some_and(|end| *end > now) {
            Reply::json(200, &body())
        } else {
            Reply::json(401, &json!({}))
                .header("www-authenticate", "Bearer error=\"invalid_token\"")
        }
    }

    fn token(&self, seen: &Seen) -> Result<Reply, (u16, &'static str)> {
        if seen.method != "POST" || !seen.query.is_empty() {
            return Err((400, "invalid_request"));
        }
        let in_body = seen.field("client_id");
        let known = match (seen.basic(), seen.field("client_secret")) {
            (Some((id, secret)), None) => id == CLIENT_ID && secret == SECRET && in_body.is_none(),
            (None, Some(secret)) => in_body.as_deref() == Some(CLIENT_ID) && secret == SECRET,
            (None, None) => in_body.as_deref() == Some("public"),
            _ => false,
        };
        if !known {
            return Err((401, "invalid_client"));
        }
        let mut state = self.state.lock().unwrap();
        let (grant, first) = match seen.field("grant_type").as_deref() {
            Some("authorization_code") => {
                let code = seen.field("code").ok_or((400, "invalid_request"))?;
                let grant = state.codes.remove(&code).ok_or((400, "invalid_grant"))?;
                let verifier = seen.field("code_verifier").unwrap_or_default();
                if state.pkce
                    && b64(digest(&SHA256, verifier.as_bytes()).as_ref()) != grant.challenge
                    || seen.field("redirect_uri").as_deref() != Some(&grant.redirect_uri)
                {
                    return Err((400, "invalid_grant"));
                }
                (grant, true)
            }
            Some("refresh_token") => {
                let token = seen.field("refresh_token").unwrap_or_default();
                let grant = state.refresh.get(&token).cloned();
                if state.rotate {
                    state.refresh.remove(&token);
                }
                (grant.ok_or((400, "invalid_grant"))?, false)
            }
            _ => return Err((400, "unsupported_grant_type")),
        };
        let access = state.token("access");
        let now = self.clock.now();
        let end = now + state.expires_in.unwrap_or(3600);
        state.access.insert(access.clone(), end);
        let mut body = json!({"access_token": access, "token_type": "bEARER",
            "scope": grant.scope, "unknown": [1]});
        if let Some(seconds) = state.expires_in {
            body["expires_in"] = seconds.into();
        }
        if (first || state.rotate) && grant.scope.contains("offline_access") {
            let refresh = state.token("refresh");
            body["refresh_token"] = refresh.clone().into();
            state.refresh.insert(refresh, grant.clone());
        }
        if grant.scope.contains("openid") {
            body["id_token"] = self.id_token(&state, &grant, first, &access).into();
        }
        Ok(Reply::json(200, &body))
    }

    fn id_token(&self, state: &State, grant: &Grant, first: bool, access: &str) -> String {
        let now = self.clock.now();
        let key = state.keys.last().unwrap();
        let mut header = json!({"alg": "ES256", "kid": key.kid, "typ": "JWT"});
        let hash = digest(&SHA256, access.as_bytes());
        let mut claims = json!({"iss": self.issuer, "sub": "user-1", "aud": CLIENT_ID,
            "iat": now, "exp": now + 300, "auth_time": self.clock.now() - 5,
            "at_hash": b64(&hash.as_ref()[..16])});
        if first && let Some(nonce) = &grant.nonce {
            claims["nonce"] = nonce.clone().into();
        }
        if !first {
            claims.as_object_mut().unwrap().remove("auth_time");
        }
        if let Some(change) = &state.claims {
            change(&mut header, &mut claims);
        }
        let token = key.sign(&header, &claims);
        match &state.compact {
            Some(change) => change(token),
            None => token,
        }
    }
}
