import { z } from 'zod';
import { checkedUrl, field, method, type UrlRules, word } from '../body-values.ts';
import { type CallbackTarget, callbackTarget } from '../callbacks/index.ts';
import { bodySchema, read } from './fields.ts';
import { CALL_LEGS } from './play-audience.ts';
import type { Body } from './resource.ts';

/** Whom a transfer gives to which application. */
export interface Transfer {
  readonly aleg: CallbackTarget | undefined;
  readonly bleg: CallbackTarget | undefined;
}

type TransferSchemas = ReturnType<typeof transferSchemas>;

const LEGS = z.object({ legs: word('The call itself, the others in its MPC, or all', CALL_LEGS, 'aleg') });

/** What transfers are read with: of a leg that stays nothing is read. */
export function transferSchemas(rules: UrlRules) {
  const target = checkedUrl(rules, 'must be given: the URL that is asked for XML');
  const empty = (value: unknown): unknown => value || undefined;
  const aleg = z.object({
    aleg_url: field('Asked for XML for the call itself', target, empty),
    aleg_method: method('aleg_url', 'POST'),
  });
  const bleg = z.object({
    bleg_url: field('Asked for XML for the others', target, empty),
    bleg_method: method('bleg_url', 'POST'),
  });
  const whole = bodySchema(
    { title: 'Transfer', example: { aleg_url: 'https://app.example.com/menu', aleg_method: 'POST' } },
    LEGS,
    aleg.partial(),
    bleg.partial(),
  );
  return { aleg, bleg, whole };
}

export function parseTransfer(body: Body, schemas: TransferSchemas): Transfer {
  const { legs } = read(LEGS, body);
  const aleg = legs === 'bleg' ? undefined : read(schemas.aleg, body);
  const bleg = legs === 'aleg' ? undefined : read(schemas.bleg, body);
  return {
    aleg: aleg && callbackTarget(aleg.aleg_url, aleg.aleg_method),
    bleg: bleg && callbackTarget(bleg.bleg_url, bleg.bleg_method),
  };
}
