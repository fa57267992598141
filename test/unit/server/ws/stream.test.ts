import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mulaw } from '../../../../media/codec/g711.ts';
import { StreamCounters } from '../../../../server/ws/counters.ts';
import type { AudioFormat } from '../../../../server/ws/format.ts';
import { DEFAULT_STREAM_LIMITS } from '../../../../server/ws/limits.ts';
import { Stream } from '../../../../server/ws/stream.ts';
import type { Framing } from '../../../../server/ws/upgrade.ts';
import { levelAt, tone } from '../../../support/tones.ts';
import { FakeLeg, FakeSocket, StillClock } from './doubles.ts';

const MULAW: AudioFormat = { encoding: 'PCMU', sampleRate: 8000 };
const WIDE: AudioFormat = { encoding: 'L16', sampleRate: 16000 };

function setUp({ format = MULAW, framing = 'json' as Framing } = {}) {
  const socket = new FakeSocket();
  const leg = new FakeLeg();
  const clock = new StillClock();
  const counters = new StreamCounters();
  const digits: string[] = [];
  const endings: (number | 'ended')[] = [];
  const stream = new Stream({
    socket: socket.asSocket,
    leg,
    identity: { streamId: 's-1', callId: 'c-1', accountId: 'MA1', mpcUuid: 'm-1', memberId: '1' },
    format,
    framing,
    limits: DEFAULT_STREAM_LIMITS,
    clock,
    counters,
    onDigits: (pressed) => digits.push(pressed),
    onEnded: () => endings.push('ended'),
    onClosed: (code) => endings.push(code),
  });
  return { socket, leg, clock, counters, digits, endings, stream };
}

function playAudio(audio: Uint8Array, contentType = 'audio/x-mulaw', sampleRate = 8000): object {
  return { event: 'playAudio', media: { contentType, sampleRate, payload: Buffer.from(audio).toString('base64') } };
}

function codeSent(socket: FakeSocket): number | undefined {
  return socket.closedWith?.code;
}

test('the first message is start, then every frame is one media message', () => {
  const { socket, stream } = setUp();
  stream.hear(new Uint8Array(160).fill(0x7f));
  stream.hear(new Uint8Array(160).fill(0x80));
  assert.deepEqual(
    socket.messages.map(({ event, sequenceNumber }) => [event, sequenceNumber]),
    [
      ['start', 1],
      ['media', 2],
      ['media', 3],
    ],
  );
});

test('with binary framing audio travels raw both ways, and control stays text', () => {
  const { socket, leg, stream } = setUp({ framing: 'binary', format: WIDE });
  const frame = new Uint8Array(640).fill(5);
  stream.hear(frame);
  frame.fill(6);
  assert.deepEqual(socket.sent[1], Buffer.alloc(640, 5), 'the frame was copied before its memory was used again');
  socket.receive(new Uint8Array(640).fill(7));
  socket.receive(new Uint8Array(1280).fill(8));
  assert.deepEqual(
    leg.written.map((audio) => audio.length),
    [640, 1280],
  );
  socket.receive({ event: 'checkpoint', name: 'here' });
  leg.playOut();
  assert.equal(socket.events('playedStream')[0]?.name, 'here');
  stream.digit('5');
  assert.deepEqual(socket.events('dtmf')[0]?.dtmf, { track: 'inbound', digit: '5', timestamp: '20' });
});

test('binary audio that is empty or half a sample, or not asked for, is answered with an error', () => {
  const wide = setUp({ framing: 'binary', format: WIDE });
  wide.socket.receive(new Uint8Array(0));
  wide.socket.receive(new Uint8Array(3));
  assert.equal(wide.socket.events('error').length, 2);
  assert.equal(wide.leg.written.length, 0);
  const json = setUp();
  json.socket.receive(new Uint8Array(160));
  assert.match(String(json.socket.events('error')[0]?.error), /framing=binary/);
});

test('what a client plays reaches its leg byte for byte', () => {
  const { socket, leg } = setUp();
  const audio = Uint8Array.from({ length: 400 }, (_, i) => i);
  socket.receive(playAudio(audio));
  assert.deepEqual(leg.written, [Buffer.from(audio)]);
});

