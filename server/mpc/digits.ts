import type { Directory } from './directory.ts';
import type { Member } from './member.ts';
import type { Mpc } from './mpc.ts';

/**
 * Passes digits on to the telephones of the other members, as telephone-events. Digits of a program (by WebSocket) always: it
 * sends them for somebody to hear. Digits that a telephone pressed only when its member's terms say so, or with
 * `amongPhones` for all: they are for programs to know. Whoever is outside neither sends nor gets any, and a coach's digits
 * go where her voice goes: to agents.
 */
export function relayDigits(directory: Directory, options: { readonly amongPhones: boolean }): DigitRelay {
  directory.subscribe((event) => {
    if (event.type !== 'leg' || event.event.type !== 'dtmf') return;
    const { mpc, member } = event;
    if (options.amongPhones || member.terms.relayDigits) sendDigits(mpc, member, event.event.digit);
  });
  return sendDigits;
}

/** Sends digits of one member to the others. */
export type DigitRelay = (mpc: Mpc, from: Member, digits: string) => void;

function sendDigits(mpc: Mpc, from: Member, digits: string): void {
  if (from.outside) return;
  for (const member of mpc.presentMembers)
    if (member !== from && !member.outside && (!from.coach || member.role === 'agent')) member.leg?.sendDigits(digits);
}
