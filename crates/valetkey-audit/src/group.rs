//! Which files belong together: what has to do with OAuth, what it imports,
//! and what is linked by that.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, OnceLock},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use crate::{
    engine::{App, AppFile, packages::means},
    ir::{Block, Import, Module, StmtKind},
    lang::Language,
    libraries::Libraries,
    parallel,
    report::Skipped,
    walk::Source,
};

/// Words without which a file has nothing to do with OAuth.
const WORDS: &[&str] = &[
    "oauth",
    "openid",
    "authlib",
    "msal",
    "allauth",
    "social_core",
    "social_django",
    "client_secret",
    "authorization_code",
    "response_type",
    "id_token",
    "fastapi_sso",
    "flask_dance",
    "redirect_uri",
    "clientsecret",
    "access_token",
    "next-auth",
    "@auth/",
    "passport",
    "arctic",
    "omniauth",
    "goth",
    "signet",
    "valetkey",
    "/oidc",
    "exchange_code",
];
/// Of Ruby: a callback that leaves the rest to classes that no import names.
const RUBY_WORDS: &[&str] = &["[:state]", "[:code]", "(:code)"];

/// Whether a text has any of them, in whatever case.
fn mentions(language: Language, text: &[u8]) -> bool {
    static COMMON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    static RUBY: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let has = |finder: &OnceLock<Option<AhoCorasick>>, words: &[&str]| {
        let finder = finder.get_or_init(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .build(words)
                .ok()
        });
        finder.as_ref().is_none_or(|finder| finder.is_match(text))
    };
    has(&COMMON, WORDS) || language == Language::Ruby && has(&RUBY, RUBY_WORDS)
}

/// How far imports are followed from what has to do with OAuth.
const STEPS: usize = 3;
/// Files of one app; more are looked at without the rest.
const MOST: usize = 200;

struct Parsed {
    text: String,
    module: Module,
}

/// The apps of a tree, each with the texts of its files.
pub(crate) fn apps(
    sources: &[Source],
    skipped: &mut Vec<Skipped>,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Vec<(App, Vec<String>)> {
    let by_path: BTreeMap<&str, usize> = sources
        .iter()
        .enumerate()
        .map(|(i, s)| (s.path.as_str(), i))
        .collect();
    let progress = Mutex::new((0, progress));
    let all: Vec<usize> = (0..sources.len()).collect();
    let looked = parallel::map(&all, |i| {
        if let Ok(mut progress) = progress.lock() {
            let (done, tell) = &mut *progress;
            tell(*done, sources.len());
            *done += 1;
        }
        let source = &sources[*i];
        let text = source.read_if(|text| mentions(source.language, text))?;
        text.map(|text| parse(source, text)).transpose()
    });
    let mut parsed: BTreeMap<usize, Option<Parsed>> = BTreeMap::new();
    let mut level = Vec::new();
    for (i, looked) in looked.into_iter().enumerate() {
        match looked {
            Ok(None) => {}
            Ok(Some(file)) => {
                parsed.insert(i, Some(file));
                level.push(i);
            }
            Err(reason) => {
                parsed.insert(i, None);
                let path = sources[i].path.clone();
                skipped.push(Skipped { path, reason });
            }
        }
    }
    // What they import, a few steps far.
    let mut links: Vec<(usize, usize)> = Vec::new();
    for depth in 0..=STEPS {
        let mut next = BTreeSet::new();
        for i in level {
            let Some(Some(file)) = parsed.get(&i) else {
                continue;
            };
            for other in wanted(sources, &by_path, i, &file.module) {
                if parsed.contains_key(&other) || depth < STEPS {
                    links.push((i, other));
                }
                if !parsed.contains_key(&other) && depth < STEPS {
                    next.insert(other);
                }
            }
        }
        level = next.into_iter().collect();
        let read = parallel::map(&level, |i| {
            sources[*i]
                .read()
                .and_then(|text| parse(&sources[*i], text))
        });
        for (i, file) in level.iter().zip(read) {
            parsed.insert(*i, file.ok());
        }
    }
    together(sources, parsed, &links)
}

/// The files of the app that a file imports.
fn wanted(
    sources: &[Source],
    by_path: &BTreeMap<&str, usize>,
    i: usize,
    module: &Module,
) -> BTreeSet<usize> {
    let mut wanted = BTreeSet::new();
    let from = &sources[i];
    let mut found = Vec::new();
    imports(&module.body, &mut found, 0);
    for import in found {
        let member = import.member.as_deref();
        let whole = member.and_then(|m| from.language.submodule(&import.module, m));
        for module in whole.iter().chain([&import.module]) {
            let files = from.language.files(&from.path, module);
            let file = files.iter().find_map(|f| by_path.get(f.as_str()));
            if let Some(other) = file.filter(|other| **other != i) {
                wanted.insert(*other);
                break;
            }
        }
    }
    if from.language.traits().packages {
        let modules = found_modules(&module.body);
        wanted.extend(beside(sources, i, &modules));
    }
    wanted
}

fn found_modules(body: &Block) -> Vec<&str> {
    let mut found = Vec::new();
    imports(body, &mut found, 0);
    found.iter().map(|i| i.module.as_str()).collect()
}

/// The files of the folders that a file's own and the imported modules are.
fn beside(sources: &[Source], i: usize, modules: &[&str]) -> Vec<usize> {
    fn folder(source: &Source) -> &str {
        source
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder)
    }
    let language = sources[i].language;
    let own = folder(&sources[i]);
    let libraries = Libraries::of(language);
    let wanted: Vec<String> = modules
        .iter()
        .filter(|m| !libraries.knows(m))
        .flat_map(|m| language.folders(m))
        .collect();
    let all = sources.iter().enumerate();
    all.filter(|(other, source)| {
        let there = folder(source);
        *other != i
            && source.language == language
            && (there == own || wanted.iter().any(|w| means(there, w)))
    })
    .map(|(other, _)| other)
    .take(MOST)
    .collect()
}

