import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Resolve } from '../../../../media/clip/connector.ts';
import { type BodyPart, type Fetched, SourceFetch, type Validators } from '../../../../media/clip/fetch.ts';
import { type ClipLimits, defaultLimits } from '../../../../media/clip/limits.ts';
import { parseFetchAllow, sourcePolicy } from '../../../../media/clip/policy.ts';
import { Slots } from '../../../../media/clip/slots.ts';
import { systemClock } from '../../../../media/time/clock.ts';
import {
  Canary,
  ClipServer,
  cutsShort,
  drips,
  endless,
  neverAnswers,
  resets,
  speaksRaw,
  stalls,
} from '../../../support/clip-server.ts';

const sound = Buffer.alloc(5000, 0x42);
let server: ClipServer;
let canary: Canary;

interface FetchSetup {
  readonly limits?: Partial<ClipLimits>;
  readonly resolve?: Resolve;
  readonly validators?: Validators;
  readonly allow?: string;
  readonly ca?: string;
  readonly slots?: Slots;
}

interface Result {
  readonly opened: Fetched;
  readonly end: BodyPart | undefined;
  readonly body: Buffer;
}

function fetchOf(setup: FetchSetup = {}): SourceFetch {
  const allow = parseFetchAllow(setup.allow ?? server.allow);
  assert.ok(allow.ok);
  const limits = { ...defaultLimits(), ...setup.limits };
  return new SourceFetch(
    {
      policy: sourcePolicy({ allow: allow.allow }),
      resolve: setup.resolve ?? (() => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }))),
      clock: systemClock,
      limits,
      slots: setup.slots ?? new Slots({ total: 32, perKey: 6, queue: 10 }),
      ca: setup.ca,
    },
    setup.validators,
  );
}

async function download(url: string, setup: FetchSetup = {}): Promise<Result> {
  const fetch = fetchOf(setup);
  const opened = await fetch.open(new URL(url));
  const pieces: Uint8Array[] = [];
  let end: BodyPart | undefined;
  while (opened.status === 'ok' && !end) {
    const part = await fetch.read();
    if (part.type === 'data') pieces.push(part.bytes);
    else end = part;
  }
  fetch.close();
  return { opened, end, body: Buffer.concat(pieces) };
}

