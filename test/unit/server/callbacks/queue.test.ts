import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { CallbackFailure, DeliveryOutcome } from '../../../../server/callbacks/delivery.ts';
import { type CallbackLimits, CallbackQueue } from '../../../../server/callbacks/queue.ts';
import { type CallbackTarget, callbackTarget } from '../../../../server/callbacks/target.ts';
import { HandClock } from '../../../support/hand-clock.ts';

const OK: DeliveryOutcome = { ok: true };
const DOWN: DeliveryOutcome = { ok: false, reason: 'unreachable', detail: 'refused', trouble: 'ct' };
const UNWANTED: DeliveryOutcome = { ok: false, reason: 'http_status', detail: 'answered 404', trouble: '4xx' };
const FORBIDDEN: DeliveryOutcome = { ok: false, reason: 'refused_address', detail: 'private', trouble: undefined };

interface Attempt {
  readonly name: string;
  readonly at: number;
  breaks(): void;
  answer(outcome: DeliveryOutcome): Promise<void>;
}

let clock: HandClock;
let attempts: Attempt[];
let failures: [CallbackFailure, string][];
let delivered: number;
let retried: number;
let began: number;
/** What lies on the shelf now, what an earlier process left there, and what is said of both. */
let shelf: string[];
let earlier: string[];
let counts: string[];
/** What was logged as our own mistake. */
let errors: object[];

beforeEach(() => {
  clock = new HandClock();
  began = clock.now();
  attempts = [];
  failures = [];
  delivered = 0;
  retried = 0;
  shelf = [];
  earlier = [];
  errors = [];
  counts = [];
});

function queueOf(limits: Partial<CallbackLimits> = {}): CallbackQueue {
  return new CallbackQueue({
    clock,
    limits,
    log: { error: (fields) => errors.push(fields) },
    shelf: {
      keep: ({ fields }) => shelf.push(fields.get('n') ?? ''),
      forget: ({ fields }) => shelf.splice(shelf.indexOf(fields.get('n') ?? ''), 1),
      async *left() {
        for (const [serial, n] of earlier.entries())
          yield { serial, conference: 'mpc', target: to(), fields: named(n) };
      },
    },
    observer: {
      restored: (count) => counts.push(`restored ${count}`),
      kept: (count) => counts.push(`kept ${count}`),
      delivered: () => {
        delivered += 1;
      },
      retried: () => {
        retried += 1;
      },
      failed: (reason, _detail, url) => failures.push([reason, url]),
    },
    attempt: (_target, fields, signal) =>
      new Promise((resolve, reject) => {
        const breaks = (): void => reject(new Error('a mistake'));
        const answer = async (outcome: DeliveryOutcome): Promise<void> => {
          resolve(outcome);
          await settled();
        };
        const stopped = { ok: false, reason: 'shutdown', detail: '', trouble: undefined } as const;
        signal.addEventListener('abort', () => void answer(stopped));
        attempts.push({ name: fields.get('n') ?? '', at: clock.now() - began, breaks, answer });
      }),
  });
}

/** Promises that wait for nothing but each other have settled. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const to = (url = 'https://x.example/cb'): CallbackTarget => {
  const parsed = new URL(url);
  return callbackTarget(parsed, 'POST');
};

const named = (n: string) => new Map([['n', n]]);
const names = () => attempts.map(({ name }) => name);

/** The receiver answers all that is under way, and what that sets off, in the same way. */
async function answerAll(outcome: DeliveryOutcome): Promise<void> {
  await settled();
  for (let i = 0; i < attempts.length; i++) await attempts[i]?.answer(outcome);
}

