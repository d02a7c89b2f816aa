//! The one place through which every reply passes, and where faults act.

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use crate::{
    body::Body,
    endpoints,
    exchange::Exchange,
    faults::Fault,
    params::{append_to_query, encode},
    record::Endpoint,
    reply::{Encoding, Reply, ReplyBody},
    request::Request,
    route,
    server::Shared,
};

/// The connection is closed without a reply, because a fault says so.
#[derive(Debug, thiserror::Error)]
#[error("the reply was dropped on purpose")]
pub(crate) struct Dropped;

/// Receives, decides, records, and answers.
pub(crate) async fn answer(
    shared: &Shared,
    request: http::Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    let request = match Request::read(request).await {
        Ok(request) => request,
        Err(status) => return Ok(encode_reply(Reply::empty(status))),
    };
    let preset = shared.config.preset;
    let endpoint = route::endpoint(preset, &shared.urls, &request.path);
    let for_scripts = route::is_for_scripts(preset, endpoint);
    if request.method == Method::OPTIONS && for_scripts {
        return Ok(encode_reply(preflight()));
    }
    let faults = shared.faults.take(endpoint);
    for fault in &faults {
        match fault {
            Fault::DelayBefore(time) => tokio::time::sleep(*time).await,
            Fault::DisconnectBefore => {
                tracing::info!(%endpoint, "disconnected before, on purpose");
                return Err(Dropped);
            }
            _ => {}
        }
    }
    let mut exchange = Exchange::new(shared, &request, endpoint, faults);
    let mut reply = match endpoints::instead(&exchange) {
        Some(reply) => reply,
        None => endpoints::decide(&mut exchange).await,
    };
    if for_scripts {
        reply = reply.header("access-control-allow-origin", "*");
    }
    finish(exchange, reply).await
}

fn preflight() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "GET, POST")
        .header(
            "access-control-allow-headers",
            "authorization, content-type",
        )
        .header("access-control-max-age", "600")
}

/// Makes durable, signs, records, plants the faults, encodes.
async fn finish(mut exchange: Exchange<'_>, mut reply: Reply) -> Result<Response<Body>, Dropped> {
    for commit in std::mem::take(&mut exchange.commits) {
        if !commit.durable().await {
            reply = Exchange::not_durable();
            exchange.record.outcome.issued.clear();
        }
    }
    if let Some(unsigned) = reply.id_token.take() {
        match unsigned.sign(&exchange.shared.keys, &exchange.faults).await {
            Ok(id_token) => {
                exchange.issued("id_token", &id_token);
                if let ReplyBody::Members(members, _) = &mut reply.body {
                    members.insert("id_token".into(), id_token.into());
                }
            }
            Err(e) => {
                tracing::error!("{e}");
                reply = Reply::json(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    json!({"error": "server_error"}),
                )
                .because("server_error");
            }
        }
    }
    let Exchange {
        shared,
        mut record,
        faults,
        ..
    } = exchange;
    record.outcome.status = reply.status;
    record.outcome.error.clone_from(&reply.error);
    record.outcome.redirected = reply.is_authorization_response();
    record.faults = faults.iter().map(Fault::name).collect();
    tracing::info!(
        endpoint = record.endpoint.name(),
        method = record.method,
        status = record.outcome.status,
        error = record.outcome.error,
        client = record.client,
        user = record.user,
        "answered"
    );
    for warning in &record.warnings {
        tracing::warn!(client = record.client, "{warning}");
    }
    shared.log.insert(record);

    for fault in &faults {
        alter(&mut reply, fault);
    }
    let mut response = encode_reply(reply);
    for fault in faults {
        match fault {
            Fault::DelayAfter(time) => tokio::time::sleep(time).await,
            Fault::Hold(gate) => gate.passed().await,
            Fault::DisconnectAfter => return Err(Dropped),
            Fault::Truncate(keep) => {
                response = response.map(|body| Body::Truncated(Some(whole(body)), keep));
            }
            Fault::Drip(every) => response = response.map(|body| Body::drip(whole(body), every)),
            Fault::Endless => {
                response.headers_mut().remove(header::CONTENT_LENGTH);
                response = response.map(|_| Body::Endless);
            }
            _ => {}
        }
    }
    Ok(response)
}

fn whole(body: Body) -> bytes::Bytes {
    match body {
        Body::Whole(Some(bytes)) => bytes,
        _ => bytes::Bytes::new(),
    }
}

