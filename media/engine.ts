/**
 * The one interface between signalling (SIP, WebSocket, REST) and sound.
 *
 * Everything here is called on the main thread. Behind it mixers run in worker threads; no call waits for a tick
 * unless it returns a promise. Signalling decides who is in a conference and who may hear whom; the engine only
 * knows conferences, legs and plays.
 */
import type { SampleRate } from './audio/frame.ts';
import type { Clip, ClipFailure } from './clip/index.ts';
import type { OpusTerms } from './codec/opus.ts';
import type { SrtpTerms } from './srtp/srtp-terms.ts';

/** A conference's name for the engine: the MPC's UUID. */
export type ConferenceId = string;
/** Counts up through the life of the process; never reused. */
export type LegId = number;
/** The `api_id` of the request that made the play. */
export type PlayId = string;

export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'L16' | 'opus';

/** A codec as one call negotiated it: RTP clock rate in Hz, payload type 0 to 127. */
export interface NegotiatedCodec {
  readonly name: CodecName;
  readonly payloadType: number;
  readonly clockRate: number;
  readonly channels: number;
  readonly opus?: OpusTerms;
  /** Packet time the peer asked for in ms; we send one frame a packet whatever it says. */
  readonly ptimeMs?: number;
}

/** Where a peer says it takes RTP. */
export interface RtpRemote {
  readonly address: string;
  readonly port: number;
  /** The port of RTCP; the RTP port + 1 when SDP has no `a=rtcp`. */
  readonly rtcpPort?: number;
}

/** Seen from our side: `sendonly` means we send and ignore what comes. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface RtpLegOptions {
  readonly codec: NegotiatedCodec;
  /** Payload type of telephone-event, when it was negotiated. */
  readonly dtmfPayloadType?: number;
  /** Hz in which events tell their duration; the codec's clock rate when left out. */
  readonly dtmfClockRate?: number;
  /** Payload type of comfort noise (RFC 3389), when the peer offered it. */
  readonly comfortNoisePayloadType?: number;
  readonly remote: RtpRemote;
  /** Further source addresses from which RTP may be learned, such as the signalling's. */
  readonly alsoTrusted?: readonly string[];
  readonly direction: Direction;
  /** Left out: plain RTP. */
  readonly srtp?: SrtpTerms;
}

/** Two sounds of one leg: what its member says, as far as others may hear it, and what she hears. */
export type Track = 'said' | 'heard';

/** A stream leg's sound: 20 ms frames of raw audio; `L16` is little-endian. */
export interface StreamLegOptions {
  readonly encoding: 'PCMU' | 'L16';
  readonly sampleRate: 8000 | 16000 | 24000;
  /** Takes each 20 ms frame the member hears. The bytes are only valid during the call. */
  readonly onFrame: (frame: Uint8Array) => void;
  /**
   * Set for a leg that listens along with another one of its conference: it may speak like any other, but it hears what
   * that leg says or hears, and no play takes it in.
   */
  readonly listensTo?: { readonly leg: LegId; readonly track: Track };
}

/** What may change on a living leg; absent fields stay. */
export interface LegChanges {
  /** Nobody hears this member. */
  muted?: boolean;
  /** This member neither hears the conference nor is heard; plays to it are heard. */
  held?: boolean;
  /** `whisper`: only legs with `hearsWhispers` hear this member (a coaching supervisor). */
  voice?: 'conference' | 'whisper';
  hearsWhispers?: boolean;
}

export interface RtpLegChanges extends LegChanges {
  /** Comes with its telephone-event, comfort noise and SRTP: what is absent beside it was not agreed any more. */
  codec?: NegotiatedCodec;
  dtmfPayloadType?: number;
  dtmfClockRate?: number;
  comfortNoisePayloadType?: number;
  /** Streams under a key that stays go on; under a new one they begin. */
  srtp?: SrtpTerms;
  remote?: RtpRemote;
  direction?: Direction;
  /** Media may flow: set once the call is confirmed. Five learned packets start it as well. */
  started?: true;
}

