// Names that want to be something else, in every field that takes one: they are text on every page that leads anywhere, and
// no page breaks over them. Every page that a link leads to is looked at.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fill, pagesOf } from './fill.mjs';
import * as h from './lib.mjs';

/** Markup, formulas, marks that turn the text around, pictures of letters, and no place to break a line. */
const hostile = (what) =>
  `=1+2 </title><img src=x onerror="document.documentElement.dataset.evil=1"><script>document.documentElement.dataset.evil=2</script> ` +
  `"'&amp; \u202e${what}\u202c {{7*7}} 👩‍👩‍👧‍👦 ${'W'.repeat(60)}`;

/** The same where a browser does not cut it: as long as a name may be. */
const name = (what) => [...hostile(what)].slice(0, 200).join('').trim();

/** The cells of a CSV file, row by row. */
function cells(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|$)/gy)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  return rows.filter((row) => row.some((cell) => cell !== ''));
}

/** Where a click does something, or which are no pages of the console or the desk. */
const NO_PAGE = /\/(sign-out|live|export|preview|picture)|\.(csv|json|svg)(\?|$)|#/;
/** One page of each kind is looked at: of one thing, and narrowed or turned to a tab in one way. */
const kind = (link) => {
  const { pathname, searchParams } = new URL(link, 'http://x');
  const tab = searchParams.get('tab') ?? '';
  return `${pathname.replace(/\b[a-z]{3}_[0-9a-z]{26}\b|(?<=audit\/)\d+/g, 'id')} ${tab || ([...searchParams.keys()].length > 0 ? '?' : '')}`;
};

