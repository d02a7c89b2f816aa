//! Ways of Go to look at a page to go on to, and what looks like something
//! that it is not.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

/// A login of the standard library whose parts are given: what stands at the
/// top, where a state comes from, what is kept beside it, and what follows the
/// exchange.
struct Login<'t> {
    top: &'t str,
    back: &'t str,
    state: &'t str,
    kept: &'t str,
    then: &'t str,
}

const PLAIN: Login<'static> = Login {
    top: "",
    back: "os.Getenv(\"BACK\")",
    state: "base64.RawURLEncoding.EncodeToString(b)",
    kept: "",
    then: "http.Redirect(w, r, \"/\", http.StatusFound)",
};

impl Login<'_> {
    fn text(&self) -> String {
        let Login {
            top,
            back,
            state,
            kept,
            then,
        } = self;
        format!(
            r#"package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/sessions"
	"github.com/julienschmidt/httprouter"
	"golang.org/x/oauth2"
)

var store = sessions.NewCookieStore([]byte(os.Getenv("SESSION_KEY")))
var conf = &oauth2.Config{{
	ClientID:     os.Getenv("ID"),
	ClientSecret: os.Getenv("SECRET"),
	RedirectURL:  {back},
	Scopes:       []string{{"openid"}},
	Endpoint:     oauth2.Endpoint{{AuthURL: "https://id.example/authorize", TokenURL: "https://id.example/token"}},
}}

{top}

func begin(w http.ResponseWriter, r *http.Request) {{
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {{
		http.Error(w, "random", 500)
		return
	}}
	state := {state}
	s, _ := store.Get(r, "s")
	s.Values["state"] = state
	{kept}
	s.Save(r, w)
	http.Redirect(w, r, conf.AuthCodeURL(state), http.StatusFound)
}}

func back(w http.ResponseWriter, r *http.Request) {{
	s, _ := store.Get(r, "s")
	state, _ := s.Values["state"].(string)
	if state == "" || r.FormValue("state") != state {{
		http.Error(w, "state", 400)
		return
	}}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	tok, err := conf.Exchange(ctx, r.FormValue("code"))
	if err != nil {{
		http.Error(w, "token", 502)
		return
	}}
	accessToken := tok.AccessToken
	_ = accessToken
	{then}
}}

func main() {{
	http.HandleFunc("/begin", begin)
	http.HandleFunc("/back", back)
	log.Fatal(http.ListenAndServe(":8080", nil))
}}
"#
        )
    }
}

fn holds(check: &str, wanted: Verdict, login: &Login<'_>) {
    let text = login.text();
    let report = audit_source(&[("main.go", &text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    let verdict = found.map_or(Verdict::Na, |r| r.verdict);
    assert_eq!(verdict, wanted, "{check}: {text}");
}

/// A page that a request names goes through `page`, waits in the session and
/// is where the browser goes in the end.
fn page(top: &str, wanted: Verdict) {
    let login = Login {
        top,
        kept: "s.Values[\"next\"] = page(r.FormValue(\"next\"))",
        then: "next, _ := s.Values[\"next\"].(string)\n\thttp.Redirect(w, r, next, http.StatusFound)",
        ..PLAIN
    };
    holds("no-open-redirect", wanted, &login);
}

/// `page`, which looks at what it gets this way.
fn looked(condition: &str) -> String {
    format!(
        "var pages = []string{{\"/home\", \"/me\"}}
func isPage(s string) bool {{ return slices.Contains(pages, s) }}
func page(next string) string {{
	ok := {condition}
	if !ok {{
		return \"/\"
	}}
	return next
}}"
    )
}

#[test]
fn an_empty_page_is_let_through_beside_those_that_are_known() {
    for rest in [
        "slices.Contains(pages, next)",
        "isPage(next)",
        "localRe.MatchString(next)",
        "strings.HasPrefix(next, \"/app/\")",
        "next == \"/home\"",
    ] {
        page(&looked(&format!("next == \"\" || {rest}")), Verdict::Pass);
        page(&looked(&format!("next != \"\" && {rest}")), Verdict::Pass);
    }
}

#[test]
fn that_a_page_is_there_says_nothing_of_it() {
    for condition in [
        "next != \"\"",
        "next == \"\" || strings.HasPrefix(next, \"/\")",
        "strings.HasPrefix(next, \"/\") || next == \"\"",
        "next == \"\" || enabled()",
    ] {
        page(&looked(condition), Verdict::Fail);
    }
}

/// `page`, which takes an address apart.
fn apart(condition: &str) -> String {
    format!(
        "func hostOf(u *url.URL) string {{ return u.Host }}
func page(next string) string {{
	u, err := url.Parse(next)
	if err != nil {{
		return \"/\"
	}} else if {condition} {{
		return \"/\"
	}}
	return next
}}"
    )
}

#[test]
fn what_names_no_host_is_a_page_of_this_site() {
    for condition in [
        "u.Host != \"\"",
        "host := u.Host; host != \"\"",
        "hostOf(u) != \"\"",
        "u.Hostname() != \"\"",
        "u.IsAbs() || u.Hostname() != \"\"",
        "name := u.Hostname(); name != \"\"",
    ] {
        page(&apart(condition), Verdict::Pass);
    }
    for condition in ["u.Scheme != \"\"", "u.Path == \"\""] {
        page(&apart(condition), Verdict::Fail);
    }
}

#[test]
fn a_stroke_in_front_of_what_has_none_is_a_page_of_this_site() {
    let made = |made: &str| {
        format!(
            "func page(next string) string {{
	u, err := url.Parse(next)
	if err != nil || u.Path == \"\" {{
		return \"/\"
	}}
	return {made}
}}"
        )
    };
    for safe in [
        "\"/\" + strings.TrimLeft(u.Path, \"/\\\\\")",
        "\"/\" + strings.TrimPrefix(u.Path, \"/\")",
        "\"/\" + strings.TrimLeft(next, \"/\")",
        "fmt.Sprintf(\"/%s\", strings.Trim(next, \"/\"))",
    ] {
        page(&made(safe), Verdict::Pass);
    }
    for open in [
        "\"/\" + strings.TrimPrefix(next, \"/\")",
        "\"/\" + u.Path",
        "\"/\" + strings.TrimLeft(next, \" \")",
    ] {
        page(&made(open), Verdict::Fail);
    }
}

