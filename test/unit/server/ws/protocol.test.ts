import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseClientMessage } from '../../../../server/ws/protocol.ts';
import { holds } from '../../../fuzz/run.ts';
import { TEXT_TARGETS } from '../../../fuzz/targets/text.ts';
import { seededRandom } from '../../../support/random.ts';

const AUDIO = Buffer.from([1, 2, 3, 4]);

function playAudio(media: object): string {
  return JSON.stringify({ event: 'playAudio', media });
}

function errorOf(text: string): string {
  const parsed = parseClientMessage(text);
  assert.equal(parsed.ok, false, `understood: ${text.slice(0, 80)}`);
  return parsed.ok ? '' : parsed.error;
}

test('playAudio carries base64 audio in one of the four formats', () => {
  for (const [contentType, sampleRate, encoding, rate] of [
    ['audio/x-mulaw', 8000, 'PCMU', 8000],
    ['audio/x-l16', 8000, 'L16', 8000],
    ['audio/x-l16', 16000, 'L16', 16000],
    ['audio/x-l16', '16000', 'L16', 16000],
    ['audio/x-l16', 24_000, 'L16', 24_000],
    ['audio/x-l16', '24000', 'L16', 24_000],
    ['audio/x-mulaw', '8000', 'PCMU', 8000],
  ] as const) {
    const parsed = parseClientMessage(playAudio({ contentType, sampleRate, payload: AUDIO.toString('base64') }));
    assert.deepEqual(parsed, {
      ok: true,
      message: { event: 'playAudio', format: { encoding, sampleRate: rate }, audio: AUDIO },
    });
  }
});

test('a streamId in playAudio and fields we do not know are left alone', () => {
  const text = JSON.stringify({
    event: 'playAudio',
    streamId: 'any',
    extra: 1,
    media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: 'AQ==', more: [] },
  });
  assert.equal(parseClientMessage(text).ok, true);
});

test('checkpoint, clearAudio and sendDTMF are understood with and without streamId', () => {
  assert.deepEqual(parseClientMessage('{"event":"checkpoint","streamId":"s","name":"end of greeting ☎"}'), {
    ok: true,
    message: { event: 'checkpoint', streamId: 's', name: 'end of greeting ☎' },
  });
  assert.deepEqual(parseClientMessage('{"event":"clearAudio"}'), {
    ok: true,
    message: { event: 'clearAudio', streamId: undefined },
  });
  assert.deepEqual(parseClientMessage('{"event":"sendDTMF","dtmf":"0123456789*#ABCD"}'), {
    ok: true,
    message: { event: 'sendDTMF', digits: '0123456789*#ABCD' },
  });
});

test('what is wrong with a message is said in one sentence that names the field', () => {
  const good = { contentType: 'audio/x-l16', sampleRate: 8000, payload: 'AAA=' };
  const table: [string, RegExp][] = [
    ['', /not JSON/],
    ['{"event":', /not JSON/],
    ['\ufeff{"event":"clearAudio"}', /not JSON/],
    ['[]', /not an object/],
    ['null', /not an object/],
    ['"clearAudio"', /not an object/],
    ['{}', /^event must be/],
    ['{"event":"media"}', /^event must be/],
    ['{"event":["clearAudio"]}', /^event must be/],
    ['{"event":"clearaudio"}', /^event must be/],
    ['{"__proto__":{"event":"clearAudio"}}', /^event must be/],
    ['{"event":"playAudio"}', /^playAudio: media must be an object/],
    ['{"event":"playAudio","media":"x"}', /^playAudio: media must be an object/],
    [playAudio({ ...good, contentType: 'audio/x-l16;rate=8000' }), /^playAudio: media\.contentType must be/],
    [playAudio({ ...good, contentType: 'audio/mpeg' }), /^playAudio: media\.contentType must be/],
    [playAudio({ ...good, sampleRate: 44100 }), /^playAudio: media\.sampleRate must be 8000, 16000 or 24000/],
    [playAudio({ ...good, sampleRate: '8000 ' }), /^playAudio: media\.sampleRate must be/],
    [playAudio({ ...good, sampleRate: 8000.5 }), /^playAudio: media\.sampleRate must be/],
    [playAudio({ ...good, sampleRate: undefined }), /^playAudio: media\.sampleRate must be/],
    [playAudio({ ...good, contentType: 'audio/x-mulaw', sampleRate: 16000 }), /audio\/x-mulaw has .*8000/],
    [playAudio({ ...good, payload: 7 }), /^playAudio: media\.payload must be a string/],
    [playAudio({ ...good, payload: 'AAA' }), /must be base64/],
    [playAudio({ ...good, payload: 'AA A' }), /must be base64/],
    [playAudio({ ...good, payload: 'AA==AA==' }), /must be base64/],
    [playAudio({ ...good, payload: 'AA-_' }), /must be base64/],
    [playAudio({ ...good, payload: 'A===' }), /must be base64/],
    [playAudio({ ...good, payload: 'AAA=\n' }), /must be base64/],
    [playAudio({ ...good, payload: '' }), /no audio/],
    [playAudio({ ...good, payload: 'AA==' }), /number of bytes is odd/],
    ['{"event":"checkpoint"}', /^checkpoint: name must be a string/],
    ['{"event":"checkpoint","name":""}', /^checkpoint: name must not be empty/],
    [JSON.stringify({ event: 'checkpoint', name: 'x'.repeat(257) }), /^checkpoint: name must have at most 256/],
    ['{"event":"checkpoint","name":"a","streamId":3}', /^checkpoint: streamId must be a string/],
    ['{"event":"clearAudio","streamId":null}', /^clearAudio: streamId must be a string/],
    ['{"event":"sendDTMF"}', /^sendDTMF: dtmf must be a string/],
    ['{"event":"sendDTMF","dtmf":5}', /^sendDTMF: dtmf must be a string/],
    ['{"event":"sendDTMF","dtmf":""}', /^sendDTMF: dtmf must be digits/],
    ['{"event":"sendDTMF","dtmf":"1e"}', /^sendDTMF: dtmf must be digits/],
    ['{"event":"sendDTMF","dtmf":"٣"}', /^sendDTMF: dtmf must be digits/],
    [JSON.stringify({ event: 'sendDTMF', dtmf: '1'.repeat(33) }), /^sendDTMF: dtmf must have at most 32/],
  ];
  for (const [text, expected] of table) assert.match(errorOf(text), expected, text);
});

test('deep, wide and random messages are refused quickly and never throw', () => {
  const random = seededRandom(44);
  const started = performance.now();
  const hostile = [
    '['.repeat(32_000) + ']'.repeat(32_000),
    `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
    playAudio({ contentType: 'audio/x-l16', sampleRate: 8000, payload: `${'A'.repeat(64_000)}!` }),
    JSON.stringify({ event: 'sendDTMF', dtmf: `${'1'.repeat(64_000)}x` }),
    ...Array.from({ length: 2000 }, () =>
      String.fromCharCode(...Array.from({ length: 1 + random() * 60 }, () => random() * 0x300)),
    ),
  ];
  for (const text of hostile) errorOf(text);
  assert.ok(performance.now() - started < 2000);
});

test('a message that was damaged is either understood or refused, never a throw', () =>
  holds(TEXT_TARGETS.webSocket, 5000));
