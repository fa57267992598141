import { createCipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKeys, type SessionKeys } from './srtp-keys.ts';

/** Bytes of the authentication tag: AES_CM_128_HMAC_SHA1_80 and _32 (RFC 4568 section 6.2). */
export type TagBytes = 10 | 4;

/** Packets behind the newest that may still come, each once (RFC 3711 section 3.3.2 asks for 64 at least). */
const WINDOW = 64;
const HALF = 0x8000;
const ROUND = 0x10000;
const WINDOW_MASK = (1n << BigInt(WINDOW)) - 1n;

/**
 * One direction of one SRTP stream (RFC 3711). A receiver believes nothing of a packet, not even its number, before its tag
 * was checked.
 */
export class SrtpStream {
  readonly #keys: SessionKeys;
  readonly #tagBytes: TagBytes;
  readonly #counter = Buffer.alloc(16);
  readonly #rollover = Buffer.alloc(4);
  /** Highest index (rollovers × 2^16 + sequence number) so far; -1 before the first packet. */
  #highest = -1;
  /** Bit n: the packet n before the highest has come. */
  #seen = 0n;

  constructor(masterKey: Uint8Array, masterSalt: Uint8Array, tagBytes: TagBytes) {
    this.#keys = deriveKeys(masterKey, masterSalt, 'rtp');
    this.#tagBytes = tagBytes;
  }

  /** The packet to send for an RTP packet whose header has `headerBytes`. Packets are given in order. */
  protect(packet: Uint8Array, headerBytes: number): Buffer {
    const index = this.#indexOf(sequenceOf(packet));
    const out = Buffer.alloc(packet.length + this.#tagBytes);
    out.set(packet.subarray(0, headerBytes));
    out.set(this.#crypt(packet, headerBytes, packet.length, index), headerBytes);
    out.set(this.#tag(out.subarray(0, packet.length), index), packet.length);
    this.#note(index);
    return out;
  }

  /** The RTP packet within, or undefined for one that is forged, damaged, too old, or comes again. */
  unprotect(packet: Uint8Array, headerBytes: number): Buffer | undefined {
    const end = packet.length - this.#tagBytes;
    if (headerBytes < 12 || end < headerBytes) return undefined;
    const index = this.#indexOf(sequenceOf(packet));
    if (index < 0 || this.#isReplay(index)) return undefined;
    if (!timingSafeEqual(this.#tag(packet.subarray(0, end), index), packet.subarray(end))) return undefined;
    this.#note(index);
    const out = Buffer.from(packet.subarray(0, end));
    out.set(this.#crypt(packet, headerBytes, end, index), headerBytes);
    return out;
  }

  /** RFC 3711 appendix A: the index nearest to the highest one that has this sequence number. */
  #indexOf(sequence: number): number {
    if (this.#highest < 0) return sequence;
    const last = this.#highest % ROUND;
    const rounds = this.#highest - last;
    if (last < HALF) return sequence - last > HALF ? rounds - ROUND + sequence : rounds + sequence;
    return last - HALF > sequence ? rounds + ROUND + sequence : rounds + sequence;
  }

  #isReplay(index: number): boolean {
    const behind = this.#highest - index;
    if (this.#highest < 0 || behind < 0) return false;
    return behind >= WINDOW || (this.#seen & (1n << BigInt(behind))) !== 0n;
  }

  #note(index: number): void {
    const ahead = index - this.#highest;
    if (this.#highest < 0 || ahead >= WINDOW) this.#seen = 1n;
    else if (ahead > 0) this.#seen = ((this.#seen << BigInt(ahead)) & WINDOW_MASK) | 1n;
    else this.#seen |= 1n << BigInt(-ahead);
    this.#highest = Math.max(this.#highest, index);
  }

  /** Encrypts and decrypts alike (RFC 3711 section 4.1.1): IV = salt × 2^16 ^ SSRC × 2^64 ^ index × 2^16. */
  #crypt(packet: Uint8Array, start: number, end: number, index: number): Buffer {
    const counter = this.#counter;
    counter.fill(0).set(this.#keys.salt);
    for (let i = 0; i < 4; i++) counter[4 + i]! ^= packet[8 + i]!;
    for (let i = 13, rest = index; i >= 8; i--, rest = Math.floor(rest / 256)) counter[i]! ^= rest & 0xff;
    return createCipheriv('aes-128-ctr', this.#keys.cipher, counter).update(packet.subarray(start, end));
  }

  #tag(authenticated: Uint8Array, index: number): Buffer {
    this.#rollover.writeUInt32BE(Math.floor(index / ROUND) >>> 0);
    const hmac = createHmac('sha1', this.#keys.auth).update(authenticated).update(this.#rollover);
    return hmac.digest().subarray(0, this.#tagBytes);
  }
}

function sequenceOf(packet: Uint8Array): number {
  return (packet[2]! << 8) | packet[3]!;
}
