import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { audioFixture, bytesOf, id3Tag, wavFile } from '../../../support/audio-files.ts';
import { Canary, cutsShort, drips, endless, neverAnswers, stalls } from '../../../support/clip-server.ts';
import { eventually, useClipStore } from '../../../support/clip-store-rig.ts';
import { playlistsTo } from '../../../support/playlists.ts';
import { tone } from '../../../support/tones.ts';
import { writeWav } from '../../../support/wav.ts';

const rig = useClipStore();
const mp3 = audioFixture('stereo-44100-cbr.mp3');
const noise = tone(8000, 12_345, 440);

describe('what a source can do wrong', () => {
  const small = { downloadBytes: 100_000, clipSeconds: 2 };
  const quick = { ...small, firstByteMs: 200, idleMs: 200, totalMs: 800 };

  /** Deadlines are short only where they are what is tested: a busy machine misses them elsewhere. */
  async function fails(path: string, reason: string): Promise<void> {
    const from = rig.storeWith({ limits: reason === 'timeout' ? quick : small });
    const started = performance.now();
    assert.equal(await rig.reasonOf(rig.server.url(path), from), reason, path);
    assert.ok(performance.now() - started < 10_000, path);
    await eventually(() => rig.server.sockets.size === 0 && rig.children().length === 0, `${path}: nothing left`);
    assert.deepEqual([from.stats().bytes, from.stats().fetching, from.stats().decoding], [0, 0, 0], path);
    assert.equal(rig.counted[`failed ${reason}`], 1, path);
    rig.counted = {};
  }

  test('stalling, dripping and silence are timeouts, with or without a decoder at work', async () => {
    rig.server.on('/stall', stalls(mp3));
    await fails('/stall', 'timeout');
    rig.server.on('/stall-wav', stalls(writeWav(noise, 8000)));
    await fails('/stall-wav', 'timeout');
    rig.server.on('/drip', drips(mp3, 10));
    await fails('/drip', 'timeout');
    rig.server.on('/silence', neverAnswers);
    await fails('/silence', 'timeout');
  });

  test('too much of anything is cut', async () => {
    rig.server.on('/endless-mp3', endless(mp3));
    await fails('/endless-mp3', 'too_large');
    rig.server.on('/endless-tag', endless(id3Tag(1000, 200_000_000)));
    await fails('/endless-tag', 'too_large');
    rig.server.file('/long', writeWav(new Int16Array(16_001), 8000));
    await fails('/long', 'too_long');
    rig.server.file('/long-resampled', writeWav(new Int16Array(12_500), 4000));
    await fails('/long-resampled', 'too_long');
    const minutes = Buffer.concat(Array.from({ length: 6 }, () => mp3));
    rig.server.file('/long-mp3', minutes);
    await fails('/long-mp3', 'too_long');
    assert.equal(
      await rig.reasonOf(
        rig.server.file('/fits', writeWav(new Int16Array(16_000), 8000)),
        rig.storeWith({ limits: small }),
      ),
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
      rig.server.file('/no-sound', Buffer.from(body, 'latin1'), { 'content-type': 'audio/mpeg' });
      await fails('/no-sound', 'not_audio');
    }
    rig.server.file('/html', mp3, { 'content-type': 'text/html' });
    await fails('/html', 'not_audio');
    assert.equal(
      Object.keys(rig.counted).some((name) => name.startsWith('exit')),
      false,
    );
  });

  test('no playlist, and nothing hidden in a file, makes anybody fetch something else', async () => {
    const canary = await Canary.start();
    const playlists = playlistsTo(canary.port).map((text) => Buffer.from(text.repeat(50)));
    for (const playlist of playlists) {
      for (const file of [playlist, Buffer.concat([id3Tag(10), playlist]), Buffer.concat([mp3, playlist])]) {
        await rig.reasonOf(rig.server.file('/playlist', file));
        rig.store.drop();
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
      rig.server.file('/bad', file);
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
      const { clip, release } = await rig.load(rig.server.file(path, file));
      assert.deepEqual([clip.state, clip.truncated], ['ready', true], path);
      release();
      // It is what the source has: kept like any other.
      assert.equal((await rig.load(rig.server.url(path))).cache, 'hit');
    }
    const broken = await rig.load(rig.server.on('/cut-connection', cutsShort(mp3, 20_000)));
    assert.deepEqual([broken.clip.state, broken.clip.truncated], ['ready', true]);
    broken.release();
    assert.equal(
      rig.store.list().some(({ url }) => url.endsWith('/cut-connection')),
      false,
    );
    assert.equal(rig.counted.truncated, 4);
  });

  test('refused addresses and redirects fail with their reason', async () => {
    rig.server.redirect('/inside', 'http://169.254.169.254/');
    await fails('/inside', 'refused_address');
    rig.server.redirect('/round', '/round');
    await fails('/round', 'redirects');
    await fails('/missing', 'http_status');
    const lease = await rig.load('http://127.0.0.1:9/a.mp3');
    assert.equal(lease.clip.failure?.reason, 'refused_address');
  });
});
