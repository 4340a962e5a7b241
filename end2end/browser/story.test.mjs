// The story of a refund, told by everybody in it: a shop's signed message becomes a license, the buyer gets its key by mail and
// activates the application that the client library ships as its example, frees a seat in the portal, support refunds, takes
// that back and refunds again, ten minutes pass, the application stops and says why, and goes on when it is reinstated.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { simpleParser } from 'mailparser';
import { api, invite, join as joinTeam, makeToken, tell } from './fill.mjs';
import * as h from './lib.mjs';

const application = resolve(import.meta.dirname, '../../target/debug/examples/desktop');
const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu', ''].map((machine) => join('/usr/lib', machine, 'faketime/libfaketimeMT.so.1'));

/** What lets a program believe that it is as much later as `file` says. Its waiting is as long as ever. */
function clock(file) {
  const library = libraries.find((path) => existsSync(path));
  assert.ok(library, 'libfaketime is missing: run scripts/setup.sh test');
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DISABLE_SHM: '1',
  };
}

for (const way of h.TWO_WAYS) {
  describe(`the story of a refund ${way.name}`, () => {
    let folder, time, server, browser, owner, customer, support, call;
    let product, root, shop, key, license, order, door;

    /** What an application prints, line by line, on the computer of that name. */
    const run = (computer, ...flags) =>
      new Promise((done, failed) => {
        const usual = ['--json', '--once', '--endpoint', server.origin, '--product', product, '--root', root];
        const own = ['--device', computer, '--name', computer, '--storage', join(folder, computer)];
        execFile(application, [...usual, ...own, ...flags], { env: { ...process.env, ...time } }, (error, out, said) => {
          // It says by its status whether it may be used.
          if (error && error.code !== 3) failed(new Error(`${error.message}\n${said}`));
          else done(out.trim().split('\n').map((line) => JSON.parse(line)));
        });
      });
    /** How it stands there after what was asked for. */
    const stands = async (computer, ...flags) => (await run(computer, ...flags)).at(-1);

    /** What a mail to somebody says, once one is there that has `pattern` in it. */
    async function mailed(to, pattern) {
      let found;
      await h.until(async () => {
        const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.eml'));
        const mails = await Promise.all(files.map((name) => simpleParser(readFileSync(join(folder, name)))));
        const own = mails.filter((mail) => mail.to.text.includes(to)).sort((a, b) => b.date - a.date);
        found = own.map((mail) => pattern.exec(mail.text)).find(Boolean);
        return found;
      }, `no mail to ${to}`);
      return found[1];
    }

    const of = async (path) => (await call('GET', path)).status;
    const press = (tab, name) => tab.page.getByRole('button', { name, exact: true }).click();
    const said = (tab, text) => tab.page.getByText(text).filter({ visible: true }).first().waitFor();

    /** Support refunds the order from the customer's story. */
    async function refund(reason) {
      const { page } = support;
      await page.getByRole('link', { name: 'Refund order 10042' }).click();
      await page.waitForURL('**/refund?from=**');
      await h.settled(support);
      await said(support, 'It takes effect ten minutes from then');
      await h.sound(support, 'story-refund');
      await page.getByLabel('Reason').fill(reason);
      await press(support, 'Refund order');
      await page.waitForURL('**done=scheduled');
      await page.getByRole('timer').first().waitFor();
      await h.sound(support, 'story-waits');
    }

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'holdfast-story-'));
      const file = join(folder, 'clock');
      writeFileSync(file, '+0');
      time = clock(file);
      server = await h.startServer(['--mail-url', `file:${folder}`], time);
      browser = await h.startBrowser();
      owner = await h.openPage(browser, server, way);
      await h.setUp(owner, server);
      call = api(server, await makeToken(owner));
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test('a vendor says what is sold, where, and that the buyer gets the key by mail', async () => {
      const { page } = owner;
      product = await h.createProduct(owner, 'Example Editor');
      await h.addPlan(owner, product, 'Studio', { seats: '2', entitlements: 'export_pdf\nprojects = 5' });
      await h.visit(owner, `/console/products/${product}?tab=integrate`);
      root = /builder\("prd_[0-9a-z]+", \["([^"]+)"\]\)/.exec(await page.locator('main').innerText())[1];
      await h.visit(owner, '/console/shops/new');
      await page.getByLabel('Another shop', { exact: true }).check();
      await page.getByLabel('Name', { exact: true }).fill('Web shop');
      await press(owner, 'Connect shop');
      await page.waitForURL('**/console/shops/shp_*');
      await said(owner, 'Shop connected.');
      shop = { id: /shp_[0-9a-z]+/.exec(page.url())[0], secret: (await page.locator('.key-once code').innerText()).trim() };
      await page.getByLabel('Price', { exact: true }).fill('editor');
      await page.getByLabel('Plan', { exact: true }).selectOption({ label: 'Example Editor · Studio' });
      await press(owner, 'Save price');
      await said(owner, 'Price saved.');
      await h.visit(owner, '/console/settings/mail');
      await page.getByRole('group', { name: /^Mail the key/ }).getByLabel('Example Editor').check();
      await page.locator('form', { hasText: 'Mail the key' }).getByRole('button', { name: /^Save/ }).click();
      await said(owner, 'Saved.');
      await h.visit(owner, '/console/settings');
      door = `/portal/${/vnd_[0-9a-z]{26}/.exec(await page.content())[0]}`;
    });

    test('a shop tells of a sale, and the buyer gets a key', async () => {
      const buyer = { email: 'ada@example.com', name: 'Ada Example' };
      const sale = { id: '10042', payment: 'paid', buyer, lines: [{ id: '1', price: 'editor', title: 'Example Editor' }] };
      assert.equal(await tell(server, shop.id, shop.secret, 1, sale), 204);
      key = await mailed('ada@example.com', /\b([0-9A-Z]{5}(?:-[0-9A-Z]{5}){4})\b/);
      const { items } = await call('GET', 'licenses');
      assert.equal(items.length, 1);
      ({ id: license, order } = items[0]);
    });

    test('the application is activated on as many computers as there are seats', async () => {
      assert.deepEqual((({ verdict, reason }) => [verdict, reason])(await stands('Desktop')), ['invalid', 'not_activated']);
      for (const computer of ['Desktop', 'Old laptop']) {
        const { verdict, entitlements } = await stands(computer, '--key', key);
        assert.deepEqual([verdict, entitlements], ['licensed', { export_pdf: true, projects: 5 }]);
      }
      const lines = await run('New laptop', '--key', key);
      assert.equal(lines.find((line) => line.event === 'error').error, 'all seats of this license are taken');
      assert.equal(lines.at(-1).entitled, false);
    });

    test('the customer signs in with a mailed code and frees a seat', async () => {
      customer = await h.openPage(browser, server, way);
      const { page } = customer;
      await h.visit(customer, door);
      await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
      await press(customer, 'Send me a code');
      await page.waitForURL('**/sign-in');
      await page.getByLabel('Code', { exact: true }).fill(await mailed('ada@example.com', /\?code=(\d{8})/));
      await press(customer, 'Sign in');
      await page.getByRole('link', { name: 'Example Editor Studio' }).click();
      await said(customer, 'Seats (2 / 2)');
      await page.getByRole('link', { name: 'Old laptop' }).click();
      await page.getByRole('heading', { name: 'Old laptop' }).waitFor();
      await press(customer, 'Free seat');
      await said(customer, 'Seats (1 / 2)');
      await h.sound(customer, 'story-freed');
      assert.equal((await stands('Old laptop', '--refresh')).reason, 'released');
      assert.equal((await stands('New laptop', '--key', key)).verdict, 'licensed');
    });

    test('support refunds, and nothing happens to anybody who is taken back in time', async () => {
      support = await joinTeam(browser, server, await invite(owner, 'sue@example.com', 'support'), 'Sue Example', way);
      const { page } = support;
      await h.visit(support, '/support');
      await page.getByLabel('Key, e-mail, order, device, error code or lease').fill('10042');
      await press(support, 'Look');
      await page.waitForURL('**/support/cus_*');
      await h.settled(support);
      await h.sound(support, 'story-found');
      await refund('Bought by mistake');
      for (const computer of ['Desktop', 'New laptop']) assert.equal((await stands(computer, '--refresh')).verdict, 'licensed');
      await page.getByRole('button', { name: 'Take it back' }).first().click();
      await page.waitForURL('**done=taken_back');
      await page.getByRole('timer').first().waitFor({ state: 'detached' });
      await h.sound(support, 'story-taken-back');
      assert.deepEqual([await of(`orders/${order}`), await of(`licenses/${license}`)], ['paid', 'active']);
    });

    test('support refunds again, ten minutes pass, and the application says why it stops', async () => {
      await refund('By mistake after all');
      assert.equal((await stands('Desktop', '--refresh')).verdict, 'licensed');
      writeFileSync(time.FAKETIME_TIMESTAMP_FILE, '+12m');
      await h.until(async () => (await of(`orders/${order}`)) === 'refunded', 'the refund never begins');
      assert.equal(await of(`licenses/${license}`), 'revoked');
      for (const computer of ['Desktop', 'New laptop']) {
        const { entitled, verdict, reason, denial } = await stands(computer, '--refresh');
        assert.deepEqual([entitled, verdict, reason, denial], [false, 'invalid', 'revoked', 'revoked']);
        // What a denial says stays with it, without a server.
        assert.equal((await stands(computer)).reason, 'revoked');
      }
      await h.visit(customer, `${door}/licenses/${license}`);
      await customer.page.locator('.badge-state', { hasText: 'Withdrawn' }).waitFor();
      await h.sound(customer, 'story-revoked');
      await h.visit(support, `/support/explain?q=${license}`);
      await said(support, 'By mistake after all');
      await h.sound(support, 'story-explained');
    });

    test('it is reinstated, and the application is licensed again', async () => {
      const { page } = support;
      await page.getByRole('link', { name: 'Reinstate license' }).first().click();
      await page.waitForURL('**/reinstate**');
      await h.settled(support);
      await page.getByLabel('Reason').fill('Paid once more');
      await press(support, 'Reinstate license');
      // More than ten minutes have passed since they signed in.
      await page.waitForURL('**/console/confirm**');
      await h.settled(support);
      await page.getByLabel('Password').fill('another sentence that nobody guesses');
      await press(support, 'Confirm with password');
      await page.waitForURL('**/reinstate**');
      await h.settled(support);
      await h.becomes(() => page.getByLabel('Reason').inputValue(), 'Paid once more');
      await press(support, 'Reinstate license');
      await h.until(async () => (await of(`licenses/${license}`)) === 'active', 'it is never reinstated');
      for (const computer of ['Desktop', 'New laptop']) {
        const { entitled, verdict } = await stands(computer, '--refresh');
        assert.deepEqual([entitled, verdict], [true, 'licensed']);
      }
      assert.equal((await stands('Old laptop')).entitled, false, 'whose seat was freed');
      await h.visit(customer, `${door}/licenses/${license}`);
      await customer.page.locator('.badge-state', { hasText: 'Valid' }).waitFor();
      await h.sound(customer, 'story-again');
      support.complaints.length = 0;
      await h.visit(owner, `/console/orders/${order}`);
      await said(owner, 'By mistake after all');
      await h.sound(owner, 'story-order');
    });
  });
}
