import { ApiError } from '../errors.ts';
import type { Directory, Member, Plays } from '../mpc/index.ts';
import { bodySchema } from './fields.ts';
import type { Idempotency } from './idempotency.ts';
import { presentMembers, selectionOf } from './members.ts';
import { type Audience, audienceSchema, parseAudience } from './play-audience.ts';
import type { PlayKindRules } from './play-kinds.ts';
import { startPlay } from './play-start.ts';
import { playPath } from './present.ts';
import { liveMpc, type Resource } from './resource.ts';

export interface MemberPlayDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly plays: Plays;
  readonly idempotency: Idempotency;
  readonly kinds: readonly PlayKindRules[];
  readonly maxMemberIds: number;
}

/** Plays and speech to members of an MPC: start and stop. */
export function memberPlayResources(deps: MemberPlayDeps): readonly Resource[] {
  const { authId, directory, plays } = deps;
  const narrowed = audienceSchema(deps.maxMemberIds);
  return deps.kinds.map(({ kind, segment, word, schemas, needsOne, example, parse }) => ({
    path: `/MultiPartyCall/:mpc/Member/:members/${segment}/`,
    bodies: { POST: bodySchema({ title: `Member${segment}`, example, needsOne }, ...schemas, narrowed) },
    methods: {
      POST: deps.idempotency.once((request) => {
        const selection = selectionOf(request, deps.maxMemberIds);
        const mpc = liveMpc(request, directory);
        const audience = parseAudience(request.body, selection.all, narrowed);
        const members = audienceOf(presentMembers(mpc, selection), audience);
        const ids = members.map((member) => member.id);
        const play = startPlay(plays, {
          id: request.apiId,
          mpc,
          members,
          form: selection.all ? { by: 'all', ...audience } : { by: 'ids', ids },
          ...parse(request.body),
          requestedAt: request.receivedAt,
        });
        return {
          status: 202,
          body: { message: `${word} queued into MPC`, mpcMemberId: ids, mpcName: mpc.name },
          headers: { Location: playPath(authId, play) },
        };
      }),
      // Stopping what has already stopped, or a member who has just left, is what the caller wanted.
      DELETE: (request) => {
        const selection = selectionOf(request, deps.maxMemberIds);
        const mpc = liveMpc(request, directory);
        if (selection.all) {
          plays.stopAll(mpc, kind);
          return { status: 204 };
        }
        const members = selection.ids.flatMap((id) => mpc.member(id) ?? []);
        if (members.length === 0) throw new ApiError('not_found');
        plays.stopMembers(mpc, members, kind);
        return { status: 204 };
      },
    },
  }));
}

function audienceOf(members: readonly Member[], { except, roles }: Audience): readonly Member[] {
  const chosen = members.filter(
    (member) => !except.includes(member.id) && (roles.length === 0 || roles.includes(member.role)),
  );
  if (chosen.length === 0) throw new ApiError('not_found', { detail: 'no member is left to play to' });
  return chosen;
}
