import { z } from 'zod';
import type { ErrorLog } from '../background.ts';
import { flag } from '../body-values.ts';
import type { Call, Calls } from '../calls/index.ts';
import type { Dialled, Dialler } from '../dial/index.ts';
import { ApiError, badField } from '../errors.ts';
import { type Directory, type JoinTerms, readTerms, termsSchema } from '../mpc/index.ts';
import { type AddRequest, type DialBodyRules, dialSchema, parseAddRequest, WHO } from './dial-body.ts';
import { bodySchema, read } from './fields.ts';
import { type ActingHandler, type Answer, type ApiRequest, type BodySchema, mpcRefOf } from './resource.ts';

export interface AddParticipantDeps {
  readonly directory: Directory;
  readonly calls: Calls;
  readonly dialler: Pick<Dialler, 'dial'>;
  readonly rules: DialBodyRules;
  readonly log: ErrorLog;
}

const MESSAGE = 'add participant action initiated';

const WHERE = z.object({
  create_mpc_with_single_participant: flag('false: the MPC has to live already', true),
});

/** All that Add Participant reads. */
export function addParticipantBody(rules: DialBodyRules): BodySchema {
  return bodySchema(
    {
      title: 'AddParticipant',
      example: { role: 'agent', from: '4915112345678', to: 'sip:ana@192.0.2.7', ring_timeout: 30 },
      needsOne: [['from', 'to'], ['call_uuid']],
    },
    termsSchema(rules),
    WHO,
    dialSchema(rules),
    WHERE,
  );
}

/** Calls somebody into an MPC, or moves a call that stands into it. */
export function addParticipant(deps: AddParticipantDeps): ActingHandler {
  const dialling = dialSchema(deps.rules);
  return (request) => {
    const { body } = request;
    const joining = readTerms(body, deps.rules);
    if (!joining.ok) throw badField(joining.field, joining.problem);
    const { terms } = joining;
    const { create_mpc_with_single_participant: mayCreate } = read(WHERE, body);
    const asked = parseAddRequest(body, terms, dialling, deps.rules.routeTo);
    const mpcName = nameOf(request, deps.directory, mayCreate);
    const refused = deps.directory.refusal(mpcName);
    if (refused && !isThere(asked, mpcName, deps)) throw new ApiError(refused);
    if (asked.kind === 'move') return move(asked.callUuid, mpcName, terms, deps);
    const dialled = deps.dialler.dial({ ...asked.order, mpcName, terms });
    return dialled.ok ? answer(dialled.calls, dialled.requestUuid) : refuse(dialled);
  };
}

/** By UUID an MPC has to live; by name it begins here. */
function nameOf(request: ApiRequest, directory: Directory, mayCreate: boolean): string {
  const ref = mpcRefOf(request);
  const mpc = directory.find(ref);
  if (mpc && mpc.status !== 'ended') return mpc.name;
  if (ref.by === 'name' && mayCreate) return ref.name;
  throw new ApiError('not_found');
}

/** A call that is to move to where it is takes the place of itself. */
function isThere(asked: AddRequest, mpcName: string, { directory }: AddParticipantDeps): boolean {
  return asked.kind === 'move' && directory.findCall(asked.callUuid)?.mpc.name === mpcName;
}

function move(callUuid: string, mpcName: string, terms: JoinTerms, { calls, log }: AddParticipantDeps): Answer {
  const call = calls.find(callUuid);
  if (call?.status !== 'live') throw new ApiError('not_found', { detail: 'no call of this call_uuid stands' });
  // Whatever waited for its way out of where it was has lost it to this request.
  call.keeper = undefined;
  calls.enterMpc(call, mpcName, terms).catch((error: unknown) => {
    log.error({ err: error, call: call.uuid }, 'a call could not be moved into an MPC');
    calls.end(call, 'failed', true);
  });
  return answer([call], call.uuid);
}

function answer(calls: readonly Call[], requestUuid: string): Answer {
  const listed = calls.map(({ to, from, uuid }) => ({ to, from, call_uuid: uuid }));
  return { status: 201, body: { calls: listed, message: MESSAGE, request_uuid: requestUuid } };
}

function refuse(refusal: Extract<Dialled, { ok: false }>): never {
  if (!('retryAfterSeconds' in refusal))
    throw new ApiError(refusal.reason === 'draining' ? 'draining' : 'too_many_calls');
  const headers = { 'Retry-After': String(refusal.retryAfterSeconds) };
  const detail = refusal.reason === 'rate' ? 'DIAL_CALLS_PER_MINUTE' : 'DIAL_MINUTES_PER_DAY';
  throw new ApiError('dial_limit', { detail, headers });
}
