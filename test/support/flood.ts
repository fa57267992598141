/**
 * A busy day for a server's HTTP side, in a process of its own so that it does not disturb who measures:
 *
 *   tsx test/support/flood.ts '{"account": "http://…/v1/Account/ID", "authorization": "Basic …", "mpc": "flood", …}'
 *
 * Until SIGTERM: lists and unknown paths as fast as four polite clients can ask, bodies that are as large as the server
 * takes, and a play of a file never seen before every second. Then prints what it did as one line of JSON.
 */
import { setTimeout as wait } from 'node:timers/promises';

export interface FloodOptions {
  /** Such as `http://127.0.0.1:8080/v1/Account/MA…`. */
  readonly account: string;
  readonly authorization: string;
  /** Friendly name of an MPC with members to play to. */
  readonly mpc: string;
  /** A clip; a query makes a new one of it each time. */
  readonly clip: string;
  /** Keys in each large body. */
  readonly keys: number;
}

export interface FloodDone {
  readonly requests: number;
  readonly largeBodies: number;
  readonly plays: number;
  /** Requests that got no answer, or one of 500 and above. */
  readonly failures: number;
}

const CLIENTS = 4;
const PAUSE_MS = 5;
const PLAY_EVERY_MS = 1000;
const LARGE_EVERY_MS = 5000;

async function flood({ account, authorization, mpc, clip, keys }: FloodOptions): Promise<void> {
  const done = { requests: 0, largeBodies: 0, plays: 0, failures: 0 };
  let over = false;
  process.once('SIGTERM', () => {
    over = true;
  });
  const ask = async (method: string, path: string, body?: string, more?: Record<string, string>): Promise<number> => {
    try {
      const headers = { authorization, ...(body !== undefined && { 'content-type': 'application/json' }), ...more };
      const answer = await fetch(account + path, { method, headers, ...(body !== undefined && { body }) });
      await answer.arrayBuffer();
      done.requests += 1;
      if (answer.status >= 500) done.failures += 1;
      return answer.status;
    } catch {
      done.failures += 1;
      return 0;
    }
  };
  const repeat = async (everyMs: number, what: (round: number) => Promise<unknown>): Promise<void> => {
    for (let round = 0; !over; round++) {
      await what(round);
      await wait(everyMs);
    }
  };
  const paths = [
    '/MultiPartyCall/',
    `/MultiPartyCall/name_${mpc}/Participant/`,
    '/MultiPartyCall/name_nobody/',
    '/None/',
  ];
  const large = JSON.stringify(Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i.toString(36)}`, 0])));
  const play = `/MultiPartyCall/name_${mpc}/Member/all/Play/`;
  process.stdout.write('flooding\n');
  await Promise.all([
    ...Array.from({ length: CLIENTS }, (_, i) =>
      repeat(PAUSE_MS, (round) => ask('GET', paths[(round + i) % 4] ?? '/')),
    ),
    // A key makes the server go through all of the body a second time.
    repeat(LARGE_EVERY_MS, async (round) => {
      if ((await ask('POST', play, large, { 'idempotency-key': `${round}` })) === 400) done.largeBodies += 1;
    }),
    repeat(PLAY_EVERY_MS, async (round) => {
      const body = JSON.stringify({ url: `${clip}?round=${round}`, mode: 'replace' });
      if ((await ask('POST', play, body)) === 202) done.plays += 1;
    }),
  ]);
  process.stdout.write(`${JSON.stringify(done satisfies FloodDone)}\n`);
}

await flood(JSON.parse(process.argv[2] ?? '') as FloodOptions);
