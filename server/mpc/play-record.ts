import type { LegId, Play, PlayEndReason, PlayOptions, PlayStatus } from '../../media/index.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { SpokenText } from '../speak/index.ts';
import type { Role } from './identity.ts';
import type { Member } from './member.ts';
import type { Mpc } from './mpc.ts';

/** How a play was asked for. It is stopped by the same form. */
export type PlayForm =
  /** All but these ids, and only those of these roles; no roles are all roles. */
  | { readonly by: 'all'; readonly except: readonly string[]; readonly roles: readonly Role[] }
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'call'; readonly callUuid: string };

/** Files or a text: each is stopped where it was started, and leaves the other alone. */
export type PlayKind = 'play' | 'speech';

export interface PlayCommand {
  /** The `api_id` of the request. */
  readonly id: string;
  readonly mpc: Mpc;
  readonly members: readonly Member[];
  readonly form: PlayForm;
  readonly urls: readonly string[];
  /** Set when the sound is a text that is spoken: `urls` then has an internal address. */
  readonly spoken?: SpokenText | undefined;
  readonly options: PlayOptions;
  /** Loudness to which every clip is brought; undefined leaves them as they are. */
  readonly normalizeLufs: number | undefined;
  /** Who wants to know how it goes. */
  readonly callback: CallbackTarget | undefined;
  /** Process-wide monotonic, in ms. */
  readonly requestedAt: number;
}

/** What may change while a play runs; absent fields stay. */
export interface PlayChange {
  readonly paused?: boolean | undefined;
  readonly seek?: { readonly toMs: number } | { readonly byMs: number } | undefined;
  readonly volume?: { readonly gainDb: number; readonly rampMs: number } | undefined;
}

/** What one target has heard so far. */
export interface TargetState {
  /** Undefined for a leg that no member of the MPC ever had. */
  readonly memberId: string | undefined;
  readonly status: PlayStatus;
  readonly end: PlayEndReason | undefined;
  readonly playedMs: number;
  readonly startLatencyMs: number | undefined;
  readonly underruns: number;
}

/** A play at one moment. */
export interface PlayState {
  readonly status: PlayStatus;
  readonly failure: Play['failure'];
  readonly cache: Play['cache'];
  readonly positionMs: number;
  readonly targets: readonly TargetState[];
}

/** One play as the API knows it, running or over. */
export interface PlayRecord extends Omit<PlayCommand, 'members' | 'requestedAt'> {
  /** As it is now; the options have that of the start. */
  readonly gainDb: number;
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
  readonly state: PlayState;
}

/** A play in the hands of `Plays`, which alone changes it. */
export class PlayEntry implements PlayRecord {
  /** Rises with each play: two may come within one ms. */
  readonly serial: number;
  readonly id: string;
  readonly mpc: Mpc;
  readonly form: PlayForm;
  readonly urls: readonly string[];
  readonly spoken: SpokenText | undefined;
  readonly options: PlayOptions;
  readonly normalizeLufs: number | undefined;
  readonly callback: CallbackTarget | undefined;
  readonly createdAt: Date;
  gainDb: number;
  endedAt: Date | undefined;
  /** The engine's play while it runs; afterwards only what it came to. */
  #source: Play | PlayState;

  constructor(serial: number, command: PlayCommand, play: Play, createdAt: Date) {
    this.serial = serial;
    this.id = command.id;
    this.mpc = command.mpc;
    this.form = command.form;
    this.urls = command.urls;
    this.spoken = command.spoken;
    this.options = command.options;
    this.normalizeLufs = command.normalizeLufs;
    this.callback = command.callback;
    this.gainDb = command.options.gainDb;
    this.createdAt = createdAt;
    this.#source = play;
  }

  get kind(): PlayKind {
    return this.spoken ? 'speech' : 'play';
  }

  get state(): PlayState {
    return 'stop' in this.#source ? stateOf(this.#source, this.mpc) : this.#source;
  }

  stop(legs?: readonly LegId[]): void {
    if ('stop' in this.#source) this.#source.stop(legs);
  }

  change({ paused, seek, volume }: PlayChange): void {
    const play = this.#source;
    if (!('stop' in play)) return;
    if (volume) {
      this.gainDb = volume.gainDb;
      play.setGain(volume.gainDb, volume.rampMs);
    }
    if (seek) play.seek('toMs' in seek ? seek.toMs : Math.max(0, play.positionMs + seek.byMs));
    if (paused === true) play.pause();
    if (paused === false) play.resume();
  }

  /** Lets the engine's play go. */
  finish(at: Date): void {
    this.#source = this.state;
    this.endedAt = at;
  }
}

function stateOf(play: Play, mpc: Mpc): PlayState {
  const memberIds = new Map(mpc.members.map((member) => [member.leg?.id, member.id]));
  return {
    status: play.status,
    failure: play.failure,
    cache: play.cache,
    positionMs: play.positionMs,
    targets: play.targets.map((target) => ({
      memberId: memberIds.get(target.leg),
      status: target.status,
      end: target.end,
      playedMs: target.playedMs,
      startLatencyMs: target.startLatencyMs,
      underruns: target.underruns,
    })),
  };
}
