// Trials in a real browser: what a product's page says of those that began, one that is sold by hand and keeps its computer, and
// one that ran out and is sold after all.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { openShop, shop } from './fill.mjs';
import * as h from './lib.mjs';

/** What a lease says. */
const claims = (lease) => JSON.parse(Buffer.from(lease.split('.')[1], 'base64url'));

for (const way of h.TWO_WAYS) {
  describe(`trials ${way.name}`, () => {
    let place, tab, product, trials;

    const ask = async (path, body) => {
      const response = await fetch(`${place.server.origin}/v1/products/${product}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, nonce: randomBytes(16).toString('base64url') }),
      });
      const answer = await response.json();
      assert.ok(response.ok, `${path}: ${response.status} ${JSON.stringify(answer)}`);
      return answer.lease;
    };
    const begin = (name) => ask('trials', { device: { hash: randomBytes(32).toString('hex'), name, platform: 'linux' } });

    /** What the product's page says became of its trials, as `[['Started', '3', '100 %'], …]`. */
    async function funnel(query = '') {
      await h.visit(tab, `/console/products/${product}?tab=trials${query}`);
      const table = tab.page.getByRole('region', { name: 'What became of trials' });
      await table.waitFor();
      const rows = await table.locator('tbody tr').all();
      return Promise.all(rows.map(async (row) => row.locator('td').allInnerTexts()));
    }

    /** Sells a trial on its page; returns the key that is shown. */
    async function sell(license, email) {
      const { page } = tab;
      await h.visit(tab, `/console/licenses/${license}`);
      await page.getByRole('link', { name: 'Convert trial' }).click();
      await page.getByLabel('Plan', { exact: true }).selectOption({ label: 'Professional' });
      await h.sound(tab, 'trial-convert');
      await page.getByLabel("Customer's e-mail").fill(email);
      await page.getByLabel('Reason').fill('Paid by bank transfer');
      await page.getByRole('button', { name: 'Convert trial' }).click();
      await page.getByText('Trial converted.').waitFor();
      return (await page.locator('.key-once code').first().innerText()).trim();
    }

    before(async () => {
      place = await shop();
      tab = await openShop(place, way);
      ({ id: product } = await place.call('POST', 'products', { name: 'Example Editor', code: 'editor' }));
      await place.call('POST', 'plans', { product, name: 'Professional', code: 'pro', seats: 3, entitlements: { export: true } });
      await place.call('POST', 'plans', { product, name: 'Fortnight', code: 'trial', model: 'trial', duration_seconds: 14 * 86_400 });
    });
    after(async () => {
      await tab?.context.close();
      await place?.stop();
    });

    test('where none began, the page says how they begin', async () => {
      await h.visit(tab, `/console/products/${product}?tab=trials`);
      await tab.page.getByText('No trial began in this time').waitFor();
      await h.sound(tab, 'trials-empty');
    });

    test('those that began run', async () => {
      trials = [];
      for (const name of ['Studio', 'Laptop', 'Render']) trials.push(await begin(name));
      assert.ok(trials.every((lease) => claims(lease).mode === 'trial'));
      assert.deepEqual(await funnel(), [['Started', '3', '100 %'], ['Running', '3', '100 %'], ['Converted', '0', '0 %'], ['Ran out', '0', '0 %']]);
      await h.sound(tab, 'trials');
    });

    test('one that is sold keeps its computer, and gets a key', async () => {
      const { sub: license, seat } = claims(trials[0]);
      const key = await sell(license, 'buyer@example.com');
      await h.sound(tab, 'trial-converted');
      const { page } = tab;
      await h.visit(tab, `/console/licenses/${license}`);
      await page.getByText('Studio').first().waitFor();
      await page.getByText('buyer@example.com').first().waitFor();
      await h.becomes(() => page.getByRole('link', { name: 'Convert trial' }).count(), 0);
      // The computer goes on by itself: the same license, the same seat.
      const renewed = claims(await ask('renew', { lease: trials[0] }));
      assert.deepEqual([renewed.mode, renewed.plan, renewed.sub, renewed.seat], ['licensed', 'pro', license, seat]);
      assert.equal(renewed.ent.export, true);
      // The key opens the seats that are left, and no more.
      await h.activate(place.server, product, key, 'Second');
      await h.activate(place.server, product, key, 'Third');
      await assert.rejects(h.activate(place.server, product, key, 'Fourth'), /seat_limit_reached/);
      await h.visit(tab, `/console/licenses/${license}/convert`);
      await page.getByText('This license is no trial, or is one no more.').waitFor();
      await h.sound(tab, 'trial-none');
      assert.deepEqual(await funnel(), [['Started', '3', '100 %'], ['Running', '2', '67 %'], ['Converted', '1', '33 %'], ['Ran out', '0', '0 %']]);
    });

    test('one that ran out can be sold as well, and moves over', async () => {
      const { sub: license, seat } = claims(trials[1]);
      await place.call('PATCH', `licenses/${license}`, { expires_at: new Date(Date.now() + 1_000).toISOString(), reason: 'Tried long enough' });
      const ranOut = [['Started', '3', '100 %'], ['Running', '1', '33 %'], ['Converted', '1', '33 %'], ['Ran out', '1', '33 %']];
      await h.becomes(() => funnel('&days=90'), ranOut);
      await h.sound(tab, 'trials-lapsed');
      await sell(license, 'late@example.com');
      const renewed = claims(await ask('renew', { lease: trials[1] }));
      assert.deepEqual([renewed.mode, renewed.sub, renewed.seat], ['licensed', license, seat]);
      await h.visit(tab, `/console/products/${product}?tab=trials`);
      await tab.page.getByRole('link', { name: 'A year' }).click();
      await tab.page.waitForURL('**days=365');
      await tab.page.locator('a[aria-current=true]', { hasText: 'A year' }).waitFor();
      assert.deepEqual(await funnel('&days=365'), [['Started', '3', '100 %'], ['Running', '1', '33 %'], ['Converted', '2', '67 %'], ['Ran out', '0', '0 %']]);
    });
  });
}
