// Every page of the console, looked at in two ways, each in the colours of both themes (the other two ways are those of the
// hostile names), and once in compact rows; with nothing on it and with something, as an owner and as a viewer. The list is
// held against the application's routes, so that a page cannot be forgotten.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fill, pagesOf } from './fill.mjs';
import * as h from './lib.mjs';

/** What is looked at while the vendor has nothing yet. */
const EMPTY = [
  '/console', '/console/products', '/console/customers', '/console/licenses', '/console/licenses/new', '/console/seats', '/console/orders', '/console/orders/inbox', '/console/shops',
  '/console/imports', '/console/acts', '/console/approvals', '/console/tokens', '/console/webhooks', '/console/alerts', '/console/freshness', '/console/audit', '/console/settings/mail?tab=log',
  '/support', '/support/replies', '/support/refunds',
];

/** Where nothing is. */
const NOWHERE = ['/console/nowhere', '/console/licenses/lic_00000000000000000000000000', '/support/nowhere/else', '/support/cus_00000000000000000000000000'];

/** What a viewer sees otherwise: what may not be done is not offered, what may not be seen is said. */
const VIEWED = (at) => [
  '/console', at.product, `${at.product}?tab=settings`, at.plan, at.customer, `${at.customer}?tab=timeline`, at.license, `${at.license}?tab=timeline`, at.seat, at.order, at.part, at.note, at.approval, at.alert, at.node,
  '/console/licenses', '/console/team', at.member, '/console/settings', '/console/settings/mail', '/console/settings/mail?tab=log', '/console/settings/mail/alert',
  '/support', at.story, '/support/replies', '/support/explain?q=exa',
];

const source = (name) => readFileSync(new URL(`../../app/src/${name}`, import.meta.url), 'utf8');

/** The routes of the application, in the order in which they are tried: address and page. */
function routes() {
  const app = source('app.rs');
  const parents = [...app.matchAll(/<ParentRoute path=path!\("([^"]*)"\)/g)].map(({ 1: path, index }) => ({ path, from: index, to: app.indexOf('</ParentRoute>', index) }));
  return [...app.matchAll(/<Route path=path!\("([^"]*)"\) view=([\w:]+)/g)].map(({ 1: own, 2: page, index }) => {
    const parent = parents.find(({ from, to }) => from < index && index < to);
    const path = parent ? `${parent.path}/${own}`.replace(/\/$/, '') : own;
    return { path, page, fits: new RegExp(`^${path.replace(/:\w+/g, '[^/]+').replace(/\*\w+/, '.+')}$`) };
  });
}

/** One of each kind of page, whatever it is about: its address without ids, and its tab. */
function kind(link) {
  const { pathname, searchParams } = new URL(link, 'http://x');
  return `${pathname.replace(/\b[a-z]{3}_[0-9a-z]{26}\b|(?<=audit\/)\d+|(?<=settings\/mail\/)\w+/g, 'id')} ${searchParams.get('tab') ?? ''}`.trim();
}

/** Rows of tables that are not `high` pixels, of those that hold a line and no field; and how many are. */
const rowsThatAreNot = ({ page }, high) =>
  page.evaluate((high) => {
    const isOneLine = (cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      const middles = [...range.getClientRects()].filter(({ width, height }) => width > 1 && height > 1).map(({ top, bottom }) => (top + bottom) / 2);
      return Math.max(...middles) - Math.min(...middles) < 10 || middles.length === 0;
    };
    const rows = [...document.querySelectorAll('.rows tbody tr')].filter(
      (row) => row.offsetHeight > 0 && !row.querySelector('select, .input, .btn:not(.btn-sm)') && [...row.cells].every(isOneLine),
    );
    const wrong = rows.filter((row) => Math.abs(row.getBoundingClientRect().height - high) > 1);
    return { wrong: wrong.map((row) => `${row.getBoundingClientRect().height}: ${row.innerText}`), right: rows.length - wrong.length };
  }, high);