test('audio of the same rate is recoded into the format of the stream', () => {
  const { socket, leg } = setUp();
  const pcm = new Int16Array([0, 1000, -1000, 32767]);
  socket.receive(playAudio(new Uint8Array(pcm.buffer), 'audio/x-l16'));
  assert.deepEqual(leg.written, [Buffer.from([0xff, 0xce, 0x4e, 0x80])]);
});

test('audio of another rate is resampled frame by frame, and a checkpoint brings the rest', () => {
  const { socket, leg } = setUp();
  const wide = new Uint8Array(tone(16000, 800, { hz: 1000, db: -6 }).buffer);
  // 20 ms of 16 kHz are 640 bytes; the messages split frames.
  socket.receive(playAudio(wide.subarray(0, 1000), 'audio/x-l16', 16000));
  socket.receive(playAudio(wide.subarray(1000), 'audio/x-l16', 16000));
  assert.equal(Buffer.concat(leg.written).length, 320);
  socket.receive({ event: 'checkpoint', name: 'end' });
  const heard = Buffer.concat(leg.written);
  assert.equal(heard.length, 480);
  const pcm = new Int16Array(480);
  mulaw.createDecoder().decode(heard, 0, 480, pcm);
  assert.ok(Math.abs(levelAt(pcm.subarray(80, 380), 8000, 1000) + 6) < 0.5);
});

test('clearing forgets what waits for the rest of its frame', () => {
  const { socket, leg } = setUp();
  socket.receive(playAudio(new Uint8Array(600).fill(50), 'audio/x-l16', 16000));
  socket.receive({ event: 'clearAudio' });
  socket.receive({ event: 'checkpoint', name: 'end' });
  assert.equal(leg.written.length, 0);
});

test('the codec must not change', () => {
  const { socket, leg } = setUp();
  socket.receive(playAudio(new Uint8Array(4)));
  socket.receive(playAudio(new Uint8Array(4), 'audio/x-l16'));
  assert.match(String(socket.events('error')[0]?.error), /must not change/);
  assert.equal(leg.written.length, 1);
});

test('a checkpoint is answered when everything before it was played', () => {
  const { socket, leg } = setUp();
  socket.receive({ event: 'checkpoint', streamId: 's-1', name: 'one' });
  assert.equal(socket.events('playedStream').length, 0);
  leg.playOut();
  assert.deepEqual(socket.events('playedStream'), [
    { sequenceNumber: 2, event: 'playedStream', streamId: 's-1', name: 'one' },
  ]);
});

test('clearAudio drops audio and pending checkpoints and is confirmed', () => {
  const { socket, leg } = setUp();
  socket.receive(playAudio(new Uint8Array(160)));
  socket.receive({ event: 'checkpoint', streamId: 's-1', name: 'never' });
  socket.receive({ event: 'clearAudio', streamId: 's-1' });
  leg.playOut();
  assert.equal(leg.written.length, 0);
  assert.equal(socket.events('clearedAudio').length, 1);
  assert.equal(socket.events('playedStream').length, 0);
});

test('checkpoints that wait are bounded, and clearing makes room', () => {
  const { socket, leg } = setUp();
  for (let i = 0; i < DEFAULT_STREAM_LIMITS.checkpoints + 1; i++) socket.receive({ event: 'checkpoint', name: `${i}` });
  assert.equal(socket.events('error').length, 1);
  socket.receive({ event: 'clearAudio' });
  socket.receive({ event: 'checkpoint', name: 'again' });
  leg.playOut();
  assert.deepEqual(
    socket.events('playedStream').map((message) => message.name),
    ['again'],
  );
});

test("another stream's id is an error, and nothing is cleared", () => {
  const { socket, leg } = setUp();
  socket.receive(playAudio(new Uint8Array(160)));
  socket.receive({ event: 'clearAudio', streamId: 's-2' });
  assert.equal(leg.written.length, 1);
  assert.match(String(socket.events('error')[0]?.error), /streamId/);
});

test('digits of the client go to the MPC', () => {
  const { socket, digits } = setUp();
  socket.receive({ event: 'sendDTMF', dtmf: '12#' });
  assert.deepEqual(digits, ['12#']);
});

