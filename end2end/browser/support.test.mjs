// The support desk in a real browser, as somebody of the role support uses it: from what a customer sends to what helps.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { invite, join, openShop, shop } from './fill.mjs';
import * as h from './lib.mjs';

describe('the support desk', () => {
  let ours, server, call, owner, product, plan;

  before(async () => {
    ours = await shop();
    ({ call, server } = ours);
    owner = await openShop(ours, { scripting: false });
    product = (await call('POST', 'products', { name: 'Example Editor' })).id;
    plan = (await call('POST', 'plans', { product, name: 'Studio', model: 'subscription', duration_seconds: 31_557_600, seats: 3 })).id;
  });
  after(() => ours?.stop());

  for (const way of h.TWO_WAYS) {
    describe(way.name, () => {
      let tab, page, customer, order, license, lease;
      const press = (name) => page.getByRole('button', { name, exact: true }).click();
      const said = (text) => page.getByText(text).first().waitFor();
      const sound = (shot) => h.sound(tab, `support-${shot}`);
      const status = async () => (await call('GET', `licenses/${license.id}`)).status;
      const story = () => `/support/${customer}`;
      const pathOf = () => new URL(page.url()).pathname;
      /** Follows a link of a license's story, to the page of a step. */
      const step = async (name, path) => {
        await h.visit(tab, story());
        await page.locator(`#${license.id}`).getByRole('link', { name, exact: true }).click();
        await page.waitForURL((url) => url.pathname.endsWith(`/${path}`) && url.searchParams.get('from') === story());
        await h.settled(tab);
      };

      before(async () => {
        customer = (await call('POST', 'customers', { name: `Ada ${way.theme}`, email: `ada.${way.theme}@example.com` })).id;
        order = (await call('POST', 'orders', { reference: `A-${way.theme}`, customer })).id;
        license = await call('POST', 'licenses', { plan, customer, order });
        lease = await h.activate(server, product, license.key, `Studio ${way.theme}`);
        await h.activate(server, product, license.key, `Laptop ${way.theme}`);
        const link = await invite(owner, `sue.${way.theme}@example.com`, 'support');
        tab = await join(ours.browser, server, link, `Sue ${way.theme}`, way);
        ({ page } = tab);
      });
      after(() => tab?.context.close());

      test('is where support begins, with nothing on it yet', async () => {
        await h.visit(tab, '/');
        assert.equal(pathOf(), '/support');
        await page.getByRole('heading', { level: 1, name: 'Support desk' }).waitFor();
        await said('Nothing waits.');
        await said('Nobody yet');
        await sound('empty');
      });

      test('leads from what somebody has at hand to where it belongs', async () => {
        const explain = (text) => [text, `/support/explain?q=${text}`];
        for (const [text, place] of [
          [license.key, `${story()}#${license.id}`],
          [`ada.${way.theme}@example.com`, story()],
          [`A-${way.theme}`, story()],
          explain('seat_limit_reached'),
          ['nobody at all', '/support?q=nobody%20at%20all'],
        ]) {
          await h.visit(tab, '/support');
          await page.getByLabel('Key, e-mail, order, device, error code or lease').fill(text);
          await press('Look');
          await page.waitForURL(`${server.origin}${place}`);
          await h.settled(tab);
        }
        await said('Nothing found');
        await sound('found-nothing');
        await h.visit(tab, '/support?q=Laptop');
        await page.locator('.hit', { hasText: `Laptop ${way.theme}` }).click();
        await page.waitForURL('**/support/explain?q=sea_*');
        await said('nbf ≤ T ≤ soft');
        await sound('device');
      });

      test('explains a pasted lease at any moment', async () => {
        await h.visit(tab, '/support/explain');
        await sound('explain');
        const badge = page.locator('section', { has: page.locator('#verdict') }).locator('.badge-state');
        const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);
        for (const [at, verdict, rule] of [
          ['', 'Licensed', 'nbf ≤ T ≤ soft'],
          [day(20), 'Grace', 'soft < T ≤ exp'],
          [day(60), 'Expired', 'exp < T, no fb'],
        ]) {
          await page.getByLabel('What do you have?').fill(lease);
          await page.getByLabel('At the moment').fill(at);
          await press('Explain');
          await said(rule);
          await h.settled(tab);
          await h.becomes(() => badge.innerText(), verdict);
          assert.equal(page.url(), `${server.origin}/support/explain`);
          await h.becomes(() => page.getByLabel('What do you have?').inputValue(), '', 'what was pasted is not kept');
          await page.getByRole('link', { name: `Ada ${way.theme}` }).waitFor();
          await said('A new lease');
          await sound(`verdict-${verdict.toLowerCase()}`);
        }
        await page.getByLabel('What do you have?').fill(lease.slice(0, -10));
        await press('Explain');
        await page.locator('.notice.bad code', { hasText: 'signature_length' }).waitFor();
        await h.becomes(() => page.getByText(`Ada ${way.theme}`).count(), 0, 'a refused document tells nothing');
        await sound('refused');
        const file = { name: 'license.txt', mimeType: 'text/plain', buffer: Buffer.from(`{"license": "${lease}"}`) };
        await page.getByLabel('Or a file').setInputFiles(file);
        await press('Explain');
        await page.getByRole('heading', { name: `Studio ${way.theme}` }).waitFor();
        assert.ok(!server.origin.includes(lease) && !(await page.content()).includes(lease.slice(0, 100)));
      });

      test('tells the whole story, and leads back to it from what is done', async () => {
        await h.visit(tab, story());
        for (const name of [`Studio ${way.theme}`, `Laptop ${way.theme}`, `A-${way.theme}`]) await page.getByRole('link', { name, exact: true }).waitFor();
        await said('It is accepted: a seat is free.');
        await sound('story');
        await page.getByRole('link', { name: `Free the seat of Laptop ${way.theme}` }).click();
        await page.waitForURL((url) => url.pathname.includes('/free/sea_') && url.searchParams.get('from') === story());
        await h.settled(tab);
        await page.getByLabel('Reason').fill('Sold');
        await press('Free seat');
        await page.waitForURL(`**${story()}?done=*`);
        await page.getByRole('link', { name: `Laptop ${way.theme}`, exact: true }).waitFor({ state: 'detached' });
        await page.getByLabel('New note').fill('Called about the laptop');
        await press('Add note');
        await page.locator('.note-text', { hasText: 'Called about the laptop' }).waitFor();
        assert.equal(pathOf(), story());
        await step('Extend', 'extend');
        const later = new Date(new Date(license.expires_at).getTime() + 20 * 86_400_000).toISOString().slice(0, 10);
        await page.getByLabel('New end').fill(later);
        if (!way.scripting) await press('See what changes');
        await page.getByText('days later').waitFor();
        await page.getByLabel('Reason').fill('Goodwill');
        await press('Extend license');
        await page.waitForURL(`**${story()}?done=license_extended`);
        await h.visit(tab, '/support');
        await page.getByRole('row', { name: `Ada ${way.theme}` }).waitFor();
        await sound('recent');
      });

      test('ends access ten minutes later, and takes it back before', async () => {
        await step('Revoke', 'revoke');
        await said('1 device loses access');
        await said('It takes effect ten minutes from then');
        await sound('later');
        await page.getByLabel('Reason').fill('Chargeback');
        await press('Revoke license');
        await page.waitForURL(`**${story()}?done=scheduled`);
        const left = page.getByRole('timer');
        const first = await left.innerText();
        assert.match(first, /^(10 min 0 s|9 min \d+ s)$/);
        if (way.scripting) {
          const limit = Date.now() + 10_000;
          while ((await left.innerText()) === first) {
            assert.ok(Date.now() < limit, 'it is not counted down');
            await new Promise((next) => setTimeout(next, 100));
          }
        }
        await sound('waits');
        assert.equal(await status(), 'active');
        await h.becomes(() => page.locator(`#${license.id}`).getByRole('link', { name: 'Revoke', exact: true }).count(), 0);
        await h.visit(tab, '/support');
        await page.getByRole('link', { name: 'Revoke 1 license' }).waitFor();
        await sound('desk-waits');
        await press('Take it back');
        await page.waitForURL('**/support?done=taken_back');
        await said('Nothing waits.');
        assert.equal(await status(), 'active');
        await h.visit(tab, '/console/acts');
        await page.getByRole('row', { name: /^Revoke licenses/ }).first().waitFor();
        await sound('acts');
      });

      test('views the portal as the customer sees it, and changes nothing there', async () => {
        await h.visit(tab, story());
        await page.getByRole('link', { name: 'View as the customer' }).click();
        await page.waitForURL(`**${story()}/view`);
        await h.settled(tab);
        await sound('view');
        await page.getByLabel('Reason').fill('Does not find the download');
        await press('View as the customer');
        await page.waitForURL('**/portal/*');
        await h.settled(tab);
        const bar = page.getByRole('complementary', { name: 'Who looks' });
        await bar.waitFor();
        assert.match(await bar.innerText(), new RegExp(`You see this as Ada ${way.theme} does. Nothing can be changed here.`));
        await page.getByRole('link', { name: /^Example Editor/ }).first().waitFor();
        await sound('viewed');
        const door = pathOf();
        for (const [name, shot] of [['Offline', 'offline'], ['Orders', 'orders'], ['People', 'people'], ['Account', 'account']]) {
          await page.getByRole('navigation', { name: 'Portal' }).getByRole('link', { name, exact: true }).click();
          await page.waitForURL(`**${door}/${name.toLowerCase()}`);
          await h.settled(tab);
          await bar.waitFor();
          await sound(`viewed-${shot}`);
        }
        await h.becomes(() => page.getByRole('button', { name: 'Sign out' }).count(), 0);
        await h.visit(tab, `${door}/licenses/${license.id}`);
        assert.ok(!(await page.content()).includes(license.key));
        await press('Show key');
        await said('Only they can do this.');
        tab.complaints.length = 0;
        assert.ok(!(await page.content()).includes(license.key));
        await sound('viewed-refused');
        await press('Stop viewing');
        await page.waitForURL(`**${story()}`);
        await h.settled(tab);
        await page.goto(`${door}/orders`);
        assert.equal(pathOf(), door, 'nobody is in the portal any more');
      });

      test('asks a second person for a new key', async () => {
        await step('New key', 'rekey');
        await said('This takes a second person');
        await sound('new-key');
        await page.getByLabel('Reason').fill('Posted in a forum');
        await press('Ask for approval');
        await page.waitForURL('**/console/approvals/apr_*');
        await h.visit(tab, '/support');
        await page.getByRole('row', { name: /New key for license.*Waits for a second person/ }).waitFor();
        await sound('approval');
      });

      test('refunds a list of orders after it has said what becomes of each', async () => {
        await h.visit(tab, '/support');
        await page.getByRole('link', { name: 'Refund a list of orders' }).click();
        await page.waitForURL('**/support/refunds');
        await h.settled(tab);
        await sound('refunds-none');
        await page.getByLabel('Order numbers').fill(`A-${way.theme}\nINV-404`);
        await press('Look at them');
        await said('2 lines: 1 to be refunded, 1 unknown.');
        await page.getByRole('row', { name: /INV-404.*No such order/s }).waitFor();
        await said('It takes effect ten minutes from then');
        await sound('refunds');
        await page.getByLabel('Reason').fill('Recalled edition');
        await press('Refund 1 order');
        await page.waitForURL('**/console/acts/blk_*');
        await said('Until then nothing changes');
        await sound('refund-waits');
        await press('Take it back');
        await page.waitForURL('**done=taken_back');
        assert.equal((await call('GET', `orders/${order}`)).status, 'paid');
        await h.visit(tab, '/support/refunds');
        const file = { name: 'refunds.csv', mimeType: 'text/csv', buffer: Buffer.from(`order,why\nA-${way.theme},late\nA-${way.theme},late\n`) };
        await page.getByLabel('Or a CSV file').setInputFiles(file);
        await press('Look at them');
        await said('2 lines: 1 to be refunded, 1 repeated.');
      });

      test('answers with a text that fills in the facts', async () => {
        await h.visit(tab, '/support/replies');
        if (way === h.TWO_WAYS[0]) {
          await said('No replies yet');
          await sound('replies-none');
        }
        await page.getByRole('link', { name: 'Write reply' }).click();
        await page.waitForURL('**/support/replies/new');
        await h.settled(tab);
        await page.getByLabel('Name', { exact: true }).fill(`Seats ${way.theme}`);
        await page.getByLabel('Text').fill('Dear {customer}, your {licence} has {seats_used} of {seats_limit}.');
        await press('Save reply');
        await said('{licence} is no fact that a reply can name');
        tab.complaints.length = 0;
        await sound('reply-refused');
        await page.getByLabel('Text').fill('Dear {customer}, …{key_end} has {seats_used} of {seats_limit} seats in use: {devices}.');
        await press('Save reply');
        await page.waitForURL('**/support/replies?done=reply_saved');
        await page.getByRole('link', { name: `Seats ${way.theme}` }).waitFor();
        await sound('replies');
        await h.visit(tab, story());
        await page.getByLabel('Reply', { exact: true }).selectOption({ label: `Seats ${way.theme}` });
        await press('Fill in');
        await page.waitForURL('**reply=rpl_*');
        await h.settled(tab);
        const text = `Dear Ada ${way.theme}, …${license.key.slice(-4)} has 1 of 3 seats in use: Studio ${way.theme}.`;
        await h.becomes(() => page.getByLabel('Ready to copy').inputValue(), text);
        await sound('answer');
        await h.visit(tab, '/support/replies');
        await page.getByRole('link', { name: `Seats ${way.theme}` }).click();
        await page.waitForURL('**/support/replies/rpl_*');
        await h.settled(tab);
        await sound('reply');
        await press('Remove reply');
        await page.waitForURL('**/support/replies?done=reply_removed');
        await h.becomes(() => page.getByRole('link', { name: `Seats ${way.theme}` }).count(), 0);
        assert.deepEqual(tab.complaints, []);
      });
    });
  }
});
