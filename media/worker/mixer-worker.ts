import type { SampleRate } from '../audio/frame.ts';
import { FRAME_MS, msToSamples, samplesPerFrame, samplesToMs } from '../audio/frame.ts';
import { gainOfDb } from '../audio/pcm.ts';
import { Conference, type ConferenceReports } from '../conference/conference.ts';
import type { Member } from '../conference/member.ts';
import type { ConferenceId, LegChanges, LegId, PlayId } from '../engine.ts';
import type { PacketIo } from '../io/packet-io.ts';
import type { MixerLeg } from '../leg/leg.ts';
import { QualityTally } from '../leg/quality-tally.ts';
import { RtpLeg } from '../leg/rtp-leg.ts';
import { RtpTotals } from '../leg/rtp-totals.ts';
import { PlayRun } from '../play/play-run.ts';
import { Sound } from '../play/sound.ts';
import type { VoicePlace } from '../play/voice.ts';
import type { Clock } from '../time/clock.ts';
import { Histogram, TICK_BUCKETS } from '../time/histogram.ts';
import { LegFactory } from './leg-factory.ts';
import type { Command, LegReport, LegSpec, PlayProgress, Report } from './protocol.ts';
import { record } from './record.ts';
import { type Round, roundsOf } from './rounds.ts';

/** Fade of a play that is stopped: one frame is enough to spare the ear a click. */
const STOP_FADE_MS = 20;
const PROGRESS_TICKS = 200 / FRAME_MS;
const SECOND_TICKS = 1000 / FRAME_MS;

interface Seat {
  readonly conference: Conference;
  readonly leg: MixerLeg;
}

/**
 * The conferences of one mixer thread: carries out commands between ticks and mixes in them. What it owns it closes:
 * conferences their legs, legs their sockets. Everything it says goes through `report`.
 */
export class MixerWorker {
  readonly #index: number;
  readonly #clock: Clock;
  readonly #io: PacketIo;
  readonly #report: (report: Report) => void;
  readonly #factory: LegFactory;
  readonly #totals = new RtpTotals();
  readonly #quality = new QualityTally();
  readonly #conferences = new Map<ConferenceId, Conference>();
  readonly #conferenceList: Conference[] = [];
  readonly #seats = new Map<LegId, Seat>();
  /** The RTP legs by the tick of each second in which they are reported. */
  readonly #turns = Array.from({ length: SECOND_TICKS }, () => new Map<LegId, RtpLeg>());
  /** Legs whose ports are being bound, with the latest word on them. */
  readonly #opening = new Map<LegId, Extract<Command, { type: 'open-leg' }> | 'closed'>();
  readonly #sounds = new Map<number, Sound>();
  readonly #placeOfPlay = new Map<PlayId, Conference>();
  readonly #lateness = new Histogram(TICK_BUCKETS);
  readonly #duration = new Histogram(TICK_BUCKETS);
  #rounds: readonly Round[] = [];
  /** Somebody came or went: the rounds are cut anew at the next tick. */
  #reshaped = false;
  #ticks = 0;
  #nextTick = 0;
  #streams = 0;

