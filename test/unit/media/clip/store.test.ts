import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { SampleRate } from '../../../../media/audio/frame.ts';
import {
  type Clip,
  type ClipEvent,
  type ClipLease,
  type ClipObserver,
  ClipStore,
  type ClipStoreOptions,
  chooseDecoder,
  type Decoder,
  parseFetchAllow,
  sourcePolicy,
} from '../../../../media/clip/index.ts';
import { type Clock, systemClock } from '../../../../media/time/clock.ts';
import { audioFixture, bytesOf, id3Tag, wavFile } from '../../../support/audio-files.ts';
import {
  Canary,
  ClipServer,
  cutsShort,
  drips,
  endless,
  HeldFile,
  neverAnswers,
  stalls,
} from '../../../support/clip-server.ts';
import { seededRandom } from '../../../support/random.ts';
import { levelAt, tone } from '../../../support/tones.ts';
import { writeWav } from '../../../support/wav.ts';

const mp3 = audioFixture('stereo-44100-cbr.mp3');
const random = seededRandom(11);
const noise = Int16Array.from({ length: 12_345 }, () => Math.floor(random() * 65536) - 32768);

let server: ClipServer;
let decoder: Decoder;
let store: ClipStore;
let folder: string;
/** A decoder that dies as soon as it is started. */
let crashing: string;
let counted: Record<string, number>;

/** The real clock, with a spring that can be wound forward. */
const clock: Clock & { skipped: number } = {
  skipped: 0,
  now: () => systemClock.now() + clock.skipped,
  setTimeout: systemClock.setTimeout,
};

const observer: ClipObserver = {
  opened: (found) => count(`opened ${found}`),
  fetched: () => count('fetched'),
  decoded: () => count('decoded'),
  decoderExited: (code, signal) => count(`exit ${signal ?? code}`),
  failed: (reason, detail, url) => {
    assert.match(detail + url, /^[\x20-\x7e…]+$/, 'unfit for a log');
    count(`failed ${reason}`);
  },
  truncated: () => count('truncated'),
  cacheBytes: (bytes) => {
    counted.bytes = bytes;
  },
};

function count(name: string): void {
  counted[name] = (counted[name] ?? 0) + 1;
}

function storeWith(options: Partial<ClipStoreOptions> = {}): ClipStore {
  const allow = parseFetchAllow(server.allow);
  assert.ok(allow.ok);
  return new ClipStore({ policy: sourcePolicy({ allow: allow.allow }), decoder, clock, observer, ...options });
}

/** Opens, waits for the end, and keeps the lease. */
async function load(url: string, sampleRate: SampleRate = 8000, from = store): Promise<ClipLease> {
  const lease = from.open(new URL(url), sampleRate);
  await settled(lease.clip);
  return lease;
}

function settled(clip: Clip): Promise<ClipEvent | undefined> {
  return new Promise((resolve) => {
    if (clip.state !== 'loading') resolve(undefined);
    clip.subscribe((event) => {
      if (event.type !== 'chunk') resolve(event);
    });
  });
}

async function reasonOf(url: string, from = store): Promise<string> {
  const lease = await load(url, 8000, from);
  lease.release();
  return lease.clip.failure?.reason ?? lease.clip.state;
}

