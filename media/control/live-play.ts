import type { ClipLease } from '../clip/index.ts';
import type { LegId, Play, PlayEndReason, PlayEvent, PlayId, PlayRequest, PlayStatus, PlayTarget } from '../engine.ts';
import type { PlayProgress } from '../worker/protocol.ts';
import type { MixerThread } from './mixer-thread.ts';

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

/** The main thread's view of a play: what was asked, and what each target has reported. */
export class LivePlay implements Play {
  readonly id: PlayId;
  readonly request: PlayRequest;
  readonly leases: readonly ClipLease[];
  readonly cache: 'hit' | 'miss';
  positionMs = 0;
  readonly #targets = new Map<LegId, Target>();
  readonly #onEvent: (event: PlayEvent) => void;
  readonly thread: MixerThread;
  /** Its first start was counted. */
  observed = false;
  #paused = false;
  #finished = false;
  #failure: { reason: PlayEndReason; detail: string } | undefined;

  constructor(
    request: PlayRequest,
    leases: readonly ClipLease[],
    onEvent: (event: PlayEvent) => void,
    thread: MixerThread,
  ) {
    this.id = request.id;
    this.request = request;
    this.leases = leases;
    this.cache = leases.every((lease) => lease.cache === 'hit') ? 'hit' : 'miss';
    this.#onEvent = onEvent;
    this.thread = thread;
    for (const leg of request.legs) this.#target(leg);
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
    this.#setPaused(true);
  }

  resume(): void {
    this.#setPaused(false);
  }

  seek(positionMs: number): void {
    if (this.#finished) return;
    this.positionMs = positionMs;
    this.thread.post({ type: 'seek-play', play: this.id, positionMs });
  }

  setGain(gainDb: number, rampMs: number): void {
    if (!this.#finished) this.thread.post({ type: 'play-gain', play: this.id, gain: 10 ** (gainDb / 20), rampMs });
  }

  /** True for targets not yet heard of: they joined later. */
  started(legs: readonly LegId[], at: number): void {
    for (const leg of legs) {
      const target = this.#target(leg);
      if (target.started) continue;
      target.started = true;
      target.startLatencyMs = at - this.request.requestedAt;
      this.#onEvent({ type: 'started', play: this, leg, latencyMs: target.startLatencyMs });
    }
  }

  progress(progress: PlayProgress): void {
    this.positionMs = progress.positionMs;
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
    this.#onEvent({ type: 'ended', play: this, leg, reason, playedMs });
    if (this.#finished || [...this.#targets.values()].some((each) => each.end === undefined)) return false;
    this.#finished = true;
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

  #setPaused(paused: boolean): void {
    if (this.#finished || this.#paused === paused) return;
    this.#paused = paused;
    this.thread.post({ type: 'pause-play', play: this.id, paused });
  }
}
