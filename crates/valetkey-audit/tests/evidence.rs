//! The lines that a finding rests on: not only the call in which it comes to
//! light, but where what is used there was made.

#![allow(clippy::unwrap_used)]

use valetkey_audit::{Options, Result, Verdict, audit_source};

const FLASK: &str = r#"
import os, random, requests
from flask import Flask, redirect, request, session
from urllib.parse import urlencode

app = Flask(__name__)
CLIENT_SECRET = os.environ.get("PHOTOS_SECRET") or "8f14e45fceea167a5a36dedd4bea2543"
app.secret_key = os.environ["KEY"]

def ticket():
    return str(random.randint(100000, 999999))  # predictable

@app.route("/login")
def login():
    mark = ticket()
    session["mark"] = mark
    unrelated = "nothing"
    where = request.host_url + "back"
    query = {
        "response_type": "code",
        "client_id": "photos",
        "redirect_uri": where,
        "state": mark,
    }
    url = "https://id.example/authorize?" + urlencode(query)
    return redirect(url)

@app.route("/back")
def back():
    code = request.args.get("code")
    kept = session.get("mark")
    if request.args.get("state") != kept:
        return "no", 400
    http = requests.Session()
    answer = http.post("https://id.example/token", data={
        "grant_type": "authorization_code", "code": code,
        "client_id": "photos", "client_secret": CLIENT_SECRET,
        "redirect_uri": "https://photos.example/back",
    })
    if answer.status_code != 200:
        return "no", 502
    session["access"] = answer.json()["access_token"]
    return redirect("/")
"#;

const EXPRESS: &str = r#"
const express = require("express");
const session = require("express-session");
const app = express();
app.use(session({ secret: process.env.KEY }));

const settings = {
  id: "photos",
  clientSecret: "8f14e45fceea167a5a36dedd4bea2543",
};

app.get("/login", (req, res) => {
  const greeting = "hello";
  const mark = Math.random().toString(36);
  req.session.mark = mark;
  const address = new URL("https://id.example/authorize");
  address.searchParams.set("response_type", "code");
  address.searchParams.set("client_id", settings.id);
  address.searchParams.set("redirect_uri", "https://photos.example/back");
  address.searchParams.set("state", mark);
  res.redirect(address.toString());
});

app.get("/back", async (req, res) => {
  const { code } = req.query;
  const sent = req.query.state;
  if (sent !== req.session.mark) return res.sendStatus(400);
  const body = new URLSearchParams({ grant_type: "authorization_code", code,
    client_id: settings.id, client_secret: settings.clientSecret });
  const answer = await fetch("https://id.example/token", { method: "POST", body });
  if (!answer.ok) return res.sendStatus(502);
  req.session.access = (await answer.json()).access_token;
  res.redirect("/");
});
"#;

const GO: &str = r#"
package web

import (
	"math/rand"
	"net/http"
	"os"
	"strconv"

	"golang.org/x/oauth2"
)

var conf = &oauth2.Config{
	ClientID:     "photos",
	ClientSecret: os.Getenv("SECRET"),
	RedirectURL:  "https://photos.example/back",
	Scopes:       []string{"read"},
	Endpoint:     oauth2.Endpoint{AuthURL: "https://id.example/a", TokenURL: "https://id.example/t"},
}

func mark() string {
	return strconv.Itoa(rand.Intn(1000000)) // predictable
}

func login(w http.ResponseWriter, r *http.Request) {
	state := mark()
	http.SetCookie(w, &http.Cookie{Name: "s", Value: state, HttpOnly: true})
	http.Redirect(w, r, conf.AuthCodeURL(state), http.StatusFound)
}

func back(w http.ResponseWriter, r *http.Request) {
	kept, err := r.Cookie("s")
	if err == nil && r.URL.Query().Get("state") != kept.Value {
		http.Error(w, "no", 400)
		return
	}
	if r.URL.Query().Get("error") != "" {
		http.Error(w, "no", 400)
		return
	}
	token, err := conf.Exchange(r.Context(), r.URL.Query().Get("code"))
	if err != nil {
		http.Error(w, "no", 502)
		return
	}
	keep(r, token)
}

func init() {
	http.HandleFunc("/login", login)
	http.HandleFunc("/back", back)
}
"#;

fn result(path: &str, text: &str, check: &str) -> Result {
    let report = audit_source(&[(path, text)], &Options::default());
    let mut results = report.results.into_iter();
    results.find(|r| r.check == check).unwrap()
}

/// Whether the line in which a text stands is among those that are told.
fn tells(path: &str, text: &str, check: &str, verdict: Verdict, part: &str) -> bool {
    let found = result(path, text, check);
    assert_eq!(found.verdict, verdict, "{path} {check}: {}", found.message);
    let line = text.lines().position(|l| l.contains(part)).unwrap() + 1;
    let line = u32::try_from(line).unwrap();
    found.lines.iter().any(|[a, b]| (*a..=*b).contains(&line))
}

fn all_told(path: &str, text: &str, expected: &[(&str, Verdict, &str)]) {
    for (check, verdict, part) in expected {
        assert!(
            tells(path, text, check, *verdict, part),
            "{path} {check} does not tell {part}: {:?}",
            result(path, text, check).lines
        );
    }
}

