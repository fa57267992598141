import { FRAME_MS } from '../../media/audio/frame.ts';
import type { AudioTrack, Dialect } from './dialect.ts';
import { type AudioFormat, contentTypeOf } from './format.ts';
import { parseClientMessage } from './protocol.ts';

/** Whose stream it is; all but the first two are extensions of ours beside Plivo's fields. */
export interface StreamIdentity {
  readonly streamId: string;
  /** The member's call UUID. */
  readonly callId: string;
  readonly accountId: string;
  readonly mpcUuid?: string;
  readonly memberId?: string;
}

export interface WriterOptions {
  readonly tracks: readonly AudioTrack[];
  /** What the far side is told beside, as JSON. */
  readonly extraHeaders: string;
}

/** We play the member's far side: what it hears is the caller's sound. */
const TRACK = 'inbound';
const PLAIN: WriterOptions = { tracks: [TRACK], extraHeaders: '{}' };

/**
 * Writes the messages of one stream as Plivo words them: `sequenceNumber` counts every message from 1,
 * `media.chunk` every frame of audio from 1, `timestamp` is a string of milliseconds of audio since the start.
 */
export class MessageWriter implements Dialect {
  readonly parse = parseClientMessage;
  readonly #identity: StreamIdentity;
  readonly #format: AudioFormat;
  readonly #tracks: readonly AudioTrack[];
  readonly #extraHeaders: string;
  readonly #mediaMiddle: Readonly<Record<AudioTrack, string>>;
  readonly #mediaEnd: string;
  readonly #chunks: Record<AudioTrack, number> = { inbound: 0, outbound: 0 };
  #sequenceNumber = 0;

  constructor(identity: StreamIdentity, format: AudioFormat, { tracks, extraHeaders }: WriterOptions = PLAIN) {
    this.#identity = identity;
    this.#format = format;
    this.#tracks = tracks;
    this.#extraHeaders = extraHeaders;
    const middle = `,"streamId":${JSON.stringify(identity.streamId)},"event":"media","media":{"track":"`;
    this.#mediaMiddle = {
      inbound: `${middle}inbound","timestamp":"`,
      outbound: `${middle}outbound","timestamp":"`,
    };
    this.#mediaEnd = `"},"extra_headers":${JSON.stringify(extraHeaders)}}`;
  }

  opening(): readonly string[] {
    return [this.start()];
  }

  start(): string {
    const { streamId, callId, accountId, mpcUuid, memberId } = this.#identity;
    const mediaFormat = { encoding: contentTypeOf(this.#format), sampleRate: this.#format.sampleRate };
    return JSON.stringify({
      sequenceNumber: this.#next(),
      event: 'start',
      start: { callId, streamId, accountId, tracks: this.#tracks, mediaFormat, mpcUuid, memberId },
      extra_headers: this.#extraHeaders,
    });
  }

  /** Runs for every frame of every stream, hence by hand: only the identity could need escaping, and is done. */
  media(frame: Uint8Array, track: AudioTrack = TRACK): string {
    const payload = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('base64');
    const timestamp = this.#timestamp(track);
    this.#chunks[track] += 1;
    return (
      `{"sequenceNumber":${this.#next()}${this.#mediaMiddle[track]}${timestamp}","chunk":${this.#chunks[track]},` +
      `"payload":"${payload}${this.#mediaEnd}`
    );
  }

  /** Counts a frame that travels without a message of ours, so that timestamps stay true. */
  countFrame(): void {
    this.#chunks[TRACK] += 1;
  }

  dtmf(digit: string): string {
    return JSON.stringify({
      sequenceNumber: this.#next(),
      streamId: this.#identity.streamId,
      event: 'dtmf',
      dtmf: { track: TRACK, digit, timestamp: String(this.#timestamp(TRACK)) },
      extra_headers: this.#extraHeaders,
    });
  }

  playedStream(name: string): string {
    return this.#plain('playedStream', { name });
  }

  clearedAudio(): string {
    return this.#plain('clearedAudio', {});
  }

  cleared(): readonly string[] {
    return [this.clearedAudio()];
  }

  stop(reason: string): string {
    return this.#plain('stop', { reason });
  }

  /** Ours, not Plivo's: says what was wrong with a message. */
  error(error: string): string {
    return this.#plain('error', { error });
  }

  #plain(event: string, fields: Readonly<Record<string, string>>): string {
    return JSON.stringify({
      sequenceNumber: this.#next(),
      event,
      streamId: this.#identity.streamId,
      ...fields,
    });
  }

  #next(): number {
    this.#sequenceNumber += 1;
    return this.#sequenceNumber;
  }

  #timestamp(track: AudioTrack): number {
    return this.#chunks[track] * FRAME_MS;
  }
}