export type LegEvent =
  /** The peer's true address was learned and locked. */
  | { readonly type: 'latched'; readonly address: string; readonly port: number }
  | { readonly type: 'dtmf'; readonly digit: string }
  /** No RTP for `forMs`; `expired` when the limit at which a call is hung up is reached. */
  | { readonly type: 'no-rtp'; readonly forMs: number; readonly expired: boolean }
  | { readonly type: 'talking'; readonly active: boolean }
  /** The engine lost the leg, for example with its worker. */
  | { readonly type: 'lost'; readonly detail: string };

/** Reception and sending as counted in the last whole second of the leg. */
export interface LegStats {
  readonly codec: CodecName;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly packetsLost: number;
  readonly framesConcealed: number;
  /** Share of all frames, 0 to 1. */
  readonly concealedShare: number;
  readonly jitterMs: number;
  readonly playoutDelayMs: number;
  readonly roundTripMs: number | undefined;
  readonly mos: number | undefined;
}

export interface Leg {
  readonly id: LegId;
  /** Where it is now. */
  readonly conference: ConferenceId;
  readonly stats: LegStats | undefined;
  update(changes: LegChanges): void;
  /** Sends digits `0-9*#A-D` as telephone-events, where the leg can carry them; `w` and `W` pause half a second and one. */
  sendDigits(digits: string): void;
  /**
   * Goes on in another conference, with its port, its streams and the digits under way. What was changed by `update` of
   * `LegChanges` and what is played to it belong to the old place: changes end, plays end with `member_left`. It may be
   * played to there once this resolves. Rejects with `EngineBusy` when either is closed.
   */
  move(conference: ConferenceId): Promise<void>;
  /** Idempotent. Plays to the leg end with `member_left`; no packet leaves afterwards. */
  close(): void;
}

export interface RtpLeg extends Leg {
  /** The even local port; RTCP is one above. */
  readonly port: number;
  update(changes: RtpLegChanges): void;
}

export interface StreamLeg extends Leg {
  /** Queues audio the member says, any length. False: the buffer is full and the audio was dropped. */
  write(audio: Uint8Array): boolean;
  /** Calls back once everything written so far was mixed; never, when `clear` comes first. */
  mark(reached: () => void): void;
  /** Drops what was written and not yet mixed, and the pending marks. */
  clear(): void;
}

/** Who may be heard when not everybody is. */
export interface FloorRules {
  /** At most so many are mixed, the strongest; 0 = everyone. */
  readonly maxTalkers: number;
  /** Only those who speak are mixed: steady background noise is kept out. */
  readonly noiseGate: boolean;
}

export interface ConferenceOptions {
  readonly id: ConferenceId;
  readonly sampleRate: SampleRate;
  readonly floor: FloorRules;
  /** Legs will move between that conference and this one: where one mixer has both, they move without a gap. */
  readonly beside?: ConferenceId;
}

/** How far and how fast live speech dips under a play. */
export interface Duck {
  readonly gainDb: number;
  readonly attackMs: number;
  readonly releaseMs: number;
}

/** From the lowest to the highest: music, what is said to everybody, what is said to one. */
export type PlayLayer = 'bed' | 'announcement' | 'whisper';

export interface PlayOptions {
  /** Times the whole list is played; 0 = until stopped. */
  readonly loop: number;
  readonly gainDb: number;
  readonly startMs: number;
  /** Stops by itself after so much was played; undefined = to the end. */
  readonly lengthMs: number | undefined;
  readonly fadeInMs: number;
  readonly fadeOutMs: number;
  /** False: the targets hear only the play and are not heard while it runs. */
  readonly mix: boolean;
  readonly mode: 'queue' | 'replace';
  /** Queues are per member and layer; layers sound together, a lower one giving way to a higher. */
  readonly layer: PlayLayer;
  /** What it does while a higher layer sounds to the same member: plays on softly, or waits and goes on in place. */
  readonly covered: 'dip' | 'pause';
  readonly priority: number;
  readonly duck: Duck | undefined;
  /** Members who join while it plays hear it from its current position. */
  readonly laterJoiners: boolean;
}