function samplesOf(clip: Clip): Int16Array {
  return Int16Array.from(clip.chunks.flatMap((chunk) => [...chunk]));
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Children of this process, zombies included. */
function children(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const [, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(decoder.path);
    } catch {
      return false;
    }
  });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clips-'));
  crashing = join(folder, 'ffmpeg');
  writeFileSync(crashing, '#!/bin/sh\nkill -SEGV $$\n', { mode: 0o755 });
  server = await ClipServer.start();
  const chosen = await chooseDecoder(process.env.FFMPEG_PATH);
  assert.ok(chosen.decoder);
  decoder = chosen.decoder;
});
beforeEach(() => {
  counted = {};
  clock.skipped = 0;
  server.seen.length = 0;
  store = storeWith();
});
afterEach(async () => {
  await store.close();
  assert.deepEqual(children(), []);
  assert.equal(store.stats().fetching + store.stats().decoding, 0);
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

describe('a clip', () => {
  test('of a 16-bit mono wav at the wanted rate is that wav, bit for bit', async () => {
    for (const sampleRate of [8000, 16000, 48000] as const) {
      const { clip, cache, release } = await load(
        server.file(`/exact-${sampleRate}`, writeWav(noise, sampleRate)),
        sampleRate,
      );
      assert.deepEqual([clip.state, clip.truncated, cache, clip.sampleCount], ['ready', false, 'miss', noise.length]);
      assert.deepEqual(samplesOf(clip), noise);
      for (const chunk of clip.chunks) assert.ok(chunk.buffer instanceof SharedArrayBuffer);
      release();
    }
    assert.equal(counted['exit 0'], undefined, 'no decoder was needed');
  });

  test('of an mp3 sounds like it, at every rate, with pictures in front and without', async () => {
    const files: [string, Buffer, number][] = [
      ['cbr', mp3, 400],
      ['picture', Buffer.concat([id3Tag(300_000), mp3]), 1000],
      ['vbr', audioFixture('mono-22050-vbr.mp3'), 600],
      ['low', audioFixture('mono-8000-cbr.mp3'), 500],
      ['tailed', Buffer.concat([mp3, Buffer.from('TAG'.padEnd(128, '\x1b'))]), 400],
    ];
    for (const [name, file, hz] of files) {
      for (const sampleRate of [8000, 48000] as const) {
        const { clip } = await load(server.file(`/${name}`, file), sampleRate);
        assert.deepEqual([clip.state, clip.truncated], ['ready', false], `${name} ${clip.failure?.detail}`);
        const middle = samplesOf(clip).subarray(sampleRate * 0.2, sampleRate);
        assert.ok(
          levelAt(middle, sampleRate, hz) > -20,
          `${name} at ${sampleRate}: ${levelAt(middle, sampleRate, hz)}`,
        );
      }
    }
    assert.equal(counted['exit 0'], 10);
    assert.ok((counted.decoded ?? 0) === 10 && counted.fetched === 10);
  });

  test('of a wav at any rate and of any kind sounds like it', async () => {
    const stereo = tone(44100, 44100, [{ hz: 700 }]);
    const interleaved = Int16Array.from({ length: stereo.length * 2 }, (_, i) => stereo[i >> 1]!);
    const float = Buffer.from(Float32Array.from(tone(96000, 96000, 700), (value) => value / 32768).buffer);
    for (const file of [
      wavFile({ tag: 1, bits: 16, channels: 2, sampleRate: 44100, data: bytesOf(interleaved) }),
      wavFile({ tag: 3, bits: 32, channels: 1, sampleRate: 96000, data: float, extensible: true }),
      wavFile({
        tag: 1,
        bits: 16,
        channels: 1,
        sampleRate: 11025,
        data: bytesOf(tone(11025, 11025, 700)),
        dataLength: 0,
      }),
    ]) {
      const { clip } = await load(server.file('/kinds', file), 16000);
      store.drop();
      assert.equal(clip.state, 'ready', clip.failure?.detail);
      assert.ok(Math.abs(clip.sampleCount - 16000) < 60, `${clip.sampleCount}`);
      const heard = levelAt(samplesOf(clip).subarray(1000, 15000), 16000, 700);
      assert.ok(Math.abs(heard + 12) < 0.3, `${heard} dB`);
    }
  });

  test('can be heard while the rest of it is still downloading', async () => {
    for (const [file, first] of [
      [mp3, 3000],
      [writeWav(noise, 8000), 1000],
      [writeWav(noise, 44100), 16_000],
    ] as const) {
      const held = new HeldFile(file, first);
      const lease = store.open(new URL(server.on('/held', held.handler)), 8000);
      await held.begun;
      await eventually(() => lease.clip.sampleCount >= 160, 'the first frame');
      assert.equal(lease.clip.state, 'loading');
      held.release();
      assert.equal((await settled(lease.clip))?.type, 'ended');
      lease.release();
      store.drop();
    }
  });

  test('tells its story once, in order, and nothing twice', async () => {
    const lease = store.open(new URL(server.file('/story', mp3)), 8000);
    const events: ClipEvent[] = [];
    lease.clip.subscribe((event) => events.push(event));
    const stop = lease.clip.subscribe(() => assert.fail('unsubscribed'));
    stop();
    await settled(lease.clip);
    const chunks = events.filter((event) => event.type === 'chunk');
    assert.deepEqual(
      chunks.map(({ samples }) => samples),
      lease.clip.chunks,
    );
    assert.deepEqual(events.at(-1), { type: 'ended', samples: lease.clip.sampleCount, truncated: false });
    assert.equal(events.length, chunks.length + 1);
  });

  test('shows no secrets in its url', async () => {
    const { clip } = await load(`${server.file('/secret', mp3)}?X-Signature=hush`);
    assert.ok(clip.url.endsWith('/secret?…'));
    assert.ok(store.list().every(({ url }) => !url.includes('hush')));
  });
});

describe('sharing', () => {
  test('a thousand who ask at once share one fetch and one decode', async () => {
    const held = new HeldFile(mp3, 5000);
    const url = server.on('/shared', held.handler);
    const leases = Array.from({ length: 1000 }, () => store.open(new URL(url), 8000));
    await held.begun;
    held.release();
    await settled(leases[0]!.clip);
    assert.equal(new Set(leases.map(({ clip }) => clip)).size, 1);
    assert.equal(server.hits('/shared'), 1);
    assert.deepEqual([counted['opened miss'], counted['opened coalesced'], counted['exit 0']], [1, 999, 1]);
    for (const lease of leases) lease.release();
    const again = store.open(new URL(url), 8000);
    assert.deepEqual([again.cache, again.clip.state, server.hits('/shared')], ['hit', 'ready', 1]);
  });

  test('different rates, queries and accounts are different clips; fragments are not', async () => {
    const url = server.file('/keys', writeWav(noise, 8000));
    const opened = [
      store.open(new URL(url), 8000),
      store.open(new URL(url), 16000),
      store.open(new URL(`${url}?a`), 8000),
      store.open(new URL(url), 8000, 'other'),
      store.open(new URL(`${url}#t=1`), 8000),
    ];
    await Promise.all(opened.map(({ clip }) => settled(clip)));
    assert.equal(new Set(opened.map(({ clip }) => clip.id)).size, 4);
    assert.equal(server.seen.length, 4);
  });

  test('the last who leaves an unfinished clip ends its fetch and its decoder', async () => {
    const url = server.on('/leave', stalls(mp3));
    const [one, two] = [store.open(new URL(url), 8000), store.open(new URL(url), 8000)];
    await eventually(() => one.clip.sampleCount > 0, 'sound');
    assert.equal(children().length, 1);
    one.release();
    one.release();
    await new Promise(setImmediate);
    assert.deepEqual([two.clip.state, children().length], ['loading', 1]);
    const left = performance.now();
    two.release();
    await eventually(() => server.sockets.size === 0 && children().length === 0, 'all closed');
    // A few ms on a quiet machine; the rest is for a busy one.
    assert.ok(performance.now() - left < 250, `${performance.now() - left} ms`);
    assert.deepEqual([store.stats().clips, store.stats().bytes, counted.bytes], [0, 0, 0]);
    assert.equal(two.clip.failure, undefined);
    const anew = await load(server.file('/leave', mp3));
    assert.equal(anew.clip.state, 'ready');
  });

  test('whoever comes right after that starts anew', async () => {
    const url = server.on('/anew', stalls(mp3));
    const first = store.open(new URL(url), 8000);
    await eventually(() => server.hits('/anew') === 1, 'the request');
    first.release();
    server.file('/anew', mp3);
    const second = await load(url);
    assert.equal(second.clip.state, 'ready');
    assert.notEqual(second.clip, first.clip);
  });
});

describe('keeping', () => {
  const wav = writeWav(new Int16Array(8000).fill(1), 8000);
  const bytes = 16_000;

  test('the least recently used go first, those in use stay, and the rest stays within the limit', async () => {
    store = storeWith({ limits: { cacheBytes: 3 * bytes } });
    const urls = ['/a', '/b', '/c', '/d', '/e'].map((path) => server.file(path, wav));
    const [a, b] = [await load(urls[0]!), await load(urls[1]!)];
    b.release();
    (await load(urls[2]!)).release();
    store.open(new URL(urls[1]!), 8000).release();
    (await load(urls[3]!)).release();
    (await load(urls[4]!)).release();
    // a is in use; c was used before b; d and e came last: b had to go for e.
    assert.deepEqual(
      store.list().map(({ url }) => new URL(url).pathname),
      ['/a', '/d', '/e'],
    );
    assert.equal(counted.bytes, 3 * bytes);
    a.release();
    (await load(urls[1]!)).release();
    assert.deepEqual(
      store.list().map(({ url }) => new URL(url).pathname),
      ['/d', '/e', '/b'],
    );
    assert.equal(store.stats().bytes, 3 * bytes);
  });

  test('clips in use may go beyond the limit, until new ones are refused', async () => {
    store = storeWith({ limits: { cacheBytes: 2 * bytes } });
    const leases: ClipLease[] = [];
    for (const path of ['/1', '/2', '/3', '/4']) leases.push(await load(server.file(path, wav)));
    assert.deepEqual(
      leases.map(({ clip }) => clip.state),
      ['ready', 'ready', 'ready', 'ready'],
    );
    const fifth = await load(server.file('/5', wav));
    assert.equal(fifth.clip.failure?.reason, 'busy');
    fifth.release();
    for (const lease of leases) lease.release();
    assert.equal(store.stats().bytes, 2 * bytes);
    assert.equal(await reasonOf(server.url('/5')), 'ready');
  });

  test('a clip is fresh for as long as its source says, and a minute when it says nothing', async () => {
    for (const [header, ms] of [
      ['max-age=300', 300_000],
      ['', 60_000],
      ['max-age=0', 0],
      ['no-cache', 0],
    ] as const) {
      const path = `/fresh-${ms}-${header}`;
      const url = server.file(path, wav, header === '' ? {} : { 'cache-control': header });
      (await load(url)).release();
      if (ms > 0) {
        clock.skipped += ms - 1_000;
        assert.equal((await load(url)).cache, 'hit');
        assert.equal(server.hits(path), 1);
      }
      clock.skipped += 1_001;
      assert.equal((await load(url)).cache, 'miss');
      assert.equal(server.hits(path), 2, header);
    }
  });

  test('what must not be stored is shared while it is played, and forgotten then', async () => {
    const url = server.file('/no-store', wav, { 'cache-control': 'no-store' });
    const lease = await load(url);
    assert.deepEqual([lease.clip.state, store.stats().bytes], ['ready', bytes]);
    lease.release();
    assert.equal(store.stats().bytes, 0);
    (await load(url)).release();
    assert.equal(server.hits('/no-store'), 2);
  });

  test('an outdated clip is asked for again and its samples taken over when it did not change', async () => {
    let version = '"1"';
    const url = server.on('/etag', (request, response) => {
      if (request.headers['if-none-match'] === version) response.writeHead(304, { etag: version }).end();
      else response.writeHead(200, { etag: version, 'content-length': wav.length }).end(wav);
    });
    const first = await load(url);
    clock.skipped += 61_000;
    const second = await load(url);
    assert.equal(server.hits('/etag'), 2);
    assert.deepEqual([second.cache, second.clip.state, second.clip.sampleCount], ['miss', 'ready', 8000]);
    assert.equal(second.clip.chunks[0]?.buffer, first.clip.chunks[0]?.buffer);
    assert.equal(store.stats().bytes, bytes);
    first.release();
    second.release();
    assert.equal((await load(url)).cache, 'hit');
    version = '"2"';
    clock.skipped += 61_000;
    const third = await load(url);
    assert.deepEqual([server.hits('/etag'), third.clip.state], [3, 'ready']);
    assert.notEqual(third.clip.chunks[0]?.buffer, first.clip.chunks[0]?.buffer);
  });

  test('a date of change serves where there is no tag', async () => {
    const changed = 'Tue, 04 Feb 1997 10:00:00 GMT';
    const url = server.on('/date', (request, response) => {
      if (request.headers['if-modified-since'] === changed) response.writeHead(304).end();
      else response.writeHead(200, { 'last-modified': changed }).end(wav);
    });
    (await load(url)).release();
    clock.skipped += 61_000;
    assert.equal((await load(url)).clip.state, 'ready');
    assert.equal(server.seen.at(-1)?.headers['if-modified-since'], changed);
  });

  test('a source that redirects elsewhere by now is not shown the tag of the old place', async () => {
    const old = server.file('/old', wav, { etag: '"same"' });
    const elsewhere = writeWav(noise, 8000);
    server.on('/new', (request, response) => {
      if (request.headers['if-none-match'] === '"same"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"same"' }).end(elsewhere);
    });
    const url = server.redirect('/moving', old);
    (await load(url)).release();
    clock.skipped += 61_000;
    server.redirect('/moving', '/new');
    assert.deepEqual(samplesOf((await load(url)).clip), noise);
  });

  test('when asking again is broken off or fails in passing, what is known is kept for the next time', async () => {
    const url = server.file('/broken', wav, { etag: '"1"' });
    (await load(url)).release();
    clock.skipped += 61_000;
    server.on('/broken', neverAnswers);
    const waiting = store.open(new URL(url), 8000);
    await eventually(() => server.hits('/broken') === 2, 'the question');
    waiting.release();
    server.on('/broken', (request) => request.socket.resetAndDestroy());
    assert.equal(await reasonOf(url), 'unreachable');
    server.on('/broken', (_request, response) => response.writeHead(304).end());
    assert.equal(await reasonOf(url), 'ready');
    server.on('/broken', (_request, response) => response.writeHead(404).end());
    clock.skipped += 61_000;
    assert.equal(await reasonOf(url), 'http_status');
    assert.equal(store.stats().bytes, 0);
  });

  test('failures are not kept', async () => {
    assert.equal(await reasonOf(server.url('/later')), 'http_status');
    assert.equal(await reasonOf(server.file('/later', wav)), 'ready');
  });

  test('a kept clip can be dropped; one in use plays on', async () => {
    const url = server.file('/drop', wav);
    const lease = await load(url);
    assert.equal(store.drop(new URL(server.url('/other'))), 0);
    assert.equal(store.drop(new URL(url)), 1);
    assert.deepEqual([lease.clip.state, store.stats().bytes], ['ready', bytes]);
    lease.release();
    assert.equal(store.stats().bytes, 0);
  });
});

describe('what a source can do wrong', () => {
  const quick = { firstByteMs: 200, idleMs: 200, totalMs: 800, downloadBytes: 100_000, clipSeconds: 2 };

  async function fails(path: string, reason: string, from = storeWith({ limits: quick })): Promise<void> {
    const started = performance.now();
    assert.equal(await reasonOf(server.url(path), from), reason, path);
    assert.ok(performance.now() - started < 2_500, path);
    await eventually(() => server.sockets.size === 0 && children().length === 0, `${path}: nothing left`);
    assert.deepEqual([from.stats().bytes, from.stats().fetching, from.stats().decoding], [0, 0, 0], path);
    assert.equal(counted[`failed ${reason}`], 1, path);
    counted = {};
  }

  test('stalling, dripping and silence are timeouts, with or without a decoder at work', async () => {
    server.on('/stall', stalls(mp3));
    await fails('/stall', 'timeout');
    server.on('/stall-wav', stalls(writeWav(noise, 8000)));
    await fails('/stall-wav', 'timeout');
    server.on('/drip', drips(mp3, 10));
    await fails('/drip', 'timeout');
    server.on('/silence', neverAnswers);
    await fails('/silence', 'timeout');
  });

  test('too much of anything is cut', async () => {
    server.on('/endless-mp3', endless(mp3));
    await fails('/endless-mp3', 'too_large');
    server.on('/endless-tag', endless(id3Tag(1000, 200_000_000)));
    await fails('/endless-tag', 'too_large');
    server.file('/long', writeWav(new Int16Array(16_001), 8000));
    await fails('/long', 'too_long');
    server.file('/long-resampled', writeWav(new Int16Array(12_500), 4000));
    await fails('/long-resampled', 'too_long');
    const minutes = Buffer.concat(Array.from({ length: 6 }, () => mp3));
    server.file('/long-mp3', minutes);
    await fails('/long-mp3', 'too_long');
    assert.equal(
      await reasonOf(server.file('/fits', writeWav(new Int16Array(16_000), 8000)), storeWith({ limits: quick })),
      'ready',
    );
  });

  test('what is no sound is not_audio, and no decoder sees it', async () => {
    for (const body of [
      '<html></html>'.repeat(100),
      '',
      '#EXTM3U\nhttp://127.0.0.1/',
      'ffconcat version 1.0\nfile x\n',
      'RIFF\0\0\0\0AVI LIST',
      'PK\x03\x04'.repeat(99),
    ]) {
      server.file('/no-sound', Buffer.from(body, 'latin1'), { 'content-type': 'audio/mpeg' });
      await fails('/no-sound', 'not_audio');
    }
    server.file('/html', mp3, { 'content-type': 'text/html' });
    await fails('/html', 'not_audio');
    assert.equal(
      Object.keys(counted).some((name) => name.startsWith('exit')),
      false,
    );
  });

  test('no playlist, and nothing hidden in a file, makes anybody fetch something else', async () => {
    const canary = await Canary.start();
    const url = `http://127.0.0.1:${canary.port}/x.mp3`;
    const playlists = [
      `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}\n#EXT-X-ENDLIST\n`,
      `ffconcat version 1.0\nfile '${url}'\n`,
      `[playlist]\nFile1=${url}\n`,
      `<ASX version="3.0"><Entry><Ref href="${url}"/></Entry></ASX>`,
      `v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio ${canary.port} RTP/AVP 0\r\n`,
    ].map((text) => Buffer.from(text.repeat(50)));
    for (const playlist of playlists) {
      for (const file of [playlist, Buffer.concat([id3Tag(10), playlist]), Buffer.concat([mp3, playlist])]) {
        await reasonOf(server.file('/playlist', file));
        store.drop();
      }
    }
    assert.equal(canary.connections, 0);
    await canary.close();
  });

  test('what pretends to be sound and is not is bad_audio', async () => {
    const header = { tag: 1, bits: 16, channels: 1, sampleRate: 8000 };
    const data = bytesOf(noise);
    for (const file of [
      wavFile({ ...header, sampleRate: 1, data }),
      wavFile({ ...header, channels: 0, data }),
      wavFile({ ...header, data }).subarray(0, 40),
      wavFile({ ...header, data: data.subarray(0, 318) }),
      wavFile({ ...header, sampleRate: 44100, data: data.subarray(0, 300) }),
      mp3.subarray(0, 300),
    ]) {
      server.file('/bad', file);
      await fails('/bad', 'bad_audio');
    }
  });

  test('a file that was cut is played as far as it goes, and told to be cut', async () => {
    const cases: [string, Uint8Array][] = [
      ['/cut-mp3', mp3.subarray(0, 9000)],
      ['/cut-wav', writeWav(noise, 8000).subarray(0, 9000)],
      ['/cut-wav-resampled', writeWav(noise, 44100).subarray(0, 9000)],
    ];
    for (const [path, file] of cases) {
      const { clip, release } = await load(server.file(path, file));
      assert.deepEqual([clip.state, clip.truncated], ['ready', true], path);
      release();
      // It is what the source has: kept like any other.
      assert.equal((await load(server.url(path))).cache, 'hit');
    }
    const broken = await load(server.on('/cut-connection', cutsShort(mp3, 20_000)));
    assert.deepEqual([broken.clip.state, broken.clip.truncated], ['ready', true]);
    broken.release();
    assert.equal(
      store.list().some(({ url }) => url.endsWith('/cut-connection')),
      false,
    );
    assert.equal(counted.truncated, 4);
  });

  test('refused addresses and redirects fail with their reason', async () => {
    server.redirect('/inside', 'http://169.254.169.254/');
    await fails('/inside', 'refused_address');
    server.redirect('/round', '/round');
    await fails('/round', 'redirects');
    await fails('/missing', 'http_status');
    const lease = await load('http://127.0.0.1:9/a.mp3');
    assert.equal(lease.clip.failure?.reason, 'refused_address');
  });
});

describe('decoders', () => {
  test('without one, wav at its own rate still plays and the rest says why it does not', async () => {
    store = storeWith({ decoder: undefined });
    assert.equal(await reasonOf(server.file('/plain', writeWav(noise, 8000))), 'ready');
    assert.equal(await reasonOf(server.file('/other-rate', writeWav(noise, 16000))), 'decoder_unavailable');
    assert.equal(await reasonOf(server.file('/mp3', mp3)), 'decoder_unavailable');
    store = storeWith({ decoder: { ...decoder, path: '/nowhere/ffmpeg' } });
    assert.equal(await reasonOf(server.url('/mp3')), 'decoder_unavailable');
  });

  test('that crash on a url five times are spared it for ten minutes', async () => {
    store = storeWith({ decoder: { ...decoder, path: crashing, prlimit: undefined } });
    const url = server.file('/killer', mp3);
    for (let crash = 0; crash < 5; crash++) assert.equal(await reasonOf(url), 'decoder_failed');
    assert.deepEqual([server.hits('/killer'), counted['exit SIGSEGV']], [5, 5]);
    const refused = store.open(new URL(url), 8000);
    assert.equal(refused.clip.failure?.reason, 'decoder_failed');
    assert.equal(server.hits('/killer'), 5);
    assert.equal(await reasonOf(server.file('/innocent', mp3)), 'decoder_failed');
    clock.skipped += 600_001;
    await reasonOf(url);
    assert.equal(server.hits('/killer'), 6);
  });

  test('work on so many files at once, and a slow source does not keep a place', async () => {
    store = storeWith({ limits: { decodes: 1 } });
    const slow = store.open(new URL(server.on('/slow', stalls(mp3))), 8000);
    await eventually(() => slow.clip.sampleCount > 0, 'the slow one began');
    await eventually(() => store.stats().decoding === 0, 'the slow one stepped out');
    const others = ['/f1', '/f2', '/f3'].map((path) => store.open(new URL(server.file(path, mp3)), 8000));
    await Promise.all(others.map(({ clip }) => settled(clip)));
    assert.deepEqual(
      others.map(({ clip }) => clip.state),
      ['ready', 'ready', 'ready'],
    );
    assert.equal(slow.clip.state, 'loading');
    slow.release();
  });

  test('beyond their queue are busy', async () => {
    store = storeWith({ limits: { decodes: 0, decodeQueue: 0 } });
    assert.equal(await reasonOf(server.file('/queued', mp3)), 'busy');
  });
});

test('closing fails what is loading, forgets the rest and leaves nothing behind', async () => {
  const wav = await load(server.file('/kept', writeWav(noise, 8000)));
  const loading = store.open(new URL(server.on('/loading', stalls(mp3))), 8000);
  await eventually(() => loading.clip.sampleCount > 0, 'sound');
  const end = settled(loading.clip);
  await store.close();
  assert.deepEqual(children(), []);
  assert.deepEqual(await end, { type: 'failed', reason: 'busy', detail: 'the server is stopping' });
  assert.equal(store.open(new URL(server.url('/kept')), 8000).clip.failure?.reason, 'busy');
  wav.release();
  loading.release();
  assert.equal(store.stats().bytes, 0);
});
