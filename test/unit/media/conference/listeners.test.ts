import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteRing } from '../../../../media/audio/ring.ts';
import { l16LittleEndian } from '../../../../media/codec/l16.ts';
import { Encodings } from '../../../../media/conference/output.ts';
import type { Track } from '../../../../media/engine.ts';
import { ListeningLeg } from '../../../../media/leg/listening-leg.ts';
import { FRAME, RATE, TestConference } from '../../../support/conference.ts';
import { hzIn, tone } from '../../../support/tones.ts';

const TONES = [440, 550, 660, 880];

/** Somebody who listens along, and may speak. */
class Companion {
  readonly leg: ListeningLeg;
  readonly #inward = ByteRing.allocate(64_000);
  readonly #outward = ByteRing.allocate(64_000);

  constructor(target: number, track: Track) {
    this.leg = new ListeningLeg(
      {
        codec: l16LittleEndian(RATE),
        sampleRate: RATE,
        encodings: new Encodings(RATE, FRAME),
        inward: this.#inward,
        outward: this.#outward,
      },
      target,
      track,
    );
  }

  say(hz: number, frames: number): void {
    const bytes = Buffer.from(tone(RATE, FRAME * frames, { hz, db: -12 }).buffer);
    this.#inward.write(bytes, 0, bytes.length);
  }

  /** All since the last look. */
  take(): Int16Array {
    const bytes = new Uint8Array(this.#outward.length);
    this.#outward.read(bytes, bytes.length);
    return new Int16Array(bytes.buffer);
  }

  get tones(): number[] {
    return hzIn(this.take(), RATE, TONES);
  }
}

function conferenceOfTwo(): TestConference {
  const test = new TestConference();
  test.hum('ana', 440);
  test.hum('ben', 550);
  return test;
}

describe('somebody who listens along with a member', () => {
  test('hears what she says, and nobody else', () => {
    const test = conferenceOfTwo();
    const said = new Companion(test.id('ana'), 'said');
    test.conference.add(90, said.leg, {});
    test.runTicks(25);
    assert.equal(said.take().length, 25 * FRAME, 'a frame for every tick');
    test.runTicks(25);
    assert.deepEqual(said.tones, [440]);
    test.conference.update(test.id('ana'), { muted: true });
    test.runTicks(25);
    said.take();
    test.runTicks(25);
    assert.deepEqual(said.tones, [], 'nor what she may not say');
  });

  test('hears what she hears, plays and companions included', () => {
    const test = conferenceOfTwo();
    const said = new Companion(test.id('ana'), 'said');
    const heard = new Companion(test.id('ana'), 'heard');
    test.conference.add(90, said.leg, {});
    test.conference.add(91, heard.leg, {});
    test.play('p', ['ana'], [test.sound(tone(RATE, RATE, { hz: 660, db: -12 }))]);
    said.say(880, 100);
    test.runTicks(5);
    test.take('ana');
    heard.take();
    test.runTicks(25);
    const hers = test.take('ana');
    assert.deepEqual([...heard.take()], [...hers], 'sample by sample');
    assert.deepEqual(hzIn(hers, RATE, TONES), [550, 660, 880]);
    assert.deepEqual(test.tonesHeardBy('ben', TONES), [440, 880], 'a companion speaks to everybody');
  });

  test('is played nothing, whoever joins while it plays', () => {
    const test = conferenceOfTwo();
    test.play('p', ['ana'], [test.sound(tone(RATE, RATE, { hz: 660, db: -12 }))], { laterJoiners: true });
    test.runTicks(2);
    test.conference.add(90, new Companion(test.id('ana'), 'said').leg, {});
    test.runTicks(100);
    assert.deepEqual(
      test.plays.ended.map(({ leg }) => leg),
      [test.id('ana')],
    );
  });

  for (const track of ['said', 'heard'] as const)
    test(`hears silence while she is not there, and her again when she is (${track})`, () => {
      const test = conferenceOfTwo();
      const companion = new Companion(test.id('ana'), track);
      const wanted = track === 'said' ? [440] : [550];
      test.conference.add(90, companion.leg, {});
      test.runTicks(25);
      assert.deepEqual(companion.tones, wanted);
      const leg = test.conference.release(test.id('ana'), 'member_left');
      assert.equal(leg, test.leg('ana'), 'she goes with her own leg');
      test.runTicks(25);
      const meanwhile = companion.take();
      assert.deepEqual([meanwhile.length, meanwhile.some((sample) => sample !== 0)], [25 * FRAME, false]);
      test.conference.add(test.id('ana'), leg, {});
      test.runTicks(25);
      assert.deepEqual(companion.tones, wanted);
    });

  test('leaves no trace when it goes', () => {
    const test = conferenceOfTwo();
    const companions = (['said', 'heard', 'heard'] as const).map((track) => new Companion(test.id('ana'), track));
    for (const [i, { leg }] of companions.entries()) test.conference.add(90 + i, leg, {});
    const own = test.leg('ana');
    assert.notEqual(test.conference.member(test.id('ana'))?.leg, own, 'she is overheard');
    for (const i of companions.keys()) test.conference.remove(90 + i, 'member_left');
    assert.equal(test.conference.member(test.id('ana'))?.leg, own);
    for (const companion of companions) companion.take();
    test.runTicks(5);
    for (const companion of companions) assert.equal(companion.take().length, 0);
  });
});
