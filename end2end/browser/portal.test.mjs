// The customers' portal in a real browser, with the mail that it sends: signing in by mailed code and link, the key, computers
// freed and renamed, a colleague asked in, a computer without a network by file and by QR code, the vendor's own look, an old
// key; and that nobody sees what is another's.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { simpleParser } from 'mailparser';
import { api, makeToken } from './fill.mjs';
import * as h from './lib.mjs';

const { sound } = h;

const HOSTILE = '<img src=x onerror=alert(1)> & "quoted" Ltd';

for (const way of h.TWO_WAYS) {
  describe(`portal ${way.name}`, () => {
    let folder, server, browser, vendor, owner, tab, key, license, door, plan, product;

    /** The text of the last mail to an address. */
    async function mail(to, seconds = 20) {
      const limit = Date.now() + seconds * 1_000;
      for (;;) {
        const mails = await Promise.all(
          readdirSync(folder, { recursive: true })
            .filter((name) => name.endsWith('.eml'))
            .map(async (name) => simpleParser(readFileSync(join(folder, name)))),
        );
        const own = mails.filter((found) => found.to.text.includes(to)).sort((a, b) => a.date - b.date);
        if (own.length > seen.get(to) || (own.length && !seen.has(to))) {
          seen.set(to, own.length);
          return own.at(-1);
        }
        if (Date.now() > limit) throw new Error(`no mail to ${to}`);
        await new Promise((next) => setTimeout(next, 100));
      }
    }
    const seen = new Map();

    /** Asks for a code in this browser and types it. */
    async function enter(at, email) {
      const { page } = at;
      await h.visit(at, door);
      await page.getByLabel('E-mail', { exact: true }).fill(email);
      await page.getByRole('button', { name: 'Send me a code' }).click();
      await page.waitForURL('**/sign-in');
      const code = /\?code=(\d{8})/.exec((await mail(email)).text)[1];
      await page.getByLabel('Code', { exact: true }).fill(code);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('heading', { name: 'My licenses' }).waitFor();
      return code;
    }

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'holdfast-mails-'));
      server = await h.startServer(['--mail-url', `file:${folder}`]);
      browser = await h.startBrowser();
      owner = await h.openPage(browser, server, way);
      await h.setUp(owner, server);
      product = await h.createProduct(owner, 'Example Editor');
      await h.addPlan(owner, product, 'Studio', { seats: '3', entitlements: 'export_pdf\nprojects = 5' });
      await h.visit(owner, `/console/products/${product}`);
      await owner.page.getByRole('link', { name: 'Studio' }).click();
      await owner.page.waitForURL('**/console/plans/pln_*');
      plan = /pln_[0-9a-z]+/.exec(owner.page.url())[0];
      ({ key, id: license } = await h.issueLicense(owner, 'ada@example.com', HOSTILE, plan));
      await h.visit(owner, '/console/settings');
      vendor = /vnd_[0-9a-z]{26}/.exec(await owner.page.content())[0];
      door = `/portal/${vendor}`;
      tab = await h.openPage(browser, server, way);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test('a code lets in the browser that asked, and the mailed link nobody else', async () => {
      const { page } = tab;
      await h.visit(tab, door);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await sound(tab, 'portal-door');
      await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
      await page.getByRole('button', { name: 'Send me a code' }).click();
      await page.waitForURL('**/sign-in');
      await sound(tab, 'portal-code');
      const link = /https?:\/\/[^\s]+\?code=\d{8}/.exec((await mail('ada@example.com')).text)[0];
      const path = new URL(link).pathname + new URL(link).search;
      // Somebody else's browser, as a scanner's: the page says where the code is typed, and nothing is used up.
      const other = await h.openPage(browser, server, way);
      await h.visit(other, path);
      await other.page.getByText('this is another one').waitFor();
      await sound(other);
      await other.context.close();
      await h.visit(tab, path);
      await h.becomes(() => page.getByLabel('Code', { exact: true }).inputValue(), /code=(\d+)/.exec(link)[1]);
      await page.getByLabel('Code', { exact: true }).fill('00000001');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByText('The code does not fit').first().waitFor();
      tab.complaints.length = 0;
      await sound(tab);
      await h.visit(tab, path);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('heading', { name: 'My licenses' }).waitFor();
      await page.getByText('Example Editor Studio').waitFor();
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      await sound(tab, 'portal-licenses');
    });

    test('the key is shown when it is asked for, and noted', async () => {
      const { page } = tab;
      await page.getByRole('link', { name: 'Example Editor Studio' }).click();
      await page.getByText('Export pdf').waitFor();
      await page.getByText('Projects: 5').waitFor();
      await page.getByText('No computer uses it').waitFor();
      assert.ok(!(await page.content()).includes(key));
      await sound(tab, 'portal-license-new');
      await page.getByRole('button', { name: 'Show key' }).click();
      await page.getByText(key).waitFor();
      await sound(tab);
      await h.visit(owner, `/console/licenses/${license}?tab=timeline`);
      await owner.page.getByText('Key shown').first().waitFor();
    });

    test('a computer is renamed and freed, and its application learns of it', async () => {
      const { page } = tab;
      const lease = await h.activate(server, product, key, '<b>Old</b> laptop');
      await h.activate(server, product, key, 'Desktop');
      await h.visit(tab, `${door}/licenses/${license}`);
      await page.getByText('Seats (2 / 3)').waitFor();
      await sound(tab, 'portal-license');
      await page.getByRole('link', { name: '<b>Old</b> laptop' }).click();
      await page.getByText('In an outage: this computer keeps working without us until').waitFor();
      await page.getByText('5 of 5 releases in 30 days are left.').waitFor();
      await sound(tab, 'portal-seat');
      await page.getByLabel('What you call it').fill('Ada’s laptop');
      await page.getByRole('button', { name: 'Rename computer' }).click();
      await page.getByRole('link', { name: 'Ada’s laptop' }).click();
      await page.getByRole('heading', { name: 'Ada’s laptop' }).waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download lease' }).click()]);
      const fetched = JSON.parse(readFileSync(await download.path(), 'utf8'));
      assert.equal(await h.renew(server, product, fetched.lease), 200);
      await page.getByRole('button', { name: 'Free seat' }).click();
      await page.getByText('Seat freed.').waitFor();
      await page.getByText('Seats (1 / 3)').waitFor();
      await sound(tab);
      assert.equal(await h.renew(server, product, lease), 403);
    });

    test('a computer without a network is answered by file and by QR code', async () => {
      const { page } = tab;
      const request = (call, body) => `HF1.${Buffer.from(JSON.stringify({ product, call, body: { ...body, nonce: 'nonce-0123456789' } })).toString('base64url')}`;
      await page.getByRole('link', { name: 'Offline' }).click();
      await page.getByRole('heading', { name: 'Computers without a network' }).waitFor();
      await sound(tab, 'portal-offline');
      await page.getByLabel('Or paste its text').fill('HF1.nothing');
      await page.getByRole('button', { name: 'Answer request' }).click();
      await page.getByText('This is no offline request').first().waitFor();
      await sound(tab);
      const file = join(folder, 'request.txt');
      writeFileSync(file, request('activate', { device: { hash: 'ab'.repeat(32), name: 'Lab PC' } }));
      await page.getByLabel('Or paste its text').fill('');
      await page.getByLabel('Request file, or a photo of the QR code').setInputFiles(file);
      await page.getByLabel('License', { exact: true }).selectOption({ index: 1 });
      await page.getByRole('button', { name: 'Answer request' }).click();
      await page.getByText('for Lab PC').waitFor();
      await page.getByText('Show it as a QR code').click();
      await page.getByRole('img', { name: /QR code/ }).first().waitFor();
      await sound(tab, 'portal-answer');
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download answer' }).click()]);
      const answer = JSON.parse(readFileSync(await download.path(), 'utf8'));
      assert.equal(await h.renew(server, product, answer.lease), 200);
      // A photograph of a code: here of the answer that is shown, which is a code like any other and no request.
      const photo = join(folder, 'photo.png');
      await page.getByText('Show it as a QR code').click({ trial: true });
      await page.getByRole('img', { name: /QR code/ }).first().screenshot({ path: photo });
      await page.getByLabel('Request file, or a photo of the QR code').setInputFiles(photo);
      await page.getByRole('button', { name: 'Answer request' }).click();
      await page.getByText('This is no offline request').first().waitFor();
      // The proof that it gave its seat up.
      await h.visit(tab, `${door}/offline`);
      await page.getByLabel('Or paste its text').fill(request('release', { lease: answer.lease }));
      await page.getByRole('button', { name: 'Answer request' }).click();
      await page.getByText('Seat freed').first().waitFor();
      await sound(tab);
      assert.equal(await h.renew(server, product, answer.lease), 403);
    });

    test('a colleague is asked in, and everything held is downloaded', async () => {
      const { page } = tab;
      await h.visit(tab, `${door}/people`);
      await page.getByText('The vendor knows your company by this address.').waitFor();
      await sound(tab, 'portal-people');
      await page.getByLabel('E-mail', { exact: true }).fill('bob@example.com');
      await page.getByLabel('Name (optional)').fill('<b>Bob</b>');
      await page.getByRole('button', { name: 'Ask in' }).click();
      await page.getByText('Asked in. They sign in here').waitFor();
      await sound(tab);
      assert.match((await mail('bob@example.com')).text, /A colleague has asked you in/);
      const bob = await h.openPage(browser, server, way);
      await enter(bob, 'bob@example.com');
      await h.becomes(() => bob.page.getByRole('link', { name: 'People' }).count(), 0);
      await bob.page.goto(`${door}/people`);
      await bob.page.getByText('This role may not do that').first().waitFor();
      bob.complaints.length = 0;
      await h.visit(bob, `${door}/account`);
      await bob.page.getByText('This browser').waitFor();
      await sound(bob, 'portal-account');
      await page.getByRole('button', { name: 'Remove bob@example.com' }).click();
      await page.getByText('Saved.').waitFor();
      await bob.page.goto(`${door}/account`);
      await bob.page.getByRole('button', { name: 'Send me a code' }).waitFor();
      await bob.context.close();
      await h.visit(tab, `${door}/account`);
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download everything' }).click()]);
      const held = JSON.parse(readFileSync(await download.path(), 'utf8'));
      assert.equal(held.company.name, HOSTILE);
      assert.equal(held.licenses[0].key, key);
      await h.visit(tab, `${door}/orders`);
      await page.getByText('No order yet').waitFor();
      await sound(tab, 'portal-orders');
    });

    test('seats of people are handed out and taken back', async () => {
      const { page } = tab;
      const call = api(server, await makeToken(owner));
      const team = await call('POST', 'plans', { product, name: 'Team', code: 'team', model: 'perpetual', seat_model: 'named_user', seats: 2, devices_per_user: 2 });
      const order = await call('POST', 'orders', { reference: 'INV-2041', customer: (await call('GET', 'customers?q=ada')).items[0].id });
      const bought = await call('POST', 'licenses', { plan: team.id, customer: { email: 'ada@example.com' }, order: order.id });
      const at = `${door}/licenses/${bought.id}`;
      await h.visit(tab, at);
      await page.getByText('Seats (0 / 2)').waitFor();
      await page.getByLabel('Hand a seat to').fill('dora@example.com');
      await page.getByRole('button', { name: 'Hand out seat' }).click();
      await page.getByText('Handed out. They are written to').waitFor();
      await page.getByText('Seats (1 / 2)').waitFor();
      assert.match((await mail('dora@example.com')).text, /A colleague has handed you a seat of Example Editor Team/);
      await h.activate(server, product, bought.key, 'Emil’s laptop', 'emil@example.com');
      // The vendor sees who comes in, who of them is an administrator, and who has a seat and no computer yet.
      const ada = (await call('GET', 'customers?q=ada')).items[0].id;
      await h.visit(owner, `/console/customers/${ada}`);
      const row = (label, who) => owner.page.getByRole('region', { name: label }).locator('tr', { hasText: who });
      await row('People in the portal', 'ada@example.com').getByText('Administrator').waitFor();
      await row('People in the portal', 'dora@example.com').getByText('never').waitFor();
      await h.becomes(() => row('People in the portal', 'dora@example.com').getByText('Administrator').count(), 0);
      await row('Seats without a device yet', 'dora@example.com').getByText('Example Editor').waitFor();
      await h.becomes(() => row('Seats without a device yet', 'emil@example.com').count(), 0);
      await sound(owner, 'customer-people');
      await row('Seats without a device yet', 'dora@example.com').getByRole('link').click();
      await owner.page.waitForURL(`**/console/licenses/${bought.id}`);
      await h.visit(tab, at);
      await page.getByText('All seats are taken.').waitFor();
      await sound(tab, 'portal-people-seats');
      await page.getByRole('link', { name: 'dora@example.com' }).click();
      await page.getByText('uses it on no computer, so nothing stops.').waitFor();
      await sound(tab, 'portal-person');
      await page.getByRole('button', { name: 'Take seat back' }).click();
      await page.getByText('Seat taken back.').waitFor();
      await page.getByText('Seats (1 / 2)').waitFor();
      await page.getByRole('link', { name: 'emil@example.com' }).first().click();
      await page.getByText('1 computer stops when it next asks').waitFor();
      await sound(tab, 'portal-person-devices');
      await page.getByLabel('Hand it to').fill('frida@example.com');
      await page.getByRole('button', { name: 'Take seat back' }).click();
      await page.getByText('Seat taken back.').waitFor();
      await page.getByRole('link', { name: 'frida@example.com' }).waitFor();
      await sound(tab);
      await h.visit(tab, `${door}/orders`);
      await page.getByText('INV-2041').first().waitFor();
      await page.getByRole('link', { name: 'Example Editor Team' }).waitFor();
      await sound(tab, 'portal-orders-some');
    });

    test('with a key alone there are its devices and nothing else', async () => {
      const holder = await h.openPage(browser, server, way);
      const { page } = holder;
      await h.visit(holder, door);
      await page.getByText('Only the devices of one license').click();
      await page.getByLabel('License key').fill(key);
      await page.getByLabel('E-mail it was sold to').fill('mallory@example.com');
      await page.getByRole('button', { name: 'Show its devices' }).click();
      await page.getByText('Key and e-mail do not belong together').first().waitFor();
      holder.complaints.length = 0;
      await sound(holder);
      await page.getByLabel('License key').fill(key);
      await page.getByLabel('E-mail it was sold to').fill('ada@example.com');
      await page.getByRole('button', { name: 'Show its devices' }).click();
      await page.getByText('Seats (1 / 3)').waitFor();
      await h.becomes(() => page.getByRole('button', { name: 'Show key' }).count(), 0);
      await sound(holder);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('You are signed out.').waitFor();
      await holder.context.close();
    });

    test('an old key leads to where its license is', async () => {
      const old = 'OLD1-KEY2-FROM-3ELSE';
      await h.visit(owner, `/console/licenses/new?plan=${plan}`);
      await owner.page.getByLabel("Customer's e-mail").fill('carol@example.com');
      await owner.page.getByText('Other than the plan says').click();
      await owner.page.getByLabel('Key of another system (optional)').fill(old);
      await owner.page.getByRole('button', { name: 'Issue license' }).click();
      await owner.page.getByText('License issued.').waitFor();
      const carol = await h.openPage(browser, server, way);
      const { page } = carol;
      await h.visit(carol, door);
      await page.getByRole('link', { name: 'I have a key from before' }).click();
      await page.getByRole('heading', { name: 'Your old key' }).waitFor();
      await sound(carol, 'portal-claim');
      await page.getByLabel('License key').fill(old.toLowerCase());
      await page.getByLabel('E-mail you bought with').fill('carol@example.com');
      await page.getByRole('button', { name: 'Find my license' }).click();
      await page.waitForURL('**/sign-in');
      const code = /\?code=(\d{8})/.exec((await mail('carol@example.com')).text)[1];
      await page.getByLabel('Code', { exact: true }).fill(code);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      // Right to the license of that key.
      await page.getByRole('heading', { name: 'Example Editor Studio' }).waitFor();
      await page.waitForURL('**/licenses/lic_*');
      await sound(carol);
      // Nothing of anybody else's.
      assert.ok(!(await page.content()).includes(license));
      await page.goto(`${door}/licenses/${license}`);
      await page.getByText('There is nothing here').first().waitFor();
      await carol.context.close();
    });

    test('a vendor gives it a name, a picture, a colour and an address', async () => {
      const { page } = owner;
      await h.visit(owner, '/console/settings/portal');
      await sound(owner, 'portal-settings');
      await page.getByLabel('PNG, JPEG or SVG').setInputFiles({
        name: 'logo.svg',
        mimeType: 'image/svg+xml',
        buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><script>alert(1)</script><circle cx="4" cy="4" r="4" fill="#d62f2f"/></svg>'),
      });
      await page.getByRole('button', { name: 'Save picture' }).click();
      await page.getByText('Saved.').waitFor();
      await page.getByLabel('Name (optional)', { exact: true }).fill('Ümläut </title><i>Soft</i>');
      await page.getByLabel('Accent colour (optional)').fill('#ffe08a');
      await page.getByLabel('Short name (optional)').fill('umlaut-soft');
      await page.getByLabel('At the way in (optional)').fill('Welcome <b>all</b>');
      await page.getByLabel('Below every page (optional)').fill('Write to help@example.com');
      await page.getByRole('button', { name: 'Save portal' }).click();
      await page.getByText('So that it can be read').waitFor();
      await sound(owner, 'portal-settings-set');
      const guest = await h.openPage(browser, server, way);
      await h.visit(guest, '/portal/umlaut-soft');
      await guest.page.getByText('Ümläut </title><i>Soft</i>').waitFor();
      await guest.page.getByText('Welcome <b>all</b>').waitFor();
      await guest.page.getByText('Write to help@example.com').waitFor();
      await sound(guest, 'portal-white-label');
      // So does what it mails.
      await guest.page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
      await guest.page.getByRole('button', { name: 'Send me a code' }).click();
      await guest.page.waitForURL('**/sign-in');
      const sent = await mail('ada@example.com');
      assert.equal(sent.subject, 'Sign in to Ümläut </title><i>Soft</i>');
      assert.equal(sent.from.value[0].name, 'Ümläut </title><i>Soft</i>');
      assert.ok(sent.html.includes('border-top:4px solid #ffe08a') && sent.html.includes('>Ümläut &lt;/title&gt;&lt;i&gt;Soft&lt;/i&gt;</p>'), sent.html);
      assert.match(sent.text, /\/portal\/umlaut-soft\/sign-in\?code=\d{8}/);
      await h.becomes(async () => (await guest.page.title()).replace(/^.* · /, ''), 'Ümläut </title><i>Soft</i>');
      const accent = await guest.page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--color-primary').trim());
      assert.notEqual(accent, '#2b59c3');
      await guest.context.close();
      // The links of the plan.
      await h.visit(owner, `/console/plans/${plan}`);
      await page.getByLabel('Renewal (optional)').fill('https://shop.example.com/renew');
      await page.getByRole('button', { name: 'Save links' }).click();
      await page.getByText('Saved.').waitFor();
      await h.visit(tab, `${door}/licenses/${license}`);
      await h.becomes(() => tab.page.getByRole('link', { name: 'Renew license' }).getAttribute('href'), 'https://shop.example.com/renew');
      await sound(tab);
    });

    test('a customer’s browser loads no code of the console', { skip: !way.scripting }, async () => {
      const guest = await h.openPage(browser, server, way);
      const loaded = [];
      guest.page.on('response', (response) => loaded.push(response.url()));
      await h.visit(guest, door);
      await guest.page.waitForLoadState('networkidle');
      const sections = loaded.filter((url) => /\.wasm$/.test(url)).map((url) => url.split('/').at(-1));
      assert.ok(sections.length > 0);
      for (const section of ['lists', 'sales', 'catalog', 'operations', 'people', 'accounts']) {
        assert.ok(!sections.some((name) => name.includes(section)), `${section}: ${sections}`);
      }
      await guest.context.close();
    });
  });
}
