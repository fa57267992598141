import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { callPlayResources } from './api/call-play.ts';
import { callStreamResources } from './api/call-streams.ts';
import { callResources } from './api/calls.ts';
import { clipResources } from './api/clips.ts';
import { type EndpointsDeps, endpointResources } from './api/endpoints.ts';
import { Idempotency } from './api/idempotency.ts';
import { answeredLater } from './api/later-answer.ts';
import { memberPlayResources } from './api/member-play.ts';
import { mpcResources } from './api/mpcs.ts';
import { participantResources } from './api/participants.ts';
import { playKinds } from './api/play-kinds.ts';
import { playResources } from './api/plays.ts';
import { recordResources } from './api/record.ts';
import { recordingResources } from './api/recordings.ts';
import { contextOf, routeOf, setContext, toApiError, writeError } from './api/reply.ts';
import type { Resource } from './api/resource.ts';
import { apiRouter, authenticate } from './api/router.ts';
import { speakVoicesResources } from './api/speak-voices.ts';
import { type Readiness, statusRouter } from './api/status.ts';
import { streamTokenResources, type TokenIssuer } from './api/stream-tokens.ts';
import type { Apps } from './app-xml/index.ts';
import type { BasicAuth } from './auth.ts';
import type { UrlVerdict } from './body-values.ts';
import type { CallStreams, StreamedCall } from './call-streams/index.ts';
import type { CallbackQueue } from './callbacks/index.ts';
import type { Calls } from './calls/index.ts';
import { ClientAddresses } from './client-address.ts';
import type { ClipCatalog } from './clips/catalog.ts';
import type { Config } from './config.ts';
import { createConsole } from './console/index.ts';
import type { Dialler } from './dial/index.ts';
import { ApiError } from './errors.ts';
import type { History } from './history/index.ts';
import { guardAnswers } from './http-headers.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Directory, Plays } from './mpc/index.ts';
import { openApiRouter } from './openapi/index.ts';
import type { Recordings } from './recordings/index.ts';
import type { Speaker } from './speak/index.ts';

export interface AppDeps {
  readonly authId: string;
  readonly auth: BasicAuth;
  readonly limits: Config['api'];
  /** Whoever asks has come by TLS. */
  readonly secure: boolean;
  readonly directory: Directory;
  readonly history: History;
  readonly calls: Calls;
  readonly dialler: Pick<Dialler, 'dial' | 'route'>;
  readonly plays: Plays;
  readonly apps: Pick<Apps, 'run'>;
  readonly callbacks: Pick<CallbackQueue, 'add'>;
  readonly recordings: Recordings;
  readonly clips: ClipCatalog;
  readonly speaker: Speaker;
  readonly callStreams: CallStreams;
  /** A call that stands, as streams need it. */
  readonly findCall: (uuid: string) => StreamedCall | undefined;
  readonly checkUrl: (url: string) => UrlVerdict;
  readonly tokens: TokenIssuer;
  readonly users: EndpointsDeps['users'];
  readonly contacts: EndpointsDeps['contacts'];
  readonly metrics: Metrics;
  readonly readiness: () => Readiness;
  readonly log: Logger;
  /** Process-wide monotonic, in ms. */
  readonly nowMs: () => number;
  readonly now: () => Date;
  readonly newUuid: () => string;
}

/** Every resource of the API; the order is that of the documentation. */
export function apiResources(deps: AppDeps): readonly Resource[] {
  const { authId, directory, history, plays, recordings, limits } = deps;
  const idempotency = new Idempotency({ nowMs: deps.nowMs, onHit: () => deps.metrics.idempotentHit() });
  const rules = { ...limits, checkUrl: deps.checkUrl };
  const kinds = playKinds(rules, deps.speaker);
  const { maxMemberIds } = limits;
  return [
    ...answeredLater(
      [
        ...mpcResources({ authId, directory, history }),
        ...participantResources({
          authId,
          directory,
          history,
          calls: deps.calls,
          dialler: deps.dialler,
          idempotency,
          rules: { ...rules, routeTo: (destination) => deps.dialler.route(destination) },
          maxMemberIds,
          log: deps.log,
        }),
        ...recordResources({ authId, directory, recordings, rules }),
      ],
      { callbacks: deps.callbacks, rules, log: deps.log },
    ),
    ...memberPlayResources({ authId, directory, plays, idempotency, kinds, maxMemberIds }),
    ...callResources({ authId, calls: deps.calls, ended: history.calls, apps: deps.apps, rules }),
    ...callPlayResources({ authId, directory, calls: deps.calls, plays, idempotency, kinds }),
    ...speakVoicesResources(deps.speaker),
    ...callStreamResources({ authId, streams: deps.callStreams, findCall: deps.findCall, rules }),
    ...playResources({ authId, directory, history, plays, idempotency }),
    ...recordingResources({ authId, recordings, now: deps.now }),
    ...clipResources({ authId, clips: deps.clips, rules }),
    ...streamTokenResources({ authId, directory, tokens: deps.tokens, rules }),
    ...endpointResources({ authId, users: deps.users, contacts: deps.contacts }),
  ];
}

/** The HTTP side as an Express app that never listens. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  const addresses = new ClientAddresses(deps.limits.trustedProxies);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((request, response, next) => {
    const receivedAt = deps.nowMs();
    setContext(response, { apiId: deps.newUuid(), receivedAt });
    response.once('close', () => observe(deps, response, receivedAt));
    if (request.headers.host === undefined && request.httpVersion === '1.1')
      throw new ApiError('bad_request', { headers: { Connection: 'close' } });
    next();
  });
  app.use(guardAnswers({ origins: deps.limits.corsOrigins, secure: deps.secure }));
  app.use(
    statusRouter({
      metrics: deps.metrics,
      readiness: deps.readiness,
      guard: (request) => deps.limits.metricsAuth && authenticate(deps.auth, request, addresses),
    }),
  );
  const resources = apiResources(deps);
  app.use(openApiRouter(resources));
  app.use(createConsole());
  app.use(
    apiRouter({
      authId: deps.authId,
      auth: deps.auth,
      addresses,
      resources,
      maxBodyBytes: deps.limits.maxBodyBytes,
      json: { maxDepth: deps.limits.maxJsonDepth, maxKeys: deps.limits.maxJsonKeys },
    }),
  );
  app.use(() => {
    throw new ApiError('not_found');
  });
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const known = toApiError(error);
    if (!known)
      deps.log.error({ err: error, apiId: contextOf(response).apiId, route: routeOf(response) }, 'request failed');
    const refusal = known ?? new ApiError('internal');
    deps.metrics.httpRefused(refusal.code);
    if (response.headersSent) request.socket.destroy();
    else writeError(response, refusal);
  });
  return app;
}

/** A client that left before the answer is counted as 499, as proxies do. */
function observe(deps: AppDeps, response: Response, receivedAt: number): void {
  const code = response.headersSent ? response.statusCode : 499;
  const seconds = (deps.nowMs() - receivedAt) / 1000;
  deps.metrics.httpRequest(routeOf(response), code, seconds);
  deps.log.debug({ apiId: contextOf(response).apiId, route: routeOf(response), code, seconds }, 'request');
}
