import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageWriter } from '../../../../server/ws/message-writer.ts';

const IDENTITY = {
  streamId: '6d7f2b6e-6f5e-4f1f-8d0c-4d5a0c7a0001',
  callId: '6d7f2b6e-6f5e-4f1f-8d0c-4d5a0c7a0002',
  accountId: 'MAEXAMPLE',
  mpcUuid: '6d7f2b6e-6f5e-4f1f-8d0c-4d5a0c7a0003',
  memberId: '7',
};

function writer(): MessageWriter {
  return new MessageWriter(IDENTITY, { encoding: 'L16', sampleRate: 16000 });
}

test('start says whose stream it is and how it is coded, with sequence number 1', () => {
  assert.deepEqual(JSON.parse(writer().start()), {
    sequenceNumber: 1,
    event: 'start',
    start: {
      callId: IDENTITY.callId,
      streamId: IDENTITY.streamId,
      accountId: 'MAEXAMPLE',
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-l16', sampleRate: 16000 },
      mpcUuid: IDENTITY.mpcUuid,
      memberId: '7',
    },
    extra_headers: '{}',
  });
});

test('media counts sequence, chunks and 20 ms steps, and reads its frame at once', () => {
  const out = writer();
  out.start();
  const buffer = new Uint8Array([9, 9, 1, 2, 3, 9]);
  const frame = buffer.subarray(2, 5);
  const first = out.media(frame);
  buffer.fill(0);
  assert.deepEqual(JSON.parse(first), {
    sequenceNumber: 2,
    streamId: IDENTITY.streamId,
    event: 'media',
    media: { track: 'inbound', timestamp: '0', chunk: 1, payload: Buffer.from([1, 2, 3]).toString('base64') },
    extra_headers: '{}',
  });
  const second = JSON.parse(out.media(frame));
  assert.equal(second.sequenceNumber, 3);
  assert.deepEqual([second.media.timestamp, second.media.chunk], ['20', 2]);
});

test('a digit is stamped with the time of the audio around it', () => {
  const out = writer();
  out.countFrame();
  out.countFrame();
  assert.deepEqual(JSON.parse(out.dtmf('#')), {
    sequenceNumber: 1,
    streamId: IDENTITY.streamId,
    event: 'dtmf',
    dtmf: { track: 'inbound', digit: '#', timestamp: '40' },
    extra_headers: '{}',
  });
});

test('the answers to control messages carry sequence number and streamId', () => {
  const out = writer();
  const { streamId } = IDENTITY;
  assert.deepEqual(JSON.parse(out.playedStream('a "quoted" name')), {
    sequenceNumber: 1,
    event: 'playedStream',
    streamId,
    name: 'a "quoted" name',
  });
  assert.deepEqual(JSON.parse(out.clearedAudio()), { sequenceNumber: 2, event: 'clearedAudio', streamId });
  assert.deepEqual(JSON.parse(out.stop('kicked')), { sequenceNumber: 3, event: 'stop', streamId, reason: 'kicked' });
  assert.deepEqual(JSON.parse(out.error('no')), { sequenceNumber: 4, event: 'error', streamId, error: 'no' });
});
