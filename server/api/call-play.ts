import type { Call, Calls } from '../calls/index.ts';
import { ApiError } from '../errors.ts';
import { type Directory, Member, Mpc, type Plays, plainTerms } from '../mpc/index.ts';
import { bodySchema } from './fields.ts';
import type { Idempotency } from './idempotency.ts';
import { CALL_AUDIENCE, type CallLegs, parseCallLegs } from './play-audience.ts';
import type { PlayKindRules } from './play-kinds.ts';
import { startPlay } from './play-start.ts';
import { playPath } from './present.ts';
import { type ApiRequest, callUuidOf, type Resource } from './resource.ts';

export interface CallPlayDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly calls: Pick<Calls, 'find'>;
  readonly plays: Plays;
  readonly idempotency: Idempotency;
  readonly kinds: readonly PlayKindRules[];
}

/** Plays and speech to a call, in an MPC or in its own room: start and stop. */
export function callPlayResources(deps: CallPlayDeps): readonly Resource[] {
  const { authId, plays } = deps;
  return deps.kinds.map(({ kind, segment, word, schemas, needsOne, example, parse }) => ({
    path: `/Call/:call/${segment}/`,
    bodies: { POST: bodySchema({ title: `Call${segment}`, example, needsOne }, ...schemas, CALL_AUDIENCE) },
    methods: {
      POST: deps.idempotency.once((request) => {
        const { mpc, member, isRoom } = placeOf(request, deps);
        const members = membersOf(parseCallLegs(request.body), mpc, member);
        const play = startPlay(plays, {
          id: request.apiId,
          mpc,
          members,
          form: { by: 'call', callUuid: member.callUuid },
          ...parse(request.body),
          requestedAt: request.receivedAt,
        });
        // Plays are shown with their MPC, and a room is none.
        const headers = isRoom ? {} : { Location: playPath(authId, play) };
        return { status: 202, body: { message: `${word} started` }, headers };
      }),
      // What a call plays to the others may outlast it.
      DELETE: (request) => {
        if (!plays.stopCall(callUuidOf(request), kind)) placeOf(request, deps);
        return { status: 204 };
      },
    },
  }));
}

/** Where a call hears plays. */
interface Place {
  readonly mpc: Mpc;
  readonly member: Member;
  readonly isRoom: boolean;
}

function placeOf(request: ApiRequest, { directory, calls }: CallPlayDeps): Place {
  const uuid = callUuidOf(request);
  const found = directory.findCall(uuid);
  if (found) return { ...found, isRoom: false };
  const call = calls.find(uuid);
  if (call?.status === 'live' && call.place.in === 'room') return roomOf(call);
  throw new ApiError('not_found');
}

/** Plays know no places but MPCs: to them a room is one whose only member is the call. */
function roomOf(call: Call): Place {
  const mpc = new Mpc(call.room, '', call.createdAt);
  const member = new Member({
    id: mpc.nextMemberId(),
    callUuid: call.uuid,
    terms: plainTerms('customer'),
    kind: call.kind,
    address: call.from,
    joinedAt: call.createdAt,
    hangUp: () => {},
  });
  member.leg = call.leg;
  mpc.add(member);
  return { mpc, member, isRoom: true };
}

/** The A leg is the call itself; behind the B leg is everybody else in the MPC. */
function membersOf(legs: CallLegs, mpc: Mpc, member: Member): readonly Member[] {
  if (legs === 'aleg') return [member];
  if (legs === 'both') return mpc.presentMembers;
  const others = mpc.presentMembers.filter((other) => other !== member);
  if (others.length === 0) throw new ApiError('not_found', { detail: 'nobody else is in the MPC' });
  return others;
}
