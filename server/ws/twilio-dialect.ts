import { z } from 'zod';
import { FRAME_MS } from '../../media/audio/frame.ts';
import type { AudioTrack, Dialect } from './dialect.ts';
import type { StreamIdentity } from './message-writer.ts';
import { isBase64, MAX_CHECKPOINT_NAME, type ParsedMessage } from './protocol.ts';

/*
 * Twilio's Media Streams, from Twilio's side: mu-law at 8 kHz only, all numbers as text. Its marks are our checkpoints, and
 * marks that `clear` drops are answered as if they had been reached.
 */

export interface TwilioOptions {
  readonly tracks: readonly AudioTrack[];
  /** What the application is told beside. */
  readonly parameters: Readonly<Record<string, string>>;
}

const streamSid = z.string().optional();
const media = z.object({
  streamSid,
  media: z.object({ payload: z.string().min(1).refine(isBase64, 'must be base64') }),
});
const mark = z.object({ streamSid, mark: z.object({ name: z.string().min(1).max(MAX_CHECKPOINT_NAME) }) });
const clear = z.object({ streamSid });

/** The messages of Twilio's Media Streams. */
export class TwilioDialect implements Dialect {
  readonly #identity: StreamIdentity;
  readonly #options: TwilioOptions;
  readonly #chunks: Record<AudioTrack, number> = { inbound: 0, outbound: 0 };
  #sequenceNumber = 0;

  constructor(identity: StreamIdentity, options: TwilioOptions) {
    this.#identity = identity;
    this.#options = options;
  }

  opening(): readonly string[] {
    const { accountId: accountSid, callId: callSid } = this.#identity;
    const { tracks, parameters: customParameters } = this.#options;
    const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
    const start = { streamSid: this.#identity.streamId, accountSid, callSid, tracks, customParameters, mediaFormat };
    return [
      JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' }),
      this.#message('start', { start }),
    ];
  }

  media(frame: Uint8Array, track: AudioTrack = 'inbound'): string {
    const timestamp = String(this.#chunks[track] * FRAME_MS);
    this.#chunks[track] += 1;
    const payload = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('base64');
    return this.#message('media', { media: { track, chunk: String(this.#chunks[track]), timestamp, payload } });
  }

  countFrame(): void {
    this.#chunks.inbound += 1;
  }

  dtmf(digit: string): string {
    return this.#message('dtmf', { dtmf: { track: 'inbound_track', digit } });
  }

  playedStream(name: string): string {
    return this.#message('mark', { mark: { name } });
  }

  cleared(checkpoints: readonly string[]): readonly string[] {
    return checkpoints.map((name) => this.playedStream(name));
  }

  stop(): string {
    const { accountId: accountSid, callId: callSid } = this.#identity;
    return this.#message('stop', { stop: { accountSid, callSid } });
  }

  error(): undefined {}

  parse(text: string): ParsedMessage {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return { ok: false, error: 'the message is not JSON' };
    }
    const event = typeof value === 'object' && value !== null && 'event' in value ? value.event : undefined;
    switch (event) {
      case 'media': {
        const parsed = media.safeParse(value);
        if (!parsed.success) break;
        const audio = Buffer.from(parsed.data.media.payload, 'base64');
        return { ok: true, message: { event: 'playAudio', format: { encoding: 'PCMU', sampleRate: 8000 }, audio } };
      }
      case 'mark': {
        const parsed = mark.safeParse(value);
        if (!parsed.success) break;
        const { streamSid: streamId, mark: named } = parsed.data;
        return { ok: true, message: { event: 'checkpoint', streamId, name: named.name } };
      }
      case 'clear': {
        const parsed = clear.safeParse(value);
        if (!parsed.success) break;
        return { ok: true, message: { event: 'clearAudio', streamId: parsed.data.streamSid } };
      }
    }
    return { ok: false, error: 'the message is no media, mark or clear' };
  }

  #message(event: string, fields: Readonly<Record<string, unknown>>): string {
    this.#sequenceNumber += 1;
    const sequenceNumber = String(this.#sequenceNumber);
    return JSON.stringify({ event, sequenceNumber, streamSid: this.#identity.streamId, ...fields });
  }
}
