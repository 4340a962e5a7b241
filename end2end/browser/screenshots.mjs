// `make screenshots`: every screen in both themes and on a phone, into docs/screenshots, and docs/gallery.md to see them by.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { api, invite, join as joinTeam, makeToken, tell, waiting } from './fill.mjs';
import * as h from './lib.mjs';

const out = resolve(dirname(fileURLToPath(import.meta.url)), '../../docs/screenshots');
mkdirSync(out, { recursive: true });

const people = [
  'Ada Example', 'Bob Example', 'Carol Example', 'Delta Studios', 'Edda Example', 'Farley Engineering', 'Greta Example',
  'Harbour Labs', 'Ines Example', 'Juniper Print',
];
const machines = ["Ada's workstation", 'Build server', 'Laptop, living room', 'Lab 3', 'Render node 1', 'Render node 2'];

// Where webhooks go.
const receiver = createServer((request, response) => request.resume().on('end', () => response.writeHead(204).end()));
await new Promise((done) => receiver.listen(0, '127.0.0.1', done));

const server = await h.startServer(['--webhook-allow-private', '--mail-url', 'file:DATA/mails']);
const browser = await h.startBrowser();
try {
  const first = await h.openPage(browser, server);
  const shoot = (tab, name) => tab.page.screenshot({ path: join(out, `${name}.png`) });
  await h.visit(first, '/');
  await shoot(first, 'set-up');
  await h.setUp(first, server);
  await h.settled(first);
  await shoot(first, 'overview-first-run');
  const product = await h.createProduct(first, 'Example Editor');
  await h.createProduct(first, 'Example Render');
  await h.addPlan(first, product, 'Professional', { seats: '3', entitlements: 'export\nprojects = 50\nedition = professional' });
  await h.addPlan(first, product, 'Studio', { seats: '10', entitlements: 'export\nprojects = 1000\nedition = studio\nrender_nodes = 4' });
  const licenses = [];
  for (const [number, name] of people.entries()) {
    const license = await h.issueLicense(first, `${name.split(' ')[0].toLowerCase()}@example.com`, name);
    licenses.push(license);
    if (number === 0) {
      await h.settled(first);
      await shoot(first, 'license-issued');
    }
    for (const machine of machines.slice(0, (number * 2) % 4)) await h.activate(server, product, license.key, machine);
  }
  const shown = licenses[1];

  await h.visit(first, '/console/webhooks/new');
  await first.page.getByLabel('Address').fill(`http://127.0.0.1:${receiver.address().port}/holdfast`);
  await first.page.getByLabel('What it is for (optional)').fill('The web shop');
  await first.page.getByRole('button', { name: 'Add webhook' }).click();
  await first.page.waitForURL('**/console/webhooks/whk_*');
  const webhook = new URL(first.page.url()).pathname;

  await h.visit(first, `/console/licenses/${shown.id}`);
  await first.page.getByLabel('New note').fill('Calls on Mondays.\nPays by invoice.');
  await first.page.getByRole('button', { name: 'Add note' }).click();
  await first.page.waitForURL('**done=note_added*');
  const seat = await first.page.getByRole('link', { name: machines[0], exact: true }).getAttribute('href');
  await h.visit(first, `/console/licenses/${licenses[3].id}/extend?until=`);
  await first.page.getByLabel('Reason').fill('Goodwill');
  await first.page.getByRole('button', { name: 'Extend license' }).click();
  await first.page.waitForURL('**done=*');
  await h.settled(first);
  const undo = await first.page.getByRole('link', { name: 'Undo', exact: true }).getAttribute('href');
  for (const [number, step] of [[2, 'suspend'], [5, 'revoke']]) {
    await h.visit(first, `/console/licenses/${licenses[number].id}/${step}`);
    await first.page.getByLabel('Reason').fill('Order 10042 was refunded');
    await first.page.getByRole('button', { name: step === 'suspend' ? 'Suspend license' : 'Revoke license' }).click();
    await first.page.waitForURL('**done=*');
  }
  await h.visit(first, '/console/licenses?state=active');
  await first.page.getByLabel(/^All \d+ that match/).check();
  await first.page.getByRole('button', { name: 'Extend', exact: true }).click();
  await first.page.waitForURL('**/console/acts/new**');
  await h.settled(first);
  const newAct = first.page.url().slice(server.origin.length);
  await first.page.getByLabel('Days').fill('14');
  await first.page.getByLabel('Reason').fill('Two weeks for the moved release');
  await first.page.getByRole('button', { name: /^Extend \d+ licenses$/ }).click();
  await first.page.waitForURL('**/console/acts/blk_*');
  const act = new URL(first.page.url()).pathname;
  await first.page.locator('.badge-state', { hasText: 'Done' }).waitFor();

  const { secret, path: token } = await makeToken(first);
  const call = api(server, { secret });
  const buyer = (await call('GET', 'customers?q=harbour')).items[0].id;
  const bought = await call('POST', 'orders', { reference: 'Order 10077', customer: buyer });
  const anyPlan = (await call('GET', `plans?product=${product}`)).items[0].id;
  for (let n = 0; n < 2; n += 1) {
    const { key } = await call('POST', 'licenses', { plan: anyPlan, customer: buyer, order: bought.id });
    await h.activate(server, product, key, machines[n]);
  }
  const order = `/console/orders/${bought.id}`;
  // A shop of one's own tells of two sales.
  const shop = await call('POST', 'shops', { kind: 'generic', name: 'Web shop' });
  await call('POST', `shops/${shop.id}/prices`, { price: 'editor_professional', plan: anyPlan, quantity_is_seats: true });
  const sale = (id, price, more) => ({
    id, payment: 'paid', buyer: { email: 'harbour@example.com', name: 'Harbour Labs' },
    lines: [{ id: '1', price, quantity: 5, title: 'Example Editor' }], ...more,
  });
  const part = { payment: 'paid_back_in_part', paid_back: '49.00 EUR' };
  await tell(server, shop.id, shop.secret, 1, sale('Order 10078', 'editor_professional', part));
  await tell(server, shop.id, shop.secret, 1, sale('Order 10079', 'editor_studio'));
  const inbox = await waiting(call, 2);
  // An admin asks for a new key.
  const admin = await joinTeam(browser, server, await invite(first, 'carol@example.com', 'admin'), 'Carol Example');
  await h.visit(admin, `/console/products/${product}/keys/rotate`);
  await admin.page.getByLabel('Reason').fill('A laptop with a copy of the backup is lost');
  await admin.page.getByRole('button', { name: 'Ask for approval' }).click();
  await admin.page.waitForURL('**/console/approvals/apr_*');
  const approval = new URL(admin.page.url()).pathname;
  await admin.context.close();
  await h.visit(first, '/console/team');
  const member = await first.page.getByRole('link', { name: 'Carol Example' }).getAttribute('href');
  await h.uploadCsv(first);
  const imported = new URL(first.page.url()).pathname;
  const cookies = await first.context.cookies();
  const planOf = async (product, name) => {
    await h.visit(first, `/console/products/${product}`);
    return first.page.getByRole('link', { name }).getAttribute('href');
  };
  const plan = await planOf(product, 'Professional');
  const small = (await planOf(product, 'Studio')).split('/').pop();
  await h.visit(first, `${plan}?tab=edit`);
  await first.page.getByLabel('Seats', { exact: true }).fill('1');
  await first.page.getByRole('button', { name: 'Check the change' }).click();
  await first.page.waitForURL('**/check?*');
  const check = first.page.url().slice(server.origin.length);
  await h.visit(first, webhook);
  const delivery = await first.page.locator('td a.row-link').first().getAttribute('href');

  await h.visit(first, '/console/customers?q=delta');
  const customer = (await first.page.getByRole('link', { name: 'Delta Studios' }).getAttribute('href')).split('/').pop();

  // A mistake: a license with many devices is revoked, more of them are denied than is usual, and nothing more is.
  const viewer = await h.createProduct(first, 'Example Viewer');
  await h.addPlan(first, viewer, 'Campus', { seats: '60', entitlements: 'export' });
  const campusPlan = (await planOf(viewer, 'Campus')).split('/').pop();
  const campus = await h.issueLicense(first, 'it@example.edu', 'Example College', campusPlan);
  const leases = [];
  for (let n = 1; n <= 40; n += 1) leases.push(await h.activate(server, viewer, campus.key, `Lab ${n}`));
  await h.visit(first, `/console/licenses/${campus.id}/revoke`);
  await first.page.getByLabel('Reason').fill('Wrong row of a refund list');
  await first.page.getByRole('button', { name: 'Revoke license' }).click();
  await first.page.waitForURL('**done=*');
  for (const lease of leases) await h.renew(server, viewer, lease);
  await first.page.goto(`${server.origin}/console/alerts`);
  const alert = await first.page.getByRole('link', { name: /denial/i }).first().getAttribute('href', { timeout: 120_000 });

  await h.visit(first, '/support/replies/new');
  await first.page.getByLabel('Name', { exact: true }).fill('Seats in use');
  await first.page.getByLabel('Text').fill('Dear {customer},\n{seats_used} of {seats_limit} seats of …{key_end} are in use: {devices}.\n{me}');
  await first.page.getByRole('button', { name: 'Save reply' }).click();
  await first.page.waitForURL('**/support/replies?done=reply_saved');
  const reply = await first.page.getByRole('link', { name: 'Seats in use' }).getAttribute('href');

  const screens = {
    overview: '/console',
    products: '/console/products',
    'product-plans': `/console/products/${product}`,
    'product-entitlements': `/console/products/${product}?tab=entitlements`,
    'product-trials': `/console/products/${product}?tab=trials`,
    'product-keys': `/console/products/${product}?tab=keys`,
    'product-gateways': `/console/products/${product}?tab=gateways`,
    'gateway-keygen': `/console/products/${product}/gateways/keygen`,
    'product-integrate': `/console/products/${product}?tab=integrate`,
    'plan-new': `/console/products/${product}/plans/new`,
    'product-rotate-keys': `/console/products/${product}/keys/rotate`,
    plans: '/console/plans',
    plan,
    customers: '/console/customers',
    licenses: '/console/licenses',
    'license-new': '/console/licenses/new',
    license: `/console/licenses/${shown.id}`,
    'license-revoke': `/console/licenses/${shown.id}/revoke`,
    imports: '/console/imports',
    'import-preview': imported,
    fleet: '/console/fleet',
    node: await (async () => {
      await h.visit(first, '/console/fleet');
      return first.page.locator('td a.row-link').first().getAttribute('href');
    })(),
    alerts: '/console/alerts',
    alert,
    audit: '/console/audit',
    event: '/console/audit/9',
    freshness: '/console/freshness',
    'freshness-tried': `/console/freshness?plan=${plan.split('/').pop()}&lease=7&grace=3`,
    customer: `/console/customers/${customer}`,
    'license-timeline': `/console/licenses/${shown.id}?tab=timeline`,
    'license-change': `/console/licenses/${shown.id}/change?plan=${small}&seats=&ends_on=&entitlements=`,
    'license-transfer': `/console/licenses/${shown.id}/transfer`,
    'license-rekey': `/console/licenses/${shown.id}/rekey`,
    'license-undo': undo,
    'plan-check': check,
    seats: '/console/seats',
    seat,
    orders: '/console/orders',
    order,
    'order-refund': `${order}/refund`,
    shops: '/console/shops',
    shop: `/console/shops/${shop.id}`,
    'shop-messages': `/console/shops/${shop.id}?tab=messages`,
    'shop-rules': `/console/shops/${shop.id}?tab=rules`,
    inbox: '/console/orders/inbox',
    'inbox-price': `/console/orders/inbox/${inbox.find(({ kind }) => kind === 'price').id}`,
    'inbox-part': `/console/orders/inbox/${inbox.find(({ kind }) => kind === 'part').id}`,
    notes: `/console/notes/about/${shown.id}`,
    approvals: '/console/approvals',
    approval,
    acts: '/console/acts',
    'act-new': newAct,
    act,
    webhooks: '/console/webhooks',
    webhook,
    'webhook-delivery': delivery,
    tokens: '/console/tokens',
    token,
    settings: '/console/settings',
    'settings-portal': '/console/settings/portal',
    'settings-mail': '/console/settings/mail',
    'mail-log': '/console/settings/mail?tab=log',
    'mail-invitation': '/console/settings/mail/invitation',
    team: '/console/team',
    member,
    'member-role': `${member}/role`,
    'team-sign-in': '/console/team/sign-in',
    security: '/console/security',
    'security-app': '/console/security/app',
    sessions: '/console/sessions',
    desk: '/support?q=harbour',
    story: `/support/${buyer}?reply=${reply.split('/').pop()}`,
    'story-view': `/support/${buyer}/view`,
    explain: `/support/explain?q=${seat.split('/').pop()}`,
    'explain-code': '/support/explain?q=seat_limit_reached',
    'refunds-list': '/support/refunds',
    replies: '/support/replies',
    reply,
    find: '/console/find?q=ada',
    shortcuts: '/console/shortcuts',
  };
  // The portal, as whoever has the license's key sees it.
  await h.visit(first, '/console/settings');
  const portal = `/portal/${/vnd_[0-9a-z]{26}/.exec(await first.page.content())[0]}`;
  const own = {
    'portal-license': `${portal}/licenses/${shown.id}`,
    'portal-seat': `${portal}/licenses/${shown.id}/seats/${seat.split('/').pop()}`,
    'portal-offline': `${portal}/offline`,
  };
  // And as somebody does whom a mailed code has let in.
  const buyerTab = await h.openPage(browser, server);
  await h.visit(buyerTab, portal);
  await buyerTab.page.getByLabel('E-mail', { exact: true }).fill('harbour@example.com');
  await buyerTab.page.getByRole('button', { name: 'Send me a code' }).click();
  await buyerTab.page.waitForURL('**/sign-in');
  let code;
  await h.until(() => {
    const mails = readdirSync(join(server.data, 'mails'), { recursive: true }).filter((name) => name.endsWith('.eml'));
    code = mails.map((name) => /\?code=3?D?(\d{8})/.exec(readFileSync(join(server.data, 'mails', name), 'utf8'))).find(Boolean)?.[1];
    return code;
  }, 'no mail with a code');
  await buyerTab.page.getByLabel('Code', { exact: true }).fill(code);
  await buyerTab.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await buyerTab.page.getByRole('heading', { name: 'My licenses' }).waitFor();
  const known = await buyerTab.context.cookies();
  await buyerTab.context.close();
  const theirs = {
    'portal-home': portal,
    'portal-orders': `${portal}/orders`,
    'portal-people': `${portal}/people`,
    'portal-account': `${portal}/account`,
    'portal-claim': `${portal}/claim`,
  };
  for (const [suffix, way] of Object.entries({
    '': { theme: 'light' },
    '-dark': { theme: 'dark' },
    '-phone': { theme: 'light', width: 360, height: 740 },
  })) {
    const tab = await h.openPage(browser, server, way);
    await tab.context.addCookies(cookies);
    for (const [name, path] of Object.entries(screens)) {
      await h.visit(tab, path);
      await shoot(tab, name + suffix);
    }
    await h.visit(tab, '/console/licenses');
    await tab.page.keyboard.press('Control+k');
    await tab.page.getByRole('combobox', { name: 'Go to, find or do' }).fill('ada');
    await tab.page.getByRole('option', { name: /Ada Example/ }).first().waitFor();
    await shoot(tab, `palette${suffix}`);
    await h.visit(tab, `/support/${buyer}/view`);
    await tab.page.getByLabel('Reason').fill('Does not find the second computer');
    await tab.page.getByRole('button', { name: 'View as the customer' }).click();
    await tab.page.waitForURL('**/portal/*');
    await h.settled(tab);
    await shoot(tab, `portal-viewed${suffix}`);
    await tab.context.close();
    const guest = await h.openPage(browser, server, way);
    await h.visit(guest, portal);
    await shoot(guest, `portal-door${suffix}`);
    await guest.page.getByText('Only the devices of one license').click();
    await guest.page.getByLabel('License key').fill(shown.key);
    await guest.page.getByLabel('E-mail it was sold to').fill('bob@example.com');
    await guest.page.getByRole('button', { name: 'Show its devices' }).click();
    await guest.page.waitForURL('**/licenses/lic_*');
    for (const [name, path] of Object.entries(own)) {
      await h.visit(guest, path);
      await shoot(guest, name + suffix);
    }
    await guest.context.close();
    const customer = await h.openPage(browser, server, way);
    await customer.context.addCookies(known);
    for (const [name, path] of Object.entries(theirs)) {
      await h.visit(customer, path);
      await shoot(customer, name + suffix);
    }
    await customer.context.close();
  }
  const door = await h.openPage(browser, server);
  await h.visit(door, '/sign-in');
  await shoot(door, 'sign-in');
  const row = (name) => {
    const picture = (suffix) => `<img src="screenshots/${name}${suffix}.png" alt="${name}" width="100%">`;
    return `### ${name}\n| light | dark | 360 px |\n| --- | --- | --- |\n| ${['', '-dark', '-phone'].map(picture).join(' | ')} |\n`;
  };
  const text = [
    '# Every screen of the console, and the portal\n',
    'Made by `make screenshots` from the program as it is, with a vendor that the script sets up.\n',
    ...[...Object.keys(screens), 'palette', 'portal-door', ...Object.keys(own), ...Object.keys(theirs), 'portal-viewed'].map(row),
  ];
  writeFileSync(join(out, '../gallery.md'), text.join('\n'));
} finally {
  await browser.close();
  await server.stop();
  receiver.close();
}
