import { z } from 'zod';
import type { Call, CallEndCause, Calls } from '../calls/index.ts';
import { type Store, Timeline } from '../store/index.ts';

const CAUSES = [
  'hangup',
  'kicked',
  'mpc_ended',
  'no_rtp',
  'lost',
  'shutdown',
  'hangup_api',
  'hangup_xml',
  'end_of_xml',
  'app_failed',
  'cancelled',
  'rejected',
  'busy',
  'no_answer',
  'failed',
] as const satisfies readonly CallEndCause[];

/** A call that is over, as it is kept. Times are ms since 1970. */
const endedCallRow = z.object({
  uuid: z.string(),
  direction: z.enum(['inbound', 'outbound']),
  from: z.string(),
  to: z.string(),
  createdAt: z.number(),
  answeredAt: z.number().optional(),
  endedAt: z.number(),
  endCause: z.enum(CAUSES),
  /** The MPC that it was in when it ended. */
  mpcUuid: z.string().optional(),
});

export type EndedCall = Readonly<z.output<typeof endedCallRow>>;

export interface EndedCallsDeps {
  readonly store: Store;
  /** Calls that stay readable; the oldest go first. */
  readonly max: number;
  /** There is one more than may stay: `sweep` is to be called. */
  readonly onSurplus: () => void;
}

/** The calls of earlier, on disk alone. One that a sudden end of the process cuts off leaves no trace but its membership. */
export class EndedCalls {
  readonly #deps: EndedCallsDeps;
  readonly #rows: Timeline<EndedCall>;
  #count = 0;

  constructor(deps: EndedCallsDeps) {
    this.#deps = deps;
    this.#rows = new Timeline<EndedCall>(deps.store, 'call', endedCallRow, ({ createdAt, uuid }) => ({
      time: createdAt,
      id: uuid,
    }));
  }

  /** To be called before anything else. */
  async recover(): Promise<void> {
    this.#count = await this.#rows.count();
  }

  /** Writes down what ends. Returns what ends that. */
  follow(calls: Pick<Calls, 'subscribe'>): () => void {
    return calls.subscribe((event) => {
      if (event.type !== 'ended') return;
      void this.#rows.put(rowOf(event.call, event.cause));
      this.#count += 1;
      if (this.#count > this.#deps.max) this.#deps.onSurplus();
    });
  }

  find(uuid: string): Promise<EndedCall | undefined> {
    return this.#rows.get(uuid);
  }

  /** The last to begin first. */
  newestFirst(): AsyncGenerator<EndedCall> {
    return this.#rows.newestFirst();
  }

  /** Forgets what ended before a time, and the oldest of what is too much. */
  async sweep(before: number): Promise<void> {
    const isSurplus = (): boolean => this.#count > this.#deps.max;
    for await (const row of this.#rows.overdue(before, ({ endedAt }) => endedAt, isSurplus)) {
      this.#count -= 1;
      await this.#rows.remove(row);
    }
  }
}

function rowOf(call: Call, endCause: CallEndCause): EndedCall {
  return {
    uuid: call.uuid,
    direction: call.direction,
    from: call.from,
    to: call.to,
    createdAt: call.createdAt.getTime(),
    answeredAt: call.answeredAt?.getTime(),
    endedAt: call.endedAt?.getTime() ?? call.createdAt.getTime(),
    endCause,
    mpcUuid: call.place.in === 'mpc' ? call.place.mpc.uuid : undefined,
  };
}
