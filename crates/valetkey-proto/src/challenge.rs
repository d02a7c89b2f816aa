//! Reading `WWW-Authenticate` (RFC 9110 section 11.6.1, RFC 6750 section 3).

/// One challenge: a scheme with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, in lower case.
    pub scheme: String,
    /// The parameters, names in lower case, in order.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// A parameter's value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// What a resource server says of a bearer token that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BearerError {
    /// `invalid_token`: expired, revoked or malformed. One refresh may help.
    InvalidToken,
    /// `insufficient_scope`: the token is good and does not open this.
    InsufficientScope,
    /// A challenge without an error, or with one that we do not know.
    Other,
}

/// Reads one header value into its challenges. Never fails: what cannot be
/// read is left out.
#[must_use]
pub fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for item in split_outside_quotes(header) {
        let item = item.trim();
        if item.is_empty() {
            continue;
        }
        let (scheme, rest) = match item.split_once([' ', '\t']) {
            Some((scheme, rest)) if is_token(scheme) && !rest.trim_start().starts_with('=') => {
                (Some(scheme), rest.trim())
            }
            None if is_token(item) => (Some(item), ""),
            _ => (None, item),
        };
        if let Some(scheme) = scheme {
            challenges.push(Challenge {
                scheme: scheme.to_ascii_lowercase(),
                parameters: Vec::new(),
            });
        }
        if let (Some(current), Some((name, value))) = (challenges.last_mut(), rest.split_once('='))
        {
            let name = name.trim().to_ascii_lowercase();
            if is_token(&name) {
                current.parameters.push((name, unquote(value.trim())));
            }
        }
    }
    challenges
}

/// What the bearer challenge among `headers` says, if there is one.
#[must_use]
pub fn bearer_error<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<BearerError> {
    headers
        .into_iter()
        .flat_map(parse_challenges)
        .find(|c| c.scheme == "bearer")
        .map(|c| match c.parameter("error") {
            Some("invalid_token") => BearerError::InvalidToken,
            Some("insufficient_scope") => BearerError::InsufficientScope,
            _ => BearerError::Other,
        })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn split_outside_quotes(header: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, b) in header.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                parts.push(&header[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&header[start..]);
    parts
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs_05_schemes_are_read_without_case_and_among_several() {
        let invalid = [
            r#"Bearer error="invalid_token""#,
            r#"bEARER realm="x, y", error="invalid_token", error_description="a \"b\" c""#,
            r#"Basic realm="a", Bearer realm="b", error=invalid_token"#,
            r#"Newauth realm="apps", type=1, title="Login to \"apps\"", BEARER error = "invalid_token""#,
            "Negotiate, Bearer error=\"invalid_token\"",
        ];
        for header in invalid {
            assert_eq!(
                bearer_error([header]),
                Some(BearerError::InvalidToken),
                "{header}"
            );
        }
        assert_eq!(bearer_error(["Bearer"]), Some(BearerError::Other));
        assert_eq!(
            bearer_error([
                "Basic realm=\"Bearer error=invalid_token\"",
                "Bearer error=\"insufficient_scope\", scope=\"read:mail\""
            ]),
            Some(BearerError::InsufficientScope)
        );
        assert_eq!(bearer_error(["Basic realm=\"x\""]), None);
    }

    #[test]
    fn hostile_headers_never_panic() {
        for header in [
            "",
            ",",
            "\"",
            "Bearer \"",
            "Bearer error=\"",
            "=,=\"\\",
            "Bearer \u{e9}=\u{e9}",
            "a=\"\\",
        ] {
            let _ = bearer_error([header]);
        }
    }
}
