import type { CallbackTarget } from '../callbacks/target.ts';
import type { Role } from './identity.ts';

/** What everybody hears when somebody comes or goes. */
export type EntrySound =
  | { readonly kind: 'none' }
  | { readonly kind: 'beep'; readonly beep: 1 | 2 }
  /** Audio, or Plivo's XML of Play, Speak and Wait. */
  | { readonly kind: 'source'; readonly source: CallbackTarget };

/** Groups of events that a status callback may ask for. */
export const STATUS_EVENT_GROUPS = [
  'mpc-state-changes',
  'participant-state-changes',
  'participant-speak-events',
  'participant-digit-input-events',
  'add-participant-api-events',
  /** Ours: Plivo tells nothing of plays. */
  'mpc-play-events',
] as const;

export type StatusEventGroup = (typeof STATUS_EVENT_GROUPS)[number];

/** Who is told what happens in an MPC. */
export interface StatusTerms {
  readonly target: CallbackTarget;
  readonly events: readonly StatusEventGroup[];
}

export interface RecordTerms {
  /** The MPC is recorded from the moment it has `minMembers`. */
  readonly on: boolean;
  readonly fileFormat: 'mp3' | 'wav';
  readonly minMembers: number;
  readonly callback: CallbackTarget | undefined;
  /** What members hear when the recording begins and ends. */
  readonly startAudio: CallbackTarget | undefined;
  readonly stopAudio: CallbackTarget | undefined;
}

/** What a member asks of the whole MPC. */
export interface MpcTerms {
  /** From the first member on; undefined = without limit. */
  readonly maxDurationMs: number | undefined;
  /** Undefined = as many as the server takes in one MPC. */
  readonly maxParticipants: number | undefined;
  /** False: the MPC ends when, after it has had several, one member is left. */
  readonly stayAlone: boolean;
  /** Heard before the MPC starts, and by whoever is alone. */
  readonly waitMusic: CallbackTarget | undefined;
  readonly agentHoldMusic: CallbackTarget | undefined;
  readonly customerHoldMusic: CallbackTarget | undefined;
  readonly record: RecordTerms;
  readonly status: StatusTerms | undefined;
}

/** Everything that is said about a member as it joins, for itself and for its MPC. */
export interface JoinTerms {
  readonly role: Role;
  readonly muted: boolean;
  readonly held: boolean;
  /** Heard by agents only. True of supervisors only, whatever was asked for. */
  readonly coach: boolean;
  /** Its coming starts an MPC that has not started. */
  readonly startMpcOnEnter: boolean;
  /** Its going ends the MPC. */
  readonly endMpcOnExit: boolean;
  readonly enterSound: EntrySound;
  readonly exitSound: EntrySound;
  /** Digits it presses reach the other telephones. */
  readonly relayDigits: boolean;
  /** Asked for XML that says what becomes of the call once it is out of the MPC. */
  readonly onExitAction: CallbackTarget | undefined;
  /** Recorded by itself as well, under the MPC's record terms. */
  readonly recordTrack: 'all' | 'participant' | 'both' | undefined;
  /** Undefined when it asks nothing of the MPC. */
  readonly mpc: MpcTerms | undefined;
}

const SILENT: EntrySound = { kind: 'none' };

/**
 * The terms of somebody who just dials in, by SIP or WebSocket, and says nothing but a role. They are no app's choice, so
 * nothing beeps, nobody is hung up on for being alone, and nothing ends by itself.
 */
export function plainTerms(role: Role): JoinTerms {
  return {
    role,
    muted: false,
    held: false,
    coach: false,
    startMpcOnEnter: true,
    endMpcOnExit: false,
    enterSound: SILENT,
    exitSound: SILENT,
    relayDigits: false,
    onExitAction: undefined,
    recordTrack: undefined,
    mpc: undefined,
  };
}
