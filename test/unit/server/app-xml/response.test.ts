import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchAppXml, parseResponse, type ResponseRead, type Verb } from '../../../../server/app-xml/index.ts';
import { callbackTarget } from '../../../../server/callbacks/target.ts';
import { holds } from '../../../fuzz/run.ts';
import { TEXT_TARGETS } from '../../../fuzz/targets/text.ts';

const RULES = {
  maxUrlLength: 200,
  checkUrl: (url: string) =>
    /^https?:\/\/(?!10\.)/.test(url) ? { ok: true as const } : { ok: false as const, message: 'not allowed' },
};

function read(inner: string): ResponseRead {
  return parseResponse(`<?xml version="1.0" encoding="UTF-8"?><Response>${inner}</Response>`, RULES);
}

function verbs(inner: string): readonly Verb[] {
  const result = read(inner);
  assert.ok(result.ok, result.ok ? '' : result.problem);
  return result.verbs;
}

function problem(inner: string): string {
  const result = read(inner);
  assert.ok(!result.ok, `${inner} is refused`);
  return result.problem;
}

test('every verb is read with its defaults, and in the order of the document', () => {
  const found = verbs(`
    <!-- a comment -->
    <Play>https://a.example/x.mp3?a=1&amp;b=2</Play>
    <Speak>Hello</Speak>
    <Wait/>
    <DTMF>1wW2#</DTMF>
    <Redirect>https://a.example/next</Redirect>
    <Hangup/>`);
  assert.deepEqual(found.slice(0, 4), [
    { verb: 'Play', url: 'https://a.example/x.mp3?a=1&b=2', loop: 1 },
    { verb: 'Speak', text: 'Hello', voice: undefined, language: undefined, loop: 1 },
    { verb: 'Wait', ms: 1000 },
    { verb: 'DTMF', digits: '1wW2#' },
  ]);
  assert.ok(found[4]?.verb === 'Redirect' && found[4].target.method === 'POST', 'Redirect posts');
  assert.deepEqual(found[5], { verb: 'Hangup', reason: undefined, afterMs: undefined });
});

test('attributes are read', () => {
  assert.deepEqual(
    verbs(`<Play loop="0">https://a.example/x.mp3</Play>
      <Speak voice="MAN" language="de-DE" loop="3">a &lt; b<![CDATA[ & <c>]]></Speak>
      <Wait length="7" silence="true"/><Hangup reason="busy" schedule="60"/>`),
    [
      { verb: 'Play', url: 'https://a.example/x.mp3', loop: 0 },
      { verb: 'Speak', text: 'a < b & <c>', voice: 'MAN', language: 'de-DE', loop: 3 },
      { verb: 'Wait', ms: 7000 },
      { verb: 'Hangup', reason: 'busy', afterMs: 60_000 },
    ],
  );
  const [redirect] = verbs('<Redirect method="get">https://a.example/next#rt=9000</Redirect>');
  assert.ok(redirect?.verb === 'Redirect', 'it is read');
  assert.deepEqual([redirect.target.method, redirect.target.tuning.readMs], ['GET', 9000]);
});

test('MultiPartyCall has its name and all terms of a join', () => {
  const [verb] = verbs('<MultiPartyCall role="Agent" mute="true" endMpcOnExit="true">board</MultiPartyCall>');
  assert.ok(verb?.verb === 'MultiPartyCall', 'it is read');
  assert.equal(verb.name, 'board');
  assert.deepEqual([verb.terms.role, verb.terms.muted, verb.terms.endMpcOnExit], ['agent', true, true]);
});

test('attributes of an ai-agent are left out, and its role is refused', () => {
  const stream = 'aiAgentStreamUrl="wss://bot.example/" aiAgentStreamBidirectional="true"';
  const [verb] = verbs(`<MultiPartyCall role="customer" ${stream}>board</MultiPartyCall>`);
  assert.deepEqual([verb], verbs('<MultiPartyCall role="customer">board</MultiPartyCall>'));
  assert.match(problem(`<MultiPartyCall role="ai-agent" ${stream}>board</MultiPartyCall>`), /role must be agent/);
});

