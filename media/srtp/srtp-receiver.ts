import { findPayload, readInt32 } from '../rtp/packet.ts';
import { REPLAY_CELLS, ReplayWindows } from './replay-windows.ts';
import { SessionKeys } from './session-keys.ts';
import {
  isSameKey,
  REPORT_CLEAR_BYTES,
  REPORT_INDEX_BYTES,
  REPORT_INDEX_MASK,
  REPORT_TAG_BYTES,
  type SrtpDirection,
  TAG_BYTES,
} from './srtp-terms.ts';

/** Not to be believed: forged, damaged, not encrypted, too old, or come before. */
export const REFUSED = -1;

/**
 * What a peer sends under one key (RFC 3711 section 3.3). Decrypts in place, and believes nothing of a packet, not even its
 * number, before its tag was checked. A stream that begins is taken to have never wrapped.
 */
export class SrtpReceiver {
  readonly direction: SrtpDirection;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #tagBytes: number;
  readonly #streams: ReplayWindows;
  readonly #reports: ReplayWindows;

  constructor(direction: SrtpDirection) {
    this.direction = direction;
    this.#rtp = new SessionKeys(direction.master, 'rtp');
    this.#rtcp = new SessionKeys(direction.master, 'rtcp');
    this.#tagBytes = TAG_BYTES[direction.suite];
    const cells = new Int32Array(direction.memory);
    this.#streams = new ReplayWindows(cells.subarray(0, REPLAY_CELLS));
    this.#reports = new ReplayWindows(cells.subarray(REPLAY_CELLS, 2 * REPLAY_CELLS));
  }

  has(direction: SrtpDirection): boolean {
    return isSameKey(this.direction, direction);
  }

  /** Makes `bytes[start, end)` the RTP packet within and returns its end, or `REFUSED`. */
  unprotect(bytes: Uint8Array, start: number, end: number): number {
    const tagAt = end - this.#tagBytes;
    const payload = findPayload(bytes, start, tagAt);
    if (payload < 0) return REFUSED;
    const low = (bytes[start + 2]! << 8) | bytes[start + 3]!;
    const ssrc = readInt32(bytes, start + 8);
    const place = this.#streams.find(ssrc);
    let high = 0;
    let ahead = 1;
    if (place >= 0) {
      // Of all indices with these 16 bits the one nearest to the newest (RFC 3711 section 3.3.1).
      const newest = this.#streams.low(place);
      ahead = ((low - newest) << 16) >> 16;
      high = this.#streams.high(place) + ((newest + ahead) >> 16);
      if (high < 0 || this.#streams.isReplay(place, ahead)) return REFUSED;
    }
    if (!this.#rtp.auth.matches(bytes, start, tagAt, high, tagAt, this.#tagBytes)) return REFUSED;
    this.#rtp.crypt(bytes, payload, tagAt, ssrc, high, low);
    if (place < 0) this.#streams.begin(ssrc, high, low);
    else this.#streams.note(place, ahead, high, low);
    return tagAt;
  }

  /** The same for RTCP. */
  unprotectReport(bytes: Uint8Array, start: number, end: number): number {
    const tagAt = end - REPORT_TAG_BYTES;
    const indexAt = tagAt - REPORT_INDEX_BYTES;
    if (indexAt < start + REPORT_CLEAR_BYTES) return REFUSED;
    const word = readInt32(bytes, indexAt);
    const index = word & REPORT_INDEX_MASK;
    const ssrc = readInt32(bytes, start + 4);
    const place = this.#reports.find(ssrc);
    const high = index >> 16;
    const low = index & 0xffff;
    let ahead = 1;
    if (place >= 0) {
      ahead = index - ((this.#reports.high(place) << 16) | this.#reports.low(place));
      if (this.#reports.isReplay(place, ahead)) return REFUSED;
    }
    if (!this.#rtcp.auth.matches(bytes, start, tagAt, undefined, tagAt, REPORT_TAG_BYTES)) return REFUSED;
    const isEncrypted = word < 0;
    if (isEncrypted) this.#rtcp.crypt(bytes, start + REPORT_CLEAR_BYTES, indexAt, ssrc, high, low);
    if (place < 0) this.#reports.begin(ssrc, high, low);
    else this.#reports.note(place, ahead, high, low);
    return indexAt;
  }
}