test('a full playback buffer is reported once a second and counted each time', () => {
  const { socket, leg, clock, counters } = setUp();
  leg.full = true;
  for (let i = 0; i < 10; i++) socket.receive(playAudio(new Uint8Array(160)));
  assert.equal(socket.events('error').length, 1);
  clock.pass(1000);
  socket.receive(playAudio(new Uint8Array(160)));
  assert.equal(socket.events('error').length, 2);
  assert.match(String(socket.events('error')[0]?.error), /playback buffer is full/);
  assert.equal(counters.snapshot(1).dropped.playback_full, 11);
  assert.equal(socket.closedWith, undefined, 'running ahead is no offence');
});

test('ten wrong messages are answered, the next one closes with 1008', () => {
  const { socket, endings, counters } = setUp();
  for (let i = 0; i < 10; i++) socket.receive('nonsense');
  assert.equal(socket.events('error').length, 10);
  assert.equal(codeSent(socket), undefined);
  socket.receive('nonsense');
  assert.equal(codeSent(socket), 1008);
  assert.deepEqual(endings, ['ended']);
  socket.receive('nonsense');
  assert.equal(counters.snapshot(0).wrongMessages, 11, 'nothing is read after the end');
});

test('wrong messages a minute apart are forgiven', () => {
  const { socket, clock } = setUp();
  for (let i = 0; i < 20; i++) {
    socket.receive('nonsense');
    clock.pass(30_000);
    socket.emit('pong', Buffer.alloc(0));
    clock.pass(14_000);
    socket.emit('pong', Buffer.alloc(0));
    clock.pass(14_000);
    socket.emit('pong', Buffer.alloc(0));
    clock.pass(14_000);
    socket.emit('pong', Buffer.alloc(0));
  }
  assert.equal(socket.closedWith, undefined);
});

test('a flood of messages or of pings is closed with 1008, two minutes of audio at once are not', () => {
  const flood = setUp();
  flood.leg.full = true;
  for (let i = 0; i < 3900; i++) flood.socket.receive(playAudio(new Uint8Array(160)));
  assert.equal(codeSent(flood.socket), undefined);
  for (let i = 0; i < 200; i++) flood.socket.receive(playAudio(new Uint8Array(160)));
  assert.equal(codeSent(flood.socket), 1008);

  const pings = setUp();
  for (let i = 0; i < 5000; i++) pings.socket.emit('ping', Buffer.alloc(0));
  assert.equal(pings.socket.closedWith?.code, 1008);
  assert.ok(pings.socket.pongs.length <= 4000);
});

test('a client that speaks and is pinged in real time for an hour is never throttled', () => {
  const { socket, clock, leg } = setUp({ format: WIDE });
  const message = playAudio(new Uint8Array(640), 'audio/x-l16', 16000);
  for (let tick = 0; tick < 60 * 60 * 50; tick += 50) {
    for (let i = 0; i < 50; i++) socket.receive(message);
    leg.written.length = 0;
    clock.pass(1000);
    socket.emit('pong', Buffer.alloc(0));
  }
  assert.equal(socket.closedWith, undefined);
});

test('pings go out every 15 seconds, and a client that does not answer for 15 more is cut off', () => {
  const { socket, clock, endings } = setUp();
  clock.pass(15_000);
  assert.equal(socket.pings, 1);
  clock.pass(14_999);
  socket.emit('pong', Buffer.alloc(0));
  clock.pass(15_000);
  assert.equal(socket.pings, 2);
  assert.equal(socket.terminated, false);
  clock.pass(14_999);
  assert.equal(socket.terminated, false);
  clock.pass(1);
  assert.equal(socket.terminated, true);
  assert.deepEqual(endings, ['ended', 1006]);
  assert.equal(clock.waiting, 0, 'no timer is left');
});

