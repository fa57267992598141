import { z } from 'zod';
import { field, flag } from '../body-values.ts';
import { ApiError, badField } from '../errors.ts';
import type { History, MemberFacts } from '../history/index.ts';
import { type AddParticipantDeps, addParticipant, addParticipantBody } from './add-participant.ts';
import { bodySchema, read, readQuery } from './fields.ts';
import type { Idempotency } from './idempotency.ts';
import { presentMembers, selectionOf } from './members.ts';
import { pageOf, pageSchema } from './paging.ts';
import { mpcPath, presentMember } from './present.ts';
import { type Answer, type ApiRequest, knownMpc, liveMpc, type Resource } from './resource.ts';

export interface ParticipantsDeps extends AddParticipantDeps {
  readonly authId: string;
  readonly history: Pick<History, 'find' | 'member' | 'membersOf'>;
  readonly idempotency: Idempotency;
  readonly maxMemberIds: number;
}

/** Plivo knows no pages here, so by default everybody comes at once. */
const PARTICIPANT_PAGE = pageSchema(200);

const UPDATE = z.object({
  mute: flag('Is not heard'),
  hold: flag('Neither hears nor is heard'),
  coach_mode: flag('Heard by agents only; for supervisors, and not with all'),
  disable_state_change_sound: flag('Leaves out the beep that everybody hears when coach_mode changes', false),
});
const UPDATE_BODY = bodySchema(
  { title: 'UpdateParticipant', example: { mute: true }, needsOne: [['mute'], ['hold'], ['coach_mode']] },
  UPDATE,
);
const FILTER = z.object({
  call_uuid: field("Only the call's member", z.string().toLowerCase().optional()),
  ...PARTICIPANT_PAGE.shape,
});

/** Members as Plivo's participants: list, add, one, update, kick. */
export function participantResources(deps: ParticipantsDeps): readonly Resource[] {
  const { authId, directory, history } = deps;
  return [
    {
      path: '/MultiPartyCall/:mpc/Participant/',
      query: FILTER,
      bodies: { POST: addParticipantBody(deps.rules) },
      methods: {
        GET: async (request) => {
          const { facts, live } = await knownMpc(request, directory, history);
          const { call_uuid: callUuid } = readQuery(FILTER, request.query);
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
      bodies: { POST: UPDATE_BODY },
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
  const { mute, hold, coach_mode: coach, disable_state_change_sound: quiet } = read(UPDATE, request.body);
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
