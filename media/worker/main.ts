/** A mixer thread: one clock, its conferences, its sockets. It waits to be told whose place it has. */

import { isIPv4 } from 'node:net';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { loadOpus } from '../codec/opus.ts';
import { BatchIo, loadBatchUdp } from '../io/batch-io.ts';
import { DgramIo } from '../io/dgram-io.ts';
import { systemClock } from '../time/clock.ts';
import { TickMark } from '../time/tick-mark.ts';
import { Ticker } from '../time/ticker.ts';
import { MixerWorker } from './mixer-worker.ts';
import type { Command, Report, WorkerSetup } from './protocol.ts';

const port = parentPort;
if (!port) throw new Error('a mixer runs as a worker thread');
const setup = workerData as WorkerSetup;
const mark = new TickMark(setup.tickMark);

// The thread that starts this one may have stepped back since the first mixers were started, and a priority is inherited.
try {
  if (process.platform === 'linux') setPriority(0, 0);
} catch {
  // That takes a privilege: it mixes at the weight of the main thread.
}

// Opus streams are set up synchronously later on, so its code must be here before the first of them.
await loadOpus();

const batchUdp = setup.batchIo && isIPv4(setup.rtpHost) ? loadBatchUdp() : undefined;

/** From now on a mixer in the place it was given. */
function begin({ index, origin, firstTick }: Extract<Command, { type: 'begin' }>): (command: Command) => void {
  const mixer = new MixerWorker({
    index,
    clock: systemClock,
    rtpHost: setup.rtpHost,
    io: batchUdp ? new BatchIo(batchUdp) : new DgramIo(systemClock),
    report,
  });
  const ticker = new Ticker(systemClock, origin, firstTick, (tick, latenessMs) => {
    mark.note(tick);
    mixer.tick(tick, latenessMs, ticker.skipped);
    if (mixer.streams > 0) mark.wake();
  });
  return (command) => {
    mixer.command(command);
    if (command.type === 'close') ticker.stop();
  };
}

function report(report: Report): void {
  port?.postMessage(report);
}

let take: ((command: Command) => void) | undefined;
port.on('message', (command: Command) => {
  if (command.type === 'begin') take = begin(command);
  else take?.(command);
  if (command.type === 'close') port.close();
});
report({ type: 'ready' });