test('a kick is told by stop and a close frame with its cause', () => {
  const { socket, stream, endings, clock } = setUp();
  stream.stop('kicked');
  assert.deepEqual(socket.messages.at(-1), { sequenceNumber: 2, event: 'stop', streamId: 's-1', reason: 'kicked' });
  assert.deepEqual(socket.closedWith, { code: 1000, reason: 'kicked' });
  stream.hear(new Uint8Array(160));
  stream.digit('1');
  stream.stop('mpc_ended');
  assert.equal(socket.sent.length, 2, 'nothing is said after stop');
  assert.deepEqual(endings, ['ended']);
  socket.emit('close', 1000, Buffer.alloc(0));
  assert.deepEqual(endings, ['ended', 1000]);
  assert.equal(clock.waiting, 0);
});

test('a shutdown closes with 1001, a lost leg with 1011', () => {
  const shutdown = setUp();
  shutdown.stream.stop('shutdown');
  assert.equal(shutdown.socket.closedWith?.code, 1001);
  const lost = setUp();
  lost.stream.stop('lost');
  assert.equal(lost.socket.closedWith?.code, 1011);
});

test('who does not finish the closing handshake is cut off after 5 seconds', () => {
  const { socket, stream, clock, endings } = setUp();
  stream.stop('kicked');
  clock.pass(4999);
  assert.equal(socket.terminated, false);
  clock.pass(1);
  assert.equal(socket.terminated, true);
  assert.deepEqual(endings, ['ended', 1000], 'the code we sent is the one counted');
});

test('a client that said goodbye and stays on the line has left, and is cut off', () => {
  const { socket, stream, clock, endings } = setUp();
  socket.readyState = 2;
  stream.hear(new Uint8Array(160));
  assert.deepEqual(endings, ['ended']);
  clock.pass(5000);
  assert.equal(socket.terminated, true);
});

test('a reader that stops reading is shed within bounds and counted, and catches up with the newest', () => {
  const { socket, stream, counters } = setUp({ format: WIDE });
  socket.stuck = true;
  for (let i = 0; i < 3000; i++) stream.hear(new Uint8Array(640));
  const held = socket.bufferedAmount;
  assert.ok(held <= 64 * 1024, `${held} bytes were given to the socket`);
  const { dropped } = counters.snapshot(1);
  assert.ok(dropped.slow_reader > 2500);
  socket.stuck = false;
  socket.drain();
  stream.hear(new Uint8Array(640));
  const chunks = socket.events('media').map((message) => (message.media as { chunk: number }).chunk);
  assert.equal(chunks.at(-1), 3001);
  assert.equal(chunks.length, 3001 - counters.snapshot(1).dropped.slow_reader);
});

test('a reader that cannot even be told of its own mistakes is closed with 1013', () => {
  const { socket, leg, clock, endings } = setUp();
  socket.stuck = true;
  const name = 'n'.repeat(256);
  for (let i = 0; i < 6000 && socket.closedWith === undefined; i++) {
    socket.receive({ event: 'checkpoint', name });
    leg.playOut();
    clock.pass(5);
    socket.emit('pong', Buffer.alloc(0));
  }
  assert.equal(socket.closedWith?.code, 1013);
  clock.pass(5000);
  assert.deepEqual(endings, ['ended', 1013]);
});

test('a violation of the protocol is counted by the code that answers it, a broken network as 1006', () => {
  const { socket, endings, clock } = setUp();
  socket.emit('error', Object.assign(new Error('bad'), { code: 'WS_ERR_INVALID_UTF8' }));
  assert.deepEqual(endings, ['ended']);
  clock.pass(5000);
  assert.deepEqual(endings, ['ended', 1007]);
  const reset = setUp();
  reset.socket.emit('error', Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
  reset.socket.emit('close', 1006, Buffer.alloc(0));
  assert.deepEqual(reset.endings, ['ended', 1006]);
});

test('a ping is answered with its own data, unless pongs pile up', () => {
  const { socket, stream } = setUp();
  socket.emit('ping', Buffer.from('abc'));
  assert.deepEqual(socket.pongs, [Buffer.from('abc')]);
  socket.stuck = true;
  stream.hear(new Uint8Array(160));
  Object.defineProperty(socket, 'bufferedAmount', { value: 300_000 });
  socket.emit('ping', Buffer.from('abc'));
  assert.equal(socket.pongs.length, 1);
});
