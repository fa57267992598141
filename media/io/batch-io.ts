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
/** Room for packets of one call; more sockets are served in several. */
const RECEIVE_BYTES = 4 * 1024 * 1024;
const META_PACKETS = 4096;
/** Few enough that the first do not wait for the last, and that their bytes stay in the cache. */
const SENT_AT_ONCE = 64;
/** Room for one datagram: the largest codec's frame fits, L16 at 48 kHz. */
const LONGEST_DATAGRAM = 2048;
const RECEIVED = 5;
const SENT = 4;
const QUIET_EVERY_TICKS = 10;

/** Loads the addon; undefined when it was not built or does not fit this machine. */
export function loadBatchUdp(): BatchUdp | undefined {
  try {
    return createRequire(import.meta.url)('./native/batch-udp.node') as BatchUdp;
  } catch {
    return undefined;
  }
}

/** Sockets that were opened and not closed, packed for the addon. */
class SocketList {
  slots = new Int32Array(64);
  count = 0;

  add(slot: number): void {
    if (this.count === this.slots.length) {
      const grown = new Int32Array(this.count * 2);
      grown.set(this.slots);
      this.slots = grown;
    }
    this.slots[this.count] = slot;
    this.count += 1;
  }

  remove(slot: number): void {
    const at = this.slots.subarray(0, this.count).indexOf(slot);
    if (at < 0) return;
    this.count -= 1;
    this.slots[at] = this.slots[this.count]!;
  }
}

class BatchSocket implements PacketSocket {
  readonly slot: number;
  readonly port: number;
  readonly onPacket: PacketHandler;
  /** The far address of the last packet, as number and as text: it hardly ever changes. */
  sourceNumber = -1;
  sourceAddress = '';
  readonly #io: BatchIo;
  readonly #list: SocketList;
  #targetText = '';
  #targetNumber = 0;
  #closed = false;

  constructor(io: BatchIo, list: SocketList, slot: number, port: number, onPacket: PacketHandler) {
    this.#io = io;
    this.#list = list;
    this.slot = slot;
    this.port = port;
    this.onPacket = onPacket;
    list.add(slot);
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
    this.#list.remove(this.slot);
    this.#io.release(this.slot);
  }
}

/** All sockets of a mixer thread through the addon: one call receives for all of them, one call sends. */
export class BatchIo implements PacketIo {
  readonly #udp: BatchUdp;
  readonly #busy = new SocketList();
  readonly #quiet = new SocketList();
  readonly #sockets: (BatchSocket | undefined)[] = [];
  readonly #received = new Uint8Array(RECEIVE_BYTES);
  readonly #receivedMeta = new Float64Array(META_PACKETS * RECEIVED);
  readonly #outgoing = new Uint8Array(SENT_AT_ONCE * LONGEST_DATAGRAM);
  readonly #outgoingMeta = new Float64Array(SENT_AT_ONCE * SENT);
  #outgoingPackets = 0;
  #ticks = 0;

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
    const socket = new BatchSocket(this, quiet ? this.#quiet : this.#busy, slot, bound, onPacket);
    this.#sockets[slot] = socket;
    return Promise.resolve(socket);
  }

  receive(): void {
    this.#drain(this.#busy);
    if (this.#ticks % QUIET_EVERY_TICKS === 0) this.#drain(this.#quiet);
    this.#ticks += 1;
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

  release(slot: number): void {
    // What was queued for it must leave before the descriptor can belong to another socket.
    this.flush();
    this.#sockets[slot] = undefined;
    this.#udp.close(slot);
  }

  #drain(list: SocketList): void {
    const { slots, count } = list;
    const meta = this.#receivedMeta;
    for (let first = 0; first < count; first += SOCKETS_PER_CALL) {
      const some = first === 0 && count <= SOCKETS_PER_CALL ? slots : slots.subarray(first, first + SOCKETS_PER_CALL);
      const packets = this.#udp.receive(some, Math.min(SOCKETS_PER_CALL, count - first), this.#received, meta);
      for (let i = 0; i < packets; i++) this.#handOver(meta, i * RECEIVED);
    }
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

/** The receive buffer holds the most that so many sockets can give in one call. */
const SOCKETS_PER_CALL = 256;

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
