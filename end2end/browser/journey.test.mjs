// What a vendor does on the first day, clicked through in a real browser: with scripting and without, light and dark,
// on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

for (const way of h.FOUR_WAYS) {
  describe(way.name, () => {
    let server, browser, tab, product, license;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = () => h.sound(tab);
    async function soundAt(path) {
      await h.visit(tab, path);
      await sound();
    }

    test('set-up refuses a wrong code and says so', async () => {
      const { page } = tab;
      await soundAt('/');
      assert.match(page.url(), /\/setup$/);
      await page.getByLabel('Set-up code').fill('AAAA-BBBB-CCCC');
      await page.getByLabel('Vendor').fill(h.person.vendor);
      await page.getByLabel('Your e-mail').fill(h.person.email);
      await page.getByLabel('Password').fill(h.person.password);
      await page.getByRole('button', { name: 'Set up and sign in' }).click();
      await page.getByText('The set-up code is wrong').first().waitFor();
      await h.becomes(() => page.getByLabel('Vendor').inputValue(), h.person.vendor);
      await h.becomes(() => page.getByLabel('Your e-mail').inputValue(), h.person.email);
      if (!way.scripting) {
        assert.match(page.url(), /\/setup#refused$/, 'nothing of it stands in the address');
        await h.becomes(() => page.getByLabel('Password').inputValue(), '');
        await h.becomes(() => page.getByLabel('Set-up code').inputValue(), '');
      }
      // The browser itself notes the refused request; that is not a fault of the page.
      tab.complaints.splice(0, tab.complaints.length, ...tab.complaints.filter((text) => !/status of (500|403)|^500 from/.test(text)));
      await sound();
    });

    test('set-up with the code from the log signs the owner in', async () => {
      await h.setUp(tab, server);
      await tab.page.getByText('Name your product').waitFor();
      await sound();
    });

    test('signing out and in again', async () => {
      const { page } = tab;
      await page.locator('details.menu-pop > summary').click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.waitForURL('**/sign-in*');
      await page.getByText('You are signed out.').waitFor();
      await sound();
      await page.goto('/console/licenses?state=active');
      assert.match(page.url(), /\/sign-in\?next=/);
      await h.settled(tab);
      await page.getByLabel('E-mail').fill(h.person.email);
      await page.getByLabel('Password').fill(h.person.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL('**/console/licenses?state=active');
      await page.getByRole('heading', { name: 'Licenses', exact: false }).first().waitFor();
    });

    test('a product and a plan from three questions', async () => {
      await soundAt('/console/products');
      product = await h.createProduct(tab, 'Example Editor');
      await sound();
      await soundAt(`/console/products/${product}/plans/new`);
      await h.addPlan(tab, product, 'Professional', { entitlements: 'export\nprojects = 10' });
      await tab.page.getByRole('link', { name: 'Professional' }).waitFor();
      for (const part of ['', 'entitlements', 'keys', 'integrate', 'settings']) {
        await soundAt(`/console/products/${product}${part ? `?tab=${part}` : ''}`);
      }
      await soundAt(`/console/products/${product}/keys/rotate`);
      await h.visit(tab, `/console/products/${product}?tab=integrate`);
      assert.ok((await tab.page.locator('pre').nth(1).innerText()).includes(product));
    });

    test('a plan that is not right says which field', async () => {
      const { page } = tab;
      await h.visit(tab, `/console/products/${product}/plans/new`);
      await page.getByLabel('Name', { exact: true }).fill('Broken');
      await page.getByLabel('Entitlements (optional)', { exact: true }).fill('not a code');
      await page.getByRole('button', { name: 'Add plan' }).click();
      await page.getByText('not a code').first().waitFor();
      tab.complaints.length = 0;
    });

    test('a form that is not accepted keeps what was typed', async () => {
      const { page } = tab;
      const field = (name) => page.locator(`[name="${name}"]`);
      // Sends the form as it is, past what the browser itself would have asked for.
      const send = async (button) => {
        await page.locator('main form').last().evaluate((form) => (form.noValidate = true));
        await page.getByRole('button', { name: button, exact: true }).click();
        await page.locator('.notice.bad').first().waitFor();
        if (!way.scripting) {
          assert.match(page.url(), /#refused$/);
          assert.doesNotMatch(page.url(), /__err|__path/);
          // The summary is where reading goes on; the browser's focus says so.
          assert.equal(await page.evaluate(() => document.activeElement?.id), 'refused');
        }
        tab.complaints.length = 0;
      };
      await h.visit(tab, '/console/products/new');
      await field('name').fill('Example Viewer "2" & more');
      await field('code').fill('Not Good');
      await send('Create product');
      await h.becomes(() => field('name').inputValue(), 'Example Viewer "2" & more');
      await h.becomes(() => field('code').inputValue(), 'Not Good');
      await page.locator('#code-wrong .wrong').waitFor();
      await sound();

      await h.visit(tab, `/console/products/${product}/plans/new`);
      await field('plan[name]').fill('Broken');
      await page.getByLabel('Perpetual', { exact: true }).check();
      await page.getByLabel('Shared seats', { exact: true }).check();
      await field('plan[seats]').fill('7');
      // More than a cookie can carry.
      const long = `not a code\n${'export.something.long = 1\n'.repeat(200)}`;
      await field('plan[entitlements]').fill(long);
      await send('Add plan');
      await h.becomes(() => field('plan[name]').inputValue(), 'Broken');
      await h.becomes(() => field('plan[seats]').inputValue(), '7');
      await h.becomes(() => page.getByLabel('Perpetual', { exact: true }).isChecked(), true);
      await h.becomes(() => page.getByLabel('Shared seats', { exact: true }).isChecked(), true);
      await h.becomes(async () => (await field('plan[entitlements]').inputValue()).trim(), long.trim());
      await sound();

      await h.visit(tab, '/console/customers/new');
      await field('email').fill('nowhere');
      await field('name').fill('Grace');
      await send('Add customer');
      await h.becomes(() => field('email').inputValue(), 'nowhere');
      await h.becomes(() => field('name').inputValue(), 'Grace');

      await h.visit(tab, '/console/licenses/new');
      await field('license[email]').fill('nowhere');
      await field('license[name]').fill('Grace');
      await send('Issue license');
      await h.becomes(() => field('license[email]').inputValue(), 'nowhere');
      await h.becomes(() => field('license[name]').inputValue(), 'Grace');
      await sound();
      // Come back to, the form is new.
      await h.visit(tab, '/console/licenses/new');
      await h.becomes(() => field('license[name]').inputValue(), '');
    });

    test('a customer', async () => {
      const { page } = tab;
      await soundAt('/console/customers');
      await soundAt('/console/customers/new');
      await page.getByLabel('E-mail').fill('first@example.com');
      await page.getByLabel('Name').fill('First <b>Customer</b> & Sons');
      await page.getByRole('button', { name: 'Add customer' }).click();
      await page.waitForURL('**/console/customers/cus_*');
      await page.getByText('Customer created.').waitFor();
      await page.getByRole('heading', { name: 'First <b>Customer</b> & Sons' }).waitFor();
      await sound();
      await soundAt('/console/customers?q=first');
      await page.getByRole('link', { name: 'First <b>Customer</b> & Sons' }).waitFor();
    });

    test('issuing a license shows its key, and devices appear', async () => {
      const { page } = tab;
      await soundAt('/console/licenses');
      await soundAt('/console/licenses/new');
      license = await h.issueLicense(tab, 'ada@example.com', 'Ada Example');
      assert.match(license.key, /^([0-9A-Z]{5}-){4}[0-9A-Z]{5}$/);
      await sound();
      await h.activate(server, product, license.key, "Ada's workstation");
      await h.activate(server, product, license.key, 'Build server');
      await soundAt(`/console/licenses/${license.id}`);
      await page.getByText("Ada's workstation").first().waitFor();
      await page.getByRole('heading', { name: 'Seats (2 / 3)' }).waitFor();
      await soundAt(`/console/licenses?q=${license.key.slice(-4)}`);
      await page.getByText('2 / 3').waitFor();
    });

    test('freeing a seat says whose and asks why', async () => {
      const { page } = tab;
      await h.visit(tab, `/console/licenses/${license.id}`);
      await page.getByRole('link', { name: 'Free the seat of Build server' }).click();
      await page.getByText('loses access with its next background call').waitFor();
      await sound();
      await page.getByLabel('Reason').fill('Replaced by a new machine');
      await page.getByRole('button', { name: 'Free seat' }).click();
      await page.getByText('Seat freed.').waitFor();
      await page.getByRole('heading', { name: 'Seats (1 / 3)' }).waitFor();
      await sound();
    });

    test('a reason that is too long is not lost', async () => {
      const { page } = tab;
      await h.visit(tab, `/console/licenses/${license.id}/revoke`);
      const long = 'Refunded because of this and that. '.repeat(90).trim();
      await page.getByLabel('Reason').fill(long);
      await page.getByRole('button', { name: 'Revoke license' }).click();
      await page.locator('.notice.bad').first().waitFor();
      await h.becomes(() => page.getByLabel('Reason').inputValue(), long);
      tab.complaints.length = 0;
      await h.visit(tab, `/console/licenses/${license.id}`);
    });

    test('revoking says whose access ends and when; reinstating undoes it', async () => {
      const { page } = tab;
      await page.getByRole('link', { name: 'Revoke license' }).click();
      await page.getByText('1 device loses access').waitFor();
      await page.getByText("Ada's workstation").waitFor();
      await sound();
      await page.getByLabel('Reason').fill('Order refunded <script>alert(1)</script>');
      await page.getByRole('button', { name: 'Revoke license' }).click();
      await page.getByText('License revoked. You can reinstate').waitFor();
      await page.getByText('Reason: Order refunded <script>alert(1)</script>').waitFor();
      await sound();
      await page.getByRole('link', { name: 'Reinstate license' }).click();
      await page.getByLabel('Reason').fill('The refund was a mistake');
      await sound();
      await page.getByRole('button', { name: 'Reinstate license' }).click();
      await page.getByText('License reinstated. Devices go on').waitFor();
      await sound();
    });

    test('suspending and resuming', async () => {
      const { page } = tab;
      await page.getByRole('link', { name: 'Suspend license' }).click();
      await page.getByLabel('Reason').fill('Payment disputed');
      await page.getByRole('button', { name: 'Suspend license' }).click();
      await page.getByText('License suspended.').waitFor();
      await page.getByRole('link', { name: 'Resume license' }).click();
      await page.getByLabel('Reason').fill('Payment settled');
      await page.getByRole('button', { name: 'Resume license' }).click();
      await page.getByText('License resumed.').waitFor();
      await sound();
    });

    test('an import shows every row’s fate before anything happens', async () => {
      const { page } = tab;
      await soundAt('/console/imports');
      await h.uploadCsv(tab);
      await page.getByText('Repeated in the file').first().waitFor();
      await page.getByText('Not importable').first().waitFor();
      await sound();
      await page.getByLabel('Leave out these 2 rows').check();
      await page.getByRole('button', { name: 'Import 3 licenses' }).click();
      await page.getByText('3 licenses imported').waitFor();
      await sound();
      await soundAt('/console/licenses');
      await page.getByText('Carol Example').waitFor();
      // The keys of the other system work as they were.
      await h.activate(server, product, '6f9619ff-8b86-d011-b42d-00c04fc964ff', 'Old customer');
    });

    test('a file that is not one says so and changes nothing', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/imports');
      await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'x.csv', mimeType: 'text/csv', buffer: Buffer.from([0xff, 0xfe, 0x00, 0x80]) });
      await page.getByRole('button', { name: 'Read file' }).click();
      await page.getByText('The file cannot be read').waitFor();
      await sound();
    });

    test('people see where they are signed in and end it', async () => {
      const { page } = tab;
      const other = await h.openPage(browser, server, way);
      await h.signIn(other);
      await soundAt('/console/sessions');
      await page.getByText('This browser').waitFor();
      await page.getByRole('button', { name: /^End session/ }).first().click();
      await page.getByText('Session ended.').waitFor();
      await sound();
      await other.page.goto('/console/products');
      assert.match(other.page.url(), /\/sign-in/);
      await other.context.close();
    });

    test('all other sessions are ended at once', async () => {
      const { page } = tab;
      const others = [await h.openPage(browser, server, way), await h.openPage(browser, server, way)];
      for (const other of others) await h.signIn(other);
      await h.visit(tab, '/console/sessions');
      await page.getByRole('button', { name: 'End all others' }).click();
      await page.waitForURL('**done=sessions_ended');
      await page.getByRole('button', { name: /^End session/ }).first().waitFor({ state: 'detached' });
      await page.getByText('This browser').waitFor();
      for (const other of others) {
        await other.page.goto('/console/products');
        assert.match(other.page.url(), /\/sign-in/);
        await other.context.close();
      }
      assert.deepEqual(tab.complaints, []);
    });

    test('the overview, the audit log and an address that does not exist', async () => {
      const { page } = tab;
      await soundAt('/console');
      await soundAt('/console/audit');
      await page.getByText('License reinstated').filter({ visible: true }).first().waitFor();
      const missing = await page.goto('/console/licenses/lic_00000000000000000000000000');
      assert.equal(missing.status(), 404);
      const nowhere = await page.goto('/console/nowhere');
      assert.equal(nowhere.status(), 404);
      tab.complaints.length = 0;
    });

    test('the theme is chosen without a flash and stays', async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      await page.locator('details.menu-pop > summary').click();
      await page.getByRole('button', { name: way.theme === 'light' ? 'Dark' : 'Light', exact: true }).click();
      await page.waitForSelector(`html[data-theme="${way.theme === 'light' ? 'dark' : 'light'}"]`, { state: 'attached' });
      await sound();
    });
  });
}

