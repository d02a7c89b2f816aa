use super::{check, covered, parse, shown};
use crate::ir::{ExprKind, StmtKind};

#[test]
fn patterns_take_values_apart() {
    check(&[
        (
            "const {a, b: c, d = 1, ...rest} = f()",
            "$t1 = f(); a = $t1.a; c = $t1.b; d = if((($t2 := $t1.d) != None), $t2, 1); rest = $t1",
        ),
        ("const {a} = b", "a = b.a"),
        ("const {a: {b}} = c", "$t1 = c.a; b = $t1.b"),
        ("const {['a']: b, [k]: c} = d", "b = d.a; c = d[k]"),
        ("const [a, b] = f()", "[a, b] = f()"),
        ("const [, set] = f()", "$t1 = f(); set = $t1[1]"),
        (
            "const [a, {b}, ...c] = d",
            "a = d[0]; $t1 = d[1]; b = $t1.b; c = d",
        ),
        ("({a, b: x.y} = f())", "$t1 = f(); a = $t1.a; x.y = $t1.b"),
        (
            "for (const {a} of b) c(a)",
            "for $t1 of b {a = $t1.a; c(a)}",
        ),
        (
            "for (const [k, v] of Object.entries(o)) {}",
            "for [k, v] of Object.entries(o) {}",
        ),
        (
            "try {} catch ({message}) { f(message) }",
            "try {} catch $t1 {message = $t1.message; f(message)}",
        ),
    ]);
}

#[test]
fn chains_end_where_nothing_is() {
    check(&[
        ("x = a.b['c'][i]", "x = a.b[\"c\"][i]"),
        ("x = a?.b", "x = if((a == None), None, a.b)"),
        ("x = a?.[k]", "x = if((a == None), None, a[k])"),
        ("x = f?.(1)", "x = if((f == None), None, f(1))"),
        ("x = a?.b.c(1)", "x = if((a == None), None, a.b.c(1))"),
        ("x = a.b?.c", "x = if((($t1 := a.b) == None), None, $t1.c)"),
        (
            "x = a?.b?.c",
            "x = if((a == None), None, if((($t1 := a.b) == None), None, $t1.c))",
        ),
        ("x = a!.b", "x = a.b"),
    ]);
}

#[test]
fn operators_keep_what_matters() {
    check(&[
        ("x = a ?? b", "x = if((a != None), a, b)"),
        ("x = a.b ?? c", "x = if((($t1 := a.b) != None), $t1, c)"),
        ("x = a || b && !c", "x = or(a, and(b, !c))"),
        ("x = a ? b : c", "x = if(a, b, c)"),
        (
            "x = [a === b, a == b, a !== b, a != b, a < b, a >= b, 'k' in o]",
            "x = [(a == b), (a == b), (a != b), (a != b), (a <> b), (a <> b), (\"k\" in o)]",
        ),
        (
            "x = [a + b, 60 * 60, a instanceof B, -1, i++]",
            "x = [(a + b), other(60, 60), other(a, B), other(1), other(i)]",
        ),
        (
            "x = [typeof a === 'undefined', 'undefined' != typeof a, typeof a === 'string', typeof a !== 'string', typeof a]",
            "x = [(a == None), (a != None), (a != None), (a == None), other(a)]",
        ),
        (
            "x = [null, undefined, void 0, true, 0x10, 1_000, 2.5, 0.1, /r/g, 10n]",
            "x = [None, None, None, true, 16, 1000, 2, 1, other(), 10]",
        ),
        (
            r"x = ['a\n\'b', 'A\x41\u{1F600}', '']",
            "x = [\"a\\n'b\", \"AA😀\", \"\"]",
        ),
        (
            "x = [`a${b}c\\n`, `plain`, ``, `${a}${b}`]",
            "x = [`\"a\", b, \"c\\n\"`, \"plain\", \"\", `a, b`]",
        ),
        ("x = tag`a${b}`", "x = tag(\"a\", b)"),
        (
            "x = [await a, b as T, c!, d satisfies T, <T>e, (f), g<T>(h)]",
            "x = [a, b, c, d, e, f, g(h)]",
        ),
        (
            "x = [new C(a), new C, new a.B<T>(...c)]",
            "x = [C(a), C(), a.B(c)]",
        ),
        ("x = import.meta.env.K", "x = import.meta.env.K"),
    ]);
}

