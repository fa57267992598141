import type { NextFunction, Request, Response } from 'express';

/** On every answer, for browsers that are made to look at one: it runs nothing, is framed by nobody and is what it says. */
const GUARDS = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};
const TRANSPORT_GUARD = { 'Strict-Transport-Security': 'max-age=31536000' };
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key',
  'Access-Control-Max-Age': '600',
};

/**
 * Puts guarding headers on every answer, and lets pages of the listed origins read them (CORS); pages of others are told
 * nothing, so their browsers keep answers from them.
 */
export function guardAnswers(options: { readonly origins: readonly string[]; readonly secure: boolean }) {
  const guards = options.secure ? { ...GUARDS, ...TRANSPORT_GUARD } : GUARDS;
  return (request: Request, response: Response, next: NextFunction): void => {
    response.set(guards);
    if (options.origins.length === 0) return next();
    response.set('Vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !options.origins.includes(origin)) return next();
    response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': 'Location, Retry-After' });
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return next();
    response.set(PREFLIGHT).status(204).end();
  };
}
