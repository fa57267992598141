import express, { type Request, type Response, type Router } from 'express';
import type { BasicAuth } from '../auth.ts';
import type { ClientAddresses } from '../client-address.ts';
import { ApiError } from '../errors.ts';
import { parseBody } from './body.ts';
import type { JsonLimits } from './json.ts';
import { contextOf, setRoute, writeAnswer } from './reply.ts';
import type { ApiRequest, Handler, Method, Resource } from './resource.ts';

export interface RouterDeps {
  readonly authId: string;
  readonly auth: BasicAuth;
  readonly addresses: ClientAddresses;
  readonly resources: readonly Resource[];
  readonly maxBodyBytes: number;
  readonly json: JsonLimits;
}

const ACCOUNT = '/v1/Account/:authId';

/** Everything below `/v1/Account/{auth_id}/`: who asks, then whose it is, then what is said, then what to do. */
export function apiRouter(deps: RouterDeps): Router {
  const router = express.Router();
  const readBody = express.raw({ type: () => true, limit: deps.maxBodyBytes, inflate: false });
  router.use(ACCOUNT, (request, response, next) => {
    setRoute(response, ACCOUNT);
    authenticate(deps.auth, request, deps.addresses);
    if (request.params.authId !== deps.authId) throw new ApiError('not_found');
    next();
  });
  for (const resource of deps.resources) {
    const path = `${ACCOUNT}${resource.path}`;
    const handlerFor = (request: Request): Handler => {
      const handler = resource.methods[(request.method === 'HEAD' ? 'GET' : request.method) as Method];
      if (!handler) throw methodNotAllowed(resource);
      return handler;
    };
    router.all(
      path,
      (request, response, next) => {
        setRoute(response, path);
        handlerFor(request);
        if (request.method === 'GET' || request.method === 'HEAD') next();
        else readBody(request, response, next);
      },
      (request, response) => {
        const answer = handlerFor(request)(readRequest(request, response, resource, deps));
        // What the router is given a promise of, it also takes the refusal of.
        return answer instanceof Promise
          ? answer.then((told) => writeAnswer(response, told))
          : writeAnswer(response, answer);
      },
    );
  }
  return router;
}

/** Before a byte of the body is read: strangers get no work out of us. */
export function authenticate(auth: BasicAuth, request: Request, addresses: ClientAddresses): void {
  const result = auth.check(request.headers.authorization, addresses.of(request));
  if (result.ok) return;
  if (result.reason === 'throttled')
    throw new ApiError('too_many_failures', { headers: { 'Retry-After': String(result.retryAfterSeconds) } });
  throw new ApiError('unauthorized', { headers: { 'WWW-Authenticate': 'Basic realm="partyline", charset="UTF-8"' } });
}

function readRequest(request: Request, response: Response, resource: Resource, deps: RouterDeps): ApiRequest {
  const { apiId, receivedAt } = contextOf(response);
  const bytes: unknown = request.body;
  const mark = request.url.indexOf('?');
  return {
    apiId,
    path: resource.path,
    params: request.params as Record<string, string>,
    query: new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1)),
    body: parseBody(
      bytes instanceof Uint8Array ? bytes : new Uint8Array(0),
      request.headers['content-type'],
      deps.json,
    ),
    receivedAt,
    host: request.headers.host ?? '',
    secure: deps.addresses.isSecure(request),
    idempotencyKey: request.get('idempotency-key'),
  };
}

function methodNotAllowed(resource: Resource): ApiError {
  const methods = Object.keys(resource.methods);
  return new ApiError('method_not_allowed', {
    headers: { Allow: (methods.includes('GET') ? ['HEAD', ...methods] : methods).join(', ') },
  });
}
