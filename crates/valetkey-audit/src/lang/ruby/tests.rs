use super::{super::printed::shown, parse};

mod robustness;

/// The common form of a text, one statement after the other, without what is
/// put before all of it.
fn lowered(text: &str) -> String {
    let all = shown(&parse(text).unwrap().body);
    match all.strip_prefix("import ") {
        Some(rest) => rest
            .split_once("; ")
            .map_or("", |(_, rest)| rest)
            .to_owned(),
        None => all,
    }
}

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
fn values() {
    check(&[
        ("x = 1_000", "x = 1000"),
        ("x = :a", "x = \"a\""),
        ("x = :'a b'", "x = \"a b\""),
        ("x = 'it''s'", "x = \"its\""),
        ("x = \"a\\n#{b}c\"", "x = `\"a\\n\", b, \"c\"`"),
        ("x = %w[a b]", "x = [\"a\", \"b\"]"),
        (
            "x = { a: 1, 'b' => 2, **c }",
            "x = {\"a\": 1, \"b\": 2, ...c}",
        ),
        ("x = <<~E\n  a\nE\ny", "x = \"a\\n\"; y"),
        ("x = nil", "x = None"),
        ("a == b", "(a == b)"),
        ("a != b", "(a != b)"),
        ("a.nil?", "(a == None)"),
        ("!a", "!a"),
        ("not a", "!a"),
        ("a && b || c", "or(and(a, b), c)"),
        ("x = a ? b : c", "x = if(a, b, c)"),
        ("a =~ /b/", "a.match?(other())"),
        ("[a].include?(b)", "(b in [a])"),
        ("'%{a}' % b", "(\"%(a)s\" % b)"),
        ("format('%<a>s', a: b)", "(\"%(a)s\" % {\"a\": b})"),
        ("[a, b].join(' ')", "\" \".join([a, b])"),
        ("a.merge(b, c: 1)", "{...a, ...b, \"c\": 1}"),
        ("a&.b", "if((a == None), None, a.b())"),
        ("@a", "self.@a"),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("a", "a"),
        ("a.b", "a.b"),
        ("a.b.c(1)", "a.b.c(1)"),
        ("a 1, b: 2, 'c' => 3", "a(1, {\"c\": 3}, b: 2)"),
        ("a(**b)", "a(...b)"),
        ("a(b:)", "a(b: b)"),
        ("a { |b| b }", "a(&: fn block(b) {return b})"),
        (
            "a do |b, c|\n  next 1 if b\n  c\nend",
            "a(&: fn block(b, c) {if b {return 1}; return c})",
        ),
        ("a.map(&:b)", "a.map(&: fn block(%it) {return %it.b})"),
        ("a(&b)", "a(&: b)"),
        ("f.call(1)", "f.call(1)"),
        ("a.send(:b, 1)", "a.b(1)"),
        ("->(a) { a }", "fn block(a) {return a}"),
        ("raise A, 'b'", "raise A(\"b\")"),
        ("raise A.new('b')", "raise A(\"b\")"),
        ("raise 'b'", "\"b\"; raise RuntimeError"),
        ("A::B.new(1)", "A.B.new(1)"),
    ]);
}

#[test]
fn statements() {
    check(&[
        ("a if b", "if b {a}"),
        ("a unless b", "if b {} else {a}"),
        ("a or raise", "if a {} else {raise }"),
        ("a and return b", "if a {return b}"),
        ("x = if a then 1 else 2 end", "if a {x = 1} else {x = 2}"),
        ("x = a rescue 1", "try {x = a} catch _ {x = 1}"),
        ("x ||= 1", "x = None; if x {} else {x = 1}"),
        ("@x ||= 1", "if self.@x {} else {self.@x = 1}"),
        ("x += 1", "x += 1"),
        ("a, b = c", "[a, b] = c"),
        ("a = b = c", "a = b = c"),
        ("a.each { |b| c(b) }", "for b of a {c(b)}"),
        ("a.each { |b, c| d }", "for [b, c] of a.items() {d}"),
        ("loop { break }", "while true {break}"),
        ("until a\n  b\nend", "while !a {b}"),
        (
            "case a\nwhen 1, 2 then b\nelse c\nend",
            "%1 = a; if or((%1 == 1), (%1 == 2)) {b} else {c}",
        ),
        (
            "case a\nin { b: }\n  c(b)\nend",
            "%1 = a; if (%1[\"b\"] != None) {b = %1[\"b\"]; c(b)}",
        ),
        (
            "case a\nin { b:, c: :d } if b == e\n  f(b)\nelse\n  g\nend",
            "%1 = a; %3 = false; if and((%1[\"b\"] != None), (%1[\"c\"] == \"d\")) {b = %1[\"b\"]; %2 = %1[\"c\"]; if (b == e) {%3 = true}}; if %3 {f(b)} else {g}",
        ),
        (
            "begin\n  a\nrescue B::C, D => e\n  f(e)\nensure\n  g\nend",
            "try {a} catch e {f(e)} finally {g}",
        ),
    ]);
}

