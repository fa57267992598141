import { randomBytes } from 'node:crypto';
import type { ClipStore } from '../clip/index.ts';
import {
  type ConferenceId,
  type ConferenceOptions,
  EngineBusy,
  type EngineObserver,
  type EngineRecording,
  type EngineSnapshot,
  type LegEvent,
  type LegId,
  type MediaEngine,
  type PlayAccepted,
  type PlayEndReason,
  type PlayEvent,
  type PlayId,
  type PlayRequest,
  type RecordRequest,
  type RtpLeg,
  type RtpLegOptions,
  type StreamLeg,
  type StreamLegOptions,
} from '../engine.ts';
import type { StreamContinuation } from '../leg/rtp-leg.ts';
import type { Clock } from '../time/clock.ts';
import type { Command, Report } from '../worker/protocol.ts';
import { type LegHost, type LiveLeg, LiveRtpLeg, LiveStreamLeg } from './live-leg.ts';
import { LivePlay } from './live-play.ts';
import { LiveRecordings } from './live-recordings.ts';
import { MixerThread } from './mixer-thread.ts';
import { PortPool } from './ports.ts';

export interface EngineConfig {
  /** Mixer threads, at least 1. */
  readonly workers: number;
  readonly rtp: { readonly host: string; readonly portMin: number; readonly portMax: number };
  /** Use the batch addon for UDP where it was built. */
  readonly batchIo: boolean;
  readonly clips: ClipStore;
  readonly observer: EngineObserver;
  readonly limits: { readonly playsPerMember: number; readonly playsPerNode: number };
  /** Silence on RTP after which a leg warns, and after which it asks to be hung up. */
  readonly noRtpWarnMs: number;
  readonly noRtpHangupMs: number;
  readonly clock: Clock;
}

/** A port that another program holds is passed over; so many in a row mean that something is wrong. */
const PORT_TRIES = 50;
const REOPEN_TRIES = 10;
const REOPEN_PAUSE_MS = 50;

interface Place {
  readonly options: ConferenceOptions;
  thread: MixerThread;
  readonly legs: Set<LiveLeg>;
}

interface Opening {
  /** It comes from another mixer, where its port may need a moment to become free. */
  readonly moves: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error & { code?: string }) => void;
}

/** The media engine on this machine's threads. Knows where everything is; mixes nothing itself. Main thread. */
export class LocalEngine implements MediaEngine, LegHost {
  readonly #config: EngineConfig;
  readonly #ports: PortPool;
  readonly #threads: MixerThread[] = [];
  readonly #places = new Map<ConferenceId, Place>();
  readonly #legs = new Map<LegId, LiveLeg>();
  /** Of `#legs`, those that are served at every tick. */
  readonly #streams = new Set<LiveStreamLeg>();
  readonly #opening = new Map<LegId, Opening>();
  /** Legs on their way to another mixer, with the one that has not let them go yet. */
  readonly #leaving = new Map<LegId, MixerThread>();
  readonly #plays = new Map<PlayId, LivePlay>();
  /** Plays not yet over, by leg: bounds each member's queue. */
  readonly #pending = new Map<LegId, number>();
  readonly #recordings: LiveRecordings;
  #lastLeg = 0;

