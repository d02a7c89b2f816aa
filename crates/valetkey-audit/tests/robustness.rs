//! Whatever stands in a tree: skipped with a word, never a crash.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::type_complexity
)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use valetkey_audit::{AuditError, Format, Options, audit, write};

fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).unwrap();
    root
}

fn textbook() -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python/flask_textbook.py"),
    )
    .unwrap()
}

#[test]
fn odd_files_are_skipped_with_a_word() {
    let root = folder("odd");
    fs::write(root.join("binary.py"), b"\x00\x01oauth\x00").unwrap();
    fs::write(root.join("huge.py"), "# oauth\n".repeat(400_000)).unwrap();
    fs::write(
        root.join("minified.py"),
        format!("oauth = {}", "1+".repeat(20_000) + "1"),
    )
    .unwrap();
    fs::write(root.join("login.php"), "<?php oauth();").unwrap();
    fs::write(root.join("front.js"), "fetch('/oauth/token')").unwrap();
    fs::write(root.join("good.py"), textbook()).unwrap();
    let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
    let words: Vec<_> = report
        .skipped
        .iter()
        .map(|s| (s.path.as_str(), s.reason.as_str()))
        .collect();
    assert_eq!(words.len(), 4, "{words:?}");
    assert!(words.contains(&("login.php", "PHP is not read yet")));
    assert_eq!(report.results.len(), 16);
}

