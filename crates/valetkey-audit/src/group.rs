//! Which files belong together: what has to do with OAuth, what it imports,
//! and what is linked by that.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::{Mutex, OnceLock},
};

use aho_corasick::AhoCorasick;

use crate::{
    engine::{App, AppFile, packages::means},
    ir::{Block, Import, Module, StmtKind},
    lang::{Language, Names},
    libraries::Libraries,
    parallel,
    report::Skipped,
    walk::Source,
};

mod handed;

/// Words without which a file has nothing to do with OAuth.
const WORDS: &[&str] = &[
    "oauth",
    "openid",
    "authlib",
    " msal",
    "/msal",
    "\"msal",
    "'msal",
    "allauth",
    "social_core",
    "social_django",
    "client_secret",
    "authorization_code",
    "response_type",
    "grant_type",
    "id_token",
    "fastapi_sso",
    "flask_dance",
    "redirect_uri",
    "clientsecret",
    "access_token",
    "accesstoken",
    "idtoken",
    "next-auth",
    "@auth/",
    "passport",
    "arctic",
    "omniauth",
    "goth",
    "zmb3/spotify",
    "authcodeurl",
    "authorizationcode",
    "signet",
    "valetkey",
    "/oidc",
    "exchange_code",
    "hapi/bell",
    "ally.use(",
    "keycloak",
    "accounts.google.com",
    "better-auth",
    "shopify",
    "auth0",
    "'grant'",
    "\"grant\"",
];
/// Of Ruby: a callback that leaves the rest to classes that no import names.
const RUBY_WORDS: &[&str] = &[
    "[:state]",
    "[:code]",
    "(:code)",
    "['code']",
    "[\"code\"]",
    "identity_token",
    "googleauth",
    "google::auth",
];

