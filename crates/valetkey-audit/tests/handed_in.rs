//! Pages that ask the provider themselves, and tell the server who came.

#![allow(clippy::panic)]

use valetkey_audit::{Options, Verdict, audit_source};

fn holds(check: &str, wanted: Verdict, text: &str) {
    let report = audit_source(&[("main.go", text)], &Options::default());
    let found = report.results.iter().find(|r| r.check == check);
    let verdict = found.map_or(Verdict::Na, |r| r.verdict);
    assert_eq!(verdict, wanted, "{check}: {text}");
}

/// A page posts an address and a token; the server looks at it this way, and
/// signs somebody in.
fn posted(look: &str) -> String {
    format!(
        r#"package main

import (
	"encoding/json"
	"net/http"
	"os"

	"example.com/shop/accounts"
	"github.com/gorilla/sessions"
)

var store = sessions.NewCookieStore([]byte(os.Getenv("KEY")))

type arrival struct {{
	Email       string `json:"email"`
	AccessToken string `json:"access_token"`
	Password    string `json:"password"`
}}

func arrive(w http.ResponseWriter, r *http.Request) {{
	var in arrival
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&in); err != nil {{
		http.Error(w, "body", 400)
		return
	}}
	if {look} {{
		http.Error(w, "who", 401)
		return
	}}
	s, _ := store.Get(r, "s")
	s.Values["user"] = in.Email
	s.Save(r, w)
}}

func main() {{
	http.HandleFunc("POST /arrive", arrive)
	http.ListenAndServe(":8080", nil)
}}
"#
    )
}

#[test]
fn who_posts_a_name_and_a_token_is_not_believed() {
    for wrong in [
        "in.AccessToken == \"\"",
        "in.Email == \"\" || in.AccessToken == \"\"",
        "len(in.AccessToken) == 0",
    ] {
        holds("identity-from-id-token", Verdict::Fail, &posted(wrong));
    }
    // What is not seen may look at the token, or at all that came.
    for right in [
        "in.AccessToken == \"\" || !accounts.Own(in.AccessToken, in.Email)",
        "in.AccessToken == \"\" || accounts.Check(r.Context(), in) != nil",
        "in.AccessToken == \"\" || accounts.Check(r.Context(), &in) != nil",
        "!accounts.Password(in.Email, in.Password)",
    ] {
        holds("identity-from-id-token", Verdict::Na, &posted(right));
    }
}

/// A page of the implicit grant, which posts what it got.
fn implicit(script: &str, keep: &str) -> String {
    format!(
        r#"package main

import (
	"log"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"
)

const page = `<script>
const back = new URLSearchParams(location.hash.slice(1));
{script}
</script>`

type arrival struct {{
	Email string `json:"email"`
	Token string `json:"token"`
}}

func begin(c echo.Context) error {{
	return c.Redirect(http.StatusFound, "https://id.example/authorize?response_type=id_token%20token&scope=openid%20email&client_id="+os.Getenv("ID"))
}}

func arrive(c echo.Context) error {{
	var in arrival
	if err := c.Bind(&in); err != nil {{
		return err
	}}
	{keep}
	return c.NoContent(http.StatusNoContent)
}}

func main() {{
	e := echo.New()
	e.GET("/begin", begin)
	e.GET("/page", func(c echo.Context) error {{ return c.HTML(http.StatusOK, page) }})
	e.POST("/arrive", arrive)
	log.Fatal(e.Start(":8080"))
}}
"#
    )
}

#[test]
fn a_token_of_the_implicit_grant_that_was_posted_is_a_token() {
    let post = "fetch('/arrive', {method: 'POST', body: JSON.stringify({token: back.get('access_token')})});";
    for (keep, wanted) in [
        ("log.Printf(\"came with %s\", in.Token)", Verdict::Fail),
        (
            "c.SetCookie(&http.Cookie{Name: \"t\", Value: in.Token})",
            Verdict::Fail,
        ),
        (
            "c.SetCookie(&http.Cookie{Name: \"t\", Value: in.Token, HttpOnly: true})",
            Verdict::Na,
        ),
        ("log.Printf(\"%s came\", in.Email)", Verdict::Na),
    ] {
        holds("token-not-leaked", wanted, &implicit(post, keep));
    }
}

#[test]
fn a_script_that_takes_an_id_token_apart_has_not_checked_it() {
    let apart = "const who = JSON.parse(atob(back.get('id_token').split('.')[1]));";
    let checked = "import { jwtVerify } from 'https://esm.example/jose';\nconst who = await jwtVerify(back.get('id_token'), keys);\nconsole.log(atob(back.get('note')).split('.'));";
    let other = "const note = atob(back.get('note').split('.')[0]);";
    for (script, wanted) in [
        (apart, Verdict::Fail),
        (checked, Verdict::Na),
        (other, Verdict::Na),
    ] {
        holds("id-token-verified", wanted, &implicit(script, ""));
    }
}
