/**
 * Attacks a server of its own in every way there is, alone and beside calls, and looks whether the calls have anything of it:
 *
 *   npm run fire                                         every attack alone (two calls), then beside 200
 *   npm run fire -- --attack sdp --attack http --seconds 30
 *   npm run fire -- --legs 64 --seed 7 --only beside     beside 64 calls only; `--only alone`: the other half
 *
 * `--attack everything` is all of them at once, and comes last by default. Ends with a table, and with 1 when something that
 * must hold does not. Linux only, with a C compiler.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildGenerator } from '../bench/load/generator.ts';
import { describeMachine } from '../bench/machine.ts';
import { ATTACKS, together } from './attacks.ts';
import { Field } from './field.ts';
import { judge, type Row, tableOf } from './verdict.ts';

/** Somebody has to be there whose packets can be aimed at. */
const ALONE_LEGS = 2;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      attack: { type: 'string', multiple: true, default: [] },
      legs: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
  });
  const [legs, seconds, seed] = [Number(values.legs), Number(values.seconds), Number(values.seed)];
  const all = [...ATTACKS, together(ATTACKS)];
  const unknown = values.attack.filter((name) => !all.some((attack) => attack.name === name));
  if (unknown.length > 0 || !(legs >= ALONE_LEGS && seconds > 0) || !['', 'alone', 'beside'].includes(values.only)) {
    console.error(
      `--legs and --seconds take numbers, --only alone or beside; --attack is one of\n${all.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join('\n')}`,
    );
    return 2;
  }
  const generator = buildGenerator(join(tmpdir(), 'partyline-load'));
  if (generator === undefined) {
    console.error('the callers need a C compiler (cc): install gcc or clang');
    return 2;
  }
  const machine = describeMachine();
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}, ${machine.date}, seed ${seed}`,
  );
  const chosen = all.filter(({ name }) => values.attack.length === 0 || values.attack.includes(name));
  const rows: Row[] = [];
  const faults: string[] = [];
  for (const [half, count] of [
    ['alone', ALONE_LEGS],
    ['beside', legs],
  ] as const) {
    if (values.only !== '' && values.only !== half) continue;
    const field = await Field.open(generator, count);
    for (const attack of chosen) {
      const row = await field.face(attack, seconds, seed);
      rows.push(row);
      const wrong = judge(row);
      faults.push(...wrong.map((what) => `${row.attack} beside ${count} calls: ${what}`));
      console.log(
        `${attack.name.padEnd(18)} beside ${count}: ${row.sent} sent, ${wrong.length === 0 ? 'all is well' : wrong.join('; ')}${row.note === '' ? '' : ` (${row.note})`}`,
      );
      if (!row.alive) break;
    }
    const words = field.lastWords;
    const exit = await field.close();
    if (exit !== 0) faults.push(`the server ended with ${exit}:\n${words}`);
  }
  console.log(`\n${tableOf(rows)}`);
  for (const fault of faults) console.error(`WRONG: ${fault}`);
  return faults.length > 0 ? 1 : 0;
}

process.exitCode = await main();
