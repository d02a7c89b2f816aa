//! A small tolerant reader of HTML: tags, attributes, entities.
//!
//! Not a parser of the standard: it makes no tree. It reads whatever it is
//! given, in one pass, and never fails.

/// A piece of a document, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A start tag; names are in lower case, values decoded.
    Open(String, Vec<(String, String)>),
    /// An end tag.
    Close(String),
    /// Decoded text.
    Text(String),
}

/// The first value of an attribute.
pub(crate) fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

/// Cuts a document into tokens.
pub(crate) fn tokens(html: &str) -> Vec<Token> {
    let lower = html.to_ascii_lowercase();
    let mut out = Vec::new();
    let mut at = 0;
    while at < html.len() {
        let Some(next) = html[at..].find('<').map(|i| at + i) else {
            push_text(&mut out, &html[at..]);
            break;
        };
        push_text(&mut out, &html[at..next]);
        at = next;
        let rest = &html[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            at = comment.find("-->").map_or(html.len(), |i| at + 4 + i + 3);
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            at = rest.find('>').map_or(html.len(), |i| at + i + 1);
        } else if rest.starts_with("</") && is_letter(rest, 2) {
            let end = rest.find('>').unwrap_or(rest.len());
            out.push(Token::Close(tag_name(&lower[at + 2..at + end])));
            at = (at + end + 1).min(html.len());
        } else if is_letter(rest, 1) {
            let name = tag_name(&lower[at + 1..]);
            let (attributes, end) = read_attributes(rest, 1 + name.len());
            at += end;
            let raw = matches!(
                name.as_str(),
                "script" | "style" | "textarea" | "title" | "template"
            );
            out.push(Token::Open(name.clone(), attributes));
            if raw {
                let close = format!("</{name}");
                let end = lower[at..].find(&close).map_or(html.len(), |i| at + i);
                let text = &html[at..end];
                match name.as_str() {
                    // Only these two hold text with entities; the others hold no text at all.
                    "textarea" | "title" => push_text(&mut out, text),
                    _ => {}
                }
                at = end;
            }
        } else {
            push_text(&mut out, "<");
            at += 1;
        }
    }
    out
}

fn push_text(out: &mut Vec<Token>, text: &str) {
    if !text.is_empty() {
        out.push(Token::Text(decode(text)));
    }
}

fn is_letter(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_alphabetic)
}

fn tag_name(text: &str) -> String {
    text.split(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Reads attributes from `at` on; answers them and where the tag has ended.
fn read_attributes(tag: &str, mut at: usize) -> (Vec<(String, String)>, usize) {
    let bytes = tag.as_bytes();
    let mut attributes = Vec::new();
    loop {
        while at < bytes.len() && (bytes[at].is_ascii_whitespace() || bytes[at] == b'/') {
            at += 1;
        }
        if at >= bytes.len() {
            return (attributes, at);
        }
        if bytes[at] == b'>' {
            return (attributes, at + 1);
        }
        let start = at;
        at += 1;
        while at < bytes.len()
            && !bytes[at].is_ascii_whitespace()
            && !matches!(bytes[at], b'=' | b'>' | b'/')
        {
            at += 1;
        }
        let name = tag[start..at].to_ascii_lowercase();
        let mut value = String::new();
        let mut look = at;
        while look < bytes.len() && bytes[look].is_ascii_whitespace() {
            look += 1;
        }
        if bytes.get(look) == Some(&b'=') {
            at = look + 1;
            while at < bytes.len() && bytes[at].is_ascii_whitespace() {
                at += 1;
            }
            let (from, to, next) = match bytes.get(at) {
                Some(&quote @ (b'"' | b'\'')) => {
                    let from = at + 1;
                    let to = tag[from..]
                        .find(char::from(quote))
                        .map_or(tag.len(), |i| from + i);
                    (from, to, (to + 1).min(tag.len()))
                }
                _ => {
                    let to = tag[at..]
                        .find(|c: char| c.is_ascii_whitespace() || c == '>')
                        .map_or(tag.len(), |i| at + i);
                    (at, to, to)
                }
            };
            value = decode(&tag[from..to]);
            at = next;
        }
        attributes.push((name, value));
    }
}

/// Replaces character references; what is none stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest name here has 8 characters.
        let end = rest
            .bytes()
            .take(12)
            .position(|b| b == b';')
            .filter(|&end| rest.is_char_boundary(end));
        match end.and_then(|end| Some((reference(&rest[1..end])?, end))) {
            Some((c, end)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| *c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "hellip" => '…',
        "mdash" => '—',
        "ndash" => '–',
        "rarr" => '→',
        "larr" => '←',
        "middot" => '·',
        "times" => '×',
        "copy" => '©',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_attributes_in_every_notation() {
        let tokens = tokens(r#"<INPUT name=a value='x&amp;"y' disabled data-x = "1>2" />t"#);
        let Token::Open(name, attributes) = &tokens[0] else {
            panic!("{tokens:?}");
        };
        assert_eq!(name, "input");
        assert_eq!(attribute(attributes, "name"), Some("a"));
        assert_eq!(attribute(attributes, "value"), Some("x&\"y"));
        assert_eq!(attribute(attributes, "disabled"), Some(""));
        assert_eq!(attribute(attributes, "data-x"), Some("1>2"));
        assert_eq!(tokens[1], Token::Text("t".into()));
    }

    #[test]
    fn decodes_references_and_leaves_the_rest() {
        for (text, expected) in [
            ("a &lt;b&gt; &#39;&#x27; &amp;lt;", "a <b> '' &lt;"),
            (
                "AT&T &unknown; & &#xD800; &#0;",
                "AT&T &unknown; & &#xD800; &#0;",
            ),
            ("&", "&"),
            ("&ä;ö", "&ä;ö"),
        ] {
            assert_eq!(decode(text), expected);
        }
    }

    #[test]
    fn scripts_and_comments_are_not_markup() {
        let tokens = tokens("<script>if (a<b) '<form name=evil>'</script><!-- <form> --><p>x");
        assert_eq!(
            tokens,
            [
                Token::Open("script".into(), vec![]),
                Token::Close("script".into()),
                Token::Open("p".into(), vec![]),
                Token::Text("x".into()),
            ]
        );
    }

    #[test]
    fn never_fails_on_broken_markup() {
        for html in [
            "<",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "</",
            "</a",
            "<!",
            "<!--",
            "a<1",
            "<textarea>",
            "<é>",
            "&#",
            "<a \u{130}=1>",
            "<script>\u{130}</SCRIPT>",
        ] {
            let _ = tokens(html);
            for end in 0..html.len() {
                if html.is_char_boundary(end) {
                    let _ = tokens(&html[..end]);
                }
            }
        }
    }
}
