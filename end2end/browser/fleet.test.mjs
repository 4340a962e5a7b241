// The screens of whoever runs the installation: nodes and alerts, in the four ways of the other journeys, and what happens
// by itself while they are in sight.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as h from './lib.mjs';

for (const way of h.FOUR_WAYS) {
  describe(`nodes and alerts, ${way.name}`, () => {
    let server, browser, tab;

    before(async () => {
      server = await h.startServer(['--region', 'eu', '--node-name', 'eu-1']);
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      await h.setUp(tab, server);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    const sound = () => h.sound(tab);

    test('the fleet is found in the navigation and shows the node by its region', async () => {
      const { page } = tab;
      await h.visit(tab, '/console');
      if (way.width < 800) await page.locator('details.more-nav > summary').click();
      await page.getByRole('link', { name: 'Fleet', exact: true }).click();
      await page.getByRole('heading', { name: /^Fleet/ }).waitFor();
      // Without scripting nothing appears by itself, and the node may have been heard of for the first time just now.
      const region = page.getByRole('heading', { name: 'eu', exact: true });
      for (let tries = 0; !way.scripting && tries < 20 && !(await region.isVisible()); tries += 1) {
        await new Promise((next) => setTimeout(next, 500));
        await page.reload();
      }
      await region.waitFor();
      const row = page.getByRole('row', { name: /eu-1/ });
      await row.getByText('Alive').waitFor();
      await row.getByText('Serving').waitFor();
      await sound();
    });

    test('what does not fit on a phone’s bar is under More', async () => {
      const { page } = tab;
      if (way.width > 800) return;
      const more = page.locator('details.more-nav');
      await more.locator('summary').click();
      await sound();
      await page.getByRole('link', { name: 'Audit', exact: true }).click();
      await page.getByRole('heading', { name: /^Audit log/ }).waitFor();
      await h.becomes(() => more.getAttribute('open'), null, 'it closes when one has gone somewhere');
    });

    test('a node shows everything it says of itself', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/fleet');
      await page.getByRole('link', { name: 'eu-1', exact: true }).click();
      await page.getByRole('heading', { name: 'eu-1' }).waitFor();
      for (const name of ['Disk', 'Memory', 'File descriptors', 'Requests at work', 'Role']) {
        await page.locator('dt', { hasText: name }).first().waitFor();
      }
      await page.getByText('No other node serves').waitFor();
      await sound();
    });

    test('draining says what follows, asks why, and is undone by resuming', async () => {
      const { page } = tab;
      await page.getByRole('link', { name: 'Drain', exact: true }).click();
      await page.getByRole('heading', { name: 'Drain node' }).waitFor();
      await page.getByText('No other node serves.').first().waitFor();
      await sound();
      await page.getByLabel('Reason').fill('New disk <b>tonight</b>');
      await page.getByRole('button', { name: 'Drain node' }).click();
      await page.getByText('Drained. Load balancers leave it alone').waitFor();
      await page.getByText('New disk <b>tonight</b>').waitFor();
      await page.getByText('Draining').first().waitFor();
      await sound();
      await page.getByRole('link', { name: 'Resume', exact: true }).click();
      await page.getByLabel('Reason').fill('It is in');
      await page.getByRole('button', { name: 'Resume node' }).click();
      await page.getByText('Resumed. Load balancers send it').waitFor();
      await page.getByText('Serving').first().waitFor();
      await sound();
      // A step that does not fit is not offered, by its address either.
      await h.visit(tab, page.url().split('?')[0] + '/gone');
      await page.getByText('This cannot be done').waitFor();
    });

    test('what somebody else does appears by itself and takes nothing away from whoever reads', { skip: !way.scripting }, async () => {
      const { page } = tab;
      await h.visit(tab, '/console/fleet');
      const other = await h.openPage(browser, server, { ...way, scripting: false });
      await other.context.addCookies(await tab.context.cookies());
      await page.getByRole('link', { name: 'eu-1', exact: true }).focus();
      await page.locator('details.menu-pop > summary').evaluate((summary) => (summary.parentElement.open = true));
      await page.evaluate(() => (window.notReloaded = true));
      await h.visit(other, '/console/fleet');
      await other.page.getByRole('link', { name: 'Drain eu-1' }).click();
      await other.page.getByLabel('Reason').fill('Somebody else');
      await other.page.getByRole('button', { name: 'Drain node' }).click();
      await other.page.getByText('Drained.').waitFor();
      await page.getByRole('row', { name: /eu-1/ }).getByText('Draining').waitFor({ timeout: 15_000 });
      assert.ok(await page.evaluate(() => window.notReloaded), 'by itself, not by loading the page anew');
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'eu-1', 'the focus stays');
      assert.ok(await page.locator('details.menu-pop').evaluate((menu) => menu.open), 'what is open stays open');
      await other.page.getByRole('link', { name: 'Resume', exact: true }).click();
      await other.page.getByLabel('Reason').fill('Somebody else');
      await other.page.getByRole('button', { name: 'Resume node' }).click();
      await page.getByRole('row', { name: /eu-1/ }).getByText('Serving').waitFor({ timeout: 15_000 });
      await other.context.close();
      await sound();
    });

    test('alerts: nothing to act on, and the filters stand in the address', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/alerts');
      await page.getByRole('heading', { name: 'Nothing to act on' }).waitFor();
      await page.getByText('rules watched 1 node').first().waitFor();
      await sound();
      await page.getByRole('link', { name: 'Cleared', exact: true }).click();
      await page.waitForURL('**/console/alerts?state=cleared');
      await page.getByRole('link', { name: 'Critical', exact: true }).click();
      await page.waitForURL('**/console/alerts?state=cleared&severity=critical');
      await page.getByRole('heading', { name: 'No alert matches' }).waitFor();
      await sound();
    });

    test('whoever is signed out elsewhere is told so', { skip: !way.scripting }, async () => {
      const { page } = tab;
      const cookies = await tab.context.cookies();
      const watching = await h.openPage(browser, server, way);
      await watching.context.addCookies(cookies);
      await h.visit(watching, '/console/fleet');
      await page.locator('details.menu-pop').evaluate((menu) => (menu.open = true));
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('You are signed out.').waitFor();
      await watching.page.getByText('Your session has ended. Sign in again.').waitFor({ timeout: 8_000 });
      await watching.context.close();
      await h.signIn(tab);
    });
  });
}

