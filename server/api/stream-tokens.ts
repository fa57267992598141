import type { UrlRules } from '../body-values.ts';
import { ApiError, badField } from '../errors.ts';
import { type Directory, type JoinTerms, type MpcRef, readTerms, termsSchema } from '../mpc/index.ts';
import { bodySchema } from './fields.ts';
import { accountPath } from './present.ts';
import { type ApiRequest, mpcRefOf, param, type Resource } from './resource.ts';

/** Issues the tokens that let one WebSocket into one MPC. */
export interface TokenIssuer {
  /** Undefined when too many wait already. */
  issue(mpc: MpcRef, terms?: JoinTerms): string | undefined;
  /** How long a token is good for. */
  readonly seconds: number;
}

export interface StreamTokenDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly tokens: TokenIssuer;
  readonly rules: UrlRules;
}

const WORDS = { title: 'StreamToken', example: { role: 'customer', mute: true } };
/** By then another node may take the call in our place. */
const RETRY_AFTER_SECONDS = 5;

/** Tokens for clients that cannot send an Authorization header. The stream itself is an upgrade on the same path. */
export function streamTokenResources({ authId, directory, tokens, rules }: StreamTokenDeps): readonly Resource[] {
  const schema = termsSchema(rules);
  const names = Object.keys(schema.shape);
  return [
    {
      path: '/MultiPartyCall/:mpc/Stream/',
      bodies: { POST: bodySchema(WORDS, schema.partial()) },
      methods: {
        POST: (request) => {
          const ref = mpcRefOf(request);
          // Without terms, who joins says its role itself and asks for nothing else.
          const asks = names.some((term) => (request.body[term] ?? '') !== '');
          const terms = asks ? termsOf(request, rules) : undefined;
          // A name may be of an MPC that this member is going to begin; a UUID is of one that lives.
          if (ref.by === 'uuid' && (directory.find(ref)?.status ?? 'ended') === 'ended')
            throw new ApiError('not_found');
          if (directory.draining)
            throw new ApiError('draining', { headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } });
          const token = tokens.issue(ref, terms);
          if (token === undefined)
            throw new ApiError('too_many_tokens', { headers: { 'Retry-After': String(tokens.seconds) } });
          const segment = encodeURIComponent(param(request, 'mpc'));
          const url = `${request.secure ? 'wss' : 'ws'}://${request.host}${accountPath(authId)}/MultiPartyCall/${segment}/Stream/`;
          return { status: 201, body: { token, url, expires_in: tokens.seconds } };
        },
      },
    },
  ];
}

function termsOf(request: ApiRequest, rules: UrlRules): JoinTerms {
  const read = readTerms(request.body, rules);
  if (!read.ok) throw badField(read.field, read.problem);
  return read.terms;
}
