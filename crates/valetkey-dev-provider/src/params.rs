//! Parameters as they came: in order, doubled ones and all.

/// Parameters of a query or a form body, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The same as text, in one way of writing.
    pub(crate) fn encode(&self) -> String {
        encode(&self.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// A name that is there twice (RFC 6749 section 3.1: must not be).
    pub(crate) fn doubled(&self) -> Option<&str> {
        self.0
            .iter()
            .enumerate()
            .find(|(i, (name, _))| self.0[..*i].iter().any(|(earlier, _)| earlier == name))
            .map(|(_, (name, _))| name.as_str())
    }

    /// How often a name is there.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(n, _)| n == name).count()
    }

    /// The value of a name. One without a value counts as left out
    /// (RFC 6749 section 3.1).
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
            .filter(|v| !v.is_empty())
    }
}

/// Writes parameters as `application/x-www-form-urlencoded`.
pub(crate) fn encode(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Appends parameters to the query of a URI, which may have one already
/// (RFC 6749 section 3.1.2).
pub(crate) fn append_to_query(uri: &str, pairs: &[(String, String)]) -> String {
    let (before, fragment) = match uri.split_once('#') {
        Some((before, fragment)) => (before, format!("#{fragment}")),
        None => (uri, String::new()),
    };
    let separator = match before.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{before}{separator}{}{fragment}", encode(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_is_there_survives() {
        let pairs = [("code".to_owned(), "a b".to_owned())];
        for (uri, want) in [
            ("http://a/cb", "http://a/cb?code=a+b"),
            ("http://a/cb?x=%20y", "http://a/cb?x=%20y&code=a+b"),
            ("http://a/cb?", "http://a/cb?code=a+b"),
            ("com.example:/cb", "com.example:/cb?code=a+b"),
        ] {
            assert_eq!(append_to_query(uri, &pairs), want);
        }
    }

    #[test]
    fn finds_what_is_doubled_and_drops_what_is_empty() {
        let params = Params::parse(b"a=1&b=&c=2&a=1");
        assert_eq!(params.doubled(), Some("a"));
        assert_eq!(params.value("b"), None);
        assert_eq!(params.count("b"), 1);
        assert_eq!(params.value("c"), Some("2"));
    }
}