// A node that is killed says nothing any more; half a minute later somebody may say that it will not come back.
describe('a node that will not come back', () => {
  const away = [
    { ...h.FOUR_WAYS[0], node: 'eu-2' },
    { ...h.FOUR_WAYS[3], node: 'eu-3' },
  ];
  let server, browser;

  before(async () => {
    server = await h.startServer(['--region', 'eu', '--node-name', 'eu-1']);
    browser = await h.startBrowser();
    const tab = await h.openPage(browser, server);
    await h.setUp(tab, server);
    await tab.context.close();
    await h.killedNodes(server, away.map(({ node }) => ['--region', 'eu', '--node-name', node]));
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const way of away) {
    test(`is declared gone for a reason, ${way.name}`, async () => {
      const tab = await h.openPage(browser, server, way);
      const { page } = tab;
      await h.signIn(tab);
      await h.visit(tab, '/console/fleet');
      await page.getByRole('link', { name: way.node, exact: true }).click();
      await page.getByRole('heading', { name: way.node }).waitFor();
      const path = new URL(page.url()).pathname;
      const gone = page.getByRole('link', { name: 'Declare gone' });
      const limit = Date.now() + 60_000;
      while ((await gone.count()) === 0) {
        assert.ok(Date.now() < limit, 'it is not offered');
        await new Promise((next) => setTimeout(next, 1_000));
        await h.visit(tab, path);
      }
      await h.sound(tab);
      await gone.click();
      await page.getByRole('heading', { name: 'Declare gone' }).waitFor();
      await page.getByText('Say so only where the machine is off').waitFor();
      await h.sound(tab);
      await page.getByLabel('Reason').fill('Its machine was sold');
      await page.getByRole('button', { name: 'Declare gone' }).click();
      await page.getByText('Declared gone. Nothing waits for it any more.').waitFor();
      await page.getByText('Its machine was sold').waitFor();
      await h.becomes(() => gone.count(), 0, 'once is enough');
      await h.sound(tab);
      // By its address either, and the node that serves cannot be declared gone at all.
      await h.visit(tab, `${path}/gone`);
      await page.getByText('This cannot be done').waitFor();
      await h.visit(tab, '/console/fleet');
      await page.getByRole('row', { name: /eu-1/ }).getByText('Alive').waitFor();
      await h.visit(tab, '/console/audit');
      await page.locator('.rows').getByText('Declared gone').first().waitFor();
      await tab.context.close();
    });
  }
});