for (const way of [
  { name: 'with scripting, dark, on a phone', scripting: true, theme: 'dark', width: 360 },
  { name: 'without scripting, light', scripting: false, theme: 'light', width: 1280 },
]) {
  describe(`hostile names, ${way.name}`, () => {
    let server, browser, tab, product, license, at;

    before(async () => {
      server = await h.startServer(['--webhook-allow-private']);
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      tab.page.on('dialog', (dialog) => {
        tab.complaints.push(`dialog: ${dialog.message()}`);
        return dialog.dismiss();
      });
      await h.setUp(tab, server);
    });
    after(async () => {
      at?.stop();
      await browser?.close();
      await server?.stop();
    });

    test('are taken as they are', async () => {
      const { page } = tab;
      product = await h.createProduct(tab, hostile('product'));
      await h.addPlan(tab, product, hostile('plan'), { seats: '2', entitlements: 'export\nedition = "<b>bold</b> =1+2"' });
      license = await h.issueLicense(tab, 'ada@example.com', hostile('customer'));
      await h.activate(server, product, license.key, hostile('device'));
      await h.visit(tab, `/console/licenses/${license.id}/suspend`);
      await page.getByLabel('Reason').fill(hostile('reason'));
      await page.getByRole('button', { name: 'Suspend license' }).click();
      await page.waitForURL(/done=/);
      await h.settled(tab);
      await h.until(async () => (await page.locator('main').innerText()).includes(hostile('reason').slice(0, 60)), 'the reason is nowhere');
      assert.deepEqual(tab.complaints, []);
    });

    test('a name that is far too long is refused, and is still there where the browser keeps it', async () => {
      const { page } = tab;
      const long = 'x'.repeat(10_000);
      await h.visit(tab, '/console/products/new');
      await page.getByLabel('Name', { exact: true }).evaluate((input) => input.removeAttribute('maxlength'));
      await page.getByLabel('Name', { exact: true }).fill(long);
      await page.getByRole('button', { name: 'Create product' }).click();
      await page.locator('.notice.bad').first().waitFor();
      await h.settled(tab);
      if (way.scripting) await h.becomes(() => page.getByLabel('Name', { exact: true }).inputValue(), long);
      assert.ok((await h.overflow(tab)) <= 0, 'the page scrolls sideways');
      tab.complaints.length = 0;
    });

    test('are taken in every other field as well', async () => {
      at = await fill(tab, browser, server, name);
      const { page } = tab;
      for (const [path, button, fields] of [
        ['/console/settings', 'Save settings', { name: name('vendor') }],
        ['/console/settings/portal', 'Save portal', { name: name('portal'), welcome: name('welcome'), help: name('help') }],
        ['/console/settings/mail', 'Save mail settings', { sender: name('sender') }],
        ['/console/settings/mail/invitation', 'Save words', { introduction: name('introduction'), signature: name('signature') }],
        [`${at.product}?tab=settings`, 'Save name', { name: name('product') }],
        [at.customer, 'Save customer', { name: name('customer') }],
        [at.alert, 'Acknowledge alert', { note: name('note') }],
        [`${at.node}/drain`, 'Drain node', { reason: name('reason') }],
        [`${at.node}/resume`, 'Resume node', { reason: name('reason') }],
        [`${at.license}/rekey`, 'Make new key', { reason: name('reason') }],
        [`${at.license}/transfer`, 'Transfer license', { email: 'heir@example.com', name: name('heir'), reason: name('reason') }],
      ]) {
        await h.visit(tab, path);
        const form = page.locator('main form', { has: page.getByRole('button', { name: button, exact: true }) });
        for (const [field, value] of Object.entries(fields)) await form.locator(`[name=${field}]`).fill(value);
        await form.getByRole('button', { name: button, exact: true }).click();
        await page.waitForURL('**done=*');
        await h.settled(tab);
      }
      tab.complaints.length = 0;
    });

    test('are text on every page', async () => {
      const { page } = tab;
      const [due, known, seen] = [['/console'], new Set([kind('/console')]), []];
      const wrong = [];
      for (const path of pagesOf(at)) {
        if (!known.has(kind(path))) due.push(path);
        known.add(kind(path));
      }
      for (let path; (path = due.shift()); ) {
        await h.visit(tab, path);
        seen.push(path);
        if (page.url().includes('/console/confirm')) continue;
        const evil = await page.locator('html[data-evil], img[src="x"], main script').count();
        if (evil > 0) wrong.push(`${path}: something of it became a part of the page`);
        const over = await h.overflow(tab);
        if (over > 0) wrong.push(`${path}: ${over} px too wide`);
        wrong.push(...(await h.accessibilityProblems(tab)).map((problem) => `${path}: ${problem}`));
        wrong.push(...tab.complaints.splice(0).map((complaint) => `${path}: ${complaint}`));
        const links = await page.locator('a[href]').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
        for (const link of links) {
          if (!/^\/(console|support)/.test(link) || NO_PAGE.test(link) || known.has(kind(link))) continue;
          known.add(kind(link));
          due.push(link);
        }
        assert.ok(seen.length < 400, `the pages do not come to an end: ${seen.slice(-5)}`);
      }
      assert.deepEqual(wrong, []);
      assert.ok(seen.length > 30, `only ${seen.length} pages are led to`);
    });

    test('are looked for as they are', async () => {
      const { page } = tab;
      for (const path of ['/console/licenses', '/console/customers', '/console/seats', '/console/orders', '/console/audit', '/console/find', '/support', '/support/explain']) {
        for (const text of [hostile('nobody'), 'x'.repeat(5_000)]) {
          await h.visit(tab, `${path}?q=${encodeURIComponent(text)}`);
          await h.becomes(() => page.locator('html[data-evil], main img, main script').count(), 0, path);
          assert.ok((await h.overflow(tab)) <= 0, `${path} scrolls sideways`);
        }
      }
      assert.deepEqual(tab.complaints.filter((text) => !/status of 4\d\d/.test(text)), []);
      tab.complaints.length = 0;
    });

    test('ten thousand characters in any field are refused, and break nothing', async () => {
      const { page } = tab;
      const long = 'x'.repeat(10_000);
      for (const [path, button] of [
        ['/console/products/new', 'Create product'], [`${at.product}/plans/new`, 'Add plan'], ['/console/customers/new', 'Add customer'],
        ['/console/licenses/new', 'Issue license'], [at.customer, 'Save customer'], [at.customer, 'Add note'], [at.note, 'Save note'],
        [`${at.suspended}/resume`, 'Resume license'], [`${at.license}/extend?until=2040-01-01`, 'Extend license'], [`${at.license}/transfer`, 'Transfer license'],
        [`${at.license}/rekey`, 'Make new key'], ['/console/webhooks/new', 'Add webhook'], ['/console/tokens/new', 'Make token'],
        ['/console/settings', 'Save settings'], ['/console/settings/mail', 'Save mail settings'], ['/console/settings/mail/alert', 'Save words'], ['/console/team', 'Make invitation link'], ['/console/security', 'Change password'],
        ['/console/security/app', 'Add authenticator app'], ['/console/confirm', 'Confirm with password'], [`${at.node}/drain`, 'Drain node'],
        [at.alert, 'Acknowledge alert'], ['/support/replies/new', 'Save reply'], ['/console/licenses?state=active&use=never', 'Save view'],
      ]) {
        await h.visit(tab, path);
        const form = page.locator('main form', { has: page.getByRole('button', { name: button, exact: true, includeHidden: true }) });
        await form.evaluate((form, long) => {
          form.noValidate = true;
          for (const details of form.ownerDocument.querySelectorAll('main details')) details.open ||= details.contains(form);
          for (const field of form.querySelectorAll('textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=date], [type=number])')) {
            field.removeAttribute('maxlength');
            field.value = long;
          }
        }, long);
        await form.getByRole('button', { name: button, exact: true }).click();
        await page.locator('.notice.bad').first().waitFor().catch(() => assert.fail(`${path}: ${button} says nothing`));
        await h.settled(tab);
        assert.ok((await h.overflow(tab)) <= 0, `${path} scrolls sideways`);
        // A refusal is noted by the browser as well; a fault would say so in the page.
        await h.becomes(() => page.getByText('Something went wrong').count(), 0, path);
        assert.deepEqual(tab.complaints.filter((text) => !/status of 4\d\d|\/fn\//.test(text)), [], path);
        tab.complaints.length = 0;
      }
    });

    test('are text in every export, and no formula', async () => {
      const { page } = tab;
      const texts = { licenses: name('Ada Example'), customers: name('Bob Example'), seats: hostile('Laptop'), orders: name('Order 10042'), events: name('Refunded') };
      for (const [list, text] of Object.entries(texts)) {
        const [csv, json] = await Promise.all(['csv', 'json'].map(async (kind) => (await page.request.get(`/console/exports/${list}.${kind}`)).text()));
        const rows = cells(csv);
        assert.ok(rows.length > 1 && rows.every((row) => row.length === rows[0].length), `${list}.csv is a table`);
        assert.deepEqual(rows.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell)), [], `${list}.csv begins a formula`);
        // What an event tells is JSON within a cell.
        const begin = text.slice(0, 90);
        const has = (cell) => cell.includes(begin) || cell.includes(JSON.stringify(begin).slice(1, -1));
        assert.ok(rows.flat().some(has), `${list}.csv has it: ${rows[0]}`);
        const values = [];
        JSON.parse(json, (_, value) => (typeof value === 'string' && values.push(value), value));
        assert.ok(values.some(has), `${list}.json has it as it was`);
      }
    });
  });
}
