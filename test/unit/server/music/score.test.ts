import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isXml, readScore, type ScoreRules } from '../../../../server/music/score.ts';

const RULES: ScoreRules = {
  checkUrl: (url) => ({ ok: url.startsWith('https:') }),
  say: (text, voice = 'WOMAN', language = 'en-US') => (text === '' ? undefined : `speech:${voice}/${language}/${text}`),
};
const A = 'https://app.example.com/a.mp3?x=1&y=2';
const PLAY_A = `<Play>${A.replace('&', '&amp;')}</Play>`;

const read = (inside: string) => readScore(`<?xml version="1.0"?>\n<Response>${inside}</Response>`, RULES);

for (const [inside, expected] of [
  [PLAY_A, [A]],
  [
    `<Play loop="3">https://b</Play><Speak voice="MAN" language="de-DE"> Gleich <break/> weiter </Speak>`,
    ['https://b', 'https://b', 'https://b', 'speech:MAN/de-DE/Gleich weiter'],
  ],
  [`<Wait length="7"/><Wait/>${PLAY_A}`, ['sound://silence-7', 'sound://silence-1', A]],
  ['<Wait length="9000"/>', ['sound://silence-300']],
  [`<Hangup/><Play>http://10.0.0.1/</Play><Speak></Speak>${PLAY_A}`, [A]],
  ['<Play loop="0">https://b</Play>', ['https://b']],
  ['<Play loop="99999">https://b</Play>', ['https://b']],
  ['<Play loop="many">https://b</Play>', ['https://b']],
  ['', []],
] as const)
  test(`music of ${inside === '' ? 'nothing' : inside} is read`, () => {
    assert.deepEqual(read(inside), expected);
  });

test('a score that would never end is cut, and what comes before its end is kept', () => {
  const score = read('<Play>https://b</Play><Play loop="0">https://c</Play><Play>https://d</Play>') ?? [];
  assert.equal(score.length, 50);
  assert.deepEqual(new Set(score), new Set(['https://b', 'https://c']));
});

for (const xml of [
  '',
  '<Response>',
  '<Speak>hi</Speak>',
  '<!DOCTYPE r [<!ENTITY a "aaaa">]><Response>&a;</Response>',
  'ID3',
])
  test(`"${xml}" is no music`, () => {
    assert.equal(readScore(xml, RULES), undefined);
  });

test('XML begins with a bracket, audio does not', () => {
  assert.deepEqual(['\n <Response/>', 'ID3', 'RIFF<', ''].map(isXml), [true, false, false, false]);
});
