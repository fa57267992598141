import { z } from 'zod';
import { type AudioFormat, bytesPerSample, CONTENT_TYPES, formatOf } from './format.ts';

/*
 * What clients send: the messages that an application sends to Plivo in Audio Streaming, one JSON object a text
 * message. A message is either understood whole or answered with one sentence that names what is wrong with it.
 */

export type ClientMessage =
  | { readonly event: 'playAudio'; readonly format: AudioFormat; readonly audio: Buffer }
  | { readonly event: 'checkpoint'; readonly streamId: string | undefined; readonly name: string }
  | { readonly event: 'clearAudio'; readonly streamId: string | undefined }
  | { readonly event: 'sendDTMF'; readonly digits: string };

export type ParsedMessage =
  | { readonly ok: true; readonly message: ClientMessage }
  | { readonly ok: false; readonly error: string };

/** Longest name of a checkpoint, in characters. */
export const MAX_CHECKPOINT_NAME = 256;
/** Most digits in one `sendDTMF`. */
export const MAX_DIGITS = 32;

const playAudio = z.object({
  media: z.object(
    {
      contentType: z.enum(CONTENT_TYPES, 'must be "audio/x-mulaw" or "audio/x-l16"'),
      // Plivo's guides write it both ways.
      sampleRate: z.union(
        [z.literal([8000, 16000, 24000]), z.literal(['8000', '16000', '24000'])],
        'must be 8000, 16000 or 24000',
      ),
      payload: z.string('must be a string').refine(isBase64, 'must be base64 without spaces or line breaks'),
    },
    'must be an object',
  ),
});

const streamId = z.string('must be a string').optional();

const checkpoint = z.object({
  streamId,
  name: z
    .string('must be a string')
    .min(1, 'must not be empty')
    .max(MAX_CHECKPOINT_NAME, `must have at most ${MAX_CHECKPOINT_NAME} characters`),
});

const clearAudio = z.object({ streamId });

const sendDtmf = z.object({
  dtmf: z
    .string('must be a string')
    .regex(/^[0-9*#A-D]+$/, 'must be digits out of 0-9*#A-D')
    .max(MAX_DIGITS, `must have at most ${MAX_DIGITS} digits`),
});

/** Reads one text message of a client. */
export function parseClientMessage(text: string): ParsedMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong('the message is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong('the message is not an object');
  const event = 'event' in value ? value.event : undefined;
  switch (event) {
    case 'playAudio': {
      const parsed = playAudio.safeParse(value);
      return parsed.success ? playAudioOf(parsed.data.media) : wrongField(event, parsed.error);
    }
    case 'checkpoint': {
      const parsed = checkpoint.safeParse(value);
      if (!parsed.success) return wrongField(event, parsed.error);
      return { ok: true, message: { event, streamId: parsed.data.streamId, name: parsed.data.name } };
    }
    case 'clearAudio': {
      const parsed = clearAudio.safeParse(value);
      if (!parsed.success) return wrongField(event, parsed.error);
      return { ok: true, message: { event, streamId: parsed.data.streamId } };
    }
    case 'sendDTMF': {
      const parsed = sendDtmf.safeParse(value);
      if (!parsed.success) return wrongField(event, parsed.error);
      return { ok: true, message: { event, digits: parsed.data.dtmf } };
    }
    default:
      return wrong('event must be "playAudio", "checkpoint", "clearAudio" or "sendDTMF"');
  }
}

/** Undefined when raw audio of a format has a usable length, else what is wrong with it. */
export function audioFault(format: AudioFormat, bytes: number): string | undefined {
  if (bytes === 0) return 'there is no audio in the message';
  if (bytes % bytesPerSample(format) !== 0) return 'audio/x-l16 has two bytes a sample: the number of bytes is odd';
  return undefined;
}

function playAudioOf(media: z.infer<typeof playAudio>['media']): ParsedMessage {
  const format = formatOf(media.contentType, Number(media.sampleRate));
  if (!format) return wrong('playAudio: audio/x-mulaw has a media.sampleRate of 8000');
  const audio = Buffer.from(media.payload, 'base64');
  const fault = audioFault(format, audio.length);
  return fault === undefined
    ? { ok: true, message: { event: 'playAudio', format, audio } }
    : wrong(`playAudio: ${fault}`);
}

/** Strict: `Buffer.from` would leave out whatever it does not know and give noise. */
export function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function wrongField(event: string, error: z.ZodError): ParsedMessage {
  const issue = error.issues[0];
  return wrong(`${event}: ${issue?.path.join('.')} ${issue?.message}`);
}

function wrong(error: string): ParsedMessage {
  return { ok: false, error };
}
