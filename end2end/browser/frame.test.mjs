// What frames every page in a real browser: heads that stay in sight, times in the viewer's zone, a navigation that folds, ids
// that copy, rows with what can be done with them, lists that follow, and a wait that is told.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

const ways = [
  { name: 'the frame with scripting, light', scripting: true, theme: 'light', width: 1280 },
  { name: 'the frame without scripting, dark', scripting: false, theme: 'dark', width: 1280 },
  { name: 'the frame with scripting, dark, on a phone', scripting: true, theme: 'dark', width: 360 },
];

for (const way of ways) {
  describe(way.name, () => {
    let server, browser, tab, product, licenses;
    const scripting = { skip: !way.scripting };
    const plain = { skip: way.scripting };
    const wide = { skip: way.width < 801 };
    const wideScripting = { skip: way.width < 801 || !way.scripting };

    before(async () => {
      server = await h.startServer(['--environment', 'staging']);
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, { ...way, zone: 'Asia/Kathmandu' });
      await tab.context.grantPermissions(['clipboard-read', 'clipboard-write']);
      await h.setUp(tab, server);
      product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Studio', { seats: '60' });
      licenses = [];
      for (const name of ['Ada', 'Bob']) licenses.push(await h.issueLicense(tab, `${name.toLowerCase()}@example.com`, name));
      for (let number = 0; number < 45; number++) await h.activate(server, product, licenses[0].key, `Computer ${number}`);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = (shot) => h.sound(tab, shot);
    const rows = () => tab.page.locator('.rows tbody tr');
    const clipboard = () => tab.page.evaluate(() => navigator.clipboard.readText());

    test('the head of a long table stays in sight, and so does the row that has the focus', wide, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/seats');
      const head = page.locator('.rows th').nth(1);
      const last = rows().last();
      await last.scrollIntoViewIfNeeded();
      // Whatever scrolled: the last row is in the window, and the head stands over it, below the bar, with nothing on it.
      const seen = await head.evaluate((cell) => {
        const box = cell.getBoundingClientRect();
        const on = document.elementFromPoint(box.left + 12, box.top + box.height / 2);
        return { top: box.top, bottom: box.bottom, uncovered: cell === on || cell.contains(on) };
      });
      const row = await last.boundingBox();
      assert.ok(row.y + row.height <= 901 && row.y >= seen.bottom, `the row at ${row.y}, the head until ${seen.bottom}`);
      assert.ok(seen.top >= 48 && seen.uncovered, `the head at ${JSON.stringify(seen)}`);
      // Back by keyboard: a row that is stepped to is not under the head.
      await rows().nth(20).getByRole('link').first().focus();
      await rows().nth(3).getByRole('link').first().focus();
      const focused = await rows().nth(3).getByRole('link').first().boundingBox();
      const bottom = await head.evaluate((cell) => cell.getBoundingClientRect().bottom);
      assert.ok(focused.y >= bottom, `what has the focus at ${focused.y}, the head until ${bottom}`);
      await sound('frame-seats');
      // However many columns there are: the page itself never scrolls sideways.
      await h.visit(tab, '/console/seats?cols=license,customer,state,platform,version,seen,since,offline,id');
      await rows().last().scrollIntoViewIfNeeded();
      assert.ok((await head.boundingBox()).y >= 48);
      assert.ok((await h.overflow(tab)) <= 0);
    });

    test("times stand in the viewer's zone once the browser has told it", scripting, async () => {
      const { page } = tab;
      await h.visit(tab, `/console/licenses/${licenses[0].id}`);
      const titles = await page.locator('time').evaluateAll((all) => all.map((time) => time.title + time.textContent));
      assert.ok(titles.length > 3);
      for (const title of titles) assert.match(title, /UTC\+0545/);
      // What comes later than the page does so, too.
      await page.getByRole('link', { name: 'Ada', exact: true }).first().click();
      await page.waitForURL('**/console/customers/cus_*');
      await page.locator('time').first().waitFor();
      assert.match(await page.locator('time').first().evaluate((time) => time.title + time.textContent), /UTC\+0545/);
      await sound('frame-zone');
    });

    test('without scripting times are in UTC and say so', plain, async () => {
      await h.visit(tab, `/console/licenses/${licenses[0].id}`);
      const titles = await tab.page.locator('time').evaluateAll((all) => all.map((time) => time.title + time.textContent));
      assert.ok(titles.length > 3);
      for (const title of titles) assert.match(title, / UTC/);
    });

    test('the environment stands on top, and every screen is in the navigation', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/plans');
      await page.getByTitle('Environment').getByText('staging').waitFor();
      await rows().filter({ hasText: 'Studio' }).waitFor();
      await sound('frame-plans');
      const nav = page.getByRole('navigation', { name: way.width < 801 ? 'Console, short' : 'Console', exact: true });
      if (way.width < 801) await nav.getByText('More').click();
      await nav.getByRole('link', { name: 'Acts on many' }).click();
      await page.waitForURL('**/console/acts');
      await page.getByRole('heading', { name: 'Acts on many' }).waitFor();
    });

    test('the navigation folds, stays so on the next page, and opens where it is pointed at', wide, async () => {
      const { page } = tab;
      const nav = page.locator('.frame-nav');
      const width = async () => (await nav.boundingBox()).width;
      const away = () => page.mouse.move(900, 600);
      await h.visit(tab, '/console/licenses');
      await away();
      assert.ok((await width()) > 200);
      await nav.getByRole('button', { name: 'Fold the navigation' }).click();
      await h.settled(tab);
      await page.waitForSelector('html[data-nav=folded]', { state: 'attached' });
      await away();
      assert.ok((await width()) <= 56, `${await width()} wide`);
      await page.waitForTimeout(500);
      await h.visit(tab, '/console/customers');
      await away();
      assert.ok((await width()) <= 56, 'kept for the next page');
      await sound('frame-folded');
      const place = await page.getByRole('heading', { name: /Customers/ }).boundingBox();
      await nav.hover();
      assert.ok((await width()) > 200, 'there whole while it is pointed at');
      assert.deepEqual(await page.getByRole('heading', { name: /Customers/ }).boundingBox(), place, 'over the page, which stays');
      await away();
      await nav.getByRole('link', { name: 'Audit' }).focus();
      await page.keyboard.press('Shift+Tab');
      assert.ok((await width()) > 200, 'there whole for the keyboard');
      await nav.hover();
      await nav.getByRole('button', { name: 'Keep it open' }).click();
      await page.waitForSelector('html:not([data-nav])', { state: 'attached' });
      await away();
      assert.ok((await width()) > 200);
    });

    test('the id of every row copies, and so do ids in cells', wideScripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses?sort=created_at');
      const row = rows().filter({ hasText: 'Ada' });
      const copy = row.getByRole('button', { name: /^Copy id of license/ });
      const opacity = () => copy.evaluate((button) => getComputedStyle(button.closest('.on-hover')).opacity);
      await page.mouse.move(900, 5);
      assert.equal(await opacity(), '0');
      await row.getByRole('link').first().focus();
      assert.equal(await opacity(), '1', 'there for whoever has no mouse');
      await copy.click();
      await row.getByText('Copied').waitFor({ state: 'attached' });
      assert.equal(await clipboard(), licenses[0].id);
      await h.visit(tab, '/console/audit?action=license.issued');
      await rows().first().getByRole('button', { name: `Copy ${licenses[1].id}` }).click();
      assert.equal(await clipboard(), licenses[1].id);
      await sound('frame-copied');
    });

    test('a row of a license leads to what is done most', wide, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses');
      const row = rows().filter({ hasText: 'Bob' });
      await row.hover();
      await row.getByRole('link', { name: 'Extend', exact: true }).click();
      await page.waitForURL(`**/console/licenses/${licenses[1].id}/extend`);
      await page.getByRole('heading', { name: 'Extend license' }).waitFor();
      await sound('frame-extend');
    });

    test('a device that activates appears in the list of seats; what is ticked stays ticked, and nothing else is', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/seats');
      await page.evaluate(() => (window.notReloaded = true));
      const second = rows().nth(1);
      const id = await second.locator('.pick input').inputValue();
      await second.locator('.pick input').check();
      await h.activate(server, product, licenses[1].key, 'A newcomer');
      await rows().filter({ hasText: 'A newcomer' }).waitFor();
      const ticked = await page.locator('.pick input:checked').evaluateAll((all) => all.map((box) => box.value));
      assert.deepEqual(ticked, [id]);
      assert.ok(await page.evaluate(() => window.notReloaded));
      // What stands in its place on another list is not ticked.
      await rows().first().locator('.pick input').check();
      await page.locator('main input[name=q]').fill('Computer 7');
      await page.getByRole('button', { name: 'Filter', exact: true }).click();
      await page.waitForURL('**q=Computer*');
      await rows().filter({ hasText: 'A newcomer' }).waitFor({ state: 'detached' });
      await h.becomes(() => rows().count(), 1);
      await h.becomes(() => page.locator('.pick input:checked').count(), 0);
    });

    test("a seat's page follows what becomes of it", scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/seats?q=newcomer');
      await rows().getByRole('link', { name: 'A newcomer' }).click();
      await page.waitForURL('**/console/seats/sea_*');
      await page.getByText('In use').waitFor();
      const other = await h.openPage(browser, server, way);
      await other.context.addCookies(await tab.context.cookies());
      await h.visit(other, page.url());
      await other.page.getByRole('link', { name: 'Free seat' }).click();
      await other.page.getByLabel('Reason').fill('Sold');
      await other.page.getByRole('button', { name: 'Free seat' }).click();
      await page.locator('.badge-state', { hasText: 'Free' }).waitFor();
      await other.context.close();
    });

    test('a page that is not there yet says so after a moment', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/shortcuts');
      const go = () => page.evaluate(() => document.querySelector('a[href="/console/customers"]').click());
      let held = [];
      const hold = (route) => new Promise((done) => held.push(() => done(route.continue())));
      // Its data is late.
      await page.route('**/read_list*', hold);
      await go();
      const loading = page.locator('main .loading');
      await loading.waitFor({ state: 'visible' });
      await h.becomes(() => loading.getAttribute('aria-busy'), 'true');
      assert.match(await loading.innerText(), /Loading/);
      held.forEach((release) => release());
      await page.unroute('**/read_list*');
      held = [];
      await rows().first().waitFor();
      await h.becomes(() => loading.count(), 0);
      // Its code is late.
      await page.route('**/assets/*.pack', hold);
      await page.evaluate(() => document.querySelector('a[href="/console/webhooks"]').click());
      const main = page.locator('main[aria-busy=true]');
      await main.waitFor();
      const shown = () => main.evaluate((element) => {
        const style = getComputedStyle(element, '::before');
        return style.visibility === 'visible' && style.content.includes('Loading');
      });
      await page.waitForTimeout(800);
      assert.ok(await shown(), 'the wait is told');
      held.forEach((release) => release());
      await page.unroute('**/assets/*.pack');
      await page.getByRole('heading', { name: /^Webhooks/ }).waitFor();
      await h.becomes(() => main.count(), 0);
      await sound('frame-waited');
    });
  });
}