fn parse(source: &Source, text: String) -> Result<Parsed, String> {
    let module = source.language.parse(Path::new(&source.path), &text);
    let module = module.ok_or("it does not parse")?;
    Ok(Parsed { text, module })
}

fn together(
    sources: &[Source],
    mut parsed: BTreeMap<usize, Option<Parsed>>,
    links: &[(usize, usize)],
) -> Vec<(App, Vec<String>)> {
    let mut root: BTreeMap<usize, usize> = parsed.keys().map(|i| (*i, *i)).collect();
    fn find(root: &BTreeMap<usize, usize>, mut i: usize) -> usize {
        while let Some(up) = root.get(&i).filter(|up| **up != i) {
            i = *up;
        }
        i
    }
    for (a, b) in links {
        let (a, b) = (find(&root, *a), find(&root, *b));
        root.insert(a.max(b), a.min(b));
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in parsed.keys() {
        groups.entry(find(&root, *i)).or_default().push(*i);
    }
    let mut apps = Vec::new();
    for group in groups.into_values() {
        for part in group.chunks(MOST) {
            let language = sources[part[0]].language;
            let files = Vec::new();
            let (mut app, mut texts) = (App { language, files }, Vec::new());
            for i in part {
                if let Some(Some(file)) = parsed.remove(i) {
                    app.files.push(AppFile {
                        path: sources[*i].path.clone(),
                        module: file.module,
                    });
                    texts.push(file.text);
                }
            }
            if !app.files.is_empty() {
                apps.push((app, texts));
            }
        }
    }
    apps
}

fn imports<'m>(block: &'m Block, into: &mut Vec<&'m Import>, depth: usize) {
    if depth > 4 {
        return;
    }
    for statement in block {
        match &statement.kind {
            StmtKind::Import(all) => into.extend(all),
            StmtKind::Function(f) => imports(&f.body, into, depth + 1),
            StmtKind::If {
                then, otherwise, ..
            } => {
                imports(then, into, depth + 1);
                imports(otherwise, into, depth + 1);
            }
            StmtKind::Try { body, .. } => imports(body, into, depth + 1),
            _ => {}
        }
    }
}
