// What is done with a license in a real browser: undoing, changing with a preview, handing over, a new key, notes, the time
// line, a seat's page, a plan's change checked against the last 90 days, tokens, settings; with scripting and without, light
// and dark, on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

const { sound } = h;

for (const way of h.TWO_WAYS) {
  describe(`acts ${way.name}`, () => {
    let server, browser, tab, product, license;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
      product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Professional', { seats: '3', entitlements: 'export\nprint' });
      await h.addPlan(tab, product, 'Small', { seats: '1', entitlements: 'print' });
      await h.visit(tab, `/console/products/${product}`);
      const professional = await tab.page.getByRole('link', { name: 'Professional' }).first().getAttribute('href');
      license = await h.issueLicense(tab, 'ada@example.com', 'Ada Example', /pln_[0-9a-z]+/.exec(professional)[0]);
      license.plan = /pln_[0-9a-z]+/.exec(professional)[0];
      await h.activate(server, product, license.key, "Ada's workstation");
      await h.activate(server, product, license.key, 'Build server');
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const open = (rest = '') => h.visit(tab, `/console/licenses/${license.id}${rest}`);

    test('what was done last is undone from the page', async () => {
      const { page } = tab;
      await open('/suspend');
      await page.getByLabel('Reason').fill('Payment disputed');
      await page.getByRole('button', { name: 'Suspend license' }).click();
      await page.getByText('License suspended by you.').waitFor();
      await sound(tab);
      await page.getByRole('link', { name: 'Undo', exact: true }).click();
      await page.getByRole('cell', { name: 'Status' }).waitFor();
      await sound(tab);
      await page.getByLabel('Reason').fill('It was the other customer');
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.waitForURL('**done=undone');
      await page.getByText('License resumed, by undoing').waitFor();
      await page.getByText('It was the other customer').waitFor();
      await sound(tab);
    });

    test('another plan says term by term what changes and for which device', async () => {
      const { page } = tab;
      await open('/change');
      await sound(tab);
      await page.getByLabel('Plan').selectOption({ label: 'Small' });
      await page.getByRole('button', { name: 'See what changes' }).click();
      await page.getByRole('cell', { name: 'Entitlement export' }).waitFor();
      await page.getByRole('row', { name: /Seats 3 1/ }).waitFor();
      await page.getByText('1 seat is taken beyond what is allowed then').waitFor();
      await page.getByText('2 devices get other leases').waitFor();
      await page.getByRole('cell', { name: 'Build server' }).waitFor();
      await sound(tab);
      // What was chosen and typed stays when it is refused.
      await page.getByLabel('Reason').fill('x'.repeat(1100));
      await page.getByRole('button', { name: 'Change license' }).click();
      await page.locator('.notice.bad').first().waitFor();
      await h.becomes(async () => (await page.getByLabel('Reason').inputValue()).length, 1100);
      tab.complaints.length = 0;
      await page.getByLabel('Reason').fill('Smaller contract');
      await page.getByRole('button', { name: 'Change license' }).click();
      await page.waitForURL('**done=license_changed');
      await page.getByRole('heading', { name: 'Seats (2 / 1)' }).waitFor();
      await page.getByRole('link', { name: 'Undo', exact: true }).click();
      await page.getByRole('cell', { name: 'Entitlement export' }).waitFor();
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.waitForURL('**done=undone');
      await page.getByRole('heading', { name: 'Seats (2 / 3)' }).waitFor();
    });

    test('what cannot be is said beside the form, with what was typed', async () => {
      const { page } = tab;
      await open('/change');
      await page.getByLabel('Entitlements of this license').fill('no good');
      await page.getByRole('button', { name: 'See what changes' }).click();
      await page.locator('.notice.bad').waitFor();
      await h.becomes(() => page.getByLabel('Entitlements of this license').inputValue(), 'no good');
      await sound(tab);
    });

    test('a license is handed over and gets a new key', async () => {
      const { page } = tab;
      await open();
      await page.locator('summary', { hasText: 'More' }).first().click();
      await page.getByRole('link', { name: 'Transfer to another customer' }).click();
      await page.getByText('Its key and its seats stay').waitFor();
      await sound(tab);
      await page.getByLabel("New customer's e-mail").fill('bob@example.com');
      await page.getByLabel("New customer's name").fill('Bob Example');
      await page.getByLabel('Reason').fill('Company sold');
      await page.getByRole('button', { name: 'Transfer license' }).click();
      await page.waitForURL('**done=license_transferred');
      await page.getByRole('link', { name: 'Bob Example' }).waitFor();
      await open('/rekey');
      await sound(tab);
      await page.getByLabel('Reason').fill('Posted in a forum');
      await page.getByRole('button', { name: 'Make new key' }).click();
      await page.waitForURL('**done=license_rekeyed');
      const key = (await page.locator('.key-once code').innerText()).trim();
      assert.match(key, /^([0-9A-Z]{5}-){4}[0-9A-Z]{5}$/);
      assert.notEqual(key, license.key);
      await sound(tab);
    });

    test('notes are written, changed and taken away', async () => {
      const { page } = tab;
      await open();
      await page.getByLabel('New note').fill('Calls on Mondays\n<script>alert(1)</script>');
      await page.getByRole('button', { name: 'Add note' }).click();
      await page.waitForURL('**done=note_added*');
      await page.locator('.note-text', { hasText: '<script>alert(1)</script>' }).waitFor();
      await sound(tab);
      await page.locator('.notes').getByRole('link', { name: /Change the note/ }).click();
      await page.waitForURL('**/console/notes/not_*');
      await sound(tab);
      await page.getByLabel('Note').fill('Calls on Tuesdays');
      await page.getByRole('button', { name: 'Save note' }).click();
      await page.waitForURL('**done=note_saved*');
      await page.locator('.note-text', { hasText: 'Calls on Tuesdays' }).waitFor();
      await page.locator('.notes').getByRole('link', { name: /Change the note/ }).click();
      await page.getByRole('button', { name: 'Remove note' }).click();
      await page.waitForURL('**done=note_removed*');
      await h.becomes(() => page.locator('.note-text').count(), 0);
      await page.getByText('Note removed', { exact: true }).waitFor();
      await h.becomes(() => page.getByText('Calls on').count(), 0);
      // For ten minutes it can be put back.
      await sound(tab);
      await page.getByRole('button', { name: 'Put it back' }).click();
      await page.waitForURL('**done=note_restored*');
      await page.locator('.note-text', { hasText: 'Calls on Tuesdays' }).waitFor();
    });

    test('an entry of the time line leads to the event with what became what', async () => {
      const { page } = tab;
      await open('?tab=timeline');
      const entry = page.locator('.timeline li', { hasText: 'License handed to another customer' });
      await entry.getByText('→ Bob Example').waitFor();
      await entry.getByRole('link').click();
      await page.waitForURL('**/console/audit/*');
      await page.getByRole('row', { name: /Customer .* Bob Example/ }).waitFor();
      await page.getByText('Company sold').waitFor();
      await sound(tab);
      await h.visit(tab, `/console/audit?subject=${license.id}`);
      await page.locator('.rows').getByRole('link', { name: 'License handed to another customer' }).click();
      await page.waitForURL('**/console/audit/*');
      await page.getByRole('link', { name: license.id }).click();
      await page.waitForURL(`**/console/licenses/${license.id}`);
      await page.locator('th', { hasText: 'First seen' }).waitFor({ state: 'attached' });
    });

    test('extending says what it does and can be undone', async () => {
      const { page } = tab;
      await open('/extend?until=2040-01-01');
      await page.getByText('go on without a break').waitFor();
      await page.getByText(/^It ends on 1 January 2040 instead of .* days later\); \d devices? goe?s? on\.$/).waitFor();
      await page.getByText('It can be undone for ten minutes').waitFor();
      await sound(tab);
    });

    test('the time line is narrowed by the address, and a seat has a page', async () => {
      const { page } = tab;
      await open('?tab=timeline');
      await page.getByText('Device activated').first().waitFor();
      await sound(tab);
      await page.getByRole('link', { name: 'People and programs' }).click();
      await page.waitForURL('**told=people');
      await page.getByText('Device activated').first().waitFor({ state: 'detached' });
      await page.getByText('License got a new key').waitFor();
      await open();
      await page.getByRole('link', { name: 'Build server', exact: true }).click();
      await page.waitForURL('**/console/seats/sea_*');
      await page.getByText('linux, 2.4.1').waitFor();
      await sound(tab);
      await page.getByRole('link', { name: 'Free seat' }).click();
      await page.getByLabel('Reason').fill('Replaced');
      await page.getByRole('button', { name: 'Free seat' }).click();
      await page.getByText('Seat freed by you.').waitFor();
      await page.getByRole('link', { name: 'Undo', exact: true }).click();
      await page.getByText('has its seat again').waitFor();
      await sound(tab);
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.waitForURL('**done=undone');
      await page.getByRole('heading', { name: 'Seats (2 / 3)' }).waitFor();
    });

    test('a change of a plan is replayed before it is saved', async () => {
      const { page } = tab;
      await h.visit(tab, `/console/plans/${license.plan}?tab=edit`);
      await page.getByLabel('Seats', { exact: true }).fill('1');
      await page.getByLabel('Entitlements (optional)', { exact: true }).fill('print');
      await page.getByRole('button', { name: 'Check the change' }).click();
      await page.waitForURL('**/check?*');
      await page.getByText('1 activation on 1 license would have been refused.').waitFor();
      await page.getByText('1 license loses the entitlement export').waitFor();
      await page.getByRole('row', { name: /Bob Example.*Build server/ }).waitFor();
      await page.getByText('who uses one is not known').waitFor();
      await sound(tab);
      await page.getByRole('link', { name: 'Back to the form' }).click();
      await page.waitForURL('**tab=edit*');
      await h.becomes(() => page.getByLabel('Seats', { exact: true }).inputValue(), '1');
      await page.getByRole('button', { name: 'Check the change' }).click();
      await page.getByRole('button', { name: 'Save, then apply to 1 license' }).click();
      await page.waitForURL('**done=plan_saved&seats_from=3');
      await sound(tab);
      await page.getByRole('link', { name: 'Apply to 1 license' }).click();
      await page.waitForURL('**/console/acts/new**');
      await page.getByText('1 activation on 1 license would have been refused.').waitFor();
      await sound(tab);
      await page.getByLabel('Reason').fill('Smaller plan');
      await page.getByRole('button', { name: /^Apply the terms of .* to 1 license$/ }).click();
      await page.waitForURL('**/console/acts/blk_*');
      for (let tries = 0; (await page.locator('.badge-state', { hasText: 'Done' }).count()) === 0; tries += 1) {
        assert.ok(tries < 60, 'it is never done');
        await new Promise((next) => setTimeout(next, 500));
        if (!way.scripting) await page.reload();
      }
      await page.getByText('1 of 1').waitFor();
      await sound(tab);
      await open();
      await page.getByRole('heading', { name: 'Seats (2 / 1)' }).waitFor();
      await sound(tab);
    });

    test('a token is made, shown once and revoked', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/tokens/new');
      await sound(tab);
      await page.getByLabel('What it is for').fill('Web shop');
      await page.getByRole('button', { name: 'Make token' }).click();
      await page.getByText('A token needs at least one scope').first().waitFor();
      await h.becomes(() => page.getByLabel('What it is for').inputValue(), 'Web shop');
      tab.complaints.length = 0;
      await page.getByLabel('Read licenses and seats').check();
      await page.getByRole('button', { name: 'Make token' }).click();
      await page.waitForURL('**done=token_created');
      const secret = (await page.locator('.key-once code').innerText()).trim();
      const asked = () => fetch(`${server.origin}/v1/licenses`, { headers: { authorization: `Bearer ${secret}` } });
      assert.equal((await asked()).status, 200);
      await sound(tab);
      await page.getByLabel('Reason').fill('The shop has another one');
      await page.getByRole('button', { name: 'Revoke token' }).click();
      await page.waitForURL('**done=token_revoked');
      assert.equal((await asked()).status, 401);
      await h.visit(tab, '/console/tokens');
      await page.getByRole('row', { name: /Web shop.*Revoked/ }).waitFor();
      await sound(tab);
    });

    test('a token has an end, which lies ahead and stands in the list', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/tokens/new');
      await page.getByLabel('What it is for').fill('Report');
      await page.getByLabel('Read licenses and seats').check();
      await page.getByLabel('Ends on').fill('2020-01-01');
      await page.getByRole('button', { name: 'Make token' }).click();
      await page.locator('#expires_at-wrong').getByText('The end lies in the past.').waitFor();
      await h.becomes(() => page.getByLabel('Ends on').inputValue(), '2020-01-01');
      await h.becomes(() => page.getByLabel('Read licenses and seats').isChecked(), true);
      // A refusal is noted by the browser as well.
      tab.complaints.length = 0;
      await sound(tab);
      await page.getByLabel('Ends on').fill('2040-01-01');
      await page.getByRole('button', { name: 'Make token' }).click();
      await page.waitForURL('**done=token_created');
      await page.locator('dt', { hasText: 'Ends' }).waitFor();
      await page.locator('time[datetime="2040-01-01T00:00:00Z"]').waitFor();
      await h.visit(tab, '/console/tokens');
      const row = page.getByRole('row', { name: /Report.*Valid/ });
      await row.locator('time[datetime="2040-01-01T00:00:00Z"]').waitFor({ state: 'attached' });
      await sound(tab);
    });

    test('the vendor gets another name', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/settings');
      await sound(tab);
      await page.getByLabel('Name').fill('Example & Daughters');
      await page.getByRole('button', { name: 'Save settings' }).click();
      await page.waitForURL('**done=saved');
      await h.becomes(() => page.getByLabel('Name').inputValue(), 'Example & Daughters');
    });
  });
}