/** The reason a download failed for, wherever on its way. */
async function reasonOf(url: string, setup?: FetchSetup): Promise<string> {
  const { opened, end } = await download(url, setup);
  if (opened.status === 'failed') return opened.reason;
  return end?.type === 'failed' ? end.reason : `${opened.status}, ${end?.type}`;
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

before(async () => {
  server = await ClipServer.start();
  canary = await Canary.start();
});
beforeEach(() => {
  server.seen.length = 0;
  canary.connections = 0;
});
after(async () => {
  await server.close();
  await canary.close();
});

describe('a guarded fetch', () => {
  test('downloads what may be downloaded, and closes its connection', async () => {
    const { opened, end, body } = await download(server.file('/good', sound));
    assert.equal(opened.status, 'ok');
    assert.deepEqual(end, { type: 'end', cutShort: false });
    assert.deepEqual(body, sound);
    await eventually(() => server.sockets.size === 0, 'no socket left');
  });

  test('tells a source nothing but host, agent and what it accepts', async () => {
    await download(server.file('/headers', sound));
    const names = server.seen[0]?.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    assert.deepEqual(names?.sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
    assert.equal(server.seen[0]?.headers['accept-encoding'], 'identity');
    assert.equal(server.seen[0]?.headers['user-agent'], 'partyline');
  });

  test('never connects to a private address, however it is spelled', async () => {
    const { port } = canary;
    for (const host of [
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '017700000001',
      '%31%32%37.1',
      '[::ffff:127.0.0.1]',
      'localhost',
      '①②⑦.1',
      '0',
      '[::1]',
    ]) {
      assert.equal(await reasonOf(`http://${host}:${port}/a.mp3`), 'refused_address', host);
    }
    assert.equal(canary.connections, 0);
  });

  test('never connects to a name of a private address, not even when another of its addresses is public', async () => {
    for (const answers of [
      ['127.0.0.1'],
      ['8.8.8.8', '127.0.0.1'],
      ['::ffff:127.0.0.1'],
      ['::1'],
      ['169.254.169.254'],
      ['not an address'],
    ]) {
      const resolve: Resolve = async () => answers;
      const reason = await reasonOf(`http://clips.test:${canary.port}/a.mp3`, { resolve });
      assert.equal(reason, 'refused_address', answers.join());
    }
    assert.equal(canary.connections, 0);
  });

  test('asks the resolver once, so that a second answer changes nothing', async () => {
    server.file('/rebind', sound);
    let asked = 0;
    const resolve: Resolve = async () => (++asked === 1 ? ['127.0.0.1'] : ['127.0.0.2']);
    const { opened } = await download(`http://clips.test:${server.port}/rebind`, { resolve });
    assert.equal(opened.status, 'ok');
    assert.equal(asked, 1);
    assert.equal(server.seen[0]?.headers.host, `clips.test:${server.port}`);
  });

  test('a name may lead to an allowed private source on its port, and to no other port', async () => {
    const resolve: Resolve = async () => ['127.0.0.1'];
    server.file('/named', sound);
    assert.equal(await reasonOf(`http://clips.test:${server.port}/named`, { resolve }), 'ok, end');
    assert.equal(await reasonOf(`http://clips.test:${canary.port}/named`, { resolve }), 'refused_address');
    assert.equal(canary.connections, 0);
  });

  test('tries the next address when the first does not answer', async () => {
    server.file('/second', sound);
    const resolve: Resolve = async () => ['127.0.0.9', '127.0.0.1'];
    const allow = `127.0.0.0/24:${server.port}`;
    assert.equal(await reasonOf(`http://clips.test:${server.port}/second`, { resolve, allow }), 'ok, end');
  });

  test('localhost is this machine whatever a resolver says', async () => {
    server.file('/local', sound);
    const resolve: Resolve = async () => ['8.8.8.8'];
    assert.equal(await reasonOf(server.url('/local', 'localhost'), { resolve }), 'ok, end');
  });
});

describe('redirects', () => {
  test('lead to the end of a short chain, relative or absolute', async () => {
    server.file('/end', sound);
    server.redirect('/r2', 'end', 307);
    server.redirect('/r1', server.url('/r2'), 301);
    const { opened, body } = await download(server.redirect('/r0', '/r1?x=1', 303));
    assert.equal(opened.status === 'ok' && opened.finalUrl, server.url('/end'));
    assert.deepEqual(body, sound);
  });

  test('five hops are followed, six and loops are not', async () => {
    server.file('/chain0', sound);
    for (let hop = 1; hop <= 6; hop++) server.redirect(`/chain${hop}`, `/chain${hop - 1}`);
    assert.equal(await reasonOf(server.url('/chain5')), 'ok, end');
    assert.equal(await reasonOf(server.url('/chain6')), 'redirects');
    assert.equal(await reasonOf(server.redirect('/loop', '/loop')), 'redirects');
    assert.equal(server.hits('/loop'), 6);
  });

  test('pass the same checks at every hop', async () => {
    for (const target of [
      `http://127.0.0.1:${canary.port}/`,
      `http://localhost:${canary.port}/`,
      `//127.1:${canary.port}/`,
      'http://169.254.169.254/latest/meta-data/',
      'http://[::1]/',
      'file:///etc/passwd',
      'ftp://example.com/a',
      'data:audio/mpeg,x',
      `http://u:p@127.0.0.1:${server.port}/end`,
      'http://10.0.0.1/',
      'http://8.8.8.8:22/',
      `http://8.8.8.8/${'a'.repeat(2100)}`,
    ]) {
      assert.equal(await reasonOf(server.redirect('/to', target)), 'refused_address', target);
    }
    for (const target of ['', 'http://', 'http://[::1']) {
      assert.equal(await reasonOf(server.redirect('/to', target)), 'redirects', target);
    }
    assert.equal(canary.connections, 0);
  });
});

describe('https', () => {
  const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/tls/${name}`, import.meta.url), 'utf8');
  let secure: ClipServer;
  before(async () => {
    secure = await ClipServer.start({ tls: { key: fixture('key.pem'), cert: fixture('cert.pem') } });
  });
  after(() => secure.close());

  test('is checked against the name in the URL, which is also what the server is told', async () => {
    const setup = { allow: secure.allow, ca: fixture('cert.pem'), resolve: async () => ['127.0.0.1'] };
    secure.file('/a', sound);
    assert.equal(await reasonOf(`https://clips.test:${secure.port}/a`, setup), 'ok, end');
    assert.equal(await reasonOf(`https://127.0.0.1:${secure.port}/a`, setup), 'ok, end');
    assert.equal(await reasonOf(`https://other.test:${secure.port}/a`, setup), 'tls');
  });

  test('fails on a certificate nobody vouches for', async () => {
    assert.equal(await reasonOf(secure.file('/b', sound), { allow: secure.allow }), 'tls');
    assert.equal(secure.hits('/b'), 0);
  });

  test('fails where no TLS is spoken', async () => {
    const reason = await reasonOf(server.file('/plain', sound).replace('http:', 'https:'));
    assert.equal(reason, 'tls');
  });

  test('is not left for http by a redirect', async () => {
    const setup = { allow: secure.allow, ca: fixture('cert.pem') };
    assert.equal(await reasonOf(secure.redirect('/down', server.file('/x', sound)), setup), 'redirects');
    assert.equal(server.hits('/x'), 0);
  });
});

