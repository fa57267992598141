import { FRAME_MS, samplesToMs } from '../audio/frame.ts';
import { gainOfDb } from '../audio/pcm.ts';
import type { ClipLease } from '../clip/index.ts';
import type { LegId, Play, PlayEndReason, PlayEvent, PlayId, PlayRequest, PlayStatus, PlayTarget } from '../engine.ts';
import type { Command, PlayPlace, PlayProgress } from '../worker/protocol.ts';
import type { MixerThread } from './mixer-thread.ts';
import { PlayPoints } from './play-points.ts';
import { PlayPosition } from './play-position.ts';

interface Target {
  readonly leg: LegId;
  started: boolean;
  playedMs: number;
  underruns: number;
  /** Of these, what mixers that died had counted. */
  playedBeforeMs: number;
  underrunsBefore: number;
  startLatencyMs: number | undefined;
  end: PlayEndReason | undefined;
}

const NOT_FAILURES: ReadonlySet<PlayEndReason> = new Set(['completed', 'stopped', 'member_left', 'conference_ended']);

export function isFailure(reason: PlayEndReason): boolean {
  return !NOT_FAILURES.has(reason);
}

export interface LivePlayOptions {
  readonly request: PlayRequest;
  readonly leases: readonly ClipLease[];
  /** The clips as the mixer knows them. */
  readonly sounds: readonly number[];
  readonly thread: Pick<MixerThread, 'post' | 'feed'>;
  /** The process-wide monotonic clock, in ms. */
  readonly now: () => number;
  readonly onEvent: (event: PlayEvent) => void;
}

/** What was changed before the start and has to be in force with the first frame. */
interface Preparation {
  gainDb?: number;
  positionMs?: number;
}

/** The main thread's view of a play: what was asked, and what each target has reported. */
export class LivePlay implements Play {
  readonly id: PlayId;
  readonly request: PlayRequest;
  readonly leases: readonly ClipLease[];
  sounds: readonly number[];
  thread: LivePlayOptions['thread'];
  readonly cache: 'hit' | 'miss';
  readonly #now: () => number;
  readonly #onEvent: (event: PlayEvent) => void;
  readonly #targets = new Map<LegId, Target>();
  readonly #position: PlayPosition;
  readonly #points = new PlayPoints();
  /** Commands for the next mixer, while the play has none. */
  #owed: Command[] | undefined;
  /** Some mixer was told of it. */
  #begun = false;
  /** Its next start is a going on in another mixer. */
  #goesOn = false;
  /** Its first start was counted. */
  observed = false;
  #paused = false;
  #finished = false;
  /** Set while the play is to start paused, so that nothing is heard before the changes are made. */
  #preparation: Preparation | undefined;
  /** The last change of gain, and when its ramp is over. */
  #gain: { readonly gainDb: number; readonly until: number } | undefined;
  #failure: { reason: PlayEndReason; detail: string } | undefined;

  constructor({ request, leases, sounds, thread, now, onEvent }: LivePlayOptions) {
    this.id = request.id;
    this.request = request;
    this.leases = leases;
    this.sounds = sounds;
    this.cache = leases.every((lease) => lease.cache === 'hit') ? 'hit' : 'miss';
    this.thread = thread;
    this.#now = now;
    this.#onEvent = onEvent;
    this.#position = new PlayPosition(request.options.startMs);
    for (const leg of request.legs) this.#target(leg);
  }

  get positionMs(): number {
    const position = this.#position.at(this.#now());
    const [lease, ...others] = this.leases;
    if (lease?.clip.state !== 'ready' || others.length > 0) return position;
    return Math.min(position, samplesToMs(lease.clip.sampleCount, lease.clip.sampleRate));
  }

