/** Takes a datagram. `bytes` is only valid during the call. */
export type PacketHandler = (bytes: Uint8Array, address: string, port: number) => void;

/** One bound UDP port. Packets that cannot be sent are dropped: RTP has no use for a late one. */
export interface PacketSocket {
  readonly port: number;
  /** Sends at once; `bytes` may be written again when it returns. */
  send(bytes: Uint8Array, address: string, port: number): void;
  /** Idempotent. No packet is handed over afterwards. */
  close(): void;
}

/** Binds a port. Rejects with the system's error, such as EADDRINUSE. */
export type OpenPacketSocket = (host: string, port: number, onPacket: PacketHandler) => Promise<PacketSocket>;
