import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClipEvent } from '../../../../media/clip/index.ts';
import { audioFixture, bytesOf, id3Tag, wavFile } from '../../../support/audio-files.ts';
import { HeldFile, stalls } from '../../../support/clip-server.ts';
import { eventually, samplesOf, settled, useClipStore } from '../../../support/clip-store-rig.ts';
import { seededRandom } from '../../../support/random.ts';
import { levelAt, tone } from '../../../support/tones.ts';
import { writeWav } from '../../../support/wav.ts';

const rig = useClipStore();
const mp3 = audioFixture('stereo-44100-cbr.mp3');
const random = seededRandom(11);
const noise = Int16Array.from({ length: 12_345 }, () => Math.floor(random() * 65536) - 32768);

describe('a clip', () => {
  test('of a 16-bit mono wav at the wanted rate is that wav, bit for bit', async () => {
    for (const sampleRate of [8000, 16000, 48000] as const) {
      const { clip, cache, release } = await rig.load(
        rig.server.file(`/exact-${sampleRate}`, writeWav(noise, sampleRate)),
        sampleRate,
      );
      assert.deepEqual([clip.state, clip.truncated, cache, clip.sampleCount], ['ready', false, 'miss', noise.length]);
      assert.deepEqual(samplesOf(clip), noise);
      for (const chunk of clip.chunks) assert.ok(chunk.buffer instanceof SharedArrayBuffer);
      release();
    }
    assert.equal(rig.counted['exit 0'], undefined, 'no decoder was needed');
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
        const { clip } = await rig.load(rig.server.file(`/${name}`, file), sampleRate);
        assert.deepEqual([clip.state, clip.truncated], ['ready', false], `${name} ${clip.failure?.detail}`);
        const middle = samplesOf(clip).subarray(sampleRate * 0.2, sampleRate);
        assert.ok(
          levelAt(middle, sampleRate, hz) > -20,
          `${name} at ${sampleRate}: ${levelAt(middle, sampleRate, hz)}`,
        );
      }
    }
    assert.equal(rig.counted['exit 0'], 10);
    assert.ok((rig.counted.decoded ?? 0) === 10 && rig.counted.fetched === 10);
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
      const { clip } = await rig.load(rig.server.file('/kinds', file), 16000);
      rig.store.drop();
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
      const lease = rig.store.open(new URL(rig.server.on('/held', held.handler)), 8000);
      await held.begun;
      await eventually(() => lease.clip.sampleCount >= 160, 'the first frame');
      assert.equal(lease.clip.state, 'loading');
      held.release();
      assert.equal((await settled(lease.clip))?.type, 'ended');
      lease.release();
      rig.store.drop();
    }
  });

  test('tells its story once, in order, and nothing twice', async () => {
    const lease = rig.store.open(new URL(rig.server.file('/story', mp3)), 8000);
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
    const { clip } = await rig.load(`${rig.server.file('/secret', mp3)}?X-Signature=hush`);
    assert.ok(clip.url.endsWith('/secret?…'));
    assert.ok(rig.store.list().every(({ url }) => !url.includes('hush')));
  });
});

describe('sharing', () => {
  test('a thousand who ask at once share one fetch and one decode', async () => {
    const held = new HeldFile(mp3, 5000);
    const url = rig.server.on('/shared', held.handler);
    const leases = Array.from({ length: 1000 }, () => rig.store.open(new URL(url), 8000));
    await held.begun;
    held.release();
    await settled(leases[0]!.clip);
    assert.equal(new Set(leases.map(({ clip }) => clip)).size, 1);
    assert.equal(rig.server.hits('/shared'), 1);
    assert.deepEqual([rig.counted['opened miss'], rig.counted['opened coalesced'], rig.counted['exit 0']], [1, 999, 1]);
    for (const lease of leases) lease.release();
    const again = rig.store.open(new URL(url), 8000);
    assert.deepEqual([again.cache, again.clip.state, rig.server.hits('/shared')], ['hit', 'ready', 1]);
  });

  test('different rates, queries and accounts are different clips; fragments are not', async () => {
    const url = rig.server.file('/keys', writeWav(noise, 8000));
    const opened = [
      rig.store.open(new URL(url), 8000),
      rig.store.open(new URL(url), 16000),
      rig.store.open(new URL(`${url}?a`), 8000),
      rig.store.open(new URL(url), 8000, 'other'),
      rig.store.open(new URL(`${url}#t=1`), 8000),
    ];
    await Promise.all(opened.map(({ clip }) => settled(clip)));
    assert.equal(new Set(opened.map(({ clip }) => clip.id)).size, 4);
    assert.equal(rig.server.seen.length, 4);
  });

  test('the last who leaves an unfinished clip ends its fetch and its decoder', async () => {
    const url = rig.server.on('/leave', stalls(mp3));
    const [one, two] = [rig.store.open(new URL(url), 8000), rig.store.open(new URL(url), 8000)];
    await eventually(() => one.clip.sampleCount > 0, 'sound');
    assert.equal(rig.children().length, 1);
    one.release();
    one.release();
    await new Promise(setImmediate);
    assert.deepEqual([two.clip.state, rig.children().length], ['loading', 1]);
    const left = performance.now();
    two.release();
    await eventually(() => rig.server.sockets.size === 0 && rig.children().length === 0, 'all closed');
    // A few ms on a quiet machine; the rest is for a busy one.
    assert.ok(performance.now() - left < 1_000, `${performance.now() - left} ms`);
    assert.deepEqual([rig.store.stats().clips, rig.store.stats().bytes, rig.counted.bytes], [0, 0, 0]);
    assert.equal(two.clip.failure, undefined);
    const anew = await rig.load(rig.server.file('/leave', mp3));
    assert.equal(anew.clip.state, 'ready');
  });

  test('whoever comes right after that starts anew', async () => {
    const url = rig.server.on('/anew', stalls(mp3));
    const first = rig.store.open(new URL(url), 8000);
    await eventually(() => rig.server.hits('/anew') === 1, 'the request');
    first.release();
    rig.server.file('/anew', mp3);
    const second = await rig.load(url);
    assert.equal(second.clip.state, 'ready');
    assert.notEqual(second.clip, first.clip);
  });
});

