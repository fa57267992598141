import { type CallStreamTerms, DEFAULT_TIMEOUT_SECONDS, httpTwin } from '../call-streams/index.ts';
import type { CallbackTarget } from '../callbacks/index.ts';
import { ApiError, badField } from '../errors.ts';
import {
  type AudioFormat,
  type AudioTrack,
  DEFAULT_CONTENT_TYPE,
  FORMAT_NAMES,
  parseContentType,
} from '../ws/index.ts';
import { calledTarget, type UrlRules } from './called-url.ts';
import { flagField, numberField, textField, wordField } from './fields.ts';
import type { Body } from './resource.ts';

const MAX_EXTRA_BYTES = 512;
const TRACKS: Readonly<Record<'inbound' | 'outbound' | 'both', readonly AudioTrack[]>> = {
  inbound: ['inbound'],
  outbound: ['outbound'],
  both: ['inbound', 'outbound'],
};

/** What a request to stream a call asks for. */
export function parseCallStreamBody(body: Body, rules: UrlRules): CallStreamTerms {
  const protocol = wordField(body, 'protocol', ['plivo', 'twilio']) ?? 'plivo';
  const bidirectional = flagField(body, 'bidirectional') ?? false;
  const track = wordField(body, 'audio_track', ['inbound', 'outbound', 'both']) ?? 'inbound';
  if (bidirectional && track !== 'inbound') throw badField('audio_track', 'must be inbound when bidirectional');
  const seconds = numberField(body, 'stream_timeout', { min: 1, max: DEFAULT_TIMEOUT_SECONDS, whole: true });
  return {
    serviceUrl: parseServiceUrl(body, rules),
    bidirectional,
    tracks: TRACKS[track],
    format: parseFormat(body, protocol),
    timeoutMs: (seconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
    extraHeaders: parseExtraHeaders(body),
    protocol,
    callback: parseCallback(body, rules),
  };
}

/** Checked like a URL to play, for we connect to it as well. */
function parseServiceUrl(body: Body, { checkUrl, maxUrlLength }: UrlRules): URL {
  const text = textField(body, 'service_url') ?? '';
  const twin = httpTwin(text);
  if (twin === undefined) throw badField('service_url', 'must be given: the ws or wss URL of an application');
  if (text.length > maxUrlLength) throw badField('service_url', `must be at most ${maxUrlLength} characters`);
  const verdict = checkUrl(twin);
  if (!verdict.ok) throw new ApiError('bad_url', { detail: `service_url: ${verdict.message}` });
  const url = new URL(text);
  url.hash = '';
  return url;
}

function parseFormat(body: Body, protocol: CallStreamTerms['protocol']): AudioFormat {
  const text = textField(body, 'content_type') || undefined;
  const format = parseContentType(text ?? (protocol === 'twilio' ? 'audio/x-mulaw' : DEFAULT_CONTENT_TYPE));
  if (!format) throw badField('content_type', `must be one of ${FORMAT_NAMES.join(', ')}`);
  if (protocol === 'twilio' && format.encoding !== 'PCMU')
    throw badField('content_type', 'must be audio/x-mulaw;rate=8000 with protocol twilio');
  return format;
}

/** `name=value,name=value`: a value may hold anything but a comma. */
function parseExtraHeaders(body: Body): Readonly<Record<string, string>> {
  const text = textField(body, 'extra_headers') ?? '';
  const wrong = (): ApiError =>
    badField('extra_headers', `must be name=value pairs with commas between them, at most ${MAX_EXTRA_BYTES} bytes`);
  if (Buffer.byteLength(text) > MAX_EXTRA_BYTES) throw wrong();
  if (text.trim() === '') return {};
  const pairs = text.split(',').map((pair) => /^\s*([A-Za-z0-9_-]+)\s*=(.*)$/s.exec(pair));
  // Without a prototype, so that no name means anything.
  const headers: Record<string, string> = Object.create(null);
  for (const pair of pairs) {
    if (!pair) throw wrong();
    headers[pair[1]!] = pair[2]!.trim();
  }
  return headers;
}

function parseCallback(body: Body, rules: UrlRules): CallbackTarget | undefined {
  const method = wordField(body, 'status_callback_method', ['get', 'post']) === 'get' ? 'GET' : 'POST';
  const text = textField(body, 'status_callback_url');
  if (text === undefined || text === '') return undefined;
  return calledTarget('status_callback_url', text, rules, method);
}
