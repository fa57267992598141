import { ApiError, badField } from '../errors.ts';
import type { History, MemberFacts } from '../history/index.ts';
import { type AddParticipantDeps, addParticipant } from './add-participant.ts';
import { flagField } from './fields.ts';
import type { Idempotency } from './idempotency.ts';
import { presentMembers, selectionOf } from './members.ts';
import { pageOf } from './paging.ts';
import { mpcPath, presentMember } from './present.ts';
import { type Answer, type ApiRequest, knownMpc, liveMpc, type Resource } from './resource.ts';

export interface ParticipantsDeps extends AddParticipantDeps {
  readonly authId: string;
  readonly history: Pick<History, 'find' | 'member' | 'membersOf'>;
  readonly idempotency: Idempotency;
  readonly maxMemberIds: number;
}

/** Plivo knows no pages here, so by default everybody comes at once. */
const PARTICIPANT_PAGE = 200;

/** Members as Plivo's participants: list, add, one, update, kick. */
export function participantResources(deps: ParticipantsDeps): readonly Resource[] {
  const { authId, directory, history } = deps;
  return [
    {
      path: '/MultiPartyCall/:mpc/Participant/',
      methods: {
        GET: async (request) => {
          const { facts, live } = await knownMpc(request, directory, history);
          const callUuid = request.query.get('call_uuid')?.toLowerCase();
          const members = filtered(live?.members ?? history.membersOf(facts.uuid), callUuid);
          const path = `${mpcPath(authId, facts)}Participant/`;
          const present = (member: MemberFacts) => presentMember(authId, facts, member);
          return { status: 200, body: await pageOf(request, path, members, present, PARTICIPANT_PAGE) };
        },
        POST: deps.idempotency.once(addParticipant(deps)),
      },
    },
    {
      path: '/MultiPartyCall/:mpc/Participant/:members/',
      methods: {
        GET: async (request) => {
          const selection = selectionOf(request, deps.maxMemberIds);
          const [id, ...more] = selection.all ? [] : selection.ids;
          if (id === undefined || more.length > 0) throw new ApiError('bad_members', { detail: 'name one id here' });
          const { facts, live } = await knownMpc(request, directory, history);
          const member = live ? live.member(id) : await history.member(facts.uuid, id);
          if (!member) throw new ApiError('not_found');
          return { status: 200, body: presentMember(authId, facts, member) };
        },
        POST: (request) => update(request, deps),
        DELETE: (request) => {
          const selection = selectionOf(request, deps.maxMemberIds);
          const mpc = liveMpc(request, directory);
          for (const member of presentMembers(mpc, selection)) directory.leave(mpc, member, 'kicked', true);
          return { status: 204 };
        },
      },
    },
  ];
}

/** Members of one call, or all of them. */
async function* filtered(
  members: Iterable<MemberFacts> | AsyncIterable<MemberFacts>,
  callUuid: string | undefined,
): AsyncGenerator<MemberFacts> {
  for await (const member of members) if (!callUuid || member.callUuid === callUuid) yield member;
}

function update(request: ApiRequest, deps: ParticipantsDeps): Answer {
  const selection = selectionOf(request, deps.maxMemberIds);
  const mute = flagField(request.body, 'mute');
  const hold = flagField(request.body, 'hold');
  const coach = flagField(request.body, 'coach_mode');
  const quiet = flagField(request.body, 'disable_state_change_sound') ?? false;
  if (mute === undefined && hold === undefined && coach === undefined)
    throw badField('mute, hold or coach_mode', 'must be given');
  if (coach !== undefined && selection.all) throw badField('coach_mode', 'cannot be set for all');
  const mpc = liveMpc(request, deps.directory);
  const members = presentMembers(mpc, selection);
  if (coach !== undefined && members.some((member) => member.role !== 'supervisor'))
    throw badField('coach_mode', 'is for supervisors');
  for (const member of members) deps.directory.change(mpc, member, { muted: mute, held: hold, coach }, quiet);
  return {
    status: 202,
    body: {
      ...(coach === undefined ? {} : { coach_mode: `MPC: ${mpc.name} coach_mode enable/disable succeeded` }),
      ...(hold === undefined ? {} : { hold: `MPC: ${mpc.name} hold/unhold member(s) succeeded` }),
      ...(mute === undefined ? {} : { mute: `MPC: ${mpc.name} mute/unmute member(s) succeeded` }),
    },
  };
}
