import type { SampleRate } from '../audio/frame.ts';
import type {
  ConferenceId,
  Direction,
  FloorRules,
  LegChanges,
  LegId,
  LegStats,
  NegotiatedCodec,
  PlayEndReason,
  PlayId,
  PlayOptions,
  RtpRemote,
  StreamLegOptions,
  WorkerSnapshot,
} from '../engine.ts';
import type { SrtpSpec } from '../srtp/srtp-terms.ts';

/*
 * What the main thread and a mixer thread tell each other. Messages are plain data; memory that is shared is named so.
 * Per port the order is kept, so a clip's chunks come before the play that needs them, and a leg's command after its birth.
 */

/** Everything a mixer needs to make an RTP leg, and to make it again should its thread die. */
export interface RtpLegSpec {
  readonly kind: 'rtp';
  readonly port: number;
  readonly codec: NegotiatedCodec;
  readonly dtmfPayloadType: number | undefined;
  /** Undefined: that of the codec. */
  readonly dtmfClockRate?: number | undefined;
  readonly comfortNoisePayloadType: number | undefined;
  readonly remote: RtpRemote;
  readonly alsoTrusted: readonly string[];
  readonly direction: Direction;
  readonly started: boolean;
  /** Undefined: plain RTP. */
  readonly srtp?: SrtpSpec | undefined;
  /** Names us in RTCP; the same for the life of the call. */
  readonly cname: string;
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
  /** Shared: what the leg knows of its streams, a `LegMemory`. */
  readonly memory: SharedArrayBuffer;
}

export interface StreamLegSpec {
  readonly kind: 'stream';
  readonly encoding: 'PCMU' | 'L16';
  readonly sampleRate: StreamLegOptions['sampleRate'];
  readonly listensTo: StreamLegOptions['listensTo'] | undefined;
  /** Shared: what the member says, and what it hears. */
  readonly inward: SharedArrayBuffer;
  readonly outward: SharedArrayBuffer;
}

export type LegSpec = RtpLegSpec | StreamLegSpec;

export type Command =
  | {
      readonly type: 'open-conference';
      readonly conference: ConferenceId;
      readonly sampleRate: SampleRate;
      readonly floor: FloorRules;
    }
  | { readonly type: 'close-conference'; readonly conference: ConferenceId }
  | {
      readonly type: 'open-leg';
      readonly conference: ConferenceId;
      readonly leg: LegId;
      readonly spec: LegSpec;
      readonly state: LegChanges;
    }
  /** The whole new state: the mixer keeps no notion of what changed. */
  | { readonly type: 'update-leg'; readonly leg: LegId; readonly spec: LegSpec; readonly state: LegChanges }
  /** To another conference of this mixer. */
  | {
      readonly type: 'move-leg';
      readonly leg: LegId;
      readonly conference: ConferenceId;
      readonly spec: LegSpec;
      readonly state: LegChanges;
    }
  /** To another mixer: closed here, and opened there once `leg-released` has come. */
  | { readonly type: 'release-leg'; readonly leg: LegId }
  | { readonly type: 'send-digits'; readonly leg: LegId; readonly digits: string }
  | { readonly type: 'close-leg'; readonly leg: LegId }
  /** `chunks` are Int16Arrays on shared memory. */
  | {
      readonly type: 'sound';
      readonly sound: number;
      readonly chunks: readonly Int16Array[];
      readonly complete: boolean;
    }
  | { readonly type: 'sound-failed'; readonly sound: number; readonly reason: PlayEndReason }
  /** No play needs it any more. */
  | { readonly type: 'drop-sound'; readonly sound: number }
  | {
      readonly type: 'play';
      readonly play: PlayId;
      readonly conference: ConferenceId;
      readonly legs: readonly LegId[];
      readonly sounds: readonly number[];
      readonly options: PlayOptions;
      /** Those who heard it from another mixer before, and where they were. */
      readonly resumed?: readonly PlayPlace[];
    }
  | { readonly type: 'stop-play'; readonly play: PlayId; readonly legs: readonly LegId[] | undefined }
  | { readonly type: 'pause-play'; readonly play: PlayId; readonly paused: boolean }
  | { readonly type: 'seek-play'; readonly play: PlayId; readonly positionMs: number }
  | { readonly type: 'play-gain'; readonly play: PlayId; readonly gain: number; readonly rampMs: number }
  | RecordCommand
  /** The first of all. */
  | {
      readonly type: 'begin';
      readonly index: number;
      /** When tick 0 is due, on the process's monotonic clock, in ms. */
      readonly origin: number;
      /** Tick to begin with; those before it that are due are counted as skipped. Undefined: the next one due. */
      readonly firstTick: number | undefined;
    }
  | { readonly type: 'close' };

