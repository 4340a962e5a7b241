// People and how they get in, in a real browser: the team, invitations, authenticator apps, passkeys, stepping up, the
// company's own sign-in with a real OpenID provider, and the check of the audit chain.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import Provider from 'oidc-provider';
import * as h from './lib.mjs';
import { appCode } from './lib.mjs';

/** Passkeys are bound to a name, and an address is none. */
const named = (server) => ({ ...server, origin: server.origin.replace('127.0.0.1', 'localhost') });

/** Everything that must hold on every page. */
const { sound } = h;

async function signOut({ page }) {
  await page.locator('.menu-pop summary').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('**/sign-in?done=signed_out');
}

async function password({ page }, email, word) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(word);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

for (const way of h.TWO_WAYS) {
  describe(`people ${way.name}`, () => {
    let server, browser, tab, secret, codes, link;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, named(server), way);
      await h.setUp(tab, server);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    test('the first owner is reminded and sets up an authenticator app', async () => {
      const { page } = tab;
      await page.getByText('signing in needs a second factor').waitFor();
      await page.getByRole('link', { name: 'Set one up' }).click();
      await page.waitForURL('**/console/security');
      await page.getByText('No second factor yet').waitFor();
      await sound(tab);
      await page.getByRole('link', { name: 'Set up an authenticator app' }).click();
      await page.waitForURL('**/console/security/app');
      await page.getByRole('img', { name: 'QR code of the secret' }).waitFor();
      secret = (await page.locator('.key-once code').innerText()).trim();
      await sound(tab);
      await page.getByLabel('Code', { exact: true }).fill('000000');
      await page.getByRole('button', { name: 'Add authenticator app' }).click();
      await page.getByText('The code or passkey does not fit').first().waitFor();
      tab.complaints.length = 0;
      await page.getByLabel('Code', { exact: true }).fill(appCode(secret));
      await page.getByLabel('What you call it').fill('Phone');
      await page.getByRole('button', { name: 'Add authenticator app' }).click();
      await page.getByText('Your recovery codes').waitFor();
      codes = await page.locator('.codes code').allInnerTexts();
      assert.equal(new Set(codes).size, 10);
      await sound(tab);
    });

    test('signing in asks for it, and a code works once', async () => {
      const { page } = tab;
      await signOut(tab);
      await password(tab, h.person.email, h.person.password);
      await page.waitForURL(/\/sign-in\/factor/);
      await sound(tab);
      await page.getByLabel('Code', { exact: true }).fill('111111');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByText('The code or passkey does not fit').first().waitFor();
      tab.complaints.length = 0;
      await page.getByLabel('Code', { exact: true }).fill(appCode(secret, 1));
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL((url) => url.pathname === '/console');
      await signOut(tab);
      await password(tab, h.person.email, h.person.password);
      await page.waitForURL(/\/sign-in\/factor/);
      await page.getByLabel('Code', { exact: true }).fill(codes[0]);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL((url) => url.pathname === '/console');
      await h.visit(tab, '/console/security');
      await page.getByText('9 / 10 are left.').waitFor();
    });

    test('somebody is invited and joins', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/team');
      await sound(tab);
      await page.getByLabel('E-mail').fill('ada@example.com');
      await page.getByLabel('Role').selectOption('support');
      await page.getByRole('button', { name: 'Make invitation link' }).click();
      link = (await page.locator('.key-once code').innerText()).trim();
      assert.match(link, /\/invite\/[\w-]{32}$/);
      await page.getByRole('button', { name: 'New link for ada@example.com' }).waitFor();
      await sound(tab);
      const ada = await h.openPage(browser, named(server), way);
      await h.visit(ada, new URL(link).pathname);
      await ada.page.getByRole('heading', { name: `Join ${h.person.vendor}` }).waitFor();
      await sound(ada);
      await ada.page.getByLabel('Your name').fill('Ada Example');
      await ada.page.getByLabel('Password').fill('another sentence that nobody guesses');
      await ada.page.getByRole('button', { name: 'Join and sign in' }).click();
      await ada.page.waitForURL('**/console/security');
      await ada.page.getByText('everything else opens').waitFor();
      await sound(ada);
      await ada.page.goto('/console/licenses');
      assert.match(ada.page.url(), /\/console\/security$/);
      await h.visit(ada, '/console/security/app');
      const own = (await ada.page.locator('.key-once code').innerText()).trim();
      await ada.page.getByLabel('Code', { exact: true }).fill(appCode(own));
      await ada.page.getByRole('button', { name: 'Add authenticator app' }).click();
      await ada.page.getByText('Your recovery codes').waitFor();
      await h.visit(ada, '/console/team');
      await h.becomes(() => ada.page.getByText('Invite somebody').count(), 0);
      await ada.context.close();
    });

    // Goes to the page of a step with the member that is shown.
    const step = async (name) => {
      await tab.page.getByRole('link', { name, exact: true }).click();
      await tab.page.waitForURL('**/console/team/mem_*/*');
      await h.settled(tab);
    };

    const toAda = async () => {
      await h.visit(tab, '/console/team');
      await tab.page.getByRole('link', { name: 'Ada Example' }).click();
      await tab.page.waitForURL('**/console/team/mem_*');
      await h.settled(tab);
    };

    test('roles are changed, and the last owner stays', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/team');
      await page.getByRole('link', { name: 'Ada Example' }).click();
      await page.waitForURL('**/console/team/mem_*');
      await sound(tab);
      await step('Change role');
      await page.getByText('Ends all their sessions at once').waitFor();
      await page.getByLabel('Role').selectOption('viewer');
      await page.getByLabel('Reason').fill('Another team');
      await page.getByRole('button', { name: 'Change role' }).click();
      await page.waitForURL('**/console/team/mem_*?done=role_changed');
      await h.visit(tab, '/console/team');
      await page.getByRole('link', { name: 'owner', exact: true }).click();
      await page.waitForURL('**/console/team/mem_*');
      await h.settled(tab);
      await step('Remove');
      await page.getByLabel('Reason').fill('Retires');
      await page.getByRole('button', { name: 'Remove yourself' }).click();
      await page.getByText('The last owner cannot go').first().waitFor();
      await h.becomes(() => page.getByLabel('Reason').inputValue(), 'Retires');
      tab.complaints.length = 0;
    });

    test('a forgotten password is replaced by a link', async () => {
      const { page } = tab;
      await toAda();
      await step('Make password link');
      await sound(tab);
      await page.getByLabel('Reason').fill('Asked on the phone');
      await page.getByRole('button', { name: 'Make password link' }).click();
      await page.waitForURL('**/console/team?done=password_link_made*');
      link = (await page.locator('.key-once code').innerText()).trim();
      assert.match(link, /\/password\/[\w-]{32}$/);
      await sound(tab);
      const ada = await h.openPage(browser, named(server), way);
      await h.visit(ada, new URL(link).pathname);
      await ada.page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
      await sound(ada);
      await ada.page.getByLabel('Password').fill('a third sentence that nobody guesses');
      await ada.page.getByRole('button', { name: 'Set password and sign in' }).click();
      // Her second factor is asked for all the same.
      await ada.page.waitForURL(/\/sign-in\/factor/);
      await ada.context.close();
    });

    test('somebody is removed for a reason, and it is undone', async () => {
      const { page } = tab;
      await toAda();
      await step('Remove');
      await page.getByText('Can be undone for ten minutes').waitFor();
      await sound(tab);
      await page.getByLabel('Reason').fill('Leaves in March');
      await page.getByRole('button', { name: 'Remove member' }).click();
      await page.waitForURL('**/console/team/mem_*?done=member_removed');
      await page.getByText('Removed', { exact: true }).waitFor();
      await sound(tab);
      await page.getByRole('button', { name: 'Undo the removal' }).click();
      await page.waitForURL('**/console/team/mem_*?done=member_restored');
      await page.getByText('Viewer', { exact: true }).waitFor();
      await h.visit(tab, '/console/audit?action=member.removed');
      await page.getByText('Leaves in March').waitFor();
    });

    test('sessions say in which browser they are', async () => {
      await h.visit(tab, '/console/sessions');
      await tab.page.getByText(/Chrom\w+ on \w+/).first().waitFor();
      await sound(tab);
    });

    test('the audit chain is checked on the screen', async () => {
      const { page } = tab;
      await h.visit(tab, '/console/audit');
      await page.getByRole('link', { name: 'Check the chain' }).click();
      await page.getByText(/Whole: all \d+ events are as they were written/).waitFor();
      await sound(tab);
    });

    test('a page asks to confirm in plain forms', async () => {
      await h.visit(tab, '/console/confirm?next=/console/audit');
      await sound(tab);
      await tab.page.getByLabel('Password').fill(h.person.password);
      await tab.page.getByRole('button', { name: 'Confirm with password' }).click();
      await tab.page.waitForURL((url) => url.pathname === '/console/audit');
    });

    /** Makes an invitation; gives the path of its link. */
    async function invite(email, role) {
      const { page } = tab;
      await h.visit(tab, '/console/team');
      await page.getByLabel('E-mail').fill(email);
      await page.getByLabel('Role').selectOption(role);
      await page.getByRole('button', { name: 'Make invitation link' }).click();
      return linkFor(email);
    }
    async function linkFor(email, before = 'none') {
      const link = tab.page.locator('#link', { hasText: email }).locator('.key-once code', { hasNotText: before });
      return new URL((await link.innerText()).trim()).pathname;
    }

    test('an invitation gets another link, and is taken back', async () => {
      const { page } = tab;
      const opens = async (path) => (await fetch(server.origin + path)).status === 200;
      const first = await invite('bob@example.com', 'viewer');
      assert.ok(await opens(first));
      await page.getByRole('button', { name: 'New link for bob@example.com' }).click();
      const second = await linkFor('bob@example.com', first);
      assert.deepEqual([await opens(first), await opens(second)], [false, true]);
      await page.getByRole('button', { name: 'Take back the invitation of bob@example.com' }).click();
      await page.getByText('Invitation taken back.').waitFor();
      assert.ok(!(await opens(second)));
      await h.becomes(() => page.getByText('bob@example.com').count(), 0);
      assert.deepEqual(tab.complaints, []);
    });

    test('somebody who has lost a second factor gets in again', async () => {
      const { page } = tab;
      const carl = await h.openPage(browser, named(server), way);
      const word = 'a third sentence that nobody guesses';
      await h.visit(carl, await invite('carl@example.com', 'support'));
      await carl.page.getByLabel('Your name').fill('Carl Example');
      await carl.page.getByLabel('Password').fill(word);
      await carl.page.getByRole('button', { name: 'Join and sign in' }).click();
      await carl.page.waitForURL('**/console/security');
      await h.visit(carl, '/console/security/app');
      const own = (await carl.page.locator('.key-once code').innerText()).trim();
      await carl.page.getByLabel('Code', { exact: true }).fill(appCode(own));
      await carl.page.getByRole('button', { name: 'Add authenticator app' }).click();
      await carl.page.getByText('Your recovery codes').waitFor();
      await h.visit(tab, '/console/team');
      await page.getByRole('link', { name: 'Carl Example' }).click();
      await page.waitForURL('**/console/team/mem_*');
      await h.settled(tab);
      await page.getByRole('link', { name: 'Reset second factors' }).click();
      await page.waitForURL('**/console/team/mem_*/factors');
      await page.getByText('Make sure that it is really them who ask').waitFor();
      await page.getByLabel('Reason').fill('Phone lost, seen in person');
      await page.getByRole('button', { name: 'Reset second factors' }).click();
      await page.waitForURL('**/console/team/mem_*?done=factors_reset');
      assert.deepEqual(tab.complaints, []);
      await carl.page.goto('/console/licenses');
      assert.match(carl.page.url(), /\/sign-in/, 'their sessions have ended');
      await h.settled(carl);
      await password(carl, 'carl@example.com', word);
      await carl.page.waitForURL('**/console/security');
      await carl.page.getByText('everything else opens').waitFor();
      await carl.context.close();
    });

    test('recovery codes are replaced, the password is changed, and the app goes', async () => {
      const { page } = tab;
      const refused = async () => {
        await page.locator('.notice.bad').first().waitFor();
        await h.settled(tab);
        // What an earlier refusal said still stands there: the browser complains of each.
        for (const limit = Date.now() + 10_000; way.scripting && tab.complaints.length === 0; ) {
          assert.ok(Date.now() < limit, 'nothing was refused');
          await new Promise((next) => setTimeout(next, 20));
        }
        tab.complaints.length = 0;
      };
      await h.visit(tab, '/console/security');
      await page.getByRole('button', { name: 'Make new recovery codes' }).click();
      await page.getByText('New recovery codes made.').waitFor();
      await page.locator('.codes code').first().waitFor();
      const fresh = await page.locator('.codes code').allInnerTexts();
      assert.equal(new Set([...fresh, ...codes]).size, 20);
      const change = async (current, next) => {
        await page.getByLabel('Current password').fill(current);
        await page.getByLabel('New password').fill(next);
        await page.getByRole('button', { name: 'Change password' }).click();
      };
      const other = 'yet another sentence, for a change';
      await change('not my password at all', other);
      await refused();
      await change(h.person.password, 'short');
      await refused();
      await sound(tab);
      await change(h.person.password, other);
      await page.getByText('Password changed. All your other sessions have ended.').waitFor();
      await signOut(tab);
      await password(tab, h.person.email, other);
      await page.waitForURL(/\/sign-in\/factor/);
      await page.getByLabel('Code', { exact: true }).fill(codes[1]);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await refused();
      await page.getByLabel('Code', { exact: true }).fill(fresh[0]);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL((url) => url.pathname === '/console');
      await h.visit(tab, '/console/security');
      // The last one stays where the role needs one.
      await page.getByRole('button', { name: 'Remove Phone' }).click();
      await refused();
      await page.getByText('Your role needs a second factor').first().waitFor();
      await h.visit(tab, '/console/security/app');
      const own = (await page.locator('.key-once code').innerText()).trim();
      await page.getByLabel('Code', { exact: true }).fill(appCode(own));
      await page.getByLabel('What you call it').fill('Tablet');
      await page.getByRole('button', { name: 'Add authenticator app' }).click();
      await page.getByText('Second factor added.').waitFor();
      await page.getByRole('button', { name: 'Remove Phone' }).click();
      await page.getByText('Second factor removed.').waitFor();
      await page.getByRole('cell', { name: 'Tablet' }).first().waitFor();
      await page.getByRole('cell', { name: 'Phone' }).first().waitFor({ state: 'detached' });
      assert.deepEqual(tab.complaints, []);
    });
  });
}

