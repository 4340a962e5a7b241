// Messages of payment providers, signed and looked at by the providers' own libraries: what Stripe's signs counts, and what
// counts is what Paddle's takes for signed.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Paddle } from '@paddle/paddle-node-sdk';
import Stripe from 'stripe';

const binary = process.env.HOLDFAST_BINARY ?? fileURLToPath(new URL('../../target/debug/holdfast', import.meta.url));

let server, folder, origin, token;

const call = async (method, path, body) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${origin}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
};

/** A shop with that secret; gives what sends it a message and tells the status of the answer. */
const shop = async (kind, secret) => {
  // Nothing is there: what became of the sale cannot be read, and the message is only noted.
  const { id } = await call('POST', 'shops', { kind, name: kind, api_url: 'http://127.0.0.1:9', api_key: 'key_of_the_tests' });
  await call('POST', `shops/${id}/set-secret`, { secret });
  return async (headers, body) => (await fetch(`${origin}/v1/shops/${id}/events`, { method: 'POST', headers, body })).status;
};

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-signatures-'));
  const port = await new Promise((done) => {
    const free = createServer().listen(0, '127.0.0.1', () => {
      const { port } = free.address();
      free.close(() => done(port));
    });
  });
  origin = `http://127.0.0.1:${port}`;
  const bootstrap = ['--data-dir', folder, '--json', 'admin', 'bootstrap', '--vendor', 'Example', '--email', 'owner@example.com', '--password-stdin'];
  token = JSON.parse(execFileSync(binary, bootstrap, { input: 'seventeen copper kettles at dawn\n' })).api_token;
  const flags = ['--metrics-listen', 'off', '--listen', `127.0.0.1:${port}`, '--webhook-allow-private'];
  server = spawn(binary, ['--data-dir', folder, 'serve', ...flags], { stdio: 'ignore' });
  const limit = Date.now() + 30_000;
  while (!(await fetch(`${origin}/readyz`).then((answer) => answer.ok, () => false))) {
    assert.ok(Date.now() < limit, 'the server did not become ready');
    await new Promise((done) => setTimeout(done, 50));
  }
});

after(() => {
  server?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('what Stripe’s library signs is believed, and nothing else', async () => {
  const secret = 'whsec_0123456789abcdefghijklmnopqrstuv';
  const { webhooks } = new Stripe('sk_test_of_the_tests');
  const send = await shop('stripe', secret);
  const now = Math.floor(Date.now() / 1000);
  const payload = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.succeeded', data: { object: { id: 'ch_1', object: 'charge' } } });
  const signed = (more) => ({ 'stripe-signature': webhooks.generateTestHeaderString({ payload, secret, timestamp: now, ...more }) });
  assert.equal(await send(signed(), payload), 204);
  for (const wrong of [{ secret: 'whsec_another' }, { timestamp: now - 310 }, { timestamp: now + 310 }, { payload: `${payload} ` }]) {
    assert.equal(await send(signed(wrong), payload), 401, JSON.stringify(wrong));
  }
});

test('what counts as Paddle’s, Paddle’s library takes for signed as well', async () => {
  const secret = 'pdl_ntfset_0123456789abcdefghijklmnop';
  const { webhooks } = new Paddle('pdl_sdbx_apikey_of_the_tests');
  const send = await shop('paddle', secret);
  const now = Math.floor(Date.now() / 1000);
  const body = JSON.stringify({ event_id: 'evt_1', event_type: 'transaction.completed', occurred_at: new Date().toISOString(), data: { id: 'txn_1' } });
  const signed = (at, key, text) => `ts=${at};h1=${createHmac('sha256', key).update(`${at}:${text}`).digest('hex')}`;
  for (const [signature, counts] of [
    [signed(now, secret, body), true],
    [signed(now, 'pdl_ntfset_another', body), false],
    [signed(now - 400, secret, body), false],
    [signed(now, secret, `${body} `), false],
  ]) {
    assert.equal(await webhooks.isSignatureValid(body, secret, signature).catch(() => false), counts, signature);
    assert.equal(await send({ 'paddle-signature': signature }, body), counts ? 204 : 401, signature);
  }
});
