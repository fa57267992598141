import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type Router } from 'express';
import { setRoute } from '../api/reply.ts';

const HEADERS = {
  // Everything comes from here; the page talks to its own API and its own WebSocket, and can be framed by nobody.
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'microphone=(self), camera=(), geolocation=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  // Always asked for anew; an unchanged file costs a 304.
  'Cache-Control': 'no-cache',
};

/** The web console: a static page at `/` that uses the public API like any other client. */
export function createConsole(): Router {
  const folder = join(packageRoot(), 'server', 'console', 'public');
  // Only what is there at the start is served, by its exact name: no path of a request ever becomes a path on disk.
  const files = new Set(readdirSync(folder));
  const router = express.Router();
  router.get('/', (_request, response) => {
    setRoute(response, '/');
    response.set(HEADERS).sendFile('index.html', { root: folder, cacheControl: false });
  });
  router.get('/docs/', (_request, response) => {
    setRoute(response, '/docs/');
    response.set(HEADERS).sendFile('docs.html', { root: folder, cacheControl: false });
  });
  router.get('/console/:file', (request, response, next) => {
    const { file } = request.params;
    if (!files.has(file)) {
      next();
      return;
    }
    setRoute(response, '/console/:file');
    response.set(HEADERS).sendFile(file, { root: folder, cacheControl: false });
  });
  return router;
}

/** The folder of package.json: the page is served from the sources, whether this file was built or not. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('partyline is not inside its package');
    folder = parent;
  }
  return folder;
}
