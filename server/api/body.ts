import { ApiError } from '../errors.ts';
import { type JsonLimits, parseJson } from './json.ts';
import type { Body } from './resource.ts';

const EMPTY: Body = Object.freeze(Object.create(null));

/**
 * Reads a body whose size is already checked. Strict about text and structure, lenient about labels: SDKs send JSON
 * types without a body, and `curl -d` calls JSON a form.
 */
export function parseBody(bytes: Uint8Array, contentType: string | undefined, limits: JsonLimits): Body {
  if (bytes.length === 0) return EMPTY;
  const kind = kindOf(contentType);
  const text = decodeUtf8(bytes);
  if (text.trim() === '') return EMPTY;
  if (kind === 'form' && !text.trimStart().startsWith('{')) return parseForm(text, limits);
  const parsed = parseJson(text, limits);
  if (!parsed.ok) throw new ApiError('bad_body', { detail: parsed.problem });
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ApiError('bad_body');
  return value as Body;
}

function kindOf(contentType: string | undefined): 'json' | 'form' {
  const [type = '', ...parameters] = (contentType ?? 'application/json').toLowerCase().split(';');
  const charset = parameters.map((parameter) => /^ *charset *= *"?([^" ]*)"? *$/.exec(parameter)?.[1]).find(Boolean);
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') throw new ApiError('unsupported_media_type');
  if (type.trim() === 'application/json') return 'json';
  if (type.trim() === 'application/x-www-form-urlencoded') return 'form';
  throw new ApiError('unsupported_media_type');
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ApiError('bad_body', { detail: 'it is not UTF-8' });
  }
}

/** A name given several times is a list. */
function parseForm(text: string, limits: JsonLimits): Body {
  const body: Record<string, string | string[]> = Object.create(null);
  let pairs = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    pairs += 1;
    if (pairs > limits.maxKeys) throw new ApiError('bad_body', { detail: `more than ${limits.maxKeys} fields` });
    const before = body[name];
    if (before === undefined) body[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else body[name] = [before, value];
  }
  return body;
}
