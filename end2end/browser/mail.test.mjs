// Mail read from a real SMTP server and by a real parser, neither of them ours: what arrives, what is refused now and for good,
// what is cut off in the middle, over TLS and with a wrong password; and the console's screens of it.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import * as fill from './fill.mjs';
import * as h from './lib.mjs';

const binary = process.env.HOLDFAST_BINARY ?? resolve(import.meta.dirname, '../../target/debug/holdfast');
const LOGIN = { user: 'us@er', pass: 'p:ss/w%rd' };

/**
 * A mail server. `refuse` says what is answered to a recipient or to a whole mail (a status and words), and `cut` whether the
 * connection is dropped in the middle of the next one to that address.
 */
async function startSmtp({ key, cert, secure = false, port = 0 } = {}) {
  const smtp = { mails: [], begun: [], refuse: () => null, refuseContent: () => null, cut: () => false };
  const failure = ([status, words]) => Object.assign(new Error(words), { responseCode: status });
  const server = new SMTPServer({
    secure,
    key,
    cert,
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: key ? [] : ['STARTTLS'],
    logger: false,
    onAuth: (auth, _session, done) =>
      auth.username === LOGIN.user && auth.password === LOGIN.pass ? done(null, { user: 1 }) : done(failure([535, '5.7.8 Wrong user or password'])),
    onRcptTo: ({ address }, _session, done) => {
      const no = smtp.refuse(address);
      done(no ? failure(no) : undefined);
    },
    onData: (stream, session, done) => {
      const to = session.envelope.rcptTo[0].address;
      const pieces = [];
      if (smtp.cut(to)) {
        stream.once('data', (piece) => {
          smtp.begun.push({ to, text: piece.toString() });
          for (const connection of server.connections) connection._socket.destroy();
        });
        return;
      }
      stream.on('data', (piece) => pieces.push(piece));
      stream.on('end', async () => {
        const no = smtp.refuseContent(to);
        if (no) return done(failure(no));
        const raw = Buffer.concat(pieces);
        smtp.mails.push({ ...(await simpleParser(raw)), to, secure: session.secure, hello: session.hostNameAppearsAs, raw: raw.toString() });
        done();
      });
    },
  });
  server.on('error', () => {});
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  smtp.port = server.server.address().port;
  smtp.stop = () => new Promise((done) => server.close(done));
  return smtp;
}

