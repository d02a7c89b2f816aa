//! Ways of Go to compare a state, and to choose a client.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

fn holds(check: &str, wanted: Verdict, text: &str) {
    let report = audit_source(&[("main.go", text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    let verdict = found.map_or(Verdict::Na, |r| r.verdict);
    assert_eq!(verdict, wanted, "{check}: {text}");
}

/// A login whose state waits in a cookie; the callback looks at it this way.
fn cookie(top: &str, look: &str) -> String {
    format!(
        r#"package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"strings"

	"golang.org/x/oauth2"
)

var conf = &oauth2.Config{{
	ClientID:     os.Getenv("ID"),
	ClientSecret: os.Getenv("SECRET"),
	RedirectURL:  os.Getenv("BACK"),
	Scopes:       []string{{"openid"}},
	Endpoint:     oauth2.Endpoint{{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"}},
}}

{top}

func begin(w http.ResponseWriter, r *http.Request) {{
	state := rand.Text()
	http.SetCookie(w, &http.Cookie{{Name: "login", Value: state, HttpOnly: true, Secure: true}})
	http.Redirect(w, r, conf.AuthCodeURL(state), http.StatusFound)
}}

func back(w http.ResponseWriter, r *http.Request) {{
	state := r.FormValue("state")
	kept, err := r.Cookie("login")
	{look} {{
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

#[test]
fn an_order_is_compared_with_nothing() {
    for right in [
        "if err != nil || strings.Compare(kept.Value, state) != 0",
        "if err != nil || bytes.Compare([]byte(kept.Value), []byte(state)) != 0",
        "if same := err == nil && strings.Compare(state, kept.Value) == 0; !same",
    ] {
        holds("state-verified", Verdict::Pass, &cookie("", right));
    }
    for wrong in [
        "if err != nil || strings.Compare(kept.Value, state) == 0",
        "if err == nil && bytes.Compare([]byte(kept.Value), []byte(state)) != 0",
    ] {
        holds("state-verified", Verdict::Fail, &cookie("", wrong));
    }
}

#[test]
fn what_one_text_has_of_another_is_there_of_an_empty_one() {
    for right in [
        "if err != nil || kept.Value == \"\" || !strings.HasPrefix(state, kept.Value)",
        "if err != nil || state == \"\" || kept.Value != state",
    ] {
        holds("state-verified", Verdict::Pass, &cookie("", right));
    }
    for wrong in [
        "if err != nil {\n\t\tkept = &http.Cookie{}\n\t}\n\tif !strings.HasPrefix(state, kept.Value)",
        "if err != nil || !strings.HasPrefix(kept.Value, state)",
        "if err != nil || !strings.Contains(kept.Value, state)",
    ] {
        holds("state-verified", Verdict::Fail, &cookie("", wrong));
    }
}

#[test]
fn a_look_at_the_length_or_the_shape_is_no_comparison() {
    for wrong in [
        "if err != nil || len(state) != 26",
        "if err != nil || len(kept.Value) != len(state)",
        "if err != nil || len(state) < 16",
    ] {
        holds("state-verified", Verdict::Fail, &cookie("", wrong));
    }
    for right in [
        "if err != nil || len(state) != 26 || kept.Value != state",
        "if err != nil || len(kept.Value) < 16 || len(kept.Value) != len(state) || kept.Value != state",
    ] {
        holds("state-verified", Verdict::Pass, &cookie("", right));
    }
}

#[test]
fn a_cookie_that_was_made_in_the_stead_of_none_is_empty() {
    let none = "if err != nil {\n\t\tkept = &http.Cookie{}\n\t}\n\tif ";
    holds(
        "state-verified",
        Verdict::Fail,
        &cookie("", &format!("{none}kept.Value != state")),
    );
    holds(
        "state-verified",
        Verdict::Pass,
        &cookie(
            "",
            &format!("{none}kept.Value == \"\" || kept.Value != state"),
        ),
    );
}

#[test]
fn functions_of_a_list_are_called_one_after_the_other() {
    let top = "type look func(*http.Request) error

func ofCookie(r *http.Request) error {
	kept, err := r.Cookie(\"login\")
	if err != nil {
		return err
	}
	if kept.Value != r.FormValue(\"state\") {
		return errors.New(\"state\")
	}
	return nil
}

func ofCode(r *http.Request) error {
	if r.FormValue(\"code\") == \"\" {
		return errors.New(\"code\")
	}
	return nil
}

";
    let each = "_, _ = kept, err\n\tvar found error\n\tfor _, one := range looks {\n\t\tif err := one(r); err != nil {\n\t\t\tfound = err\n\t\t\tbreak\n\t\t}\n\t}\n\tif found != nil";
    let all = format!("{top}var looks = []look{{ofCookie, ofCode}}");
    holds("state-verified", Verdict::Pass, &cookie(&all, each));
    let few = format!("{top}var looks = []look{{ofCode}}");
    holds("state-verified", Verdict::Fail, &cookie(&few, each));
}

/// A client of the app's own, which the exchange is made with.
fn client(top: &str, made: &str) -> String {
    format!(
        r#"package main

import (
	"net/http"
	"net/url"
	"os"
	"time"
)

const patience = 10 * time.Second

type provider struct{{ http *http.Client }}

{top}

func (p *provider) redeem(code string) error {{
	res, err := p.client().PostForm("https://id.example/token", url.Values{{
		"grant_type": {{"authorization_code"}}, "code": {{code}}, "client_id": {{os.Getenv("ID")}},
	}})
	if err != nil {{
		return err
	}}
	return res.Body.Close()
}}

func main() {{
	p := {made}
	http.HandleFunc("/back", func(w http.ResponseWriter, r *http.Request) {{
		if err := p.redeem(r.FormValue("code")); err != nil {{
			http.Error(w, "login", 502)
		}}
	}})
	server := &http.Server{{Addr: ":8080", ReadTimeout: patience}}
	server.ListenAndServe()
}}
"#
    )
}

#[test]
fn options_are_functions_that_set_the_client() {
    let top = "type option func(*provider)

func with(c *http.Client) option { return func(p *provider) { p.http = c } }

func (p *provider) client() *http.Client { return p.http }

func fresh(options ...option) *provider {
	p := &provider{http: http.DefaultClient}
	for _, set := range options {
		set(p)
	}
	return p
}";
    for (made, wanted) in [
        (
            "fresh(with(&http.Client{Timeout: patience}))",
            Verdict::Pass,
        ),
        ("fresh(with(&http.Client{}))", Verdict::Fail),
        ("fresh()", Verdict::Fail),
    ] {
        holds("timeout-set", wanted, &client(top, made));
    }
}

#[test]
fn a_client_that_is_not_given_is_the_default_one() {
    let top = "func (p *provider) client() *http.Client {
	if p.http != nil {
		return p.http
	}
	return http.DefaultClient
}";
    let own = "func (p *provider) client() *http.Client {
	if p.http == nil {
		p.http = &http.Client{Timeout: patience}
	}
	return p.http
}";
    let given = "&provider{http: &http.Client{Timeout: patience}}";
    for (top, made, wanted) in [
        (top, "&provider{}", Verdict::Fail),
        (top, given, Verdict::Pass),
        (own, given, Verdict::Pass),
        (own, "&provider{}", Verdict::Pass),
    ] {
        holds("timeout-set", wanted, &client(top, made));
    }
}