#[test]
fn encodings_and_line_ends_do_not_change_the_verdicts() {
    let root = folder("encodings");
    let text = textbook();
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let bom: Vec<u8> = [0xEF, 0xBB, 0xBF].into_iter().chain(text.bytes()).collect();
    let mut latin = text.clone().into_bytes();
    latin.extend(b"# caf\xe9\n");
    let big: Vec<u8> = [0xFE, 0xFF]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    // Each line ends in another way.
    let mixed = text
        .lines()
        .zip(["\r\n", "\n", "\r", "\r\n"].into_iter().cycle())
        .flat_map(|(line, end)| [line, end])
        .collect::<String>();
    let mut late = text.clone().into_bytes();
    late.extend(b"# ".repeat(4000));
    late.extend(b"\0\n");
    let variants: [(&str, Vec<u8>); 8] = [
        ("utf16be.py", big),
        ("mixed.py", mixed.into_bytes()),
        ("nul_far_behind.py", late),
        ("crlf.py", text.replace('\n', "\r\n").into_bytes()),
        ("cr.py", text.replace('\n', "\r").into_bytes()),
        ("utf16.py", utf16),
        ("bom.py", bom),
        ("latin1.py", latin),
    ];
    fs::write(root.join("plain.py"), &text).unwrap();
    for (name, bytes) in &variants {
        fs::write(root.join(name), bytes).unwrap();
    }
    let plain = audit(&root.join("plain.py"), &Options::default(), &mut |_, _| {}).unwrap();
    for (name, _) in &variants {
        let other = audit(&root.join(name), &Options::default(), &mut |_, _| {}).unwrap();
        for (a, b) in plain.results.iter().zip(&other.results) {
            assert_eq!(
                (a.check, a.verdict, &a.lines),
                (b.check, b.verdict, &b.lines),
                "{name}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_are_not_followed() {
    let root = folder("circle");
    fs::create_dir(root.join("a")).unwrap();
    fs::write(root.join("a/app.py"), textbook()).unwrap();
    std::os::unix::fs::symlink(&root, root.join("a/up")).unwrap();
    let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
    assert_eq!(report.results.len(), 16);
}

#[cfg(unix)]
#[test]
fn links_and_what_is_no_file_are_skipped_with_a_word() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let root = folder("links");
    fs::create_dir(root.join("folder.py")).unwrap();
    fs::write(root.join("app.py"), textbook()).unwrap();
    symlink("nowhere", root.join("dangling.py")).unwrap();
    symlink("itself.py", root.join("itself.py")).unwrap();
    symlink("app.py", root.join("second.py")).unwrap();
    symlink("/", root.join("everything")).unwrap();
    // A path to a socket has to be short.
    let here = std::env::temp_dir().join(format!("valetkey-audit-{}", std::process::id()));
    let _ = fs::remove_file(&here);
    let socket = UnixListener::bind(&here).unwrap();
    fs::rename(&here, root.join("socket.py")).unwrap();
    let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
    drop(socket);
    assert_eq!(report.results.len(), 16);
    let words: Vec<_> = report
        .skipped
        .iter()
        .map(|s| (s.path.as_str(), s.reason.as_str()))
        .collect();
    for name in ["dangling.py", "itself.py", "second.py"] {
        assert!(
            words.contains(&(name, "links are not followed")),
            "{words:?}"
        );
    }
    for path in ["dangling.py", "itself.py", "app.py/login.py"] {
        assert!(matches!(
            audit(&root.join(path), &Options::default(), &mut |_, _| {}),
            Err(AuditError::Unreadable { .. })
        ));
    }
    let found = audit(&root.join("socket.py"), &Options::default(), &mut |_, _| {});
    assert!(matches!(found, Err(AuditError::Nothing { .. })));
}

/// Where permissions bind: to the superuser, they don't.
#[cfg(unix)]
#[test]
fn an_unreadable_folder_is_skipped_with_a_word() {
    use std::os::unix::fs::PermissionsExt;
    let root = folder("unreadable");
    fs::write(root.join("app.py"), textbook()).unwrap();
    let closed = root.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("app.py"), textbook()).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let binds = fs::read_dir(&closed).is_err();
    let report = audit(&root, &Options::default(), &mut |_, _| {});
    let alone = audit(&closed, &Options::default(), &mut |_, _| {});
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let report = report.unwrap();
    if binds {
        assert_eq!((report.results.len(), report.skipped.len()), (16, 1));
        assert!(matches!(alone, Err(AuditError::Unreadable { .. })));
    } else {
        assert_eq!((report.results.len(), report.skipped.len()), (32, 0));
    }
}

#[test]
fn nothing_to_read_is_an_error() {
    let root = folder("nothing");
    fs::write(root.join("a.txt"), "oauth").unwrap();
    assert!(matches!(
        audit(&root, &Options::default(), &mut |_, _| {}),
        Err(AuditError::Nothing { .. })
    ));
    assert!(matches!(
        audit(&root.join("no"), &Options::default(), &mut |_, _| {}),
        Err(AuditError::Unreadable { .. })
    ));
}

#[test]
fn deep_nesting_and_recursion_end() {
    let root = folder("deep");
    let deep = format!("oauth = {}1{}\n", "(".repeat(4000), ")".repeat(4000));
    let calls = format!("oauth = {}1{}\n", "f(".repeat(4000), ")".repeat(4000));
    let blocks: String = (0..90)
        .map(|i| format!("{}if oauth:\n", " ".repeat(i)))
        .collect::<String>()
        + &" ".repeat(91)
        + "pass\n";
    let recursion = "def f(x):\n    return g(x) or f(oauth)\ndef g(x):\n    return f(x) and g(x)\n@app.route('/')\ndef h():\n    return f(1)\n";
    let branches: String = "def f(oauth):\n".to_owned()
        + &(0..400)
            .map(|i| format!("    if oauth.a{i}:\n        x = {i}\n"))
            .collect::<String>();
    for (name, text) in [
        ("deep", deep),
        ("calls", calls),
        ("blocks", blocks),
        ("recursion", recursion.to_owned()),
        ("branches", branches),
    ] {
        fs::write(root.join(format!("{name}.py")), text).unwrap();
    }
    let begun = Instant::now();
    audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// A framework makes what a constructor asks for by its type.
#[test]
fn classes_that_need_one_of_their_own_kind_end() {
    let typescript = "
@Injectable()
class A { constructor(private readonly other: A) {} }
@Injectable()
class B { constructor(private readonly c: C, private readonly d: D) {} }
@Injectable()
class C { constructor(private readonly b: B) {} }
@Injectable()
class D { constructor(private readonly b: B, private readonly c: C, private readonly oauth: A) {} }
@Controller('oauth')
class Login {
  constructor(private readonly a: A, private readonly b: B) {}
  @Get('callback') back(@Query('code') code: string) { return this.a.exchange(code); }
}
const a = new A(), b = new B();
";
    let python = "
class Node:
    def __init__(self, oauth: Node):
        self.oauth = oauth

node = Node()
";
    let files = [("login.ts", typescript), ("node.py", python)];
    let report = valetkey_audit::audit_source(&files, &Options::default());
    assert_eq!(report.files, 2);
}

/// What the framework makes for a function may need the function itself.
#[test]
fn functions_that_need_each_other_end() {
    let python = "
from typing import Annotated
from fastapi import Depends, FastAPI
app = FastAPI()
def again(x=Depends(again)): return x
async def user(oauth: str, again: Annotated[str, Depends(user)]): return oauth
@app.get('/back')
async def back(code: str, user: Annotated[str, Depends(user)], x=Depends(again)): return user
";
    let rust = "
struct A; struct B;
impl FromRequest for A { async fn from_request(b: B) -> Result<Self, E> { Ok(A) } }
impl FromRequest for B { async fn from_request(a: A) -> Result<Self, E> { Ok(B) } }
async fn back(a: A, Query(q): Query<Oauth>) -> String { exchange(q.code).await }
fn app() -> Router { Router::new().route(\"/back\", get(back)) }
";
    let report = valetkey_audit::audit_source(
        &[("app.py", python), ("main.rs", rust)],
        &Options::default(),
    );
    assert_eq!(report.files, 2);
}

/// Eight mappings, each of many members that are all the one before.
#[test]
fn what_holds_another_many_times_is_gone_through_once() {
    let mut text = "def back(oauth):\n    m0 = {'a': oauth.access_token}\n".to_owned();
    for n in 1..9 {
        let members = (0..50).map(|i| format!("'k{i}': m{}, ", n - 1));
        let members: String = members.collect();
        text += &format!("    m{n} = {{{members}}}\n");
    }
    text += "    print(m8)\n    return m8\n";
    let begun = Instant::now();
    let report = valetkey_audit::audit_source(&[("app.py", &text)], &Options::default());
    assert_eq!(report.files, 1);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// Forty types, each of which has all the others.
#[test]
fn types_of_types_of_types_end() {
    let mut text = "use oauth2::basic::BasicClient;\n".to_owned();
    for n in 0..40 {
        let fields: String = (0..40).map(|i| format!("f{i}: T{i}, ")).collect();
        text += &format!("struct T{n} {{ {fields} }}\n");
    }
    text += "async fn back(t: T0, Query(q): Query<Oauth>) -> String { t.f1.f2.exchange_code(q.code).await }\n";
    text += "fn app() -> Router { Router::new().route(\"/back\", get(back)) }\n";
    let begun = Instant::now();
    let report = valetkey_audit::audit_source(&[("main.rs", &text)], &Options::default());
    assert_eq!(report.files, 1);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// Cuts, doublings and swaps of the fixtures, the same in every run.
#[test]
fn mutated_fixtures_never_crash() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python");
    let root = folder("fuzz");
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    let mut names: Vec<_> = fs::read_dir(fixtures)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    names.sort();
    for path in names
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "py"))
    {
        let text: Vec<char> = fs::read_to_string(path).unwrap().chars().collect();
        for round in 0..3 {
            let mut mutated = text.clone();
            for _ in 0..=round * 3 {
                let at = next(mutated.len());
                let length = next(40).min(mutated.len() - at);
                match next(4) {
                    0 => drop(mutated.drain(at..at + length)),
                    1 => {
                        let piece: Vec<char> = mutated[at..at + length].to_vec();
                        let to = next(mutated.len());
                        mutated.splice(to..to, piece);
                    }
                    2 => mutated[at] = ['(', ')', '\n', '"', '\t', '\u{0}', ':', 'é'][next(8)],
                    _ => mutated.truncate(at),
                }
                if mutated.is_empty() {
                    mutated.push('x');
                }
            }
            let name = root.join(path.file_name().unwrap());
            fs::write(&name, mutated.into_iter().collect::<String>()).unwrap();
            match audit(&name, &Options::default(), &mut |_, _| {}) {
                Ok(_) | Err(AuditError::Nothing { .. }) => {}
                Err(error) => panic!("{}: {error}", name.display()),
            }
        }
    }
}

/// Whoever sends a change chooses the names of its files: one could paint over
/// the verdicts, or write some of its own.
#[test]
fn the_name_of_a_file_writes_nothing_but_itself() {
    let root = folder("names");
    let name = "a\u{1b}[2J\nOAuth config OK\u{202e}.py";
    fs::write(root.join(name), textbook()).unwrap();
    fs::write(root.join("\u{1b}[1A.py"), b"\x00oauth\x00").unwrap();
    let report = audit(&root, &Options::default(), &mut |_, _| {}).unwrap();
    for format in [Format::Text, Format::Github, Format::Junit, Format::Sarif] {
        let text = write(&report, format);
        let strange = |c: char| c == '\u{1b}' || c == '\u{202e}';
        assert!(!text.contains(strange), "{format:?}: {text}");
        assert!(!text.lines().any(|l| l == "OAuth config OK"), "{format:?}");
    }
    assert!(write(&report, Format::Text).contains("a\\u{1b}[2J\\u{a}OAuth"));
    assert_eq!(report.skipped[0].to_string(), "\\u{1b}[1A.py: it is binary");
}

#[test]
fn a_line_is_shown_once_however_many_findings_it_has() {
    let text = "from flask_oauthlib.client import OAuth
oauth = OAuth()
github = oauth.remote_app(
    'github',
    consumer_key='9fK2mZq84Lw1vBx7Tn5R',
    consumer_secret='9fK2mZq84Lw1vBx7Tn5RcYh3aa',
)
";
    let report = valetkey_audit::audit_source(&[("app.py", text)], &Options::default());
    let found = report
        .results
        .iter()
        .find(|r| r.check == "secret-not-in-code")
        .unwrap();
    assert_eq!(found.verdict, valetkey_audit::Verdict::Fail);
    let shown: Vec<u32> = found.excerpt.iter().map(|(n, _)| *n).collect();
    let mut once = shown.clone();
    once.dedup();
    assert!(found.places.contains(&[6, 6]), "{:?}", found.places);
    assert_eq!(shown, once);
}
