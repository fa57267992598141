import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TwilioDialect } from '../../../../server/ws/twilio-dialect.ts';

const IDENTITY = { streamId: 'MZ1', callId: 'CA1', accountId: 'AC1' };

function dialect(): TwilioDialect {
  return new TwilioDialect(IDENTITY, { tracks: ['inbound', 'outbound'], parameters: { a: 'b' } });
}

test('all that Twilio counts is text, each track by itself', () => {
  const out = dialect();
  assert.equal(out.opening().length, 2);
  const frame = new Uint8Array([1, 2, 3]);
  const medias = (['inbound', 'outbound', 'inbound'] as const).map((track) => JSON.parse(out.media(frame, track)));
  assert.deepEqual(
    medias.map(({ sequenceNumber, streamSid, media }) => [sequenceNumber, streamSid, media]),
    [
      ['2', 'MZ1', { track: 'inbound', chunk: '1', timestamp: '0', payload: 'AQID' }],
      ['3', 'MZ1', { track: 'outbound', chunk: '1', timestamp: '0', payload: 'AQID' }],
      ['4', 'MZ1', { track: 'inbound', chunk: '2', timestamp: '20', payload: 'AQID' }],
    ],
  );
  assert.deepEqual(JSON.parse(out.dtmf('#')).dtmf, { track: 'inbound_track', digit: '#' });
  assert.deepEqual(
    out.cleared(['x', 'y']).map((text) => JSON.parse(text).mark),
    [{ name: 'x' }, { name: 'y' }],
  );
  assert.deepEqual(JSON.parse(out.stop()).stop, { accountSid: 'AC1', callSid: 'CA1' });
});

test('media, mark and clear are understood, and nothing else is', () => {
  const parse = (value: unknown): unknown => dialect().parse(typeof value === 'string' ? value : JSON.stringify(value));
  assert.deepEqual(parse({ event: 'media', streamSid: 'MZ1', media: { payload: 'AQID' } }), {
    ok: true,
    message: {
      event: 'playAudio',
      format: { encoding: 'PCMU', sampleRate: 8000 },
      audio: Buffer.from([1, 2, 3]),
    },
  });
  assert.deepEqual(parse({ event: 'mark', streamSid: 'MZ1', mark: { name: 'x' } }), {
    ok: true,
    message: { event: 'checkpoint', streamId: 'MZ1', name: 'x' },
  });
  assert.deepEqual(parse({ event: 'clear', streamSid: 'MZ1' }), {
    ok: true,
    message: { event: 'clearAudio', streamId: 'MZ1' },
  });
  for (const wrong of [
    '',
    '{',
    'null',
    '7',
    '[]',
    {},
    { event: 'playAudio' },
    { event: 'media' },
    { event: 'media', media: { payload: '' } },
    { event: 'media', media: { payload: 'a b' } },
    { event: 'mark', mark: {} },
    { event: 'mark', mark: { name: 'x'.repeat(300) } },
    { event: 'clear', streamSid: 7 },
  ])
    assert.equal((parse(wrong) as { ok: boolean }).ok, false, JSON.stringify(wrong));
});
