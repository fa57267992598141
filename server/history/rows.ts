import { z } from 'zod';
import { rowOfTarget, targetOfRow, targetRow } from '../callbacks/stored-target.ts';
import type { ExitCause, JoinTerms, Member, Mpc, MpcTerms } from '../mpc/index.ts';
import { STATUS_EVENT_GROUPS } from '../mpc/join-terms.ts';

/** What can be told of an MPC, whether it lives or not. */
export type MpcFacts = Pick<Mpc, 'uuid' | 'name' | 'createdAt' | 'startedAt' | 'endedAt' | 'endCause' | 'status'> & {
  readonly terms: Pick<MpcTerms, 'stayAlone' | 'maxDurationMs' | 'maxParticipants' | 'status'> | undefined;
  /** Of a living one. */
  readonly recording?: Mpc['recording'];
};

/** What can be told of a member who is or was in an MPC. */
export type MemberFacts = Pick<
  Member,
  | 'id'
  | 'callUuid'
  | 'role'
  | 'kind'
  | 'address'
  | 'joinedAt'
  | 'exitedAt'
  | 'exitCause'
  | 'present'
  | 'muted'
  | 'held'
  | 'coach'
  | 'talking'
  | 'stats'
> & { readonly terms: Pick<JoinTerms, 'startMpcOnEnter' | 'endMpcOnExit'> };

/** An MPC as it is kept. Times are ms since 1970. */
export const mpcRow = z.object({
  uuid: z.string(),
  name: z.string(),
  createdAt: z.number(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
  endCause: z.enum(['no_active_participants', 'stay_alone_not_permitted', 'max_duration', 'hangup_api']).optional(),
  /** What its members asked of it. */
  terms: z
    .object({
      stayAlone: z.boolean(),
      maxDurationMs: z.number().optional(),
      maxParticipants: z.number().optional(),
      /** While it lives: who is to be told if it is cut off. */
      status: z.object({ target: targetRow, events: z.array(z.enum(STATUS_EVENT_GROUPS)) }).optional(),
    })
    .optional(),
});

export type MpcRow = z.output<typeof mpcRow>;

const EXIT_CAUSES = [
  'hangup',
  'kicked',
  'mpc_ended',
  'transferred',
  'no_rtp',
  'lost',
  'shutdown',
] as const satisfies readonly ExitCause[];

/** A member as it is kept. */
export const memberRow = z.object({
  id: z.string(),
  callUuid: z.string(),
  role: z.enum(['agent', 'supervisor', 'customer']),
  kind: z.enum(['sip', 'ws', 'webrtc']),
  address: z.string(),
  joinedAt: z.number(),
  exitedAt: z.number().optional(),
  exitCause: z.enum(EXIT_CAUSES).optional(),
  startMpcOnEnter: z.boolean(),
  endMpcOnExit: z.boolean(),
});

export type MemberRow = z.output<typeof memberRow>;

export function rowOfMpc(mpc: MpcFacts): MpcRow {
  return {
    uuid: mpc.uuid,
    name: mpc.name,
    createdAt: mpc.createdAt.getTime(),
    startedAt: mpc.startedAt?.getTime(),
    endedAt: mpc.endedAt?.getTime(),
    endCause: mpc.endCause,
    terms: mpc.terms && {
      stayAlone: mpc.terms.stayAlone,
      maxDurationMs: mpc.terms.maxDurationMs,
      maxParticipants: mpc.terms.maxParticipants,
      status:
        mpc.endedAt || !mpc.terms.status
          ? undefined
          : { target: rowOfTarget(mpc.terms.status.target), events: [...mpc.terms.status.events] },
    },
  };
}

export function mpcOfRow(row: MpcRow): MpcFacts {
  return {
    uuid: row.uuid,
    name: row.name,
    createdAt: new Date(row.createdAt),
    startedAt: dateOf(row.startedAt),
    endedAt: dateOf(row.endedAt),
    endCause: row.endCause,
    terms: row.terms && {
      stayAlone: row.terms.stayAlone,
      maxDurationMs: row.terms.maxDurationMs,
      maxParticipants: row.terms.maxParticipants,
      status: row.terms.status && { ...row.terms.status, target: targetOfRow(row.terms.status.target) },
    },
    status: 'ended',
  };
}

export function rowOfMember(member: MemberFacts): MemberRow {
  return {
    id: member.id,
    callUuid: member.callUuid,
    role: member.role,
    kind: member.kind,
    address: member.address,
    joinedAt: member.joinedAt.getTime(),
    exitedAt: member.exitedAt?.getTime(),
    exitCause: member.exitCause,
    startMpcOnEnter: member.terms.startMpcOnEnter,
    endMpcOnExit: member.terms.endMpcOnExit,
  };
}

export function memberOfRow(row: MemberRow): MemberFacts {
  return {
    id: row.id,
    callUuid: row.callUuid,
    role: row.role,
    kind: row.kind,
    address: row.address,
    joinedAt: new Date(row.joinedAt),
    exitedAt: dateOf(row.exitedAt),
    exitCause: row.exitCause,
    present: false,
    muted: false,
    held: false,
    coach: false,
    talking: false,
    stats: undefined,
    terms: { startMpcOnEnter: row.startMpcOnEnter, endMpcOnExit: row.endMpcOnExit },
  };
}

function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