#[test]
fn what_is_looked_up_by_a_name_is_no_parameter_of_a_path() {
    for (back, wanted) in [
        ("registry.ByName(\"github\").RedirectURL", Verdict::Pass),
        ("flags.ByName(\"redirect-url\")", Verdict::Na),
    ] {
        holds("redirect-exact", wanted, &Login { back, ..PLAIN });
    }
    let then = "http.Redirect(w, r, pages.ByName(\"home\").URL, http.StatusFound)";
    holds("no-open-redirect", Verdict::Pass, &Login { then, ..PLAIN });
    let then = "to := httprouter.ParamsFromContext(r.Context()).ByName(\"next\")
	http.Redirect(w, r, to, http.StatusFound)";
    holds("no-open-redirect", Verdict::Fail, &Login { then, ..PLAIN });
    let top = "func on(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
	http.Redirect(w, r, ps.ByName(\"next\"), http.StatusFound)
}";
    holds("no-open-redirect", Verdict::Fail, &Login { top, ..PLAIN });
}

#[test]
fn a_method_of_the_same_name_as_one_that_prints_prints_nothing() {
    let top = "type trace struct{}
func (trace) Set(args ...any) { log.Println(args) }
func (trace) Add(args ...any) { log.Println(\"more\", args) }
func debugf(format string, args ...any) { log.Printf(format, args...) }";
    for then in [
        "req.Header.Set(\"Authorization\", accessToken)",
        "q := url.Values{}\n\tq.Add(\"token\", accessToken)",
        "vault.Add(accessToken)",
    ] {
        let login = Login { top, then, ..PLAIN };
        holds("token-not-leaked", Verdict::Pass, &login);
    }
    let then = "debugf(\"signed in: %s\", accessToken)";
    let login = Login { top, then, ..PLAIN };
    holds("token-not-leaked", Verdict::Fail, &login);
}

#[test]
fn a_part_of_a_state_is_as_long_as_what_it_is_cut_out_of() {
    let cut = |state: &str, wanted| holds("state-generated", wanted, &Login { state, ..PLAIN });
    // 96 bits, whatever another name that ends alike was given.
    let other =
        "base64.RawURLEncoding.EncodeToString(b[:12])\n\thexb := hex.EncodeToString(b)\n\t_ = hexb";
    cut(other, Verdict::Pass);
    cut(
        "\"\"\n\thexb := hex.EncodeToString(b)\n\tlog.Println(len(hexb))\n\tstate = base64.RawURLEncoding.EncodeToString(b[:12])",
        Verdict::Pass,
    );
    // Letters of an alphabet of the app's own.
    cut(
        "\"\"\n\tvar sb strings.Builder\n\tfor _, c := range b {\n\t\tsb.WriteByte(letters[int(c)%len(letters)])\n\t}\n\tstate = sb.String()[:12]",
        Verdict::Pass,
    );
    cut("uuid.New().String()[:12]", Verdict::Fail);
    cut(
        "\"\"\n\tid := uuid.New()\n\tstate = id.String()[:12]",
        Verdict::Fail,
    );
    cut("hex.EncodeToString(b)[:12]", Verdict::Fail);
}

#[test]
fn the_second_letter_of_a_page_is_looked_at() {
    for condition in [
        "len(next) > 1 && next[0] == '/' && next[1] != '/' && next[1] != '\\\\'",
        "len(next) < 200 && strings.HasPrefix(next, \"/\") && next[1] != '/'",
    ] {
        page(&looked(condition), Verdict::Pass);
    }
    for condition in [
        "len(next) > 1 && next[0] == '/'",
        "len(next) > 1 && len(next) < 200",
        "len(next) > 0 && next[0] != 'h'",
    ] {
        page(&looked(condition), Verdict::Fail);
    }
}

#[test]
fn the_end_of_a_host_is_one_of_its_own_names_only_behind_a_dot() {
    for (condition, wanted) in [
        (
            "!strings.HasSuffix(u.Host, \".shop.example\")",
            Verdict::Pass,
        ),
        (
            "u.Host != \"shop.example\" && !strings.HasSuffix(u.Host, \".shop.example\")",
            Verdict::Pass,
        ),
        (
            "!strings.HasSuffix(u.Host, \"shop.example\")",
            Verdict::Fail,
        ),
        ("!strings.HasSuffix(next, \"html\")", Verdict::Fail),
    ] {
        page(&apart(condition), wanted);
    }
}

#[test]
fn ways_of_a_token_out() {
    let top = "var current atomic.Pointer[oauth2.Token]
var began atomic.Value";
    for (then, wanted) in [
        ("slog.With(\"token\", accessToken).Info(\"in\")", Verdict::Fail),
        ("slog.With(\"at\", tok.Expiry).Info(\"in\")", Verdict::Pass),
        ("current.Store(tok)", Verdict::Fail),
        ("began.Store(time.Now())", Verdict::Pass),
        (
            "req, _ := http.NewRequest(\"GET\", \"https://id.example/me\", nil)
	req.Header.Set(\"Authorization\", \"Bearer \"+accessToken)
	sent, _ := httputil.DumpRequestOut(req, false)
	log.Printf(\"%s\", sent)",
            Verdict::Fail,
        ),
        (
            "req, _ := http.NewRequest(\"GET\", \"https://id.example/public\", nil)
	sent, _ := httputil.DumpRequestOut(req, false)
	log.Printf(\"%s\", sent)",
            Verdict::Pass,
        ),
        (
            "to := url.URL{Path: \"/app\", RawQuery: url.Values{\"t\": {accessToken}}.Encode()}
	http.Redirect(w, r, to.String(), http.StatusFound)",
            Verdict::Fail,
        ),
        (
            "to := url.URL{Path: \"/app\", RawQuery: url.Values{\"kind\": {tok.TokenType}}.Encode()}
	http.Redirect(w, r, to.String(), http.StatusFound)",
            Verdict::Pass,
        ),
        ("log.Printf(\"a token of %d letters\", len(accessToken))", Verdict::Pass),
    ] {
        holds("token-not-leaked", wanted, &Login { top, then, ..PLAIN });
    }
}

#[test]
fn a_hash_of_what_anybody_knows_is_no_state() {
    for (state, wanted) in [
        (
            "fmt.Sprintf(\"%x\", sha256.Sum256([]byte(r.RemoteAddr)))",
            Verdict::Fail,
        ),
        ("fmt.Sprintf(\"%x\", sha256.Sum256(b))", Verdict::Pass),
    ] {
        holds("state-generated", wanted, &Login { state, ..PLAIN });
    }
}

#[test]
fn who_it_is_beside_a_code_is_not_asked_of_the_browser() {
    for (then, wanted) in [
        (
            "s.Values[\"user\"] = r.FormValue(\"email\")\n\ts.Save(r, w)",
            Verdict::Fail,
        ),
        // Whom a page greets is another matter.
        (
            "s.Values[\"hint\"] = r.FormValue(\"email\")\n\ts.Save(r, w)",
            Verdict::Na,
        ),
        (
            "s.Values[\"user\"] = lookup(r.FormValue(\"email\"), accessToken)\n\ts.Save(r, w)",
            Verdict::Pass,
        ),
    ] {
        holds("identity-from-id-token", wanted, &Login { then, ..PLAIN });
    }
}

#[test]
fn a_verifier_that_stands_in_the_code_protects_nothing() {
    for (top, options, verifier, wanted) in [
        (
            "const v = \"the-same-verifier-for-every-login-of-everybody\"",
            "oauth2.S256ChallengeOption(v)",
            "",
            Verdict::Fail,
        ),
        (
            "",
            "oauth2.S256ChallengeOption(v)",
            "v := oauth2.GenerateVerifier()\n\ts.Values[\"v\"] = v",
            Verdict::Pass,
        ),
        (
            "",
            "oauth2.S256ChallengeOption(v)",
            "v := fresh.Verifier()\n\ts.Values[\"v\"] = v",
            Verdict::Pass,
        ),
    ] {
        let login = Login {
            top,
            kept: verifier,
            ..PLAIN
        };
        let text = login
            .text()
            .replace(
                "AuthCodeURL(state)",
                &format!("AuthCodeURL(state, {options})"),
            )
            .replace(
                "r.FormValue(\"code\"))",
                "r.FormValue(\"code\"), oauth2.VerifierOption(s.Values[\"v\"].(string)))",
            );
        let report = audit_source(&[("main.go", &text)], &Options::default());
        let found = report.results.iter().find(|r| r.check == "pkce-used");
        assert_eq!(found.map(|r| r.verdict), Some(wanted), "{text}");
    }
}

#[test]
fn a_pattern_says_of_a_page_what_it_says_of_its_beginning() {
    for (pattern, wanted) in [
        ("^/[a-z]+$", Verdict::Pass),
        ("^/(home|me)(/.*)?$", Verdict::Pass),
        ("^https://shop\\.example/", Verdict::Pass),
        ("^/", Verdict::Fail),
        ("^/.*$", Verdict::Fail),
        ("^https?://", Verdict::Fail),
        ("shop\\.example", Verdict::Fail),
    ] {
        let top = format!(
            "var known = regexp.MustCompile(`{pattern}`)\n{}",
            looked("known.MatchString(next)")
        );
        page(&top, wanted);
    }
}

#[test]
fn what_begins_like_one_of_a_list_begins_like_the_weakest() {
    let among = |list: &str, test: &str| {
        format!(
            "func among(next string) bool {{
	for _, one := range []string{{{list}}} {{
		if {test} {{
			return true
		}}
	}}
	return false
}}
{}",
            looked("among(next)")
        )
    };
    let begins = "strings.HasPrefix(next, one)";
    page(&among("\"/home\", \"/me/\"", begins), Verdict::Pass);
    page(&among("\"/\", \"/me/\"", begins), Verdict::Fail);
    page(&among("\"/\", \"/me\"", "next == one"), Verdict::Pass);
}

#[test]
fn a_page_that_a_struct_keeps_is_kept() {
    let top = "type visit struct{ Next string }";
    let then =
        "v, _ := s.Values[\"visit\"].(visit)\n\thttp.Redirect(w, r, v.Next, http.StatusFound)";
    for (kept, wanted) in [
        (
            "s.Values[\"visit\"] = visit{Next: r.FormValue(\"next\")}",
            Verdict::Fail,
        ),
        (
            "s.Values[\"visit\"] = visit{Next: os.Getenv(\"HOME_PAGE\")}",
            Verdict::Pass,
        ),
    ] {
        let login = Login {
            top,
            kept,
            then,
            ..PLAIN
        };
        holds("no-open-redirect", wanted, &login);
    }
}

#[test]
fn certificates_are_checked_unless_somebody_says_otherwise() {
    for (skip, wanted) in [
        ("os.Getenv(\"STAGE\") != \"production\"", Verdict::Fail),
        ("os.Getenv(\"STAGE\") == \"development\"", Verdict::Pass),
        ("true", Verdict::Fail),
        ("false", Verdict::Pass),
    ] {
        let top = format!(
            "var client = &http.Client{{Timeout: time.Second, Transport: &http.Transport{{TLSClientConfig: &tls.Config{{InsecureSkipVerify: {skip}}}}}}}"
        );
        holds("tls-only", wanted, &Login { top: &top, ..PLAIN });
    }
}
