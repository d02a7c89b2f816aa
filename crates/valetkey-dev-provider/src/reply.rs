//! A reply as data, before it is encoded: what faults can change.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::id_token::Unsigned;

/// A reply before it is encoded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers apart from `Content-Type` and `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: ReplyBody,
    /// The OAuth error code that the reply carries, for the record.
    pub(crate) error: Option<String>,
    /// The ID token that is signed into the body last of all.
    pub(crate) id_token: Option<Unsigned>,
}

/// The body of a [`Reply`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReplyBody {
    /// Nothing.
    Empty,
    /// A page.
    Html(String),
    /// Text of some other type.
    Text {
        /// The `Content-Type`.
        content_type: String,
        /// The text.
        text: String,
    },
    /// A JSON array or anything else that has no members.
    Json(Value),
    /// Named members, encoded as said.
    Members(Map<String, Value>, Encoding),
    /// Sends the browser to `uri`, to whose query `params` are appended.
    Redirect {
        /// Where to, as registered.
        uri: String,
        /// What is appended to its query.
        params: Vec<(String, String)>,
    },
}

/// How members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/xml`, as GitHub writes it.
    Xml,
}

impl Reply {
    fn with(status: StatusCode, body: ReplyBody) -> Self {
        Self {
            status: status.as_u16(),
            headers: Vec::new(),
            body,
            error: None,
            id_token: None,
        }
    }

    /// A JSON document.
    pub(crate) fn json(status: StatusCode, value: Value) -> Self {
        match value {
            Value::Object(members) => Self::members(status, members, Encoding::Json),
            other => Self::with(status, ReplyBody::Json(other)),
        }
    }

    pub(crate) fn members(
        status: StatusCode,
        members: Map<String, Value>,
        encoding: Encoding,
    ) -> Self {
        Self::with(status, ReplyBody::Members(members, encoding))
    }

    /// A page.
    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::with(status, ReplyBody::Html(page))
    }

    /// Nothing but a status.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::with(status, ReplyBody::Empty)
    }

    /// 303 to an address of the provider itself.
    pub(crate) fn see_other(path: &str) -> Self {
        Self::empty(StatusCode::SEE_OTHER).header("location", path)
    }

    /// 303 to the client, with the authorization response in the query.
    pub(crate) fn to_client(uri: &str, params: Vec<(String, String)>) -> Self {
        let error = params
            .iter()
            .find(|(name, _)| name == "error")
            .map(|(_, value)| value.clone());
        let mut reply = Self::with(
            StatusCode::SEE_OTHER,
            ReplyBody::Redirect {
                uri: uri.to_owned(),
                params,
            },
        );
        reply.error = error;
        reply
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn because(mut self, error: &str) -> Self {
        self.error = Some(error.to_owned());
        self
    }

    /// Whether the browser is sent to the client.
    pub(crate) fn is_authorization_response(&self) -> bool {
        matches!(self.body, ReplyBody::Redirect { .. })
    }
}
