"""A client from PyPI, signing in at `valetkey provider`: prints where the
browser goes, reads where it came back to, prints what it learnt.

Argument: {"library":"requests-oauthlib"|"authlib","preset","ready":{...the
provider's ready line...},"client_id","client_secret","redirect_uri","scope",
"parameters":{}}.
"""

import json
import os
import sys

# Both refuse plain http without it, also on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
# Google answers with its own names for `email` and `profile`, and GitHub with
# commas: requests-oauthlib takes another scope for an error.
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"


def say(line):
    print(json.dumps(line), flush=True)


def callback():
    return json.loads(sys.stdin.readline())["callback"]


def with_requests_oauthlib(settings):
    from requests_oauthlib import OAuth2Session
    from requests_oauthlib.compliance_fixes import facebook_compliance_fix

    ready = settings["ready"]
    session = OAuth2Session(
        settings["client_id"],
        redirect_uri=settings["redirect_uri"],
        scope=settings["scope"].split(" "),
        pkce="S256",
    )
    if settings["preset"] == "facebook":
        session = facebook_compliance_fix(session)
    url, _ = session.authorization_url(ready["authorization"], **settings.get("parameters", {}))
    say({"authorization_url": url})
    token = session.fetch_token(
        ready["token"],
        authorization_response=callback(),
        client_secret=settings["client_secret"],
        include_client_id=True,
    )
    user = session.get(ready["userinfo"])
    user.raise_for_status()
    refreshed = None
    if token.get("refresh_token"):
        again = session.refresh_token(
            ready["token"],
            client_id=settings["client_id"],
            client_secret=settings["client_secret"],
        )
        refreshed = {
            "new_access_token": again["access_token"] != token["access_token"],
            "new_refresh_token": again.get("refresh_token") != token["refresh_token"],
        }
    return {
        "claims": None,
        "user": user.json(),
        "token_type": token.get("token_type"),
        "scope": token.get("scope"),
        "expires_in": token.get("expires_in"),
        "refreshed": refreshed,
    }


def with_authlib(settings):
    from authlib.common.security import generate_token
    from authlib.integrations.requests_client import OAuth2Session
    from joserfc import jwt
    from joserfc.jwk import KeySet

    metadata = None
    ready = settings["ready"]
    session = OAuth2Session(
        settings["client_id"],
        settings["client_secret"],
        redirect_uri=settings["redirect_uri"],
        scope=settings["scope"],
        code_challenge_method="S256",
    )
    metadata = session.get(ready["metadata"], withhold_token=True).json()
    verifier = generate_token(48)
    nonce = generate_token()
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"],
        code_verifier=verifier,
        nonce=nonce,
        **settings.get("parameters", {}),
    )
    say({"authorization_url": url})
    token = session.fetch_token(
        metadata["token_endpoint"],
        authorization_response=callback(),
        state=state,
        code_verifier=verifier,
    )
    keys = KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
    checked = jwt.decode(
        token["id_token"],
        keys,
        algorithms=metadata["id_token_signing_alg_values_supported"],
    )
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": settings["client_id"]},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(checked.claims)
    user = session.get(metadata["userinfo_endpoint"])
    user.raise_for_status()
    refreshed = None
    if token.get("refresh_token"):
        again = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
        refreshed = {
            "new_access_token": again["access_token"] != token["access_token"],
            "new_refresh_token": again.get("refresh_token") != token["refresh_token"],
        }
    return {
        "claims": checked.claims,
        "user": user.json(),
        "token_type": token.get("token_type"),
        "scope": token.get("scope"),
        "expires_in": token.get("expires_in"),
        "refreshed": refreshed,
    }


def main():
    settings = json.loads(sys.argv[1])
    libraries = {"requests-oauthlib": with_requests_oauthlib, "authlib": with_authlib}
    try:
        say({"result": libraries[settings["library"]](settings)})
    except Exception as error:  # the test shows it
        say({"error": type(error).__name__, "description": str(error)})
        raise


if __name__ == "__main__":
    main()
