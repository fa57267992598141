import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isXml, readScore, type ScoreRules } from '../../../../server/music/score.ts';

const RULES: ScoreRules = {
  checkUrl: (url) => (url.startsWith('https:') ? { ok: true } : { ok: false, message: 'it is not https' }),
  maxUrlLength: 99,
  say: (text, voice = 'WOMAN', language = 'en-US') => `speech:${voice}/${language}/${text}`,
};
const A = 'https://app.example.com/a.mp3?x=1&y=2';
const PLAY_A = `<Play>${A.replace('&', '&amp;')}</Play>`;
const B = 'https://b/';

function read(inside: string): readonly string[] {
  const result = readScore(`<?xml version="1.0"?>\n<Response>${inside}</Response>`, RULES);
  assert.ok(result.ok, result.ok ? '' : result.problem);
  return result.score;
}

for (const [inside, expected] of [
  [PLAY_A, [A]],
  [
    `<Play loop="3">${B}</Play><Speak voice="MAN" language="de-DE"> Gleich weiter </Speak>`,
    [B, B, B, 'speech:MAN/de-DE/Gleich weiter'],
  ],
  [`<Wait length="7"/><Wait/>${PLAY_A}`, ['sound://silence-7', 'sound://silence-1', A]],
  ['<Wait length="9000"/>', ['sound://silence-300']],
  [`<Hangup/><Conference>x</Conference>${PLAY_A}`, [A]],
  [`<Play loop="0">${B}</Play>`, [B]],
  [`<Play loop="9999">${B}</Play>`, [B]],
] as const)
  test(`music of ${inside} is read`, () => {
    assert.deepEqual(read(inside), expected);
  });

test('a score that would never end is cut, and what comes before its end is kept', () => {
  const score = read(`<Play>${B}</Play><Play loop="0">https://c/</Play><Play>https://d/</Play>`);
  assert.equal(score.length, 50);
  assert.deepEqual(new Set(score), new Set([B, 'https://c/']));
});

for (const [xml, problem] of [
  ['<Response>', /well-formed/],
  ['<Speak>hi</Speak>', /root element must be Response/],
  ['<!DOCTYPE r><Response/>', /DOCTYPE/],
  ['<Response><Play>http://10.0.0.1/</Play></Response>', /<Play>: it is not https/],
  ['<Response><Play loop="many">https://b/</Play></Response>', /<Play>: loop must be/],
  ['<Response><Hangup/></Response>', /nothing that can be played/],
] as const)
  test(`${xml} is no music`, () => {
    const result = readScore(xml, RULES);
    assert.match(result.ok ? '' : result.problem, problem);
  });

test('XML begins with a bracket, audio does not', () => {
  assert.deepEqual(['\n <Response/>', 'ID3', 'RIFF<', ''].map(isXml), [true, false, false, false]);
});
