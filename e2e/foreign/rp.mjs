// npm's openid-client, signing in at `valetkey provider`: prints where the
// browser goes, reads where it came back to, prints what it learnt.
// Argument: {"ready":{…the provider's ready line…},"client_id","client_secret",
//   "redirect_uri","scope","parameters":{}}.
import { createInterface } from 'node:readline';
import * as oauth from 'openid-client';

const settings = JSON.parse(process.argv[2]);
const { ready } = settings;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const execute = [oauth.allowInsecureRequests];
const secret = settings.client_secret;
const authentication = secret
  ? (settings.basic ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret))
  : oauth.None();

let config;
if (ready.metadata) {
  config = await oauth.discovery(new URL(ready.issuer), settings.client_id, undefined, authentication, { execute });
} else {
  config = new oauth.Configuration({
    issuer: ready.issuer,
    authorization_endpoint: ready.authorization,
    token_endpoint: ready.token,
    userinfo_endpoint: ready.userinfo,
    revocation_endpoint: ready.revocation ?? undefined,
  }, settings.client_id, undefined, authentication);
  oauth.allowInsecureRequests(config);
}

const openid = settings.scope.split(' ').includes('openid');
const verifier = oauth.randomPKCECodeVerifier();
const state = oauth.randomState();
const nonce = openid ? oauth.randomNonce() : undefined;
const url = oauth.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri,
  scope: settings.scope,
  state,
  ...(nonce && { nonce }),
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  ...settings.parameters,
});
say({ authorization_url: url.href });

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { callback } = JSON.parse((await lines.next()).value);
try {
  const tokens = await oauth.authorizationCodeGrant(config, new URL(callback), {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
    idTokenExpected: openid,
  });
  const claims = tokens.claims();
  let user;
  if (claims) {
    user = await oauth.fetchUserInfo(config, tokens.access_token, claims.sub);
  } else {
    const answer = await oauth.fetchProtectedResource(config, tokens.access_token, new URL(ready.userinfo), 'GET');
    user = await answer.json();
  }
  let refreshed;
  if (tokens.refresh_token) {
    const next = await oauth.refreshTokenGrant(config, tokens.refresh_token);
    refreshed = {
      new_access_token: next.access_token !== tokens.access_token,
      new_refresh_token: Boolean(next.refresh_token) && next.refresh_token !== tokens.refresh_token,
      claims: next.claims() ?? null,
    };
    if (config.serverMetadata().revocation_endpoint) {
      await oauth.tokenRevocation(config, next.refresh_token ?? next.access_token);
      const answer = await oauth.refreshTokenGrant(config, next.refresh_token ?? tokens.refresh_token)
        .then(() => 'still works', (error) => error.error ?? String(error));
      refreshed.after_revocation = answer;
    }
  }
  say({
    result: {
      claims: claims ?? null,
      user,
      token_type: tokens.token_type,
      scope: tokens.scope ?? null,
      expires_in: tokens.expires_in ?? null,
      refreshed: refreshed ?? null,
    },
  });
} catch (error) {
  say({
    error: error.error ?? error.code ?? error.name,
    description: error.error_description ?? error.message,
    cause: error.cause ? String(error.cause?.stack ?? JSON.stringify(error.cause)) : null,
  });
}
process.exit(0);
