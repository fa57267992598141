import { createCipheriv, createHmac } from 'node:crypto';

const RTP_HEADER_BYTES = 12;
const REPORT_CLEAR_BYTES = 8;

interface Keys {
  readonly cipher: Buffer;
  readonly auth: Buffer;
  readonly salt: Buffer;
}

/** Session keys of AES-CM (RFC 3711 section 4.3.1); `first` is the label of the cipher's key. */
function derive(master: Uint8Array, first: 0 | 3): Keys {
  const part = (label: number, length: number): Buffer => {
    const counter = Buffer.alloc(16);
    counter.set(master.subarray(16, 30));
    counter[7]! ^= first + label;
    return createCipheriv('aes-128-ctr', master.subarray(0, 16), counter).update(Buffer.alloc(length));
  };
  return { cipher: part(0, 16), auth: part(1, 20), salt: part(2, 14) };
}

/** The other end of an SRTP stream, by OpenSSL: what our own arithmetic is compared with. */
export class SrtpPeer {
  readonly #rtp: Keys;
  readonly #rtcp: Keys;
  readonly #tagBytes: number;

  constructor(master: Uint8Array, tagBytes = 10) {
    this.#rtp = derive(master, 0);
    this.#rtcp = derive(master, 3);
    this.#tagBytes = tagBytes;
  }

  protect(packet: Uint8Array, rollovers = 0, headerBytes = RTP_HEADER_BYTES): Buffer {
    const body = this.#crypt(this.#rtp, packet, headerBytes, 8, indexOf(packet, rollovers));
    return Buffer.concat([body, this.#tag(this.#rtp, body, rollovers).subarray(0, this.#tagBytes)]);
  }

  /** Undefined for a packet that is not authentic. */
  unprotect(packet: Uint8Array, rollovers = 0): Buffer | undefined {
    const body = packet.subarray(0, packet.length - this.#tagBytes);
    const tag = this.#tag(this.#rtp, body, rollovers).subarray(0, this.#tagBytes);
    if (!tag.equals(packet.subarray(body.length))) return undefined;
    return this.#crypt(this.#rtp, body, RTP_HEADER_BYTES, 8, indexOf(packet, rollovers));
  }

  protectReport(report: Uint8Array, index: number, encrypted = true): Buffer {
    const body = encrypted ? this.#crypt(this.#rtcp, report, REPORT_CLEAR_BYTES, 4, BigInt(index)) : report;
    const word = Buffer.alloc(4);
    word.writeUInt32BE((index | (encrypted ? 0x80000000 : 0)) >>> 0);
    const whole = Buffer.concat([body, word]);
    return Buffer.concat([whole, this.#tag(this.#rtcp, whole).subarray(0, 10)]);
  }

  unprotectReport(datagram: Uint8Array): Buffer | undefined {
    const whole = Buffer.from(datagram.subarray(0, datagram.length - 10));
    const tag = this.#tag(this.#rtcp, whole).subarray(0, 10);
    if (!tag.equals(datagram.subarray(whole.length))) return undefined;
    const index = BigInt(whole.readUInt32BE(whole.length - 4) & 0x7fffffff);
    return this.#crypt(this.#rtcp, whole.subarray(0, -4), REPORT_CLEAR_BYTES, 4, index);
  }

  #crypt(keys: Keys, packet: Uint8Array, from: number, ssrcAt: number, index: bigint): Buffer {
    const { cipher, salt } = keys;
    const read = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
    const iv = (read(salt) << 16n) ^ (read(packet.subarray(ssrcAt, ssrcAt + 4)) << 64n) ^ (index << 16n);
    const counter = Buffer.from(iv.toString(16).padStart(32, '0'), 'hex');
    const body = createCipheriv('aes-128-ctr', cipher, counter).update(packet.subarray(from));
    return Buffer.concat([packet.subarray(0, from), body]);
  }

  #tag(keys: Keys, authenticated: Uint8Array, rollovers?: number): Buffer {
    const hmac = createHmac('sha1', keys.auth).update(authenticated);
    if (rollovers === undefined) return hmac.digest();
    const word = Buffer.alloc(4);
    word.writeUInt32BE(rollovers);
    return hmac.update(word).digest();
  }
}

function indexOf(packet: Uint8Array, rollovers: number): bigint {
  return BigInt(rollovers * 65_536 + ((packet[2]! << 8) | packet[3]!));
}
