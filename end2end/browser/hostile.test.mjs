// Names that want to be something else, in every field that takes one: they are text on every page that leads anywhere, and
// no page breaks over them. Every page that a link leads to is looked at.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

/** Markup, formulas, marks that turn the text around, pictures of letters, and no place to break a line. */
const hostile = (what) =>
  `=1+2 <img src=x onerror="document.documentElement.dataset.evil=1"><script>document.documentElement.dataset.evil=2</script> ` +
  `"'&amp; \u202e${what}\u202c {{7*7}} 👩‍👩‍👧‍👦 ${'W'.repeat(60)}`;

/** Where a click does something, or which are no pages of the console. */
const NO_PAGE = /\/(sign-out|live|export|picture)|\.(csv|json|svg)(\?|$)|#/;
/** One page of each kind is looked at: of one thing, and narrowed or turned to a tab in one way. */
const kind = (link) => {
  const { pathname, searchParams } = new URL(link, 'http://x');
  const tab = searchParams.get('tab') ?? '';
  return `${pathname.replace(/\b[a-z]{3}_[0-9a-z]{26}\b/g, 'id')} ${tab || ([...searchParams.keys()].length > 0 ? '?' : '')}`;
};

for (const way of [
  { name: 'with scripting, dark, on a phone', scripting: true, theme: 'dark', width: 360 },
  { name: 'without scripting, light', scripting: false, theme: 'light', width: 1280 },
]) {
  describe(`hostile names, ${way.name}`, () => {
    let server, browser, tab, product, license;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      tab.page.on('dialog', (dialog) => {
        tab.complaints.push(`dialog: ${dialog.message()}`);
        return dialog.dismiss();
      });
      await h.setUp(tab, server);
    });
    after(async () => {
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
      assert.ok((await page.locator('main').innerText()).includes(hostile('reason').slice(0, 60)));
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
      if (way.scripting) assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), long);
      assert.ok((await h.overflow(tab)) <= 0, 'the page scrolls sideways');
      tab.complaints.length = 0;
    });

    test('are text on every page', async () => {
      const { page } = tab;
      const [due, known, seen] = [['/console'], new Set([kind('/console')]), []];
      const wrong = [];
      for (let path; (path = due.shift()); ) {
        await h.visit(tab, path);
        seen.push(path);
        if (page.url().includes('/console/confirm')) continue;
        const evil = await page.locator('html[data-evil], main img, main script').count();
        if (evil > 0) wrong.push(`${path}: something of it became a part of the page`);
        const over = await h.overflow(tab);
        if (over > 0) wrong.push(`${path}: ${over} px too wide`);
        wrong.push(...(await h.accessibilityProblems(tab)).map((problem) => `${path}: ${problem}`));
        wrong.push(...tab.complaints.splice(0).map((complaint) => `${path}: ${complaint}`));
        const links = await page.locator('a[href]').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
        for (const link of links) {
          if (!link.startsWith('/console') || NO_PAGE.test(link) || known.has(kind(link))) continue;
          known.add(kind(link));
          due.push(link);
        }
        assert.ok(seen.length < 400, `the pages do not come to an end: ${seen.slice(-5)}`);
      }
      assert.deepEqual(wrong, []);
      assert.ok(seen.length > 30, `only ${seen.length} pages are led to`);
    });
  });
}
