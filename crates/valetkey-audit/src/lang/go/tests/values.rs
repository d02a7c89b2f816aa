use super::{check, check_inside};

#[test]
fn expressions() {
    check_inside(&[
        (r#"f("a\n\x41", `raw\n`)"#, r#"f("a\nA", "raw\\n")"#),
        ("x := a + 0x10 + 1_000", "x = ((a + 16) + 1000)"),
        ("x := a.b[\"c\"]", "x = a.b[\"c\"]"),
        ("x := []byte(s)", "x = s"),
        ("x := string(b[:])", "x = b"),
        ("x := !(a && b) || c", "x = or(!and(a, b), c)"),
        ("x := len(s) == 0", "x = !s"),
        ("x := len(s) > 0", "x = !!s"),
        ("x := len(s) > 9", "x = (len(s) <> 9)"),
        (
            "x := subtle.ConstantTimeCompare(a, b) != 1",
            "x = !subtle.ConstantTimeCompare(a, b)",
        ),
        ("x := *p", "x = p"),
        ("f(&x, &T{})", "f(&x, T())"),
        ("x := <-c", "x = ?(c)"),
    ]);
}

#[test]
fn literals() {
    check_inside(&[
        (
            "x := http.Cookie{Name: \"a\", HttpOnly: true}",
            "x = http.Cookie(Name: \"a\", HttpOnly: true, Value: \"\")",
        ),
        ("x := url.Values{\"code\": {c}}", "x = {\"code\": c}"),
        ("x := map[string]int{k: 1}", "x = {k: 1}"),
        ("x := []string{\"a\", \"b\"}", "x = [\"a\", \"b\"]"),
        ("x := []T{{A: 1}, {A: 2}}", "x = [T(A: 1), T(A: 2)]"),
        ("x := make([]byte, 32)", "x = make(32)"),
        ("x := make(map[string]bool)", "x = {}"),
        ("x := make([]T, 0)", "x = []"),
        ("x := gin.H{}", "x = {}"),
        ("var b [16]byte", "b = make(16)"),
        ("var s string", "s = \"\""),
        ("var e error", "e = nil"),
        ("var p *T", "p = nil"),
        ("var t T", "t = T()"),
        ("var m map[string]T", "m = {}"),
    ]);
    check(&[(
        "package p\ntype T struct { a, b string }\nvar t = T{\"x\", \"y\"}",
        "class T() {}; t = T(a: \"x\", b: \"y\")",
    )]);
}

#[test]
fn several_results() {
    check_inside(&[
        ("t, err := f(x)", "[t, err] = <pair f(x)>"),
        ("v, ok := f(x)", "[v, ok] = <asked f(x)>"),
        ("v, ok := m[k]", "[v, ok] = <asked m[k]>"),
        ("s, _ := x.(string)", "[s, ?()] = <asked text x>"),
        ("s := x.(string)", "s = <must x>"),
        ("err := f(x)", "err = <error f(x)>"),
        ("errMsg := f(x)", "errMsg = f(x)"),
        ("a, b := x, y", "$h1 = x; $h2 = y; a = $h1; b = $h2"),
        (
            "a, b = b, a",
            "global a, b; $h1 = b; $h2 = a; a = $h1; b = $h2",
        ),
    ]);
    check(&[
        (
            "package p\nfunc f() (T, error) { return g() }",
            "func f() {return <pair g()>}",
        ),
        (
            "package p\nfunc f() error { return g() }",
            "func f() {return <error g()>}",
        ),
        (
            "package p\nfunc f() (T, error) { return nil, e }",
            "func f() {return [nil, e]}",
        ),
        (
            "package p\nfunc f() (s string, err error) { s = \"a\"; return }",
            "func f() {s = \"\"; err = nil; s = \"a\"; return [s, err]; return [s, err]}",
        ),
    ]);
}

#[test]
fn statements() {
    check_inside(&[
        (
            "if err := f(); err != nil { return }",
            "err = <error f()>; if (err != nil) {return}",
        ),
        (
            "if a { f() } else if b { g() } else { h() }",
            "if a {f()} else {if b {g()} else {h()}}",
        ),
        (
            "for i := 0; i < 3; i++ { f(i) }",
            "i = 0; while true {f(i)}",
        ),
        ("for { f() }", "while true {f()}"),
        (
            "for _, v := range m { f(v) }",
            "for [?(), v] of range(m) {f(v)}",
        ),
        (
            "for k := range m { f(k) }",
            "for [k, ?()] of range(m) {f(k)}",
        ),
        ("defer f()\ng()", "try {g()} finally {f()}"),
        ("go f()", "f()"),
        ("delete(m, k)", "delete m[k]"),
        ("s += \"x\"", "global s; s += \"x\""),
        (
            "switch x { case 1, 2: f(); default: g() }",
            "$v1 = x; if or(($v1 == 1), ($v1 == 2)) {f()} else {g()}",
        ),
        ("switch { case a: f() }", "if a {f()}"),
        (
            "switch { case a: break }",
            "while true {if a {break}; break}",
        ),
        (
            "switch v := x.(type) { case string: f(v) }",
            "v = x; if ?() {f(v)}",
        ),
        ("select { case <-c: f() }", "if ?() {?(c); f()}"),
    ]);
}
