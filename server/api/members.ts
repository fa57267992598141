import { ApiError } from '../errors.ts';
import { type Member, type MemberSelection, type Mpc, parseMemberSelection } from '../mpc/index.ts';
import { type ApiRequest, param } from './resource.ts';

/** The `:members` of the path: one id, a comma list, or `all`. */
export function selectionOf(request: ApiRequest, maxIds: number): MemberSelection {
  const selection = parseMemberSelection(param(request, 'members'), maxIds);
  if (!selection)
    throw new ApiError('bad_members', { detail: `ids are decimal numbers from 1, at most ${maxIds} of them` });
  return selection;
}

/** The members present that a selection names; ids nobody has are left out, and nobody at all is an error. */
export function presentMembers(mpc: Mpc, selection: MemberSelection): readonly Member[] {
  const present = mpc.presentMembers;
  const chosen = selection.all ? present : present.filter((member) => selection.ids.includes(member.id));
  if (chosen.length === 0) throw new ApiError('not_found');
  return chosen;
}
