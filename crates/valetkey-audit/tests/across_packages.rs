//! Apps of several packages of Go: what hands on requests names nothing of an
//! integration, and whose fault a failure is.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

const MODULE: &str = "example.com/shop";

/// The package that does the exchange, and looks at the state this way.
fn service(check: &str) -> String {
    format!(
        r#"package login

import (
	"context"
	"crypto/rand"
	"errors"
	"os"

	"golang.org/x/oauth2"
)

type Service struct{{ conf oauth2.Config }}

type Attempt struct{{ State string }}

func New() *Service {{
	return &Service{{conf: oauth2.Config{{
		ClientID:     os.Getenv("ID"),
		ClientSecret: os.Getenv("SECRET"),
		RedirectURL:  os.Getenv("BACK"),
		Scopes:       []string{{"openid"}},
		Endpoint:     oauth2.Endpoint{{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"}},
	}}}}
}}

func (s *Service) Begin() (string, Attempt) {{
	a := Attempt{{State: rand.Text()}}
	return s.conf.AuthCodeURL(a.State), a
}}

func (s *Service) Check(a Attempt, state string) error {{
	{check}
	return nil
}}

func (s *Service) Finish(ctx context.Context, code string) (*oauth2.Token, error) {{
	return s.conf.Exchange(ctx, code)
}}

var errState = errors.New("state")
"#
    )
}

/// The package that answers requests.
fn web(acts: &str) -> String {
    format!(
        r#"package web

import (
	"log"
	"net/http"

	"{MODULE}/internal/login"
	"github.com/gorilla/sessions"
)

type Server struct {{
	Login *login.Service
	Store sessions.Store
}}

func (s *Server) begin(w http.ResponseWriter, r *http.Request) {{
	url, attempt := s.Login.Begin()
	kept, _ := s.Store.Get(r, "login")
	kept.Values["attempt"] = attempt
	if err := kept.Save(r, w); err != nil {{
		http.Error(w, "session", 500)
		return
	}}
	http.Redirect(w, r, url, http.StatusFound)
}}

func (s *Server) back(w http.ResponseWriter, r *http.Request) {{
	kept, _ := s.Store.Get(r, "login")
	attempt, ok := kept.Values["attempt"].(login.Attempt)
	if !ok {{
		http.Error(w, "no login", 400)
		return
	}}
	if err := s.Login.Check(attempt, r.FormValue("state")); err != nil {{
		log.Println(err)
		{acts}
	}}
	if _, err := s.Login.Finish(r.Context(), r.FormValue("code")); err != nil {{
		http.Error(w, "login", 502)
		return
	}}
	http.Redirect(w, r, "/", http.StatusFound)
}}

func (s *Server) Routes() http.Handler {{
	m := http.NewServeMux()
	m.HandleFunc("GET /begin", s.begin)
	m.HandleFunc("GET /back", s.back)
	return m
}}
"#
    )
}

/// What each file is told of the check.
fn told(check: &str, files: &[(&str, &str)]) -> Vec<(String, Verdict)> {
    let report = audit_source(files, &Options::default());
    let mine = report.results.iter().filter(|r| r.check == check);
    let told = mine.filter(|r| r.verdict != Verdict::Na);
    told.map(|r| (r.path.clone(), r.verdict)).collect()
}

const SERVICE: &str = "internal/login/service.go";
const WEB: &str = "web/server.go";

fn compared(check: &str, acts: &str) -> Vec<(String, Verdict)> {
    let files = [(SERVICE, service(check)), (WEB, web(acts))];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    told("state-verified", &files)
}

#[test]
fn what_hands_on_requests_need_not_name_an_integration() {
    let right = "if a.State == \"\" || a.State != state {\n\t\treturn errState\n\t}";
    let refuses = "http.Error(w, \"state\", 400)\n\t\treturn";
    // The comparison is the evidence.
    assert_eq!(
        compared(right, refuses),
        [(SERVICE.to_owned(), Verdict::Pass)]
    );
    // Who does not act upon it is at fault.
    assert_eq!(compared(right, ""), [(WEB.to_owned(), Verdict::Fail)]);
    // Nobody compares it: the callback does not.
    assert_eq!(compared("", refuses), [(WEB.to_owned(), Verdict::Fail)]);
}

#[test]
fn a_comparison_in_another_file_that_lets_too_much_through_is_told_there() {
    let refuses = "http.Error(w, \"state\", 400)\n\t\treturn";
    for wrong in [
        "if state != \"\" && a.State != state {\n\t\treturn errState\n\t}",
        "if a.State == state {\n\t\treturn nil\n\t}\n\tif os.Getenv(\"STRICT\") == \"1\" {\n\t\treturn errState\n\t}",
    ] {
        assert_eq!(
            compared(wrong, refuses),
            [(SERVICE.to_owned(), Verdict::Fail)],
            "{wrong}"
        );
    }
}

/// A package that keeps values in cookies with a signature, and a login that
/// keeps a page there.
fn signed(put: &str, then: &str) -> Vec<(String, Verdict)> {
    let kept = r#"package kept

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

type Box struct{ Key []byte }

func (b Box) mark(text string) string {
	h := hmac.New(sha256.New, b.Key)
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func (b Box) Put(w http.ResponseWriter, name, text string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: text + "|" + b.mark(text), HttpOnly: true, Secure: true})
}

func (b Box) Get(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	parts := strings.SplitN(c.Value, "|", 2)
	if len(parts) != 2 || !hmac.Equal([]byte(b.mark(parts[0])), []byte(parts[1])) {
		return ""
	}
	return parts[0]
}
"#;
    let login = format!(
        r#"package main

import (
	"crypto/rand"
	"net/http"
	"os"
	"strings"

	"{MODULE}/kept"
	"golang.org/x/oauth2"
)

var box = kept.Box{{Key: []byte(os.Getenv("KEY"))}}
var conf = &oauth2.Config{{
	ClientID:     os.Getenv("ID"),
	ClientSecret: os.Getenv("SECRET"),
	RedirectURL:  os.Getenv("BACK"),
	Scopes:       []string{{"openid"}},
	Endpoint:     oauth2.Endpoint{{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"}},
}}

func local(next string) bool {{
	return strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && !strings.Contains(next, "\\")
}}

func begin(w http.ResponseWriter, r *http.Request) {{
	state := rand.Text()
	next := r.FormValue("next")
	box.Put(w, "state", state)
	{put}
	http.Redirect(w, r, conf.AuthCodeURL(state), http.StatusFound)
}}

func back(w http.ResponseWriter, r *http.Request) {{
	kept := box.Get(r, "state")
	if kept == "" || kept != r.FormValue("state") {{
		http.Error(w, "state", 400)
		return
	}}
	if _, err := conf.Exchange(r.Context(), r.FormValue("code")); err != nil {{
		http.Error(w, "login", 502)
		return
	}}
	next := box.Get(r, "next")
	{then}
	http.Redirect(w, r, next, http.StatusFound)
}}

func main() {{
	http.HandleFunc("/begin", begin)
	http.HandleFunc("/back", back)
	http.ListenAndServe(":8080", nil)
}}
"#
    );
    let files = [("kept/box.go", kept), ("main.go", &login)];
    assert_eq!(
        told("state-verified", &files),
        [("main.go".to_owned(), Verdict::Pass)]
    );
    told("no-open-redirect", &files)
}

#[test]
fn that_the_app_has_signed_a_page_says_nothing_of_it() {
    for (put, then, wanted) in [
        ("box.Put(w, \"next\", next)", "", Verdict::Fail),
        (
            "box.Put(w, \"next\", next)",
            "if !strings.HasPrefix(next, \"/\") {\n\t\tnext = \"/\"\n\t}",
            Verdict::Fail,
        ),
        (
            "box.Put(w, \"next\", next)",
            "if len(next) > 200 {\n\t\tnext = \"/\"\n\t}",
            Verdict::Fail,
        ),
        (
            "box.Put(w, \"next\", next)",
            "if !local(next) {\n\t\tnext = \"/\"\n\t}",
            Verdict::Pass,
        ),
        (
            "if local(next) {\n\t\tbox.Put(w, \"next\", next)\n\t}",
            "",
            Verdict::Pass,
        ),
    ] {
        assert_eq!(
            signed(put, then),
            [("main.go".to_owned(), wanted)],
            "{put} {then}"
        );
    }
}

#[test]
fn an_id_token_that_was_only_decoded_is_told_where_it_was() {
    let decode = r#"package token

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
)

type Claims struct {
	Sub string `json:"sub"`
}

func Redeem(code string) (*Claims, error) {
	res, err := http.PostForm("https://id.example/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {os.Getenv("ID")}})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.IDToken, ".")[1])
	if err != nil {
		return nil, err
	}
	var claims Claims
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, err
	}
	return &claims, nil
}
"#;
    let web = r#"package main

import (
	"net/http"
	"os"

	"example.com/shop/token"
	"github.com/gorilla/sessions"
)

var store = sessions.NewCookieStore([]byte(os.Getenv("KEY")))

func back(w http.ResponseWriter, r *http.Request) {
	claims, err := token.Redeem(r.FormValue("code"))
	if err != nil {
		http.Error(w, "login", 502)
		return
	}
	s, _ := store.Get(r, "s")
	s.Values["user"] = claims.Sub
	s.Save(r, w)
}

func main() {
	http.HandleFunc("/back", back)
	http.ListenAndServe(":8080", nil)
}
"#;
    let files = [("token/redeem.go", decode), ("main.go", web)];
    assert_eq!(
        told("id-token-verified", &files),
        [("token/redeem.go".to_owned(), Verdict::Fail)]
    );
}
