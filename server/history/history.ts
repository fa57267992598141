import { z } from 'zod';
import type { Clock } from '../../media/index.ts';
import type { Directory, DirectoryEvent } from '../mpc/index.ts';
import type { RowWrite, Store, Table } from '../store/index.ts';
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
}

export interface HistoryDeps {
  readonly store: Store;
  readonly limits: HistoryLimits;
  readonly clock: Clock;
  readonly now: () => Date;
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
 * The MPCs of earlier and who was in them, on disk alone. It is written as things happen, so what lived when the process
 * was killed is known at the next start, and shown as ended then.
 */
export class History {
  readonly #deps: HistoryDeps;
  /** By time of creation and UUID. */
  readonly #mpcs: Table<MpcRow>;
  /** From the UUID to the key above. */
  readonly #keys: Table<string>;
  /** The same, of those that live. */
  readonly #live: Table<string>;
  readonly #members: Table<MemberRow>;
  readonly #alive: Table<number>;
  #count = 0;
  #sweeping = false;
  #stop: (() => void)[] = [];

  constructor(deps: HistoryDeps) {
    this.#deps = deps;
    const { store } = deps;
    this.#mpcs = store.table('mpcs', mpcRow);
    this.#keys = store.table('mpc-keys', z.string());
    this.#live = store.table('live-mpcs', z.string());
    this.#members = store.table('mpc-members', memberRow);
    this.#alive = store.table('alive', z.number());
  }

  /** Ends what an earlier process left behind, and forgets what is too old. To be called before `follow`. */
  async recover(): Promise<readonly CutOff[]> {
    const cutOff = await this.#bury();
    for await (const _ of this.#keys.iterate()) this.#count += 1;
    await this.#sweep();
    return cutOff;
  }

  /** Writes down what happens in a directory until `close`. */
  follow(directory: Directory): void {
    this.#stop.push(directory.subscribe((event) => this.#take(event)));
    this.#every(HEARTBEAT_MS, () => {
      if (directory.live.length > 0) void this.#alive.put(ALIVE, this.#deps.now().getTime());
    });
    this.#every(SWEEP_MS, () => void this.#sweep());
  }

  close(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  /** An MPC that has ended. */
  async find(uuid: string): Promise<MpcFacts | undefined> {
    const key = await this.#keys.get(uuid);
    const row = key === undefined ? undefined : await this.#mpcs.get(key);
    return row?.endedAt === undefined ? undefined : mpcOfRow(row);
  }

  /** All that have ended, the last to be created first. */
  async *newestFirst(): AsyncGenerator<MpcFacts> {
    for await (const { value } of this.#mpcs.iterate({ reverse: true })) {
      if (value.endedAt !== undefined) yield mpcOfRow(value);
    }
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
        if (this.#count > this.#deps.limits.maxMpcs) void this.#sweep();
        break;
      default:
    }
  }

  #opening(row: MpcRow): RowWrite[] {
    const key = mpcKey(row);
    return [this.#mpcs.putting(key, row), this.#keys.putting(row.uuid, key), this.#live.putting(row.uuid, key)];
  }

  #ending(row: MpcRow): RowWrite[] {
    const key = mpcKey(row);
    return [this.#mpcs.putting(key, row), this.#keys.putting(row.uuid, key), this.#live.deleting(row.uuid)];
  }

  /**
   * What lived when the last process ended without a word. Its calls are gone, so nobody is in its MPCs; they ended when
   * that process was last known to live.
   */
  async #bury(): Promise<readonly CutOff[]> {
    const cutOff: CutOff[] = [];
    const lastSeen = (await this.#alive.get(ALIVE)) ?? 0;
    for await (const { key: uuid, value: key } of this.#live.iterate()) {
      const row = await this.#mpcs.get(key);
      if (!row) {
        this.#write([this.#live.deleting(uuid), this.#keys.deleting(uuid)]);
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

  /** Forgets what is too old, and the oldest of what is too much. */
  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const oldest = this.#deps.now().getTime() - this.#deps.limits.keptMs;
    for await (const { key, value } of this.#mpcs.iterate()) {
      const surplus = this.#count > this.#deps.limits.maxMpcs;
      // Nothing ends before it was created: all that follow are younger than what goes.
      if (!surplus && value.createdAt > oldest) break;
      if (value.endedAt === undefined || (!surplus && value.endedAt > oldest)) continue;
      await this.#forget(key, value.uuid);
      this.#count -= 1;
    }
    this.#sweeping = false;
  }

  async #forget(key: string, uuid: string): Promise<void> {
    let rows = [this.#mpcs.deleting(key), this.#keys.deleting(uuid)];
    for await (const { value } of this.#members.iterate({ prefix: memberKey(uuid) })) {
      rows.push(this.#members.deleting(memberKey(uuid, value.id)));
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

/** In order of creation: 15 digits are enough for some 30 000 years. */
function mpcKey({ createdAt, uuid }: MpcRow): string {
  return `${String(createdAt).padStart(15, '0')}-${uuid}`;
}

/** In order of joining; without an id what all members of an MPC have in front. */
function memberKey(mpcUuid: string, id?: string): string {
  return `${mpcUuid}/${id === undefined ? '' : id.padStart(10, '0')}`;
}