describe('decoders', () => {
  test('without one, wav at its own rate still plays and the rest says why it does not', async () => {
    rig.store = rig.storeWith({ decoder: undefined });
    assert.equal(await rig.reasonOf(rig.server.file('/plain', writeWav(noise, 8000))), 'ready');
    assert.equal(await rig.reasonOf(rig.server.file('/other-rate', writeWav(noise, 16000))), 'decoder_unavailable');
    assert.equal(await rig.reasonOf(rig.server.file('/mp3', mp3)), 'decoder_unavailable');
    rig.store = rig.storeWith({ decoder: { ...rig.decoder, path: '/nowhere/ffmpeg' } });
    assert.equal(await rig.reasonOf(rig.server.url('/mp3')), 'decoder_unavailable');
  });

  test('that crash on a url five times are spared it for ten minutes', async () => {
    rig.store = rig.storeWith({ decoder: { ...rig.decoder, path: rig.crashing, prlimit: undefined } });
    const url = rig.server.file('/killer', mp3);
    for (let crash = 0; crash < 5; crash++) assert.equal(await rig.reasonOf(url), 'decoder_failed');
    assert.deepEqual([rig.server.hits('/killer'), rig.counted['exit SIGSEGV']], [5, 5]);
    const refused = rig.store.open(new URL(url), 8000);
    assert.equal(refused.clip.failure?.reason, 'decoder_failed');
    assert.equal(rig.server.hits('/killer'), 5);
    assert.equal(await rig.reasonOf(rig.server.file('/innocent', mp3)), 'decoder_failed');
    rig.skipped += 600_001;
    await rig.reasonOf(url);
    assert.equal(rig.server.hits('/killer'), 6);
  });

  test('work on so many files at once, and a slow source does not keep a place', async () => {
    rig.store = rig.storeWith({ limits: { decodes: 1 } });
    const slow = rig.store.open(new URL(rig.server.on('/slow', stalls(mp3))), 8000);
    await eventually(() => slow.clip.sampleCount > 0, 'the slow one began');
    await eventually(() => rig.store.stats().decoding === 0, 'the slow one stepped out');
    const others = ['/f1', '/f2', '/f3'].map((path) => rig.store.open(new URL(rig.server.file(path, mp3)), 8000));
    await Promise.all(others.map(({ clip }) => settled(clip)));
    assert.deepEqual(
      others.map(({ clip }) => clip.state),
      ['ready', 'ready', 'ready'],
    );
    assert.equal(slow.clip.state, 'loading');
    slow.release();
  });

  test('beyond their queue are busy', async () => {
    rig.store = rig.storeWith({ limits: { decodes: 0, decodeQueue: 0 } });
    assert.equal(await rig.reasonOf(rig.server.file('/queued', mp3)), 'busy');
  });
});

test('closing fails what is loading, forgets the rest and leaves nothing behind', async () => {
  const wav = await rig.load(rig.server.file('/kept', writeWav(noise, 8000)));
  const loading = rig.store.open(new URL(rig.server.on('/loading', stalls(mp3))), 8000);
  await eventually(() => loading.clip.sampleCount > 0, 'sound');
  const end = settled(loading.clip);
  await rig.store.close();
  assert.deepEqual(rig.children(), []);
  assert.deepEqual(await end, { type: 'failed', reason: 'busy', detail: 'the server is stopping' });
  assert.equal(rig.store.open(new URL(rig.server.url('/kept')), 8000).clip.failure?.reason, 'busy');
  wav.release();
  loading.release();
  assert.equal(rig.store.stats().bytes, 0);
});
