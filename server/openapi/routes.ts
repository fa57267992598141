import express, { type Router } from 'express';
import { setRoute } from '../api/reply.ts';
import type { Resource } from '../api/resource.ts';
import { openApiDocument } from './document.ts';

/** `GET /openapi.json`: what is routed, for whoever asks; it holds no secret. */
export function openApiRouter(resources: readonly Resource[]): Router {
  const document = JSON.stringify(openApiDocument(resources));
  const router = express.Router();
  router.get('/openapi.json', (_request, response) => {
    setRoute(response, '/openapi.json');
    response.set({ 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' }).send(document);
  });
  return router;
}
