//! Functions of Go that fill what they are given a pointer to, and clients
//! that a library has by itself.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

fn holds(check: &str, wanted: Verdict, text: &str) {
    let report = audit_source(&[("main.go", text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    let verdict = found.map_or(Verdict::Na, |r| r.verdict);
    assert_eq!(verdict, wanted, "{check}: {text}");
}

/// A login whose state waits in a sealed cookie, which `load` reads into a
/// place; `same` says whether the state is this browser's.
fn sealed(load: &str, same: &str) -> String {
    format!(
        r#"package main

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os"

	"github.com/gorilla/securecookie"
	"golang.org/x/oauth2"
)

var box = securecookie.New([]byte(os.Getenv("BOX_KEY")), nil)
var conf = &oauth2.Config{{
	ClientID:     os.Getenv("ID"),
	ClientSecret: os.Getenv("SECRET"),
	RedirectURL:  os.Getenv("BACK"),
	Scopes:       []string{{"openid"}},
	Endpoint:     oauth2.Endpoint{{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"}},
}}

{load}

func begin(w http.ResponseWriter, r *http.Request) {{
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {{
		http.Error(w, "random", 500)
		return
	}}
	state := base64.RawURLEncoding.EncodeToString(b)
	sealed, err := box.Encode("login", state)
	if err != nil {{
		http.Error(w, "cookie", 500)
		return
	}}
	http.SetCookie(w, &http.Cookie{{Name: "login", Value: sealed, HttpOnly: true, Secure: true}})
	http.Redirect(w, r, conf.AuthCodeURL(state), http.StatusFound)
}}

func same(r *http.Request) bool {{
	state := r.FormValue("state")
	var kept string
	{same}
}}

func back(w http.ResponseWriter, r *http.Request) {{
	if !same(r) {{
		http.Error(w, "state", 400)
		return
	}}
	if _, err := conf.Exchange(r.Context(), r.FormValue("code")); err != nil {{
		http.Error(w, "token", 502)
		return
	}}
	http.Redirect(w, r, "/", http.StatusFound)
}}

func main() {{
	http.HandleFunc("/begin", begin)
	http.HandleFunc("/back", back)
	http.ListenAndServe(":8080", nil)
}}
"#
    )
}

/// Ways to read the cookie into a place.
const LOADS: &[&str] = &[
    "func load(r *http.Request, into any) error {
	c, err := r.Cookie(\"login\")
	if err != nil {
		return err
	}
	return box.Decode(\"login\", c.Value, into)
}",
    "func unseal(text string, into any) error { return box.Decode(\"login\", text, into) }
func load(r *http.Request, into any) error {
	c, err := r.Cookie(\"login\")
	if err != nil {
		return err
	}
	return unseal(c.Value, into)
}",
    "func load(r *http.Request, into *string) error {
	c, err := r.Cookie(\"login\")
	if err != nil {
		return err
	}
	*into = c.Value
	return nil
}",
];

#[test]
fn a_function_fills_the_place_that_it_is_given() {
    for load in LOADS {
        for right in [
            "if err := load(r, &kept); err != nil {\n\t\treturn false\n\t}\n\treturn kept == state",
            "if load(r, &kept) != nil {\n\t\treturn false\n\t}\n\treturn kept != \"\" && kept == state",
            "err := load(r, &kept)\n\treturn err == nil && kept == state",
        ] {
            holds("state-verified", Verdict::Pass, &sealed(load, right));
        }
        for wrong in [
            "if err := load(r, &kept); err != nil {\n\t\tkept = state\n\t}\n\treturn kept == state",
            "if load(r, &kept) != nil {\n\t\treturn true\n\t}\n\treturn kept == state",
            "load(r, &kept)\n\treturn kept == state",
        ] {
            holds("state-verified", Verdict::Fail, &sealed(load, wrong));
        }
    }
}

#[test]
fn a_place_that_is_not_written_to_keeps_what_it_has() {
    let load = "func load(r *http.Request, into *string) error { return nil }";
    let wrong = "kept = \"fixed\"\n\tload(r, &kept)\n\treturn kept == state";
    holds("state-verified", Verdict::Fail, &sealed(load, wrong));
    let other = "func load(r *http.Request, name string, into *string) error {
	name = \"other\"
	c, err := r.Cookie(\"login\")
	if err != nil {
		return err
	}
	*into = c.Value
	return nil
}";
    let right = "name := \"login\"\n\tif load(r, name, &kept) != nil {\n\t\treturn false\n\t}\n\treturn kept == state && name != \"\"";
    holds("state-verified", Verdict::Pass, &sealed(other, right));
}

/// A login with goth.
fn goth(client: &str) -> String {
    format!(
        r#"package main

import (
	"net/http"
	"os"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/google"
)

const patience = 10 * time.Second

func main() {{
	p := google.New(os.Getenv("ID"), os.Getenv("SECRET"), "https://shop.example/back", "email")
	{client}
	goth.UseProviders(p)
	http.HandleFunc("/begin", gothic.BeginAuthHandler)
	http.HandleFunc("/back", back)
	http.ListenAndServe(":8080", nil)
}}

func back(w http.ResponseWriter, r *http.Request) {{
	user, err := gothic.CompleteUserAuth(w, r)
	if err != nil {{
		http.Error(w, "login", 400)
		return
	}}
	println(user.UserID)
	http.Redirect(w, r, "/", http.StatusFound)
}}
"#
    )
}

#[test]
fn goth_waits_for_ever_unless_it_is_given_a_client() {
    for ends in [
        "p.HTTPClient = &http.Client{Timeout: patience}",
        "http.DefaultClient = &http.Client{Timeout: patience}",
        "http.DefaultClient.Timeout = patience",
    ] {
        holds("timeout-set", Verdict::Na, &goth(ends));
    }
    holds("timeout-set", Verdict::Fail, &goth("_ = patience"));
}
