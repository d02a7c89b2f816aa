use super::check;

#[test]
fn imports() {
    check(&[
        ("package p\nimport \"net/http\"", "import http = net/http"),
        (
            "package p\nimport (\n\"github.com/golang-jwt/jwt/v5\"\nx \"a/b\"\n_ \"c\"\n)",
            "import x = a/b, jwt = github.com/golang-jwt/jwt",
        ),
        (
            "package p\nimport \"gopkg.in/square/go-jose.v2\"",
            "import jose = gopkg.in/square/go-jose",
        ),
    ]);
}

#[test]
fn variables_come_behind_what_they_need() {
    check(&[
        (
            "package p\nvar a = b\nvar b = f()\nconst c = 1\nfunc f() int { return c }",
            "func f() {return c}; c = 1; b = f(); a = b",
        ),
        (
            "package p\nvar a = f()\nvar b = 1\nfunc f() int { return b }",
            "func f() {return b}; b = 1; a = f()",
        ),
        ("package p\nvar x, err = f()", "[x, err] = <pair f()>"),
    ]);
}

#[test]
fn types_and_methods() {
    check(&[
        (
            "package p\nfunc (s *S) m(w http.ResponseWriter) {}\ntype S struct { c *oauth2.Config; n string }",
            "class S() {c = oauth2.Config($open: ?()); func m(s, w http.ResponseWriter) {}}",
        ),
        (
            "package p\ntype T struct { A string `json:\"access_token,omitempty\"` }",
            "class T() {json:A = \"access_token\"}",
        ),
        (
            "package p\ntype A struct { B }\ntype B struct { m map[string]int }",
            "class B() {m = {}}; class A(B) {B = B($open: ?())}",
        ),
        (
            "package p\ntype key string\nvar k = key(\"a\")",
            "k = \"a\"",
        ),
        (
            "package p\nfunc (s *Elsewhere) m() {}",
            "class Elsewhere() {func m(s) {}}",
        ),
    ]);
}

#[test]
fn functions() {
    check(&[
        (
            "package p\nvar state string\nfunc f(a, b string, c ...int) { state = a; x := b; x = a }",
            "func f(a string, b string, c int) {global state; state = a; x = b; x = a}; state = \"\"",
        ),
        (
            "package p\nfunc f() { x := 1; g(func() { x = 2 }) }",
            "func f() {x = 1; g(func () {x = 2})}",
        ),
        ("package p\nfunc init() { f() }", "func $i1() {f()}; $i1()"),
        (
            "package p\nfunc f[T any](v T) T { return v }",
            "func f(v T) {return v}",
        ),
    ]);
}