/// What a fault does to a reply that is still data.
fn alter(reply: &mut Reply, fault: &Fault) {
    match fault {
        Fault::Status(status) => reply.status = *status,
        Fault::SetHeader(name, value) => {
            reply.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
            reply.headers.push((name.clone(), value.clone()));
        }
        Fault::RemoveHeader(name) => reply.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name)),
        Fault::Body(text) => {
            let (content_type, _) = body_of(&reply.body);
            reply.body = ReplyBody::Text {
                content_type: content_type.unwrap_or("text/plain").to_owned(),
                text: text.clone(),
            };
        }
        Fault::SetMember(name, value) => {
            if let ReplyBody::Members(members, _) = &mut reply.body {
                members.insert(name.clone(), value.clone());
            }
        }
        Fault::RemoveMember(name) => {
            if let ReplyBody::Members(members, _) = &mut reply.body {
                members.remove(name);
            }
        }
        Fault::Error(code) => refuse(reply, code),
        Fault::Alter(change) => change(reply),
        _ => {}
    }
    let ReplyBody::Redirect { params, .. } = &mut reply.body else {
        return;
    };
    match fault {
        Fault::SetParam(name, value) => match params.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => value.clone_into(old),
            None => params.push((name.clone(), value.clone())),
        },
        Fault::RemoveParam(name) => params.retain(|(n, _)| n != name),
        Fault::AddParam(name, value) => params.push((name.clone(), value.clone())),
        _ => {}
    }
}

/// Turns an authorization response into an error.
fn refuse(reply: &mut Reply, code: &str) {
    if let ReplyBody::Redirect { params, .. } = &mut reply.body {
        params.retain(|(name, _)| matches!(name.as_str(), "state" | "iss"));
        params.insert(0, ("error".into(), code.to_owned()));
    }
}

/// The response as it goes over the wire.
fn encode_reply(reply: Reply) -> Response<Body> {
    let (content_type, bytes) = body_of(&reply.body);
    let mut response = Response::new(Body::Whole(Some(bytes.into())));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let ReplyBody::Text { content_type, .. } = &reply.body
        && let Ok(value) = HeaderValue::from_str(content_type)
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let ReplyBody::Redirect { uri, params } = &reply.body
        && let Ok(value) = HeaderValue::from_str(&append_to_query(uri, params))
    {
        headers.insert(header::LOCATION, value);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
    }
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            if name == header::CONTENT_TYPE {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
    }
    response
}

fn body_of(body: &ReplyBody) -> (Option<&'static str>, Vec<u8>) {
    match body {
        ReplyBody::Empty | ReplyBody::Redirect { .. } => (None, Vec::new()),
        ReplyBody::Html(page) => (Some("text/html; charset=utf-8"), page.clone().into_bytes()),
        ReplyBody::Text { text, .. } => (None, text.clone().into_bytes()),
        ReplyBody::Json(value) => (Some("application/json"), value.to_string().into_bytes()),
        ReplyBody::Members(members, Encoding::Json) => (
            Some("application/json"),
            Value::Object(members.clone()).to_string().into_bytes(),
        ),
        ReplyBody::Members(members, Encoding::Form) => (
            Some("application/x-www-form-urlencoded; charset=utf-8"),
            encode(&as_pairs(members)).into_bytes(),
        ),
        ReplyBody::Members(members, Encoding::Xml) => (
            Some("application/xml; charset=utf-8"),
            as_xml(members).into_bytes(),
        ),
    }
}

fn as_pairs(members: &Map<String, Value>) -> Vec<(String, String)> {
    members
        .iter()
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (name.clone(), text)
        })
        .collect()
}

fn as_xml(members: &Map<String, Value>) -> String {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let inner: String = as_pairs(members)
        .iter()
        .map(|(name, value)| format!("<{name}>{}</{name}>", escape(value)))
        .collect();
    format!("<OAuth>{inner}</OAuth>")
}

/// Whether a fault refuses a request before it is decided.
pub(crate) fn refusal(endpoint: Endpoint, fault: &Fault) -> Option<Reply> {
    match fault {
        Fault::Instead {
            status,
            content_type,
            body,
        } => {
            let mut reply = Reply::empty(StatusCode::OK);
            reply.status = *status;
            reply.body = ReplyBody::Text {
                content_type: content_type.clone(),
                text: body.clone(),
            };
            Some(reply)
        }
        Fault::Error(code)
            if !matches!(
                endpoint,
                Endpoint::Authorize | Endpoint::Consent | Endpoint::SignIn
            ) =>
        {
            let status = match code.as_str() {
                "invalid_client" | "invalid_token" => StatusCode::UNAUTHORIZED,
                "insufficient_scope" => StatusCode::FORBIDDEN,
                "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
                "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            };
            let reply = Reply::json(status, json!({"error": code})).because(code);
            Some(match endpoint {
                Endpoint::Userinfo | Endpoint::Emails | Endpoint::Photos | Endpoint::Mail => reply
                    .header(
                        "www-authenticate",
                        format!("Bearer realm=\"valetkey\", error=\"{code}\""),
                    ),
                _ => reply,
            })
        }
        _ => None,
    }
}
