/**
 * Lets a server of its own live for a while as busy servers do, and looks for what grows, gets lost or comes twice:
 *
 *   npm run soak                      10 minutes
 *   npm run soak -- --minutes 0.3
 *   npm run soak -- --hours 8
 *
 * Ends with a table, and with 1 when something that must hold does not. Linux only.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startServer } from '../support/server.ts';
import { StallWatch } from '../support/stall-watch.ts';
import { Ledger } from './ledger.ts';
import { Surroundings, Traffic } from './traffic.ts';
import { rowsOf, tableOf } from './verdict.ts';
import { readVitals, type Vitals } from './vitals.ts';

const LOOK_EVERY_MS = 5000;
/** Longer than all attempts at a callback take, and than the longest source that is given up. */
const DRAIN_MS = 60_000;

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, hours: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const minutes = values.hours === undefined ? Number(values.minutes ?? 10) : Number(values.hours) * 60;
if (!(minutes > 0)) throw new Error('--minutes and --hours take a number above 0');

const around = await Surroundings.start();
const server = await startServer({
  LOG_LEVEL: 'info',
  FETCH_ALLOW: `${around.clips.allow},${around.receiver.allow}`,
  STATUS_CALLBACK_URL: around.receiver.url('/status'),
  // Kept rows are no leak: with few of them the memory is flat as soon as they are full.
  ENDED_MPCS_KEPT: '20',
  ENDED_CALLS_KEPT: '200',
  PLAYS_KEPT: '50',
  CLIP_CACHE_BYTES: '4194304',
});
const machine = new StallWatch();
const startedAt = performance.now();
const seconds = (): number => (performance.now() - startedAt) / 1000;
const idle = await readVitals(server, 0);
const ledger = new Ledger();
const traffic = new Traffic(server, around, ledger, Number(values.seed));
const course: Vitals[] = [];

while (seconds() < minutes * 60) {
  await wait(Math.min(LOOK_EVERY_MS, Math.max(100, (minutes * 60 - seconds()) * 1000)));
  const now = await readVitals(server, seconds());
  course.push(now);
  const { counts } = traffic;
  console.log(
    `${now.at.toFixed(0).padStart(6)} s  ${now.rssMb.toFixed(0)} MB  ${now.descriptors} fds  ${now.sockets} sockets  ` +
      `${now.children} children  ${now.metrics.get('partyline_members') ?? 0} members  ${counts.calls} calls  ` +
      `${ledger.plays} plays (${ledger.open} open)  ${ledger.events} callbacks  ` +
      `${now.metrics.get('partyline_ticks_skipped_total') ?? 0} ticks skipped`,
  );
}

await traffic.stop();
// All that is under way comes to its end: the last callbacks, the last ffmpeg, what listens to nobody any more.
const isStill = ({ metrics, children }: Vitals): boolean =>
  [
    'partyline_members',
    'partyline_plays_active',
    'partyline_callback_queue_depth',
    'partyline_recordings_active',
  ].every((name) => (metrics.get(name) ?? 0) === 0) && children === 0;
let end = await readVitals(server, seconds());
for (const deadline = performance.now() + DRAIN_MS; performance.now() < deadline; ) {
  if (isStill(end) && ledger.open === 0 && end.descriptors <= idle.descriptors + 4) break;
  await wait(500);
  end = await readVitals(server, seconds());
}
machine.stop();
const log = server.log();
const exit = await server.stop();
const rows = rowsOf({
  minutes,
  course,
  idle,
  end,
  exit,
  stalledMs: machine.stalledMs,
  stumbles: around.stumbles,
  judgement: ledger.judge(),
  counts: traffic.counts,
});
await around.close();
console.log(`\n${tableOf(rows)}`);
for (const trouble of traffic.troubles) console.log(`not as expected: ${trouble}`);
const failed = rows.filter(({ ok }) => ok === false);
if (failed.length > 0) console.log(log.split('\n').slice(-20).join('\n'));
process.exit(failed.length > 0 ? 1 : 0);
