use super::check;

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
            "fn f() {a = None; g(fn () {global ^a; a = 1})}",
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
