// A real server on a fresh data directory and a real browser, for the journeys and the screenshots.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const person = {
  vendor: 'Example Software',
  email: 'owner@example.com',
  password: 'a sentence that nobody guesses',
};

/** The ways in which a browser is used: with scripting and without, light and dark, on a wide screen and on a phone. */
const WIDE = { name: 'with scripting, light', scripting: true, theme: 'light', width: 1280 };
const WIDE_UNSCRIPTED = { name: 'without scripting, light', scripting: false, theme: 'light', width: 1280 };
const PHONE = { name: 'with scripting, dark, on a phone', scripting: true, theme: 'dark', width: 360 };
const PHONE_UNSCRIPTED = { name: 'without scripting, dark, on a phone', scripting: false, theme: 'dark', width: 360 };
export const TWO_WAYS = [WIDE, PHONE_UNSCRIPTED];
export const THREE_WAYS = [WIDE, PHONE_UNSCRIPTED, PHONE];
export const FOUR_WAYS = [WIDE, WIDE_UNSCRIPTED, PHONE, PHONE_UNSCRIPTED];

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/**
 * Starts `holdfast serve` on a folder, with `flags` after the usual ones, and waits until its log says something. In flags,
 * `DATA` stands for the folder and `ORIGIN` for where the server is reached. `variables` are added to its environment.
 */
