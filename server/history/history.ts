import { z } from 'zod';
import type { Clock } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';
import type { Calls } from '../calls/index.ts';
import type { Directory, DirectoryEvent } from '../mpc/index.ts';
import { type RowWrite, type Store, type Table, Timeline } from '../store/index.ts';
import { EndedCalls } from './ended-calls.ts';
import {
  type MemberFacts,
  type MemberRow,
  type MpcFacts,
  type MpcRow,
  memberOfRow,
  memberRow,
  mpcOfRow,
  mpcRow,
  rowOfMember,
  rowOfMpc,
} from './rows.ts';

export interface HistoryLimits {
  /** How long an ended MPC stays readable. */
  readonly keptMs: number;
  /** Ended MPCs that stay readable; the oldest go first. */
  readonly maxMpcs: number;
  /** The same of calls. */
  readonly maxCalls: number;
}

export interface HistoryDeps {
  readonly store: Store;
  readonly limits: HistoryLimits;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly log: ErrorLog;
}

/** An MPC that lived when the process before this one ended without a word, and who was still in it. */
export interface CutOff {
  readonly mpc: MpcFacts;
  readonly left: readonly MemberFacts[];
}

/** How exactly the end of what a sudden end of the process cut off is known. */
const HEARTBEAT_MS = 10_000;
const SWEEP_MS = 3_600_000;
const ALIVE = 'at';
/** Deletions in one write. */
const BATCH_ROWS = 500;

/**
 * The MPCs of earlier, who was in them, and the calls of earlier, on disk alone. It is written as things happen, so what lived
 * when the process was killed is known at the next start, and shown as ended then.
 */
export class History {
  readonly calls: EndedCalls;
  readonly #deps: HistoryDeps;
  /** By time of creation. */
  readonly #mpcs: Timeline<MpcRow>;
  /** UUIDs of those that live. */
  readonly #live: Table<string>;
  readonly #members: Table<MemberRow>;
  readonly #alive: Table<number>;
  #count = 0;
  #sweeping = false;
  #stop: (() => void)[] = [];

  constructor(deps: HistoryDeps) {
    this.#deps = deps;
    const { store, limits } = deps;
    this.calls = new EndedCalls({ store, max: limits.maxCalls, onSurplus: () => this.#sweepSoon() });
    this.#mpcs = new Timeline(store, 'mpc', mpcRow, ({ createdAt, uuid }) => ({ time: createdAt, id: uuid }));
    this.#live = store.table('live-mpcs', z.string());
    this.#members = store.table('mpc-members', memberRow);
    this.#alive = store.table('alive', z.number());
  }

  /** Ends what an earlier process left behind, and forgets what is too old. To be called before `follow`. */
  async recover(): Promise<readonly CutOff[]> {
    const cutOff = await this.#bury();
    this.#count = await this.#mpcs.count();
    await this.calls.recover();
    await this.#sweep();
    return cutOff;
  }

  /** Writes down what happens until `close`. */
  follow(directory: Directory, calls: Pick<Calls, 'subscribe'>): void {
    this.#stop.push(directory.subscribe((event) => this.#take(event)));
    this.#stop.push(this.calls.follow(calls));
    this.#every(HEARTBEAT_MS, () => {
      if (directory.live.length > 0) void this.#alive.put(ALIVE, this.#deps.now().getTime());
    });
    this.#every(SWEEP_MS, () => this.#sweepSoon());
  }

