use super::{lowered, parse, shown};

const SAMPLE: &str = r#"
import express, { Router as R } from 'express';
const { a, b: { c } = {}, ...d } = require('m');
export class A extends B { constructor(private x: Y, { z } = {}) { super(x) } @Get() m(@Q('s') s?: string) { return this?.x ?? s } }
export default async function f([p, , q], ...r) {
  switch (p) { case 1: case 2: x = `t${q?.a?.[1]}`; break; default: throw new Error('é😀') }
  for (const [k, v] of Object.entries(d)) { y.z ||= k, delete v.w }
  try { await g(h = i.j = k) } catch ({ message }) { ({ n, o: n.m } = message) } finally { return <T,>(u) => u }
}
module.exports = exports.foo = (e) => typeof e === 'undefined' ? void 0 : `${e}\u{1F600}`;
"#;

#[test]
fn a_text_cut_anywhere_is_still_lowered() {
    for (end, _) in SAMPLE.char_indices() {
        for extension in ["tsx", "ts"] {
            assert!(parse(&SAMPLE[..end], extension).is_some());
        }
    }
}

#[test]
fn a_text_with_a_hole_is_still_lowered() {
    let starts: Vec<usize> = SAMPLE.char_indices().map(|(i, _)| i).collect();
    for pair in starts.windows(4).step_by(3) {
        let text = format!("{}{}", &SAMPLE[..pair[0]], &SAMPLE[pair[3]..]);
        assert!(parse(&text, "js").is_some());
    }
}

#[test]
fn what_stands_around_a_mistake_is_kept() {
    let text = lowered("a(1);\nconst x = = ;\nfunction f() { return b }\nc(2);");
    for kept in ["a(1)", "fn f() {return b}", "c(2)"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn deep_nesting_ends_somewhere() {
    for (open, middle, close) in [
        ("(", "x", ")"),
        ("[", "x", "]"),
        ("{", "x()", "}"),
        ("f(", "x", ")"),
        ("(() => ", "x", ")"),
        ("(function () { ", "x()", " })();"),
        ("{a:", "1", "}"),
        ("!", "x", ""),
        ("a ? ", "b", " : c"),
        ("if (a) ", "b()", ""),
        ("if (a) {} else ", "b()", ""),
        ("class A { m() { ", "x()", " } }"),
        ("switch (a) { case 1: ", "x()", " }"),
        ("l: ", "x()", ""),
        ("`${", "x", "}`"),
        ("a = ", "1", ""),
        ("a.b = (c, ", "1", ")"),
        ("void ", "x()", ""),
        ("a && (", "b.c = 1", ")"),
        ("<a>", "{x}", "</a>"),
        ("async () => { await ", "x", " }"),
        ("const {a: ", "b", "} = c"),
    ] {
        for depth in [10, 130, 1000] {
            let text = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            for extension in ["js", "ts"] {
                assert!(parse(&text, extension).is_some(), "{depth} of {open}");
            }
            let text = format!("const {}a{} = x", open.repeat(depth), close.repeat(depth));
            assert!(parse(&text, "js").is_some(), "{depth} of {open} declared");
        }
    }
}

#[test]
fn functions_that_call_each_other_are_all_kept() {
    let all: String = (0..60)
        .map(|i| {
            format!(
                "function f{i}() {{ f{}(); f{}() }}\n",
                (i + 1) % 60,
                (i * 7) % 60
            )
        })
        .collect();
    let text = lowered(&format!("function outer() {{ f0(); {all} }}"));
    assert_eq!(text.matches("fn f").count(), 60);
}

#[test]
fn long_chains_end_somewhere() {
    for link in [
        ".a", "?.a", "(1)", "[0]", " + a", " || a", " ?? a", "?.()", "!",
    ] {
        let text = format!("x = a{}", link.repeat(3000));
        assert!(parse(&text, "ts").is_some(), "{link}");
    }
    let pattern = format!("const {}a{} = x", "{a: ".repeat(3000), "}".repeat(3000));
    assert!(parse(&pattern, "js").is_some());
}

#[test]
fn minified_text_keeps_its_order() {
    let text = "!function(e,t){\"object\"==typeof exports?module.exports=t():e.x=t()}(this,function(){var n=e?1:2,r;return r=n,r.a=1,n&&(r.b=n),r});";
    let body = parse(text, "js").unwrap().body;
    assert_eq!(
        shown(&body),
        "!fn (e, t) {global default; if (exports != None) {default = t()} else {e.x = t()}}\
         (this, fn () {n = if(e, 1, 2); r = None; r = n; r.a = 1; if n {r.b = n}; return r})"
    );
}

#[test]
fn nothing_is_lowered_to_nothing() {
    for text in [
        "",
        "\n",
        "// only\n/* comments */",
        "#!/usr/bin/env node\n",
        ";;;",
        "\u{feff}",
    ] {
        assert_eq!(lowered(text), "", "{text:?}");
    }
}
