import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CLIP_FAILURES } from '../../media/clip/index.ts';
import { ClipServer } from '../support/clip-server.ts';
import { tableRows } from '../support/markdown.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

/*
 * What the documents tell people to type, typed. Only addresses, the account and the clip are exchanged for those of the
 * test.
 */

/** Below the repository, so that programs find its packages. */
const WORKSHOP = 'demo-out/documents';

let source: ClipServer;
let server: TestServer;
let clip: string;

before(async () => {
  source = await ClipServer.start();
  clip = source.file('/welcome.wav', writeWav(tone(8000, 4000, 700), 8000));
  server = await startServer({ FETCH_ALLOW: source.allow, PLAYS_PER_MEMBER: '100' });
  await mkdir(WORKSHOP, { recursive: true });
});

after(async () => {
  await rm(WORKSHOP, { recursive: true, force: true });
  assert.equal(await server.stop(), 0);
  await source.close();
});

async function blocks(path: string, language: string): Promise<string[]> {
  const page = await readFile(path, 'utf8');
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].flatMap(([, name, text]) =>
    name === language && text !== undefined ? [text] : [],
  );
}

function here(text: string): string {
  return text
    .replaceAll('http://127.0.0.1:8080', server.httpUrl)
    .replaceAll('ws://127.0.0.1:8080', server.wsUrl)
    .replaceAll('https://media.example.com/welcome.mp3', clip);
}

function run(program: string, args: readonly string[]): { readonly child: ChildProcess; output: string } {
  const env = {
    ...process.env,
    AUTH_ID: server.authId,
    AUTH_TOKEN: server.authToken,
    PARTYLINE: server.httpUrl,
    CLIP: clip,
  };
  const started = { child: spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }), output: '' };
  for (const stream of [started.child.stdout, started.child.stderr])
    stream?.on('data', (bytes: Buffer) => {
      started.output += bytes.toString();
    });
  return started;
}

function joinDemo(): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: 'name_demo' });
}

test('the program of the WebSocket page joins, hears and answers', async (t) => {
  const [program] = await blocks('docs/websocket.md', 'js');
  const path = join(WORKSHOP, 'echo.mjs');
  await writeFile(path, here(program ?? ''));
  const echo = run(process.execPath, [path]);
  t.after(() => echo.child.kill());
  await until('it joined', () => echo.output.includes('I am member'));
  const eve = await joinDemo();
  t.after(() => eve.leave());
  eve.speak(600);
  await until('eve hears herself by way of the echo', async () => {
    const heard = await eve.hearFor(100);
    return heard.some((sample) => Math.abs(sample) > 1000);
  });
});

test("the lines of the SDK page bring Node's SDK here", async (t) => {
  const member = await joinDemo();
  t.after(() => member.leave());
  const [program] = await blocks('docs/sdk.md', 'js');
  const path = join(WORKSHOP, 'sdk.cjs');
  await writeFile(path, program ?? '');
  const sdk = run(process.execPath, [path]);
  const [code] = await once(sdk.child, 'close');
  assert.equal(code, 0, sdk.output);
  assert.ok(sdk.output.includes(`play queued into MPC [ '${member.memberId}' ]`), sdk.output);
});

for (const page of ['README.md', 'docs/playing.md', 'docs/api.md'])
  test(`the curl lines of ${page} do what they say`, async (t) => {
    if (!requireProgram(t, 'curl')) return;
    const members = await Promise.all([joinDemo(), joinDemo()]);
    t.after(() => Promise.all(members.map((member) => member.leave())));
    const lines = (await blocks(page, '')).filter((block) => block.startsWith('curl '));
    assert.ok(lines.length > 0);
    for (const line of lines) {
      const path = join(WORKSHOP, 'line.sh');
      const toUs = here(line).replace('Member/1,2/', 'Member/all/');
      await writeFile(path, toUs.replace(/^curl /, "curl -sS -o /dev/null -w '%{http_code}' ").replace(' -i ', ' '));
      const curl = run('sh', [path]);
      await once(curl.child, 'close');
      assert.match(curl.output, /^20[0-2]$/, `${curl.output} for ${line}`);
    }
  });

test('every recipe is taken as it is written', async (t) => {
  const member = await joinDemo();
  t.after(() => member.leave());
  const page = await readFile('docs/playing.md', 'utf8');
  const recipes = tableRows(page, ['wish', 'members', 'body']);
  assert.ok(recipes.length > 5);
  for (const [wish = '', , body = ''] of recipes) {
    const json = body
      .slice(1, -1)
      .replaceAll(/"…[^"]*"/g, JSON.stringify(clip))
      .replace('[…]', JSON.stringify([clip]))
      // Nobody here is an agent.
      .replace('"agent"', '"customer"');
    const answer = await server.api('POST', '/MultiPartyCall/name_demo/Member/all/Play/', JSON.parse(json));
    assert.equal(answer.status, 202, `${wish}: ${JSON.stringify(answer.body)}`);
  }
});

test('every reason in the table of failures is one there is, and none is left out', async () => {
  const rows = tableRows(await readFile('docs/playing.md', 'utf8'), ['reason', 'means']);
  const named = rows.flatMap(([names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(named.sort(), [...CLIP_FAILURES, 'engine_lost'].sort());
});

test('every page that a page links to is there', async () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'docs/playing.md', 'docs/sdk.md'];
  for (const page of pages)
    for (const [, target = ''] of (await readFile(page, 'utf8')).matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)) {
      const path = join(page, '..', target);
      await assert.doesNotReject(
        readFile(path).catch((error) => (error.code === 'EISDIR' ? '' : Promise.reject(error))),
        path,
      );
    }
});
