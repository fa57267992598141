/**
 * Measures the built server and prints tables; keeps everything as JSON in `bench-out/`.
 *
 *   npm run bench                              all parts, three runs each
 *   npm run bench -- legs play                 some parts
 *   npm run bench -- --size short|tiny         one run each; tiny only shows that the benchmark works
 *   npm run bench -- legs --legs 400,1000      at these numbers of legs
 *
 * Ends with 1 when something was wrong whatever the speed: a silent leg, a wrong tone, a gap in a sequence.
 */
import { parseArgs } from 'node:util';
import { buildGenerator, Generator } from './load/generator.ts';
import { chooseCores, describeMachine, pin, UNPINNED } from './machine.ts';
import { Bench, type Part, type PartResult, SIZES } from './part.ts';
import { broadcast } from './parts/broadcast.ts';
import { burst } from './parts/burst.ts';
import { growth } from './parts/growth.ts';
import { idle } from './parts/idle.ts';
import { janus } from './parts/janus.ts';
import { legs } from './parts/legs.ts';
import { m2e } from './parts/m2e.ts';
import { max } from './parts/max.ts';
import { memory } from './parts/memory.ts';
import { mixer } from './parts/mixer.ts';
import { play } from './parts/play.ts';
import { tick } from './parts/tick.ts';
import { workers } from './parts/workers.ts';
import { keepResults } from './report/results.ts';
import { printTable } from './report/table.ts';

const PARTS: readonly Part[] = [
  mixer,
  legs,
  janus,
  max,
  tick,
  play,
  m2e,
  broadcast,
  burst,
  idle,
  memory,
  growth,
  workers,
];
const FOLDER = 'bench-out';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { size: { type: 'string', default: 'full' }, legs: { type: 'string', default: '' } },
  });
  const size = SIZES[values.size as keyof typeof SIZES];
  const unknown = positionals.filter((name) => !PARTS.some((part) => part.name === name));
  if (!size || unknown.length > 0) {
    const known = PARTS.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n');
    console.error(
      `unknown: ${[...unknown, ...(size ? [] : [`--size ${values.size}`])].join(', ')}; parts are\n${known}`,
    );
    return 2;
  }
  const generatorPath = buildGenerator(FOLDER);
  if (generatorPath === undefined) {
    console.error('the benchmark needs a C compiler (cc) for its load generator: install gcc or clang');
    return 2;
  }
  const machine = describeMachine();
  const cores = size.partsAtOnce > 1 ? UNPINNED : chooseCores();
  if (cores.driver !== undefined) pin(process.pid, String(cores.driver));
  const probe = await Generator.start(generatorPath, cores.load);
  const generator = { pinned: probe.pinned, realtime: probe.realtime };
  await probe.stop();
  console.log(
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}, ${machine.date}`,
  );
  console.log(
    `Size ${size.name}. Server on core ${cores.server ?? 'any'}, load on core ${cores.load ?? 'any'}${generator.realtime ? ', before all other processes there' : ''}.\n`,
  );

  const bench = new Bench({ size, cores, generatorPath, legs: values.legs.split(',').filter(Boolean).map(Number) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => bench.stop().finally(() => process.exit(1)));
  const results: Record<string, PartResult> = {};
  const faults: string[] = [];
  const queue = PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const runOne = async (part: Part): Promise<void> => {
    const begun = performance.now();
    bench.progress(`${part.name}: ${part.about}`);
    // A part that breaks is a fault; what the others measured is not lost with it.
    const result = await part.run(bench).catch((error: Error): PartResult => {
      const cause = error.cause instanceof Error ? `\n${error.cause.stack}` : '';
      return { tables: [], data: null, faults: [`${part.name} broke off: ${error.stack}${cause}`] };
    });
    results[part.name] = result;
    faults.push(...result.faults);
    for (const table of result.tables) console.log(printTable(table));
    for (const note of result.notes ?? []) console.log(note);
    console.log(`(${part.name} took ${((performance.now() - begun) / 1000).toFixed(0)} s)\n`);
  };
  const lane = async (): Promise<void> => {
    for (let part = queue.shift(); part; part = queue.shift()) await runOne(part);
  };
  await Promise.all(Array.from({ length: size.partsAtOnce }, lane));
  console.log(`Kept in ${keepResults(FOLDER, { machine, size: size.name, generator, parts: results })}`);
  for (const fault of faults) console.error(`WRONG: ${fault}`);
  return faults.length > 0 ? 1 : 0;
}

process.exitCode = await main();
