//! What a program shows of a token: the first letters, or the members of an
//! answer that are none.

use super::{Engine, args::Args};
use crate::{
    ir::Span,
    value::{Kind, Origin, Value},
};

/// So many letters tell nobody a token.
const FEW: i64 = 12;
/// What stands in for what is not shown.
const MASKS: &[&str] = &[
    "*", "xxx", "\u{2026}", "...", "FILTERED", "REDACTED", "filtered", "redacted",
];
/// Members of an answer that are secret.
const SECRETS: &[&str] = &["access_token", "refresh_token", "id_token"];

impl Engine<'_> {
    /// `token.first(6)`, `token.gsub(/./, "*")`, `answer.except("access_token",
    /// "refresh_token")`, `answer.slice("scope")`: no token any more.
    pub(super) fn masked(
        &mut self,
        of: Option<&Value>,
        method: &str,
        args: &Args,
        at: Span,
    ) -> Option<Value> {
        let of = of.filter(|_| self.traits.bare_calls)?;
        let first = args.positional.first();
        let hides = match method {
            "first" | "last" | "truncate" => {
                matches!(first.map(|v| &v.kind), Some(Kind::Number(n)) if (1..=FEW).contains(n))
            }
            "gsub" | "sub" => args
                .positional
                .get(1)
                .and_then(Value::as_str)
                .is_some_and(|text| MASKS.iter().any(|m| text.contains(m))),
            "except" | "without" => {
                let left_out = |name: &&str| {
                    let mut names = args.positional.iter().filter_map(Value::as_str);
                    names.any(|n| n == *name)
                };
                ["access_token", "refresh_token"].iter().all(left_out)
            }
            "slice" => {
                let mut names = args.positional.iter();
                !args.positional.is_empty()
                    && names.all(|v| v.as_str().is_some_and(|n| !SECRETS.contains(&n)))
            }
            _ => false,
        };
        let token = |o: &Origin| o.is_token();
        let told = matches!(of.kind, Kind::Sym | Kind::Unknown) && self.any(&of.taint, token);
        (hides && told).then(|| self.sym(Origin::TokenMeta, at))
    }
}