async function until(done, what, seconds = 30) {
  const limit = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await done();
    if (found) return found;
    if (Date.now() > limit) throw new Error(`in vain: ${what}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}

const login = `${encodeURIComponent(LOGIN.user)}:${encodeURIComponent(LOGIN.pass)}`;
const way = (smtp, scheme = 'smtp', who = login) => ['--mail-url', `${scheme}://${who}@127.0.0.1:${smtp.port}`, '--mail-from', 'licenses@example.com'];

/** Runs a command, and gives its exit code with what it said. */
async function run(...args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(binary, args);
    return { code: 0, stdout, stderr };
  } catch ({ code, stdout, stderr }) {
    return { code, stdout, stderr };
  }
}

describe('mail through a mail server', () => {
  let smtp, server, browser, tab, page, product;
  const to = (address) => smtp.mails.filter((mail) => mail.to === address);
  const arrives = (address, number = 1) => until(() => to(address).length >= number && to(address)[number - 1], `a mail to ${address}`);
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  const said = (text) => page.getByText(text).filter({ visible: true }).first().waitFor();

  async function invite(email) {
    await h.visit(tab, '/console/team');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Role').selectOption('viewer');
    await press('Make invitation link');
    await page.waitForURL('**/console/team?done=invited*');
    return (await page.locator('#link .key-once code').innerText()).trim();
  }

  /** The row of the log that is about an address, once it says `state`. */
  async function logged(address, state) {
    const row = page.locator('tr', { hasText: address }).first();
    await until(async () => {
      await h.visit(tab, '/console/settings/mail?tab=log');
      return (await row.getByText(state).count()) > 0;
    }, `${address} is said to be ${state}`);
    return row;
  }

  before(async () => {
    smtp = await startSmtp();
    server = await h.startServer([...way(smtp), '--public-url', 'ORIGIN']);
    browser = await h.startBrowser();
    tab = await h.openPage(browser, server);
    page = tab.page;
    await h.setUp(tab, server);
    product = await h.createProduct(tab, 'Example Editor', { plan: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await smtp?.stop();
  });

  test('an invitation arrives, and its link makes a member', async () => {
    const link = await invite('ada@example.com');
    await said('It is mailed to them as well.');
    await h.sound(tab, 'invited');
    const mail = await arrives('ada@example.com');
    assert.equal(mail.from.text, '"Example Software" <licenses@example.com>');
    assert.equal(mail.subject, 'Join Example Software on Holdfast');
    assert.match(mail.messageId, /^<mai_[0-9a-z]{26}@example\.com>$/);
    assert.equal(mail.headers.get('auto-submitted'), 'auto-generated');
    assert.ok(Math.abs(mail.date - Date.now()) < 60_000);
    assert.ok(mail.text.includes(`\n${link}\n`), mail.text);
    assert.ok(mail.html.includes(`href="${link}"`) && !/<img|<script|<link|url\(/.test(mail.html), mail.html);
    assert.ok(/^[\x00-\x7f]*$/.test(mail.raw) && mail.raw.split('\r\n').every((line) => line.length <= 998), 'it fits every mail server');
    const other = await h.openPage(browser, server);
    await h.visit(other, new URL(mail.text.match(/http:\S+\/invite\/\S+/)[0]).pathname);
    await other.page.getByLabel('Your name').fill('Ada Example');
    await other.page.getByLabel('Password').fill('another sentence that nobody guesses');
    await other.page.getByRole('button', { name: 'Join' }).click();
    await other.page.waitForURL('**/console');
    await other.context.close();
  });

  test('the vendor sets how mails look, and a test comes looking so', async () => {
    await h.visit(tab, '/console/settings');
    await page.getByRole('link', { name: 'Mail', exact: true }).click();
    await page.waitForURL('**/console/settings/mail');
    await said(`through 127.0.0.1:${smtp.port}, not encrypted, as us@er`);
    await page.getByLabel('Sender').fill('Ada "& Söhne" 🙂');
    await page.getByLabel('Answers go to').fill('help@example.com');
    await page.getByLabel('Colour').fill('orange');
    await press('Save mail settings');
    await page.locator('#colour-wrong .wrong').waitFor();
    // What the browser notes of a refusal is no fault.
    tab.complaints.length = 0;
    await page.getByLabel('Colour').fill('#FF8800');
    await page.getByLabel('Example Editor').check();
    await press('Save mail settings');
    await said('Saved.');
    await page.getByRole('link', { name: 'Test', exact: true }).click();
    await page.waitForURL('**/console/settings/mail/test');
    await page.getByLabel('Introduction').fill('Grüße, <b>Ada</b>\n\nAlles gut?');
    await press('Save words');
    await said('Saved.');
    await said('Grüße, <b>Ada</b>');
    await h.sound(tab, 'template');
    const html = await page.getByRole('link', { name: /As HTML/ }).getAttribute('href');
    const shown = await browser.newContext({ baseURL: server.origin });
    await shown.addCookies(await tab.context.cookies());
    const document = await shown.newPage();
    const response = await document.goto(html);
    assert.match(response.headers()['content-security-policy'], /^sandbox; default-src 'none'/);
    await document.getByText('Grüße, <b>Ada</b>').waitFor();
    assert.equal(await document.evaluate(() => getComputedStyle(document.querySelector('div')).borderTopColor), 'rgb(255, 136, 0)');
    for (const width of [360, 1280]) {
      await document.setViewportSize({ width, height: 800 });
      assert.ok((await document.evaluate(() => document.documentElement.scrollWidth)) <= width, `the mail scrolls sideways at ${width}`);
    }
    await shown.close();
    await h.visit(tab, '/console/settings/mail');
    await press('Send test to me');
    await page.waitForURL('**tab=log&done=mail_tested');
    const mail = await arrives(h.person.email);
    assert.equal(mail.headers.get('from').value[0].name, 'Ada "& Söhne" 🙂');
    assert.equal(mail.headers.get('reply-to').value[0].address, 'help@example.com');
    assert.ok(mail.text.startsWith('Grüße, <b>Ada</b>\n\nAlles gut?'), mail.text);
    assert.ok(mail.html.includes('Grüße, &lt;b&gt;Ada&lt;/b&gt;') && mail.html.includes('#ff8800'));
    await logged(h.person.email, 'Sent');
    await h.sound(tab, 'log');
  });

  test('a key goes to the customer of a license', async () => {
    const { key } = await h.issueLicense(tab, 'buyer@example.com', 'Bob Buyer');
    const mail = await arrives('buyer@example.com');
    assert.equal(mail.subject, 'Your license for Example Editor');
    assert.ok(mail.text.includes(key) && mail.html.includes(key));
    const row = await logged('buyer@example.com', 'Sent');
    await row.getByRole('button', { name: 'Send again to buyer@example.com' }).click();
    await page.waitForURL('**done=mail_sent_again');
    const again = await arrives('buyer@example.com', 2);
    assert.ok(again.text.includes(key) && again.messageId !== mail.messageId);
  });

  test('a customer is told of a seat that was not there and of a refund, and the vendor says of what', async () => {
    await h.visit(tab, '/console/settings/mail');
    await page.getByLabel('Days before a license ends').fill('200');
    await press('Save mail settings');
    await page.locator('#renewal_days-wrong .wrong').waitFor();
    tab.complaints.length = 0;
    await page.getByLabel('Days before a license ends').fill('20');
    await press('Save mail settings');
    await said('Saved.');
    await h.sound(tab, 'settings');
    const call = fill.api(server, await fill.makeToken(tab, 'Shop'));
    const [plan] = (await call('GET', 'plans')).items;
    const { id: order } = await call('POST', 'orders', { reference: 'A-1042', customer: (await call('POST', 'customers', { email: 'told@example.com' })).id });
    const { id: license, key } = await call('POST', 'licenses', { plan: plan.id, customer: { email: 'told@example.com' }, order, seats: 1 });
    await h.activate(server, product, key, 'Studio');
    await assert.rejects(h.activate(server, product, key, 'Laptop'), /seat_limit_reached/);
    const told = (subject) => until(() => to('told@example.com').find((mail) => mail.subject.startsWith(subject)), `"${subject}" to told@example.com`, 90);
    const full = await told('All seats of your license for Example Editor are taken');
    assert.ok(full.text.includes('- Studio\n') && full.text.includes(`${server.origin}/portal/`) && full.text.includes(`/licenses/${license}\n`), full.text);
    await call('POST', `orders/${order}/refund`, { reason: 'Asked for' });
    const back = await told('Your order A-1042 was paid back');
    assert.ok(back.text.includes('For: Example Editor\n') && /devices stop on\s+\d+ \w+\s+\d{4}\s+at\s+the\s+latest/.test(back.text), back.text);
    await logged('told@example.com', 'Sent');
  });

  test('what is refused for now is tried again', async () => {
    let refusals = 0;
    smtp.refuse = (address) => (address === 'busy@example.com' && refusals++ < 1 ? [450, '4.2.0 Greylisted, come back later'] : null);
    await invite('busy@example.com');
    const row = await logged('busy@example.com', 'Retrying');
    await row.getByText('450 4.2.0 Greylisted, come back later').waitFor();
    await h.sound(tab, 'retrying');
    await arrives('busy@example.com');
    assert.equal(refusals, 2);
    await logged('busy@example.com', 'Sent');
  });

  test('what comes back for good is said at the customer, and not tried again', async () => {
    let refusals = 0;
    smtp.refuse = (address) => (address.startsWith('gone') && ++refusals ? [550, `5.1.1 <${address}>: no such user`] : null);
    await h.issueLicense(tab, 'gone@example.com', 'Gone Customer');
    const row = await logged('gone@example.com', 'Came back');
    await row.getByText('550 5.1.1 <gone@example.com>: no such user').waitFor();
    assert.equal(refusals, 1);
    await h.visit(tab, '/console/customers');
    await page.getByRole('link', { name: 'Gone Customer' }).click();
    await page.waitForURL('**/console/customers/cus_*');
    await said('The last mail to this address came back');
    await h.sound(tab, 'bounced');
    // The address is mended on the other side: it is sent again, and nothing is said any more.
    smtp.refuse = () => null;
    await (await logged('gone@example.com', 'Came back')).getByRole('button', { name: /^Send again/ }).click();
    await arrives('gone@example.com');
    await logged('gone@example.com', 'Sent');
    await page.goBack();
    await h.visit(tab, '/console/customers');
    await page.getByRole('link', { name: 'Gone Customer' }).click();
    await page.waitForURL('**/console/customers/cus_*');
    await page.getByText('gone@example.com').first().waitFor();
    await h.becomes(() => page.getByText('came back').count(), 0);
  });

  test('what is not about the recipient does not come back', async () => {
    let refusals = 0;
    smtp.refuse = (address) => (address === 'relay@example.com' && refusals++ < 1 ? [554, '5.7.1 Relay access denied'] : null);
    smtp.refuseContent = (address) => (address === 'spam@example.com' && refusals++ < 2 ? [554, '5.7.1 Looks like spam'] : null);
    await invite('relay@example.com');
    await invite('spam@example.com');
    await logged('relay@example.com', 'Retrying');
    await arrives('relay@example.com');
    await arrives('spam@example.com');
    assert.ok(refusals >= 2);
  });

  test('what is cut off in the middle comes once more under the same id', async () => {
    let cuts = 0;
    smtp.cut = (address) => address === 'cut@example.com' && cuts++ < 1;
    await invite('cut@example.com');
    const mail = await arrives('cut@example.com');
    const [begun] = smtp.begun;
    assert.equal(begun.to, 'cut@example.com');
    assert.ok(begun.text.includes(`Message-ID: ${mail.messageId}`), begun.text);
    assert.equal(to('cut@example.com').length, 1);
  });

  test('others see no addresses', async () => {
    const viewer = await h.openPage(browser, server);
    await h.visit(viewer, '/sign-in');
    await viewer.page.getByLabel('E-mail').fill('ada@example.com');
    await viewer.page.getByLabel('Password').fill('another sentence that nobody guesses');
    await viewer.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await viewer.page.waitForURL('**/console');
    await h.visit(viewer, '/console/settings/mail?tab=log');
    await viewer.page.getByText('License issued').first().waitFor();
    assert.ok(!(await viewer.page.content()).includes('buyer@'), 'an address is told');
    await h.becomes(() => viewer.page.getByRole('button', { name: /Send/ }).count(), 0);
    await h.sound(viewer, 'viewer');
    await viewer.context.close();
  });

  test('without scripting, on a phone, all of it is there', async () => {
    const small = await h.openPage(browser, server, { scripting: false, theme: 'dark', width: 360 });
    await small.context.addCookies(await tab.context.cookies());
    await h.visit(small, '/console/settings/mail');
    await small.page.getByLabel('Sender').fill('Small');
    await small.page.getByRole('button', { name: 'Save mail settings' }).click();
    await small.page.getByText('Saved.').waitFor();
    await h.sound(small, 'settings');
    await h.visit(small, '/console/settings/mail?tab=log&state=sent');
    await h.sound(small, 'log');
    await small.page.getByRole('button', { name: 'Send again to buyer@example.com' }).first().click();
    await small.page.waitForURL('**done=mail_sent_again');
    await arrives('buyer@example.com', 3);
    // Of which alerts one is told is one's own affair.
    await h.visit(small, '/console/security');
    await small.page.getByLabel('You are told by mail').selectOption('all');
    await small.page.getByRole('button', { name: 'Save', exact: true }).click();
    await small.page.getByText('It counts from the next alert on.').waitFor();
    await h.sound(small, 'alerts');
    await small.context.close();
  });

  test('the command line tries it out and says what is wrong', async () => {
    const sent = await run('mail', 'test', '--to', 'trial@example.com', ...way(smtp), '--public-url', server.origin, '--json');
    assert.equal(sent.code, 0, sent.stderr);
    assert.equal(JSON.parse(sent.stdout).to, 'trial@example.com');
    const mail = await arrives('trial@example.com');
    assert.equal(mail.subject, 'Test from Holdfast');
    assert.equal(mail.hello, 'example.com');
    const wrong = await run('mail', 'test', '--to', 'trial@example.com', ...way(smtp, 'smtp', 'us:wrong'), '--public-url', server.origin);
    assert.deepEqual([wrong.code, wrong.stderr], [1, 'holdfast: the mail server does not let us in: 535 5.7.8 Wrong user or password\n']);
    const looked = async (...args) => {
      const { stdout } = await run('doctor', '--json', '--data-dir', server.data, '--public-url', server.origin, ...args);
      return JSON.parse(stdout).findings.filter(({ what }) => what === 'mail');
    };
    assert.equal((await looked(...way(smtp)))[0].grade, 'ok');
    const [refused] = await looked(...way({ port: 1 }));
    assert.deepEqual([refused.grade, refused.detail.includes('cannot be reached: connection refused')], ['failed', true]);
    const [none] = await looked();
    assert.ok(none.grade === 'ok' && none.detail.startsWith('none leaves'), none.detail);
  });

  test('what the node counts is there to be asked for', async () => {
    const text = await (await fetch(`http://127.0.0.1:${server.metrics}/metrics`)).text();
    const value = (name) => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
    assert.ok(value('holdfast_mails_total{outcome="sent"}') >= 8, text);
    assert.ok(value('holdfast_mails_total{outcome="again"}') >= 3);
    assert.equal(value('holdfast_mails_total{outcome="bounced"}'), 1);
  });
});

describe('mail over TLS', () => {
  let folder, key, cert;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-mail-'));
    const file = (name) => join(folder, name);
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
      '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', file('key.pem'), '-out', file('cert.pem'),
    ], { stdio: 'ignore' });
    [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(file(name)));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [scheme, secure] of [['smtps', true], ['smtp+starttls', false]]) {
    test(`${scheme} hides it, and trusts whom it is told to`, async () => {
      const smtp = await startSmtp({ key, cert, secure });
      const trial = (...args) => run('mail', 'test', '--to', 'tls@example.com', ...way(smtp, scheme), '--public-url', 'https://licenses.example.com', ...args);
      const stranger = await trial();
      assert.equal(stranger.code, 1);
      assert.match(stranger.stderr, /no encrypted connection to the mail server/);
      const trusted = await trial('--mail-ca-file', join(folder, 'cert.pem'));
      assert.equal(trusted.code, 0, trusted.stderr);
      assert.ok(smtp.mails.length === 1 && smtp.mails[0].secure);
      await smtp.stop();
    });
  }

  test('a server that does not encrypt is sent nothing', async () => {
    const smtp = await startSmtp();
    const plain = await run('mail', 'test', '--to', 'x@example.com', ...way(smtp, 'smtp+starttls'), '--public-url', 'https://licenses.example.com');
    assert.equal(plain.code, 1);
    assert.match(plain.stderr, /no encrypted connection to the mail server/);
    assert.equal(smtp.mails.length, 0);
    await smtp.stop();
  });
});

describe('mail that is only tried out, and none at all', () => {
  let browser, server;
  before(async () => {
    browser = await h.startBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test('is written into a folder, whole or not at all', async () => {
    server = await h.startServer(['--mail-url', 'file:DATA/mails', '--public-url', 'ORIGIN']);
    const tab = await h.openPage(browser, server);
    await h.setUp(tab, server);
    await h.visit(tab, '/console/settings/mail');
    await tab.page.getByText(/written into the folder .*mails/).waitFor();
    await tab.page.getByRole('button', { name: 'Send test to me' }).click();
    await tab.page.waitForURL('**done=mail_tested');
    const folder = join(server.data, 'mails');
    const files = () => {
      try {
        return readdirSync(folder);
      } catch {
        return [];
      }
    };
    const [name] = await until(() => files().some((file) => file.endsWith('.eml')) && files(), 'a file');
    assert.match(name, /^mai_[0-9a-z]{26}\.eml$/);
    const mail = await simpleParser(readFileSync(join(folder, name)));
    assert.equal(mail.subject, 'Test from Example Software');
    assert.equal(mail.messageId, `<${name.replace('.eml', '')}@localhost>`);
    await server.stop();
  });

  test('does not leave where no way is set, and the console says so', async () => {
    server = await h.startServer();
    const tab = await h.openPage(browser, server);
    await h.setUp(tab, server);
    await h.visit(tab, '/console/team');
    await tab.page.getByLabel('E-mail').fill('ada@example.com');
    await tab.page.getByRole('button', { name: 'Make invitation link' }).click();
    await tab.page.getByText('No mail leaves here: hand it over yourself.').waitFor();
    for (const path of ['/console/settings/mail', '/console/settings/mail?tab=log']) {
      await h.visit(tab, path);
      await tab.page.getByText('No mail leaves here.').waitFor();
      await h.becomes(() => tab.page.getByRole('button', { name: 'Send test to me' }).count(), 0);
      await h.sound(tab, 'none');
    }
    await tab.page.getByText('Nothing here').waitFor();
  });
});
