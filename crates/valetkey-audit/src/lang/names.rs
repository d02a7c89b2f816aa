//! Which names the files of a tree bear: most imports mean libraries, and need
//! not be looked for from folder to folder.

use std::collections::HashSet;

use super::{Language, ruby};

/// The names of files without their endings, and of the folders they are in.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    pub(crate) fn of<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut names = HashSet::new();
        for path in paths {
            let mut parts = path.rsplit('/');
            let file = parts.next().unwrap_or(path);
            for name in [stem(file), parts.next().unwrap_or("")] {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        }
        Self(names)
    }

    /// Whether a module may be a file of the tree. `false` is sure.
    pub(crate) fn may_hold(&self, language: Language, module: &str) -> bool {
        let last = match language {
            Language::Python => module.rsplit('.').next(),
            Language::JavaScript | Language::Go => module.rsplit('/').next(),
            Language::Rust => module.rsplit("::").next(),
            Language::Ruby => match module.strip_prefix("autoload:") {
                Some(path) => return ruby::may_hold(path, |name| self.0.contains(name)),
                None => module
                    .strip_prefix("require:")
                    .unwrap_or(module)
                    .rsplit('/')
                    .next(),
            },
        };
        match last {
            None | Some("" | "." | ".." | "crate" | "self" | "super") => true,
            Some(name) => self.0.contains(name) || self.0.contains(stem(name)),
        }
    }
}

/// A file's name without its ending.
fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_a_module_may_mean_is_among_the_names() {
        for (language, here, module, file) in [
            (
                Language::Python,
                "app/views.py",
                "shop.auth",
                "shop/auth.py",
            ),
            (Language::Python, "app/views.py", ".auth", "app/auth.py"),
            (Language::Python, "app/views.py", "auth", "auth/__init__.py"),
            (Language::Python, "app/views.py", "..", "__init__.py"),
            (
                Language::JavaScript,
                "src/a.ts",
                "./auth.service",
                "src/auth.service.ts",
            ),
            (Language::JavaScript, "src/a.ts", "./auth.js", "src/auth.ts"),
            (Language::JavaScript, "src/a.ts", "../lib", "lib/index.js"),
            (
                Language::JavaScript,
                "src/a.ts",
                "@/lib/auth",
                "src/lib/auth.tsx",
            ),
            (Language::JavaScript, "src/b/a.ts", "..", "src/index.ts"),
            (
                Language::Rust,
                "src/main.rs",
                "crate::auth",
                "src/auth/mod.rs",
            ),
            (Language::Rust, "src/a/mod.rs", "super::auth", "src/auth.rs"),
            (Language::Rust, "src/a.rs", "crate", "src/lib.rs"),
            (
                Language::Ruby,
                "a.rb",
                "autoload:GithubOAuth::Client",
                "app/services/github_oauth/client.rb",
            ),
            (
                Language::Ruby,
                "a.rb",
                "autoload:OIDCClient",
                "lib/oidc_client.rb",
            ),
            (Language::Ruby, "app/a.rb", "./b", "app/b.rb"),
            (
                Language::Ruby,
                "a.rb",
                "autoload:Box::Login",
                "box_login.rb",
            ),
            (Language::Ruby, "a.rb", "autoload:Box::Login", "login.rb"),
            (
                Language::Ruby,
                "bin/a.rb",
                "require:box/login",
                "lib/box/login.rb",
            ),
            (Language::Ruby, "a.rb", "require:login", "lib/login.rb"),
        ] {
            assert!(
                language.files(here, module).iter().any(|f| f == file),
                "{module}: {:?}",
                language.files(here, module)
            );
            let names = Names::of([file].into_iter());
            assert!(names.may_hold(language, module), "{module} in {file}");
        }
    }

    #[test]
    fn libraries_are_not() {
        let names = Names::of(["app/auth.py", "app/views.py"].into_iter());
        assert!(!names.may_hold(Language::Python, "requests_oauthlib"));
        assert!(!names.may_hold(Language::Python, "authlib.integrations"));
        assert!(names.may_hold(Language::Python, "shop.views"));
    }
}
