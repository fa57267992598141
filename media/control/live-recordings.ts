import type { SampleRate } from '../audio/frame.ts';
import type { ConferenceId, EngineRecording, LegId, RecordRequest } from '../engine.ts';
import type { Clock } from '../time/clock.ts';
import type { RecordCommand } from '../worker/protocol.ts';
import { LiveRecording } from './live-recording.ts';

/** What was recorded is collected this often, so a crash loses little more than that. */
const COLLECT_MS = 200;

/** The recordings under way: starts them in their mixers, collects what they heard, and ends them. Main thread. */
export class LiveRecordings {
  readonly #clock: Clock;
  readonly #post: (command: RecordCommand) => void;
  readonly #live = new Map<string, LiveRecording>();
  readonly #emptied: (() => void)[] = [];
  #collecting = false;

  /** `post` reaches the mixer of the command's conference. */
  constructor(clock: Clock, post: (command: RecordCommand) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  start(request: RecordRequest, sampleRate: SampleRate): EngineRecording {
    const { id } = request;
    const recording = new LiveRecording(request, sampleRate, this.#post, () => {
      this.#live.delete(id);
      if (this.#live.size === 0) for (const done of this.#emptied.splice(0)) done();
    });
    this.#live.set(id, recording);
    if (!this.#collecting) this.#collectLater();
    return recording;
  }

  /** To be called while the mixer still has the conference. */
  conferenceEnded(conference: ConferenceId): void {
    for (const recording of this.#live.values())
      if (recording.request.conference === conference) recording.end('conference_ended');
  }

  legLeft(leg: LegId): void {
    for (const recording of this.#live.values()) if (recording.request.leg === leg) recording.end('member_left');
  }

  /** A mixer died: another one has its conferences now, but for those that had just ended. */
  mixerDied(fate: (conference: ConferenceId) => 'moved' | 'gone' | 'untouched'): void {
    const now = this.#clock.now();
    for (const recording of [...this.#live.values()]) {
      const what = fate(recording.request.conference);
      if (what === 'moved') recording.moved(now);
      else if (what === 'gone') recording.complete(0);
    }
  }

  /** The mixer has given all it heard of a recording; `missing` frames at its end got lost. */
  ending(id: string, missing: number): void {
    this.#live.get(id)?.complete(missing);
  }

  /** Resolves when none is under way any more. */
  async ended(): Promise<void> {
    if (this.#live.size > 0) await new Promise<void>((done) => this.#emptied.push(done));
  }

  #collectLater(): void {
    this.#collecting = this.#live.size > 0;
    if (this.#collecting) this.#clock.setTimeout(() => this.#collect(), COLLECT_MS);
  }

  #collect(): void {
    const now = this.#clock.now();
    for (const recording of this.#live.values()) recording.collect(now);
    this.#collectLater();
  }
}