export interface PlayRequest {
  readonly id: PlayId;
  readonly conference: ConferenceId;
  readonly legs: readonly LegId[];
  /** Checked by `checkSource` before, and again at every connection; or internal addresses of sounds made here. */
  readonly urls: readonly string[];
  /** When the request came in, on the process-wide monotonic clock, in ms. */
  readonly requestedAt: number;
  readonly options: PlayOptions;
  /** Brings every clip to this loudness in LUFS. A clip is played so once all of it is there and measured. */
  readonly normalizeLufs?: number | undefined;
}

/** Why a play ended for one target: a closed set, also a metric label. */
export type PlayEndReason = 'completed' | 'stopped' | 'member_left' | 'conference_ended' | ClipFailure | 'engine_lost';

export type PlayStatus = 'fetching' | 'queued' | 'playing' | 'paused' | 'completed' | 'stopped' | 'failed';

/** One target of a play; its `end` is set exactly once. */
export interface PlayTarget {
  readonly leg: LegId;
  readonly status: PlayStatus;
  /** Sound really sent to this member, in ms. */
  readonly playedMs: number;
  /** From the request to the first frame; undefined before, and for those who joined later. */
  readonly startLatencyMs: number | undefined;
  readonly underruns: number;
  readonly end: PlayEndReason | undefined;
}

export interface Play {
  readonly id: PlayId;
  readonly status: PlayStatus;
  readonly cache: 'hit' | 'miss';
  /** Position in the current clip in ms, as the target hears it who has been listening longest. */
  readonly positionMs: number;
  readonly targets: readonly PlayTarget[];
  readonly failure: { readonly reason: PlayEndReason; readonly detail: string } | undefined;
  /** Stops for some legs, or all. Harmless when nothing plays any more. */
  stop(legs?: readonly LegId[]): void;
  /** The position stands still from now on. */
  pause(): void;
  resume(): void;
  /** Moves to a position in the current clip, in ms; before the start: in the first clip. */
  seek(positionMs: number): void;
  /** Goes to a gain in dB; before the start it is the gain that the play starts with. */
  setGain(gainDb: number, rampMs: number): void;
}

export type PlayEvent =
  | { readonly type: 'started'; readonly play: Play; readonly leg: LegId; readonly latencyMs: number | undefined }
  | {
      readonly type: 'ended';
      readonly play: Play;
      readonly leg: LegId;
      readonly reason: PlayEndReason;
      readonly playedMs: number;
      readonly underruns: number;
    }
  /** Every target has ended; the last event of a play. */
  | { readonly type: 'finished'; readonly play: Play };

export type PlayAccepted =
  | { readonly ok: true; readonly play: Play }
  | { readonly ok: false; readonly reason: 'member_queue_full' | 'node_queue_full' };

/** Why the engine gave no more sound to a recording. */
export type RecordingEnd = 'stopped' | 'member_left' | 'conference_ended';

export interface RecordRequest {
  /** Unique in the process. */
  readonly id: string;
  readonly conference: ConferenceId;
  /** Only what this leg says, as far as others may hear it; undefined: all that is said and played in the conference. */
  readonly leg: LegId | undefined;
  /** Takes the sound in order, mono at the conference's rate; more comes once it resolves. It does not reject. */
  readonly write: (samples: Int16Array) => Promise<void>;
  /** Called once, after the last `write`. */
  readonly onEnd: (end: RecordingEnd) => void;
}

/** Sound of a conference on its way to somebody who keeps it. Time in it is true: what got lost on the way is silence. */
export interface EngineRecording {
  readonly sampleRate: SampleRate;
  /** Frames of silence in place of sound that was lost. */
  readonly missingFrames: number;
  /** From now on nothing is recorded; what comes after `resume` joins what was before. */
  pause(): void;
  resume(): void;
  /** Ends it; what was said up to now is still written. Idempotent. */
  stop(): void;
}

