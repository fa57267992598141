import { createRequire } from 'node:module';
import type { PacketHandler, PacketIo, PacketSocket } from './packet-io.ts';

/** What `native/batch-udp.c` exports. */
interface BatchUdp {
  open(host: string, port: number, receiveBufferBytes: number): number | [slot: number, port: number];
  close(slot: number): void;
  receive(slots: Int32Array, count: number, bytes: Uint8Array, meta: Float64Array): number;
  send(bytes: Uint8Array, meta: Float64Array, count: number): number;
}

const RECEIVE_BUFFER_BYTES = 64 * 1024;
/** Sockets of one call, and the most packets that the addon takes from one socket: its buffers hold as many. */
const SOCKETS_PER_CALL = 64;
const PACKETS_PER_SOCKET = 8;
/**
 * A socket that was full is looked at again so often: about all that its buffer holds. Else a few hundred packets a second
 * of a stranger, which the leg would drop, would keep those of the call waiting until they are too late.
 */
const TURNS_OF_FULL_SOCKETS = 16;
/** Few enough that the first do not wait for the last, and that their bytes stay in the cache. */
const SENT_AT_ONCE = 64;
/** Room for one datagram: the largest codec's frame fits, L16 at 48 kHz. */
const LONGEST_DATAGRAM = 2048;
const RECEIVED = 5;
const SENT = 4;
/** A quiet socket is looked at in one tick of so many. */
const QUIET_TURNS = 10;

/** Loads the addon; undefined when it was not built or does not fit this machine. */
export function loadBatchUdp(): BatchUdp | undefined {
  try {
    return createRequire(import.meta.url)('./native/batch-udp.node') as BatchUdp;
  } catch {
    return undefined;
  }
}

class BatchSocket implements PacketSocket {
  readonly slot: number;
  readonly port: number;
  readonly onPacket: PacketHandler;
  /** The far address of the last packet, as number and as text: it hardly ever changes. */
  sourceNumber = -1;
  sourceAddress = '';
  readonly quiet: boolean;
  readonly #io: BatchIo;
  #targetText = '';
  #targetNumber = 0;
  #closed = false;

  constructor(io: BatchIo, slot: number, port: number, quiet: boolean, onPacket: PacketHandler) {
    this.#io = io;
    this.slot = slot;
    this.port = port;
    this.quiet = quiet;
    this.onPacket = onPacket;
  }

  send(head: Uint8Array, body: Uint8Array, address: string, port: number): void {
    if (this.#closed) return;
    if (address !== this.#targetText) {
      this.#targetText = address;
      this.#targetNumber = numberOf(address);
    }
    this.#io.queue(this.slot, head, body, this.#targetNumber * 65536 + port);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#io.release(this);
  }
}

/** All sockets of a mixer thread through the addon: one call receives for all of them, one call sends. */
export class BatchIo implements PacketIo {
  readonly #udp: BatchUdp;
  readonly #sockets: (BatchSocket | undefined)[] = [];
  readonly #quiet: BatchSocket[] = [];
  /** Where the next turn of the quiet ones begins. */
  #quietAt = 0;
  readonly #slots = new Int32Array(SOCKETS_PER_CALL);
  readonly #received = new Uint8Array(SOCKETS_PER_CALL * PACKETS_PER_SOCKET * LONGEST_DATAGRAM);
  readonly #receivedMeta = new Float64Array(SOCKETS_PER_CALL * PACKETS_PER_SOCKET * RECEIVED);
  readonly #outgoing = new Uint8Array(SENT_AT_ONCE * LONGEST_DATAGRAM);
  readonly #outgoingMeta = new Float64Array(SENT_AT_ONCE * SENT);
  #outgoingPackets = 0;

  constructor(udp: BatchUdp) {
    this.#udp = udp;
  }

  open(host: string, port: number, quiet: boolean, onPacket: PacketHandler): Promise<PacketSocket> {
    const opened = this.#udp.open(host, port, RECEIVE_BUFFER_BYTES);
    if (typeof opened === 'number') {
      const code = CODES.get(-opened) ?? `errno ${-opened}`;
      return Promise.reject(Object.assign(new Error(`bind ${code} ${host}:${port}`), { code }));
    }
    const [slot, bound] = opened;
    const socket = new BatchSocket(this, slot, bound, quiet, onPacket);
    this.#sockets[slot] = socket;
    if (quiet) this.#quiet.push(socket);
    return Promise.resolve(socket);
  }

