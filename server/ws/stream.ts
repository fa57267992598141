import type { WebSocket } from 'ws';
import type { StreamLeg } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import type { CallEndCause } from '../calls/index.ts';
import { Allowance } from './allowance.ts';
import { AudioConverter } from './converter.ts';
import type { StreamCounters } from './counters.ts';
import type { AudioTrack, Dialect } from './dialect.ts';
import { type AudioFormat, describeFormat, sameFormat } from './format.ts';
import type { StreamLimits } from './limits.ts';
import { MessageWriter, type StreamIdentity } from './message-writer.ts';
import { audioFault, type ClientMessage } from './protocol.ts';
import { SendQueue } from './send-queue.ts';
import type { Framing } from './upgrade.ts';

/** The part of a WebSocket that a stream uses. */
export type StreamSocket = Pick<
  WebSocket,
  'readyState' | 'bufferedAmount' | 'send' | 'ping' | 'pong' | 'close' | 'terminate' | 'on'
>;

/** `readyState` of an open socket. */
const OPEN = 1;

export interface StreamOptions {
  readonly socket: StreamSocket;
  readonly leg: StreamLeg;
  readonly identity: StreamIdentity;
  readonly format: AudioFormat;
  readonly framing: Framing;
  /** Plivo's, when left out. */
  readonly dialect?: Dialect;
  /** False: the far side only listens. */
  readonly mayPlay?: boolean;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly counters: Pick<StreamCounters, 'dropped' | 'wrongMessage'>;
  /** The client pressed digits `0-9*#A-D`. */
  readonly onDigits: (digits: string) => void;
  /** Nothing is heard or played any more, though the closing handshake may still run. Called once. */
  readonly onEnded: () => void;
  /** The socket is closed. `code` is what we sent, else what the client sent. Called once, after `onEnded`. */
  readonly onClosed: (code: number) => void;
}

/** Why a stream ends from our side. */
export type StreamEnd = CallEndCause | 'stopped' | 'timeout';

/** How the end is told: `stop` and the close frame both carry the cause. */
const CLOSE_CODES: Readonly<Record<StreamEnd, number>> = {
  stopped: 1000,
  timeout: 1000,
  hangup: 1000,
  kicked: 1000,
  mpc_ended: 1000,
  hangup_api: 1000,
  hangup_xml: 1000,
  end_of_xml: 1000,
  cancelled: 1000,
  rejected: 1000,
  busy: 1000,
  no_answer: 1000,
  no_rtp: 1000,
  lost: 1011,
  failed: 1011,
  app_failed: 1011,
  shutdown: 1001,
};

const PLAYBACK_REPORT_MS = 1000;

