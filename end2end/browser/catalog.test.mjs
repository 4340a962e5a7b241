// Products and plans in a real browser: renamed, archived and restored, every kind of plan, a change for new licenses only,
// keys that are rotated and revoked, and the code to paste.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openShop, shop } from './fill.mjs';
import * as h from './lib.mjs';

/** Plans by what is answered to each question: labels that are chosen, and fields by their names. */
const PLANS = [
  { name: 'Half a year', chosen: ['Subscription', 'Fixed devices', 'Works for four months'], fields: { months: '6', seats: '4', entitlements: 'export = true\nprojects = 10' } },
  { name: 'For people', chosen: ['Perpetual', 'Named people', 'Works for a week'], fields: { devices: '3', seats: '5' } },
  {
    name: 'To try',
    chosen: ['Trial', 'Shared seats', 'Own values'],
    fields: { days: '7', seats: '2', lease_days: '2', grace_days: '1', overdraft: '1', borrow_days: '1', release_budget: '9', fallback: 'view = true' },
    fallback: true,
  },
];

describe('products and plans', () => {
  let ours, call;

  before(async () => {
    ours = await shop();
    ({ call } = ours);
  });
  after(() => ours?.stop());

  for (const way of h.TWO_WAYS) {
    describe(way.name, () => {
      let tab, page, product, here;
      const press = (name) => page.getByRole('button', { name, exact: true }).click();
      const said = (text) => page.getByText(text).first().waitFor();
      const field = (name) => page.locator(`[name="plan[${name}]"]`);

      before(async () => {
        tab = await openShop(ours, way);
        ({ page } = tab);
        product = await h.createProduct(tab, `Example ${way.theme}`);
        here = `/console/products/${product}`;
      });
      after(() => tab?.context.close());

      test('a product gets another name', async () => {
        await h.visit(tab, `${here}?tab=settings`);
        await page.getByLabel('Name', { exact: true }).fill(`Editor <b>${way.theme}</b> & Sons`);
        await press('Save name');
        await said('Product saved.');
        await page.getByRole('heading', { level: 1, name: `Editor <b>${way.theme}</b> & Sons` }).waitFor();
        assert.deepEqual(tab.complaints, []);
      });

      test('every kind of plan is as it was answered', async () => {
        for (const plan of PLANS) {
          await h.visit(tab, `${here}/plans/new`);
          await field('name').fill(plan.name);
          for (const label of plan.chosen) await page.getByLabel(label, { exact: true }).check();
          await page.locator('summary', { hasText: 'More terms' }).click();
          for (const [name, value] of Object.entries(plan.fields)) await field(name).fill(value);
          if (plan.fallback) await page.getByLabel('When it has run out, keep working').check();
          await press('Add plan');
          await said('Plan created.');
          await page.getByRole('link', { name: plan.name, exact: true }).click();
          await page.waitForURL('**/console/plans/pln_*');
          plan.path = new URL(page.url()).pathname;
          await said('Licenses issued');
          await h.visit(tab, `${plan.path}?tab=edit`);
          for (const label of plan.chosen) await h.becomes(() => page.getByLabel(label, { exact: true }).isChecked(), true, `${plan.name}: ${label}`);
          for (const [name, value] of Object.entries(plan.fields)) await h.becomes(() => field(name).inputValue(), value, `${plan.name}: ${name}`);
        }
      });

      test('a change holds for new licenses only', async () => {
        const { path } = PLANS[1];
        const id = path.split('/').pop();
        const was = (await call('GET', `plans/${id}`)).terms;
        const before = await call('POST', 'licenses', { plan: id });
        await h.visit(tab, `${path}?tab=edit`);
        await field('name').fill('For more people');
        await field('seats').fill('6');
        await press('Check the change');
        await page.getByRole('row', { name: /Seats 5 6/ }).waitFor();
        await press('Save for new licenses only');
        await said('Plan saved. Licenses already issued keep');
        await page.getByRole('heading', { level: 1, name: 'For more people' }).waitFor();
        assert.equal((await call('GET', `licenses/${before.id}`)).terms.seats, 5);
        assert.deepEqual((await call('POST', 'licenses', { plan: id })).terms, { ...was, seats: 6 }, 'nothing else is another');
        assert.deepEqual(tab.complaints, []);
      });

      test('entitlements stand side by side', async () => {
        await h.visit(tab, `${here}?tab=entitlements`);
        await page.getByRole('columnheader', { name: 'Half a year' }).waitFor();
        await page.getByRole('row', { name: /^projects 10 – –/ }).waitFor();
      });

      test('other systems\' applications are answered once that is switched on', async () => {
        await h.visit(tab, `${here}?tab=gateways`);
        const rows = page.getByRole('region', { name: 'Gateways' }).locator('tbody tr');
        await rows.first().waitFor();
        await h.becomes(() => rows.count(), 3);
        await page.getByRole('link', { name: 'Keygen' }).click();
        await page.waitForURL('**/gateways/keygen');
        await page.getByLabel('Answer its clients').check();
        await page.locator('[name="gateway[account]"]').fill('acme');
        await page.locator('[name="gateway[plans]"]').fill('nothing = 7');
        await press('Save gateway');
        await said('The product has no plan of this code.');
        await h.becomes(() => page.locator('[name="gateway[account]"]').inputValue(), 'acme', 'what was typed stays');
        tab.complaints.length = 0;
        await page.locator('[name="gateway[plans]"]').fill('');
        await press('Save gateway');
        await said('Saved.');
        await page.locator('main').getByText('On', { exact: true }).first().waitFor();
        await page.getByText('Public key').first().waitFor();
        await page.getByRole('group', { name: 'command' }).getByText('/v1/licenses/actions/validate-key').waitFor();
        const base = (await page.locator('dd .copyable code').first().innerText()).trim();
        const ask = () => fetch(`${base}/v1/licenses/actions/validate-key`, {
          method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ meta: { key: 'NO-SUCH-KEY' } }),
        });
        await h.until(async () => (await ask()).status === 200, 'the gateway does not answer');
        assert.equal((await (await ask()).json()).meta.code, 'NOT_FOUND');
        await h.sound(tab, 'gateway-on');
        await page.locator('#secret').fill('09'.repeat(32));
        await page.locator('#kid').fill('k-2024');
        await page.getByLabel('Replace the key that answers are signed with now').check();
        await press('Set key');
        await said('Key set.');
        await page.getByText('k-2024').first().waitFor();
        assert.deepEqual(tab.complaints, []);
      });

      test('keys are rotated, one is revoked, and the root key is in the code to paste', async () => {
        await h.visit(tab, `${here}?tab=keys`);
        const keys = page.getByRole('region', { name: 'Issuing keys' }).locator('tbody tr');
        await h.becomes(() => keys.count(), 1);
        const [old] = (await keys.first().innerText()).split(/\s/);
        const root = (await page.locator('dd .copyable code').first().innerText()).trim();
        await page.getByRole('link', { name: 'Rotate keys' }).click();
        await page.waitForURL('**/keys/rotate');
        await page.getByText(`${old} signs nothing more after seven days`).waitFor();
        await press('Rotate keys');
        await said('A new key signs from now on.');
        await keys.filter({ hasText: old }).getByText('retiring').waitFor();
        await keys.filter({ hasNotText: old }).getByText('active').waitFor();
        await keys.filter({ hasText: old }).getByRole('link', { name: 'Revoke' }).click();
        await page.waitForURL(`**/keys/${old}`);
        await said('This cannot be undone.');
        await page.getByLabel('Reason').fill('A disk was lost');
        await press('Revoke key');
        await said('Key revoked.');
        await keys.filter({ hasText: old }).getByText('revoked').waitFor();
        await h.becomes(() => keys.count(), 2);
        assert.deepEqual(tab.complaints, []);
        if (way.scripting) {
          await tab.context.grantPermissions(['clipboard-read', 'clipboard-write']);
          await page.getByRole('button', { name: 'Copy root key' }).click();
          await page.getByText('Copied', { exact: true }).first().waitFor({ state: 'attached' });
          assert.equal(await page.evaluate(() => navigator.clipboard.readText()), root);
        }
        await h.visit(tab, `${here}?tab=integrate`);
        const code = await page.locator('pre').nth(1).innerText();
        assert.ok(code.includes(root) && code.includes(product), code);
      });

      test('a plan is archived and restored', async () => {
        const { path } = PLANS[0];
        const offered = async () => {
          await h.visit(tab, '/console/licenses/new');
          return page.locator('select option', { hasText: way.theme }).count();
        };
        await h.visit(tab, path);
        await press('Archive plan');
        await page.waitForURL('**done=*');
        await page.getByText('Archived', { exact: true }).waitFor();
        assert.equal(await offered(), PLANS.length - 1);
        await h.visit(tab, path);
        await press('Restore plan');
        await page.waitForURL('**done=*');
        assert.equal(await offered(), PLANS.length);
        assert.deepEqual(tab.complaints, []);
      });

      test('a product is archived and restored', async () => {
        const listed = async (query) => {
          await h.visit(tab, `/console/products${query}`);
          return page.locator(`main a[href="${here}"]`).count();
        };
        const offered = async () => {
          await h.visit(tab, '/console/licenses/new');
          return page.locator('select option', { hasText: way.theme }).count();
        };
        assert.equal(await offered(), PLANS.length);
        await h.visit(tab, `${here}?tab=settings`);
        await press('Archive product');
        await said('Product archived.');
        await page.getByText('Archived', { exact: true }).waitFor();
        await h.sound(tab, 'product-archived');
        assert.deepEqual([await listed(''), await listed('?archived=true'), await offered()], [0, 1, 0]);
        await h.visit(tab, `${here}?tab=settings`);
        await press('Restore product');
        await said('Product restored.');
        assert.deepEqual([await listed(''), await listed('?archived=true'), await offered()], [1, 0, PLANS.length]);
        assert.deepEqual(tab.complaints, []);
      });
    });
  }
});
