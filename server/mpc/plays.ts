import type { MediaEngine, PlayEvent } from '../../media/index.ts';
import type { Member } from './member.ts';
import type { Mpc } from './mpc.ts';
import { NewsDesk, type PlayNews } from './play-news.ts';
import { type PlayChange, type PlayCommand, PlayEntry, type PlayKind, type PlayRecord } from './play-record.ts';

export type PlayStarted =
  | { readonly ok: true; readonly play: PlayRecord }
  | { readonly ok: false; readonly reason: 'member_queue_full' | 'node_queue_full' };

export interface PlaysDeps {
  readonly engine: Pick<MediaEngine, 'play'>;
  /** Finished plays kept readable; the oldest go first. */
  readonly kept: number;
  readonly now: () => Date;
  /** Takes what happens to plays: each play's in order, each target's start and end once. */
  readonly onNews: (news: PlayNews) => void;
}

/** Finished plays are forgotten after this time. */
const KEPT_MS = 3600 * 1000;

/** Every play of this node: starts them, stops them by the form they were asked for, and remembers how they ended. */
export class Plays {
  readonly #deps: PlaysDeps;
  readonly #running = new Map<string, PlayEntry>();
  readonly #finished = new Map<string, PlayEntry>();
  readonly #news: NewsDesk;
  #started = 0;

  constructor(deps: PlaysDeps) {
    this.#deps = deps;
    this.#news = new NewsDesk(deps);
  }

  start(command: PlayCommand): PlayStarted {
    const legs = command.members.flatMap((member) => (member.leg ? [member.leg.id] : []));
    let entry: PlayEntry | undefined;
    const early: PlayEvent[] = [];
    const accepted = this.#deps.engine.play(
      {
        id: command.id,
        conference: command.mpc.uuid,
        legs,
        urls: command.urls,
        requestedAt: command.requestedAt,
        options: command.options,
        normalizeLufs: command.normalizeLufs,
      },
      (event) => {
        if (entry) this.#onEvent(entry, event);
        else early.push(event);
      },
    );
    if (!accepted.ok) return accepted;
    this.#started += 1;
    entry = new PlayEntry(this.#started, command, accepted.play, this.#deps.now());
    this.#running.set(entry.id, entry);
    for (const event of early) this.#onEvent(entry, event);
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

  /** Pauses, resumes, moves or changes the loudness of a play. False: it is over, or there is none of that id. */
  change(id: string, change: PlayChange): boolean {
    const entry = this.#running.get(id);
    entry?.change(change);
    return entry !== undefined;
  }

  /** The plays of an MPC that are not over, in order of arrival. */
  running(mpc: Mpc): readonly PlayRecord[] {
    return this.#runningIn(mpc);
  }

  /** A member who joined an MPC is known by now: what was held back for her sake can be told. */
  memberJoined(mpc: Mpc): void {
    for (const entry of this.#runningIn(mpc)) this.#news.retry(entry);
  }

  /** Stops one play for everybody. */
  stop(id: string): void {
    this.#running.get(id)?.stop();
  }

  /** Stops what was asked for with `all`. */
  stopAll(mpc: Mpc, kind: PlayKind): void {
    for (const entry of this.#runningIn(mpc)) if (entry.form.by === 'all' && entry.kind === kind) entry.stop();
  }

  /** Stops, for each member, what was asked for naming her. */
  stopMembers(mpc: Mpc, members: readonly Member[], kind: PlayKind): void {
    for (const entry of this.#runningIn(mpc)) {
      if (entry.form.by !== 'ids' || entry.kind !== kind) continue;
      const { ids } = entry.form;
      const legs = members.flatMap((member) => (ids.includes(member.id) && member.leg ? [member.leg.id] : []));
      if (legs.length > 0) entry.stop(legs);
    }
  }

  /** Stops what was asked for on a call, whichever legs it went to. False: nothing of it runs. */
  stopCall(callUuid: string, kind: PlayKind): boolean {
    const entries = [...this.#running.values()].filter(
      (entry) => entry.kind === kind && entry.form.by === 'call' && entry.form.callUuid === callUuid,
    );
    for (const entry of entries) entry.stop();
    return entries.length > 0;
  }

  /** A copy: stopping may finish a play at once and change the map. */
  #runningIn(mpc: Mpc): readonly PlayEntry[] {
    return [...this.#running.values()].filter((entry) => entry.mpc === mpc);
  }

  #onEvent(entry: PlayEntry, event: PlayEvent): void {
    if (event.type === 'finished') this.#finish(entry);
    this.#news.add(entry, event);
  }

  #finish(entry: PlayEntry): void {
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
