/** A server under load, whatever it is: legs are let into rooms and exchange RTP from then on. */
export interface System {
  readonly name: string;
  readonly pid: number;
  /** Lets a leg whose RTP comes from `rtpPort` into a room; returns the port that takes its RTP. */
  admit(room: string, rtpPort: number): Promise<number>;
  /** Legs are let in so many at a time. */
  readonly admitAtOnce: number;
  /** The end of what it wrote, for whoever wonders why it failed. */
  lastWords(): string;
  stop(): Promise<void>;
}
