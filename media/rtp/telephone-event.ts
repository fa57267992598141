import { FRAMES_PER_SECOND } from '../audio/frame.ts';
import { MOST_DIGITS, pauseMs } from './digit-text.ts';
import { timestampDistance } from './sequence.ts';

/**
 * DTMF digits as RTP events (RFC 4733). One event is many packets, all with the RTP timestamp of its beginning:
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |     event     |E|R| volume    |   duration so far, in ticks   |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Bytes of an event payload. */
export const EVENT_BYTES = 4;
/** Events 0 to 15, by their code. */
export const DIGITS = '0123456789*#ABCD';
/** No digit is due. */
export const NO_DIGIT = -1;

const END_BIT = 0x80;
const LONGEST_DURATION = 0xffff;
/** An event whose end was lost ends this long after its last packet; senders repeat every 20 to 50 ms. */
const SILENCE_ENDS_MS = 200;
/** An event this much older than the last is not late but of a stream that began anew. */
const RESTART_S = 5;
/** Digits passed on: some at once and a steady rate, which is 20 in any second. Diallers send ten. */
const BURST_DIGITS = 5;
const DIGITS_PER_SECOND = 15;
const WAITING_DIGITS = 8;

/** The event code of a digit, or undefined. */
export function eventOf(digit: string): number | undefined {
  const code = digit.length === 1 ? DIGITS.indexOf(digit.toUpperCase()) : -1;
  return code < 0 ? undefined : code;
}

/**
 * Makes digits of one stream's event packets: each once, when it ends, whatever is lost, repeated or out of order, as long
 * as one of its packets comes. Not more than 20 a second.
 */
export class TelephoneEventReceiver {
  /** Digits passed on. */
  digits = 0;
  /** Digits dropped because too many came. */
  excess = 0;
  /** Packets that are no digit: too short, or another event. */
  ignored = 0;
  private readonly clockRate: number;
  private open = false;
  private known = false;
  /** The event that is open, or else ended last. */
  private event = 0;
  private timestamp = 0;
  private duration = 0;
  private heardMs = 0;
  private readonly waiting = new Uint8Array(WAITING_DIGITS);
  private waitingCount = 0;
  private allowance = BURST_DIGITS;
  private allowanceMs = 0;

  /** `clockRate`: Hz of the events' RTP timestamps. */
  constructor(clockRate: number) {
    this.clockRate = clockRate;
  }

  /** Takes the payload of an event packet that arrived at `arrivalMs`. */
  receive(timestamp: number, payload: Uint8Array, offset: number, length: number, arrivalMs: number): void {
    const event = length < EVENT_BYTES ? DIGITS.length : payload[offset]!;
    if (event >= DIGITS.length) {
      this.ignored++;
      return;
    }
    const ended = (payload[offset + 1]! & END_BIT) !== 0;
    const duration = (payload[offset + 2]! << 8) | payload[offset + 3]!;
    if (!this.known || !this.isSame(event, timestamp)) {
      if (this.known && this.isOld(timestamp)) return;
      if (this.open) this.end(arrivalMs);
      this.known = true;
      this.open = true;
      this.event = event;
      this.timestamp = timestamp;
      this.duration = 0;
    }
    if (!this.open) return;
    this.heardMs = arrivalMs;
    this.duration = timestamp === this.timestamp ? Math.max(this.duration, duration) : duration;
    this.timestamp = timestamp;
    if (ended) this.end(arrivalMs);
  }

  /** The next digit's event code, or `NO_DIGIT`. Call it until there is none, once a tick. */
  next(nowMs: number): number {
    if (this.open && nowMs - this.heardMs >= SILENCE_ENDS_MS) this.end(nowMs);
    if (this.waitingCount === 0) return NO_DIGIT;
    const event = this.waiting[0]!;
    this.waiting.copyWithin(0, 1, this.waitingCount);
    this.waitingCount--;
    this.digits++;
    return event;
  }

  /** Another source: its timestamps have nothing to do with the last ones. An open event counts. */
  reset(nowMs: number): void {
    if (this.open) this.end(nowMs);
    this.known = false;
  }