/** Counts per bucket as Prometheus means them: `counts[i]` observations at or under `bounds[i]`, not cumulative. */
export interface HistogramSnapshot {
  readonly bounds: readonly number[];
  /** One longer than `bounds`: the last holds what lies above. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** How calls sound: each leg that receives, observed once a second. Seconds, but for the MOS estimate of 1 to 4.41. */
export interface QualitySnapshot {
  readonly jitter: HistogramSnapshot;
  readonly roundTrip: HistogramSnapshot;
  readonly playoutDelay: HistogramSnapshot;
  readonly mos: HistogramSnapshot;
}

export interface WorkerSnapshot {
  readonly worker: number;
  readonly ticks: number;
  readonly ticksSkipped: number;
  /** Seconds between a tick's deadline and its start. */
  readonly lateness: HistogramSnapshot;
  /** Seconds a tick took. */
  readonly duration: HistogramSnapshot;
  readonly conferences: number;
  readonly legs: number;
  readonly rtpIn: number;
  readonly rtpOut: number;
  readonly rtpLost: number;
  /** In time, but behind a newer one. */
  readonly rtpReordered: number;
  /** Times a stream went on elsewhere: its numbers jumped. */
  readonly rtpResyncs: number;
  /** Lost packets rebuilt from error correction. */
  readonly rtpRecovered: number;
  /** Digits and pauses of them that were to be sent and were not: too many waited, or the peer takes none. */
  readonly digitsDropped: number;
  /** Times a peer's NAT moved its port and was followed. */
  readonly rtpRebinds: number;
  readonly framesConcealed: number;
  /** Times sound was shortened or lengthened to correct a delay. */
  readonly stretches: number;
  readonly quality: QualitySnapshot;
  /** By closed reason, such as `foreign`, `malformed`, `late`, `duplicate`. */
  readonly rtpDiscarded: Readonly<Record<string, number>>;
}

/** What the engine reports as it happens; all fields are plain counts and durations in seconds. */
export interface EngineObserver {
  playStarted(cache: 'hit' | 'miss', seconds: number): void;
  playEnded(result: 'completed' | 'stopped' | 'failed', reason: PlayEndReason): void;
  /** A mixer thread ended unasked; its conferences are on their way to a new one. */
  mixerDied(worker: number, detail: string): void;
}

export interface EngineSnapshot {
  readonly workers: readonly WorkerSnapshot[];
  /** Share of its time that each mixer needs. */
  readonly loads: readonly number[];
  /** Pairs of ports that a call could have now. */
  readonly rtpPortsFree: number;
  /** Legs that were not opened, for want of a mixer's time or of ports and descriptors. */
  readonly legsRefused: Readonly<Record<'load' | 'ports', number>>;
  /** Legs that should hear RTP and have not for as long as is worth a warning. */
  readonly legsSilent: number;
  readonly playsActive: number;
  readonly playQueueDepth: number;
}

export interface MediaEngine {
  openConference(options: ConferenceOptions): void;
  /** Closes its legs and ends its plays. Idempotent. */
  closeConference(id: ConferenceId): void;
  /** Binds an even port and its odd neighbour. Rejects with `EngineBusy` when ports or workers ran out. */
  openRtpLeg(conference: ConferenceId, options: RtpLegOptions, onEvent: (event: LegEvent) => void): Promise<RtpLeg>;
  openStreamLeg(
    conference: ConferenceId,
    options: StreamLegOptions,
    onEvent: (event: LegEvent) => void,
  ): Promise<StreamLeg>;
  play(request: PlayRequest, onEvent: (event: PlayEvent) => void): PlayAccepted;
  record(request: RecordRequest): EngineRecording;
  /** The totals of the last whole second. */
  snapshot(): EngineSnapshot;
  close(): Promise<void>;
}

/** Ports, descriptors or workers ran out: try again later. */
export class EngineBusy extends Error {
  override readonly name = 'EngineBusy';
}

export type { Clip, ClipFailure, OpusTerms, SrtpTerms };