async function launch(data, flags, said, variables = {}) {
  const binary = process.env.HOLDFAST_BINARY ?? join(root, 'target/debug/holdfast');
  const [port, metrics] = [await freePort(), await freePort()];
  const origin = `http://127.0.0.1:${port}`;
  const named = flags.map((flag) => flag.replace('DATA', data).replace('ORIGIN', origin));
  const child = spawn(
    binary,
    ['serve', '--data-dir', data, '--listen', `127.0.0.1:${port}`, '--metrics-listen', `127.0.0.1:${metrics}`, ...named],
    { cwd: root, env: { ...process.env, ...variables }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  child.stdout.on('data', (text) => (log += text));
  child.stderr.on('data', (text) => (log += text));
  const ended = new Promise((done) => child.on('exit', done));
  const limit = Date.now() + 30_000;
  let found;
  while (!(found = said.exec(log))) {
    if (Date.now() > limit || child.exitCode !== null) throw new Error(`the server did not start:\n${log}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  return { child, ended, found, origin, metrics, log: () => log };
}

/** Starts other nodes beside a server that is set up, each with flags of its own, and kills them once they have registered. */
export async function killedNodes(server, all) {
  const nodes = [];
  // One after the other, and all before the first is killed: its place would be the next one's.
  for (const flags of all) nodes.push(await launch(server.data, flags, /registered node=/));
  for (const { child } of nodes) child.kill('SIGKILL');
  await Promise.all(nodes.map(({ ended }) => ended));
}

/** Starts `holdfast serve`, with `flags` after the usual ones, and waits until it says the set-up code. */
export async function startServer(flags = [], variables = {}) {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-browser-'));
  const { child, ended, found, origin, metrics, log } = await launch(data, flags, /with the code ([0-9A-Z-]+)/, variables);
  return {
    origin,
    data,
    metrics,
    code: found[1],
    log,
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(late);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What each page asks the server's functions for at the moment, and when it was last answered. */
const asked = new WeakMap();

/** Waits, a second at most, until a page has been answered whatever it has asked for: nobody is quicker than that. */
async function answered(page) {
  const { open } = asked.get(page) ?? { open: new Set() };
  const isBusy = () => open.size > 0 || Date.now() - (asked.get(page)?.last ?? 0) < 40;
  for (const limit = Date.now() + 1_000; isBusy() && Date.now() < limit; ) await new Promise((next) => setTimeout(next, 20));
}

/** Whatever is done to a page or read off it is when it has been answered: after an act it is read anew, its forms with it. */
function actAsPeopleDo(page) {
  const Locator = Object.getPrototypeOf(page.locator('html'));
  if (Locator.actsAsPeopleDo) return;
  Locator.actsAsPeopleDo = true;
  for (const act of ['check', 'click', 'fill', 'innerText', 'selectOption', 'setChecked', 'setInputFiles', 'uncheck']) {
    const atOnce = Locator[act];
    Locator[act] = async function (...how) {
      await answered(this.page());
      return atOnce.apply(this, how);
    };
  }
}

/** A page that remembers everything that should not have happened. */
export async function openPage(browser, server, { scripting = true, theme = 'light', width = 1280, height = 900, zone } = {}) {
  const context = await browser.newContext({
    baseURL: server.origin,
    javaScriptEnabled: scripting,
    colorScheme: theme,
    reducedMotion: 'reduce',
    timezoneId: zone,
    viewport: { width, height },
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  actAsPeopleDo(page);
  const now = { open: new Set(), last: 0 };
  asked.set(page, now);
  const ended = (request) => now.open.delete(request) && (now.last = Date.now());
  page.on('requestfinished', ended);
  page.on('requestfailed', ended);
  const complaints = [];
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    complaints.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url().includes('/fn/')) now.open.add(request);
    if (!request.url().startsWith(server.origin) && !request.url().startsWith('data:')) {
      complaints.push(`request to another host: ${request.url()}`);
    }
  });
  page.on('response', (response) => {
    if (response.status() >= 500) complaints.push(`${response.status()} from ${response.url()}`);
  });
  return { page, context, complaints, scripting, theme, width };
}

/** Waits until the page is as it will be: hydrated where scripting is on, and with its content, which comes after its frame. */
export async function settled({ page, scripting }) {
  await page.waitForLoadState('load');
  if (scripting) await page.waitForSelector('html[data-hydrated]', { state: 'attached' });
  await page.waitForSelector('h1', { state: 'attached' });
}

/** Waits until something holds. */
export async function until(holds, what) {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert.ok(tries < 60, what);
    await new Promise((next) => setTimeout(next, 250));
  }
}

/** Waits until what is read is what it should be: after a notice a page may still be read anew. */
export async function becomes(read, expected, what) {
  const limit = Date.now() + 15_000;
  let found = await read();
  while (!isDeepStrictEqual(found, expected) && Date.now() < limit) {
    await new Promise((next) => setTimeout(next, 50));
    found = await read();
  }
  assert.deepEqual(found, expected, what);
}

export async function visit(tab, path) {
  await tab.page.goto(path);
  await settled(tab);
}

/** Lets scripts run where scripting is off, or no longer; those of the page itself were passed over when it loaded. */
async function scripts(tab, on) {
  // One session for all of a page's life: when it ends, the browser takes back what it asked for.
  tab.session ??= await tab.context.newCDPSession(tab.page);
  // Each session remembers what it asked for last and passes on only what differs.
  for (const value of [on, !on]) await tab.session.send('Emulation.setScriptExecutionDisabled', { value });
}

const WCAG = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };

/** Accessibility problems of the page as it stands, by axe's WCAG 2.2 AA rules or by those that are named. */
export async function accessibilityProblems(tab, rules = WCAG) {
  const { page, scripting } = tab;
  // From the top: wherever a page stands, its sticky bar covers a part of what is scrolled under it.
  await page.evaluate(() => window.scrollTo(0, 0));
  // axe waits for timers, which stand still where scripting is off.
  if (!scripting) await scripts(tab, true);
  await page.evaluate(axe);
  const result = await page.evaluate((runOnly) => window.axe.run(document, { runOnly }), rules);
  if (!scripting) await scripts(tab, false);
  return result.violations.map(
    (violation) => `${violation.id}: ${violation.help}\n${violation.nodes.slice(0, 4).map((node) => `    ${node.html}\n      ${node.any.map((any) => any.message).join('; ')}`).join('\n')}`,
  );
}

/** Whether the page is wider than the window, which on a phone means scrolling sideways. */
export function overflow({ page }) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/**
 * What must hold of every page: nothing wider than the window, nobody shut out, nothing complained about, asked of another
 * host or answered by a fault. With `SHOTS` set to a folder, a page that is given a name is photographed into it.
 */
export async function sound(tab, shot) {
  await settled(tab);
  if (process.env.SHOTS && shot) {
    const name = `${shot}-${tab.scripting ? 'on' : 'off'}-${tab.theme}-${tab.width}.png`;
    await tab.page.screenshot({ path: join(process.env.SHOTS, name), fullPage: true });
  }
  assert.ok((await overflow(tab)) <= 0, `the page at ${tab.page.url()} scrolls sideways`);
  assert.deepEqual(await accessibilityProblems(tab), [], `accessibility of ${tab.page.url()}`);
  assert.deepEqual(tab.complaints, [], `at ${tab.page.url()}`);
}

/** What an application does: claims a seat with a key, for a person where seats belong to people. */
export async function activate(server, product, key, name, user) {
  const response = await fetch(`${server.origin}/v1/products/${product}/activate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      key,
      user,
      device: { hash: randomBytes(32).toString('hex'), name, platform: 'linux', app_version: '2.4.1' },
      nonce: randomBytes(16).toString('base64url'),
    }),
  });
  if (response.status !== 201) throw new Error(`activation failed: ${response.status} ${await response.text()}`);
  return (await response.json()).lease;
}

