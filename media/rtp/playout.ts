import type { FrameDecoder } from '../codec/codec.ts';
import { CUT_DELAY_MS, DelayControl } from './delay-control.ts';
import { DelayEstimator } from './delay-estimator.ts';
import { Intake, JitterBuffer } from './jitter-buffer.ts';
import { LossRepair } from './loss-repair.ts';
import { SlotState } from './packet-store.ts';
import { PlayoutCounters } from './playout-counters.ts';
import { FrameKind, LENGTHEN_AHEAD_MS, PlayoutSound, SHORTEN_AHEAD_MS } from './playout-sound.ts';

export { FrameKind } from './playout-sound.ts';

export interface PlayoutOptions {
  /** Hz of the RTP timestamp; 8000 for G.722. */
  readonly clockRate: number;
  /** Owned by the caller, who also closes it. */
  readonly decoder: FrameDecoder;
  /** Step of the arrival times in ms: 20 when packets are stamped by the tick that finds them, 0 (default) when exact. */
  readonly arrivalGrainMs?: number;
  /** Chooses the comfort noise; legs with different seeds hiss independently. Default 1. */
  readonly seed?: number;
}

/** Larger payloads than an Ethernet frame carries are refused, but for uncompressed sound of the longest packet time. */
const DATAGRAM_BYTES = 1500;
const LONGEST_PACKET_MS = 60;
/** Corrections over which every pull, and every second pull, may shorten; below them each fifth: the ear notices hurry. */
const HURRY_MS = 100;
const BRISK_MS = 25;
const BRISK_PULLS = 2;
const GENTLE_PULLS = 5;
/** A cut wants pieces this alike; less after each try that found none, and at last it takes what there is. */
const WANTED_MATCH = 0.75;
const MATCH_DECAY = 0.08;
/** What is put in may exceed the correction by this; what is taken out may not, or it would be missing at once. */
const LENGTHEN_TOLERANCE_MS = 5;

/**
 * Receiving side of one RTP stream: orders packets, decodes each once, hides what is missing and keeps the delay near what
 * the network needs. Packets go in as they come, one frame of 20 ms comes out at each pull; nothing here knows a clock.
 *
 * A stream without loss whose packets come evenly leaves it bit by bit as it was sent.
 */
export class Playout {
  readonly counters = new PlayoutCounters();
  private readonly sampleRate: number;
  private readonly msPerTick: number;
  private readonly ticksPerSample: number;
  /** Whether comfort noise spectra, which are made for the clock rate, fit our sample rate. */
  private readonly shapedNoise: boolean;
  private readonly estimator = new DelayEstimator();
  private readonly control: DelayControl;
  private readonly buffer: JitterBuffer;
  private readonly sound: PlayoutSound;
  private playing = false;
  /** Whether anything was ever played. */
  private started = false;
  /** Extended RTP timestamp of the end of the sound made so far. */
  private nextTimestamp = 0;
  /** Samples filled in while nothing was stored: a gap that the next packet explains, or delay. */
  private unexplained = 0;
  /** What `pullWhole` pulled. */
  private wholeKind: FrameKind = FrameKind.audio;
  /** Samples and bytes of the last packet, 0 before the first. */
  private packetSamples = 0;
  private packetBytes = 0;
  /** Samples before a packet that it can repair: one frame of its codec, at first believed to be the whole packet. */
  private repairSamples = 0;
  private readonly repair = new LossRepair();
  private pullsSinceStretch = 0;
  private failedStretches = 0;

  constructor(options: PlayoutOptions) {
    const { clockRate, decoder } = options;
    this.sampleRate = decoder.sampleRate;
    this.msPerTick = 1000 / clockRate;
    this.ticksPerSample = clockRate / decoder.sampleRate;
    this.shapedNoise = clockRate === decoder.sampleRate;
    this.control = new DelayControl(this.estimator, options.arrivalGrainMs ?? 0);
    const largestPayload = Math.max(DATAGRAM_BYTES, (2 * decoder.sampleRate * LONGEST_PACKET_MS) / 1000);
    this.buffer = new JitterBuffer(clockRate, largestPayload, this.estimator, this.counters);
    this.sound = new PlayoutSound(decoder, options.seed ?? 1);
  }

  /** Playout delay aimed at, 20 to 200 ms after the arrival of a packet that met no delay in the network. */
  get targetDelayMs(): number {
    return this.control.targetMs;
  }

  /** Playout delay of the received sound pulled last, in ms, counted likewise. */
  get currentDelayMs(): number {
    return this.control.currentMs;
  }

