import type { z } from 'zod';
import { ApiError } from '../errors.ts';
import type { History, MpcFacts } from '../history/index.ts';
import { type Mpc, type MpcRef, parseMpcRef } from '../mpc/index.ts';

/** A body as the API sees it: no prototype, so that no key of a stranger means anything. */
export type Body = Readonly<Record<string, unknown>>;

/** An authenticated request, read and within all limits. */
export interface ApiRequest {
  readonly apiId: string;
  /** The resource's path pattern. */
  readonly path: string;
  /** Decoded path parameters by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Body;
  /** When its first byte was seen, on the process-wide monotonic clock, in ms. */
  readonly receivedAt: number;
  /** The Host header, for URLs that lead back here. */
  readonly host: string;
  /** It came by TLS, to us or to a proxy of ours. */
  readonly secure: boolean;
  readonly idempotencyKey: string | undefined;
}

/** What a handler answers; `api_id` is added to a body. */
export interface Answer {
  readonly status: 200 | 201 | 202 | 204;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent instead of a body, whole or in the range that was asked for. */
  readonly file?: AnswerFile;
  /** The `api_id` to give instead of the request's own: an answer that is given again keeps its id. */
  readonly apiId?: string;
}

export interface AnswerFile {
  /** Absolute, and never made of a caller's text. */
  readonly path: string;
  readonly type: string;
}

/** Unknown keys are left alone. */
export type BodySchema = z.ZodObject;

export type Method = 'GET' | 'POST' | 'DELETE';
/** Synchronous on purpose: a request acts on one state of the world, and repeats cannot overtake each other. */
export type ActingHandler = (request: ApiRequest) => Answer;
/** What reads from the store, or waits for it, may take its time; what changes calls is an `ActingHandler`. */
export type Handler = (request: ApiRequest) => Answer | Promise<Answer>;

/** One path below `/v1/Account/{auth_id}` and what may be done to it. */
export interface Resource {
  /** With `:name` parameters and a slash at the end; the slash is optional in requests. */
  readonly path: string;
  readonly methods: Readonly<Partial<Record<Method, Handler>>>;
  /** What its methods read of their bodies: the schemas they read with. */
  readonly bodies?: Readonly<Partial<Record<Method, BodySchema>>>;
  /** What its GET reads of the query, likewise. */
  readonly query?: BodySchema;
  /** With a `callback_url` its POST and DELETE are acknowledged at once, and answered there. */
  readonly answersLater?: true;
}

/** A path parameter that the resource's own path declares. */
export function param(request: ApiRequest, name: string): string {
  const value = request.params[name];
  if (value === undefined) throw new Error(`the path has no :${name}`);
  return value;
}

/** The `:call` of the path, a call's uuid. */
export function callUuidOf(request: ApiRequest): string {
  return param(request, 'call').toLowerCase();
}

/** The `:mpc` of the path. */
export function mpcRefOf(request: ApiRequest): MpcRef {
  const ref = parseMpcRef(param(request, 'mpc'));
  if (!ref) throw new ApiError('bad_mpc');
  return ref;
}

/** The MPC of the path while it lives: whatever acts on it means this one. */
export function liveMpc(request: ApiRequest, directory: LiveMpcs): Mpc {
  const mpc = directory.find(mpcRefOf(request));
  if (!mpc || mpc.status === 'ended') throw new ApiError('not_found');
  return mpc;
}

/** The MPC of the path: `live` while it lives, else what is remembered of it. */
export async function knownMpc(
  request: ApiRequest,
  directory: LiveMpcs,
  history: Pick<History, 'find'>,
): Promise<{ readonly facts: MpcFacts; readonly live: Mpc | undefined }> {
  const ref = mpcRefOf(request);
  const live = directory.find(ref);
  if (live && live.status !== 'ended') return { facts: live, live };
  const facts = ref.by === 'uuid' ? await history.find(ref.uuid) : undefined;
  if (!facts) throw new ApiError('not_found');
  return { facts, live: undefined };
}

interface LiveMpcs {
  find(ref: MpcRef): Mpc | undefined;
}
