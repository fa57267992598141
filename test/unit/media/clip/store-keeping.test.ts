import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClipLease } from '../../../../media/clip/index.ts';
import { neverAnswers } from '../../../support/clip-server.ts';
import { eventually, samplesOf, useClipStore } from '../../../support/clip-store-rig.ts';
import { tone } from '../../../support/tones.ts';
import { writeWav } from '../../../support/wav.ts';

const rig = useClipStore();

describe('keeping', () => {
  const wav = writeWav(new Int16Array(8000).fill(1), 8000);
  const bytes = 16_000;

  test('the least recently used go first, those in use stay, and the rest stays within the limit', async () => {
    rig.store = rig.storeWith({ limits: { cacheBytes: 3 * bytes } });
    const urls = ['/a', '/b', '/c', '/d', '/e'].map((path) => rig.server.file(path, wav));
    const [a, b] = [await rig.load(urls[0]!), await rig.load(urls[1]!)];
    b.release();
    (await rig.load(urls[2]!)).release();
    rig.store.open(new URL(urls[1]!), 8000).release();
    (await rig.load(urls[3]!)).release();
    (await rig.load(urls[4]!)).release();
    // a is in use; c was used before b; d and e came last: b had to go for e.
    assert.deepEqual(
      rig.store.list().map(({ url }) => new URL(url).pathname),
      ['/a', '/d', '/e'],
    );
    assert.equal(rig.counted.bytes, 3 * bytes);
    a.release();
    (await rig.load(urls[1]!)).release();
    assert.deepEqual(
      rig.store.list().map(({ url }) => new URL(url).pathname),
      ['/d', '/e', '/b'],
    );
    assert.equal(rig.store.stats().bytes, 3 * bytes);
  });

  test('clips in use may go beyond the limit, until new ones are refused', async () => {
    rig.store = rig.storeWith({ limits: { cacheBytes: 2 * bytes } });
    const leases: ClipLease[] = [];
    for (const path of ['/1', '/2', '/3', '/4']) leases.push(await rig.load(rig.server.file(path, wav)));
    assert.deepEqual(
      leases.map(({ clip }) => clip.state),
      ['ready', 'ready', 'ready', 'ready'],
    );
    const fifth = await rig.load(rig.server.file('/5', wav));
    assert.equal(fifth.clip.failure?.reason, 'busy');
    fifth.release();
    for (const lease of leases) lease.release();
    assert.equal(rig.store.stats().bytes, 2 * bytes);
    assert.equal(await rig.reasonOf(rig.server.url('/5')), 'ready');
  });

  test('a clip is fresh for as long as its source says, and a minute when it says nothing', async () => {
    for (const [header, ms] of [
      ['max-age=300', 300_000],
      ['', 60_000],
      ['max-age=0', 0],
      ['no-cache', 0],
    ] as const) {
      const path = `/fresh-${ms}-${header}`;
      const url = rig.server.file(path, wav, header === '' ? {} : { 'cache-control': header });
      (await rig.load(url)).release();
      if (ms > 0) {
        rig.skipped += ms - 1_000;
        assert.equal((await rig.load(url)).cache, 'hit');
        assert.equal(rig.server.hits(path), 1);
      }
      rig.skipped += 1_001;
      assert.equal((await rig.load(url)).cache, 'miss');
      assert.equal(rig.server.hits(path), 2, header);
    }
  });

  test('what must not be stored is shared while it is played, and forgotten then', async () => {
    const url = rig.server.file('/no-store', wav, { 'cache-control': 'no-store' });
    const lease = await rig.load(url);
    assert.deepEqual([lease.clip.state, rig.store.stats().bytes], ['ready', bytes]);
    lease.release();
    assert.equal(rig.store.stats().bytes, 0);
    (await rig.load(url)).release();
    assert.equal(rig.server.hits('/no-store'), 2);
  });

  test('an outdated clip is asked for again and its samples taken over when it did not change', async () => {
    let version = '"1"';
    const url = rig.server.on('/etag', (request, response) => {
      if (request.headers['if-none-match'] === version) response.writeHead(304, { etag: version }).end();
      else response.writeHead(200, { etag: version, 'content-length': wav.length }).end(wav);
    });
    const first = await rig.load(url);
    rig.skipped += 61_000;
    const second = await rig.load(url);
    assert.equal(rig.server.hits('/etag'), 2);
    assert.deepEqual([second.cache, second.clip.state, second.clip.sampleCount], ['miss', 'ready', 8000]);
    assert.equal(second.clip.chunks[0]?.buffer, first.clip.chunks[0]?.buffer);
    assert.equal(rig.store.stats().bytes, bytes);
    first.release();
    second.release();
    assert.equal((await rig.load(url)).cache, 'hit');
    version = '"2"';
    rig.skipped += 61_000;
    const third = await rig.load(url);
    assert.deepEqual([rig.server.hits('/etag'), third.clip.state], [3, 'ready']);
    assert.notEqual(third.clip.chunks[0]?.buffer, first.clip.chunks[0]?.buffer);
  });

  test('a date of change serves where there is no tag', async () => {
    const changed = 'Tue, 04 Feb 1997 10:00:00 GMT';
    const url = rig.server.on('/date', (request, response) => {
      if (request.headers['if-modified-since'] === changed) response.writeHead(304).end();
      else response.writeHead(200, { 'last-modified': changed }).end(wav);
    });
    (await rig.load(url)).release();
    rig.skipped += 61_000;
    assert.equal((await rig.load(url)).clip.state, 'ready');
    assert.equal(rig.server.seen.at(-1)?.headers['if-modified-since'], changed);
  });

  test('a source that redirects elsewhere by now is not shown the tag of the old place', async () => {
    const old = rig.server.file('/old', wav, { etag: '"same"' });
    const other = tone(8000, 8000, 440);
    const elsewhere = writeWav(other, 8000);
    rig.server.on('/new', (request, response) => {
      if (request.headers['if-none-match'] === '"same"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"same"' }).end(elsewhere);
    });
    const url = rig.server.redirect('/moving', old);
    (await rig.load(url)).release();
    rig.skipped += 61_000;
    rig.server.redirect('/moving', '/new');
    assert.deepEqual(samplesOf((await rig.load(url)).clip), other);
  });

  test('when asking again is broken off or fails in passing, what is known is kept for the next time', async () => {
    const url = rig.server.file('/broken', wav, { etag: '"1"' });
    (await rig.load(url)).release();
    rig.skipped += 61_000;
    rig.server.on('/broken', neverAnswers);
    const waiting = rig.store.open(new URL(url), 8000);
    await eventually(() => rig.server.hits('/broken') === 2, 'the question');
    waiting.release();
    rig.server.on('/broken', (request) => request.socket.resetAndDestroy());
    assert.equal(await rig.reasonOf(url), 'unreachable');
    rig.server.on('/broken', (_request, response) => response.writeHead(304).end());
    assert.equal(await rig.reasonOf(url), 'ready');
    rig.server.on('/broken', (_request, response) => response.writeHead(404).end());
    rig.skipped += 61_000;
    assert.equal(await rig.reasonOf(url), 'http_status');
    assert.equal(rig.store.stats().bytes, 0);
  });

  test('failures are not kept', async () => {
    assert.equal(await rig.reasonOf(rig.server.url('/later')), 'http_status');
    assert.equal(await rig.reasonOf(rig.server.file('/later', wav)), 'ready');
  });

  test('a kept clip can be dropped; one in use plays on', async () => {
    const url = rig.server.file('/drop', wav);
    const lease = await rig.load(url);
    assert.equal(rig.store.drop(new URL(rig.server.url('/other'))), 0);
    assert.equal(rig.store.drop(new URL(url)), 1);
    assert.deepEqual([lease.clip.state, rig.store.stats().bytes], ['ready', bytes]);
    lease.release();
    assert.equal(rig.store.stats().bytes, 0);
  });
});
