// Alerts in a real browser: what a mistake has raised is found on the overview, taken on, and its denials are let pass.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, lockOut, makeToken } from './fill.mjs';
import * as h from './lib.mjs';

describe('an alert', () => {
  let server, browser, cookies;
  const locked = [];

  before(async () => {
    server = await h.startServer();
    browser = await h.startBrowser();
    const owner = await h.openPage(browser, server, { scripting: false });
    await h.setUp(owner, server);
    const call = api(server, await makeToken(owner));
    cookies = await owner.context.cookies();
    for (const [number] of h.TWO_WAYS.entries()) locked.push(await lockOut(server, call, `Example ${number}`));
    const limit = Date.now() + 60_000;
    while ((await call('GET', 'alerts')).items.length < h.TWO_WAYS.length) {
      assert.ok(Date.now() < limit, 'the alerts are not raised');
      await new Promise((next) => setTimeout(next, 250));
    }
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const [number, way] of h.TWO_WAYS.entries()) {
    test(`is found, taken on and let pass, ${way.name}`, async () => {
      const { product, leases } = locked[number];
      const tab = await h.openPage(browser, server, way);
      await tab.context.addCookies(cookies);
      const { page } = tab;
      await h.visit(tab, '/console');
      await page.getByRole('heading', { name: 'What needs attention' }).waitFor();
      await page.locator('main tr', { hasText: `Example ${number}` }).locator('a.row-link').first().click();
      await page.waitForURL('**/console/alerts/alr_*');
      await page.getByRole('heading', { name: 'Denials are stopped' }).waitFor();
      assert.notEqual(await h.renew(server, product, leases[0]), 403, 'nobody is sent away meanwhile');
      const here = page.url();

      // A note that is too long is not lost.
      await page.getByLabel('Note').fill('x'.repeat(1_100));
      await page.getByRole('button', { name: 'Acknowledge alert' }).click();
      await page.locator('.notice.bad').first().waitFor();
      await h.becomes(async () => (await page.getByLabel('Note').inputValue()).length, 1_100);
      tab.complaints.length = 0;
      await page.getByLabel('Note').fill('Asking the shop <b>now</b>');
      await page.getByRole('button', { name: 'Acknowledge alert' }).click();
      await page.getByText('Taken on. The alert stands').waitFor();
      await page.getByText('Asking the shop <b>now</b>').first().waitFor();
      await page.getByRole('heading', { name: 'Take it on instead' }).waitFor();
      await h.sound(tab, 'alert-taken');
      await h.visit(tab, '/console/alerts');
      await page.locator('tr', { hasText: `Example ${number}` }).getByText('Asking the shop').waitFor({ state: way.width < 800 ? 'attached' : 'visible' });

      await h.visit(tab, new URL(here).pathname);
      await page.getByLabel('Reason').fill('All of them are meant');
      await page.getByRole('button', { name: 'Let denials pass' }).click();
      await page.getByText('Denials pass for a day').waitFor();
      // The notice comes with the answer, the page is read anew after it.
      await page.getByRole('heading', { name: 'Denials are stopped' }).waitFor({ state: 'detached' });
      assert.equal(await h.renew(server, product, leases[0]), 403, 'the denial is signed');
      await h.sound(tab, 'alert-passed');
      await tab.context.close();
    });
  }
});
