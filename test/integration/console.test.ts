import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Browser, needsBrowser, startBrowser } from '../support/browser.ts';
import { ClipServer } from '../support/clip-server.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn, levelAt, rmsDb, tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

/** Where pictures of the page go when somebody wants to look at them. */
const PICTURES = process.env.CONSOLE_PICTURES;
/** Chromium's fake microphone beeps for some tens of ms once a second. */
const BEEP_WAIT_MS = 10_000;

/** Runs in the page: the visible controls that a screen reader could not name. */
const NAMELESS_CONTROLS = `[...document.querySelectorAll('button, input, select')]
  .filter((control) => control.offsetParent !== null)
  .filter((control) => {
    const labels = [...(control.labels ?? [])].map((label) => label.textContent);
    return [control.getAttribute('aria-label'), control.textContent, ...labels].join('').trim() === '';
  })
  .map((control) => control.outerHTML)`;

let server: TestServer;
let clips: ClipServer;
let browser: Browser | undefined;

before(async () => {
  clips = await ClipServer.start();
  server = await startServer({ FETCH_ALLOW: clips.allow });
  if (needsBrowser.skip === false) browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await clips.close();
  assert.equal(await server.stop(), 0);
});

async function picture(name: string): Promise<void> {
  if (PICTURES === undefined) return;
  await mkdir(PICTURES, { recursive: true });
  await browser?.page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

function member(mpc: string, role: 'agent' | 'customer' = 'customer'): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, role });
}

test('the page and its parts are served with a strict policy, and nothing else is', async () => {
  const page = await fetch(`${server.httpUrl}/`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  const html = await page.text();
  const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? '');
  assert.ok(parts.includes('/console/console.js'));
  for (const path of parts) assert.equal((await fetch(server.httpUrl + path)).status, 200, path);
  assert.doesNotMatch(html, /<script(?![^>]*src=)|style="|\son\w+="/, 'nothing inline');
  for (const path of [
    '/console/',
    '/console/console.ts',
    '/console/..%2fconsole.ts',
    '/console/%2e%2e/index.ts',
    '/console/none.js',
  ])
    assert.equal((await fetch(server.httpUrl + path)).status, 404, path);
  for (const name of ['console.js', 'phone.js', 'voice-worklet.js'])
    assert.match((await fetch(`${server.httpUrl}/console/${name}`)).headers.get('content-type') ?? '', /javascript/);
});