  /**
   * Takes a packet; its payload is copied. Never throws, whatever the packet says. `arrivalMs` is on the clock of `pull`.
   * `timestamp` may be given signed (`| 0`), which costs no heap object.
   */
  insert(
    sequence: number,
    timestamp: number,
    marker: boolean,
    payload: Uint8Array,
    offset: number,
    length: number,
    arrivalMs: number,
  ): void {
    const { audio } = SlotState;
    const intake = this.buffer.put(sequence, timestamp, marker, audio, payload, offset, length, arrivalMs);
    if (intake === Intake.begins) this.stop();
  }

  /** Takes a comfort noise packet (RFC 3389) of the same stream: from its timestamp on, silence is that noise. */
  insertComfortNoise(
    sequence: number,
    timestamp: number,
    payload: Uint8Array,
    offset: number,
    length: number,
    arrivalMs: number,
  ): void {
    const { comfortNoise } = SlotState;
    const intake = this.buffer.put(sequence, timestamp, false, comfortNoise, payload, offset, length, arrivalMs);
    if (intake === Intake.begins) this.stop();
  }

  /** Takes note of a packet of the same stream that is no sound (a telephone-event), so that it is not counted as lost. */
  noteOther(sequence: number): void {
    this.buffer.skip(sequence);
  }

  /**
   * Writes the next 20 ms, `decoder.sampleRate / 50` samples, and says what they are. Of silence the frame need not be
   * written. Call it once a tick.
   */
  pull(frame: Int16Array, nowMs: number): FrameKind {
    const { sound, buffer, counters } = this;
    const ready = this.playing || this.begin(nowMs);
    if (ready) {
      counters.frames++;
      if (this.pullWhole(frame, nowMs)) return this.wholeKind;
    }
    if (!this.started || (sound.silent && (!ready || buffer.store.count === 0))) {
      if (ready) this.unexplained += frame.length;
      frame.fill(0);
      return FrameKind.silence;
    }
    if (ready) {
      if (buffer.dropped) this.skipDropped();
      this.stretch(nowMs);
      while (sound.waiting < frame.length) this.playNext(frame.length - sound.waiting, nowMs);
      if (this.unexplained === 0) this.noteFrame(nowMs);
    } else {
      while (sound.waiting < frame.length) sound.fill(frame.length - sound.waiting);
    }
    const kind = sound.play(frame);
    if (kind === FrameKind.concealed) counters.concealedFrames++;
    return kind;
  }

  /**
   * So many frames will never be pulled: leaves out the sound that was due in them. Whoever listens has lost the same time,
   * so nothing needs to be joined, and no delay is left that would have to be stretched away.
   */
  skip(frames: number): void {
    const { buffer, sound, control } = this;
    const { store } = buffer;
    if (!this.playing || this.packetSamples === 0) return;
    let samples = frames * sound.frameSamples;
    while (samples >= this.packetSamples) {
      const { nextSequence } = buffer;
      if (store.stateOf(nextSequence) !== SlotState.audio || store.timestampOf(nextSequence) !== this.nextTimestamp)
        break;
      buffer.take(nextSequence);
      this.nextTimestamp += this.packetSamples * this.ticksPerSample;
      samples -= this.packetSamples;
    }
    control.startBlock();
  }

  /** Another stream begins (new SSRC, or the end of a hold): forgets packets, numbers and delays, not the counters. */
  reset(): void {
    this.buffer.reset();
    this.estimator.reset();
    this.stop();
  }

  /** Nothing is due until the next packet has waited its time. */
  private stop(): void {
    this.control.reset();
    this.playing = false;
    this.unexplained = 0;
  }

  /** Begins to play once the first packet has waited long enough. Returns whether it did. */
  private begin(nowMs: number): boolean {
    const { buffer, control, sound } = this;
    const waited = nowMs - buffer.firstArrivalMs;
    if (waited < control.startMs) return false;
    if (buffer.store.count > 0 && (this.packetSamples > 0 || sound.waiting === 0)) {
      const first = buffer.first();
      this.nextTimestamp = buffer.store.timestampOf(first);
      // Of the very first packet the packet time is not known before it is decoded, and it may call for a longer wait.
      if (this.packetSamples === 0) this.playStored(first);
    } else if (sound.waiting === 0) return false;
    this.playing = waited >= control.startMs;
    this.started ||= this.playing;
    return this.playing;
  }

