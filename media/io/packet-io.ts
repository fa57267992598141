/**
 * Takes a datagram. `bytes[start, end)` is only valid during the call and may be written to in it; `arrivedAt` is on the
 * process's monotonic clock, in ms.
 */
export type PacketHandler = (
  bytes: Uint8Array,
  start: number,
  end: number,
  address: string,
  port: number,
  arrivedAt: number,
) => void;

/** One bound UDP port. Packets that cannot be sent are dropped: RTP has no use for a late one. */
export interface PacketSocket {
  readonly port: number;
  /**
   * Sends one datagram of a head and a body, now or with the tick's others; both may be written again when it returns. They
   * are apart because many members are sent the same body.
   */
  send(head: Uint8Array, body: Uint8Array, address: string, port: number): void;
  /** Idempotent. No packet is handed over afterwards. */
  close(): void;
}

/** How a mixer thread reaches the network. */
export interface PacketIo {
  /**
   * Binds a port. Rejects with the system's error, such as EADDRINUSE. A `quiet` socket carries little and may be looked at
   * less often than every tick (RTCP).
   */
  open(host: string, port: number, quiet: boolean, onPacket: PacketHandler): Promise<PacketSocket>;
  /** Hands over what has arrived at these sockets. A back end driven by events has nothing to do. */
  receive(sockets: readonly PacketSocket[]): void;
  /** The same for the quiet sockets, some of them at each tick. */
  receiveQuiet(): void;
  /** Lets go of what was sent in this tick. */
  flush(): void;
}
