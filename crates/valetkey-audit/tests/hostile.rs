//! Texts that are too deep, too long or cut off, in every language that is
//! read: each is judged or skipped with a word, and the auditor ends.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use valetkey_audit::{CHECKS, Options, Report, audit_source};

/// No machine is so slow: what takes longer does not end.
const HANGS: Duration = Duration::from_secs(300);

/// How a language writes what the tests pile up. `{}` is what is inside.
struct Language {
    file: &'static str,
    fixtures: &'static str,
    /// A file with a token request; `{}` is a place among its declarations.
    app: &'static str,
    /// A function of that name (`{f}`) with a body.
    function: &'static str,
    /// A condition on something unknown, on one line if it can be.
    condition: &'static str,
    /// The first of many alternatives, each of the others, and the end.
    alternatives: [&'static str; 3],
    lambda: &'static str,
    interpolation: &'static str,
    /// A table, and an entry (`{}` is a number).
    table: [&'static str; 2],
    /// An assignment of an expression.
    assign: &'static str,
    /// Nested blocks are indented.
    indented: bool,
}

const PYTHON: Language = Language {
    file: "app.py",
    fixtures: "python",
    app: "import requests\ndef token(oauth):\n    return requests.post('https://id.example/token', data={'grant_type': 'authorization_code', 'code': oauth})\n{}",
    function: "def {f}(x, request, session):\n{}",
    condition: "if session.get(x): x = request.args['a']",
    alternatives: ["if x == 0: y = 0\n", "elif x == {}: y = {}\n", ""],
    lambda: "(lambda a: {})",
    interpolation: "f'{{}}'",
    table: ["{{}}", "'k{}': {},\n"],
    assign: "x = {}",
    indented: true,
};

const JAVASCRIPT: Language = Language {
    file: "app.js",
    fixtures: "javascript",
    app: "const axios = require('axios');\nasync function token(oauth) { return axios.post('https://id.example/token', { grant_type: 'authorization_code', code: oauth }); }\n{}",
    function: "function {f}(x, req, res) {\n{}}\n",
    condition: "if (req.session[x]) { x = req.query.a; }",
    alternatives: [
        "if (x === 0) { x = 0; }\n",
        "else if (x === {}) { x = {}; }\n",
        "",
    ],
    lambda: "((a) => {})",
    interpolation: "`${{}}`",
    table: ["({{}})", "k{}: {},\n"],
    assign: "x = {};",
    indented: false,
};

const TYPESCRIPT: Language = Language {
    file: "app.tsx",
    function: "export const {f} = async (x: any, req: Request): Promise<any> => {\n{}};\n",
    ..JAVASCRIPT
};

const GO: Language = Language {
    file: "app.go",
    fixtures: "go",
    app: "package main\n\nimport (\n\t\"net/http\"\n\t\"net/url\"\n)\n\nfunc token(oauth string) {\n\thttp.PostForm(\"https://id.example/token\", url.Values{\"grant_type\": {\"authorization_code\"}, \"code\": {oauth}})\n}\n{}",
    function: "func {f}(x any, req *http.Request) any {\n{}\treturn nil\n}\n",
    condition: "if req.FormValue(\"a\") != \"\" { x = req.FormValue(\"b\") }",
    alternatives: ["if x == 0 { x = 0\n", "} else if x == {} { x = {}\n", "}\n"],
    lambda: "func(a any) any { return {} }",
    interpolation: "fmt.Sprintf(\"%s\", {})",
    table: ["map[string]int{\n{}}", "\"k{}\": {},\n"],
    assign: "x = {}",
    indented: false,
};

const RUST: Language = Language {
    file: "app.rs",
    fixtures: "rust",
    app: "use std::collections::HashMap;\nasync fn token(oauth: String) {\n    reqwest::Client::new().post(\"https://id.example/token\").form(&[(\"grant_type\", \"authorization_code\"), (\"code\", &oauth)]).send().await;\n}\n{}",
    function: "async fn {f}(mut x: Value, query: Query<HashMap<String, String>>) {\n{}}\n",
    condition: "if query.get(\"a\").is_some() { x = query[\"b\"].clone(); }",
    alternatives: [
        "if x == 0 { x = 0;\n",
        "} else if x == {} { x = {};\n",
        "}\n",
    ],
    lambda: "(|a| {})",
    interpolation: "format!(\"{}\", {})",
    table: ["HashMap::from([\n{}])", "(\"k{}\", {}),\n"],
    assign: "x = {};",
    indented: false,
};

const RUBY: Language = Language {
    file: "app.rb",
    fixtures: "ruby",
    app: "require 'net/http'\ndef token(oauth)\n  Net::HTTP.post_form(URI('https://id.example/token'), { 'grant_type' => 'authorization_code', 'code' => oauth })\nend\n{}",
    function: "def {f}(x, params, session)\n{}end\n",
    condition: "x = params[:a] if session[:b]",
    alternatives: [
        "if x == 0 then x = 0\n",
        "elsif x == {} then x = {}\n",
        "end\n",
    ],
    lambda: "->(a) { {} }",
    interpolation: "\"#{{}}\"",
    table: ["{\n{}}", "'k{}' => {},\n"],
    assign: "x = {}",
    indented: false,
};

const LANGUAGES: &[Language] = &[PYTHON, JAVASCRIPT, TYPESCRIPT, GO, RUST, RUBY];
/// Those of which the engine knows no other.
const ENGINES: &[Language] = &[PYTHON, JAVASCRIPT, GO, RUST, RUBY];

impl Language {
    fn app(&self, text: &str) -> String {
        self.app.replace("{}", text)
    }

    fn function(&self, name: &str, body: &str) -> String {
        let body = if self.indented {
            body.lines().map(|l| format!("    {l}\n")).collect()
        } else {
            format!("{body}\n")
        };
        self.function.replace("{f}", name).replacen("{}", &body, 1)
    }

    /// An expression that a function assigns.
    fn expression(&self, expression: &str) -> String {
        let assign = self.assign.replacen("{}", expression, 1);
        self.app(&self.function("f", &assign))
    }

    fn judged(&self, what: &str, text: &str) -> Report {
        let begun = Instant::now();
        let report = audit_source(&[(self.file, text)], &Options::default());
        let took = begun.elapsed();
        eprintln!("{} {what}: {took:?}, {} bytes", self.file, text.len());
        assert!(took < HANGS, "{} {what}: {took:?}", self.file);
        assert!(report.results.len() <= CHECKS.len());
        for skipped in &report.skipped {
            assert_ne!(skipped.reason, "the auditor could not run", "{what}");
        }
        report
    }
}

/// `outer` around itself so many times; what stands for the inside is the
/// last `{}`.
fn nested(outer: &str, times: usize) -> String {
    let (before, after) = outer.rsplit_once("{}").unwrap();
    format!("{}1{}", before.repeat(times), after.repeat(times))
}

fn numbered(line: &str, count: usize) -> String {
    (1..=count)
        .map(|i| line.replace("{}", &i.to_string()))
        .collect()
}

fn fixtures(language: &Language) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let ending = Path::new(language.file).extension();
    let mut files: Vec<_> = fs::read_dir(folder.join(language.fixtures))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension() == ending)
        .collect();
    files.sort();
    files
}

