import {
  type ConferenceId,
  type ConferenceOptions,
  EngineBusy,
  type EngineRecording,
  type EngineSnapshot,
  type LegEvent,
  type LegId,
  type MediaEngine,
  type PlayAccepted,
  type PlayEvent,
  type PlayRequest,
  type RecordRequest,
  type RtpLeg,
  type RtpLegOptions,
  type StreamLeg,
  type StreamLegOptions,
} from '../engine.ts';
import type { Command, LegReport, Report } from '../worker/protocol.ts';
import type { EngineConfig } from './engine-config.ts';
import { type LegHost, type LiveLeg, LiveRtpLeg, LiveStreamLeg, silentLegs } from './live-leg.ts';
import { LivePlays } from './live-plays.ts';
import { LiveRecordings } from './live-recordings.ts';
import type { MixerThread } from './mixer-thread.ts';
import { MixerThreads } from './mixer-threads.ts';
import { PortPool } from './ports.ts';
import { newRtpSpec } from './rtp-spec.ts';

/** A port that another program holds is passed over; so many in a row mean that something is wrong. */
const PORT_TRIES = 50;
const REOPEN_TRIES = 10;
const REOPEN_PAUSE_MS = 50;

interface Place {
  readonly options: ConferenceOptions;
  thread: MixerThread;
  readonly legs: Set<LiveLeg>;
  /** Those of them that are on their way to a new mixer. */
  readonly reopening: Set<LiveLeg>;
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
  readonly #threads: MixerThreads;
  readonly #places = new Map<ConferenceId, Place>();
  readonly #legs = new Map<LegId, LiveLeg>();
  /** Of `#legs`, those that are served at every tick. */
  readonly #streams = new Set<LiveStreamLeg>();
  readonly #opening = new Map<LegId, Opening>();
  /** Legs on their way to another mixer, with the one that has not let them go yet. */
  readonly #leaving = new Map<LegId, MixerThread>();
  readonly #plays: LivePlays;
  readonly #recordings: LiveRecordings;
  readonly #refused = { load: 0, ports: 0 };
  #lastLeg = 0;

