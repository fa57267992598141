import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJson } from '../../../../server/api/json.ts';
import { holds } from '../../../fuzz/run.ts';
import { TEXT_TARGETS } from '../../../fuzz/targets/text.ts';

const LIMITS = { maxDepth: 20, maxKeys: 200 };

function read(text: string): unknown {
  const parsed = parseJson(text, LIMITS);
  assert.ok(parsed.ok, `${text} should be read`);
  return parsed.value;
}

for (const text of [
  '{}',
  '[]',
  ' \t\r\n{ "a" : [ 1 , -2.5e+3 , "x" , true , false , null ] }\n',
  '"\\u00e9\\n\\"\\\\ \\ud83d\\ude00 😀"',
  '0',
  '-0.5E-2',
  'null',
  '{"a":{"b":{"c":[[[]]]}}}',
])
  test(`${text.trim()} is read as JSON.parse reads it`, () => {
    assert.deepEqual(JSON.parse(JSON.stringify(read(text))), JSON.parse(text));
  });

for (const text of [
  '',
  ' ',
  '{',
  '}',
  '[1',
  '[1,]',
  '{"a":1,}',
  '{a:1}',
  "{'a':1}",
  '{"a"}',
  '{"a":}',
  '{"a" 1}',
  '[1 2]',
  '{} {}',
  '{}x',
  'NaN',
  'Infinity',
  '-Infinity',
  'undefined',
  'True',
  '01',
  '1.',
  '.5',
  '+1',
  '0x10',
  '1e999',
  '"\t"',
  '"\\x41"',
  '"\\ud800"',
  '"abc',
  '// comment\n{}',
  '\ufeff{}',
  '\u00a0{}',
  '{"a":1,"a":2}',
  '{"a":1,"\\u0061":2}',
])
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.equal(parseJson(text, LIMITS).ok, false);
  });

test('keys of a stranger mean nothing to an object', () => {
  const value = read('{"__proto__":{"admin":true},"constructor":1,"toString":2}') as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), null);
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor', 'toString']);
  assert.equal(({} as Record<string, unknown>).admin, undefined);
});

test('depth and number of keys are bounded while reading', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.equal(parseJson(nested(20), LIMITS).ok, true);
  assert.equal(parseJson(nested(21), LIMITS).ok, false);
  assert.equal(parseJson('['.repeat(1_000_000), LIMITS).ok, false);
  assert.equal(parseJson('{"a":'.repeat(100_000), LIMITS).ok, false);
  assert.equal(parseJson(`[${Array(200).fill(1)}]`, LIMITS).ok, true);
  assert.equal(parseJson(`[${Array(201).fill(1)}]`, LIMITS).ok, false);
});

test('long texts of any one character are judged quickly', () => {
  for (const character of ['"', '{', '[', '1', '-', '\\', ' ', 'e', ',', '\u0000', 'é'])
    for (const start of ['', '"', '{"a":"', '[1']) {
      const text = start + character.repeat(65_536);
      const began = performance.now();
      parseJson(text, LIMITS);
      assert.ok(performance.now() - began < 100, `${start}${character}…`);
    }
});

test('random damage to a text never throws, and what is read is what JSON.parse reads', () =>
  holds(TEXT_TARGETS.body, 3000));
