//! The request that the command line describes.

use std::io::Read;

use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use valetkey::ApiRequest;
use valetkey_proto::error::Problem;

use super::{Args, invalid};
use crate::report::Failure;

pub(super) fn method(args: &Args) -> Result<Method, Problem> {
    let Some(text) = &args.method else {
        return Ok(if args.data.is_some() {
            Method::POST
        } else {
            Method::GET
        });
    };
    // TRACE would print the token, CONNECT makes a tunnel.
    text.parse::<Method>()
        .ok()
        .filter(|m| !matches!(*m, Method::TRACE | Method::CONNECT))
        .ok_or_else(|| {
            invalid(
                format!("-X `{text}` is not a method that can be sent"),
                "It is misspelt, or TRACE or CONNECT.",
                "Use GET, POST, PUT, PATCH, DELETE, or another of the API's.",
            )
        })
}

pub(super) fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), Problem> {
    const OWN: [HeaderName; 5] = [
        header::AUTHORIZATION,
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ];
    let name = text.split(':').next().unwrap_or_default().trim();
    let parsed = text.split_once(':').and_then(|(name, value)| {
        Some((
            name.trim().parse::<HeaderName>().ok()?,
            HeaderValue::from_str(value.trim()).ok()?,
        ))
    });
    // The value may be secret: only the name is told.
    let name: String = name.chars().take(60).collect();
    match parsed {
        Some((parsed, _)) if OWN.contains(&parsed) => Err(invalid(
            format!("-H `{name}` cannot be set"),
            "It is set by itself: Authorization holds the token.",
            "Leave it out.",
        )),
        Some(header) => Ok(header),
        None => Err(invalid(
            format!("-H `{name}` is not a header"),
            "It takes a name, a colon and a value.",
            "Write it as -H 'Accept: application/json'.",
        )),
    }
}

fn body(args: &Args) -> Result<Vec<u8>, Problem> {
    let Some(data) = &args.data else {
        return Ok(Vec::new());
    };
    let Some(file) = data.strip_prefix('@') else {
        return Ok(data.clone().into_bytes());
    };
    let read = if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|e| {
        invalid(
            format!("-d @{file} cannot be read: {e}"),
            "The file is not there, or not readable by this user.",
            "Name a file that is.",
        )
    })
}

/// All of it.
pub(super) fn request(args: &Args) -> Result<ApiRequest, Failure> {
    let wrong = |p: Problem| Failure::usage(vec![p]);
    let mut headers = Vec::new();
    for header in &args.header {
        headers.push(parse_header(header).map_err(wrong)?);
    }
    let body = body(args).map_err(wrong)?;
    let has = |name: HeaderName| headers.iter().any(|(n, _)| *n == name);
    if args.data.is_some() && !has(header::CONTENT_TYPE) {
        let json =
            serde_json::from_slice::<Value>(&body).is_ok_and(|v| v.is_object() || v.is_array());
        let kind = if json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        headers.push((header::CONTENT_TYPE, HeaderValue::from_static(kind)));
    }
    Ok(ApiRequest {
        method: method(args).map_err(wrong)?,
        url: args.url.clone(),
        headers,
        body,
    })
}
