import type { ClipStore } from '../clip/index.ts';
import type {
  ConferenceId,
  EngineObserver,
  LegId,
  PlayAccepted,
  PlayEndReason,
  PlayEvent,
  PlayId,
  PlayRequest,
} from '../engine.ts';
import type { Clock } from '../time/clock.ts';
import type { PlayProgress } from '../worker/protocol.ts';
import { LivePlay } from './live-play.ts';
import type { MixerThread } from './mixer-thread.ts';

/** Where a play is to sound. */
export interface Stand {
  readonly thread: MixerThread;
  readonly sampleRate: 8000 | 16000 | 48000;
  /** False while the conference waits for a new mixer: its plays are handed over with it. */
  readonly open: boolean;
}

/** The plays of an engine that are not over: bounds their number, and gives back what each holds when it ends. */
export class LivePlays {
  readonly #clips: ClipStore;
  readonly #observer: EngineObserver;
  readonly #clock: Clock;
  readonly #limits: { readonly playsPerMember: number; readonly playsPerNode: number };
  /** In the order they came. */
  readonly #plays = new Map<PlayId, LivePlay>();
  /** Plays not yet over, by leg: bounds each member's queue. */
  readonly #pending = new Map<LegId, number>();

  constructor(options: {
    readonly clips: ClipStore;
    readonly observer: EngineObserver;
    readonly clock: Clock;
    readonly limits: { readonly playsPerMember: number; readonly playsPerNode: number };
  }) {
    this.#clips = options.clips;
    this.#observer = options.observer;
    this.#clock = options.clock;
    this.#limits = options.limits;
  }

  /** How many sound, and how many wait. */
  get counts(): { readonly playsActive: number; readonly playQueueDepth: number } {
    let playsActive = 0;
    for (const { status } of this.#plays.values()) if (status === 'playing' || status === 'paused') playsActive += 1;
    return { playsActive, playQueueDepth: this.#plays.size - playsActive };
  }

  start(request: PlayRequest, stand: Stand, onEvent: (event: PlayEvent) => void): PlayAccepted {
    const { playsPerMember, playsPerNode } = this.#limits;
    if (this.#plays.size >= playsPerNode) return { ok: false, reason: 'node_queue_full' };
    const waits = request.legs.map((leg) => this.#pending.get(leg) ?? 0);
    // One may sound while the queue behind it is full.
    if (waits.some((count) => count > playsPerMember)) return { ok: false, reason: 'member_queue_full' };
    const { thread } = stand;
    const leases = request.urls.map((url) => this.#clips.open(new URL(url), stand.sampleRate));
    const mayStartAtOnce = waits.includes(0);
    const play = new LivePlay({
      request,
      leases,
      sounds: leases.map((lease) => thread.feed.add(lease, request.normalizeLufs)),
      thread,
      now: this.#clock.now,
      onEvent: (event) => {
        if (event.type === 'started' && mayStartAtOnce) this.#observeStart(play, event.latencyMs);
        onEvent(event);
      },
    });
    this.#plays.set(play.id, play);
    for (const leg of request.legs) this.#pending.set(leg, (this.#pending.get(leg) ?? 0) + 1);
    if (stand.open) play.begin();
    else play.suspend(this.#clock.now());
    return { ok: true, play };
  }

  started(id: PlayId, legs: readonly LegId[], at: number): void {
    this.#plays.get(id)?.started(legs, at);
  }

  /** `at`: when the tick was due that they tell of. */
  progress(plays: readonly PlayProgress[], at: number): void {
    for (const progress of plays) this.#plays.get(progress.play)?.progress(progress, at);
  }

  /** A target's end, with what its last mixer counted. */
  ended(id: PlayId, leg: LegId, reason: PlayEndReason, playedMs: number, underruns: number): void {
    const play = this.#plays.get(id);
    if (!play) return;
    const owed = play.request.legs.includes(leg) && play.open.includes(leg);
    const finished = play.ended(leg, reason, playedMs, underruns);
    if (owed) {
      const left = (this.#pending.get(leg) ?? 1) - 1;
      if (left > 0) this.#pending.set(leg, left);
      else this.#pending.delete(leg);
    }
    if (!finished) return;
    this.#plays.delete(id);
    for (const sound of play.sounds) play.thread.feed.remove(sound);
    for (const lease of play.leases) lease.release();
    this.#observer.playEnded(play.result, play.failure?.reason ?? reason);
  }

  /** The mixer of these plays is gone; the last tick it ran was due at `diedAt`. */
  suspend(thread: MixerThread, diedAt: number): void {
    for (const play of this.#plays.values()) if (play.thread === thread) play.suspend(diedAt);
  }

  /** The plays of a conference go on in a mixer, in their order. */
  goOn(conference: ConferenceId, thread: MixerThread): void {
    for (const play of this.#plays.values()) {
      if (play.request.conference !== conference) continue;
      const sounds = play.leases.map((lease) => thread.feed.add(lease, play.request.normalizeLufs));
      play.goOn(thread, sounds);
    }
  }

  /** Ends all that no mixer will end any more. */
  endAll(conference: ConferenceId, reason: PlayEndReason): void {
    for (const play of [...this.#plays.values()])
      if (play.request.conference === conference) for (const leg of play.open) this.ended(play.id, leg, reason, 0, 0);
  }

  #observeStart(play: LivePlay, latencyMs: number | undefined): void {
    if (play.observed || latencyMs === undefined) return;
    play.observed = true;
    this.#observer.playStarted(play.cache, latencyMs / 1000);
  }
}