/** Renews a lease; returns the status of the answer. */
export async function renew(server, product, lease) {
  const response = await fetch(`${server.origin}/v1/products/${product}/renew`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ lease, nonce: randomBytes(16).toString('base64url') }),
  });
  return response.status;
}

/** What an authenticator app with that secret shows, `ahead` steps from now. */
export function appCode(secret, ahead = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replaceAll(' ', '')].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac('sha1', key).update(step).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Whoever is signed in sets an authenticator app up. */
export async function setUpApp(tab) {
  const { page } = tab;
  await visit(tab, '/console/security/app');
  const secret = (await page.locator('.key-once code').innerText()).trim();
  await page.getByLabel('Code', { exact: true }).fill(appCode(secret));
  await page.getByRole('button', { name: 'Add authenticator app' }).click();
  await page.getByText('Your recovery codes').waitFor();
}

export async function setUp(tab, server) {
  const { page } = tab;
  await visit(tab, '/');
  await page.getByLabel('Set-up code').fill(server.code);
  await page.getByLabel('Vendor').fill(person.vendor);
  await page.getByLabel('Your e-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Set up and sign in' }).click();
  await page.waitForURL('**/console');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

export async function signIn(tab) {
  const { page } = tab;
  await visit(tab, '/sign-in');
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/console');
}

/** Makes a product, with the usual plan where `plan` says so. */
export async function createProduct(tab, name, { plan = false } = {}) {
  const { page } = tab;
  await visit(tab, '/console/products/new');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('With a usual plan').setChecked(plan);
  await page.getByRole('button', { name: 'Create product' }).click();
  await page.waitForURL('**/console/products/prd_*');
  await page.getByText(plan ? 'Product created, with a plan.' : 'Product created.').waitFor();
  return /prd_[0-9a-z]+/.exec(page.url())[0];
}

export async function addPlan(tab, product, name, { seats = '3', entitlements = '' } = {}) {
  const { page } = tab;
  await visit(tab, `/console/products/${product}/plans/new`);
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Seats', { exact: true }).fill(seats);
  if (entitlements) await page.getByLabel('Entitlements (optional)', { exact: true }).fill(entitlements);
  await page.getByRole('button', { name: 'Add plan' }).click();
  await page.getByText('Plan created.').waitFor();
}

export async function issueLicense(tab, email, name, plan = '') {
  const { page } = tab;
  await visit(tab, `/console/licenses/new?plan=${plan}`);
  await page.getByLabel("Customer's e-mail").fill(email);
  await page.getByLabel("Customer's name").fill(name);
  await page.getByRole('button', { name: 'Issue license' }).click();
  await page.waitForURL('**/console/licenses/lic_*');
  await page.getByText('License issued.').waitFor();
  return {
    id: /lic_[0-9a-z]+/.exec(page.url())[0],
    key: (await page.locator('.key-once code').innerText()).trim(),
  };
}

export const csv = [
  'License Key,E-mail,Customer name,Max. activations,Expiry date,Notes',
  'AB12-CD34-EF56-GH78,ada@example.com,Ada Example,5,2031-05-01,long-standing',
  '6f9619ff-8b86-d011-b42d-00c04fc964ff,bob@example.com,Bob Example,1,,',
  'mixedCASEkey0123456789,carol@example.com,Carol Example,2,2030-01-31,',
  'AB12-CD34-EF56-GH78,dup@example.com,Twice Example,1,,',
  'ZZ12-CD34-EF56-GH99,dave@example.com,Dave Example,many,2030-01-31,',
].join('\n');

export async function uploadCsv(tab, text = csv) {
  const { page } = tab;
  await visit(tab, '/console/imports');
  await page.getByLabel('Product', { exact: true }).selectOption({ label: 'Example Editor' });
  await page.getByLabel('Plan', { exact: true }).selectOption({ index: 1 });
  await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'customers.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await page.getByRole('button', { name: 'Read file' }).click();
  await page.waitForURL('**/console/imports/imp_*');
  await settled(tab);
}