test(
  'the page of the API lists every operation, opens it with its fields and answers, and finds it',
  needsBrowser,
  async () => {
    const { page, complaints } = browser as Browser;
    // biome-ignore lint/suspicious/noExplicitAny: the document is read as any client reads it.
    const api: any = await (await fetch(`${server.httpUrl}/openapi.json`)).json();
    const operations = Object.entries(api.paths as object).flatMap(([path, item]) =>
      Object.keys(item)
        .filter((key) => key !== 'parameters')
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    const answer = await page.goto(`${server.httpUrl}/docs/#getCallCall`);
    const policy = (await answer?.headerValue('content-security-policy')) ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    await page.getByText(`${operations.length} operations`).waitFor();
    const listed = await page.locator('summary').allTextContents();
    for (const [index, text] of listed.sort().entries())
      assert.ok(text.startsWith([...operations].sort()[index] ?? 'nothing more'), text);
    assert.equal(listed.length, operations.length);
    await page.locator('#getCallCall').getByText('hangup_cause_name', { exact: true }).waitFor();
    await picture('reference');

    const play = api.paths['/MultiPartyCall/{mpc}/Member/{members}/Play/'].post;
    const opened = page.locator(`#${play.operationId}`);
    await opened.locator('summary').click();
    const { properties } = api.components.schemas.MemberPlay;
    const row = (name: string) => opened.getByRole('row').filter({ has: page.getByText(name, { exact: true }) });
    const told = await opened.getByRole('rowheader').allTextContents();
    assert.deepEqual(
      ['members', ...Object.keys(properties), 'mpcMemberId', 'error'].filter((name) => !told.includes(name)),
      [],
    );
    assert.match((await row('volume').textContent()) ?? '', /number -60 to 20; default 0.*Gain in dB/);
    assert.match((await row('duck.gain_db').textContent()) ?? '', /number -60 to 0/, 'what is inside an object');
    assert.ok(await opened.getByText('Body: needs url, or urls').isVisible(), 'what is needed is told');
    assert.ok(await opened.getByText('202: Taken').isVisible(), 'the answer is told');
    assert.match((await opened.locator('pre').textContent()) ?? '', /"url": "https/, 'an example is given');

    const find = page.getByLabel('Find');
    await find.fill('hangs up');
    await page.getByText(`2 of ${operations.length} operations`).waitFor();
    assert.deepEqual(await page.locator('h2:visible').allTextContents(), ['MultiPartyCall', 'Call']);
    await find.fill('zebra');
    await page.getByText('Nothing has all of these words').waitFor();
    await find.fill('');
    assert.deepEqual(await page.evaluate<string[]>(NAMELESS_CONTROLS), []);

    await page.setViewportSize({ width: 400, height: 780 });
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true");
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    await picture('reference-telephone');
    await page.setViewportSize({ width: 1200, height: 860 });
    assert.deepEqual(complaints, []);
  },
);

test('a wrong account is told so, the right one sees the floor, and a reload keeps it', needsBrowser, async () => {
  const { page } = browser as Browser;
  await page.goto(server.httpUrl);
  await page.getByLabel('Auth ID').fill(server.authId);
  await page.getByLabel('Auth token').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The server does not know this account').waitFor();
  await picture('sign-in');
  await page.getByLabel('Auth ID').fill(server.authId);
  await page.getByLabel('Auth token').fill(server.authToken);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('All quiet').waitFor();
  await page.reload();
  await page.getByText('All quiet').waitFor();
  await picture('nobody');
  for (const name of ['Leave', 'Mute me', 'Sign in'])
    assert.equal(await page.getByRole('button', { name }).isVisible(), false, `${name} is for later`);
});

test('members appear with their state, and are muted, held and removed from the page', needsBrowser, async () => {
  const { page } = browser as Browser;
  const ana = await member('standup', 'agent');
  const ben = await member('standup');
  const voice = ana.speak(440);
  const card = page.locator('[data-mpc=standup]');
  const row = (client: WsClient) => card.locator(`[data-member="${client.memberId}"]`);
  await row(ben).waitFor();
  await row(ana).and(page.locator('[data-talking=true]')).waitFor();
  assert.equal(await row(ben).getAttribute('data-talking'), 'false');

  await row(ana).getByRole('button', { name: /^Mute/ }).click();
  await row(ana).getByText('muted').waitFor();
  await until('ben hears silence', async () => rmsDb(await ben.hearFor(200)) < -60);
  await row(ana)
    .getByRole('button', { name: /^Unmute/ })
    .click();
  await until('ben hears ana', async () => hzIn(await ben.hearFor(200), 8000, [440]).length > 0);

  await row(ben).getByRole('button', { name: /^Hold/ }).click();
  await row(ben).getByText('on hold').waitFor();
  await until('ben on hold hears nothing', async () => rmsDb(await ben.hearFor(200)) < -60);

  await row(ben)
    .getByRole('button', { name: /^Remove/ })
    .click();
  assert.deepEqual(await ben.closed, { code: 1000, reason: 'kicked' });
  await row(ben).waitFor({ state: 'detached' });
  voice.stop();
  await ana.leave();
  await card.waitFor({ state: 'detached' });
});

test('a file is played to a selected member, then to everyone, and stopped', needsBrowser, async () => {
  const { page } = browser as Browser;
  const url = clips.file('/tone-1000.wav', writeWav(tone(8000, 8000 * 60, 1000), 8000));
  const ana = await member('music');
  const ben = await member('music');
  const card = page.locator('[data-mpc=music]');
  await card.getByLabel(`Select 127.0.0.1 · ${ana.memberId}`).check();
  await card.getByLabel('Play an mp3 or wav').fill(url);
  await card.getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByText('Playing to 1 member of music').waitFor();
  await until('ana hears it', async () => levelAt(await ana.hearFor(200), 8000, 1000) > -20);
  assert.ok(rmsDb(await ben.hearFor(200)) < -60, 'ben does not');
  await card.locator('[data-status=playing]').getByRole('button', { name: /^Stop/ }).click();
  await until('ana hears silence', async () => rmsDb(await ana.hearFor(200)) < -60);

  await card.getByLabel(`Select 127.0.0.1 · ${ana.memberId}`).uncheck();
  await card.getByRole('button', { name: 'Play', exact: true }).click();
  for (const client of [ana, ben])
    await until('everyone hears it', async () => levelAt(await client.hearFor(200), 8000, 1000) > -20);
  await card.locator('[data-status=playing]').waitFor();

  await card.getByLabel('Play an mp3 or wav').fill(clips.url('/missing.wav'));
  await card.getByLabel(`Select 127.0.0.1 · ${ben.memberId}`).check();
  await card.getByRole('button', { name: 'Play', exact: true }).click();
  await card.locator('[data-status=failed]').waitFor();
  await picture('music');
  await Promise.all([ana.leave(), ben.leave()]);
});

test('a person talks and listens through the browser', needsBrowser, async () => {
  const { page } = browser as Browser;
  const ana = await member('voice', 'agent');
  const voice = ana.speak({ hz: 440, db: -10 });
  await page.getByLabel('Conference', { exact: true }).fill('voice');
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByText('You are member 2 of voice').waitFor();
  ana.forget();
  const heard = async (): Promise<boolean> =>
    (await page.evaluate<number>("document.getElementById('heard').value")) > 0.7;
  await until('the page hears ana', heard);
  await until('ana hears the microphone', () => ana.frames.some(({ samples }) => rmsDb(samples) > -40), BEEP_WAIT_MS);
  await page.locator('[data-mpc=voice] [data-member="1"][data-talking=true]').waitFor();
  await page.locator('[data-mpc=voice] [data-member="2"]').getByText('you', { exact: true }).waitFor();
  await picture('call-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture('call-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  await page.getByRole('button', { name: 'Mute me' }).click();
  await page.getByRole('button', { name: 'Unmute me' }).waitFor();
  await ana.hearFor(300);
  assert.ok(rmsDb(await ana.hearFor(2500)) < -60, 'muted: no beep for longer than its period');
  await page.getByRole('button', { name: 'Leave' }).click();
  await page.locator('[data-mpc=voice] [data-member="2"]').waitFor({ state: 'detached' });
  voice.stop();
  await ana.leave();
});

test('who is removed from a call is told so, and who only listens needs no microphone', needsBrowser, async () => {
  const { page } = browser as Browser;
  await page.getByLabel('Conference', { exact: true }).fill('listen in');
  await page.getByLabel('Only listen').check();
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByText('You are member 1 of listen in').waitFor();
  await server.api('DELETE', '/MultiPartyCall/name_listen%20in/');
  await page.getByText('You left listen in: mpc ended').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Join' }).isVisible(), true);
});

test('everything can be reached by its label, and the page fits a telephone', needsBrowser, async () => {
  const { page } = browser as Browser;
  const ana = await member('small');
  await page.locator('[data-mpc=small] [data-member="1"]').waitFor();
  const nameless = await page.evaluate<string[]>(NAMELESS_CONTROLS);
  assert.deepEqual(nameless, []);
  await page.setViewportSize({ width: 360, height: 780 });
  await picture('telephone');
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  assert.ok(overflow <= 0, `${overflow} px too wide`);
  await page.setViewportSize({ width: 1200, height: 860 });
  await ana.leave();
});

test('signing out forgets the account, and the page never complained', needsBrowser, async () => {
  const { page, complaints } = browser as Browser;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate<number>('sessionStorage.length'), 0);
  // The browser itself notes each 401 and 404 that the page asked for.
  assert.deepEqual(
    complaints.filter((complaint) => !/status of (401|404)/.test(complaint)),
    [],
  );
});