  private constructor(config: EngineConfig) {
    this.#config = config;
    this.#ports = new PortPool(config.rtp.portMin, config.rtp.portMax, config.clock);
    this.#recordings = new LiveRecordings(config.clock, (command) =>
      this.#places.get(command.conference)?.thread.post(command),
    );
  }

  /** Resolves when every mixer thread is ready. */
  static async start(config: EngineConfig): Promise<LocalEngine> {
    const engine = new LocalEngine(config);
    for (let index = 0; index < config.workers; index++) engine.#startThread(index);
    await Promise.all(engine.#threads.map((thread) => thread.ready));
    return engine;
  }

  openConference(options: ConferenceOptions): void {
    const neighbour = options.beside === undefined ? undefined : this.#places.get(options.beside);
    const thread = neighbour?.thread ?? this.#threads.reduce((least, each) => (each.legs < least.legs ? each : least));
    this.#places.set(options.id, { options, thread, legs: new Set() });
    thread.post(opening(options));
  }

  closeConference(id: ConferenceId): void {
    const place = this.#places.get(id);
    if (!place) return;
    this.#recordings.conferenceEnded(id);
    place.thread.post({ type: 'close-conference', conference: id });
    for (const leg of [...place.legs]) leg.close();
    this.#places.delete(id);
  }

  async openRtpLeg(
    conference: ConferenceId,
    options: RtpLegOptions,
    onEvent: (event: LegEvent) => void,
  ): Promise<RtpLeg> {
    const place = this.#placeOf(conference);
    const random = randomBytes(18);
    for (let attempt = 0; attempt < PORT_TRIES; attempt++) {
      const port = this.#ports.take();
      if (port === undefined) break;
      const leg = new LiveRtpLeg(this.#nextLeg(), conference, this, onEvent, {
        kind: 'rtp',
        port,
        codec: options.codec,
        dtmfPayloadType: options.dtmfPayloadType,
        dtmfClockRate: options.dtmfClockRate,
        comfortNoisePayloadType: options.comfortNoisePayloadType,
        remote: options.remote,
        alsoTrusted: options.alsoTrusted ?? [],
        direction: options.direction,
        started: false,
        cname: random.toString('hex', 10),
        ssrc: random.readUInt32BE(0),
        sequence: random.readUInt16BE(4),
        timestamp: random.readUInt32BE(6),
      });
      try {
        await this.#open(place, leg);
        return leg;
      } catch (error) {
        if (error instanceof EngineBusy) throw error;
        this.#ports.give(port);
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw busy(error);
      }
    }
    throw new EngineBusy('no RTP port is free');
  }

  async openStreamLeg(
    conference: ConferenceId,
    options: StreamLegOptions,
    onEvent: (event: LegEvent) => void,
  ): Promise<StreamLeg> {
    const place = this.#placeOf(conference);
    const leg = new LiveStreamLeg(this.#nextLeg(), conference, this, onEvent, options);
    try {
      await this.#open(place, leg);
      return leg;
    } catch (error) {
      throw busy(error);
    }
  }

  play(request: PlayRequest, onEvent: (event: PlayEvent) => void): PlayAccepted {
    const { playsPerMember, playsPerNode } = this.#config.limits;
    if (this.#plays.size >= playsPerNode) return { ok: false, reason: 'node_queue_full' };
    const waits = request.legs.map((leg) => this.#pending.get(leg) ?? 0);
    // One may sound while the queue behind it is full.
    if (waits.some((count) => count > playsPerMember)) return { ok: false, reason: 'member_queue_full' };
    const place = this.#placeOf(request.conference);
    const leases = request.urls.map((url) => this.#config.clips.open(new URL(url), place.options.sampleRate));
    const mayStartAtOnce = waits.includes(0);
    const { thread } = place;
    const sounds = leases.map((lease) => thread.feed.add(lease, request.normalizeLufs));
    const { now } = this.#config.clock;
    const play = new LivePlay({
      request,
      leases,
      sounds,
      thread,
      now,
      onEvent: (event) => {
        if (event.type === 'started' && mayStartAtOnce) this.#observeStart(play, event.latencyMs);
        onEvent(event);
      },
    });
    this.#plays.set(play.id, play);
    for (const leg of request.legs) this.#pending.set(leg, (this.#pending.get(leg) ?? 0) + 1);
    place.thread.post({
      type: 'play',
      play: play.id,
      conference: request.conference,
      legs: request.legs,
      sounds,
      options: request.options,
    });
    return { ok: true, play };
  }

  record(request: RecordRequest): EngineRecording {
    return this.#recordings.start(request, this.#placeOf(request.conference).options.sampleRate);
  }

  snapshot(): EngineSnapshot {
    let playsActive = 0;
    for (const play of this.#plays.values())
      if (play.status === 'playing' || play.status === 'paused') playsActive += 1;
    return {
      workers: this.#threads.flatMap((thread) => thread.snapshot ?? []),
      playsActive,
      playQueueDepth: this.#plays.size - playsActive,
    };
  }

  async close(): Promise<void> {
    for (const id of [...this.#places.keys()]) this.closeConference(id);
    await this.#recordings.ended();
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  changed(leg: LiveLeg): void {
    const { spec, state } = leg;
    this.#places.get(leg.conference)?.thread.post({ type: 'update-leg', leg: leg.id, spec, state });
  }

  sendDigits(leg: LiveLeg, digits: string): void {
    this.#places.get(leg.conference)?.thread.post({ type: 'send-digits', leg: leg.id, digits });
  }

  closed(leg: LiveLeg): void {
    const place = this.#places.get(leg.conference);
    if (!place || !this.#forget(place, leg)) return;
    this.#recordings.legLeft(leg.id);
    place.thread.post({ type: 'close-leg', leg: leg.id });
    if (leg instanceof LiveRtpLeg) this.#ports.give(leg.port);
    this.#opening.get(leg.id)?.reject(new EngineBusy('the conference ended'));
    this.#opening.delete(leg.id);
  }

  async move(leg: LiveLeg, conference: ConferenceId): Promise<void> {
    while (leg.moving) await leg.moving.catch(() => {});
    const from = this.#places.get(leg.conference);
    const to = this.#placeOf(conference);
    if (leg.closed || !from) throw new EngineBusy('the leg is closed');
    if (from === to) return;
    from.legs.delete(leg);
    from.thread.legs -= 1;
    to.legs.add(leg);
    to.thread.legs += 1;
    leg.conference = conference;
    leg.state = {};
    const { id, spec, state } = leg;
    if (from.thread === to.thread) return to.thread.post({ type: 'move-leg', leg: id, conference, spec, state });
    leg.moving = this.#transfer(leg, from.thread);
    return leg.moving;
  }

  /** Waits until another mixer has let the leg go, and its own has it. */
  async #transfer(leg: LiveLeg, from: MixerThread): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#opening.set(leg.id, { moves: true, resolve, reject });
        this.#leaving.set(leg.id, from);
        from.post({ type: 'release-leg', leg: leg.id });
      });
    } finally {
      leg.moving = undefined;
    }
  }

  #startThread(index: number): void {
    const thread = new MixerThread(index, this.#config.rtp.host, this.#config.batchIo, {
      report: (report) => this.#onReport(thread, report),
      ticked: () => this.#serviceStreams(thread),
      died: () => this.#onDeath(thread),
    });
    this.#threads[index] = thread;
  }

  #nextLeg(): LegId {
    this.#lastLeg += 1;
    return this.#lastLeg;
  }

  #placeOf(conference: ConferenceId): Place {
    const place = this.#places.get(conference);
    if (!place) throw new EngineBusy(`conference ${conference} is not open`);
    return place;
  }

  async #open(place: Place, leg: LiveLeg): Promise<void> {
    this.#legs.set(leg.id, leg);
    if (leg instanceof LiveStreamLeg) this.#streams.add(leg);
    place.legs.add(leg);
    place.thread.legs += 1;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#opening.set(leg.id, { moves: false, resolve, reject });
        const { spec, state } = leg;
        place.thread.post({ type: 'open-leg', conference: leg.conference, leg: leg.id, spec, state });
      });
    } catch (error) {
      this.#forget(place, leg);
      leg.closed = true;
      throw error;
    }
  }

  /** Undoes what `#open` noted; false when that was done before. */
  #forget(place: Place, leg: LiveLeg): boolean {
    if (!this.#legs.delete(leg.id)) return false;
    if (leg instanceof LiveStreamLeg) this.#streams.delete(leg);
    place.legs.delete(leg);
    place.thread.legs -= 1;
    return true;
  }

  #onReport(thread: MixerThread, report: Report): void {
    switch (report.type) {
      case 'ready':
        return;
      case 'leg-open':
        this.#opening.get(report.leg)?.resolve();
        this.#opening.delete(report.leg);
        return;
      case 'leg-refused':
        return this.#onRefused(report.leg, report.code);
      case 'leg-released':
        return this.#onReleased(report.leg, report.stream);
      case 'latched':
        return this.#tell(report.leg, { type: 'latched', address: report.address, port: report.port });
      case 'dtmf':
        return this.#tell(report.leg, { type: 'dtmf', digit: report.digit });
      case 'talking':
        return this.#tell(report.leg, { type: 'talking', active: report.active });
      case 'play-started':
        return this.#plays.get(report.play)?.started(report.legs, report.at);
      case 'play-ended':
        return this.#onPlayEnded(report.play, report.leg, report.reason, report.playedMs, report.underruns);
      case 'recorded':
        return this.#recordings.ending(report.recording, report.missing);
      case 'progress':
        for (const progress of report.plays) this.#plays.get(progress.play)?.progress(progress);
        return;
      case 'second':
        return this.#onSecond(thread, report);
      default:
        return report satisfies never;
    }
  }

  #onRefused(id: LegId, code: string): void {
    const opening = this.#opening.get(id);
    if (opening && !opening.moves) {
      this.#opening.delete(id);
      return opening.reject(Object.assign(new Error(code), { code }));
    }
    // A leg that comes from another thread, or back after its thread died: the old socket may need a moment to go.
    const leg = this.#legs.get(id);
    if (!leg) return;
    leg.reopenings += 1;
    if (leg.reopenings > REOPEN_TRIES) {
      this.#opening.delete(id);
      opening?.reject(new EngineBusy(code));
      return leg.onEvent({ type: 'lost', detail: code });
    }
    this.#config.clock.setTimeout(() => this.#reopen(leg), REOPEN_PAUSE_MS);
  }

  /** The mixer it leaves is done with it. */
  #onReleased(id: LegId, stream: StreamContinuation | undefined): void {
    this.#leaving.delete(id);
    const leg = this.#legs.get(id);
    if (!leg) return;
    leg.reopenings = 0;
    if (leg instanceof LiveRtpLeg) leg.spec = { ...leg.spec, ...stream };
    this.#reopen(leg);
  }

  #reopen(leg: LiveLeg): void {
    const { id, conference, spec, state } = leg;
    if (!leg.closed) this.#places.get(conference)?.thread.post({ type: 'open-leg', conference, leg: id, spec, state });
  }

  #tell(leg: LegId, event: LegEvent): void {
    this.#legs.get(leg)?.onEvent(event);
  }

  #onSecond(thread: MixerThread, report: Extract<Report, { type: 'second' }>): void {
    thread.snapshot = report.snapshot;
    const { noRtpWarnMs, noRtpHangupMs } = this.#config;
    for (const { leg: id, stats, silentMs } of report.legs) {
      const leg = this.#legs.get(id);
      if (!(leg instanceof LiveRtpLeg)) continue;
      leg.stats = stats;
      if (silentMs === undefined || !leg.expectsRtp) continue;
      if (silentMs >= noRtpHangupMs) leg.onEvent({ type: 'no-rtp', forMs: silentMs, expired: true });
      else if (silentMs >= noRtpWarnMs && !leg.warned) leg.onEvent({ type: 'no-rtp', forMs: silentMs, expired: false });
      leg.warned = silentMs >= noRtpWarnMs;
    }
  }

  #onPlayEnded(id: PlayId, leg: LegId, reason: PlayEndReason, playedMs: number, underruns: number): void {
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
    this.#config.observer.playEnded(play.result, play.failure?.reason ?? reason);
  }

  #observeStart(play: LivePlay, latencyMs: number | undefined): void {
    if (play.observed || latencyMs === undefined) return;
    play.observed = true;
    this.#config.observer.playStarted(play.cache, latencyMs / 1000);
  }

  #serviceStreams(thread: MixerThread): void {
    for (const leg of this.#streams) if (this.#places.get(leg.conference)?.thread === thread) leg.service();
  }

  /** A mixer thread died: what it mixed goes on in a new one, with the same ports and streams. */
  #onDeath(dead: MixerThread): void {
    this.#startThread(dead.index);
    const thread = this.#threads[dead.index]!;
    for (const play of [...this.#plays.values()])
      if (play.thread === dead) for (const leg of play.open) this.#onPlayEnded(play.id, leg, 'engine_lost', 0, 0);
    for (const place of this.#places.values()) {
      if (place.thread !== dead) continue;
      place.thread = thread;
      thread.legs += place.legs.size;
      thread.post(opening(place.options));
      this.#recordings.moved(place.options.id);
      for (const leg of place.legs) {
        if (this.#leaving.has(leg.id)) continue;
        // Another SSRC tells the peer that the old stream's numbers are over.
        if (leg instanceof LiveRtpLeg) leg.spec = { ...leg.spec, ssrc: randomBytes(4).readUInt32BE() };
        this.#reopen(leg);
      }
    }
    for (const [leg, from] of [...this.#leaving]) if (from === dead) this.#onReleased(leg, undefined);
  }
}

function opening({ id, sampleRate, floor }: ConferenceOptions): Command {
  return { type: 'open-conference', conference: id, sampleRate, floor };
}

function busy(error: unknown): EngineBusy {
  return new EngineBusy(error instanceof Error ? error.message : String(error));
}