describe('sources that misbehave', () => {
  const quick = { connectMs: 400, firstByteMs: 150, idleMs: 150, totalMs: 600, downloadBytes: 200_000 };

  async function fails(url: string, reason: string, withinMs = 2_000): Promise<void> {
    const started = performance.now();
    assert.equal(await reasonOf(url, { limits: quick }), reason, url);
    const took = performance.now() - started;
    assert.ok(took < withinMs, `${url} took ${took} ms`);
    await eventually(() => server.sockets.size === 0, `${url}: no socket left`);
  }

  test('that never answer, answer in slow motion or keep saying wait, run into a deadline', async () => {
    await fails(server.on('/never', neverAnswers), 'timeout');
    await fails(
      server.on('/slow-headers', speaksRaw([...'HTTP/1.1 200 OK\r\nX-Slow: yes\r\n'.repeat(50)], 20)),
      'timeout',
    );
    const hints = Array.from({ length: 500 }, () => 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
    await fails(server.on('/hints', speaksRaw(hints, 10)), 'timeout');
  });

  test('that stall or drip run into a deadline', async () => {
    await fails(server.on('/stalls', stalls(sound)), 'timeout');
    await fails(server.on('/drips', drips(sound, 20)), 'timeout');
  });

  test('that never end are cut at the limit', async () => {
    await fails(server.on('/endless', endless(sound)), 'too_large');
    await fails(server.file('/big', Buffer.alloc(200_001)), 'too_large');
    const { opened, body } = await download(server.file('/fits', Buffer.alloc(200_000)), { limits: quick });
    assert.deepEqual([opened.status, body.length], ['ok', 200_000]);
  });

  test('that hang up while nobody reads do no harm', async () => {
    const much = Buffer.alloc(150_000, 0x42);
    for (const hangUp of ['end', 'destroy', 'resetAndDestroy'] as const) {
      let gone = () => {};
      const closed = new Promise<void>((resolve) => {
        gone = resolve;
      });
      const url = server.on('/unread', (request, response) => {
        request.socket.on('close', gone);
        response.write(much, () =>
          setTimeout(() => (hangUp === 'end' ? response.end() : request.socket[hangUp]()), 30),
        );
      });
      const fetch = fetchOf();
      assert.equal((await fetch.open(new URL(url))).status, 'ok');
      await closed;
      await new Promise((resolve) => setTimeout(resolve, 30));
      let part = await fetch.read();
      while (part.type === 'data') part = await fetch.read();
      assert.deepEqual(part, { type: 'end', cutShort: hangUp !== 'end' });
      fetch.close();
    }
    const tooMuch = fetchOf({ limits: { ...quick, idleMs: 2_000, totalMs: 4_000 } });
    assert.equal((await tooMuch.open(new URL(server.on('/unread', endless(sound))))).status, 'ok');
    await eventually(() => server.sockets.size === 0, 'the connection to be cut');
    let part = await tooMuch.read();
    while (part.type === 'data') part = await tooMuch.read();
    assert.ok(part.type === 'failed' && part.reason === 'too_large');
  });

  test('that announce 10 GB are not even read', async () => {
    const url = server.on('/huge', (_request, response) => {
      response.writeHead(200, { 'content-length': 10_000_000_000 });
      response.write(sound);
    });
    const { opened, end, body } = await download(url);
    assert.deepEqual([opened.status, end?.type === 'failed' && end.reason, body.length], ['ok', 'too_large', 0]);
  });

  test('that compress unasked or declare text are refused', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip', 'zstd', 'x']) {
      await fails(server.file('/bomb', bomb, { 'content-encoding': encoding }), 'not_audio');
    }
    for (const type of [
      'text/html',
      'text/plain; charset=utf-8',
      'TEXT/xml',
      'application/xhtml+xml',
      'application/json',
      'image/svg+xml',
    ]) {
      await fails(server.file('/text', sound, { 'content-type': type }), 'not_audio');
    }
    for (const type of ['audio/mpeg', 'application/octet-stream', '']) {
      assert.equal(await reasonOf(server.file('/bytes', sound, { 'content-type': type })), 'ok, end');
    }
  });

  test('that answer with an error fail with its status, and only passing errors are tried again, once', async () => {
    for (const [status, asked] of [
      [400, 1],
      [401, 1],
      [403, 1],
      [404, 1],
      [410, 1],
      [416, 1],
      [500, 1],
      [502, 2],
      [503, 2],
      [504, 2],
      [204, 1],
      [206, 1],
      [304, 1],
    ] as const) {
      server.seen.length = 0;
      const { opened } = await download(server.on('/status', (_request, response) => response.writeHead(status).end()));
      assert.ok(opened.status === 'failed' && opened.reason === 'http_status', `${status}`);
      assert.ok(opened.detail.includes(`${status}`));
      assert.equal(server.hits('/status'), asked, `${status}`);
    }
  });

  test('that reset the connection are tried again, once', async () => {
    await fails(server.on('/resets', resets), 'unreachable');
    assert.equal(server.hits('/resets'), 2);
    let asked = 0;
    const once = server.on('/resets-once', (request, response) => {
      if (++asked === 1) resets(request, response);
      else response.end(sound);
    });
    assert.equal(await reasonOf(once), 'ok, end');
    const hangsUp = server.on('/hangs-up', cutsShort(Buffer.alloc(0), 5000));
    assert.equal(await reasonOf(hangsUp), 'unreachable');
    assert.equal(server.hits('/hangs-up'), 2);
  });

  test('that break off in the middle leave what came, marked as cut', async () => {
    const { opened, end, body } = await download(server.on('/cut', cutsShort(sound, 9000)));
    assert.equal(opened.status, 'ok');
    assert.deepEqual([end, body], [{ type: 'end', cutShort: true }, sound]);
    const chunked = server.on('/cut-chunked', (_request, response) => {
      response.write(sound, () => response.socket?.resetAndDestroy());
    });
    const second = await download(chunked);
    assert.ok(second.opened.status === 'failed' || (second.end?.type === 'end' && second.end.cutShort));
    assert.equal(server.hits('/cut'), 1);
  });

  test('that do not speak HTTP, or too much of it, are unreachable', async () => {
    await fails(server.on('/garbage', speaksRaw(['SSH-2.0-OpenSSH_9.2p1\r\n'])), 'unreachable');
    await fails(server.on('/continue', speaksRaw(['HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)])), 'unreachable');
    const header = `X-Much: ${'a'.repeat(20_000)}\r\n`;
    await fails(server.on('/headers', speaksRaw([`HTTP/1.1 200 OK\r\n${header}\r\n`])), 'unreachable');
    const both = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    await fails(server.on('/smuggle', speaksRaw([both])), 'unreachable');
  });

  test('that cannot be found or refuse are unreachable', async () => {
    assert.equal(await reasonOf('http://nowhere.test/a.mp3'), 'unreachable');
    const gone = await Canary.start();
    const { port } = gone;
    await gone.close();
    assert.equal(await reasonOf(`http://127.0.0.1:${port}/`, { allow: `127.0.0.1:${port}` }), 'unreachable');
  });

  test('a resolver that never answers runs into the deadline too', async () => {
    const resolve: Resolve = () => new Promise(() => {});
    assert.equal(await reasonOf('http://slow.test/a.mp3', { resolve, limits: quick }), 'timeout');
  });
});

describe('fetching at once', () => {
  test('is bounded for each host, and beyond the queue it is busy', async () => {
    const slots = new Slots({ total: 10, perKey: 2, queue: 1 });
    const url = server.on('/wait', neverAnswers);
    const fetches = [1, 2, 3].map(() => fetchOf({ slots }));
    const opened = fetches.map((fetch) => fetch.open(new URL(url)));
    await eventually(() => server.hits('/wait') === 2, 'two requests');
    assert.deepEqual([slots.active, slots.queued], [2, 1]);
    assert.equal(await reasonOf(url, { slots }), 'busy');
    fetches[0]?.close();
    await eventually(() => server.hits('/wait') === 3, 'the third request');
    for (const fetch of fetches) fetch.close();
    assert.deepEqual(
      await Promise.all(opened),
      [1, 2, 3].map(() => ({ status: 'cancelled' })),
    );
    assert.deepEqual([slots.active, slots.queued], [0, 0]);
  });

  test('a cancelled fetch closes its connection at once', async () => {
    const fetch = fetchOf();
    const opened = await fetch.open(new URL(server.on('/cancel', stalls(sound))));
    assert.equal(opened.status, 'ok');
    await fetch.read();
    const reading = fetch.read();
    fetch.close();
    assert.deepEqual(await reading, { type: 'cancelled' });
    await eventually(() => server.sockets.size === 0, 'no socket left');
  });
});

describe('asking whether it changed', () => {
  const validators = (path: string) => ({
    finalUrl: server.url(path),
    etag: '"v1"',
    lastModified: 'Tue, 04 Feb 1997 10:00:00 GMT',
  });

  test('uses the validators at the very URL that gave them', async () => {
    const url = server.on('/same', (_request, response) => response.writeHead(304).end());
    assert.equal((await download(url, { validators: validators('/same') })).opened.status, 'not_modified');
    assert.equal(server.seen[0]?.headers['if-none-match'], '"v1"');
    assert.equal(server.seen[0]?.headers['if-modified-since'], 'Tue, 04 Feb 1997 10:00:00 GMT');
  });

  test('shows them to nobody else, and believes nobody else', async () => {
    const elsewhere = server.on('/elsewhere', (_request, response) => response.writeHead(304).end());
    assert.equal(await reasonOf(elsewhere, { validators: validators('/same') }), 'http_status');
    assert.equal(
      await reasonOf(server.redirect('/hop', '/elsewhere'), { validators: validators('/hop2') }),
      'http_status',
    );
    for (const { headers } of server.seen) assert.equal(headers['if-none-match'], undefined);
  });
});
