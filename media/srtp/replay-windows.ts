/** Packets behind the newest that may still come, each once (RFC 3711 section 3.3.2 asks for 64 at least). */
export const WINDOW = 64;
/** Streams of one key that are remembered: a peer has one, and another SSRC after a transfer or a restart. */
const STREAMS = 4;
const CELLS = { used: 0, ssrc: 1, high: 2, low: 3, seen: 4, seenBefore: 5 } as const;
const STREAM_CELLS = 6;
export const REPLAY_CELLS = STREAMS * STREAM_CELLS;

/**
 * The newest index of each stream, and which of those just behind it have come. Lies in shared memory, so that whoever makes
 * a leg again refuses what was taken before. An index is `high` × 2^16 + `low`. Only what was authenticated may be noted.
 */
export class ReplayWindows {
  readonly #cells: Int32Array;
  /** The stream of the packet noted last: not the one to forget for another. */
  #current = -1;

  constructor(cells: Int32Array) {
    this.#cells = cells;
  }

  /** The place of a stream; -1 for one that is not known. */
  find(ssrc: number): number {
    const cells = this.#cells;
    for (let at = 0; at < REPLAY_CELLS; at += STREAM_CELLS)
      if (cells[at + CELLS.ssrc] === ssrc && cells[at] !== 0) return at;
    return -1;
  }

  high(place: number): number {
    return this.#cells[place + CELLS.high]!;
  }

  low(place: number): number {
    return this.#cells[place + CELLS.low]!;
  }

  /** Whether a packet so far ahead of the newest has come, or is too old to say. */
  isReplay(place: number, ahead: number): boolean {
    if (ahead > 0) return false;
    if (ahead <= -WINDOW) return true;
    const seen = this.#cells[place + (ahead > -32 ? CELLS.seen : CELLS.seenBefore)]!;
    return ((seen >>> (-ahead & 31)) & 1) !== 0;
  }

  /** Takes note of a packet so far ahead of the newest, with its index. */
  note(place: number, ahead: number, high: number, low: number): void {
    const cells = this.#cells;
    const seen = cells[place + CELLS.seen]!;
    this.#current = place;
    if (ahead <= 0) {
      cells[place + (ahead > -32 ? CELLS.seen : CELLS.seenBefore)]! |= 1 << (-ahead & 31);
      return;
    }
    let before = 0;
    if (ahead < 32) before = (cells[place + CELLS.seenBefore]! << ahead) | (seen >>> (32 - ahead));
    else if (ahead < WINDOW) before = seen << (ahead - 32);
    cells[place + CELLS.seenBefore] = before;
    cells[place + CELLS.seen] = ahead < 32 ? (seen << ahead) | 1 : 1;
    cells[place + CELLS.high] = high;
    cells[place + CELLS.low] = low;
  }

  /** Begins a stream with its first packet, in the place of one that is over if need be. */
  begin(ssrc: number, high: number, low: number): void {
    const cells = this.#cells;
    const at = this.#current < 0 ? 0 : (this.#current + STREAM_CELLS) % REPLAY_CELLS;
    cells[at + CELLS.ssrc] = ssrc;
    cells[at + CELLS.high] = high;
    cells[at + CELLS.low] = low;
    cells[at + CELLS.seen] = 1;
    cells[at + CELLS.seenBefore] = 0;
    cells[at + CELLS.used] = 1;
    this.#current = at;
  }
}
