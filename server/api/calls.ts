import { z } from 'zod';
import { isDigitText } from '../../media/index.ts';
import type { Apps } from '../app-xml/index.ts';
import { filled, type UrlRules, word } from '../body-values.ts';
import type { Call, Calls } from '../calls/index.ts';
import { ApiError } from '../errors.ts';
import type { EndedCalls } from '../history/index.ts';
import { CALL_FILTER, CALL_STATUS, parseCallFilter } from './call-filter.ts';
import { bodySchema, read, readQuery } from './fields.ts';
import { filtered, pageOf } from './paging.ts';
import { CALL_LEGS } from './play-audience.ts';
import { accountPath } from './present.ts';
import { presentCall, presentEndedCall } from './present-call.ts';
import { type ApiRequest, callUuidOf, type Resource } from './resource.ts';
import { parseTransfer, transferSchemas } from './transfer.ts';

export interface CallsDeps {
  readonly authId: string;
  readonly calls: Calls;
  readonly ended: Pick<EndedCalls, 'find' | 'newestFirst'>;
  readonly apps: Pick<Apps, 'run'>;
  readonly rules: UrlRules;
}

const DIGITS_EXPECTED = 'must be 1 to 64 of 0-9 * # A-D, with w and W for pauses';
const DIGITS = z.object({
  digits: filled(
    '1 to 64 of 0-9 * # A-D, with w and W for pauses of half a second and one',
    z.string(DIGITS_EXPECTED).refine(isDigitText, DIGITS_EXPECTED),
  ),
  leg: word('The call itself, the others in its MPC, or all; aleg unless said', CALL_LEGS),
  legs: word('The same, as the Go SDK calls it', CALL_LEGS),
});
const DIGITS_BODY = bodySchema({ title: 'Digits', example: { digits: '4711#' } }, DIGITS);

/** Plivo's Call resource: list, show, hang up, transfer, digits. */
export function callResources(deps: CallsDeps): readonly Resource[] {
  const { authId, calls, ended } = deps;
  const transfer = transferSchemas(deps.rules);
  return [
    {
      path: '/Call/',
      query: CALL_FILTER,
      methods: {
        GET: async (request) => {
          const state = stateOf(request);
          if (state === 'ended') {
            const found = filtered(ended.newestFirst(), parseCallFilter(request.query));
            const path = `${accountPath(authId)}/Call/`;
            return { status: 200, body: await pageOf(request, path, found, (call) => presentEndedCall(authId, call)) };
          }
          return { status: 200, body: { calls: calls.live.filter(IS[state]).map(({ uuid }) => uuid) } };
        },
      },
    },
    {
      path: '/Call/:call/',
      query: CALL_STATUS,
      bodies: { POST: transfer.whole },
      methods: {
        GET: async (request) => {
          const state = stateOf(request);
          const call = calls.find(callUuidOf(request));
          if (state === 'ended') {
            if (call) throw new ApiError('not_found', { detail: 'the call is not over: ask with status=live' });
            const found = await ended.find(callUuidOf(request));
            if (!found) throw new ApiError('not_found');
            return { status: 200, body: presentEndedCall(authId, found) };
          }
          if (!call || !IS[state](call)) throw new ApiError('not_found');
          return { status: 200, body: presentCall(call) };
        },
        POST: (request) => {
          const call = liveCall(request, calls);
          const targets = parseTransfer(request.body, transfer);
          const others = targets.bleg ? othersOf(call, calls) : [];
          if (targets.aleg) deps.apps.run(call, targets.aleg, { Event: 'Transfer' });
          for (const other of others) if (targets.bleg) deps.apps.run(other, targets.bleg, { Event: 'Transfer' });
          const uuids = [...(targets.aleg ? [call] : []), ...others].map(({ uuid }) => uuid);
          return { status: 202, body: { message: 'transfer executed', call_uuids: uuids } };
        },
        DELETE: (request) => {
          calls.end(callOf(request, calls), 'hangup_api', true);
          return { status: 204 };
        },
      },
    },
    {
      path: '/Call/:call/DTMF/',
      bodies: { POST: DIGITS_BODY },
      methods: {
        POST: (request) => {
          const call = liveCall(request, calls);
          const { digits, leg: asked, legs } = read(DIGITS, request.body);
          const leg = asked ?? legs ?? 'aleg';
          const targets = leg === 'aleg' ? [call] : [...(leg === 'both' ? [call] : []), ...othersOf(call, calls)];
          for (const each of targets) each.leg?.sendDigits(digits);
          return { status: 202, body: { message: 'digits sent' } };
        },
      },
    },
  ];
}

/** As in Plivo's queue of calls that are being made. */
const IS = {
  live: ({ status }: Call) => status === 'live',
  queued: ({ status, direction }: Call) => status === 'ringing' && direction === 'outbound',
} as const;

/** Which calls a request is about. */
function stateOf({ query }: ApiRequest): keyof typeof IS | 'ended' {
  return readQuery(CALL_STATUS, query).status ?? 'ended';
}

function callOf(request: ApiRequest, calls: Calls): Call {
  const call = calls.find(callUuidOf(request));
  if (!call) throw new ApiError('not_found');
  return call;
}

function liveCall(request: ApiRequest, calls: Calls): Call {
  const call = callOf(request, calls);
  if (call.status !== 'live') throw new ApiError('not_found', { detail: 'the call is not answered yet' });
  return call;
}

/** Behind the B leg is everybody else in the call's MPC. */
function othersOf({ place, uuid }: Call, calls: Calls): readonly Call[] {
  const members = place.in === 'mpc' ? place.mpc.presentMembers : [];
  const others = members.flatMap(({ callUuid }) => (callUuid === uuid ? [] : (calls.find(callUuid) ?? [])));
  if (others.length === 0) throw new ApiError('not_found', { detail: 'nobody else is with this call' });
  return others;
}
