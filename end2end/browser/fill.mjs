// A vendor with something on every screen of the console, made through the API where there is one: for the tests that look
// at all of them.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';
import * as h from './lib.mjs';

const pathOf = (page) => new URL(page.url()).pathname;

/** Makes a token that may do everything on its page; returns its secret and where the page is. */
export async function makeToken(tab, name = 'Web shop') {
  const { page } = tab;
  await h.visit(tab, '/console/tokens/new');
  await page.getByLabel('What it is for').fill(name);
  for (const scope of await page.locator('fieldset input[type=checkbox]').all()) await scope.check();
  await page.getByRole('button', { name: 'Make token' }).click();
  await page.waitForURL('**done=token_created');
  return { secret: (await page.locator('.key-once code').innerText()).trim(), path: pathOf(page) };
}

/** What calls the API with a token: method, path, body (a text is a CSV file); gives what was answered. */
export const api = (server, { secret }) => async (method, path, body) => {
  const csv = typeof body === 'string';
  const response = await fetch(`${server.origin}/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${secret}`, 'content-type': csv ? 'text/csv' : 'application/json' },
    body: csv ? body : JSON.stringify(body),
  });
  const answer = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${answer}`);
  return answer ? JSON.parse(answer) : null;
};

/** Makes a link by which somebody joins; returns its path. */
export async function invite(tab, email, role) {
  const { page } = tab;
  await h.visit(tab, '/console/team');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Role').selectOption(role);
  await page.getByRole('button', { name: 'Make invitation link' }).click();
  const link = page.locator('#link', { hasText: email }).locator('.key-once code');
  return new URL((await link.innerText()).trim()).pathname;
}

/** Somebody joins by such a link, in a browser of their own, with a second factor where the role needs one; returns their tab. */
export async function join(browser, server, link, name, way = { scripting: false }) {
  const joined = await h.openPage(browser, server, way);
  await h.visit(joined, link);
  await joined.page.getByLabel('Your name').fill(name);
  await joined.page.getByLabel('Password').fill('another sentence that nobody guesses');
  await joined.page.getByRole('button', { name: 'Join and sign in' }).click();
  await joined.page.waitForURL('**/console**');
  if (new URL(joined.page.url()).pathname === '/console/security') await h.setUpApp(joined);
  return joined;
}

/** A server with a vendor, a browser, the cookies of its owner and what calls its API; `stop` ends both. */
export async function shop(flags) {
  const server = await h.startServer(flags);
  const browser = await h.startBrowser();
  const owner = await h.openPage(browser, server, { scripting: false });
  await h.setUp(owner, server);
  const call = api(server, await makeToken(owner));
  const cookies = await owner.context.cookies();
  const stop = () => Promise.all([browser.close(), server.stop()]);
  return { server, browser, call, cookies, stop };
}

/** A page in which the owner of such a shop is signed in. */
export async function openShop({ server, browser, cookies }, way) {
  const tab = await h.openPage(browser, server, way);
  await tab.context.addCookies(cookies);
  return tab;
}

/** A product whose license is taken from more devices at once than is usual: nothing of it is denied, and an alert says so. */
export async function lockOut(server, call, name, devices = 22) {
  const product = await call('POST', 'products', { name, code: `locked-${randomBytes(4).toString('hex')}` });
  const plan = await call('POST', 'plans', { product: product.id, name: 'Campus', seats: devices });
  const license = await call('POST', 'licenses', { plan: plan.id, customer: { name: `${name} college` } });
  const leases = [];
  for (let n = 1; n <= devices; n += 1) leases.push(await h.activate(server, product.id, license.key, `Lab ${n}`));
  await call('POST', `licenses/${license.id}/revoke`, { reason: 'Wrong row of a refund list' });
  for (const lease of leases) await h.renew(server, product.id, lease);
  return { product: product.id, license: license.id, leases };
}

/** Tells of a sale as a shop of one's own does, signed by nothing of ours; returns the status of the answer. */
export async function tell(server, shop, secret, sequence, sale) {
  const [id, at, body] = [`msg_${randomUUID()}`, new Date(), JSON.stringify({ type: 'sale', sequence, sale })];
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  };
  const response = await fetch(`${server.origin}/v1/shops/${shop}/events`, { method: 'POST', headers, body });
  await response.body?.cancel();
  return response.status;
}

/** Waits until so much is in the inbox for a person; returns it, the newest first. */
export async function waiting(call, count) {
  const limit = Date.now() + 15_000;
  for (;;) {
    const { items } = await call('GET', 'inbox?open=true');
    if (items.length >= count) return items;
    assert.ok(Date.now() < limit, `${items.length} of ${count} wait`);
    await new Promise((next) => setTimeout(next, 200));
  }
}

/**
 * Fills the vendor of a tab that is signed in as its owner; the server must let webhooks go to this machine. `text` says how
 * names and reasons read. Returns where everything is, and `stop` for when it is no longer looked at.
 */
export async function fill(tab, browser, server, text = (what) => what) {
  const { page } = tab;
  const receiver = createServer((request, response) => request.resume().on('end', () => response.writeHead(500).end(text('refused'))));
  await new Promise((done) => receiver.listen(0, '127.0.0.1', done));
  receiver.unref();
  const at = { stop: () => receiver.close() };

  const token = await makeToken(tab, text('Web shop'));
  at.token = token.path;
  const call = api(server, token);
  at.call = call;
  const webhook = await call('POST', 'webhooks', { url: `http://127.0.0.1:${receiver.address().port}/hook`, description: text('The shop') });
  at.webhook = `/console/webhooks/${webhook.id}`;

  const product = (await call('POST', 'products', { name: text('Example Editor'), code: 'editor' })).id;
  const entitlements = { export: true, projects: 10, edition: text('Professional') };
  const plan = (await call('POST', 'plans', { product, name: text('Professional'), code: 'professional', seats: 3, entitlements })).id;
  const people = (await call('POST', 'plans', { product, name: text('People'), code: 'people', model: 'perpetual', seat_model: 'named_user', seats: 2, devices_per_user: 2 })).id;
  const customer = (await call('POST', 'customers', { name: text('Ada Example'), email: 'ada.example@example.com', external_id: text('No. 17') })).id;
  const order = await call('POST', 'orders', { reference: text('Order 10042'), customer });
  const license = await call('POST', 'licenses', { plan, customer, order: order.id, overrides: { projects: 20 }, expires_at: '2035-01-01T00:00:00Z' });
  Object.assign(at, {
    product: `/console/products/${product}`,
    plan: `/console/plans/${plan}`,
    customer: `/console/customers/${customer}`,
    license: `/console/licenses/${license.id}`,
    productId: product,
    planId: plan,
    peopleId: people,
    customerId: customer,
  });
  for (const name of ['Workstation', 'Build server', 'Laptop']) await h.activate(server, product, license.key, text(name));
  const named = await call('POST', 'licenses', { plan: people, customer: { email: 'team@example.com', name: text('Team') } });
  await call('POST', `products/${product}/activate`, {
    key: named.key,
    user: 'grace@example.com',
    device: { hash: randomBytes(32).toString('hex'), name: text('Tablet'), platform: text('plan9'), app_version: text('2.4.1') },
    nonce: randomBytes(16).toString('base64url'),
  });
  const seats = (await call('GET', `seats?license=${license.id}`)).items;
  at.seat = `/console/seats/${seats[0].id}`;
  at.free = `${at.license}/free/${seats[0].id}`;
  await call('POST', `seats/${seats[1].id}/release`, { reason: text('Replaced') });
  await call('POST', `customers/${customer}/notes`, { text: text('Calls on Mondays') });

  // Paid back: its license is revoked. Another one is suspended on its page, which can be undone.
  const refunded = await call('POST', 'orders', { reference: text('Order 10043'), customer });
  const revoked = await call('POST', 'licenses', { plan, customer, order: refunded.id });
  await call('POST', `orders/${refunded.id}/refund`, { reason: text('Refunded') });
  at.order = `/console/orders/${order.id}`;
  at.refunded = `/console/orders/${refunded.id}`;
  at.revoked = `/console/licenses/${revoked.id}`;
  const suspended = await call('POST', 'licenses', { plan, customer });
  at.suspended = `/console/licenses/${suspended.id}`;
  await h.visit(tab, `${at.suspended}/suspend`);
  await page.getByLabel('Reason').fill(text('Payment disputed'));
  await page.getByRole('button', { name: 'Suspend license' }).click();
  await page.waitForURL('**done=*');
  await h.settled(tab);
  at.undo = await page.getByRole('link', { name: 'Undo', exact: true }).getAttribute('href');
  await page.getByLabel('New note').fill(text('Pays by invoice'));
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.waitForURL('**done=note_added*');
  at.note = await page.locator('.notes').getByRole('link', { name: /Change the note/ }).first().getAttribute('href');

  // A shop of one's own: a sale that was paid back in part, and one at a price that nobody has placed.
  const shop = await call('POST', 'shops', { kind: 'generic', name: text('Example Shop') });
  await call('POST', `shops/${shop.id}/prices`, { price: text('price_editor'), plan, quantity_is_seats: true });
  const buyer = { email: 'buyer@example.com', name: text('Bea Buyer') };
  const sold = (id, price, more) => ({ id, number: text(`No. ${id}`), payment: 'paid', buyer, lines: [{ id: '1', price: text(price), quantity: 2, title: text('Example Editor') }], ...more });
  assert.equal(await tell(server, shop.id, shop.secret, 1, sold('10042', 'price_editor', { payment: 'paid_back_in_part', paid_back: text('10.00 EUR') })), 204);
  assert.equal(await tell(server, shop.id, shop.secret, 1, sold('10043', 'price_new')), 204);
  at.shop = `/console/shops/${shop.id}`;
  const inbox = await waiting(call, 2);
  for (const [name, kind] of [['unplaced', 'price'], ['part', 'part']]) {
    const entry = inbox.find((entry) => entry.kind === kind);
    at[name] = `/console/orders/inbox/${entry.id}`;
    at.sold = `/console/orders/${entry.order}`;
  }
  await call('POST', 'shops', { kind: 'paddle', name: text('Example Paddle') });

  const cell = (value) => `"${value.replaceAll('"', '""')}"`;
  const rows = [
    ['License key', 'E-mail', 'Customer name', 'Seats', 'Expiry date', text('Remarks')].map(cell),
    ['AB12-CD34-EF56-GH78', 'bob@example.com', text('Bob Example'), '5', '2031-05-01', text('long-standing')].map(cell),
    ['AB12-CD34-EF56-GH78', 'dup@example.com', text('Twice Example'), '1', '', ''].map(cell),
    [text('no key'), 'dave@example.com', 'x'.repeat(10_000), text('many'), text('never'), 'x'.repeat(10_000)].map(cell),
  ];
  const file = encodeURIComponent(text('customers.csv'));
  const imported = await call('POST', `imports?product=${product}&plan=${plan}&file_name=${file}`, rows.join('\n'));
  at.import = `/console/imports/${imported.id}`;

  await h.visit(tab, '/console/licenses?state=active');
  await page.locator('summary', { hasText: 'Save this view' }).click();
  await page.getByLabel('Name', { exact: true }).fill([...text('Active')].slice(0, 60).join(''));
  await page.getByRole('button', { name: 'Save view' }).click();
  await page.waitForURL('**done=view_saved*');
  await h.visit(tab, '/console/licenses?state=active');
  await page.getByLabel(/^All \d+ that match/).check();
  await page.getByRole('button', { name: 'Extend', exact: true }).click();
  await page.waitForURL('**/console/acts/new**');
  await h.settled(tab);
  at.newAct = page.url().slice(page.url().indexOf('/console'));
  await page.getByLabel('Days').fill('14');
  await page.getByLabel('Reason').fill(text('Moved release'));
  await page.getByRole('button', { name: /^Extend \d+ licenses?$/ }).click();
  await page.waitForURL('**/console/acts/blk_*');
  at.act = pathOf(page);

  await h.visit(tab, `${at.plan}?tab=edit`);
  await page.getByLabel('Seats', { exact: true }).fill('1');
  await page.getByRole('button', { name: 'Check the change' }).click();
  await page.waitForURL('**/check?*');
  at.check = page.url().slice(page.url().indexOf('/console'));

  // What a reply says is the vendor's own, but for the names of facts.
  await h.visit(tab, '/support/replies/new');
  await page.getByLabel('Name', { exact: true }).fill([...text('Seats in use')].slice(0, 200).join(''));
  await page.getByLabel('Text').fill('Dear {customer}, {seats_used} of {seats_limit} seats of …{key_end} are in use: {devices}.');
  await page.getByRole('button', { name: 'Save reply' }).click();
  await page.waitForURL('**/support/replies?done=reply_saved');
  await h.settled(tab);
  at.reply = await page.locator('td a.row-link').first().getAttribute('href');
  at.story = `/support/${customer}`;

  const viewer = await join(browser, server, await invite(tab, 'viewer@example.com', 'viewer'), text('Vera Example'));
  at.viewer = await viewer.context.cookies();
  await viewer.context.close();
  // An admin asks for what the owner may approve.
  const admin = await join(browser, server, await invite(tab, 'admin@example.com', 'admin'), text('Adam Example'));
  await h.visit(admin, `${at.product}/keys/rotate`);
  await admin.page.getByLabel('Reason').fill(text('A laptop is lost'));
  await admin.page.getByRole('button', { name: 'Ask for approval' }).click();
  await admin.page.waitForURL('**/console/approvals/apr_*');
  at.approval = pathOf(admin.page);
  await admin.context.close();
  at.invitation = await invite(tab, 'later@example.com', 'viewer');
  const keys = (await call('GET', 'keys')).items.filter((key) => key.product === product);
  at.key = `${at.product}/keys/${keys[0].kid}`;
  await h.visit(tab, '/console/team');
  const members = await page.locator('td a.row-link[href*="/team/mem_"]').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
  [at.member, at.other] = members;
  // Nobody makes a link to their own password.
  for (const member of members) {
    await h.visit(tab, member);
    if ((await page.getByRole('link', { name: 'Make password link' }).count()) === 0) continue;
    at.somebody = member;
    await h.visit(tab, `${member}/password`);
    await page.getByLabel('Reason').fill(text('Asked on the phone'));
    await page.getByRole('button', { name: 'Make password link' }).click();
    await page.waitForURL('**/console/team?done=password_link_made*');
    at.password = new URL((await page.locator('#link .key-once code').innerText()).trim()).pathname;
  }

  await h.visit(tab, '/console/fleet');
  at.node = await page.locator('td a.row-link').first().getAttribute('href');
  const locked = await lockOut(server, call, [...text('Example Viewer')].slice(0, 190).join(''));
  at.locked = locked;
  const limit = Date.now() + 60_000;
  for (let alerts = []; !at.alert; ) {
    assert.ok(Date.now() < limit, 'no alert is raised');
    alerts = (await call('GET', 'alerts')).items;
    at.alert = alerts.length > 0 ? `/console/alerts/${alerts[0].id}` : undefined;
    if (!at.alert) await new Promise((next) => setTimeout(next, 500));
  }
  const deliveries = (await call('GET', `webhooks/${webhook.id}/deliveries`)).items;
  at.delivery = `${at.webhook}/${deliveries[0].id}`;
  return at;
}

