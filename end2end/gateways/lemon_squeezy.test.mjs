// Lemon Squeezy's own SDK (@lemonsqueezy/lemonsqueezy.js) against a gateway. Its address is built in, so that what it asks
// is led here on the way, as a proxy does.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { activateLicense, deactivateLicense, validateLicense } from '@lemonsqueezy/lemonsqueezy.js';

const binary = process.env.HOLDFAST_BINARY ?? fileURLToPath(new URL('../../target/debug/holdfast', import.meta.url));
const straight = globalThis.fetch;

let server, folder, origin, token, base, plan, product;

const call = async (method, path, body) => {
  const answer = await straight(`${origin}/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
};

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-gateways-'));
  const port = await new Promise((done) => {
    const free = createServer().listen(0, '127.0.0.1', () => {
      const { port } = free.address();
      free.close(() => done(port));
    });
  });
  origin = `http://127.0.0.1:${port}`;
  const bootstrap = ['--data-dir', folder, '--json', 'admin', 'bootstrap', '--vendor', 'Example', '--email', 'owner@example.com', '--password-stdin'];
  token = JSON.parse(execFileSync(binary, bootstrap, { input: 'seventeen copper kettles at dawn\n' })).api_token;
  server = spawn(binary, ['--data-dir', folder, 'serve', '--metrics-listen', 'off', '--listen', `127.0.0.1:${port}`], { stdio: 'ignore' });
  const limit = Date.now() + 30_000;
  while (!(await straight(`${origin}/readyz`).then((answer) => answer.ok, () => false))) {
    assert.ok(Date.now() < limit, 'the server did not become ready');
    await new Promise((done) => setTimeout(done, 50));
  }
  product = (await call('POST', 'products', { name: 'Draw' })).id;
  plan = (await call('POST', 'plans', { product, name: 'Pro', terms: { seats: 1 } })).id;
  const gateway = { on: true, account: '12', product: '345', plans: { pro: '678' } };
  base = origin + (await call('PUT', `products/${product}/gateways/lemon_squeezy`, gateway)).path;
  globalThis.fetch = (address, options) => straight(String(address).replace('https://api.lemonsqueezy.com', base), options);
});

after(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('an application lives with its license', async () => {
  const { id: license, key } = await call('POST', 'licenses', { plan });
  const unknown = await validateLicense('38b1460a-5104-4067-a91d-77b872934d51');
  assert.deepEqual([unknown.statusCode, unknown.data.valid, unknown.data.error], [404, false, 'license_key not found.']);

  const first = await activateLicense(key, 'One');
  assert.equal(first.error, null);
  assert.deepEqual([first.data.activated, first.data.instance.name, first.data.license_key.status], [true, 'One', 'active']);
  assert.deepEqual([first.data.meta.store_id, first.data.meta.product_id, first.data.meta.variant_id], [12, 345, 678]);
  const { id } = first.data.instance;
  const valid = await validateLicense(key, id);
  assert.deepEqual([valid.statusCode, valid.data.valid, valid.data.instance.id], [200, true, id]);
  assert.deepEqual([valid.data.license_key.activation_usage, valid.data.license_key.activation_limit], [1, 1]);
  assert.equal((await validateLicense(key)).data.instance, null);

  const full = await activateLicense(key, 'Two');
  assert.deepEqual([full.statusCode, full.data.activated, full.data.error], [400, false, 'This license key has reached the activation limit.']);
  assert.ok((await deactivateLicense(key, id)).data.deactivated);
  assert.equal((await validateLicense(key, id)).data.valid, false);
  const second = await activateLicense(key, 'Two');
  assert.ok(second.data.activated);

  await call('POST', `licenses/${license}/revoke`, { reason: 'A refund' });
  const revoked = await validateLicense(key, second.data.instance.id);
  assert.deepEqual([revoked.data.valid, revoked.data.license_key.status], [false, 'disabled']);
  await call('POST', `licenses/${license}/reinstate`, { reason: 'A mistake' });
  assert.ok((await validateLicense(key, second.data.instance.id)).data.valid);
});

test('an instance of before goes on, and an unreachable server says nothing', async () => {
  const { key } = await call('POST', 'licenses', { plan });
  const known = 'f70a79fa-6054-433e-9c1b-6075344292e4';
  const valid = await validateLicense(key, known);
  assert.deepEqual([valid.data.valid, valid.data.instance.id], [true, known]);
  server.kill('SIGKILL');
  await new Promise((done) => server.once('exit', done));
  const lost = await validateLicense(key, known);
  assert.deepEqual([lost.statusCode, lost.data], [null, null]);
  assert.ok(lost.error);
});
