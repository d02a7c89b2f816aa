// An application that signs users in with golang.org/x/oauth2 and go-oidc on
// net/http, written as their documentation shows it: state, nonce and PKCE,
// an ID token that is verified. Sessions are in memory.
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

type session struct {
	subject, name string
	token         *oauth2.Token
}

var sessions sync.Map // handle -> session

func random() string {
	bytes := make([]byte, 32)
	rand.Read(bytes)
	return base64.RawURLEncoding.EncodeToString(bytes)
}

func keep(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func value(r *http.Request, name string) string {
	if cookie, err := r.Cookie(name); err == nil {
		return cookie.Value
	}
	return ""
}

func main() {
	base := "http://localhost:" + os.Getenv("PORT")
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	config := oauth2.Config{
		ClientID:     "demo",
		ClientSecret: "demo-secret",
		Endpoint:     provider.Endpoint(),
		RedirectURL:  base + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: config.ClientID, SupportedSigningAlgs: []string{os.Getenv("ALG")}})

	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if found, ok := sessions.Load(value(r, "session")); ok {
			fmt.Fprintf(w, "<!doctype html><h1>Hello %s</h1>", html.EscapeString(found.(session).name))
			return
		}
		fmt.Fprint(w, "<!doctype html><a href=/login>Sign in</a>")
	})
	http.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		state, nonce, pkce := random(), random(), oauth2.GenerateVerifier()
		keep(w, "state", state, 600)
		keep(w, "nonce", nonce, 600)
		keep(w, "pkce", pkce, 600)
		http.Redirect(w, r, config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(pkce)), http.StatusFound)
	})
	http.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		state := value(r, "state")
		if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(r.URL.Query().Get("state"))) != 1 {
			http.Error(w, "state did not match", http.StatusBadRequest)
			return
		}
		token, err := config.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(value(r, "pkce")))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		raw, _ := token.Extra("id_token").(string)
		verified, err := verifier.Verify(r.Context(), raw)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		if verified.Nonce != value(r, "nonce") {
			http.Error(w, "nonce did not match", http.StatusBadGateway)
			return
		}
		var claims struct {
			Name string `json:"name"`
		}
		if err := verified.Claims(&claims); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		// This provider tells names at its UserInfo endpoint only.
		if claims.Name == "" {
			claims.Name = verified.Subject
		}
		handle := random()
		sessions.Store(handle, session{verified.Subject, claims.Name, token})
		keep(w, "session", handle, 604800)
		keep(w, "state", "", -1)
		keep(w, "nonce", "", -1)
		keep(w, "pkce", "", -1)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
