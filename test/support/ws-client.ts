/**
 * A softphone for tests and the demo: joins an MPC by WebSocket, speaks tones, and records what it hears.
 *
 *   const ana = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_demo' });
 *   const voice = ana.speak(440);                     // paced in real time until voice.stop()
 *   await ana.hearFor(1000);                          // a second of audio has arrived
 *   hzIn(ana.heard(), ana.sampleRate, [440, 550]);    // what was in it
 *   await ana.leave();
 *
 * Audio is Int16Array at the stream's own rate whatever travels on the wire. Times are `performance.now()` in ms.
 */
import { WebSocket } from 'ws';
import { FRAME_MS, samplesPerFrame } from '../../media/audio/frame.ts';
import type { FrameDecoder, FrameEncoder } from '../../media/codec/codec.ts';
import { mulaw } from '../../media/codec/g711.ts';
import { l16LittleEndian } from '../../media/codec/l16.ts';
import { type Tone, ToneSource } from './tones.ts';

export type ContentType =
  | 'audio/x-mulaw;rate=8000'
  | 'audio/x-l16;rate=8000'
  | 'audio/x-l16;rate=16000'
  | 'audio/x-l16;rate=24000';

export interface WsClientOptions {
  /** As `ws://127.0.0.1:8080`. */
  readonly wsUrl: string;
  readonly authId: string;
  /** Basic auth; leave out when `streamToken` is given. */
  readonly authToken?: string;
  /** A token of `POST …/Stream/`, sent as subprotocol. */
  readonly streamToken?: string;
  /** `name_…` or `uuid_…`, not yet percent-encoded. */
  readonly mpc: string;
  /** mu-law when left out. */
  readonly contentType?: ContentType;
  readonly framing?: 'json' | 'binary';
  readonly role?: 'agent' | 'customer' | 'supervisor';
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM of the authority whose certificates are believed. */
  readonly ca?: string;
  /** Takes the place of the whole query, as written. */
  readonly query?: string;
}

/** A message that is not audio, and when it came. */
export interface Received {
  readonly at: number;
  readonly message: Readonly<Record<string, unknown>> & { readonly event: string };
}

export interface HeardFrame {
  readonly at: number;
  readonly samples: Int16Array;
  /** `media.chunk`; undefined with binary framing. */
  readonly chunk: number | undefined;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The server said no before the upgrade. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused';
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;

