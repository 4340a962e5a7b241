// The first run: from an installation that has nothing to a lease that the client library has verified, with what the
// pages show and nothing else. How long it took is said, not judged: that depends on the machine.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as h from './lib.mjs';

const run = promisify(execFile);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.HOLDFAST_BINARY ?? join(root, 'target/debug/holdfast');
const desktop = join(root, 'target/debug/examples/desktop');

for (const way of [
  { name: 'with scripting, light', scripting: true, theme: 'light', width: 1280 },
  { name: 'without scripting, dark, on a phone', scripting: false, theme: 'dark', width: 360 },
]) {
  describe(`the first run, ${way.name}`, () => {
    let server, browser, tab, product, folder;

    before(async () => {
      server = await h.startServer();
      browser = await h.startBrowser();
      tab = await h.openPage(browser, server, way);
      folder = mkdtempSync(join(tmpdir(), 'holdfast-application-'));
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    /** What the tab "Integrate" shows: the command that adds the library, the program, the commands that check a lease. */
    async function shown() {
      await h.visit(tab, `/console/products/${product}?tab=integrate`);
      return tab.page.locator('pre').allInnerTexts();
    }

    /** What a launch of the client library's own program with these values says, line by line. */
    async function launch(program, more) {
      const [, id, key] = /builder\("([^"]+)", \["([^"]+)"\]\)/.exec(program);
      const [, endpoint] = /endpoints\(\["([^"]+)"\]\)/.exec(program);
      const [, storage] = /storage\("([^"]+)"\)/.exec(program);
      const flags = ['--endpoint', endpoint, '--product', id, '--root', key, '--storage', storage];
      const { stdout } = await run(desktop, [...flags, '--device', 'first', '--name', 'First PC', '--once', '--json', ...more], { cwd: folder });
      return stdout.trim().split('\n').map((line) => JSON.parse(line));
    }

    test('leads from the set-up code to a verified lease in three forms', async (t) => {
      const { page } = tab;
      const begun = performance.now();
      await h.setUp(tab, server);
      product = await h.createProduct(tab, 'Example Editor', { plan: true });
      const license = await h.issueLicense(tab, 'ada@example.com', 'Ada Example');
      const [, program] = await shown();
      const said = await launch(program, ['--key', license.key]);
      assert.deepEqual(said.map((line) => [line.event, line.entitled]), [['launch', false], ['done', true]]);
      await h.visit(tab, '/console');
      await page.getByText('Your first lease is verified').waitFor();
      await page.getByText(/First PC works until 20.* without us/).waitFor();
      t.diagnostic(`${((performance.now() - begun) / 1000).toFixed(1)} s from the set-up page to "your first lease is verified"`);
      await h.sound(tab, 'first-lease');
    });

    test('shows commands by which the lease is checked with the root key alone', async () => {
      const [add, , check] = await shown();
      assert.match(add, /^cargo add holdfast-sdk --path /);
      const env = { ...process.env, PATH: [dirname(binary), process.env.PATH].join(delimiter) };
      const { stdout } = await run('bash', ['-o', 'pipefail', '-ec', check], { cwd: folder, env });
      assert.match(stdout, /^licensed\n/);
      assert.match(stdout, new RegExp(product));
    });

    test('goes on without the server', async () => {
      const [, program] = await shown();
      await server.stop();
      server = undefined;
      assert.deepEqual((await launch(program, [])).map((line) => line.entitled), [true]);
    });
  });
}
