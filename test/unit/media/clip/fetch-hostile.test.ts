import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Resolve } from '../../../../media/clip/connector.ts';
import {
  Canary,
  cutsShort,
  drips,
  endless,
  neverAnswers,
  resets,
  speaksRaw,
  stalls,
} from '../../../support/clip-server.ts';
import { eventually } from '../../../support/clip-store-rig.ts';
import { useFetch } from '../../../support/fetch-rig.ts';

const rig = useFetch();
const sound = Buffer.alloc(5000, 0x42);

describe('sources that misbehave', () => {
  const small = { downloadBytes: 200_000 };
  const quick = { connectMs: 400, firstByteMs: 150, idleMs: 150, totalMs: 600 };

  /** Deadlines are short only where they are what is tested: a busy machine misses them elsewhere. */
  async function fails(url: string, reason: string): Promise<void> {
    const started = performance.now();
    const limits = reason === 'timeout' ? quick : small;
    assert.equal(await rig.reasonOf(url, { limits }), reason, url);
    const took = performance.now() - started;
    assert.ok(took < 10_000, `${url} took ${took} ms`);
    await eventually(() => rig.server.sockets.size === 0, `${url}: no socket left`);
  }

  test('that never answer, answer in slow motion or keep saying wait, run into a deadline', async () => {
    await fails(rig.server.on('/never', neverAnswers), 'timeout');
    await fails(
      rig.server.on('/slow-headers', speaksRaw([...'HTTP/1.1 200 OK\r\nX-Slow: yes\r\n'.repeat(50)], 20)),
      'timeout',
    );
    const hints = Array.from({ length: 500 }, () => 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
    await fails(rig.server.on('/hints', speaksRaw(hints, 10)), 'timeout');
  });

  test('that stall or drip run into a deadline', async () => {
    await fails(rig.server.on('/stalls', stalls(sound)), 'timeout');
    await fails(rig.server.on('/drips', drips(sound, 20)), 'timeout');
  });

  test('that never end are cut at the limit', async () => {
    await fails(rig.server.on('/endless', endless(sound)), 'too_large');
    await fails(rig.server.file('/big', Buffer.alloc(200_001)), 'too_large');
    const { opened, body } = await rig.download(rig.server.file('/fits', Buffer.alloc(200_000)), { limits: small });
    assert.deepEqual([opened.status, body.length], ['ok', 200_000]);
  });

  test('that hang up while nobody reads do no harm', async () => {
    const much = Buffer.alloc(150_000, 0x42);
    for (const hangUp of ['end', 'destroy', 'resetAndDestroy'] as const) {
      let gone = () => {};
      const closed = new Promise<void>((resolve) => {
        gone = resolve;
      });
      const url = rig.server.on('/unread', (request, response) => {
        request.socket.on('close', gone);
        response.write(much, () =>
          setTimeout(() => (hangUp === 'end' ? response.end() : request.socket[hangUp]()), 30),
        );
      });
      const fetch = rig.fetchOf();
      assert.equal((await fetch.open(new URL(url))).status, 'ok');
      await closed;
      await new Promise((resolve) => setTimeout(resolve, 30));
      let part = await fetch.read();
      while (part.type === 'data') part = await fetch.read();
      assert.deepEqual(part, { type: 'end', cutShort: hangUp !== 'end' });
      fetch.close();
    }
    const tooMuch = rig.fetchOf({ limits: small });
    assert.equal((await tooMuch.open(new URL(rig.server.on('/unread', endless(sound))))).status, 'ok');
    await eventually(() => rig.server.sockets.size === 0, 'the connection to be cut');
    let part = await tooMuch.read();
    while (part.type === 'data') part = await tooMuch.read();
    assert.ok(part.type === 'failed' && part.reason === 'too_large');
  });

  test('that announce 10 GB are not even read', async () => {
    const url = rig.server.on('/huge', (_request, response) => {
      response.writeHead(200, { 'content-length': 10_000_000_000 });
      response.write(sound);
    });
    const { opened, end, body } = await rig.download(url);
    assert.deepEqual([opened.status, end?.type === 'failed' && end.reason, body.length], ['ok', 'too_large', 0]);
  });

  test('that compress unasked or declare text are refused', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip', 'zstd', 'x']) {
      await fails(rig.server.file('/bomb', bomb, { 'content-encoding': encoding }), 'not_audio');
    }
    for (const type of [
      'text/html',
      'text/plain; charset=utf-8',
      'TEXT/xml',
      'application/xhtml+xml',
      'application/json',
      'image/svg+xml',
    ]) {
      await fails(rig.server.file('/text', sound, { 'content-type': type }), 'not_audio');
    }
    for (const type of ['audio/mpeg', 'application/octet-stream', '']) {
      assert.equal(await rig.reasonOf(rig.server.file('/bytes', sound, { 'content-type': type })), 'ok, end');
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
      rig.server.seen.length = 0;
      const { opened } = await rig.download(
        rig.server.on('/status', (_request, response) => response.writeHead(status).end()),
      );
      assert.ok(opened.status === 'failed' && opened.reason === 'http_status', `${status}`);
      assert.ok(opened.detail.includes(`${status}`));
      assert.equal(rig.server.hits('/status'), asked, `${status}`);
    }
  });

  test('that reset the connection are tried again, once', async () => {
    await fails(rig.server.on('/resets', resets), 'unreachable');
    assert.equal(rig.server.hits('/resets'), 2);
    let asked = 0;
    const once = rig.server.on('/resets-once', (request, response) => {
      if (++asked === 1) resets(request, response);
      else response.end(sound);
    });
    assert.equal(await rig.reasonOf(once), 'ok, end');
    const hangsUp = rig.server.on('/hangs-up', cutsShort(Buffer.alloc(0), 5000));
    assert.equal(await rig.reasonOf(hangsUp), 'unreachable');
    assert.equal(rig.server.hits('/hangs-up'), 2);
  });

  test('that break off in the middle leave what came, marked as cut', async () => {
    const { opened, end, body } = await rig.download(rig.server.on('/cut', cutsShort(sound, 9000)));
    assert.equal(opened.status, 'ok');
    assert.deepEqual([end, body], [{ type: 'end', cutShort: true }, sound]);
    const chunked = rig.server.on('/cut-chunked', (_request, response) => {
      response.write(sound, () => response.socket?.resetAndDestroy());
    });
    const second = await rig.download(chunked);
    assert.ok(second.opened.status === 'failed' || (second.end?.type === 'end' && second.end.cutShort));
    assert.equal(rig.server.hits('/cut'), 1);
  });

  test('that do not speak HTTP, or too much of it, are unreachable', async () => {
    await fails(rig.server.on('/garbage', speaksRaw(['SSH-2.0-OpenSSH_9.2p1\r\n'])), 'unreachable');
    await fails(rig.server.on('/continue', speaksRaw(['HTTP/1.1 100 Continue\r\n\r\n'.repeat(3)])), 'unreachable');
    const header = `X-Much: ${'a'.repeat(20_000)}\r\n`;
    await fails(rig.server.on('/headers', speaksRaw([`HTTP/1.1 200 OK\r\n${header}\r\n`])), 'unreachable');
    const both = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    await fails(rig.server.on('/smuggle', speaksRaw([both])), 'unreachable');
  });

  test('that cannot be found or refuse are unreachable', async () => {
    assert.equal(await rig.reasonOf('http://nowhere.test/a.mp3'), 'unreachable');
    const gone = await Canary.start();
    const { port } = gone;
    await gone.close();
    assert.equal(await rig.reasonOf(`http://127.0.0.1:${port}/`, { allow: `127.0.0.1:${port}` }), 'unreachable');
  });

  test('a resolver that never answers runs into the deadline too', async () => {
    const resolve: Resolve = () => new Promise(() => {});
    assert.equal(await rig.reasonOf('http://slow.test/a.mp3', { resolve, limits: quick }), 'timeout');
  });
});
