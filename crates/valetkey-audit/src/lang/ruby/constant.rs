//! Constants that are files of the app, and what a class shows of itself.

use super::super::{joined, upwards};
use crate::ir::{Block, Class, ExprKind, StmtKind};

/// Folders of a Rails app whose files are found by the names of constants.
const FOLDERS: &[&str] = &[
    "controllers",
    "services",
    "models",
    "lib",
    "helpers",
    "clients",
    "operations",
    "interactors",
    "commands",
    "queries",
    "forms",
    "policies",
    "adapters",
    "gateways",
    "auth",
    "oauth",
    "jobs",
    "controllers/concerns",
    "models/concerns",
];

/// `GithubOAuth::Client` in the file's spelling: `github_o_auth/client`, and
/// `github_oauth/client` for those who have told Rails of the acronym.
pub(in crate::lang) fn spellings(path: &str) -> Vec<String> {
    let mut all = vec![underscored(path)];
    for (acronym, word) in [("OAuth2", "Oauth2"), ("OAuth", "Oauth"), ("OIDC", "Oidc")] {
        if path.contains(acronym) {
            let other = underscored(&path.replace(acronym, word));
            if !all.contains(&other) {
                all.push(other);
            }
        }
    }
    all
}

fn underscored(path: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = path.replace("::", "/").chars().collect();
    for (i, c) in chars.iter().enumerate() {
        if c.is_uppercase() && i > 0 && chars[i - 1] != '/' {
            let after_small = chars[i - 1].is_lowercase() || chars[i - 1].is_ascii_digit();
            let before_small = chars.get(i + 1).is_some_and(|n| n.is_lowercase());
            if after_small || before_small && chars[i - 1].is_uppercase() {
                out.push('_');
            }
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The names without folders that the file of a constant may have where an
/// app keeps all in one place: `client` and `linear_client` for
/// `Linear::Client`.
fn flat(path: &str) -> Vec<String> {
    let Some((_, last)) = path.rsplit_once("::") else {
        return Vec::new();
    };
    let mut all = spellings(last);
    all.extend(spellings(path).iter().map(|s| s.replace('/', "_")));
    all
}

/// Whether a file of such a name may hold a constant. `false` is sure.
pub(in crate::lang) fn may_hold(path: &str, is_file: impl Fn(&str) -> bool) -> bool {
    let last = path.rsplit("::").next().unwrap_or(path);
    spellings(last).iter().any(|s| is_file(s)) || flat(path).iter().any(|s| is_file(s))
}

/// Files that a module may mean, as seen from a folder: `autoload:A::B` is a
/// constant, `require:a/b` is looked for where programs keep their parts, `./a`
/// is what `require_relative` names.
pub(in crate::lang) fn files(folder: &str, module: &str) -> Vec<String> {
    if let Some(path) = module.strip_prefix("require:") {
        let mut all = Vec::new();
        for up in upwards(folder) {
            all.push(joined(up, &format!("lib/{path}.rb")));
            if path.contains('/') {
                all.push(joined(up, &format!("{path}.rb")));
            }
        }
        if let Some((_, last)) = path.rsplit_once('/') {
            all.push(joined(folder, &format!("{last}.rb")));
        }
        return all;
    }
    if let Some(path) = module.strip_prefix("autoload:") {
        let mut all = Vec::new();
        for name in spellings(path) {
            let file = format!("{name}.rb");
            for up in upwards(folder) {
                all.push(joined(up, &file));
                for inner in FOLDERS {
                    all.push(joined(&joined(up, inner), &file));
                    all.push(joined(&joined(up, &format!("app/{inner}")), &file));
                }
            }
        }
        let beside = flat(path);
        all.extend(beside.iter().map(|n| joined(folder, &format!("{n}.rb"))));
        return all;
    }
    let mut inside: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in module.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                inside.pop();
            }
            name => inside.push(name),
        }
    }
    let base = inside.join("/");
    vec![format!("{base}.rb"), base]
}

/// Takes the marks out of a class body: what is included becomes a base, what
/// is private a decorator.
pub(super) fn visible(body: &mut Block, class: &mut Class) {
    let mut private = false;
    let mut fixed = false;
    let mut hidden: Vec<String> = Vec::new();
    let mut shown = Vec::new();
    for statement in std::mem::take(body) {
        let mark = match &statement.kind {
            StmtKind::Expr(e) => match &e.kind {
                ExprKind::Call(call) => match &call.func.kind {
                    ExprKind::Name(n) => n.strip_prefix('%').map(str::to_owned),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let Some(mark) = mark else {
            let mut statement = statement;
            if let StmtKind::Function(function) = &mut statement.kind
                && let Some(function) = std::sync::Arc::get_mut(function)
            {
                let span = crate::ir::Span::default();
                let mut mark = |name: &str| {
                    function.decorators.push(crate::ir::Expr {
                        kind: ExprKind::Name(name.into()),
                        span,
                    });
                };
                if private {
                    mark("private");
                }
                if fixed {
                    mark("staticmethod");
                }
            }
            shown.push(statement);
            continue;
        };
        let StmtKind::Expr(e) = statement.kind else {
            continue;
        };
        let ExprKind::Call(call) = e.kind else {
            continue;
        };
        let names = call.args.iter().filter_map(|a| match &a.kind {
            ExprKind::Str(n) => Some(n.clone()),
            _ => None,
        });
        match mark.as_str() {
            "private" | "protected" if call.args.is_empty() => private = true,
            "public" if call.args.is_empty() => private = false,
            "private" | "protected" | "private_class_method" => hidden.extend(names),
            "module_function" if call.args.is_empty() => fixed = true,
            "include" | "include all" => class
                .bases
                .extend(call.args.into_iter().filter(|a| !is_self(a))),
            _ => {}
        }
    }
    for statement in &mut shown {
        if let StmtKind::Function(function) = &mut statement.kind
            && hidden.contains(&function.name)
            && let Some(function) = std::sync::Arc::get_mut(function)
        {
            function.decorators.push(crate::ir::Expr {
                kind: ExprKind::Name("private".into()),
                span: crate::ir::Span::default(),
            });
        }
    }
    *body = shown;
}

fn is_self(e: &crate::ir::Expr) -> bool {
    matches!(&e.kind, ExprKind::Name(n) if n == "self")
}
