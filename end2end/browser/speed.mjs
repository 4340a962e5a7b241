// How soon a page of the console is there, and how soon it answers, in a real browser: a table for docs/figures.md.
// The server is the program at HOLDFAST_BINARY (target/release/holdfast by default), on this machine, with a small vendor.
// Each page is measured in a fresh browser context (nothing cached) and once more in the same (all cached).

import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
process.env.HOLDFAST_BINARY ??= join(root, 'target/release/holdfast');
const h = await import('./lib.mjs');

const TURNS = 7;
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
const ms = (value) => `${Math.round(value)} ms`;

const server = await h.startServer();
const browser = await h.startBrowser();
try {
  const first = await h.openPage(browser, server);
  await h.setUp(first, server);
  const product = await h.createProduct(first, 'Example Editor');
  await h.addPlan(first, product, 'Professional', { seats: '3' });
  let license;
  for (let number = 0; number < 30; number++) {
    license = await h.issueLicense(first, `customer${number}@example.com`, `Customer ${number}`);
    await h.activate(server, product, license.key, `Computer ${number}`);
  }
  const cookies = await first.context.cookies();

  /** First paint and the moment at which the page answers, in milliseconds since it was asked for. */
  async function load(tab, path) {
    await tab.page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.documentElement.hasAttribute('data-hydrated')) return;
        window.hydratedAt = performance.now();
        observer.disconnect();
      }).observe(document, { attributes: true, subtree: true, attributeFilter: ['data-hydrated'] });
    });
    await h.visit(tab, path);
    await tab.page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
    return tab.page.evaluate(() => ({
      answered: performance.getEntriesByType('navigation')[0].responseStart,
      painted: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      alive: window.hydratedAt,
    }));
  }

  console.log('| page | server answers | first contentful paint | answers to clicks | the same, all cached |');
  console.log('| --- | --- | --- | --- | --- |');
  for (const [name, path] of [
    ['overview', '/console'],
    ['licenses', '/console/licenses'],
    ['license', `/console/licenses/${license.id}`],
    ['fleet', '/console/fleet'],
    ['products', '/console/products'],
  ]) {
    const [cold, warm] = [[], []];
    for (let turn = 0; turn < TURNS; turn++) {
      const tab = await h.openPage(browser, server);
      await tab.context.addCookies(cookies);
      cold.push(await load(tab, path));
      warm.push(await load(tab, path));
      await tab.context.close();
    }
    const of = (runs, what) => ms(median(runs.map((run) => run[what])));
    console.log(
      `| ${name} | ${of(cold, 'answered')} | ${of(cold, 'painted')} | ${of(cold, 'alive')} | ${of(warm, 'painted')}, ${of(warm, 'alive')} |`,
    );
  }

  /** How long from a click (or a key) until what it leads to is on the screen. */
  async function interaction(tab, act, seen) {
    const begun = performance.now();
    await act(tab.page);
    await seen(tab.page);
    return performance.now() - begun;
  }
  console.log('\n| interaction, from the click to what it shows | median | slowest |');
  console.log('| --- | --- | --- |');
  for (const [name, path, act, seen] of [
    [
      'from the list of licenses to a license',
      '/console/licenses',
      (page) => page.locator('table.rows a.row-link').first().click(),
      (page) => page.getByRole('heading', { name: /^License …/ }).waitFor(),
    ],
    [
      'from the overview to the customers',
      '/console',
      (page) => page.getByRole('link', { name: 'Customers', exact: true }).first().click(),
      (page) => page.getByRole('heading', { name: /^Customers/ }).waitFor(),
    ],
    [
      'back to the list',
      null,
      (page) => page.goBack(),
      (page) => page.getByRole('heading', { name: 'Overview' }).waitFor(),
    ],
  ]) {
    const took = [];
    const tab = await h.openPage(browser, server);
    await tab.context.addCookies(cookies);
    for (let turn = 0; turn < TURNS; turn++) {
      if (path) await h.visit(tab, path);
      else {
        await h.visit(tab, '/console');
        await tab.page.getByRole('link', { name: 'Customers', exact: true }).first().click();
        await tab.page.getByRole('heading', { name: /^Customers/ }).waitFor();
      }
      took.push(await interaction(tab, act, seen));
    }
    await tab.context.close();
    console.log(`| ${name} | ${ms(median(took))} | ${ms(Math.max(...took))} |`);
  }
} finally {
  await browser.close();
  await server.stop();
}
