use super::{lowered, parse};

const SAMPLE: &str = r#"
require "x"
module A
  class B::C < D
    include E
    attr_accessor :f
    before_action :g, only: %i[h i]
    def self.j(k, l = {}, *m, n:, **o, &p) = q
    def h(r)
      s, *t = *r, u: 1
      v = if w then x else y end
      z = begin
        a[:b] ||= c&.d { |e, (f, g)| next e if f; return g }
      rescue H::I, J => k
        raise L, "m #{n} é😀" unless o
      else p ensure q
      end
      case r
      when 1..2, /s/ then t
      in { u:, v: [w, *] } then x
      else y
      end
      puts <<~A, %w[b c], ?d, :"e#{f}"
        g #{h}
      A
      i = ->(j) { j } and k or return l
      while m do n += 1; break end
      super; yield o
    ensure
      @p, @@q, $r = 1
    end
  end
end
"#;

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
    let text = lowered("a(1)\nx = = 2\ndef f\n  b\nend\nc(2)");
    for kept in ["a(1)", "fn f() {return b}", "c(2)"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn deep_nesting_ends_somewhere() {
    for (open, middle, close) in [
        ("(", "x", ")"),
        ("[", "x", "]"),
        ("f(", "x", ")"),
        ("{ a: ", "1", "}"),
        ("a { ", "x", " }"),
        ("a do\n", "x", "\nend"),
        ("if a\n", "x", "\nend\n"),
        ("x = if a\n", "x", "\nend\n"),
        ("begin\n", "x", "\nrescue\nend\n"),
        ("class A\n", "x", "\nend\n"),
        ("def a\n", "x", "\nend\n"),
        ("case a\nwhen 1\n", "x", "\nend\n"),
        ("case a\nin {b:}\n", "x", "\nend\n"),
        ("!", "x", ""),
        ("a ? ", "b", " : c"),
        ("\"#{", "x", "}\""),
        ("a = ", "1", ""),
        ("a ||= ", "1", ""),
        ("a && (b = ", "1", ")"),
        ("->(a) { ", "x", " }"),
        ("a.b(c) { ", "x", " }.d"),
    ] {
        for depth in [10, 130, 1000] {
            let text = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            assert!(parse(&text).is_some(), "{depth} of {open}");
        }
    }
}

#[test]
fn long_chains_end_somewhere() {
    for link in [
        ".a",
        "&.a",
        "(1)",
        "[0]",
        " + a",
        " || a",
        " and a",
        "::A",
        " rescue a",
        " if a",
    ] {
        let text = format!("x = a{}", link.repeat(3000));
        assert!(parse(&text).is_some(), "{link}");
    }
}

#[test]
fn nothing_is_lowered_to_nothing() {
    for text in [
        "",
        "\n",
        "# only\n",
        "#!/usr/bin/env ruby\n",
        ";;;",
        "__END__\nx",
    ] {
        assert_eq!(lowered(text), "", "{text:?}");
    }
}
