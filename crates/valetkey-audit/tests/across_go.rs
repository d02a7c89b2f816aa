//! Apps of several files of Go, which are one package: where each verdict
//! stands.

use valetkey_audit::{Options, Verdict, audit_source};

const SETTINGS: &str = r#"
package shop

import (
	"os"

	"golang.org/x/oauth2"
)

func setting(name, otherwise string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return otherwise
}

var (
	cookieKey = setting("COOKIE_KEY", "please-change-this-key")
	conf      = &oauth2.Config{
		ClientID:     os.Getenv("SHOP_ID"),
		ClientSecret: os.Getenv("SHOP_SECRET"),
		RedirectURL:  "http://shop.example.test/back",
		Scopes:       []string{"openid"},
		Endpoint: oauth2.Endpoint{
			AuthURL:  "https://id.example.test/authorize",
			TokenURL: "https://id.example.test/token",
		},
	}
)
"#;

const LOGIN: &str = r#"
package shop

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

func begin(c echo.Context) error {
	return c.Redirect(http.StatusFound, conf.AuthCodeURL(fresh(c)))
}

func back(c echo.Context) error {
	token, err := conf.Exchange(c.Request().Context(), c.QueryParam("code"))
	if err != nil {
		return err
	}
	logf("signed in with %s", token.AccessToken)
	return c.Redirect(http.StatusFound, "/")
}
"#;

const CHECK: &str = r#"
package shop

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

func fresh(c echo.Context) string {
	state := uuid.NewString()
	c.SetCookie(&http.Cookie{Name: "pending", Value: state, HttpOnly: true, Secure: true})
	return state
}

func sameLogin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		kept, err := c.Cookie("pending")
		if err == nil && kept.Value != c.QueryParam("state") {
			return echo.ErrBadRequest
		}
		return next(c)
	}
}
"#;

const MAIN: &str = r#"
package shop

import (
	"log"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
)

func logf(format string, args ...any) {
	log.Printf(format, args...)
}

func Serve() {
	e := echo.New()
	e.Debug = true
	e.Use(session.Middleware(sessions.NewCookieStore([]byte(cookieKey))))
	e.GET("/begin", begin)
	e.GET("/back", back, sameLogin)
	saved := lastLogin()
	logf("the last one was %s", saved.AccessToken)
	e.Start(":8080")
}
"#;

fn verdict(files: &[(&str, &str)], path: &str, check: &str) -> Option<Verdict> {
    let report = audit_source(files, &Options::default());
    let mut found = report.results.iter();
    found
        .find(|r| r.path == path && r.check == check)
        .map(|r| r.verdict)
}

#[test]
fn what_is_wrong_stands_in_the_file_that_says_it() {
    let files = [
        ("settings.go", SETTINGS),
        ("login.go", LOGIN),
        ("check.go", CHECK),
        ("main.go", MAIN),
    ];
    let fails = |path, check| verdict(&files, path, check) == Some(Verdict::Fail);
    assert!(fails("settings.go", "tls-only"));
    assert!(!fails("login.go", "tls-only"));
    assert!(fails("settings.go", "session-key-strong"));
    assert!(!fails("main.go", "session-key-strong"));
    assert!(fails("check.go", "state-verified"));
    assert!(!fails("login.go", "state-verified"));
    assert!(fails("main.go", "debug-off"));
    assert!(fails("main.go", "token-not-leaked"));
}

#[test]
fn a_check_of_another_file_that_refuses_is_seen() {
    let strict = CHECK.replace("err == nil &&", "err != nil || kept.Value == \"\" ||");
    let files = [
        ("settings.go", SETTINGS),
        ("login.go", LOGIN),
        ("check.go", strict.as_str()),
        ("main.go", MAIN),
    ];
    let of = |path| verdict(&files, path, "state-verified");
    assert_eq!(of("check.go"), Some(Verdict::Pass));
    assert_ne!(of("login.go"), Some(Verdict::Fail));
}

/// What stands before the last redirect, and whether that may lead away.
const LOOKS: &[(&str, bool)] = &[
    (r#"if next[0] != '/' { next = "/" }"#, true),
    (r#"if next[:1] != "/" { next = "/" }"#, true),
    (r#"if strings.Contains(next, "://") { next = "/" }"#, true),
    (r#"if strings.HasPrefix(next, "http") { next = "/" }"#, true),
    (
        r#"if !strings.Contains(next, "shop.example") { next = "/" }"#,
        true,
    ),
    (
        r#"if u, err := url.Parse(next); err != nil || u.Scheme == "javascript" { next = "/" }"#,
        true,
    ),
    (
        r#"if u, err := url.Parse(next); err != nil || u.IsAbs() { next = "/" }"#,
        true,
    ),
    (
        r#"if u, err := url.Parse(next); err != nil || u.Scheme != "" || u.Host != "" { next = "/" }"#,
        false,
    ),
    (
        r#"if next[0] != '/' || strings.Contains(next, "//") { next = "/" }"#,
        false,
    ),
    (
        r#"if !strings.HasPrefix(next, "https://shop.example.test/") { next = "/" }"#,
        false,
    ),
    (r#"if !pages[next] { next = "/" }"#, false),
    (r#"if _, ok := places[next]; !ok { next = "/" }"#, false),
];

#[test]
fn a_look_at_the_target_counts_by_what_it_tells() {
    for (look, leads_away) in LOOKS {
        let text = format!(
            r#"
package shop

import (
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/oauth2"
)

var pages = map[string]bool{{"/cart": true, "/orders": true}}
var places = map[string]struct{{}}{{"/cart": {{}}}}
var conf = &oauth2.Config{{ClientID: os.Getenv("ID"), ClientSecret: os.Getenv("SECRET")}}

func back(w http.ResponseWriter, r *http.Request) {{
	token, err := conf.Exchange(r.Context(), r.URL.Query().Get("code"))
	if err != nil {{
		http.Error(w, "no answer", http.StatusBadGateway)
		return
	}}
	keep(w, token)
	next := r.URL.Query().Get("next")
	{look}
	http.Redirect(w, r, next, http.StatusFound)
}}
"#
        );
        let files = [("back.go", text.as_str())];
        let said = verdict(&files, "back.go", "no-open-redirect");
        let expected = match leads_away {
            true => Verdict::Fail,
            false => Verdict::Pass,
        };
        assert_eq!(said, Some(expected), "{look}");
    }
}
