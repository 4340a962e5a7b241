// The page of an order with its refund, and activations and renewals over time on the overview, in a real browser: with
// scripting and without, light and dark, on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, makeToken } from './fill.mjs';
import * as h from './lib.mjs';

for (const way of h.THREE_WAYS) {
  describe(`orders ${way.name}`, () => {
    let server, browser, tab, product, bought;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
      const call = api(server, await makeToken(tab));
      product = (await call('POST', 'products', { name: 'Example Editor', code: 'editor' })).id;
      const plan = (await call('POST', 'plans', { product, name: 'Professional', code: 'professional', seats: 3 })).id;
      const order = await call('POST', 'orders', { reference: 'LS-20417' });
      for (let n = 0; n < 2; n += 1) bought = await call('POST', 'licenses', { plan, order: order.id });
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = (shot) => h.sound(tab, shot);

    test('activations and renewals are drawn as soon as there are any', async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      await h.becomes(() => page.getByRole('img', { name: 'Activations by day' }).count(), 0);
      const lease = await h.activate(server, product, bought.key, 'Build server');
      assert.equal(await h.renew(server, product, lease), 200);
      await h.visit(tab, '/console');
      await page.getByText('0 in the last 30 days, 1 today so far.').waitFor();
      await page.getByRole('img', { name: 'Activations by day' }).waitFor();
      await page.getByRole('img', { name: 'Renewals by day' }).waitFor();
      await sound('overview-30');
      await page.locator('figure.chart summary').first().click();
      const rows = page.getByRole('region', { name: 'Activations by day, as a table' }).locator('tbody tr');
      await h.becomes(() => rows.count(), 31);
      assert.match(await rows.first().innerText(), /^\d{4}-\d\d-\d\d \(today, so far\)\s+1$/);
      await sound('overview-table');
      await page.getByRole('link', { name: '90 days' }).click();
      await page.waitForURL('**/console?days=90');
      await page.getByText('0 in the last 90 days, 1 today so far.').waitFor();
      await sound('overview-90');
    });

    test('an order has a page, and a refund says first whose access ends', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/orders');
      await page.getByRole('link', { name: 'LS-20417' }).click();
      await page.waitForURL('**/console/orders/ord_*');
      await page.getByRole('heading', { name: 'Order LS-20417' }).waitFor();
      await page.getByRole('heading', { name: 'Licenses (2)' }).waitFor();
      await sound('order');
      await page.getByRole('link', { name: 'Refund order' }).click();
      await page.waitForURL('**/refund');
      await page.getByText('1 device loses access').waitFor();
      await page.getByRole('cell', { name: 'Build server' }).waitFor();
      await page.getByText('its 2 licenses are revoked').waitFor();
      await sound('refund');
      await page.getByLabel('Reason').fill('Charged back');
      await page.getByRole('button', { name: 'Refund order' }).click();
      await page.waitForURL('**done=order_refunded');
      await page.getByText('Noted as paid back.').waitFor();
      await h.becomes(() => page.getByRole('link', { name: 'Refund order' }).count(), 0);
      await sound('order-refunded');
    });

    test('what a refund revoked is reinstated as one act', async () => {
      const { page } = tab;
      await page.getByRole('link', { name: 'Reinstate its 2 licenses' }).click();
      await page.waitForURL('**/console/acts/new?*');
      await page.getByRole('heading', { name: 'Reinstate 2 licenses' }).waitFor();
      await page.getByLabel('Reason').fill('A mistake');
      await page.getByRole('button', { name: 'Reinstate 2 licenses' }).click();
      await page.waitForURL('**/console/acts/blk_*');
    });
  });
}
