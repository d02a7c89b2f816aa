//! The static auditor: lines per second against a bare parse of the same
//! files, a tree that has little to do with OAuth against a search for the
//! same words, and the memory that a million lines take.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::{built, here, scratch},
    report::Outcome,
    stats::{Rounds, figure},
};

const EXTENSIONS: &[&str] = &["py", "js", "mjs", "cjs", "ts", "tsx", "go", "rs", "rb"];
const WORDS: &str = "oauth|openid|client_secret|authorization_code|response_type|id_token|redirect_uri|clientsecret|access_token|passport|omniauth|goth";

/// Files with a name that the auditor reads, below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file()
                && path
                    .extension()
                    .and_then(|e| e.to_str())
                    .is_some_and(|e| EXTENSIONS.contains(&e))
            {
                all.push(path);
            }
        }
    }
    all.sort();
    all
}

/// Copies of a tree's sources; each file is an app of its own, if `apart`.
fn copies(of: &[PathBuf], from: &Path, into: &Path, count: usize, apart: bool) {
    for n in 0..count {
        for file in of {
            let mut to = into.join(format!("copy{n}"));
            if apart {
                to = to
                    .join(file.file_stem().unwrap())
                    .join(file.file_name().unwrap());
            } else {
                // Under a name that the auditor does not pass over.
                let inside = file.strip_prefix(from).unwrap().display().to_string();
                to = to.join(inside.replace("site-packages", "packages"));
            }
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
    }
}

fn lines(files: &[PathBuf]) -> usize {
    let count = |f: &PathBuf| fs::read(f).unwrap().iter().filter(|b| **b == b'\n').count();
    files.iter().map(count).sum()
}

/// A command bound to some cores.
fn on(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Seconds, and the most memory it had, in MiB.
fn measured(mut command: Command, input: Option<&[PathBuf]>) -> (f64, f64) {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    if let (Some(mut stdin), Some(files)) = (child.stdin.take(), input) {
        let list: String = files.iter().map(|f| format!("{}\n", f.display())).collect();
        stdin.write_all(list.as_bytes()).unwrap();
    }
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|l| l.starts_with("VmHWM:"));
        let kib = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
        most = kib.unwrap_or(0.0).max(most);
        thread::sleep(Duration::from_millis(1));
    }
    (begun.elapsed().as_secs_f64(), most / 1024.0)
}

pub fn run(rounds: usize) {
    let mut outcome = Outcome::new("audit");
    let valetkey = here().join("../target/release/valetkey");
    let parse = PathBuf::from(built("app-parse").get_program());

    let fixtures = here().join("../crates/valetkey-audit/tests/fixtures");
    let mut rows = Vec::new();
    for language in ["python", "javascript", "go", "rust", "ruby"] {
        let from = fixtures.join(language);
        if !from.is_dir() {
            continue;
        }
        let tree = scratch(&format!("audit-{language}"));
        copies(&sources(&from), &from, &tree, 40, true);
        let files = sources(&tree);
        let count = lines(&files) as f64;
        for (cores, threads) in [("0", "1"), ("0,1", "2")] {
            let (mut bare, mut audit) = (Rounds::default(), Rounds::default());
            for _ in 0..rounds {
                let mut command = on(cores, &parse);
                command.arg(threads);
                bare.push(count / measured(command, Some(&files)).0);
                let mut command = on(cores, &valetkey);
                command.args(["audit", "--json"]).arg(&tree);
                audit.push(count / measured(command, None).0);
            }
            let share = audit.with(&bare, |a, b| a / b);
            rows.push(vec![
                language.into(),
                threads.into(),
                format!("{count}"),
                bare.map(|r| r / 1000.0).shown(),
                audit.map(|r| r / 1000.0).shown(),
                share.shown(),
                "0.5".into(),
            ]);
            outcome.figure(
                &format!("{language}, {threads} cores, of a bare parse"),
                &share,
            );
        }
    }
    outcome.table(
        &[
            "files that are analysed",
            "cores",
            "lines",
            "bare parse, 1000 lines/s",
            "audit, 1000 lines/s",
            "share",
            "at least",
        ],
        rows,
    );

    // The standard library of Python, which has little to do with OAuth.
    let folder = |name: &str| {
        let code = format!("import sysconfig; print(sysconfig.get_paths()['{name}'])");
        let python = here().join("target/venv/bin/python");
        let output = Command::new(python).args(["-c", &code]).output().unwrap();
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    let library = folder("stdlib");
    let own: Vec<PathBuf> = sources(&library)
        .into_iter()
        .filter(|f| {
            let path = f.display().to_string();
            !["site-packages", "/test/", "/tests/", "/test_", "_test.py"]
                .iter()
                .any(|w| path.contains(w))
        })
        .collect();
    let tree = scratch("audit-tree");
    copies(&own, &library, &tree, 1, false);
    let once = lines(&own);
    let search = PathBuf::from("rg");
    let mut rows = Vec::new();
    for cores in ["0", "0,1"] {
        let (mut rg, mut audit) = (Rounds::default(), Rounds::default());
        for _ in 0..rounds {
            let mut command = on(cores, &search);
            command.args(["-i", "-c", "-uu", WORDS]).arg(&tree);
            rg.push(measured(command, None).0);
            let mut command = on(cores, &valetkey);
            command.args(["audit", "--json"]).arg(&tree);
            audit.push(measured(command, None).0);
        }
        let times = audit.with(&rg, |a, r| a / r);
        rows.push(vec![
            cores.split(',').count().to_string(),
            format!("{once}"),
            rg.map(|s| s * 1000.0).shown(),
            audit.map(|s| s * 1000.0).shown(),
            times.shown(),
            "1.5".into(),
        ]);
    }
    outcome.table(
        &[
            "a whole tree: cores",
            "lines",
            "rg, ms",
            "audit, ms",
            "times",
            "at most",
        ],
        rows,
    );

    // Packages that have something to do with it, too, until there are enough.
    let packages = folder("purelib");
    let more = sources(&packages);
    let count = (1_000_000 - once).div_ceil(lines(&more).max(1));
    copies(&more, &packages, &tree.join("more"), count, false);
    let files = sources(&tree);
    let mut command = on("0,1", &valetkey);
    command.args(["audit", "--json"]).arg(&tree);
    let (seconds, mib) = measured(command, None);
    outcome.table(
        &["a million lines", "figure", "at most"],
        vec![
            vec!["lines".into(), lines(&files).to_string(), "–".into()],
            vec!["seconds".into(), figure(seconds), "–".into()],
            vec!["memory, MiB".into(), figure(mib), "286".into()],
        ],
    );
    for name in [
        "audit-python",
        "audit-javascript",
        "audit-go",
        "audit-rust",
        "audit-ruby",
        "audit-tree",
    ] {
        let _ = fs::remove_dir_all(here().join("target/scratch").join(name));
    }
    outcome.write();
}
