// Many at once, in a real browser: a file whose columns have to be explained, given up, read again, imported, and an act on
// what was imported that is stopped on its way.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openShop, shop } from './fill.mjs';
import * as h from './lib.mjs';

const MANY = 600;
/** What one of another system's exports adds. */
const MOVED = 3;

describe('an import', () => {
  let ours, call;

  before(async () => {
    ours = await shop();
    ({ call } = ours);
  });
  after(() => ours?.stop());

  for (const way of h.TWO_WAYS) {
    describe(way.name, () => {
      let tab, page, product, plan;
      const press = (name) => page.getByRole('button', { name, exact: true }).click();
      const said = (text) => page.getByText(text).first().waitFor();

      before(async () => {
        tab = await openShop(ours, way);
        ({ page } = tab);
        product = (await call('POST', 'products', { name: `Example ${way.theme}` })).id;
        plan = (await call('POST', 'plans', { product, name: 'Studio', code: 'studio', seats: 1 })).id;
      });
      after(() => tab?.context.close());

      const upload = async (name, text, plan = '') => {
        await h.visit(tab, '/console/imports');
        await page.getByLabel('Product', { exact: true }).selectOption(product);
        await page.locator('#plan').selectOption(plan);
        await page.getByLabel('File', { exact: true }).setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
        await press('Read file');
        await page.waitForURL('**/console/imports/imp_*');
        await h.settled(tab);
      };

      test('says what is not clear, is told, and is given up', async () => {
        const rows = Array.from({ length: 60 }, (_, n) => `${way.theme}-ODD-KEY-${n + 1000},p${n}@example.com,Person ${n},studio,31.12.2031`);
        await upload(`${way.theme}.csv`, ['Kennung,Post,Wer,Tarif,Bis', ...rows, `${way.theme}-ODD-KEY-1000,twice@example.com,Twice,studio,`, 'x,y,z,nothing,never'].join('\n'));
        await page.locator('.notice.warn').first().waitFor();
        await said('There is nothing to import as the columns are mapped now.');
        await h.sound(tab, 'import-unclear');
        for (const [header, meaning] of [['Kennung', 'key'], ['Post', 'email'], ['Wer', 'name'], ['Tarif', 'plan'], ['Bis', 'expires_at']]) {
          await page.getByLabel(`What ${header} means`).selectOption(meaning);
        }
        await page.getByLabel('Dates are written').selectOption('day_first');
        await press('Read rows again');
        await page.getByRole('button', { name: 'Import 60 licenses' }).waitFor();
        await page.getByRole('link', { name: /^Not importable 1$/ }).click();
        await page.waitForURL('**fate=error');
        await page.getByRole('region', { name: 'Rows of the file' }).locator('tbody tr').first().waitFor();
        await page.getByRole('link', { name: /^All/ }).click();
        await page.waitForURL((url) => !url.search.includes('fate'));
        await page.getByRole('link', { name: 'Next rows' }).click();
        await page.waitForURL('**line=*');
        await page.getByRole('region', { name: 'Rows of the file' }).getByText(/Person 59|p59@/).first().waitFor({ state: 'attached' });
        await h.sound(tab, 'import-next-rows');
        await press('Cancel import');
        await said('Import cancelled.');
        await h.visit(tab, '/console/imports');
        await page.getByRole('row', { name: `${way.theme}.csv Cancelled` }).getByRole('link').click();
        await said('Nothing was changed. Read the file again to start over.');
        assert.equal((await call('GET', `licenses?product=${product}`)).items.length, 0);
        assert.deepEqual(tab.complaints, []);
      });

      test('is done, and once', async () => {
        const rows = Array.from({ length: MANY }, (_, n) => `${way.theme}-KEY-${n + 1000},p${n}@example.com,Person ${n},studio`);
        const file = ['License key,E-mail,Customer name,Plan', ...rows].join('\n');
        await upload('all.csv', file);
        await press(`Import ${MANY} licenses`);
        for (let tries = 0; (await page.getByText(`${MANY} licenses imported`).count()) === 0; tries += 1) {
          assert.ok(tries < 60, 'it is never done');
          await new Promise((next) => setTimeout(next, 500));
          if (!way.scripting) await page.reload();
        }
        await upload('all.csv', file);
        await said('There is nothing to import as the columns are mapped now.');
        await page.getByRole('link', { name: `Already there ${MANY}` }).waitFor();
        await h.sound(tab, 'import-again');
      });

      test('knows another system, and says who has arrived', async () => {
        const [first, second, refunded] = [1, 2, 3].map((n) => `${way.theme.toUpperCase()}-0000-${n}`);
        const sales = [
          'Purchase ID,Item Name,Buyer Name,Purchase Email,Variants,Recurring Charge?,Quantity,License Key,License Key Enabled?,Fully Refunded?',
          `p1,Editor,Ada,ada@example.com,,0,1,${first},1,0`,
          `p2,Editor,Grace,grace@example.com,,0,1,${second},1,0`,
          'p3,A book,Grace,grace@example.com,,0,1,,,0',
          `p4,Editor,Alan,alan@example.com,,0,1,${refunded},1,1`,
        ].join('\n');
        await upload('sales.csv', sales, plan);
        await said('An export of Gumroad.');
        await said('1 more rows are no licenses');
        await press(`Import ${MOVED} licenses`);
        for (let tries = 0; (await page.getByText('have activated here').count()) === 0; tries += 1) {
          assert.ok(tries < 60, 'it is never done');
          await new Promise((next) => setTimeout(next, 500));
          if (!way.scripting) await page.reload();
        }
        await said('0 of 2');
        await said('Not counted, because nobody can activate with them: 1 is revoked.');
        const body = { key: first, device: { hash: way.theme === 'light' ? 'a'.repeat(64) : 'b'.repeat(64), name: 'PC' }, nonce: 'bm9uY2UtMDEyMzQ1Njc4OQ' };
        const activated = await fetch(`${ours.server.origin}/v1/products/${product}/activate`, {
          method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
        });
        assert.equal(activated.status, 201, await activated.text());
        await page.reload();
        await said('1 of 2');
        await h.sound(tab, 'import-arrived');
        await page.getByRole('link', { name: '1 not yet' }).click();
        await page.waitForURL('**import=imp_*');
        await page.getByRole('link', { name: /Grace/ }).first().waitFor();
        await h.becomes(() => page.getByText('Ada', { exact: true }).count(), 0);
        assert.deepEqual(tab.complaints, []);
      });

      test('is acted on as a whole, and the act is stopped', async () => {
        await h.visit(tab, `/console/licenses?product=${product}`);
        await page.getByLabel(/^All \d+ that match/).check();
        await press('Suspend');
        await page.waitForURL('**/console/acts/new**');
        await h.settled(tab);
        await page.getByLabel('Reason').fill('The wrong product');
        await press(`Suspend ${MANY + MOVED} licenses`);
        await page.waitForURL('**/console/acts/blk_*');
        // By the keyboard, and at once: the page asks all the time how far the act is, and that is not waited for.
        await page.getByRole('button', { name: 'Stop it', exact: true }).press('Enter');
        await page.locator('.badge-state', { hasText: 'Stopped' }).waitFor();
        const suspended = async () => {
          await h.visit(tab, `/console/licenses?product=${product}&state=suspended`);
          return Number((await page.locator('h1 .count').innerText()).replaceAll(/\D/g, ''));
        };
        await h.sound(tab, 'act-stopped');
        const here = new URL(page.url()).pathname;
        const changed = await suspended();
        assert.ok(changed < MANY + MOVED, 'all were suspended before it was stopped');
        await h.visit(tab, `${here}?tab=pending`);
        assert.ok((await page.getByRole('region', { name: 'What became of each' }).locator('tbody tr').count()) > 0 || changed === 0);
        await new Promise((next) => setTimeout(next, 2_500));
        assert.equal(await suspended(), changed, 'it goes on');
        assert.deepEqual(tab.complaints, []);
      });
    });
  }
});
