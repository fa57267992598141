import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  builtInSounds,
  checkSource,
  type Failed,
  failed,
  parseFetchAllow,
  SOUND_SCHEME,
  soundAddress,
  sourcePolicy,
  wavFile,
} from '../../../../media/clip/index.ts';
import { samplesOf, settled, useClipStore } from '../../../support/clip-store-rig.ts';
import { levelAt, rmsDb, tone } from '../../../support/tones.ts';

const rig = useClipStore();
const local = new Map([[SOUND_SCHEME, builtInSounds]]);

describe('a built-in sound', () => {
  test('is heard at every rate without a fetch and without a decoder', async () => {
    const store = rig.storeWith({ decoder: undefined, local });
    for (const sampleRate of [8000, 16_000, 48_000] as const)
      for (const [name, seconds, hz, level] of [
        ['beep:1', 0.25, 880, -18],
        ['beep:2', 0.3, 660, -18],
        ['ring', 6, 480, -18],
      ] as const) {
        const { clip, release } = await rig.load(soundAddress(name), sampleRate, store);
        assert.equal(clip.state, 'ready', clip.failure?.detail);
        assert.equal(clip.sampleCount, seconds * sampleRate, `${name} at ${sampleRate}`);
        const heard = levelAt(samplesOf(clip).subarray(0, 0.12 * sampleRate), sampleRate, hz);
        assert.ok(Math.abs(heard - level) < 1.5, `${name} at ${sampleRate}: ${heard} dB`);
        release();
      }
    await store.close();
    assert.equal(rig.counted.fetched, undefined, 'nothing was fetched');
  });

  test('is made once for all who play it', async () => {
    const store = rig.storeWith({ local });
    for (const cache of ['miss', 'hit'] as const) {
      const lease = await rig.load(soundAddress('beep:1'), 8000, store);
      assert.equal(lease.cache, cache);
      lease.release();
    }
    await store.close();
  });

  test('begins and ends softly, and a ring is silent between the rings', async () => {
    const store = rig.storeWith({ local });
    const beep = samplesOf((await rig.load(soundAddress('beep:1'), 8000, store)).clip);
    assert.deepEqual([beep[0], Math.abs(beep.at(-1)!)], [0, 0]);
    const ring = samplesOf((await rig.load(soundAddress('ring'), 8000, store)).clip);
    assert.ok(rmsDb(ring.subarray(0, 16_000)) > -20, 'two seconds of tone');
    assert.ok(
      ring.subarray(16_000).every((sample) => sample === 0),
      'four seconds of silence',
    );
    await store.close();
  });

  test('that nobody knows fails as a clip', async () => {
    const store = rig.storeWith({ local });
    assert.equal(await rig.reasonOf('sound://beep-3', store), 'refused_address');
    assert.equal(await rig.reasonOf(`${soundAddress('beep:1')}?x=1`, store), 'refused_address');
    await store.close();
  });
});

describe('a sound that is made piece by piece', () => {
  test('is heard while the rest is being made, and is no longer made when nobody wants it', async () => {
    const file = wavFile(tone(8000, 8000, { hz: 500, db: -10 }), 8000);
    let stopped = false;
    const store = rig.storeWith({
      local: new Map([
        [
          'made:',
          async function* (_address: URL, _rate: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
            try {
              yield file.subarray(0, 4000);
              await new Promise<void>((resolve) => {
                if (signal.aborted) resolve();
                signal.addEventListener('abort', () => resolve(), { once: true });
              });
            } finally {
              stopped = true;
            }
          },
        ],
      ]),
    });
    const lease = store.open(new URL('made:one'), 8000);
    await new Promise<void>((resolve) => {
      lease.clip.subscribe(({ type }) => type === 'chunk' && resolve());
    });
    assert.ok(lease.clip.sampleCount > 0, 'some of it is there');
    assert.equal(lease.clip.state, 'loading');
    lease.release();
    await store.close();
    assert.ok(stopped, 'its maker was told');
  });

  test('and cannot be made fails with the reason of its maker', async () => {
    const making = function* (): Generator<Uint8Array | Failed> {
      yield wavFile(tone(800, 8000, { hz: 500, db: -10 }), 8000);
      yield failed('busy', 'too much to say');
    };
    const store = rig.storeWith({ local: new Map([['made:', making]]) });
    const { clip } = await rig.load('made:one', 8000, store);
    assert.deepEqual(clip.failure, { reason: 'busy', detail: 'too much to say' });
    await store.close();
  });
});

describe('the address of a sound that is made here', () => {
  const policy = sourcePolicy({ allow: allowing('0.0.0.0/8:80,127.0.0.0/8:80') });

  test('is no URL that a caller may give, however it is written', () => {
    for (const text of [
      soundAddress('beep:1'),
      soundAddress('ring'),
      'sound:beep-1',
      'SOUND://beep-1',
      'sound:/beep-1',
      'sound:\\\\beep-1',
      'sound%3A//beep-1',
      ' sound://beep-1',
      'so\tund://beep-1',
      'speech://espeak/en?hello',
      'speech:hello',
      'Speech://x',
    ])
      assert.equal(checkSource(text, policy).ok, false, `accepted ${JSON.stringify(text)}`);
  });

  test('is not reached by a redirect', async () => {
    const store = rig.storeWith({ local });
    const url = rig.server.redirect('/to-a-sound', soundAddress('beep:1'));
    assert.equal(await rig.reasonOf(url, store), 'refused_address');
    await store.close();
  });

  test('is refused where nothing makes sounds', async () => {
    const lease = rig.store.open(new URL(soundAddress('beep:1')), 8000);
    await settled(lease.clip);
    assert.equal(lease.clip.failure?.reason, 'refused_address');
    lease.release();
  });
});

function allowing(text: string) {
  const parsed = parseFetchAllow(text);
  assert.ok(parsed.ok, text);
  return parsed.allow;
}