  /** The undisturbed case: the next packet is one frame and follows on, so it is decoded into the listener's hands. */
  private pullWhole(frame: Int16Array, nowMs: number): boolean {
    const { buffer, sound, control } = this;
    const { store, nextSequence } = buffer;
    if (store.stateOf(nextSequence) !== SlotState.audio || store.timestampOf(nextSequence) !== this.nextTimestamp) {
      return false;
    }
    if (!sound.proportional || this.unexplained > 0 || control.correctionMs !== 0 || control.cut) return false;
    if (!sound.intact && !sound.skipSilence()) return false;
    const length = store.lengthOf(nextSequence);
    if (length !== this.packetBytes || this.packetSamples !== frame.length) return false;
    // As `delayAtEnd`, with nothing waiting; a call would return an object.
    const delayMs = nowMs - this.nextTimestamp * this.msPerTick - this.estimator.baseMs;
    buffer.take(nextSequence);
    // Silence upon silence needs no decoding and leaves no trace: the frame is not even touched.
    const silent = sound.pastSilent && store.holdsOnly(sound.silentByte, nextSequence);
    this.wholeKind = silent ? FrameKind.silence : FrameKind.audio;
    const made = silent ? frame.length : sound.receiveFrame(store.cells, store.offsetOf(nextSequence), length, frame);
    this.nextTimestamp += made * this.ticksPerSample;
    if (made === 0) this.counters.discarded.undecodable++;
    if (made !== frame.length) return false;
    control.noteSlack(delayMs);
    control.currentMs = delayMs;
    control.noteFrame();
    return true;
  }

  /** Makes the next piece of sound: a packet, or `wanted` samples at most in place of one. */
  private playNext(wanted: number, nowMs: number): void {
    const { buffer, sound } = this;
    if (buffer.store.count === 0) {
      if (this.unexplained === 0) this.counters.starved++;
      this.unexplained += sound.fill(wanted);
      return;
    }
    if (this.unexplained > 0) this.explain(nowMs);
    const sequence = buffer.first();
    const gap = Math.round((buffer.store.timestampOf(sequence) - this.nextTimestamp) / this.ticksPerSample);
    if (gap > 0) {
      this.playGap(sequence, gap, wanted, nowMs);
    } else {
      this.control.noteSlack(this.delayAtEnd(nowMs) - (sound.waiting * 1000) / this.sampleRate);
      this.playStored(sequence);
    }
  }

  /** Something came at last: time filled in so far counts towards the gap before it, and only the rest as delay. */
  private explain(nowMs: number): void {
    const gap = this.buffer.store.timestampOf(this.buffer.first()) - this.nextTimestamp;
    if (gap > 0) this.nextTimestamp += Math.min(gap, this.unexplained * this.ticksPerSample);
    this.unexplained = 0;
    this.control.startBlock();
    if (this.sound.quiet) this.cutBacklog(nowMs);
  }

  /** Fills time before a packet that is not due yet: packets are missing, or the sender was silent. */
  private playGap(sequence: number, gap: number, wanted: number, nowMs: number): void {
    const { sound } = this;
    if (sound.quiet && this.tuneSilence(gap, wanted, nowMs)) return;
    const { store, nextSequence } = this.buffer;
    let hidden = gap;
    if (sequence > nextSequence && sound.recovers && this.packetSamples > 0) {
      // The end of the gap can be repaired from this packet; only what is before that must be hidden.
      hidden = gap - this.repairSamples;
      if (hidden <= 0) {
        const made = sound.recover(store.cells, store.offsetOf(sequence), store.lengthOf(sequence), gap);
        this.repair.noteAttempt(made > 0);
        if (made > 0) {
          this.counters.recovered++;
          this.repairSamples = made;
          if (made < gap) sound.fill(gap - made);
          this.nextTimestamp = store.timestampOf(sequence);
          return;
        }
        hidden = gap;
      }
    }
    this.nextTimestamp += sound.fill(Math.min(hidden, wanted)) * this.ticksPerSample;
  }

  /** Silence may last longer or shorter: the moment to come to the right delay. Returns whether it did something. */
  private tuneSilence(gap: number, wanted: number, nowMs: number): boolean {
    const { control } = this;
    const delayMs = this.delayAtEnd(nowMs);
    if (delayMs > control.ceilingMs) {
      const excess = Math.round(((delayMs - control.goalMs) * this.sampleRate) / 1000);
      this.nextTimestamp += Math.min(gap, excess) * this.ticksPerSample;
    } else if (delayMs < control.floorMs) {
      this.sound.fill(wanted);
    } else {
      return false;
    }
    control.startBlock();
    return true;
  }

