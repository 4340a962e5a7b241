// "If everything stopped now, who would notice when", looked at in a real browser: with scripting and without, light and
// dark, on a wide screen and on a phone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

for (const way of h.THREE_WAYS) {
  describe(`freshness ${way.name}`, () => {
    let server, browser, tab, product, license;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = () => h.sound(tab);
    // Moves a slider as a person with a keyboard does, and lets it go.
    const slide = (label, value) =>
      tab.page.getByLabel(label, { exact: false }).evaluate((slider, value) => {
        slider.value = value;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        slider.dispatchEvent(new Event('change', { bubbles: true }));
      }, value);

    test('without a lease it says what to do', async () => {
      await h.visit(tab, '/console/freshness');
      await tab.page.getByText('No device holds a lease yet').waitFor();
      await sound();
      await h.visit(tab, '/console');
      await h.becomes(() => tab.page.getByText('First lockout if everything stopped now').count(), 0);
    });

    test('with leases it says who would notice when', async () => {
      const { page } = tab;
      product = await h.createProduct(tab, 'Example Editor');
      await h.addPlan(tab, product, 'Professional');
      license = await h.issueLicense(tab, 'ada@example.com', 'Ada Example');
      for (const name of ["Ada's workstation", 'Build server']) await h.activate(server, product, license.key, name);
      await h.visit(tab, '/console');
      await page.getByRole('link', { name: /First lockout if everything stopped now/ }).click();
      await page.waitForURL('**/console/freshness');
      const sentence = await page.locator('p.lead').innerText();
      assert.match(sentence, /^If everything stopped now, the first customer would notice in (30 d|29 d 23 h), 1 % after .* half after .*\.$/);
      await page.getByText('2 devices would stop for want of a server.').waitFor();
      await page.getByRole('img', { name: 'Share of devices that still work' }).waitFor();
      await sound();
      await page.locator('figure.chart summary').first().click();
      await h.becomes(() => page.locator('figure.chart tbody tr').count(), 13);
      assert.match(await page.locator('figure.chart tbody tr').first().innerText(), /100 %/);
      await sound();
    });

    test('a row leads to the same for it alone', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/freshness');
      await page.getByRole('link', { name: 'Ada Example' }).click();
      await page.waitForURL('**/console/freshness?customer=cus_*');
      await page.getByText('Only Ada Example').waitFor();
      await sound();
      await page.getByRole('link', { name: 'default' }).click();
      await page.waitForURL('**region=default*');
      await page.getByText('Only Ada Example, region default').waitFor();
      await page.getByRole('link', { name: 'Show all' }).click();
      await page.waitForURL('**/console/freshness');
    });

    test('a plan’s change is tried with two sliders', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/freshness');
      await page.getByText('Professional has 14 days of lease and 16 days of grace.').waitFor();
      if (way.scripting) {
        await slide('Lease', '7');
        await page.waitForURL('**lease=7&grace=16');
        await slide('Grace', '3');
      } else {
        await h.visit(tab, `${new URL(page.url()).pathname}?lease=7&grace=3`);
        await page.getByRole('button', { name: 'Show what would change' }).click();
      }
      await page.waitForURL('**lease=7&grace=3');
      await page.getByText(/If all licenses of Professional had a lease of 7 d and a grace of 3 d, the first of their 2 devices would stop after (10 d|9 d 23 h) instead of/).waitFor();
      await page.getByText('a revocation would reach a device that stays off line after 10 d at the latest, instead of 30 d.').waitFor();
      await h.becomes(() => page.getByLabel('Lease', { exact: false }).inputValue(), '7');
      await page.getByRole('img', { name: /as it is and changed/ }).waitFor();
      await sound();
    });

    test('what makes no sense is refused in words', async () => {
      const { page } = tab;
      const answer = await page.goto('/console/freshness?lease=0&grace=0');
      assert.equal(answer.status(), 400);
      const missing = await page.goto('/console/freshness?product=prd_00000000000000000000000000');
      assert.equal(missing.status(), 404);
      tab.complaints.length = 0;
    });

    test('a customer’s page says until when each computer works', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/customers?q=ada');
      await page.getByRole('link', { name: 'Ada Example' }).click();
      await page.getByText("each of this customer's 2 computers would work until at least").waitFor();
      await sound();
    });
  });
}