describe('passkeys', () => {
  let server, browser, tab, cdp;

  before(async () => {
    server = await h.startServer();
    browser = await h.startBrowser();
    tab = await h.openPage(browser, named(server));
    await h.setUp(tab, server);
    cdp = await tab.context.newCDPSession(tab.page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'usb',
        hasResidentKey: false,
        hasUserVerification: false,
        automaticPresenceSimulation: true,
      },
    });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('a passkey is made, signs in and confirms', async () => {
    const { page } = tab;
    await h.visit(tab, '/console/security');
    await page.locator('summary', { hasText: 'Add a passkey' }).click();
    await page.getByLabel('What you call it').fill('Security key');
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByText('Your recovery codes').waitFor();
    await page.getByRole('cell', { name: 'Security key' }).first().waitFor();
    await sound(tab);
    await signOut(tab);
    await password(tab, h.person.email, h.person.password);
    await page.waitForURL(/\/sign-in\/factor/);
    await h.settled(tab);
    await sound(tab);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.waitForURL((url) => url.pathname === '/console');
    await h.visit(tab, '/console/confirm?next=/console/audit');
    await sound(tab);
    await page.getByRole('button', { name: 'Confirm with passkey' }).click();
    await page.waitForURL((url) => url.pathname === '/console/audit');
    await h.visit(tab, '/console/security');
    await page.getByRole('button', { name: 'Remove Security key' }).click();
    await page.getByText('Your role needs a second factor').first().waitFor();
  });
});

