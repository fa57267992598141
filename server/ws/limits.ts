/** Bounds of the WebSocket side. Times in ms, sizes in bytes. */
export interface StreamLimits {
  readonly maxSockets: number;
  readonly maxSocketsPerAddress: number;
  /** Largest message, and largest frame of the WebSocket protocol. */
  readonly maxMessageBytes: number;
  /** A reader with more than this waiting loses its oldest audio. */
  readonly shedBytes: number;
  /** A reader with more than this waiting is closed with 1013. */
  readonly closeBytes: number;
  readonly pingMs: number;
  /** Without a pong for so long after a ping the connection counts as dead. */
  readonly pongWaitMs: number;
  /** How long a closing handshake may take. */
  readonly closeGraceMs: number;
  /** Wrong messages in a row of `strikeMemoryMs` that are answered; the next one closes with 1008. */
  readonly strikes: number;
  readonly strikeMemoryMs: number;
  /** Units of work a client may ask for at once and per second; see `Allowance`. */
  readonly burst: number;
  readonly perSecond: number;
  /** Checkpoints that may wait to be played. */
  readonly checkpoints: number;
}

const KB = 1024;

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  maxSockets: 2000,
  maxSocketsPerAddress: 50,
  maxMessageBytes: 64 * KB,
  shedBytes: 256 * KB,
  closeBytes: 1024 * KB,
  pingMs: 15_000,
  pongWaitMs: 15_000,
  closeGraceMs: 5000,
  strikes: 10,
  strikeMemoryMs: 60_000,
  // More than the playback buffer holds in 20 ms messages, then several times real time.
  burst: 4000,
  perSecond: 250,
  checkpoints: 1000,
};
