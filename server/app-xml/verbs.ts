import type { CallbackTarget } from '../callbacks/target.ts';
import type { JoinTerms } from '../mpc/index.ts';

/** What an app's XML can ask for, in the order of its elements. */
export type Verb =
  /** `loop`: times it is played, 0 until the call ends. */
  | { readonly verb: 'Play'; readonly url: string; readonly loop: number }
  | {
      readonly verb: 'Speak';
      readonly text: string;
      readonly voice: string | undefined;
      readonly language: string | undefined;
      readonly loop: number;
    }
  | { readonly verb: 'Wait'; readonly ms: number }
  | {
      readonly verb: 'Hangup';
      /** Why a call that is still ringing is not taken. */
      readonly reason: 'rejected' | 'busy' | undefined;
      /** Undefined: at once. Otherwise what follows goes on meanwhile. */
      readonly afterMs: number | undefined;
    }
  | { readonly verb: 'Redirect'; readonly target: CallbackTarget }
  | { readonly verb: 'DTMF'; readonly digits: string }
  | { readonly verb: 'MultiPartyCall'; readonly name: string; readonly terms: JoinTerms };

export type ResponseRead =
  | {
      readonly ok: true;
      readonly verbs: readonly Verb[];
      /** Names of elements that were left out because nothing is known of them. */
      readonly unknown: readonly string[];
    }
  /** A sentence without its end, for the log. */
  | { readonly ok: false; readonly problem: string };
