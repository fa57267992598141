/** Packets refused, by reason. */
export class DiscardCounters {
  /** Too much was waiting: the oldest are dropped. */
  overflow = 0;
  /** Far from the stream's numbers; more packets like it move the stream there. */
  jump = 0;
  /** No payload, or one larger than any packet of an unfragmented datagram. */
  size = 0;
  /** The decoder made nothing of it. */
  undecodable = 0;
}

/** What the receiving side of a leg counts from its making on; `Playout.reset` does not clear it. */
export class PlayoutCounters {
  /** Packets inserted, whatever became of them. */
  received = 0;
  /** Sequence numbers whose time passed without them, less those that came late. */
  lost = 0;
  /** Packets that came after their time and were dropped. */
  late = 0;
  /** Packets that were there already. */
  duplicate = 0;
  /** Packets in time, but behind a newer one. */
  reordered = 0;
  /** Frames pulled in all, once the stream had begun. */
  frames = 0;
  /** Of these, frames that hold concealment. */
  concealedFrames = 0;
  /** Lost packets rebuilt from the next one's forward error correction. */
  recovered = 0;
  /** Times nothing was there to play in time, silence on purpose included. */
  starved = 0;
  /** Times the stream went on elsewhere: its sequence or timestamps jumped. */
  resyncs = 0;
  /** Times that sound was shortened or lengthened to correct the delay. */
  stretched = 0;
  readonly discarded = new DiscardCounters();
}
