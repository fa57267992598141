import { samplesToMs } from '../audio/frame.ts';
import { gainOfDb } from '../audio/pcm.ts';
import type { ClipLease } from '../clip/index.ts';
import type { LegId, Play, PlayEndReason, PlayEvent, PlayId, PlayRequest, PlayStatus, PlayTarget } from '../engine.ts';
import type { PlayProgress } from '../worker/protocol.ts';
import type { MixerThread } from './mixer-thread.ts';
import { PlayPosition } from './play-position.ts';

interface Target {
  readonly leg: LegId;
  started: boolean;
  playedMs: number;
  underruns: number;
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
  readonly sounds: readonly number[];
  readonly thread: LivePlayOptions['thread'];
  readonly cache: 'hit' | 'miss';
  readonly #now: () => number;
  readonly #onEvent: (event: PlayEvent) => void;
  readonly #targets = new Map<LegId, Target>();
  readonly #position: PlayPosition;
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
    if (!this.#finished) this.thread.post({ type: 'stop-play', play: this.id, legs });
  }

  pause(): void {
    if (this.#finished || this.#paused) return;
    this.#paused = true;
    this.#position.pause(this.#now());
    this.#postPaused(true);
  }

  resume(): void {
    if (this.#finished || !this.#paused) return;
    this.#paused = false;
    this.#position.resume(this.#now());
    this.#postPaused(false);
  }

  seek(positionMs: number): void {
    if (this.#finished) return;
    this.#position.seek(positionMs, this.#now());
    if (this.#anyStarted) this.thread.post({ type: 'seek-play', play: this.id, positionMs });
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
    if (!this.#anyStarted) this.#position.started(at);
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
    if (positionMs !== undefined) this.thread.post({ type: 'seek-play', play: this.id, positionMs });
    if (!this.#paused) this.thread.post({ type: 'pause-play', play: this.id, paused: false });
  }

  progress(progress: PlayProgress): void {
    const listener = this.#firstListener;
    if (listener !== undefined && progress.legs.some(({ leg }) => leg === listener))
      this.#position.reported(progress.positionMs, progress.paused, this.#now());
    for (const { leg, playedMs, underruns } of progress.legs) {
      const target = this.#targets.get(leg);
      if (!target || target.end !== undefined) continue;
      target.playedMs = playedMs;
      target.underruns = underruns;
    }
  }

  /** Notes the end for one target; returns true when that was the last one. */
  ended(leg: LegId, reason: PlayEndReason, playedMs: number, underruns: number): boolean {
    const target = this.#target(leg);
    if (target.end !== undefined) return false;
    target.end = reason;
    target.playedMs = playedMs;
    target.underruns = underruns;
    if (isFailure(reason)) this.#failure ??= { reason, detail: this.#detailOf(reason) };
    this.#onEvent({ type: 'ended', play: this, leg, reason, playedMs, underruns });
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
      target = { leg, started: false, playedMs: 0, underruns: 0, startLatencyMs: undefined, end: undefined };
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
      if (!this.#paused) this.thread.post({ type: 'pause-play', play: this.id, paused: true });
    }
    return this.#preparation;
  }

  #postPaused(paused: boolean): void {
    if (!this.#preparation) this.thread.post({ type: 'pause-play', play: this.id, paused });
  }

  #postGain(gainDb: number, rampMs: number): void {
    this.#gain = { gainDb, until: this.#now() + rampMs };
    this.thread.post({ type: 'play-gain', play: this.id, gain: gainOfDb(gainDb), rampMs });
  }
}