  private constructor(config: EngineConfig) {
    this.#config = config;
    this.#ports = new PortPool(config.rtp.portMin, config.rtp.portMax, config.clock);
    this.#plays = new LivePlays(config);
    const { workers, rtp, batchIo, clock } = config;
    this.#threads = new MixerThreads(
      { workers, rtpHost: rtp.host, batchIo, origin: clock.now() },
      {
        report: (thread, report) => this.#onReport(thread, report),
        ticked: (thread) => this.#serviceStreams(thread),
        died: (dead, heir, detail) => this.#onDeath(dead, heir, detail),
      },
    );
    this.#recordings = new LiveRecordings(config.clock, (command) =>
      this.#places.get(command.conference)?.thread.post(command),
    );
  }

  /** Resolves when every mixer thread is ready. */
  static async start(config: EngineConfig): Promise<LocalEngine> {
    const engine = new LocalEngine(config);
    await engine.#threads.start();
    return engine;
  }

  openConference(options: ConferenceOptions): void {
    const neighbour = options.beside === undefined ? undefined : this.#places.get(options.beside);
    const thread = neighbour?.thread ?? this.#threads.idlest;
    this.#places.set(options.id, { options, thread, legs: new Set(), reopening: new Set() });
    thread.post(opening(options));
  }

  closeConference(id: ConferenceId): void {
    const place = this.#places.get(id);
    if (!place) return;
    this.#recordings.conferenceEnded(id);
    if (place.reopening.size > 0) this.#plays.endAll(id, 'conference_ended');
    place.reopening.clear();
    place.thread.post({ type: 'close-conference', conference: id });
    for (const leg of [...place.legs]) leg.close();
    this.#places.delete(id);
  }

  async openRtpLeg(
    conference: ConferenceId,
    options: RtpLegOptions,
    onEvent: (event: LegEvent) => void,
  ): Promise<RtpLeg> {
    const place = this.#placeForOneMore(conference);
    for (let attempt = 0; attempt < PORT_TRIES; attempt++) {
      const port = this.#ports.take();
      if (port === undefined) break;
      const leg = new LiveRtpLeg(this.#nextLeg(), conference, this, onEvent, newRtpSpec(options, port));
      try {
        await this.#open(place, leg);
        return leg;
      } catch (error) {
        if (error instanceof EngineBusy) throw error;
        this.#ports.give(port);
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw busy(error);
      }
    }
    this.#refused.ports += 1;
    throw new EngineBusy('no RTP port is free');
  }

  async openStreamLeg(
    conference: ConferenceId,
    options: StreamLegOptions,
    onEvent: (event: LegEvent) => void,
  ): Promise<StreamLeg> {
    const place = this.#placeForOneMore(conference);
    const leg = new LiveStreamLeg(this.#nextLeg(), conference, this, onEvent, options);
    try {
      await this.#open(place, leg);
      return leg;
    } catch (error) {
      throw busy(error);
    }
  }

  play(request: PlayRequest, onEvent: (event: PlayEvent) => void): PlayAccepted {
    const { thread, options, reopening } = this.#placeOf(request.conference);
    return this.#plays.start(request, { thread, sampleRate: options.sampleRate, open: reopening.size === 0 }, onEvent);
  }

  record(request: RecordRequest): EngineRecording {
    return this.#recordings.start(request, this.#placeOf(request.conference).options.sampleRate);
  }

  snapshot(): EngineSnapshot {
    return {
      workers: this.#threads.snapshots,
      loads: this.#threads.loads,
      rtpPortsFree: this.#ports.free,
      legsRefused: this.#refused,
      legsSilent: silentLegs(this.#legs.values()),
      ...this.#plays.counts,
    };
  }

  async close(): Promise<void> {
    for (const id of [...this.#places.keys()]) this.closeConference(id);
    await this.#recordings.ended();
    await this.#threads.close();
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
    this.#settled(place, leg);
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
    this.#recordings.legLeft(leg.id);
    from.legs.delete(leg);
    from.thread.legs -= 1;
    this.#settled(from, leg);
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

  #nextLeg(): LegId {
    this.#lastLeg += 1;
    return this.#lastLeg;
  }

  #placeOf(conference: ConferenceId): Place {
    const place = this.#places.get(conference);
    if (!place) throw new EngineBusy(`conference ${conference} is not open`);
    return place;
  }

  /** Those who are there already go before those who come. */
  #placeForOneMore(conference: ConferenceId): Place {
    const place = this.#placeOf(conference);
    const { load, legs } = place.thread;
    if (load.expected(legs) <= this.#config.fullLoad) return place;
    this.#refused.load += 1;
    throw new EngineBusy('the mixer has no time for another member');
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
        return this.#onOpen(report.leg);
      case 'leg-refused':
        return this.#onRefused(report.leg, report.code);
      case 'leg-released':
        return this.#onReleased(report.leg);
      case 'latched':
        return this.#tell(report.leg, { type: 'latched', address: report.address, port: report.port });
      case 'dtmf':
        return this.#tell(report.leg, { type: 'dtmf', digit: report.digit });
      case 'talking':
        return this.#tell(report.leg, { type: 'talking', active: report.active });
      case 'play-started':
        return this.#plays.started(report.play, report.legs, report.at);
      case 'play-ended':
        return this.#plays.ended(report.play, report.leg, report.reason, report.playedMs, report.underruns);
      case 'recorded':
        return this.#recordings.ending(report.recording, report.missing);
      case 'progress':
        return this.#plays.progress(report.plays, thread.dueAt(report.tick));
      case 'second':
        return thread.noteSecond(report.snapshot);
      case 'legs':
        return this.#onLegs(report.legs);
      default:
        return report satisfies never;
    }
  }

  #onOpen(id: LegId): void {
    this.#opening.get(id)?.resolve();
    this.#opening.delete(id);
    const leg = this.#legs.get(id);
    const place = leg && this.#places.get(leg.conference);
    if (place) this.#settled(place, leg);
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
      const place = this.#places.get(leg.conference);
      if (place) this.#settled(place, leg);
      return leg.onEvent({ type: 'lost', detail: code });
    }
    this.#config.clock.setTimeout(() => this.#reopen(leg), REOPEN_PAUSE_MS);
  }

  /** The mixer it leaves is done with it. */
  #onReleased(id: LegId): void {
    this.#leaving.delete(id);
    const leg = this.#legs.get(id);
    if (!leg) return;
    leg.reopenings = 0;
    this.#reopen(leg);
  }

  #reopen(leg: LiveLeg): void {
    const { id, conference, spec, state } = leg;
    if (!leg.closed) this.#places.get(conference)?.thread.post({ type: 'open-leg', conference, leg: id, spec, state });
  }

  #tell(leg: LegId, event: LegEvent): void {
    this.#legs.get(leg)?.onEvent(event);
  }

  #onLegs(reports: readonly LegReport[]): void {
    for (const { leg: id, stats, silentMs } of reports) {
      const leg = this.#legs.get(id);
      if (!(leg instanceof LiveRtpLeg)) continue;
      leg.noteStats(stats);
      leg.noteSilence(silentMs, this.#config);
    }
  }

  #serviceStreams(thread: MixerThread): void {
    for (const leg of this.#streams) if (this.#places.get(leg.conference)?.thread === thread) leg.service();
  }

  /** A mixer thread died: what it mixed goes on in another, with the same ports, streams and plays. */
  #onDeath(dead: MixerThread, thread: MixerThread, detail: string): void {
    dead.feed.close();
    this.#plays.suspend(dead, dead.dueAt(dead.lastTick));
    for (const place of this.#places.values()) {
      if (place.thread !== dead) continue;
      place.thread = thread;
      thread.legs += place.legs.size;
      thread.post(opening(place.options));
      for (const leg of place.legs) {
        if (this.#leaving.has(leg.id)) continue;
        place.reopening.add(leg);
        leg.lostThread();
        this.#reopen(leg);
      }
      if (place.reopening.size === 0) this.#plays.goOn(place.options.id, thread);
    }
    for (const [leg, from] of [...this.#leaving]) if (from === dead) this.#onReleased(leg);
    this.#recordings.mixerDied((id) => {
      const place = this.#places.get(id);
      return place === undefined ? 'gone' : place.thread === thread ? 'moved' : 'untouched';
    });
    this.#config.observer.mixerDied(dead.index, detail);
  }

  /** A leg is back, or will not come: with the last of them the plays of the conference go on. */
  #settled(place: Place, leg: LiveLeg): void {
    if (place.reopening.delete(leg) && place.reopening.size === 0) this.#plays.goOn(place.options.id, place.thread);
  }
}

function opening({ id, sampleRate, floor }: ConferenceOptions): Command {
  return { type: 'open-conference', conference: id, sampleRate, floor };
}

function busy(error: unknown): EngineBusy {
  return new EngineBusy(error instanceof Error ? error.message : String(error));
}