  constructor(options: {
    readonly index: number;
    readonly clock: Clock;
    readonly rtpHost: string;
    readonly io: PacketIo;
    readonly report: (report: Report) => void;
  }) {
    this.#index = options.index;
    this.#clock = options.clock;
    this.#io = options.io;
    this.#report = options.report;
    this.#factory = new LegFactory({
      clock: options.clock,
      host: options.rtpHost,
      io: options.io,
      totals: this.#totals,
      report: options.report,
    });
  }

  /** Stream legs in this thread: while there are any, the main thread wants to be woken each tick. */
  get streams(): number {
    return this.#streams;
  }

  command(command: Command): void {
    switch (command.type) {
      case 'open-conference':
        return this.#openConference(command);
      case 'close-conference':
        return this.#closeConference(command.conference);
      case 'open-leg':
        return this.#openLeg(command);
      case 'update-leg':
        return this.#updateLeg(command);
      case 'close-leg':
        return this.#closeLeg(command.leg);
      case 'move-leg':
        return this.#moveLeg(command);
      case 'release-leg':
        return this.#releaseLeg(command.leg);
      case 'send-digits': {
        const leg = this.#seats.get(command.leg)?.leg;
        return leg instanceof RtpLeg ? leg.sendDigits(command.digits) : undefined;
      }
      case 'sound':
        return this.#addSound(command);
      case 'sound-failed':
        return this.#failSound(command);
      case 'drop-sound':
        this.#sounds.delete(command.sound);
        return;
      case 'play':
        return this.#play(command);
      case 'stop-play':
        return this.#placeOfPlay.get(command.play)?.stopPlay(command.play, command.legs);
      case 'pause-play':
        return this.#placeOfPlay.get(command.play)?.stage.pause(command.play, command.paused);
      case 'seek-play': {
        const conference = this.#placeOfPlay.get(command.play);
        return conference?.stage.seek(command.play, msToSamples(command.positionMs, conference.sampleRate));
      }
      case 'play-gain': {
        const conference = this.#placeOfPlay.get(command.play);
        const samples = conference ? msToSamples(command.rampMs, conference.sampleRate) : 0;
        return conference?.stage.setGain(command.play, command.gain, samples);
      }
      case 'record':
      case 'pause-record':
      case 'stop-record':
        return record(command, this.#conferences.get(command.conference), this.#report);
      case 'begin':
        return;
      case 'close':
        return this.close();
      default:
        return command satisfies never;
    }
  }

  /** Mixes one tick of every conference. */
  tick(tick: number, latenessMs: number, skipped: number): void {
    const started = this.#clock.now();
    this.#nextTick = tick + 1;
    if (this.#reshaped) {
      this.#rounds = roundsOf(this.#conferenceList);
      this.#reshaped = false;
    }
    // Legs live by the time the tick was due: a tick that is late is no news of the network.
    const due = started - latenessMs;
    for (let i = 0; i < this.#rounds.length; i++) this.#run(this.#rounds[i]!, tick, due);
    this.#io.flush();
    this.#io.receiveQuiet();
    this.#ticks += 1;
    this.#lateness.observe(latenessMs / 1000);
    this.#duration.observe((this.#clock.now() - started) / 1000);
    if (this.#ticks % PROGRESS_TICKS === 0) this.#reportProgress(tick);
    this.#reportLegs(this.#ticks % SECOND_TICKS);
    if (this.#ticks % SECOND_TICKS === 0) this.#reportSecond(skipped);
  }

  #run({ sockets, steps }: Round, tick: number, due: number): void {
    this.#io.receive(sockets);
    for (let i = 0; i < steps.length; i++) {
      const { conference, from, to } = steps[i]!;
      if (from === 0) conference.begin();
      conference.listen(from, to, due);
      if (to === conference.members.length) conference.send(tick);
    }
  }

  close(): void {
    for (const conference of [...this.#conferences.keys()]) this.#closeConference(conference);
  }

  #openConference(command: Extract<Command, { type: 'open-conference' }>): void {
    const { conference: id, sampleRate, floor } = command;
    const reports: ConferenceReports = {
      started: (play, legs) => this.#report({ type: 'play-started', play, legs, at: this.#clock.now() }),
      ended: (play, leg, reason, played, underruns) => {
        const playedMs = samplesToMs(played, sampleRate);
        this.#report({ type: 'play-ended', play, leg, reason, playedMs, underruns });
      },
      settled: (play) => this.#placeOfPlay.delete(play),
      talking: (leg, active) => this.#report({ type: 'talking', leg, active }),
    };
    const conference = new Conference(id, sampleRate, samplesPerFrame(sampleRate), reports, floor);
    this.#conferences.set(id, conference);
    this.#conferenceList.push(conference);
    this.#reshaped = true;
  }

  #closeConference(id: ConferenceId): void {
    const conference = this.#conferences.get(id);
    if (!conference) return;
    for (const member of [...conference.members]) this.#closeLeg(member.id, 'conference_ended');
    this.#conferences.delete(id);
    this.#conferenceList.splice(this.#conferenceList.indexOf(conference), 1);
    this.#reshaped = true;
  }

  #openLeg(command: Extract<Command, { type: 'open-leg' }>): void {
    const { leg, spec, state } = command;
    const conference = this.#conferences.get(command.conference);
    if (!conference) return this.#report({ type: 'leg-refused', leg, code: 'ENOCONFERENCE' });
    if (spec.kind === 'stream') {
      const made = this.#factory.stream(spec, conference.sampleRate);
      this.#streams += 1;
      this.#seat(leg, conference, made, state);
      return;
    }
    this.#opening.set(leg, command);
    this.#factory.rtp(leg, spec, conference.sampleRate, this.#nextTick).then(
      (made) => this.#onBound(leg, made),
      (error: NodeJS.ErrnoException) => {
        this.#opening.delete(leg);
        this.#report({ type: 'leg-refused', leg, code: error.code ?? error.message });
      },
    );
  }

  #onBound(leg: LegId, made: RtpLeg): void {
    const latest = this.#opening.get(leg);
    this.#opening.delete(leg);
    const conference = latest && latest !== 'closed' ? this.#conferences.get(latest.conference) : undefined;
    if (!latest || latest === 'closed' || !conference) {
      made.close();
      return;
    }
    this.#applySpec(made, latest.spec, conference.sampleRate);
    this.#seat(leg, conference, made, latest.state);
  }

  #seat(id: LegId, conference: Conference, leg: MixerLeg, state: LegChanges): void {
    this.#seats.set(id, { conference, leg });
    if (leg instanceof RtpLeg) this.#turns[id % SECOND_TICKS]!.set(id, leg);
    conference.add(id, leg, state);
    this.#reshaped = true;
    this.#report({ type: 'leg-open', leg: id });
  }

  #updateLeg(command: Extract<Command, { type: 'update-leg' }>): void {
    const opening = this.#opening.get(command.leg);
    if (opening && opening !== 'closed') {
      this.#opening.set(command.leg, { ...opening, spec: command.spec, state: command.state });
      return;
    }
    const seat = this.#seats.get(command.leg);
    if (!seat) return;
    seat.conference.update(command.leg, command.state);
    if (seat.leg instanceof RtpLeg) this.#applySpec(seat.leg, command.spec, seat.conference.sampleRate);
  }

  #applySpec(leg: RtpLeg, spec: LegSpec, sampleRate: SampleRate): void {
    if (spec.kind !== 'rtp') return;
    this.#factory.fit(leg, spec, sampleRate);
    leg.moveTo(spec.remote.address, spec.remote.port);
  }

  #moveLeg(command: Extract<Command, { type: 'move-leg' }>): void {
    const { leg: id, spec, state } = command;
    const opening = this.#opening.get(id);
    if (opening && opening !== 'closed') {
      this.#opening.set(id, { ...opening, conference: command.conference, spec, state });
      return;
    }
    const seat = this.#seats.get(id);
    const conference = this.#conferences.get(command.conference);
    if (!seat || !conference) return;
    seat.conference.release(id, 'member_left');
    this.#reshaped = true;
    this.#factory.fit(seat.leg, spec, conference.sampleRate);
    this.#seat(id, conference, seat.leg, state);
  }

  #releaseLeg(id: LegId): void {
    this.#closeLeg(id);
    this.#report({ type: 'leg-released', leg: id });
  }

  #closeLeg(id: LegId, reason: 'member_left' | 'conference_ended' = 'member_left'): void {
    if (this.#opening.has(id)) this.#opening.set(id, 'closed');
    const seat = this.#seats.get(id);
    if (!seat) return;
    this.#seats.delete(id);
    if (seat.leg instanceof RtpLeg) this.#turns[id % SECOND_TICKS]!.delete(id);
    else this.#streams -= 1;
    seat.conference.remove(id, reason);
    this.#reshaped = true;
  }

  #addSound(command: Extract<Command, { type: 'sound' }>): void {
    let sound = this.#sounds.get(command.sound);
    if (!sound) {
      sound = new Sound(command.sound);
      this.#sounds.set(command.sound, sound);
    }
    for (const chunk of command.chunks) sound.append(chunk);
    sound.complete = command.complete;
    for (const conference of this.#conferenceList) conference.stage.soundGrew();
  }

  #failSound(command: Extract<Command, { type: 'sound-failed' }>): void {
    const sound = this.#sounds.get(command.sound);
    if (!sound) return;
    sound.complete = true;
    sound.failed = true;
    for (const conference of this.#conferenceList) conference.stage.soundFailed(sound, command.reason);
  }

  #play(command: Extract<Command, { type: 'play' }>): void {
    const { play, options } = command;
    const conference = this.#conferences.get(command.conference);
    const members = command.legs.flatMap((leg) => conference?.member(leg) ?? []);
    // Members who left while the command was on its way are targets all the same, and owed their end.
    for (const leg of command.legs)
      if (!conference?.member(leg))
        this.#report({ type: 'play-ended', play, leg, reason: 'member_left', playedMs: 0, underruns: 0 });
    if (!conference || members.length === 0) return;
    const inSamples = (ms: number): number => msToSamples(ms, conference.sampleRate);
    const run = new PlayRun({
      id: play,
      score: {
        sounds: command.sounds.map((id) => this.#sounds.get(id) ?? this.#expect(id)),
        loop: options.loop,
        gain: gainOfDb(options.gainDb),
        startSample: inSamples(options.startMs),
        lengthSamples: options.lengthMs === undefined ? Number.POSITIVE_INFINITY : inSamples(options.lengthMs),
        fadeInSamples: inSamples(options.fadeInMs),
        fadeOutSamples: inSamples(options.fadeOutMs),
      },
      layer: options.layer,
      pausesWhenCovered: options.covered === 'pause',
      mix: options.mix,
      priority: options.priority,
      replace: options.mode === 'replace',
      laterJoiners: options.laterJoiners,
      stopFadeSamples: inSamples(STOP_FADE_MS),
      duckGain: options.duck ? gainOfDb(options.duck.gainDb) : 1,
      duckAttackSamples: inSamples(options.duck?.attackMs ?? 0),
      duckReleaseSamples: inSamples(options.duck?.releaseMs ?? 0),
    });
    this.#placeOfPlay.set(play, conference);
    const places = new Map<Member, VoicePlace>();
    for (const { legs, item, round, positionMs, soundedMs } of command.resumed ?? []) {
      const place = { item, round, sample: inSamples(positionMs), played: inSamples(soundedMs) };
      for (const member of legs.flatMap((leg) => conference.member(leg) ?? [])) places.set(member, place);
    }
    conference.stage.play(run, members, places);
  }

  /** A sound that was asked for before its first word came. */
  #expect(id: number): Sound {
    const sound = new Sound(id);
    this.#sounds.set(id, sound);
    return sound;
  }

  #reportProgress(tick: number): void {
    const plays: PlayProgress[] = [];
    for (const conference of this.#conferenceList) {
      if (!conference.stage.busy) continue;
      for (const { run, airings } of conference.stage.bookings)
        for (const airing of airings)
          plays.push({
            play: run.id,
            positionMs: samplesToMs(airing.voice.position, conference.sampleRate),
            item: airing.voice.item,
            round: airing.voice.round,
            soundedMs: samplesToMs(airing.voice.played, conference.sampleRate),
            paused: airing.voice.paused,
            legs: [...airing.listeners.keys()].map((member) => ({
              leg: member.id,
              playedMs: samplesToMs(airing.playedTo(member), conference.sampleRate),
              underruns: airing.voice.underruns,
            })),
          });
    }
    if (plays.length > 0) this.#report({ type: 'progress', tick, plays });
  }

  /** Reports the legs whose turn it is: thousands in one tick would make it late. */
  #reportLegs(turn: number): void {
    const due = this.#turns[turn]!;
    if (due.size === 0) return;
    const now = this.#clock.now();
    const legs: LegReport[] = [];
    for (const [id, leg] of due) {
      leg.count();
      const stats = leg.stats();
      const silentMs = now - leg.lastHeardAt;
      this.#quality.observe(stats, stats.packetsReceived > 0 && silentMs < SECOND_TICKS * FRAME_MS);
      legs.push({ leg: id, stats, silentMs });
    }
    this.#report({ type: 'legs', legs });
  }

  #reportSecond(ticksSkipped: number): void {
    const totals = this.#totals;
    this.#report({
      type: 'second',
      snapshot: {
        worker: this.#index,
        ticks: this.#ticks,
        ticksSkipped,
        lateness: this.#lateness.snapshot(),
        duration: this.#duration.snapshot(),
        conferences: this.#conferences.size,
        legs: this.#seats.size,
        rtpIn: totals.packetsIn,
        rtpOut: totals.packetsOut,
        rtpLost: totals.lost,
        rtpReordered: totals.reordered,
        rtpResyncs: totals.resyncs,
        rtpRecovered: totals.recovered,
        digitsDropped: totals.digitsDropped,
        rtpRebinds: totals.rebinds,
        framesConcealed: totals.concealed,
        stretches: totals.stretched,
        quality: this.#quality.snapshot(),
        rtpDiscarded: { ...totals.discarded },
      },
    });
  }
}
