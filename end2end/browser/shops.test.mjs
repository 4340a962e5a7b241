// Shops and the inbox in a real browser: connected, told of sales with signatures of an independent library, priced, ruled,
// closed; and what no rule decides, decided; with scripting and without, light and dark, on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { api, invite, join, makeToken, tell, waiting } from './fill.mjs';
import * as h from './lib.mjs';

/** A provider that lets one key in. */
async function startProvider(key) {
  const server = createServer((request, response) => {
    const known = request.headers.authorization === `Bearer ${key}`;
    response.writeHead(known ? 200 : 403, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known ? { data: [], meta: { pagination: { has_more: false } } } : { error: 'no' }));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

const buyer = { email: 'ada@example.com', name: 'Ada Example' };
const sale = (id, price, more) => ({ id, payment: 'paid', buyer, lines: [{ id: '1', price, quantity: 2, title: 'Example Editor' }], ...more });

for (const way of h.THREE_WAYS) {
  describe(`shops ${way.name}`, () => {
    let server, browser, provider, tab, call, shop, here, secret;

    before(async () => {
      server = await h.startServer(['--webhook-allow-private']);
      browser = await h.startBrowser();
      provider = await startProvider('pdl_live_reads');
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
    });
    after(async () => {
      await browser?.close();
      provider?.stop();
      await server?.stop();
    });

    const sound = (shot) => h.sound(tab, shot);
    const press = (name) => tab.page.getByRole('button', { name, exact: true }).click();
    const said = (text) => tab.page.getByText(text).filter({ visible: true }).first().waitFor();
    const open = (name) => tab.page.locator('summary', { hasText: name }).click();
    const licenses = async () => (await call('GET', 'licenses')).items;
    /** Waits until there are so many licenses. */
    const issued = async (count) => {
      const limit = Date.now() + 15_000;
      while ((await licenses()).length < count) {
        if (Date.now() > limit) throw new Error(`${(await licenses()).length} licenses`);
        await new Promise((next) => setTimeout(next, 200));
      }
    };

    test('without one the screens say what a shop is for', async () => {
      await h.visit(tab, '/console/orders/inbox');
      await said('Nothing waits');
      await sound('inbox-empty');
      await h.visit(tab, '/console/shops');
      await said('No shops yet');
      await sound('shops-empty');
      await tab.page.getByRole('link', { name: 'Connect shop' }).first().click();
      await tab.page.waitForURL('**/console/shops/new');
      await sound('shops-new');
    });

    test('one that cannot be is refused with what was typed', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/shops/new');
      await page.getByLabel('Paddle', { exact: true }).check();
      await page.getByLabel('Name', { exact: true }).fill('Paddle of the tests');
      await open('Another address of the API');
      await page.getByLabel('Address of the API').fill('ftp://example.com');
      await press('Connect shop');
      await page.locator('[aria-invalid=true]').waitFor();
      // The browser notes that an answer was a refusal.
      tab.complaints.length = 0;
      await h.becomes(() => page.getByLabel('Name', { exact: true }).inputValue(), 'Paddle of the tests');
      await h.becomes(() => page.getByLabel('Paddle', { exact: true }).isChecked(), true);
      await sound('shops-refused');
    });

    test('a provider is tried before it counts', async () => {
      const { page } = tab;
      await page.getByLabel('Address of the API').fill(provider.url);
      await page.getByLabel('API key').fill('pdl_live_wrong');
      await press('Connect shop');
      await page.waitForURL('**/console/shops/shp_*');
      await said('Copy the secret that you are given there');
      await sound('shops-incomplete');
      const paddle = new URL(page.url()).pathname;
      await press('Test the API key');
      await said('The provider could not be asked');
      tab.complaints.length = 0;
      await sound('shops-untested');
      await h.visit(tab, `${paddle}?tab=settings`);
      await h.becomes(() => page.getByLabel('API key').inputValue(), '');
      await page.getByLabel('API key').fill('pdl_live_reads');
      await press('Save shop');
      await said('Saved.');
      // Only then the form is a new one, in which what is typed stays.
      await h.becomes(() => page.getByLabel('API key').inputValue(), '');
      await page.getByLabel('Secret', { exact: true }).fill('pdl_ntfset_of_the_tests');
      await press('Save secret');
      await said('Secret set.');
      await press('Test the API key');
      await said('The provider lets the API key in.');
      await sound('shops-tested');
      assert.ok(!(await page.content()).includes('pdl_'), 'what is secret is not shown');
    });

    test('one of our own is connected, and its secret is shown once', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/shops/new');
      await page.getByLabel('Another shop', { exact: true }).check();
      await page.getByLabel('Name', { exact: true }).fill('Web shop');
      await press('Connect shop');
      await page.waitForURL('**/console/shops/shp_*');
      await said('Shop connected.');
      secret = (await page.locator('.key-once code').innerText()).trim();
      assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
      here = new URL(page.url()).pathname;
      shop = here.split('/').pop();
      assert.ok(!page.url().includes('whsec'));
      await said(`${server.origin}/v1/shops/${shop}/events`);
      await sound('shop-connected');
    });

    test('a price is said to be a plan, and a sale becomes a license', async () => {
      const { page } = tab;
      const product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Professional');
      call = api(server, await makeToken(tab));
      await h.visit(tab, here);
      await page.getByLabel('Price', { exact: true }).fill('editor');
      await page.getByLabel('Plan', { exact: true }).selectOption({ label: 'Example Editor · Professional' });
      await page.getByLabel('The number of pieces is the number of seats').check();
      await press('Save price');
      await said('the number of seats');
      await sound('shop-priced');
      assert.equal(await tell(server, shop, secret, 1, sale('10042', 'editor')), 204);
      await issued(1);
      assert.equal((await licenses())[0].terms.seats, 2);
      await h.visit(tab, `${here}?tab=messages`);
      await said('Applied');
      await sound('shop-messages');
      await h.visit(tab, '/console/orders');
      await page.getByRole('link', { name: '10042' }).click();
      await page.waitForURL('**/console/orders/ord_*');
      await page.getByRole('link', { name: 'Web shop' }).waitFor();
      await sound('shop-order');
      await h.visit(tab, '/console/audit?action=license.issued');
      await page.locator('td a.row-link').first().click();
      await page.waitForURL('**/console/audit/*');
      await said('Web shop');
    });

    test('what nobody has placed waits for a person', async () => {
      const { page } = tab;
      await tell(server, shop, secret, 1, sale('10043', 'studio'));
      await tell(server, shop, secret, 1, sale('10044', 'mug'));
      await waiting(call, 2);
      await h.visit(tab, '/console');
      await page.getByRole('link', { name: 'Look', exact: true }).click();
      await page.waitForURL('**/console/orders/inbox');
      await page.locator('tr', { hasText: 'studio' }).waitFor();
      await sound('inbox');
      await page.locator('tr', { hasText: 'studio' }).getByRole('link').click();
      await page.waitForURL('**/console/orders/inbox/inb_*');
      await open('As it was sent');
      await said('"payment": "paid"');
      await sound('inbox-price');
      await open('From now on this price is');
      const map = page.locator('form', { has: page.locator('input[name=how][value=map]') });
      await map.getByLabel('Plan').selectOption({ label: 'Example Editor · Professional' });
      await h.becomes(() => map.getByLabel('The number of pieces is the number of seats').isChecked(), true);
      await map.getByRole('button', { name: 'Save price' }).click();
      await said('Price set');
      await sound('inbox-mapped');
      await issued(2);
      // A mug needs no license.
      await h.visit(tab, '/console/orders/inbox');
      await page.locator('tr', { hasText: 'mug' }).getByRole('link').click();
      await page.waitForURL('**/console/orders/inbox/inb_*');
      await open('From now on this price is');
      await map.getByLabel('Plan').selectOption({ label: 'Needs no license' });
      await map.getByRole('button', { name: 'Save price' }).click();
      await said('Price set');
      await h.visit(tab, '/console/orders/inbox');
      await said('Nothing waits');
      assert.equal((await licenses()).length, 2);
    });

    test('when some of the money went back a person says what follows', async () => {
      const { page } = tab;
      await tell(server, shop, secret, 2, sale('10042', 'editor', { payment: 'paid_back_in_part', paid_back: '10.00 EUR' }));
      const [entry] = await waiting(call, 1);
      await h.visit(tab, `/console/orders/${entry.order}`);
      await page.getByRole('link', { name: 'Decide' }).click();
      await page.waitForURL('**/console/orders/inbox/inb_*');
      await said('Some of the money was paid back (10.00 EUR).');
      await open('Nothing follows');
      const dismiss = page.locator('form', { has: page.locator('input[name=how][value=dismiss]') });
      await dismiss.getByLabel('Reason').fill('A discount that was forgotten');
      await dismiss.getByRole('button', { name: 'Dismiss' }).click();
      await said('A discount that was forgotten');
      await sound('inbox-dismissed');
      // More of it is another question.
      await tell(server, shop, secret, 3, sale('10042', 'editor', { payment: 'paid_back_in_part', paid_back: '40.00 EUR' }));
      const [other] = await waiting(call, 1);
      await h.visit(tab, `/console/orders/inbox/${other.id}`);
      await open('Revoke what was bought');
      await sound('inbox-part');
      const revoke = page.locator('form', { has: page.locator('input[name=how][value=revoke]') });
      await revoke.getByLabel('Reason').fill('Nearly all of it went back');
      await revoke.getByRole('button', { name: 'Revoke', exact: true }).click();
      await said('Nearly all of it went back');
      await sound('inbox-revoked');
      const revoked = (await licenses()).filter((license) => license.status === 'revoked');
      assert.deepEqual(revoked.map((license) => license.order), [other.order]);
      await h.visit(tab, '/console/orders/inbox?tab=all');
      await said('Dismissed');
      await sound('inbox-all');
    });

    test('support begins to revoke, and takes it back before anybody notices', async () => {
      const back = { payment: 'paid_back_in_part', paid_back: '45.00 EUR' };
      await tell(server, shop, secret, 2, sale('10043', 'studio', back));
      const [entry] = await waiting(call, 1);
      const here = `/console/orders/inbox/${entry.id}`;
      const sue = await join(browser, server, await invite(tab, 'sue@example.com', 'support'), 'Sue Example', way);
      const { page } = sue;
      await h.visit(sue, here);
      const revoke = page.locator('summary', { hasText: 'Revoke what was bought' });
      await revoke.click();
      await h.sound(sue, 'inbox-support');
      await page.getByRole('link', { name: 'Revoke what was bought' }).click();
      await page.waitForURL('**/console/acts/new**');
      await h.settled(sue);
      await page.getByText('It takes effect ten minutes from then').waitFor();
      await page.getByLabel('Reason').fill('Nearly all of it went back');
      await page.getByRole('button', { name: 'Revoke 1 license' }).click();
      await page.waitForURL('**/console/acts/blk_*');
      await h.visit(sue, here);
      await page.getByRole('timer').waitFor();
      await h.becomes(() => revoke.count(), 0);
      await h.sound(sue, 'inbox-waits');
      await page.getByRole('button', { name: 'Take it back' }).click();
      await page.getByRole('timer').waitFor({ state: 'detached' });
      await revoke.waitFor();
      assert.deepEqual(sue.complaints, []);
      await sue.context.close();
      assert.equal((await licenses()).filter((license) => license.order === entry.order && license.status === 'active').length, 1);
      // An owner revokes it on its own page: that is an answer, too.
      await call('POST', `licenses/${(await licenses()).find((license) => license.order === entry.order).id}/revoke`, { reason: 'As Sue said' });
      await h.visit(tab, here);
      await said('As Sue said');
      await sound('inbox-answered');
      await call('POST', `licenses/${(await licenses()).find((license) => license.order === entry.order).id}/reinstate`, { reason: 'For the next test' });
    });

    test('the rules of a shop are changed', async () => {
      const { page } = tab;
      await h.visit(tab, `${here}?tab=rules`);
      await page.locator('input[name=on_refund][value=after_days]').check();
      await press('Save rules');
      await page.locator('[aria-invalid=true]').first().waitFor();
      tab.complaints.length = 0;
      await sound('shop-rules-refused');
      await page.locator('[name=refund_days]').fill('14');
      await page.getByLabel('Days of grace for a payment').fill('7');
      await press('Save rules');
      await said('Saved.');
      await h.visit(tab, `${here}?tab=rules`);
      await h.becomes(() => page.locator('input[name=on_refund][value=after_days]').isChecked(), true);
      await h.becomes(() => page.locator('[name=refund_days]').inputValue(), '14');
      await sound('shop-rules');
      // All of it goes back: not at once, and nobody is asked.
      await tell(server, shop, secret, 3, sale('10043', 'studio', { payment: 'paid_back', paid_back: '49.00 EUR' }));
      const limit = Date.now() + 15_000;
      while ((await licenses()).filter((license) => license.status === 'revoked').length < 2) {
        assert.ok(Date.now() < limit);
        await new Promise((next) => setTimeout(next, 200));
      }
      await h.visit(tab, '/console/orders/inbox?tab=all');
      await said('Done by rule');
    });

    test('it gets a new secret, and the one before counts as well', async () => {
      await h.visit(tab, `${here}?tab=settings`);
      await sound('shop-settings');
      await press('Make new secret');
      await said('Secret set.');
      const code = tab.page.locator('.key-once code', { hasNotText: secret });
      const fresh = (await code.innerText()).trim();
      for (const [at, one] of [fresh, secret].entries()) {
        assert.equal(await tell(server, shop, one, 4 + at, sale('10042', 'editor', { payment: 'paid_back_in_part', paid_back: '40.00 EUR' })), 204);
      }
      assert.equal(await tell(server, shop, `whsec_${Buffer.alloc(24, 1).toString('base64')}`, 9, sale('1', 'editor')), 401);
    });

    test('it is closed and opened again', async () => {
      const { page } = tab;
      await h.visit(tab, `${here}?tab=settings`);
      await page.getByLabel('Reason').fill('The shop has moved');
      await press('Close shop');
      await said('Shop closed.');
      await sound('shop-closed');
      assert.equal(await tell(server, shop, secret, 9, sale('1', 'editor')), 401);
      await h.visit(tab, '/console/shops');
      await page.locator('tr', { hasText: 'Web shop' }).getByText('Closed').waitFor();
      await sound('shops');
      await h.visit(tab, `${here}?tab=settings`);
      await press('Open shop');
      await said('Shop open again.');
      assert.equal(await tell(server, shop, secret, 9, sale('10042', 'editor')), 204);
    });

    test('a price is taken back', async () => {
      const { page } = tab;
      await h.visit(tab, here);
      await page.getByRole('button', { name: 'Remove price editor' }).click();
      await said('Price removed.');
      await page.getByRole('button', { name: 'Remove price editor' }).waitFor({ state: 'detached' });
      await sound('shop-unpriced');
    });
  });
}
