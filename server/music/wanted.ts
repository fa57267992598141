import type { CallbackTarget } from '../callbacks/index.ts';
import type { Member, Mpc } from '../mpc/index.ts';

/**
 * The music that a member is to hear now: hold music on hold, wait music until the MPC starts and while nobody is there
 * whom she could hear.
 */
export function musicFor(mpc: Mpc, member: Member): CallbackTarget | undefined {
  const { terms } = mpc;
  if (!terms || !member.present || mpc.status === 'ended') return undefined;
  if (member.held) {
    if (member.role === 'supervisor') return undefined;
    return member.role === 'agent' ? terms.agentHoldMusic : terms.customerHoldMusic;
  }
  const isWaiting = member.waiting || !mpc.presentMembers.some((other) => other !== member && hears(member, other));
  return isWaiting ? terms.waitMusic : undefined;
}

/** As far as roles go: who is muted or on hold will speak again. */
function hears(member: Member, other: Member): boolean {
  return !other.coach || member.role === 'agent';
}
