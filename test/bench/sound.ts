/**
 * Measures what the sound path does to sound, on a fake clock and without a network: prints the tables of docs/sound.md.
 *
 *   npx tsx test/bench/sound.ts            prints
 *   npx tsx test/bench/sound.ts --write    also puts the tables into docs/sound.md and the pictures into docs/pictures
 *   npx tsx test/bench/sound.ts networks   one part
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadOpus } from '../../media/codec/opus.ts';
import { describeMachine } from './machine.ts';
import { printTable, type Table } from './report/table.ts';
import { bridgeCosts, codecPicture, codecTable } from './sound/codecs.ts';
import { limiterFigures, limiterPicture, resamplerPicture, resamplerTable } from './sound/filters.ts';
import { concealmentPicture, delayPicture, lossTable, networkTable } from './sound/networks.ts';

const PAGE = 'docs/sound.md';
const PICTURES = 'docs/pictures';

/** Parts of the page, by the name of the marks between which they stand. */
const PARTS: Readonly<Record<string, () => string | Promise<string>>> = {
  codecs: async () => {
    const { cpu, node } = describeMachine();
    const { encoding, version } = await loadOpus();
    const bridges = bridgeCosts();
    return [
      `${body(await codecTable())}\n`,
      `Measured on one core of ${cpu}, Node ${node}, ${version} (encoding ${encoding}). A leg at another rate than its MPC`,
      `costs ${bridges.get('8000:16000')} µs more for both ways between 8 and 16 kHz, ${bridges.get('8000:48000')} µs between 8 and 48,`,
      `${bridges.get('16000:48000')} µs between 16 and 48.`,
    ].join('\n');
  },
  resampling: () => body(resamplerTable()),
  limiter: () => {
    const { limited, saturated } = limiterFigures();
    return [
      'Of a 1 kHz tone 6 dB over full scale, the strongest harmonic comes out',
      `${(-limited).toFixed(0)} dB under the tone with the limiter, and ${(-saturated).toFixed(0)} dB under it with plain saturation.`,
    ].join('\n');
  },
  networks: () => body(networkTable()),
  loss: async () => body(await lossTable()),
};

const DRAWN: Readonly<Record<string, () => string | Promise<string>>> = {
  codecs: codecPicture,
  resampling: resamplerPicture,
  limiter: limiterPicture,
  concealment: concealmentPicture,
  delay: delayPicture,
};

function body(table: Table): string {
  return printTable(table).split('\n').slice(2).join('\n').trimEnd();
}

function between(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${PAGE} has no place for ${name}`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } });
await loadOpus();
const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
for (const [name, make] of Object.entries(PARTS)) {
  if (!wanted(name)) continue;
  const text = await make();
  console.log(`\n${name}\n\n${text}`);
  if (values.write) writeFileSync(PAGE, between(readFileSync(PAGE, 'utf8'), name, text));
}
if (values.write) {
  mkdirSync(PICTURES, { recursive: true });
  for (const [name, draw] of Object.entries(DRAWN))
    if (wanted(name)) writeFileSync(`${PICTURES}/${name}.svg`, await draw());
}
