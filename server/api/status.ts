import express, { type Request, type Router } from 'express';
import type { Metrics } from '../metrics/metrics.ts';
import { setRoute, writeJson } from './reply.ts';

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Whether calls can be taken in full, and the first reason why not. */
export function readinessOf(state: {
  readonly started: boolean;
  readonly mixersFail: boolean;
  readonly draining: boolean;
  readonly hasDecoder: boolean;
}): Readiness {
  if (!state.started) return { ready: false, reason: 'starting' };
  if (state.mixersFail) return { ready: false, reason: 'mixer threads keep dying' };
  if (state.draining) return { ready: false, reason: 'draining' };
  if (!state.hasDecoder) return { ready: false, reason: 'no ffmpeg works, so most files cannot be played' };
  return { ready: true };
}

export interface StatusDeps {
  readonly metrics: Metrics;
  readonly readiness: () => Readiness;
  /** Throws when a request may not read the metrics. */
  readonly guard: (request: Request) => void;
}

/** What machines ask to know how we are: alive, ready, and the numbers. */
export function statusRouter(deps: StatusDeps): Router {
  const router = express.Router();
  router.get('/healthz', (_request, response) => {
    setRoute(response, '/healthz');
    writeJson(response, 200, { status: 'ok' });
  });
  router.get('/readyz', (_request, response) => {
    setRoute(response, '/readyz');
    const readiness = deps.readiness();
    if (readiness.ready) writeJson(response, 200, { status: 'ready' });
    else writeJson(response, 503, { status: 'not ready', reason: readiness.reason });
  });
  router.get('/metrics', async (request, response) => {
    setRoute(response, '/metrics');
    deps.guard(request);
    const text = await deps.metrics.render();
    response.writeHead(200, { 'Content-Type': deps.metrics.contentType, 'Cache-Control': 'no-store' });
    response.end(text);
  });
  return router;
}