/// Whether a text has any of them, in whatever case.
///
/// The text is put into small letters first: that costs less than it saves,
/// because only a search that tells cases apart looks at many bytes at once.
fn mentions(language: Language, text: &[u8]) -> bool {
    static COMMON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    static RUBY: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    thread_local!(static SMALL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    let finder = match language {
        Language::Ruby => RUBY.get_or_init(|| AhoCorasick::new([WORDS, RUBY_WORDS].concat()).ok()),
        _ => COMMON.get_or_init(|| AhoCorasick::new(WORDS).ok()),
    };
    finder.as_ref().is_none_or(|finder| {
        SMALL.with_borrow_mut(|small| {
            small.clear();
            small.extend_from_slice(text);
            small.make_ascii_lowercase();
            finder.is_match(small.as_slice())
        })
    })
}

/// How far imports are followed from what has to do with OAuth.
const STEPS: usize = 3;
/// Files of a tree that is small enough to follow every import.
const SMALL: usize = 60;
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
    let places = Places::of(sources);
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
    let handed = handed::Handed::of(sources);
    let mut parsed: BTreeMap<usize, Option<Parsed>> = BTreeMap::new();
    let mut level = Vec::new();
    for (i, looked) in looked.into_iter().enumerate() {
        match looked {
            Ok(None) => {}
            Ok(Some(mut file)) => {
                handed.import(&sources[i], &mut file.module);
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
    let mut places = places;
    places.define(sources, &parsed);
    let importers = all_importers(sources, &places, &parsed);
    let importers: BTreeSet<usize> = importers.into_iter().collect();
    let small = sources.len() <= SMALL;
    // What they import, a few steps far.
    let mut links: Vec<(usize, usize)> = Vec::new();
    let mut roots = BTreeSet::new();
    for depth in 0..=STEPS {
        let mut next = BTreeSet::new();
        for i in level {
            let Some(Some(file)) = parsed.get(&i) else {
                continue;
            };
            // It names all that there is.
            if roots.contains(&i) {
                continue;
            }
            let mut all = wanted(sources, &places, i, &file.module);
            if depth == 0 {
                all.extend(places.above(&sources[i]));
                let root = places.root(&sources[i]);
                roots.extend(root.filter(|r| !parsed.contains_key(r)));
                all.extend(root);
            }
            // What was only looked for leads no further, except in an app of
            // Python that is small anyway.
            let python = small && sources[i].language == Language::Python;
            let further = depth < STEPS && (python || !importers.contains(&i));
            for other in all {
                // But to what lets requests through to the login.
                let further = further || depth < STEPS && stands_before(&sources[other]);
                if parsed.contains_key(&other) || further {
                    links.push((i, other));
                }
                if !parsed.contains_key(&other) && further {
                    next.insert(other);
                }
            }
        }
        if depth == 0 {
            next.extend(importers.iter().copied());
        }
        level = next.into_iter().collect();
        let read = parallel::map(&level, |i| {
            sources[*i]
                .read()
                .and_then(|text| parse(&sources[*i], text))
        });
        for (i, file) in level.iter().zip(read) {
            let file = file.ok().map(|mut file| {
                handed.import(&sources[*i], &mut file.module);
                file
            });
            parsed.insert(*i, file);
        }
    }
    together(sources, parsed, &links, &importers)
}

/// Whether a file of JavaScript, by its name or its folder's, stands before
/// the functions that answer requests, as what compares a state may.
fn stands_before(source: &Source) -> bool {
    const WORDS: &[&str] = &[
        "state",
        "guard",
        "middleware",
        "csrf",
        "session",
        "verify",
        "require",
    ];
    let mut names = source.path.rsplit('/').take(2);
    source.language == Language::JavaScript
        && names.any(|name| {
            let lower = name.to_ascii_lowercase();
            WORDS.iter().any(|w| lower.contains(w))
        })
}

/// Words without which a file that imports one of these has no login of its
/// own.
const LOGIN: &[&str] = &["code", "login", "callback", "token"];
/// The same of JavaScript, Rust and Go, where the file that sets up the sessions
/// hands on requests to files that hand them on.
const SET_UP: &[&str] = &["session", "cookie", "listen", "Listen", "router", "Router"];
/// The same of Ruby, where one file starts the others, and gives them their
/// sessions.
const STARTS: &[&str] = &["Session", "session", "secret", "run ", "run!"];
/// And of Python, where it makes the app and puts the parts of it together.
const MAKES_APP: &[&str] = &[
    "Flask(",
    "Quart(",
    "FastAPI(",
    "Starlette(",
    "Sanic(",
    "Litestar(",
    "Application(",
    "register_blueprint",
    "include_router",
];
/// Files near those that have to do with OAuth that are looked at for imports
/// of them, and those that have one.
const NEAR: usize = 400;
const IMPORTERS: usize = 60;

/// Files that import what has to do with OAuth, and need not name it: the
/// routes beside a module that does the rest, and what sets up the app.
fn all_importers<'s>(
    sources: &'s [Source],
    places: &Places<'s>,
    parsed: &BTreeMap<usize, Option<Parsed>>,
) -> Vec<usize> {
    let mut known: BTreeSet<usize> = parsed.keys().copied().collect();
    let mut found = importers(sources, places, &known, Language::Ruby, STARTS);
    for (language, own) in [
        (Language::Python, MAKES_APP),
        (Language::JavaScript, SET_UP),
        (Language::Rust, SET_UP),
        (Language::Go, SET_UP),
    ] {
        let words = [LOGIN, own].concat();
        for _ in 0..2 {
            let more = importers(sources, places, &known, language, &words);
            known.extend(&more);
            found.extend(more);
        }
    }
    found
}

/// Those of a language that have one of these words.
fn importers<'s>(
    sources: &'s [Source],
    places: &Places<'s>,
    known: &BTreeSet<usize>,
    language: Language,
    words: &[&str],
) -> Vec<usize> {
    let named: Vec<(usize, &str)> = known
        .iter()
        .filter(|i| sources[**i].language == language)
        .filter_map(|i| Some((*i, module_of(&sources[*i])?)))
        .collect();
    if named.is_empty() {
        return Vec::new();
    }
    let around: BTreeSet<&str> = named.iter().map(|(i, _)| above(&sources[*i])).collect();
    let near: Vec<usize> = (0..sources.len())
        .filter(|i| sources[*i].language == language && !known.contains(i))
        .filter(|i| around.iter().any(|a| is_near(a, folder(&sources[*i]))))
        .take(NEAR)
        .collect();
    let names: BTreeSet<&str> = named.iter().map(|(_, name)| *name).collect();
    let (Ok(names), Ok(login)) = (AhoCorasick::new(names), AhoCorasick::new(words)) else {
        return Vec::new();
    };
    let found = parallel::map(&near, |i| {
        let text = sources[*i].read_if(|text| names.is_match(text) && login.is_match(text));
        let file = parse(&sources[*i], text.ok()??).ok()?;
        let imports = wanted(sources, places, *i, &file.module);
        imports
            .iter()
            .any(|other| known.contains(other))
            .then_some(*i)
    });
    found.into_iter().flatten().take(IMPORTERS).collect()
}

/// The last name of the module that a file is.
fn module_of(source: &Source) -> Option<&str> {
    // There, a folder is a module.
    if source.language.traits().packages {
        return Some(last(folder(source))).filter(|name| !name.is_empty());
    }
    match last(&source.path).split('.').next()? {
        "__init__" | "index" | "mod" => Some(last(folder(source))).filter(|name| !name.is_empty()),
        name => Some(name),
    }
}

/// The folder above that of a file. What is kept from other programs is for
/// those beside its folder.
fn above(source: &Source) -> &str {
    const INSIDE: &[&str] = &["internal", "pkg"];
    let up = |folder: &'_ str| folder.rfind('/').unwrap_or(0);
    let folder = folder(source);
    let above = &folder[..up(folder)];
    match source.language.traits().packages && INSIDE.contains(&last(above)) {
        true => &above[..up(above)],
        false => above,
    }
}

/// Whether a folder is below another, not far.
fn is_near(above: &str, folder: &str) -> bool {
    let rest = match above.is_empty() {
        true => Some(folder),
        false => folder.strip_prefix(above),
    };
    rest.is_some_and(|rest| {
        (rest.is_empty() || above.is_empty() || rest.starts_with('/'))
            && rest.matches('/').count() <= 2
    })
}

/// Where the files of a tree are.
struct Places<'s> {
    by_path: HashMap<&'s str, usize>,
    names: Names,
    /// Of languages in which the files of a folder are one module: the folders
    /// by their last names, and what is in them.
    folders: HashMap<&'s str, Vec<&'s str>>,
    inside: HashMap<(Language, &'s str), Vec<usize>>,
    /// The settings of projects of Django.
    settings: Vec<usize>,
    /// Of Ruby: the file of a folder that defines a constant, whatever it is
    /// called.
    defined: HashMap<(&'s str, String), usize>,
}

impl<'s> Places<'s> {
    /// The file of the module that one of Rust is a part of, where that is a
    /// folder: it hands on requests to its parts, and need not name what they
    /// are about.
    fn above(&self, source: &Source) -> Option<usize> {
        let (folder, file) = source.path.rsplit_once('/')?;
        if source.language != Language::Rust || matches!(file, "mod.rs" | "lib.rs" | "main.rs") {
            return None;
        }
        let found = |path: &str| self.by_path.get(path).copied();
        found(&format!("{folder}/mod.rs")).or_else(|| found(&format!("{folder}.rs")))
    }

    /// The file that sets a program of Rust up: what it gives its framework for
    /// those that answer requests, and the key of their sessions.
    fn root(&self, source: &Source) -> Option<usize> {
        let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        if source.language != Language::Rust || file == "main.rs" {
            return None;
        }
        let inside = match folder {
            "" => "main.rs".to_owned(),
            _ => format!("{folder}/main.rs"),
        };
        self.by_path.get(inside.as_str()).copied()
    }

    fn of(sources: &'s [Source]) -> Self {
        let mut places = Self {
            by_path: HashMap::with_capacity(sources.len()),
            names: Names::of(sources.iter().map(|s| s.path.as_str())),
            folders: HashMap::new(),
            inside: HashMap::new(),
            settings: Vec::new(),
            defined: HashMap::new(),
        };
        for (i, source) in sources.iter().enumerate() {
            places.by_path.insert(&source.path, i);
            if source.language == Language::Python && last(&source.path) == "settings.py" {
                places.settings.push(i);
            }
            if source.language.traits().packages {
                let folder = folder(source);
                let key = (source.language, folder);
                places.inside.entry(key).or_default().push(i);
            }
        }
        for (_, folder) in places.inside.keys() {
            places.folders.entry(last(folder)).or_default().push(folder);
        }
        places
    }

    /// The settings that a file of a project of Django reads out of the
    /// framework, where there are only one project's.
    fn settings_of(&self, sources: &[Source], from: &Source) -> Option<usize> {
        let near = |i: &&usize| is_near(above(&sources[**i]), folder(from));
        let mut all = self.settings.iter().take(NEAR).filter(near);
        let only = all.next().copied()?;
        all.next().is_none().then_some(only)
    }

    /// Takes note of what the files that are read define.
    fn define(&mut self, sources: &'s [Source], parsed: &BTreeMap<usize, Option<Parsed>>) {
        let mut twice = Vec::new();
        for (i, file) in parsed {
            let source = &sources[*i];
            let Some(file) = file.as_ref().filter(|_| source.language == Language::Ruby) else {
                continue;
            };
            for name in file.module.constants() {
                let key = (folder(source), name);
                if self.defined.insert(key.clone(), *i).is_some() {
                    twice.push(key);
                }
            }
        }
        for key in twice {
            self.defined.remove(&key);
        }
    }

    /// The file beside another that defines what that one names.
    fn defines(&self, from: &'s Source, module: &str) -> Option<usize> {
        let path = module.strip_prefix("autoload:")?;
        let found = self.defined.get(&(folder(from), path.to_owned()));
        found.copied()
    }

    /// The files of the folders that a file's own and the imported modules
    /// are.
    fn beside(&self, source: &Source, modules: &[&str]) -> BTreeSet<usize> {
        let language = source.language;
        let libraries = Libraries::of(language);
        let wanted: Vec<String> = modules
            .iter()
            .filter(|m| !libraries.knows(m))
            .flat_map(|m| language.folders(m))
            .collect();
        let meant = wanted.iter().flat_map(|w| {
            let all = self.folders.get(last(w)).into_iter().flatten();
            all.filter(move |there| means(there, w))
        });
        let mut files = BTreeSet::new();
        for folder in std::iter::once(&folder(source)).chain(meant) {
            files.extend(self.inside.get(&(language, *folder)).into_iter().flatten());
        }
        files
    }
}

fn folder(source: &Source) -> &str {
    let at = source.path.rsplit_once('/');
    at.map_or("", |(folder, _)| folder)
}

/// The last name of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The files of the app that a file imports.
fn wanted<'s>(
    sources: &'s [Source],
    places: &Places<'s>,
    i: usize,
    module: &Module,
) -> BTreeSet<usize> {
    let mut wanted = BTreeSet::new();
    let from = &sources[i];
    let mut found = Vec::new();
    imports(&module.body, &mut found, 0);
    let file = |module: &str| {
        if !places.names.may_hold(from.language, module) {
            return None;
        }
        let files = from.language.files(&from.path, module);
        files.iter().find_map(|f| places.by_path.get(f.as_str()))
    };
    for import in &found {
        let member = import.member.as_deref();
        let whole = member.and_then(|m| from.language.submodule(&import.module, m));
        let mut meant = whole.as_deref().into_iter().chain([import.module.as_str()]);
        let known = meant.find_map(|m| file(m).filter(|other| **other != i));
        wanted.extend(known.or_else(|| below(from.language, import, &file).filter(|o| **o != i)));
        if known.is_none() {
            wanted.extend(places.defines(from, &import.module).filter(|o| *o != i));
        }
    }
    let of_django = |import: &&Import| {
        import.module == "django.conf" && import.member.as_deref() == Some("settings")
    };
    if from.language == Language::Python && found.iter().any(of_django) {
        let settings = places.settings_of(sources, from);
        wanted.extend(settings.filter(|other| *other != i));
    }
    if from.language.traits().packages {
        let modules: Vec<&str> = found.iter().map(|i| i.module.as_str()).collect();
        let beside = places.beside(from, &modules);
        wanted.extend(beside.into_iter().filter(|other| *other != i).take(MOST));
    }
    wanted
}

/// A file whose module's name begins above the tree: `shop.login.views` is
/// `views.py` where `shop/login` is all there is.
fn below<'p>(
    language: Language,
    import: &Import,
    file: &impl Fn(&str) -> Option<&'p usize>,
) -> Option<&'p usize> {
    let root = import.module.split('.').next().unwrap_or_default();
    if language != Language::Python || root.is_empty() || Libraries::of(language).knows(root) {
        return None;
    }
    let member = import.member.as_deref();
    let mut rest = import.module.as_str();
    while let Some((_, shorter)) = rest.split_once('.') {
        rest = shorter;
        let whole = member.and_then(|m| language.submodule(rest, m));
        if let Some(found) = whole.and_then(|w| file(&w)).or_else(|| file(rest)) {
            return Some(found);
        }
    }
    member.filter(|_| root != import.module).and_then(file)
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
    importers: &BTreeSet<usize>,
) -> Vec<(App, Vec<String>)> {
    let mut root: BTreeMap<usize, usize> = parsed.keys().map(|i| (*i, *i)).collect();
    fn find(root: &BTreeMap<usize, usize>, mut i: usize) -> usize {
        while let Some(up) = root.get(&i).filter(|up| **up != i) {
            i = *up;
        }
        i
    }
    // What was only looked for must not make of several apps one that is too
    // big to be looked at as a whole.
    let (late, first): (Vec<_>, Vec<_>) = links
        .iter()
        .partition(|(a, b)| importers.contains(a) || importers.contains(b));
    let mut sizes: BTreeMap<usize, usize> = parsed.keys().map(|i| (*i, 1)).collect();
    for (number, (a, b)) in first.iter().chain(&late).enumerate() {
        let (a, b) = (find(&root, *a), find(&root, *b));
        let size = |i| sizes.get(&i).copied().unwrap_or(1);
        let both = size(a) + size(b);
        if a == b || number >= first.len() && both > MOST {
            continue;
        }
        root.insert(a.max(b), a.min(b));
        sizes.insert(a.min(b), both);
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
