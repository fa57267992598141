import { ApiError } from '../errors.ts';
import type { Directory, Member, Mpc, Plays } from '../mpc/index.ts';
import type { Idempotency } from './idempotency.ts';
import { type CallLegs, parseCallLegs } from './play-body.ts';
import type { PlayKindRules } from './play-kinds.ts';
import { startPlay } from './play-start.ts';
import { playPath } from './present.ts';
import { type ApiRequest, param, type Resource } from './resource.ts';

export interface CallPlayDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly plays: Plays;
  readonly idempotency: Idempotency;
  readonly kinds: readonly PlayKindRules[];
}

/** Plays and speech to a member found by her call: start and stop. */
export function callPlayResources(deps: CallPlayDeps): readonly Resource[] {
  const { authId, directory, plays } = deps;
  return deps.kinds.map(({ kind, segment, word, parse }) => ({
    path: `/Call/:call/${segment}/`,
    methods: {
      POST: deps.idempotency.once((request) => {
        const { mpc, member } = callOf(request, directory);
        const members = membersOf(parseCallLegs(request.body), mpc, member);
        const play = startPlay(plays, {
          id: request.apiId,
          mpc,
          members,
          form: { by: 'call', callUuid: member.callUuid },
          ...parse(request.body),
          requestedAt: request.receivedAt,
        });
        return { status: 202, body: { message: `${word} started` }, headers: { Location: playPath(authId, play) } };
      }),
      // What a call plays to the others may outlast it.
      DELETE: (request) => {
        if (!plays.stopCall(callUuidOf(request), kind)) callOf(request, directory);
        return { status: 204 };
      },
    },
  }));
}

function callOf(request: ApiRequest, directory: Directory): { readonly mpc: Mpc; readonly member: Member } {
  const call = directory.findCall(callUuidOf(request));
  if (!call) throw new ApiError('not_found');
  return call;
}

function callUuidOf(request: ApiRequest): string {
  return param(request, 'call').toLowerCase();
}

/** The A leg is the call itself; behind the B leg is everybody else in the MPC. */
function membersOf(legs: CallLegs, mpc: Mpc, member: Member): readonly Member[] {
  if (legs === 'aleg') return [member];
  if (legs === 'both') return mpc.presentMembers;
  const others = mpc.presentMembers.filter((other) => other !== member);
  if (others.length === 0) throw new ApiError('not_found', { detail: 'nobody else is in the MPC' });
  return others;
}
