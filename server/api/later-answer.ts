import { type ErrorLog, inBackground } from '../background.ts';
import { type CallbackFields, type CallbackQueue, type FieldValues, fieldsFrom } from '../callbacks/index.ts';
import { ApiError } from '../errors.ts';
import { type PlayBodyRules, parseCallback } from './play-body.ts';
import { toApiError } from './reply.ts';
import type { Answer, ApiRequest, Handler, Method, Resource } from './resource.ts';

export interface LaterAnswerDeps {
  readonly callbacks: Pick<CallbackQueue, 'add'>;
  readonly rules: PlayBodyRules;
  readonly log: ErrorLog;
}

const SPAWNED: Answer = { status: 200, body: { message: 'async api spawned' } };

/**
 * Plivo's asynchronous form of requests that change something: with a `callback_url` in the body they are acknowledged at
 * once, and what they would have answered is told to that URL. Not for resources where `callback_url` means something else.
 */
export function answeredLater(resources: readonly Resource[], deps: LaterAnswerDeps): readonly Resource[] {
  return resources.map((resource) => {
    const methods: Partial<Record<Method, Handler>> = {};
    for (const [method, handler] of Object.entries(resource.methods) as [Method, Handler][])
      methods[method] = method === 'GET' ? handler : spawning(handler, deps);
    return { ...resource, methods };
  });
}

function spawning(handler: Handler, { callbacks, rules, log }: LaterAnswerDeps): Handler {
  return (request) => {
    const target = parseCallback(request.body, rules);
    if (!target) return handler(request);
    const tell = (fields: CallbackFields): void => callbacks.add(request.apiId, target, fields);
    // It acts before it is acknowledged, so that requests take effect in the order in which they came.
    const answer = attempted(handler, request);
    if (answer instanceof Promise) inBackground(answer.then(tell), 'an asynchronous answer', log);
    else tell(answer);
    return SPAWNED;
  };
}

/** What a handler answers or throws, as fields; a bug of ours is thrown on. */
function attempted(handler: Handler, request: ApiRequest): CallbackFields | Promise<CallbackFields> {
  try {
    const answer = handler(request);
    if (!(answer instanceof Promise)) return fieldsOf(request, answer.status, answer.body);
    return answer.then(
      (told) => fieldsOf(request, told.status, told.body),
      (error: unknown) => refusal(request, toApiError(error) ?? new ApiError('internal')),
    );
  } catch (error) {
    const known = toApiError(error);
    if (!known) throw error;
    return refusal(request, known);
  }
}

function refusal(request: ApiRequest, { status, message }: ApiError): CallbackFields {
  return fieldsOf(request, status, { error: message });
}

function fieldsOf({ apiId }: ApiRequest, status: number, body: Readonly<Record<string, unknown>> = {}): CallbackFields {
  const flat: Record<string, FieldValues[string]> = { api_id: apiId, status_code: status };
  for (const [name, value] of Object.entries(body)) {
    const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (value !== null && value !== undefined) flat[name] = isPlain ? value : JSON.stringify(value);
  }
  return fieldsFrom(flat);
}
