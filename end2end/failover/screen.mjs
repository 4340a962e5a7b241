// Somebody who watches the fleet's screen while the cluster is broken. Started by the rehearsal inside of its namespaces;
// takes one order a line and answers each with one line: how long it took, or what was wrong.
//
//   see NODE WORD        waits until the row of NODE says WORD
//   read WORDS           waits until the page says WORDS
//   drain NODE | resume NODE

import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const { SCREEN_NAME: name, SCREEN_ADDRESS: address, SCREEN_EMAIL: email, SCREEN_PASSWORD: password } = process.env;
const LIMIT = 60_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', `--host-resolver-rules=MAP ${name} ${address}`,
  ],
});
// The authority of the rehearsal is nobody's but its own.
const context = await browser.newContext({ baseURL: `https://${name}`, ignoreHTTPSErrors: true });
context.setDefaultTimeout(LIMIT);
const page = await context.newPage();

const row = (node) => page.getByRole('row', { name: new RegExp(`^${node}\\b`) });

async function open() {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/console');
  await page.goto('/console/fleet');
  await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  // From here on nothing is loaded anew.
  await page.evaluate(() => (window.notReloaded = true));
}

async function step(node, verb) {
  await row(node).getByRole('link', { name: verb }).click();
  await page.getByLabel('Reason').fill('Rehearsal');
  await page.getByRole('button', { name: `${verb} node` }).click();
  await page.locator('.notice.good').waitFor();
  await page.getByRole('link', { name: 'Fleet', exact: true }).first().click();
  await row(node).waitFor();
}

const orders = {
  open,
  see: (node, ...words) => row(node).getByText(words.join(' '), { exact: true }).first().waitFor(),
  read: (...words) => page.getByText(words.join(' ')).first().waitFor(),
  drain: (node) => step(node, 'Drain'),
  resume: (node) => step(node, 'Resume'),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [order, ...words] = line.split(' ');
  const begun = Date.now();
  try {
    await orders[order](...words);
    if (!(await page.evaluate(() => window.notReloaded))) throw new Error('the page was loaded anew');
    console.log(`${Date.now() - begun}`);
  } catch (error) {
    const shown = await page.locator('main').innerText({ timeout: 2_000 }).catch(() => 'nothing');
    console.log(`${error.message.split('\n')[0]}; shown: ${shown.replaceAll('\n', ' | ')}`);
  }
}
await browser.close();