  /** Takes a stored packet and appends what it holds. */
  private playStored(sequence: number): void {
    const { buffer, sound } = this;
    const { store } = buffer;
    const noise = store.stateOf(sequence) === SlotState.comfortNoise;
    if (sound.recovers) this.noteLoss(sequence > buffer.nextSequence);
    buffer.take(sequence);
    const offset = store.offsetOf(sequence);
    const length = store.lengthOf(sequence);
    if (noise) {
      sound.describeNoise(store.cells, offset, length, this.shapedNoise);
      this.nextTimestamp = store.timestampOf(sequence);
      return;
    }
    const made = sound.receive(store.cells, offset, length);
    if (made <= 0) {
      // Its time passes like that of a lost packet: the next one shows how long it was.
      this.counters.discarded.undecodable++;
      return;
    }
    this.nextTimestamp = store.timestampOf(sequence) + made * this.ticksPerSample;
    this.packetBytes = length;
    if (made !== this.packetSamples) this.notePacketTime(made);
  }

  private noteLoss(lost: boolean): void {
    this.repair.notePlayed(lost);
    this.control.repairMs = this.repair.waiting ? (this.packetSamples * 1000) / this.sampleRate : 0;
  }

  private notePacketTime(samples: number): void {
    this.packetSamples = samples;
    this.repairSamples = samples;
    this.estimator.share = samples / this.sound.frameSamples;
    this.control.setPacketTime((samples * 1000) / this.sampleRate);
  }

  /** Takes sound out or puts some in, if the delay calls for it and the sound allows it. */
  private stretch(nowMs: number): void {
    const { control, sound } = this;
    if (control.cut) {
      control.cut = false;
      this.cutBacklog(nowMs);
    }
    const correction = control.correctionMs;
    if (correction === 0 || ++this.pullsSinceStretch < pullsBetween(correction)) return;
    const ahead = ((correction > 0 ? SHORTEN_AHEAD_MS : LENGTHEN_AHEAD_MS) * this.sampleRate) / 1000;
    while (sound.waiting < ahead && this.playAhead());
    if (sound.waiting < ahead) return;
    this.pullsSinceStretch = 0;
    const leastMatch = WANTED_MATCH - MATCH_DECAY * this.failedStretches;
    const mostMs = correction > 0 ? correction : LENGTHEN_TOLERANCE_MS - correction;
    const most = Math.floor((mostMs * this.sampleRate) / 1000);
    const taken = correction > 0 ? sound.shorten(most, leastMatch) : -sound.lengthen(most, leastMatch);
    if (taken === 0) {
      this.failedStretches++;
      return;
    }
    this.failedStretches = 0;
    this.counters.stretched++;
    control.noteCorrection((taken * 1000) / this.sampleRate);
  }

  /** Decodes the next packet before its time, if it is there and follows on. */
  private playAhead(): boolean {
    const { store, nextSequence } = this.buffer;
    if (store.stateOf(nextSequence) !== SlotState.audio || store.timestampOf(nextSequence) !== this.nextTimestamp) {
      return false;
    }
    this.playStored(nextSequence);
    return true;
  }

  /** Drops the oldest of a backlog that is longer than anything we would stretch away. */
  private cutBacklog(nowMs: number): void {
    if (this.delayAtEnd(nowMs) <= CUT_DELAY_MS) return;
    this.buffer.keepNewest(this.control.goalMs);
    if (this.buffer.dropped) this.skipDropped();
  }

  /** The buffer dropped what was due: what is due now is joined to what was heard last. */
  private skipDropped(): void {
    const { buffer } = this;
    buffer.dropped = false;
    if (buffer.store.count === 0) return;
    this.nextTimestamp = buffer.store.timestampOf(buffer.first());
    this.unexplained = 0;
    this.sound.breakOff();
    this.control.startBlock();
  }

  private noteFrame(nowMs: number): void {
    this.control.currentMs = this.delayAtEnd(nowMs);
    this.control.noteFrame();
  }

  /** Playout delay, at a pull now, of all sound from what waits to its end: ms since it could have arrived at best. */
  private delayAtEnd(nowMs: number): number {
    const waitingMs = (this.sound.waiting * 1000) / this.sampleRate;
    return nowMs + waitingMs - this.nextTimestamp * this.msPerTick - this.estimator.baseMs;
  }
}

/** Pulls from one stretch to the next. */
function pullsBetween(correctionMs: number): number {
  if (correctionMs > HURRY_MS) return 1;
  return correctionMs > BRISK_MS || correctionMs < 0 ? BRISK_PULLS : GENTLE_PULLS;
}
