import type { FloorRules } from '../engine.ts';
import type { Member } from './member.ts';

/** Everybody is heard. */
export const OPEN_FLOOR: FloorRules = { maxTalkers: 0, noiseGate: false };

/** Decides in each tick whose voice is let into the mix. Allocates nothing. */
export class Floor {
  readonly #rules: FloorRules;

  constructor(rules: FloorRules) {
    this.#rules = rules;
  }

  /** True when nobody is ever kept out. */
  get open(): boolean {
    return this.#rules.maxTalkers === 0 && !this.#rules.noiseGate;
  }

  /** Called when every member has listened to her leg. */
  decide(members: readonly Member[]): void {
    const { maxTalkers, noiseGate } = this.#rules;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      const speaks = !noiseGate || member.detector.talking;
      member.admit(speaks && (maxTalkers === 0 || this.#rank(members, member, i) < maxTalkers));
    }
  }

  /** How many talk more strongly; of equals, those who came first. */
  #rank(members: readonly Member[], member: Member, index: number): number {
    const { strength } = member.detector;
    let rank = 0;
    for (let i = 0; i < members.length; i++) {
      const other = members[i]!.detector.strength;
      if (other > strength || (other === strength && i < index)) rank += 1;
    }
    return rank;
  }
}
