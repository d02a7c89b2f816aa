use super::{check, inside, lowered};

#[test]
fn what_may_be_absent_or_fail_is_a_value() {
    check(
        &[
            ("Some(x)", "return x"),
            ("Ok(x)", "return ?Ok(x)"),
            ("return Err(E)", "return ?Err(E)"),
            ("let a = b()?;", "a = ?(b())"),
            (
                "let a = s.get::<String>(\"k\").await?;",
                "a = ?(s.get(\"k\"))",
            ),
            (
                "let a = s.remove(\"k\").await?;",
                "a = ?(?async(s.remove(\"k\")))",
            ),
            (
                "let Some(a) = b else { return c };",
                "$m1 = b; if ?some($m1) {} else {return c}; a = ?ok($m1)",
            ),
            (
                "if let Ok(a) = b { c(a) }",
                "$m1 = b; a = ?ok($m1); if ?okay($m1) {return c(a)}",
            ),
            (
                "match a { Some(b) if b == c => d, _ => e }",
                "$m1 = a; b = ?ok($m1); if and(?some($m1), (b == c)) {return d} else {return e}",
            ),
            (
                "match (a, b) { (Some(c), None) => c, _ => d }",
                "$m1 = a; $m2 = b; if and(?some($m1), !?some($m2)) {c = ?ok($m1); return c} else {return d}",
            ),
            ("let (a, _) = b;", "$m1 = b; a = ?nth($m1, 0)"),
            ("matches!(a, Some(_))", "$m1 = a; return ?some($m1)"),
            ("Outcome::Success(x)", "return ?Ok(x)"),
            ("Outcome::Error((s, e))", "return ?Err([s, e])"),
            (
                "if let Outcome::Success(a) = b { c(a) }",
                "$m1 = b; a = ?ok($m1); if ?okay($m1) {return c(a)}",
            ),
            (
                "let a: Query<T> = extract().await?;",
                "a = ?(?extract(\"Query<T>\"))",
            ),
            ("let a = use_context::<T>();", "a = ?context(\"T\")"),
            ("let a = (0..9).map(f);", "a = ?many(other(0, 9).map(f), 9)"),
        ],
        inside,
    );
}

#[test]
fn what_is_worth_something_goes_where_it_is_used() {
    check(
        &[
            (
                "let (a, b) = loop { break (c, 1); };",
                "while true {$v1 = [c, 1]; break}; a = ?nth($v1, 0); b = ?nth($v1, 1)",
            ),
            ("return (a, 1);", "return [a, 1]"),
            (
                "let a = if b { c } else { d };",
                "if b {a = c} else {a = d}",
            ),
            (
                "f(if b { c } else { return d });",
                "if b {$v1 = c} else {return d}; f($v1)",
            ),
            ("let a = loop { break b; };", "while true {a = b; break}"),
            (
                "for (k, v) in m { g(k) }",
                "for $f1 in m {k = ?nth($f1, 0); v = ?nth($f1, 1); g(k)}",
            ),
            ("a.clone().as_deref().b", "return a.b"),
            ("*x.lock().unwrap() = y;", "x = y"),
            ("let x = 1; *x.lock().unwrap() = y;", "x = 1; x = y"),
            ("*TOKEN.lock().unwrap() = y;", "global TOKEN; TOKEN = y"),
            ("TOKEN.set(y);", "global TOKEN; TOKEN = y; ?Ok(None)"),
            (
                "rng.fill_bytes(&mut b);",
                "b = rng.fill_bytes(); ?Ok(other())",
            ),
        ],
        inside,
    );
}

