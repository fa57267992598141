import { ApiError, badField } from '../errors.ts';
import type { Directory, Member } from '../mpc/index.ts';
import { flagField } from './fields.ts';
import { presentMembers, selectionOf } from './members.ts';
import { page } from './paging.ts';
import { mpcPath, presentMember } from './present.ts';
import { type Answer, type ApiRequest, knownMpc, liveMpc, type Resource } from './resource.ts';

export interface ParticipantsDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly maxMemberIds: number;
}

/** Plivo knows no pages here, so by default everybody comes at once. */
const PARTICIPANT_PAGE = 200;

/** Members as Plivo's participants: list, one, update, kick. */
export function participantResources(deps: ParticipantsDeps): readonly Resource[] {
  const { authId, directory } = deps;
  return [
    {
      path: '/MultiPartyCall/:mpc/Participant/',
      methods: {
        GET: (request) => {
          const mpc = knownMpc(request, directory);
          const callUuid = request.query.get('call_uuid')?.toLowerCase();
          const members = mpc.members.filter((member) => !callUuid || member.callUuid === callUuid);
          const path = `${mpcPath(authId, mpc)}Participant/`;
          const present = (member: Member) => presentMember(authId, mpc, member);
          return { status: 200, body: page(request, path, members, present, PARTICIPANT_PAGE) };
        },
      },
    },
    {
      path: '/MultiPartyCall/:mpc/Participant/:members/',
      methods: {
        GET: (request) => {
          const selection = selectionOf(request, deps.maxMemberIds);
          const [id, ...more] = selection.all ? [] : selection.ids;
          if (id === undefined || more.length > 0) throw new ApiError('bad_members', { detail: 'name one id here' });
          const mpc = knownMpc(request, directory);
          const member = mpc.member(id);
          if (!member) throw new ApiError('not_found');
          return { status: 200, body: presentMember(authId, mpc, member) };
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

function update(request: ApiRequest, deps: ParticipantsDeps): Answer {
  const selection = selectionOf(request, deps.maxMemberIds);
  const mute = flagField(request.body, 'mute');
  const hold = flagField(request.body, 'hold');
  const coach = flagField(request.body, 'coach_mode');
  // Nothing sounds here when a member's state changes, so there is nothing to disable; the flag is read all the same.
  flagField(request.body, 'disable_state_change_sound');
  if (mute === undefined && hold === undefined && coach === undefined)
    throw badField('mute, hold or coach_mode', 'must be given');
  if (coach !== undefined && selection.all) throw badField('coach_mode', 'cannot be set for all');
  const mpc = liveMpc(request, deps.directory);
  const members = presentMembers(mpc, selection);
  if (coach !== undefined && members.some((member) => member.role !== 'supervisor'))
    throw badField('coach_mode', 'is for supervisors');
  for (const member of members) deps.directory.change(mpc, member, { muted: mute, held: hold, coach });
  return {
    status: 202,
    body: {
      ...(coach === undefined ? {} : { coach_mode: `MPC: ${mpc.name} coach_mode enable/disable succeeded` }),
      ...(hold === undefined ? {} : { hold: `MPC: ${mpc.name} hold/unhold member(s) succeeded` }),
      ...(mute === undefined ? {} : { mute: `MPC: ${mpc.name} mute/unmute member(s) succeeded` }),
    },
  };
}
