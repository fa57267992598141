import { z } from 'zod';
import { type ErrorLog, inBackground } from '../background.ts';
import { method, type UrlRules, url } from '../body-values.ts';
import {
  type CallbackFields,
  type CallbackQueue,
  callbackTarget,
  type FieldValues,
  fieldsFrom,
} from '../callbacks/index.ts';
import { ApiError } from '../errors.ts';
import { read } from './fields.ts';
import { toApiError } from './reply.ts';
import type { Answer, ApiRequest, BodySchema, Handler, Method, Resource } from './resource.ts';

export interface LaterAnswerDeps {
  readonly callbacks: Pick<CallbackQueue, 'add'>;
  readonly rules: UrlRules;
  readonly log: ErrorLog;
}

const SPAWNED: Answer = { status: 200, body: { message: 'async api spawned' } };

/**
 * Plivo's asynchronous form of requests that change something: with a `callback_url` in the body they are acknowledged at
 * once, and what they would have answered is told to that URL. Not for resources where `callback_url` means something else.
 */
export function answeredLater(resources: readonly Resource[], deps: LaterAnswerDeps): readonly Resource[] {
  const schema = laterSchema(deps.rules);
  return resources.map((resource) => {
    const methods: Partial<Record<Method, Handler>> = {};
    const bodies: Partial<Record<Method, BodySchema>> = {};
    for (const [method, handler] of Object.entries(resource.methods) as [Method, Handler][]) {
      methods[method] = method === 'GET' ? handler : spawning(handler, schema, deps);
      if (method !== 'GET') bodies[method] = withLater(resource.bodies?.[method], schema);
    }
    return { ...resource, methods, bodies, answersLater: true };
  });
}

function laterSchema(rules: UrlRules) {
  return z.object({
    callback_method: method('callback_url', 'POST'),
    callback_url: url('Answer 200 at once, and tell this URL the real answer', rules),
  });
}

type LaterSchema = ReturnType<typeof laterSchema>;

/** A body's schema with the two fields that are read before it. */
function withLater(body: BodySchema | undefined, later: LaterSchema): BodySchema {
  const alone = { title: 'AsyncOnly', example: { callback_url: 'https://app.example.com/done' } };
  return z.object({ ...body?.shape, ...later.shape }).meta(body?.meta() ?? alone);
}

function spawning(handler: Handler, schema: LaterSchema, { callbacks, log }: LaterAnswerDeps): Handler {
  return (request) => {
    const { callback_url: asked, callback_method: how } = read(schema, request.body);
    if (!asked) return handler(request);
    const target = callbackTarget(asked, how);
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