  close(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  /** An MPC that has ended. */
  async find(uuid: string): Promise<MpcFacts | undefined> {
    const row = await this.#mpcs.get(uuid);
    return row?.endedAt === undefined ? undefined : mpcOfRow(row);
  }

  /** All that have ended, the last to be created first. */
  async *newestFirst(): AsyncGenerator<MpcFacts> {
    for await (const row of this.#mpcs.newestFirst()) if (row.endedAt !== undefined) yield mpcOfRow(row);
  }

  /** Who was in an MPC, in order of joining. */
  async *membersOf(mpcUuid: string): AsyncGenerator<MemberFacts> {
    for await (const { value } of this.#members.iterate({ prefix: memberKey(mpcUuid) })) yield memberOfRow(value);
  }

  async member(mpcUuid: string, id: string): Promise<MemberFacts | undefined> {
    const row = await this.#members.get(memberKey(mpcUuid, id));
    return row && memberOfRow(row);
  }

  #take(event: DirectoryEvent): void {
    switch (event.type) {
      case 'mpc-initialized':
      case 'mpc-started':
        this.#write(this.#opening(rowOfMpc(event.mpc)));
        break;
      case 'member-joined':
        // She may have brought terms for all.
        if (event.member.terms.mpc) this.#write(this.#opening(rowOfMpc(event.mpc)));
        this.#write([this.#members.putting(memberKey(event.mpc.uuid, event.member.id), rowOfMember(event.member))]);
        break;
      case 'member-left':
        this.#write([this.#members.putting(memberKey(event.mpc.uuid, event.member.id), rowOfMember(event.member))]);
        break;
      case 'mpc-ended':
        this.#write(this.#ending(rowOfMpc(event.mpc)));
        this.#count += 1;
        if (this.#count > this.#deps.limits.maxMpcs) this.#sweepSoon();
        break;
      default:
    }
  }

  #opening(row: MpcRow): RowWrite[] {
    return [...this.#mpcs.putting(row), this.#live.putting(row.uuid, row.uuid)];
  }

  #ending(row: MpcRow): RowWrite[] {
    return [...this.#mpcs.putting(row), this.#live.deleting(row.uuid)];
  }

  /**
   * What lived when the last process ended without a word. Its calls are gone, so nobody is in its MPCs; they ended when
   * that process was last known to live.
   */
  async #bury(): Promise<readonly CutOff[]> {
    const cutOff: CutOff[] = [];
    const lastSeen = (await this.#alive.get(ALIVE)) ?? 0;
    for await (const { key: uuid } of this.#live.iterate()) {
      const row = await this.#mpcs.get(uuid);
      if (!row) {
        this.#write([this.#live.deleting(uuid)]);
        continue;
      }
      const members: MemberRow[] = [];
      for await (const { value } of this.#members.iterate({ prefix: memberKey(uuid) })) members.push(value);
      const times = members.flatMap(({ joinedAt, exitedAt }) => [joinedAt, exitedAt ?? 0]);
      const endedAt = times.reduce((latest, time) => Math.max(latest, time), Math.max(lastSeen, row.createdAt));
      const left = members
        .filter(({ exitedAt }) => exitedAt === undefined)
        .map((member) => ({ ...member, exitedAt: endedAt, exitCause: 'shutdown' as const }));
      const mpc = mpcOfRow({ ...row, endedAt, endCause: 'no_active_participants' });
      this.#write([
        ...this.#ending(rowOfMpc(mpc)),
        ...left.map((member) => this.#members.putting(memberKey(uuid, member.id), member)),
      ]);
      cutOff.push({ mpc, left: left.map(memberOfRow) });
    }
    return cutOff;
  }

  #sweepSoon(): void {
    inBackground(this.#sweep(), 'the sweeping of what was', this.#deps.log);
  }

  /** Forgets what is too old, and the oldest of what is too much. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      await this.#sweepRows();
    } finally {
      this.#sweeping = false;
    }
  }

  async #sweepRows(): Promise<void> {
    const oldest = this.#deps.now().getTime() - this.#deps.limits.keptMs;
    const isSurplus = (): boolean => this.#count > this.#deps.limits.maxMpcs;
    for await (const row of this.#mpcs.overdue(oldest, ({ endedAt }) => endedAt, isSurplus)) {
      await this.#forget(row);
      this.#count -= 1;
    }
    await this.calls.sweep(oldest);
  }

  async #forget(mpc: MpcRow): Promise<void> {
    let rows = this.#mpcs.removing(mpc);
    for await (const { value } of this.#members.iterate({ prefix: memberKey(mpc.uuid) })) {
      rows.push(this.#members.deleting(memberKey(mpc.uuid, value.id)));
      if (rows.length < BATCH_ROWS) continue;
      await this.#deps.store.write(rows);
      rows = [];
    }
    await this.#deps.store.write(rows);
  }

  /** Nobody waits for it: the store says itself what goes wrong. */
  #write(rows: readonly RowWrite[]): void {
    void this.#deps.store.write(rows);
  }

  #every(ms: number, run: () => void): void {
    let cancel = (): void => {};
    const again = (): void => {
      cancel = this.#deps.clock.setTimeout(() => {
        run();
        again();
      }, ms);
    };
    again();
    this.#stop.push(() => cancel());
  }
}

/** In order of joining; without an id what all members of an MPC have in front. */
function memberKey(mpcUuid: string, id?: string): string {
  return `${mpcUuid}/${id === undefined ? '' : id.padStart(10, '0')}`;
}
