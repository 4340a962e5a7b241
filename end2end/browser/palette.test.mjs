// Finding, the palette, the keyboard, how it looks, and what appears by itself.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

for (const way of h.FOUR_WAYS) {
  describe(`finding and the keyboard, ${way.name}`, () => {
    let server, browser, tab, product, license;
    const addresses = [];
    const scripting = { skip: !way.scripting };
    const plain = { skip: way.scripting };

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      tab.page.on('request', (request) => addresses.push(request.url()));
      await h.setUp(tab, server);
      product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Studio');
      license = await h.issueLicense(tab, 'ada@example.com', 'Ada Example');
      await h.activate(server, product, license.key, 'Atelier iMac');
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = () => h.sound(tab);
    const palette = () => tab.page.getByRole('dialog', { name: 'Go to, find or do' });
    const field = () => palette().getByRole('combobox');
    const active = () => palette().locator('[role=option][aria-selected=true]');
    async function open() {
      await h.visit(tab, '/console');
      await tab.page.keyboard.press('Control+k');
      await field().waitFor();
    }

    test('the box over everything finds a customer and a device, and a whole key leads to its license', plain, async () => {
      const { page } = tab;
      const seek = async (text) => {
        await h.visit(tab, '/console');
        await page.getByRole('searchbox', { name: 'Find anything' }).fill(text);
        await page.keyboard.press('Enter');
      };
      await seek('atelier');
      await page.waitForURL('**/console/find?q=atelier');
      await page.getByRole('heading', { name: 'Devices' }).waitFor();
      await sound();
      await page.getByRole('link', { name: /^Atelier iMac/ }).click();
      await page.waitForURL('**/console/seats/sea_*');
      await seek('ada@ex');
      await page.getByRole('link', { name: /Ada Example ada@example.com/ }).click();
      await page.waitForURL('**/console/customers/cus_*');
      await seek('nothing like this');
      await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
      await sound();
      await seek(license.key.toLowerCase());
      await page.waitForURL(`**/console/licenses/${license.id}`);
      const wrong = license.key.slice(0, 28) + (license.key.endsWith('A') ? 'B' : 'A');
      await seek(wrong);
      await page.getByRole('heading', { name: 'No license has this key' }).waitFor();
      await sound();
      const told = addresses.concat(server.log().split('\n'));
      for (const key of [license.key, wrong]) {
        assert.ok(!told.some((text) => text.toUpperCase().includes(key.toUpperCase())), 'a key in an address or a log');
      }
    });

    test('what it looks like is chosen without scripting as well', plain, async () => {
      const { page } = tab;
      for (const [name, attribute, value] of [['Dark', 'data-theme', 'dark'], ['Compact', 'data-density', 'compact'], ['Off', 'data-shortcuts', 'off']]) {
        await h.visit(tab, '/console/customers');
        await page.locator('header details.menu-pop > summary').click();
        await page.getByRole('button', { name, exact: true }).click();
        await page.waitForURL('**/console/customers');
        await h.becomes(() => page.locator('html').getAttribute(attribute), value);
      }
      await page.context().clearCookies({ name: /theme|density|shortcuts/ });
    });

    test('the shortcuts are listed on a page of their own', async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      await page.locator('header details.menu-pop > summary').click();
      await page.getByRole('link', { name: 'Keyboard shortcuts' }).click();
      await page.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
      await page.getByText('Next row of the table').waitFor();
      await sound();
    });

    test('the palette opens by key and by the box, is closed by Esc, and the focus comes back', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      const link = page.locator('main a').first();
      for (const key of ['Control+k', 'Meta+k', '/']) {
        await link.focus();
        await page.keyboard.press(key);
        await field().waitFor();
        assert.ok(await field().evaluate((input) => input === document.activeElement), 'the cursor is in the field');
        await h.becomes(() => field().inputValue(), '');
        await page.keyboard.press('Escape');
        await palette().waitFor({ state: 'hidden' });
        assert.ok(await link.evaluate((link) => link === document.activeElement), `after ${key} the focus is where it was`);
      }
      await page.getByRole('searchbox', { name: 'Find anything' }).click();
      await field().waitFor();
      await sound();
      await palette().getByRole('button', { name: 'Close' }).click();
      await palette().waitFor({ state: 'hidden' });
      // Whoever comes by the keyboard and types: nothing of it is lost.
      await page.getByRole('searchbox', { name: 'Find anything' }).focus();
      await page.keyboard.type('ate', { delay: 60 });
      await field().waitFor();
      await h.becomes(() => field().inputValue(), 'ate');
      await page.keyboard.press('Escape');
    });

    test('words narrow it, arrows choose, Enter goes', scripting, async () => {
      const { page } = tab;
      await open();
      assert.equal(await active().innerText().then((text) => text.split('\n')[0]), 'Overview');
      await page.keyboard.press('ArrowUp');
      const last = await active().getAttribute('id');
      await h.becomes(() => field().getAttribute('aria-activedescendant'), last);
      assert.ok(await active().evaluate((option) => {
        const [own, list] = [option.getBoundingClientRect(), option.closest('[role=listbox]').getBoundingClientRect()];
        return own.top >= list.top - 1 && own.bottom <= list.bottom + 1;
      }), 'the active option is in sight');
      await page.keyboard.press('ArrowDown');
      await h.becomes(() => active().getAttribute('id'), 'palette-0');
      await page.keyboard.type('issue lic');
      assert.match(await active().innerText(), /^Issue license/);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/console/licenses/new');
      await palette().waitFor({ state: 'hidden' });
      await page.keyboard.press('Control+k');
      await h.becomes(() => field().inputValue(), '', 'it begins anew');
      for (const name of ['Expiring this month', 'Never activated', 'Over their seats', 'Not seen for 30 days']) {
        await palette().getByRole('option', { name }).waitFor();
      }
      await page.keyboard.type('never act');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/console/licenses?use=never');
      await page.locator('.chip', { hasText: /never activated/i }).waitFor();
      await sound();
    });

    test('it finds while one types, and an older answer never takes the place of a newer one', scripting, async () => {
      const { page } = tab;
      await open();
      await page.keyboard.type('atelier');
      await palette().getByRole('option', { name: /Atelier iMac/ }).waitFor();
      await palette().getByRole('group', { name: 'Devices' }).waitFor();
      await sound();
      // The first answer is held back until the second is there.
      let letGo;
      const held = new Promise((done) => (letGo = done));
      let first = true;
      await page.route('**/fn/**/find', async (route) => {
        if (first) {
          first = false;
          await held;
        }
        await route.continue();
      });
      await field().fill('');
      await field().fill('ada ex');
      await page.waitForRequest('**/fn/**/find');
      await field().fill('studio');
      await palette().getByRole('option', { name: /Studio/ }).waitFor();
      const answered = page.waitForResponse((response) => response.url().endsWith('/find'));
      letGo();
      await answered;
      await page.waitForTimeout(200);
      await palette().getByRole('option', { name: /Studio/ }).waitFor();
      await h.becomes(() => palette().getByRole('option', { name: /Ada/ }).count(), 0);
      await page.unroute('**/fn/**/find');
      await field().fill('nothing like this');
      await palette().getByText('Nothing found.').waitFor();
      await page.route('**/fn/**/find', (route) => route.abort());
      await field().fill('unreachable');
      await palette().getByText('The server cannot be reached.').waitFor();
      await page.unroute('**/fn/**/find');
      tab.complaints.length = 0; // The one that was cut off on purpose.
      await field().fill(license.key);
      await palette().getByRole('option', { name: new RegExp(`…${license.key.slice(-4)}`) }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/console/licenses/${license.id}`);
      assert.ok(!addresses.some((address) => address.toUpperCase().includes(license.key)), 'the key stands in no address');
      assert.ok(!server.log().toUpperCase().includes(license.key), 'nor in the log');
    });

    test('what was found opens into what can be done with it, by keyboard and by its sign', scripting, async () => {
      const { page } = tab;
      const acts = () => palette().locator('.palette-option.under');
      await tab.context.grantPermissions(['clipboard-read', 'clipboard-write']);
      const hint = license.key.slice(-4);
      await open();
      await field().fill(license.key);
      const found = palette().getByRole('option', { name: new RegExp(`…${hint}`) });
      await found.waitFor();
      // Within what was typed the arrow moves the cursor, and at its end it opens.
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowRight');
      await h.becomes(() => acts().count(), 0);
      await palette().getByText('→ shows what can be done with it.').waitFor();
      await page.keyboard.press('ArrowRight');
      await acts().first().waitFor();
      assert.deepEqual(
        await acts().evaluateAll((all) => all.map((option) => option.firstElementChild.textContent)),
        ['Extend license', 'Change plan', 'Suspend license', 'Revoke license', 'Copy id'],
      );
      assert.match(await active().innerText(), /^Extend license/);
      await sound();
      // Copying leaves the palette open and the cursor in its field.
      for (let n = 0; n < 4; n++) await page.keyboard.press('ArrowDown');
      assert.match(await active().innerText(), /^Copy id/);
      await page.keyboard.press('Enter');
      await palette().getByText('Copied', { exact: true }).waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), license.id);
      assert.ok(await field().evaluate((input) => input === document.activeElement), 'the cursor is in the field');
      await page.keyboard.press('ArrowLeft');
      await acts().first().waitFor({ state: 'detached' });
      assert.match(await active().innerText(), new RegExp(`…${hint}`));
      // By mouse or finger, and from there on by keyboard.
      await field().fill('atelier');
      const device = palette().getByRole('option', { name: /Atelier iMac/ });
      await device.locator('.palette-sign').click();
      await palette().getByRole('option', { name: 'Free seat' }).waitFor();
      assert.ok(await field().evaluate((input) => input === document.activeElement), 'the cursor is in the field');
      await device.locator('.palette-sign').click();
      await acts().first().waitFor({ state: 'detached' });
      await page.keyboard.press('ArrowRight');
      await acts().first().waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/console/licenses/${license.id}/free/sea_*`);
      await page.getByText('loses access with its next background call').waitFor();
      await palette().waitFor({ state: 'hidden' });
      assert.deepEqual(tab.complaints, []);
    });

    test('what was found leads to what can be done with it, without scripting as well', plain, async () => {
      const { page } = tab;
      for (const [act, path] of [['Revoke license: …', 'licenses/lic_*/revoke'], ['Issue license: Ada Example', 'licenses/new?customer=cus_*']]) {
        await h.visit(tab, '/console/find?q=ada@ex');
        await page.getByRole('link', { name: act }).click();
        await page.waitForURL(`**/console/${path}`);
      }
      await h.visit(tab, `/console/find?q=${license.id}`);
      await page.getByText(license.id, { exact: true }).waitFor();
      await sound();
    });

    test('? lists the shortcuts, also from within the palette', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      await page.keyboard.press('?');
      const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
      await sheet.getByText('Next row of the table').waitFor();
      await sound();
      await page.keyboard.press('Escape');
      await sheet.waitFor({ state: 'hidden' });
      await page.keyboard.press('Control+k');
      await field().fill('shortcuts key');
      await page.keyboard.press('Enter');
      await sheet.waitFor();
      await palette().waitFor({ state: 'hidden' });
      await sheet.getByRole('button', { name: 'Close' }).click();
      await sheet.waitFor({ state: 'hidden' });
    });

    test('letters go to screens, to rows and to the primary action, and not while one types', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      for (const [letter, path] of [['p', 'products'], ['c', 'customers'], ['f', 'fleet'], ['a', 'alerts'], ['w', 'webhooks'], ['u', 'audit'], ['t', 'team'], ['l', 'licenses']]) {
        await page.keyboard.press('g');
        await page.keyboard.press(letter);
        await page.waitForURL(`**/console/${path}`);
      }
      await page.getByRole('heading', { name: /^Licenses/ }).waitFor();
      await page.locator('.rows tbody tr').first().waitFor();
      await page.keyboard.press('j');
      const here = () => page.evaluate(() => document.activeElement.getAttribute('href'));
      assert.equal(await here(), `/console/licenses/${license.id}`);
      assert.ok(await page.evaluate(() => document.activeElement.matches(':focus-visible')), 'and one sees it');
      await page.keyboard.press('k');
      assert.equal(await here(), `/console/licenses/${license.id}`, 'there is no row before the first');
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/console/licenses/${license.id}`);
      await page.keyboard.press('g');
      await page.keyboard.press('c');
      await page.waitForURL('**/console/customers');
      await page.getByLabel('Name or e-mail').fill('');
      await page.getByLabel('Name or e-mail').press('n');
      await page.getByLabel('Name or e-mail').press('?');
      await h.becomes(() => page.getByLabel('Name or e-mail').inputValue(), 'n?');
      assert.match(page.url(), /customers$/);
      await page.getByLabel('Name or e-mail').blur();
      for (const key of ['Alt+n', 'Shift+n', 'g', 'x']) await page.keyboard.press(key);
      assert.match(page.url(), /customers$/);
      await page.keyboard.press('n');
      await page.waitForURL('**/console/customers/new');
    });

    test('letters can be switched off; the palette stays', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/customers');
      const choose = async (name) => {
        await page.locator('header details.menu-pop > summary').click();
        const kept = page.waitForResponse((response) => response.url().includes('set_look'));
        await page.getByRole('button', { name, exact: true }).click();
        await kept;
        await h.becomes(() => page.getByRole('button', { name, exact: true }).getAttribute('aria-pressed'), 'true');
        await page.locator('header details.menu-pop > summary').click();
      };
      await choose('Off');
      for (const after of ['at once', 'on the next page']) {
        await page.keyboard.press('n');
        await page.keyboard.press('?');
        await page.waitForTimeout(150);
        assert.match(page.url(), /customers$/, after);
        await h.becomes(() => page.getByRole('dialog').count(), 0, after);
        await h.visit(tab, '/console/customers');
      }
      await page.keyboard.press('Control+k');
      await field().waitFor();
      await page.keyboard.press('Escape');
      await choose('On');
      await page.keyboard.press('n');
      await page.waitForURL('**/console/customers/new');
    });

    test('how it looks changes without a reload, and the next page comes so from the server', scripting, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/licenses');
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor);
      const height = () => page.locator('.rows tbody tr').first().evaluate((row) => row.getBoundingClientRect().height);
      await page.evaluate(() => (window.notReloaded = true));
      const [system, roomy] = [await ground(), await height()];
      const other = way.theme === 'dark' ? 'light' : 'dark';
      const choose = async (text) => {
        await page.keyboard.press('Control+k');
        await field().fill(text);
        const kept = page.waitForResponse((response) => response.url().includes('set_look'));
        await page.keyboard.press('Enter');
        await kept;
        await palette().waitFor({ state: 'hidden' });
      };
      await choose(`theme ${other}`);
      assert.notEqual(await ground(), system);
      await choose('rows compact');
      assert.ok((await height()) < roomy, 'compact rows are lower');
      assert.ok(await page.evaluate(() => window.notReloaded));
      const changed = await ground();
      await sound();
      // The document of the next page says so itself: nothing flashes.
      const html = await (await page.context().request.get(`${server.origin}/console/licenses`)).text();
      assert.match(html, new RegExp(`<html[^>]*data-theme="${other}"[^>]*data-density="compact"`));
      await h.visit(tab, '/console/licenses');
      assert.equal(await ground(), changed);
      await choose('theme system');
      assert.equal(await ground(), system);
      await page.emulateMedia({ colorScheme: other, reducedMotion: 'reduce' });
      assert.equal(await ground(), changed, 'the system decides');
      await page.emulateMedia({ colorScheme: way.theme, reducedMotion: 'reduce' });
      await choose('rows roomy');
      assert.equal(await height(), roomy);
    });

    test('a device that activates appears by itself, on the license, the customer and the overview', scripting, async () => {
      const { page } = tab;
      const tabs = [];
      const customer = await (async () => {
        await h.visit(tab, `/console/licenses/${license.id}`);
        await page.getByRole('link', { name: 'Ada Example' }).click();
        await page.waitForURL('**/console/customers/cus_*');
        return new URL(page.url()).pathname;
      })();
      for (const path of [`/console/licenses/${license.id}`, customer, '/console']) {
        const other = await h.openPage(browser, server, way);
        await other.context.addCookies(await tab.context.cookies());
        await h.visit(other, path);
        await other.page.evaluate(() => (window.notReloaded = true));
        tabs.push(other);
      }
      const [onLicense, onCustomer, onOverview] = tabs.map((other) => other.page);
      // Somebody is about to rename the customer.
      await onCustomer.getByLabel('Name (optional)', { exact: true }).fill('Ada half typ');
      await onLicense.getByText('Seats (1 / 3)').waitFor();
      await h.activate(server, product, license.key, 'Second laptop');
      await onLicense.getByText('Second laptop').first().waitFor();
      await onLicense.getByText('Seats (2 / 3)').waitFor();
      await onCustomer.getByText('2 / 3').first().waitFor();
      await onOverview.locator('.figure', { hasText: 'Devices in use' }).getByText('2', { exact: true }).waitFor();
      await h.becomes(() => onCustomer.getByLabel('Name (optional)', { exact: true }).inputValue(), 'Ada half typ');
      for (const other of tabs) {
        assert.ok(await other.page.evaluate(() => window.notReloaded), `${other.page.url()} was not loaded anew`);
        assert.deepEqual(other.complaints, []);
        await other.context.close();
      }
    });

    test('signing out is one of the things to do', scripting, async () => {
      const { page } = tab;
      await open();
      await field().fill('sign out');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/sign-in?done=signed_out');
      assert.deepEqual(tab.complaints, []);
    });
  });
}