  get targets(): readonly PlayTarget[] {
    return [...this.#targets.values()].map((target) => ({
      leg: target.leg,
      status: this.#statusOf(target),
      playedMs: target.playedMs,
      startLatencyMs: target.startLatencyMs,
      underruns: target.underruns,
      end: target.end,
    }));
  }

  get failure(): { readonly reason: PlayEndReason; readonly detail: string } | undefined {
    return this.#failure;
  }

  get finished(): boolean {
    return this.#finished;
  }

  get status(): PlayStatus {
    const targets = [...this.#targets.values()];
    if (this.#finished) {
      if (this.#failure) return 'failed';
      return targets.some((target) => target.end === 'completed') ? 'completed' : 'stopped';
    }
    if (this.#paused) return 'paused';
    if (targets.some((target) => target.started && target.end === undefined)) return 'playing';
    return this.#fetching ? 'fetching' : 'queued';
  }

  /** The result that metrics count. */
  get result(): 'completed' | 'stopped' | 'failed' {
    const { status } = this;
    return status === 'failed' || status === 'completed' ? status : 'stopped';
  }

  stop(legs?: readonly LegId[]): void {
    if (!this.#finished) this.#post({ type: 'stop-play', play: this.id, legs }, 'keep');
  }

  pause(): void {
    if (this.#finished || this.#paused) return;
    this.#paused = true;
    this.#position.pause(this.#now());
    if (!this.#owed) this.#points.stand(true, this.#now());
    this.#postPaused(true);
  }

  resume(): void {
    if (this.#finished || !this.#paused) return;
    this.#paused = false;
    this.#position.resume(this.#now());
    if (!this.#owed) this.#points.stand(false, this.#now());
    this.#postPaused(false);
  }

  seek(positionMs: number): void {
    if (this.#finished) return;
    this.#position.seek(positionMs, this.#now());
    this.#points.seek(positionMs, this.#now());
    if (this.#anyStarted) this.#post({ type: 'seek-play', play: this.id, positionMs });
    else this.#prepare().positionMs = positionMs;
  }

  setGain(gainDb: number, rampMs: number): void {
    if (this.#finished) return;
    if (this.#anyStarted) this.#postGain(gainDb, rampMs);
    else this.#prepare().gainDb = gainDb;
  }

  /** The first frame went out to these legs; those not yet heard of joined later. */
  started(legs: readonly LegId[], at: number): void {
    const preparation = this.#preparation;
    this.#preparation = undefined;
    if (!this.#anyStarted || this.#goesOn) this.#position.started(at);
    this.#goesOn = false;
    this.#noteStart(legs, at);
    for (const leg of legs) {
      const target = this.#target(leg);
      if (target.started) continue;
      target.started = true;
      if (this.request.legs.includes(leg)) target.startLatencyMs = at - this.request.requestedAt;
      this.#onEvent({ type: 'started', play: this, leg, latencyMs: target.startLatencyMs });
    }
    // Those who waited longer than others begin with the gain of the request.
    if (this.#gain && legs.some((leg) => this.request.legs.includes(leg)))
      this.#postGain(this.#gain.gainDb, Math.max(0, this.#gain.until - this.#now()));
    if (!preparation) return;
    const { gainDb, positionMs } = preparation;
    if (gainDb !== undefined) this.#postGain(gainDb, this.request.options.fadeInMs);
    if (positionMs !== undefined) {
      this.#points.seek(positionMs, this.#now());
      this.#post({ type: 'seek-play', play: this.id, positionMs });
    }
    if (!this.#paused) this.#post({ type: 'pause-play', play: this.id, paused: false });
  }

  /** `at`: when the tick was due that it tells of. */
  progress(progress: PlayProgress, at: number): void {
    if (this.#owed) return;
    const listener = this.#firstListener;
    if (listener !== undefined && progress.legs.some(({ leg }) => leg === listener))
      this.#position.reported(progress.positionMs, progress.paused, this.#now());
    for (const { leg, playedMs, underruns } of progress.legs) {
      const target = this.#targets.get(leg);
      if (!target || target.end !== undefined) continue;
      target.playedMs = target.playedBeforeMs + playedMs;
      target.underruns = target.underrunsBefore + underruns;
    }
    const listeners = progress.legs.map(({ leg }) => leg);
    this.#points.note(listeners, progress, this.#paused || progress.paused, at);
  }

  /** Hands the play to its mixer. */
  begin(): void {
    this.thread.post(this.#command([]));
    this.#begun = true;
  }

  /** Its mixer is gone; the last tick it ran was due at `diedAt`. What is asked of the play now waits for the next mixer. */
  suspend(diedAt: number): void {
    if (this.#owed) return;
    this.#owed = [];
    this.#position.end(this.#now());
    for (const target of this.#targets.values()) {
      if (!target.started || target.end !== undefined) continue;
      target.playedMs += this.#points.movedSince(target.leg, diedAt);
      target.playedBeforeMs = target.playedMs;
      target.underrunsBefore = target.underruns;
    }
    this.#points.stand(true, diedAt);
  }

  /** Goes on in another mixer: who heard it hears it from the very place, who waited waits in the same order. */
  goOn(thread: LivePlayOptions['thread'], sounds: readonly number[]): void {
    this.thread = thread;
    this.sounds = sounds;
    const started = [...this.#targets.values()].filter((target) => target.started && target.end === undefined);
    const places = this.#points.places(
      started.map(({ leg }) => leg),
      this.#now(),
    );
    thread.post(this.#command(places));
    this.#begun = true;
    if (this.#paused || this.#preparation) thread.post({ type: 'pause-play', play: this.id, paused: true });
    for (const command of this.#owed ?? []) thread.post(command);
    this.#owed = undefined;
    if (places[0] === undefined) return;
    this.#goesOn = true;
    for (const place of places) this.#points.note(place.legs, place, this.#paused, this.#now());
    this.#position.seek(places[0].positionMs, this.#now());
  }

  /** Notes the end for one target, with what its last mixer counted; returns true when that was the last one. */
  ended(leg: LegId, reason: PlayEndReason, playedMs: number, underruns: number): boolean {
    const target = this.#target(leg);
    if (target.end !== undefined) return false;
    target.end = reason;
    target.playedMs = target.playedBeforeMs + playedMs;
    target.underruns = target.underrunsBefore + underruns;
    if (isFailure(reason)) this.#failure ??= { reason, detail: this.#detailOf(reason) };
    const { playedMs: played, underruns: missed } = target;
    this.#onEvent({ type: 'ended', play: this, leg, reason, playedMs: played, underruns: missed });
    if (this.#finished || [...this.#targets.values()].some((each) => each.end === undefined)) return false;
    this.#finished = true;
    this.#position.end(this.#now());
    this.#onEvent({ type: 'finished', play: this });
    return true;
  }

  /** Targets whose end is still owed. */
  get open(): readonly LegId[] {
    return [...this.#targets.values()].filter((target) => target.end === undefined).map((target) => target.leg);
  }

  get #fetching(): boolean {
    return this.leases.some((lease) => lease.clip.state === 'loading');
  }

  #target(leg: LegId): Target {
    let target = this.#targets.get(leg);
    if (!target) {
      target = {
        leg,
        started: false,
        playedMs: 0,
        underruns: 0,
        playedBeforeMs: 0,
        underrunsBefore: 0,
        startLatencyMs: undefined,
        end: undefined,
      };
      this.#targets.set(leg, target);
    }
    return target;
  }

  #statusOf(target: Target): PlayStatus {
    if (target.end === undefined) {
      if (!target.started) return this.#fetching ? 'fetching' : 'queued';
      return this.#paused ? 'paused' : 'playing';
    }
    if (target.end === 'completed') return 'completed';
    return isFailure(target.end) ? 'failed' : 'stopped';
  }

  #detailOf(reason: PlayEndReason): string {
    const failed = this.leases.find((lease) => lease.clip.failure?.reason === reason);
    return failed?.clip.failure?.detail ?? 'the mixer thread ended';
  }

  /** Whose position is the play's: the first of those who hear it. */
  get #firstListener(): LegId | undefined {
    for (const target of this.#targets.values()) if (target.started && target.end === undefined) return target.leg;
    return undefined;
  }

  get #anyStarted(): boolean {
    for (const target of this.#targets.values()) if (target.started) return true;
    return false;
  }

  /** The mixer takes changes only to what already sounds: the play is held at its first frame until they are made. */
  #prepare(): Preparation {
    if (!this.#preparation) {
      this.#preparation = {};
      if (!this.#paused) this.#post({ type: 'pause-play', play: this.id, paused: true });
    }
    return this.#preparation;
  }

  #postPaused(paused: boolean): void {
    if (!this.#preparation) this.#post({ type: 'pause-play', play: this.id, paused });
  }

  /** While there is no mixer only what is to be kept waits for the next: the rest it is told with the play. */
  #post(command: Command, without: 'keep' | 'drop' = 'drop'): void {
    if (!this.#owed) this.thread.post(command);
    else if (without === 'keep') this.#owed.push(command);
  }

  #command(resumed: readonly PlayPlace[]): Command {
    const { id, conference, options } = this.request;
    const again = this.#begun;
    return {
      type: 'play',
      play: id,
      conference,
      legs: again ? this.open : this.request.legs,
      sounds: this.sounds,
      // What it was to replace is gone since it came first.
      options: again ? { ...options, mode: 'queue', gainDb: this.#gain?.gainDb ?? options.gainDb } : options,
      ...(resumed.length > 0 && { resumed }),
    };
  }

  #noteStart(legs: readonly LegId[], at: number): void {
    const { legs: asked, options } = this.request;
    const fresh = legs.filter((leg) => !this.#targets.get(leg)?.started);
    const point = { item: 0, round: 1, positionMs: options.startMs + FRAME_MS, soundedMs: FRAME_MS };
    this.#points.note(
      fresh.filter((leg) => asked.includes(leg)),
      point,
      this.#paused,
      at,
    );
    for (const leg of fresh) if (!asked.includes(leg)) this.#points.join(leg, this.#firstListener);
  }

  #postGain(gainDb: number, rampMs: number): void {
    this.#gain = { gainDb, until: this.#now() + rampMs };
    this.#post({ type: 'play-gain', play: this.id, gain: gainOfDb(gainDb), rampMs });
  }
}
