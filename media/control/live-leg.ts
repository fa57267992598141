import { FRAMES_PER_SECOND } from '../audio/frame.ts';
import { ByteRing } from '../audio/ring.ts';
import type {
  ConferenceId,
  Leg,
  LegChanges,
  LegEvent,
  LegId,
  LegStats,
  RtpLeg,
  RtpLegChanges,
  StreamLeg,
  StreamLegOptions,
} from '../engine.ts';
import { srtpSpec } from '../srtp/srtp-terms.ts';
import type { LegSpec, RtpLegSpec, StreamLegSpec } from '../worker/protocol.ts';
import type { EngineConfig } from './engine-config.ts';

/** What a leg needs of the engine. */
export interface LegHost {
  changed(leg: LiveLeg): void;
  sendDigits(leg: LiveLeg, digits: string): void;
  closed(leg: LiveLeg): void;
  move(leg: LiveLeg, conference: ConferenceId): Promise<void>;
}

/** The main thread's end of a leg. It remembers all that a mixer must know, so that the leg can be made again. */
export abstract class LiveLeg implements Leg {
  readonly id: LegId;
  conference: ConferenceId;
  readonly onEvent: (event: LegEvent) => void;
  state: LegChanges = {};
  stats: LegStats | undefined;
  closed = false;
  /** Attempts to make it again after its thread died, or in another one. */
  reopenings = 0;
  /** The move under way to another mixer. */
  moving: Promise<void> | undefined;
  protected readonly host: LegHost;

  constructor(id: LegId, conference: string, host: LegHost, onEvent: (event: LegEvent) => void) {
    this.id = id;
    this.conference = conference;
    this.host = host;
    this.onEvent = onEvent;
  }

  abstract get spec(): LegSpec;

  /** Its mixer died: it is to be made again in another. */
  lostThread(): void {
    this.reopenings = 0;
  }

  update(changes: LegChanges): void {
    if (this.closed) return;
    const { muted, held, voice, hearsWhispers } = { ...this.state, ...changes };
    this.state = {
      ...(muted === undefined ? {} : { muted }),
      ...(held === undefined ? {} : { held }),
      ...(voice === undefined ? {} : { voice }),
      ...(hearsWhispers === undefined ? {} : { hearsWhispers }),
    };
    this.host.changed(this);
  }

  sendDigits(digits: string): void {
    if (!this.closed) this.host.sendDigits(this, digits);
  }

  move(conference: ConferenceId): Promise<void> {
    return this.host.move(this, conference);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.closed(this);
  }
}

type SilenceLimits = Pick<EngineConfig, 'noRtpWarnMs' | 'noRtpHangupMs'>;

/** A leg that is a telephone's RTP, as the control side knows it. */
export class LiveRtpLeg extends LiveLeg implements RtpLeg {
  spec: RtpLegSpec;
  /** Counts of mixers that died. */
  #before: LegStats | undefined;
  /** The `no-rtp` warning of the present silence was given. */
  #warned = false;

  constructor(id: LegId, conference: string, host: LegHost, onEvent: (event: LegEvent) => void, spec: RtpLegSpec) {
    super(id, conference, host, onEvent);
    this.spec = spec;
  }

  override lostThread(): void {
    super.lostThread();
    this.#before = this.stats;
  }

  /** Takes what its mixer counted, which begins at 0 in each; but for the packets sent, which the leg itself remembers. */
  noteStats(stats: LegStats): void {
    const before = this.#before;
    this.stats = before
      ? {
          ...stats,
          packetsReceived: before.packetsReceived + stats.packetsReceived,
          packetsLost: before.packetsLost + stats.packetsLost,
          framesConcealed: before.framesConcealed + stats.framesConcealed,
        }
      : stats;
  }

  get port(): number {
    return this.spec.port;
  }

  override update(changes: RtpLegChanges): void {
    const { codec, dtmfPayloadType, dtmfClockRate, comfortNoisePayloadType, remote, direction, started } = changes;
    const srtp = changes.srtp && srtpSpec(changes.srtp, this.spec.srtp);
    this.spec = {
      ...this.spec,
      ...(codec && { codec, dtmfPayloadType, dtmfClockRate, comfortNoisePayloadType, srtp }),
      ...(remote && { remote }),
      ...(direction && { direction }),
      ...(started && { started }),
    };
    super.update(changes);
  }

