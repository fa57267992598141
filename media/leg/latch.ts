import { LegMemory } from './leg-memory.ts';

/** Packets from one address before it is locked. */
const PACKETS_TO_LOCK = 5;
/** Packets of a new SSRC from the locked address before the stream is taken over by it. */
const PACKETS_TO_RESYNC = 3;
/** The locked address must have been silent for so long before another port of the same host may follow. */
const REBIND_AFTER_MS = 1000;

/** What to do with a packet; `moved` accepts it from a new port of the same host. */
export type Verdict = 'accept' | 'moved' | 'resync' | 'foreign';

/**
 * Learns where a peer's RTP really comes from, and then holds on to it (symmetric RTP). Until it is locked, packets are
 * believed only from hosts that the signalling named, and our own go to the address in the SDP. Once locked, nothing but
 * address, port and SSRC of the learned stream is heard. Pure: the time comes with each packet.
 */
export class Latch {
  /** Where to send. */
  address: string;
  port: number;
  locked = false;
  #trusted: readonly string[];
  #sdpPort: number;
  #candidateAddress = '';
  #candidatePort = 0;
  #count = 0;
  #ssrc = 0;
  #newSsrc = 0;
  #newSsrcCount = 0;
  #lastHeardAt = 0;
  /** A port of the same host that might follow after a NAT changed its mind. */
  #rebindPort = 0;
  #rebindCount = 0;
  readonly #memory: LegMemory;

  /** A stream that `memory` holds on to is held on to from the start. */
  constructor(address: string, port: number, alsoTrusted: readonly string[], memory = new LegMemory()) {
    this.address = address;
    this.port = port;
    this.#sdpPort = port;
    this.#trusted = [address, ...alsoTrusted];
    this.#memory = memory;
    const held = memory.peer;
    const heldAddress = held && this.#trusted[held.index];
    if (!held || heldAddress === undefined) return;
    this.address = heldAddress;
    this.port = held.port;
    this.#ssrc = held.ssrc;
    this.locked = true;
  }

  /** The peer announced another address: learn anew. */
  moveTo(address: string, port: number): void {
    if (address === this.#trusted[0] && port === this.#sdpPort) return;
    this.#trusted = [address, ...this.#trusted.slice(1)];
    this.#sdpPort = port;
    this.address = address;
    this.port = port;
    this.locked = false;
    this.#memory.noteUnlocked();
    this.#count = 0;
    this.#candidatePort = 0;
  }

  /** Judges one well-formed packet. `resync` accepts it as the first of a new stream. */
  judge(address: string, port: number, ssrc: number, now: number): Verdict {
    if (!this.locked) return this.#learn(address, port, ssrc, now);
    if (address === this.address && port === this.port) return this.#hold(ssrc, now);
    return this.#consider(address, port, ssrc, now);
  }

  #learn(address: string, port: number, ssrc: number, now: number): Verdict {
    if (!this.#trusted.includes(address)) return 'foreign';
    const announced = address === this.#trusted[0] && port === this.#sdpPort;
    const candidate = address === this.#candidateAddress && port === this.#candidatePort;
    if (!candidate) {
      // The first believable source is listened to; only the announced one may push it aside.
      if (this.#count > 0 && !announced) return 'foreign';
      this.#candidateAddress = address;
      this.#candidatePort = port;
      this.#count = 1;
      this.#ssrc = ssrc;
      return 'resync';
    }
    if (ssrc !== this.#ssrc) {
      this.#ssrc = ssrc;
      this.#count = 1;
      return 'resync';
    }
    this.#count += 1;
    if (this.#count >= PACKETS_TO_LOCK) {
      this.address = address;
      this.port = port;
      this.locked = true;
      this.#lastHeardAt = now;
      this.#remember();
    }
    return 'accept';
  }

  #hold(ssrc: number, now: number): Verdict {
    this.#lastHeardAt = now;
    this.#rebindCount = 0;
    if (ssrc === this.#ssrc) {
      this.#newSsrcCount = 0;
      return 'accept';
    }
    this.#newSsrcCount = ssrc === this.#newSsrc ? this.#newSsrcCount + 1 : 1;
    this.#newSsrc = ssrc;
    if (this.#newSsrcCount < PACKETS_TO_RESYNC) return 'foreign';
    this.#ssrc = ssrc;
    this.#newSsrcCount = 0;
    this.#remember();
    return 'resync';
  }

  #consider(address: string, port: number, ssrc: number, now: number): Verdict {
    if (address !== this.address || ssrc !== this.#ssrc || now - this.#lastHeardAt < REBIND_AFTER_MS) return 'foreign';
    this.#rebindCount = port === this.#rebindPort ? this.#rebindCount + 1 : 1;
    this.#rebindPort = port;
    if (this.#rebindCount < PACKETS_TO_LOCK) return 'foreign';
    this.port = port;
    this.#rebindCount = 0;
    this.#lastHeardAt = now;
    this.#remember();
    return 'moved';
  }

  #remember(): void {
    this.#memory.noteLocked(this.#trusted.indexOf(this.address), this.port, this.#ssrc);
  }
}
