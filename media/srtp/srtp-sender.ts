import { RTP_HEADER_BYTES, readInt32, writeUint32 } from '../rtp/packet.ts';
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

/** Cells of a sender's memory. */
const CELLS = { begun: 0, rollovers: 1, sequence: 2, reports: 3 } as const;
const ENCRYPTED = 0x80000000;
/** The largest packet of any codec, L16 at 48 kHz, with header and tag. */
const LONGEST_PACKET = 2048;

/** The packet made last by any sender of the thread, and the views of its body by length: none is made twice. */
const packet = new Uint8Array(LONGEST_PACKET);
const bodies: (Uint8Array | undefined)[] = new Array(LONGEST_PACKET).fill(undefined);

/** Protects the one stream that a leg sends, under one key (RFC 3711 section 3.3). What it returns is valid until the next call. */
export class SrtpSender {
  readonly direction: SrtpDirection;
  readonly #rtp: SessionKeys;
  readonly #rtcp: SessionKeys;
  readonly #tagBytes: number;
  readonly #cells: Int32Array;

  constructor(direction: SrtpDirection) {
    this.direction = direction;
    this.#rtp = new SessionKeys(direction.master, 'rtp');
    this.#rtcp = new SessionKeys(direction.master, 'rtcp');
    this.#tagBytes = TAG_BYTES[direction.suite];
    this.#cells = new Int32Array(direction.memory);
  }

  has(direction: SrtpDirection): boolean {
    return isSameKey(this.direction, direction);
  }

  /** The body to send behind a header without CSRC and extension. Sequence numbers only rise. */
  protect(head: Uint8Array, payload: Uint8Array): Uint8Array {
    const cells = this.#cells;
    const end = RTP_HEADER_BYTES + payload.length;
    packet.set(head);
    packet.set(payload, RTP_HEADER_BYTES);
    const sequence = (head[2]! << 8) | head[3]!;
    const ssrc = readInt32(head, 8);
    const hasWrapped = cells[CELLS.begun] !== 0 && sequence < cells[CELLS.sequence]!;
    const rollovers = cells[CELLS.rollovers]! + (hasWrapped ? 1 : 0);
    // Noted before it is sent: a key stream must never serve two packets, whoever goes on from here.
    cells[CELLS.rollovers] = rollovers;
    cells[CELLS.sequence] = sequence;
    cells[CELLS.begun] = 1;
    this.#rtp.crypt(packet, RTP_HEADER_BYTES, end, ssrc, rollovers, sequence);
    this.#rtp.auth.write(packet, 0, end, rollovers, end, this.#tagBytes);
    const length = payload.length + this.#tagBytes;
    bodies[length] ??= packet.subarray(RTP_HEADER_BYTES, RTP_HEADER_BYTES + length);
    return bodies[length];
  }

  /** The datagram to send for an RTCP packet (RFC 3711 section 3.4). */
  protectReport(report: Uint8Array): Uint8Array {
    const cells = this.#cells;
    const index = cells[CELLS.reports]!;
    cells[CELLS.reports] = (index + 1) & REPORT_INDEX_MASK;
    const indexAt = report.length;
    packet.set(report);
    const ssrc = readInt32(packet, 4);
    this.#rtcp.crypt(packet, REPORT_CLEAR_BYTES, indexAt, ssrc, index >> 16, index & 0xffff);
    writeUint32(packet, indexAt, index | ENCRYPTED);
    const tagAt = indexAt + REPORT_INDEX_BYTES;
    this.#rtcp.auth.write(packet, 0, tagAt, undefined, tagAt, REPORT_TAG_BYTES);
    return packet.subarray(0, tagAt + REPORT_TAG_BYTES);
  }
}
