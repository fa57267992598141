import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type AllowedSource, parseFetchAllow } from '../media/clip/index.ts';
import type { CodecName } from '../media/engine.ts';
import { isMpcName } from './mpc/identity.ts';
import { STATUS_EVENT_GROUPS, type StatusEventGroup } from './mpc/join-terms.ts';
import { CODEC_NAMES } from './sip/codecs.ts';
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from './sip/digest.ts';

/** A whole number within bounds. */
export function whole(min: number, max: number): z.ZodType<number, string> {
  const expected = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^[0-9]{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
}

/** One of these words, in any case. */
export function oneOf<const T extends string>(...names: T[]): z.ZodType<T, string> {
  return z.string().transform((text, context): T => {
    const found = names.find((name) => name === text.toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: `must be one of ${names.join(', ')}` });
    return z.NEVER;
  });
}

export const host = z
  .string()
  .refine(
    (text) => ipaddr.isValid(text) || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(text),
    'must be an IP address or a host name, such as 127.0.0.1 or 0.0.0.0',
  );

/** Media sockets bind to it, so it has to be an address. */
export const address = z
  .string()
  .transform((text) => (text.toLowerCase() === 'localhost' ? '127.0.0.1' : text))
  .refine(
    (text) => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text),
    'must be an IP address, such as 127.0.0.1',
  );

/** Comma list of addresses and networks, each written as a network. */
export const networks = z.string().transform((text, context): readonly string[] => {
  const networks: string[] = [];
  for (const part of splitList(text)) {
    const network = part.includes('/') ? part : `${part}/${part.includes(':') ? 128 : 32}`;
    if (ipaddr.isValidCIDR(network)) networks.push(network);
    else
      context.addIssue({ code: 'custom', message: `"${part}" is no address or network; write 10.0.0.0/8 or ::1/128` });
  }
  return networks;
});

export const origins = z.string().transform((text, context): readonly string[] => {
  const origins: string[] = [];
  for (const part of splitList(text)) {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (url && url.origin !== 'null' && url.origin === part.toLowerCase()) origins.push(url.origin);
    else context.addIssue({ code: 'custom', message: `"${part}" is no web origin; write https://console.example.com` });
  }
  return origins;
});

export const sources = z.string().transform((text, context): readonly AllowedSource[] => {
  const parsed = parseFetchAllow(text);
  if (parsed.ok) return parsed.allow;
  context.addIssue({ code: 'custom', message: parsed.message });
  return z.NEVER;
});

export const codecs = z.string().transform((text, context): readonly CodecName[] => {
  const names: CodecName[] = [];
  for (const part of splitList(text)) {
    const name = CODEC_NAMES.find((known) => known.toLowerCase() === part.toLowerCase());
    if (name === undefined || names.includes(name))
      context.addIssue({ code: 'custom', message: `"${part}" must be one of ${CODEC_NAMES.join(', ')}, each once` });
    else names.push(name);
  }
  return names;
});

export const digestAlgorithms = z.string().transform((text, context): readonly DigestAlgorithm[] => {
  const names: DigestAlgorithm[] = [];
  for (const part of splitList(text)) {
    const name = DIGEST_ALGORITHMS.find((known) => known.toLowerCase() === part.toLowerCase());
    if (name === undefined || names.includes(name))
      context.addIssue({
        code: 'custom',
        message: `"${part}" must be one of ${DIGEST_ALGORITHMS.join(', ')}, each once`,
      });
    else names.push(name);
  }
  return names;
});

export const sampleRate = oneOf('8000', '16000', '48000').transform((text) => Number(text) as 8000 | 16_000 | 48_000);

/** `PATTERN:RATE,…`; a pattern may hold colons itself. */
export const sampleRates = z.string().transform((text, context) => {
  const rules: { readonly pattern: string; readonly sampleRate: 8000 | 16_000 | 48_000 }[] = [];
  for (const part of splitList(text)) {
    const colon = part.lastIndexOf(':');
    const pattern = part.slice(0, Math.max(colon, 0));
    const rate = sampleRate.safeParse(part.slice(colon + 1));
    if (rate.success && isMpcName(pattern)) rules.push({ pattern, sampleRate: rate.data });
    else
      context.addIssue({
        code: 'custom',
        message: `"${part}" is no pattern with 8000, 16000 or 48000; write board-*:16000`,
      });
  }
  return rules;
});

export const callbackMethod = oneOf('get', 'post').transform((method): 'GET' | 'POST' =>
  method === 'get' ? 'GET' : 'POST',
);

export const eventGroups = z.string().transform((text, context): readonly StatusEventGroup[] => {
  const groups: StatusEventGroup[] = [];
  for (const part of splitList(text.toLowerCase())) {
    const group = STATUS_EVENT_GROUPS.find((known) => known === part);
    if (group) groups.push(group);
    else context.addIssue({ code: 'custom', message: `"${part}" must be one of ${STATUS_EVENT_GROUPS.join(', ')}` });
  }
  return groups;
});

export const flag = oneOf('true', 'false').transform((text) => text === 'true');
export const anything = z.string();

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Empty for none. */
export const appUrl = z
  .string()
  .refine((text) => text === '' || /^https?:$/.test(protocolOf(text)), 'must be an http or https URL');
