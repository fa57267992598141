import { statusOf } from '../app-xml/index.ts';
import type { Call, CallEndCause } from '../calls/index.ts';
import type { EndedCall } from '../history/index.ts';
import { accountPath, presentTime } from './present.ts';

/** Nothing is billed. */
const FREE = '0.00000';

/** A call that rings or is live. */
export function presentCall(call: Call): Record<string, unknown> {
  return {
    call_status: statusOf(call),
    call_uuid: call.uuid,
    caller_name: call.from,
    direction: call.direction,
    from: call.from,
    request_uuid: call.uuid,
    session_start: (call.answeredAt ?? call.createdAt).toISOString().replace('T', ' ').replace('Z', '000'),
    to: call.to,
  };
}

/** A call that is over, under Plivo's names for that; what it does not have comes last. */
export function presentEndedCall(authId: string, call: EndedCall): Record<string, unknown> {
  const { code, name, source } = hangupOf(call);
  const answeredAt = dateOf(call.answeredAt);
  const endedAt = new Date(call.endedAt);
  return {
    answer_time: presentTime(answeredAt),
    bill_duration: talkSeconds(call),
    billed_duration: null,
    call_direction: call.direction,
    call_duration: talkSeconds(call),
    call_uuid: call.uuid,
    conference_uuid: call.mpcUuid ?? null,
    end_time: presentTime(endedAt),
    from_number: call.from,
    hangup_cause_code: code,
    hangup_cause_name: name,
    hangup_source: source,
    initiation_time: presentTime(new Date(call.createdAt)),
    parent_call_uuid: null,
    resource_uri: `${accountPath(authId)}/Call/${call.uuid}/`,
    to_number: call.to,
    total_amount: FREE,
    total_rate: FREE,
    call_status: statusOf({ status: 'ended', answeredAt, endCause: call.endCause }),
    end_cause: call.endCause,
  };
}

/** Seconds from the answer to the end. */
export function talkSeconds({ answeredAt, endedAt }: EndedCall): number {
  return answeredAt === undefined ? 0 : Math.round((endedAt - answeredAt) / 1000);
}

/** How Plivo tells the end of a call. */
export interface Hangup {
  readonly code: number;
  readonly name: string;
  readonly source: string;
}

const NORMAL = { code: 4000, name: 'Normal Hangup' } as const;
const CANCELED = { code: 1000, name: 'Canceled' } as const;
const API = 'API Request';
const PLATFORM = 'Plivo';
const UNKNOWN = { code: 0, name: 'Unknown', source: 'Error' } as const;
const FAR_SIDE = { inbound: 'Caller', outbound: 'Callee' } as const;

const HANGUPS: Readonly<Record<CallEndCause, (call: EndedCall) => Hangup>> = {
  hangup: (call) => ({ ...(isAnswered(call) ? NORMAL : CANCELED), source: FAR_SIDE[call.direction] }),
  hangup_api: (call) => ({ ...(isAnswered(call) ? NORMAL : CANCELED), source: API }),
  hangup_xml: () => ({ ...NORMAL, source: 'Answer XML' }),
  end_of_xml: () => ({ code: 4010, name: 'End Of XML Instructions', source: PLATFORM }),
  kicked: () => ({ code: 4030, name: 'Kicked Out Of Multiparty Call', source: API }),
  mpc_ended: () => ({ code: 4020, name: 'Multiparty Call Ended', source: PLATFORM }),
  cancelled: () => ({ ...CANCELED, source: API }),
  no_answer: () => ({ code: 3000, name: 'No Answer', source: PLATFORM }),
  busy: (call) => ({ code: 3010, name: 'Busy Line', source: refusedBy(call) }),
  rejected: (call) => ({ code: 3020, name: 'Rejected', source: refusedBy(call) }),
  no_rtp: () => UNKNOWN,
  lost: () => UNKNOWN,
  shutdown: () => UNKNOWN,
  app_failed: () => UNKNOWN,
  failed: () => UNKNOWN,
};

export function hangupOf(call: EndedCall): Hangup {
  return HANGUPS[call.endCause](call);
}

/** We refuse those who call us. */
function refusedBy({ direction }: EndedCall): string {
  return direction === 'outbound' ? FAR_SIDE.outbound : PLATFORM;
}

function isAnswered({ answeredAt }: EndedCall): boolean {
  return answeredAt !== undefined;
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}