describe('every page', () => {
  let server, browser, tabs, at, cookies;
  const seen = [];
  const links = new Map();

  before(async () => {
    server = await h.startServer(['--webhook-allow-private', '--mail-url', 'file:DATA/mails']);
    browser = await h.startBrowser();
    tabs = await Promise.all(h.TWO_WAYS.map((way) => h.openPage(browser, server, way)));
  });
  after(async () => {
    at?.stop();
    await browser?.close();
    await server?.stop();
  });

  /** Looks at a page, and at its colours in the other theme as well; gives what is wrong. */
  async function wrongWith(tab, path, status) {
    const { page } = tab;
    const response = await page.goto(path);
    const here = new URL(page.url());
    if (`${here.pathname}${here.search}` !== path) return `leads to ${page.url()}`;
    if (response.status() !== status) return `answers ${response.status()}`;
    await h.settled(tab);
    // The browser itself notes an answer that is none; that is not a fault of the page.
    if (status !== 200) tab.complaints.splice(0, tab.complaints.length, ...tab.complaints.filter((text) => !text.includes(`status of ${status}`)));
    try {
      await h.sound(tab);
      assert.deepEqual((await rowsThatAreNot(tab, 40)).wrong, [], 'rows that are not 40 px');
      for (const way of await page.locator('.crumbs').allInnerTexts()) assert.match(way, /^[^/][^]*[^/\s]$/, 'the way here begins and ends with a page');
      for (const link of await page.locator('a[href^="/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')))) {
        if (!links.has(kind(link))) links.set(kind(link), link);
      }
      await page.emulateMedia({ colorScheme: tab.theme === 'light' ? 'dark' : 'light' });
      assert.deepEqual(await h.accessibilityProblems(tab, ['color-contrast']), [], 'in the other theme');
      return null;
    } catch (error) {
      return error.message;
    } finally {
      tab.complaints.length = 0;
      await page.emulateMedia({ colorScheme: tab.theme });
    }
  }

  /** The same for many pages in every tab at once; with `once`, each page in one of them. */
  async function walk(paths, { status = 200, once = false } = {}) {
    const wrong = [];
    await Promise.all(
      tabs.map(async (tab, at) => {
        for (const path of paths.filter((_, number) => !once || number % tabs.length === at)) {
          const what = await wrongWith(tab, path, status);
          if (what) wrong.push(`${path} (${h.TWO_WAYS[at].name}): ${what}`);
        }
      }),
    );
    seen.push(...paths);
    assert.deepEqual(wrong, []);
  }

  test('before set-up', () => walk(['/setup']));

  test('with nothing on it', async () => {
    await h.setUp(tabs[0], server);
    cookies = await tabs[0].context.cookies();
    for (const tab of tabs.slice(1)) await tab.context.addCookies(cookies);
    await walk(EMPTY, { once: true });
  });

  test('with something on it', async () => {
    at = await fill(tabs[0], browser, server);
    await walk(pagesOf(at));
  });

  test('in compact rows', async () => {
    const tab = tabs.find(({ width }) => width === 360);
    const { page } = tab;
    const [wrong, wide] = [[], { width: 1280, height: 900 }];
    const phone = page.viewportSize();
    await tab.context.addCookies([{ name: 'density', value: 'compact', url: server.origin }]);
    let right = 0;
    for (const path of pagesOf(at)) {
      await h.visit(tab, path);
      if ((await page.locator('html[data-density=compact]').count()) === 0) wrong.push(`${path}: is not compact`);
      if ((await h.overflow(tab)) > 0) wrong.push(`${path}: scrolls sideways`);
      await page.setViewportSize(wide);
      const rows = await rowsThatAreNot(tab, 32);
      wrong.push(...rows.wrong.map((row) => `${path}: a row of ${row}`));
      right += rows.right;
      await page.setViewportSize(phone);
    }
    await tab.context.clearCookies({ name: 'density' });
    assert.deepEqual(wrong, []);
    assert.ok(right > 50, `${right} rows of a line`);
    tab.complaints.length = 0;
  });

  test('as a viewer', async () => {
    for (const tab of tabs) {
      await tab.context.clearCookies();
      await tab.context.addCookies(at.viewer);
    }
    await walk(VIEWED(at), { once: true });
  });

  test('outside', async () => {
    for (const tab of tabs) await tab.context.clearCookies();
    await walk(['/sign-in', at.invitation, at.password]);
    await walk(['/nowhere'], { status: 404 });
    for (const tab of tabs) await tab.context.addCookies(cookies);
    await walk(NOWHERE, { status: 404 });
  });

  test('no page is forgotten', () => {
    const all = routes();
    const visited = new Set(seen.map((path) => all.find(({ fits }) => fits.test(new URL(path, 'http://x').pathname))?.path));
    // The start leads on; the second half of a sign-in is looked at where people sign in.
    const elsewhere = ['/', '/sign-in/factor'];
    // So is the portal by those whose it is (portal.test.mjs).
    const missing = all.map(({ path }) => path).filter((path) => !visited.has(path) && !elsewhere.includes(path) && !path.startsWith('/portal/:vendor'));
    assert.deepEqual(missing, [], 'routes that are not looked at');
    // What stands over a page is no page.
    const sections = [...source('sections.rs').matchAll(/^ {8}(\w+): (?!crate)[\w:]+;$/gm)].map(([, page]) => page);
    assert.ok(sections.length > 50, `${sections.length} pages are found`);
    const routed = new Set(all.map(({ page }) => page.replace('Page::', '')));
    assert.deepEqual(sections.filter((page) => !routed.has(page)), [], 'pages without a route');
  });

  test('every link leads somewhere', async () => {
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const dead = [];
    for (const link of links.values()) {
      const response = await fetch(server.origin + link, { headers: { cookie }, redirect: 'manual' });
      await response.body?.cancel();
      if (response.status >= 400) dead.push(`${link}: ${response.status}`);
    }
    assert.deepEqual(dead, []);
    const looked = new Set(seen.map(kind));
    const unseen = [...links.keys()].filter((of) => /^\/(console|support)/.test(of) && !of.startsWith('/console/exports') && !of.startsWith('/console/previews') && !looked.has(of));
    assert.deepEqual(unseen, [], 'pages that are led to and not looked at');
  });
});