test('what is not known is left out and named', () => {
  const result = read('<GetInput><Play>https://a.example/x.mp3</Play></GetInput><Wait/><constructorX/>');
  assert.deepEqual(result, { ok: true, verbs: [{ verb: 'Wait', ms: 1000 }], unknown: ['GetInput', 'constructorX'] });
  assert.deepEqual(read(''), { ok: true, verbs: [], unknown: [] });
});

test('what is known and wrong is refused, with what it is', () => {
  assert.equal(problem('<Play>http://10.0.0.1/x.mp3</Play>'), '<Play>: not allowed');
  assert.equal(problem('<Play/>'), '<Play>: not allowed');
  assert.equal(
    problem(`<Play>https://a.example/${'x'.repeat(200)}</Play>`),
    '<Play>: its URL is longer than 200 characters',
  );
  assert.match(problem('<Play loop="-1">https://a.example/x.mp3</Play>'), /^<Play>: loop must be a whole number/);
  assert.match(problem('<Wait length="0"/>'), /^<Wait>: length must be/);
  assert.match(problem('<Hangup reason="because"/>'), /^<Hangup>: reason must be rejected or busy/);
  assert.match(problem('<Redirect method="PUT">https://a.example/</Redirect>'), /^<Redirect>: method must be/);
  assert.equal(problem('<Speak> </Speak>'), '<Speak>: there is nothing to say');
  assert.equal(problem('<DTMF>12x</DTMF>'), '<DTMF>: its text must be digits, with w and W for pauses');
  assert.match(problem('<MultiPartyCall role="boss">b</MultiPartyCall>'), /role must be agent/);
  assert.match(problem('<MultiPartyCall role="agent"></MultiPartyCall>'), /name of an MPC/);
});

test('documents that are not what they should be are refused', () => {
  for (const [document, expected] of [
    ['', /not well-formed/],
    ['hello', /not well-formed/],
    ['<Response><Play></Response>', /not well-formed/],
    ['<Response/><Response/>', /no single root/],
    ['<Answer/>', /must be Response/],
    ['<!DOCTYPE Response><Response/>', /DOCTYPE/],
    ['<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response><Speak>&a;</Speak></Response>', /DOCTYPE/],
    ['<Response><__proto__/></Response>', /refused/],
    [`<Response>${'<a>'.repeat(50)}${'</a>'.repeat(50)}</Response>`, /refused/],
    [`<Response>${'<Wait/>'.repeat(101)}</Response>`, /more than 100/],
  ] as const) {
    const result = parseResponse(document, RULES);
    assert.ok(!result.ok, `${document.slice(0, 60)} is refused`);
    assert.match(result.problem, expected);
  }
});

test('entities are decoded once, and those that are none stay as they are', () => {
  const [verb] = verbs('<Speak>&amp;lt; &#65;&#x42; &unknown; &#xD800;</Speak>');
  assert.deepEqual(verb, {
    verb: 'Speak',
    text: '&lt; AB &unknown; &#xD800;',
    voice: undefined,
    language: undefined,
    loop: 1,
  });
});

test('no document makes it throw', () => holds(TEXT_TARGETS.xml, 3000));

test('an answer is XML under 200, whole; an empty one means that nothing is left to do', async () => {
  const target = callbackTarget(new URL('https://a.example/'), 'POST');
  const signal = new AbortController().signal;
  const asked = async (status: number, body: string, cut = false): Promise<ResponseRead> =>
    fetchAppXml(
      target,
      new Map(),
      { rules: RULES, exchange: async () => ({ ok: true, status, contentType: '', body: Buffer.from(body), cut }) },
      signal,
    );
  assert.deepEqual(await asked(200, ''), { ok: true, verbs: [], unknown: [] });
  assert.deepEqual(await asked(200, '<Response><Wait/></Response>'), {
    ok: true,
    verbs: [{ verb: 'Wait', ms: 1000 }],
    unknown: [],
  });
  assert.deepEqual(await asked(302, '<Response/>'), { ok: false, problem: 'the app answered 302, not 200' });
  assert.equal((await asked(200, '<Response/>', true)).ok, false);
  const failing = { ok: false, reason: 'timeout', detail: 'no answer within 5000 ms', trouble: 'rt' } as const;
  const failed = await fetchAppXml(target, new Map(), { rules: RULES, exchange: async () => failing }, signal);
  assert.deepEqual(failed, { ok: false, problem: 'timeout: no answer within 5000 ms' });
});
