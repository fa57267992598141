import type { CallbackFields } from '../callbacks/signature.ts';
import type { Call, CallEndCause } from '../calls/index.ts';

/** What is told of a call of ours to whoever asked for it. */
export type CallNews = 'ringing' | 'answered' | 'ended';

const EVENTS: Readonly<Record<CallNews, string>> = { ringing: 'Ring', answered: 'StartApp', ended: 'Hangup' };

type Outcome = readonly [status: string, cause: string];

const COMPLETED: Outcome = ['completed', 'Normal Hangup'];
/** Plivo's words for how a call ended. */
const OUTCOMES: Readonly<Record<CallEndCause, Outcome>> = {
  hangup: COMPLETED,
  kicked: COMPLETED,
  mpc_ended: COMPLETED,
  hangup_api: COMPLETED,
  hangup_xml: COMPLETED,
  end_of_xml: ['completed', 'End Of XML Instructions'],
  app_failed: ['completed', 'Error Reaching Answer URL'],
  shutdown: ['completed', 'System Shutdown'],
  no_rtp: ['completed', 'Media Timeout'],
  lost: ['completed', 'Lost Connection'],
  busy: ['busy', 'Busy Line'],
  rejected: ['busy', 'Rejected'],
  no_answer: ['no-answer', 'No Answer'],
  cancelled: ['cancel', 'Cancelled'],
  failed: ['failed', 'Unreachable Destination'],
};

/** The fields of a callback about one call. `lostRace`: another of several that rang was quicker. */
export function callStatusFields(
  news: CallNews,
  call: Call,
  requestUuid: string,
  at: Date,
  lostRace: boolean,
): CallbackFields {
  const fields = new Map([
    ['Event', EVENTS[news]],
    ['CallUUID', call.uuid],
    ['RequestUUID', requestUuid],
    ['Direction', 'outbound'],
    ['From', call.from],
    ['To', call.to],
    ['EventTimestamp', at.toISOString()],
  ]);
  if (news !== 'ended') {
    fields.set('CallStatus', news === 'ringing' ? 'ringing' : 'in-progress');
    return fields;
  }
  const [status, cause] = OUTCOMES[call.endCause ?? 'failed'];
  // A call that stood is over in the ordinary way, whatever ended it.
  fields.set('CallStatus', call.answeredAt ? 'completed' : status === 'completed' ? 'cancel' : status);
  fields.set('HangupCause', lostRace ? 'Lost Race' : cause);
  const seconds = call.answeredAt ? (at.getTime() - call.answeredAt.getTime()) / 1000 : 0;
  fields.set('Duration', String(Math.round(seconds)));
  return fields;
}