async function advance(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

test('a mistake of ours costs one callback, and is logged: the next goes out', async () => {
  const queue = queueOf();
  for (const n of ['a', 'b']) queue.add('mpc', to(), named(n));
  await settled();
  attempts[0]?.breaks();
  await settled();
  assert.deepEqual([names(), errors.length, shelf], [['a', 'b'], 1, ['b']]);
  await answerAll(OK);
  assert.deepEqual([delivered, queue.depth], [1, 0]);
});

test('one conference is told in order, each after the one before', async () => {
  const queue = queueOf();
  for (const n of ['a', 'b', 'c']) queue.add('mpc', to(), named(n));
  await settled();
  assert.deepEqual(names(), ['a']);
  assert.equal(queue.depth, 3);
  await attempts[0]?.answer(OK);
  assert.deepEqual(names(), ['a', 'b']);
  await answerAll(OK);
  assert.deepEqual([names().join(''), delivered, queue.depth], ['abc', 3, 0]);
});

test('a receiver that is down is tried after 1, 5 and 25 seconds, then the next in line has its turn', async () => {
  const queue = queueOf();
  queue.add('mpc', to(), named('a'));
  queue.add('mpc', to(), named('b'));
  await settled();
  for (const pause of [1000, 5000, 25_000]) {
    await attempts.at(-1)?.answer(DOWN);
    const before = attempts.length;
    await advance(pause - 1);
    assert.equal(attempts.length, before, `not before ${pause} ms`);
    await advance(1);
    assert.equal(attempts.length, before + 1);
  }
  await attempts.at(-1)?.answer(DOWN);
  assert.deepEqual(
    attempts.map(({ name, at }) => [name, at]),
    [
      ['a', 0],
      ['a', 1000],
      ['a', 6000],
      ['a', 31_000],
      ['b', 31_000],
    ],
  );
  assert.deepEqual([failures, retried], [[['unreachable', 'https://x.example/cb']], 3]);
  await attempts.at(-1)?.answer(OK);
  assert.deepEqual([delivered, queue.depth, clock.pending], [1, 0, 0]);
});

test('a retry that succeeds is one delivery, and nothing overtakes it', async () => {
  const queue = queueOf();
  queue.add('mpc', to(), named('a'));
  queue.add('mpc', to(), named('b'));
  await settled();
  await attempts[0]?.answer(DOWN);
  await advance(999);
  assert.deepEqual(names(), ['a']);
  await advance(1);
  await answerAll(OK);
  assert.deepEqual([names(), delivered, failures], [['a', 'a', 'b'], 2, []]);
  assert.equal(queue.depth, 0);
});

test('what no attempt can mend is given up at once', async () => {
  const queue = queueOf();
  for (const [n, outcome] of [
    ['a', UNWANTED],
    ['b', FORBIDDEN],
  ] as const) {
    queue.add('mpc', to(), named(n));
    await settled();
    await attempts.at(-1)?.answer(outcome);
  }
  assert.deepEqual([attempts.length, queue.depth], [2, 0]);
  assert.deepEqual(
    failures.map(([reason]) => reason),
    ['http_status', 'refused_address'],
  );
});

test('the fragment of the URL says how often and what for', async () => {
  const queue = queueOf();
  queue.add('mpc', to('https://x.example/cb#rc=1&rp=4xx'), named('a'));
  await settled();
  await attempts[0]?.answer(UNWANTED);
  await advance(1000);
  await attempts[1]?.answer(UNWANTED);
  queue.add('mpc', to('https://x.example/cb#rp=4xx'), named('b'));
  await settled();
  await attempts[2]?.answer(DOWN);
  assert.deepEqual([names(), failures.length, clock.pending], [['a', 'a', 'b'], 2, 0]);
});

test('conferences and receivers do not wait for each other', async () => {
  const queue = queueOf();
  queue.add('one', to(), named('a'));
  queue.add('one', to(), named('a2'));
  queue.add('two', to(), named('b'));
  queue.add('one', to('https://y.example/cb'), named('c'));
  await settled();
  assert.deepEqual(names(), ['a', 'b', 'c']);
  await answerAll(OK);
  assert.equal(delivered, 4);
});

test('attempts at once are bounded for each receiver and in all', async () => {
  const queue = queueOf({ attempts: 3, attemptsPerReceiver: 2 });
  for (let i = 0; i < 5; i++) queue.add(`mpc ${i}`, to(), named(`x${i}`));
  for (let i = 0; i < 5; i++) queue.add(`mpc ${i}`, to('https://y.example/'), named(`y${i}`));
  await settled();
  assert.deepEqual(names(), ['x0', 'x1', 'y0']);
  await attempts[0]?.answer(OK);
  assert.deepEqual(names(), ['x0', 'x1', 'y0', 'x2']);
  await answerAll(OK);
  assert.deepEqual([delivered, queue.depth], [10, 0]);
});

test('what does not fit is dropped and counted, and what is there is delivered', async () => {
  const queue = queueOf({ perReceiver: 3, total: 4 });
  for (const n of ['a', 'b', 'c', 'd']) queue.add('mpc', to(), named(n));
  queue.add('mpc', to('https://y.example/'), named('e'));
  queue.add('mpc', to('https://z.example/?secret=1'), named('f'));
  assert.deepEqual(failures, [
    ['overflow', 'https://x.example/cb'],
    ['overflow', 'https://z.example/?…'],
  ]);
  await answerAll(OK);
  assert.deepEqual([names().sort(), queue.depth], [['a', 'b', 'c', 'e'], 0]);
  queue.add('mpc', to(), named('g'));
  await answerAll(OK);
  assert.equal(delivered, 5, 'there is room again');
});

test('the end delivers what is left in one attempt each, without waiting for retries', async () => {
  const queue = queueOf();
  queue.add('one', to(), named('a'));
  for (const n of ['b', 'c']) queue.add('two', to(), named(n));
  await settled();
  await attempts[0]?.answer(DOWN);
  const closed = queue.close(2000);
  await settled();
  assert.deepEqual(names(), ['a', 'b', 'a'], 'the pause before the retry is cut short');
  await answerAll(OK);
  await closed;
  assert.deepEqual([names(), delivered, shelf, counts], [['a', 'b', 'a', 'c'], 3, [], []]);
  assert.equal(clock.pending, 0);
});

test('what the end leaves no time for stays on the shelf, with all that is behind it', async () => {
  const queue = queueOf();
  for (const n of ['a', 'b']) queue.add('one', to(), named(n));
  for (const n of ['c', 'd']) queue.add('two', to(), named(n));
  await settled();
  const closed = queue.close(2000);
  await attempts[0]?.answer(DOWN);
  queue.add('one', to(), named('e'));
  await advance(2000);
  await closed;
  queue.add('three', to(), named('f'));
  await settled();
  assert.deepEqual([names(), failures, counts], [['a', 'c'], [], ['kept 5']]);
  assert.deepEqual(shelf, ['a', 'b', 'c', 'd', 'e', 'f']);
});

test('what an earlier process left goes first, in its order', async () => {
  earlier = ['a', 'b'];
  shelf = ['a', 'b'];
  const queue = queueOf();
  await queue.restore();
  queue.add('mpc', to(), named('c'));
  assert.deepEqual([queue.depth, counts], [3, ['restored 2']]);
  await answerAll(OK);
  assert.deepEqual([names(), shelf, delivered], [['a', 'b', 'c'], [], 3]);
});

test('what is delivered or given up leaves the shelf', async () => {
  const queue = queueOf();
  for (const n of ['a', 'b']) queue.add('mpc', to(), named(n));
  assert.deepEqual(shelf, ['a', 'b']);
  await settled();
  await attempts[0]?.answer(OK);
  assert.deepEqual(shelf, ['b']);
  await attempts[1]?.answer(FORBIDDEN);
  assert.deepEqual(shelf, []);
});

test('many that wait are no leak to Node', async () => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => warnings.push(message);
  process.on('warning', onWarning);
  const queue = queueOf({ attempts: 30, attemptsPerReceiver: 30 });
  for (let i = 0; i < 40; i++) queue.add(`mpc ${i}`, to(), named(String(i)));
  await settled();
  for (const attempt of attempts.slice(0, 15)) await attempt.answer(DOWN);
  await settled();
  process.off('warning', onWarning);
  assert.deepEqual(warnings, []);
  const closed = queue.close(2000);
  await advance(2000);
  await closed;
});

test('closing an idle queue takes no time', async () => {
  await queueOf().close(2000);
  assert.equal(clock.pending, 0);
});
