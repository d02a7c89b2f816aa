// npm's oidc-provider with its own login and consent pages, told what to do
// by lines of JSON on stdin and answering each with one on stdout:
//   {"do":"register","client":{…}}  {"do":"rotate"}  {"do":"tell"}
// It ends with its stdin. Argument, all of it optional:
//   {"port":0,"path":"/below","tls":{"cert":"PEM","key":"PEM"}}
import { generateKeyPair } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import Provider from 'oidc-provider';

const settings = JSON.parse(process.argv[2] ?? '{}');
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const happened = [];
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA', 'Ed25519'];

let handler = (req, res) => res.writeHead(503).end();
const path = settings.path ?? '';
const listener = (req, res) => {
  if (!req.url.startsWith(path)) {
    happened.push(`outside ${req.method} ${req.url}`);
    res.writeHead(404).end();
    return;
  }
  req.originalUrl = req.url;
  req.url = req.url.slice(path.length);
  happened.push(`${req.method} ${new URL(req.url, 'http://localhost').pathname}`);
  handler(req, res);
};
const server = settings.tls ? createTlsServer(settings.tls, listener) : createServer(listener);
await new Promise((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve));
const { port } = server.address();
const issuer = (settings.tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`) + path;

const generate = promisify(generateKeyPair);
let generation = 0;
async function makeKeys() {
  generation += 1;
  const kinds = [['rsa', { modulusLength: 2048 }], ['ec', { namedCurve: 'P-256' }], ['ec', { namedCurve: 'P-384' }], ['ed25519', {}]];
  const pairs = await Promise.all(kinds.map(([kind, options]) => generate(kind, options)));
  return pairs.map(({ privateKey }, i) => ({
    ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: `${generation}-${i}`,
  }));
}

// Sessions, grants and tokens: kept when the keys change.
const records = new Map();
class Adapter {
  constructor(model) { this.model = model; }
  upsert = async (id, payload) => { records.set(`${this.model} ${id}`, payload); };
  find = async (id) => records.get(`${this.model} ${id}`);
  findBy = (member, value) => [...records].find(([key, record]) => key.startsWith(`${this.model} `) && record[member] === value)?.[1];
  findByUid = async (uid) => this.findBy('uid', uid);
  findByUserCode = async (code) => this.findBy('userCode', code);
  consume = async (id) => { (await this.find(id)).consumed = Math.floor(Date.now() / 1000); };
  destroy = async (id) => { records.delete(`${this.model} ${id}`); };
  revokeByGrantId = async (grantId) => {
    for (const [key, record] of records) if (record.grantId === grantId) records.delete(key);
  };
}

let keys = await makeKeys();
let clients = [];

function configure() {
  const provider = new Provider(issuer, {
    adapter: Adapter,
    clients,
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    // ID tokens carry no more than they must: the client has to ask userinfo.
    conformIdTokenClaims: true,
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    features: { revocation: { enabled: true }, userinfo: { enabled: true } },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({
        sub: id, name: `${id} Foreign`, preferred_username: id, email: `${id}@example.test`, email_verified: true,
      }),
    }),
  });
  provider.on('grant.success', (ctx) => happened.push(`grant.success ${ctx.oidc.params.grant_type}`));
  provider.on('grant.error', (ctx, e) => happened.push(`grant.error ${e.message} ${e.error_description ?? ''}`));
  provider.on('authorization.error', (ctx, e) => happened.push(`authorization.error ${e.message} ${e.error_description ?? ''}`));
  provider.on('server_error', (ctx, e) => happened.push(`server_error ${e.stack}`));
  handler = provider.callback();
}
configure();
say({ event: 'ready', issuer });

for await (const line of createInterface({ input: process.stdin })) {
  const { do: action, client } = JSON.parse(line);
  try {
    if (action === 'register') {
      clients = [client];
      configure();
      say({ ok: true });
    } else if (action === 'rotate') {
      // The old keys are gone at once.
      keys = await makeKeys();
      configure();
      say({ ok: true });
    } else if (action === 'tell') {
      say({ ok: true, happened: happened.splice(0) });
    } else {
      say({ ok: false, error: `unknown: ${action}` });
    }
  } catch (error) {
    say({ ok: false, error: String(error?.stack ?? error) });
  }
}
process.exit(0);