describe('what no page may do', () => {
  let server;
  before(async () => {
    server = await h.startServer();
  });
  after(() => server?.stop());

  const post = (path, headers, body = 'theme=dark') =>
    fetch(server.origin + path, { method: 'POST', redirect: 'manual', headers, body });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const path = '/fn/holdfast_app/pages/door/api/sign_in';

  test('another site’s form is refused', async () => {
    assert.equal((await post(path, { ...form, 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await post(path, { ...form, origin: 'https://evil.example.com' })).status, 403);
    assert.equal((await post(path, form)).status, 403);
    assert.equal((await post(path, { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' })).status, 415);
  });

  test('a page behind sign-in is an empty redirect', async () => {
    const response = await fetch(`${server.origin}/console/licenses`, { redirect: 'manual' });
    assert.equal(response.status, 302);
    assert.equal(await response.text(), '');
  });

  test('the policy allows nothing inline and nothing from elsewhere', async () => {
    const response = await fetch(`${server.origin}/setup`);
    const policy = response.headers.get('content-security-policy');
    assert.match(policy, /script-src 'strict-dynamic' 'nonce-[\w-]{20,}' 'wasm-unsafe-eval'/);
    for (const part of ["default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"]) {
      assert.ok(policy.includes(part), part);
    }
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.ok(!/\sstyle=/.test(await response.text()), 'no inline styles');
  });

  test('files of the bundle may be kept for ever, what is missing not at all', async () => {
    const page = await (await fetch(`${server.origin}/setup`)).text();
    const style = /href="(\/assets\/holdfast\.[0-9a-f]+\.css)"/.exec(page)[1];
    const found = await fetch(server.origin + style, { headers: { 'accept-encoding': 'br' } });
    assert.match(found.headers.get('cache-control'), /immutable/);
    assert.equal(found.headers.get('content-encoding'), 'br');
    const missing = await fetch(`${server.origin}/assets/nothing.css`);
    assert.equal(missing.status, 404);
    assert.equal(missing.headers.get('cache-control'), 'no-store');
  });
});