#[test]
fn macros_are_read_as_what_they_do() {
    check(
        &[
            (
                "format!(\"a{}b{c}{0}\", d)",
                "return `\"a\", d, \"b\", c, other()`",
            ),
            ("println!(\"{x:?}\");", "rust.log(`?debug(x)`)"),
            (
                "tracing::info!(token = ?t, %u, \"in\");",
                "rust.log(`?debug(t), u, \"in\"`)",
            ),
            (
                "json!({\"a\": b, \"c\": [1, null]})",
                "return {\"a\": b, \"c\": [1, None]}",
            ),
            ("bail!(\"no\");", "return ?Err(\"no\")"),
            ("assert_eq!(a, b);", "if (a == b) {} else {raise TypeError}"),
            ("vec![a, b]", "return [a, b]"),
        ],
        inside,
    );
}

#[test]
fn names_are_known_by_their_crate() {
    check(
        &[
            (
                "use oauth2::basic::BasicClient; fn f() { BasicClient::new(a) }",
                "fn f() {return oauth2.BasicClient.new(a)}",
            ),
            (
                "use std::env; fn f() { env::var(\"A\") }",
                "fn f() {return std.env.var(\"A\")}",
            ),
            (
                "use axum::routing::get; fn f() { get(g) }",
                "fn f() {return axum.routing.get(g)}",
            ),
            (
                "use crate::a::b; fn f() { b() }",
                "fn f() {return b()}; import b=crate::a:b",
            ),
            (
                "mod a; fn f() { a::b(crate::c::D::e()) }",
                "fn f() {return a::b(crate::c::D.e())}; import a=self::a a::b=self::a:b crate::c::D=crate::c:D",
            ),
            (
                "use oauth2::prelude::*; fn f() { c.authorize_url(s) }",
                "fn f() {return c.authorize_url(s).add_scope(other()).url()}",
            ),
            (
                "use a::oauth2::basic::B; fn f() { B::new() }",
                "fn f() {return oauth2.B.new()}",
            ),
            (
                "use http; fn f() { let http = g(); http.get(x) }",
                "fn f() {http = g(); return http.get(x)}",
            ),
        ],
        lowered,
    );
}

#[test]
fn types_have_their_fields_and_methods() {
    check(
        &[
            (
                "struct A { b: Option<String>, #[serde(default)] c: u8 } impl A { fn d(&self) { self.b } fn e() -> Self { Self { b: x } } }",
                "class A {$name = \"A\"; $fields = ?fields(\"b\", \"Option<String>\", \"c\", \"default u8\"); \
                 fn d(self) {return self.b}; @staticmethod fn e() {return A(b: x)}}",
            ),
            (
                "async fn f(State(s): State<AppState>, Query(q): Query<Q<'_>>) { s }",
                "fn f($p1: State<AppState>, $p2: Query<Q>) {s = $p1; q = $p2; return s}",
            ),
            (
                "#[get(\"/cb?<code>&<state>\")] fn f(code: &str, state: Option<&str>) { code }",
                "@get fn f(code: $param str, state: $param Option<str>) {?strict(code); return code}",
            ),
            (
                "enum A { B(u8), C { d: u8 } } fn f() { (A::B(x), A::C { d: y }, Self::E(z)) }",
                "class A {$name = \"A\"; $fields = ?fields()}; fn f() {return [x, {\"d\": y}, z]}",
            ),
            (
                "struct A(B); fn f(A(x): A) { struct C { d: E } }",
                "class A {$name = \"A\"; $fields = ?fields(\"0\", \"B\")}; class C {$name = \"C\"; $fields = ?fields(\"d\", \"E\")}; fn f($p1: A) {x = ?nth($p1, 0)}",
            ),
            (
                "use axum::extract::State as Kept; fn f(k: Kept<A>) { k }",
                "fn f(k: State<A>) {return k}",
            ),
            (
                "impl A { fn f(self: Arc<Self>) { self.b } }",
                "class A {fn f(self) {return self.b}}",
            ),
            (
                "lazy_static! { static ref X: Y = z(); } #[cfg(test)] mod tests { fn t() {} }",
                "X = ?of(z(), \"Y\")",
            ),
        ],
        lowered,
    );
}