describe('a company’s own sign-in', () => {
  let server, browser, owner, provider, issuer;

  const keys = () => {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    return { keys: [{ ...jwk, use: 'sig', alg: 'RS256', kid: `k${Math.floor(Math.random() * 1e9)}` }] };
  };

  /** A real OpenID provider at that port, in which everybody may say who they are. */
  async function startProvider(port, redirect) {
    const http = createServer();
    await new Promise((done) => http.listen(port, '127.0.0.1', done));
    issuer = `http://localhost:${http.address().port}`;
    const verified = (id) => id !== 'unverified';
    const oidc = new Provider(issuer, {
      clients: [{
        client_id: 'holdfast',
        client_secret: 'a secret of the provider & us',
        redirect_uris: [redirect],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      }],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
      cookies: { keys: ['of this test'] },
      jwks: keys(),
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          name: `Person ${id}`,
          email: id.includes('.') ? `ann@${id}` : `${id}@example.com`,
          email_verified: verified(id),
        }),
      }),
    });
    http.on('request', oidc.callback());
    return { port: http.address().port, stop: () => new Promise((done) => { http.close(done); http.closeAllConnections(); }) };
  }

  before(async () => {
    server = await h.startServer(['--private-providers']);
    browser = await h.startBrowser();
    owner = await h.openPage(browser, named(server));
    await h.setUp(owner, server);
    provider = await startProvider(0, `${named(server).origin}/sign-in/return`);
  });
  after(async () => {
    await browser?.close();
    await provider?.stop();
    await server?.stop();
  });

  /** Goes to the provider, says who one is, and comes back. */
  async function signInAs(id, way = {}) {
    const tab = await h.openPage(browser, named(server), way);
    await h.visit(tab, '/sign-in');
    await tab.page.getByRole('link', { name: "Sign in with your company's account" }).click();
    await tab.page.waitForURL(`${issuer}/**`);
    await tab.page.locator('input[name=login]').fill(id);
    await tab.page.locator('input[name=password]').fill('anything');
    await tab.page.locator('button[type=submit]').click();
    await tab.page.locator('button[type=submit]', { hasText: 'Continue' }).click();
    await tab.page.waitForURL(`${named(server).origin}/**`);
    return tab;
  }

  test('an owner sets the provider, which is asked who it is', async () => {
    const { page } = owner;
    await h.visit(owner, '/console/team/sign-in');
    await sound(owner);
    const fill = async (address) => {
      await page.getByLabel('Issuer').fill(address);
      await page.getByLabel('Client id').fill('holdfast');
      await page.getByLabel('Client secret').fill('a secret of the provider & us');
      await page.getByLabel('Domains').fill('example.com');
      await page.getByLabel('Who comes for the first time becomes').selectOption('viewer');
      await page.getByRole('button', { name: 'Save' }).click();
    };
    await fill(`${issuer}/other`);
    await page.getByText("The company's sign-in cannot be reached").first().waitFor();
    owner.complaints.length = 0;
    await fill(issuer);
    await page.waitForURL('**/console/team/sign-in?done=provider_set');
    await sound(owner);
  });

  test('somebody new comes in as what the owner chose, with scripting and without', async () => {
    for (const [id, scripting] of [['ada', true], ['bob', false]]) {
      const tab = await signInAs(id, { scripting });
      await tab.page.waitForURL((url) => url.pathname === '/console');
      await h.settled(tab);
      await tab.page.getByRole('heading', { name: 'Overview' }).waitFor();
      await tab.context.close();
    }
    await h.visit(owner, '/console/team');
    await owner.page.getByRole('row', { name: /Person ada.*Viewer/ }).waitFor();
  });

  test('keys that were rotated are found, and the same person is the same member', async () => {
    await provider.stop();
    provider = await startProvider(provider.port, `${named(server).origin}/sign-in/return`);
    const tab = await signInAs('ada');
    await tab.page.waitForURL((url) => url.pathname === '/console');
    await tab.context.close();
    await h.visit(owner, '/console/team');
    await h.becomes(() => owner.page.getByRole('row', { name: /Person ada/ }).count(), 1);
  });

  test('addresses that are not verified or of other domains stay outside', async () => {
    for (const id of ['unverified', 'elsewhere.example']) {
      const tab = await signInAs(id);
      await tab.page.getByText('provider_refused').waitFor();
      await tab.page.goto('/console');
      assert.match(tab.page.url(), /\/sign-in/);
      await tab.context.close();
    }
  });

  test('an answer in a browser that was not sent away is refused', async () => {
    const tab = await h.openPage(browser, named(server));
    await h.visit(tab, '/sign-in');
    await tab.page.getByRole('link', { name: "Sign in with your company's account" }).click();
    await tab.page.waitForURL(`${issuer}/**`);
    await tab.page.locator('input[name=login]').fill('eve');
    await tab.page.locator('input[name=password]').fill('anything');
    await tab.page.locator('button[type=submit]').click();
    // What tells this browser from any other that is given the same link.
    await tab.context.clearCookies({ name: /away/ });
    await tab.page.locator('button[type=submit]', { hasText: 'Continue' }).click();
    await tab.page.getByText('provider_refused').waitFor();
    await tab.page.goto('/console');
    assert.match(tab.page.url(), /\/sign-in/);
  });

  test('the provider is taken away, on a phone without scripting', async () => {
    const tab = await h.openPage(browser, named(server), { scripting: false, theme: 'dark', width: 360 });
    await tab.context.addCookies(await owner.context.cookies());
    await h.visit(tab, '/console/team/sign-in');
    await sound(tab);
    await tab.page.getByLabel('Reason').fill('Passwords for everybody');
    await tab.page.getByRole('button', { name: 'Remove provider' }).click();
    await tab.page.waitForURL('**done=provider_removed');
    await tab.page.getByText('Provider removed.').waitFor();
    await tab.context.clearCookies();
    await h.visit(tab, '/sign-in');
    await h.becomes(() => tab.page.getByRole('link', { name: "Sign in with your company's account" }).count(), 0);
    await tab.context.close();
  });
});
