"""An application that signs users in with Authlib on Flask, written as
Authlib's documentation shows it. The session is Flask's signed cookie."""

import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
from markupsafe import escape

app = Flask(__name__)
app.secret_key = "only for measurements: both workers need the same"
oauth = OAuth(app)
oauth.register(
    "provider",
    client_id="demo",
    client_secret="demo-secret",
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/")
def home():
    user = session.get("user")
    if user:
        return f"<!doctype html><h1>Hello {escape(user['name'])}</h1>"
    return "<!doctype html><a href=/login>Sign in</a>"


@app.get("/login")
def login():
    return oauth.provider.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    token = oauth.provider.authorize_access_token()
    claims = token["userinfo"]  # of the ID token
    session["user"] = {"sub": claims["sub"], "name": claims.get("name", claims["sub"])}
    return redirect("/", 303)
