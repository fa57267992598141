import { type CallbackFields, type FieldValues, fieldsFrom } from '../callbacks/index.ts';
import type { Call, CallEndCause } from '../calls/index.ts';

/** What every request to an app says of the call, by Plivo's names. */
export function callFields(call: Call, extra: FieldValues = {}): CallbackFields {
  const headers: Record<string, string> = {};
  for (const [name, value] of call.headers) headers[capitalized(name)] = value;
  return fieldsFrom({
    CallUUID: call.uuid,
    From: call.from,
    To: call.to,
    Direction: call.direction,
    CallStatus: statusOf(call),
    ALegUUID: call.uuid,
    ...headers,
    ...extra,
  });
}

/** What a hang-up URL is told of a call that is over. */
export function hangupFields(call: Call): CallbackFields {
  const answered = call.answeredAt?.getTime();
  const ended = call.endedAt?.getTime() ?? 0;
  return callFields(call, {
    Event: 'Hangup',
    HangupCause: call.endCause,
    StartTime: timeOf(call.createdAt),
    AnswerTime: timeOf(call.answeredAt),
    EndTime: timeOf(call.endedAt),
    Duration: answered === undefined ? 0 : Math.round((ended - answered) / 1000),
  });
}

/** Plivo's word for how a call is. */
export function statusOf(call: Pick<Call, 'status' | 'answeredAt' | 'endCause'>): string {
  if (call.status === 'ringing') return 'ringing';
  if (call.status === 'live') return 'in-progress';
  if (call.answeredAt) return 'completed';
  return UNANSWERED[call.endCause ?? 'failed'] ?? 'failed';
}

const UNANSWERED: Readonly<Partial<Record<CallEndCause, string>>> = {
  busy: 'busy',
  rejected: 'rejected',
  no_answer: 'no-answer',
  cancelled: 'cancel',
  hangup: 'cancel',
  hangup_api: 'cancel',
};

/** SIP's names are the same in any case; `X-PH-Role` is how apps expect to read them. */
function capitalized(header: string): string {
  return header.replace(/^x-ph-/i, 'X-PH-').replace(/-[a-z]/g, (part) => part.toUpperCase());
}

function timeOf(date: Date | undefined): string | undefined {
  return date?.toISOString().slice(0, 19).replace('T', ' ');
}
