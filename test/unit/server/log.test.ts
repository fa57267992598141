import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanText, createLog } from '../../../server/log.ts';

// biome-ignore lint/suspicious/noExplicitAny: the records are read as they come.
function logged(write: (log: ReturnType<typeof createLog>) => void): any[] {
  const lines: string[] = [];
  write(createLog({ level: 'trace', pretty: false }, { write: (line) => lines.push(line) }));
  return lines.map((line) => JSON.parse(line));
}

test('a record is one line of JSON with level, time and message', () => {
  const [record] = logged((log) => log.info({ member: '1' }, 'joined'));
  assert.equal(record.msg, 'joined');
  assert.equal(record.member, '1');
  assert.match(record.time, /^\d{4}-\d\d-\d\dT/);
});

test('line breaks, escapes and text direction marks of strangers are made visible', () => {
  const evil = 'a\r\n{"level":60}\u001b[31m\u202e\u0085\u2028z';
  const [record] = logged((log) => log.info({ evil, nested: { list: [evil] } }, evil));
  for (const text of [record.msg, record.evil, record.nested.list[0]]) {
    assert.equal(text, 'a\\u000d\\u000a{"level":60}\\u001b[31m\\u202e\\u0085\\u2028z');
  }
});

test('text is cut at 256 characters', () => {
  const [record] = logged((log) => log.info({ long: 'x'.repeat(100_000) }, 'y'.repeat(1000)));
  assert.equal(record.long.length, 257);
  assert.equal(record.msg.length, 257);
});

test('secrets are left out by name, at any depth', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', pretty: false }, { write: (line) => lines.push(line) });
  log.info({
    authToken: 'hunter2',
    headers: { authorization: 'hunter2', 'x-other': 'fine' },
    a: { b: [{ digest: 'hunter2' }] },
  });
  assert.doesNotMatch(lines.join(), /hunter2/);
  assert.match(lines.join(), /fine/);
});

test('passwords and signatures in URLs are hidden wherever they stand', () => {
  assert.equal(cleanText('GET https://user:hunter2@a.example/x.mp3'), 'GET https://a.example/x.mp3');
  assert.equal(cleanText('from https://a.example/x.mp3?sig=hunter2&x=1 now'), 'from https://a.example/x.mp3?… now');
  assert.equal(cleanText('redis://:hunter2@redis:6379'), 'redis://redis:6379');
  assert.equal(cleanText('sip:ana@example.com'), 'sip:ana@example.com');
  const cut = `https://user:${'x'.repeat(240)}hunter2@a.example/`;
  assert.doesNotMatch(cleanText(cut), /user/);
});

test('an error keeps its message, code and frames, and nothing else a stranger could shape', () => {
  const error = Object.assign(new Error('bad\nforged', { cause: new Error('inner') }), { code: 'EBAD' });
  const [record] = logged((log) => log.error({ err: error }, 'failed'));
  assert.equal(record.err.message, 'bad\\u000aforged');
  assert.equal(record.err.code, 'EBAD');
  assert.equal(record.err.cause.message, 'inner');
  assert.match(record.err.stack, /^at /);
  assert.doesNotMatch(record.err.stack, /forged/);
});

test('hostile text costs no time', () => {
  const started = performance.now();
  for (const text of ['a://'.repeat(20_000), `http://${'a'.repeat(80_000)}`, 'x@'.repeat(40_000), '?'.repeat(80_000)])
    cleanText(text);
  assert.ok(performance.now() - started < 200);
});