/** What is done to recordings; a recording is told to stop exactly once. */
export type RecordCommand =
  | {
      readonly type: 'record';
      readonly recording: string;
      readonly conference: ConferenceId;
      /** Only what this leg says; undefined: everything. */
      readonly leg: LegId | undefined;
      /** Of a `FrameRing`, shared. */
      readonly ring: SharedArrayBuffer;
      readonly paused: boolean;
    }
  | {
      readonly type: 'pause-record';
      readonly recording: string;
      readonly conference: ConferenceId;
      readonly paused: boolean;
    }
  | { readonly type: 'stop-record'; readonly recording: string; readonly conference: ConferenceId };

/** A place in a play: which of its sounds, from 0, in which round through them, from 1. */
export interface PlayPoint {
  readonly item: number;
  readonly round: number;
  /** In that sound. */
  readonly positionMs: number;
  /** What sounded before it, over all rounds. */
  readonly soundedMs: number;
}

export interface PlayPlace extends PlayPoint {
  readonly legs: readonly LegId[];
}

/** How far a play has come in one of its voices. */
export interface PlayProgress extends PlayPoint {
  readonly play: PlayId;
  readonly paused: boolean;
  readonly legs: readonly { readonly leg: LegId; readonly playedMs: number; readonly underruns: number }[];
}

export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'leg-open'; readonly leg: LegId }
  | { readonly type: 'leg-refused'; readonly leg: LegId; readonly code: string }
  /** Its ports are free. */
  | { readonly type: 'leg-released'; readonly leg: LegId }
  | { readonly type: 'latched'; readonly leg: LegId; readonly address: string; readonly port: number }
  | { readonly type: 'dtmf'; readonly leg: LegId; readonly digit: string }
  | { readonly type: 'talking'; readonly leg: LegId; readonly active: boolean }
  | { readonly type: 'play-started'; readonly play: PlayId; readonly legs: readonly LegId[]; readonly at: number }
  | {
      readonly type: 'play-ended';
      readonly play: PlayId;
      readonly leg: LegId;
      readonly reason: PlayEndReason;
      readonly playedMs: number;
      readonly underruns: number;
    }
  /** The last frame is in the ring; so many more are missing behind it. */
  | { readonly type: 'recorded'; readonly recording: string; readonly missing: number }
  | { readonly type: 'progress'; readonly tick: number; readonly plays: readonly PlayProgress[] }
  /** The totals, once a second. */
  | { readonly type: 'second'; readonly snapshot: WorkerSnapshot }
  /** How RTP legs do: each of them once a second, and not all in one tick. */
  | { readonly type: 'legs'; readonly legs: readonly LegReport[] };

export interface LegReport {
  readonly leg: LegId;
  readonly stats: LegStats;
  /** Since the last packet. */
  readonly silentMs: number;
}

/** What a mixer thread is started with. */
export interface WorkerSetup {
  readonly rtpHost: string;
  /** Whether to use the batch addon where it was built. */
  readonly batchIo: boolean;
  /** Shared, see `TickMark`. */
  readonly tickMark: SharedArrayBuffer;
}
