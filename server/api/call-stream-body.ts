import { z } from 'zod';
import { field, flag, method, type UrlRules, url, whole, word, wrong } from '../body-values.ts';
import { type CallStreamTerms, DEFAULT_TIMEOUT_SECONDS, httpTwin } from '../call-streams/index.ts';
import { callbackTarget } from '../callbacks/index.ts';
import { badField } from '../errors.ts';
import {
  type AudioFormat,
  type AudioTrack,
  contentTypeOf,
  DEFAULT_CONTENT_TYPE,
  FORMAT_NAMES,
  parseContentType,
} from '../ws/index.ts';
import { read } from './fields.ts';
import type { Body } from './resource.ts';

const MAX_EXTRA_BYTES = 512;
const TRACKS: Readonly<Record<'inbound' | 'outbound' | 'both', readonly AudioTrack[]>> = {
  inbound: ['inbound'],
  outbound: ['outbound'],
  both: ['inbound', 'outbound'],
};

/** What a request to stream a call is read with. */
export function callStreamSchema(rules: UrlRules) {
  return z.object({
    protocol: word('Whose messages are spoken', ['plivo', 'twilio'], 'plivo'),
    bidirectional: flag('The application may play audio', false),
    audio_track: word(
      'What the call says, what it hears, or both; only inbound when bidirectional',
      ['inbound', 'outbound', 'both'],
      'inbound',
    ),
    stream_timeout: whole('Seconds after which it stops', 1, DEFAULT_TIMEOUT_SECONDS, DEFAULT_TIMEOUT_SECONDS),
    service_url: field('The ws or wss URL of the application', serviceUrl(rules)),
    content_type: field(
      `Of the audio both ways: ${DEFAULT_CONTENT_TYPE} unless said, and with protocol twilio always audio/x-mulaw`,
      z.enum(FORMAT_NAMES, `must be one of ${FORMAT_NAMES.join(', ')}`).optional(),
      contentType,
    ),
    extra_headers: field(
      `Pairs name=value with commas between them, at most ${MAX_EXTRA_BYTES} bytes; a value may hold anything but a comma`,
      z.string('must be text').optional().transform(headersIn),
    ),
    status_callback_method: method('status_callback_url', 'POST'),
    status_callback_url: url('Is told of the stream', rules),
  });
}

/** What a request to stream a call asks for. */
export function parseCallStreamBody(body: Body, schema: ReturnType<typeof callStreamSchema>): CallStreamTerms {
  const given = read(schema, body);
  const { protocol, bidirectional, audio_track: track } = given;
  if (bidirectional && track !== 'inbound') throw badField('audio_track', 'must be inbound when bidirectional');
  return {
    serviceUrl: given.service_url,
    bidirectional,
    tracks: TRACKS[track],
    format: formatOf(given.content_type, protocol),
    timeoutMs: given.stream_timeout * 1000,
    extraHeaders: given.extra_headers,
    protocol,
    callback: given.status_callback_url && callbackTarget(given.status_callback_url, given.status_callback_method),
  };
}

/** Checked like a URL to play, for we connect to it as well. */
function serviceUrl({ checkUrl, maxUrlLength }: UrlRules): z.ZodType<URL> {
  const missing = 'must be given: the ws or wss URL of an application';
  return z
    .string(missing)
    .max(maxUrlLength, `must be at most ${maxUrlLength} characters`)
    .meta({ format: 'uri' })
    .transform((text, context) => {
      const twin = httpTwin(text);
      if (twin === undefined) return wrong(context, missing);
      const verdict = checkUrl(twin);
      if (!verdict.ok) return wrong(context, `cannot be called: ${verdict.message}`);
      const url = new URL(text);
      url.hash = '';
      return url;
    });
}

/** However it is written, in its plain form. */
function contentType(value: unknown): unknown {
  const format = typeof value === 'string' ? parseContentType(value) : undefined;
  return format ? `${contentTypeOf(format)};rate=${format.sampleRate}` : value || undefined;
}

function formatOf(type: string | undefined, protocol: CallStreamTerms['protocol']): AudioFormat {
  const format = parseContentType(type ?? (protocol === 'twilio' ? 'audio/x-mulaw' : DEFAULT_CONTENT_TYPE));
  if (!format || (protocol === 'twilio' && format.encoding !== 'PCMU'))
    throw badField('content_type', 'must be audio/x-mulaw;rate=8000 with protocol twilio');
  return format;
}

function headersIn(text: string = '', context: z.RefinementCtx): Readonly<Record<string, string>> {
  const expected = `must be name=value pairs with commas between them, at most ${MAX_EXTRA_BYTES} bytes`;
  if (Buffer.byteLength(text) > MAX_EXTRA_BYTES) return wrong(context, expected);
  if (text.trim() === '') return {};
  const pairs = text.split(',').map((pair) => /^\s*([A-Za-z0-9_-]+)\s*=(.*)$/s.exec(pair));
  // Without a prototype, so that no name means anything.
  const headers: Record<string, string> = Object.create(null);
  for (const pair of pairs) {
    if (!pair) return wrong(context, expected);
    headers[pair[1]!] = pair[2]!.trim();
  }
  return headers;
}