/** Every page of the vendor that was filled, with everything in its address that makes another page of it. */
export const pagesOf = (at) => [
  '/console', '/console?days=90', '/console/confirm?next=/console/audit',
  '/console/products', '/console/products?q=xampl', '/console/products?archived=true', '/console/products/new',
  at.product, ...['entitlements', 'trials', 'keys', 'integrate', 'gateways', 'settings'].map((tab) => `${at.product}?tab=${tab}`), `${at.product}/gateways/keylight`, `${at.product}/gateways/keygen`, `${at.product}/gateways/lemon_squeezy`, `${at.product}/plans/new`, `${at.product}/keys/rotate`, at.key,
  '/console/plans', at.plan, `${at.plan}?tab=edit`, at.check,
  '/console/customers', '/console/customers/new', at.customer, ...['orders', 'devices', 'timeline'].map((tab) => `${at.customer}?tab=${tab}`),
  '/console/licenses', '/console/licenses?state=active&use=full', '/console/licenses/new', `/console/licenses/new?customer=${at.customerId}`,
  at.license, `${at.license}?tab=timeline`, `${at.license}/extend`, `${at.license}/extend?until=2040-01-01`, at.free, `${at.license}/change`,
  `${at.license}/change?plan=${at.peopleId}&seats=&ends_on=&entitlements=`, `${at.license}/transfer`, `${at.license}/convert`, `${at.license}/rekey`, at.undo,
  `${at.license}/suspend`, `${at.license}/revoke`, at.suspended, `${at.suspended}/resume`, at.revoked, `${at.revoked}/reinstate`,
  '/console/seats', at.seat, '/console/orders', at.sold, '/console/orders/inbox', '/console/orders/inbox?tab=all', at.unplaced, at.part,
  '/console/shops', '/console/shops/new', at.shop, ...['messages', 'rules', 'settings'].map((tab) => `${at.shop}?tab=${tab}`), at.order, `${at.order}/refund`, at.refunded, '/console/acts', at.newAct, at.act, `/console/notes/about/${at.customerId}`, ...['changed', 'refused', 'pending'].map((tab) => `${at.act}?tab=${tab}`), at.note,
  '/console/approvals', '/console/approvals?tab=all', at.approval,
  '/console/imports', at.import, `${at.import}?fate=error`,
  '/console/freshness', `/console/freshness?plan=${at.planId}&lease=7&grace=3`,
  '/console/fleet', at.node, `${at.node}/drain`, '/console/alerts', '/console/alerts?state=all&severity=critical', at.alert,
  '/console/webhooks', '/console/webhooks/new', at.webhook, `${at.webhook}?tab=settings`, at.delivery,
  '/console/find?q=exa', '/console/find', '/console/shortcuts', '/console/audit', '/console/audit?check=0', '/console/audit/5',
  '/console/team', '/console/team/sign-in', at.member, at.other, ...['role', 'password', 'factors', 'remove'].map((step) => `${at.somebody}/${step}`), '/console/security', '/console/security/app', '/console/sessions',
  '/console/tokens', '/console/tokens/new', at.token, '/console/settings', '/console/settings/portal', '/console/settings/mail', '/console/settings/mail?tab=log', '/console/settings/mail/invitation',
  '/support', '/support?q=exa', at.story, `${at.story}/view`, `${at.story}?reply=${at.reply.split('/').pop()}&license=${at.license.split('/').pop()}`,
  '/support/explain', ...[at.license, at.revoked, at.seat].map((path) => `/support/explain?q=${path.split('/').pop()}`),
  '/support/explain?q=seat_limit_reached', '/support/explain?q=exa', '/support/explain?key=unknown',
  '/support/refunds', '/support/replies', '/support/replies/new', at.reply,
];
