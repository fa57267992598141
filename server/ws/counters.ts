/** Codes we count by; a client may send any from 3000 to 4999, which would be labels without end. */
const COUNTED_CODES = new Set([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013]);

/** Why audio of a stream was lost. */
export type AudioLoss = 'slow_reader' | 'playback_full';

/** Totals of the WebSocket side since its start; keys come from closed sets. */
export interface StreamStats {
  readonly open: number;
  readonly accepted: number;
  /** By HTTP status. */
  readonly refused: Readonly<Record<string, number>>;
  /** By close code, `other` for those an application made up; the code we sent, else the client's. */
  readonly closed: Readonly<Record<string, number>>;
  /** Messages of audio lost, by cause: towards a slow reader, or from a client that ran ahead of its playback. */
  readonly dropped: Readonly<Record<AudioLoss, number>>;
  readonly wrongMessages: number;
}

/** Counts what streams do; shared by all of them. */
export class StreamCounters {
  accepted = 0;
  wrongMessages = 0;
  readonly #refused = new Map<string, number>();
  readonly #closed = new Map<string, number>();
  readonly #dropped: Record<AudioLoss, number> = { slow_reader: 0, playback_full: 0 };

  refused(status: number): void {
    count(this.#refused, String(status));
  }

  closed(code: number): void {
    count(this.#closed, COUNTED_CODES.has(code) ? String(code) : 'other');
  }

  wrongMessage(): void {
    this.wrongMessages += 1;
  }

  dropped(cause: AudioLoss, messages = 1): void {
    this.#dropped[cause] += messages;
  }

  snapshot(open: number): StreamStats {
    return {
      open,
      accepted: this.accepted,
      refused: Object.fromEntries(this.#refused),
      closed: Object.fromEntries(this.#closed),
      dropped: { ...this.#dropped },
      wrongMessages: this.wrongMessages,
    };
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
