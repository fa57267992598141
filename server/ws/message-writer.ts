import { FRAME_MS } from '../../media/audio/frame.ts';
import { type AudioFormat, contentTypeOf } from './format.ts';

/** Whose stream it is; all but the first two are extensions of ours beside Plivo's fields. */
export interface StreamIdentity {
  readonly streamId: string;
  /** The member's call UUID. */
  readonly callId: string;
  readonly accountId: string;
  readonly mpcUuid: string;
  readonly memberId: string;
}

/** We play the member's far side: what it hears is the caller's sound. */
const TRACK = 'inbound';
const EXTRA_HEADERS = '{}';

/**
 * Writes the messages of one stream as Plivo words them: `sequenceNumber` counts every message from 1,
 * `media.chunk` every frame of audio from 1, `timestamp` is a string of milliseconds of audio since the start.
 */
export class MessageWriter {
  readonly #identity: StreamIdentity;
  readonly #format: AudioFormat;
  readonly #mediaMiddle: string;
  #sequenceNumber = 0;
  #chunk = 0;

  constructor(identity: StreamIdentity, format: AudioFormat) {
    this.#identity = identity;
    this.#format = format;
    this.#mediaMiddle =
      `,"streamId":${JSON.stringify(identity.streamId)},"event":"media",` + `"media":{"track":"${TRACK}","timestamp":"`;
  }

  start(): string {
    const { streamId, callId, accountId, mpcUuid, memberId } = this.#identity;
    const mediaFormat = { encoding: contentTypeOf(this.#format), sampleRate: this.#format.sampleRate };
    return JSON.stringify({
      sequenceNumber: this.#next(),
      event: 'start',
      start: { callId, streamId, accountId, tracks: [TRACK], mediaFormat, mpcUuid, memberId },
      extra_headers: EXTRA_HEADERS,
    });
  }

  /** Runs for every frame of every stream, hence by hand: only the identity could need escaping, and is done. */
  media(frame: Uint8Array): string {
    const payload = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString('base64');
    const timestamp = this.#timestamp();
    this.#chunk += 1;
    return (
      `{"sequenceNumber":${this.#next()}${this.#mediaMiddle}${timestamp}","chunk":${this.#chunk},` +
      `"payload":"${payload}"},"extra_headers":"${EXTRA_HEADERS}"}`
    );
  }

  /** Counts a frame that travels without a message of ours, so that timestamps stay true. */
  countFrame(): void {
    this.#chunk += 1;
  }

  dtmf(digit: string): string {
    return JSON.stringify({
      sequenceNumber: this.#next(),
      streamId: this.#identity.streamId,
      event: 'dtmf',
      dtmf: { track: TRACK, digit, timestamp: String(this.#timestamp()) },
      extra_headers: EXTRA_HEADERS,
    });
  }

  playedStream(name: string): string {
    return this.#plain('playedStream', { name });
  }

  clearedAudio(): string {
    return this.#plain('clearedAudio', {});
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

  #timestamp(): number {
    return this.#chunk * FRAME_MS;
  }
}