#[test]
fn methods() {
    check(&[
        (
            "def a(b, c = 1, *d, e:, f: 2, **g) = b",
            "fn a(b, c = 1, *d, e, f = 2, *g) {return b}",
        ),
        ("def a\n  b\n  c\nend", "fn a() {b; return c}"),
        (
            "def a\n  if b\n    1\n  else\n    2\n  end\nend",
            "fn a() {if b {return 1} else {return 2}}",
        ),
        (
            "def a\n  b\nrescue C\n  1\nend",
            "fn a() {try {return b} catch _ {return 1}}",
        ),
        (
            "def a\n  b if c\nend",
            "fn a() {if c {return b} else {return None}}",
        ),
        (
            "def a\n  x = 1 if b\n  x\nend",
            "fn a() {x = None; if b {x = 1}; return x}",
        ),
        (
            "def a\n  b.c { return 1 }\nend",
            "fn a() {return b.c(&: fn block() {leave 1})}",
        ),
        (
            "def a\n  b.each { |c| return c }\nend",
            "fn a() {c = None; for c of b {return c}; return None}",
        ),
        ("def a = yield(1)", "fn a(& = None) {return &(1)}"),
        (
            "def a(&b) = b.call",
            "fn a(& = None) {b = &; return b.call()}",
        ),
        (
            "def a\n  $b = 1\nend",
            "$b = None; fn a() {global $b; $b = 1; return $b}",
        ),
    ]);
}

#[test]
fn classes() {
    check(&[
        (
            "class A < B\n  def c = 1\nend",
            "class A(B) {fn c() {return 1}}",
        ),
        ("class A::B; end", "class A() {class B() {}}"),
        ("class A\n  include B\n  C = 1\nend", "class A(B) {C = 1}"),
        (
            "class A\n  attr_reader :b\nend",
            "class A() {fn b() {return self.@b}}",
        ),
        (
            "class A\n  def b = 1\n  private\n  def c = 2\nend",
            "class A() {fn b() {return 1}; @private fn c() {return 2}}",
        ),
        (
            "class A\n  def b = 1\n  private :b\nend",
            "class A() {@private fn b() {return 1}}",
        ),
        (
            "class A\n  def self.b = 1\nend",
            "class A() {@staticmethod fn b() {return 1}}",
        ),
        (
            "class A\n  class << self\n    def b = 1\n  end\nend",
            "class A() {@staticmethod fn b() {return 1}}",
        ),
        (
            "class A\n  helpers do\n    def b = 1\n  end\nend",
            "class A() {fn b() {return 1}; helpers(&: fn block() {return \"b\"})}",
        ),
        (
            "class A\n  @@b = {}\n  def c = @@b\nend",
            "@@b = None; class A() {@@b = {}; fn c() {global @@b; return @@b}}",
        ),
        (
            "class A\n  def self.b = @c ||= 1\nend",
            "@c of A = None; class A() {@staticmethod fn b() {global @c of A; if @c of A {} else {@c of A = 1}; return @c of A}}",
        ),
        (
            "class A\n  def initialize(b)\n    @b = b\n  end\nend",
            "class A() {fn __init__(b) {self.@b = b}}",
        ),
    ]);
}

#[test]
fn constants_are_looked_for_as_files() {
    let all = shown(&parse("require_relative 'a/b'").unwrap().body);
    assert_eq!(all, "import *=./a/b:*");
    let all = shown(&parse("GithubOAuth::Client.new").unwrap().body);
    assert!(all.starts_with("import *=autoload:GithubOAuth:* *=autoload:GithubOAuth::Client:*"));
    let files = super::files("app/controllers", "autoload:GithubOAuth::Client");
    for file in [
        "app/services/github_o_auth/client.rb",
        "app/services/github_oauth/client.rb",
        "lib/github_oauth/client.rb",
    ] {
        assert!(files.iter().any(|f| f == file), "{file}");
    }
    assert_eq!(super::files("a/b", "../c")[0], "a/c.rb");
}
