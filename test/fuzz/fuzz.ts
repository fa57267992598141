/**
 * Feeds all that reads strangers' bytes with spoiled ones:
 *
 *   npm run fuzz                              a minute for all of them together
 *   npm run fuzz -- --seconds 3600 --seed 7
 *   npm run fuzz -- --target sdp --target rtp
 *   npm run fuzz -- --target sdp --input fuzz-out/sdp-1-4711.bin      once more what broke it
 *
 * The same seed gives the same inputs. Ends with 1 when one of them broke something, and says how to repeat it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { feed, runFuzz } from './run.ts';
import { TARGETS } from './targets.ts';

const FOLDER = 'fuzz-out';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      target: { type: 'string', multiple: true, default: [] },
      input: { type: 'string' },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  const unknown = values.target.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0 || !(seconds > 0) || !Number.isInteger(seed)) {
    console.error(
      `--seconds and --seed take numbers; --target is one of\n${TARGETS.map(({ name, about }) => `  ${name.padEnd(16)} ${about}`).join('\n')}`,
    );
    return 2;
  }
  const chosen = TARGETS.filter(({ name }) => values.target.length === 0 || values.target.includes(name));
  if (values.input !== undefined) {
    const input = readFileSync(values.input);
    for (const target of chosen)
      console.log(`${target.name}: ${(await feed(target, input)) ? 'understood' : 'refused'}`);
    return 0;
  }
  console.log(`seed ${seed}, ${seconds} s for ${chosen.length} targets`);
  let failed = 0;
  for (const target of chosen) {
    const startedAt = performance.now();
    const { rounds, understood, failure } = await runFuzz(target, {
      seed,
      ms: (seconds * 1000) / chosen.length,
      progress: (done) => console.log(`  ${target.name}: ${done} inputs`),
    });
    const passed = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${target.name.padEnd(16)} ${String(rounds).padStart(9)} inputs, ${understood} understood, ${passed} s`,
    );
    if (rounds > 1000 && understood === 0) {
      failed += 1;
      console.error(`${target.name}: no input was understood, so this looks at refusals alone`);
    }
    if (!failure) continue;
    failed += 1;
    mkdirSync(FOLDER, { recursive: true });
    const path = join(FOLDER, `${target.name}-${seed}-${failure.round}.bin`);
    writeFileSync(path, failure.input);
    console.error(`BROKEN: ${target.name}, input ${failure.round} of seed ${seed}\n${failure.error.stack}`);
    console.error(`once more: npm run fuzz -- --target ${target.name} --input ${path}`);
  }
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main();
