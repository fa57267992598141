import type { MpcTerms } from './join-terms.ts';
import type { ExitCause, Member } from './member.ts';

export type MpcStatus = 'initialized' | 'active' | 'ended';

/** Plivo's termination causes. */
export type MpcEndCause = 'no_active_participants' | 'stay_alone_not_permitted' | 'max_duration' | 'hangup_api';

/**
 * One MultiPartyCall: it exists from its first member to its last, and is readable afterwards. Until it starts, its members
 * wait: they hear music, not each other.
 */
export class Mpc {
  readonly uuid: string;
  readonly name: string;
  readonly createdAt: Date;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  endCause: MpcEndCause | undefined;
  /** What its members asked of it; undefined while none asked for anything. */
  terms: MpcTerms | undefined;
  /** Whether all of it is being recorded; recordings of single members do not count. */
  recording: 'recording' | 'paused' | 'not-recording' = 'not-recording';
  readonly #members = new Map<string, Member>();
  #lastMemberId = 0;
  #wasJoined = false;

  constructor(uuid: string, name: string, createdAt: Date) {
    this.uuid = uuid;
    this.name = name;
    this.createdAt = createdAt;
  }

  get status(): MpcStatus {
    if (this.endedAt) return 'ended';
    return this.startedAt ? 'active' : 'initialized';
  }

  /** Ids count from "1" and are never given twice in one MPC. */
  nextMemberId(): string {
    this.#lastMemberId += 1;
    return String(this.#lastMemberId);
  }

  add(member: Member): void {
    this.#members.set(member.id, member);
    this.#wasJoined = true;
    // Who starts it does not wait for that.
    member.setWaiting(this.status === 'initialized' && !member.terms.startMpcOnEnter);
  }

  /** Lets its members hear each other. */
  start(at: Date): void {
    this.startedAt ??= at;
    for (const member of this.#members.values()) if (member.present) member.setWaiting(false);
  }

  /** Somebody was in it, though it may never have started. */
  get wasJoined(): boolean {
    return this.#wasJoined;
  }

  member(id: string): Member | undefined {
    return this.#members.get(id);
  }

  /** Keeps at most `kept` of those who left; the first to join go first. */
  forgetExited(kept: number): void {
    let surplus = this.#members.size - kept;
    for (const member of this.#members.values()) if (member.present) surplus -= 1;
    for (const member of this.#members.values()) {
      if (surplus <= 0) return;
      if (member.present) continue;
      this.#members.delete(member.id);
      surplus -= 1;
    }
  }

  /** Everyone who is or was in it, in order of joining. */
  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get presentMembers(): readonly Member[] {
    return this.members.filter((member) => member.present);
  }

  end(cause: MpcEndCause, at: Date): void {
    this.endedAt ??= at;
    this.endCause ??= cause;
  }
}

export type { ExitCause };
