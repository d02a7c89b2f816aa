use super::{covered, lowered, parse, shown};
use crate::ir::{ExprKind, StmtKind};

#[track_caller]
fn check(table: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (text, expected) in table {
        let got = lowered(text);
        if got != *expected {
            wrong += &format!("\n  text     {text}\n  expected {expected}\n  got      {got}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn imports_name_their_module_and_member() {
    check(&[
        ("import x from 'm'", "import x=m:default"),
        ("import {a as b, c} from \"m\"", "import b=m:a c=m:c"),
        ("import d, * as x from 'm'", "import d=m:default x=m"),
        ("import {default as d} from 'm'", "import d=m:default"),
        ("import 'side-effect'", ""),
        ("import type {T} from 'm'", ""),
        ("import {type T, a} from 'm'", "import a=m:a"),
        ("import fs = require('fs')", "import fs=fs"),
        ("const x = require('m')", "import x=m"),
        ("var x = require(`m`), y = 1", "import x=m; y = 1"),
        (
            "const {a: b, c = 2, ...d} = require('m')",
            "import b=m:a; import c=m:c; import d=m",
        ),
        ("const {a: {b}} = require('m')", "import $r1=m:a; b = $r1.b"),
        ("const foo = require('m').foo", "import foo=m:foo"),
        ("const x = await import('m')", "import x=m"),
        ("const {a} = await import('m')", "import a=m:a"),
        ("app.use(require('m')())", "import $r1=m; app.use($r1())"),
        (
            "f((await import('m')).default)",
            "import $r1=m; f($r1.default)",
        ),
        ("const x = require('m')(o)", "import $r1=m; x = $r1(o)"),
        ("import(path)", "import(path)"),
    ]);
}

#[test]
fn exports_are_names_of_the_module() {
    check(&[
        ("export const a = 1", "a = 1"),
        ("export default a()", "default = a()"),
        ("export default function () {}", "fn default() {}"),
        (
            "export default async function f() {}",
            "fn f() {}; default = f",
        ),
        ("export default (a) => a", "fn default(a) {return a}"),
        ("export default class A {}", "class A() {}; default = A"),
        ("export default class extends B {}", "class default(B) {}"),
        ("export {a as b, c}", "b = a"),
        ("export {a as default}", "default = a"),
        ("export {a, b as c} from './m'", "import a=./m:a c=./m:b"),
        ("export * from './m'", "import *=./m:*"),
        ("export * as n from './m'", "import n=./m"),
        ("export type {T} from './m'", ""),
        (
            "module.exports = {a, b: 1}",
            "default = {\"a\": a, \"b\": 1}",
        ),
        ("module.exports = function f() {}", "fn f() {}; default = f"),
        ("exports = module.exports = a", "default = a"),
        (
            "exports.foo = async (req) => req",
            "fn foo(req) {return req}",
        ),
        ("module.exports.foo = 1; f(exports.foo)", "foo = 1; f(foo)"),
        (
            "exports.a = exports.b = () => 1",
            "fn a() {return 1}; b = a",
        ),
        (
            "const app = module.exports = make()",
            "$t1 = make(); default = $t1; app = $t1",
        ),
        (
            "function f(exports) { exports.a = 1 }",
            "fn f(exports) {exports.a = 1}",
        ),
    ]);
}

#[test]
fn functions_are_named_hoisted_or_anonymous() {
    check(&[
        ("a(); function a() {}", "fn a() {}; a()"),
        ("'use server'; function a() {}", "\"use server\"; fn a() {}"),
        ("const f = async (a) => { g(a) }", "fn f(a) {g(a)}"),
        ("const f = function* g() { yield x }", "fn f() {x}"),
        (
            "app.get('/x', (req, res) => res.send(1))",
            "app.get(\"/x\", fn (req, res) {return res.send(1)})",
        ),
        ("f(x => ({a: x}))", "f(fn (x) {return {\"a\": x}})"),
        ("f = () => 1", "f = fn () {return 1}"),
        (
            "function f(a = 1, b?: string, ...c: any[]) {}",
            "fn f(a = 1, b: string = None, *c: any[]) {}",
        ),
        (
            "function f({a, b: {c}}: P, [d]) {}",
            "fn f($p0: P, $p1) {a = $p0.a; $t1 = $p0.b; c = $t1.c; [d] = $p1}",
        ),
        ("function f({a} = {}) {}", "fn f($p0 = {}) {a = $p0.a}"),
        ("function f(this: T, a) {}", "fn f(a) {}"),
    ]);
}

#[test]
fn a_function_within_is_defined_before_what_speaks_of_it() {
    check(&[
        (
            "function f() { const a = 1; x.h = 2; g(h); function h() { return a } }",
            "fn f() {a = 1; x.h = 2; fn h() {return a}; g(h)}",
        ),
        (
            "function f() { a(); function a() { b() } function b() { a() } }",
            "fn f() {fn b() {a()}; fn a() {b()}; a()}",
        ),
        (
            "function f() { const a = 1; g([...h()]); function h() { return a } }",
            "fn f() {a = 1; fn h() {return a}; g([h()])}",
        ),
        (
            "function f() { const a = 1; function h() { return a } return { h } }",
            "fn f() {a = 1; fn h() {return a}; return {\"h\": h}}",
        ),
    ]);
}

#[test]
fn names_of_nobody_are_the_modules() {
    check(&[
        (
            "let s; function f() { s = 1 }",
            "fn f() {global s; s = 1}; s = None",
        ),
        (
            "function f(a) { let b; a = b = 1; { var c; } c = 2 }",
            "fn f(a) {b = None; a = b = 1; c = None; c = 2}",
        ),
        (
            "function f() { let a; g(() => { a = 1 }) }",
            "fn f() {a = None; g(fn () {a = 1})}",
        ),
        (
            "function f() { g(() => { a = 1 }) }",
            "fn f() {g(fn () {global a; a = 1})}",
        ),
        (
            "const f = () => (a = 1)",
            "fn f() {global a; return (a := 1)}",
        ),
        (
            "function f() { for (const k of x) { k = 1 } try {} catch (e) { e = 1 } }",
            "fn f() {for k of x {k = 1}; try {} catch e {e = 1}}",
        ),
        (
            "function f() { [a, b.c] = x; ({d} = y) }",
            "fn f() {global a d; a = x[0]; b.c = x[1]; d = y.d}",
        ),
    ]);
}

#[test]
fn objects_have_keys_that_are_text() {
    check(&[
        (
            "x = {a, 'b': 1, [c]: 2, ...d, 5: 3}",
            "x = {\"a\": a, \"b\": 1, c: 2, ...d, \"5\": 3}",
        ),
        (
            "x = {async m(a) { b() }, get g() { return 1 }, f: () => 1}",
            "x = {\"m\": fn m(a) {b()}, \"f\": fn f() {return 1}}",
        ),
    ]);
}

#[test]
fn classes_have_methods_with_this() {
    check(&[
        (
            "class A extends B { constructor(private readonly http: X, y) { super(y); this.y = y; super.m() } }",
            "class A(B) {fn __init__(this, http: X, y) {this.http = http; super().__init__(y); this.y = y; super().m()}}",
        ),
        (
            "class A { static s() {} get g() { return this.#t } set g(v) {} x = 1; f = async () => this.x; static h = () => 1; y: string }",
            "class A() {@staticmethod fn s() {}; @property fn g(this) {return this.#t}; fn set g(this, v) {}; \
             x = 1; fn f(this) {return this.x}; @staticmethod fn h() {return 1}}",
        ),
        (
            "@Controller('auth') export class A { @Get('cb') @Use(X) cb(@Query('state') state: string, @Req() r) {} }",
            "class A() {@Get(\"cb\") @Use(X) fn cb(this, state: @Query('state') string, r: @Req()) {}}",
        ),
        (
            "abstract class A { abstract m(): void; n() {} }",
            "class A() {fn n(this) {}}",
        ),
        ("const A = class extends B {}", "class A(B) {}"),
        ("f(class {})", "class $c1() {}; f($c1)"),
    ]);
}

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