  /** Nothing has come for so long: warns once for each silence, and then, second by second, asks to be hung up. */
  noteSilence(silentMs: number, { noRtpWarnMs, noRtpHangupMs }: SilenceLimits): void {
    if (!this.#expectsRtp) return;
    if (silentMs >= noRtpHangupMs) this.onEvent({ type: 'no-rtp', forMs: silentMs, expired: true });
    else if (silentMs >= noRtpWarnMs && !this.#warned)
      this.onEvent({ type: 'no-rtp', forMs: silentMs, expired: false });
    this.#warned = silentMs >= noRtpWarnMs;
  }

  /** No RTP has come for as long as is worth a warning. */
  get silent(): boolean {
    return this.#warned && this.#expectsRtp;
  }

  /** Whether the peer is supposed to send. */
  get #expectsRtp(): boolean {
    return this.spec.direction === 'sendrecv' || this.spec.direction === 'recvonly';
  }
}

/** How many of them should hear RTP and have not for long. */
export function silentLegs(legs: Iterable<LiveLeg>): number {
  let count = 0;
  for (const leg of legs) if (leg instanceof LiveRtpLeg && leg.silent) count += 1;
  return count;
}

/** Sound on its way to the mixer: a ring holds so much, the rest waits in a list. */
const INWARD_MS = 2000;
const OUTWARD_MS = 1000;
/** The longest a client may be ahead of what was heard of it. */
const BACKLOG_MS = 60_000;

export class LiveStreamLeg extends LiveLeg implements StreamLeg {
  readonly spec: StreamLegSpec;
  readonly #inward: ByteRing;
  readonly #outward: ByteRing;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #frame: Uint8Array;
  readonly #backlogLimit: number;
  /** Audio and marks in the order they came. */
  readonly #backlog: (Uint8Array | (() => void))[] = [];
  #backlogBytes = 0;
  /** Marks whose sound is in the ring, with the ring position that they wait for. */
  readonly #marks: { readonly position: number; readonly reached: () => void }[] = [];

  constructor(
    id: LegId,
    conference: string,
    host: LegHost,
    onEvent: (event: LegEvent) => void,
    options: StreamLegOptions,
  ) {
    super(id, conference, host, onEvent);
    const bytesPerSecond = options.sampleRate * (options.encoding === 'L16' ? 2 : 1);
    this.#inward = ByteRing.allocate((bytesPerSecond * INWARD_MS) / 1000);
    this.#outward = ByteRing.allocate((bytesPerSecond * OUTWARD_MS) / 1000);
    this.#backlogLimit = (bytesPerSecond * BACKLOG_MS) / 1000;
    this.#frame = new Uint8Array(bytesPerSecond / FRAMES_PER_SECOND);
    this.#onFrame = options.onFrame;
    this.spec = {
      kind: 'stream',
      encoding: options.encoding,
      sampleRate: options.sampleRate,
      listensTo: options.listensTo,
      inward: this.#inward.memory,
      outward: this.#outward.memory,
    };
  }

  write(audio: Uint8Array): boolean {
    if (this.closed || this.#backlogBytes + this.#inward.length + audio.length > this.#backlogLimit) return false;
    if (audio.length === 0) return true;
    this.#backlog.push(Uint8Array.from(audio));
    this.#backlogBytes += audio.length;
    this.#pump();
    return true;
  }

  mark(reached: () => void): void {
    if (this.closed) return;
    this.#backlog.push(reached);
    this.#pump();
  }

  clear(): void {
    this.#inward.clear();
    this.#backlog.length = 0;
    this.#backlogBytes = 0;
    this.#marks.length = 0;
  }

  /** Hands over what the mixer has made, and refills what it takes. Called when the mixer has ticked. */
  service(): void {
    while (!this.closed && this.#outward.length >= this.#frame.length) {
      this.#outward.read(this.#frame, this.#frame.length);
      this.#onFrame(this.#frame);
    }
    this.#pump();
    while (this.#marks.length > 0 && this.#inward.hasRead(this.#marks[0]!.position)) this.#marks.shift()!.reached();
  }

  #pump(): void {
    while (this.#backlog.length > 0) {
      const next = this.#backlog[0]!;
      if (typeof next === 'function') {
        this.#marks.push({ position: this.#inward.written, reached: next });
        this.#backlog.shift();
        continue;
      }
      const free = this.#inward.capacity - this.#inward.length;
      // Whole samples only, so that a ring never begins in the middle of one.
      const take = Math.min(next.length, free - (free % 2));
      if (take === 0) return;
      this.#inward.write(next, 0, take);
      this.#backlogBytes -= take;
      if (take === next.length) this.#backlog.shift();
      else this.#backlog[0] = next.subarray(take);
    }
  }
}
