import { FRAME_MS } from '../audio/frame.ts';
import type { FrameDecoder } from '../codec/codec.ts';
import { PacketStore, PayloadKind, SlotState, STORE_SLOTS } from './packet-store.ts';
import { extendSequence, extendTimestamp } from './sequence.ts';
import { Timeline } from './timeline.ts';

/** What a pulled frame is made of; the least natural part decides. */
export const FrameKind = { audio: 0, concealed: 1, comfort: 2, silence: 3 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface PlayoutOptions {
  /** Hz of the RTP timestamp; 8000 for G.722. */
  readonly clockRate: number;
  /** Owned by the caller, who also closes it. */
  readonly decoder: FrameDecoder;
}

/** Packets refused, by reason. */
export class DiscardCounters {
  /** Too much waiting: the oldest are dropped. */
  overflow = 0;
  /** Not near the stream's numbers; a second packet like it moves the stream there. */
  jump = 0;
  /** No payload, or one larger than any packet of an unfragmented datagram. */
  size = 0;
  /** The decoder made nothing of it. */
  undecodable = 0;
}

/** Everything a leg's receiving side counts since it was made; `reset` does not clear it. */
export class PlayoutCounters {
  /** Packets inserted, whatever became of them. */
  received = 0;
  /** Sequence numbers whose time passed without them, less those that came late. */
  lost = 0;
  /** Packets that came after their time. */
  late = 0;
  duplicate = 0;
  /** Packets in time, but behind a newer one. */
  reordered = 0;
  /** Frames pulled that hold concealment. */
  concealedFrames = 0;
  /** Times the stream went on elsewhere: sequence or timestamp jumped. */
  resyncs = 0;
  /** Times that sound was shortened or lengthened to correct the delay. */
  stretched = 0;
  readonly discarded = new DiscardCounters();
}

/** Packets of more bytes are refused; the largest that fits an Ethernet frame is 1,460. */
const MAX_PAYLOAD_BYTES = 1500;
/** Decoded samples of one packet at most: 200 ms at 48 kHz. */
const scratch = new Int16Array(9600);
const START_MARGIN_MS = 5;
const MAX_STORED_MS = 500;
const FADE_MS = 60;

/** Receiving side of one RTP stream: orders packets, decodes them, hides what is missing, one 20 ms frame a pull. */
export class Playout {
  readonly counters = new PlayoutCounters();
  private readonly decoder: FrameDecoder;
  private readonly frameSamples: number;
  private readonly ticksPerSample: number;
  private readonly clockRate: number;
  private readonly store: PacketStore;
  private readonly timeline: Timeline;
  private started = false;
  private anchored = false;
  private anchorMs = 0;
  private nextSequence = 0;
  private newestSequence = 0;
  private nextTimestamp = 0;
  private newestTimestamp = 0;
  private missingSamples = 0;
  private jumpSequence = -1;

  constructor(options: PlayoutOptions) {
    this.decoder = options.decoder;
    this.frameSamples = (this.decoder.sampleRate * FRAME_MS) / 1000;
    this.clockRate = options.clockRate;
    this.ticksPerSample = options.clockRate / this.decoder.sampleRate;
    this.store = new PacketStore(160);
    this.timeline = new Timeline(this.frameSamples * 3, this.frameSamples * 5);
  }

  /** Delay aimed at, in ms. */
  get targetDelayMs(): number {
    return FRAME_MS;
  }

  /** Sound waiting, in ms. */
  get currentDelayMs(): number {
    const stored = this.anchored ? Math.max(0, this.newestTimestamp - this.nextTimestamp) : 0;
    return (stored * 1000) / this.clockRate + (this.timeline.waiting * 1000) / this.decoder.sampleRate;
  }

  insert(
    sequence: number,
    timestamp: number,
    marker: boolean,
    payload: Uint8Array,
    offset: number,
    length: number,
    arrivalMs: number,
  ): void {
    this.accept(sequence, timestamp, marker, PayloadKind.audio, payload, offset, length, arrivalMs);
  }

  insertComfortNoise(
    sequence: number,
    timestamp: number,
    payload: Uint8Array,
    offset: number,
    length: number,
    arrivalMs: number,
  ): void {
    this.accept(sequence, timestamp, false, PayloadKind.comfortNoise, payload, offset, length, arrivalMs);
  }

  pull(frame: Int16Array, nowMs: number): FrameKind {
    const timeline = this.timeline;
    if (!this.started) {
      if (!this.anchored || nowMs - this.anchorMs < START_MARGIN_MS) {
        frame.fill(0);
        return FrameKind.silence;
      }
      this.started = true;
    }
    let kind: FrameKind = FrameKind.audio;
    while (timeline.waiting < frame.length) {
      if (!this.playNext(frame.length - timeline.waiting)) kind = FrameKind.concealed;
    }
    if (kind === FrameKind.concealed) this.counters.concealedFrames++;
    timeline.play(frame);
    return kind;
  }

  /** A new stream begins (SSRC or codec changed, or a hold ended): forgets all packets and their numbers, keeps the counters. */
  reset(): void {
    this.store.clear();
    this.anchored = false;
    this.started = false;
    this.missingSamples = 0;
    this.jumpSequence = -1;
  }

  private accept(
    sequence: number,
    timestamp: number,
    marker: boolean,
    kind: number,
    payload: Uint8Array,
    offset: number,
    length: number,
    arrivalMs: number,
  ): void {
    this.counters.received++;
    if (length <= 0 || length > MAX_PAYLOAD_BYTES || offset < 0 || offset + length > payload.length) {
      this.counters.discarded.size++;
      return;
    }
    if (!this.anchored) this.anchor(sequence, timestamp, arrivalMs);
    let extended = extendSequence(this.newestSequence, sequence);
    let ticks = extendTimestamp(this.newestTimestamp, timestamp);
    const steps = extended - this.newestSequence;
    if (steps > 3000 || steps < -100 || Math.abs(ticks - this.newestTimestamp) > this.clockRate * 10) {
      if (this.jumpSequence !== sequence && !marker) {
        this.jumpSequence = (sequence + 1) & 0xffff;
        this.counters.discarded.jump++;
        return;
      }
      this.counters.resyncs++;
      this.reset();
      this.anchor(sequence, timestamp, arrivalMs);
      extended = this.newestSequence;
      ticks = this.newestTimestamp;
    }
    this.jumpSequence = -1;
    const state = this.store.stateOf(extended);
    if (state !== SlotState.empty) {
      this.counters.duplicate++;
      return;
    }
    if (extended < this.nextSequence) {
      this.counters.late++;
      if (this.counters.lost > 0) this.counters.lost--;
      return;
    }
    if (extended < this.newestSequence) this.counters.reordered++;
    while (
      extended - this.nextSequence >= STORE_SLOTS ||
      (this.store.count > 0 && ticks - this.nextTimestamp > (this.clockRate * MAX_STORED_MS) / 1000)
    ) {
      this.dropOldest(extended);
    }
    this.store.put(extended, ticks, kind, payload, offset, length);
    if (extended >= this.newestSequence) {
      this.newestSequence = extended;
      this.newestTimestamp = ticks;
    }
  }

  private anchor(sequence: number, timestamp: number, arrivalMs: number): void {
    this.anchored = true;
    this.anchorMs = arrivalMs;
    this.nextSequence = sequence + 0x10000;
    this.newestSequence = this.nextSequence;
    this.nextTimestamp = timestamp;
    this.newestTimestamp = timestamp;
  }

  private dropOldest(newest: number): void {
    if (this.store.count === 0) {
      this.nextSequence = newest;
      return;
    }
    const oldest = this.oldest();
    this.nextTimestamp = this.store.timestampOf(oldest);
    this.store.take(oldest);
    this.nextSequence = oldest + 1;
    this.counters.discarded.overflow++;
  }

  private oldest(): number {
    let sequence = this.nextSequence;
    while (this.store.stateOf(sequence) !== SlotState.stored) sequence++;
    return sequence;
  }

  /** Appends the next packet, or concealment of `wanted` samples at most. Returns whether it was real sound. */
  private playNext(wanted: number): boolean {
    if (this.store.count === 0) {
      this.hide(wanted);
      this.missingSamples += wanted;
      return false;
    }
    const sequence = this.oldest();
    let gap = Math.round((this.store.timestampOf(sequence) - this.nextTimestamp) / this.ticksPerSample);
    if (this.missingSamples > 0 && gap > 0) {
      const covered = Math.min(gap, this.missingSamples);
      this.nextTimestamp += covered * this.ticksPerSample;
      gap -= covered;
    }
    this.missingSamples = 0;
    if (gap > 0) {
      const count = Math.min(gap, wanted);
      this.hide(count);
      this.nextTimestamp += count * this.ticksPerSample;
      return false;
    }
    this.counters.lost += sequence - this.nextSequence;
    this.nextSequence = sequence + 1;
    this.store.take(sequence);
    if (this.store.kindOf(sequence) === PayloadKind.comfortNoise) return false;
    const { cells } = this.store;
    const made = this.decoder.decode(cells, this.store.offsetOf(sequence), this.store.lengthOf(sequence), scratch);
    const samples = Math.min(made, scratch.length);
    if (samples === 0) this.counters.discarded.undecodable++;
    this.hidden = 0;
    this.timeline.append(scratch, samples);
    this.nextTimestamp = this.store.timestampOf(sequence) + samples * this.ticksPerSample;
    return true;
  }

  private hidden = 0;

  private hide(count: number): void {
    const { timeline } = this;
    timeline.reserve(count);
    const period = this.frameSamples;
    const fade = (FADE_MS * this.decoder.sampleRate) / 1000;
    for (let i = 0; i < count; i++) {
      const gain = Math.max(0, 1 - this.hidden++ / fade);
      timeline.samples[timeline.end + i] = timeline.samples[timeline.end + i - period]! * gain;
    }
    timeline.end += count;
  }
}
