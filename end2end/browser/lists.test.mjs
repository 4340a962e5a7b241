// Lists in a real browser: searched, narrowed, sorted, saved, exported and acted on as a whole; with scripting and without,
// light and dark, on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeToken } from './fill.mjs';
import * as h from './lib.mjs';

for (const way of h.THREE_WAYS) {
  describe(`lists ${way.name}`, () => {
    let server, browser, tab, product, licenses;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
      product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Studio', { seats: '1' });
      licenses = [];
      for (const name of ['Ada', 'Bob', 'Zoë']) {
        licenses.push(await h.issueLicense(tab, `${name.toLowerCase().replace('ë', 'e')}@example.com`, `=${name} Example`));
      }
      await h.activate(server, product, licenses[1].key, 'Workshop <b>PC</b>');
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = (shot) => h.sound(tab, shot);
    const press = (name) => tab.page.getByRole('button', { name, exact: true }).click();
    const follow = (name) => tab.page.getByRole('link', { name, exact: true }).first().click();
    const said = (text) => tab.page.getByText(text).filter({ visible: true }).first().waitFor();
    const row = () => tab.page.locator('.rows tbody tr');
    /** Waits until the list has that many rows: a new one comes after its address. */
    async function rows(count) {
      const limit = Date.now() + 10_000;
      while ((await row().count()) !== count) {
        assert.ok(Date.now() < limit, `${await row().count()} rows instead of ${count} at ${tab.page.url()}`);
        await new Promise((next) => setTimeout(next, 50));
      }
    }
    const begins = (text) => row().first().filter({ hasText: text }).waitFor();

    test('any part of a name finds, and every filter is a chip that goes', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses');
      await rows(3);
      await sound('licenses');
      await page.getByLabel('Key, e-mail, name, order, device or id').fill('orksho');
      await page.getByRole('combobox', { name: 'State' }).selectOption('active');
      await press('Filter');
      await page.waitForURL('**q=orksho**');
      await rows(1);
      await sound('licenses-narrowed');
      await page.getByRole('link', { name: /State: Active/ }).click();
      await page.waitForURL((url) => !url.search.includes('state='));
      await page.locator('.chip').first().waitFor({ state: 'detached' });
      await rows(1);
      await h.visit(tab, '/console/licenses?state=active&use=never');
      await rows(2);
      await page.locator('.chip', { hasText: 'never activated' }).click();
      await page.waitForURL((url) => !url.search.includes('use='));
      await rows(3);
      await h.visit(tab, '/console/licenses?q=nobody-has-this');
      await said('No license matches');
      await sound('licenses-none');
    });

    test('heads sort, columns come and go, and views are built in', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses');
      await page.locator('.rows th a', { hasText: 'Customer' }).click();
      await page.waitForURL('**sort=customer_name**');
      await begins('=Ada');
      await page.locator('.rows th a', { hasText: 'Customer' }).click();
      await page.waitForURL('**sort=-customer_name**');
      await begins('=Zoë');
      await page.locator('summary', { hasText: 'Columns' }).click();
      await sound('licenses-columns');
      await page.locator('.menu-body a', { hasText: 'E-mail' }).click();
      await page.waitForURL('**cols=**');
      await h.settled(tab);
      await page.locator('.rows td', { hasText: 'zoe@example.com' }).first().waitFor({ state: 'attached' });
      await follow('Never activated');
      await page.waitForURL('**use=never**');
      await rows(2);
      await h.becomes(() => page.locator('.tab-row a[aria-current]').innerText(), 'Never activated');
    });

    test('a view is saved under a name and removed', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses?use=full');
      await page.locator('summary', { hasText: 'Save this view' }).click();
      await page.getByLabel('Name', { exact: true }).fill('Sold out');
      await press('Save view');
      await said('View saved.');
      await h.visit(tab, '/console/licenses');
      await follow('Sold out');
      await page.waitForURL('**use=full**');
      await rows(1);
      await sound('licenses-view');
      await press('Remove view “Sold out”');
      await said('View removed.');
      await page.getByRole('link', { name: 'Sold out' }).waitFor({ state: 'detached' });
    });

    test('exports are what is shown, and no formula', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses?q=orksho');
      await page.locator('summary', { hasText: 'Export' }).click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('CSV, for spreadsheets').click()]);
      const text = readFileSync(await download.path(), 'utf8');
      assert.equal(download.suggestedFilename(), 'licenses.csv');
      assert.equal(text.trim().split('\r\n').length, 2);
      assert.match(text, /'=Bob Example/);
      assert.ok(!text.includes(licenses[1].key), 'no whole key');
    });

    test('seats, orders, customers and the audit log are such lists, too', async () => {
      for (const [path, word] of [
        ['/console/seats', 'Workshop <b>PC</b>'],
        ['/console/seats?q=orksh&state=active', 'Taken'],
        ['/console/orders', 'No orders yet'],
        ['/console/customers?q=xample.co', 'Zoë'],
        ['/console/audit?action=export.made', 'Data exported'],
      ]) {
        await h.visit(tab, path);
        await said(word);
        await sound(path.slice(9).replace(/\W+/g, '-'));
      }
    });

    test('tables that are no lists are searched over all their rows as well', async () => {
      const { page } = tab;
      await h.createProduct(tab, 'Other Viewer');
      for (const name of ['Web shop', 'Nightly report']) await makeToken(tab, name);
      for (const host of ['shop.example.com', 'ledger.example.com']) {
        await h.visit(tab, '/console/webhooks/new');
        await page.getByLabel('Address', { exact: true }).fill(`https://${host}/hook`);
        await press('Add webhook');
        await page.waitForURL('**done=webhook_created');
      }
      for (const email of ['grace@example.com', 'linus@example.com']) {
        await h.visit(tab, '/console/team');
        await page.getByLabel('E-mail').fill(email);
        await press('Make invitation link');
        await page.waitForURL('**done=invited*');
      }
      for (const [path, q, found, other] of [
        ['/console/products', 'THER VIEW', 'Other Viewer', 'Example Editor'],
        ['/console/tokens', 'ightly', 'Nightly report', 'Web shop'],
        ['/console/webhooks', 'ledger', 'https://ledger.example.com/hook', 'https://shop.example.com/hook'],
        ['/console/team', 'linus', 'linus@example.com', 'grace@example.com'],
      ]) {
        const table = page.locator('.rows');
        await h.visit(tab, path);
        await table.getByText(other).first().waitFor();
        await page.locator('#list-q').fill(q);
        await press('Filter');
        await page.waitForURL(`**${path}?q=*`);
        await h.settled(tab);
        await table.getByText(found).first().waitFor();
        await table.getByText(other).first().waitFor({ state: 'detached' });
        await h.becomes(() => page.locator('#list-q').inputValue(), q);
        await page.locator('#list-q').fill('nothing at all');
        await press('Filter');
        await page.waitForURL('**nothing*');
        await h.settled(tab);
        await said(/^No \w+ matches$/);
        await h.becomes(() => table.count(), 0);
        await sound(`${path.slice(9)}-no-match`);
        await page.getByRole('link', { name: 'Show all' }).click();
        await page.waitForURL(`**${path}`);
        await table.getByText(other).first().waitFor();
        await table.getByText(found).first().waitFor();
      }
    });

    test('an act on all that match says what it does, is done, reported and taken back', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses?state=active');
      await page.getByLabel(/^All 3 that match/).check();
      await press('Suspend');
      await page.waitForURL('**/console/acts/new**');
      await h.settled(tab);
      await said('Suspend 3 licenses');
      await said(/1 device loses access/);
      await said('Workshop <b>PC</b>');
      await sound('act-new');
      await page.getByLabel('Reason').fill('Payment overdue');
      await press('Suspend 3 licenses');
      await page.waitForURL('**/console/acts/blk_*');
      for (let tries = 0; (await page.locator('.badge-state', { hasText: 'Done' }).count()) === 0; tries += 1) {
        assert.ok(tries < 60, 'it is never done');
        await new Promise((next) => setTimeout(next, 500));
        if (!way.scripting) await page.reload();
      }
      await said('3 of 3');
      // The report says which each was and whose, and leaves as a file.
      await page.getByRole('row', { name: /…[0-9A-Z]{4}.*Changed/ }).first().waitFor();
      const report = await page.getByRole('link', { name: 'All of these as CSV' }).getAttribute('href');
      const csv = await (await page.request.get(new URL(report, page.url()).href)).text();
      assert.equal(csv.trim().split('\r\n').length, 4, csv);
      await sound('act');
      await h.visit(tab, '/console/licenses?state=suspended');
      await rows(3);
      await page.goBack();
      await h.settled(tab);
      await page.getByRole('link', { name: 'Take it back', exact: true }).click();
      await page.waitForURL('**/console/acts/new?undo=*');
      await h.settled(tab);
      await said('Take it back for 3 licenses');
      await said('Nobody loses access by that.');
      await sound('act-undo');
      await page.getByLabel('Reason').fill('Paid meanwhile');
      await press('Take it back for 3 licenses');
      await page.waitForURL('**/console/acts/blk_*');
      await said('This takes back an earlier act.');
      for (let tries = 0; ; tries += 1) {
        await h.visit(tab, '/console/licenses?state=active');
        if ((await row().count()) === 3) break;
        assert.ok(tries < 60, 'it is never taken back');
        await new Promise((next) => setTimeout(next, 500));
      }
      await h.visit(tab, '/console/acts');
      await sound('acts');
    });

    test('some are chosen one by one', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses');
      await page.locator('.rows tbody input[type=checkbox]').first().check();
      await press('Extend');
      await said('Extend 1 license');
      await page.getByLabel('Days').fill('7');
      await page.getByLabel('Reason').fill('Goodwill');
      await press('Extend 1 license');
      await page.waitForURL('**/console/acts/blk_*');
      await said('Goodwill');
    });
  });
}