#[test]
fn a_plain_app_of_each_language_is_judged_or_skipped_with_a_word() {
    for language in LANGUAGES {
        let report = language.judged("plain", &language.app(""));
        if report.results.is_empty() {
            assert!(
                report.skipped[0].reason.ends_with("is not read yet"),
                "{}: {:?}",
                language.file,
                report.skipped
            );
        } else {
            assert_eq!(report.results.len(), CHECKS.len());
            assert!(report.skipped.is_empty());
        }
    }
}

#[test]
fn texts_that_are_cut_off_anywhere_are_judged() {
    for language in LANGUAGES {
        for path in fixtures(language).iter().step_by(7) {
            let text = fs::read_to_string(path).unwrap();
            let mut cut = 0;
            while cut < text.len() {
                if let Some(start) = text.get(..cut) {
                    let report = audit_source(&[(language.file, start)], &Options::default());
                    let lines = u32::try_from(start.lines().count()).unwrap();
                    for result in &report.results {
                        assert!(result.lines.iter().all(|l| l[1] <= lines), "{path:?} {cut}");
                    }
                }
                cut += 97;
            }
        }
    }
}

#[test]
fn deep_nesting_ends() {
    for language in LANGUAGES {
        for (what, shape) in [
            ("parentheses", "({})"),
            ("calls", "f({})"),
            ("members", "{}.a().b[0]"),
            ("sums", "{} + 'a'"),
            ("differences", "'a' + ({})"),
            ("lambdas", language.lambda),
            ("interpolation", language.interpolation),
        ] {
            // Longer lines are passed over.
            for times in [100, 150, 19_000 / shape.len()] {
                let text = language.expression(&nested(shape, times));
                language.judged(what, &text);
            }
        }
        let (open, close) = match language.file {
            "app.rb" => ("if x\n", "end\n"),
            "app.go" | "app.rs" => ("if x {\n", "}\n"),
            _ => ("if (x) {\n", "}\n"),
        };
        let blocks = if language.indented {
            (0..150)
                .map(|i| format!("{}if x:\n", " ".repeat(i)))
                .collect::<String>()
                + &" ".repeat(150)
                + "pass\n"
        } else {
            format!("{}{}", open.repeat(3000), close.repeat(3000))
        };
        let text = language.app(&language.function("f", &blocks));
        language.judged("blocks", &text);
        let open = language.app(&language.function("f", &"([{".repeat(3000)));
        language.judged("brackets that nobody closes", &open);
    }
    for times in [100, 1400] {
        let jsx = TYPESCRIPT.expression(&nested("<a b={c}>{}</a>", times));
        TYPESCRIPT.judged("elements", &jsx);
    }
}

