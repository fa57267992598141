import type { ConferenceOptions } from '../../media/engine.ts';
import { fitsPattern } from './name-pattern.ts';

/** How one MPC sounds. */
export type MpcSound = Omit<ConferenceOptions, 'id'>;

export interface SoundRules {
  /** Where no pattern fits. */
  readonly sampleRate: MpcSound['sampleRate'];
  /** The first pattern that fits the MPC's friendly name decides. */
  readonly sampleRates: readonly { readonly pattern: string; readonly sampleRate: MpcSound['sampleRate'] }[];
  readonly floor: MpcSound['floor'];
}

/** The sound of an MPC by its friendly name, under the rules of the settings. */
export function soundUnder({ sampleRate, sampleRates, floor }: SoundRules): (mpcName: string) => MpcSound {
  return (mpcName) => {
    const rule = sampleRates.find(({ pattern }) => fitsPattern(mpcName, pattern));
    return { sampleRate: rule?.sampleRate ?? sampleRate, floor };
  };
}