  constructor(status: number, headers: Readonly<Record<string, string | string[] | undefined>>, body: string) {
    super(`refused with ${status}: ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** The `error` field of the JSON body. */
  get error(): string {
    return String((JSON.parse(this.body) as { error?: unknown }).error);
  }
}

/** Speech under way. */
export interface Voice {
  /** When its first frame was sent. */
  readonly startedAt: number;
  /** Frames sent so far. */
  readonly frames: number;
  stop(): void;
  /** Resolves when the given length was sent or it was stopped. */
  readonly done: Promise<void>;
}

const DEFAULT_WAIT_MS = 5000;

/** The whole upgrade URL. */
export function streamUrl(options: WsClientOptions): string {
  const { wsUrl, authId, mpc, contentType = 'audio/x-mulaw;rate=8000', framing = 'json', role } = options;
  const query =
    options.query ??
    `content_type=${encodeURIComponent(contentType)}&framing=${framing}${role === undefined ? '' : `&role=${role}`}`;
  return `${wsUrl}/v1/Account/${authId}/MultiPartyCall/${encodeURIComponent(mpc)}/Stream/?${query}`;
}

export class WsClient {
  readonly socket: WebSocket;
  readonly sampleRate: number;
  readonly framing: 'json' | 'binary';
  /** Everything that is not audio, in order. */
  readonly messages: Received[] = [];
  /** Audio in order of arrival, while `recording`; `forget` empties it. */
  readonly frames: HeardFrame[] = [];
  readonly closed: Promise<Closed>;
  recording = true;
  readonly #wire: 'audio/x-mulaw' | 'audio/x-l16';
  readonly #encoder: FrameEncoder;
  readonly #decoder: FrameDecoder;
  readonly #watchers = new Set<() => void>();
  readonly #voices = new Set<Voice>();
  #framesHeard = 0;
  #ended: Closed | undefined;

  private constructor(socket: WebSocket, options: WsClientOptions) {
    const contentType = options.contentType ?? 'audio/x-mulaw;rate=8000';
    const codec = contentType.startsWith('audio/x-mulaw') ? mulaw : l16LittleEndian(Number(contentType.split('=')[1]));
    this.socket = socket;
    this.sampleRate = codec.sampleRate;
    this.framing = options.framing ?? 'json';
    this.#wire = codec === mulaw ? 'audio/x-mulaw' : 'audio/x-l16';
    this.#encoder = codec.createEncoder();
    this.#decoder = codec.createDecoder();
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#ended = { code, reason: reason.toString() };
        for (const voice of this.#voices) voice.stop();
        this.#changed();
        resolve(this.#ended);
      });
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on('error', () => {});
  }

  /** Joins and waits for `start`. Rejects with `JoinRefused` when the server answers with anything but 101. */
  static async join(options: WsClientOptions): Promise<WsClient> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.authToken !== undefined)
      headers.Authorization = `Basic ${Buffer.from(`${options.authId}:${options.authToken}`).toString('base64')}`;
    const protocols = options.streamToken === undefined ? [] : ['partyline', `partyline.token.${options.streamToken}`];
    const socket = new WebSocket(streamUrl(options), protocols, {
      headers,
      perMessageDeflate: false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    });
    const client = new WsClient(socket, options);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (_request, response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          body += part;
        });
        response.on('end', () => reject(new JoinRefused(response.statusCode ?? 0, response.headers, body)));
      });
    });
    await client.message('start');
    return client;
  }

  get start(): {
    readonly callId: string;
    readonly streamId: string;
    readonly accountId: string;
    readonly mpcUuid: string;
    readonly memberId: string;
    readonly mediaFormat: { readonly encoding: string; readonly sampleRate: number };
  } {
    const found = this.messages.find(({ message }) => message.event === 'start');
    if (!found) throw new Error('no start message yet');
    return found.message.start as WsClient['start'];
  }

  get memberId(): string {
    return this.start.memberId;
  }

  get mpcUuid(): string {
    return this.start.mpcUuid;
  }

  get callUuid(): string {
    return this.start.callId;
  }

  /** Frames received since joining, recorded or not. */
  get framesHeard(): number {
    return this.#framesHeard;
  }

  /** Speaks in real time, one frame each 20 ms on absolute deadlines, for `forMs` or until stopped. */
  speak(tones: number | Tone | readonly Tone[], forMs = Number.POSITIVE_INFINITY): Voice {
    const source = new ToneSource(this.sampleRate, tones);
    const frame = new Int16Array(samplesPerFrame(this.sampleRate));
    return this.#pace(forMs, () => {
      source.next(frame);
      return frame;
    });
  }

  /** Speaks samples of its own rate in real time; the last frame is filled up with silence. */
  speakSamples(samples: Int16Array): Voice {
    const size = samplesPerFrame(this.sampleRate);
    let at = 0;
    return this.#pace((samples.length / this.sampleRate) * 1000, () => {
      const frame = new Int16Array(size);
      frame.set(samples.subarray(at, at + size));
      at += size;
      return frame;
    });
  }

  /** Sends samples at once as frames of 20 ms, faster than they will be played. */
  burst(samples: Int16Array): void {
    const size = samplesPerFrame(this.sampleRate);
    for (let at = 0; at < samples.length; at += size) this.sendFrame(samples.subarray(at, at + size));
  }

  /** Sends one message of audio. */
  sendFrame(samples: Int16Array): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const bytes = Buffer.alloc(samples.length * 2);
    const length = this.#encoder.encode(samples, bytes, 0);
    const audio = bytes.subarray(0, length);
    if (this.framing === 'binary') this.socket.send(audio);
    else
      this.send({
        event: 'playAudio',
        media: { contentType: this.#wire, sampleRate: this.sampleRate, payload: audio.toString('base64') },
      });
  }

  /** Sends any JSON message. */
  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Resolves with the time at which everything sent before was played; rejects after `waitMs`. */
  async checkpoint(name: string, waitMs = DEFAULT_WAIT_MS): Promise<number> {
    this.send({ event: 'checkpoint', streamId: this.start.streamId, name });
    const { at } = await this.message('playedStream', (message) => message.name === name, waitMs);
    return at;
  }

  /** Drops what was sent and not yet played. */
  async clearAudio(): Promise<void> {
    const before = this.messages.length;
    this.send({ event: 'clearAudio', streamId: this.start.streamId });
    await this.until(() => this.messages.slice(before).some(({ message }) => message.event === 'clearedAudio'));
  }

  sendDigits(dtmf: string): void {
    this.send({ event: 'sendDTMF', dtmf });
  }

  /** The first message of that event, already here or yet to come. */
  async message(
    event: string,
    matches: (message: Received['message']) => boolean = () => true,
    waitMs = DEFAULT_WAIT_MS,
  ): Promise<Received> {
    let found: Received | undefined;
    await this.until(
      () => {
        found = this.messages.find(({ message }) => message.event === event && matches(message));
        return found !== undefined;
      },
      waitMs,
      `a ${event} message`,
    );
    return found as Received;
  }

  /** Everything recorded, or the part that arrived between two times. */
  heard(from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): Int16Array {
    const frames = this.frames.filter(({ at }) => at >= from && at < to);
    const all = new Int16Array(frames.reduce((total, { samples }) => total + samples.length, 0));
    let at = 0;
    for (const { samples } of frames) {
      all.set(samples, at);
      at += samples.length;
    }
    return all;
  }

  /** Waits until so much more audio has come (counted in frames, not by the clock), and returns it. */
  async hearFor(ms: number): Promise<Int16Array> {
    const wanted = Math.ceil(ms / FRAME_MS);
    const first = this.frames.length;
    await this.until(() => this.frames.length - first >= wanted, ms * 2 + DEFAULT_WAIT_MS, `${ms} ms of audio`);
    const from = this.frames[first]?.at;
    return this.heard(from);
  }

  /** Throws the recording away. */
  forget(): void {
    this.frames.length = 0;
  }

  /** Stops reading from the network, as a stuck program would. */
  stopReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  async leave(): Promise<Closed> {
    this.socket.close(1000);
    return this.closed;
  }

  /** Resolves once a condition holds; it is looked at whenever anything arrives. */
  async until(holds: () => boolean, waitMs = DEFAULT_WAIT_MS, what = 'the condition'): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (error?: Error): void => {
        this.#watchers.delete(watcher);
        clearTimeout(deadline);
        if (error) reject(error);
        else resolve();
      };
      const watcher = (): void => {
        if (holds()) finish();
        else if (this.#ended)
          finish(new Error(`closed with ${this.#ended.code} (${this.#ended.reason}) before ${what}`));
      };
      const deadline = setTimeout(() => finish(new Error(`waited ${waitMs} ms for ${what}`)), waitMs);
      this.#watchers.add(watcher);
    });
  }

  #pace(forMs: number, nextFrame: () => Int16Array): Voice {
    const total = Math.ceil(forMs / FRAME_MS);
    const startedAt = performance.now();
    let frames = 0;
    let timer: NodeJS.Timeout | undefined;
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const stop = (): void => {
      clearTimeout(timer);
      this.#voices.delete(voice);
      finish();
    };
    // A late timer sends what is due at once, so the average stays exact.
    const step = (): void => {
      while (frames < total && startedAt + frames * FRAME_MS <= performance.now()) {
        this.sendFrame(nextFrame());
        frames += 1;
      }
      if (frames >= total) stop();
      else timer = setTimeout(step, Math.max(0, startedAt + frames * FRAME_MS - performance.now()));
    };
    const voice: Voice = {
      startedAt,
      get frames() {
        return frames;
      },
      stop,
      done,
    };
    this.#voices.add(voice);
    step();
    return voice;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    const at = performance.now();
    if (isBinary) this.#hear(at, data, undefined);
    else {
      const message = JSON.parse(data.toString()) as Received['message'];
      if (message.event === 'media') {
        const media = message.media as { readonly payload: string; readonly chunk: number };
        this.#hear(at, Buffer.from(media.payload, 'base64'), media.chunk);
      } else this.messages.push({ at, message });
    }
    this.#changed();
  }

  #hear(at: number, bytes: Uint8Array, chunk: number | undefined): void {
    this.#framesHeard += 1;
    if (!this.recording) return;
    const samples = new Int16Array(this.#wire === 'audio/x-mulaw' ? bytes.length : bytes.length >> 1);
    this.#decoder.decode(bytes, 0, bytes.length, samples);
    this.frames.push({ at, samples, chunk });
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
