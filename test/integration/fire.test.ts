/*
 * Callers who talk, beside strangers who break every rule at once. `npm run fire` does it at length and one by one;
 * `FIRE_LEGS` and `FIRE_SECONDS` make this larger and longer.
 */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { buildGenerator } from '../bench/load/generator.ts';
import type { Attack } from '../fire/attack.ts';
import { ATTACKS, together } from '../fire/attacks.ts';
import { Field } from '../fire/field.ts';
import { judge, tableOf } from '../fire/verdict.ts';
import { requireProgram } from '../support/programs.ts';

const LEGS = Number(process.env.FIRE_LEGS ?? 64);
const SECONDS = Number(process.env.FIRE_SECONDS ?? 4);
const TRIES = 2;
const SEED = Number(process.env.FIRE_SEED ?? 1);

suite('beside an attack', { skip: process.platform !== 'linux' }, () => {
  let field: Field | undefined;

  before(async () => {
    const generator = buildGenerator(join(tmpdir(), 'partyline-load'));
    if (generator !== undefined) field = await Field.open(generator, LEGS);
  });

  after(async () => {
    if (field) assert.equal(await field.close(), 0, 'it ends as if nothing had been');
  });

  const faced = (attack: Attack | undefined, seconds: number, title: string): void => {
    test(title, async (t) => {
      if (!field) return void requireProgram(t, 'cc');
      assert.ok(attack, 'there is such an attack');
      const row = await field.face(attack, seconds, SEED, TRIES);
      t.diagnostic(tableOf([row]));
      assert.deepEqual(judge(row), [], field.lastWords);
      assert.ok((row.dropped ?? 0) > 100, 'much of it was dropped and counted');
    });
  };

  const injection = ATTACKS.find(({ name }) => name === 'rtp-injection');
  faced(injection, 1, 'no sound of strangers comes into a call, and none is lost for it');
  faced(together(ATTACKS), SECONDS, 'callers hear every packet while strangers attack everything at once');
});
