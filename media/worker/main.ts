/** A mixer thread: one clock, its conferences, its sockets. Started by `pool.ts`. */

import { isIPv4 } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { loadOpus } from '../codec/opus.ts';
import { BatchIo, loadBatchUdp } from '../io/batch-io.ts';
import { DgramIo } from '../io/dgram-io.ts';
import { systemClock } from '../time/clock.ts';
import { Ticker } from '../time/ticker.ts';
import { MixerWorker } from './mixer-worker.ts';
import type { Command, Report, WorkerSetup } from './protocol.ts';

const port = parentPort;
if (!port) throw new Error('a mixer runs as a worker thread');
const setup = workerData as WorkerSetup;
const tickCount = new Int32Array(setup.tickCount);

// Opus streams are set up synchronously later on, so its code must be here before the first of them.
await loadOpus();

const batchUdp = setup.batchIo && isIPv4(setup.rtpHost) ? loadBatchUdp() : undefined;
const mixer = new MixerWorker({
  index: setup.index,
  clock: systemClock,
  rtpHost: setup.rtpHost,
  io: batchUdp ? new BatchIo(batchUdp) : new DgramIo(systemClock),
  report: (report: Report) => port.postMessage(report),
});

const ticker = new Ticker(systemClock, (tick, latenessMs) => {
  mixer.tick(tick, latenessMs, ticker.skipped);
  if (mixer.streams === 0) return;
  Atomics.add(tickCount, 0, 1);
  Atomics.notify(tickCount, 0);
});

port.on('message', (command: Command) => {
  mixer.command(command);
  if (command.type !== 'close') return;
  ticker.stop();
  port.close();
});
port.postMessage({ type: 'ready' } satisfies Report);