#[test]
fn assignments_within_expressions_come_first() {
    check(&[
        ("a = b.c = v()", "a = b.c = v()"),
        (
            "x += 1; x ||= a; x.y ??= b; x &&= c",
            "x += 1; x = or(x, a); x.y = or(x.y, b); x = and(x, c)",
        ),
        ("if ((m = f()) && m.a) g()", "if and((m := f()), m.a) {g()}"),
        ("g(a.b = f())", "$t1 = f(); a.b = $t1; g($t1)"),
        ("g(a.b = c)", "a.b = c; g(c)"),
        ("return_(( a(), b.c = 1, d ))", "a(); b.c = 1; return_(d)"),
        ("a(), b = 1", "a(); b = 1"),
        ("a && b()", "and(a, b())"),
        ("a && (b.c = 1, d())", "if a {b.c = 1; d()}"),
        ("a ? b() : c()", "if(a, b(), c())"),
        ("a ? b.c = 1 : d()", "if a {b.c = 1} else {d()}"),
        ("a || (b.c = 1)", "if a {} else {b.c = 1}"),
        (
            "void f(); delete a.b; delete a['c']; delete d[e]",
            "f(); delete a[\"b\"]; delete a[\"c\"]; delete d[e]",
        ),
    ]);
}

#[test]
fn statements_keep_their_shape() {
    check(&[
        (
            "if (a) b(); else if (c) { d() } else e()",
            "if a {b()} else {if c {d()} else {e()}}",
        ),
        ("{ a(); { b() } }", "a(); b()"),
        ("while (a) b()", "while a {b()}"),
        ("do a(); while (b)", "while true {a(); b}"),
        (
            "for (let i = 0; i < n; i++) { f(i) }",
            "i = 0; while (i <> n) {f(i); other(i)}",
        ),
        ("for (;;) { break }", "while true {break}"),
        ("for (const k in o) f(k)", "for k of o {f(k)}"),
        (
            "try { a() } catch (e) { b(e) } finally { c() }",
            "try {a()} catch e {b(e)} finally {c()}",
        ),
        ("try { a() } catch { b() }", "try {a()} catch _ {b()}"),
        ("throw new Error('x')", "raise Error(\"x\")"),
        (
            "l: for (const a of b) { continue l }",
            "for a of b {continue}",
        ),
        (
            "switch (f()) { case 'a': case 'b': g(); break; case 'c': { h(); break } default: i() }",
            "$t1 = f(); if or(($t1 == \"a\"), ($t1 == \"b\")) {g()} else {if ($t1 == \"c\") {h()} else {i()}}",
        ),
        ("switch (a) { default: case 1: f() }", "f()"),
        ("switch (true) { case a.b: f() }", "if a.b {f()}"),
        (
            "switch (a) { case 1: if (b) break; f() }",
            "while true {if (a == 1) {if b {break}; f()}}",
        ),
        (
            "interface I { a: string } type T = I; declare const d: T; enum E { A = 'a', B }",
            "E = {\"A\": \"a\", \"B\": 1}",
        ),
        ("namespace N { export const a = 1 }", "a = 1"),
    ]);
}

#[test]
fn markup_is_what_it_holds() {
    let text = "const P = ({u}) => <a href={u} title=\"t\" {...r} onClick={() => go(u)}>x{y}<b>{z}</b></a>";
    let body = parse(text, "jsx").unwrap().body;
    assert_eq!(
        shown(&body),
        "fn P($p0) {u = $p0.u; return other(u, \"t\", r, fn () {return go(u)}, y, z)}"
    );
}

#[test]
fn a_condition_keeps_its_own_span() {
    let text = "x();\nif (a !== b) { c() }";
    let body = parse(text, "js").unwrap().body;
    let StmtKind::If { test, .. } = &body[1].kind else {
        panic!("{}", shown(&body));
    };
    assert_eq!(covered(text, test.span), "a !== b");
    assert_eq!((test.span.start, body[1].span.start), (2, 2));
    let ExprKind::Compare(_, left, right) = &test.kind else {
        panic!("{}", shown(&body));
    };
    assert_eq!(covered(text, left.span), "a");
    assert_eq!(covered(text, right.span), "b");
}
