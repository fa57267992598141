import { samplesPerFrame } from '../../media/audio/frame.ts';
import { Conference } from '../../media/conference/conference.ts';
import { OPEN_FLOOR } from '../../media/conference/floor.ts';
import type { FloorRules, LegId, PlayEndReason, PlayId, PlayOptions } from '../../media/engine.ts';
import { PlayRun } from '../../media/play/play-run.ts';
import { Sound } from '../../media/play/sound.ts';
import { FakeLeg } from './fake-leg.ts';
import { tonesIn } from './tones.ts';

export const RATE = 8000;
export const FRAME = samplesPerFrame(RATE);

/** What the conference reported of its plays. */
export interface PlayLog {
  readonly started: { play: PlayId; legs: readonly LegId[]; tick: number }[];
  readonly ended: {
    play: PlayId;
    leg: LegId;
    reason: PlayEndReason;
    played: number;
    underruns: number;
    tick: number;
  }[];
  readonly settled: PlayId[];
}

/** A conference of named people without threads or clocks: `runTicks` is all the time there is. */
export class TestConference {
  readonly conference: Conference;
  readonly plays: PlayLog = { started: [], ended: [], settled: [] };
  readonly talks: { leg: LegId; active: boolean; tick: number }[] = [];
  readonly #legs = new Map<string, { id: LegId; leg: FakeLeg }>();
  #tick = 0;
  #lastSound = 0;

  /** `floor` as in `Conference`. */
  constructor(floor: FloorRules = OPEN_FLOOR) {
    this.conference = new Conference(
      'test',
      RATE,
      FRAME,
      {
        started: (play, legs) => this.plays.started.push({ play, legs, tick: this.#tick }),
        ended: (play, leg, reason, played, underruns) =>
          this.plays.ended.push({ play, leg, reason, played, underruns, tick: this.#tick }),
        settled: (play) => this.plays.settled.push(play),
        talking: (leg, active) => this.talks.push({ leg, active, tick: this.#tick }),
      },
      floor,
    );
  }

  get tick(): number {
    return this.#tick;
  }

  /** Somebody joins; `speak` as in `FakeLeg`. */
  join(name: string, speak?: (frame: Int16Array, index: number) => boolean): FakeLeg {
    const leg = new FakeLeg(speak);
    const id = this.#legs.size + 1;
    this.#legs.set(name, { id, leg });
    this.conference.add(id, leg, {});
    return leg;
  }

  /** Somebody joins who hums one tone for ever. */
  hum(name: string, hz: number, amplitude = 6000): FakeLeg {
    return this.join(name, (frame, index) => {
      for (let i = 0; i < frame.length; i++)
        frame[i] = Math.round(amplitude * Math.sin((2 * Math.PI * hz * (index * FRAME + i)) / RATE));
      return true;
    });
  }

  id(name: string): LegId {
    return this.#legs.get(name)!.id;
  }

  leg(name: string): FakeLeg {
    return this.#legs.get(name)!.leg;
  }

  runTicks(count: number): void {
    for (let i = 0; i < count; i++) {
      this.conference.begin();
      this.conference.listen(0, this.conference.members.length, this.#tick * 20);
      this.conference.send(this.#tick);
      this.#tick += 1;
    }
  }

  /** Everything somebody has heard so far; clears it. */
  take(name: string): Int16Array {
    return Int16Array.from(this.leg(name).heard.splice(0));
  }

  /** The tones in all that somebody has heard since the last look, in Hz. */
  tonesHeardBy(name: string, candidates: readonly number[]): number[] {
    return tonesIn(this.take(name), RATE, candidates).map((tone) => tone.hz);
  }

  /** A sound whose samples are all there. */
  sound(samples: Int16Array): Sound {
    this.#lastSound += 1;
    const sound = new Sound(this.#lastSound);
    sound.append(samples);
    sound.complete = true;
    return sound;
  }

  play(id: PlayId, names: readonly string[], sounds: readonly Sound[], options: Partial<PlayOptions> = {}): PlayRun {
    const run = playRun(id, sounds, options);
    this.conference.stage.play(
      run,
      names.map((name) => this.conference.member(this.id(name))!),
    );
    return run;
  }
}

function playRun(id: PlayId, sounds: readonly Sound[], options: Partial<PlayOptions>): PlayRun {
  const inSamples = (ms: number): number => (ms * RATE) / 1000;
  return new PlayRun({
    id,
    score: {
      sounds,
      loop: options.loop ?? 1,
      gain: 10 ** ((options.gainDb ?? 0) / 20),
      startSample: inSamples(options.startMs ?? 0),
      lengthSamples: options.lengthMs === undefined ? Number.POSITIVE_INFINITY : inSamples(options.lengthMs),
      fadeInSamples: inSamples(options.fadeInMs ?? 0),
      fadeOutSamples: inSamples(options.fadeOutMs ?? 0),
    },
    layer: options.layer ?? 'announcement',
    pausesWhenCovered: options.covered === 'pause',
    mix: options.mix ?? true,
    priority: options.priority ?? 0,
    replace: options.mode === 'replace',
    laterJoiners: options.laterJoiners ?? false,
    stopFadeSamples: inSamples(20),
    duckGain: options.duck ? 10 ** (options.duck.gainDb / 20) : 1,
    duckAttackSamples: inSamples(options.duck?.attackMs ?? 0),
    duckReleaseSamples: inSamples(options.duck?.releaseMs ?? 0),
  });
}
