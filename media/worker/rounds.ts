import type { Conference } from '../conference/conference.ts';
import type { PacketSocket } from '../io/packet-io.ts';

/** Members of one round: their state stays in the processor's cache from the receiving of their packets to the sending. */
const ROUND_MEMBERS = 64;

/** Some members of one conference, by their places in it. */
export interface Step {
  readonly conference: Conference;
  readonly from: number;
  readonly to: number;
}

/** What is received together, and what is mixed from it before the next is received. */
export interface Round {
  readonly sockets: readonly PacketSocket[];
  readonly steps: readonly Step[];
}

/**
 * Cuts a tick's work into rounds: small conferences together, large ones in several rounds. Doing all of the receiving and
 * then all of the mixing would fetch everybody's state from memory twice.
 */
export function roundsOf(conferences: readonly Conference[]): Round[] {
  const rounds: Round[] = [];
  let sockets: PacketSocket[] = [];
  let steps: Step[] = [];
  let room = ROUND_MEMBERS;
  const close = (): void => {
    if (steps.length > 0) rounds.push({ sockets, steps });
    sockets = [];
    steps = [];
    room = ROUND_MEMBERS;
  };
  for (const conference of conferences) {
    const { members } = conference;
    if (members.length > room && room < ROUND_MEMBERS) close();
    let from = 0;
    do {
      const to = Math.min(members.length, from + room);
      for (const { leg } of members.slice(from, to)) if (leg.socket) sockets.push(leg.socket);
      steps.push({ conference, from, to });
      room -= Math.max(1, to - from);
      from = to;
      if (room <= 0) close();
    } while (from < members.length);
  }
  close();
  return rounds;
}
