// Webhooks in a real browser: added, told, verified by an independent library, paused, resumed, changed and removed; with
// scripting and without, light and dark, on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import * as h from './lib.mjs';

/** A receiver that remembers what it was sent and answers with a status that can be changed. */
async function startReceiver() {
  const receiver = { heard: [], status: 204 };
  const server = createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      receiver.heard.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
      response.writeHead(receiver.status).end(receiver.status === 204 ? undefined : 'not <b>now</b>');
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  receiver.url = `http://127.0.0.1:${server.address().port}/hook`;
  receiver.stop = () => server.close();
  return receiver;
}

async function until(done, what) {
  const limit = Date.now() + 15_000;
  while (!(await done())) {
    if (Date.now() > limit) throw new Error(`in vain: ${what}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}

/** Whether the public key verifies a message, by nothing of ours. */
function verifies(publicKey, { headers, body }) {
  const x = Buffer.from(publicKey.replace('whpk_', ''), 'base64').toString('base64url');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  const content = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  const signatures = headers['webhook-signature'].split(' ').filter((text) => text.startsWith('v1a,'));
  return signatures.some((text) => verify(null, content, key, Buffer.from(text.slice(4), 'base64')));
}

for (const way of h.THREE_WAYS) {
  describe(`webhooks ${way.name}`, () => {
    let server, browser, tab, receiver, here, secret, publicKey;

    before(async () => {
      server = await h.startServer(['--webhook-allow-private']);
      browser = await h.startBrowser();
      receiver = await startReceiver();
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
    });
    after(async () => {
      await browser?.close();
      receiver?.stop();
      await server?.stop();
    });

    const sound = (shot) => h.sound(tab, shot);
    const press = (name) => tab.page.getByRole('button', { name, exact: true }).click();
    const said = (text) => tab.page.getByText(text).filter({ visible: true }).first().waitFor();

    test('without one the screen says what a webhook is for', async () => {
      await h.visit(tab, '/console/webhooks');
      await said('No webhooks yet');
      await sound('empty');
      await tab.page.getByRole('link', { name: 'Add webhook' }).first().click();
      await tab.page.waitForURL('**/console/webhooks/new');
      await sound('new');
    });

    test('one that cannot be is refused with what was typed', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/webhooks/new');
      await page.getByLabel('Address').fill('https://example.com/hook');
      await page.getByLabel('What it is for (optional)').fill('The shop');
      await page.getByLabel('Events (optional)').fill('license.*\nlicence.revoked');
      await press('Add webhook');
      await said('neither a topic nor a family');
      // The browser notes that an answer was a refusal.
      tab.complaints.length = 0;
      await h.becomes(() => page.getByLabel('What it is for (optional)').inputValue(), 'The shop');
      await sound('refused');
    });

    test('one is added, and its secret is shown once', async () => {
      const { page } = tab;
      await page.getByLabel('Address').fill(receiver.url);
      await page.getByLabel('Events (optional)').fill('license.*\nproduct.denials_stopped');
      await press('Add webhook');
      await page.waitForURL('**/console/webhooks/whk_*');
      await said('Webhook added.');
      secret = (await page.locator('.key-once code').innerText()).trim();
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      here = new URL(page.url()).pathname;
      assert.ok(!page.url().includes('whsec'));
      await sound('created');
      await h.visit(tab, `${here}?tab=settings`);
      publicKey = (await page.getByText(/^whpk_/).first().innerText()).trim();
      await sound('settings');
    });

    test('it is told what happens, and an independent library verifies it', async () => {
      const product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Professional');
      await h.issueLicense(tab, 'ada@example.com', 'Ada Example');
      await until(() => receiver.heard.length === 1, 'a message');
      const [message] = receiver.heard;
      assert.equal(new Webhook(secret).verify(message.body, message.headers).type, 'license.issued');
      assert.ok(verifies(publicKey, message));
      assert.ok(!verifies(publicKey, { ...message, body: message.body.replace('issued', 'revoked') }));
      assert.throws(() => new Webhook(secret).verify(`${message.body} `, message.headers));
      await h.visit(tab, here);
      await tab.page.getByRole('link', { name: 'license.issued' }).click();
      await said('answered 204');
      await sound('delivery');
      await press('Send again');
      await said('the same bytes under the same id');
      await until(() => receiver.heard.length === 2, 'the same again');
      const [first, second] = receiver.heard;
      assert.deepEqual([second.body, second.headers['webhook-id']], [first.body, first.headers['webhook-id']]);
    });

    test('a test that is refused says what was answered', async () => {
      receiver.status = 500;
      await h.visit(tab, here);
      await press('Send test');
      await tab.page.waitForURL(`**${here}/dlv_*`);
      await until(() => receiver.heard.length >= 3, 'the test');
      await until(async () => {
        await tab.page.reload();
        return (await tab.page.getByText('answered 500').count()) > 0;
      }, 'what was answered');
      await said('not <b>now</b>');
      await sound('refused-test');
      await h.visit(tab, here);
      await said('Failing');
      await sound('failing');
      receiver.status = 204;
      await h.visit(tab, `${here}?state=delivered`);
      await h.becomes(() => tab.page.getByRole('link', { name: 'webhook.test' }).count(), 0);
    });

    test('it is paused and resumed', async () => {
      await h.visit(tab, here);
      await press('Pause');
      await said('What happens meanwhile waits for it');
      await h.becomes(() => tab.page.getByRole('button', { name: 'Send test' }).count(), 0);
      await sound('paused');
      await press('Resume');
      await said('What has waited is sent now');
      await until(() => JSON.parse(receiver.heard.at(-1).body).type === 'webhook.test' && receiver.heard.length >= 4, 'the rest');
    });

    test('it gets a new secret, and the one before signs as well', async () => {
      await h.visit(tab, `${here}?tab=settings`);
      await press('Make new secret');
      await said('New secret made.');
      await tab.page.locator('.key-once code', { hasNotText: secret }).waitFor();
      const fresh = (await tab.page.locator('.key-once code').innerText()).trim();
      assert.notEqual(fresh, secret);
      const before = receiver.heard.length;
      await press('Send test');
      await until(() => receiver.heard.length > before, 'a test');
      const message = receiver.heard.at(-1);
      for (const one of [fresh, secret]) new Webhook(one).verify(message.body, message.headers);
    });

    test('it is changed and removed', async () => {
      const { page } = tab;
      await h.visit(tab, `${here}?tab=settings`);
      await page.getByLabel('What it is for (optional)').fill('The shop, from now on');
      await press('Save webhook');
      await said('Saved.');
      await h.visit(tab, '/console/webhooks');
      await said('The shop, from now on');
      await sound('list');
      await h.visit(tab, `${here}?tab=settings`);
      await page.getByLabel('Reason').fill('The shop is closed');
      await press('Remove webhook');
      await page.waitForURL('**/console/webhooks?done=webhook_removed');
      await said('No webhooks yet');
      await h.visit(tab, `/console/audit`);
      await said('Webhook removed');
    });
  });
}
