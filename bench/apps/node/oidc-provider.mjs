// npm's oidc-provider as a local provider that approves every request at
// once, as `valetkey provider --approve alice` does: its interaction is
// answered without a page. Arguments: PORT ALGORITHM.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, alg] = process.argv.slice(2);
const pair = alg === 'ES256'
  ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  : generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'demo',
    client_secret: 'demo-secret',
    redirect_uris: ['http://localhost:1/callback'],
    id_token_signed_response_alg: alg,
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'native',
  }],
  jwks: { keys: [{ ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', alg }] },
  cookies: { keys: ['only for measurements'] },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, name: 'Alice Example', preferred_username: id, email: 'alice@example.test', email_verified: true,
    }),
  }),
});
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  const grant = new provider.Grant({ accountId: 'alice', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId: 'alice' }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  ctx.respond = false;
});
provider.listen(Number(port), '127.0.0.1');
