import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holds, runFuzz } from '../../fuzz/run.ts';
import { below, type FuzzTarget } from '../../fuzz/target.ts';
import { TARGETS } from '../../fuzz/targets.ts';

const parser: FuzzTarget = {
  name: 'three-bytes',
  about: 'a parser that breaks at three bytes in a hundred inputs',
  input: (random) => Buffer.from(Uint8Array.from({ length: 8 }, () => below(random, 100))),
  take: (input) => {
    if (input[0] === 7) throw new Error('seven');
    return input[1] !== 0;
  },
};

test('an input that breaks something ends the run, and repeats by its seed and by itself', async () => {
  const first = await runFuzz(parser, { seed: 3, rounds: 10_000 });
  assert.equal(first.failure?.error.message, 'seven');
  assert.equal(first.rounds, first.failure.round + 1, 'nothing came after it');
  const again = await runFuzz(parser, { seed: 3, rounds: 10_000 });
  assert.deepEqual(again.failure?.input, first.failure.input, 'the same seed finds the same');
  assert.throws(() => parser.take(first.failure?.input ?? Buffer.alloc(0)), /seven/);
  const other = await runFuzz(parser, { seed: 4, rounds: 10_000 });
  assert.notDeepEqual(other.failure?.input, first.failure.input, 'another one something else');
});

test('a test fails with the input, and when nothing was understood', async () => {
  await assert.rejects(holds(parser, 10_000), /three-bytes, seed 1, round \d+: ".*"\nseven/);
  await assert.rejects(holds({ ...parser, take: () => false }, 100), /0 of 100 inputs were understood/);
});

test('an input that takes long fails, by what it costs and not by what the machine does', async () => {
  const slow = (): boolean => {
    for (const until = process.cpuUsage().user + 70_000; process.cpuUsage().user < until; );
    return true;
  };
  const { failure } = await runFuzz({ ...parser, take: slow }, { seed: 1, rounds: 1 });
  assert.match(failure?.error.message ?? '', /^8 bytes took \d+ ms/);
});

test('every target makes the same inputs of a seed, and understands some', { timeout: 60_000 }, async () => {
  assert.equal(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length, 'names are different');
  for (const target of TARGETS) {
    const seen: Buffer[][] = [[], []];
    for (const inputs of seen) {
      const take = (input: Buffer): boolean => {
        inputs.push(input);
        return true;
      };
      await runFuzz({ ...target, take }, { seed: 5, rounds: 50 });
    }
    assert.deepEqual(seen[0], seen[1], `${target.name} makes the same inputs`);
  }
});