  /**
   * Whether a packet belongs to the event that is open or ended last: it has its timestamp, or one that lies within it.
   * Events do not overlap, but long ones go on in segments that begin where the last ended (RFC 4733 section 2.5.1.3), and
   * some senders move the timestamp with each packet.
   */
  private isSame(event: number, timestamp: number): boolean {
    const distance = timestampDistance(this.timestamp, timestamp);
    if (distance === 0) return true;
    if (event !== this.event || distance < 0) return false;
    return distance < this.duration || (this.open && (distance === this.duration || distance === LONGEST_DURATION));
  }

  private isOld(timestamp: number): boolean {
    const distance = timestampDistance(this.timestamp, timestamp);
    return distance < 0 && distance > -RESTART_S * this.clockRate;
  }

  private end(nowMs: number): void {
    this.open = false;
    const refill = ((nowMs - this.allowanceMs) * DIGITS_PER_SECOND) / 1000;
    this.allowance = Math.min(BURST_DIGITS, this.allowance + Math.max(0, refill));
    this.allowanceMs = nowMs;
    if (this.allowance < 1 || this.waitingCount === WAITING_DIGITS) {
      this.excess++;
      return;
    }
    this.allowance--;
    this.waiting[this.waitingCount++] = this.event;
  }
}

/** Copies of an event's last packet, because it is the one that matters. */
const END_PACKETS = 3;
/** -10 dBm0, as most telephones send. */
const VOLUME = 10;
/** Silence between digits, in ticks of 20 ms: 60 ms, enough for any detector. */
const PAUSE_FRAMES = 3;

/**
 * Sends digits as events: one packet a tick in place of sound while a digit lasts, and a pause after each. `w` and `W` among
 * them are longer pauses.
 */
export class TelephoneEventSender {
  /** Of the packet that `next` wrote: the RTP timestamp of the event's beginning, and whether it is the event's first. */
  timestamp = 0;
  marker = false;
  private readonly ticksPerFrame: number;
  private queue = '';
  private event = 0;
  private frames = 0;
  private sent = 0;
  private ends = 0;
  private pause = 0;
  private readonly digitFrames: number;

  /** `digitMs`: how long a digit lasts, 40 to 8000 ms; default 100. */
  constructor(clockRate: number, digitMs = 100) {
    this.ticksPerFrame = clockRate / FRAMES_PER_SECOND;
    const longest = Math.floor(LONGEST_DURATION / this.ticksPerFrame);
    this.digitFrames = Math.max(2, Math.min(longest, Math.round((digitMs * FRAMES_PER_SECOND) / 1000)));
  }

  /** Whether a digit or the pause after it is not finished. */
  get busy(): boolean {
    return this.queue.length > 0 || this.frames > 0 || this.pause > 0;
  }

  /** Appends digits; false, and none is sent, when one of them is no digit or too many would wait. */
  send(digits: string): boolean {
    if (this.queue.length + digits.length > MOST_DIGITS) return false;
    for (const digit of digits) if (eventOf(digit) === undefined && pauseMs(digit) === undefined) return false;
    this.queue += digits;
    return true;
  }

  /**
   * Writes this tick's event payload at `offset` and returns its bytes, or 0 when sound may be sent. `timestamp`: the RTP
   * timestamp that this tick's sound would have.
   */
  next(timestamp: number, payload: Uint8Array, offset: number): number {
    if (this.frames === 0) {
      if (this.pause > 0) {
        this.pause--;
        return 0;
      }
      if (this.queue === '') return 0;
      const first = this.queue.charAt(0);
      this.queue = this.queue.slice(1);
      const event = eventOf(first);
      if (event === undefined) {
        this.pause = ((pauseMs(first) ?? 0) * FRAMES_PER_SECOND) / 1000 - 1;
        return 0;
      }
      this.event = event;
      this.frames = this.digitFrames;
      this.sent = 0;
      this.ends = 0;
      this.timestamp = timestamp;
    }
    this.marker = this.sent === 0;
    this.sent = Math.min(this.frames, this.sent + 1);
    const ended = this.sent === this.frames;
    const duration = this.sent * this.ticksPerFrame;
    payload[offset] = this.event;
    payload[offset + 1] = (ended ? END_BIT : 0) | VOLUME;
    payload[offset + 2] = duration >> 8;
    payload[offset + 3] = duration;
    if (ended && ++this.ends === END_PACKETS) {
      this.frames = 0;
      this.pause = PAUSE_FRAMES;
    }
    return EVENT_BYTES;
  }
}
