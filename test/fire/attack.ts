import type { Random } from '../fuzz/target.ts';
import type { ClipServer } from '../support/clip-server.ts';
import type { TestServer } from '../support/server.ts';

/** One way of behaving badly towards a server that runs, beside calls that have nothing to do with it. */
export interface Attack {
  readonly name: string;
  readonly about: string;
  /** What of the server's own metrics tells what became of what was sent. */
  readonly counts: Fates;
  /** It makes calls of its own whose frames are concealed: bystanders are then judged by what they hear alone. */
  readonly conceals?: true;
  /** Goes on until `front.endsAt`, and through all of its cases at least once if that takes longer. */
  run(front: Front): Promise<Sighting>;
}

/** Series of `/metrics` by what they mean, each with or without labels. */
export interface Fates {
  readonly answered?: readonly string[];
  readonly refused?: readonly string[];
  readonly dropped?: readonly string[];
}

export interface Sighting {
  readonly sent: number;
  /** What must not be, in words. */
  readonly wrong: readonly string[];
  /** For the table. */
  readonly note?: string;
}

/** A live call that is none of the attacker's. */
export interface Bystander {
  readonly room: string;
  readonly memberId: string;
  /** Where the server takes its RTP; RTCP is at the odd port above. */
  readonly port: number;
}

export interface Front {
  readonly server: TestServer;
  readonly bystanders: readonly Bystander[];
  readonly rooms: readonly string[];
  /** A source of clips on loopback that the server may fetch from. */
  readonly source: ClipServer;
  readonly random: Random;
  /** `performance.now()` in ms. */
  readonly endsAt: number;
  /** A new number each time, over all attacks on one server. */
  serial(): number;
}

/** Loopback addresses that strangers come from, as they would from other hosts. Callers are at 127.0.0.1. */
export const STRANGER = '127.0.0.9';
/** Need no password: telephone systems of ours that went mad. Each has a rate of its own. */
export const TRUSTED_NETWORK = '127.0.6.0/24';
export const TRUSTED = {
  tortureUdp: '127.0.6.1',
  tortureTcp: '127.0.6.2',
  stream: '127.0.6.3',
  deaf: '127.0.6.4',
  sdp: '127.0.6.5',
  caller: '127.0.6.6',
  flood: '127.0.6.7',
} as const;

export function isOver({ endsAt }: Front): boolean {
  return performance.now() >= endsAt;
}
