import type { DropReason } from './observer.ts';
import type { ReadResult } from './reader.ts';

/** A way back to one peer: a UDP address, or one connection. */
export interface Flow {
  readonly transport: 'UDP' | 'TCP' | 'TLS';
  /** Where packets really come from; IPv4 is never written as IPv6. */
  readonly address: string;
  readonly port: number;
  /** Whom the peer's certificate names, where we verified it. */
  readonly name?: string | undefined;
  /** Connections repeat lost bytes themselves, so SIP does not (RFC 3261 section 17.1.1.2). */
  readonly reliable: boolean;
  readonly open: boolean;
  /** Bytes for a flow that is closed are dropped, and counted. */
  send(bytes: Buffer): void;
  /** Keeps the connection from being closed as idle until the returned function is called. */
  hold(): () => void;
  /** Calls `run` once when the connection closes, until the returned function is called. */
  onClose(run: () => void): () => void;
}

/** How hard a source presses: `shed` asks for a refusal, `drop` for nothing at all. */
export type Pressure = 'pass' | 'shed' | 'drop';

/** Who takes what the transports bring. */
export interface Receiver {
  /** Asked before anything is parsed. */
  pressure(address: string): Pressure;
  /** True while an answer to a request of ours may come. */
  awaitsResponses(): boolean;
  receive(read: ReadResult, flow: Flow, pressure: Pressure): void;
  dropped(reason: DropReason): void;
}

/** One kind of socket. */
export interface Transport {
  close(): Promise<void>;
}

/** One that can also begin. */
export interface ConnectingTransport extends Transport {
  /** A flow to a peer. What is sent before it stands waits. `name`: whom its certificate must name, by TLS; else its address. */
  connect(address: string, port: number, name?: string): Flow;
}
