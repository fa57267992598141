import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

const MAX_TEXT = 256;
/** Stacks are ours, not a stranger's, and useless when cut short. */
const MAX_STACK = 4096;
const MAX_SCANNED = 8192;
const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
const SECRET =
  /^(authorization|proxy-?authorization|cookie|password|secret|token|auth_?token|digest|response|redis_?url)$/i;
const REDACTED = '[redacted]';

/** Options of the server's logger. */
export interface LogOptions {
  readonly level: string;
  /** Coloured lines for a person instead of JSON. */
  readonly pretty: boolean;
}

/**
 * The structured logger. The log goes to stderr; stdout belongs to what a person reads at the start.
 * Every message and field is cleaned; bindings of `child()` are not, so they must be our own words.
 */
export function createLog(options: LogOptions, destination?: DestinationStream): Logger {
  const stream =
    destination ?? (options.pretty ? pretty({ destination: 2, sync: true }) : pino.destination({ fd: 2, sync: true }));
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: (fields) => cleanFields(fields) },
      // The library's own would read the cleaned error once more and join its causes.
      serializers: { err: (value: unknown) => value },
      hooks: {
        logMethod(args, method) {
          method.apply(
            this,
            args.map((arg) => (typeof arg === 'string' ? cleanText(arg, MAX_TEXT) : arg)) as typeof args,
          );
        },
      },
    },
    stream,
  );
}

/** Makes text of unknown origin safe to log: control characters escaped, URL secrets hidden, at most `max` characters. */
export function cleanText(text: string, max: number = MAX_TEXT): string {
  // Secrets go before the cut: half a URL no longer shows that what it holds is a password.
  const safe = escapeControls(hideUrlSecrets(text.slice(0, MAX_SCANNED)));
  return safe.length > max || text.length > MAX_SCANNED ? `${safe.slice(0, max)}…` : safe;
}

/** User and password, and the values of a query: pre-signed URLs carry their key there. */
function hideUrlSecrets(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@?#]{1,256}@/gi, '$1')
    .replace(/(https?:\/\/[^\s?#]{1,256})\?[^\s#]{1,256}/gi, '$1?…');
}

function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function cleanFields(fields: Record<string, unknown>): Record<string, unknown> {
  return cleanObject(fields, 0);
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error) return cleanError(value, depth);
  if (value instanceof Date) return value;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => clean(item, depth + 1));
  return cleanObject(value, depth);
}

function cleanObject(value: object, depth: number): Record<string, unknown> {
  const cleaned: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value).slice(0, MAX_ITEMS))
    cleaned[cleanText(key)] = SECRET.test(key) ? REDACTED : clean(item, depth + 1);
  return cleaned;
}

function cleanError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: cleanText(error.name),
    message: cleanText(error.message),
    ...(code === undefined ? {} : { code: clean(code, depth + 1) }),
    stack: cleanStack(error),
    ...(error.cause === undefined ? {} : { cause: clean(error.cause, depth + 1) }),
  };
}

/** The frames without the message, which may hold a stranger's line breaks. */
function cleanStack(error: Error): string {
  const [, ...frames] = (error.stack ?? '').split('\n    at ');
  return frames
    .map((frame) => `at ${cleanText(frame)}`)
    .join('\n')
    .slice(0, MAX_STACK);
}