/** One WebSocket as a member's phone: its messages go to a leg, the leg's frames and digits come back. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #writer: Dialect;
  readonly #queue: SendQueue;
  readonly #allowance: Allowance;
  #converter: AudioConverter | undefined;
  #playFormat: AudioFormat | undefined;
  /** Names of those that wait to be played, in order. */
  #checkpoints: string[] = [];
  #strikes = 0;
  #lastStrikeAt = 0;
  #playbackReportAt = Number.NEGATIVE_INFINITY;
  #droppedCounted = 0;
  #ended = false;
  #sentCode: number | undefined;
  #cancelTimer = (): void => {};

  constructor(options: StreamOptions) {
    const { socket, limits, clock } = options;
    this.#options = options;
    this.#writer = options.dialect ?? new MessageWriter(options.identity, options.format);
    this.#queue = new SendQueue(socket, limits, () => this.#end(1013, 'too slow a reader'));
    this.#allowance = new Allowance(clock, limits.burst, limits.perSecond);
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on('ping', (data) => this.#answerPing(data));
    socket.on('pong', (data) => {
      if (!this.#ended && this.#afford(data.length)) this.#waitToPing();
    });
    socket.on('error', (error) => {
      const code = codeOfFault(error);
      if (code !== undefined) this.#over(code);
    });
    socket.on('close', (code) => {
      this.#over(undefined);
      this.#cancelTimer();
      this.#options.onClosed(this.#sentCode ?? code);
    });
    for (const message of this.#writer.opening()) this.#queue.control(message);
    this.#waitToPing();
  }

  get identity(): StreamIdentity {
    return this.#options.identity;
  }

  /** A 20 ms frame that the member hears; its bytes are used during the call only. */
  hear(frame: Uint8Array, track?: AudioTrack): void {
    if (this.#ended) return;
    if (this.#options.socket.readyState !== OPEN) {
      // The client said goodbye; some never hang up after it, and nobody waits for them.
      this.#over(undefined);
      return;
    }
    if (this.#options.framing === 'json') this.#queue.audio(this.#writer.media(frame, track));
    else {
      this.#writer.countFrame();
      this.#queue.audio(Buffer.from(frame));
    }
    this.#countDropped();
  }

  /** Somebody else in the MPC pressed a digit. */
  digit(digit: string): void {
    if (!this.#ended) this.#queue.control(this.#writer.dtmf(digit));
  }

  /** Tells the far side that it is over, and why, and closes. */
  stop(cause: StreamEnd): void {
    if (this.#ended) return;
    this.#queue.control(this.#writer.stop(cause));
    this.#end(CLOSE_CODES[cause], cause);
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#options.socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#ended || !this.#afford(data.length)) return;
    if (isBinary) this.#receiveAudio(data);
    else {
      const parsed = this.#writer.parse(data.toString('utf8'));
      if (parsed.ok) this.#obey(parsed.message);
      else this.#strike(parsed.error);
    }
  }

  #receiveAudio(audio: Buffer): void {
    const { framing, format } = this.#options;
    if (framing === 'json') {
      this.#strike('binary messages need framing=binary in the URL');
      return;
    }
    const fault = audioFault(format, audio.length);
    if (fault === undefined) this.#play(audio);
    else this.#strike(fault);
  }

  #obey(message: ClientMessage): void {
    const { leg, identity, limits, onDigits } = this.#options;
    if ('streamId' in message && message.streamId !== undefined && message.streamId !== identity.streamId) {
      this.#strike(`${message.event}: streamId is not this stream's`);
      return;
    }
    switch (message.event) {
      case 'playAudio':
        this.#playAudio(message.format, message.audio);
        break;
      case 'checkpoint': {
        if (this.#checkpoints.length >= limits.checkpoints) {
          this.#strike(`checkpoint: more than ${limits.checkpoints} wait to be played`);
          break;
        }
        if (this.#converter) this.#play(this.#converter.flush());
        this.#checkpoints.push(message.name);
        leg.mark(() => this.#reached());
        break;
      }
      case 'clearAudio':
        leg.clear();
        this.#converter?.clear();
        for (const answer of this.#writer.cleared(this.#checkpoints)) this.#queue.control(answer);
        this.#checkpoints = [];
        break;
      case 'sendDTMF':
        onDigits(message.digits);
        break;
      default:
        message satisfies never;
    }
  }

  #playAudio(format: AudioFormat, audio: Buffer): void {
    if (this.#options.mayPlay === false) {
      this.#strike('playAudio: the stream is not bidirectional');
      return;
    }
    this.#playFormat ??= format;
    if (!sameFormat(format, this.#playFormat)) {
      this.#strike(`playAudio: the codec must not change; it began as ${describeFormat(this.#playFormat)}`);
      return;
    }
    if (sameFormat(format, this.#options.format)) {
      this.#play(audio);
      return;
    }
    this.#converter ??= new AudioConverter(format, this.#options.format);
    this.#play(this.#converter.convert(audio));
  }

  #play(audio: Uint8Array): void {
    if (audio.length === 0 || this.#options.leg.write(audio)) return;
    this.#options.counters.dropped('playback_full');
    const now = this.#options.clock.now();
    if (now - this.#playbackReportAt < PLAYBACK_REPORT_MS) return;
    this.#playbackReportAt = now;
    this.#complain('the playback buffer is full: audio was dropped');
  }

  #reached(): void {
    const name = this.#checkpoints.shift();
    if (!this.#ended && name !== undefined) this.#queue.control(this.#writer.playedStream(name));
  }

  /** Answers one wrong message; a client that does not learn is closed. */
  #strike(error: string): void {
    const { limits, clock, counters } = this.#options;
    counters.wrongMessage();
    const now = clock.now();
    if (now - this.#lastStrikeAt > limits.strikeMemoryMs) this.#strikes = 0;
    this.#lastStrikeAt = now;
    this.#strikes += 1;
    this.#complain(error);
    if (this.#strikes > limits.strikes) this.#end(1008, 'too many wrong messages');
  }

  #complain(error: string): void {
    const message = this.#writer.error(error);
    if (message !== undefined) this.#queue.control(message);
  }

  #answerPing(data: Buffer): void {
    if (this.#ended || !this.#afford(data.length)) return;
    // Nobody who does not read needs pongs to pile up.
    const { socket, limits } = this.#options;
    if (socket.bufferedAmount < limits.shedBytes) socket.pong(data);
  }

  #afford(bytes: number): boolean {
    if (this.#allowance.spend(bytes)) return true;
    this.#end(1008, 'too many messages');
    return false;
  }

  #waitToPing(): void {
    if (this.#ended) return;
    const { socket, clock, limits } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = clock.setTimeout(() => {
      socket.ping();
      this.#cancelTimer = clock.setTimeout(() => this.terminate(), limits.pongWaitMs);
    }, limits.pingMs);
  }

  /** Closes from our side. */
  #end(code: number, reason: string): void {
    if (this.#ended) return;
    // Whatever waits to be said goes out before the close frame.
    this.#queue.close();
    this.#options.socket.close(code, reason);
    this.#over(code);
  }

  #over(sentCode: number | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sentCode = sentCode;
    this.#countDropped();
    this.#queue.close();
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.setTimeout(() => this.terminate(), this.#options.limits.closeGraceMs);
    this.#options.onEnded();
  }

  #countDropped(): void {
    const fresh = this.#queue.dropped - this.#droppedCounted;
    if (fresh === 0) return;
    this.#droppedCounted += fresh;
    this.#options.counters.dropped('slow_reader', fresh);
  }
}

/** The code that `ws` closes with after a violation of RFC 6455; undefined for a fault of the network. */
function codeOfFault(error: Error): number | undefined {
  const fault = 'code' in error ? String(error.code) : '';
  switch (fault) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 1009;
    case 'WS_ERR_INVALID_UTF8':
      return 1007;
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 1008;
    default:
      return fault.startsWith('WS_ERR_') ? 1002 : undefined;
  }
}
