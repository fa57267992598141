import type { LegId, MediaEngine, Play, PlayEndReason, PlayOptions, PlayStatus } from '../../media/index.ts';
import type { Member } from './member.ts';
import type { Mpc } from './mpc.ts';

/** How a play was asked for. It is stopped by the same form. */
export type PlayForm =
  | { readonly by: 'all' }
  | { readonly by: 'ids'; readonly ids: readonly string[] }
  | { readonly by: 'call'; readonly callUuid: string };

export interface PlayCommand {
  /** The `api_id` of the request. */
  readonly id: string;
  readonly mpc: Mpc;
  readonly members: readonly Member[];
  readonly form: PlayForm;
  readonly urls: readonly string[];
  readonly options: PlayOptions;
  /** Process-wide monotonic, in ms. */
  readonly requestedAt: number;
}

export type PlayStarted =
  | { readonly ok: true; readonly play: PlayRecord }
  | { readonly ok: false; readonly reason: 'member_queue_full' | 'node_queue_full' };

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
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
  readonly state: PlayState;
}

export interface PlaysDeps {
  readonly engine: Pick<MediaEngine, 'play'>;
  /** Finished plays kept readable; the oldest go first. */
  readonly kept: number;
  readonly now: () => Date;
}

/** Finished plays are forgotten after this time. */
const KEPT_MS = 3600 * 1000;

class Entry implements PlayRecord {
  /** Rises with each play: two may come within one ms. */
  readonly serial: number;
  readonly id: string;
  readonly mpc: Mpc;
  readonly form: PlayForm;
  readonly urls: readonly string[];
  readonly options: PlayOptions;
  readonly createdAt: Date;
  endedAt: Date | undefined;
  /** The engine's play while it runs; afterwards only what it came to. */
  #source: Play | PlayState;

  constructor(serial: number, command: PlayCommand, play: Play, createdAt: Date) {
    this.serial = serial;
    this.id = command.id;
    this.mpc = command.mpc;
    this.form = command.form;
    this.urls = command.urls;
    this.options = command.options;
    this.createdAt = createdAt;
    this.#source = play;
  }

  get state(): PlayState {
    return 'stop' in this.#source ? stateOf(this.#source, this.mpc) : this.#source;
  }

  stop(legs?: readonly LegId[]): void {
    if ('stop' in this.#source) this.#source.stop(legs);
  }

  /** Lets the engine's play go. */
  finish(at: Date): void {
    this.#source = this.state;
    this.endedAt = at;
  }
}

/** Every play of this node: starts them, stops them by the form they were asked for, and remembers how they ended. */
export class Plays {
  readonly #deps: PlaysDeps;
  readonly #running = new Map<string, Entry>();
  readonly #finished = new Map<string, Entry>();
  #started = 0;

  constructor(deps: PlaysDeps) {
    this.#deps = deps;
  }

  start(command: PlayCommand): PlayStarted {
    const legs = command.members.flatMap((member) => (member.leg ? [member.leg.id] : []));
    let entry: Entry | undefined;
    let isOver = false;
    const accepted = this.#deps.engine.play(
      {
        id: command.id,
        conference: command.mpc.uuid,
        legs,
        urls: command.urls,
        requestedAt: command.requestedAt,
        options: command.options,
      },
      (event) => {
        if (event.type !== 'finished') return;
        isOver = true;
        if (entry) this.#finish(entry);
      },
    );
    if (!accepted.ok) return accepted;
    this.#started += 1;
    entry = new Entry(this.#started, command, accepted.play, this.#deps.now());
    this.#running.set(entry.id, entry);
    if (isOver) this.#finish(entry);
    return { ok: true, play: entry };
  }

  find(id: string): PlayRecord | undefined {
    this.#forget();
    return this.#running.get(id) ?? this.#finished.get(id);
  }

  /** The plays of an MPC, newest first. */
  of(mpcUuid: string): readonly PlayRecord[] {
    this.#forget();
    return [...this.#finished.values(), ...this.#running.values()]
      .filter((entry) => entry.mpc.uuid === mpcUuid)
      .sort((a, b) => b.serial - a.serial);
  }

  /** Stops one play for everybody. */
  stop(id: string): void {
    this.#running.get(id)?.stop();
  }

  /** Stops what was asked for with `all`. */
  stopAll(mpc: Mpc): void {
    for (const entry of this.#runningIn(mpc)) if (entry.form.by === 'all') entry.stop();
  }

  /** Stops, for each member, what was asked for naming her. */
  stopMembers(mpc: Mpc, members: readonly Member[]): void {
    for (const entry of this.#runningIn(mpc)) {
      if (entry.form.by !== 'ids') continue;
      const { ids } = entry.form;
      const legs = members.flatMap((member) => (ids.includes(member.id) && member.leg ? [member.leg.id] : []));
      if (legs.length > 0) entry.stop(legs);
    }
  }

  /** Stops what was asked for on a call, whichever legs it went to. */
  stopCall(callUuid: string): void {
    for (const entry of [...this.#running.values()])
      if (entry.form.by === 'call' && entry.form.callUuid === callUuid) entry.stop();
  }

  /** A copy: stopping may finish a play at once and change the map. */
  #runningIn(mpc: Mpc): readonly Entry[] {
    return [...this.#running.values()].filter((entry) => entry.mpc === mpc);
  }

  #finish(entry: Entry): void {
    entry.finish(this.#deps.now());
    this.#running.delete(entry.id);
    this.#finished.set(entry.id, entry);
    this.#forget();
  }

  #forget(): void {
    const oldestKept = this.#deps.now().getTime() - KEPT_MS;
    for (const [id, entry] of this.#finished) {
      const isOld = entry.endedAt !== undefined && entry.endedAt.getTime() < oldestKept;
      if (!isOld && this.#finished.size <= this.#deps.kept) return;
      this.#finished.delete(id);
    }
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
