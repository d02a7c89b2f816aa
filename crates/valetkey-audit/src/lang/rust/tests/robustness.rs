use super::{lowered, parse};

const SAMPLE: &str = r##"
use a::{b::{self, C as D}, *};
#[derive(Clone)] pub struct S<'a, T: X> { #[serde(rename = "é")] pub a: &'a str, b: Option<Vec<T>> }
lazy_static! { static ref L: Mutex<Option<String>> = Mutex::new(None); }
impl<'a> S<'a, u8> { pub async fn m(mut self, (x, _): (u8, &str)) -> Result<Self, E> {
  let Some(y) = self.b.as_ref().map(|v| v[0]) else { return Err(E::A("😀")) };
  let z = match (x, y) { (1..=2, Some(q)) if q > 1 => { q } (_, None) | (0, _) => return Ok(self), r @ _ => loop { break r } };
  tracing::warn!(target: "t", token = %z, ?y, "a{z}b{:?}", json!({ "k": [1, { "l": null }], r#"m"#: f(x)? }));
  if let Ok(n) = g::<T>(&mut z).await && matches!(n, A::B { c, .. } | A::D(_) if c) { *L.lock().unwrap() = Some(n?.0); }
  for (i, k) in (0..3).zip(w) { 'o: while let Some(_) = k.next() { continue 'o } }
  let h = async move |u| unsafe { Self { a: "x\u{e9}\
     y", ..u } };
  Ok(S { a: concat!("a", "b"), b: vec![0u8; 4] })
} }
"##;

#[test]
fn a_text_cut_anywhere_is_still_lowered() {
    for (end, _) in SAMPLE.char_indices() {
        assert!(parse(&SAMPLE[..end]).is_some());
    }
}

#[test]
fn a_text_with_a_hole_is_still_lowered() {
    let starts: Vec<usize> = SAMPLE.char_indices().map(|(i, _)| i).collect();
    for pair in starts.windows(4).step_by(3) {
        let text = format!("{}{}", &SAMPLE[..pair[0]], &SAMPLE[pair[3]..]);
        assert!(parse(&text).is_some());
    }
}

#[test]
fn what_stands_around_a_mistake_is_kept() {
    let text = lowered("fn a() { b(1) }\nfn c() { let x = = ; }\nfn d() { e(2) }");
    for kept in ["b(1)", "fn d() {return e(2)}"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn deep_nesting_ends_somewhere() {
    for (open, middle, close) in [
        ("(", "x", ")"),
        ("[", "x", "]"),
        ("{", "x", "}"),
        ("f(", "x", ")"),
        ("|a| ", "x", ""),
        ("!", "x", ""),
        ("&", "x", ""),
        ("if a { ", "b", " }"),
        ("if a {} else { ", "b", " }"),
        ("match a { _ => ", "b", " }"),
        ("match a { Some(b) => c, _ => ", "b", " }"),
        ("loop { ", "x", " }"),
        ("async { ", "x", " }"),
        ("vec![", "x", "]"),
        ("json!({\"a\": ", "x", "})"),
        ("format!(\"{}\", ", "x", ")"),
        ("S { a: ", "x", " }"),
        ("a.b(", "x", ")?"),
        ("let Some(x) = ", "x", ";"),
    ] {
        for depth in [200, 3_000] {
            let text = format!(
                "fn f() {{ {}{middle}{} }}",
                open.repeat(depth),
                close.repeat(depth)
            );
            assert!(parse(&text).is_some());
        }
    }
    let types = format!(
        "fn f(a: {}u8{}) {{}}",
        "Vec<".repeat(3_000),
        ">".repeat(3_000)
    );
    assert!(parse(&types).is_some());
    let paths = format!("use {}b;", "a::".repeat(3_000));
    assert!(parse(&paths).is_some());
    let modules = format!(
        "{}fn f() {{}}{}",
        "mod a {".repeat(3_000),
        "}".repeat(3_000)
    );
    assert!(parse(&modules).is_some());
    let patterns = format!(
        "fn f() {{ let {}x{} = y; }}",
        "(".repeat(2_000),
        ",)".repeat(2_000)
    );
    assert!(parse(&patterns).is_some());
}
