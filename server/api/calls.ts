import { isDigitText } from '../../media/index.ts';
import type { Apps } from '../app-xml/index.ts';
import { type CallbackTarget, callbackTarget } from '../callbacks/index.ts';
import type { Call, Calls } from '../calls/index.ts';
import { ApiError, badField } from '../errors.ts';
import type { EndedCalls } from '../history/index.ts';
import { parseCallFilter } from './call-filter.ts';
import { calledUrl, type UrlRules } from './called-url.ts';
import { textField, wordField } from './fields.ts';
import { filtered, pageOf } from './paging.ts';
import { accountPath } from './present.ts';
import { presentCall, presentEndedCall } from './present-call.ts';
import { type ApiRequest, type Body, callUuidOf, type Resource } from './resource.ts';

export interface CallsDeps {
  readonly authId: string;
  readonly calls: Calls;
  readonly ended: Pick<EndedCalls, 'find' | 'newestFirst'>;
  readonly apps: Pick<Apps, 'run'>;
  readonly rules: UrlRules;
}

const LEGS = ['aleg', 'bleg', 'both'] as const;

/** Plivo's Call resource: list, show, hang up, transfer, digits. */
export function callResources(deps: CallsDeps): readonly Resource[] {
  const { authId, calls, ended } = deps;
  return [
    {
      path: '/Call/',
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
          const targets = parseTransfer(request.body, deps.rules);
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
      methods: {
        POST: (request) => {
          const call = liveCall(request, calls);
          const digits = textField(request.body, 'digits') ?? '';
          if (!isDigitText(digits)) throw badField('digits', 'must be 1 to 64 of 0-9 * # A-D, with w and W for pauses');
          // The Go SDK calls it legs here too.
          const leg = wordField(request.body, 'leg', LEGS) ?? wordField(request.body, 'legs', LEGS) ?? 'aleg';
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

/** Which calls a request is about. Plivo means those that are over unless `status` says otherwise. */
function stateOf({ query }: ApiRequest): keyof typeof IS | 'ended' {
  const status = query.get('status')?.toLowerCase();
  if (!status) return 'ended';
  if (status === 'live' || status === 'queued') return status;
  throw badField('status', 'must be live or queued; without it, calls are shown that are over');
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

interface Transfer {
  readonly aleg: CallbackTarget | undefined;
  readonly bleg: CallbackTarget | undefined;
}

function parseTransfer(body: Body, rules: CallsDeps['rules']): Transfer {
  const legs = wordField(body, 'legs', LEGS) ?? 'aleg';
  return {
    aleg: legs === 'bleg' ? undefined : parseTarget(body, 'aleg', rules),
    bleg: legs === 'aleg' ? undefined : parseTarget(body, 'bleg', rules),
  };
}

function parseTarget(body: Body, leg: 'aleg' | 'bleg', rules: CallsDeps['rules']): CallbackTarget {
  const name = `${leg}_url`;
  const text = textField(body, name) ?? '';
  if (text === '') throw badField(name, 'must be given: the URL that is asked for XML');
  const url = calledUrl(name, text, rules);
  const method = wordField(body, `${leg}_method`, ['get', 'post']) === 'get' ? 'GET' : 'POST';
  return callbackTarget(url, method);
}