#[test]
fn a_failure_tells_where_its_values_were_made() {
    use Verdict::{Fail, Pass};
    all_told(
        "photos.py",
        FLASK,
        &[
            ("state-generated", Fail, "# predictable"),
            ("state-generated", Fail, "\"state\": mark"),
            ("state-verified", Fail, "!= kept"),
            ("secret-not-in-code", Fail, "CLIENT_SECRET = "),
            ("redirect-exact", Fail, "where = request.host_url"),
            ("pkce-used", Fail, "\"response_type\": \"code\""),
            ("scope-present-minimal", Fail, "\"response_type\": \"code\""),
            ("error-handled", Fail, "code = request.args"),
            ("timeout-set", Fail, "http = requests.Session()"),
            ("token-not-leaked", Pass, "session[\"access\"]"),
            ("session-key-strong", Pass, "app.secret_key"),
        ],
    );
    all_told(
        "photos.js",
        EXPRESS,
        &[
            ("state-generated", Fail, "const mark = Math.random()"),
            ("state-generated", Fail, "set(\"state\", mark)"),
            ("state-verified", Fail, "if (sent !== req.session.mark)"),
            ("secret-not-in-code", Fail, "clientSecret: "),
            ("pkce-used", Fail, "set(\"response_type\", \"code\")"),
            ("redirect-exact", Pass, "set(\"redirect_uri\""),
            ("error-handled", Fail, "const { code } = req.query"),
        ],
    );
    all_told(
        "photos.go",
        GO,
        &[
            ("state-generated", Fail, "// predictable"),
            ("state-verified", Fail, "!= kept.Value"),
            ("secret-not-in-code", Pass, "ClientSecret: "),
            ("redirect-exact", Pass, "RedirectURL: "),
            ("scope-present-minimal", Pass, "Scopes: "),
            ("error-handled", Pass, "Get(\"error\")"),
        ],
    );
}

#[test]
fn what_has_nothing_to_do_with_it_is_not_told() {
    for check in ["state-generated", "pkce-used", "redirect-exact"] {
        assert!(!tells(
            "photos.py",
            FLASK,
            check,
            Verdict::Fail,
            "unrelated"
        ));
    }
    assert!(!tells(
        "photos.js",
        EXPRESS,
        "state-generated",
        Verdict::Fail,
        "greeting"
    ));
    // The secret's own line, and not that of the name of the client.
    assert!(!tells(
        "photos.js",
        EXPRESS,
        "secret-not-in-code",
        Verdict::Fail,
        "id: \"photos\""
    ));
}

/// However many lines speak of the matter, a reader is shown a few.
#[test]
fn a_long_function_is_not_told_as_a_whole() {
    let many: String = (0..200)
        .map(|n| format!("    query[\"state_{n}\"] = \"{n}\"\n"))
        .collect();
    let long = FLASK.replace("    url = ", &format!("{many}    url = "));
    let found = result("photos.py", &long, "state-generated");
    assert!(found.lines.len() <= 8, "{:?}", found.lines);
}

/// A comment at the finding is enough: what it rests on may change.
#[test]
fn a_suppression_stands_where_the_finding_comes_to_light() {
    let ignored = FLASK.replace(
        "    url = \"https",
        "    # valetkey: ignore[pkce-used] the provider knows none\n    url = \"https",
    );
    let found = result("photos.py", &ignored, "pkce-used");
    assert!(found.lines.len() > 1, "{:?}", found.lines);
    assert_eq!(found.verdict, Verdict::Na, "{:?}", found.places);
}

/// The place where a finding comes to light is the one that is named first,
/// and is shown.
#[test]
fn a_report_begins_where_the_finding_comes_to_light() {
    let found = result("photos.py", FLASK, "state-generated");
    let line = FLASK
        .lines()
        .position(|l| l.contains("url = \"https"))
        .unwrap()
        + 1;
    let line = u32::try_from(line).unwrap();
    assert_eq!(found.places[0][0], line);
    assert!(found.lines[0][0] < line, "{:?}", found.lines);
    assert!(found.excerpt.iter().any(|(n, _)| *n == line));
}

/// What holds a secret is blotted out on whichever line it is told.
#[test]
fn lines_that_are_told_beside_show_no_secret() {
    const SAID: &str = "hunter2-hunter2";
    let client = |line: &str| {
        FLASK.replace(
            "    http = requests.Session()\n",
            &format!("    http = requests.Session()\n    {line}\n"),
        )
    };
    for text in [
        client("http.auth = (\"photos\", \"hunter2-hunter2\")"),
        client("http.headers[\"X-Api\"] = \"hunter2-hunter2\""),
        client("http.proxies = \"http://me:hunter2-hunter2@proxy.example\""),
        FLASK.replace(
            "where = request.host_url + \"back\"",
            "where = request.host_url + \"back\" if request.host_url else \"https://me:hunter2-hunter2@a.example/\"",
        ),
    ] {
        let report = audit_source(&[("photos.py", &text)], &Options::default());
        for found in &report.results {
            for (_, line) in &found.excerpt {
                assert!(!line.contains(SAID), "{}: {line}", found.check);
            }
        }
    }
}