#[test]
fn long_functions_end() {
    for language in ENGINES {
        let lines = [language.condition, language.assign].map(|l| l.replace("{}", "x"));
        let body = format!("{}\n{}\n", lines[0], lines[1]).repeat(10_000);
        let text = language.app(&language.function("f", &body));
        language.judged("statements", &text);
        let body = format!("{}\n", language.assign.replace("{}", "x + x")).repeat(400);
        let text = language.app(&language.function("f", &body));
        language.judged("doublings", &text);
    }
}

#[test]
fn functions_that_call_each_other_in_a_ring_end() {
    for language in ENGINES {
        let functions: String = (0..300)
            .map(|i| {
                let next = (i + 1) % 300;
                let call = format!("f{next}(x, x, x)");
                let call = language.assign.replacen("{}", &call, 1);
                let body = format!("{}\n{call}", language.condition);
                language.function(&format!("f{i}"), &body)
            })
            .collect();
        language.judged("ring", &language.app(&functions));
    }
}

#[test]
fn many_alternatives_end() {
    for language in ENGINES {
        let [first, other, end] = language.alternatives;
        for count in [500, 5_000] {
            let body = format!("{first}{}{end}", numbered(other, count));
            let text = language.app(&language.function("f", &body));
            language.judged("alternatives", &text);
        }
    }
}

#[test]
fn huge_tables_end() {
    for language in ENGINES {
        let [table, entry] = language.table;
        let table = table.replacen("{}", &numbered(entry, 5_000), 1);
        let (before, after) = language.assign.split_once("{}").unwrap();
        let text = language.app(&language.function("f", &format!("{before}{table}{after}")));
        language.judged("table", &text);
    }
}

#[test]
fn a_bundle_on_one_line_is_judged_or_skipped_with_a_word() {
    let part = "!function(e,t){\"use strict\";var n=t(1);e.exports=function(r){return r&&r.oauth?n(r.state,e)||t:{a:r,b:[e,t]}}}(module,require);";
    let short = JAVASCRIPT.judged("bundle", &part.repeat(140));
    assert!(short.skipped.is_empty(), "{:?}", short.skipped);
    let long = JAVASCRIPT.judged("bundle", &part.repeat(1400));
    assert!(long.skipped[0].reason.contains("lines are too long"));
    assert_eq!(long.results.len(), 0);
    let huge = JAVASCRIPT.judged("bundle", &format!("{part}\n").repeat(20_000));
    assert!(huge.skipped[0].reason.contains("too large"));
}

/// Structs of Go that are told to embed themselves, or each other.
#[test]
fn structs_that_embed_themselves_end() {
    let text = r#"
package web

import "golang.org/x/oauth2"

type inner struct{ *outer }
type outer struct {
	*inner
	conf *oauth2.Config
}

func login(conf *oauth2.Config) string {
	o := &outer{conf: conf}
	i := &inner{outer: o}
	o.inner = i
	o.outer = o
	return o.missing.AuthCodeURL(i.absent)
}
"#;
    let report = valetkey_audit::audit_source(&[("web.go", text)], &Options::default());
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
}
