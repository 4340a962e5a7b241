// What takes a second person: an admin asks for more than ten licenses at once, an owner decides.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, invite, join, makeToken } from './fill.mjs';
import * as h from './lib.mjs';

for (const way of h.TWO_WAYS) {
  describe(`approvals ${way.name}`, () => {
    let server, browser, owner, admin;

    const sound = (tab, shot) => h.sound(tab, `approvals-${shot}`);
    const said = (tab, text) => tab.page.getByText(text).first().waitFor();
    const press = (tab, name) => tab.page.getByRole('button', { name, exact: true }).click();

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      owner = await h.openPage(browser, server, way);
      await h.setUp(owner, server);
      const call = api(server, await makeToken(owner));
      const product = (await call('POST', 'products', { name: 'Example Editor', code: 'editor' })).id;
      const plan = (await call('POST', 'plans', { product, name: 'Professional', code: 'professional', seats: 3 })).id;
      let license;
      for (let n = 0; n < 12; n += 1) license = await call('POST', 'licenses', { plan, customer: { name: `Customer ${n}` } });
      await h.activate(server, product, license.key, 'Workshop PC');
      admin = await join(browser, server, await invite(owner, 'admin@example.com', 'admin'), 'Adam Example', way);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** The admin asks that all twelve are suspended; leads to the page of that. */
    async function ask() {
      const { page } = admin;
      await h.visit(admin, '/console/licenses?state=active');
      await page.getByLabel(/^All 12 that match/).check();
      await press(admin, 'Suspend');
      await page.waitForURL('**/console/acts/new**');
      await h.settled(admin);
      await said(admin, 'Suspend 12 licenses');
      await said(admin, 'This takes a second person');
      await sound(admin, 'ask');
      await page.getByLabel('Reason').fill('Card reported stolen');
      await press(admin, 'Ask for approval');
      await page.waitForURL('**/console/approvals/apr_*');
      await said(admin, 'Nothing changes before a second person approves.');
      await h.settled(admin);
      return new URL(page.url()).pathname;
    }

    test('nothing waits at first', async () => {
      await h.visit(owner, '/console/approvals');
      await said(owner, 'Nothing waits for approval');
      await h.visit(owner, '/console/approvals?tab=all');
      await said(owner, 'Nobody has asked for approval yet');
      await sound(owner, 'empty');
    });

    test('an admin asks, and takes it back', async () => {
      await ask();
      await said(admin, /1 device loses access/);
      await sound(admin, 'asked');
      await h.becomes(() => admin.page.getByRole('button', { name: 'Approve' }).count(), 0, 'nobody approves what they asked for');
      await press(admin, 'Withdraw');
      await said(admin, 'Withdrawn. Nothing was changed.');
      await h.visit(admin, '/console/approvals?tab=all');
      await admin.page.getByRole('row', { name: /Suspend 12 licenses.*Withdrawn/ }).waitFor();
    });

    test('the owner refuses, and says why', async () => {
      const path = await ask();
      await h.visit(owner, '/console');
      await said(owner, '1 act waits for your approval.');
      await owner.page.getByRole('link', { name: 'Decide' }).click();
      await owner.page.waitForURL('**/console/approvals');
      await owner.page.getByRole('row', { name: /Suspend 12 licenses.*Waiting/ }).waitFor();
      await sound(owner, 'list');
      await owner.page.getByRole('link', { name: 'Suspend 12 licenses' }).click();
      await owner.page.waitForURL(`**${path}`);
      await h.settled(owner);
      await owner.page.getByLabel('Note').fill('Only three of them are theirs');
      await press(owner, 'Refuse');
      await said(owner, 'Refused. Nothing was changed.');
      await h.visit(admin, path);
      await said(admin, 'Only three of them are theirs');
      await said(admin, 'Refused');
      await h.visit(owner, '/console');
      await h.becomes(() => owner.page.getByText('for your approval').count(), 0);
    });

    test('the owner approves, and it is done', async () => {
      const path = await ask();
      await h.visit(owner, path);
      await said(owner, 'It is about 12 licenses.');
      await said(owner, /1 device loses access/);
      await said(owner, 'Workshop PC');
      await sound(owner, 'decide');
      await press(owner, 'Approve');
      await owner.page.waitForURL('**/console/acts/blk_*');
      for (let tries = 0; (await owner.page.locator('.badge-state', { hasText: 'Done' }).count()) === 0; tries += 1) {
        assert.ok(tries < 60, 'it is never done');
        await new Promise((next) => setTimeout(next, 500));
        if (!way.scripting) await owner.page.reload();
      }
      await said(owner, '12 of 12');
      await said(owner, 'Adam Example');
      await sound(owner, 'done');
      await owner.page.getByRole('term').filter({ hasText: 'Approved by' }).waitFor();
      await h.visit(admin, path);
      await said(admin, 'Approved');
      await h.visit(owner, '/console/audit?action=approval.approved');
      await owner.page.getByRole('row', { name: /Approved/ }).first().waitFor();
    });

    test('work on keys is an owner’s', async () => {
      await h.visit(admin, '/console/products');
      await admin.page.locator('td a.row-link').first().click();
      await admin.page.waitForURL('**/console/products/prd_*');
      await h.settled(admin);
      await admin.page.getByRole('link', { name: 'Keys', exact: true }).click();
      await admin.page.getByRole('link', { name: 'Rotate keys' }).click();
      await admin.page.waitForURL('**/keys/rotate');
      await h.settled(admin);
      await sound(admin, 'keys');
      await admin.page.getByLabel('Reason').fill('A laptop is lost');
      await press(admin, 'Ask for approval');
      await admin.page.waitForURL('**/console/approvals/apr_*');
      const path = new URL(admin.page.url()).pathname;
      await h.visit(owner, path);
      await said(owner, 'Rotate the keys of Example Editor');
      await press(owner, 'Approve');
      await said(owner, 'Approved, and done.');
      await owner.page.getByRole('link', { name: 'Example Editor' }).click();
      await owner.page.getByText('retiring').waitFor();
    });
  });
}