  receive(sockets: readonly PacketSocket[]): void {
    for (let first = 0; first < sockets.length; first += SOCKETS_PER_CALL) {
      const count = Math.min(SOCKETS_PER_CALL, sockets.length - first);
      // Only sockets of this back end come back to it.
      for (let i = 0; i < count; i++) this.#slots[i] = (sockets[first + i] as BatchSocket).slot;
      this.#drain(count);
    }
  }

  receiveQuiet(): void {
    const quiet = this.#quiet;
    let left = Math.ceil(quiet.length / QUIET_TURNS);
    while (left > 0) {
      const count = Math.min(SOCKETS_PER_CALL, left);
      for (let i = 0; i < count; i++) {
        this.#quietAt = this.#quietAt + 1 < quiet.length ? this.#quietAt + 1 : 0;
        this.#slots[i] = quiet[this.#quietAt]!.slot;
      }
      this.#drain(count);
      left -= count;
    }
  }

  flush(): void {
    if (this.#outgoingPackets === 0) return;
    this.#udp.send(this.#outgoing, this.#outgoingMeta, this.#outgoingPackets);
    this.#outgoingPackets = 0;
  }

  queue(slot: number, head: Uint8Array, body: Uint8Array, target: number): void {
    const length = head.length + body.length;
    if (length > LONGEST_DATAGRAM) return;
    if (this.#outgoingPackets === SENT_AT_ONCE) this.flush();
    const meta = this.#outgoingMeta;
    const at = this.#outgoingPackets * SENT;
    const start = this.#outgoingPackets * LONGEST_DATAGRAM;
    const outgoing = this.#outgoing;
    meta[at] = slot;
    meta[at + 1] = start;
    meta[at + 2] = length;
    meta[at + 3] = target;
    for (let i = 0; i < head.length; i++) outgoing[start + i] = head[i]!;
    outgoing.set(body, start + head.length);
    this.#outgoingPackets += 1;
  }

  release(socket: BatchSocket): void {
    // What was queued for it must leave before the descriptor can belong to another socket.
    this.flush();
    this.#sockets[socket.slot] = undefined;
    if (socket.quiet) this.#quiet.splice(this.#quiet.indexOf(socket), 1);
    this.#udp.close(socket.slot);
  }

  /** Takes what arrived at the first `count` of `#slots`. */
  #drain(count: number): void {
    const meta = this.#receivedMeta;
    let left = count;
    for (let turn = 0; left > 0 && turn < TURNS_OF_FULL_SOCKETS; turn++) {
      const packets = this.#udp.receive(this.#slots, left, this.#received, meta);
      for (let i = 0; i < packets; i++) this.#handOver(meta, i * RECEIVED);
      left = this.#keepFullSlots(packets);
    }
  }

  /** Leaves in `#slots` those that gave as many packets as they may at once, one behind the other; returns how many. */
  #keepFullSlots(packets: number): number {
    const meta = this.#receivedMeta;
    let full = 0;
    for (let last = PACKETS_PER_SOCKET - 1; last < packets; last++) {
      const slot = meta[last * RECEIVED]!;
      if (meta[(last - PACKETS_PER_SOCKET + 1) * RECEIVED] === slot) this.#slots[full++] = slot;
    }
    return full;
  }

  #handOver(meta: Float64Array, at: number): void {
    const socket = this.#sockets[meta[at]!];
    if (!socket) return;
    const source = meta[at + 3]!;
    const address = Math.floor(source / 65536);
    if (address !== socket.sourceNumber) {
      socket.sourceNumber = address;
      socket.sourceAddress = textOf(address);
    }
    const start = meta[at + 1]!;
    const port = source - address * 65536;
    socket.onPacket(this.#received, start, start + meta[at + 2]!, socket.sourceAddress, port, meta[at + 4]!);
  }
}

const CODES: ReadonlyMap<number, string> = new Map([
  [13, 'EACCES'],
  [22, 'EINVAL'],
  [24, 'EMFILE'],
  [98, 'EADDRINUSE'],
  [99, 'EADDRNOTAVAIL'],
]);

function numberOf(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
