// A customer and what they buy, in a real browser: changed, noted about, a license with terms of its own and a key of another
// system, its end moved, and its key shown again.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openShop, shop } from './fill.mjs';
import * as h from './lib.mjs';

describe('a customer', () => {
  let ours, server, call, product, plan;

  before(async () => {
    ours = await shop();
    ({ call, server } = ours);
    product = (await call('POST', 'products', { name: 'Example Editor' })).id;
    plan = (await call('POST', 'plans', { product, name: 'Studio', model: 'subscription', duration_seconds: 31_557_600, seats: 1, entitlements: { projects: 10 } })).id;
  });
  after(() => ours?.stop());

  for (const way of h.TWO_WAYS) {
    describe(way.name, () => {
      let tab, page, customer, license;
      const own = `OLD-KEY-OF-${way.theme.toUpperCase()}-0042`;
      const press = (name) => page.getByRole('button', { name, exact: true }).click();
      const said = (text) => page.getByText(text).first().waitFor();
      const field = (name) => page.locator(`[name="license[${name}]"]`);
      /** Sends the form as it is, past what the browser itself would have asked for. */
      const send = async (name) => {
        await page.locator('form', { has: page.getByRole('button', { name, exact: true }) }).evaluate((form) => (form.noValidate = true));
        await press(name);
      };
      /** It is refused, and what the browser notes of that is no fault. */
      const refused = async () => {
        await page.locator('.notice.bad').first().waitFor();
        await h.settled(tab);
        tab.complaints.length = 0;
      };

      before(async () => {
        tab = await openShop(ours, way);
        ({ page } = tab);
      });
      after(() => tab?.context.close());

      test('is added and changed', async () => {
        await h.visit(tab, '/console/customers/new');
        await page.locator('[name=email]').fill(`ada.${way.theme}@example.com`);
        await page.locator('[name=name]').fill('Ada');
        await press('Add customer');
        await page.waitForURL('**/console/customers/cus_*');
        await said('Customer created.');
        customer = new URL(page.url()).pathname;
        await page.locator('[name=email]').fill('nowhere');
        await send('Save customer');
        await refused();
        await h.becomes(() => page.locator('[name=email]').inputValue(), 'nowhere');
        await page.locator('[name=email]').fill(`grace.${way.theme}@example.com`);
        await page.locator('[name=name]').fill(`Grace ${way.theme}`);
        await press('Save customer');
        await said('Customer saved.');
        await page.getByRole('heading', { level: 1, name: `Grace ${way.theme}` }).waitFor();
        await h.visit(tab, `/console/customers?q=race.${way.theme}`);
        await page.getByRole('link', { name: `Grace ${way.theme}` }).waitFor();
        assert.deepEqual(tab.complaints, []);
      });

      test('is noted about', async () => {
        await h.visit(tab, customer);
        await page.getByLabel('New note').fill('Pays late');
        await press('Add note');
        await page.waitForURL('**done=note_added*');
        await page.locator('.notes').getByRole('link', { name: /Change the note/ }).click();
        await page.waitForURL('**/console/notes/not_*');
        await page.getByLabel('Note').fill('Pays in time');
        await press('Save note');
        await page.waitForURL(`**${customer}?done=note_saved*`);
        await page.locator('.note-text', { hasText: 'Pays in time' }).waitFor();
      });

      test('has nothing yet, and each tab says so', async () => {
        for (const [tab_, words] of [['', 'No licenses yet'], ['orders', 'No orders yet'], ['devices', 'No devices yet'], ['timeline&told=devices', 'Nothing of this kind has happened.']]) {
          await h.visit(tab, `${customer}${tab_ && `?tab=${tab_}`}`);
          await said(words);
          await h.sound(tab, `customer-without-${tab_.slice(0, 8) || 'anything'}`);
        }
        await page.getByRole('link', { name: 'All', exact: true }).click();
        await said('Customer changed');
      });

      test('buys a license with other terms than its plan and the key of another system', async () => {
        await h.visit(tab, customer);
        await page.getByRole('link', { name: 'Issue license' }).first().click();
        await page.waitForURL('**/console/licenses/new?customer=*');
        await page.getByRole('link', { name: `Grace ${way.theme}` }).waitFor();
        const fill = async () => {
          await page.getByLabel('Plan', { exact: true }).selectOption(plan);
          const more = page.locator('details.more');
          if ((await more.getAttribute('open')) === null) await more.locator('summary').click();
          await field('seats').fill('2');
          await field('expires_on').fill('2031-05-01');
          await field('entitlements').fill('projects = 20');
          await field('key').fill(own);
        };
        await fill();
        await press('Issue license');
        await page.waitForURL('**/console/licenses/lic_*');
        license = new URL(page.url()).pathname;
        await h.becomes(async () => (await page.locator('.key-once code').innerText()).trim(), own);
        await page.getByRole('heading', { name: 'Seats (0 / 2)' }).waitFor();
        await page.getByText('projects = 20').first().waitFor();
        await h.sound(tab, 'license-own-terms');
        await h.visit(tab, `/console/licenses/new?customer=${customer.split('/').pop()}`);
        await fill();
        await press('Issue license');
        await refused();
        await h.becomes(() => field('key').inputValue(), own);
        assert.equal((await call('GET', `licenses?customer=${customer.split('/').pop()}`)).items.length, 1);
      });

      test('gets more time, and all of it', async () => {
        // With scripting a day says at once what it changes.
        const choose = async (day) => {
          await page.getByLabel('New end').fill(day);
          if (!way.scripting || day === '') await press('See what changes');
        };
        await h.visit(tab, `${license}/extend`);
        await choose('2030-01-01');
        await page.getByText('The new end is not later than the present one.').waitFor();
        await h.becomes(() => page.getByLabel('New end').inputValue(), '2030-01-01');
        await h.becomes(() => page.getByLabel('Reason').count(), 0);
        for (const [day, end, said] of [
          ['2032-06-01', '2032-06-01T00:00:00Z', 'It ends on 1 June 2032 instead of 1 May 2031 (397 days later); no device uses it now.'],
          ['', null, 'It never ends, instead of ending on 1 June 2032'],
        ]) {
          await choose(day);
          await page.getByText(said).waitFor();
          await h.sound(tab);
          await page.getByLabel('Reason').fill('Paid ahead');
          await press('Extend license');
          await page.waitForURL('**done=license_extended');
          assert.equal((await call('GET', `licenses/${license.split('/').pop()}`)).expires_at, end);
          await h.visit(tab, `${license}/extend`);
        }
        assert.deepEqual(tab.complaints, []);
      });

      test('is shown whole: orders, devices, and one time line of all of it', async () => {
        const id = customer.split('/').pop();
        const order = await call('POST', 'orders', { reference: `A-${way.theme}`, customer: id });
        const issued = await call('POST', 'licenses', { plan, customer: id, order: order.id });
        await h.activate(server, product, issued.key, `Bench ${way.theme}`);
        const stranger = await call('POST', 'licenses', { plan, customer: { name: 'Somebody else' } });
        await h.activate(server, product, stranger.key, 'Not theirs');
        const hint = `…${issued.key.slice(-4)}`;
        await h.visit(tab, customer);
        await page.getByRole('heading', { name: 'Licenses (2)' }).waitFor();
        await page.locator('.timeline').getByText('Device activated').first().waitFor();
        await h.sound(tab, 'customer');
        const open = async (name) => {
          await page.getByRole('navigation', { name: 'Parts of this page' }).getByRole('link', { name }).click();
          await page.waitForURL(`**?tab=${{ Orders: 'orders', Devices: 'devices', 'Time line': 'timeline' }[name]}`);
          await h.settled(tab);
          await page.locator(`.tab-row [aria-current=page]`, { hasText: name }).waitFor();
        };
        await open('Orders');
        const row = page.locator('.rows tbody tr');
        await page.getByRole('link', { name: `A-${way.theme}` }).waitFor();
        await h.becomes(() => row.count(), 1);
        assert.match(await row.innerText(), /Paid/);
        await h.sound(tab, 'customer-orders');
        await open('Devices');
        await page.getByRole('link', { name: `Bench ${way.theme}` }).waitFor();
        await h.becomes(() => row.count(), 1, 'of all licenses, and of no other customer');
        await h.becomes(() => row.getByRole('link', { name: hint }).getAttribute('href'), `/console/licenses/${issued.id}`);
        if (way.width > 800) assert.match(await row.innerText(), /linux\s+2\.4\.1[\s\S]*in \d+ d/);
        await h.sound(tab, 'customer-devices');
        await page.getByRole('link', { name: 'Filter, sort or export them' }).click();
        await page.waitForURL(`**/console/seats?customer=${id}`);
        await h.visit(tab, `${customer}?tab=timeline`);
        await page.locator('.timeline li', { hasText: 'Device activated' }).getByRole('link', { name: `License ${hint}` }).waitFor();
        await page.locator('.timeline li', { hasText: 'Order noted' }).getByRole('link', { name: 'Order', exact: true }).waitFor();
        for (const words of ['Customer changed', 'Note changed', 'License issued']) await page.locator('.timeline').getByText(words).first().waitFor();
        await h.becomes(() => page.getByText('Not theirs').count(), 0);
        await h.sound(tab, 'customer-timeline');
        await page.getByRole('link', { name: 'Devices', exact: true }).last().click();
        await page.waitForURL('**told=devices**');
        await page.locator('.timeline').getByText('Customer changed').waitFor({ state: 'detached' });
        await h.becomes(() => page.locator('.timeline li').count(), 1);
      });

      test('lost a key, which is shown again and noted', async () => {
        const issued = await call('POST', 'licenses', { plan, customer: customer.split('/').pop() });
        await h.visit(tab, `/console/licenses/${issued.id}`);
        await h.becomes(() => page.getByText(issued.key).count(), 0);
        await press('Show key');
        await page.waitForURL('**key=shown');
        await h.becomes(async () => (await page.locator('.key-once code').innerText()).trim(), issued.key);
        assert.ok(!page.url().includes(issued.key));
        const events = (await call('GET', `events?subject=${issued.id}`)).items.map(({ action }) => action);
        assert.ok(events.some((action) => /reveal/.test(action)), `${events}`);
      });
    });
  }
});
